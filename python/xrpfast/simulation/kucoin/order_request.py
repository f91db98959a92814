"""Reading an order request as the venue does: fields, ranges, increments, combinations."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from xrpfast.model import MONEY_DECIMALS, Side, SymbolRules, TimeInForce
from xrpfast.simulation.orders import NewOrder, Stp

from . import errors
from .reading import need_symbol
from .wire import QUOTE_MAX, Json, units

MAX_UNITS: Final = 10**18
MAX_LIFE_S: Final = 10**9
SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}

_CLIENT_OID: Final = re.compile(r"[0-9A-Za-z_-]{1,40}\Z")
_DECIMAL: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?\Z")
_STP: Final = {
    "CN": Stp.EXPIRE_TAKER,
    "CO": Stp.EXPIRE_MAKER,
    "CB": Stp.EXPIRE_BOTH,
    "DC": Stp.DECREMENT,
}
_TIFS: Final = {
    "GTC": TimeInForce.GTC,
    "GTT": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}


def read(args: object, rules: SymbolRules, now_ns: int, stamp_ms: int | None = None) -> NewOrder:
    """An order request in units; ``stamp_ms`` is KC-API-TIMESTAMP where there is one.

    Raises `errors.Refused`.
    """
    if not isinstance(args, Mapping):
        raise errors.BAD_REQUEST.refuse()
    need_symbol(args.get("symbol"), rules.venue_symbol)
    side = SIDES.get(text(args, "side"))
    if side is None:
        raise errors.PARAMETER.refuse("side is invalid.")
    kind = text(args, "type") or "limit"
    if kind not in {"limit", "market"}:
        raise errors.TYPE_UNSUPPORTED.refuse(kind)
    if args.get("stop") or args.get("stopPrice"):
        raise errors.TYPE_UNSUPPORTED.refuse("stop")
    if _flag(args, "hidden") or _flag(args, "iceberg"):
        raise errors.PARAMETER.refuse("hidden and iceberg orders are not supported.")
    extra: Json = {}
    stp = _stp(args, kind, extra)
    post_only = _flag(args, "postOnly")
    if kind == "limit":
        tif, expires_ns = _life(args, now_ns, extra)
        if tif is TimeInForce.FOK:
            stp, extra["stp"] = Stp.EXPIRE_TAKER, "CN"
        if post_only and tif is not TimeInForce.GTC:
            raise errors.PARAMETER.refuse(f"postOnly is not allowed with timeInForce {tif.name}.")
        price = read_units(args, "price", rules.price_decimals, errors.PRICE_INCREMENT)
        qty: int | None = read_units(args, "size", rules.qty_decimals, errors.SIZE_INCREMENT)
        funds = None
    else:
        tif, expires_ns, price = TimeInForce.GTC, None, None
        if post_only:
            raise errors.PARAMETER.refuse("postOnly is not allowed for market orders.")
        qty, funds = _market_size(args, rules)
    _check_window(args, now_ns, stamp_ms)
    _notes(args, extra)
    return NewOrder(
        client_id=_client_oid(args),
        side=side,
        qty=qty,
        price=price,
        funds=funds,
        tif=tif,
        post_only=post_only,
        stp=stp,
        expires_ns=expires_ns,
        extra=extra,
    )


def text(args: Mapping[str, Any], name: str) -> str:
    value = args.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise errors.PARAMETER.refuse(f"{name} is invalid.")
    return value


def read_units(args: Mapping[str, Any], name: str, decimals: int, finer: errors.Reason) -> int:
    """Units of 10^-decimals of a required decimal field."""
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


def _stp(args: Mapping[str, Any], kind: str, extra: Json) -> Stp:
    given = text(args, "stp")
    if not given:
        return Stp.NONE
    if given not in _STP:
        raise errors.PARAMETER.refuse("stp is invalid.")
    if given == "DC" and kind == "market":
        raise errors.PARAMETER.refuse("stp DC is not supported for market orders.")
    extra["stp"] = given
    return _STP[given]


def _life(args: Mapping[str, Any], now_ns: int, extra: Json) -> tuple[TimeInForce, int | None]:
    name = text(args, "timeInForce") or "GTC"
    tif = _TIFS.get(name)
    if tif is None:
        raise errors.PARAMETER.refuse("timeInForce is invalid.")
    if name != "GTT":
        return tif, None
    extra["timeInForce"] = name
    seconds = args.get("cancelAfter", -1)
    if isinstance(seconds, str) and seconds.isascii() and seconds.removeprefix("-").isdigit():
        seconds = int(seconds[:12])
    if type(seconds) is not int or not (seconds == -1 or 0 < seconds <= MAX_LIFE_S):
        raise errors.PARAMETER.refuse("cancelAfter not in the given range!")
    extra["cancelAfter"] = seconds
    return tif, None if seconds == -1 else now_ns + seconds * 10**9


def _market_size(args: Mapping[str, Any], rules: SymbolRules) -> tuple[int | None, int | None]:
    """Quantity or funds of a market order: exactly one of them."""
    by_size, by_funds = bool(args.get("size")), bool(args.get("funds"))
    if by_size == by_funds:
        raise errors.PARAMETER.refuse("size or funds is required for market orders, not both.")
    if by_size:
        return read_units(args, "size", rules.qty_decimals, errors.SIZE_INCREMENT), None
    count = read_units(args, "funds", rules.price_decimals, errors.FUNDS_INCREMENT)
    if count % rules.tick:
        raise errors.FUNDS_INCREMENT.refuse()
    if count > QUOTE_MAX * 10**rules.price_decimals:
        raise errors.PARAMETER.refuse("funds not in the given range!")
    return None, count * 10 ** (MONEY_DECIMALS - rules.price_decimals)


def _flag(args: Mapping[str, Any], name: str) -> bool:
    value = args.get(name)
    if value is None or value is False or value == "false":
        return False
    if value is True or value == "true":
        return True
    raise errors.PARAMETER.refuse(f"{name} is invalid.")


def _check_window(args: Mapping[str, Any], now_ns: int, stamp_ms: int | None) -> None:
    window, sent = args.get("allowMaxTimeWindow"), args.get("clientTimestamp")
    if window is None:
        return
    if type(window) is not int or type(sent) is not int:
        raise errors.PARAMETER.refuse("allowMaxTimeWindow and clientTimestamp are numbers.")
    if stamp_ms is not None and sent != stamp_ms:
        raise errors.CLIENT_TIMESTAMP.refuse()
    if sent + window < now_ns // 1_000_000:
        raise errors.WINDOW_PASSED.refuse(window)


def _client_oid(args: Mapping[str, Any]) -> str:
    """The client's id; the venue makes one when there is none."""
    given = text(args, "clientOid")
    if not given:
        return secrets.token_hex(12)
    if _CLIENT_OID.match(given) is None:
        raise errors.PARAMETER.refuse("clientOid is invalid.")
    return given


def _notes(args: Mapping[str, Any], extra: Json) -> None:
    for name in ("remark", "tags"):
        note = text(args, name)
        if len(note) > 20 or not note.isascii():
            raise errors.PARAMETER.refuse(f"{name} is invalid.")
        if note:
            extra[name] = note
