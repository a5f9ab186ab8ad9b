"""The code samples of RTVI's founding document, as they stand there, in a real browser; and what the SDK has beside them."""

from __future__ import annotations

import json
import threading
import wave
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, Route

from tests.browser.conftest import LATE_CANDIDATE, BrowserHouse
from tests.browser.fake_appliance import fake_appliance
from tests.browser.fake_server import FakeServer, until

pytestmark = pytest.mark.browser

SAMPLES = Path(__file__).parent / "founding"
SDK = Path(__file__).parents[2] / "web" / "dist" / "sdk"
RATE = 48_000
RECORD = """
    window.peers = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(...given) { super(...given); window.peers.push(this); }
    };
"""
LISTEN = """
    window.told = [];
    const create = RTCPeerConnection.prototype.createDataChannel;
    RTCPeerConnection.prototype.createDataChannel = function (...given) {
      const channel = create.apply(this, given);
      channel.addEventListener("message", ({data}) => told.push(data));
      return channel;
    };
"""
"""Keeps what the appliance says."""
NEVER_UNMUTED = """
    const listen = MediaStreamTrack.prototype.addEventListener;
    MediaStreamTrack.prototype.addEventListener = function (type, ...rest) {
      if (type !== "unmute") listen.call(this, type, ...rest);
    };
"""
"""No track is told that sound comes."""
PEAK = """async () => {
    window.listening ??= (() => {
      const context = new AudioContext(), analyser = context.createAnalyser();
      context.createMediaStreamSource(document.querySelector("audio").srcObject).connect(analyser);
      return {context, analyser};
    })();
    const samples = new Float32Array(listening.analyser.fftSize);
    listening.analyser.getFloatTimeDomainData(samples);
    return Math.max(...samples.map(Math.abs));
}"""


@pytest.fixture(scope="session")
def question_tone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A microphone: silence while the page connects, a second and a half of something like speech, silence; and again, for a
    page that took longer to connect."""
    at = np.arange(int(1.5 * RATE)) / RATE
    harmonics = sum(np.sin(2 * np.pi * 150 * n * at) / n for n in range(1, 12))
    syllables = 6000 * harmonics * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * at))
    path = tmp_path_factory.mktemp("microphone") / "question.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(
            np.tile(np.concatenate([np.zeros(4 * RATE), syllables, np.zeros(10 * RATE)]), 3).astype("<i2").tobytes()
        )
    return path


def sample(
    house: BrowserHouse, url: str, name: str, *, offers: list[Any] | None = None, serve_sdk: bool = False, **visit: Any
) -> Page:
    """The page of a sample, as if the appliance at `url` served it; the bodies of its offers are added to `offers`. With
    `serve_sdk` the SDK does not come from the appliance either."""
    page = house.visit(url, go=False, **visit)

    def serve(route: Route) -> None:
        route.fulfill(path=(SDK if "/sdk/" in route.request.url else SAMPLES) / Path(urlsplit(route.request.url).path).name)

    page.route("**/founding/*", serve)
    if serve_sdk:
        page.route("**/sdk/*", serve)
    if offers is not None:
        made = offers
        page.on("request", lambda request: made.append(request.post_data_json) if request.method == "POST" else None)
    page.goto(f"{url}founding/{name}")
    return page


def client(house: BrowserHouse, url: str, options: str = "", **visit: Any) -> Page:
    """A page with a client, `made`, that has not begun; its events are in `events`."""
    page = sample(house, url, "blank.html", **visit)
    page.evaluate(f"() => make({{{options}}})")
    return page


def events(page: Page, name: str) -> list[Any]:
    """What its handler was given, each time."""
    return [event["given"] for event in page.evaluate("events") if event["name"] == name]


def rejection(page: Page, expression: str) -> str:
    """What the promise is rejected with, or what is thrown."""
    text: str = page.evaluate(
        f"async () => {{ try {{ await {expression} }} catch (error) {{ return String(error); }} return 'nothing'; }}"
    )
    return text


def is_heard(page: Page) -> bool:
    return bool(page.locator("audio").count() and page.evaluate(PEAK) > 0.05)


def films(page: Page) -> bool:
    """Whether frames of the camera have left, of a page that was visited with RECORD."""
    sent = """async () => {
        const stats = (await Promise.all(peers.map((peer) => peer.getStats()))).flatMap((each) => [...each.values()]);
        const video = stats.filter(({type, kind}) => type === "outbound-rtp" && kind === "video");
        return Math.max(0, ...video.map(({framesSent}) => framesSent));
    }"""
    return bool(page.evaluate(sent) > 2)


# --- the founding document -----------------------------------------------------------------------------------------------


def test_hello_world_is_heard_and_answered(house: BrowserHouse, question_tone: Path) -> None:
    replies = ["I am very well, and I will say so at some length, thank you."]
    with fake_appliance(house, heard="How are you?", replies=replies) as it:
        url, appliance = it
        page = sample(house, url, "hello.html", microphone=question_tone)
        until(lambda: is_heard(page), "sound of the answer")
        assert appliance.model.prompts[0][-1]["content"] == "How are you?"
        assert page.locator("audio").count() == 1


def test_built_in_options_hold_from_the_start(house: BrowserHouse) -> None:
    with fake_appliance(house, models=["llama3-8b-8192"], voices=["id-145768"]) as (url, appliance):
        sample(house, url, "config.html")
        (conversation,) = until(lambda: appliance.opened, "conversation")
        config = appliance.requests[0].config
        assert config.turns.wait_complete_ms == 250
        assert config.llm.system_prompt == "You are a pirate."
        assert (config.models.llm, config.models.tts) == ("llama3-8b-8192", "id-145768")
        until(lambda: conversation._options.config.models == config.models, "other models")


def test_the_camera_is_sent(house: BrowserHouse, server: FakeServer) -> None:
    offers: list[Any] = []
    page = sample(house, server.url, "camera.html", offers=offers, init_script=RECORD)
    until(lambda: films(page), "frames of the camera")
    assert offers[0]["requestData"]["use_builtin_tools"] == ["get_camera_frame"]


def test_a_tool_runs_on_the_client_and_its_result_goes_back(house: BrowserHouse, server: FakeServer) -> None:
    offers: list[Any] = []
    page = sample(house, server.url, "weather.html", offers=offers)
    until(lambda: server.messages("client-ready"), "client")
    # Playwright tells of requests only while it is asked for something.
    until(lambda: page.title() and offers, "offer")
    (tool,) = offers[0]["requestData"]["tools"]
    assert tool["name"] == "get_weather"
    assert tool["input_schema"]["required"] == ["location"]
    server.send("llm-function-call-started", {"function_name": "get_weather"})
    call = {
        "tool_call_id": "call-1",
        "function_name": "get_weather",
        "arguments": {"location": "San Francisco, CA"},
    }
    # What the server runs itself comes without a name.
    server.send("llm-function-call-in-progress", {"tool_call_id": "call-0"})
    server.send("llm-function-call-in-progress", call)
    (result,) = until(lambda: server.messages("llm-function-call-result"), "result")
    assert result["data"] == {**call, "result": "64 degrees and foggy"}


def test_another_model_is_configured_in_the_middle(house: BrowserHouse) -> None:
    with fake_appliance(house, models=["gpt-4o-mini"]) as (url, appliance):
        sample(house, url, "configure.html")
        (conversation,) = until(lambda: appliance.opened, "conversation")
        until(lambda: conversation._options.config.models.llm == "gpt-4o-mini", "other model")


def test_a_custom_pipeline_wakes_at_its_wake_word(house: BrowserHouse, question_tone: Path) -> None:
    replies = ["It is late, and I have said so before."]
    with fake_appliance(house, heard="Hey computer, what time is it?", replies=replies) as it:
        url, appliance = it
        page = sample(house, url, "pipeline.html", microphone=question_tone)
        (request,) = until(lambda: appliance.requests, "conversation")
        assert request.stages[:3] == ("wake_words_gate", "phrase_endpointing", "processing_sound_emitter")
        assert request.config.wake.words == ("hey computer", "ok computer")
        assert request.config.sounds.processing == "ding"
        until(lambda: is_heard(page), "sound of the answer")
        assert str(appliance.model.prompts[0][-1]["content"]).casefold() == "what time is it?"


@pytest.mark.models
def test_the_weather_is_asked_for_by_voice_and_the_answer_holds_the_tools_result(
    house: BrowserHouse, appliance_url: str, weather_wav: Path
) -> None:
    page = sample(house, appliance_url, "weather.html", microphone=weather_wav, init_script=LISTEN)

    def told(type: str) -> list[Any]:
        messages = [json.loads(text) for text in page.evaluate("told")]
        return [message.get("data") for message in messages if message.get("type") == type]

    (call,) = until(lambda: told("llm-function-call-in-progress"), "call", 60)
    assert call["function_name"] == "get_weather"
    assert "San Francisco" in call["arguments"]["location"]
    until(lambda: told("bot-stopped-speaking"), "end of the answer", 60)
    answer = "".join(token["text"] for token in told("bot-llm-text"))
    assert "64" in answer and "foggy" in answer


@pytest.mark.models
def test_hello_world_with_the_real_appliance(house: BrowserHouse, appliance_url: str, question_wav: Path) -> None:
    page = sample(house, appliance_url, "hello.html", microphone=question_wav)
    until(lambda: is_heard(page), "sound of the answer", 60)


def test_the_camera_is_no_hindrance_to_the_real_server(house: BrowserHouse) -> None:
    with fake_appliance(house, replies=["I see nothing, but I can tell you so."]) as (url, _):
        page = sample(house, url, "camera.html")
        until(lambda: page.locator("audio").count(), "the bot's track")
        page.evaluate("() => voiceClient.sendText('What do you see?')")
        until(lambda: is_heard(page), "sound of the answer")


def test_the_page_of_the_documentation_runs(house: BrowserHouse, question_tone: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "sdk.md").read_text(encoding="utf-8")
    html = text.partition("```html\n")[2].partition("```")[0]
    with fake_appliance(house, heard="How are you?", replies=["Ahoy! I am very well, and I will say so at some length."]) as it:
        url, appliance = it
        page = house.visit(url, go=False, microphone=question_tone)
        page.route(
            "**/own.html",
            lambda r: r.fulfill(content_type="text/html", body=html.replace("http://localhost:7860", url.rstrip("/"))),
        )
        page.goto(f"{url}own.html")
        page.get_by_role("button", name="Talk").click()
        until(lambda: is_heard(page), "sound of the answer")
        assert appliance.requests[0].config.llm.system_prompt == "You are a pirate."


# --- beside the samples --------------------------------------------------------------------------------------------------


def test_text_is_answered_interrupted_and_told_in_events(house: BrowserHouse) -> None:
    with fake_appliance(house, replies=["One two three four five six seven eight nine ten."]) as (url, appliance):
        page = client(house, url)
        page.evaluate("() => made.start()")
        assert len(events(page, "botReady")) == 1
        page.evaluate("() => made.sendText('Count to ten.')")
        until(lambda: events(page, "botStartedSpeaking"), "answer")
        bot = ["audio", {"id": "bot", "name": "bot", "isLocal": False}]
        # The browser says that sound comes in its own time, whatever a message says.
        until(lambda: bot in events(page, "trackStarted"), "the bot's track")
        page.evaluate("() => made.interrupt()")
        until(lambda: events(page, "botStoppedSpeaking"), "silence")
        assert appliance.model.prompts[0][-1]["content"] == "Count to ten."
        house.allow(page, LATE_CANDIDATE)
        page.evaluate("() => made.disconnect()")
        assert len(events(page, "disconnected")) == 1
        until(lambda: appliance.opened[0]._ended, "end of the conversation")
        page.evaluate("() => made.start()")
        assert len(events(page, "botReady")) == 2, "one client can begin again"


def test_the_microphone_is_muted_and_back(house: BrowserHouse, server: FakeServer, tone_wav: Path) -> None:
    page = client(house, server.url, "enableMic: true", microphone=tone_wav)
    page.evaluate("() => made.start()")
    assert events(page, "trackStarted")[0] == ["audio", {"id": "local", "name": "local", "isLocal": True}]
    until(lambda: server.heard_peak > 1000, "sound of the microphone")
    page.evaluate("() => made.mute(true)")

    def is_silent() -> bool:
        server.heard_peak = 0
        page.wait_for_timeout(300)
        return server.heard_peak < 50

    until(is_silent, "silence")
    page.evaluate("() => made.mute(false)")
    until(lambda: server.heard_peak > 1000, "sound of the microphone again")


def test_a_connection_that_breaks_is_replaced_and_the_bots_new_track_is_told_of(
    house: BrowserHouse, server: FakeServer
) -> None:
    page = client(house, server.url)
    page.evaluate("() => made.start()")
    bot = ["audio", {"id": "bot", "name": "bot", "isLocal": False}]
    until(lambda: events(page, "trackStarted") == [bot], "the bot's track")
    server.do(server.close_peers())
    until(lambda: events(page, "trackStarted") == [bot, bot], "the bot's new track", 60)
    assert events(page, "trackStopped").count(bot) == 1


def test_a_track_of_the_bot_that_ends_before_any_sound_came_is_not_told_of_as_a_new_one(
    house: BrowserHouse, server: FakeServer
) -> None:
    page = client(house, server.url, init_script=RECORD + NEVER_UNMUTED)
    page.evaluate("() => made.start()")
    page.evaluate("() => void peers.at(-1).getReceivers()[0].track.dispatchEvent(new Event('ended'))")
    assert events(page, "trackStopped") == [["audio", {"id": "bot", "name": "bot", "isLocal": False}]]
    assert events(page, "trackStarted") == []


def test_what_cannot_be_had_says_what_can(house: BrowserHouse) -> None:
    refused = [r"422 \(Unprocessable"]
    with fake_appliance(house, models=["small"]) as (url, appliance):
        page = client(house, url, "config: {llm: {model: 'llama3-8b-8192'}}", allowed_errors=refused)
        text = rejection(page, "made.start()")
        assert "'llama3-8b-8192' is not installed" in text
        assert "small" in text
        # Before it begins, a conversation is configured for its beginning.
        page.evaluate("() => made.configure({llm: {model: 'small', temperature: 0.2}})")
        page.evaluate("() => made.start()")
        assert appliance.requests[-1].config.llm.temperature == pytest.approx(0.2)
        assert "There is no option 'pitch' of tts" in rejection(page, "made.configure({tts: {pitch: 2}})")
        config = page.evaluate("() => made.configure({tts: {speed: 1.25}})")
        assert config["tts"]["speed"] == pytest.approx(1.25)


def test_what_is_wrong_is_said_at_once(house: BrowserHouse, server: FakeServer) -> None:
    page = client(house, server.url)
    assert "needs a baseUrl" in rejection(page, "make({baseUrl: ''})")
    assert "toolUseResponse" in rejection(page, "make({tools: [{name: 'f'}], eventHandlers: {}})")
    assert "await voiceClient.start() first" in rejection(page, "made.sendText('Hi')")
    assert "tool_result" in rejection(page, "made.sendToolResult({role: 'user', content: 'foggy'})")
    page.evaluate("() => made.start()")
    assert "begun already" in rejection(page, "made.start()")


def test_a_microphone_that_is_not_allowed_is_told_apart(house: BrowserHouse, server: FakeServer) -> None:
    page = client(house, server.url, "enableMic: true", permission=False)
    assert "The microphone is not allowed" in rejection(page, "made.start()")
    assert server.offers == 0


def test_a_start_that_is_given_up_ends(house: BrowserHouse, server: FakeServer) -> None:
    page = client(house, server.url)
    page.route("**/api/offer", lambda route: None)
    page.evaluate("() => { window.starting = made.start().catch(String); }")
    page.evaluate("() => made.disconnect()")
    assert "ended before it began" in page.evaluate("() => starting")


def test_a_late_or_second_result_is_not_sent(house: BrowserHouse, server: FakeServer) -> None:
    page = client(house, server.url, "tools: [{name: 'f'}]")
    page.evaluate("() => made.start()")
    for number in (1, 2):
        call = {"tool_call_id": f"call-{number}", "function_name": "f", "arguments": {}}
        server.send("llm-function-call-in-progress", call)
    server.send("llm-function-call-stopped", {"tool_call_id": "call-1", "cancelled": True})
    server.send("server-message", {"then": "this"})
    until(lambda: events(page, "serverMessage"), "the last message")
    assert len(events(page, "toolUseResponse")) == 2
    blocks = "[1, 2, 2].map((n) => ({type: 'tool_result', tool_use_id: `call-${n}`, content: {degrees: n}}))"
    page.evaluate(f"() => made.sendToolResult({{role: 'user', content: {blocks}}})")
    page.evaluate("() => made.sendText('And now?')")
    until(lambda: server.messages("send-text"), "the text behind the results")
    assert [result["data"]["result"] for result in server.messages("llm-function-call-result")] == [{"degrees": 2}]


def test_a_page_of_another_origin_uses_the_appliance_that_serves_the_sdk(house: BrowserHouse) -> None:
    pages = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(SAMPLES)))
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    try:
        with fake_appliance(house) as (url, appliance):
            page = house.visit(f"http://localhost:{pages.server_port}/elsewhere.html")
            page.evaluate(
                f"async () => {{ const {{ VoiceClient }} = await import('{url}sdk/voice-client.js');"
                f"await new VoiceClient({{baseUrl: '{url}'}}).start(); }}"
            )
            assert len(appliance.requests) == 1
    finally:
        pages.shutdown()
        pages.server_close()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing to say."""
