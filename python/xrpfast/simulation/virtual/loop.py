"""Discrete events: what is due next happens next. Nothing here or below reads a clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, Final

MS: Final = 1_000_000
SECOND: Final = 1_000_000_000
START_NS: Final = 10**15
WALL_NS: Final = 1_760_000_000 * SECOND
"""Wall time at the start."""


class Loop:
    """Calls in the order of (time, sequence). Times are nanoseconds."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        self._sequence = 0
        self._due: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []

    @property
    def wall_ns(self) -> int:
        return self.now_ns - START_NS + WALL_NS

    def call(self, delay_ns: int, function: Callable[..., None], *args: Any) -> None:
        """Calls ``function`` after a delay, never within this call."""
        self._sequence += 1
        due_ns = self.now_ns + max(0, delay_ns)
        heapq.heappush(self._due, (due_ns, self._sequence, function, args))

    def step(self) -> None:
        """Goes on to the next call. Raises ``IndexError`` when nothing is due any more."""
        self.now_ns, _, function, args = heapq.heappop(self._due)
        function(*args)
