"""ccxt's binance pointed at a mock, and what the venue holds of a client's orders."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import ccxt

from support.mock_thread import RunningMock
from xrpfast.model import TimeInForce
from xrpfast.simulation.orders import Fill, Order

VENUE = "binance"
SYMBOL = "XRPUSDT"
CCXT_POINTED = (
    "the host of every REST address in `urls.api`, and `urls.api.ws` (`spot`, `ws-api.spot`); its "
    "own `enableRateLimit` is off, since a test need not wait"
)


def ccxt_options(line: Mapping[str, Any]) -> dict[str, Any]:
    """What a ccxt binance of any kind takes to be a client of the mock of this line."""
    rest = {
        name: f"{line['rest_url']}{urlsplit(url).path}"
        for name, url in ccxt.binance().urls["api"].items()
        if isinstance(url, str)
    }
    sockets = {"spot": f"{line['stream_url']}/ws", "ws-api": {"spot": line["ws_api_url"]}}
    return {
        "apiKey": line["api_key"],
        "secret": line["api_secret"],
        "enableRateLimit": False,
        "urls": {"api": rest | {"ws": sockets}},
    }


def order_of(mock: RunningMock, order_id: int | str) -> Order:
    """The venue's own order."""
    return mock.call(lambda: mock.exchange(VENUE).orders[int(order_id)])


def fills_of(mock: RunningMock, order_id: int | str) -> list[Fill]:
    """The venue's own fills of an order."""
    return mock.call(lambda: list(mock.exchange(VENUE).orders[int(order_id)].fills))


def fee_of(mock: RunningMock, order_id: int | str) -> Decimal:
    """What the venue took for all fills of an order."""
    return Decimal(sum(fill.fee for fill in fills_of(mock, order_id))).scaleb(-18).normalize()


def trade_against(mock: RunningMock, order_id: int | str, qty: str) -> None:
    """Somebody of the market takes this much of a resting order that has the best price."""
    exchange = mock.exchange(VENUE)

    def trade() -> None:
        order = exchange.orders[int(order_id)]
        units = int(Decimal(qty).scaleb(exchange.rules.qty_decimals))
        exchange.place_background(order.side.opposite, order.price, units, TimeInForce.IOC)

    mock.call(trade)


def cancel_what_is_open(mock: RunningMock) -> None:
    """Leaves no order of a customer behind."""
    exchange = mock.exchange(VENUE)

    def cancel() -> None:
        for account in exchange.accounts.values():
            for order in exchange.open_orders(account):
                exchange.cancel(account, order)

    mock.call(cancel)
