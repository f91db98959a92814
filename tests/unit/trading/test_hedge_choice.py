"""Where a hedge may go and how large it is, asked of `choose` itself: risk would refuse, too."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from support.trading import MS, World, config
from xrpfast.model import MONEY_ONE
from xrpfast.trading.context import Book
from xrpfast.trading.events import BookTop
from xrpfast.trading.legs.hedge import Hedge, Kept, choose, kept

XRP = MONEY_ONE
TOPS = {0: (20_990, 21_000), 1: (210_500, 210_600)}


class Market(World):
    """A world and the tops of its books."""

    def tops(self) -> list[tuple[Book, BookTop]]:
        tops = [
            BookTop(
                now_ns=self.now_ns, wall_ns=0, book=at, live=True, bid=bid, bid_qty=10**9,
                ask=ask, ask_qty=10**9, data_ns=self.now_ns - MS,
            )
            for at, (bid, ask) in TOPS.items()
        ]  # fmt: skip
        return [(self.engine.context.books[top.book], top) for top in tops]

    def choose(self, excess: int) -> Hedge | None:
        engine = self.engine
        return choose(excess, self.tops(), engine.portfolio, engine.config.risk, self.now_ns)

    def kept(self, excess: int) -> Kept | None:
        engine = self.engine
        return kept(excess, self.tops(), engine.portfolio, engine.config.risk, self.now_ns)


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


def test_the_cap_of_quantity_cuts_a_hedge() -> None:
    hedge = chosen(Market(config(limits={"max_order_qty": 40 * XRP})), 100 * XRP)
    assert amount(hedge) == 40 * XRP


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


SMALL, POOR, TAKES = "small", "poor", "takes"


@pytest.mark.parametrize("side", [1, -1], ids=["sell", "buy"])
@pytest.mark.parametrize(
    ("binance", "kucoin", "why"),
    [
        # What 10 XRP are to each venue: below its minimum, not covered by the balance there, both.
        ({SMALL}, {SMALL}, "below the minimum of binance and kucoin"),
        ({SMALL, POOR}, {SMALL}, "below the minimum of binance and kucoin"),
        ({SMALL, POOR}, {SMALL, POOR}, "below the minimum of binance and kucoin"),
        ({POOR}, {SMALL}, "below the minimum of kucoin, not covered at binance"),
        ({SMALL}, {POOR}, "below the minimum of binance, not covered at kucoin"),
        # Large enough for a venue, and no balance takes it anywhere: a person has to look.
        ({POOR}, {POOR}, None),
        ({POOR}, {SMALL, POOR}, None),
        ({SMALL, POOR}, {POOR}, None),
        # A venue takes it, now or once it is open again.
        (set(), {SMALL}, None),
        ({SMALL, POOR}, set(), None),
        ({POOR}, set(), None),
        (set(), set(), None),
    ],
)
def test_what_stays_as_a_residual(
    side: int, binance: set[str], kucoin: set[str], why: str | None
) -> None:
    world = Market(config())
    portfolio = world.engine.portfolio
    accounts = []
    for book, said in zip(world.engine.context.books, (binance, kucoin), strict=True):
        book.min_qty = (20 if SMALL in said else 5) * XRP // book.qty_money
        account = book.base_account if side > 0 else book.quote_account
        if POOR in said:
            portfolio.booked[account] = XRP
            accounts += [account] * (SMALL not in said)
    found = world.kept(10 * side * XRP)
    takes = not binance or not kucoin
    assert (world.choose(10 * side * XRP) is not None) == takes
    if why is None:
        assert found is None
    else:
        assert found == Kept(10 * side * XRP, why, dict.fromkeys(accounts, XRP))


def test_nothing_is_called_small_before_every_market_was_seen() -> None:
    world = Market(config())
    for book in world.engine.context.books:
        book.min_qty = 20 * XRP // book.qty_money
    assert world.kept(10 * XRP) is not None
    engine, (first, (book, top)) = world.engine, world.tops()
    dead = [first, (book, replace(top, live=False))]
    assert kept(10 * XRP, dead, engine.portfolio, engine.config.risk, world.now_ns) is None


def test_no_hedge_is_of_nothing() -> None:
    world = Market(config())
    for book in world.engine.context.books:
        book.min_qty = book.min_notional = 0
    assert world.choose(1) is None
    assert world.kept(1) is not None
