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
MOST_CALLS: Final = 20_000
"""Within a second: a hundred times as many as there are of anything that comes to an end."""


class Standstill(AssertionError):  # noqa: N818  (the word for it)
    """Calls beget calls, and time does not go on: a loop without end in a real process."""


class Loop:
    """Calls in the order of (time, sequence). Times are nanoseconds."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        self._second_ns = START_NS
        self._calls = 0
        """Since then."""
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
        """Goes on to the next call.

        Raises ``IndexError`` when nothing is due any more, `Standstill` when too much is.
        """
        self.now_ns, _, function, args = heapq.heappop(self._due)
        self._calls += 1
        if self.now_ns - self._second_ns >= SECOND:
            self._second_ns, self._calls = self.now_ns, 0
        elif self._calls > MOST_CALLS:
            raise Standstill(f"{self._calls} calls within a second, the last: {function} {args}")
        function(*args)
