"""What orders cost at a mock venue: what is held for them, their fees, what a market order pays."""

from __future__ import annotations

from xrpfast._core import Matching
from xrpfast.model import RATE_ONE, Side, SymbolRules
from xrpfast.simulation import market_order
from xrpfast.simulation.orders import NewOrder, Order


class Charges:
    """Money of orders by the rules of one symbol and the book as it is. Money is exact (10^-18)."""

    def __init__(self, rules: SymbolRules, matching: Matching) -> None:
        self.rules = rules
        self._matching = matching

    def asset(self, side: Side) -> str:
        """What an order of that side pays with."""
        return self.rules.quote if side is Side.BUY else self.rules.base

    def worth(self, new: NewOrder) -> int | None:
        """What an order is worth in quote money; None where no price says it."""
        if new.funds is not None:
            return new.funds
        price = new.price
        if price is None:
            best = self._matching.best(new.side.opposite)
            price = best[0] if best else None
        return None if price is None or new.qty is None else self.rules.notional(price, new.qty)

    def hold_of(self, new: NewOrder) -> int:
        """What is held for an order when it is accepted."""
        if new.price is not None and new.qty is not None:
            return self.hold(new.side, new.price, new.qty)
        if new.side is Side.SELL:
            qty = new.qty
            if qty is None:
                qty = self._walk(new.side, None, new.funds).qty
            return self.rules.qty_money(qty)
        cost = new.funds
        if cost is None:
            cost = self._walk(new.side, new.qty, None).cost
        return self._with_fee(cost)

    def qty_of(self, new: NewOrder, hold: int) -> int:
        """The quantity of an accepted order; 0 for a buy by funds, known once it is matched."""
        if new.qty is not None:
            return new.qty
        return hold // self.rules.qty_money(1) if new.side is Side.SELL else 0

    def hold(self, side: Side, price: int, qty: int) -> int:
        """What is held for so much of a limit order."""
        if side is Side.SELL:
            return self.rules.qty_money(qty)
        return self._with_fee(self.rules.notional(price, qty))

    def fee(self, amount: int, *, maker: bool) -> int:
        """What is finer than 10^-18 is the venue's gift."""
        rate = self.rules.maker_rate if maker else self.rules.taker_rate
        return amount * rate // RATE_ONE

    def takeable(self, order: Order) -> int:
        """What a market order may take of the book as it is now: its hold must pay for it."""
        funds = order.funds
        if order.side is Side.BUY:
            funds = order.held
            if not self.rules.fee_in_received:
                funds = funds * RATE_ONE // (RATE_ONE + self.rules.taker_rate)
        elif funds is None:
            return order.qty
        return self._walk(order.side, order.qty or None, funds).qty

    def takes_beyond(self, order: Order, price: int, qty: int) -> bool:
        """Whether an order would take at a price worse than its taker's limit."""
        limit, sign = order.taker_limit, 1 if order.side is Side.BUY else -1
        if limit is None or (price - limit) * sign <= 0:
            return False
        for at, size in self._matching.levels(order.side.opposite, market_order.MAX_LEVELS):
            if qty <= 0 or (at - price) * sign > 0:
                return False
            if (at - limit) * sign > 0:
                return True
            qty -= size
        return False

    def _with_fee(self, cost: int) -> int:
        return cost if self.rules.fee_in_received else cost + self.fee(cost, maker=False)

    def _walk(self, side: Side, qty: int | None, funds: int | None) -> market_order.Walk:
        levels = self._matching.levels(side.opposite, market_order.MAX_LEVELS)
        return market_order.walk(self.rules, levels, qty, funds)
