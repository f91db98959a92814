"""One moment of the venue's wall clock, and what to do then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

LONGEST_S: Final = 1.0
"""The wall clock is looked at least so often: it may jump, or run faster than the loop's."""


class Alarm:
    """Calls once the wall clock has reached the moment that was set last."""

    def __init__(self, wall_ns: Callable[[], int], call: Callable[[], None]) -> None:
        self.due_ns: int | None = None
        self._wall_ns = wall_ns
        self._call = call
        self._timer: asyncio.TimerHandle | None = None

    def at(self, due_ns: int | None) -> None:
        """Sets the moment; None takes it back."""
        self.cancel()
        self.due_ns = due_ns
        if due_ns is not None:
            left = max((due_ns - self._wall_ns()) / 1e9, 0.0)
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(min(left, LONGEST_S), self._look)

    def cancel(self) -> None:
        self.due_ns = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        due, self._timer = self.due_ns, None
        if due is None:
            return
        if self._wall_ns() < due:
            self.at(due)
        else:
            self.due_ns = None
            self._call()
