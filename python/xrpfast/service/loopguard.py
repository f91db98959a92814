"""Stalls of the event loop: the largest is measured, and after a long one nothing is decided
until every market socket has been read empty and the books rest on fresh, timed data.

After a stall old frames arrive "just now". The guard is tripped by whoever runs first: its own
tick or the first burst of frames.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import Final

TICK_S: Final = 0.005
_TICK_NS: Final = 5_000_000


class LoopGuard:
    """``last_ns`` is the loop's latest sign of life; `late` is asked on the hot path."""

    def __init__(
        self,
        max_gap_ns: int,
        sockets: Callable[[], Sequence[int]],
        fresh: Callable[[int], bool],
    ) -> None:
        """``sockets``: descriptors of the market sockets, -1 for one that is down.

        ``fresh(since_ns)``: every book rests on timed data no older than allowed, received since.
        """
        self.largest_gap_ns = 0
        self.trips = 0
        self.tripped = False
        self.last_ns = monotonic_ns()
        self.spinning = False
        self._max_gap_ns = max_gap_ns
        self._sockets = sockets
        self._fresh = fresh
        self._tripped_ns = 0
        self._drained: set[int] = set()
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self.last_ns = monotonic_ns()
        self.largest_gap_ns = 0
        self._tick()

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _tick(self) -> None:
        self.alive(monotonic_ns())
        self._handle = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def alive(self, now_ns: int) -> None:
        """The loop came round."""
        gap = now_ns - self.last_ns
        if not self.spinning:
            gap -= _TICK_NS  # it meant to sleep so long
        if gap > self.largest_gap_ns:
            self.largest_gap_ns = gap
        if gap > self._max_gap_ns:
            self._trip(now_ns)
        self.last_ns = now_ns
        if self.tripped:
            self._recover()

    def blocked(self, now_ns: int) -> bool:
        """Whether a decision at ``now_ns`` must not be taken."""
        gap = now_ns - self.last_ns
        if gap > self._max_gap_ns + _TICK_NS:
            self.largest_gap_ns = max(self.largest_gap_ns, gap - _TICK_NS)
            self._trip(now_ns)
            self.last_ns = now_ns
        return self.tripped

    def _trip(self, now_ns: int) -> None:
        self.trips += 1
        self.tripped = True
        self._tripped_ns = now_ns
        self._drained.clear()

    def _recover(self) -> None:
        """A socket is drained once it was seen with nothing left to read."""
        descriptors = [fd for fd in self._sockets() if fd >= 0]
        waiting = [fd for fd in descriptors if fd not in self._drained]
        if waiting:
            poller = select.poll()
            for fd in waiting:
                poller.register(fd, select.POLLIN)
            readable = {fd for fd, _ in poller.poll(0)}
            self._drained.update(fd for fd in waiting if fd not in readable)
        if all(fd in self._drained for fd in descriptors) and self._fresh(self._tripped_ns):
            self.tripped = False
