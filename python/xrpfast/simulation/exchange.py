"""One mock venue's truth: matching, orders, trades, balances. No sockets, no venue's wire format.

Faces (`simulation/<venue>/`) place and cancel here and listen for what happens. Every call is
synchronous and leaves the listeners told; the sequence of the book counts level changes. What has
ended is remembered for a while only (``keep``), so that memory stays flat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy

from xrpfast._core import Matching
from xrpfast.model import Side, SymbolRules, TimeInForce
from xrpfast.simulation import market_order
from xrpfast.simulation.account import Account, BalanceChange
from xrpfast.simulation.charges import Charges
from xrpfast.simulation.history import Numbered
from xrpfast.simulation.order_store import OrderStore
from xrpfast.simulation.orders import (
    Fill,
    Listener,
    NewOrder,
    Order,
    Prevented,
    Trade,
    VenueRefusal,
)

BACKGROUND = 0
"""Owner of the market's own orders: unlimited funds, no order records."""
KEEP = 20_000
"""Ended orders, fills and trades that a venue remembers."""


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
        keep: int = KEEP,
    ) -> None:
        self.rules = rules
        self.wall_ns = wall_ns
        self.matching = Matching()
        self.accounts: dict[str, Account] = {}
        self.charges = Charges(rules, self.matching)
        self.store = OrderStore(keep, ids_for_ever=client_ids_for_ever)
        self.fills: Numbered[Fill] = Numbered(keep)
        self.trades: Numbered[Trade] = Numbered(keep)
        self.prevented: Numbered[Prevented] = Numbered(keep)
        self.last_trade: Trade | None = None
        self.sequence = first_id
        self.fees: dict[str, int] = {}
        self.listeners: list[Listener] = []
        self.on_rules: list[Callable[[SymbolRules], None]] = []
        self.rest_state = rest_state
        """What the venue calls an order whose rest could not be filled at once."""
        self.placed = 0
        self.deferring = False
        """True: customers' orders are accepted, and matched by `match_deferred` only."""
        self._deferred: list[Order] = []
        self._barred: set[Side] = set()
        self._refuse_post_only = refuse_post_only  # else taken in and cancelled at once
        self._next_id = first_id
        self._trade_base = first_id * 100
        self._changes: list[tuple[Account, BalanceChange]] = []
        self._together: list[Trade] | None = None

    def change_rules(self, rules: SymbolRules) -> None:
        """Another tick, lot or minimum from now on, as on the day the venue changes them; open
        orders stay as they are. The scales stay too."""
        assert (rules.price_decimals, rules.qty_decimals) == (
            self.rules.price_decimals,
            self.rules.qty_decimals,
        )
        self.rules = self.charges.rules = rules
        for told in self.on_rules:
            told(rules)

    def add_account(self, account: Account) -> None:
        self.accounts[account.api_key] = account
        account.updated_ns = self.wall_ns()

    def close(self) -> None:
        """Lets go of the orders; nothing works afterwards."""
        self.store.close()

    @property
    def orders(self) -> dict[int, Order]:
        """Working orders and those that ended last, by number."""
        return self.store.all

    # --- orders of customers ------------------------------------------------------------------

    def check(self, account: Account, new: NewOrder) -> int:
        """The money to hold; raises `VenueRefusal` when the venue would refuse the order."""
        if not new.judged:
            self._check_size(new)
        if self.store.taken(account, new.client_id, new.replaces):
            raise VenueRefusal("DUPLICATE_CLIENT_ID")
        if new.post_only and self._refuse_post_only and self._crosses(new.side, new.price):
            raise VenueRefusal("WOULD_TAKE")
        hold = self.charges.hold_of(new)
        if account.balance(self.charges.asset(new.side)).free < hold:
            raise VenueRefusal("BALANCE")
        return hold

    def place(self, account: Account, new: NewOrder) -> Order:
        """Places an order; returns it after matching. Raises `VenueRefusal`."""
        hold = self.check(account, new)
        now = self.wall_ns()
        self._next_id += 1
        self.placed += 1
        order = Order(
            self._next_id, new.client_id, account, new.side, new.tif, new.post_only,
            new.price or 0, self.charges.qty_of(new, hold), now, now,
            kind="limit" if new.price is not None else "market", funds=new.funds, stp=new.stp,
            expires_ns=new.expires_ns, worst=new.worst, taker_limit=new.taker_limit,
            extra=dict(new.extra),
        )  # fmt: skip
        self.store.add(order)
        order.held = hold
        held = account.move(self.charges.asset(new.side), -hold, hold, "hold", order.order_id)
        self._changes.append((account, held))
        self._tell("received", order, None)
        if self.deferring:
            self._deferred.append(order)
            self._publish([])
        else:
            self._match(order)
        return order

    def match_deferred(self) -> None:
        """Matches what was accepted while `deferring` and still waits."""
        waiting, self._deferred = self._deferred, []
        for order in waiting:
            if order.working:
                self._match(order)

    def cancel(self, account: Account, order: Order | None) -> Order:
        """Cancels a working order; raises `VenueRefusal` (UNKNOWN_ORDER) for any other."""
        self._need_working(account, order)
        assert order is not None
        self._take_off(order, "CANCELLED", "cancelled", "")
        return order

    def reduce(self, account: Account, order: Order | None, qty: int) -> Order:
        """Takes ``qty`` off a working order, which keeps its place; all of it cancels it.

        Raises `VenueRefusal`: UNKNOWN_ORDER, LOT, MIN_QTY, or MAX_QTY for more than is left.
        """
        self._need_working(account, order)
        assert order is not None
        if qty <= 0:
            raise VenueRefusal("MIN_QTY")
        if qty % self.rules.lot:
            raise VenueRefusal("LOT")
        if qty > order.remaining:
            raise VenueRefusal("MAX_QTY")
        if qty == order.remaining:
            return self.cancel(account, order)
        self.matching.cancel_part(order.order_id, qty)
        order.updated_ns = self.wall_ns()
        order.reduced += qty
        self._release(order, self.charges.hold(order.side, order.price, qty))
        self._tell("reduced", order, None)
        self._publish([])
        return order

    def rename(self, account: Account, order: Order, client_id: str) -> None:
        """Gives a working order another client id; raises `VenueRefusal` (DUPLICATE_CLIENT_ID)."""
        if client_id == order.client_id:
            return
        if self.store.taken(account, client_id, None):
            raise VenueRefusal("DUPLICATE_CLIENT_ID")
        self.store.rename(order, client_id)

    def expire(self, order: Order, reason: str) -> Order:
        """Ends a working order by the venue's own will; raises `VenueRefusal` (UNKNOWN_ORDER)."""
        self._need_working(order.account, order)
        self._take_off(order, "EXPIRED", "expired", reason)
        return order

    def trade_with(self, order: Order, qty: int) -> None:
        """Somebody trades with a resting order out of turn; raises `VenueRefusal`
        (UNKNOWN_ORDER) when it does not rest with so much."""
        row = self.matching.trade_with(order.order_id, qty)
        if row is None:
            raise VenueRefusal("UNKNOWN_ORDER")
        self._next_id += 1
        number, price = row
        trade = (number, order.order_id, order.account.uid, price, qty)
        side = order.side.opposite
        self._publish([self._settle(trade, self._next_id, side, None, self.wall_ns())])

    def expire_due(self) -> int | None:
        """Ends the orders whose time has come (reason gtt); wall time of the next, None = none."""
        while (order := self.store.next_due()) is not None:
            assert order.expires_ns is not None
            if order.expires_ns > self.wall_ns():
                return order.expires_ns
            self.expire(order, "gtt")
        return None

    def find(
        self, account: Account, *, order_id: int | None = None, client_id: str | None = None
    ) -> Order | None:
        """An order of this customer by either id; both given must agree."""
        return self.store.find(account, order_id, client_id)

    def open_orders(self, account: Account) -> list[Order]:
        return self.store.working(account)

    # --- the market's own orders --------------------------------------------------------------

    def place_background(self, side: Side, price: int, qty: int, tif: TimeInForce) -> int:
        """An order of the market itself; its id, to cancel it with."""
        self._next_id += 1
        order_id = self._next_id
        if side in self._barred:
            tif = TimeInForce.IOC
        _, _, trades, _ = self.matching.place(order_id, BACKGROUND, side, price, qty, tif)
        now = self.wall_ns()
        told = [self._settle(trade, order_id, side, None, now) for trade in trades]
        self._publish(told)
        return order_id

    def bar(self, side: Side) -> None:
        """Takes the market's own orders of a side off and keeps them off until `unbar`."""
        self._barred.add(side)
        for order_id in self.matching.resting(BACKGROUND, side):
            self.matching.cancel(order_id)
        self._publish([])

    def unbar(self, side: Side) -> None:
        self._barred.discard(side)

    def pretend(self, changes: list[tuple[int, int, int]]) -> None:
        """Tells of level changes that did not happen."""
        first = self.sequence + 1
        self.sequence += len(changes)
        for listener in self.listeners:
            listener.on_book(changes, first, self.sequence)

    def cancel_background(self, order_id: int) -> bool:
        """False when the order no longer rests."""
        removed = self.matching.cancel(order_id) is not None
        self._publish([])
        return removed

    def reduce_background(self, order_id: int, qty: int) -> bool:
        """Takes ``qty`` off an order that keeps its place; False unless it has more than that."""
        reduced = self.matching.cancel_part(order_id, qty) is not None
        self._publish([])
        return reduced

    @contextmanager
    def together(self) -> Iterator[None]:
        """Balances, trades and the book are told once, at the end of the block: a frame of many
        changes shows no book that stood between them."""
        self._together = []
        try:
            yield
        finally:
            trades, self._together = self._together, None
            self._publish(trades)

    # --- balances moved by others -------------------------------------------------------------

    def adjust(self, account: Account, asset: str, delta: int) -> None:
        """Changes a balance behind everybody's back: no event tells of it."""
        account.balance(asset).free += delta
        account.updated_ns = self.wall_ns()

    def transfer(self, account: Account, asset: str, free: int, locked: int, reason: str) -> None:
        """Moves a balance as a deposit, a withdrawal or another system's lock does; the listeners
        are told with ``reason`` (transfer, lock) and order 0."""
        self._changes.append((account, account.move(asset, free, locked, reason, 0)))
        self._publish([])

    # --- inside -------------------------------------------------------------------------------

    def _need_working(self, account: Account, order: Order | None) -> None:
        if order is None or order.account is not account or not order.working:
            raise VenueRefusal("UNKNOWN_ORDER")

    def _check_size(self, new: NewOrder) -> None:
        rules = self.rules
        if new.price is not None:
            if new.price <= 0:
                raise VenueRefusal("PRICE_RANGE")
            if new.price % rules.tick:
                raise VenueRefusal("TICK")
        if new.qty is not None:
            if new.qty < rules.min_qty:
                raise VenueRefusal("MIN_QTY")
            if new.qty > rules.max_qty:
                raise VenueRefusal("MAX_QTY")
            if new.qty % rules.lot:
                raise VenueRefusal("LOT")
        worth = self.charges.worth(new)
        if worth is not None and worth < rules.min_notional:
            raise VenueRefusal("MIN_NOTIONAL")

    def _crosses(self, side: Side, price: int | None) -> bool:
        return price is not None and self.matching.crosses(side, price)

    def _match(self, order: Order) -> None:
        now, account = self.wall_ns(), order.account
        tif, price, qty = order.tif, order.price, order.qty
        if order.kind == "market":
            tif, qty = TimeInForce.IOC, self.charges.takeable(order)
            price = order.worst or market_order.limit(order.side)
            order.qty = order.qty or qty
        if order.post_only and self.matching.crosses(order.side, price):
            self._end(order, "CANCELLED", "cancelled", now, "post_only")
            self._publish([])
            return
        if order.kind == "limit" and order.beyond_worst:
            self._end(order, "CANCELLED", "cancelled", now, "protection")
            self._publish([])
            return
        if not qty:  # nothing there, or not even one lot for the funds
            self._end(order, "EXPIRED", "expired", now, "liquidity")
            self._publish([])
            return
        beyond = self.charges.takes_beyond(order, price, qty)
        if beyond:
            assert order.taker_limit is not None
            tif = TimeInForce.FOK if tif is TimeInForce.FOK else TimeInForce.IOC
            price = order.taker_limit
        resting, cancelled, trades, prevented = self.matching.place(
            order.order_id, account.uid, order.side, price, qty, tif, order.stp
        )
        told: list[Trade] = []
        for after, maker_id, at, taker_qty, maker_qty in prevented:
            while len(told) < after:
                told.append(self._settle(trades[len(told)], order.order_id, order.side, order, now))
            self._prevent(order, maker_id, at, taker_qty, maker_qty, now)
        told.extend(
            self._settle(row, order.order_id, order.side, order, now) for row in trades[len(told) :]
        )
        if not order.working:  # by prevention
            pass
        elif cancelled or (order.kind == "market" and order.remaining):
            reason = "liquidity" if order.kind == "market" else order.tif.name.lower()
            reason = "price_range" if beyond else reason
            self._end(order, "EXPIRED", "expired", now, reason)
        elif not resting:
            self._end(order, "FILLED", "filled", now, "")
        else:
            self._tell("open", order, None)
        self._publish(told)

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
                self._end(maker, "FILLED", "filled", now, "")
        self.last_trade = trade
        self.trades.append(trade)
        return trade

    def _fill(self, order: Order, trade: Trade, counter_id: int, *, maker: bool) -> None:
        rules, account, qty = self.rules, order.account, trade.qty
        cost, amount = rules.notional(trade.price, qty), rules.qty_money(qty)
        buy = order.side is Side.BUY
        fee_asset = rules.base if buy and rules.fee_in_received else rules.quote
        fee = self.charges.fee(amount if fee_asset == rules.base else cost, maker=maker)
        limit = order.price if order.kind == "limit" else trade.price
        used = self.charges.hold(order.side, limit, qty)
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
        order.fills += (fill,)
        self._tell("fill", order, fill)

    def _prevent(
        self, taker: Order, maker_id: int, price: int, taker_qty: int, maker_qty: int, now: int
    ) -> None:
        maker = self.orders[maker_id]
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
                self._release(order, self.charges.hold(order.side, order.price, qty))
                self._tell("prevented", order, None)
            else:
                self._end(order, "PREVENTED", "prevented", now, "stp")

    def _take_off(self, order: Order, state: str, kind: str, reason: str) -> None:
        self.matching.cancel(order.order_id)
        self._end(order, state, kind, self.wall_ns(), reason)
        self._publish([])

    def _release(self, order: Order, money: int) -> None:
        if order.kind == "market" and order.side is Side.BUY:
            return  # its hold is the price of nothing in particular: released at its end
        if money:
            freed = order.account.move(
                self.charges.asset(order.side), money, -money, "release", order.order_id
            )
            self._changes.append((order.account, freed))
            order.held -= money

    def _end(self, order: Order, state: str, kind: str, now: int, reason: str) -> None:
        order.state, order.updated_ns, order.reason = state, now, reason
        if order.held:
            account = order.account
            freed = account.move(
                self.charges.asset(order.side), order.held, -order.held, "release", order.order_id
            )
            self._changes.append((account, freed))
            order.held = 0
        self.store.ended(order)
        self._tell(kind, order, None)

    def _tell(self, kind: str, order: Order, fill: Fill | None) -> None:
        if not self.listeners:
            return
        seen = copy(order)  # as it was at this step; the next fill changes it
        for listener in self.listeners:
            listener.on_order(kind, seen, fill)

    def _publish(self, trades: list[Trade]) -> None:
        if self._together is not None:
            self._together.extend(trades)
            return
        changes, self._changes = self._changes, []
        by_account: dict[int, tuple[Account, list[BalanceChange]]] = {}
        for account, change in changes:
            by_account.setdefault(account.uid, (account, []))[1].append(change)
            account.updated_ns = self.wall_ns()
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
