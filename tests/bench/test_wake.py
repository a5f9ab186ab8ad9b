from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

import numpy as np
import pytest

from rtvi_local.audio.pcm import Int16
from rtvi_local.bench import wake_figures
from rtvi_local.bench.wake import CROWDS_DB, ECHOES, LEAD_S, SPEEDS, Studio, lacks_a_word, other_speech, others, utterances
from rtvi_local.bench.wake_figures import Figures, broken, figures_of, table
from rtvi_local.engines.fakes import EchoTranscriber
from rtvi_local.engines.interfaces import Float32


class Voice:
    """A tone for each text, longer where it is slower."""

    def say(self, text: str, speed: float = 1.0, pitch: float = 1.0) -> Float32:
        return np.asarray(0.3 * np.sin(np.arange(int(16_000 / speed)) * 0.1 * pitch), np.float32)


def studio() -> Studio:
    people = np.asarray(np.random.default_rng(1).normal(size=40_000), np.float32)
    return Studio(Voice(), people, None)  # type: ignore[arg-type]


def test_each_word_is_said_at_every_speed_before_every_crowd() -> None:
    said = dict(utterances(studio(), "Alexa"))
    assert len(said) == len(SPEEDS) * len(CROWDS_DB) == wake_figures.OF == 20
    assert (len(SPEEDS), len(ECHOES)) == (wake_figures.COMMANDS, wake_figures.ECHOES), "of so many are the others"
    assert len({samples.size for samples in said.values()}) == len(SPEEDS)
    quiet = said["Alexa ×1.0"]
    noises = [said[f"Alexa ×1.0, crowd {crowd_db:.0f} dB"] - quiet for crowd_db in CROWDS_DB if crowd_db is not None]
    levels = [float(np.mean(noise**2)) for noise in noises]
    assert all(weaker < stronger for weaker, stronger in itertools.pairwise(levels))
    lead = int(LEAD_S * 16_000)
    before, beside = (float(np.mean(part**2)) for part in (noises[0][:lead], noises[0][lead : lead + 16_000]))
    assert 0.5 < before / beside < 2, "the crowd does not begin with the word"


def test_other_speech_does_not_repeat_itself_soon() -> None:
    heard = list(itertools.islice((samples.tobytes() for _, samples in others(Voice(), None)), 0, 66 * 6, 66))
    assert len(set(heard)) == len(heard)


class Naps:
    """A room that something wakes by mistake, and that sleeps again; what is heard at these times is transcribed (a Room)."""

    WAKES_AT, SLEEPS_AT, TRANSCRIBES_AT = 2, 4, (3, 5)

    def __init__(self, transcriber: EchoTranscriber) -> None:
        self._transcriber = transcriber
        self._times = 0
        self.awake = False
        self.woken_ms: list[float] = []

    async def hear(self, samples: Int16) -> None:
        self._times += 1
        if self._times == self.WAKES_AT:
            self.awake = True
            self.woken_ms.append(0.0)
        if self._times in self.TRANSCRIBES_AT:
            self._transcriber.heard_samples.append(samples.size)
        self.awake = self.awake and self._times < self.SLEEPS_AT

    async def close(self) -> None: ...


class Rooms:
    """A Studio with such rooms."""

    voice = Voice()

    def room(self, words: Sequence[str], transcriber: EchoTranscriber) -> Naps:
        return Naps(transcriber)


def test_what_is_transcribed_asleep_is_counted_after_a_false_wake_too_and_what_is_awake_is_not() -> None:
    figures = Figures()
    asyncio.run(other_speech(figures, cast(Studio, Rooms()), 0.2, None))
    assert len(figures.false_wakes) == 1
    assert figures.transcribed_asleep == 1


def test_a_command_with_a_word_too_many_has_lost_none() -> None:
    assert not lacks_a_word("What time is it?")
    assert not lacks_a_word("Or what time is it?")
    assert lacks_a_word("Time is it?")
    assert lacks_a_word("")


def found(**changes: Any) -> dict[str, Any]:
    figures = Figures(
        woken={"alexa": 19, "hey computer": 18},
        missed=["Alexa ×0.8"],
        other_speech_minutes=60.2,
        false_wakes=["A lexer."],
        commands={"alexa": 4, "hey computer": 5},
        commands_wrong=["alexa ×1.0: Or what time is it?"],
        own_voice={"alexa": 0},
        control_woken=3,
        server_percent_of_a_core={"alexa": 4.9996, "hey computer": 4.0},
    )
    return {**asdict(figures), **changes}


def test_the_table_has_every_bound_and_names_what_was_missed_and_what_woke_it_by_mistake() -> None:
    assert broken(found()) == []
    text = table(found())
    for part in ("19 of 20", "≥ 19", "Missed: Alexa ×0.8.", "A lexer.", "4 of 5", "not word for word: alexa ×1.0", "3 of 4"):
        assert part in text
    assert "4.9996 % of one core" in text, "just below its bound is not shown as the bound"


@pytest.mark.parametrize(
    "wrong",
    [
        {"woken": {"alexa": 20, "okay nabu": 18}},
        {"false_wakes": ["A lexer.", "Elixir."]},
        {"transcribed_asleep": 1},
        {"commands_cut": 1},
        {"own_voice": {"alexa": 1}},
        {"server_percent_of_a_core": {"alexa": 5.1}},
        {"server_percent_of_a_core": {"hey computer": 8.4}},
    ],
)
def test_each_promise_about_wake_words_has_a_bound_that_can_break(wrong: dict[str, Any]) -> None:
    assert len(broken(found(**wrong))) == 1


def test_of_two_hours_two_false_wakes_are_borne() -> None:
    assert broken(found(other_speech_minutes=120.5, false_wakes=["A lexer.", "Elixir."])) == []
    assert broken(found(other_speech_minutes=10.0, false_wakes=["A lexer.", "Elixir."]))


def test_what_an_older_file_does_not_hold_was_not_measured() -> None:
    older = found()
    del older["commands_cut"]
    assert next(one for one in figures_of(older) if one.name == "commands that lack a word").holds is None
    assert broken(older) == []
