"""The order in which a client is told of a spoken turn. What comes from the model and from the voice runs side by side: only
what must not come before something else is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from rtvi_local.bench.caller import Message

QUESTION = (
    "user-started-speaking",
    "user-transcription",
    "user-stopped-speaking",
    "user-llm-text",
    "bot-llm-started",
    "bot-llm-text",
    "bot-llm-stopped",
)
"""All of one before any of the next: what is told of a turn that is being answered is told once it is over."""
ANSWER = (
    ("bot-llm-text", "bot-tts-started"),
    ("bot-tts-started", "bot-started-speaking"),
    ("bot-started-speaking", "bot-output"),
    ("bot-output", "bot-tts-text"),
    ("bot-llm-text", "bot-transcription"),
)
"""The first of one before the first of the other."""
ENDINGS = (("bot-tts-stopped", "bot-stopped-speaking"), ("bot-output", "bot-stopped-speaking"))
"""The last of one before the last of the other."""


def assert_in_order(messages: Sequence[Message]) -> None:
    """`messages` are those of one spoken turn that nobody interrupted, up to the end of its answer."""
    types = [message.type for message in messages]
    for earlier, later in pairwise(QUESTION):
        assert _last(types, earlier) < types.index(later), f"{earlier}, {later}: {types}"
    for earlier, later in ANSWER:
        assert types.index(earlier) < types.index(later), f"{earlier}, {later}: {types}"
    for earlier, later in ENDINGS:
        assert _last(types, earlier) < _last(types, later), f"{earlier}, {later}: {types}"
    for type in ("user-started-speaking", "user-stopped-speaking", "user-llm-text", "bot-llm-started", "bot-llm-stopped"):
        assert types.count(type) == 1, f"{type}: {types}"
    finals = [message.data["final"] for message in messages if message.type == "user-transcription"]
    assert finals == [False] * (len(finals) - 1) + [True], "interim ones, then the final one"
    _assert_segments([message.data for message in messages if message.type == "bot-output"])
    assert "metrics" in types


def _assert_segments(outputs: Sequence[dict[str, Any]]) -> None:
    """Each sentence is new, then on its way, then completed; and one is completed before the next is on its way."""
    segments = list(dict.fromkeys(output["segment_id"] for output in outputs))
    for segment in segments:
        own = [output for output in outputs if output["segment_id"] == segment]
        statuses = [output["spoken_status"] for output in own]
        assert statuses == ["new", *["in-progress"] * (len(own) - 2), "completed"], statuses
        said = [output["spoken_progress"]["accumulated_text"] for output in own]
        assert said == sorted(said, key=len), said
        assert said[0] == ""
        assert {text + output["spoken_progress"]["remaining_text"] for text, output in zip(said, own, strict=True)} == {
            output["text"] for output in own
        }
    spoken = [output["segment_id"] for output in outputs if output["spoken_status"] != "new"]
    assert spoken == sorted(spoken, key=segments.index), "sentences are spoken one after the other"


def _last(types: Sequence[str], type: str) -> int:
    return len(types) - 1 - types[::-1].index(type)
