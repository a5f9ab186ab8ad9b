"""A conversation by voice: what is heard, said and shown of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.browser.conformance.feature import needs
from tests.browser.conformance.talk import REPLIES, STORY, Talk
from tests.browser.fake_server import until

INTERRUPTED_WITHIN_MS = 1500
"""From the first sound of the person to the silence, with several browsers on the machine: the bot is not heard to its end.
How long it took, and how much of that was in the client's own buffer, each run writes to build/interrupted.json. The times that
are promised are asserted with clients in Python: tests/integration over WebRTC, tests/transports/test_contract.py for a buffer
like the WebSocket client's."""


def is_heard(talk: Talk) -> None:
    talk.ask("How are you?")
    talk.until("UserTranscript", lambda given: given["final"] and given["text"] == "How are you?")
    talk.until("UserStoppedSpeaking")
    assert talk.names().count("UserStartedSpeaking") == 1
    assert talk.names().count("UserStoppedSpeaking") == 1


def hears_as_it_is_said(talk: Talk) -> None:
    talk.quiet()
    talk.ask("How are you?", 2.5)
    talk.until("UserTranscript", lambda given: not given["final"] and "How are" in given["text"])
    talk.until("UserTranscript", lambda given: given["final"])
    talk.until("BotStoppedSpeaking")


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
    until(lambda: talk.page.evaluate("silentFor() < 200"), "sound of the story")
    names = talk.names()
    assert "BotStoppedSpeaking" not in names[names.index("BotStartedSpeaking") :], "the bot has ended already"
    talk.appliance.heard = "No, what is that?"
    sent = last_sound_sent(talk)
    began_ms, silent_ms = talk.page.evaluate(
        """async () => {
          const began = performance.now();
          const spoken = speak(1.2);
          while (silentFor() < 150 && performance.now() - began < 3000) await new Promise((done) => setTimeout(done, 10));
          const silent = performance.now() - silentFor();
          await spoken;
          return [began, silent].map((at) => performance.timeOrigin + at);
        }"""
    )
    took_ms = max(0.0, silent_ms - began_ms)  # it may just pause, as voices do
    sent_ms = max((at_ms for at_ms in sent if at_ms < silent_ms), default=silent_ms)
    talk.measured = {"first sound to silence, ms": took_ms, "of it in the client, ms": silent_ms - sent_ms}
    talk.until("UserTranscript", lambda given: given["final"] and given["text"] == "No, what is that?")
    until(lambda: talk.names().count("BotStoppedSpeaking") == 2, "end of the answer to it")
    said = " ".join(data["text"] for data in talk.given("BotTtsText"))
    assert "the end" not in said
    remembered = [message["content"] for message in talk.appliance.model.prompts[-1] if message["role"] == "assistant"]
    assert str(remembered[-1]) != STORY
    assert str(remembered[-1])[:10] == STORY[:10]
    assert took_ms < INTERRUPTED_WITHIN_MS, talk.measured


def last_sound_sent(talk: Talk) -> list[float]:
    """When the server sends something to be heard, from now on: milliseconds of this machine's clock, as in the page."""
    sent: list[float] = []
    transport = talk.appliance.opened[-1]._transport
    send = transport.send_audio

    def noted(samples: Any) -> None:
        if samples.any():
            sent.append(time.time() * 1000)
        send(samples)

    transport.send_audio = noted  # type: ignore[method-assign]
    return sent


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
