"""The trades as Binance tells them: candles, aggregate trades, ids that can be looked up."""

from __future__ import annotations

from typing import Final

import msgspec

from xrpfast.model import Side
from xrpfast.simulation.account import Account, BalanceChange
from xrpfast.simulation.candles import Candles
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.history import Numbered
from xrpfast.simulation.orders import Fill, Order, Trade

FIRST_AGGREGATE: Final = 520_000_001
KEEP: Final = 10_000


class Aggregate(msgspec.Struct, gc=False):
    """What one taker order traded at one price."""

    number: int
    price: int
    qty: int
    first_id: int
    last_id: int
    wall_ns: int
    buyer_maker: bool


class Tape:
    """A `Listener` of the exchange, before those who read it."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.candles = Candles(exchange.rules)
        self.aggregates: Numbered[Aggregate] = Numbered(KEEP)
        self.step: tuple[list[Trade], list[Aggregate]] = ([], [])
        """The trades of the step that just changed the book, one taker's, and their sums."""
        self._fresh: list[Trade] = []

    def on_order(self, kind: str, order: Order, fill: Fill | None) -> None: ...

    def on_balances(self, account: Account, changes: list[BalanceChange]) -> None: ...

    def on_trade(self, trade: Trade) -> None:
        self.candles.add(trade)
        self._fresh.append(trade)

    def on_book(self, changes: list[tuple[int, int, int]], first: int, last: int) -> None:
        trades, self._fresh = self._fresh, []
        aggregates: list[Aggregate] = []
        for trade in trades:
            before = aggregates[-1] if aggregates else None
            if before is not None and before.price == trade.price:
                before.qty += trade.qty
                before.last_id = trade.trade_id
                continue
            aggregate = Aggregate(
                FIRST_AGGREGATE + self.aggregates.end, trade.price, trade.qty, trade.trade_id,
                trade.trade_id, trade.wall_ns, trade.taker_side is Side.SELL,
            )  # fmt: skip
            self.aggregates.append(aggregate)
            aggregates.append(aggregate)
        self.step = trades, aggregates

    def trades(self, limit: int, from_id: int | None = None) -> list[Trade]:
        """The newest trades, or the oldest from an id on; ascending."""
        known = self.exchange.trades
        if from_id is None:
            return known.newest(limit)
        if not len(known):
            return []
        start = max(known.first, from_id - known[known.first].trade_id + known.first)
        return [known[number] for number in range(start, min(start + limit, known.end))]

    def aggregated(
        self,
        limit: int,
        *,
        from_id: int | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> list[Aggregate]:
        """Aggregate trades: from an id or a start on the oldest, else the newest; ascending."""
        known = self.aggregates
        if from_id is not None:
            start = max(known.first, from_id - FIRST_AGGREGATE)
            return [known[number] for number in range(start, min(start + limit, known.end))]
        if start_ns is None and end_ns is None:
            return known.newest(limit)
        found = [
            row
            for row in known
            if (start_ns is None or row.wall_ns >= start_ns)
            and (end_ns is None or row.wall_ns <= end_ns)
        ]
        return found[:limit] if start_ns is not None else found[-limit:]
