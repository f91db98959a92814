"""Offset between a venue's clock and ours, from the quickest of a few round trips."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import monotonic_ns, time_ns
from typing import NamedTuple

MILLISECOND_NS = 1_000_000
SAMPLES = 5


class ClockOffset(NamedTuple):
    """One measurement, in nanoseconds."""

    wall_ns: int
    """Venue time minus local wall time: what a request's timestamp needs."""
    mono_ns: int
    """Local monotonic time minus venue time: what the age of market data needs."""
    uncertainty_ns: int


def from_sample(
    sent_mono: int, got_mono: int, sent_wall: int, got_wall: int, server_ms: int
) -> ClockOffset:
    """The offset as one round trip shows it.

    The server's stamp is cut to milliseconds, so the middle of that millisecond is taken and half
    of it is uncertain; on top comes half of the round trip.
    """
    server = server_ms * MILLISECOND_NS + MILLISECOND_NS // 2
    return ClockOffset(
        wall_ns=server - (sent_wall + got_wall) // 2,
        mono_ns=(sent_mono + got_mono) // 2 - server,
        uncertainty_ns=(got_mono - sent_mono) // 2 + MILLISECOND_NS // 2,
    )


async def measure(
    server_time_ms: Callable[[], Awaitable[int]], samples: int = SAMPLES
) -> ClockOffset:
    """Asks ``samples`` times, one after the other, and keeps the quickest answer."""
    best: ClockOffset | None = None
    for _ in range(samples):
        sent_mono, sent_wall = monotonic_ns(), time_ns()
        server_ms = await server_time_ms()
        sample = from_sample(sent_mono, monotonic_ns(), sent_wall, time_ns(), server_ms)
        if best is None or sample.uncertainty_ns < best.uncertainty_ns:
            best = sample
    assert best is not None
    return best
