from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from rtvi_local.bench.tts import chunks_of, late_ms
from rtvi_local.engines import piper_sound
from rtvi_local.engines.interfaces import EngineError, SpokenChunk, Voice
from rtvi_local.engines.piper import PiperVoice
from tests.engines.tiny_vits import tiny_vits, write_tiny_voice

SENTENCES = (
    "Yes.",
    "Of course,",
    "The capital of France is Paris, and it has about two million people.",
    "In the year 1984, he paid 3 dollars for a well-known book — e.g. the one of the 21st century.",
)


def say(voice: Voice, text: str) -> list[SpokenChunk]:
    async def collect() -> list[SpokenChunk]:
        return [chunk async for chunk in voice.speak(text)]

    return asyncio.run(collect())


def word_ends_s(voice: PiperVoice, chunks: list[SpokenChunk]) -> list[float]:
    return [word.end_sample / voice.sample_rate for chunk in chunks for word in chunk.words]


@pytest.fixture(params=["split", "two speakers", "whole"])
def tiny_voice(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PiperVoice]:
    speakers = 2 if request.param == "two speakers" else 1
    model = tiny_vits(speakers=speakers, looks_at_the_whole_sound=request.param == "whole")
    voice = PiperVoice.load(write_tiny_voice(tmp_path / "tiny", model, speakers=speakers), speaker=speakers - 1, threads=1)
    yield voice
    voice.close()


@pytest.fixture(scope="module")
def joe(models_directory: Path) -> Iterator[PiperVoice]:
    voice = PiperVoice.load(models_directory / "piper-en_US-joe-medium")
    yield voice
    voice.close()


@pytest.mark.parametrize("text", [*SENTENCES, "Hello! I am fine — thanks…", "— well —", "Hello 12 34."])
def test_every_word_ends_once_and_in_order(tiny_voice: PiperVoice, text: str) -> None:
    chunks = say(tiny_voice, text)
    ends = [word.end_sample for chunk in chunks for word in chunk.words]
    assert len(ends) == len(text.split())
    assert ends == sorted(ends)
    assert ends[0] >= 0 and ends[-1] <= sum(len(chunk.samples) for chunk in chunks)


def test_a_word_is_told_no_later_than_with_the_chunk_after_its_end(tiny_voice: PiperVoice) -> None:
    before, made = 0, 0
    for chunk in say(tiny_voice, SENTENCES[2]):
        assert all(word.end_sample >= before for word in chunk.words)
        before, made = made, made + len(chunk.samples)
        assert all(word.end_sample <= made for word in chunk.words)


@pytest.mark.parametrize("text", ["", " ", "…", "( )"])
def test_what_cannot_be_said_is_silence_and_keeps_its_count_of_words(tiny_voice: PiperVoice, text: str) -> None:
    chunks = say(tiny_voice, text)
    assert sum(len(chunk.samples) for chunk in chunks) == 0
    assert sum(len(chunk.words) for chunk in chunks) == len(text.split())


def test_a_closed_iterator_makes_no_more_sound(tiny_voice: PiperVoice, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    decode = tiny_voice.decode

    def counted(encoded: object, first: int, last: int, run: object) -> object:
        made.append(first)
        return decode(encoded, first, last, run)  # type: ignore[arg-type]

    monkeypatch.setattr(tiny_voice, "decode", counted)

    async def interrupted() -> None:
        chunks = tiny_voice.speak(" ".join(SENTENCES))
        await anext(chunks)
        await chunks.aclose()

    asyncio.run(interrupted())
    assert len(made) == 1


def test_a_sentence_at_work_is_given_up_when_it_is_cancelled(tiny_voice: PiperVoice, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, cancelled = threading.Event(), threading.Event()
    ended: list[str] = []
    encode = tiny_voice.encode

    def watched(phonemes: list[str], run: object) -> object:
        begun.set()
        cancelled.wait(60)
        try:
            return encode(phonemes, run)
        except Exception as error:
            ended.append(str(error))
            raise

    monkeypatch.setattr(tiny_voice, "encode", watched)

    async def interrupted() -> None:
        task = asyncio.ensure_future(anext(tiny_voice.speak(SENTENCES[2])))
        await asyncio.to_thread(begun.wait, 60)
        task.cancel()
        await asyncio.wait({task})
        cancelled.set()

    asyncio.run(interrupted())
    tiny_voice.close()
    assert len(ended) == 1
    assert "terminate" in ended[0]


def test_two_conversations_are_served_in_turn(tiny_voice: PiperVoice) -> None:
    async def both() -> list[str]:
        order: list[str] = []

        async def one(name: str) -> None:
            async for _ in tiny_voice.speak("One. Two. Three. Four."):
                order.append(name)

        await asyncio.gather(one("a"), one("b"))
        return order

    order = asyncio.run(both())
    assert order.index("b") < 2


def test_the_speaker_that_was_asked_for_speaks(tmp_path: Path) -> None:
    directory = write_tiny_voice(tmp_path / "tiny", tiny_vits(speakers=2), speakers=2)
    voices = [PiperVoice.load(directory, speaker=speaker, threads=1) for speaker in (0, 1)]
    encoded = [voice.encode(voice.phonemize("Hello there.")[0]) for voice in voices]
    assert encoded[0].frames != encoded[1].frames
    for voice in voices:
        voice.close()


def test_one_loaded_voice_speaks_at_several_speeds_and_as_several_speakers(tmp_path: Path) -> None:
    voice = PiperVoice.load(write_tiny_voice(tmp_path / "two", tiny_vits(speakers=2), speakers=2), threads=1)
    other = voice.at(speed=2.0, speaker=1)
    assert other.encoder_inputs(["a"])["scales"][1] == pytest.approx(voice.encoder_inputs(["a"])["scales"][1] / 2)
    assert (voice.encoder_inputs(["a"])["sid"][0], other.encoder_inputs(["a"])["sid"][0]) == (0, 1)
    assert say(other, "Yes.") and say(voice, "Yes.")
    with pytest.raises(EngineError, match="has 2 speaker"):
        voice.at(speed=1.0, speaker=2)
    voice.close()


def test_a_speaker_that_there_is_not_is_refused(tmp_path: Path) -> None:
    directory = write_tiny_voice(tmp_path / "tiny", tiny_vits())
    with pytest.raises(EngineError, match=r"has 1 speaker\(s\), so tts\.speaker cannot be 3"):
        PiperVoice.load(directory, speaker=3)


@pytest.mark.parametrize("content", ["", "[]", '{"audio": {}}'])
def test_a_broken_description_is_named_together_with_the_fix(tmp_path: Path, content: str) -> None:
    directory = write_tiny_voice(tmp_path / "tiny", tiny_vits())
    (directory / "tiny.onnx.json").write_text(content, encoding="utf-8")
    with pytest.raises(EngineError, match=r"voice tiny: cannot read .*tiny\.onnx\.json.*rtvi-local models pull tiny"):
        PiperVoice.load(directory)


def test_a_damaged_split_is_made_again(tmp_path: Path) -> None:
    directory = write_tiny_voice(tmp_path / "tiny", tiny_vits())
    PiperVoice.load(directory, threads=1).close()
    (decoder,) = directory.glob(".split-*/decoder.onnx")
    whole = decoder.read_bytes()
    decoder.write_bytes(whole[: len(whole) // 2])
    PiperVoice.load(directory, threads=1).close()
    assert decoder.read_bytes() == whole


@pytest.mark.models
def test_sound_made_in_pieces_is_the_sound_made_at_once_with_every_voice_that_is_installed(models_directory: Path) -> None:
    folders = sorted({path.parent for path in models_directory.glob("*/*.onnx.json")})
    assert folders
    for folder in folders:
        voice = PiperVoice.load(folder)
        for text in SENTENCES:
            encoded = voice.encode(voice.phonemize(text)[0])
            whole = voice.decode(encoded, 0, encoded.frames)
            pieces = np.concatenate(
                [voice.decode(encoded, first, min(first + 32, encoded.frames)) for first in range(0, encoded.frames, 32)]
            )
            difference = pieces - whole
            assert np.abs(difference).max() < 1e-4, folder.name
            assert 10 * np.log10(np.sum(whole**2) / max(np.sum(difference**2), 1e-20)) > 100, folder.name
        voice.close()


@pytest.mark.models
@pytest.mark.parametrize("text", SENTENCES)
def test_words_end_where_the_sound_does(joe: PiperVoice, text: str) -> None:
    chunks = say(joe, text)
    ends = word_ends_s(joe, chunks)
    total = sum(len(chunk.samples) for chunk in chunks) / joe.sample_rate
    assert len(ends) == len(text.split()) and ends == sorted(ends)
    assert total - piper_sound.SENTENCE_PAUSE_S - 0.1 <= ends[-1] <= total


@pytest.mark.models
def test_a_word_that_a_pause_follows_ends_at_the_pause(joe: PiperVoice) -> None:
    chunks = say(joe, "I went to the market yesterday, because we had no bread.")
    samples = np.concatenate([chunk.samples for chunk in chunks]).astype(np.float64)
    window = joe.sample_rate // 50
    level = np.array([np.abs(samples[at : at + window]).mean() for at in range(0, len(samples) - window, window)])
    end_of_yesterday = word_ends_s(joe, chunks)[5]
    start = int(end_of_yesterday * 50)
    quiet = [at for at in range(start - 10, start + 11) if level[at] < 0.05 * level.max()]
    assert quiet, "no pause within 200 ms of the end of the word that the comma follows"


@pytest.mark.models
@pytest.mark.parametrize(("text", "pause_s"), [("Of course,", 0.12), ("Yes.", 0.25), ("the house", 0.03)])
def test_the_voice_begins_at_once_and_pauses_as_the_punctuation_asks(joe: PiperVoice, text: str, pause_s: float) -> None:
    samples = np.concatenate([chunk.samples for chunk in say(joe, text)])
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 200)
    assert loud[0] < 0.03 * joe.sample_rate
    assert pause_s <= (len(samples) - loud[-1]) / joe.sample_rate < pause_s + 0.06


@pytest.mark.models
def test_the_voice_is_as_loud_in_one_sentence_as_in_another_and_never_full_scale(joe: PiperVoice) -> None:
    levels = []
    for text in SENTENCES:
        samples = np.concatenate([chunk.samples for chunk in say(joe, text)]) / 32767
        voiced = samples[np.abs(samples) > 0.005]
        levels.append(20 * np.log10(np.sqrt(np.mean(voiced**2))))
        assert np.abs(samples).max() < 1.0
    assert max(levels) - min(levels) < 6
    assert abs(np.mean(levels) - -19) < 3


@pytest.mark.models
def test_twice_the_speed_takes_much_less_time(models_directory: Path, joe: PiperVoice) -> None:
    fast = PiperVoice.load(models_directory / "piper-en_US-joe-medium", speed=2.0)
    lengths = [sum(len(chunk.samples) for chunk in say(voice, SENTENCES[2])) for voice in (joe, fast)]
    fast.close()
    assert 0.4 < lengths[1] / lengths[0] < 0.75  # not half: no phoneme lasts less than a frame


@pytest.mark.models
def test_the_first_chunk_is_short_and_each_is_ready_long_before_it_is_due(joe: PiperVoice) -> None:
    lengths_s = [len(chunk.samples) / joe.sample_rate for chunk in say(joe, SENTENCES[2])]
    assert 0.1 <= lengths_s[0] <= 0.25
    assert all(later <= 2.2 * earlier + 0.3 for earlier, later in pairwise(lengths_s))
    # The best of a few: that somebody else has the machine for a moment says nothing of the voice.
    assert min(late_ms(asyncio.run(chunks_of(joe, SENTENCES[2]))) for _ in range(5)) == 0
