from __future__ import annotations

from rtvi_local.pipeline.context import Message
from rtvi_local.pipeline.statements import statements, within


def said(text: str, role: str = "user") -> Message:
    return {"role": role, "content": text}


def test_what_was_told_is_kept_and_what_was_asked_is_not() -> None:
    messages = [said("I am Anna. What is bread? My dog is called Rufus!"), said("You are Anna.", "assistant"), said("Yes.")]
    assert statements(messages) == ["I am Anna.", "My dog is called Rufus!"]


def test_what_was_told_twice_is_kept_once_and_pictures_not_at_all() -> None:
    assert statements([said("I am Anna."), {"role": "user", "content": [{"type": "image_url"}]}, said("I am Anna.")]) == [
        "I am Anna."
    ]


def test_what_somebody_says_of_themselves_outlasts_what_else_they_say() -> None:
    told = ["My name is Anna.", *(f"Turn on light number {number}." for number in range(50)), "We have two dogs."]
    kept = within(told, 100)
    assert (kept[0], kept[-1]) == ("My name is Anna.", "We have two dogs.")
    assert kept[-2] == "Turn on light number 49.", "of the others the newest"
    assert sum(map(len, kept)) <= 100


def test_what_fits_is_kept_whole() -> None:
    assert within(["One two three.", "x" * 700, "Four five six."]) == ["One two three.", "Four five six."]
