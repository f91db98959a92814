"""ccxt's binance over REST."""

from __future__ import annotations

import time
from collections.abc import Iterator

import ccxt
import pytest

from support.mock_thread import RunningMock
from support.proof import Client, Proof

REST = Client(
    "Binance",
    "ccxt",
    "REST",
    "`urls['api']['public']` and `['private']`, and `options.fetchMarkets` = spot",
)


@pytest.fixture
def exchange(venues: RunningMock) -> Iterator[ccxt.binance]:
    line = venues["binance"]
    client = ccxt.binance(
        {
            "apiKey": line["api_key"],
            "secret": line["api_secret"],
            "options": {"fetchMarkets": {"types": ["spot"]}},
        }
    )
    for name in ("public", "private"):
        client.urls["api"][name] = f"{line['rest_url']}/api/v3"
    yield client
    client.close()


def test_time(exchange: ccxt.binance, proof: Proof) -> None:
    now = time.time_ns() // 1_000_000
    proof.check(REST, "fetch_time", exchange.fetch_time(), {"": lambda ms: abs(ms - now) < 2_000})
