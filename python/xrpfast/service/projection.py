"""The ledger follows the journal: collected on the way, applied later in small slices.

A slice is bounded, so that the loop is never held for long; what waits is only in memory, because
the journal has it already.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic_ns
from typing import Final, Protocol

SLICE: Final = 4
SLICE_NS: Final = 100_000
PAUSE_S: Final = 0.002
"""Between slices: a tick that comes meanwhile waits for one slice at the most."""

JournalRecord = tuple[int, int, int, bytes]
"""(sequence, time, kind, payload)."""


class Follower(Protocol):
    """The ledger: takes records in order, makes them durable on `commit`."""

    def apply(self, sequence: int, time_ns: int, kind: int, payload: bytes) -> None: ...
    def commit(self) -> None: ...
    def close(self) -> None: ...


class Projection:
    """Feeds one follower."""

    def __init__(
        self, follower: Follower, interval_s: float, on_error: Callable[[Exception], None]
    ) -> None:
        self._follower = follower
        self._interval_s = interval_s
        self._on_error = on_error
        self._waiting: deque[JournalRecord] = deque()
        self._handle: asyncio.Handle | None = None
        self._stopped = False

    def add(self, sequence: int, time_ns: int, kind: int, payload: bytes) -> None:
        """One record, as it went into the journal."""
        self._waiting.append((sequence, time_ns, kind, payload))
        if self._handle is None and not self._stopped:
            loop = asyncio.get_running_loop()
            self._handle = loop.call_later(self._interval_s, self._slice)

    def _slice(self) -> None:
        self._handle = None
        end_ns = monotonic_ns() + SLICE_NS
        try:
            for _ in range(SLICE):
                if not self._waiting or monotonic_ns() > end_ns:
                    break
                self._follower.apply(*self._waiting.popleft())
            if not self._waiting:
                self._follower.commit()
        except Exception as error:
            self._stopped = True
            self._on_error(error)
            return
        if self._waiting:
            # Not at once: frames that came meanwhile go first.
            loop = asyncio.get_running_loop()
            self._handle = loop.call_later(PAUSE_S, self._slice)

    def finish(self) -> None:
        """Applies all that waits and closes the ledger."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        try:
            if not self._stopped:
                while self._waiting:
                    self._follower.apply(*self._waiting.popleft())
                self._follower.commit()
        finally:
            self._stopped = True
            self._follower.close()
