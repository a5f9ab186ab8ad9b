"""Random conversations, sensible or not: what must hold of the messages whatever the stages do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rtvi_local.pipeline import frames as f
from rtvi_local.rtvi.messages import Message, bot
from rtvi_local.rtvi.negotiation import Dialect
from rtvi_local.rtvi.observer import Observer

REVISIONS = st.integers(1, 5)
SEGMENTS = st.integers(0, 2)


def marked(revision: int) -> str:
    """Text that tells which revision it belongs to."""
    return f"r{revision} words here."


def frame_of(kind: str, revision: int, segment: int, flag: bool) -> f.Frame:
    text = marked(revision)
    made: dict[str, f.Frame] = {
        "started": f.TurnStarted(0),
        "interim": f.Transcript("so far", flag, revision),
        "turn": f.UserTurn(text, revision),
        "typed": f.UserTurn(text, revision, typed=True),
        "commit": f.TurnCommitted(revision, 0),
        "drop": f.TurnDropped(0),
        "supersede": f.Superseded(revision),
        "delivered": f.ReplyDelivered(revision),
        "interrupt": f.Interrupted(revision, 0),
        "reply": f.ReplyStarted(revision),
        "token": f.ReplyToken(text, revision),
        "ended": f.ReplyEnded(revision),
        "clause": f.Clause(segment, text, text if flag else "", revision),
        "synthesis": f.SynthesisStarted(revision),
        "speech": f.Speech(segment, np.zeros(1, np.int16), 22050, revision),
        "made": f.SynthesisEnded(revision),
        "speaking": f.BotStartedSpeaking(revision, 0),
        "heard": f.Heard(segment, text, 2 + 6 * flag, False, revision),
        "completed": f.Heard(segment, text, len(text), True, revision),
        "silent": f.BotStoppedSpeaking(revision, flag, 0),
        "measured": f.Measured("llm", "ttfb", 0.1, "", revision),
        "used": f.Used("piper", {"characters": 3}, "", revision),
    }
    return made[kind]


KINDS = ["started", "interim", "turn", "typed", "commit", "drop", "interrupt", "reply", "token", "ended", "clause", "synthesis"]
KINDS += ["supersede", "delivered", "speech", "made", "speaking", "heard", "completed", "silent", "measured", "used"]
walks = st.lists(st.builds(frame_of, st.sampled_from(KINDS), REVISIONS, SEGMENTS, st.booleans()), max_size=60)


def played(walk: list[f.Frame], dialect: Dialect | None = None) -> Iterator[tuple[f.Frame, list[Message]]]:
    sent: list[Message] = []
    observer = Observer(sent.append)
    observer.dialect = dialect or Dialect()
    for frame in walk:
        before = len(sent)
        observer.observe(frame)
        yield frame, sent[before:]


def everything(walk: list[f.Frame], dialect: Dialect | None = None) -> list[Message]:
    return [message for _, messages in played(walk, dialect) for message in messages]


@settings(max_examples=400)
@given(walks)
def test_nothing_of_a_dead_revision_goes_out(walk: list[f.Frame]) -> None:
    """Dead: interrupted; or older than the newest and not the one that was committed last."""
    newest = dead = committed = 0
    for frame, messages in played(walk):
        if isinstance(frame, (f.Interrupted, f.Superseded)):
            dead = max(dead, frame.revision)
        elif not isinstance(frame, f.BotStoppedSpeaking):
            revision = getattr(frame, "revision", 0)
            newest = max(newest, revision)
            typed = isinstance(frame, f.UserTurn) and frame.typed
            commits = typed or isinstance(frame, (f.TurnCommitted, f.BotStartedSpeaking))
            if commits and revision == newest and revision > dead:
                committed = revision
        for message in messages:
            if isinstance(message, (bot.BotLlmText, bot.BotOutput, bot.BotTtsText, bot.BotTranscription)):
                for shown in map(int, re.findall(r"r(\d)", message.text)):
                    assert shown == committed
                    assert shown > dead


@settings(max_examples=400)
@given(walks)
def test_every_started_has_its_stopped_before_the_next(walk: list[f.Frame]) -> None:
    for name in ("user-{}-speaking", "bot-llm-{}", "bot-tts-{}", "bot-{}-speaking"):
        edges = [m.type for m in everything(walk) if m.type in (name.format("started"), name.format("stopped"))]
        expected = [name.format("started"), name.format("stopped")] * len(edges)
        assert edges == expected[: len(edges)]


@settings(max_examples=400)
@given(walks)
def test_a_segment_is_announced_once_then_grows_then_completes(walk: list[f.Frame]) -> None:
    segments: dict[int, bot.BotOutput] = {}
    for message in everything(walk):
        if not isinstance(message, bot.BotOutput):
            continue
        before = segments.get(message.segment_id)
        assert (before is None) == (message.spoken_status == "new")
        assert message.will_be_spoken == (message.spoken_progress is not None)
        if message.spoken_progress is not None:
            assert message.spoken_progress.accumulated_text + message.spoken_progress.remaining_text == message.text
        if before is not None and before.spoken_progress and message.spoken_progress:
            assert before.spoken_status != "completed"
            assert len(before.spoken_progress.accumulated_text) <= len(message.spoken_progress.accumulated_text)
            assert (message.spoken_progress.remaining_text == "") or message.spoken_status != "completed"
        segments[message.segment_id] = message


@settings(max_examples=200)
@given(walks)
def test_the_old_shape_says_the_same_words(walk: list[f.Frame]) -> None:
    """Only the dress of bot-output differs between clients."""
    new = [m for m in everything(walk) if not isinstance(m, bot.BotOutput)]
    old = [m for m in everything(walk, Dialect(bot_output="spoken-flag")) if not isinstance(m, bot.BotOutput1)]
    assert [m.type for m in new] == [m.type for m in old]
