"""Tickers, trades and candles by the venue's own SDK."""

from __future__ import annotations

import time
from decimal import Decimal

import kucoin_universal_sdk.generate.spot.market as market_api

from support.expect import candle, positive, some
from support.kucoin_mock import KucoinMock
from support.kucoin_sdk import REST, SYMBOL, Prove, Sdk
from support.proof import Proof
from xrpfast.model import Side

SIZE = Decimal("2.5")


def trade(kucoin: KucoinMock, size: Decimal = SIZE) -> Decimal:
    """Somebody buys at the best ask, whose price it is."""
    ask, _ = kucoin.best(Side.SELL)
    kucoin.counterparty(Side.BUY, ask, size)
    return ask


def test_tickers(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    last = trade(kucoin)
    (bid, bid_size), (ask, ask_size) = kucoin.best(Side.BUY), kucoin.best(Side.SELL)
    prove(
        "get_ticker",
        sdk.market.get_ticker(market_api.GetTickerReq(symbol=SYMBOL)),
        {
            "price": last,
            "size": SIZE,
            "bestBid": bid,
            "bestBidSize": bid_size,
            "bestAsk": ask,
            "bestAskSize": ask_size,
            "sequence": str(kucoin.sequence()),
            "time": positive,
        },
    )
    day = {
        "symbol": SYMBOL,
        "buy": bid,
        "sell": ask,
        "last": last,
        "high": lambda high: Decimal(high) >= last,
        "low": lambda low: 0 < Decimal(low) <= last,
        "vol": lambda volume: Decimal(volume) >= SIZE,
        "volValue": lambda value: Decimal(value) >= SIZE * last,
        "takerFeeRate": "0.001",
        "makerFeeRate": "0.001",
        "takerCoefficient": "1",
    }
    stats = sdk.market.get24hr_stats(market_api.Get24hrStatsReq(symbol=SYMBOL))
    prove("get24hr_stats", stats, day)
    with kucoin.clock_ahead(3):  # the venue renews them every 2 s
        tickers = sdk.market.get_all_tickers()
    prove(
        "get_all_tickers",
        tickers,
        {f"ticker.0.{name}": value for name, value in day.items()}
        | {"time": positive, "ticker.0.bestBidSize": bid_size, "ticker.0.bestAskSize": ask_size},
    )


def test_trades(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    price = trade(kucoin)
    trade(kucoin, Decimal("0.7"))
    reply = sdk.market.get_trade_history(market_api.GetTradeHistoryReq(symbol=SYMBOL))
    newest_first = int(reply.data[0].sequence) > int(reply.data[-1].sequence)
    newest, before = (0, 1) if newest_first else (-1, -2)
    prove(
        "get_trade_history (public)",
        reply,
        {
            f"data.{newest}.price": price,
            f"data.{before}.size": SIZE,
            f"data.{newest}.size": Decimal("0.7"),
            f"data.{newest}.side": "buy",
            f"data.{newest}.sequence": some,
            f"data.{newest}.time": lambda ns: ns > 10**18,
        },
    )


def test_candles(sdk: Sdk, kucoin: KucoinMock, proof: Proof) -> None:
    price = trade(kucoin)
    request = market_api.GetKlinesReq(
        symbol=SYMBOL,
        type=market_api.GetKlinesReq.TypeEnum.T_1HOUR,
        start_at=int(time.time()) - 7_200,
        end_at=int(time.time()) + 3_600,
    )
    newest = sdk.market.get_klines(request).data[0]
    proof.check(
        REST,
        "get_klines",
        candle(newest, "start open close high low volume turnover"),
        {
            "start": lambda start: int(start) % 3_600 == 0,
            "close": price,
            "high": lambda high: Decimal(high) >= price,
            "low": lambda low: 0 < Decimal(low) <= price,
            "volume": lambda volume: Decimal(volume) >= SIZE,
            "turnover": lambda turnover: Decimal(turnover) >= SIZE * price,
        },
    )
