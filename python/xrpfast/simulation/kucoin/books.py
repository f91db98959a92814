"""The level2 stream of one symbol: which sequence numbers a book event takes.

The real stream numbers every change of the book, hidden ones too. Changes of one price inside a
frame are collapsed to the last, so the numbers of the entries have holes while the frames' ranges
have none.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

Change = tuple[int, int, int]
"""Side (0 buy), price, new quantity of the level; units of the venue."""

HIDDEN_SHARE: Final = 1 / 16
"""Part of the events that a price-0 entry goes before; seen on the real stream at 35 %."""


class Entry(msgspec.Struct, frozen=True):
    """One row of a frame; price 0 says that only the sequence advances."""

    side: int
    price: int
    qty: int
    sequence: int


class Frame(msgspec.Struct, frozen=True):
    """One level2 frame before it is put into words."""

    start: int
    end: int
    entries: tuple[Entry, ...]


class Sequencer:
    """Turns book events into frames; ``last`` is the sequence of any snapshot taken now."""

    def __init__(self, first: int, seed: int, hidden_share: float = HIDDEN_SHARE) -> None:
        self.last = first
        self.hidden_share = hidden_share
        self._random = random.Random(seed)

    def frame(self, changes: Sequence[Change], steps: Mapping[tuple[int, int], int]) -> Frame:
        """The frame of one event.

        ``steps`` tells how often a level (side, price) really changed in the event when that is
        more than once; the entry carries the number of the last.
        """
        start = self.last + 1
        entries = []
        if self.hidden_share and self._random.random() < self.hidden_share:
            self.last += 1
            entries.append(Entry(self._random.getrandbits(1), 0, 0, self.last))
        for side, price, qty in changes:
            self.last += max(steps.get((side, price), 1), 1)
            entries.append(Entry(side, price, qty, self.last))
        return Frame(start, self.last, tuple(entries))

    def hidden(self) -> Frame:
        """A frame of nothing but hidden activity."""
        self.last += 1
        entry = Entry(self._random.getrandbits(1), 0, 0, self.last)
        return Frame(self.last, self.last, (entry,))

    def skip(self, count: int = 1) -> None:
        """Loses numbers as the venue does when it drops frames: clients see a gap."""
        self.last += count
