from __future__ import annotations

import numpy as np
import pytest

from rtvi_local.config import Vad
from rtvi_local.engines.interfaces import Transcription
from rtvi_local.engines.invented import is_nobody, looks_invented, repeats_itself, speech_energy_db, without_restart


def _heard(text: str, no_speech: float, log_probability: float) -> Transcription:
    return Transcription(text, "en", no_speech, log_probability, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "Turn it off. Turn it off. Turn it off. Turn it off.",
        "I'm going to get a little bit of water, a little bit of water, a little bit of water.",
        "the the the the the the the the the",
        "La la la la la la la la la la la la la la la la la la la la.",
    ],
)
def test_loops_are_recognised(text: str) -> None:
    assert repeats_itself(text)


@pytest.mark.parametrize(
    "text",
    [
        "No no no.",
        "Ask not what your country can do for you, ask what you can do for your country.",
        "Row, row, row your boat, gently down the stream.",
        "I said turn it off. Turn it off!",
        "",
    ],
)
def test_people_may_repeat_themselves(text: str) -> None:
    assert not repeats_itself(text)


@pytest.mark.parametrize(
    ("text", "no_speech", "log_probability", "duration_s", "energy_db"),
    [
        ("you", 0.92, -0.93, 1.5, -90),
        ("Thank you.", 0.82, -0.93, 1.5, -30),
        ("I'm going to put the sauce on the pan.", 0.76, -1.57, 1.5, -35),
        ("I'm sorry.", 0.41, -1.65, 3.0, -20),
        ("...", 0.1, -0.2, 1.0, -20),
        ("", 0.1, -0.2, 1.0, -20),
        ("Thanks for watching!", 0.0, -0.1, 2.0, -80),
        ("This is far more than anybody could have said in that time, however fast.", 0.0, -0.1, 1.0, -20),
        ("Turn it off. " * 12, 0.0, -0.1, 5.0, -20),
        ("T-t-t-t-", 0.38, -0.32, 2.0, -20),
        ("Pfft, pfft, pfft", 0.52, -0.72, 1.1, -20),
        ("Buh, buh, buh, buh,", 0.3, -0.4, 1.5, -20),
        ("Tum-tum-tum-tum-", 0.4, -0.3, 1.5, -20),
        ("Ha ha ha ha", 0.4, -0.3, 1.5, -20),
    ],
)
def test_inventions_are_flagged(
    text: str, no_speech: float, log_probability: float, duration_s: float, energy_db: float
) -> None:
    assert looks_invented(_heard(text, no_speech, log_probability), duration_s, energy_db)


@pytest.mark.parametrize(
    ("text", "no_speech", "log_probability", "duration_s"),
    [
        ("No.", 0.2, -0.8, 0.6),
        ("Okay Naboo", 0.30, -0.93, 2.0),
        ("Hey guys!", 0.05, -0.76, 2.0),
        ("No, no, no, no, no!", 0.1, -0.3, 2.5),
        ("Mm-hm.", 0.3, -0.7, 0.6),
        ("Hmm, hmm.", 0.3, -0.7, 1.0),
        ("Shh, shh!", 0.3, -0.7, 1.0),
        ("PDF, PNG.", 0.2, -0.4, 1.5),
        ("No-no-no-no.", 0.2, -0.4, 1.5),
        ("555-555-555", 0.2, -0.4, 2.5),
    ],
)
def test_short_and_hesitant_speech_is_kept(text: str, no_speech: float, log_probability: float, duration_s: float) -> None:
    assert not looks_invented(_heard(text, no_speech, log_probability), duration_s, -30)


def test_energy_is_that_of_the_loud_part() -> None:
    audio = np.zeros(32_000, np.float32)
    audio[:8_000] = 0.1
    assert speech_energy_db(audio) == pytest.approx(-20, abs=0.1)
    assert speech_energy_db(np.zeros(100, np.float32)) == -200


@pytest.mark.parametrize(
    ("text", "once"),
    [
        ("I like this tool very much. I like this tool very much.", "I like this tool very much."),
        ("I like this tool, I like this tool, I like this tool", "I like this tool,"),
        ("No, no, no, not that one.", "No, no, no, not that one."),
        ("Row, row, row your boat", "Row, row, row your boat"),
        ("What you can do for your country, ask what you can do", "What you can do for your country, ask what you can do"),
        ("", ""),
    ],
)
def test_a_decoder_that_starts_over_is_heard_once(text: str, once: str) -> None:
    assert without_restart(text, len(once) / 14, cut_off=False) == once


def test_a_decoder_that_was_stopped_while_it_started_over_is_heard_once() -> None:
    text = "I like this tool very much. I like this tool ve"
    assert without_restart(text, 2.0, cut_off=True) == "I like this tool very much."
    assert without_restart(text, 2.0, cut_off=False) == text


def test_a_person_who_says_a_sentence_twice_is_heard_twice() -> None:
    text = "Can you hear me now? Can you hear me now?"
    assert without_restart(text, 3.0, cut_off=False) == text


def test_clear_words_without_high_tones_come_through_a_wall_unless_the_settings_say_otherwise() -> None:
    at_s = np.arange(16_000) / 16_000
    said = _heard("What is the weather like?", 0.1, -0.3)

    def voice(treble: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        return np.asarray(0.1 * (np.sin(2 * np.pi * 300 * at_s) + treble * np.sin(2 * np.pi * 2000 * at_s)), np.float32)

    usual = Vad().least_treble_db
    assert not is_nobody(said, voice(0.2), least_treble_db=usual)
    assert is_nobody(said, voice(0.05), least_treble_db=usual)
    assert not is_nobody(said, voice(0.05), least_treble_db=-120)
    assert is_nobody(_heard("you", 0.92, -0.93), voice(0.2), least_treble_db=usual), (
        "and what Whisper made up is still nobody's"
    )


def test_a_likely_sentence_in_what_is_surely_no_speech_was_not_said() -> None:
    assert looks_invented(_heard("I'm not sure if I can do it.", 0.71, -0.51), 4.0, -17.0)
    assert not looks_invented(_heard("I'm not sure if I can do it.", 0.52, -0.54), 4.0, -17.0)


def test_words_that_stand_out_from_nothing_are_believed_only_if_whisper_is_sure_of_them() -> None:
    noise = np.random.default_rng(1).normal(size=16_000).astype(np.float32) * np.float32(0.05)
    somebody = noise.copy()
    somebody[8_000:12_000] *= 6
    usual = Vad().least_treble_db
    likely, sure = _heard("All right.", 0.48, -0.78), _heard("All right.", 0.1, -0.4)
    assert not looks_invented(likely, 1.0, -26)
    assert is_nobody(likely, noise, least_treble_db=usual)
    assert not is_nobody(likely, somebody, least_treble_db=usual)
    assert not is_nobody(sure, noise, least_treble_db=usual)


def test_words_of_a_noise_that_began_out_of_silence_are_believed_a_little_longer() -> None:
    sudden = np.random.default_rng(1).normal(size=16_000).astype(np.float32) * np.float32(0.05)
    sudden[:6_400] = 1e-5
    usual = Vad().least_treble_db
    assert is_nobody(_heard("I know.", 0.34, -1.03), sudden, least_treble_db=usual)
    assert not is_nobody(_heard("I know.", 0.3, -0.6), sudden, least_treble_db=usual)
