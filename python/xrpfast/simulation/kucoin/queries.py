"""What each REST route answers: the ``data`` of its envelope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from xrpfast.model import Side, format_money
from xrpfast.simulation.account import Account, Balance
from xrpfast.simulation.orders import Order

from . import errors
from .auth import Token
from .private_feed import RECORD_BASE
from .wire import Json, account_id

if TYPE_CHECKING:
    from .rest import Call

FULL_DEPTH: Final = 100_000

# --- public -----------------------------------------------------------------------------------


def timestamp(call: Call) -> int:
    return call.venue.now_ms()


def status(call: Call) -> Json:
    return {"status": call.venue.status, "msg": ""}


def symbols(call: Call) -> list[Json]:
    market = call.query.get("market")
    found = call.venue.wire.symbol_object()
    return [found] if market in {None, "", found["market"], found["quoteCurrency"]} else []


def symbol(call: Call) -> Json:
    if call.path["symbol"] != call.venue.wire.symbol:
        raise errors.SYMBOL_UNKNOWN.refuse()
    return call.venue.wire.symbol_object()


def level1(call: Call) -> Json | None:
    _need_symbol(call)
    return call.venue.market.level1()


def level2_20(call: Call) -> Json:
    _need_symbol(call)
    return call.venue.market.book(20)


def level2_100(call: Call) -> Json:
    _need_symbol(call)
    return call.venue.market.book(100)


def level2_full(call: Call) -> Json:
    _need_symbol(call)
    return call.venue.market.book(FULL_DEPTH)


# --- tokens -----------------------------------------------------------------------------------


def bullet_public(call: Call) -> Json:
    return _bullet(call, call.venue.hub.tokens.issue(None, call.venue.now_ms()))


def bullet_private(call: Call) -> Json:
    return _bullet(call, call.venue.hub.tokens.issue(call.account, call.venue.now_ms()))


def _bullet(call: Call, token: Token[Account]) -> Json:
    settings = call.venue.hub.settings
    server = {
        "endpoint": call.venue.push_url,
        "encrypt": call.venue.push_url.startswith("wss"),
        "protocol": "websocket",
        "pingInterval": settings.ping_interval_ms,
        "pingTimeout": settings.ping_timeout_ms,
    }
    return {"token": token.text, "instanceServers": [server]}


# --- account ----------------------------------------------------------------------------------


def accounts(call: Call) -> list[Json]:
    currency, kind = call.query.get("currency"), call.query.get("type") or "trade"
    if kind not in {"trade", "trade_hf"}:  # nothing lies in main; old clients say trade_hf
        return []
    account = call.account
    return [
        {"id": account_id(account, asset), "currency": asset, "type": kind, **_amounts(balance)}
        for asset, balance in sorted(account.balances.items())
        if not currency or asset == currency
    ]


def account(call: Call) -> Json:
    wanted = call.path["id"]
    for asset, balance in call.account.balances.items():
        if account_id(call.account, asset) == wanted:
            return {"currency": asset, **_amounts(balance)}
    raise errors.PARAMETER.refuse("account not exists.")


def _amounts(balance: Balance) -> dict[str, str]:
    return {
        "balance": format_money(balance.total),
        "available": format_money(balance.free),
        "holds": format_money(balance.locked),
    }


def trade_fees(call: Call) -> list[Json]:
    asked = [text for text in call.query.get("symbols", "").split(",") if text]
    if not asked:
        raise errors.PARAMETER.refuse("symbols is required.")
    if len(asked) > 10:
        raise errors.PARAMETER.refuse("symbols should not be more than 10.")
    wire = call.venue.wire
    if any(text != wire.symbol for text in asked):
        raise errors.SYMBOL_UNKNOWN.refuse()
    return [{"symbol": wire.symbol, **base_fee(call)}]


def base_fee(call: Call) -> Json:
    wire = call.venue.wire
    return {"takerFeeRate": wire.rate(maker=False), "makerFeeRate": wire.rate(maker=True)}


def hf_opened(call: Call) -> bool:
    return True


def api_key(call: Call) -> Json:
    key = call.key
    assert key is not None
    return {
        "remark": key.remark,
        "apiKey": key.key,
        "apiVersion": key.version,
        "permission": ",".join(key.permissions),
        "ipWhitelist": key.ip_whitelist,
        "createdAt": key.created_ms,
        "uid": key.account.uid,
        "isMaster": True,
    }


# --- orders -----------------------------------------------------------------------------------


def place(call: Call) -> Json:
    _need_status(call, "open")
    order = call.venue.orders.place(call.account, call.json(), call.stamp_ms)
    return call.venue.wire.placed(order)


def place_sync(call: Call) -> Json:
    _need_status(call, "open")
    order = call.venue.orders.place(call.account, call.json(), call.stamp_ms)
    return call.venue.wire.placed_sync(order)


def place_test(call: Call) -> Json:
    return call.venue.orders.test(call.account, call.json(), call.stamp_ms)


def cancel(call: Call) -> Json:
    return call.venue.orders.cancel(call.account, _named(call))[1]


def cancel_sync(call: Call) -> Json:
    order, named = call.venue.orders.cancel(call.account, _named(call))
    return {**named, **call.venue.wire.outcome(order)}


def cancel_symbol(call: Call) -> str:
    _need_symbol(call)
    call.venue.orders.cancel_all(call.account)
    return "success"


def cancel_all(call: Call) -> Json:
    cancelled = call.venue.orders.cancel_all(call.account)
    return {
        "succeedSymbols": [call.venue.wire.symbol] if cancelled else [],
        "failedSymbols": [],
    }


def order(call: Call) -> Json:
    _need_symbol(call)
    found = call.venue.orders.find(
        call.account,
        order_id=call.path.get("orderId"),
        client_id=call.path.get("clientOid"),
    )
    if found is None:
        raise errors.ORDER_UNKNOWN.refuse()
    return call.venue.wire.order_object(found)


def active(call: Call) -> list[Json]:
    _need_symbol(call)
    return [call.venue.wire.order_object(found) for found in call.venue.orders.open(call.account)]


def active_page(call: Call) -> Json:
    rows = active(call)
    page = _number(call.query, "pageNum", 1, 1, 10**9)
    size = _number(call.query, "pageSize", 20, 1, 50)
    return {
        "currentPage": page,
        "pageSize": size,
        "totalNum": len(rows),
        "totalPage": -(-len(rows) // size),
        "items": rows[(page - 1) * size : page * size],
    }


def active_symbols(call: Call) -> Json:
    working = call.venue.orders.open(call.account)
    return {"symbols": [call.venue.wire.symbol] if working else []}


def done(call: Call) -> Json:
    """Finished orders, last update first; the cursor counts endings."""
    _need_symbol(call)
    venue = call.venue
    numbers = venue.private.records(call.account).done
    wanted = _Filter(call.query)
    items: list[Json] = []
    last = _number(call.query, "lastId", 0, 0, 1 << 62)
    for index in range(_below(last, len(numbers)) - 1, -1, -1):
        found: Order = venue.exchange.orders[numbers[index]]
        if wanted.takes(found.side, found.updated_ns):
            items.append(venue.wire.order_object(found))
            last = RECORD_BASE + index
            if len(items) == wanted.limit:
                break
    return {"lastId": last, "items": items}


def fills(call: Call) -> Json:
    """Fills, newest first; an orderId overrides the other filters."""
    _need_symbol(call)
    venue = call.venue
    rows = venue.private.records(call.account).fills
    wanted = _Filter(call.query)
    order_id = call.query.get("orderId")
    items: list[Json] = []
    last = _number(call.query, "lastId", 0, 0, 1 << 62)
    for index in range(_below(last, len(rows)) - 1, -1, -1):
        fill = rows[index]
        row = venue.wire.fill_object(RECORD_BASE + index, fill)
        if row["orderId"] == order_id if order_id else wanted.takes(fill.order.side, fill.wall_ns):
            items.append(row)
            last = RECORD_BASE + index
            if len(items) == wanted.limit:
                break
    return {"items": items, "lastId": last}


# --- reading ----------------------------------------------------------------------------------


class _Filter:
    """The filters that history queries share."""

    def __init__(self, query: Mapping[str, str]) -> None:
        side = query.get("side")
        if side not in {None, "", "buy", "sell"}:
            raise errors.PARAMETER.refuse("side is invalid.")
        self.side = {"buy": Side.BUY, "sell": Side.SELL}.get(side or "")
        self.limit = _number(query, "limit", 20, 1, 100)
        self.start_ms = _number(query, "startAt", 0, 0, 1 << 62)
        self.end_ms = _number(query, "endAt", 1 << 62, 0, 1 << 62)
        self.type = query.get("type") or "limit"

    def takes(self, side: Side, time_ns: int) -> bool:
        return (
            (self.side is None or side is self.side)
            and self.type == "limit"
            and self.start_ms <= time_ns // 1_000_000 <= self.end_ms
        )


def _below(last: int, count: int) -> int:
    """How many records stand below the cursor."""
    return max(0, min(last - RECORD_BASE, count)) if last else count


def _number(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = query.get(name)
    if text is None or text == "":
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and low <= int(text) <= high):
        raise errors.PARAMETER.refuse(f"{name} not in the given range!")
    return int(text)


def _named(call: Call) -> Json:
    """The arguments of a cancel as order entry has them."""
    return {"symbol": call.query.get("symbol"), **call.path}


def _need_symbol(call: Call) -> None:
    call.venue.orders.need_symbol(call.query.get("symbol"))


def _need_status(call: Call, wanted: str) -> None:
    if call.venue.status != wanted:
        raise errors.CREATE_SUSPENDED.refuse()
