"""Market data and account queries by ccxt."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal

import ccxt
import pytest

from support.expect import candle, levels, some
from support.kucoin_ccxt import REST, SYMBOL, pointed
from support.kucoin_mock import KucoinMock
from support.mock_thread import RunningMock
from support.proof import Proof
from xrpfast.model import Side

SIZE = Decimal("2.5")


@pytest.fixture(scope="module")
def exchange(venues: RunningMock) -> Iterator[ccxt.kucoin]:
    client = pointed(ccxt.kucoin, venues["kucoin"])
    yield client
    client.close()


def trade(kucoin: KucoinMock) -> Decimal:
    """Somebody buys at the best ask, whose price it is."""
    ask, _ = kucoin.best(Side.SELL)
    kucoin.counterparty(Side.BUY, ask, SIZE)
    return ask


def test_time_and_status(exchange: ccxt.kucoin, proof: Proof) -> None:
    before = time.time_ns() // 1_000_000
    proof.check(
        REST, "fetch_time", exchange.fetch_time(), {"": lambda ms: before <= ms <= before + 60_000}
    )
    proof.check(REST, "fetch_status", exchange.fetch_status(), {"status": "ok"})


def test_markets(exchange: ccxt.kucoin, proof: Proof) -> None:
    proof.check(
        REST,
        "load_markets",
        exchange.load_markets(),
        {
            f"{SYMBOL}.id": "XRP-USDT",
            f"{SYMBOL}.spot": True,
            f"{SYMBOL}.active": True,
            f"{SYMBOL}.precision.price": Decimal("0.00001"),
            f"{SYMBOL}.precision.amount": Decimal("0.0001"),
            f"{SYMBOL}.limits.amount.min": Decimal("0.1"),
            f"{SYMBOL}.limits.amount.max": Decimal(10**10),
            f"{SYMBOL}.taker": Decimal("0.001"),
            f"{SYMBOL}.maker": Decimal("0.001"),
        },
    )


def test_currencies(exchange: ccxt.kucoin, proof: Proof) -> None:
    proof.check(
        REST,
        "fetch_currencies",
        exchange.fetch_currencies(),
        {"XRP.id": "XRP", "USDT.name": "Tether", "XRP.precision": Decimal("0.000001")},
    )


@pytest.mark.parametrize("limit", [20, 100, None])
def test_the_book(
    exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof, limit: int | None
) -> None:
    bids, asks = kucoin.book(limit or 1_000)
    proof.check(
        REST,
        f"fetch_order_book {limit or 'full'}",
        exchange.fetch_order_book(SYMBOL, limit),
        {
            "bids": levels(bids),
            "asks": levels(asks),
            "nonce": kucoin.sequence(),
            "symbol": SYMBOL,
            "timestamp": int,
        },
    )


def test_tickers(exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    price = trade(kucoin)
    (bid, bid_size), (ask, ask_size) = kucoin.best(Side.BUY), kucoin.best(Side.SELL)
    wanted = {
        "symbol": SYMBOL,
        "last": price,
        "bid": bid,
        "ask": ask,
        "high": lambda high: high >= float(price),
        "baseVolume": lambda volume: volume >= float(SIZE),
        "quoteVolume": lambda value: value >= float(SIZE * price),
    }
    proof.check(REST, "fetch_ticker", exchange.fetch_ticker(SYMBOL), wanted)
    with kucoin.clock_ahead(3):  # the venue renews them every 2 s
        tickers = exchange.fetch_tickers()
    proof.check(
        REST,
        "fetch_tickers",
        tickers,
        {f"{SYMBOL}.{name}": value for name, value in wanted.items()}
        | {f"{SYMBOL}.bidVolume": bid_size, f"{SYMBOL}.askVolume": ask_size},
    )


def test_trades(exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    price = trade(kucoin)
    proof.check(
        REST,
        "fetch_trades",
        exchange.fetch_trades(SYMBOL),
        {
            "-1.symbol": SYMBOL,
            "-1.side": "buy",
            "-1.price": price,
            "-1.amount": SIZE,
            "-1.cost": price * SIZE,
            "-1.info.sequence": some,
            "-1.timestamp": lambda ms: abs(ms - time.time() * 1_000) < 60_000,
        },
    )


def test_candles(exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    price = trade(kucoin)
    hour = 3_600_000
    since = (time.time_ns() // 1_000_000 // hour - 1) * hour
    proof.check(
        REST,
        "fetch_ohlcv",
        candle(
            exchange.fetch_ohlcv(SYMBOL, "1h", since)[-1], "timestamp open high low close volume"
        ),
        {
            "timestamp": lambda start: start % hour == 0 and start >= since,
            "high": lambda high: high >= float(price),
            "low": lambda low: low <= float(price),
            "close": price,
            "volume": lambda volume: volume >= float(SIZE),
        },
    )


def test_balances_and_accounts(exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    free, held = kucoin.balances()["XRP"]
    proof.check(
        REST,
        "fetch_balance",
        exchange.fetch_balance(),
        {"XRP.free": free, "XRP.used": held, "XRP.total": free + held, "total.XRP": free + held},
    )
    kinds = {(row["currency"], row["type"]) for row in exchange.fetch_accounts()}
    proof.check(
        REST,
        "fetch_accounts",
        {"currency, type": kinds},
        {"currency, type": lambda rows: {("XRP", "trade"), ("USDT", "trade")} <= rows},
    )


def test_fees(exchange: ccxt.kucoin, proof: Proof) -> None:
    proof.check(
        REST,
        "fetch_trading_fee",
        exchange.fetch_trading_fee(SYMBOL),
        {"symbol": SYMBOL, "maker": Decimal("0.001"), "taker": Decimal("0.001")},
    )


def test_the_ledger(exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof) -> None:
    ask, _ = kucoin.best(Side.SELL)
    placed = exchange.create_order(SYMBOL, "limit", "buy", 10, float(ask))
    rows = exchange.fetch_ledger("USDT")
    proof.check(
        REST,
        "fetch_ledger",
        next(row for row in rows if placed["id"] in row["info"]["context"]),
        {
            "currency": "USDT",
            "direction": "out",
            "type": "trade",
            "amount": ask * 10 * Decimal("1.001"),
            "fee.cost": ask / 100,
            "after": kucoin.balances()["USDT"][0],
            "referenceId": lambda trade: int(trade) > 2**53,
        },
    )
