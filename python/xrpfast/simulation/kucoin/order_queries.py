"""What the order routes answer: placing, cancelling, open and finished orders, fills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xrpfast.simulation.orders import Order

from . import errors, order_objects
from .reading import HistoryFilter, empty_page, need_symbol, number
from .records import newest_first
from .wire import Json

if TYPE_CHECKING:
    from .rest import Call

MAX_ROWS: Final = 100

# --- placing and changing ---------------------------------------------------------------------


def place(call: Call) -> Json:
    order = call.venue.orders.place(call.account, call.json(), call.stamp_ms)
    return order_objects.placed(order)


def place_sync(call: Call) -> Json:
    order = call.venue.orders.place(call.account, call.json(), call.stamp_ms)
    return order_objects.placed_sync(call.venue.wire, order)


def place_test(call: Call) -> Json:
    return call.venue.orders.test(call.account, call.json(), call.stamp_ms)


def place_many(call: Call) -> list[Json]:
    return _batch(call, sync=False)


def place_many_sync(call: Call) -> list[Json]:
    return _batch(call, sync=True)


def _batch(call: Call, *, sync: bool) -> list[Json]:
    wire, rows = call.venue.wire, []
    for made in call.venue.orders.place_many(call.account, call.json()):
        if isinstance(made, errors.Refused):
            rows.append({"success": False, "failMsg": made.msg})
        else:
            words = order_objects.placed_sync(wire, made) if sync else order_objects.placed(made)
            rows.append({**words, "success": True})
    return rows


def alter(call: Call) -> Json:
    return call.venue.orders.alter(call.account, call.json())


# --- cancelling -------------------------------------------------------------------------------


def cancel(call: Call) -> Json:
    return call.venue.orders.cancel(call.account, _named(call))[1]


def cancel_sync(call: Call) -> Json:
    order, named = call.venue.orders.cancel(call.account, _named(call))
    return {**named, **order_objects.outcome(call.venue.wire, order)}


def cancel_part(call: Call) -> Json:
    args = {**_named(call), "cancelSize": call.query.get("cancelSize")}
    return call.venue.orders.cancel_part(call.account, args)


def cancel_symbol(call: Call) -> str:
    _need(call)
    call.venue.orders.cancel_all(call.account)
    return "success"


def cancel_all(call: Call) -> Json:
    symbol, failed = call.venue.wire.symbol, []
    try:
        cancelled = call.venue.orders.cancel_all(call.account)
    except errors.Refused as refused:
        cancelled, failed = 0, [{"symbol": symbol, "error": refused.msg}]
    return {"succeedSymbols": [symbol] if cancelled else [], "failedSymbols": failed}


def dead_man_set(call: Call) -> Json:
    return call.venue.dead_man.set(call.account, call.json())


def dead_man_query(call: Call) -> Json | None:
    return call.venue.dead_man.query(call.account)


def stop_orders(call: Call) -> Json:
    """There are none: they are refused."""
    return empty_page(call.query)


def cancel_stop_orders(call: Call) -> Json:
    return {"cancelledOrderIds": []}


def stop_order(call: Call) -> Json:
    raise errors.TYPE_UNSUPPORTED.refuse("stop")


# --- looking ----------------------------------------------------------------------------------


def order(call: Call) -> Json:
    _need(call)
    found = call.venue.orders.find(
        call.account,
        order_id=call.path.get("orderId"),
        client_id=call.path.get("clientOid"),
    )
    if found is None:
        raise errors.ORDER_UNKNOWN.refuse()
    return order_objects.order_object(call.venue.wire, found)


def active(call: Call) -> list[Json]:
    _need(call)
    return _objects(call, call.venue.orders.open(call.account))


def active_page(call: Call) -> Json:
    _need(call)
    page = number(call.query, "pageNum", 1, 1, 10**9)
    size = number(call.query, "pageSize", 20, 1, 50)
    found = call.venue.orders.open(call.account)
    return {
        "currentPage": page,
        "pageSize": size,
        "totalNum": len(found),
        "totalPage": -(-len(found) // size),
        "items": _objects(call, found[(page - 1) * size : page * size]),
    }


def active_symbols(call: Call) -> Json:
    working = call.venue.orders.open(call.account)
    return {"symbols": [call.venue.wire.symbol] if working else []}


def done(call: Call) -> Json:
    """Finished orders, last update first; the cursor counts endings."""
    _need(call)
    wanted = HistoryFilter(call.query, default_limit=20, most=MAX_ROWS)
    items: list[Json] = []
    last = wanted.last
    for cursor, found in newest_first(call.venue.private.records(call.account).done, last):
        if wanted.takes(found.side, found.kind, found.updated_ns):
            items.append(order_objects.order_object(call.venue.wire, found))
            last = cursor
            if len(items) == wanted.limit:
                break
    return {"lastId": last, "items": items}


def fills(call: Call) -> Json:
    """Fills, newest first; an orderId overrides the other filters."""
    _need(call)
    wanted = HistoryFilter(call.query, default_limit=20, most=MAX_ROWS)
    order_id = call.query.get("orderId")
    items: list[Json] = []
    last = wanted.last
    for cursor, fill in newest_first(call.venue.private.records(call.account).fills, last):
        row = None
        if order_id:
            if order_objects.placed(fill.order)["orderId"] == order_id:
                row = order_objects.fill_object(call.venue.wire, cursor, fill)
        elif wanted.takes(fill.order.side, fill.order.kind, fill.wall_ns):
            row = order_objects.fill_object(call.venue.wire, cursor, fill)
        if row is not None:
            items.append(row)
            last = cursor
            if len(items) == wanted.limit:
                break
    return {"items": items, "lastId": last}


# --- reading ----------------------------------------------------------------------------------


def _objects(call: Call, found: list[Order]) -> list[Json]:
    return [order_objects.order_object(call.venue.wire, row) for row in found]


def _named(call: Call) -> Json:
    """The arguments of a cancel as order entry has them."""
    return {"symbol": call.query.get("symbol"), **call.path}


def _need(call: Call) -> None:
    need_symbol(call.query.get("symbol"), call.venue.wire.symbol)
