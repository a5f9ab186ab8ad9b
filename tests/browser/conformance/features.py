"""What a client should be able to do with this appliance, and how one sees that it can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.browser.conformance.talk import GET_WEATHER, PRESS, REPLIES, STORY, WEATHER, Refused, Talk
from tests.browser.fake_server import until

INTERRUPTED_WITHIN_MS = 1500
"""From the first sound of the person to the bot's silence. Several browsers share the machine here, so this says only that the
bot is not heard to its end; tests/integration measures the time."""
NOT_THERE = "–"
YES = "yes"


class NotThere(Exception):
    """This client has no such thing."""


@dataclass(frozen=True)
class Feature:
    name: str
    check: Callable[[Talk], None]
    """Raises NotThere, or whatever else if it does not work."""


def needs(present: bool) -> None:
    if not present:
        raise NotThere


def connects(talk: Talk) -> None:
    ready = talk.do("connect")
    assert ready["version"] == talk.client.protocol
    if talk.client.major == 0:
        assert [service["service"] for service in ready["config"]][-1] == "llm"
    else:
        assert ready["capabilities"]["audio_in"] is True
    assert talk.names().count("BotReady") == 1


def is_heard(talk: Talk) -> None:
    talk.ask("How are you?")
    talk.until("UserTranscript", lambda given: given["final"] and given["text"] == "How are you?")
    talk.until("UserStoppedSpeaking")
    assert talk.names().count("UserStartedSpeaking") == 1
    assert talk.names().count("UserStoppedSpeaking") == 1


def hears_the_reply(talk: Talk) -> None:
    talk.until("BotStartedSpeaking")
    talk.until("BotStoppedSpeaking")
    until(lambda: talk.page.evaluate("takePeak()") > 0.05, "sound")
    if talk.client.has_webrtc:
        assert any(track == {"kind": "audio"} for track in talk.given("TrackStarted") or [{"kind": "audio"}])


def shows_what_is_said(talk: Talk) -> None:
    """As the reply to `is_heard` was told."""
    needs(talk.knows("onBotOutput"))
    outputs = talk.given("BotOutput")
    if talk.client.major == 1:
        assert all(set(output) == {"text", "spoken", "aggregated_by"} for output in outputs), outputs
        written = [output["text"] for output in outputs if not output["spoken"]]
        spoken = [output["text"] for output in outputs if output["spoken"]]
        assert " ".join(written) == " ".join(spoken) == REPLIES["How are you?"]
        return
    for output in outputs:
        progress = output["spoken_progress"]
        assert progress["accumulated_text"] + progress["remaining_text"] == output["text"]
        assert output["aggregated_by"] == "sentence"
    by_status = [[o["text"] for o in outputs if o["spoken_status"] == status] for status in ("new", "completed")]
    assert " ".join(by_status[0]) == REPLIES["How are you?"]
    assert by_status[0] == by_status[1]
    assert [o["spoken_status"] for o in outputs].count("in-progress") >= 2, "word by word"
    assert outputs[0]["spoken_status"] == "new"


def shows(callback: str, glue: str) -> Callable[[Talk], None]:
    """A feature: what this callback is given since `is_heard` makes up the whole reply."""

    def check(talk: Talk) -> None:
        needs(talk.knows(f"on{callback}"))
        assert glue.join(data["text"] for data in talk.given(callback)).strip() == REPLIES["How are you?"]

    return check


def is_told_when(talk: Talk) -> None:
    """Every beginning has its end, in the right order."""
    pairs = (
        ("BotLlmStarted", "BotLlmStopped"),
        ("BotTtsStarted", "BotTtsStopped"),
        ("BotStartedSpeaking", "BotStoppedSpeaking"),
    )
    names = talk.names()
    for begin, end in pairs:
        assert (names.count(begin), names.count(end)) == (1, 1), names
        assert names.index(begin) < names.index(end)
    assert names.index("UserStoppedSpeaking") < names.index("BotLlmStarted") < names.index("BotStartedSpeaking")


def shows_what_the_model_is_asked(talk: Talk) -> None:
    needs(talk.knows("onUserLlmText"))
    assert [data["text"] for data in talk.given("UserLlmText")] == ["How are you?"]


def shows_metrics(talk: Talk) -> None:
    kinds = {kind for data in talk.given("Metrics") for kind, values in data.items() if values}
    assert {"ttfb", "processing", "tokens", "characters", "stt_usage", "ttfa"} <= kinds
    for data in talk.given("Metrics"):
        for value in [*data.get("ttfb", []), *data.get("processing", [])]:
            assert isinstance(value["processor"], str)
            assert 0 <= value["value"] < 60, "seconds"
    usages = [usage for data in talk.given("Metrics") for usage in data.get("tokens", [])]
    assert all(0 < usage["prompt_tokens"] < usage["total_tokens"] for usage in usages)
    characters = sum(value["value"] for data in talk.given("Metrics") for value in data.get("characters", []))
    assert characters == len(REPLIES["How are you?"]) - 1, "but for the space between its sentences"


def interrupts(talk: Talk) -> None:
    talk.ask("Tell me a story.")
    talk.until("BotStartedSpeaking")
    # Whoever goes on within a second and a half is taken to go on with their own turn.
    talk.page.wait_for_timeout(1500)
    assert talk.page.evaluate("silentFor() < 200"), "the bot has ended already"
    talk.appliance.heard = "No, what is that?"
    took_ms = talk.page.evaluate(
        """async () => {
          const began = performance.now();
          const spoken = speak(1.2);
          while (silentFor() < 150 && performance.now() - began < 3000) await new Promise((done) => setTimeout(done, 10));
          const silent = performance.now() - silentFor();
          await spoken;
          return silent - began;
        }"""
    )
    talk.until("UserTranscript", lambda given: given["final"] and given["text"] == "No, what is that?")
    until(lambda: talk.names().count("BotStoppedSpeaking") == 2, "end of the answer to it")
    said = " ".join(data["text"] for data in talk.given("BotTtsText"))
    assert "the end" not in said
    remembered = [message["content"] for message in talk.appliance.model.prompts[-1] if message["role"] == "assistant"]
    assert str(remembered[-1]) != STORY
    assert str(remembered[-1])[:10] == STORY[:10]
    assert took_ms < INTERRUPTED_WITHIN_MS, f"silent after {took_ms:.0f} ms"


def is_silent_when_muted(talk: Talk) -> None:
    talk.quiet()
    talk.begin()
    talk.do("mute", True)
    talk.speak(0.8)
    talk.page.wait_for_timeout(700)
    assert "UserStartedSpeaking" not in talk.names()
    talk.do("mute", False)
    talk.ask("How are you?")
    talk.until("UserTranscript", lambda given: given["final"])
    talk.until("BotStoppedSpeaking")


def writes(talk: Talk) -> None:
    needs(talk.has("write"))
    talk.quiet()
    talk.begin()
    talk.page.evaluate("takePeak()")
    talk.do("write", "Written.", {"run_immediately": True, "audio_response": False})
    talk.until("BotLlmStopped")
    assert "".join(data["text"] for data in talk.given("BotLlmText")) == "You said: Written."
    if talk.knows("onBotOutput"):
        output = talk.until("BotOutput")
        assert output["text"] == "You said: Written."
        assert output["will_be_spoken" if talk.client.major == 2 else "spoken"] is False
    talk.page.wait_for_timeout(300)
    assert "BotStartedSpeaking" not in talk.names()
    assert talk.page.evaluate("takePeak()") < 0.02
    talk.begin()
    talk.do("write", "Say it.", {})
    talk.until("BotStoppedSpeaking")


def writes_without_an_answer(talk: Talk) -> None:
    needs(talk.has("write"))
    talk.begin()
    talk.do("write", "Only to know.", {"run_immediately": False})
    talk.do("write", "And now?", {"audio_response": False})
    talk.until("BotLlmStopped")
    assert asked(talk).endswith("Only to know. And now?"), asked(talk)


def appends(talk: Talk) -> None:
    talk.quiet()
    talk.begin()
    assert talk.do("append", "My name is Anna.", False) is True
    assert "BotLlmStarted" not in talk.names()
    assert talk.do("append", "Who am I?", True) is True
    talk.until("BotStoppedSpeaking")
    assert asked(talk).endswith("My name is Anna. Who am I?"), asked(talk)


def requests(talk: Talk) -> None:
    needs(talk.has("ask"))
    context = talk.do("ask", "context:get", {})
    assert context["messages"][0]["role"] == "system"
    talk.begin()
    try:
        talk.do("ask", "nobody", {})
    except Refused as refused:
        assert "No handler for client message nobody" in str(refused)
    else:
        raise AssertionError("a request that nobody knows was answered")
    error = talk.until("MessageError")
    assert "No handler" in error["data"]["error"] == error["data"]["message"]


def acts(talk: Talk) -> None:
    needs(talk.has("act"))
    assert {"service": "tts", "action": "interrupt"}.items() <= _one(talk.do("actions"), action="interrupt").items()
    assert talk.do("context")["messages"][0]["role"] == "system"
    talk.quiet()
    talk.begin()
    assert talk.do("act", "tts", "say", {"text": "This was asked for.", "interrupt": True}) is True
    talk.until("BotStoppedSpeaking")
    assert " ".join(data["text"] for data in talk.given("BotTtsText")) == "This was asked for."
    try:
        talk.do("act", "llm", "foo")
    except Refused as refused:
        assert "llm:foo not registered" in str(refused)
    else:
        raise AssertionError("an action that nobody knows was done")


def acts_alone(talk: Talk) -> None:
    needs(talk.has("act"))
    result = talk.do("act", "llm", "get_context")
    assert result["messages"][0]["role"] == "system"


def configures(talk: Talk) -> None:
    refuse: Any
    if talk.has("update"):
        speed = next(o for o in _one(talk.do("describe"), name="tts")["options"] if o["name"] == "speed")
        assert speed["type"] == "number"
        change = [{"service": "tts", "options": [{"name": "speed", "value": 2.0}]}]
        assert talk.do("update", change) == talk.do("config")
        options = {option["name"]: option["value"] for option in _one(talk.do("config"), service="tts")["options"]}
        assert options["speed"] == 2.0
        refuse = [{"service": "tts", "options": [{"name": "pitch", "value": 2.0}]}]
    else:
        assert talk.do("ask", "config:update", {"config": {"tts": {"speed": 2.0}}})["config"]["tts"]["speed"] == 2.0
        assert talk.do("ask", "config:get", {})["config"]["tts"]["speed"] == 2.0
        refuse = {"config": {"tts": {"pitch": 2.0}}}
    try:
        talk.do("update", refuse) if talk.has("update") else talk.do("ask", "config:update", refuse)
    except Refused as refused:
        assert "There is no option 'pitch' of tts" in str(refused)
    else:
        raise AssertionError("an option that is not there was set")


def is_told_of_another_model(talk: Talk) -> None:
    talk.begin()
    configure(talk, "llm", "model", "other")
    if talk.has("update"):
        talk.until("GenericMessage", lambda given: "config" in (given or {}))
    else:
        talk.until("ServerMessage", lambda given: given["type"] == "config-updated")


def runs_functions(talk: Talk) -> None:
    """The client is asked once, whatever its version, and what it answers is spoken."""
    talk.quiet()
    talk.do("handle", "get_weather", "64 degrees and foggy")
    configure(talk, "llm", "tools", [GET_WEATHER])
    try:
        talk.ask(WEATHER)
        talk.until("BotStoppedSpeaking")
    finally:
        configure(talk, "llm", "tools", [])
    assert " ".join(data["text"] for data in talk.given("BotTtsText")) == "I was told: 64 degrees and foggy"
    calls = [(call["functionName"], call["arguments"]) for call in talk.page.evaluate("calls")]
    assert calls == [("get_weather", {"location": "Oslo"})]


def configure(talk: Talk, service: str, option: str, value: object) -> None:
    if talk.has("update"):
        talk.do("update", [{"service": service, "options": [{"name": option, "value": value}]}])
    else:
        talk.do("ask", "config:update", {"config": {service: {option: value}}})


def presses_keys(talk: Talk) -> None:
    needs(talk.has("press"))
    talk.quiet()
    talk.begin()
    talk.do("press", "12#")
    talk.until("UserLlmText", lambda given: given["text"] == "(The caller pressed 1 2 #)")
    talk.until("BotStoppedSpeaking")


def tells_of_its_page(talk: Talk) -> None:
    needs(talk.has("uiEvent"))
    talk.do("uiEvent", "opened", {"menu": "file"})
    held = talk.do("ask", "context:get", {})["messages"]
    assert 'On the user\'s screen: opened: {"menu": "file"}' in str(held[-1]["content"])


def does_what_the_bot_wants_of_its_page(talk: Talk) -> None:
    needs(talk.knows("onUICommand"))
    talk.quiet()
    talk.begin()
    configure(talk, "tools", "builtin", ["act_on_page"])
    tree = {"root": {"ref": "e1", "role": "main", "children": [{"ref": "e2", "role": "button"}]}, "captured_at": 1}
    talk.do("send", {"label": "rtvi-ai", "type": "ui-snapshot", "id": "s1", "data": {"tree": tree}})
    try:
        talk.do("append", PRESS, True)
        assert talk.until("UICommand") == {"command": "click", "payload": {"ref": "e2"}}
        talk.until("BotStoppedSpeaking")
    finally:
        configure(talk, "tools", "builtin", [])


def survives_nonsense(talk: Talk) -> None:
    talk.quiet()
    talk.begin()
    talk.do("send", {"label": "rtvi-ai", "type": "nonsense", "id": "n1", "data": {}})
    error = talk.until("MessageError")
    assert (error["id"], error["data"]["error"]) == ("n1", "Unsupported type nonsense")
    talk.do("send", {"label": "rtvi-ai", "type": "send-text", "id": "n2", "data": {"content": 7}})
    until(lambda: len(talk.given("MessageError")) == 2, "second refusal")
    talk.do("append", "Are you there?", True)
    talk.until("BotStoppedSpeaking")


def ends_the_bot(talk: Talk) -> None:
    talk.begin()
    talk.do("disconnectBot")
    talk.until("Disconnected")
    until(lambda: talk.appliance.opened[-1]._ended, "end of the conversation")


def comes_back(talk: Talk) -> None:
    talk.begin()
    assert talk.do("reconnect")["version"] == talk.client.protocol
    talk.ask("How are you?")
    talk.until("UserTranscript", lambda given: given["final"])
    talk.until("BotStoppedSpeaking")
    until(lambda: talk.page.evaluate("takePeak()") > 0.05, "sound")


def leaves(talk: Talk) -> None:
    talk.begin()
    talk.do("disconnect")
    talk.until("Disconnected")
    until(lambda: talk.appliance.opened[-1]._ended, "end of the conversation", 5)


def asked(talk: Talk) -> str:
    """What the model was told last, message by message, each on its line."""
    return "\n".join(str(message["content"]) for message in talk.appliance.model.prompts[-1])


def _one(of: list[dict[str, Any]], **like: object) -> dict[str, Any]:
    """The one that has these values."""
    (found,) = [each for each in of if like.items() <= each.items()]
    return found


FEATURES = (
    Feature("`action` over HTTP, without a connection", acts_alone),
    Feature("connects; the version is agreed", connects),
    Feature("a spoken question is heard (`user-transcription`)", is_heard),
    Feature("the reply is heard", hears_the_reply),
    Feature("`bot-output`, word by word", shows_what_is_said),
    Feature("`bot-transcription`", shows("BotTranscript", " ")),
    Feature("`bot-llm-text`", shows("BotLlmText", "")),
    Feature("`bot-tts-text`", shows("BotTtsText", " ")),
    Feature("beginnings and ends of thinking, synthesis and speech", is_told_when),
    Feature("`user-llm-text`", shows_what_the_model_is_asked),
    Feature("`metrics`", shows_metrics),
    Feature("speaking interrupts the bot", interrupts),
    Feature("the muted microphone is not heard", is_silent_when_muted),
    Feature("`send-text`, answered by voice or in writing", writes),
    Feature("`send-text` without an answer", writes_without_an_answer),
    Feature("`append-to-context`, with and without an answer", appends),
    Feature("`client-message`, answered or refused", requests),
    Feature("`action`, done or refused", acts),
    Feature("options are described, read and changed", configures),
    Feature("a function of the client is called, and its result spoken", runs_functions),
    Feature("`ui-snapshot` is looked at, `ui-command` done", does_what_the_bot_wants_of_its_page),
    Feature("news of another model (`server-message`)", is_told_of_another_model),
    Feature("`dtmf`", presses_keys),
    Feature("`ui-event`", tells_of_its_page),
    Feature("nonsense is refused, the conversation goes on", survives_nonsense),
    Feature("`disconnect-bot`", ends_the_bot),
    Feature("a second conversation", comes_back),
    Feature("leaving ends the conversation", leaves),
)
