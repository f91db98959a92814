"""Place, change and cancel orders as the venue does; REST and order entry share it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from xrpfast.model import Side, format_money
from xrpfast.simulation.account import Account
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.orders import NewOrder, Order, VenueRefusal

from . import errors
from .alarm import Alarm
from .order_events import CANCEL_SIZE
from .order_request import read, read_units, text
from .private_feed import PrivateFeed
from .reading import need_symbol
from .wire import PRICE_LIMIT, Json, Wire, order_id_number, order_id_text

Status = Literal["open", "close", "cancelonly"]

MAX_OPEN: Final = 200
MAX_BATCH: Final = 5


class Orders:
    """The order calls of one exchange. Every refusal is `errors.Refused`."""

    def __init__(self, exchange: Exchange, feed: PrivateFeed) -> None:
        self.exchange = exchange
        self.wire = Wire(exchange.rules)
        self.status: Status = "open"
        self.max_open = MAX_OPEN
        self._feed = feed
        self._expiry = Alarm(lambda: exchange.wall_ns(), self._expire_due)

    # --- placing ------------------------------------------------------------------------------

    def place(self, account: Account, args: object, stamp_ms: int | None = None) -> Order:
        self._need_open()
        return self._send(account, self._read(args, stamp_ms))

    def place_many(self, account: Account, args: object) -> list[Order | errors.Refused]:
        """A batch of limit orders; each is placed or refused for itself."""
        self._need_open()
        rows = args.get("orderList") if isinstance(args, Mapping) else None
        if not isinstance(rows, list) or not rows:
            raise errors.PARAMETER.refuse("orderList is required.")
        if len(rows) > MAX_BATCH:
            raise errors.PARAMETER.refuse(f"orderList should not be more than {MAX_BATCH}.")
        placed: list[Order | errors.Refused] = []
        for row in rows:
            try:
                new = self._read(row, None)
                if new.price is None:
                    raise errors.TYPE_UNSUPPORTED.refuse("market")
                placed.append(self._send(account, new))
            except errors.Refused as refused:
                placed.append(refused)
        return placed

    def test(self, account: Account, args: object, stamp_ms: int | None = None) -> Json:
        """As `place`, with ids that stand for nothing; the engine and its funds stay untouched."""
        new = self._read(args, stamp_ms)
        self._check(account, new)
        return {"orderId": secrets.token_hex(12), "clientOid": new.client_id}

    def alter(self, account: Account, args: object) -> Json:
        """Cancels an order and places it anew with another price or size, under the same
        clientOid; its place in the queue is lost."""
        self._need_open()
        order, _ = self._named(account, args)
        assert isinstance(args, Mapping)
        if order is None or not order.working or order.kind != "limit":
            raise errors.NOT_CANCELLABLE.refuse()
        rules = self.exchange.rules
        price, qty = order.price, order.qty - order.reduced - order.prevented
        if not (args.get("newPrice") or args.get("newSize")):
            raise errors.PARAMETER.refuse("newPrice or newSize is required.")
        if args.get("newPrice"):
            price = read_units(args, "newPrice", rules.price_decimals, errors.PRICE_INCREMENT)
        if args.get("newSize"):
            qty = read_units(args, "newSize", rules.qty_decimals, errors.SIZE_INCREMENT)
        left = qty - order.filled
        new = NewOrder(
            client_id=order.client_id,
            side=order.side,
            qty=left,
            price=price,
            tif=order.tif,
            post_only=order.post_only,
            stp=order.stp,
            expires_ns=order.expires_ns,
            extra={key: value for key, value in order.extra.items() if key in _KEPT},
            replaces=order.order_id,
        )
        if left > 0:
            self._check(account, new)
        self._cancel(account, order)
        # Less than what is filled already: the order is complete, and there is no new one.
        placed = self._send(account, new) if left > 0 else None
        return {
            "newOrderId": None if placed is None else order_id_text(placed.order_id),
            "clientOid": order.client_id,
        }

    # --- cancelling ---------------------------------------------------------------------------

    def cancel(self, account: Account, args: object) -> tuple[Order, Json]:
        """The cancelled order, and the id by which it was named."""
        self._need_cancel()
        order, named = self._named(account, args)
        return self._cancel(account, order), named

    def cancel_part(self, account: Account, args: object) -> Json:
        """Takes ``cancelSize`` off an order, which keeps its place in the queue."""
        self._need_cancel()
        order, named = self._named(account, args)
        assert isinstance(args, Mapping)
        decimals = self.exchange.rules.qty_decimals
        qty = read_units(args, "cancelSize", decimals, errors.SIZE_INCREMENT)
        if order is None:
            raise errors.NOT_CANCELLABLE.refuse()
        order.extra[CANCEL_SIZE] = qty
        try:
            self.exchange.reduce(account, order, qty)
        except VenueRefusal as refusal:
            if refusal.key in {"MIN_QTY", "MAX_QTY"}:
                raise errors.PARAMETER.refuse("cancelSize not in the given range!") from None
            raise self._refused(refusal) from None
        finally:
            del order.extra[CANCEL_SIZE]
        return {**named, "cancelSize": self.wire.qty(qty)}

    def cancel_all(self, account: Account) -> int:
        """Cancels what is open; how many those were."""
        self._need_cancel()
        working = self.open(account)
        for order in working:
            self.exchange.cancel(account, order)
        return len(working)

    # --- looking ------------------------------------------------------------------------------

    def open(self, account: Account) -> list[Order]:
        """Working orders, newest first."""
        numbers = reversed(self._feed.records(account).open)
        found = [self.exchange.orders.get(number) for number in numbers]
        return [order for order in found if order is not None and order.working]

    def find(
        self, account: Account, *, order_id: str | None = None, client_id: str | None = None
    ) -> Order | None:
        if order_id is not None:
            number = order_id_number(order_id)
            return None if number is None else self.exchange.find(account, order_id=number)
        return self.exchange.find(account, client_id=client_id)

    def close(self) -> None:
        self._expiry.cancel()

    # --- inside -------------------------------------------------------------------------------

    def _read(self, args: object, stamp_ms: int | None) -> NewOrder:
        return read(args, self.exchange.rules, self.exchange.wall_ns(), stamp_ms)

    def _send(self, account: Account, new: NewOrder) -> Order:
        if len(self._feed.records(account).open) >= self.max_open:
            raise errors.TOO_MANY_OPEN.refuse(self.max_open)
        try:
            order = self.exchange.place(
                account, msgspec.structs.replace(new, worst=self._worst(new.side))
            )
        except VenueRefusal as refusal:
            raise self._refused(refusal) from None
        if order.expires_ns is not None:
            self._expire_due()
        return order

    def _check(self, account: Account, new: NewOrder) -> None:
        """Everything but what a test order or a replacement may lack."""
        try:
            self.exchange.check(account, new)
        except VenueRefusal as refusal:
            if refusal.key not in {"BALANCE", "DUPLICATE_CLIENT_ID"}:
                raise self._refused(refusal) from None

    def _cancel(self, account: Account, order: Order | None) -> Order:
        try:
            return self.exchange.cancel(account, order)
        except VenueRefusal as refusal:
            raise self._refused(refusal) from None

    def _named(self, account: Account, args: object) -> tuple[Order | None, Json]:
        """The order that a request speaks of, and how it named it."""
        if not isinstance(args, Mapping):
            raise errors.BAD_REQUEST.refuse()
        need_symbol(args.get("symbol"), self.wire.symbol)
        order_id, client_id = text(args, "orderId"), text(args, "clientOid")
        if order_id:
            return self.find(account, order_id=order_id), {"orderId": order_id}
        if client_id:
            return self.find(account, client_id=client_id), {"clientOid": client_id}
        raise errors.PARAMETER.refuse("orderId or clientOid is required.")

    def _worst(self, side: Side) -> int | None:
        """The price beyond which nothing may trade at once (priceLimitRate)."""
        best = self.exchange.matching.best(side.opposite)
        if best is None:
            return None
        part, whole = PRICE_LIMIT
        if side is Side.BUY:
            return best[0] * (whole + part) // whole
        return -(-best[0] * (whole - part) // whole)

    def _expire_due(self) -> None:
        self._expiry.at(self.exchange.expire_due())

    def _need_open(self) -> None:
        if self.status != "open":
            raise errors.CREATE_SUSPENDED.refuse()

    def _need_cancel(self) -> None:
        if self.status == "close":
            raise errors.CANCEL_SUSPENDED.refuse()

    def _refused(self, refusal: VenueRefusal) -> errors.Refused:
        rules = self.exchange.rules
        answers: dict[str, Callable[[], errors.Refused]] = {
            "TICK": errors.PRICE_INCREMENT.refuse,
            "PRICE_RANGE": lambda: errors.PARAMETER.refuse("price is invalid."),
            "LOT": errors.SIZE_INCREMENT.refuse,
            "MIN_QTY": errors.SIZE_TOO_SMALL.refuse,
            "MAX_QTY": lambda: errors.SIZE_TOO_LARGE.refuse(self.wire.qty(rules.max_qty)),
            "MIN_NOTIONAL": lambda: errors.FUNDS_TOO_SMALL.refuse(
                format_money(rules.min_notional), rules.quote
            ),
            "BALANCE": errors.BALANCE.refuse,
            "DUPLICATE_CLIENT_ID": errors.CLIENT_OID_TAKEN.refuse,
            "UNKNOWN_ORDER": errors.NOT_CANCELLABLE.refuse,
        }
        return answers[refusal.key]()


_KEPT: Final = frozenset({"stp", "timeInForce", "cancelAfter", "remark", "tags"})
"""What an altered order takes over from the one that it replaces."""
