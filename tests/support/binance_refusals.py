"""New orders that Binance refuses, and in which words; every client must carry them to its user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from support.binance_clients import SYMBOL, VENUE
from support.mock_thread import RunningMock
from xrpfast.model import MONEY_ONE

ONE = 10**8
"""A filter's amounts are integers of 10^-8."""
MANY = 400
"""Calls after which any limit of the venue must have been reached."""
GOOD = {
    "symbol": SYMBOL,
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "10",
    "price": "2.0",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is wrong with an order that is otherwise `GOOD`; None takes a parameter away."""

    what: str
    wrong: Mapping[str, str | None]
    code: int
    text: str
    filters: Mapping[str, Any] = field(default_factory=dict)
    """What the venue's filters are changed to meanwhile."""

    @property
    def params(self) -> dict[str, str]:
        return {name: value for name, value in {**GOOD, **self.wrong}.items() if value is not None}


def _filter(name: str, wrong: Mapping[str, str | None], **filters: Any) -> Refusal:
    return Refusal(name, wrong, -1013, f"Filter failure: {name}", filters)


MARKET = {"type": "MARKET", "timeInForce": None, "price": None}
FILTERS = (
    _filter("PRICE_FILTER", {"price": "2.00005"}),
    _filter("LOT_SIZE", {"quantity": "10.05"}),
    _filter("MARKET_LOT_SIZE", MARKET, market_max_qty=5 * ONE),
    _filter("PERCENT_PRICE", {}, percent_up=2 * ONE, percent_down=ONE),
    _filter("PERCENT_PRICE_BY_SIDE", {"price": "0.4", "quantity": "100"}),
    _filter("MIN_NOTIONAL", {}, plain_min_notional=100 * MONEY_ONE),
    _filter("NOTIONAL", {"quantity": "1"}),
    _filter("ICEBERG_PARTS", {"quantity": "100", "icebergQty": "0.5"}),
    _filter("TRAILING_DELTA", MARKET | {"type": "STOP_LOSS", "trailingDelta": "1"}),
    _filter("MAX_POSITION", {}, max_position=ONE),
    _filter("MAX_NUM_ORDERS", {}, max_orders=0),
    _filter(
        "MAX_NUM_ALGO_ORDERS",
        {"type": "STOP_LOSS_LIMIT", "stopPrice": "3"},
        max_algo_orders=0,
    ),
    _filter("MAX_NUM_ICEBERG_ORDERS", {"icebergQty": "5"}, max_iceberg_orders=0),
    _filter("EXCHANGE_MAX_NUM_ORDERS", {}, max_account_orders=0),
    _filter("MAX_ASSET", {}, max_asset=("XRP", MONEY_ONE)),
)
REQUESTS = (
    Refusal("unknown symbol", {"symbol": "XRPEUR"}, -1121, "Invalid symbol."),
    Refusal("unknown side", {"side": "LONG"}, -1117, "Invalid side."),
    Refusal("unknown type", {"type": "FOO"}, -1116, "Invalid orderType."),
    Refusal("unknown time in force", {"timeInForce": "GTD"}, -1115, "Invalid timeInForce."),
    Refusal(
        "no price",
        {"price": None},
        -1102,
        "Mandatory parameter 'price' was not sent, was empty/null, or malformed.",
    ),
    Refusal(
        "timeInForce of a market order",
        MARKET | {"timeInForce": "GTC"},
        -1106,
        "Parameter 'timeInForce' sent when not required.",
    ),
    Refusal(
        "nine decimals",
        {"price": "2.123456789"},
        -1111,
        "Parameter 'price' has too much precision.",
    ),
    Refusal(
        "client id with a dot",
        {"newClientOrderId": "a.b"},
        -1100,
        "Illegal characters found in parameter 'newClientOrderId'; legal range is "
        "'^[a-zA-Z0-9-_]{1,36}$'.",
    ),
    Refusal(
        "stop order",
        {"type": "STOP_LOSS_LIMIT", "stopPrice": "3"},
        -1013,
        "Stop loss limit orders are not supported for this symbol.",
    ),
    Refusal(
        "more than the balance",
        {"quantity": "100000"},
        -2010,
        "Account has insufficient balance for requested action.",
    ),
    Refusal(
        "post-only that would take",
        {"type": "LIMIT_MAKER", "timeInForce": None, "price": "3"},
        -2010,
        "Order would immediately match and take.",
    ),
)


@contextmanager
def filters_changed(mock: RunningMock, changes: Mapping[str, Any]) -> Iterator[None]:
    """The venue's filters with these changes, as on the day the venue changes them."""
    if not changes:
        yield
        return
    venue = mock.venues.faces[VENUE].venue

    def change() -> Any:
        before = venue.filters
        venue.filters = replace(before, **changes)
        return before

    before = mock.call(change)
    try:
        yield
    finally:
        mock.call(lambda: setattr(venue, "filters", before))
