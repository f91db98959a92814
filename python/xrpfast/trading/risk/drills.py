"""The controls of a live drill's order (32): it must rest far below every market, and be tiny.

The collar, the drift window, the signal and the pair have no say here: the first two are replaced
by a stricter bound on one side, and there is no signal and no pair. Everything else holds as for an
entry, and no order leaves a run that trades, was ever started, or is halted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xrpfast.model import MONEY_ONE, OrderType, TimeInForce
from xrpfast.trading.context import BUY
from xrpfast.trading.legs.hedge import usable
from xrpfast.trading.risk.checks import instrument, position, throttle, working
from xrpfast.trading.risk.hedges import armed
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.risk.state import BPS, DRILL
from xrpfast.trading.states import ENGINE, TradingState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xrpfast.trading.events import BookTop
    from xrpfast.trading.intents import LegIntent
    from xrpfast.trading.risk.state import RiskState

_ACTIVE: Final = TradingState.ACTIVE
_LIMIT: Final = int(OrderType.LIMIT)
_GTC: Final = int(TimeInForce.GTC)


def refusal_of_drill(
    state: RiskState, leg: LegIntent, tops: Mapping[int, BookTop], now_ns: int
) -> Refusal | None:
    """The first reason against it. ``tops``: by book, those of the instrument at every venue."""
    book, legs = leg.book, (leg,)
    amount = leg.qty * book.qty_money
    value = leg.price * leg.qty * book.money_per_value
    return (
        armed(state)
        or never_trades(state)
        or once(state, leg)
        or rests(state, leg)
        or place(state, leg)
        or far_below(state, leg, tops, now_ns)
        or instrument(state, leg, amount, value)
        or tiny(state, value)
        or position(state, book.position_index, amount)
        or gross(state, leg, tops[book.index], value)
        or balance(state, leg)
        or working(state, legs, DRILL)
        or throttle(state, legs, now_ns)
    )


def never_trades(state: RiskState) -> Refusal | None:
    """The run was never started, and nothing of the engine is closed (24)."""
    context = state.context
    if context.started:
        return Refusal.NOT_A_DRILL
    now = context.states[ENGINE]
    if now is _ACTIVE:
        return None
    return Refusal.TRADING_HALTED if now is TradingState.HALTED else Refusal.TRADING_REDUCING


def once(state: RiskState, leg: LegIntent) -> Refusal | None:
    """It is the venue's first in this run."""
    return Refusal.NOT_A_DRILL if leg.book.venue_name in state.drilled else None


def rests(state: RiskState, leg: LegIntent) -> Refusal | None:
    """A buy at a limit that stays until it is cancelled, where one may be sent (3)."""
    limits = state.limits
    where = state.places[leg.book.index]
    if where is not None:
        return where
    if leg.side != BUY or BUY not in limits.allowed_sides:
        return Refusal.SIDE_NOT_ALLOWED
    if leg.order_type != _LIMIT or _LIMIT not in limits.allowed_order_types:
        return Refusal.ORDER_TYPE_NOT_ALLOWED
    return None if leg.tif == _GTC else Refusal.TIF_NOT_ALLOWED


def place(state: RiskState, leg: LegIntent) -> Refusal | None:
    """The venue is open (5, 21), the instrument ACTIVE (24) with no imbalance being closed (29),
    its book LIVE (11), and no order of it has an unknown outcome, on whatever venue (22)."""
    book, context = leg.book, state.context
    if not book.venue.open:
        return book.venue.closed_by()
    if context.symbols[book.instrument_index] is not _ACTIVE:
        return Refusal.SYMBOL_CLOSED
    if context.closed[book.instrument_index]:
        return Refusal.INSTRUMENT_EXPOSED
    if not book.live:
        return Refusal.BOOK_NOT_LIVE
    if book.unknown or any(other.unknown for other in state.elsewhere[book.index]):
        return Refusal.ORDER_STATE_UNKNOWN
    return None


def far_below(
    state: RiskState, leg: LegIntent, tops: Mapping[int, BookTop], now_ns: int
) -> Refusal | None:
    """Every venue's book shows a market of this moment (11), and the limit is the drill's distance
    below each best bid (10): one book that is wrong makes no order that fills."""
    limits, book = state.limits, leg.book
    price = leg.price * book.price_scale * BPS
    for other in (book, *state.elsewhere[book.index]):
        top = tops.get(other.index)
        if top is None or not usable(top, now_ns, limits.max_book_age_ns):
            return Refusal.BOOK_STALE
        if price > top.bid * other.price_scale * (BPS - limits.drill_distance_bps):
            return Refusal.DRILL_TOO_NEAR
    return None


def tiny(state: RiskState, value: int) -> Refusal | None:
    """It is worth no more than a drill's order may be."""
    return Refusal.DRILL_TOO_LARGE if value > state.limits.drill_notional else None


def gross(state: RiskState, leg: LegIntent, top: BookTop, value: int) -> Refusal | None:
    """All that is at stake (14): positions at the book's ask, unsettled orders, and this one."""
    book = leg.book
    held = abs(state.portfolio.position[book.position_index])
    total = value + held * top.ask * book.price_money // MONEY_ONE
    if total + state.portfolio.committed > state.limits.max_gross:
        return Refusal.GROSS_EXCEEDS_MAX
    return None


def balance(state: RiskState, leg: LegIntent) -> Refusal | None:
    """The account covers it (15) and keeps the cash reserve (14)."""
    book = leg.book
    free = state.portfolio.available(book.quote_account) - book.quote_need(leg.price, leg.qty)
    if free < 0:
        return Refusal.BALANCE_INSUFFICIENT
    return Refusal.CASH_BELOW_MIN if free < state.limits.min_cash else None
