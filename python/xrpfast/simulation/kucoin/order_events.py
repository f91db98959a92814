"""What happens to orders and balances, in the words of the private push socket."""

from __future__ import annotations

from typing import Final

from xrpfast.model import format_money
from xrpfast.simulation.account import Account, BalanceChange
from xrpfast.simulation.orders import Fill, Order

from .order_objects import amounts, unspent
from .wire import Json, Wire, account_id, ms, order_id_text, side_text

EVENTS: Final = {
    "received": ("received", "new"),
    "open": ("open", "open"),
    "fill": ("match", "open"),
    "reduced": ("update", "open"),
    "prevented": ("update", "open"),
    "filled": ("filled", "done"),
    "cancelled": ("canceled", "done"),
    "expired": ("canceled", "done"),
}
"""The exchange's word for a step of an order -> type and status of the push."""

CANCEL_SIZE: Final = "cancel_size"
"""Key of an order's ``extra`` while its owner takes that quantity off."""

RELATIONS: Final = {
    "hold": "trade.hold",
    "release": "trade.hold",
    "settle": "trade_hf.setted",
    "transfer": "trade.transfer",
}
"""Both prefixes occur on the real socket, so both are used."""


def order_change(wire: Wire, kind: str, order: Order, fill: Fill | None) -> Json:
    """``data`` of an orderChange frame; ``kind`` is the exchange's word."""
    event, status, size, old = _step(kind, order, fill)
    data: Json = {
        "type": event,
        "status": status,
        "symbol": wire.symbol,
        "orderType": order.kind,
        "side": side_text(order.side),
        "orderId": order_id_text(order.order_id),
        "clientOid": order.client_id,
    }
    if order.kind == "limit":
        data["price"] = wire.price(order.price)
    if order.funds is not None:
        _by_funds(wire, data, kind, order)
    elif kind == "received":
        data["originSize"] = wire.qty(order.qty)
    else:
        amount = amounts(order)
        data["size"] = wire.qty(size)
        if old is not None:
            data["oldSize"] = wire.qty(old)
        data["originSize"] = wire.qty(order.qty)
        data["filledSize"] = wire.qty(amount.filled)
        data["remainSize"] = wire.qty(amount.remaining)
        if status == "done":
            data["remainFunds"] = "0"
        data["canceledSize"] = wire.qty(amount.cancelled)
    if fill is not None:
        data["matchPrice"] = wire.price(fill.price)
        data["matchSize"] = wire.qty(fill.qty)
        data["tradeId"] = str(fill.trade_id)
        data["liquidity"] = "maker" if fill.maker else "taker"
        data["feeType"] = "makerFee" if fill.maker else "takerFee"
    data["orderTime"] = ms(order.created_ns)
    data["ts"] = order.updated_ns if fill is None else fill.wall_ns
    return data


def _step(kind: str, order: Order, fill: Fill | None) -> tuple[str, str, int, int | None]:
    """Type and status of the push, the order's size after it, and the size before an update."""
    event, status = EVENTS[kind]
    size, old = order.qty - order.reduced - order.prevented, None
    if kind == "fill":
        status = "open" if fill is not None and fill.maker else "match"
    elif kind == "reduced":
        old = size + int(order.extra[CANCEL_SIZE])
    elif kind == "prevented":
        row = order.prevented_matches[-1]
        taker = row.taker_order_id == order.order_id
        before = size + (row.taker_qty if taker else row.maker_qty)
        if order.working:
            return event, "match" if taker else "open", size, before
        if order.filled:
            return event, "done", size, before
        return "canceled", "done", before, None  # a full cancel leaves the size as it was
    elif kind == "cancelled" and order.filled and CANCEL_SIZE in order.extra:
        # Its owner took off, by a partial cancel, all that was left.
        return "update", "done", size - order.remaining, size
    elif kind == "filled" and order.funds is not None:
        event = "canceled"
    return event, status, size, old


def _by_funds(wire: Wire, data: Json, kind: str, order: Order) -> None:
    """A market order by funds has no sizes of its own, only what it got."""
    data["originFunds"] = format_money(order.funds or 0)
    if kind == "received":
        return
    data["filledSize"] = wire.qty(order.filled)
    data["remainSize"] = "0"
    if order.working:
        data["remainFunds"] = format_money(unspent(order))
        data["canceledFunds"] = "0"
    else:
        data["remainFunds"] = "0"
        data["canceledFunds"] = format_money(unspent(order))


def balance_change(
    wire: Wire, account: Account, change: BalanceChange, event: str, now_ns: int
) -> Json:
    """``data`` of an account.balance frame; ``event`` is its own id."""
    context: Json = {}
    if change.order_id:
        context = {"symbol": wire.symbol, "orderId": order_id_text(change.order_id)}
        if change.trade_id is not None:
            context["tradeId"] = str(change.trade_id)
    return {
        "accountId": account_id(account, change.asset),
        "currency": change.asset,
        "total": format_money(change.free + change.locked),
        "available": format_money(change.free),
        "hold": format_money(change.locked),
        "availableChange": format_money(change.free_change),
        "holdChange": format_money(change.locked_change),
        "relationContext": context,
        "relationEvent": RELATIONS.get(change.reason, "trade.other"),
        "relationEventId": event,
        "time": str(ms(now_ns)),
    }
