from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from rtvi_local.bench.noises import NOISES, at_level
from rtvi_local.bench.turns import sounds as turns
from rtvi_local.bench.turns.noises import cafe
from rtvi_local.bench.utterances import SENTENCES, Speaker, recorded
from rtvi_local.bench.words import normalised_words, word_errors
from rtvi_local.config import Vad
from rtvi_local.engines.interfaces import EngineError, Float32, Transcriber, Transcription
from rtvi_local.engines.invented import is_nobody, looks_invented, speech_energy_db
from rtvi_local.engines.whisper import FULL_WINDOW_S, LEAST_WINDOW_S, Whisper
from rtvi_local.stages.trigger_glance import may_hold, texts_of
from tests.conftest import SPEECH_TEXT
from tests.robot import said_by_a_robot

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def whisper(models_directory: Path) -> Iterator[Whisper]:
    model = Whisper.load(models_directory / "whisper-base", device="cpu", threads=2)
    yield model
    model.close()


def _transcribe(whisper: Transcriber, samples: Float32, language: str | None = "en") -> Transcription:
    return asyncio.run(whisper.transcribe(samples, language=language))


def test_recordings_of_people_are_understood(whisper: Whisper, recordings: Path | None) -> None:
    if recordings is None:
        pytest.skip("no recordings on this machine")
    errors = words = 0
    for utterance in recorded(recordings):
        said = normalised_words(utterance.text)
        errors += word_errors(said, normalised_words(_transcribe(whisper, utterance.samples).text))
        words += len(said)
    assert words > 50
    assert errors / words <= 0.10


def test_synthesized_speech_is_understood_and_times_are_told(whisper: Whisper, speech: Float32) -> None:
    heard = _transcribe(whisper, speech)
    said = normalised_words(SPEECH_TEXT)
    assert word_errors(said, normalised_words(heard.text)) / len(said) <= 0.10
    assert heard.no_speech_probability < 0.3
    assert heard.encode_ms > 0
    assert heard.decode_ms > 0
    assert not looks_invented(heard, len(speech) / 16_000, speech_energy_db(speech))


def test_segments_lie_one_after_the_other_within_the_audio(whisper: Whisper, speech: Float32) -> None:
    twice = np.concatenate((speech, np.zeros(16_000, np.float32), speech))
    heard = _transcribe(whisper, twice)
    assert " ".join(text for _, _, text in heard.segments) == heard.text
    edges = [edge for start, end, _ in heard.segments for edge in (start, end)]
    assert edges == sorted(edges)
    assert edges[-1] <= len(twice) / 16_000


def test_when_each_word_was_said_is_told_where_it_is_asked_for(whisper: Whisper, speech: Float32) -> None:
    pause = np.zeros(16_000, np.float32)
    heard = asyncio.run(whisper.transcribe(np.concatenate((speech, pause, speech)), language="en", word_times=True))
    assert "".join(word.text for word in heard.words).strip() == heard.text
    edges = [edge for word in heard.words for edge in (word.start_s, word.end_s)]
    assert edges == sorted(edges)
    once = len(heard.words) // 2
    speech_s = len(speech) / 16_000
    assert heard.words[once - 1].end_s <= speech_s + 0.2
    assert heard.words[once + 1].start_s >= speech_s + 0.8
    assert _transcribe(whisper, speech).words == ()


def test_how_well_texts_fit_what_was_said_is_told_for_each(whisper: Whisper, speech: Float32) -> None:
    texts = ["Something else.", SPEECH_TEXT, SPEECH_TEXT.replace("kitchen", "chicken")]
    other, said, alike = asyncio.run(whisper.fits(speech, texts, language="en"))
    assert other + 5 < said
    assert alike + 5 < said <= 0


@pytest.mark.parametrize("lead_s", [0, 6])
def test_the_likelihood_of_a_phrase_tells_that_it_may_be_there_wherever_it_is(
    whisper: Whisper, speech: Float32, lead_s: int
) -> None:
    samples = np.concatenate((np.zeros(lead_s * 16_000, np.float32), speech))

    def may_be_in_it(*phrases: str) -> bool:
        return may_hold(phrases, asyncio.run(whisper.fits(samples, texts_of(phrases), language="en")))

    assert may_be_in_it("could you")
    assert may_be_in_it("hey computer", "kitchen down")
    assert may_be_in_it("i would like to read")
    assert not may_be_in_it("hey computer", "alexander")


def test_the_language_is_detected_when_none_is_given(whisper: Whisper, speech: Float32) -> None:
    heard = _transcribe(whisper, speech, language=None)
    assert heard.language == "en"
    assert word_errors(normalised_words(SPEECH_TEXT), normalised_words(heard.text)) <= 1


@pytest.mark.parametrize(
    ("voice", "sentence"),
    [
        ("de+f2", "Können Sie mir bitte sagen, wie spät es ist und wann der nächste Zug nach Hamburg fährt?"),
        ("fr", "Bonjour, je voudrais savoir quel temps il fera demain à Paris, s'il vous plaît."),
        ("es", "Buenos días, quiero saber qué tiempo hará mañana en Madrid, por favor."),
        ("it", "Buongiorno, vorrei sapere che tempo farà domani a Roma, per favore."),
    ],
)
def test_other_languages_are_detected_even_from_a_robot(whisper: Whisper, tmp_path: Path, voice: str, sentence: str) -> None:
    said = said_by_a_robot(voice, sentence, tmp_path)
    assert _transcribe(whisper, said, None).language == voice[:2]


def test_an_unknown_language_is_refused(whisper: Whisper, speech: Float32) -> None:
    with pytest.raises(ValueError, match="'klingon'"):
        _transcribe(whisper, speech, language="klingon")


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("duration_s", [0.5, 1.5, 4.0])
def test_what_is_heard_in_noise_does_not_pass(whisper: Whisper, noise: str, duration_s: float) -> None:
    for dbfs in (-45, -25):
        samples = at_level(NOISES[noise](int(duration_s * 16_000)), dbfs)
        heard = _transcribe(whisper, samples)
        assert looks_invented(heard, duration_s, speech_energy_db(samples)), heard


def test_a_word_is_heard_in_a_cafe_and_none_where_nobody_speaks_but_a_cafe(whisper: Whisper, models_directory: Path) -> None:
    speaker = Speaker(models_directory / "piper-en_US-joe-medium", keep=False, varied=False)
    others = [speaker.say(sentence) for sentence in SENTENCES.read_text(encoding="utf-8").splitlines()[:12]]
    crowd = turns.at_level(cafe(others, 30.0, 3), turns.SPEECH_DBFS)

    def heard(samples: Float32) -> list[str]:
        found = _transcribe(whisper, samples)
        return [] if is_nobody(found, samples, least_treble_db=Vad().least_treble_db) else normalised_words(found.text)

    # Where Whisper was sure of "Thank you.", "Andrew" and their like.
    for second in (1.0, 5.0, 5.5, 7.5, 16.0, 16.5, 26.5):
        start = int(second * 16_000)
        assert heard(crowd[start : start + 18_560]) == []
    for word in ("Yes.", "No.", "Stop."):
        said = np.concatenate([turns.silence(0.3), turns.at_level(speaker.say(word), turns.SPEECH_DBFS)])
        assert heard(said + np.float32(0.316) * crowd[: said.size]) == normalised_words(word)


def test_on_a_cpu_the_start_does_not_wait_for_the_longest_window(
    models_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows: list[float] = []
    encode = Whisper._encode

    def noting(whisper: Whisper, samples: Float32, window_s: float) -> object:
        windows.append(window_s)
        return encode(whisper, samples, window_s)

    monkeypatch.setattr(Whisper, "_encode", noting)
    Whisper.load(models_directory / "whisper-base", device="cpu", threads=2).close()
    assert windows == [LEAST_WINDOW_S]


def test_a_loop_is_decided_by_the_full_window(whisper: Whisper, speech: Float32, monkeypatch: pytest.MonkeyPatch) -> None:
    windows: list[float] = []
    encode = whisper._encode

    def noting(samples: Float32, window_s: float) -> object:
        windows.append(window_s)
        return encode(samples, window_s)

    monkeypatch.setattr(whisper, "_encode", noting)
    monkeypatch.setattr("rtvi_local.engines.whisper.repeats_itself", lambda text: len(windows) == 1)
    heard = _transcribe(whisper, speech)
    assert windows[0] < FULL_WINDOW_S
    assert windows[1:] == [FULL_WINDOW_S]
    assert word_errors(normalised_words(SPEECH_TEXT), normalised_words(heard.text)) <= 1
    windows.clear()
    heard = asyncio.run(whisper.transcribe(speech, language="en", word_times=True, retry=False))
    assert (len(windows), heard.text, heard.segments, heard.words) == (1, "", (), ()), "where that is not worth its time"


def test_cancelling_while_encoding_saves_the_decoding(
    whisper: Whisper, speech: Float32, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        encoding = asyncio.Event()
        encode = whisper._encode

        def noting(samples: Float32, window_s: float) -> object:
            loop.call_soon_threadsafe(encoding.set)
            return encode(samples, window_s)

        def decoded(*_: object, **__: object) -> None:
            raise AssertionError("decoded in vain")

        monkeypatch.setattr(whisper, "_encode", noting)
        monkeypatch.setattr(whisper, "_decode", decoded)
        task = asyncio.create_task(whisper.transcribe(speech, language="en"))
        await asyncio.wait_for(encoding.wait(), 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


@pytest.mark.parametrize("times", [7, 8])
def test_the_last_words_of_a_turn_that_fills_the_window_are_not_lost(whisper: Whisper, speech: Float32, times: int) -> None:
    """Whisper leaves a phrase that ends with the window to the next window: 'Turn on the' was never heard of again."""
    long = np.tile(speech, times)[-int(29.5 * 16_000) :]
    assert len(long) > 27 * 16_000
    heard = _transcribe(whisper, long)
    assert normalised_words(heard.text)[-3:] == normalised_words(SPEECH_TEXT)[-3:]


def _cut(directory: Path) -> None:
    with (directory / "model.bin").open("r+b") as file:
        file.truncate(1_000_000)


def _empty(directory: Path) -> None:
    (directory / "model.bin").write_bytes(b"")


def _other_kind(directory: Path) -> None:
    (directory / "model.bin").write_bytes(b"GGUF" + bytes(4096))


def _bad_tokenizer(directory: Path) -> None:
    (directory / "tokenizer.json").write_text('{"version":')


def _no_tokenizer(directory: Path) -> None:
    (directory / "tokenizer.json").unlink()


@pytest.mark.parametrize("damage", [_cut, _empty, _other_kind, _bad_tokenizer, _no_tokenizer])
def test_broken_files_are_named_with_the_fix(models_directory: Path, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    broken = tmp_path / "whisper-base"
    shutil.copytree(models_directory / "whisper-base", broken)
    damage(broken)
    with pytest.raises(EngineError, match=r"whisper-base: .*models pull whisper-base"):
        Whisper.load(broken, device="cpu", threads=2)


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="models pull whisper-base"):
        Whisper.load(tmp_path / "whisper-base", device="cpu", threads=2)
