"""Cross-exchange arbitrage: buy where it is cheap, sell where it is dear, both at once.

Two immediate-or-cancel limits at the prices that the detector walked to. One pair is in flight per
instrument at a time. A size that balances or limits do not allow is cut to whole lots that they do,
since part of an edge is still an edge: the best levels come first, so the profit per unit of a cut
size is at least that of the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xrpfast.model import RATE_ONE, OrderType, TimeInForce
from xrpfast.trading.context import BUY, SELL, Context, Pair
from xrpfast.trading.intents import LegIntent
from xrpfast.trading.strategies.reasons import Ignored

if TYPE_CHECKING:
    from xrpfast.trading.config import ArbitrageParams
    from xrpfast.trading.events import Signal
    from xrpfast.trading.orders import OrderDesk
    from xrpfast.trading.portfolio import Portfolio
    from xrpfast.trading.risk.limits import RiskLimits

_LIMIT: Final = int(OrderType.LIMIT)
_IOC: Final = int(TimeInForce.IOC)


class Arbitrage:
    """One configured arbitrage of one instrument."""

    __slots__ = (
        "_busy",
        "_closed",
        "_instrument",
        "_limits",
        "_next_entry_ns",
        "_portfolio",
        "detectors",
        "name",
        "params",
    )

    def __init__(
        self,
        params: ArbitrageParams,
        limits: RiskLimits,
        context: Context,
        portfolio: Portfolio,
        desk: OrderDesk,
    ) -> None:
        self.params = params
        self.name = params.name
        self.detectors = params.detectors
        self._limits = limits
        self._portfolio = portfolio
        self._busy = desk.busy
        self._closed = context.closed
        self._instrument = context.instruments.index(params.instrument)
        self._next_entry_ns: list[int | None] = [None] * len(context.pairs)

    def on_signal(self, signal: Signal, pair: Pair) -> tuple[LegIntent, LegIntent] | Ignored:
        """The pair of orders to place, or why none."""
        instrument = pair.instrument_index
        if instrument != self._instrument:
            return Ignored.NOT_WANTED
        if self._busy[instrument]:
            return Ignored.IN_FLIGHT
        if self._closed[instrument]:
            return Ignored.EXPOSED
        next_entry_ns = self._next_entry_ns[pair.index]
        if next_entry_ns is not None and signal.now_ns < next_entry_ns:
            return Ignored.COOLDOWN
        params = self.params
        if signal.profit < params.min_profit:
            return Ignored.PROFIT_TOO_SMALL

        buy, sell = pair.buy, pair.sell
        buy_qty, sell_qty = signal.buy_qty, signal.sell_qty
        portfolio, limits = self._portfolio, self._limits
        booked, reserved = portfolio.booked, portfolio.reserved
        amount = buy_qty * buy.qty_money
        at = pair.position_index
        position = portfolio.position[at]
        cap = limits.max_order_notional
        base, quote = sell.base_account, buy.quote_account
        if (
            amount > params.max_qty
            or amount > limits.max_order_qty
            or amount > limits.max_position - position - portfolio.buying[at]
            or amount > limits.max_position + position - portfolio.selling[at]
            or amount > booked[base] - reserved[base]
            or signal.buy_limit * buy_qty * buy.money_per_value > cap
            or signal.sell_limit * sell_qty * sell.money_per_value > cap
            or buy.quote_need(signal.buy_limit, buy_qty) + limits.min_cash
            > booked[quote] - reserved[quote]
        ):
            cut = self._cut(signal, pair)
            if isinstance(cut, Ignored):
                return cut
            buy_qty, sell_qty = cut // buy.qty_money, cut // sell.qty_money
        return (
            LegIntent(buy, BUY, _LIMIT, _IOC, signal.buy_limit, buy_qty),
            LegIntent(sell, SELL, _LIMIT, _IOC, signal.sell_limit, sell_qty),
        )

    def entered(self, signal: Signal, pair: Pair) -> None:
        """The orders of ``signal`` were approved: the direction cools down from here."""
        self._next_entry_ns[pair.index] = signal.now_ns + self.params.cooldown_ns

    def _cut(self, signal: Signal, pair: Pair) -> int | Ignored:
        """The largest amount of base (money) that everything allows, or what allows too little."""
        buy, sell = pair.buy, pair.sell
        portfolio, limits = self._portfolio, self._limits
        at = pair.position_index
        position = portfolio.position[at]
        buy_value = signal.buy_limit * buy.money_per_value
        sell_value = signal.sell_limit * sell.money_per_value
        if buy_value <= 0 or sell_value <= 0:
            return Ignored.NOT_WANTED
        quote = portfolio.available(buy.quote_account) - limits.min_cash
        # cost + ceil(cost x rate) <= quote, exactly, solved for the quantity.
        affordable = quote * RATE_ONE // (buy_value * (RATE_ONE + buy.buy_fee_rate))
        amount, reason = min(
            (signal.buy_qty * buy.qty_money, Ignored.NOT_WANTED),
            (self.params.max_qty, Ignored.MAX_QTY),
            (limits.max_order_qty, Ignored.QTY_CAP),
            (limits.max_order_notional // buy_value * buy.qty_money, Ignored.NOTIONAL_CAP),
            (limits.max_order_notional // sell_value * sell.qty_money, Ignored.NOTIONAL_CAP),
            (limits.max_position - position - portfolio.buying[at], Ignored.NO_POSITION),
            (limits.max_position + position - portfolio.selling[at], Ignored.NO_POSITION),
            (affordable * buy.qty_money, Ignored.NO_BALANCE),
            (portfolio.available(sell.base_account), Ignored.NO_BALANCE),
            key=lambda room: room[0],
        )
        amount -= amount % pair.step
        buy_qty, sell_qty = amount // buy.qty_money, amount // sell.qty_money
        if (
            amount <= 0
            or buy_qty < buy.min_qty
            or sell_qty < sell.min_qty
            or buy_qty * buy_value < buy.min_notional
            or sell_qty * sell_value < sell.min_notional
        ):
            return reason
        if signal.profit * amount < self.params.min_profit * signal.buy_qty * buy.qty_money:
            return Ignored.PROFIT_TOO_SMALL
        return amount
