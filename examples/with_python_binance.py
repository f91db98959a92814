"""A bot test with python-binance: book, order, fill, balance, streams, and a clock that is wrong.

Run it: `python examples/with_python_binance.py`. Nothing of it is changed but its URLs and keys.
"""

from __future__ import annotations

import asyncio
import time

from binance import AsyncClient, BinanceSocketManager, Client
from binance.exceptions import BinanceAPIException

from xrpfast.simulation.process import MockBinance, MockExchanges, mock_exchanges

SYMBOL = "XRPUSDT"


def point(line: MockBinance) -> None:
    """The addresses are constants of the classes: set them before a client is made."""
    for kind in (Client, AsyncClient):
        kind.API_URL = f"{line.rest_url}/api"
        kind.WS_API_URL = line.ws_api_url
    BinanceSocketManager.STREAM_URL = f"{line.stream_url}/"


def trade(line: MockBinance) -> None:
    """Buys 20 XRP from the best ask and looks at what it has then."""
    client = Client(line.api_key, line.api_secret)
    ask, _ = client.get_order_book(symbol=SYMBOL, limit=5)["asks"][0]
    order = client.order_limit_buy(symbol=SYMBOL, quantity="20.0", price=ask)
    assert client.get_order(symbol=SYMBOL, orderId=order["orderId"])["status"] == "FILLED"
    owned = client.get_asset_balance(asset="XRP")["free"]
    print(f"REST: {order['status']} {order['executedQty']} XRP, {owned} owned")
    client.close_connection()


async def watch(line: MockBinance) -> None:
    """Hears of the best prices, and of its own order from the user data stream."""
    client = await AsyncClient.create(line.api_key, line.api_secret)
    client.ws_api.TIMEOUT = 1  # seconds that closing it may wait for a last message
    manager = BinanceSocketManager(client)
    try:
        async with asyncio.timeout(30):
            async with manager.symbol_book_ticker_socket(SYMBOL) as prices:
                ticker = await prices.recv()
            print(f"stream: {ticker['s']} bid below ask: {float(ticker['b']) < float(ticker['a'])}")
            async with manager.user_socket() as events:
                price = f"{float(ticker['b']) * 0.99:.4f}"  # below the bid: the market moves
                await client.order_limit_sell(symbol=SYMBOL, quantity="20.0", price=price)
                event = await events.recv()
                while event.get("X") != "FILLED":
                    event = await events.recv()
            print(f"user data: {event['e']} {event['X']} {event['z']} XRP")
    finally:
        await client.close_connection()


def shift_the_clock(mock: MockExchanges) -> None:
    """The venue's clock jumps by a minute: signed calls are refused until it is read again."""
    client = Client(mock.binance.api_key, mock.binance.api_secret)
    clock = {"offset_ms": 60_000}
    mock.fault({"venue": "binance", "channel": "venue", "action": "clock", "params": clock})
    try:
        client.get_account()
    except BinanceAPIException as error:
        print(f"clock: {error.code} {error.message}")
    now = client.get_server_time()["serverTime"]
    client.timestamp_offset = now - time.time_ns() // 1_000_000
    print(f"clock: read again, account type {client.get_account()['accountType']}")
    client.close_connection()


def main() -> None:
    with mock_exchanges("--seed", "7", "--venue", "binance") as mock:
        point(mock.binance)
        mock.pause()  # the market stands still: the order meets the ask that was read
        trade(mock.binance)
        mock.resume()
        asyncio.run(watch(mock.binance))
        shift_the_clock(mock)


if __name__ == "__main__":
    main()
