"""One mock venue's truth: matching, orders, trades, balances. No sockets, no venue's wire format.

Faces (`simulation/<venue>/`) place and cancel here and listen for what happens. Every call is
synchronous and leaves the listeners told; the sequence of the book counts level changes. What has
ended is remembered for a while only (``keep``), so that memory stays flat.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from xrpfast._core import Matching
from xrpfast.model import Side, SymbolRules, TimeInForce
from xrpfast.simulation import market_order
from xrpfast.simulation.account import Account
from xrpfast.simulation.charges import Charges
from xrpfast.simulation.order_store import OrderStore
from xrpfast.simulation.orders import NewOrder, Order, Trade, VenueRefusal
from xrpfast.simulation.settlement import Settlement
from xrpfast.simulation.teller import Teller

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
        self.book_ns: Callable[[], int] = lambda: self.wall_ns()
        """What market data give as their time: a mirrored book is as old as it was at its source.
        """
        self.matching = Matching()
        self.accounts: dict[str, Account] = {}
        self.charges = Charges(rules, self.matching)
        self.store = OrderStore(keep, ids_for_ever=client_ids_for_ever)
        self._teller = teller = Teller(self.matching, lambda: self.wall_ns(), first_id)
        self.listeners = teller.listeners
        self._settlement = settled = Settlement(
            self.charges, self.store, teller, first_id * 100, keep
        )
        self.fills, self.trades = settled.fills, settled.trades
        self.prevented, self.fees = settled.prevented, settled.fees
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

    @property
    def sequence(self) -> int:
        """Level changes of the book so far."""
        return self._teller.sequence

    @property
    def last_trade(self) -> Trade | None:
        return self._settlement.last_trade

    def together(self) -> AbstractContextManager[None]:
        """Balances, trades and the book are told once, at the end of the block."""
        return self._teller.together()

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
        self._teller.moved(account, held)
        self._teller.tell("received", order, None)
        if self.deferring:
            self._deferred.append(order)
            self._teller.publish([])
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
        self._settlement.release(order, self.charges.hold(order.side, order.price, qty))
        self._teller.tell("reduced", order, None)
        self._teller.publish([])
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
        self._teller.publish(
            [self._settlement.settle(trade, self._next_id, side, None, self.wall_ns())]
        )

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
        told = [self._settlement.settle(trade, order_id, side, None, now) for trade in trades]
        self._teller.publish(told)
        return order_id

    def bar(self, side: Side) -> None:
        """Takes the market's own orders of a side off and keeps them off until `unbar`."""
        self._barred.add(side)
        for order_id in self.matching.resting(BACKGROUND, side):
            self.matching.cancel(order_id)
        self._teller.publish([])

    def unbar(self, side: Side) -> None:
        self._barred.discard(side)

    def pretend(self, changes: list[tuple[int, int, int]]) -> None:
        """Tells of level changes that did not happen."""
        self._teller.pretend(changes)

    def cancel_background(self, order_id: int) -> bool:
        """False when the order no longer rests."""
        removed = self.matching.cancel(order_id) is not None
        self._teller.publish([])
        return removed

    def reduce_background(self, order_id: int, qty: int) -> bool:
        """Takes ``qty`` off an order that keeps its place; False unless it has more than that."""
        reduced = self.matching.cancel_part(order_id, qty) is not None
        self._teller.publish([])
        return reduced

    # --- balances moved by others -------------------------------------------------------------

    def adjust(self, account: Account, asset: str, delta: int) -> None:
        """Changes a balance behind everybody's back: no event tells of it."""
        account.balance(asset).free += delta
        account.updated_ns = self.wall_ns()

    def transfer(self, account: Account, asset: str, free: int, locked: int, reason: str) -> None:
        """Moves a balance as a deposit, a withdrawal or another system's lock does; the listeners
        are told with ``reason`` (transfer, lock) and order 0."""
        self._teller.moved(account, account.move(asset, free, locked, reason, 0))
        self._teller.publish([])

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
            self._settlement.end(order, "CANCELLED", "cancelled", now, "post_only")
            self._teller.publish([])
            return
        if order.kind == "limit" and order.beyond_worst:
            self._settlement.end(order, "CANCELLED", "cancelled", now, "protection")
            self._teller.publish([])
            return
        if not qty:  # nothing there, or not even one lot for the funds
            self._settlement.end(order, "EXPIRED", "expired", now, "liquidity")
            self._teller.publish([])
            return
        beyond = self.charges.takes_beyond(order, price, qty)
        if beyond:
            assert order.taker_limit is not None
            tif = TimeInForce.FOK if tif is TimeInForce.FOK else TimeInForce.IOC
            price = order.taker_limit
        resting, cancelled, trades, prevented = self.matching.place(
            order.order_id, account.uid, order.side, price, qty, tif, order.stp
        )
        settled = self._settlement
        told: list[Trade] = []

        def settle(upto: int) -> None:
            rows = trades[len(told) : upto]
            told.extend(settled.settle(r, order.order_id, order.side, order, now) for r in rows)

        for after, maker_id, at, taker_qty, maker_qty in prevented:
            settle(after)
            settled.prevent(order, maker_id, at, taker_qty, maker_qty, now)
        settle(len(trades))
        if not order.working:  # by prevention
            pass
        elif cancelled or (order.kind == "market" and order.remaining):
            reason = "liquidity" if order.kind == "market" else order.tif.name.lower()
            reason = "price_range" if beyond else reason
            self._settlement.end(order, "EXPIRED", "expired", now, reason)
        elif not resting:
            self._settlement.end(order, "FILLED", "filled", now, "")
        else:
            self._teller.tell("open", order, None)
        self._teller.publish(told)

    def _take_off(self, order: Order, state: str, kind: str, reason: str) -> None:
        self.matching.cancel(order.order_id)
        self._settlement.end(order, state, kind, self.wall_ns(), reason)
        self._teller.publish([])
