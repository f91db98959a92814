"""Jittered exponential back-off for reconnects and repeated queries."""

from __future__ import annotations

import random


class Backoff:
    """Delays that double from ``first_s`` to ``longest_s``, each drawn from its upper half."""

    def __init__(self, first_s: float, longest_s: float, rng: random.Random | None = None) -> None:
        self._first = first_s
        self._longest = longest_s
        self._rng = rng or random.Random()
        self._next = first_s

    def next_delay(self) -> float:
        delay = self._next
        self._next = min(delay * 2, self._longest)
        return delay * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        self._next = self._first
