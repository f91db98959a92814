"""Orders and fills in the words of KuCoin's REST and order entry.

Spelling differs on purpose: ``cancelledSize`` in queries, ``canceledSize`` in sync replies.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from xrpfast.model import format_money
from xrpfast.simulation.orders import Fill, Order

from .wire import Json, Wire, ms, order_id_text, side_text

RESTING: Final = "resting"
"""Key of an order's ``extra`` once it has been in the book."""


class Amounts(NamedTuple):
    """How an order's quantity is told: filled + remaining + cancelled = original, in units."""

    original: int
    filled: int
    remaining: int
    cancelled: int


def amounts(order: Order) -> Amounts:
    taken_off = order.reduced + order.prevented
    if order.working:
        return Amounts(order.qty, order.filled, order.remaining, taken_off)
    return Amounts(order.qty, order.filled, 0, order.qty - order.filled)


def unspent(order: Order) -> int:
    """Money that a market order by funds did not spend."""
    return 0 if order.funds is None else max(order.funds - order.quote_filled, 0)


def order_object(wire: Wire, order: Order) -> Json:
    """An order as queries show it."""
    rules, extra = wire.rules, order.extra
    size = amounts(order)
    limit = order.kind == "limit"
    if limit:
        funds = rules.notional(order.price, order.qty)
        cancelled_funds = rules.notional(order.price, size.cancelled)
        remain_funds = funds - order.quote_filled - cancelled_funds
    else:
        funds = order.funds or 0
        cancelled_funds = 0 if order.working else unspent(order)
        remain_funds = unspent(order) if order.working else 0
    by_funds = order.funds is not None
    cancelled = bool(cancelled_funds if by_funds else size.cancelled)
    ended_early = cancelled and not order.working
    return {
        "id": order_id_text(order.order_id),
        "clientOid": order.client_id,
        "symbol": wire.symbol,
        "opType": "DEAL",
        "type": order.kind,
        "side": side_text(order.side),
        "price": wire.price(order.price),
        "size": "0" if by_funds else wire.qty(order.qty),
        "funds": format_money(funds),
        "dealSize": wire.qty(size.filled),
        "dealFunds": format_money(order.quote_filled),
        "remainSize": "0" if by_funds else wire.qty(size.remaining),
        "remainFunds": format_money(0 if ended_early else remain_funds),
        "cancelledSize": "0" if by_funds else wire.qty(size.cancelled),
        "cancelledFunds": format_money(cancelled_funds),
        "fee": format_money(order.fee),
        "feeCurrency": rules.quote,
        "stp": extra.get("stp"),
        "timeInForce": extra.get("timeInForce", order.tif.name),
        "postOnly": order.post_only,
        "hidden": False,
        "iceberg": False,
        "visibleSize": "0",
        "cancelAfter": extra.get("cancelAfter", 0),
        "channel": extra.get("channel", "API"),
        "remark": extra.get("remark"),
        "tags": extra.get("tags"),
        "cancelExist": cancelled,
        "cancelReason": cancel_reason(order) if cancelled else None,
        "tradeType": "TRADE",
        "inOrderBook": order.working and bool(extra.get(RESTING)),
        "active": order.working,
        "tax": "0",
        "createdAt": ms(order.created_ns),
        "lastUpdatedAt": ms(order.updated_ns),
    }


def cancel_reason(order: Order) -> str:
    """Why quantity was cancelled; by the customer when nothing else is known."""
    return order.reason or ("stp" if order.prevented else "user")


def fill_object(wire: Wire, number: int, fill: Fill) -> Json:
    order = fill.order
    return {
        "id": number,
        "symbol": wire.symbol,
        "tradeId": fill.trade_id,
        "orderId": order_id_text(order.order_id),
        "counterOrderId": order_id_text(fill.counter_order_id),
        "side": side_text(order.side),
        "liquidity": "maker" if fill.maker else "taker",
        "forceTaker": False,
        "price": wire.price(fill.price),
        "size": wire.qty(fill.qty),
        "funds": format_money(wire.rules.notional(fill.price, fill.qty)),
        "fee": format_money(fill.fee),
        "feeRate": wire.rate(fill.maker),
        "feeCurrency": fill.fee_asset,
        "stop": "",
        "tradeType": "TRADE",
        "taxRate": "0",
        "tax": "0",
        "type": order.kind,
        "createdAt": ms(fill.wall_ns),
    }


def placed(order: Order) -> Json:
    return {"orderId": order_id_text(order.order_id), "clientOid": order.client_id}


def outcome(wire: Wire, order: Order) -> Json:
    """What the sync replies say of the amounts."""
    size = amounts(order)
    return {
        "originSize": wire.qty(size.original),
        "dealSize": wire.qty(size.filled),
        "remainSize": wire.qty(size.remaining),
        "canceledSize": wire.qty(size.cancelled),
        "status": "open" if order.working else "done",
    }


def placed_sync(wire: Wire, order: Order) -> Json:
    return {
        **placed(order),
        "orderTime": ms(order.created_ns),
        **outcome(wire, order),
        "matchTime": ms(order.updated_ns),
    }
