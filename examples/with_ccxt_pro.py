"""A bot test with ccxt.pro: a watched book, one's own orders, and a connection that breaks.

Run it: `python examples/with_ccxt_pro.py`. Nothing of ccxt is changed but its URLs and keys.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import ccxt.pro

from xrpfast.simulation.process import MockExchanges, mock_exchanges

SYMBOL = "XRP/USDT"


def rest_urls(exchange: type[ccxt.pro.Exchange], mock_url: str) -> dict[str, str]:
    """Every REST address of ccxt, at the mock: one that is left out would still be the real one."""
    urls = exchange().urls["api"].items()
    return {name: mock_url + urlsplit(url).path for name, url in urls if isinstance(url, str)}


def binance(mock: MockExchanges) -> ccxt.pro.binance:
    """ccxt.pro's Binance at the mock."""
    line = mock.binance
    rest = rest_urls(ccxt.pro.binance, line.rest_url)
    sockets = {"spot": f"{line.stream_url}/ws", "ws-api": {"spot": line.ws_api_url}}
    return ccxt.pro.binance(
        {
            "apiKey": line.api_key,
            "secret": line.api_secret,
            "urls": {"api": rest | {"ws": sockets}},
        }
    )


def kucoin(mock: MockExchanges) -> ccxt.pro.kucoin:
    """ccxt.pro's KuCoin at the mock; the token that it asks for names the socket."""
    line = mock.kucoin
    return ccxt.pro.kucoin(
        {
            "apiKey": line.api_key,
            "secret": line.api_secret,
            "password": line.passphrase,
            "urls": {"api": rest_urls(ccxt.pro.kucoin, line.rest_url)},
        }
    )


async def trade(exchange: ccxt.pro.Exchange) -> None:
    """Watches the book, sells 20 XRP to the best bid, hears of its own fill."""
    await exchange.load_markets()
    orders = asyncio.create_task(exchange.watch_orders(SYMBOL))
    for _ in range(3):
        book = await exchange.watch_order_book(SYMBOL)
    bid, ask = book["bids"][0][0], book["asks"][0][0]
    assert bid < ask
    # A little below the bid that was seen: the market has moved meanwhile.
    placed = await exchange.create_order(SYMBOL, "limit", "sell", 20, bid * 0.99)
    heard = await orders
    while not any(o["id"] == placed["id"] and o["status"] == "closed" for o in heard):
        heard = await exchange.watch_orders(SYMBOL)
    print(f"{exchange.id}: book watched, own order heard of as closed")


async def break_the_connection(mock: MockExchanges, exchange: ccxt.pro.Exchange) -> None:
    """The venue's sockets are reset under a watched book."""
    rule = mock.fault({"venue": exchange.id, "channel": "socket", "action": "reset"})
    try:
        while True:
            await exchange.watch_order_book(SYMBOL)
    except ccxt.NetworkError as error:
        print(f"{exchange.id}: {type(error).__name__} when the sockets were reset")
    mock.heal(rule)
    book = await exchange.watch_order_book(SYMBOL)
    print(f"{exchange.id}: watched again, bid below ask: {book['bids'][0] < book['asks'][0]}")


async def main() -> None:
    with mock_exchanges("--seed", "7") as mock:
        for exchange in (binance(mock), kucoin(mock)):
            try:
                async with asyncio.timeout(30):
                    await trade(exchange)
                    await break_the_connection(mock, exchange)
            finally:
                await exchange.close()


if __name__ == "__main__":
    asyncio.run(main())
