from __future__ import annotations

from collections.abc import Sequence

from rtvi_local.audio.hidden_speech import Found, HiddenSpeech
from rtvi_local.audio.voice_activity import VoiceActivity

WINDOW_MS = 32.0
QUIET_S, WORD_S = [0.0] * 10, [0.9] * 10
WORD_FRAMES = range(16, 32)
"""Of 20 ms, before the last ten windows."""


def find(
    probabilities: Sequence[float], others: Sequence[int], since_ms: float = 0.0, *, is_guess: bool = False
) -> Found | None:
    hidden = HiddenSpeech(WINDOW_MS)
    for probability in probabilities:
        hidden.push(probability)
    return hidden.find(others, since_ms, VoiceActivity(0.5, 64, 64, WINDOW_MS), is_guess=is_guess)


def test_speech_where_somebody_else_sounded_is_found_with_its_times() -> None:
    assert find([*QUIET_S, *WORD_S, *QUIET_S], WORD_FRAMES) == Found(18 * WINDOW_MS, 10 * WINDOW_MS, is_over=True)
    later = find([*QUIET_S, *WORD_S, *QUIET_S], range(17, 33), since_ms=20)
    assert later == Found(18 * WINDOW_MS + 20, 10 * WINDOW_MS + 20, is_over=True)


def test_speech_that_goes_on_or_may_go_on_is_not_over() -> None:
    assert find([*QUIET_S, *WORD_S], range(16)) == Found(8 * WINDOW_MS, 0.0, is_over=False)
    assert find([*QUIET_S, *WORD_S, 0.0, 0.0, 0.0], range(5, 21)) == Found(11 * WINDOW_MS, 3 * WINDOW_MS, is_over=False)


def test_speech_of_the_appliance_alone_and_noise_of_others_are_nothing() -> None:
    assert find([*QUIET_S, *WORD_S, *QUIET_S], []) is None
    assert find([*QUIET_S, *WORD_S, *QUIET_S], range(15)) is None, "somebody moved a chair later"


def test_what_was_found_once_is_not_found_again() -> None:
    hidden = HiddenSpeech(WINDOW_MS)
    for probability in [*WORD_S, *QUIET_S]:
        hidden.push(probability)
    hidden.clear()
    assert hidden.find(WORD_FRAMES, 0.0, VoiceActivity(0.5, 64, 64, WINDOW_MS)) is None


def test_who_is_known_by_a_syllable_may_go_on_in_what_is_the_appliance_by_a_guess() -> None:
    goes_on = [*QUIET_S, *WORD_S, *WORD_S]
    assert find(goes_on, range(26, 31)) == Found(18 * WINDOW_MS, 16 * WINDOW_MS, is_over=True)
    assert find(goes_on, range(26, 31), is_guess=True) == Found(18 * WINDOW_MS, 16 * WINDOW_MS, is_over=False)
    assert find([*QUIET_S, *WORD_S, *QUIET_S], range(26, 31), is_guess=True) == Found(
        18 * WINDOW_MS, 16 * WINDOW_MS, is_over=True
    )
    assert find(goes_on, range(16, 31), is_guess=True) == Found(18 * WINDOW_MS, 10 * WINDOW_MS, is_over=True)
