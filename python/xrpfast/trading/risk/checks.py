"""The controls of a pair: small pure functions over one state. None lets the legs pass.

Each gets the legs of one decision (the buy first) and what it rests on, and looks at all legs
before any is approved. Cheap ones come first; the first refusal is the verdict. A number in a text
is that of `controls.CONTROLS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xrpfast.model import MONEY_ONE, RATE_ONE, TimeInForce
from xrpfast.trading.context import BUY, SELL
from xrpfast.trading.intents import Legs
from xrpfast.trading.lifecycle import TERMINAL
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.risk.state import BPS
from xrpfast.trading.states import TradingState

if TYPE_CHECKING:
    from xrpfast.trading.events import Signal
    from xrpfast.trading.intents import LegIntent
    from xrpfast.trading.risk.state import RiskState, StrategyState

_ACTIVE: Final = TradingState.ACTIVE
_TRADING: Final = {
    TradingState.REDUCING: Refusal.TRADING_REDUCING,
    TradingState.HALTED: Refusal.TRADING_HALTED,
}
_GTC: Final = int(TimeInForce.GTC)
_2BPS: Final = 2 * BPS
"""For prices that are compared with doubled mids."""
_EDGE: Final = 10_000
"""Units of `Signal.edge` in one basis point."""


def trading(state: RiskState, strategy: StrategyState, legs: Legs) -> Refusal | None:
    """Live orders are armed (1); engine, strategy and instrument are ACTIVE (24), the strategy is
    allowed (3) and a person has looked at it often enough (26), no imbalance of the instrument is
    being closed (29)."""
    context = state.context
    if context.unarmed:
        return Refusal.NOT_ARMED
    now = context.trading
    if now is not _ACTIVE:
        return _TRADING.get(now, Refusal.TRADING_STOPPED)
    if strategy.refused is not None:
        return strategy.refused
    if context.strategies[strategy.name] is not _ACTIVE:
        return Refusal.STRATEGY_CLOSED
    if strategy.round_trips >= state.limits.max_round_trips:
        return Refusal.EXECUTIONS_EXHAUSTED
    at = legs[0].book.instrument_index
    if context.symbols[at] is not _ACTIVE:
        return Refusal.SYMBOL_CLOSED
    return Refusal.INSTRUMENT_EXPOSED if context.closed[at] else None


def pair(legs: Legs, signal: Signal, bought: int, sold: int) -> Refusal | None:
    """The legs are the signal's: buy and sell the same amount on its two books, two venues (23)."""
    buy, sell = legs
    buy_book, sell_book = buy.book, sell.book
    if (
        buy_book.index == signal.buy_book
        and sell_book.index == signal.sell_book
        and buy.side == BUY
        and sell.side == SELL
        and buy_book.venue is not sell_book.venue
        and buy_book.instrument_index == sell_book.instrument_index
        and bought == sold
    ):
        return None
    return Refusal.PAIR_INVALID


def shape(state: RiskState, legs: Legs) -> Refusal | None:
    """Venue, symbol, side, order type and time in force are allowed (3)."""
    places, limits = state.places, state.limits
    for leg in legs:
        place = places[leg.book.index]
        if place is not None:
            return place
        if leg.side not in limits.allowed_sides:
            return Refusal.SIDE_NOT_ALLOWED
        if leg.order_type not in limits.allowed_order_types:
            return Refusal.ORDER_TYPE_NOT_ALLOWED
        if leg.tif not in limits.allowed_tifs or leg.tif == _GTC:
            return Refusal.TIF_NOT_ALLOWED
    return None


def signal_use(state: RiskState, signal: Signal) -> Refusal | None:
    """The signal is recent (19) and was not acted on before (18)."""
    if not 0 <= signal.now_ns - signal.recv_ns <= state.limits.signal_ttl_ns:
        return Refusal.SIGNAL_STALE
    # The detectors number their signals upwards.
    if signal.signal_id <= state.signals.get(signal.detector, -1):
        return Refusal.DUPLICATE_SIGNAL
    return None


def places(state: RiskState, legs: Legs) -> Refusal | None:
    """Each venue is open: links up, reconciled, nobody else's money moved (5), its clock known and
    near ours (21); each book is LIVE (11), and no order of the instrument has an unknown outcome,
    on whatever venue (22)."""
    buy, sell = legs
    bought, sold = buy.book, sell.book
    if not bought.venue.open:
        return bought.venue.closed_by()
    if not sold.venue.open:
        return sold.venue.closed_by()
    if not (bought.live and sold.live):
        return Refusal.BOOK_NOT_LIVE
    if bought.unknown or sold.unknown:
        return Refusal.ORDER_STATE_UNKNOWN
    for other in state.elsewhere[bought.index]:
        if other.unknown:
            return Refusal.ORDER_STATE_UNKNOWN
    return None


def data(state: RiskState, legs: Legs, signal: Signal) -> Refusal | None:
    """Both books' data are recent, of nearly the same time, and cover the legs (11)."""
    limits = state.limits
    now, buy_ns, sell_ns = signal.now_ns, signal.buy_data_ns, signal.sell_data_ns
    age = limits.max_book_age_ns
    if not (0 <= now - buy_ns <= age and 0 <= now - sell_ns <= age):
        return Refusal.BOOK_STALE
    if not -limits.max_pair_skew_ns <= buy_ns - sell_ns <= limits.max_pair_skew_ns:
        return Refusal.PAIR_SKEW
    # What the detector walked through within the limits; the legs take no more than that.
    if legs[0].qty <= signal.buy_qty and legs[1].qty <= signal.sell_qty:
        return None
    return Refusal.TOP_EMPTY


def market(state: RiskState, legs: Legs, signal: Signal) -> Refusal | None:
    """Both books show a sane market (11) with an edge that a market can have (12), by the detector
    and by the best prices; each limit is within the collar of both mids (10).

    Compared on the finest scale of prices, doubled: a mid is half of bid + ask.
    """
    buy, sell = legs
    limits = state.limits
    bid, ask = signal.buy_best_bid, signal.buy_best_ask
    other_bid, other_ask = signal.sell_best_bid, signal.sell_best_ask
    if not (0 < bid < ask and 0 < other_bid < other_ask):
        return Refusal.BOOK_CROSSED
    mid, other_mid = bid + ask, other_bid + other_ask
    most = limits.max_spread_bps
    if (ask - bid) * _2BPS > most * mid or (other_ask - other_bid) * _2BPS > most * other_mid:
        return Refusal.SPREAD_TOO_WIDE

    scale, other_scale = buy.book.price_scale, sell.book.price_scale
    most = limits.max_edge_bps
    ask *= scale
    if signal.edge > most * _EDGE or (other_bid * other_scale - ask) * BPS > most * ask:
        return Refusal.EDGE_IMPLAUSIBLE

    collar = limits.collar_bps
    mid *= scale
    other_mid *= other_scale
    low, high = (mid, other_mid) if mid < other_mid else (other_mid, mid)
    # Within both bands = above the band of the higher mid and below that of the lower.
    least = high * (BPS - collar)
    most = low * (BPS + collar)
    buy_price = buy.price * scale * _2BPS
    sell_price = sell.price * other_scale * _2BPS
    if least <= buy_price <= most and least <= sell_price <= most:
        return None
    return Refusal.PRICE_COLLAR


def drift(state: RiskState, legs: Legs, now_ns: int) -> Refusal | None:
    """Each limit is near every mid that its own book had within the drift window (10).

    It stands where other engines ask for the last trade, which the feeds do not tell: what a venue
    showed in the last seconds, read by a timer, whatever the frame says that made the signal.
    """
    if not state.limits.mark_ns:
        return None
    references = state.references
    for leg in legs:
        reference = references[leg.book.index]
        if now_ns > reference.until_ns:
            return Refusal.REFERENCE_MISSING
        if not reference.least <= leg.price * _2BPS <= reference.most:
            return Refusal.PRICE_DRIFT
    return None


def instrument(state: RiskState, leg: LegIntent, amount: int, value: int) -> Refusal | None:
    """The venue's own rules (7): tick, lot, quantities, least notional; our caps (8, 9).

    ``amount`` and ``value`` are the leg's, in money of base and of quote.
    """
    book, price, qty = leg.book, leg.price, leg.qty
    limits = state.limits
    if price <= 0 or price % book.tick:
        return Refusal.PRICE_OFF_TICK
    if qty <= 0 or qty % book.lot:
        return Refusal.QTY_OFF_LOT
    if qty < book.min_qty:
        return Refusal.QTY_BELOW_MIN
    if qty > book.max_qty:
        return Refusal.QTY_ABOVE_VENUE_MAX
    if amount > limits.max_order_qty:
        return Refusal.QTY_EXCEEDS_MAX
    if value < book.min_notional:
        return Refusal.NOTIONAL_BELOW_MIN
    return Refusal.NOTIONAL_EXCEEDS_MAX if value > limits.max_order_notional else None


def position(state: RiskState, at: int, amount: int) -> Refusal | None:
    """Position at worst (13): this leg and all unsettled orders of its side fill, none of the
    other. Of both sides; the legs are the same ``amount``."""
    limit = state.limits.max_position
    portfolio = state.portfolio
    now = portfolio.position[at]
    if now + portfolio.buying[at] + amount > limit or portfolio.selling[at] + amount - now > limit:
        return Refusal.POSITION_EXCEEDS_MAX
    return None


def gross(state: RiskState, sell: LegIntent, cost: int, sale: int) -> Refusal | None:
    """All that is at stake (14): positions, unsettled orders of both sides, and these legs."""
    book = sell.book
    # Valued at the sell's limit, which is the dearer one of a pair.
    held = abs(state.portfolio.position[book.position_index])
    total = cost + sale + held * sell.price * book.price_money // MONEY_ONE
    if total + state.portfolio.committed > state.limits.max_gross:
        return Refusal.GROSS_EXCEEDS_MAX
    return None


def balance(state: RiskState, legs: Legs, amount: int, cost: int, sale: int) -> Refusal | None:
    """The accounts cover the legs and their fees (15), leave the cash reserve (14), and what would
    buy back the sell if the buy failed (23).

    The legs are on different venues (`pair`), so none draws on the other's account.
    """
    bought, sold = legs[0].book, legs[1].book
    portfolio, limits = state.portfolio, state.limits
    booked, reserved = portfolio.booked, portfolio.reserved
    account = bought.quote_account
    free = booked[account] - reserved[account] - cost
    if bought.buy_fee_rate:
        free += -cost * bought.buy_fee_rate // RATE_ONE
    if free < 0:
        return Refusal.BALANCE_INSUFFICIENT
    account = sold.base_account
    if amount > booked[account] - reserved[account]:
        return Refusal.BALANCE_INSUFFICIENT
    for_sale, cushion = portfolio.for_sale, limits.hedge_cushion_bps
    if free < limits.min_cash or free * BPS < for_sale[bought.quote_account] * cushion:
        return Refusal.CASH_BELOW_MIN
    account = sold.quote_account
    if (booked[account] - reserved[account]) * BPS < (for_sale[account] + sale) * cushion:
        return Refusal.HEDGE_CAPACITY
    return None


def working(state: RiskState, legs: Legs, strategy: str) -> Refusal | None:
    """Few orders are unsettled (16), and none of ours is met by these (20)."""
    unsettled = state.unsettled
    if not unsettled:
        return None  # no limit is below what a pair is by itself
    limits = state.limits
    mine = len(legs) + len(unsettled)
    if mine > limits.max_working_per_strategy:  # as if they all were its own: then they are counted
        mine = len(legs) + sum(order.strategy == strategy for order in unsettled.values())
        if mine > limits.max_working_per_strategy:
            return Refusal.WORKING_ORDERS_MAX
    for leg in legs:
        book, side, price = leg.book, leg.side, leg.price
        name = book.venue_name
        here = of_side = 1
        for order in unsettled.values():
            if order.venue != name:
                continue
            here += 1
            if order.side == side:
                of_side += 1
            elif order.book == book.index and order.state not in TERMINAL:
                met = order.price <= price if side == BUY else order.price >= price
                if met:
                    return Refusal.SELF_TRADE
        if here > limits.max_working_per_venue or of_side > limits.max_working_per_side:
            return Refusal.WORKING_ORDERS_MAX
    return None


def duplicate(state: RiskState, legs: Legs, strategy: StrategyState, now_ns: int) -> Refusal | None:
    """The strategy did not want the same a moment ago (18)."""
    window = state.limits.duplicate_window_ns
    if now_ns - strategy.approved_ns >= window:
        return None  # it wanted nothing at all
    for then_ns, before in strategy.recent:
        if now_ns - then_ns < window and any(_same(leg, was) for leg in legs for was in before):
            return Refusal.DUPLICATE_INTENT
    return None


def _same(leg: LegIntent, was: LegIntent) -> bool:
    return (
        leg.price == was.price
        and leg.qty == was.qty
        and leg.side == was.side
        and leg.book is was.book
    )


def throttle(state: RiskState, legs: Legs, now_ns: int) -> Refusal | None:
    """Each venue has room for one more order (17)."""
    budgets = state.budgets
    for leg in legs:
        budget = budgets[leg.book.index]
        if now_ns < budget.entry_ns:
            return budget.closed_by(now_ns)
    return None


def first_refusal(
    state: RiskState, strategy: StrategyState, legs: Legs, signal: Signal
) -> Refusal | None:
    """The verdict of all controls, in the order in which they are asked.

    Written out because the interpreter specialises each call site for one function: a loop over a
    table of them takes twice the time. Amounts are worked out once.
    """
    buy, sell = legs
    bought, sold = buy.book, sell.book
    now_ns = signal.now_ns
    amount, sale_amount = buy.qty * bought.qty_money, sell.qty * sold.qty_money
    cost = buy.price * buy.qty * bought.money_per_value
    sale = sell.price * sell.qty * sold.money_per_value
    return (
        trading(state, strategy, legs)
        or pair(legs, signal, amount, sale_amount)
        or shape(state, legs)
        or signal_use(state, signal)
        or places(state, legs)
        or data(state, legs, signal)
        or instrument(state, buy, amount, cost)
        or instrument(state, sell, amount, sale)
        or market(state, legs, signal)
        or drift(state, legs, now_ns)
        or position(state, bought.position_index, amount)
        or gross(state, sell, cost, sale)
        or balance(state, legs, amount, cost, sale)
        or working(state, legs, strategy.name)
        or duplicate(state, legs, strategy, now_ns)
        or throttle(state, legs, now_ns)
    )
