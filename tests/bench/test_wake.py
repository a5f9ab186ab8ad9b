from __future__ import annotations

import itertools

import numpy as np

from rtvi_local.bench.wake import CROWDS_DB, LEAD_S, SPEEDS, Figures, Studio, others, report, utterances
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
    assert len(said) == len(SPEEDS) * len(CROWDS_DB) == 20
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


def test_the_report_names_what_was_missed_and_what_woke_it_by_mistake() -> None:
    figures = Figures(
        woken={"alexa": 19},
        missed=["Alexa ×0.8"],
        other_speech_minutes=60,
        false_wakes=["A lexer."],
        commands={"alexa": 4},
        commands_wrong=["alexa ×1.0: what is it"],
        own_voice={"alexa": 1},
        control_woken=3,
        server_percent_of_a_core={"alexa": 4.0},
    )
    text = report(figures)
    parts = (
        "19 of 20",
        "missed: Alexa ×0.8",
        "1 false wakes in 60.0",
        "A lexer.",
        "4 of 5",
        "wrong: alexa ×1.0",
        "1 times of 4",
        "4.0 %",
    )
    for part in parts:
        assert part in text
