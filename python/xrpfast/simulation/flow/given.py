"""A book that is given from outside, level by level, behind one mock venue: recorded, or live.

Orders of customers rest between and behind the given ones and match by the usual rules.
"""

from __future__ import annotations

from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.flow.recording import Levels


class GivenBook:
    """The market's own orders of one exchange, made equal to a given book.

    ``keeps_taken``: what customers took of a level stays taken while the given book has the level:
    a change of it brings what is new, never what they took, and a level that shrinks to less than
    that has lost it. Else a level that changes is again as given.
    """

    def __init__(self, exchange: Exchange, *, keeps_taken: bool = False) -> None:
        self._exchange = exchange
        self._keeps_taken = keeps_taken
        self._taken: dict[tuple[Side, int], int] = {}
        self._offered: dict[tuple[Side, int], int] = {}
        """What the market's own orders of a level had when it was last changed here."""
        self._shown: dict[Side, Levels] = {Side.BUY: {}, Side.SELL: {}}
        self._orders: dict[tuple[Side, int], list[int]] = {}
        """By level, oldest first."""

    def show(self, bids: Levels, asks: Levels) -> None:
        """Changes what differs from the book shown last; subscribers are told once."""
        given = {Side.BUY: bids, Side.SELL: asks}
        if not any(self._shown.values()):
            self._taken = {at: qty for at, qty in self._taken.items() if at[1] in given[at[0]]}
        changes = [
            (side, price, self._left(side, price, wanted.get(price, 0)))
            for side, wanted in given.items()
            for price in _changed(self._shown[side], wanted)
        ]
        # Best prices first, so that a customer's order meets them in that order; and nothing new
        # before all that must go has gone: the recorded sides do not trade with each other.
        changes.sort(key=lambda change: -change[1] if change[0] is Side.BUY else change[1])
        with self._exchange.together():
            for side, price, qty in changes:
                self._lower(side, price, qty)
            for side, price, qty in changes:
                self._raise(side, price, qty)
        self._shown = given

    def clear(self) -> None:
        """Takes all orders off."""
        self.show({}, {})

    def withhold(self) -> None:
        """Takes all orders off. What customers took is not there either when a book is shown
        again."""
        if not any(self._shown.values()):
            return
        taken = {level: self._taken_of(level) for level in self._offered}
        self.show({}, {})
        self._taken = {level: qty for level, qty in taken.items() if qty}

    def _left(self, side: Side, price: int, qty: int) -> int:
        """What of a given level is still there for customers."""
        if not self._keeps_taken:
            return qty
        level = side, price
        taken = min(self._taken_of(level), qty)
        self._taken.pop(level, None)
        self._offered.pop(level, None)
        if taken:
            self._taken[level] = taken
        if qty:
            self._offered[level] = qty - taken
        return qty - taken

    def _taken_of(self, level: tuple[Side, int]) -> int:
        there = sum(left for _, left in self._resting(*level))
        return self._taken.get(level, 0) + self._offered.get(level, there) - there

    def _resting(self, side: Side, price: int) -> list[tuple[int, int]]:
        """(order, what is left of it) at the level, oldest first."""
        remaining = self._exchange.matching.remaining
        rows = ((order_id, remaining(order_id)) for order_id in self._orders.get((side, price), ()))
        return [(order_id, left) for order_id, left in rows if left]

    def _lower(self, side: Side, price: int, qty: int) -> None:
        rows = self._resting(side, price)
        excess = sum(left for _, left in rows) - qty
        for order_id, left in reversed(rows):  # those that came last go first
            if excess <= 0:
                break
            if left <= excess:
                self._exchange.cancel_background(order_id)
            else:
                self._exchange.reduce_background(order_id, excess)
            excess -= left
        if not qty:
            self._orders.pop((side, price), None)

    def _raise(self, side: Side, price: int, qty: int) -> None:
        if not qty:
            return
        rows = self._resting(side, price)
        orders = [order_id for order_id, _ in rows]
        lacking = qty - sum(left for _, left in rows)
        if lacking > 0:
            gtc = TimeInForce.GTC
            orders.append(self._exchange.place_background(side, price, lacking, gtc))
        self._orders[side, price] = orders


def _changed(before: Levels, after: Levels) -> set[int]:
    """Prices of the levels that differ."""
    return {price for price, _ in before.items() ^ after.items()}
