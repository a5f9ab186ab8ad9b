from __future__ import annotations

import pytest

from rtvi_local.pipeline.floor import is_hush
from rtvi_local.pipeline.misheard_hushes import HUSHES_IN_WRITING, may_be_hush, meant


def fits(of_text: float, phrase: str, of_phrase: float) -> list[float]:
    return [of_text, *(of_phrase if one == phrase else -30.0 for one in HUSHES_IN_WRITING)]


@pytest.mark.parametrize("text", HUSHES_IN_WRITING)
def test_each_phrase_that_is_asked_for_is_a_request_to_be_quiet(text: str) -> None:
    assert is_hush(text)


@pytest.mark.parametrize("text", ["", "Stop.", "Start.", "Yeah.", "Mhm.", "What time is it in Paris?"])
def test_nothing_is_asked_about_silence_signs_of_listening_long_phrases_and_what_is_clear(text: str) -> None:
    assert not may_be_hush(text, doubted=False)


@pytest.mark.parametrize(
    ("text", "asked"), [("Stop.", True), ("Adam.", True), ("Okay.", False), ("Mm-hmm.", False), ("", False)]
)
def test_of_what_is_not_believed_a_request_is_asked_about_too_and_a_sign_of_listening_is_not(text: str, asked: bool) -> None:
    assert may_be_hush(text, doubted=True) is asked


def test_a_request_that_fits_almost_as_well_as_what_was_written_was_meant() -> None:
    assert may_be_hush("Chatter.", doubted=False)
    assert meant("Chatter.", fits(-4.8, "Shut up.", -3.3)) == "Shut up."
    assert meant("Star", fits(-1.4, "Stop.", -2.6)) == "Stop."


def test_what_fits_much_better_than_every_request_stands() -> None:
    assert meant("Paris.", fits(-0.2, "Be quiet.", -5.5)) == "Paris."


def test_where_nothing_fits_nothing_is_changed() -> None:
    assert meant("We saw that.", fits(-26.0, "Stop.", -15.0)) == "We saw that."


def test_what_was_not_believed_is_a_request_that_fits_better_or_nothing() -> None:
    assert meant("", fits(-2.6, "Shut up.", -4.5)) == "Shut up."
    assert meant("Adam.", fits(-3.0, "Shut up.", -6.5)) == "Shut up."
    assert meant("", fits(-3.0, "Shut up.", -6.5)) == ""
