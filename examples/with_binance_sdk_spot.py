"""A bot test with Binance's own SDK: REST, WebSocket API, a market stream, and a
venue that does not know what became of an order.

Run it: `python examples/with_binance_sdk_spot.py`. Nothing of it is changed but its URLs and keys.
"""

from __future__ import annotations

import asyncio
from typing import Any

from binance_common.errors import ServerError
from binance_sdk_spot.rest_api.models import NewOrderSideEnum, NewOrderTimeInForceEnum
from binance_sdk_spot.rest_api.models import NewOrderTypeEnum as RestType
from binance_sdk_spot.spot import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
    Spot,
)
from binance_sdk_spot.websocket_api.models import (
    OrderPlaceSideEnum,
    OrderPlaceTimeInForceEnum,
    OrderPlaceTypeEnum,
)

from xrpfast.simulation.process import MockBinance, MockExchanges, mock_exchanges

SYMBOL = "XRPUSDT"


def client(line: MockBinance) -> Spot:
    """The SDK at the mock."""
    keys = {"api_key": line.api_key, "api_secret": line.api_secret}
    return Spot(
        config_rest_api=ConfigurationRestAPI(**keys, base_path=line.rest_url),
        config_ws_api=ConfigurationWebSocketAPI(**keys, stream_url=line.ws_api_url),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=line.stream_url),
    )


def trade(rest: Any) -> None:
    """Buys 20 XRP from the best ask and looks at what it has then."""
    (price, _), *_ = rest.depth(symbol=SYMBOL, limit=5).data().asks
    order = rest.new_order(
        symbol=SYMBOL,
        side=NewOrderSideEnum.BUY,
        type=RestType.LIMIT,
        time_in_force=NewOrderTimeInForceEnum.GTC,
        quantity=20.0,
        price=float(price),
    ).data()
    owned = {row.asset: row.free for row in rest.get_account().data().balances}
    print(f"REST: {order.status} {order.executed_qty} XRP, {owned['XRP']} owned")


async def sockets(spot: Spot) -> None:
    """Hears of the best prices, and places an order over the WebSocket API."""
    async with asyncio.timeout(30):
        streams = await spot.websocket_streams.create_connection()
        told: asyncio.Queue[Any] = asyncio.Queue()
        stream = await streams.book_ticker(symbol=SYMBOL.lower())
        stream.on("message", told.put_nowait)
        ticker = await told.get()
        print(f"stream: {ticker.s} bid below ask: {float(ticker.b) < float(ticker.a)}")
        await streams.close_connection(close_session=True)

        api = await spot.websocket_api.create_connection()
        reply = await api.order_place(
            symbol=SYMBOL,
            side=OrderPlaceSideEnum.SELL,
            type=OrderPlaceTypeEnum.LIMIT,
            time_in_force=OrderPlaceTimeInForceEnum.GTC,
            quantity=20.0,
            price=round(float(ticker.b) * 0.99, 4),  # below the bid: the market moves
        )
        order = reply.data().result
        print(f"WebSocket API: {order.status} {order.executed_qty} XRP")
        await api.close_connection(close_session=True)


def unknown_outcome(mock: MockExchanges, rest: Any) -> None:
    """The order trades, the reply says "unknown": only a query tells."""
    (price, _), *_ = rest.depth(symbol=SYMBOL, limit=5).data().bids
    mock.fault(
        {
            "venue": "binance",
            "channel": "rest",
            "point": "after_match_before_reply",
            "action": "reply",
            "match": {"route": "POST /api/v3/order", "nth": 1},
            "params": {"status": 503, "code": -1007, "msg": "Timeout waiting for response."},
        }
    )
    try:
        rest.new_order(
            symbol=SYMBOL,
            side=NewOrderSideEnum.SELL,
            type=RestType.LIMIT,
            time_in_force=NewOrderTimeInForceEnum.GTC,
            quantity=20.0,
            price=round(float(price) * 0.99, 4),
            new_client_order_id="mine-1",
        )
    except ServerError as error:
        order = rest.get_order(symbol=SYMBOL, orig_client_order_id="mine-1").data()
        print(f"{type(error).__name__}: the venue says {order.status} {order.executed_qty} XRP")


def main() -> None:
    with mock_exchanges("--seed", "7", "--venue", "binance") as mock:
        spot = client(mock.binance)
        mock.pause()  # the market stands still: the order meets the ask that was read
        trade(spot.rest_api)
        mock.resume()
        asyncio.run(sockets(spot))
        unknown_outcome(mock, spot.rest_api)


if __name__ == "__main__":
    main()
