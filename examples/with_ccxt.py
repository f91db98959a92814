"""A bot test with ccxt over REST: book, order, fill, balance, and a lost reply, at both venues.

Run it: `python examples/with_ccxt.py`. Nothing of ccxt is changed but its URLs and keys.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import ccxt

from xrpfast.simulation.process import MockExchanges, mock_exchanges

SYMBOL = "XRP/USDT"


def rest_urls(exchange: type[ccxt.Exchange], mock_url: str) -> dict[str, str]:
    """Every REST address of ccxt, at the mock: one that is left out would still be the real one."""
    urls = exchange().urls["api"].items()
    return {name: mock_url + urlsplit(url).path for name, url in urls if isinstance(url, str)}


def binance(mock: MockExchanges) -> ccxt.binance:
    """ccxt's Binance at the mock."""
    line = mock.binance
    rest = rest_urls(ccxt.binance, line.rest_url)
    return ccxt.binance(
        {
            "apiKey": line.api_key,
            "secret": line.api_secret,
            "urls": {"api": rest},
        }
    )


def kucoin(mock: MockExchanges) -> ccxt.kucoin:
    """ccxt's KuCoin at the mock."""
    line = mock.kucoin
    return ccxt.kucoin(
        {
            "apiKey": line.api_key,
            "secret": line.api_secret,
            "password": line.passphrase,
            "urls": {"api": rest_urls(ccxt.kucoin, line.rest_url)},
        }
    )


def trade(exchange: ccxt.Exchange) -> None:
    """Buys 20 XRP from the best ask and looks at what it has then."""
    exchange.load_markets()
    before = exchange.fetch_balance()["XRP"]["total"]
    ask, _ = exchange.fetch_order_book(SYMBOL, 20)["asks"][0]
    placed = exchange.create_order(SYMBOL, "limit", "buy", 20, ask)
    order = exchange.fetch_order(placed["id"], SYMBOL)
    after = exchange.fetch_balance()["XRP"]["total"]
    more = after - before
    print(f"{exchange.id}: {order['status']} {order['filled']} XRP, {more:.3f} more owned")


def lose_a_reply(mock: MockExchanges, exchange: ccxt.Exchange) -> None:
    """The venue takes an order and its reply is lost: only the venue knows what became of it."""
    route = {"binance": "POST /api/v3/order", "kucoin": "POST /api/v1/hf/orders"}[exchange.id]
    mock.fault(
        {
            "venue": exchange.id,
            "channel": "rest",
            "point": "after_match_before_reply",
            "action": "drop",
            "match": {"route": route, "nth": 1},
        }
    )
    ask, _ = exchange.fetch_order_book(SYMBOL, 20)["asks"][0]
    name = {"clientOrderId": "mine-1"}
    patience, exchange.timeout = exchange.timeout, 1_000  # ms
    try:
        exchange.create_order(SYMBOL, "limit", "buy", 20, ask, name)
    except ccxt.RequestTimeout:
        exchange.timeout = patience
        order = exchange.fetch_order(None, SYMBOL, name)  # never send it again: ask
        print(f"{exchange.id}: reply lost, the venue says {order['status']} {order['filled']} XRP")


def main() -> None:
    with mock_exchanges("--seed", "7") as mock:
        mock.pause()  # the market stands still: the order meets the ask that was read
        for exchange in (binance(mock), kucoin(mock)):
            trade(exchange)
            lose_a_reply(mock, exchange)
            exchange.close()


if __name__ == "__main__":
    main()
