from __future__ import annotations

import random

import pytest

from rtvi_local.pipeline.patience import LONGEST_SILENCE_MS, Shape, learnt, shape, unjudged_ms, wait_ms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I would like...", Shape.UNFINISHED),
        ("I need to buy some bread, some milk and", Shape.UNFINISHED),
        ("I have a question about.", Shape.UNFINISHED),
        ("What would happen if?", Shape.UNFINISHED),
        ("Could you tell me?", Shape.UNFINISHED),
        ("If it rains tomorrow.", Shape.UNFINISHED),
        ("when I was a child.", Shape.UNFINISHED),
        ("What is the difference between", Shape.UNFINISHED),
        ("The thing is, um", Shape.UNFINISHED),
        ("I would rather.", Shape.UNFINISHED),
        ("We're going to need.", Shape.UNFINISHED),
        ("What do you need?", Shape.FINISHED),
        ("That's all I need.", Shape.OPEN),
        ("Let me know when.", Shape.UNFINISHED),
        ("I don't know why.", Shape.OPEN),
        ("My teacher said that we must.", Shape.UNFINISHED),
        ("Yes, I can.", Shape.OPEN),
        ("As fast as you can.", Shape.OPEN),
        ("Do they have any?", Shape.UNFINISHED),
        ("Can you get me, uh?", Shape.UNFINISHED),
        ("After you left.", Shape.UNFINISHED),
        ("After the meeting.", Shape.OPEN),
        ("Please check weather.", Shape.UNFINISHED),
        ("Check the weather.", Shape.OPEN),
        ("My phone number is 555.", Shape.NUMBER),
        ("My phone numbers 555", Shape.NUMBER),
        ("The code is four, two", Shape.NUMBER),
        ("My phone number is 555-1234.", Shape.OPEN),
        ("Set a timer for 10 minutes.", Shape.OPEN),
        ("Please turn on the light in the kitchen.", Shape.OPEN),
        ("When is the next train?", Shape.FINISHED),
        ("If it rains, I stay at home.", Shape.OPEN),
        ("Could you repeat that?", Shape.FINISHED),
        ("What time is it?", Shape.FINISHED),
        ("The password is 7492.", Shape.OPEN),
        ("the best way to get there is by bus", Shape.UNMARKED),
        ("every morning before work.", Shape.FRAGMENT),
        ("My brother.", Shape.FRAGMENT),
        ("My brother, who lives in Canada.", Shape.UNFINISHED),
        ("She told me there.", Shape.UNFINISHED),
        ("And so my fellow Americans.", Shape.UNFINISHED),
        ("Turn the heating up, too.", Shape.UNFINISHED),
        ("I like the blue one, too.", Shape.OPEN),
        ("He told me the truth.", Shape.OPEN),
        ("The second book which I read.", Shape.UNFINISHED),
        ("My brother is here.", Shape.OPEN),
        ("Put three bananas and some.", Shape.UNFINISHED),
        ("Can I have some?", Shape.FINISHED),
        ("No, thank you", Shape.OPEN),
        ("Yes.", Shape.FINISHED),
        ("No, thanks.", Shape.FINISHED),
        ("No", Shape.FINISHED),
        ("4", Shape.OPEN),
        ("", Shape.OPEN),
        ("Wie spät ist es?", Shape.OPEN),
        ("今何時ですか。", Shape.OPEN),
    ],
)
def test_how_words_end_is_read_from_the_words(text: str, expected: Shape) -> None:
    assert shape(text) is expected


def wait(probability: float | None, text: str, pace_ms: float = 0.0) -> float:
    return wait_ms(probability, text, complete_ms=200, incomplete_ms=1500, pace_ms=pace_ms)


@pytest.mark.parametrize(
    ("probability", "text", "least_ms", "most_ms"),
    [
        (0.95, "What time is it?", 200, 200),
        (0.95, "Turn on the light.", 200, 200),
        (0.01, "Can you recommend a good book?", 500, 900),
        (0.13, "On Monday.", 500, 850),
        (0.01, "I was thinking.", 1300, 1500),
        (0.97, "Please remind me to", 1300, 1500),
        (0.9, "My phone number is 555", 1200, 1500),
        (None, "What time is it?", 500, 900),
    ],
)
def test_the_wait_is_short_where_all_agree_and_grows_where_they_do_not(
    probability: float | None, text: str, least_ms: float, most_ms: float
) -> None:
    assert least_ms <= wait(probability, text) <= most_ms


def test_the_surer_the_detector_the_shorter_the_wait_and_never_more_than_the_longest() -> None:
    random_ = random.Random(1)
    for _ in range(5_000):
        text = random_.choice(["", "Yes.", "and", "Is it?", "I am here.", "The number is 12"])
        pace_ms = random_.choice([0, 300, 900, 60_000])
        lower, higher = sorted((random_.random(), random_.random()))
        assert 0 <= wait(higher, text, pace_ms) <= wait(lower, text, pace_ms) <= LONGEST_SILENCE_MS
        assert unjudged_ms(text, wait_ms=9000, incomplete_ms=9000, pace_ms=pace_ms) <= LONGEST_SILENCE_MS


def test_words_that_lack_something_are_waited_for_however_finished_they_sound() -> None:
    def wait(text: str, ending: float | None) -> float:
        return wait_ms(0.95, text, complete_ms=200, incomplete_ms=1500, ending=ending)

    assert wait("Translate the word.", None) == wait("Translate the word.", -3.0) == 200
    assert 300 < wait("Translate the word.", -5.5) < 700
    assert wait("Translate the word.", -10.5) == LONGEST_SILENCE_MS
    assert wait("On Monday.", -7.3) == 200, "an answer of a word or two ends anywhere"
    unsure = [wait_ms(0.5, "Why is the sky blue?", complete_ms=200, incomplete_ms=1500, ending=at) for at in (-4.0, -1.0)]
    assert unsure[0] > unsure[1] > 200, "words that are surely whole outweigh some of the detector's doubt"
    unjudged = unjudged_ms("Translate the word.", wait_ms=500, incomplete_ms=1500, ending=-7.0)
    assert unjudged == 500 + 0.75 * 1000


def test_without_a_detector_the_words_still_count() -> None:
    assert unjudged_ms("What time is it?", wait_ms=500, incomplete_ms=1500) == 500
    assert unjudged_ms("I would like to", wait_ms=500, incomplete_ms=1500) == LONGEST_SILENCE_MS
    assert unjudged_ms("The red one.", wait_ms=500, incomplete_ms=1500, pace_ms=800) == 1000


def test_one_long_pause_counts_at_once_and_is_forgotten_over_some_turns() -> None:
    pace_ms = learnt(0, 900)
    assert pace_ms == 900
    assert learnt(pace_ms, 200) > 700
    for _ in range(12):
        pace_ms = learnt(pace_ms, 0)
    assert pace_ms < 100
