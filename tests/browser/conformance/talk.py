"""One client in a browser and the appliance that it talks with, as the tests of features use them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Page

from rtvi_local.engines.fakes import Scripted
from rtvi_local.engines.interfaces import Message
from rtvi_local.images.content import holds_image
from rtvi_local.tools.tool import WrittenCall
from tests.browser.fake_appliance import FakeAppliance
from tests.browser.fake_server import TIMEOUT_S, until

COMMON = Path(__file__).parent / "clients" / "common"
STORY = (
    "Once upon a time there was a very small dog. " + "It went on, and on, and on through the wood. " * 8 + "That is the end."
)
REPLIES = {
    "Tell me a story.": STORY,
    "How are you?": "I am very well. Thank you for asking.",
    "No, what is that?": "All right.",
}


DO = """([name, given]) => Promise.race([
    it[name](...given),
    new Promise((_, reject) => setTimeout(() => reject(new Error(`${name} was never answered`)), 30000)),
])"""


@dataclass(frozen=True)
class Client:
    """A published client. `protocol` is what its bot-ready says."""

    name: str
    packages: str
    connects_by: str
    protocol: str

    @property
    def major(self) -> int:
        return int(self.protocol.partition(".")[0])

    @property
    def has_webrtc(self) -> bool:
        return not self.name.startswith("websocket")


PRESS = "Press the button."
LOOK = "What do you see?"
WEATHER = "What is the weather in Oslo?"
GET_WEATHER = {
    "name": "get_weather",
    "description": "Get the current weather in a given location",
    "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}


def answer(messages: Sequence[Message]) -> Scripted:
    """The fake model's reply: what a tool found out, a call for WEATHER, PRESS or LOOK, one of REPLIES, else what it heard."""
    if holds_image(messages[-1]["content"]):
        return "I see it."
    if messages[-1]["role"] == "tool":
        return f"I was told: {messages[-1]['content']}"
    said = next((str(message["content"]) for message in reversed(messages) if message["role"] == "user"), "nothing")
    if said == WEATHER:
        return [WrittenCall("get_weather", {"location": "Oslo"})]
    if said.endswith(PRESS):
        return [WrittenCall("act_on_page", {"command": "click", "ref": "e2"})]
    if said == LOOK:
        return [WrittenCall("get_camera_frame", {})]
    return REPLIES.get(said, f"You said: {said}")


@dataclass
class Talk:
    client: Client
    page: Page
    appliance: FakeAppliance
    source: str
    """The client's code: what it knows of a message stands in it."""
    since: int = 0
    measured: dict[str, float] = field(default_factory=dict)

    def has(self, function: str) -> bool:
        return bool(self.page.evaluate("(name) => name in it", function))

    def knows(self, callback: str) -> bool:
        return callback in self.source

    def do(self, function: str, *given: Any) -> Any:
        """Call it and wait for what it returns. Raises Refused if its promise is rejected."""
        try:
            return self.page.evaluate(DO, [function, list(given)])
        except Error as error:
            raise Refused(error.message) from None

    def choose(self, wanted: Any) -> None:
        """What a conversation is asked for that begins later."""
        self.page.evaluate("(wanted) => { window.wanted = wanted ?? undefined; }", wanted)

    def show(self, **options: bool) -> None:
        """What else than the microphone a client opens that is made later, as its own options."""
        self.page.evaluate("(options) => { window.shown = options; }", options)

    def speak(self, seconds: float = 1.0) -> None:
        self.page.evaluate("(seconds) => speak(seconds)", seconds)

    def begin(self) -> None:
        """Look only at what happens from now on."""
        self.since = int(self.page.evaluate("recorded.length"))

    def given(self, name: str) -> list[Any]:
        """The first argument of every call of this callback since `begin`."""
        return [event["given"][0] if event["given"] else None for event in self.events() if event["name"] == name]

    def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate("(since) => recorded.slice(since)", self.since)
        return found

    def names(self) -> list[str]:
        return [event["name"] for event in self.events()]

    def until(self, name: str, where: Callable[[Any], bool] = lambda given: True, timeout_s: float = TIMEOUT_S) -> Any:
        """Wait for a call of this callback; returns its first argument."""
        found = until(lambda: [given for given in self.given(name) if where(given)], f"on{name}", timeout_s)
        return found[0]

    def quiet(self) -> None:
        """Wait until the bot has nothing more to say."""
        until(lambda: self.page.evaluate("silentFor() > 400"), "silence")

    def ask(self, question: str, seconds: float = 1.0) -> None:
        """Speak; what is understood is `question`."""
        self.appliance.heard = question
        self.begin()
        self.page.evaluate("takePeak()")
        self.speak(seconds)


class Refused(Exception):
    """What the client's promise was rejected with."""
