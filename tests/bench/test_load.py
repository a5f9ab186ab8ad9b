"""The appliance's own counts, read from outside."""

from __future__ import annotations

import math

import pytest

from rtvi_local.bench.load import processor_name, stall_ms

EDGES = (0.001, 0.01, 0.1, math.inf)


def histogram(*counts: float) -> dict[float, float]:
    return dict(zip(EDGES, counts, strict=True))


def test_the_stall_of_99_in_100_lies_within_the_bucket_that_holds_the_99th() -> None:
    assert stall_ms({}, histogram(98, 100, 100, 100)) == pytest.approx(1 + 9 / 2)


def test_what_was_before_does_not_count() -> None:
    assert stall_ms(histogram(0, 0, 0, 50), histogram(100, 100, 100, 150)) == pytest.approx(0.99)


def test_beyond_the_last_edge_only_that_edge_is_known() -> None:
    assert stall_ms({}, histogram(0, 0, 0, 10)) == pytest.approx(100)


def test_nothing_counted_is_no_figure() -> None:
    assert stall_ms({}, histogram(0, 0, 0, 0)) is None
    assert stall_ms({}, {}) is None


def test_the_processor_is_named_as_the_kernel_names_it() -> None:
    assert processor_name("processor\t: 0\nmodel name\t: AMD EPYC 9B14\n", "x86_64") == "AMD EPYC 9B14"
    assert processor_name("Hardware : x\nModel\t: Raspberry Pi 5\n", "aarch64") == "Raspberry Pi 5"
    assert processor_name("", "arm64") == "arm64"
