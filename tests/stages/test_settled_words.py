from __future__ import annotations

import random

import pytest

from rtvi_local.engines.interfaces import TimedWord
from rtvi_local.stages.settled_words import LEAST_CUT_S, TRAIL_S, Settled, settle

TEXT = "I would like to know whether the train to Boston leaves on time today, because it rains."


def timed(text: str, each_s: float = 0.4) -> tuple[TimedWord, ...]:
    return tuple(TimedWord(f" {word}", i * each_s, (i + 1) * each_s) for i, word in enumerate(text.split()))


def test_words_that_two_passes_agree_on_are_settled_and_the_last_three_of_them_are_heard_again() -> None:
    after = settle(Settled(), "I would like to know whether the drain", 3.2, timed(TEXT))
    assert after.text == "I would like to know whether", "the next word was heard in two ways"
    assert after.overlap == " to know whether"
    assert after.begin == int(1.2 * 16_000), "between the words before them"
    assert after.expected.startswith(" the train to Boston")


def test_words_near_the_end_of_the_earlier_audio_may_only_have_begun() -> None:
    earlier_until_s = 3.3
    after = settle(Settled(), TEXT, earlier_until_s, timed(TEXT))
    assert after.text == "I would like to know whether", "whose last word ends at 2.4 s, where the next one ends at 2.8"
    assert 2.4 <= earlier_until_s - TRAIL_S < 2.8


def test_a_word_that_is_heard_now_so_and_now_so_does_not_keep_what_follows_from_being_settled() -> None:
    earlier = "I put a lot of effort into making the stool stable, efficient and easy to"
    later = "I put a lot of effort into making this tool stable, efficient and easy to use and I"
    assert (
        settle(Settled(), earlier, 9, timed(later)).text
        == "I put a lot of effort into making this tool stable, efficient and easy to"
    )


def test_nor_is_it_passed_over_before_enough_is_the_same_behind_it() -> None:
    later = "I put a lot of effort into making this tool stable"
    assert settle(Settled(), "I put a lot of effort into making the stool stable", 9, timed(later)).text.endswith("into making")
    other = "I put a lot of effort into sending people rocks and stable, efficient and easy ways"
    assert settle(Settled(), later + ", efficient and easy ways", 9, timed(other)).text.endswith("effort into")


def test_the_last_word_is_never_settled() -> None:
    said = "tell me the time please now"
    assert settle(Settled(), said, 99, timed(said, 0.6)).text == "tell me the time please"


def test_a_cut_that_saves_next_to_nothing_is_not_made() -> None:
    said = "one two three four five six"
    assert settle(Settled(), said, 99, timed(said, LEAST_CUT_S / 4)) == Settled()


def test_case_and_punctuation_are_not_disagreements() -> None:
    after = settle(
        Settled(), "Well i would like to know. Whether it rains", 9, timed("Well, I would like to know whether it snows")
    )
    assert after.text == "Well, I would like to know whether it"


@pytest.mark.parametrize(
    ("heard", "whole"),
    [
        (" Know whether the train leaves.", "I would like to know whether the train leaves."),
        ("No weather the train leaves.", "I would like to know whether the train leaves."),
        (" like to know whether the train leaves.", "I would like to know whether the train leaves."),
        ("whether the train leaves.", "I would like to know whether the train leaves."),
        ("Know whether The train leaves.", "I would like to know whether the train leaves."),
        (" know whether whether the train leaves.", "I would like to know whether whether the train leaves."),
        (' know whether "the train" leaves', 'I would like to know whether "the train" leaves'),
        (" know whether", "I would like to know whether"),
    ],
)
def test_what_is_heard_again_is_taken_out_however_it_is_heard(heard: str, whole: str) -> None:
    settled = settle(Settled(), "I would like to know whether the", 3.2, timed(TEXT))
    assert settled.fits(heard)
    assert settled.joined(settled.rest(heard)) == whole


@pytest.mark.parametrize("heard", ["", "Thank you.", "The train leaves on time."])
def test_a_text_without_what_is_heard_again_does_not_fit(heard: str) -> None:
    assert not settle(Settled(), "I would like to know whether the", 3.2, timed(TEXT)).fits(heard)


def test_a_name_keeps_its_capital() -> None:
    settled = settle(Settled(), "how do I get by bus to Boston and back", 9, timed("how do I get by bus to Boston or York"))
    assert settled.text == "how do I get by bus to Boston"
    assert settled.joined(settled.rest("to Boston or New York")) == "how do I get by bus to Boston or New York"


def test_scripts_without_spaces_are_settled_too() -> None:
    letters = "我想知道明天去北京的火车几点开"
    words = tuple(TimedWord(letter, i * 0.3, (i + 1) * 0.3) for i, letter in enumerate(letters))
    settled = settle(Settled(), letters[:10], 3.5, words)
    assert settled.text == letters[:9]
    assert settled.joined(settled.rest(letters[7:])) == letters
    assert settled.joined(settled.rest(letters[9:])) == letters


@pytest.mark.parametrize("seed", range(200))
def test_passes_that_hear_right_settle_word_by_word_what_was_said(seed: int) -> None:
    """However the passes fall: what is settled is never changed, and together it is what was said, once."""
    chance = random.Random(seed)
    said = [f"{letter}{word}" for letter in "abcdefgh" for word in ("one", "to", "three", "for")]
    chance.shuffle(said)
    ends_s: list[float] = []
    for _ in said:
        ends_s.append((ends_s[-1] if ends_s else 0.0) + chance.uniform(0.15, 0.9))
    settled, earlier, earlier_until_s, now_s = Settled(), "", 0.0, 0.0
    while now_s < ends_s[-1] + 1:
        now_s += chance.uniform(0.2, 1.2)
        begin_s = settled.begin / 16_000
        words = [
            TimedWord(f" {word}", max(start_s, begin_s) - begin_s, end_s - begin_s)
            for word, start_s, end_s in zip(said, [0.0, *ends_s], ends_s, strict=False)
            if start_s >= begin_s - 0.05 and end_s <= now_s
        ]
        before, heard = settled, "".join(word.text for word in words)
        whole = settled.joined(settled.rest(heard))
        assert said[: len(whole.split())] == whole.split()
        if earlier:
            settled = settle(settled, earlier, earlier_until_s - begin_s, words)
        assert settled.text.startswith(before.text)
        assert settled.begin >= before.begin
        earlier, earlier_until_s = whole[len(settled.text) :], now_s
    assert whole.split() == said
    assert len(settled.text.split()) > len(said) / 2
