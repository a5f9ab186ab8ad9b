"""Messages that a client gets only if it asks for them."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path

import pytest

import rtvi_local
from rtvi_local import virtual_clock
from rtvi_local.config import Messages, Turns
from rtvi_local.engines.fakes import ScriptedModel
from rtvi_local.pipeline import frames as f
from rtvi_local.pipeline.options import Wanted
from rtvi_local.rtvi.messages import SERVER_MESSAGES, Message
from rtvi_local.rtvi.opt_in import log_line
from rtvi_local.tools.tool import WrittenCall
from tests.pipeline.test_conversation import CONFIG, Call

ALL = replace(CONFIG, messages=Messages(vad=True, raw_text=True, audio_levels=True, system_log=True))
OPT_IN = {
    "vad-user-started-speaking", "vad-user-stopped-speaking", "stt-raw-text", "llm-raw-text", "tts-raw-text",
    "user-audio-level", "bot-audio-level", "system-log",
}  # fmt: skip
RAW = (("user-transcription", "stt-raw-text"), ("bot-llm-text", "llm-raw-text"), ("bot-tts-text", "tts-raw-text"))
SECRET = "the money is under the bed"


async def turn(call: Call) -> None:
    await call.be_quiet(300)
    await call.speak(1000)
    await call.be_quiet(3000)


@pytest.mark.parametrize(("version", "knows_raw_text"), [("2.2.0", True), ("2.1.0", False)])
def test_who_asks_for_everything_gets_it_as_far_as_its_protocol_has_it(version: str, knows_raw_text: bool) -> None:
    async def story() -> None:
        call = Call("What is it?", replies=["It is noon."], config=ALL, hello={"version": version, "about": {"library": "x"}})
        await turn(call)
        assert OPT_IN & set(call.types) == OPT_IN - (set() if knows_raw_text else {new for _, new in RAW})
        for old, new in RAW:
            assert call.news(new) == (call.news(old) if knows_raw_text else [])
            assert not knows_raw_text or call.types[call.types.index(old) - 1] == new
        assert max(level["value"] for level in call.news("user-audio-level")) > 0.7
        assert max(level["value"] for level in call.news("bot-audio-level")) > 0.7
        assert call.types.index("vad-user-started-speaking") < call.types.index("user-started-speaking")
        await call.hang_up()

    virtual_clock.run(story())


def test_nobody_gets_what_they_did_not_ask_for_and_it_can_be_asked_for_at_any_time() -> None:
    async def story() -> None:
        call = Call("One.", "Two.", replies=["One."] * 2, hello={"version": "2.2.0", "about": {"library": "x"}})
        await turn(call)
        assert not OPT_IN & set(call.types)
        answer = await call.request("configure", {"messages": {"vad": True, "audio_levels": True}})
        assert answer["config"]["messages"] == {"vad": True, "raw_text": False, "audio_levels": True, "system_log": False}
        await turn(call)
        assert OPT_IN & set(call.types) == {type for type in OPT_IN if "vad" in type or "level" in type}
        await call.hang_up()

    virtual_clock.run(story())


def test_the_log_tells_what_is_done_and_nothing_of_what_is_said() -> None:
    async def story() -> None:
        model = ScriptedModel([[WrittenCall("set_timer", {"amount": 5, "unit": SECRET})], SECRET])
        call = Call(SECRET, model=model, config=ALL, wanted=Wanted({"tools.builtin": ("set_timer",)}))
        await turn(call)
        lines = [data["text"] for data in call.news("system-log")]
        assert "reply 1 calls the tool set_timer" in lines
        assert lines[-1] == "reply 1 was heard to its end"
        assert not any(word in line.split() for line in lines for word in ("money", "bed", "noon"))
        await call.hang_up()

    virtual_clock.run(story())


WITH_WORDS: list[f.Frame] = [
    f.Transcript(SECRET, True, 1),
    f.UserTurn(SECRET, 1, say=SECRET),
    f.TurnDropped(0, SECRET),
    f.Prompt(({"role": "user", "content": SECRET},), 1, say=SECRET),
    f.ReplyToken(SECRET, 1),
    f.ToolCall("id", "tool", {"text": SECRET}, 1),
    f.ToolResult(f.ToolCall("id", "tool", {"text": SECRET}, 1), SECRET, 1),
    f.Filler(SECRET, 1),
    f.Clause(1, SECRET, SECRET, 1),
    f.Heard(1, SECRET, 3, True, 1),
    f.Condensed(SECRET),
    f.Failed(SECRET),
]


def test_no_frames_words_are_ever_in_a_line_of_the_log() -> None:
    assert not any("money" in (log_line(frame) or "") for frame in WITH_WORDS)


def test_a_client_is_told_while_nobody_is_listened_to() -> None:
    async def story() -> None:
        call = Call("Hello.", replies=["One two three four."], config=replace(CONFIG, turns=Turns(interruptions="never")))
        await turn(call)
        told = [type for type in call.types if type in ("user-stopped-speaking", "bot-stopped-speaking") or "mute" in type]
        assert told == ["user-stopped-speaking", "user-mute-started", "bot-stopped-speaking", "user-mute-stopped"]
        call.send("send-text", {"content": "And now?"})
        await call.wait(300)
        assert call.types.count("user-mute-started") == 2
        await call.request("configure", {"phrase_endpointing": {"interruptions": "polite"}})
        assert call.types.count("user-mute-stopped") == 2, "from now on a person can interrupt"
        await call.hang_up()

    virtual_clock.run(story())


def test_who_may_be_interrupted_mutes_nobody() -> None:
    async def story() -> None:
        call = Call("Hello.", replies=["One two three four."])
        await turn(call)
        assert "user-mute-started" not in call.types
        await call.hang_up()

    virtual_clock.run(story())


@pytest.mark.parametrize("kind", SERVER_MESSAGES, ids=lambda kind: kind.__name__)
def test_a_message_is_sent_by_something_or_says_that_it_is_not(kind: type[Message]) -> None:
    folder = Path(rtvi_local.__file__).parent
    sources = [path.read_text("utf-8") for path in folder.rglob("*.py") if path.parent.name != "messages"]
    is_made = any(f"{kind.__name__}(" in source or f"{kind.__name__}.saying(" in source for source in sources)
    assert is_made != ("not sent" in inspect.cleandoc(kind.__doc__ or "").replace("\n", " "))
