"""What REST and WebSocket API share: parameters, signatures, timing, orders, errors."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from xrpfast._core import CoreError, parse_units
from xrpfast.model import MONEY_ONE, Side, TimeInForce
from xrpfast.simulation.account import Account
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.orders import NewOrder, Order, VenueRefusal

CLIENT_ID = re.compile(r"^[a-zA-Z0-9-_]{1,36}$")
DECIMAL = re.compile(r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
MS = 1_000_000
MAX_PRICE = 10_000
MAX_NOTIONAL = 9_000_000 * MONEY_ONE
MAX_OPEN_ORDERS = 200


class BinanceError(Exception):
    """The venue's error: HTTP-like status, code, text."""

    def __init__(self, status: int, code: int, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text

    @property
    def body(self) -> dict[str, Any]:
        return {"code": self.code, "msg": self.text}


def _filter(name: str) -> BinanceError:
    return BinanceError(400, -1013, f"Filter failure: {name}")


REFUSALS = {
    "TICK": _filter("PRICE_FILTER"),
    "PRICE_RANGE": _filter("PRICE_FILTER"),
    "LOT": _filter("LOT_SIZE"),
    "MIN_QTY": _filter("LOT_SIZE"),
    "MAX_QTY": _filter("LOT_SIZE"),
    "MIN_NOTIONAL": _filter("NOTIONAL"),
    "BALANCE": BinanceError(400, -2010, "Account has insufficient balance for requested action."),
    "DUPLICATE_CLIENT_ID": BinanceError(400, -2010, "Duplicate order sent."),
    "WOULD_TAKE": BinanceError(400, -2010, "Order would immediately match and take."),
    "UNKNOWN_ORDER": BinanceError(400, -2011, "Unknown order sent."),
}
"""What each refusal of the exchange is called here."""


def missing(name: str) -> BinanceError:
    text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return BinanceError(400, -1102, text)


def authenticate(
    exchange: Exchange, api_key: object, payload: bytes, params: Mapping[str, Any]
) -> Account:
    """The customer who signed ``payload``; raises `BinanceError` as the venue does."""
    if not isinstance(api_key, str) or not re.fullmatch(r"[A-Za-z0-9]{64}", api_key):
        raise BinanceError(401, -2014, "API-key format invalid.")
    account = exchange.accounts.get(api_key)
    if account is None:
        raise BinanceError(401, -2015, "Invalid API-key, IP, or permissions for action.")
    for name in ("timestamp", "signature"):
        if params.get(name) in (None, ""):
            raise missing(name)
    expected = hmac.new(account.secret.encode(), payload, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), str(params["signature"]).lower().encode()):
        raise BinanceError(400, -1022, "Signature for this request is not valid.")
    check_time(exchange.wall_ns(), params)
    return account


def check_time(now_ns: int, params: Mapping[str, Any]) -> None:
    """The receipt checks: at most 1 s ahead, at most ``recvWindow`` behind."""
    try:
        stamp = int(params["timestamp"])
    except (ValueError, TypeError):
        raise BinanceError(
            400, -1100, "Illegal characters found in parameter 'timestamp'; legal range is "
            "'^[0-9]{1,20}$'."
        ) from None  # fmt: skip
    try:
        window = float(params.get("recvWindow", 5_000))
    except (ValueError, TypeError):
        raise missing("recvWindow") from None
    if not 0 < window <= 60_000:
        raise BinanceError(400, -1131, "'recvWindow' must be less than 60000.")
    stamp_ns = stamp * (MS if stamp < 10**15 else 1_000)
    if stamp_ns >= now_ns + 1_000 * MS:
        text = "Timestamp for this request was 1000ms ahead of the server's time."
        raise BinanceError(400, -1021, text)
    if now_ns - stamp_ns > window * MS:
        raise BinanceError(400, -1021, "Timestamp for this request is outside of the recvWindow.")


def check_symbol(exchange: Exchange, params: Mapping[str, Any]) -> None:
    symbol = params.get("symbol")
    if not symbol:
        raise missing("symbol")
    if symbol != exchange.rules.venue_symbol:
        raise BinanceError(400, -1121, "Invalid symbol.")


def _decimal(params: Mapping[str, Any], name: str, decimals: int, filter_name: str) -> int:
    text = params.get(name)
    if text in (None, ""):
        raise missing(name)
    if not isinstance(text, str) or not DECIMAL.match(text):
        raise BinanceError(
            400, -1100, f"Illegal characters found in parameter '{name}'; legal range is "
            "'^([0-9]{1,20})(\\.[0-9]{1,20})?$'."
        )  # fmt: skip
    if len(text.partition(".")[2].rstrip("0")) > 8:
        raise BinanceError(400, -1111, f"Parameter '{name}' has too much precision.")
    try:
        return parse_units(text, decimals)
    except CoreError:
        raise _filter(filter_name) from None


def _choice(params: Mapping[str, Any], name: str, code: int, known: tuple[str, ...]) -> str:
    value = params.get(name)
    if value in (None, ""):
        raise missing(name)
    if value not in known:
        labels = {"side": "side", "type": "orderType", "timeInForce": "timeInForce"}
        raise BinanceError(400, code, f"Invalid {labels.get(name, name)}.")
    return str(value)


def place(
    exchange: Exchange, account: Account, params: Mapping[str, Any], fresh_id: str, *, test: bool
) -> Order | None:
    """A new order out of request parameters; None for a test. Raises `BinanceError`."""
    check_symbol(exchange, params)
    rules = exchange.rules
    side = Side[_choice(params, "side", -1117, ("BUY", "SELL"))]
    known = (
        "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT",
        "TAKE_PROFIT_LIMIT",
    )  # fmt: skip
    kind = _choice(params, "type", -1116, known)
    if kind not in ("LIMIT", "LIMIT_MAKER"):
        raise BinanceError(400, -1013, "Unsupported order combination")
    if kind == "LIMIT":
        tif = TimeInForce[_choice(params, "timeInForce", -1115, ("GTC", "IOC", "FOK"))]
    elif params.get("timeInForce"):
        raise BinanceError(400, -1106, "Parameter 'timeInForce' sent when not required.")
    else:
        tif = TimeInForce.GTC
    qty = _decimal(params, "quantity", rules.qty_decimals, "LOT_SIZE")
    price = _decimal(params, "price", rules.price_decimals, "PRICE_FILTER")
    client_id = params.get("newClientOrderId", fresh_id)
    if not isinstance(client_id, str) or not CLIENT_ID.match(client_id):
        raise BinanceError(
            400, -1100, "Illegal characters found in parameter 'newClientOrderId'; legal range is "
            "'^[a-zA-Z0-9-_]{1,36}$'."
        )  # fmt: skip
    post_only = kind == "LIMIT_MAKER"
    if price > MAX_PRICE * 10**rules.price_decimals:
        raise _filter("PRICE_FILTER")
    if rules.min_qty <= qty <= rules.max_qty and rules.notional(price, qty) > MAX_NOTIONAL:
        raise _filter("NOTIONAL")
    if len(exchange.open_orders(account)) >= MAX_OPEN_ORDERS:
        raise _filter("MAX_NUM_ORDERS")
    new = NewOrder(
        client_id=client_id, side=side, qty=qty, price=price, tif=tif, post_only=post_only
    )
    try:
        if test:
            exchange.check(account, new)
            return None
        return exchange.place(account, new)
    except VenueRefusal as refusal:
        raise REFUSALS[refusal.key] from None


def find(exchange: Exchange, account: Account, params: Mapping[str, Any]) -> Order | None:
    """The order that a query or cancel names; raises `BinanceError` when it names none."""
    check_symbol(exchange, params)
    number, client_id = params.get("orderId"), params.get("origClientOrderId")
    if number in (None, "") and client_id in (None, ""):
        text = "Param 'orderId' or 'origClientOrderId' must be sent, but both were empty/null!"
        raise BinanceError(400, -1102, text)
    try:
        order_id = int(number) if number not in (None, "") else None
    except (TypeError, ValueError):
        raise BinanceError(
            400, -1100, "Illegal characters found in parameter 'orderId'; legal range is "
            "'^[0-9]{1,20}$'."
        ) from None  # fmt: skip
    text_id = str(client_id) if client_id not in (None, "") else None
    return exchange.find(account, order_id=order_id, client_id=text_id)


def query(exchange: Exchange, account: Account, params: Mapping[str, Any]) -> Order:
    """The order that a query names; raises -2013 when there is none."""
    order = find(exchange, account, params)
    if order is None:
        raise BinanceError(400, -2013, "Order does not exist.")
    return order


def cancel(exchange: Exchange, account: Account, order: Order | None, cancel_id: str) -> Order:
    """Cancels; the order keeps ``cancel_id`` for its report. Raises -2011."""
    if order is not None:
        order.extra["cancel_id"] = cancel_id
    try:
        return exchange.cancel(account, order)
    except VenueRefusal as refusal:
        raise REFUSALS[refusal.key] from None
