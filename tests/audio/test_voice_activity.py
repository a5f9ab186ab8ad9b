from __future__ import annotations

from rtvi_local.audio.voice_activity import Change, VoiceActivity


def changes(activity: VoiceActivity, probabilities: list[float]) -> list[tuple[int, Change]]:
    """(number of the window, change) for each change, but for suspicions."""
    return [(number, change) for number, change in pushed(activity, probabilities) if change and change != "suspected"]


def pushed(activity: VoiceActivity, probabilities: list[float]) -> list[tuple[int, Change]]:
    return [(number, activity.push(probability)) for number, probability in enumerate(probabilities, 1)]


def activity(start_ms: float = 64, stop_ms: float = 96) -> VoiceActivity:
    return VoiceActivity(threshold=0.5, start_ms=start_ms, stop_ms=stop_ms, window_ms=32)


def test_speech_starts_after_its_time_and_stops_after_silence() -> None:
    assert changes(activity(), [0.1, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1]) == [(3, "started"), (7, "stopped")]


def test_a_click_is_not_speech() -> None:
    assert changes(activity(), [0.1, 0.9, 0.1, 0.1, 0.9, 0.1, 0.1]) == []


def test_a_first_window_is_a_suspicion() -> None:
    seen = [change for _, change in pushed(activity(), [0.1, 0.9, 0.1, 0.1, 0.9, 0.9, 0.9])]
    assert seen == [None, "suspected", None, None, "suspected", "started", None]


def test_a_gap_of_one_window_does_not_reset_a_short_word() -> None:
    assert changes(activity(start_ms=96), [0.9, 0.9, 0.4, 0.9, 0.9]) == [(5, "started")]


def test_within_speech_a_little_less_is_still_speech() -> None:
    speaking = activity()
    assert changes(speaking, [0.9, 0.9, *[0.4] * 10]) == [(2, "started")]
    assert changes(speaking, [0.3, 0.3, 0.3]) == [(3, "stopped")]


def test_it_says_how_long_it_has_been_quiet() -> None:
    speaking = activity()
    changes(speaking, [0.9, 0.9, 0.1, 0.1])
    assert speaking.silence_ms == 64
