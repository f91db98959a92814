"""One mock venue's truth: matching, orders, trades, balances. No sockets, no venue's wire format.

Faces (`simulation/<venue>/`) place and cancel here and listen for what happens. Every call is
synchronous and leaves the listeners told; the sequence of the book counts level changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from xrpfast._core import Matching
from xrpfast.model import RATE_ONE, Side, SymbolRules, TimeInForce, format_money
from xrpfast.simulation.account import Account, BalanceChange
from xrpfast.simulation.texts import units_text

BACKGROUND = 0
"""Owner of the market's own orders: unlimited funds, no order records."""


OrderHook = Callable[[int, Callable[[], None]], bool]
"""A measurement's word on an order frame, first thing: its monotonic time, and how to handle it.
True: the hook has taken it, and handles it later or never."""


class VenueRefusal(Exception):  # noqa: N818  (the venue's word, not a fault of ours)
    """The venue refuses a request. Keys: TICK, PRICE_RANGE, LOT, MIN_QTY, MAX_QTY, MIN_NOTIONAL,
    BALANCE, DUPLICATE_CLIENT_ID, WOULD_TAKE, UNKNOWN_ORDER."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(slots=True)
class Order:
    """One order of a customer. ``state``: NEW, PARTLY_FILLED, FILLED, CANCELLED, EXPIRED."""

    order_id: int
    client_id: str
    account: Account
    side: Side
    tif: TimeInForce
    post_only: bool
    price: int
    qty: int
    created_ns: int
    updated_ns: int
    state: str = "NEW"
    filled: int = 0
    quote_filled: int = 0
    """Money of the quote asset."""
    fee: int = 0
    fee_asset: str = ""
    held: int = 0
    """Money still locked for this order."""
    fills: list[Fill] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    """What a face wants to keep with the order (its own ids, flags)."""

    @property
    def remaining(self) -> int:
        return self.qty - self.filled

    @property
    def working(self) -> bool:
        return self.state in {"NEW", "PARTLY_FILLED"}


@dataclass(frozen=True, slots=True)
class Fill:
    """One side of a trade, of a customer's order; ``filled`` and ``quote_filled`` after it."""

    trade_id: int
    order: Order
    price: int
    qty: int
    fee: int
    fee_asset: str
    maker: bool
    wall_ns: int
    filled: int
    quote_filled: int
    counter_order_id: int


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade of the market, for the public."""

    trade_id: int
    price: int
    qty: int
    taker_side: Side
    taker_order_id: int
    maker_order_id: int
    wall_ns: int


class Listener(Protocol):
    """A face. Per call of the exchange: orders and fills first, then balances, trades, book."""

    def on_order(self, kind: str, order: Order, fill: Fill | None) -> None:
        """``kind``: received, open, fill, filled, cancelled, expired."""

    def on_balances(self, account: Account, changes: list[BalanceChange]) -> None: ...

    def on_trade(self, trade: Trade) -> None: ...

    def on_book(self, changes: list[tuple[int, int, int]], first: int, last: int) -> None:
        """(side, price, new quantity) in the order of the sequences ``first`` to ``last``."""


class Exchange:
    """One symbol of one venue with one matching engine and its customers."""

    def __init__(
        self,
        rules: SymbolRules,
        wall_ns: Callable[[], int],
        *,
        client_ids_for_ever: bool,
        rest_state: str = "EXPIRED",
        refuse_post_only: bool = True,
        first_id: int = 5_550_000,
    ) -> None:
        self.rules = rules
        self.wall_ns = wall_ns
        self.matching = Matching()
        self.accounts: dict[str, Account] = {}
        self.orders: dict[int, Order] = {}
        self._working: dict[int, Order] = {}
        self.fills: list[Fill] = []
        self.last_trade: Trade | None = None
        self.sequence = first_id
        self.fees: dict[str, int] = {}
        self.listeners: list[Listener] = []
        self._client_ids: dict[tuple[int, str], int] = {}
        self._for_ever = client_ids_for_ever
        self._rest_state = rest_state
        """What the venue calls an order whose rest could not be filled at once."""
        self._refuse_post_only = refuse_post_only  # else taken in and cancelled at once
        self._next_id = first_id
        self._trade_base = first_id * 100
        self._changes: list[tuple[Account, BalanceChange]] = []

    def add_account(self, account: Account) -> None:
        self.accounts[account.api_key] = account

    # --- orders of customers ------------------------------------------------------------------

    def check(
        self, account: Account, client_id: str, side: Side, price: int, qty: int, post_only: bool
    ) -> int:
        """The money to hold; raises `VenueRefusal` when the venue would refuse the order."""
        rules = self.rules
        if price <= 0:
            raise VenueRefusal("PRICE_RANGE")
        if price % rules.tick:
            raise VenueRefusal("TICK")
        if qty < rules.min_qty:
            raise VenueRefusal("MIN_QTY")
        if qty > rules.max_qty:
            raise VenueRefusal("MAX_QTY")
        if qty % rules.lot:
            raise VenueRefusal("LOT")
        if rules.notional(price, qty) < rules.min_notional:
            raise VenueRefusal("MIN_NOTIONAL")
        known = self._client_ids.get((account.uid, client_id))
        if known is not None and (self._for_ever or self.orders[known].working):
            raise VenueRefusal("DUPLICATE_CLIENT_ID")
        if post_only and self._refuse_post_only and self.matching.crosses(side, price):
            raise VenueRefusal("WOULD_TAKE")
        hold = self._hold(side, price, qty)
        asset = rules.quote if side is Side.BUY else rules.base
        if account.balance(asset).free < hold:
            raise VenueRefusal("BALANCE")
        return hold

    def place(
        self,
        account: Account,
        client_id: str,
        side: Side,
        price: int,
        qty: int,
        tif: TimeInForce,
        *,
        post_only: bool = False,
        extra: dict[str, Any] | None = None,
    ) -> Order:
        """Places a limit order; returns it after matching. Raises `VenueRefusal`."""
        hold = self.check(account, client_id, side, price, qty, post_only)
        now = self.wall_ns()
        self._next_id += 1
        order = Order(
            self._next_id, client_id, account, side, tif, post_only, price, qty, now, now,
            extra=extra or {},
        )  # fmt: skip
        self.orders[order.order_id] = self._working[order.order_id] = order
        self._client_ids[account.uid, client_id] = order.order_id
        order.held = hold
        asset = self.rules.quote if side is Side.BUY else self.rules.base
        held = account.move(asset, -hold, hold, "hold", order.order_id)
        self._changes.append((account, held))
        self._tell("received", order, None)
        if post_only and self.matching.crosses(side, price):
            self._end(order, "CANCELLED", "cancelled", now)
            self._publish([])
            return order
        resting, cancelled, trades = self.matching.place(
            order.order_id, account.uid, side, price, qty, tif
        )
        told = [self._settle(trade, order.order_id, side, order, now) for trade in trades]
        if cancelled:
            self._end(order, "EXPIRED", "expired", now)
        elif not resting:
            self._end(order, "FILLED", "filled", now)
        else:
            self._tell("open", order, None)
        self._publish(told)
        return order

    def cancel(self, account: Account, order: Order | None) -> Order:
        """Cancels a working order; raises `VenueRefusal` (UNKNOWN_ORDER) for any other."""
        if order is None or order.account is not account or not order.working:
            raise VenueRefusal("UNKNOWN_ORDER")
        self.matching.cancel(order.order_id)
        self._end(order, "CANCELLED", "cancelled", self.wall_ns())
        self._publish([])
        return order

    def find(
        self, account: Account, *, order_id: int | None = None, client_id: str | None = None
    ) -> Order | None:
        """An order of this customer by either id; both given must agree."""
        if order_id is None:
            order_id = self._client_ids.get((account.uid, client_id or ""))
        order = self.orders.get(order_id) if order_id is not None else None
        if order is None or order.account is not account:
            return None
        if client_id is not None and order.client_id != client_id:
            return None
        return order

    def open_orders(self, account: Account) -> list[Order]:
        return [order for order in self._working.values() if order.account is account]

    # --- the market's own orders --------------------------------------------------------------

    def place_background(self, side: Side, price: int, qty: int, tif: TimeInForce) -> int:
        """An order of the market itself; its id, to cancel it with."""
        self._next_id += 1
        order_id = self._next_id
        _, _, trades = self.matching.place(order_id, BACKGROUND, side, price, qty, tif)
        now = self.wall_ns()
        told = [self._settle(trade, order_id, side, None, now) for trade in trades]
        self._publish(told)
        return order_id

    def cancel_background(self, order_id: int) -> bool:
        """False when the order no longer rests."""
        removed = self.matching.cancel(order_id) is not None
        self._publish([])
        return removed

    # --- the truth ----------------------------------------------------------------------------

    def adjust(self, account: Account, asset: str, delta: int) -> None:
        """Changes a balance behind everybody's back: no event tells of it."""
        account.balance(asset).free += delta

    def ledger(self, account: Account) -> dict[str, Any]:
        """Orders, fills and balances of one customer as decimal texts."""
        rules = self.rules
        price, qty = rules.price_decimals, rules.qty_decimals
        return {
            "orders": [
                {
                    "client_id": order.client_id,
                    "order_id": self.public_id(order),
                    "side": order.side.name,
                    "price": units_text(order.price, price),
                    "qty": units_text(order.qty, qty),
                    "filled": units_text(order.filled, qty),
                    "state": self._rest_state if order.state == "EXPIRED" else order.state,
                }
                for order in self.orders.values()
                if order.account is account
            ],
            "fills": [
                {
                    "trade_id": str(fill.trade_id),
                    "order_id": self.public_id(fill.order),
                    "client_id": fill.order.client_id,
                    "side": fill.order.side.name,
                    "price": units_text(fill.price, price),
                    "qty": units_text(fill.qty, qty),
                    "fee": format_money(fill.fee),
                    "fee_asset": fill.fee_asset,
                    "maker": fill.maker,
                }
                for fill in self.fills
                if fill.order.account is account
            ],
            "balances": {
                asset: {"free": format_money(b.free), "locked": format_money(b.locked)}
                for asset, b in account.balances.items()
            },
        }

    def public_id(self, order: Order) -> str:
        """The order's id as the venue writes it; a face may keep another in ``extra``."""
        return str(order.extra.get("public_id", order.order_id))

    # --- inside -------------------------------------------------------------------------------

    def _hold(self, side: Side, price: int, qty: int) -> int:
        if side is Side.SELL:
            return self.rules.qty_money(qty)
        cost = self.rules.notional(price, qty)
        return cost if self.rules.fee_in_received else cost + self._fee(cost, maker=False)

    def _fee(self, amount: int, *, maker: bool) -> int:
        rate = self.rules.maker_rate if maker else self.rules.taker_rate
        fee, rest = divmod(amount * rate, RATE_ONE)
        assert not rest, "a fee finer than 10^-18"
        return fee

    def _settle(
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
        maker = self.orders.get(maker_id)
        if maker is not None:
            self._fill(maker, trade, taker_id, maker=True)
            if not maker.remaining:
                self._end(maker, "FILLED", "filled", now)
        self.last_trade = trade
        return trade

    def _fill(self, order: Order, trade: Trade, counter_id: int, *, maker: bool) -> None:
        rules, account, qty = self.rules, order.account, trade.qty
        cost, amount = rules.notional(trade.price, qty), rules.qty_money(qty)
        buy = order.side is Side.BUY
        fee_asset = rules.base if buy and rules.fee_in_received else rules.quote
        fee = self._fee(amount if fee_asset == rules.base else cost, maker=maker)
        used = self._hold(order.side, order.price, qty)
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
            self._changes.append((account, moved))
        fill = Fill(
            trade.trade_id, order, trade.price, qty, fee, fee_asset, maker, trade.wall_ns,
            order.filled, order.quote_filled, counter_id,
        )  # fmt: skip
        self.fills.append(fill)
        order.fills.append(fill)
        self._tell("fill", order, fill)

    def _end(self, order: Order, state: str, kind: str, now: int) -> None:
        order.state, order.updated_ns = state, now
        del self._working[order.order_id]
        if order.held:
            asset = self.rules.quote if order.side is Side.BUY else self.rules.base
            account = order.account
            freed = account.move(asset, order.held, -order.held, "release", order.order_id)
            self._changes.append((account, freed))
            order.held = 0
        self._tell(kind, order, None)

    def _tell(self, kind: str, order: Order, fill: Fill | None) -> None:
        if not self.listeners:
            return
        seen = replace(order)  # as it was at this step; the next fill changes it
        for listener in self.listeners:
            listener.on_order(kind, seen, fill)

    def _publish(self, trades: list[Trade]) -> None:
        changes, self._changes = self._changes, []
        by_account: dict[int, tuple[Account, list[BalanceChange]]] = {}
        for account, change in changes:
            by_account.setdefault(account.uid, (account, []))[1].append(change)
        levels = self.matching.take_changes()
        first = self.sequence + 1
        self.sequence += len(levels)
        for listener in self.listeners:
            for account, own in by_account.values():
                listener.on_balances(account, own)
            for trade in trades:
                listener.on_trade(trade)
            if levels:
                listener.on_book(levels, first, self.sequence)
