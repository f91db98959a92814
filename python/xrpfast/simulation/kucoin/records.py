"""What the venue remembers of one customer: orders, fills and movements, the newest of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec

from xrpfast.simulation.account import BalanceChange
from xrpfast.simulation.exchange import KEEP
from xrpfast.simulation.history import Numbered
from xrpfast.simulation.orders import Fill, Order

RECORD_BASE: Final = 19_814_995_255_000
"""Cursors and ids of records: this and the record's own number, which never changes."""

Item = TypeVar("Item")


class Movement(msgspec.Struct, frozen=True, gc=False):
    """One change of what a customer owns, with the fee of it."""

    change: BalanceChange
    fee: int
    wall_ns: int


class Records:
    """One customer's records in the order of events."""

    def __init__(self, keep: int = KEEP) -> None:
        self.open: dict[int, None] = {}
        """Numbers of working orders, oldest first."""
        self.done: Numbered[Order] = Numbered(keep)
        """Orders as they ended."""
        self.fills: Numbered[Fill] = Numbered(keep)
        self.movements: Numbered[Movement] = Numbered(keep)
        self.fees: dict[tuple[int, int], tuple[str, int]] = {}
        """(order, trade) -> asset and fee of fills whose balances were not told yet."""


def newest_first(rows: Numbered[Item], cursor: int) -> Iterator[tuple[int, Item]]:
    """Records below the cursor (0: all) with their ids, newest first."""
    number = rows.end
    for row in reversed(rows):
        number -= 1
        if not cursor or RECORD_BASE + number < cursor:
            yield RECORD_BASE + number, row
