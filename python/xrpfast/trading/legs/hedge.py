"""Where, how much and at which price an imbalance is closed: one order, chosen among the books.

Selling what is too much or buying what is missing is the same act wherever it happens: at the
venue of the failed leg it is a hedge, at that of the filled one an unwind. The cheapest is taken,
measured by what it gives against the mean of all mids, fees counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from xrpfast.model import MONEY_ONE, RATE_ONE
from xrpfast.trading.context import BUY, SELL, Book

if TYPE_CHECKING:
    from xrpfast.trading.events import BookTop
    from xrpfast.trading.portfolio import Portfolio
    from xrpfast.trading.risk.limits import RiskLimits

_BPS = 10_000


class Hedge(NamedTuple):
    """One order that would make an imbalance smaller."""

    book: Book
    top: BookTop
    side: int
    price: int
    qty: int
    cost: int
    """What it is expected to lose against the mean of all mids, fees included; money of quote."""
    mean: int = 0
    """That mean: money of quote per whole base."""

    def lost(self, qty: int, value: int) -> int:
        """What it really lost with ``qty`` of it filled for ``value`` (units of the book).

        A gain pays for no other loss."""
        book = self.book
        fair = self.mean * qty * book.qty_money // MONEY_ONE
        got = value * book.money_per_value
        worse = fair - got if self.side == SELL else got - fair
        return max(0, worse + got * book.rules.taker_rate // RATE_ONE)


def usable(top: BookTop, now_ns: int, max_age_ns: int) -> bool:
    """Whether a book's top shows a market of this moment."""
    return top.live and 0 < top.bid < top.ask and 0 <= now_ns - top.data_ns <= max_age_ns


def choose(
    excess: int,
    tops: Iterable[tuple[Book, BookTop]],
    portfolio: Portfolio,
    limits: RiskLimits,
    now_ns: int,
) -> Hedge | None:
    """The cheapest order that closes ``excess`` (money of base, above zero: too much of it), or as
    much of it as a venue takes; None when no venue can take any of it now."""
    side = SELL if excess > 0 else BUY
    fresh = [(b, t) for b, t in tops if usable(t, now_ns, limits.max_book_age_ns)]
    if not fresh:
        return None
    # Twice the sum of all mids, on the finest scale of prices.
    mids = sum((top.bid + top.ask) * book.price_scale for book, top in fresh)
    found = [
        hedge
        for book, top in fresh
        if book.venue.open_to_hedges and not book.unknown
        and (hedge := _at(book, top, side, abs(excess), mids, len(fresh), portfolio, limits))
    ]  # fmt: skip
    # Most of the imbalance first: a cheap order that leaves half of it open is not cheap.
    return min(found, key=lambda h: (-h.qty * h.book.qty_money, h.cost), default=None)


def affordable(hedge: Hedge, budget: int) -> Hedge | None:
    """The hedge with a limit at which it can lose no more than ``budget`` (money of quote), fees
    included, however badly it fills; None when not even the best price is within it."""
    book, sell = hedge.book, hedge.side == SELL
    fair = hedge.mean * hedge.qty * book.qty_money // MONEY_ONE
    unit = hedge.qty * book.money_per_value
    rate = book.rules.taker_rate
    if sell:
        least = -(-(fair - budget) * RATE_ONE // (unit * (RATE_ONE - rate)))
        price = max(hedge.price, -(-least // book.tick) * book.tick)
        within = price <= hedge.top.bid
    else:
        most = (fair + budget) * RATE_ONE // (unit * (RATE_ONE + rate))
        price = min(hedge.price, most // book.tick * book.tick)
        within = price >= hedge.top.ask
    return hedge._replace(price=price) if within else None


class Kept(NamedTuple):
    """An imbalance that stays open, for now."""

    excess: int
    why: str
    """For a person."""
    waits_for: dict[int, int]
    """Accounts that would have to hold more than this for it to be closed, money."""


def kept(
    excess: int,
    tops: Iterable[tuple[Book, BookTop]],
    portfolio: Portfolio,
    limits: RiskLimits,
    now_ns: int,
) -> Kept | None:
    """``excess`` as a residual: below the minimum of each venue whose balance could take it.

    None while a venue could take it, or may once it is seen or open; and when it is large enough
    for a venue, and no balance would take it anywhere: that is no residual, a person has to look.
    """
    side = SELL if excess > 0 else BUY
    small: list[str] = []
    poor: list[Book] = []
    covered = False
    for book, top in tops:
        if not usable(top, now_ns, limits.max_book_age_ns):
            return None
        value = _limit(book, top, side, limits.collar_bps) * book.money_per_value
        most = _covered(book, side, value, portfolio)
        qty = abs(excess) // book.qty_money
        if not _taken(book, qty, value):
            small.append(book.venue_name)
            covered = covered or most >= qty
        elif not _taken(book, min(qty, most), value):
            poor.append(book)
        else:
            return None
    if not small or (poor and not covered):
        return None
    why = f"below the minimum of {' and '.join(small)}"
    if poor:
        why += f", not covered at {' and '.join(book.venue_name for book in poor)}"
    accounts = [book.quote_account if side == BUY else book.base_account for book in poor]
    return Kept(excess, why, {account: portfolio.available(account) for account in accounts})


def _covered(book: Book, side: int, value: int, portfolio: Portfolio) -> int:
    """Quantity that the balance covers, fee included; ``value``: of one unit, money of quote."""
    if side == BUY:
        quote = portfolio.available(book.quote_account)
        return quote * RATE_ONE // (value * (RATE_ONE + book.buy_fee_rate))
    return portfolio.available(book.base_account) // book.qty_money


def _taken(book: Book, qty: int, value: int) -> bool:
    """Whether whole lots of a quantity are enough for the venue."""
    qty -= qty % book.lot
    return qty > 0 and qty >= book.min_qty and qty * value >= book.min_notional


def _at(
    book: Book,
    top: BookTop,
    side: int,
    amount: int,
    mids: int,
    count: int,
    portfolio: Portfolio,
    limits: RiskLimits,
) -> Hedge | None:
    price = _limit(book, top, side, limits.collar_bps)
    if price <= 0:
        return None
    value = price * book.money_per_value
    most = min(min(amount, limits.max_order_qty) // book.qty_money, book.max_qty)
    most = min(most, limits.max_order_notional // value)
    most = min(most, _covered(book, side, value, portfolio))
    qty = most - most % book.lot
    if not _taken(book, qty, value):
        return None
    touch = top.bid if side == SELL else top.ask
    # Against the mean of mids: sum over the books, in the money of one unit of this book.
    mean = mids * book.price_money // book.price_scale // (2 * count)
    got = touch * book.price_money
    worse = mean - got if side == SELL else got - mean
    traded = qty * book.qty_money
    cost = (
        worse * traded // 10**18
        + touch * qty * book.money_per_value * book.rules.taker_rate // RATE_ONE
    )
    return Hedge(book, top, side, price, qty, cost, mean)


def _limit(book: Book, top: BookTop, side: int, collar_bps: int) -> int:
    """The worst price within the collar around the book's own mid, on the tick."""
    doubled = top.bid + top.ask
    if side == SELL:
        price = -(-doubled * (_BPS - collar_bps) // (2 * _BPS))
        return -(-price // book.tick) * book.tick
    price = doubled * (_BPS + collar_bps) // (2 * _BPS)
    return price // book.tick * book.tick
