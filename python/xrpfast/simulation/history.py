"""A sequence that only grows at its end and forgets its beginning; numbers stay valid."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Numbered(Generic[Item]):
    """Items 0, 1, 2, … of which the newest ``keep`` are remembered."""

    def __init__(self, keep: int) -> None:
        self.end = 0
        """Number of the next item."""
        self._items: deque[Item] = deque(maxlen=keep)

    @property
    def first(self) -> int:
        """Number of the oldest item that is remembered."""
        return self.end - len(self._items)

    def append(self, item: Item) -> int:
        """Adds an item; its number."""
        self._items.append(item)
        self.end += 1
        return self.end - 1

    def __getitem__(self, number: int) -> Item:
        """The item of that number; raises IndexError for a forgotten or coming one."""
        if not self.first <= number < self.end:
            raise IndexError(number)
        return self._items[number - self.first]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __reversed__(self) -> Iterator[Item]:
        return reversed(self._items)

    def newest(self, count: int) -> list[Item]:
        """Up to ``count`` items, oldest first."""
        found = list(islice(reversed(self._items), count))
        found.reverse()
        return found
