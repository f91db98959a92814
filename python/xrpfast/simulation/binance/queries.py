"""What a customer may ask of his orders, trades and account."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from xrpfast.simulation.binance import errors, filters
from xrpfast.simulation.binance.call import Call, Endpoint
from xrpfast.simulation.binance.cancels import named
from xrpfast.simulation.binance.orders import discount
from xrpfast.simulation.binance.params import NUMBER, Params, matched
from xrpfast.simulation.binance.wire import ZERO, Json, stp_of
from xrpfast.simulation.orders import Fill

DAY_NS: Final = 86_400 * 10**9
ROWS: Final = 500
MOST_ROWS: Final = 1_000
Row = TypeVar("Row")


def _order(call: Call) -> Json:
    call.check_symbol()
    which = named(call.params)
    call.params.finish()
    order = which.find(call.venue, call.account)
    if order is None:
        raise errors.no_order()
    return call.wire.status(order)


def _open_orders(call: Call) -> list[Json]:
    call.check_symbol(optional=True)
    return [call.wire.status(order) for order in call.venue.exchange.open_orders(call.account)]


def _all_orders(call: Call) -> list[Json]:
    call.check_symbol()
    first = _order_id(call.params)
    limit = _limit(call.params)
    start, end = _range(call.params)
    orders = [
        order for order in call.venue.exchange.orders.values() if order.account is call.account
    ]
    orders.sort(key=lambda order: order.order_id)
    if first is not None:
        found = [order for order in orders if order.order_id >= first][:limit]
    else:
        found = _page(orders, lambda order: order.created_ns, start, end, limit)
    return [call.wire.status(order) for order in found]


def _my_trades(call: Call) -> list[Json]:
    call.check_symbol()
    order_id, from_id = _order_id(call.params), call.params.integer("fromId")
    limit = _limit(call.params)
    start, end = _range(call.params)
    if (start is not None or end is not None) and (order_id is not None or from_id is not None):
        raise errors.bad_combination()
    fills: Iterable[Fill] = call.venue.exchange.fills
    own = [fill for fill in fills if fill.order.account is call.account]
    if order_id is not None:
        own = [fill for fill in own if fill.order.order_id == order_id]
    if from_id is not None:
        found = [fill for fill in own if fill.trade_id >= from_id][:limit]
    else:
        found = _page(own, lambda fill: fill.wall_ns, start, end, limit)
    return [call.wire.my_trade(fill) for fill in found]


def _account(call: Call) -> Json:
    omit_zero = call.params.flag("omitZeroBalances")
    return call.wire.account(call.account, omit_zero=omit_zero)


def _commission(call: Call) -> Json:
    maker, taker = call.wire.rates()
    none = {"maker": ZERO, "taker": ZERO, "buyer": ZERO, "seller": ZERO}
    return {
        "symbol": call.check_symbol(),
        "standardCommission": none | {"maker": maker, "taker": taker},
        "specialCommission": none,
        "taxCommission": none,
        "discount": discount(),
    }


def _order_limits(call: Call) -> list[Json]:
    return call.venue.limits.order_rows(call.account.uid)


def _my_filters(call: Call) -> Json:
    call.check_symbol()
    values = call.venue.filters
    return {
        "exchangeFilters": filters.described(values, filters.EXCHANGE_FILTERS),
        "symbolFilters": filters.described(values, filters.FILTERS),
        "assetFilters": filters.described(values, filters.ASSET_FILTERS),
    }


def _prevented_matches(call: Call) -> list[Json]:
    call.check_symbol()
    number = call.params.integer("preventedMatchId")
    order_id, first = _order_id(call.params), call.params.integer("fromPreventedMatchId")
    limit = _limit(call.params)
    if number is None and order_id is None:
        raise errors.missing_both("preventedMatchId", "orderId")
    if number is not None and order_id is not None:
        raise errors.bad_combination()
    orders = call.venue.exchange.orders
    rows = []
    for row in call.venue.exchange.prevented:
        taker = orders.get(row.taker_order_id)
        if taker is None or taker.account is not call.account:
            continue
        ids = (row.taker_order_id, row.maker_order_id)
        if row.number == number or (order_id in ids and row.number >= (first or 0)):
            rows.append(call.wire.prevented_match(row, stp_of(taker)))
    return rows[:limit]


# --- parameters -----------------------------------------------------------------------------------


def _order_id(params: Params) -> int | None:
    text = params.get("orderId")
    return None if text is None else int(matched("orderId", text, NUMBER))


def _limit(params: Params) -> int:
    """More than the most is the most."""
    return min(params.integer("limit", 1, default=ROWS) or ROWS, MOST_ROWS)


def _range(params: Params) -> tuple[int | None, int | None]:
    """Start and end in nanoseconds; raises -1127 for more than a day between them."""
    start, end = params.time_ns("startTime"), params.time_ns("endTime")
    if start is not None and end is not None:
        if end - start > DAY_NS:
            raise errors.more_than_a_day()
        if end < start:
            raise errors.bad_combination()
    return start, end


def _page(
    rows: list[Row],
    when: Callable[[Row], int],
    start: int | None,
    end: int | None,
    limit: int,
) -> list[Row]:
    """The oldest from ``start`` on, else the newest up to ``end``; ascending."""
    found = [
        row
        for row in rows
        if (start is None or when(row) >= start)
        # The end is a millisecond as a whole.
        and (end is None or when(row) // 1_000_000 <= end // 1_000_000)
    ]
    return found[:limit] if start is not None else found[-limit:]


ENDPOINTS: Final = (
    Endpoint(rest="GET /order", ws="order.status", handle=_order, weight=4, signed=True),
    Endpoint(
        rest="GET /openOrders", ws="openOrders.status", handle=_open_orders, signed=True,
        weight=lambda params: 6 if params.has("symbol") else 80,
    ),
    Endpoint(rest="GET /allOrders", ws="allOrders", handle=_all_orders, weight=20, signed=True),
    Endpoint(
        rest="GET /myTrades", ws="myTrades", handle=_my_trades, signed=True,
        weight=lambda params: 5 if params.has("orderId") else 20,
    ),
    Endpoint(rest="GET /account", ws="account.status", handle=_account, weight=20, signed=True),
    Endpoint(
        rest="GET /account/commission", ws="account.commission", handle=_commission, weight=20,
        signed=True,
    ),
    Endpoint(
        rest="GET /rateLimit/order", ws="account.rateLimits.orders", handle=_order_limits,
        weight=40, signed=True,
    ),
    Endpoint(rest="GET /myFilters", ws="myFilters", handle=_my_filters, weight=40, signed=True),
    Endpoint(
        rest="GET /myPreventedMatches", ws="myPreventedMatches", handle=_prevented_matches,
        signed=True, weight=lambda params: 20 if params.has("orderId") else 2,
    ),
)  # fmt: skip
