"""The controls: small pure functions over one state. None lets the legs pass.

Each gets the legs of one decision (the buy first) and the signal that it rests on, and looks at
all legs before any is approved. Cheap ones come first; the first refusal is the verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xrpfast.model import OrderType, TimeInForce
from xrpfast.trading.context import BUY, SELL, Context
from xrpfast.trading.intents import Legs
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.states import TradingState

if TYPE_CHECKING:
    from xrpfast.trading.events import Signal
    from xrpfast.trading.portfolio import Portfolio
    from xrpfast.trading.risk.limits import RiskLimits

_ACTIVE: Final = TradingState.ACTIVE
_LIMIT: Final = int(OrderType.LIMIT)
_GTC: Final = int(TimeInForce.GTC)
_BPS: Final = 10_000


class RiskState:
    """What the controls look at."""

    __slots__ = ("context", "limits", "portfolio", "signals")

    def __init__(self, limits: RiskLimits, context: Context, portfolio: Portfolio) -> None:
        self.limits = limits
        self.context = context
        self.portfolio = portfolio
        self.signals: dict[int, int] = {}
        """Latest signal that orders were approved for, per detector."""


def trading(state: RiskState, legs: Legs, signal: Signal) -> Refusal | None:
    """Trading is ACTIVE, and live orders are armed."""
    if state.context.unarmed:
        return Refusal.NOT_ARMED
    now = state.context.trading
    if now is _ACTIVE:
        return None
    if now is TradingState.REDUCING:
        return Refusal.TRADING_REDUCING
    return Refusal.TRADING_HALTED if now is TradingState.HALTED else Refusal.TRADING_STOPPED


def exposure(state: RiskState, legs: Legs, signal: Signal) -> Refusal | None:
    """The instrument is ACTIVE, and no imbalance of it is being closed."""
    closed, symbols = state.context.closed, state.context.symbols
    for leg in legs:
        at = leg.book.instrument_index
        if symbols[at] is not _ACTIVE:
            return Refusal.SYMBOL_CLOSED
        if closed[at]:
            return Refusal.INSTRUMENT_EXPOSED
    return None


def pair(state: RiskState, legs: Legs, signal: Signal) -> Refusal | None:
    """The legs are the signal's: buy and sell the same amount on its two books, two venues."""
    buy, sell = legs
    bought, sold = buy.book, sell.book
    if (
        bought.index == signal.buy_book
        and sold.index == signal.sell_book
        and buy.side == BUY
        and sell.side == SELL
        and bought.venue is not sold.venue
        and bought.instrument_index == sold.instrument_index
        and buy.qty * bought.qty_money == sell.qty * sold.qty_money
    ):
        return None
    return Refusal.PAIR_INVALID


def signal_use(state: RiskState, legs: Legs, signal: Signal) -> Refusal | None:
    """The signal is recent and was not acted on before."""
    if not 0 <= signal.now_ns - signal.recv_ns <= state.limits.signal_ttl_ns:
        return Refusal.SIGNAL_STALE
    # The detectors number their signals upwards.
    if signal.signal_id <= state.signals.get(signal.detector, -1):
        return Refusal.DUPLICATE_SIGNAL
    return None


def venue(state: RiskState, legs: Legs, signal: Signal) -> Refusal | None:
    """Each venue is open: links up, reconciled, its clock known, nobody else's money moved."""
    for leg in legs:
        if not leg.book.venue.open:
            return leg.book.venue.closed_by()
    return None


def book(state: RiskState, legs: Legs, signal: Signal) -> Refusal | None:
    """Each book is LIVE and no order there has an unknown outcome."""
    for leg in legs:
        if not leg.book.live:
            return Refusal.BOOK_NOT_LIVE
        if leg.book.unknown:
            return Refusal.ORDER_STATE_UNKNOWN
    return None


def book_data(state: RiskState, legs: Legs, signal: Signal) -> Refusal | None:
    """Both books' data are recent, of nearly the same time, and show a market."""
    limit = state.limits.max_book_age_ns
    now = signal.now_ns
    if not (0 <= now - signal.buy_data_ns <= limit and 0 <= now - signal.sell_data_ns <= limit):
        return Refusal.BOOK_STALE
    if abs(signal.buy_data_ns - signal.sell_data_ns) > state.limits.max_pair_skew_ns:
        return Refusal.PAIR_SKEW
    if not (
        0 < signal.buy_best_bid < signal.buy_best_ask
        and 0 < signal.sell_best_bid < signal.sell_best_ask
    ):
        return Refusal.BOOK_CROSSED
    return None


def instrument(state: RiskState, legs: Legs, signal: Signal) -> Refusal | None:
    """The venue's own rules: tick, lot, quantities, least notional; and our cap of notional."""
    cap = state.limits.max_order_notional
    for leg in legs:
        rules = leg.book
        price, qty = leg.price, leg.qty
        if leg.order_type != _LIMIT or leg.tif == _GTC:
            return Refusal.ORDER_TYPE_NOT_ALLOWED
        if price <= 0 or price % rules.tick:
            return Refusal.PRICE_OFF_TICK
        if qty <= 0 or qty % rules.lot:
            return Refusal.QTY_OFF_LOT
        if qty < rules.min_qty:
            return Refusal.QTY_BELOW_MIN
        if qty > rules.max_qty:
            return Refusal.QTY_EXCEEDS_MAX
        notional = price * qty * rules.money_per_value
        if notional < rules.min_notional:
            return Refusal.NOTIONAL_BELOW_MIN
        if notional > cap:
            return Refusal.NOTIONAL_EXCEEDS_MAX
    return None


def collar(state: RiskState, legs: Legs, signal: Signal) -> Refusal | None:
    """Each limit is within the collar of its own book's mid and of the other venue's.

    Compared on the finest scale of prices, doubled: a mid is half of bid + ask.
    """
    buy, sell = legs
    limit = state.limits.collar_bps
    buy_scale, sell_scale = buy.book.price_scale, sell.book.price_scale
    buy_mid = (signal.buy_best_bid + signal.buy_best_ask) * buy_scale
    sell_mid = (signal.sell_best_bid + signal.sell_best_ask) * sell_scale
    low, high = (buy_mid, sell_mid) if buy_mid < sell_mid else (sell_mid, buy_mid)
    # Within both bands = above the band of the higher mid and below that of the lower.
    least = high * (_BPS - limit)
    most = low * (_BPS + limit)
    buy_price = buy.price * buy_scale * (2 * _BPS)
    sell_price = sell.price * sell_scale * (2 * _BPS)
    if least <= buy_price <= most and least <= sell_price <= most:
        return None
    return Refusal.PRICE_COLLAR


def position(state: RiskState, legs: Legs, signal: Signal) -> Refusal | None:
    """Position at worst: this leg and all unsettled orders of its side fill, none of the other."""
    limit = state.limits.max_position
    portfolio = state.portfolio
    for leg in legs:
        at = leg.book.position_index
        amount = leg.qty * leg.book.qty_money
        if leg.side == BUY:
            worst = portfolio.position[at] + portfolio.buying[at] + amount
        else:
            worst = portfolio.selling[at] + amount - portfolio.position[at]
        if worst > limit:
            return Refusal.POSITION_EXCEEDS_MAX
    return None


def balance(state: RiskState, legs: Legs, signal: Signal) -> Refusal | None:
    """The account covers the leg and its fee beside everything that is reserved.

    The legs are on different venues (`pair`), so none draws on the other's account.
    """
    portfolio = state.portfolio
    for leg in legs:
        rules = leg.book
        if leg.side == BUY:
            account = rules.quote_account
            need = rules.quote_need(leg.price, leg.qty)
        else:
            account = rules.base_account
            need = leg.qty * rules.qty_money
        if need > portfolio.booked[account] - portfolio.reserved[account]:
            return Refusal.BALANCE_INSUFFICIENT
    return None


def throttle(state: RiskState, legs: Legs, signal: Signal) -> Refusal | None:
    """Each venue has room for one more order in the sliding second."""
    for leg in legs:
        if not leg.book.venue.has_room(signal.now_ns):
            return Refusal.RATE_LIMITED
    return None


def first_refusal(state: RiskState, legs: Legs, signal: Signal) -> Refusal | None:
    """The verdict of all controls, in the order in which they are asked.

    Written out because the interpreter specialises each call site for one function: a loop over a
    table of them takes twice the time.
    """
    return (
        trading(state, legs, signal)
        or pair(state, legs, signal)
        or signal_use(state, legs, signal)
        or exposure(state, legs, signal)
        or venue(state, legs, signal)
        or book(state, legs, signal)
        or book_data(state, legs, signal)
        or instrument(state, legs, signal)
        or collar(state, legs, signal)
        or position(state, legs, signal)
        or balance(state, legs, signal)
        or throttle(state, legs, signal)
    )
