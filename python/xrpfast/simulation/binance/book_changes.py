"""What changed in a book since the last frame of a diff stream."""

from __future__ import annotations

from xrpfast.model import Side

Rows = list[tuple[int, int]]


class BookChanges:
    """Absolute quantities of the levels that changed, from the sequence ``first`` on."""

    def __init__(self, first: int) -> None:
        self.first = first
        self._levels: dict[tuple[int, int], int] = {}

    def add(self, changes: list[tuple[int, int, int]]) -> None:
        """(side, price, new quantity)"""
        levels = self._levels
        for side, price, qty in changes:
            levels[side, price] = qty

    def take(self, last: int) -> tuple[int, Rows, Rows] | None:
        """The first sequence, changed bids from the best and asks from the best; None when nothing
        changed. The next begins after ``last``."""
        if not self._levels:
            return None
        bids: Rows = []
        asks: Rows = []
        for (side, price), qty in self._levels.items():
            (bids if side == Side.BUY else asks).append((price, qty))
        bids.sort(reverse=True)
        asks.sort()
        self._levels.clear()
        first, self.first = self.first, last + 1
        return first, bids, asks
