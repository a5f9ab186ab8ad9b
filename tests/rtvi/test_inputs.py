"""Keys, the page and sound in messages, in whole conversations in virtual time."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from rtvi_local import virtual_clock
from rtvi_local.engines.fakes import ScriptedModel
from tests.pipeline.test_conversation import Call

TREE = {"root": {"ref": "e1", "role": "main"}, "captured_at": 1790000000000}


def encoded(samples: Any) -> str:
    return base64.b64encode(samples.astype("<i2").tobytes()).decode()


def tone(duration_ms: int, sample_rate: int = 16_000, amplitude: int = 8000) -> Any:
    return amplitude * np.sin(np.arange(sample_rate * duration_ms // 1000) * 2 * np.pi * 500 / sample_rate)


@pytest.mark.parametrize("data", [{"buttons": ["1"]}, {"button": "1"}])
def test_a_key_is_answered_when_no_other_follows(data: object) -> None:
    async def story() -> None:
        call = Call(replies=["Sales it is."])
        call.send("dtmf", data)
        await call.be_quiet(1000)
        assert call.said == []
        await call.be_quiet(2500)
        assert [message["content"] for message in call.said] == ["(The caller pressed 1)", "Sales it is."]
        await call.hang_up()

    virtual_clock.run(story())


def test_keys_belong_together_until_a_pause_or_the_hash() -> None:
    async def story() -> None:
        call = Call(replies=["Thank you."])
        for key in ("4", "2"):
            call.send("dtmf", {"buttons": [key]})
            await call.be_quiet(1000)
        call.send("dtmf", {"buttons": ["7", "#"]})
        assert call.news("user-llm-text") == [{"text": "(The caller pressed 4 2 7 #)"}]
        await call.be_quiet(2000)
        assert len(call.news("user-llm-text")) == 1
        await call.hang_up()

    virtual_clock.run(story())


def test_hanging_up_in_the_middle_of_a_number_is_the_end_of_it() -> None:
    async def story() -> None:
        call = Call()
        call.send("dtmf", {"button": "4"})
        await call.hang_up()
        await call.be_quiet(3000)
        assert call.said == []

    virtual_clock.run(story())


@pytest.mark.parametrize("data", [{"buttons": []}, {"buttons": ["A"]}, {"button": 1}, {}])
def test_what_is_no_key_is_refused(data: object) -> None:
    async def story() -> None:
        call = Call()
        assert (await call.ask("dtmf", data))["error"].startswith("Invalid message")
        await call.hang_up()

    virtual_clock.run(story())


def test_the_model_knows_what_happened_on_the_page_when_it_is_asked_next() -> None:
    async def story() -> None:
        call = Call(replies=["The blue one."])
        call.send("ui-event", {"event": "selected", "payload": {"colour": "blue"}})
        await call.be_quiet(500)
        assert "bot-llm-started" not in call.types
        call.send("send-text", {"content": "Which one?"})
        await call.be_quiet(2000)
        assert isinstance(call.model, ScriptedModel)
        asked = call.model.prompts[0][-1]
        assert asked == {"role": "user", "content": '(On the user\'s screen: selected: {"colour": "blue"}) Which one?'}
        await call.hang_up()

    virtual_clock.run(story())


def test_an_event_that_somebody_takes_is_none_of_the_models_business() -> None:
    async def story() -> None:
        call = Call()
        seen: list[object] = []

        def take(event: str, payload: object) -> bool:
            seen.append((event, payload))
            return True

        call.conversation.inputs.on_ui_event = take
        call.send("ui-event", {"event": "opened"})
        assert seen == [("opened", None)]
        assert call.said == []
        await call.hang_up()

    virtual_clock.run(story())


def test_the_newest_picture_of_the_page_is_kept() -> None:
    async def story() -> None:
        call = Call()
        controls = call.conversation.controls
        seen = [controls.snapshot]
        for at in (1, 2):
            call.send("ui-snapshot", {"tree": {**TREE, "captured_at": at}})
            seen.append(controls.snapshot)
        assert [tree and tree.captured_at for tree in seen] == [None, 1, 2]
        await call.hang_up()

    virtual_clock.run(story())


def test_a_job_is_cancelled_by_either_name_and_one_that_is_not_there_is_named() -> None:
    async def story() -> None:
        call = Call()
        assert "no job 'j'" in (await call.ask("ui-cancel-job-group", {"job_id": "j"}))["error"]
        cancelled: list[object] = []

        def cancel(job_id: str, reason: str | None) -> bool:
            cancelled.append((job_id, reason))
            return True

        call.conversation.inputs.on_cancel_job = cancel
        call.send("ui-cancel-job-group", {"job_id": "j", "reason": "late"})
        call.send("ui-cancel-task", {"task_id": "k"})
        assert cancelled == [("j", "late"), ("k", None)]
        await call.hang_up()

    virtual_clock.run(story())


@pytest.mark.parametrize(("sample_rate", "channels"), [(16_000, 1), (48_000, 1), (24_000, 2), (8_000, 1)])
def test_sound_in_messages_is_heard_like_a_microphones(sample_rate: int, channels: int) -> None:
    async def story() -> None:
        call = Call("Hello there.", replies=["Hello."])
        sound = np.concatenate([tone(800, sample_rate), tone(3000, sample_rate, 0)])
        piece = sample_rate // 10
        for start in range(0, sound.size, piece):
            mono = sound[start : start + piece]
            samples = mono if channels == 1 else np.repeat(mono, 2)
            call.send("raw-audio", {"base64Audio": encoded(samples), "sampleRate": sample_rate, "numChannels": channels})
            await call.wait(100)
        assert [message["content"] for message in call.said] == ["Hello there.", "Hello."]
        assert "error-response" not in call.types
        await call.hang_up()

    virtual_clock.run(story())


def test_what_was_said_before_the_connection_stood_comes_in_one_piece_and_the_track_takes_over() -> None:
    async def story() -> None:
        call = Call("What I said before.", replies=["I see."])
        pieces = [encoded(tone(100)) for _ in range(8)]
        call.send("raw-audio-batch", {"base64AudioBatch": pieces, "sampleRate": 16_000, "numChannels": 1})
        await call.be_quiet(3000)
        assert [message["content"] for message in call.said] == ["What I said before.", "I see."]
        await call.hang_up()

    virtual_clock.run(story())


def test_a_stream_beside_a_live_track_is_refused() -> None:
    async def story() -> None:
        call = Call()
        await call.be_quiet(100)
        sound = {"base64Audio": encoded(tone(20)), "sampleRate": 16_000, "numChannels": 1}
        assert "no microphone track" in (await call.ask("raw-audio", sound))["error"]
        await call.hang_up()

    virtual_clock.run(story())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"base64Audio": "???"}, "not base64"),
        ({"base64Audio": "AAAA"}, "no whole number of samples"),
        ({"sampleRate": 1}, "sampleRate is 1"),
        ({"sampleRate": 10**9}, "sampleRate is 1000000000"),
        ({"numChannels": 7}, "numChannels is 7"),
    ],
)
def test_sound_that_is_none_is_refused_and_the_conversation_goes_on(change: dict[str, object], said: str) -> None:
    async def story() -> None:
        call = Call(replies=["Yes."])
        answer = await call.ask("raw-audio", {"base64Audio": "AAA=", "sampleRate": 16_000, "numChannels": 1, **change})
        assert said in answer["error"]
        call.send("send-text", {"content": "Hello?"})
        await call.be_quiet(1500)
        assert call.said[-1]["content"] == "Yes."
        await call.hang_up()

    virtual_clock.run(story())
