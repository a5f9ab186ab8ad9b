from __future__ import annotations

from datetime import datetime, timezone

import numpy as np
import pytest

from rtvi_local.pipeline import frames as f
from rtvi_local.rtvi.messages import Message, bot, metrics, session, user
from rtvi_local.rtvi.negotiation import Dialect, negotiate
from rtvi_local.rtvi.observer import Observer

NOON = datetime(2026, 8, 21, 12, tzinfo=timezone.utc)
AT = "2026-08-21T12:00:00.000+00:00"


def told(*frames: f.Frame, dialect: Dialect | None = None) -> list[Message]:
    """What a client hears of these frames."""
    sent: list[Message] = []
    observer = Observer(sent.append, lambda: NOON)
    observer.dialect = dialect or Dialect()
    for frame in frames:
        observer.observe(frame)
    return sent


def types(messages: list[Message]) -> list[str]:
    return [message.type for message in messages]


def outline(messages: list[Message]) -> list[str]:
    """Types, and of bot-output what it says."""
    lines = []
    for message in messages:
        if isinstance(message, bot.BotOutput):
            progress = message.spoken_progress
            heard = f" {progress.accumulated_text}|{progress.remaining_text}" if progress else f" ({message.text})"
            lines.append(f"bot-output {message.segment_id} {message.spoken_status}{heard}")
        elif isinstance(message, bot.BotOutput1):
            lines.append(f"bot-output {'spoken' if message.spoken else 'unspoken'} {message.aggregated_by} {message.text}")
        else:
            lines.append(message.type)
    return lines


SPOKEN_TURN: list[f.Frame] = [
    f.TurnStarted(0),
    f.Audio(np.zeros(320, np.int16), 20),
    f.Transcript("Hi", False, 1),
    f.SpeechStopped(900, 100),
    f.Transcript("Hi there.", True, 1),
    f.Measured("stt", "processing", 0.1, "base", 1),
    f.UserTurn("Hi there.", 1),
    f.Prompt(({"role": "user", "content": "Hi there."},), 1),
    f.ReplyStarted(1),
    f.ReplyToken("Hello", 1),
    f.TurnCommitted(1, 1000),
    f.ReplyToken(" you. Bye.", 1),
    f.Clause(0, "Hello you.", "Hello you.", 1),
    f.SynthesisStarted(1),
    f.Speech(0, np.zeros(100, np.int16), 22050, 1),
    f.ReplyEnded(1),
    f.Clause(1, "Bye.", "Bye.", 1),
    f.BotStartedSpeaking(1, 1200),
    f.Heard(0, "Hello you.", 5, False, 1),
    f.SynthesisEnded(1),
    f.Heard(0, "Hello you.", 10, True, 1),
    f.Heard(1, "Bye.", 4, True, 1),
    f.BotStoppedSpeaking(1, True, 2000),
    f.ReplyDelivered(1),
]

BEFORE_SPEECH = [
    "user-started-speaking",
    *("user-input", "user-transcription") * 2,  # "Hi", and the whole as soon as it is known
    *("user-input", "user-transcription"),
    "user-stopped-speaking",
    "user-llm-text",
    "metrics",
    "bot-llm-started",
    "bot-llm-text",
    "bot-llm-text",
    "bot-transcription",
    "bot-tts-started",
    "bot-llm-stopped",
    "bot-transcription",
    "bot-started-speaking",
]


def test_a_spoken_turn_for_a_2_x_client() -> None:
    assert outline(told(*SPOKEN_TURN, dialect=negotiate("2.1.0"))) == [
        *BEFORE_SPEECH,
        "bot-output 1 new |Hello you.",
        "bot-output 1 in-progress Hello| you.",
        "bot-tts-text",
        "bot-tts-stopped",
        "bot-output 1 completed Hello you.|",
        "bot-tts-text",
        "bot-output 2 new |Bye.",
        "bot-output 2 completed Bye.|",
        "bot-tts-text",
        "bot-stopped-speaking",
    ]


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0", "1.4.0"])
def test_a_spoken_turn_for_a_1_x_client(version: str) -> None:
    assert outline(told(*SPOKEN_TURN, dialect=negotiate(version))) == [
        *BEFORE_SPEECH,
        "bot-output unspoken sentence Hello you.",
        "bot-output spoken word Hello",
        "bot-tts-text",
        "bot-tts-stopped",
        "bot-output spoken word you.",
        "bot-tts-text",
        "bot-output unspoken sentence Bye.",
        "bot-output spoken sentence Bye.",
        "bot-tts-text",
        "bot-stopped-speaking",
    ]


def test_a_spoken_turn_for_a_0_x_client_has_no_bot_output() -> None:
    assert outline(told(*SPOKEN_TURN, dialect=negotiate())) == [
        *BEFORE_SPEECH,
        "bot-tts-text",
        "bot-tts-stopped",
        "bot-tts-text",
        "bot-tts-text",
        "bot-stopped-speaking",
    ]


def test_what_the_messages_of_a_spoken_turn_say() -> None:
    sent = told(*SPOKEN_TURN)
    transcriptions = [message for message in sent if isinstance(message, user.UserTranscription)]
    assert transcriptions == [
        user.UserTranscription("Hi", False, AT, ""),
        user.UserTranscription("Hi there.", False, AT, ""),
        user.UserTranscription("Hi there.", True, AT, ""),
    ]
    inputs = [message for message in sent if isinstance(message, user.UserInput)]
    assert [(i.text, i.final, i.timestamp) for i in inputs] == [(t.text, t.final, t.timestamp) for t in transcriptions]
    assert user.UserLlmText("Hi there.") in sent
    assert metrics.Metrics(processing=[metrics.Metric("stt", 0.1, "base")]) in sent
    assert [m.text for m in sent if isinstance(m, bot.BotTranscription)] == ["Hello you.", "Bye."]
    assert [m.text for m in sent if isinstance(m, bot.BotTtsText)] == ["Hello", "you.", "Bye."]


def test_nothing_of_a_tentative_turn_is_told_but_what_was_understood() -> None:
    before_commitment = SPOKEN_TURN[: SPOKEN_TURN.index(f.TurnCommitted(1, 1000))]
    assert types(told(*before_commitment)) == ["user-started-speaking", *("user-input", "user-transcription") * 2]


def test_a_turn_that_goes_on_replaces_its_first_half() -> None:
    sent = told(
        f.TurnStarted(0),
        f.UserTurn("I want", 1),
        f.ReplyStarted(1),
        f.ReplyToken("What", 1),
        f.UserTurn("I want tea.", 2),
        f.ReplyToken(" do you", 1),
        f.ReplyStarted(2),
        f.TurnCommitted(2, 100),
        f.ReplyToken("Fine", 2),
        f.ReplyEnded(1),
    )
    assert types(sent)[-4:] == ["user-stopped-speaking", "user-llm-text", "bot-llm-started", "bot-llm-text"]
    assert user.UserLlmText("I want tea.") in sent
    assert [m.text for m in sent if isinstance(m, bot.BotLlmText)] == ["Fine"]


def test_superseded_work_is_no_interruption_to_the_client() -> None:
    sent = told(f.TurnStarted(0), f.UserTurn("I want", 1), f.ReplyStarted(1), f.Superseded(1), f.ReplyToken("What", 1))
    assert types(sent) == ["user-started-speaking"]


def test_a_dropped_turn_closes_the_users_bubble() -> None:
    sent = told(f.TurnStarted(0), f.UserTurn("uh", 1), f.TurnDropped(100), f.ReplyStarted(1), f.TurnCommitted(1, 120))
    assert types(sent) == ["user-started-speaking", "user-stopped-speaking"]


def test_an_interruption_closes_everything_and_completes_nothing() -> None:
    cut = SPOKEN_TURN.index(f.Heard(0, "Hello you.", 5, False, 1)) + 1
    sent = told(
        *SPOKEN_TURN[:cut],
        f.Interrupted(1, 1500),
        f.TurnStarted(1500),
        f.Heard(0, "Hello you.", 10, True, 1),
        f.SynthesisEnded(1),
        f.BotStoppedSpeaking(1, False, 1540),
    )
    assert types(sent)[-5:] == [
        "bot-tts-text",
        "bot-interrupted",
        "bot-tts-stopped",
        "user-started-speaking",
        "bot-stopped-speaking",
    ]


def test_an_interruption_in_the_middle_of_thinking_ends_the_models_answer() -> None:
    cut = SPOKEN_TURN.index(f.TurnCommitted(1, 1000)) + 1
    sent = told(*SPOKEN_TURN[:cut], f.Interrupted(1, 1100), f.ReplyToken(" you", 1), f.ReplyEnded(1))
    assert types(sent)[-2:] == ["bot-interrupted", "bot-llm-stopped"]


def test_a_murmur_over_the_bot_leaves_its_reply_alone() -> None:
    cut = SPOKEN_TURN.index(f.Heard(0, "Hello you.", 5, False, 1))
    murmur: list[f.Frame] = [f.Transcript("mhm", False, 2), f.EndOfTurn(0.2, 2), f.Transcript("Mhm.", True, 2)]
    sent = told(*SPOKEN_TURN[:cut], *murmur, *SPOKEN_TURN[cut:])
    told_alone = user.UserInput("Mhm.", "backchannel", AT, True, user_id="")
    assert sent.pop(sent.index(told_alone)) == told_alone
    assert outline(sent) == outline(told(*SPOKEN_TURN))


def test_words_known_only_after_the_commitment_are_told_then() -> None:
    sent = told(f.TurnStarted(0), f.TurnCommitted(1, 100), f.UserTurn("Hi.", 1), f.ReplyStarted(1))
    assert types(sent)[1:] == ["user-stopped-speaking", "user-input", "user-transcription", "user-llm-text", "bot-llm-started"]


@pytest.mark.parametrize("commitment", [[], [f.TurnCommitted(3, 0)]])
def test_a_typed_turn_is_only_what_the_model_is_asked(commitment: list[f.Frame]) -> None:
    assert types(told(f.UserTurn("hi", 3, typed=True), *commitment, f.ReplyStarted(3))) == ["user-llm-text", "bot-llm-started"]


def test_a_typed_turn_ends_the_reply_before_it() -> None:
    cut = SPOKEN_TURN.index(f.ReplyEnded(1))
    sent = told(*SPOKEN_TURN[:cut], f.UserTurn("hi", 2, typed=True), f.ReplyToken("late", 1), f.ReplyStarted(2))
    assert types(sent)[-4:] == ["bot-llm-stopped", "bot-tts-stopped", "user-llm-text", "bot-llm-started"]


def test_a_turn_committed_twice_releases_nothing_of_the_next() -> None:
    sent = told(f.UserTurn("hi", 1, typed=True), f.ReplyStarted(2), f.ReplyToken("x", 2), f.TurnCommitted(1, 0))
    assert types(sent) == ["user-llm-text"]


def test_a_voice_that_never_stopped_is_stopped_before_the_next_one_starts() -> None:
    sent = told(
        f.TurnCommitted(1, 0),
        f.BotStartedSpeaking(1, 0),
        f.BotStartedSpeaking(1, 5),
        f.TurnCommitted(2, 10),
        f.BotStartedSpeaking(2, 20),
        f.BotStoppedSpeaking(1, False, 25),
        f.Failed("a mark in the order"),
        f.BotStoppedSpeaking(2, True, 30),
    )
    assert types(sent) == [
        "bot-started-speaking",
        "bot-stopped-speaking",
        "bot-started-speaking",
        "error",
        "bot-stopped-speaking",
    ]


def test_a_greeting_needs_no_turn() -> None:
    sent = told(f.ReplyStarted(0), f.Clause(0, "Hi!", "Hi!", 0), f.ReplyEnded(0), f.BotStartedSpeaking(0, 5))
    assert outline(sent) == [
        "bot-llm-started",
        "bot-transcription",
        "bot-llm-stopped",
        "bot-started-speaking",
        "bot-output 1 new |Hi!",
    ]


def test_a_reply_that_is_not_spoken_is_shown_clause_by_clause() -> None:
    sent = told(
        f.UserTurn("hi", 1, typed=True, speak_reply=False),
        f.ReplyStarted(1, speak_reply=False),
        f.Clause(0, "Well,", "", 1, speak=False),
        f.Clause(1, "hello.", "", 1, speak=False),
    )
    assert outline(sent)[2:] == ["bot-output 1 new (Well,)", "bot-transcription", "bot-output 2 new (hello.)"]
    assert [m.text for m in sent if isinstance(m, bot.BotTranscription)] == ["Well, hello."]
    assert {m.will_be_spoken for m in sent if isinstance(m, bot.BotOutput)} == {False}


def test_text_that_cannot_be_spoken_keeps_its_place() -> None:
    sent = told(
        f.TurnCommitted(1, 0),
        f.Clause(0, "This way:", "This way:", 1),
        f.Clause(1, "x = 1", "", 1),
        f.Clause(2, "Clear?", "Clear?", 1),
        f.BotStartedSpeaking(1, 10),
        f.Heard(0, "This way:", 9, True, 1),
        f.Heard(2, "Clear?", 6, True, 1),
    )
    assert [line for line in outline(sent) if line.startswith("bot-output")] == [
        "bot-output 1 new |This way:",
        "bot-output 2 new (x = 1)",
        "bot-output 1 completed This way:|",
        "bot-output 3 new |Clear?",
        "bot-output 3 completed Clear?|",
    ]


def test_progress_counts_in_the_segments_own_text() -> None:
    sent = told(
        f.TurnCommitted(1, 0),
        f.Clause(7, "  one two ", "one two", 1),
        f.BotStartedSpeaking(1, 10),
        f.Heard(7, "  one two ", 6, False, 1),
        f.Heard(7, "  one two ", 6, False, 1),
        f.Heard(7, "  one two ", 10, True, 1),
    )
    assert [line for line in outline(sent) if line.startswith("bot-output")] == [
        "bot-output 1 new |one two",
        "bot-output 1 in-progress one| two",
        "bot-output 1 completed one two|",
    ]


def test_a_segment_whose_voice_failed_does_not_hold_up_the_next() -> None:
    sent = told(
        f.TurnCommitted(1, 0),
        f.Clause(0, "One.", "One.", 1),
        f.Clause(1, "Two.", "Two.", 1),
        f.BotStartedSpeaking(1, 10),
        f.Heard(1, "Two.", 4, True, 1),
        f.ReplyDelivered(1),
    )
    assert [line for line in outline(sent) if line.startswith("bot-output")] == [
        "bot-output 1 new |One.",
        "bot-output 2 new |Two.",
        "bot-output 2 completed Two.|",
    ]


def test_what_the_voice_never_came_to_is_shown_at_the_end() -> None:
    sent = told(f.TurnCommitted(1, 0), f.Clause(0, "One.", "One.", 1), f.Clause(1, "x = 1", "", 1), f.ReplyDelivered(1))
    assert [line for line in outline(sent) if line.startswith("bot-output")] == ["bot-output 2 new (x = 1)"]


def test_a_sentence_without_a_full_stop_is_told_when_the_model_ends() -> None:
    sent = told(
        f.TurnCommitted(1, 0), f.ReplyStarted(1), f.Clause(0, "Well,", "Well,", 1), f.ReplyEnded(1), f.Clause(1, "ok", "ok", 1)
    )
    assert [m.text for m in sent if isinstance(m, bot.BotTranscription)] == ["Well, ok"]
    sent = told(
        f.TurnCommitted(1, 0), f.ReplyStarted(1), f.Clause(0, "Well,", "Well,", 1), f.ReplyEnded(1), f.ReplyDelivered(1)
    )
    assert [m.text for m in sent if isinstance(m, bot.BotTranscription)] == ["Well,"]


def test_interim_transcripts_after_a_typed_turn_are_shown() -> None:
    """They carry the revision of the last evaluation, which a typed turn has overtaken."""
    sent = told(f.UserTurn("hi", 2, typed=True), f.TurnStarted(0), f.Transcript("so", False, 1))
    assert types(sent)[1:] == ["user-started-speaking", "user-input", "user-transcription"]


def test_what_an_answer_took_is_counted() -> None:
    tokens = {"prompt_tokens": 40, "completion_tokens": 9, "cache_read_input_tokens": 38}
    sent = told(
        f.Used("whisper", {"audio_seconds": 1.5}, "base"),
        f.Used("llm", tokens, "qwen"),
        f.Used("piper", {"characters": 12}, "lessac"),
        f.Measured("piper", "ttfb", 0.25, "lessac", silent_s=0.5),
    )
    assert sent == [
        metrics.Metrics(stt_usage=[metrics.SttUsage("whisper", metrics.AudioSeconds(1.5), "base")]),
        metrics.Metrics(tokens=[metrics.TokenUsage(40, 9, 49, 38)]),
        metrics.Metrics(characters=[metrics.Metric("piper", 12, "lessac")]),
        metrics.Metrics(
            ttfb=[metrics.Metric("piper", 0.25, "lessac")], ttfa=[metrics.FirstAudio("piper", 0.75, 0.25, 0.5, "lessac")]
        ),
    ]


def test_failures_and_times_are_told_at_once() -> None:
    sent = told(f.Measured("llm", "ttfb", 0.5), f.Failed("no model", fatal=True))
    assert sent == [metrics.Metrics(ttfb=[metrics.Metric("llm", 0.5)]), session.Error("no model", "no model", True)]
