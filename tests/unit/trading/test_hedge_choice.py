"""Where a hedge may go and how large it is, asked of `choose` itself: risk would refuse, too."""

from __future__ import annotations

from typing import Any

from support.trading import MS, World, config
from xrpfast.model import MONEY_ONE
from xrpfast.trading.events import BookTop
from xrpfast.trading.legs.hedge import Hedge, choose

XRP = MONEY_ONE
TOPS = {0: (20_990, 21_000), 1: (210_500, 210_600)}


class Market(World):
    """A world and the tops of its books."""

    def choose(self, excess: int) -> Hedge | None:
        books = self.engine.context.books
        tops = [
            BookTop(
                now_ns=self.now_ns, wall_ns=0, book=at, live=True, bid=bid, bid_qty=10**9,
                ask=ask, ask_qty=10**9, data_ns=self.now_ns - MS,
            )
            for at, (bid, ask) in TOPS.items()
        ]  # fmt: skip
        return choose(
            excess,
            [(books[top.book], top) for top in tops],
            self.engine.portfolio,
            self.engine.config.risk,
            self.now_ns,
        )


def chosen(world: Market, excess: int) -> Hedge:
    hedge = world.choose(excess)
    assert hedge is not None
    return hedge


def amount(hedge: Hedge) -> int:
    return hedge.qty * hedge.book.qty_money


def test_a_venue_that_is_down_or_in_doubt_takes_no_hedge() -> None:
    world = Market(config())
    best = chosen(world, 100 * XRP).book
    world.link(best.venue_name, "orders", False)
    other = chosen(world, 100 * XRP).book
    assert other is not best
    other.unknown = 1
    assert world.choose(100 * XRP) is None


def test_the_cap_of_notional_cuts_a_hedge() -> None:
    most: dict[str, Any] = {"max_order_notional": 63 * MONEY_ONE}
    hedge = chosen(Market(config(limits=most)), 100 * XRP)
    assert 20 * XRP < amount(hedge) <= 31 * XRP


def test_the_balance_cuts_a_hedge() -> None:
    hedge = chosen(Market(config(xrp=30)), 100 * XRP)
    assert amount(hedge) == 30 * XRP


def test_what_no_venue_takes_is_not_chosen() -> None:
    world = Market(config())
    assert world.choose(XRP) is not None
    for book in world.engine.context.books:
        book.min_qty = 2 * XRP // book.qty_money
    assert world.choose(XRP) is None
    for book in world.engine.context.books:
        book.min_qty = 1
        book.min_notional = 5 * MONEY_ONE
    assert world.choose(XRP) is None
    assert world.choose(3 * XRP) is not None
