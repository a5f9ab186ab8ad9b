from __future__ import annotations

import asyncio

import numpy as np
import pytest

from rtvi_local import virtual_clock
from rtvi_local.engines import fakes
from rtvi_local.engines.interfaces import (
    EngineError,
    LanguageModel,
    Message,
    SpokenChunk,
    Transcriber,
    TurnDetector,
    Voice,
    VoiceActivityDetector,
)

QUESTION: list[Message] = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "What time is it?"}]


def test_fakes_keep_to_the_interfaces() -> None:
    vad: VoiceActivityDetector = fakes.ScriptedVad()
    turns: TurnDetector = fakes.ScriptedTurnDetector()
    transcriber: Transcriber = fakes.EchoTranscriber()
    model: LanguageModel = fakes.ScriptedModel()
    voice: Voice = fakes.ToneVoice()
    assert all((vad, turns, transcriber, model, voice))


def test_loud_windows_are_speech() -> None:
    vad = fakes.ScriptedVad()
    assert vad.probability(np.zeros(512, np.float32)) < 0.1
    assert vad.probability(np.full(512, 0.1, np.float32)) > 0.9


def test_texts_come_in_order_then_the_length_speaks() -> None:
    async def main() -> list[str]:
        echo = fakes.EchoTranscriber(["Hello.", ""])
        return [(await echo.transcribe(np.zeros(24_000, np.float32))).text for _ in range(3)]

    assert virtual_clock.run(main()) == ["Hello.", "", "I spoke for 1.5 seconds."]


def test_delays_pass_on_the_loops_clock() -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        times = []
        await fakes.EchoTranscriber(delay_ms=150).transcribe(np.zeros(160, np.float32))
        times.append(loop.time())
        assert await fakes.ScriptedTurnDetector([0.2], delay_ms=50).probability(np.zeros(160, np.float32)) == 0.2
        times.append(loop.time())
        model = fakes.ScriptedModel(["One two three."], first_token_ms=100, token_ms=20)
        async for _ in model.open_session().reply(QUESTION, max_tokens=50, temperature=0):
            times.append(loop.time())
        return times

    assert virtual_clock.run(main()) == pytest.approx([0.15, 0.2, 0.3, 0.32, 0.34])


def test_reply_tokens_add_up_to_the_reply() -> None:
    async def main() -> list[str]:
        session = fakes.ScriptedModel(["It is  noon, I think."]).open_session()
        return [token async for token in session.reply(QUESTION, max_tokens=4, temperature=0)]

    assert virtual_clock.run(main()) == ["It", " is", "  noon,", " I"]


def test_a_model_without_a_script_says_back_what_was_said() -> None:
    async def main() -> str:
        session = fakes.ScriptedModel().open_session()
        return "".join([token async for token in session.reply(QUESTION, max_tokens=50, temperature=0)])

    assert virtual_clock.run(main()) == "You said: What time is it?"


def test_prompts_are_kept_as_they_were_and_early_ends_counted() -> None:
    async def main() -> None:
        model = fakes.ScriptedModel(["One two three.", "Four."], token_ms=10)
        session = model.open_session()
        messages = list(QUESTION)
        iterator = session.reply(messages, max_tokens=50, temperature=0)
        assert await iterator.__anext__() == "One"
        await iterator.aclose()
        messages.append({"role": "assistant", "content": "One"})
        assert [token async for token in session.reply(messages, max_tokens=50, temperature=0)] == ["Four."]
        assert model.prompts == [QUESTION, messages]
        assert model.replies_closed_early == 1

    virtual_clock.run(main())


def test_sessions_are_limited_and_given_back_once() -> None:
    model = fakes.ScriptedModel(max_sessions=1)
    session = model.open_session()
    with pytest.raises(EngineError):
        model.open_session()
    session.close()
    session.close()
    model.open_session()
    with pytest.raises(EngineError):
        model.open_session()


async def _chunks(voice: fakes.ToneVoice, text: str) -> list[SpokenChunk]:
    return [chunk async for chunk in voice.speak(text)]


def test_every_word_ends_where_its_tone_ends() -> None:
    chunks = virtual_clock.run(_chunks(fakes.ToneVoice(sample_rate=16_000), "Hello there you"))
    samples = np.concatenate([chunk.samples for chunk in chunks])
    ends = [word.end_sample for chunk in chunks for word in chunk.words]
    assert ends == [960 * 5, 960 * 11, 960 * 15]
    assert len(samples) == 960 * 16
    for end in ends:
        assert np.abs(samples[end - 480 : end]).max() > 4000
        assert np.abs(samples[end : end + 960]).max() == 0


def test_a_chunk_announces_the_words_that_end_in_it() -> None:
    chunks = virtual_clock.run(_chunks(fakes.ToneVoice(sample_rate=16_000, chunk_ms=100), "a bc def"))
    start = 0
    for chunk in chunks:
        assert all(start < word.end_sample <= start + len(chunk.samples) for word in chunk.words)
        start += len(chunk.samples)
    assert sum(len(chunk.words) for chunk in chunks) == 3


def test_no_text_makes_no_sound() -> None:
    assert virtual_clock.run(_chunks(fakes.ToneVoice(), "  ")) == []
