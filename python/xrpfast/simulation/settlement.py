"""What matches do at a mock venue: trades and fills, fees and balances, the ends of orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xrpfast.model import Side
from xrpfast.simulation.history import Numbered
from xrpfast.simulation.orders import Fill, Order, Prevented, Trade

if TYPE_CHECKING:
    from xrpfast.simulation.charges import Charges
    from xrpfast.simulation.order_store import OrderStore
    from xrpfast.simulation.teller import Teller


class Settlement:
    """Books what the matching engine says. What it did is remembered for a while (``keep``)."""

    def __init__(
        self, charges: Charges, store: OrderStore, teller: Teller, trade_base: int, keep: int
    ) -> None:
        self.fills: Numbered[Fill] = Numbered(keep)
        self.trades: Numbered[Trade] = Numbered(keep)
        self.prevented: Numbered[Prevented] = Numbered(keep)
        self.last_trade: Trade | None = None
        self.fees: dict[str, int] = {}
        self._charges = charges
        self._store = store
        self._teller = teller
        self._trade_base = trade_base

    def settle(
        self,
        row: tuple[int, int, int, int, int],
        taker_id: int,
        taker_side: Side,
        taker: Order | None,
        now: int,
    ) -> Trade:
        number, maker_id, _, price, qty = row
        trade = Trade(self._trade_base + number, price, qty, taker_side, taker_id, maker_id, now)
        if taker is not None:
            self._fill(taker, trade, maker_id, maker=False)
        maker = self._store.all.get(maker_id)
        if maker is not None:
            self._fill(maker, trade, taker_id, maker=True)
            if not maker.remaining:
                self.end(maker, "FILLED", "filled", now, "")
        self.last_trade = trade
        self.trades.append(trade)
        return trade

    def _fill(self, order: Order, trade: Trade, counter_id: int, *, maker: bool) -> None:
        rules, account, qty = self._charges.rules, order.account, trade.qty
        cost, amount = rules.notional(trade.price, qty), rules.qty_money(qty)
        buy = order.side is Side.BUY
        fee_asset = rules.base if buy and rules.fee_in_received else rules.quote
        fee = self._charges.fee(amount if fee_asset == rules.base else cost, maker=maker)
        limit = order.price if order.kind == "limit" else trade.price
        used = self._charges.hold(order.side, limit, qty)
        order.held -= used
        order.filled += qty
        order.quote_filled += cost
        order.fee, order.fee_asset = order.fee + fee, fee_asset
        order.state, order.updated_ns = "PARTLY_FILLED", trade.wall_ns
        self.fees[fee_asset] = self.fees.get(fee_asset, 0) + fee
        base_fee, quote_fee = (fee, 0) if fee_asset == rules.base else (0, fee)
        if buy:
            quote_free, quote_locked, base_free, base_locked = (
                used - cost - quote_fee, -used, amount - base_fee, 0,
            )  # fmt: skip
        else:
            quote_free, quote_locked, base_free, base_locked = cost - quote_fee, 0, 0, -used
        for asset, free, locked in (
            (rules.quote, quote_free, quote_locked),
            (rules.base, base_free, base_locked),
        ):
            moved = account.move(asset, free, locked, "settle", order.order_id, trade.trade_id)
            self._teller.moved(account, moved)
        fill = Fill(
            trade.trade_id, order, trade.price, qty, fee, fee_asset, maker, trade.wall_ns,
            order.filled, order.quote_filled, counter_id,
        )  # fmt: skip
        self.fills.append(fill)
        order.fills += (fill,)
        self._teller.tell("fill", order, fill)

    def prevent(
        self, taker: Order, maker_id: int, price: int, taker_qty: int, maker_qty: int, now: int
    ) -> None:
        maker = self._store.all[maker_id]
        row = Prevented(
            self.prevented.end, taker.order_id, maker_id, price, taker_qty, maker_qty, now
        )
        self.prevented.append(row)
        taker.prevented_matches += (row,)  # its reply tells of it, whoever lost
        for order, qty in ((maker, maker_qty), (taker, taker_qty)):
            if not qty:
                continue
            order.prevented += qty
            order.updated_ns = now
            if order is maker:
                order.prevented_matches += (row,)
            if order.remaining:
                self.release(order, self._charges.hold(order.side, order.price, qty))
                self._teller.tell("prevented", order, None)
            else:
                self.end(order, "PREVENTED", "prevented", now, "stp")

    def release(self, order: Order, money: int) -> None:
        if order.kind == "market" and order.side is Side.BUY:
            return  # its hold is the price of nothing in particular: released at its end
        if money:
            freed = order.account.move(
                self._charges.asset(order.side), money, -money, "release", order.order_id
            )
            self._teller.moved(order.account, freed)
            order.held -= money

    def end(self, order: Order, state: str, kind: str, now: int, reason: str) -> None:
        order.state, order.updated_ns, order.reason = state, now, reason
        if order.held:
            account = order.account
            freed = account.move(
                self._charges.asset(order.side), order.held, -order.held, "release", order.order_id
            )
            self._teller.moved(account, freed)
            order.held = 0
        self._store.ended(order)
        self._teller.tell(kind, order, None)
