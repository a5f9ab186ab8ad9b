"""What counts as a turn, a gap and an answer into a pause."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest

from rtvi_local.audio.pcm import Int16
from rtvi_local.bench.caller import Arrival, Caller, Message, Said
from rtvi_local.bench.latency import Utterance, answered_into_a_pause, ask, longest_gap_ms
from rtvi_local.virtual_clock import run

LOUD = np.full(960, 5000, np.int16)
FAINT = np.full(960, 20, np.int16)


def packet(at_ms: float, stamp_ms: float | None = None, *, loud: bool = True, pause: bool = False) -> Arrival:
    return Arrival(at_ms, LOUD if loud else FAINT, at_ms if stamp_ms is None else stamp_ms, pause)


def message(at_ms: float, type: str, data: object = None) -> Message:
    return Message(at_ms, type, data, None)


def said(first_ms: float, last_ms: float) -> Said:
    return Said(LOUD, (0, LOUD.size), first_ms, last_ms, last_ms + 15)


def test_packets_that_come_in_time_are_20_ms_apart() -> None:
    assert longest_gap_ms([packet(at_ms) for at_ms in range(0, 200, 20)], 0) == 20


def test_a_late_packet_is_a_gap_even_if_the_sender_stamped_the_delay_away() -> None:
    assert longest_gap_ms([packet(0, 0), packet(20, 20), packet(90, 90)], 0) == 70


def test_a_pause_that_the_sender_announced_is_no_gap() -> None:
    assert longest_gap_ms([packet(0, 0), packet(20, 20, loud=False, pause=True), packet(320, 320)], 0) == 20


def test_a_late_end_of_an_announced_pause_is_a_gap() -> None:
    assert longest_gap_ms([packet(0, 0), packet(20, 20, loud=False, pause=True), packet(350, 320)], 0) == 50


def test_what_was_before_the_answer_is_not_in_its_gaps() -> None:
    assert longest_gap_ms([packet(0), packet(500), packet(520)], 500) == 20


def test_a_sound_while_the_person_spoke_is_an_answer_into_a_pause() -> None:
    arrivals = [packet(1500), packet(2300)]
    assert answered_into_a_pause(arrivals, [], said(0, 2000), 2300)


def test_a_turn_that_was_closed_before_the_last_sound_was_answered_into_a_pause() -> None:
    messages = [message(1400, "user-stopped-speaking")]
    assert answered_into_a_pause([packet(2050)], messages, said(0, 2000), 2050)


def test_a_turn_that_was_closed_again_after_the_last_sound_is_an_answer_to_the_whole() -> None:
    messages = [message(1400, "user-stopped-speaking"), message(2300, "user-stopped-speaking")]
    assert not answered_into_a_pause([packet(2500)], messages, said(0, 2000), 2500)


@dataclass
class FakeCaller:
    """Says for 2 s, is answered after 450 ms with 100 ms of sound."""

    arrivals: list[Arrival] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def say(self, samples: Int16, speech: tuple[int, int] | None = None) -> Said:
        one = said(10_000, 12_000)
        one.done.set()
        self.arrivals += [packet(12_450 + 20 * i) for i in range(5)]
        self.messages += [
            message(12_110, "vad-user-stopped-speaking"),
            message(12_300, "user-transcription", {"text": "Why", "final": False}),
            message(12_320, "user-transcription", {"text": "Why is the sky blue?", "final": True}),
            message(12_330, "bot-llm-started"),
            message(12_350, "bot-llm-text", {"text": "Air "}),
            message(12_360, "bot-llm-text", {"text": "scatters."}),
            message(12_440, "metrics", {"processing": [{"processor": "turn.silence", "value": 0.1}]}),
            message(12_440, "metrics", {"ttfb": [{"processor": "llm", "value": 0.1}]}),
            message(12_460, "bot-started-speaking"),
            message(12_600, "bot-stopped-speaking"),
        ]
        return one

    end_ms: float | None = None

    async def end_heard_ms(self) -> float | None:
        return self.end_ms

    async def sound_after(self, at_ms: float, timeout_s: float) -> float | None:
        return next((a.at_ms for a in self.arrivals if a.at_ms >= at_ms and a.audible), None)


def test_a_turn_is_measured_from_the_last_sound_to_the_first() -> None:
    turn = run(ask(cast(Caller, FakeCaller()), Utterance("sky", LOUD)))
    assert turn.total_ms == 450
    assert turn.counts
    assert turn.parts == pytest.approx({"capture": 15, "network": 335, "silence": 100})
    assert turn.marks == {"vad stop": 110, "final transcript": 320, "first model text": 350, "bot started": 460}
    assert (turn.transcript, turn.reply) == ("Why is the sky blue?", "Air scatters.")


def test_what_an_appliance_on_this_machine_tells_of_its_clock_takes_the_rest_apart() -> None:
    soft = packet(12_432, loud=False)
    caller = FakeCaller(arrivals=[packet(11_000), soft], end_ms=12_330)
    turn = run(ask(cast(Caller, caller), Utterance("sky", LOUD)))
    assert turn.parts == pytest.approx({"capture": 15, "end_heard": 315, "network": 2, "silence": 100, "soft_start": 18})
    assert sum(turn.parts.values()) == pytest.approx(turn.total_ms)


@pytest.mark.parametrize("end_ms", [12_360, 11_000])
def test_an_end_that_is_not_that_of_this_turn_is_not_believed(end_ms: float) -> None:
    turn = run(ask(cast(Caller, FakeCaller(end_ms=end_ms)), Utterance("sky", LOUD)))
    assert turn.parts == pytest.approx({"capture": 15, "network": 335, "silence": 100})
