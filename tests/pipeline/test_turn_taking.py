"""The laws of turn-taking, checked on single stories and on long random walks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from rtvi_local.pipeline.floor import begins_to_take_floor, is_hum, is_hush, takes_floor
from rtvi_local.pipeline.patience import LONGEST_SILENCE_MS
from rtvi_local.pipeline.turn_states import (
    Answering,
    Commit,
    Deciding,
    Delivered,
    DropTurn,
    Effect,
    EndJudged,
    Evaluate,
    Event,
    ForgetAudio,
    Hushed,
    Idle,
    Interrupt,
    Judging,
    Listening,
    OpenTurn,
    Overlapping,
    PauseVoice,
    Pressed,
    Released,
    ResumeVoice,
    SpeechBegan,
    SpeechPaused,
    SpeechSuspected,
    State,
    Supersede,
    Think,
    Tick,
    Transcribed,
    Typed,
    WordsJudged,
    WordsSoFar,
)
from rtvi_local.pipeline.turn_taking import step
from rtvi_local.pipeline.turn_waits import (
    COMES_BACK_MS,
    LONGEST_HELD_MS,
    LONGEST_JUDGEMENT_MS,
    LONGEST_TRANSCRIPTION_MS,
    LONGEST_WORDLESS_MS,
    ONSET_MS,
    REJOIN_MS,
    Interruptions,
    Policy,
    deadline,
    learnt,
    patience_ms,
)

POLICY = Policy()


def play(state: State, *events: Event, policy: Policy = POLICY) -> tuple[State, list[Effect]]:
    effects: list[Effect] = []
    for event in events:
        state, caused = step(state, event, policy)
        effects.extend(caused)
    return state, effects


def answering() -> State:
    state, _ = play(
        Idle(),
        SpeechBegan(0),
        SpeechPaused(1100, 1000),
        Transcribed(1150, "What time is it?", 1),
        EndJudged(1160, 0.9, 1),
        Tick(1200),
    )
    assert isinstance(state, Answering)
    return state


def test_a_finished_utterance_is_thought_about_at_once_and_committed_after_a_short_silence() -> None:
    state, effects = play(Idle(), SpeechBegan(0), SpeechPaused(1100, 1000), Transcribed(1150, "What time is it?", 1))
    assert effects == [OpenTurn(), Evaluate(1), Think(1, "What time is it?")]
    state, effects = play(state, EndJudged(1160, 0.9, 1))
    assert effects == []
    assert deadline(state, POLICY) == 1000 + POLICY.wait_complete_ms
    answered, effects = play(state, Tick(1200))
    assert effects == [Commit(1), ForgetAudio()]
    assert answered == Answering(1, 1, may_rejoin_until_ms=1000 + REJOIN_MS)


def test_an_utterance_that_sounds_unfinished_is_given_time_but_never_more_than_a_second_and_a_half() -> None:
    state, _ = play(
        Idle(), SpeechBegan(0), SpeechPaused(1100, 1000), Transcribed(1150, "I would like", 1), EndJudged(1160, 0.1, 1)
    )
    due = deadline(state, POLICY)
    assert due is not None
    assert 1000 + POLICY.wait_complete_ms < due <= 1000 + LONGEST_SILENCE_MS
    patient = Policy(wait_incomplete_ms=5000)
    assert deadline(state, patient) == 1000 + LONGEST_SILENCE_MS


def test_what_the_language_model_thinks_of_the_words_keeps_a_turn_open() -> None:
    heard = (SpeechBegan(0), SpeechPaused(1100, 1000), EndJudged(1110, 0.95, 1), Transcribed(1120, "Translate the word.", 1))
    state, effects = play(Idle(), *heard, WordsJudged(1170, -10.5, 1), Tick(1000 + POLICY.wait_complete_ms))
    assert effects == [OpenTurn(), Evaluate(1), Think(1, "Translate the word.")]
    assert deadline(state, POLICY) == 1000 + LONGEST_SILENCE_MS
    assert play(state, SpeechBegan(1900))[1] == [Supersede(1)]
    state, effects = play(Idle(), *heard, WordsJudged(1170, -10.5, 0), Tick(1000 + POLICY.wait_complete_ms))
    assert effects[-2] == Commit(1, provisional=True), "an older evaluation says nothing"


def test_a_reply_waits_when_the_language_model_says_late_that_the_words_were_no_end() -> None:
    heard = (SpeechBegan(0), SpeechPaused(1100, 1000), EndJudged(1110, 0.95, 1), Tick(1000 + POLICY.wait_complete_ms))
    state, effects = play(Idle(), *heard, Transcribed(1200, "Translate the word.", 1))
    assert effects[-2] == Commit(1, provisional=True)
    held, effects = play(state, WordsJudged(1250, -10.5, 1))
    assert effects == [PauseVoice()]
    assert deadline(held, POLICY) == 1000 + LONGEST_SILENCE_MS
    assert play(held, Tick(1000 + LONGEST_SILENCE_MS))[1] == [ResumeVoice()]
    goes_on, effects = play(held, SpeechBegan(1900), WordsSoFar(2300, "Butterfly into French."))
    assert effects == [Interrupt(1, rejoins=True), OpenTurn()], "unheard"
    assert isinstance(goes_on, Listening)
    assert play(state, WordsJudged(1250, -1.5, 1), Tick(1900))[1] == [], "it was an end"
    assert play(state, WordsJudged(2400, -10.5, 1))[1] == [], "too late to be of use"
    state, effects = play(Idle(), *heard, Transcribed(1200, "What time is it?", 1), WordsJudged(1250, -10.5, 1))
    assert effects[-2:] == [Commit(1), ForgetAudio()], "nobody asks after a whole question"


def test_words_that_come_after_the_silence_was_long_enough_are_committed_at_once() -> None:
    _, effects = play(
        Idle(), SpeechBegan(0), SpeechPaused(1100, 1000), EndJudged(1160, 0.9, 1), Tick(1200), Transcribed(1400, "Yes.", 1)
    )
    assert effects[-3:] == [Think(1, "Yes."), Commit(1), ForgetAudio()]


def test_going_on_after_a_pause_drops_the_tentative_answer_and_its_late_results() -> None:
    state, effects = play(Idle(), SpeechBegan(0), SpeechPaused(1100, 1000), SpeechBegan(1150))
    assert effects[-1] == Supersede(1)
    assert isinstance(state, Listening)
    state, effects = play(state, Transcribed(1200, "I would", 1), SpeechPaused(2100, 2000), Transcribed(2110, "I would", 1))
    assert effects == [Evaluate(2)]
    assert isinstance(state, Deciding)
    assert state.text is None


def test_noise_without_words_opens_and_drops_a_turn_without_a_reply() -> None:
    state, effects = play(Idle(), SpeechBegan(0), SpeechPaused(300, 200), Transcribed(400, "", 1), Tick(2000))
    assert effects == [OpenTurn(), Evaluate(1), DropTurn(1), ForgetAudio()]
    assert state == Idle(1)


def test_nobody_is_answered_in_the_moment_in_which_they_go_on() -> None:
    said = (SpeechBegan(0), SpeechPaused(1100, 1000), EndJudged(1110, 0.9, 1), Transcribed(1120, "What time is it?", 1))
    state, _ = play(Idle(), *said)
    due_ms = 1000 + POLICY.wait_complete_ms
    suspecting, effects = play(state, SpeechSuspected(due_ms - 10), Tick(due_ms))
    assert effects == []
    assert play(suspecting, SpeechBegan(due_ms + 22))[1] == [Supersede(1)]
    assert deadline(suspecting, POLICY) == due_ms - 10 + ONSET_MS
    assert play(suspecting, Tick(due_ms - 10 + ONSET_MS))[1] == [Commit(1), ForgetAudio()], "it was a knock"
    again, _ = play(suspecting, SpeechSuspected(due_ms + 20))
    assert deadline(again, POLICY) == due_ms, "knocks do not keep a turn open"


def test_a_turn_of_which_no_words_are_known_is_given_up_before_it_hangs() -> None:
    state, _ = play(Idle(), SpeechBegan(0), SpeechPaused(300, 200))
    due = deadline(state, POLICY)
    assert due is not None
    assert due < 200 + 3000, "3 to 5 s are what people complain of"
    state, effects = play(state, Tick(due))
    assert effects == [DropTurn(1, gave_up=True), ForgetAudio()]


def test_where_the_final_words_are_late_the_newest_interim_ones_are_the_turn() -> None:
    state, _ = play(Idle(), SpeechBegan(0), WordsSoFar(500, "What"), WordsSoFar(1000, "What time is"), SpeechPaused(1100, 1000))
    state, effects = play(state, WordsSoFar(1300, "What time is it?"), EndJudged(1310, 0.9, 1), Tick(1400))
    assert effects == []
    assert deadline(state, POLICY) == 1000 + LONGEST_SILENCE_MS
    state, effects = play(state, Tick(2500), Transcribed(4000, "What time is it there?", 1))
    assert effects == [Think(1, "What time is it?"), Commit(1), ForgetAudio()]
    assert isinstance(state, Answering)


def test_interim_words_that_come_after_the_longest_silence_are_committed_at_once() -> None:
    state, _ = play(Idle(), SpeechBegan(0), SpeechPaused(300, 200))
    assert play(state, WordsSoFar(1900, "Yes."))[1] == [Think(1, "Yes."), Commit(1), ForgetAudio()]
    assert play(state, WordsSoFar(1900, "Stop."))[1] == [DropTurn(1, "Stop."), ForgetAudio()]
    assert play(state, WordsSoFar(1900, ""))[1] == []


def test_what_was_known_before_a_pause_is_still_known_after_it() -> None:
    state, _ = play(Idle(), SpeechBegan(0), SpeechPaused(1100, 1000), Transcribed(1150, "I would like", 1), SpeechBegan(1500))
    _, effects = play(state, SpeechPaused(2100, 2000), Tick(3500))
    assert effects == [Evaluate(2), Think(2, "I would like"), Commit(2), ForgetAudio()]


def test_final_words_that_are_none_drop_the_turn_whatever_the_interim_ones_were() -> None:
    state, _ = play(Idle(), SpeechBegan(0), WordsSoFar(500, "Thank you"), SpeechPaused(1100, 1000))
    assert play(state, Transcribed(1200, "", 1), Tick(2500))[1] == [DropTurn(1), ForgetAudio()]


def test_over_the_voice_late_interim_words_are_judged_where_the_final_ones_are_late_too() -> None:
    judging, _ = play(answering(), SpeechBegan(5000), SpeechPaused(5300, 5200), WordsSoFar(5500, "What about Rome"))
    state, effects = play(judging, Tick(5200 + LONGEST_JUDGEMENT_MS))
    assert effects == [Interrupt(1), OpenTurn()], "the voice does not come back only to be cut off"
    assert play(state, Transcribed(6100, "What about Rome?", 2))[1][0] == Think(2, "What about Rome?")
    assert play(state, Tick(6700))[1] == [Think(2, "What about Rome"), Commit(2), ForgetAudio()]
    assert play(judging, SpeechBegan(5600))[1] == [Interrupt(1), OpenTurn()]
    _, effects = play(judging, Transcribed(5600, "Mhm.", 2), WordsSoFar(5650, "What about Rome"), Tick(5700))
    assert effects == [ResumeVoice(), ForgetAudio()], "the final ones are surer"
    late, _ = play(answering(), SpeechBegan(5000), SpeechPaused(5300, 5200), Tick(5200 + LONGEST_JUDGEMENT_MS))
    assert play(late, WordsSoFar(6200, "I"))[1] == [], "of 'I see'"
    assert play(late, WordsSoFar(6200, "I want"))[1] == [Interrupt(1), OpenTurn()]
    known, _ = play(late, WordsSoFar(6200, "Yes"))
    assert play(known, Delivered(6500, 1), Tick(6700))[1] == [OpenTurn(), Think(2, "Yes"), Commit(2), ForgetAudio()]


def test_a_turn_that_never_pauses_ends_at_its_longest_time() -> None:
    state, _ = play(Idle(), SpeechBegan(0))
    assert deadline(state, POLICY) == POLICY.max_turn_ms
    _, effects = play(state, Tick(30_000), Transcribed(30_300, "and so on", 1))
    assert effects == [Evaluate(1), Think(1, "and so on"), Commit(1), ForgetAudio()]


def test_a_backchannel_pauses_the_voice_and_lets_it_go_on() -> None:
    state, effects = play(answering(), SpeechBegan(5000), SpeechPaused(5300, 5200), Transcribed(5400, "Mhm.", 2))
    assert effects == [PauseVoice(), Evaluate(2)]
    assert deadline(state, POLICY) == 5200 + COMES_BACK_MS
    state, effects = play(state, Tick(5200 + COMES_BACK_MS))
    assert effects == [ResumeVoice(), ForgetAudio()]
    assert state == Answering(2, 1, may_rejoin_until_ms=1000 + REJOIN_MS)


def test_a_short_sound_without_words_lets_the_voice_come_back_at_once() -> None:
    knock = (SpeechBegan(5000), SpeechPaused(5300, 5200), Transcribed(5380, "", 2))
    assert play(answering(), *knock)[1] == [PauseVoice(), Evaluate(2), ResumeVoice(), ForgetAudio()]


def test_a_short_sound_of_which_an_echo_hid_the_beginning_may_be_a_word_unless_it_is_a_knock() -> None:
    word = (SpeechBegan(5000), SpeechPaused(5300, 5200, masked=True), Transcribed(5380, "", 2))
    state, effects = play(answering(), *word)
    assert effects == [PauseVoice(), Evaluate(2)]
    assert deadline(state, POLICY) == 5200 + COMES_BACK_MS
    assert play(state, SpeechBegan(5600), WordsSoFar(6000, "did you say"))[1] == [Interrupt(1), OpenTurn()]
    knock = (SpeechBegan(5000), SpeechPaused(5128, 5064, masked=True), Transcribed(5210, "", 2))
    assert play(answering(), *knock)[1] == [PauseVoice(), Evaluate(2), ResumeVoice(), ForgetAudio()]


def test_what_goes_on_after_a_short_pause_over_the_voice_has_time_for_its_words() -> None:
    held = (SpeechBegan(5000), SpeechPaused(5650, 5550), Transcribed(5750, "", 2), SpeechBegan(5950))
    state, _ = play(answering(), *held)
    assert deadline(state, POLICY) == 5950 + LONGEST_WORDLESS_MS, "its first words are known half a second after it began"
    _, effects = play(state, Tick(5000 + LONGEST_WORDLESS_MS), WordsSoFar(6350, "I did not"))
    assert effects == [Interrupt(1), OpenTurn()], "and the voice did not come back meanwhile"
    for at_ms in (6600, 7200, 7800):
        state, _ = play(state, SpeechPaused(at_ms, at_ms - 100), Transcribed(at_ms, "", 2), SpeechBegan(at_ms + 100))
    assert deadline(state, POLICY) == 5000 + LONGEST_HELD_MS, "noise with pauses does not hold it for ever"


def test_the_voice_does_not_come_back_in_the_pause_behind_a_first_word() -> None:
    okay, _ = play(answering(), SpeechBegan(5000), SpeechPaused(5300, 5200), Transcribed(5400, "Okay.", 2))
    state, effects = play(okay, SpeechBegan(5550), SpeechPaused(5900, 5800), Transcribed(6000, "Okay, stop.", 3))
    assert effects == [Evaluate(3), Interrupt(1), OpenTurn()]
    assert play(state, Tick(7400))[1] == [DropTurn(3, "Okay, stop."), ForgetAudio()]
    state, effects = play(okay, Delivered(5500, 1))
    assert (state, effects) == (Idle(2), [ResumeVoice(), ForgetAudio()]), "a reply that is only shown"


def test_a_question_over_the_voice_takes_the_floor_and_is_answered() -> None:
    state, effects = play(
        answering(),
        SpeechBegan(5000),
        SpeechPaused(5500, 5400),
        EndJudged(5510, 0.9, 2),
        Transcribed(5650, "What about Rome?", 2),
    )
    assert effects == [
        PauseVoice(), Evaluate(2), Interrupt(1), OpenTurn(), Think(2, "What about Rome?"), Commit(2), ForgetAudio(),
    ]  # fmt: skip
    assert isinstance(state, Answering)
    assert (state.latest, state.reply) == (2, 2)


def test_where_no_words_are_known_before_the_end_long_speech_over_the_voice_takes_the_floor() -> None:
    policy = Policy(knows_words=False)
    state, _ = play(answering(), SpeechBegan(5000), policy=policy)
    assert deadline(state, policy) == 5000 + policy.floor_ms
    state, effects = play(state, Tick(5000 + policy.floor_ms), policy=policy)
    assert effects == [Interrupt(1), OpenTurn()]
    assert isinstance(state, Listening)


def test_a_long_sound_without_words_lets_the_voice_go_on() -> None:
    state, effects = play(answering(), SpeechBegan(5000), Tick(5000 + LONGEST_WORDLESS_MS))
    assert effects == [PauseVoice(), ResumeVoice()]
    assert isinstance(state, Answering)
    assert play(state, WordsSoFar(6200, "Mhm"))[1] == []
    assert play(state, WordsSoFar(6200, "No, that is wrong"))[1] == [Interrupt(1), OpenTurn()]
    state, effects = play(state, SpeechPaused(6300, 6200))
    assert effects == [Evaluate(2)], "its words may come yet, but the voice is not paused for them again"
    assert play(state, Transcribed(6700, "No, that is wrong.", 2))[1][:2] == [Interrupt(1), OpenTurn()]


def test_who_goes_on_soon_after_their_turn_was_ended_continues_it() -> None:
    cut_off, _ = play(
        Idle(), SpeechBegan(0), SpeechPaused(1100, 1000), Transcribed(1150, "Turn off the light.", 1), EndJudged(1160, 0.99, 1)
    )
    answered, _ = play(cut_off, Tick(1200))
    _, effects = play(
        answered, SpeechBegan(1700), SpeechPaused(2400, 2300), EndJudged(2410, 0.9, 2), Transcribed(2450, "in the hall.", 2)
    )
    assert effects[:5] == [PauseVoice(), Evaluate(2), Interrupt(1, rejoins=True), OpenTurn(), Think(2, "in the hall.")]
    _, effects = play(answered, SpeechBegan(1700), WordsSoFar(2200, "and in the"))
    assert effects == [PauseVoice(), Interrupt(1, rejoins=True), OpenTurn()]
    _, effects = play(answered, SpeechBegan(2501), WordsSoFar(3000, "and in the"))
    assert effects == [PauseVoice(), Interrupt(1), OpenTurn()], "later it is an interruption"


def test_a_breath_in_the_pause_does_not_make_another_turn_of_the_rest() -> None:
    breath = (SpeechBegan(1300), SpeechPaused(1500, 1400), Transcribed(1600, "", 2), Tick(1400 + COMES_BACK_MS))
    breathed, effects = play(answering(), *breath)
    assert effects == [PauseVoice(), Evaluate(2), ResumeVoice(), ForgetAudio()]
    rest = (SpeechBegan(1950), WordsSoFar(2300, "in the hall"))
    assert play(breathed, *rest)[1] == [PauseVoice(), Interrupt(1, rejoins=True), OpenTurn()]


def test_the_rest_of_a_turn_is_its_rest_though_its_words_come_late() -> None:
    let_go, _ = play(answering(), SpeechBegan(1700), Tick(1700 + LONGEST_WORDLESS_MS))
    words = WordsSoFar(2900, "and in the hall")
    taken, effects = play(let_go, words)
    assert effects == [Interrupt(1, rejoins=True), OpenTurn()]
    assert learnt(POLICY, let_go, words, taken).pace_ms == 700
    ended, _ = play(let_go, SpeechPaused(3000, 2900))
    assert play(ended, Transcribed(3900, "and in the hall.", 2))[1][0] == Interrupt(1, rejoins=True)
    assert play(let_go, WordsSoFar(9000, "What about Rome"))[1][0] == Interrupt(1), "the sound was music so far"
    assert play(let_go, SpeechPaused(9000, 8900), Transcribed(9200, "What about Rome?", 2))[1][1] == Interrupt(1)


def test_a_person_who_makes_pauses_is_given_them() -> None:
    before = Deciding(2, 0, quiet_since_ms=1000, text="So the first", probability=0.4)
    policy = learnt(POLICY, before, SpeechBegan(1900), Listening(2, 0))
    assert policy.pace_ms == 900
    unsure = Deciding(3, 0, quiet_since_ms=4000, text="the blue one.", probability=0.3)
    assert patience_ms(unsure, policy) > patience_ms(unsure, POLICY)
    sure = Deciding(3, 0, quiet_since_ms=4000, text="The blue one, please.", probability=0.95)
    assert patience_ms(sure, policy) == patience_ms(sure, POLICY), "what is surely over is answered as fast as ever"
    for _ in range(10):
        policy = learnt(policy, sure, Tick(5000), Answering(3, 3))
    assert policy.pace_ms < 100, "and a single long pause is forgotten"


def test_a_turn_that_was_ended_in_a_pause_teaches_how_long_pauses_are() -> None:
    overlapping, _ = play(answering(), SpeechBegan(1700))
    words = WordsSoFar(2200, "and in the")
    assert learnt(POLICY, overlapping, words, step(overlapping, words, POLICY)[0]).pace_ms == 700
    judging, _ = play(overlapping, SpeechPaused(2100, 2000))
    for text, pace_ms in (("and in the hall.", 700), ("Mhm.", 0), ("Stop.", 0)):
        transcribed = Transcribed(2200, text, 2)
        assert learnt(POLICY, judging, transcribed, step(judging, transcribed, POLICY)[0]).pace_ms == pace_ms
    eager = Policy(interruptions="eager")
    began = SpeechBegan(1700)
    assert learnt(eager, answering(), began, step(answering(), began, eager)[0]).pace_ms == 700


def test_the_first_words_over_the_voice_take_the_floor_unless_they_only_show_listening() -> None:
    overlapping, _ = play(answering(), SpeechBegan(5000))
    assert play(overlapping, WordsSoFar(5200, "Yeah"))[1] == []
    assert play(overlapping, WordsSoFar(5200, "Wait, what"))[1] == [Interrupt(1), OpenTurn()]


def test_stop_ends_the_reply_and_gets_none() -> None:
    state, effects = play(
        answering(), SpeechBegan(5000), SpeechPaused(5400, 5300), EndJudged(5440, 0.9, 2), Transcribed(5460, "Stop.", 2)
    )
    assert effects == [PauseVoice(), Evaluate(2), Interrupt(1), OpenTurn()]
    state, effects = play(state, Tick(5300 + POLICY.wait_complete_ms))
    assert effects == [DropTurn(2, "Stop."), ForgetAudio()]
    assert state == Idle(2)


def test_stop_may_be_the_beginning_of_a_request() -> None:
    stop, _ = play(Idle(), SpeechBegan(0), SpeechPaused(500, 400), Transcribed(550, "Stop", 1))
    _, effects = play(
        stop, SpeechBegan(700), SpeechPaused(1600, 1500), EndJudged(1650, 0.9, 2), Transcribed(1800, "Stop the timer.", 2)
    )
    assert effects == [Supersede(1), Evaluate(2), Think(2, "Stop the timer."), Commit(2, provisional=True), ForgetAudio()]


def test_stop_soon_after_the_own_turn_is_no_rest_of_it() -> None:
    assert play(answering(), SpeechBegan(1700), WordsSoFar(2200, "Stop"))[1] == [PauseVoice(), Interrupt(1), OpenTurn()]
    judging, _ = play(answering(), SpeechBegan(1700), SpeechPaused(2100, 2000))
    assert play(judging, Transcribed(2150, "Stop.", 2))[1] == [Interrupt(1), OpenTurn()]


def test_a_paused_voice_comes_back_though_the_words_never_do() -> None:
    state, _ = play(answering(), SpeechBegan(5000), SpeechPaused(5300, 5200))
    due = deadline(state, POLICY)
    assert due == 5200 + LONGEST_JUDGEMENT_MS
    _, effects = play(state, Tick(due))
    assert effects == [ResumeVoice()]


def test_words_that_come_after_the_voice_has_come_back_still_take_the_floor() -> None:
    late, _ = play(answering(), SpeechBegan(5000), SpeechPaused(5300, 5200), Tick(5200 + LONGEST_JUDGEMENT_MS))
    _, effects = play(late, Transcribed(6500, "What about Rome?", 2))
    assert effects == [Interrupt(1), OpenTurn(), Think(2, "What about Rome?"), Commit(2), ForgetAudio()]
    state, effects = play(late, Transcribed(6500, "Mhm.", 2))
    assert effects == [ForgetAudio()]
    assert state == Answering(2, 1, may_rejoin_until_ms=1000 + REJOIN_MS)
    state, effects = play(late, EndJudged(6300, 0.9, 2), Delivered(6400, 1), Transcribed(6500, "What about Rome?", 2))
    assert effects == [OpenTurn(), Think(2, "What about Rome?"), Commit(2), ForgetAudio()]


def test_a_hum_is_not_answered_though_the_reply_was_over_when_it_became_known_as_one() -> None:
    late, _ = play(answering(), SpeechBegan(5000), SpeechPaused(5300, 5200), Tick(5200 + LONGEST_JUDGEMENT_MS))
    over, effects = play(late, Delivered(6000, 1))
    assert effects == [OpenTurn()]
    assert play(over, EndJudged(6050, 0.9, 2), Transcribed(6100, "Mhm.", 2)) == (Idle(2), [DropTurn(2), ForgetAudio()])
    assert play(over, WordsSoFar(6060, "Mhm."), Tick(6600)) == (Idle(2), [DropTurn(2), ForgetAudio()]), "or became known late"
    assert play(over, Transcribed(6100, "", 2), Tick(6800))[1] == [DropTurn(2), ForgetAudio()], "a cough"
    assert play(over, Transcribed(6100, "Yes.", 2))[1][0] == Think(2, "Yes."), "it may have asked"
    _, effects = play(over, SpeechBegan(6050), SpeechPaused(6600, 6500), Transcribed(6700, "Okay.", 3), Tick(7900))
    assert effects[-2:] == [Commit(3), ForgetAudio()], "who goes on when it is over means something by it"


def test_who_speaks_over_the_end_of_a_reply_is_heard_out() -> None:
    state, _ = play(answering(), SpeechBegan(5000), Tick(5000 + LONGEST_WORDLESS_MS))
    state, effects = play(state, Delivered(6200, 1), SpeechPaused(7000, 6900))
    assert effects == [OpenTurn(), Evaluate(2)]
    assert isinstance(state, Deciding)


@pytest.mark.parametrize(("interruptions", "expected"), [("never", []), ("eager", [Interrupt(1), OpenTurn()])])
def test_interruptions_can_be_refused_or_eager(interruptions: Interruptions, expected: list[Effect]) -> None:
    policy = Policy(interruptions=interruptions)
    _, effects = play(answering(), SpeechBegan(5000), policy=policy)
    assert effects == expected


def test_typed_text_takes_the_floor_from_whoever_has_it() -> None:
    assert play(answering(), Typed(5000, "hi"))[1] == [Interrupt(1), ForgetAudio(), Think(2, "hi", typed=True), Commit(2)]
    listening, _ = play(Idle(), SpeechBegan(0))
    assert play(listening, Typed(100, "hi"))[1] == [DropTurn(0), ForgetAudio(), Think(1, "hi", typed=True), Commit(1)]


def test_whoever_lets_go_of_the_button_is_answered_as_soon_as_their_words_are_known() -> None:
    state, effects = play(Idle(), Pressed(0), SpeechBegan(300), WordsSoFar(1000, "I want to"), Released(1500))
    assert effects == [OpenTurn(), Evaluate(1)]
    state, effects = play(state, Transcribed(1900, "I want to go to", 1))
    assert effects == [Think(1, "I want to go to"), Commit(1), ForgetAudio()], "however unfinished it sounds"
    assert isinstance(state, Answering)


def test_letting_go_ends_a_turn_whose_pause_is_being_weighed() -> None:
    paused, _ = play(Idle(), SpeechBegan(0), SpeechPaused(1100, 1000), Transcribed(1150, "I want to go to", 1))
    _, effects = play(paused, Released(1200))
    assert effects == [Commit(1), ForgetAudio()]


def test_who_presses_again_before_the_answer_goes_on_with_the_turn() -> None:
    state, effects = play(Idle(), Pressed(0), SpeechBegan(300), Released(1500), Pressed(1600))
    assert effects == [OpenTurn(), Evaluate(1), Supersede(1)]
    _, effects = play(state, Transcribed(1900, "What time", 1), SpeechBegan(2000), Released(3000))
    assert effects == [Evaluate(2)]


def test_the_button_stops_a_reply_whatever_interruptions_are_allowed() -> None:
    _, effects = play(answering(), Pressed(3000), policy=Policy(interruptions="never"))
    assert effects == [Interrupt(1), ForgetAudio()]


def test_a_sound_over_the_reply_ends_where_the_button_is_let_go() -> None:
    overlapping, _ = play(answering(), SpeechBegan(3000))
    state, effects = play(overlapping, Released(3400))
    assert isinstance(state, Judging)
    assert effects == [Evaluate(2)]
    let_go, _ = play(overlapping, Tick(3000 + LONGEST_WORDLESS_MS))
    state, effects = play(let_go, Released(9000))
    assert isinstance(state, Answering)
    assert state.unjudged
    assert effects == [Evaluate(2)]
    assert play(state, Released(9100)) == (state, []), "its words are still wanted"


# --- random walks ------------------------------------------------------------------------------------------------------


def _knows_final_words(state: State) -> bool:
    return (isinstance(state, Deciding) and state.text is not None) or (isinstance(state, Judging) and state.dismissed)


@dataclass
class World:
    """Watches the effects as somebody does who carries them out, and complains when they make no sense."""

    turn_open: bool = False
    voice_paused: bool = False
    reply: int = 0
    thought: int = 0
    dead: int = 0
    evaluated: int = 0
    committed: list[int] = field(default_factory=list)
    speaking: bool = False
    """The person's voice activity, as far as it has not been forgotten."""
    awaited: int = 0
    """The evaluation whose words are still wanted; 0 for none."""
    utterance: bool = False
    """Somebody speaks, or has spoken and was not yet dealt with."""
    words: str = ""
    """The newest that are known of it."""
    quiet_since_ms: float | None = None
    """When it was last heard, if it has paused."""

    def follow(self, before: State, event: Event, effects: Sequence[Effect]) -> None:
        """What the person did and what is known of it, whatever the state makes of that. Before the effects are seen."""
        match event:
            case SpeechBegan() if not (isinstance(before, Deciding) and before.must_end):
                self.utterance = self.utterance or bool(effects)
                self.quiet_since_ms = None
            case SpeechPaused(_, quiet_since_ms) if any(isinstance(effect, Evaluate) for effect in effects):
                self.quiet_since_ms = quiet_since_ms
            case Pressed():
                self.quiet_since_ms = None
            case Released(at_ms) | Tick(at_ms) if any(isinstance(effect, Evaluate) for effect in effects):
                self.quiet_since_ms = at_ms
            case WordsSoFar(_, text) if self.utterance and not _knows_final_words(before):
                self.words = text
            case Transcribed(_, text, revision) if revision == self.awaited != 0:
                self.words = text
            case _:
                pass
        if any(isinstance(effect, DropTurn) for effect in effects) and isinstance(event, WordsSoFar | Tick):
            assert not self.words or is_hush(self.words), "no words that are known are dropped"

    def nobody_waits(self, now_ms: float) -> None:
        """Of what cannot happen any more: a person who has spoken, and hears nothing for seconds."""
        if self.quiet_since_ms is None:
            return
        quiet_ms = now_ms - self.quiet_since_ms
        if self.turn_open:
            longest_ms = LONGEST_SILENCE_MS + ONSET_MS if self.words else LONGEST_TRANSCRIPTION_MS
            assert quiet_ms < longest_ms, "a turn hangs"
        elif begins_to_take_floor(self.words):
            assert quiet_ms < LONGEST_JUDGEMENT_MS, "a voice talks on over words that are known to take the floor"

    def hear(self, event: Event, policy: Policy) -> None:
        match event:
            case SpeechBegan():
                self.speaking, self.awaited = policy.interruptions != "never", 0
            case Pressed():
                self.awaited = 0
            case SpeechPaused() | Typed() | Hushed() | Released():
                self.speaking = False
            case Delivered(_, revision) if revision == self.reply:
                self.reply = 0
            case _:
                pass

    def see(self, effect: Effect) -> None:
        match effect:
            case OpenTurn():
                assert not self.turn_open, "a turn opened within a turn"
                self.turn_open = True
            case Evaluate(revision):
                assert revision > self.evaluated, "an evaluation's revision must be new"
                self.evaluated = self.awaited = revision
            case Think(revision, text, typed):
                assert text
                assert revision > self.thought, "each revision is thought about once"
                assert revision > self.dead, "dead revisions stay dead"
                assert not self.reply, "one reply at a time: cancel before the next start"
                assert typed or self.turn_open
                self.thought = revision
            case Commit(revision):
                assert revision == self.thought, "only what is being thought about can be committed"
                assert revision > self.dead
                assert not self.voice_paused, "a committed reply can be heard"
                self.committed.append(revision)
                self.reply, self.turn_open = revision, False
            case Supersede(revision):
                assert not self.reply
                self.dead = max(self.dead, revision)
            case DropTurn(revision):
                assert self.turn_open
                self.turn_open, self.dead = False, max(self.dead, revision)
            case Interrupt(revision):
                assert revision == self.reply, "only the reply under way can be interrupted, and only once"
                self.reply, self.voice_paused, self.dead = 0, False, max(self.dead, revision)
            case PauseVoice():
                assert self.reply
                assert not self.voice_paused
                self.voice_paused = True
            case ResumeVoice():
                assert self.voice_paused
                self.voice_paused = False
            case ForgetAudio():
                self.speaking, self.awaited = False, 0
                self.utterance, self.words, self.quiet_since_ms = False, "", None

    def agrees_with(self, state: State) -> None:
        assert self.turn_open == isinstance(state, Listening | Deciding)
        is_held = isinstance(state, Answering) and state.held_until_ms is not None
        assert self.voice_paused == (is_held or isinstance(state, Overlapping | Judging))
        assert bool(self.reply) == isinstance(state, Answering | Overlapping | Judging)


def random_event(random_: random.Random, state: State, world: World, now_ms: float) -> Event:
    revision = random_.choice([state.latest, state.latest, state.latest - 1, random_.randint(0, state.latest + 2)])
    text = random_.choice(["", "Mhm.", "Stop.", "What time is it?", "and then", "Yes.", "I"])
    events: list[Event] = [
        SpeechSuspected(now_ms),
        SpeechBegan(now_ms),
        SpeechPaused(now_ms, now_ms - random_.choice([32, 96, 500])),
        WordsSoFar(now_ms, text),
        Transcribed(now_ms, text, revision),
        EndJudged(now_ms, random_.random(), revision),
        WordsJudged(now_ms, -12 * random_.random(), revision),
        Tick(now_ms),
        Delivered(now_ms, random_.choice([world.reply, revision])),
        Typed(now_ms, "typed"),
        Hushed(now_ms),
        Pressed(now_ms),
        Released(now_ms),
    ]
    # The last five end most of what has begun: were they as frequent, few walks would come far.
    return random_.choices(events, [3] * (len(events) - 5) + [1] * 5)[0]


@pytest.mark.parametrize("interruptions", ["never", "polite", "eager"])
@pytest.mark.parametrize("seed", range(4))
def test_the_laws_hold_in_random_walks(interruptions: Interruptions, seed: int) -> None:
    """12 walks of 10,000 steps, 120,000 in all: whatever happens in whatever order, no law is broken and nothing hangs. In
    particular a person of whom any words are known is answered after the longest silence, though no transcription comes."""
    random_ = random.Random(seed)
    policy = Policy(
        interruptions=interruptions,
        wait_incomplete_ms=random_.choice([600, 1200, 5000]),
        detects_end=random_.random() < 0.7,
        knows_words=random_.random() < 0.7,
    )
    state: State = Idle()
    world = World()
    now_ms = 0.0
    for _ in range(10_000):
        now_ms += random_.choice([0, 5, 20, 100, 700])
        due = deadline(state, policy)
        if due is not None and due <= now_ms:
            now_ms = due
            event: Event = Tick(due)
        else:
            event = random_event(random_, state, world, now_ms)
        before = state
        world.hear(event, policy)
        state, effects = step(state, event, policy)
        policy = learnt(policy, before, event, state)
        world.follow(before, event, effects)
        if isinstance(event, Transcribed) and event.revision == world.awaited != 0:
            if takes_floor(event.text) and not is_hush(event.text):
                assert Think(event.revision, event.text) in effects, "words that were asked for are never lost"
            world.awaited = 0
        assert 0 <= policy.pace_ms < 1_000_000
        for effect in effects:
            world.see(effect)
        world.agrees_with(state)
        world.nobody_waits(now_ms)
        assert not (world.speaking and isinstance(state, Idle)), "nobody speaks without being heard"
        assert state.latest >= before.latest, "revisions never shrink"
        if isinstance(event, Pressed):
            assert isinstance(state, Idle | Listening), "nobody speaks to whoever holds the button"
        if isinstance(event, Released):
            assert not isinstance(state, Listening | Overlapping), "nothing that was said goes on behind the button"
            assert not isinstance(state, Deciding) or patience_ms(state, policy) == 0
        if isinstance(event, Tick) and due is not None and event.at_ms >= due:
            assert state != before, "a deadline that has come moves things on"
        if isinstance(state, Deciding) and state.text is not None:
            wait = deadline(state, policy)
            assert wait is not None
            assert wait <= state.quiet_since_ms + LONGEST_SILENCE_MS + ONSET_MS, "no silence is longer than the longest"
        if isinstance(state, Answering) and state.held_until_ms is not None:
            assert state.held_until_ms <= now_ms + LONGEST_SILENCE_MS, "no reply is held for longer than the longest silence"
        if not isinstance(state, Idle | Answering):
            assert deadline(state, policy) is not None, "only who waits for the person, or speaks, may wait for ever"
    assert len(world.committed) > 100


def test_left_alone_every_state_comes_to_rest() -> None:
    """With nobody saying anything more, deadlines alone lead to Idle or to a reply that can be heard, in four steps. A person
    of whom any words are known is answered after the longest silence, though nobody ever transcribes or judges what they said,
    and though they began over a reply that ends meanwhile."""
    random_ = random.Random(7)
    state: State = Idle()
    world = World()
    now_ms = 0.0
    answered = 0
    for _ in range(20_000):
        now_ms += random_.choice([0, 20, 100, 700])
        event = random_event(random_, state, world, now_ms)
        before = state
        world.hear(event, POLICY)
        state, effects = step(before, event, POLICY)
        world.follow(before, event, effects)
        if isinstance(event, Transcribed) and event.revision == world.awaited:
            world.awaited = 0
        for effect in effects:
            world.see(effect)
        assert isinstance(left_alone(state, now_ms)[0], Idle | Answering)
        if world.utterance and world.words and not (isinstance(state, Judging) and state.dismissed):
            quiet_since_ms = now_ms if world.quiet_since_ms is None else world.quiet_since_ms
            paused, first = play(state, SpeechPaused(now_ms, quiet_since_ms), Delivered(now_ms, world.reply))
            _, later = left_alone(paused, now_ms)
            over_end = unjudged(play(state, SpeechPaused(now_ms, quiet_since_ms))[0])
            ended = DropTurn if is_hush(world.words) or (over_end and is_hum(world.words)) else Commit
            when_ms = next(
                at_ms for at_ms, effect in [*((now_ms, effect) for effect in first), *later] if isinstance(effect, ended)
            )
            assert when_ms <= max(now_ms, quiet_since_ms + LONGEST_SILENCE_MS + ONSET_MS)
            answered += ended is Commit
    assert answered > 1000


def test_whatever_came_before_a_hum_to_a_reply_that_was_heard_whole_is_not_answered() -> None:
    random_ = random.Random(11)
    state: State = Idle()
    world = World()
    now_ms = 0.0
    outlived = 0
    for _ in range(100_000):
        now_ms += random_.choice([0, 20, 100, 700])
        event = random_event(random_, state, world, now_ms)
        world.hear(event, POLICY)
        state, effects = step(state, event, POLICY)
        for effect in effects:
            world.see(effect)
        over, _ = play(state, Delivered(now_ms, world.reply))
        if unjudged(state) and isinstance(over, Deciding) and over.text is None:
            outlived += 1
            listened = play(over, Transcribed(now_ms, "Mhm.", over.latest))
            assert listened == (Idle(over.latest), [DropTurn(over.latest), ForgetAudio()])
            asked = play(over, Transcribed(now_ms, "What time is it?", over.latest))
            assert asked[1][0] == Think(over.latest, "What time is it?"), "all other words are"
    assert outlived > 1000


def unjudged(state: State) -> bool:
    """Whether a sound over a reply is over and may still become words."""
    return isinstance(state, Judging) or (isinstance(state, Answering) and state.unjudged is not None)


def left_alone(state: State, now_ms: float) -> tuple[State, list[tuple[float, Effect]]]:
    """What becomes of a state with nothing but its own deadlines, and what they cause, when."""
    caused: list[tuple[float, Effect]] = []
    for _ in range(4):
        due_ms = deadline(state, POLICY)
        if due_ms is not None:
            at_ms = max(now_ms, due_ms)
            state, effects = step(state, Tick(at_ms), POLICY)
            caused += [(at_ms, effect) for effect in effects]
    return state, caused
