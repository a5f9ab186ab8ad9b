from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtvi_local.rtvi.chunks import LIMIT_BYTES, TooLarge, chunks, fitting, joined
from rtvi_local.rtvi.messages.session import ServerMessage, ServerResponse


def received(texts: list[str]) -> Any:
    """What a client puts together from what it was sent."""
    return joined([json.loads(text)["data"] for text in texts])


def test_what_fits_is_sent_as_it_is() -> None:
    (text,) = fitting(ServerResponse("context:get", {"total": 1}), "i")
    assert json.loads(text)["id"] == "i"


@pytest.mark.parametrize("character", ["x", '"', "\\", "ü", "😀", "\n"])
def test_a_large_server_message_comes_in_pieces_that_each_fit(character: str) -> None:
    data = {"type": "image", "base64": character * 200_000}
    texts = list(fitting(ServerMessage(data)))
    assert len(texts) > 1
    assert all(len(text.encode()) <= LIMIT_BYTES for text in texts)
    assert received(texts) == data
    assert received(texts[::-1]) == data


def test_pieces_say_what_they_belong_to_and_in_which_order() -> None:
    one, two = chunks("a" * 100_000), chunks("b" * 100_000)
    assert [chunk.data["index"] for chunk in one] == list(range(one[0].data["count"]))
    assert {chunk.data["type"] for chunk in one} == {"chunk"}
    assert one[0].data["id"] != two[0].data["id"]


def test_missing_pieces_are_noticed() -> None:
    with pytest.raises(ValueError, match="missing"):
        joined([chunk.data for chunk in chunks("a" * 200_000)[1:]])
    with pytest.raises(ValueError, match="missing"):
        joined([])


def test_an_answer_that_is_too_large_is_refused_not_split() -> None:
    with pytest.raises(TooLarge, match="ask for less"):
        list(fitting(ServerResponse("context:get", "x" * 70_000), "i"))


@given(st.text(max_size=3000), st.integers(500, 3000))
def test_whatever_the_text_pieces_fit_and_join(text: str, limit_bytes: int) -> None:
    texts = [json.dumps({"label": "rtvi-ai", "type": "server-message", "data": c.data}) for c in chunks([text], limit_bytes)]
    assert all(len(piece.encode()) <= limit_bytes for piece in texts)
    assert received(texts) == [text]
