"""What Prometheus may read at /metrics: numbers alone, nothing that anybody said."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from rtvi_local.pipeline.frames import Frame, Measured
from rtvi_local.pipeline.speaker import LATE_BETWEEN_CLAUSES, LATE_IN_CLAUSE
from rtvi_local.pipeline.trace import Waterfall

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_STALL_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.5)
_PART_BUCKETS_S = (0.005, 0.01, 0.02, 0.04, 0.08, 0.12, 0.2, 0.3, 0.45, 0.7, 1.0, 1.5, 3.0)
_LATE_BUCKETS_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.5, 1.0, 3.0)
_LATE_PLACES = {LATE_IN_CLAUSE: "in clause", LATE_BETWEEN_CLAUSES: "between clauses"}
_LOOK_S = 0.1
_ANSWER_LOOK_S = 0.01
_IDLE_LOOK_S = 0.5
"""While nobody speaks and nothing is answered: every look is a waking up, a tenth of what an idle connection costs."""


class Metrics:
    """One server's metrics, in a registry of its own, so that two servers in one process don't share any."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.offers = self._counter("rtvi_offers", "Offers, by what became of them", ["result"])
        self.transport = self._counter("rtvi_transport", "Packets and messages of ended connections, by event", ["event"])
        self.loop_stall = Histogram(
            "rtvi_loop_stall_seconds", "How late the event loop ran a timer", buckets=_STALL_BUCKETS_S, registry=self.registry
        )
        self.answering_stall = Histogram(
            "rtvi_loop_stall_answering_seconds",
            "The same, only while an answer was being made",
            buckets=_STALL_BUCKETS_S,
            registry=self.registry,
        )
        self.turn = Histogram(
            "rtvi_turn_seconds",
            "From a person's last sound to the bot's first, and the parts of it",
            ["part"],
            buckets=_PART_BUCKETS_S,
            registry=self.registry,
        )
        self.voice_late = Histogram(
            "rtvi_voice_late_seconds",
            "Silence in the middle of a reply because its next sound was not there in time",
            ["place"],
            buckets=_LATE_BUCKETS_S,
            registry=self.registry,
        )
        for place in _LATE_PLACES.values():
            self.voice_late.labels(place)  # there from the start: that it was never late is to be read, too
        self.turn_began = Gauge(
            "rtvi_turn_began_seconds",
            "When the last sound before the newest answer arrived, on this machine's monotonic clock",
            registry=self.registry,
        )
        self._gauge("process_cpu_seconds", "Processor time that this process has used, all threads", time.process_time)

    def observe_conversations(self, count: Callable[[], float]) -> None:
        self._gauge("rtvi_conversations", "Conversations going on", count)

    def count_transport(self, statistics: Mapping[str, int]) -> None:
        """Add an ended connection's counters."""
        for event, count in statistics.items():
            self.transport.labels(event).inc(count)

    def observe_turn(self, waterfall: Waterfall) -> None:
        """Add an answer's times. The part "total" is their sum."""
        for part, value_ms in {**waterfall.parts, "total": waterfall.total_ms}.items():
            self.turn.labels(part).observe(value_ms / 1000)
        self.turn_began.set(waterfall.began_ms / 1000)

    def observe_frame(self, frame: Frame) -> None:
        """Count the voice's being late, if that is what the frame tells."""
        if isinstance(frame, Measured) and (place := _LATE_PLACES.get(frame.processor)):
            self.voice_late.labels(place).observe(frame.value_s)

    def exposition(self) -> bytes:
        return generate_latest(self.registry)

    async def watch_loop(self, is_idle: Callable[[], bool], is_answering: Callable[[], bool] = lambda: False) -> None:
        """Measure the event loop's stall until cancelled: how much later than asked a timer runs. Most often while the engines
        are at work on an answer, for that is what must not hold it up."""
        loop = asyncio.get_running_loop()
        while True:
            answers = is_answering()
            wait_s = _ANSWER_LOOK_S if answers else _IDLE_LOOK_S if is_idle() else _LOOK_S
            due_s = loop.time() + wait_s
            await asyncio.sleep(wait_s)
            late_s = max(0.0, loop.time() - due_s)
            self.loop_stall.observe(late_s)
            if answers or is_answering():
                self.answering_stall.observe(late_s)

    def _counter(self, name: str, documentation: str, labels: list[str]) -> Counter:
        return Counter(name, documentation, labels, registry=self.registry)

    def _gauge(self, name: str, documentation: str, value: Callable[[], float]) -> None:
        Gauge(name, documentation, registry=self.registry).set_function(value)
