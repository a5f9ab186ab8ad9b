"""What the scenes of turn-taking make of what they observe."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from rtvi_local.bench.caller import Arrival, Caller, Message
from rtvi_local.bench.latency import Utterance as Recorded
from rtvi_local.bench.turns import answers, echo, end, interruptions, noise, runner
from rtvi_local.bench.turns.cli import chosen
from rtvi_local.bench.turns.kind import Figure, Kind, Outcome, Place, Played
from rtvi_local.bench.turns.kinds import KINDS
from rtvi_local.bench.turns.report import broken, table, with_figures
from rtvi_local.bench.turns.scenes import Utterance, end_of_turn, read
from rtvi_local.bench.turns.sounds import Studio
from rtvi_local.engines.interfaces import Float32
from rtvi_local.engines.whisper import Whisper
from rtvi_local.errors import UserError
from rtvi_local.pipeline.frames import VoicePaused, VoiceResumed
from rtvi_local.rtvi.opt_in import log_line

LOUD = np.full(960, 5000, np.int16)


class Hums:
    """A studio that hums instead of speaking."""

    def say(self, utterance: Utterance) -> Float32:
        return np.full(1600 + 100 * len(utterance.words), 0.1, np.float32)


def figure(figures: list[Figure], name: str) -> Figure:
    return next(one for one in figures if one.name.startswith(name))


def arrivals(*spans: tuple[int, int]) -> list[Arrival]:
    return [Arrival(float(at_ms), LOUD) for start, end in spans for at_ms in range(start, end, 20)]


def ended(**changes: Any) -> Outcome:
    outcome = {"group": "paused", "turns": 1, "ended_ms": 400.0, "committed_before_ms": [], "audible_before_ms": None}
    return {**outcome, **changes}


def broken_of(outcome: Outcome) -> list[Figure]:
    return list(broken({"kinds": {"noise": [outcome]}}))


def test_kinds_are_chosen_by_name_and_quick_takes_a_part_of_their_scenes() -> None:
    assert chosen("all") == (list(KINDS), False)
    assert chosen("quick") == (list(KINDS), True)
    assert chosen("noise,end,quick") == (["noise", "end"], True)
    with pytest.raises(UserError, match="--questions"):
        chosen("20")


def test_the_issue_s_counts_are_played() -> None:
    """At least 60 utterances with pauses, 40 interruptions, 40 that are none, 10 minutes of noise and of silence."""
    utterances = end_of_turn()
    assert len(utterances.paused) >= 60
    assert {utterance.pause_s for utterance in utterances.paused} == {0.3, 0.5, 0.7, 0.9, 1.2}
    scenes = interruptions.scenes(cast(Studio, Hums()), None)
    groups = [scene.group for scene in scenes]
    assert groups.count("question") + groups.count("hush") >= 40
    assert groups.count("backchannel") + groups.count("noise") >= 40
    assert len({scene.name for scene in scenes}) == len(scenes), "names tell scenes apart"
    groups = [group for group, _ in noise.order()]
    assert noise.PIECE_S * groups.count(noise.SILENCE) >= 600
    assert noise.PIECE_S * sum(map(groups.count, ("café", "music", "television"))) >= 600, "and household noise besides"
    assert groups.count("household") > 0


def test_the_noises_that_are_played_are_none_of_those_by_which_settings_were_chosen() -> None:
    """Seeds 0 to 24, and 100 to 124, which were looked at afterwards."""
    assert not {seed for _, seed in noise.order()} & set(range(200))
    pieces = noise.order()
    assert len(set(pieces)) == len(pieces), "names tell scenes apart"


def test_in_a_recording_the_voice_ends_before_the_click_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [Recorded("hey-guys", LOUD, (100, 500)), Recorded("jfk", LOUD, (0, 960)), Recorded("wake-alexa", LOUD, (0, 960))]
    monkeypatch.setattr(end, "spoken_by_people", lambda folder: said)
    scenes = end.scenes(cast(Studio, Hums()), Path("recordings"))[-2:]
    assert [(scene.name, scene.group, scene.speech) for scene in scenes] == [
        ("hey-guys.wav", "recorded", (100, 500)),
        ("jfk.wav", "paused", (0, 960)),
    ]


def test_the_second_set_of_utterances_shares_none_with_the_first() -> None:
    first, second = read("end_of_turn.toml"), read("end_of_turn_2.toml")
    for group in ("complete", "paused", "whole_before_pause"):
        assert len(second[group]) == len(first[group])
        assert not set(second[group]) & set(first[group])


def test_a_turn_that_was_rejoined_before_anything_was_audible_is_not_an_answer() -> None:
    silently = ended(committed_before_ms=[-900.0])
    audibly = ended(committed_before_ms=[-900.0], audible_before_ms=-400.0, turns=2)
    figures = end.figures([silently, audibly, ended(), ended(group="complete")])
    assert figure(figures, "pauses: answered audibly").value == 1
    assert figure(figures, "pauses: closed").value == 2
    assert figure(figures, "all: made into two turns").value == 1


def test_the_answer_to_all_of_it_may_arrive_a_moment_before_the_message_that_says_so() -> None:
    along = ended(committed_before_ms=[-900.0], audible_before_ms=399.0)
    before = ended(committed_before_ms=[-900.0], audible_before_ms=370.0)
    never = ended(committed_before_ms=[-900.0], audible_before_ms=399.0, ended_ms=None)
    assert figure(end.figures([along, before, never]), "pauses: answered audibly").value == 2


@pytest.mark.parametrize("group", ["complete", "paused", "whole_before_pause", "recorded"])
def test_whoever_was_made_into_two_turns_breaks_a_bound_whatever_they_said(group: str) -> None:
    once = ended(group=group, ended_ms=200.0, detector=True)
    report = {"kinds": {"end": [once, {**once, "turns": 2}]}}
    assert [(one.name, one.value, one.of) for one in broken(report)] == [("all: made into two turns", 1, 2)]


def test_a_turn_that_never_ended_breaks_a_bound() -> None:
    figures = end.figures([ended(group="complete", ended_ms=None)])
    assert figure(figures, "all: never ended").holds is False
    assert figure(figures, "complete: end of turn, median").value is None


def test_the_held_voice_is_the_longest_silence_that_begins_around_the_sound() -> None:
    received = arrivals((0, 2000), (2700, 4000), (4900, 6000))
    assert interruptions.hold(received, 1900, 3000) == (2000, 2700)
    assert interruptions.hold(received, 100, 1000) is None


def test_lost_and_doubled_words_are_found_and_numbers_may_be_written_as_digits() -> None:
    text = "It crosses two bridges and arrives before noon."
    assert interruptions.lost_or_doubled(text, "It crosses 2 bridges and arrives before noon") == 0
    assert interruptions.lost_or_doubled(text, "It crosses two bridges and before noon.") == 1
    assert interruptions.lost_or_doubled(text, "It crosses two two bridges and arrives before noon.") == 1
    assert interruptions.lost_or_doubled(text, "It crosses the bridges and arrives before noon.") == 0
    assert interruptions.lost_or_doubled(text, "It crosses two bridges and up rides before noon.") == 0
    assert interruptions.lost_or_doubled(text, "It crosses to bridge is and arrives before noon.") == 0
    assert interruptions.lost_or_doubled(text, "It crosses two bridges bridges and up rides noon.") > 0
    assert interruptions.lost_or_doubled(text, "It crosses two bridges and arrives arrives at noon.") > 0


def test_a_word_is_lost_that_is_not_heard_the_second_time_either() -> None:
    right, lost = "It crosses two bridges.", "It crosses bridges."
    assert not interruptions.is_wrong({"text": right, "heard": right})
    assert not interruptions.is_wrong({"text": right, "heard": lost, "heard_again": right})
    assert interruptions.is_wrong({"text": right, "heard": lost, "heard_again": lost})
    assert interruptions.is_wrong({"text": right, "heard": lost})


def test_who_was_asked_to_be_quiet_and_speaks_on_is_counted() -> None:
    quiet = {"group": "hush", "stopped_ms": 200.0, "again": False, "answered": False}
    figures = interruptions.figures([quiet, {**quiet, "answered": True}, {**quiet, "stopped_ms": None}])
    assert figure(figures, "asked to be quiet").value == 2
    assert figure(figures, "interruptions that stop").value == 2
    assert figure(figures, "interruptions that stop").holds is False


def test_an_answer_of_one_word_that_was_not_heard_breaks_its_bound() -> None:
    heard = {"group": "No.", "text": ["No"], "answered_ms": 250.0}
    assert figure(answers.figures([heard, heard]), "“No.”").holds
    assert figure(answers.figures([heard, {**heard, "answered_ms": None}]), "“No.”").holds is False
    assert figure(answers.figures([{**heard, "group": "Stop."}]), "“Stop.”").holds is False


def test_noise_may_open_turns_but_must_not_be_answered() -> None:
    one = {"group": "music", "seconds": 30.0, "opened": 2, "transcripts": [], "turns": [], "replies": 0}
    assert broken({"kinds": {"noise": [{**one, "detector": True}]}}) == []
    assert broken({"kinds": {"noise": [{**one, "detector": True, "replies": 1}]}})
    assert broken({"kinds": {"noise": [{**one, "group": "silence", "transcripts": ["you"], "detector": True}]}})


def test_a_noise_whose_turn_was_given_up_is_no_success() -> None:
    one = {"group": "music", "seconds": 30.0, "opened": 2, "transcripts": [], "turns": [], "replies": 0, "detector": True}
    given_up = "music: given up"
    assert figure(broken_of({**one, "errors": 1}), given_up).value == 1
    assert broken_of({**one, "errors": 0}) == []
    assert figure(noise.figures([one]), given_up).value is None, "not measured yet"


def test_echo_has_a_line_of_its_own_for_each_level_and_delay() -> None:
    cells = itertools.product(echo.LEVELS_DB, echo.DELAYS_MS)
    alone = {"group": "alone", "detector": True}
    outcomes: list[Outcome] = [{**alone, "level_db": level, "delay_ms": delay, "signs": []} for level, delay in cells]
    outcomes[0]["signs"] = ["bot-interrupted"]
    lines = [line.split("  ")[0] for line in table({"kinds": {"echo": outcomes}}).splitlines()]
    assert len([name for name in lines if " after " in name]) == len(outcomes)
    row = next(line for line in table({"kinds": {"echo": outcomes}}).splitlines() if "at -30 dB after 20 ms" in line)
    assert "1 of 1" in row


def test_a_voice_that_stutters_for_less_than_a_pause_between_words_is_counted_by_the_log() -> None:
    log = [log_line(frame) for frame in (VoicePaused(), VoiceResumed(), VoicePaused())]
    heard = [Message(0.0, "system-log", {"text": line}, None) for line in log]
    caller = cast(Caller, SimpleNamespace(messages=[*heard, Message(0.0, "bot-stopped-speaking", None, None)]))
    assert interruptions.pauses(caller) == 2
    alone: Outcome = {"group": "alone", "level_db": -6.0, "delay_ms": 20.0, "signs": []}
    pauses = "… at -6 dB: the voice pauses"
    stuttered = figure(echo.figures([{**alone, "pauses": 2}, {**alone, "pauses": 0}]), pauses)
    assert (stuttered.value, stuttered.of) == (1, 2)
    assert figure(echo.figures([alone]), pauses).value is None, "not measured yet"


@pytest.mark.parametrize("paused", [True, False])
def test_silence_of_a_voice_that_was_not_held_is_a_gap_and_no_sign_that_it_interrupts_itself(paused: bool) -> None:
    log = [Message(0.0, "system-log", {"text": log_line(VoicePaused())}, None)] if paused else []
    caller = cast(Caller, SimpleNamespace(messages=log, arrivals=arrivals((0, 1000), (1500, 2000))))
    assert echo.signs(caller, 0.0) == (["held for 520 ms"] if paused else [])
    assert echo.gap_ms(caller, 0.0) == (None if paused else 520)


def test_gaps_have_a_line_of_their_own_among_the_figures() -> None:
    alone: Outcome = {"group": "alone", "level_db": -6.0, "delay_ms": 20.0, "signs": [], "pauses": 0}
    late = figure(echo.figures([{**alone, "gap_ms": 520.0}, {**alone, "gap_ms": None}]), "silent without being held")
    assert (late.value, late.of, late.holds) == (1, 2, None)
    mhm: Outcome = {
        "group": "backchannel",
        "text": "One.",
        "heard": "One.",
        "cancelled": False,
        "held_ms": None,
        "back_ms": None,
    }
    figures = interruptions.figures([{**mhm, "gap_ms": 200.0}])
    assert [figure(figures, name).value for name in ("voice held", "silent without being held")] == [0, 1]
    assert figure(interruptions.figures([mhm]), "silent without being held").value is None, "not measured yet"


def test_both_ways_stand_side_by_side_and_only_the_default_one_is_judged() -> None:
    outcomes = [ended(detector=True), ended(detector=False, audible_before_ms=-1.0, committed_before_ms=[-300.0])]
    report = {"kinds": {"end": outcomes}}
    row = next(line for line in table(report).splitlines() if line.startswith("pauses: answered audibly"))
    assert row.split("  ")[-1].strip() == "yes"
    assert "0 of 1" in row
    assert "1 of 1" in row
    assert with_figures(report)["figures"]["end"]["without"][0]["holds"] is False


def test_what_was_played_without_smart_turn_alone_is_shown_and_not_judged() -> None:
    report = {"kinds": {"end": [ended(detector=False, audible_before_ms=-1.0, committed_before_ms=[-300.0])]}}
    row = next(line for line in table(report).splitlines() if line.startswith("pauses: answered audibly"))
    assert "1 of 1" in row
    assert row.endswith("≤ 0.1"), "whether the bound holds is not said"
    assert broken(report) == []


def test_a_scene_in_which_something_never_happened_is_counted_as_failed() -> None:
    report = {"kinds": {"end": [ended(detector=True), {"detector": True, runner.FAILED: "no bot-stopped-speaking"}]}}
    assert [(one.name, one.value) for one in broken(report)] == [("scenes that failed", 1)]


async def _play(place: Place, scene: Utterance) -> Played:
    if scene.text == "broken":
        raise KeyboardInterrupt
    return Played({"detector_was": place.detector})


def test_a_sitting_goes_on_where_it_was_cut_short() -> None:
    person = end_of_turn().complete[0].person
    scenes = [Utterance(text, person) for text in ("one", "two", "broken", "four")]
    said: list[str] = []

    def sit(scenes: list[Utterance], report: runner.Report) -> None:
        kind: Kind[Utterance] = Kind("end", lambda studio, folder: scenes, _play, end.figures)
        runner.run(
            [kind],
            (True,),
            report,
            studio=cast(Studio, Hums()),
            whisper=cast(Whisper, None),
            recordings=None,
            every=1,
            url="http://127.0.0.1:1",
            server=(),
            say=said.append,
        )

    report: runner.Report = {"kinds": {}}
    with pytest.raises(KeyboardInterrupt):
        sit(scenes, report)
    assert [one["name"] for one in report["kinds"]["end"]] == ["one", "two"]
    said.clear()
    sit([*scenes[:2], scenes[3]], report)
    assert [one["name"] for one in report["kinds"]["end"]] == ["one", "two", "four"]
    assert sum("of 1" in line for line in said) == 1, "only what was missing is played"


def test_what_is_no_report_is_not_added_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rtvi_local.cli import USER_ERROR, main

    file = tmp_path / "turns.json"
    file.write_text("{}")
    assert main(["bench", "--turns", "quick", "--add", "--save", str(file)]) == USER_ERROR
    assert "no report" in capsys.readouterr().err
