"""Whether the engine is lost, out of what its heartbeat says and when that was looked at."""

from __future__ import annotations

from typing import Final

from xrpfast.service.heartbeat import Beat, RunState

OWN_GAP_NS: Final = 1_000_000_000
"""Silence between two looks counts up to this: a watchdog that was away has seen nothing more."""


class Judge:
    """Compares beats with each other, never with a clock: a suspended machine, another boot and a
    clock that is set mean nothing. Only the watchdog's own monotonic time counts."""

    def __init__(self, after_ns: int) -> None:
        self._after_ns = after_ns
        self._own_gap_ns = min(OWN_GAP_NS, after_ns // 4)
        self._last: Beat | None = None
        self._looked_ns = 0
        self._fresh_ns = 0
        """From then on silence counts."""

    def lost(self, beat: Beat | None, now_ns: int) -> bool:
        """Whether somebody has to answer for orders and has been silent for so long."""
        since_ns = now_ns - self._looked_ns if self._looked_ns else 0
        self._looked_ns = now_ns
        if beat is not None and (self._last is None or _stamp(beat) != _stamp(self._last)):
            self._last, self._fresh_ns = beat, now_ns
        elif since_ns > self._own_gap_ns:
            # Never all of it anew: on a machine that thrashes there is always another gap.
            self._fresh_ns += since_ns - self._own_gap_ns
        # A file that cannot be read any more is no sign of life, and none of a clean stop.
        last = self._last
        if last is None or last.state is RunState.STOPPED:
            return False
        return now_ns - self._fresh_ns > self._after_ns

    @property
    def last(self) -> Beat | None:
        """The latest beat that could be read."""
        return self._last


def _stamp(beat: Beat) -> tuple[int, int, int, RunState]:
    return beat.pid, beat.epoch, beat.beats, beat.state
