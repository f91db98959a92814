"""A wall clock in a test's hand."""

from __future__ import annotations

NS = 10**9
NOON = 1_789_992_000 * NS
"""2026-09-21 12:00 UTC, a Monday."""


class Clock:
    """Nanoseconds of 1970; moves only when it is told."""

    def __init__(self, now: int = NOON) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now
