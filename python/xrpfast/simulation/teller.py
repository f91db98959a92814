"""What happened at a mock venue, told to its listeners: orders at once, the rest step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xrpfast._core import Matching
    from xrpfast.simulation.account import Account, BalanceChange
    from xrpfast.simulation.orders import Fill, Listener, Order, Trade


class Teller:
    """The listeners of one venue. ``sequence`` counts level changes of the book."""

    def __init__(self, matching: Matching, wall_ns: Callable[[], int], sequence: int) -> None:
        self.listeners: list[Listener] = []
        self.sequence = sequence
        self._matching = matching
        self._wall_ns = wall_ns
        self._changes: list[tuple[Account, BalanceChange]] = []
        self._together: list[Trade] | None = None

    def moved(self, account: Account, change: BalanceChange) -> None:
        """A balance changed; it is told with the next `publish`."""
        self._changes.append((account, change))

    def tell(self, kind: str, order: Order, fill: Fill | None) -> None:
        if not self.listeners:
            return
        seen = copy(order)  # as it was at this step; the next fill changes it
        for listener in self.listeners:
            listener.on_order(kind, seen, fill)

    def publish(self, trades: list[Trade]) -> None:
        if self._together is not None:
            self._together.extend(trades)
            return
        changes, self._changes = self._changes, []
        by_account: dict[int, tuple[Account, list[BalanceChange]]] = {}
        for account, change in changes:
            by_account.setdefault(account.uid, (account, []))[1].append(change)
            account.updated_ns = self._wall_ns()
        levels = self._matching.take_changes()
        first = self.sequence + 1
        self.sequence += len(levels)
        for listener in self.listeners:
            for account, own in by_account.values():
                listener.on_balances(account, own)
            for trade in trades:
                listener.on_trade(trade)
            if levels:
                listener.on_book(levels, first, self.sequence)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Balances, trades and the book are told once, at the end of the block: a frame of many
        changes shows no book that stood between them."""
        self._together = []
        try:
            yield
        finally:
            trades, self._together = self._together, None
            self.publish(trades)

    def pretend(self, changes: list[tuple[int, int, int]]) -> None:
        """Tells of level changes that did not happen."""
        first = self.sequence + 1
        self.sequence += len(changes)
        for listener in self.listeners:
            listener.on_book(changes, first, self.sequence)
