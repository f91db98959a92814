"""The controls of a hedge: it must make an imbalance smaller, in a market of this moment.

Hedges are allowed while entries are not (REDUCING, an unsettled other venue), never when HALTED.
They may use what entries leave them: the lane of the throttle and the reserves of cash and weight.
The one exception is what a person has ordered: a ``flatten``, within its budgets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xrpfast.trading.context import BUY
from xrpfast.trading.legs.hedge import usable
from xrpfast.trading.risk.checks import drift, instrument, shape, working
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.risk.state import BPS, HEDGE
from xrpfast.trading.states import TradingState

if TYPE_CHECKING:
    from xrpfast.trading.events import BookTop
    from xrpfast.trading.intents import LegIntent
    from xrpfast.trading.legs.hedge import Hedge
    from xrpfast.trading.risk.state import RiskState

_TRADING: Final = {
    TradingState.STOPPED: Refusal.TRADING_STOPPED,
    TradingState.HALTED: Refusal.TRADING_HALTED,
}


def refusal_of_hedge(
    state: RiskState, leg: LegIntent, top: BookTop, excess: int, now_ns: int
) -> Refusal | None:
    """The first reason against a hedge of ``excess`` (money of base, above zero: too much)."""
    return (
        armed(state)
        or _TRADING.get(state.context.trading)
        or symbol(state, leg)
        or refusal_of_closing(state, leg, top, excess, now_ns)
    )


def refusal_of_flatten(
    state: RiskState, leg: LegIntent, chosen: Hedge, excess: int, lost: int, now_ns: int
) -> Refusal | None:
    """The first reason against an order of a person's ``flatten``. ``lost``: what closing has cost
    so far.

    No state of the engine, the strategies or the instrument keeps it back; that of the venue does.
    """
    return (
        armed(state)
        or ordered(state, leg, chosen, lost, now_ns)
        or refusal_of_closing(state, leg, chosen.top, excess, now_ns)
    )


def refusal_of_closing(
    state: RiskState, leg: LegIntent, top: BookTop, excess: int, now_ns: int
) -> Refusal | None:
    """What holds for every order that closes an imbalance, whoever wants it."""
    book, legs = leg.book, (leg,)
    amount = leg.qty * book.qty_money
    value = leg.price * leg.qty * book.money_per_value
    return (
        reduces(leg, amount, excess)
        or shape(state, legs)
        or place(state, leg)
        or market(state, leg, top, now_ns)
        or instrument(state, leg, amount, value)
        or drift(state, legs, now_ns)
        or balance(state, leg)
        or working(state, legs, HEDGE)
        or throttle(state, leg, now_ns)
    )


def armed(state: RiskState) -> Refusal | None:
    """Live orders are armed (1)."""
    return Refusal.NOT_ARMED if state.context.unarmed else None


def ordered(
    state: RiskState, leg: LegIntent, chosen: Hedge, lost: int, now_ns: int
) -> Refusal | None:
    """A person's order is in force, and this one within what it may cost, filled at its worst."""
    person = state.context.flattening.get(leg.book.instrument_index)
    if person is None or now_ns > person.until_ns:
        return Refusal.NOT_ORDERED
    worst = chosen.lost(leg.qty, leg.qty * leg.price)
    return Refusal.LOSS_EXCEEDS_MAX if lost + worst > person.max_loss else None


def symbol(state: RiskState, leg: LegIntent) -> Refusal | None:
    """The instrument is not HALTED (24)."""
    halted = state.context.symbols[leg.book.instrument_index] is TradingState.HALTED
    return Refusal.SYMBOL_CLOSED if halted else None


def reduces(leg: LegIntent, amount: int, excess: int) -> Refusal | None:
    """It sells what is too much or buys what is missing, and no more than that (29)."""
    wanted = -excess if leg.side == BUY else excess
    return None if 0 < amount <= wanted else Refusal.NOT_REDUCING


def place(state: RiskState, leg: LegIntent) -> Refusal | None:
    """The venue is not HALTED (24), open to hedges (5, 21), and has no order of unknown outcome
    (22)."""
    book = leg.book
    if book.venue.state is TradingState.HALTED:
        return Refusal.VENUE_HALTED
    if not book.venue.open_to_hedges:
        return Refusal.VENUE_DOWN
    if not book.live:
        return Refusal.BOOK_NOT_LIVE
    return Refusal.ORDER_STATE_UNKNOWN if book.unknown else None


def market(state: RiskState, leg: LegIntent, top: BookTop, now_ns: int) -> Refusal | None:
    """The top is the book's and of this moment (11), the limit within the collar around its mid
    (10). A wide spread does not keep a hedge back: the budget of its loss does."""
    limits = state.limits
    if top.book != leg.book.index or not usable(top, now_ns, limits.max_book_age_ns):
        return Refusal.BOOK_STALE
    if top.bid_qty <= 0 or top.ask_qty <= 0:
        return Refusal.TOP_EMPTY
    mid = top.bid + top.ask  # doubled
    price = leg.price * 2 * BPS
    if mid * (BPS - limits.collar_bps) <= price <= mid * (BPS + limits.collar_bps):
        return None
    return Refusal.PRICE_COLLAR


def balance(state: RiskState, leg: LegIntent) -> Refusal | None:
    """The account covers it (15)."""
    book, portfolio = leg.book, state.portfolio
    if leg.side == BUY:
        account, need = book.quote_account, book.quote_need(leg.price, leg.qty)
    else:
        account, need = book.base_account, leg.qty * book.qty_money
    return Refusal.BALANCE_INSUFFICIENT if need > portfolio.available(account) else None


def throttle(state: RiskState, leg: LegIntent, now_ns: int) -> Refusal | None:
    """The venue has room for one more order, those kept for hedges included (17)."""
    room = state.budgets[leg.book.index].room_for_hedge(now_ns)
    return None if room else Refusal.RATE_LIMITED
