"""The controls of a hedge: it must make an imbalance smaller, in a market of this moment.

Hedges are allowed while entries are not (REDUCING, an unsettled other venue), never when HALTED.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xrpfast.model import OrderType, TimeInForce
from xrpfast.trading.context import BUY
from xrpfast.trading.legs.hedge import usable
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.states import TradingState

if TYPE_CHECKING:
    from xrpfast.trading.events import BookTop
    from xrpfast.trading.intents import LegIntent
    from xrpfast.trading.risk.checks import RiskState

_BPS: Final = 10_000
_LIMIT: Final = int(OrderType.LIMIT)
_IOC: Final = int(TimeInForce.IOC)
_TRADING: Final = {
    TradingState.STOPPED: Refusal.TRADING_STOPPED,
    TradingState.HALTED: Refusal.TRADING_HALTED,
}


def refusal_of_hedge(
    state: RiskState, leg: LegIntent, top: BookTop, excess: int, now_ns: int
) -> Refusal | None:
    """The first reason against a hedge of ``excess`` (money of base, above zero: too much)."""
    return (
        (Refusal.NOT_ARMED if state.context.unarmed else None)
        or _TRADING.get(state.context.trading)
        or _reduces(leg, excess)
        or _place(state, leg)
        or _market(state, leg, top, now_ns)
        or _rules(state, leg)
        or _means(state, leg, now_ns)
    )


def _reduces(leg: LegIntent, excess: int) -> Refusal | None:
    """It sells what is too much or buys what is missing, and no more than that."""
    amount = leg.qty * leg.book.qty_money
    wanted = -excess if leg.side == BUY else excess
    return None if 0 < amount <= wanted else Refusal.NOT_REDUCING


def _place(state: RiskState, leg: LegIntent) -> Refusal | None:
    book = leg.book
    if state.context.symbols[book.instrument_index] is TradingState.HALTED:
        return Refusal.SYMBOL_CLOSED
    if book.venue.state is TradingState.HALTED:
        return Refusal.VENUE_HALTED
    if not book.venue.open_to_hedges:
        return Refusal.VENUE_DOWN
    if not book.live:
        return Refusal.BOOK_NOT_LIVE
    return Refusal.ORDER_STATE_UNKNOWN if book.unknown else None


def _market(state: RiskState, leg: LegIntent, top: BookTop, now_ns: int) -> Refusal | None:
    """The top is the book's, of this moment, and the limit within the collar around its mid."""
    limits = state.limits
    if top.book != leg.book.index or not usable(top, now_ns, limits.max_book_age_ns):
        return Refusal.BOOK_STALE
    mid = top.bid + top.ask  # doubled
    price = leg.price * 2 * _BPS
    if mid * (_BPS - limits.collar_bps) <= price <= mid * (_BPS + limits.collar_bps):
        return None
    return Refusal.PRICE_COLLAR


def _rules(state: RiskState, leg: LegIntent) -> Refusal | None:
    """The venue's own rules, and our cap of notional."""
    book, price, qty = leg.book, leg.price, leg.qty
    if leg.order_type != _LIMIT or leg.tif != _IOC:
        return Refusal.ORDER_TYPE_NOT_ALLOWED
    if price <= 0 or price % book.tick:
        return Refusal.PRICE_OFF_TICK
    if qty % book.lot:
        return Refusal.QTY_OFF_LOT
    if qty < book.min_qty:
        return Refusal.QTY_BELOW_MIN
    if qty > book.max_qty:
        return Refusal.QTY_EXCEEDS_MAX
    notional = price * qty * book.money_per_value
    if notional < book.min_notional:
        return Refusal.NOTIONAL_BELOW_MIN
    return Refusal.NOTIONAL_EXCEEDS_MAX if notional > state.limits.max_order_notional else None


def _means(state: RiskState, leg: LegIntent, now_ns: int) -> Refusal | None:
    """The account covers it, and the venue has room for one more order."""
    book, portfolio = leg.book, state.portfolio
    if leg.side == BUY:
        account, need = book.quote_account, book.quote_need(leg.price, leg.qty)
    else:
        account, need = book.base_account, leg.qty * book.qty_money
    if need > portfolio.available(account):
        return Refusal.BALANCE_INSUFFICIENT
    return None if book.venue.has_room(now_ns) else Refusal.RATE_LIMITED
