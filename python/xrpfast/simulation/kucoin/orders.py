"""Place, cancel and query as the venue reads the requests; REST and order entry share it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from xrpfast.model import Side, TimeInForce, format_money
from xrpfast.simulation.account import Account
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.orders import NewOrder, Order, VenueRefusal

from . import errors
from .private_feed import PrivateFeed
from .wire import Json, Wire, order_id_number, units

MAX_OPEN: Final = 200
MAX_UNITS: Final = 10**18
_CLIENT_OID: Final = re.compile(r"[0-9A-Za-z_-]{1,40}\Z")
_DECIMAL: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?\Z")
_STP: Final = frozenset({"CN", "CO", "CB", "DC"})
_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
_TIFS: Final = {tif.name: tif for tif in TimeInForce}


class Wanted(msgspec.Struct, frozen=True):
    """An order request that reads well; the exchange may still refuse it."""

    client_id: str
    side: Side
    price: int
    qty: int
    tif: TimeInForce
    post_only: bool
    extra: Json

    def new_order(self) -> NewOrder:
        return NewOrder(
            client_id=self.client_id,
            side=self.side,
            qty=self.qty,
            price=self.price,
            tif=self.tif,
            post_only=self.post_only,
            extra=self.extra,
        )


class Orders:
    """The order calls of one exchange. Every refusal is `errors.Refused`."""

    def __init__(self, exchange: Exchange, feed: PrivateFeed) -> None:
        self.exchange = exchange
        self.wire = Wire(exchange.rules)
        self._feed = feed

    # --- calls --------------------------------------------------------------------------------

    def place(self, account: Account, args: object, stamp_ms: int | None = None) -> Order:
        wanted = self.read(args, stamp_ms)
        if len(self._feed.records(account).open) >= MAX_OPEN:
            raise errors.TOO_MANY_OPEN.refuse(MAX_OPEN)
        if "stp" in wanted.extra and self._meets_own(account, wanted):
            raise errors.STP_UNSUPPORTED.refuse()
        try:
            return self.exchange.place(account, wanted.new_order())
        except VenueRefusal as refusal:
            raise self._refused(refusal) from None

    def _meets_own(self, account: Account, wanted: Wanted) -> bool:
        """Could the order trade with one of the same customer? Only then does stp matter."""
        return any(
            order.side is not wanted.side
            and (
                order.price <= wanted.price
                if wanted.side is Side.BUY
                else order.price >= wanted.price
            )
            for order in self.open(account)
        )

    def test(self, account: Account, args: object, stamp_ms: int | None = None) -> Json:
        """As `place`, with ids that stand for nothing; the engine and its funds stay untouched."""
        wanted = self.read(args, stamp_ms)
        try:
            self.exchange.check(account, wanted.new_order())
        except VenueRefusal as refusal:
            if refusal.key not in {"BALANCE", "DUPLICATE_CLIENT_ID"}:
                raise self._refused(refusal) from None
        return {"orderId": secrets.token_hex(12), "clientOid": wanted.client_id}

    def cancel(self, account: Account, args: object) -> tuple[Order, Json]:
        """The cancelled order, and the id by which it was named."""
        if not isinstance(args, Mapping):
            raise errors.BAD_REQUEST.refuse()
        self.need_symbol(args.get("symbol"))
        order_id, client_id = _text(args, "orderId"), _text(args, "clientOid")
        if order_id:
            named: Json = {"orderId": order_id}
            order = self.find(account, order_id=order_id)
        elif client_id:
            named = {"clientOid": client_id}
            order = self.find(account, client_id=client_id)
        else:
            raise errors.PARAMETER.refuse("orderId or clientOid is required.")
        try:
            return self.exchange.cancel(account, order), named
        except VenueRefusal as refusal:
            raise self._refused(refusal) from None

    def cancel_all(self, account: Account) -> int:
        """Cancels what is open; how many those were."""
        working = self.open(account)
        for order in working:
            self.exchange.cancel(account, order)
        return len(working)

    def open(self, account: Account) -> list[Order]:
        """Working orders, newest first."""
        numbers = reversed(self._feed.records(account).open)
        return [self.exchange.orders[number] for number in numbers]

    def find(
        self, account: Account, *, order_id: str | None = None, client_id: str | None = None
    ) -> Order | None:
        if order_id is not None:
            number = order_id_number(order_id)
            return None if number is None else self.exchange.find(account, order_id=number)
        return self.exchange.find(account, client_id=client_id)

    # --- reading ------------------------------------------------------------------------------

    def need_symbol(self, symbol: object) -> None:
        """Refuses anything but the symbol that trades here."""
        if symbol is None or symbol == "":
            raise errors.PARAMETER.refuse("symbol is required.")
        if symbol != self.wire.symbol:
            raise errors.SYMBOL_UNKNOWN.refuse()

    def read(self, args: object, stamp_ms: int | None = None) -> Wanted:
        """An order request in units; ``stamp_ms`` is KC-API-TIMESTAMP where there is one."""
        if not isinstance(args, Mapping):
            raise errors.BAD_REQUEST.refuse()
        self.need_symbol(args.get("symbol"))
        side = _SIDES.get(_text(args, "side"))
        if side is None:
            raise errors.PARAMETER.refuse("side is invalid.")
        kind = _text(args, "type")
        if kind != "limit":
            raise errors.TYPE_UNSUPPORTED.refuse(kind or "none")
        tif = _TIFS.get(_text(args, "timeInForce") or "GTC")
        if tif is None:
            raise errors.PARAMETER.refuse("timeInForce is invalid.")
        post_only = _flag(args, "postOnly")
        if post_only and tif is not TimeInForce.GTC:
            raise errors.PARAMETER.refuse(f"postOnly is not allowed with timeInForce {tif.name}.")
        if _flag(args, "hidden") or _flag(args, "iceberg"):
            raise errors.PARAMETER.refuse("hidden and iceberg orders are not supported.")
        rules = self.exchange.rules
        price = _units(args, "price", rules.price_decimals, errors.PRICE_INCREMENT)
        qty = _units(args, "size", rules.qty_decimals, errors.SIZE_INCREMENT)
        self._check_window(args, stamp_ms)
        return Wanted(_client_oid(args), side, price, qty, tif, post_only, _extra(args))

    def _check_window(self, args: Mapping[str, Any], stamp_ms: int | None) -> None:
        window, sent = args.get("allowMaxTimeWindow"), args.get("clientTimestamp")
        if window is None:
            return
        if type(window) is not int or type(sent) is not int:
            raise errors.PARAMETER.refuse("allowMaxTimeWindow and clientTimestamp are numbers.")
        if stamp_ms is not None and sent != stamp_ms:
            raise errors.CLIENT_TIMESTAMP.refuse()
        if sent + window < self.exchange.wall_ns() // 1_000_000:
            raise errors.WINDOW_PASSED.refuse(window)

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


def _text(args: Mapping[str, Any], name: str) -> str:
    value = args.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise errors.PARAMETER.refuse(f"{name} is invalid.")
    return value


def _flag(args: Mapping[str, Any], name: str) -> bool:
    value = args.get(name)
    if value is None or value is False or value == "false":
        return False
    if value is True or value == "true":
        return True
    raise errors.PARAMETER.refuse(f"{name} is invalid.")


def _units(args: Mapping[str, Any], name: str, decimals: int, finer: errors.Reason) -> int:
    value = args.get(name)
    if value is None or value == "":
        raise errors.PARAMETER.refuse(f"{name} is required.")
    # Clients send texts; a JSON number is taken as it is written.
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = format(Decimal(str(value)), "f")
    if not isinstance(value, str) or _DECIMAL.match(value) is None:
        raise errors.PARAMETER.refuse(f"{name} is invalid.")
    count = units(value, decimals)
    if count is None:
        raise finer.refuse()
    if count >= MAX_UNITS:
        raise errors.PARAMETER.refuse(f"{name} not in the given range!")
    return count


def _client_oid(args: Mapping[str, Any]) -> str:
    """The client's id; the venue makes one when there is none."""
    given = _text(args, "clientOid")
    if not given:
        return secrets.token_hex(12)
    if _CLIENT_OID.match(given) is None:
        raise errors.PARAMETER.refuse("clientOid is invalid.")
    return given


def _extra(args: Mapping[str, Any]) -> Json:
    extra: Json = {}
    stp = _text(args, "stp")
    if stp:
        if stp not in _STP:
            raise errors.PARAMETER.refuse("stp is invalid.")
        extra["stp"] = stp
    for name in ("remark", "tags"):
        text = _text(args, name)
        if len(text) > 20 or not text.isascii():
            raise errors.PARAMETER.refuse(f"{name} is invalid.")
        if text:
            extra[name] = text
    return extra
