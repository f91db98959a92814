"""`LatencyHistogram`: what every stage of the engine is measured with."""

from __future__ import annotations

import pytest

from xrpfast import LatencyHistogram


def test_percentiles_are_within_a_thousandth() -> None:
    histogram = LatencyHistogram()
    for ns in range(1, 100_001):
        histogram.record(ns)
    assert histogram.count == 100_000
    assert histogram.max == 100_000
    for percent in (1.0, 50.0, 99.0, 99.9, 100.0):
        assert histogram.percentile(percent) == pytest.approx(percent * 1000, rel=0.001)


def test_an_empty_one_is_zero() -> None:
    histogram = LatencyHistogram()
    assert (histogram.count, histogram.max, histogram.percentile(99.0)) == (0, 0, 0)


def test_records_are_clamped() -> None:
    histogram = LatencyHistogram()
    histogram.record(-1)
    histogram.record(10**15)
    assert (histogram.percentile(1.0), histogram.max) == (1, 60 * 10**9)


def test_merging_and_resetting() -> None:
    first, second = LatencyHistogram(), LatencyHistogram()
    first.record(10)
    second.record(1_000_003)
    first.merge(second)
    first.merge(first)
    assert (first.count, first.max, second.count) == (4, 1_000_003, 1)
    first.reset()
    assert (first.count, first.max, first.percentile(50.0)) == (0, 0, 0)
    first.record(7)
    assert first.max == 7


def test_only_whole_nanoseconds_are_taken() -> None:
    with pytest.raises(TypeError):
        LatencyHistogram().record(1.5)  # type: ignore[arg-type]
