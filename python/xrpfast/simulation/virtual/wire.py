"""What left the engine, read back from the bytes as a venue reads them."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from xrpfast._core import parse_units
from xrpfast.model import Side, SymbolRules, TimeInForce


class Request(NamedTuple):
    """An order request, in the units of its symbol."""

    client_id: str
    symbol: str
    side: int
    tif: int
    price: int
    qty: int


def read_order(venue: str, frame: bytes, rules: SymbolRules) -> Request:
    """The order in a request of this venue's format. Raises for any other bytes."""
    message = orjson.loads(frame)
    if venue == "binance":
        assert message["method"] == "order.place"
        order = message["params"]
        client_id, qty = order["newClientOrderId"], order["quantity"]
        assert len(order["signature"]) == 64
    else:
        assert message["op"] == "spot.order"
        order = message["args"]
        client_id, qty = order["clientOid"], order["size"]
    assert order["type"].lower() == "limit"
    return Request(
        client_id,
        order["symbol"],
        int(Side[order["side"].upper()]),
        int(TimeInForce[order["timeInForce"]]),
        parse_units(order["price"], rules.price_decimals),
        parse_units(qty, rules.qty_decimals),
    )
