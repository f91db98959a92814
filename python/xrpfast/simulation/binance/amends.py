"""Taking off part of an order that keeps its place in the queue."""

from __future__ import annotations

from typing import Final

from xrpfast.model import MONEY_ONE
from xrpfast.simulation.account import Account
from xrpfast.simulation.binance import errors
from xrpfast.simulation.binance.call import Call, Endpoint
from xrpfast.simulation.binance.cancels import named
from xrpfast.simulation.binance.params import ONE, PLACES
from xrpfast.simulation.binance.venue import Venue
from xrpfast.simulation.binance.wire import Amendment, Json
from xrpfast.simulation.orders import Order, VenueRefusal

ROWS: Final = 500
MOST_ROWS: Final = 1_000


def _amend(call: Call) -> Json:
    venue, account, params = call.venue, call.account, call.params
    call.check_symbol()
    which = named(params)
    new_qty = params.need_decimal("newQty")
    client_id = params.client_id("newClientOrderId")
    call.enter_engine()
    order = which.find(venue, account)
    if order is None or not order.working:
        raise errors.amend_rejected("Unknown order sent.")
    return call.wire.amended(order, amend(venue, account, order, new_qty, client_id))


def amend(
    venue: Venue, account: Account, order: Order, new_qty: int, client_id: str | None
) -> Amendment:
    """Lowers the quantity of a working order to ``new_qty`` (10^-8); raises -2038."""
    exchange = venue.exchange
    scale = 10 ** (PLACES - exchange.rules.qty_decimals)
    size = (order.qty - order.reduced) * scale
    history: list[Amendment] = order.extra.setdefault("amendments", [])
    _check(venue, order, size, new_qty, len(history))
    old_id, new_id = order.client_id, client_id or venue.fresh_id()
    try:
        exchange.rename(account, order, new_id)
    except VenueRefusal:
        raise errors.amend_rejected("Duplicate order sent.") from None
    order.extra["renamed_from"] = "" if new_id == old_id else old_id
    exchange.reduce(account, order, (size - new_qty) // scale)
    made = Amendment(venue.execution_id, old_id, new_id, size, new_qty, order.updated_ns)
    history.append(made)
    return made


def _check(venue: Venue, order: Order, size: int, new_qty: int, before: int) -> None:
    values, rules = venue.filters, venue.exchange.rules
    if venue.status not in ("TRADING", "CANCEL_ONLY"):
        raise errors.amend_rejected(errors.MARKET_CLOSED)
    if new_qty > size:
        raise errors.amend_rejected("Order amend (quantity increase) is not supported.")
    if new_qty == size:
        raise errors.amend_rejected("The requested action would change no state; rejecting")
    finest = 10 ** (PLACES - rules.qty_decimals)
    if new_qty < max(values.min_qty, 1) or new_qty % (values.lot or finest):
        raise errors.amend_rejected("Filter failure: LOT_SIZE")
    price = order.price * 10 ** (PLACES - rules.price_decimals)
    if price * new_qty * (MONEY_ONE // ONE**2) < values.min_notional:
        raise errors.amend_rejected("Filter failure: NOTIONAL")
    if before >= values.max_amends:
        raise errors.amend_rejected("Filter failure: MAX_NUM_ORDER_AMENDS")
    gone = (order.filled + order.prevented) * 10 ** (PLACES - rules.qty_decimals)
    if new_qty < gone:
        raise errors.amend_rejected("Unknown order sent.")


def _amendments(call: Call) -> list[Json]:
    call.check_symbol()
    number = call.params.need_integer("orderId")
    first = call.params.integer("fromExecutionId") or 0
    limit = call.params.integer("limit", 1, default=ROWS) or ROWS
    call.params.finish()
    order = call.venue.exchange.find(call.account, order_id=number)
    if order is None:
        raise errors.no_order()
    found = [row for row in order.extra.get("amendments", []) if row.execution_id >= first]
    return [call.wire.amendment(order, row) for row in found[: min(limit, MOST_ROWS)]]


ENDPOINTS: Final = (
    Endpoint(
        rest="PUT /order/amend/keepPriority", ws="order.amend.keepPriority", handle=_amend,
        weight=4, signed=True,
    ),
    Endpoint(
        rest="GET /order/amendments", ws="order.amendments", handle=_amendments, weight=4,
        signed=True,
    ),
)  # fmt: skip
