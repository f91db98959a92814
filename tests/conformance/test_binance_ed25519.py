"""Every client of Binance with the customer's Ed25519 key, and sessions where it has them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import ccxt
import ccxt.pro
import pytest

from support import python_binance
from support.binance_clients import (
    CCXT_POINTED,
    SYMBOL,
    VENUE,
    cancel_what_is_open,
    ccxt_options,
    order_of,
)
from support.binance_sdk import REST as SDK
from support.binance_sdk import rest_api
from support.mock_thread import RunningMock
from support.proof import Client, Proof

CCXT = Client("Binance", "ccxt", "REST", CCXT_POINTED)
CCXT_WS = Client("Binance", "ccxt", "pro: WebSocket API", CCXT_POINTED)
ORDER = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "quantity": "10", "price": "2"}
PATIENCE = 20.0


@pytest.fixture
def keys(venues: RunningMock) -> Iterator[Mapping[str, Any]]:
    line = venues[VENUE]
    yield {"key": line["ed25519_api_key"], "pem": line["ed25519_private_key"]}
    cancel_what_is_open(venues)


def test_ccxt(venues: RunningMock, keys: Mapping[str, Any], proof: Proof) -> None:
    client = ccxt.binance(
        ccxt_options(venues[VENUE]) | {"apiKey": keys["key"], "secret": keys["pem"]}
    )
    placed = client.create_order("XRP/USDT", "limit", "buy", 10, 2)
    proof.check(CCXT, "create_order with an Ed25519 key", placed, {"status": "open"})
    assert order_of(venues, placed["id"]).working
    (opened,) = client.fetch_open_orders("XRP/USDT")
    proof.check(CCXT, "fetch_open_orders with an Ed25519 key", opened, {"id": placed["id"]})
    client.close()


def test_sdk(venues: RunningMock, keys: Mapping[str, Any], proof: Proof) -> None:
    api = rest_api(venues[VENUE], api_key=keys["key"], api_secret=None, private_key=keys["pem"])
    placed = api.new_order(SYMBOL, "BUY", "LIMIT", time_in_force="GTC", quantity=10, price=2).data()
    proof.check(SDK, "new_order with an Ed25519 key", placed, {"status": "NEW"})
    assert order_of(venues, placed.order_id).working


def test_python_binance(venues: RunningMock, keys: Mapping[str, Any], proof: Proof) -> None:
    options = {"api_key": keys["key"], "api_secret": None, "private_key": keys["pem"]}
    with python_binance.rest_client(venues[VENUE], **options) as client:
        placed = client.create_order(**ORDER, timeInForce="GTC")
        proof.check(
            python_binance.REST,
            "create_order with an Ed25519 key",
            placed,
            {"status": "NEW", "price": Decimal(2)},
        )
        account = client.get_account()
        proof.check(
            python_binance.REST,
            "get_account with an Ed25519 key",
            account,
            {"accountType": "SPOT", "canTrade": True},
        )


async def test_python_binance_over_the_websocket_api(
    venues: RunningMock, keys: Mapping[str, Any], proof: Proof
) -> None:
    options = {"api_key": keys["key"], "api_secret": None, "private_key": keys["pem"]}
    async with python_binance.async_client(venues[VENUE], **options) as client:
        placed = await asyncio.wait_for(
            client.ws_create_order(**ORDER, timeInForce="GTC"), PATIENCE
        )
    proof.check(
        python_binance.ASYNC, "ws_create_order with an Ed25519 key", placed, {"status": "NEW"}
    )


async def test_ccxt_over_the_websocket_api(
    venues: RunningMock, keys: Mapping[str, Any], proof: Proof
) -> None:
    client = ccxt.pro.binance(
        ccxt_options(venues[VENUE]) | {"apiKey": keys["key"], "secret": keys["pem"]}
    )
    placed = await asyncio.wait_for(
        client.create_order_ws("XRP/USDT", "limit", "buy", 10, 2), PATIENCE
    )
    proof.check(CCXT_WS, "create_order_ws with an Ed25519 key", placed, {"status": "open"})
    await client.close()


def test_clients_without_sessions(proof: Proof) -> None:
    """What they sign on the WebSocket API they sign request by request."""
    for client, kind in (
        (CCXT_WS, ccxt.pro.binance),
        (python_binance.ASYNC, python_binance.AsyncClient),
    ):
        has_sessions = any("logon" in name.lower() for name in dir(kind))
        proof.cannot(
            client, "session.logon", "the client has no such call", because=not has_sessions
        )
