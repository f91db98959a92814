"""The venue's own SDK on the WebSocket API: orders, queries, sessions, the private stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from binance_sdk_spot.websocket_api import SpotWebSocketAPI
from binance_sdk_spot.websocket_api.models import ExecutionReport, OutboundAccountPosition

from support.binance_clients import (
    SYMBOL,
    VENUE,
    cancel_what_is_open,
    fee_of,
    fills_of,
    trade_against,
)
from support.binance_refusals import MANY
from support.binance_sdk import WS_API, websocket_api
from support.expect import levels, positive
from support.mock_thread import RunningMock
from support.proof import Proof

PATIENCE = 20.0
# The SDK hands aiohttp a number of seconds where aiohttp now wants an object.
pytestmark = pytest.mark.filterwarnings(
    "ignore:parameter 'timeout' of type 'float' is deprecated:DeprecationWarning"
)


@pytest.fixture
async def api(venues: RunningMock) -> AsyncIterator[SpotWebSocketAPI]:
    venues.pause()
    connected = await websocket_api(venues[VENUE]).create_connection()
    yield connected
    await connected.close_connection()
    cancel_what_is_open(venues)


@pytest.fixture
async def ed25519(venues: RunningMock) -> AsyncIterator[SpotWebSocketAPI]:
    """With the customer's Ed25519 key, the kind that a session is opened with."""
    venues.pause()
    line = venues[VENUE]
    connected = await websocket_api(
        line,
        api_key=line["ed25519_api_key"],
        api_secret=None,
        private_key=line["ed25519_private_key"],
    ).create_connection()
    yield connected
    await connected.close_connection()
    cancel_what_is_open(venues)


@pytest.fixture(autouse=True)
def every_event_fits(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The SDK warns of a private event that is not of the types that the venue declares."""
    yield
    told = [record.getMessage() for record in caplog.get_records("call")]
    assert not [text for text in told if "Failed to parse" in text or "Unknown user" in text]


async def result(reply: Awaitable[Any]) -> Any:
    """The result of a call that went well."""
    return (await asyncio.wait_for(reply, PATIENCE)).data().result


async def test_market_data(api: SpotWebSocketAPI, venues: RunningMock, proof: Proof) -> None:
    venues.steps(50)
    bids, asks = venues.book(VENUE, 20)
    last = venues.last_price(VENUE)
    proof.check(WS_API, "time", await result(api.time()), {"server_time": positive})
    proof.check(
        WS_API,
        "depth",
        await result(api.depth(SYMBOL, limit=20)),
        {"last_update_id": positive, "bids": levels(bids), "asks": levels(asks)},
    )
    trades = await result(api.trades_recent(SYMBOL))
    proof.check(WS_API, "trades_recent", trades[-1], {"id": positive, "price": last})
    average = await result(api.avg_price(SYMBOL))
    proof.check(WS_API, "avg_price", average, {"mins": 5, "price": positive})


async def test_order_from_place_to_cancel(api: SpotWebSocketAPI, proof: Proof) -> None:
    placing = await asyncio.wait_for(
        api.order_place(
            SYMBOL, "SELL", "LIMIT", time_in_force="GTC", quantity=12.5, price=3.1,
            new_client_order_id="mine-1",
        ),
        PATIENCE,
    )  # fmt: skip
    reply = placing.data()
    told = {
        "symbol": SYMBOL,
        "client_order_id": "mine-1",
        "type": "LIMIT",
        "side": "SELL",
        "time_in_force": "GTC",
        "price": Decimal("3.1"),
        "orig_qty": Decimal("12.5"),
        "executed_qty": Decimal(0),
        "status": "NEW",
    }
    order = reply.result
    proof.check(WS_API, "order_place LIMIT GTC", order, told | {"order_id": int, "fills": []})
    proof.check(
        WS_API,
        "rate_limits of order_place",
        {"status": reply.status, "limits": [limit.rateLimitType for limit in placing.rate_limits]},
        {"status": 200, "limits": ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]},
    )
    told["order_id"] = order.order_id
    queried = await result(api.order_status(SYMBOL, order_id=order.order_id))
    proof.check(WS_API, "order_status", queried, told | {"is_working": True})
    (opened,) = await result(api.open_orders_status(symbol=SYMBOL))
    proof.check(WS_API, "open_orders_status", opened, told)
    gone = await result(api.order_cancel(SYMBOL, order_id=order.order_id))
    proof.check(
        WS_API,
        "order_cancel",
        gone,
        {"order_id": order.order_id, "orig_client_order_id": "mine-1", "status": "CANCELED"},
    )
    newest = (await result(api.all_orders(SYMBOL)))[-1]
    proof.check(WS_API, "all_orders", newest, {"order_id": order.order_id, "status": "CANCELED"})


async def test_takers_and_the_account(
    api: SpotWebSocketAPI, venues: RunningMock, proof: Proof
) -> None:
    _, ask = venues.touch(VENUE)
    order = await result(api.order_place(SYMBOL, "BUY", "MARKET", quantity=7))
    fee = fee_of(venues, order.order_id)
    told = {
        "type": "MARKET",
        "status": "FILLED",
        "executed_qty": Decimal(7),
        "cummulative_quote_qty": 7 * ask,
        "fills.0.price": ask,
        "fills.0.commission": fee,
    }
    proof.check(WS_API, "order_place MARKET", order, told)
    trade = (await result(api.my_trades(SYMBOL)))[-1]
    proof.check(
        WS_API,
        "my_trades",
        trade,
        {"order_id": order.order_id, "price": ask, "qty": Decimal(7), "commission": fee},
    )
    account = await result(api.account_status())
    expected = {}
    for asset, (free, locked) in venues.balances(VENUE).items():
        expected |= {f"{asset}.free": free, f"{asset}.locked": locked}
    rows = {row.asset: row for row in account.balances}
    proof.check(WS_API, "account_status", rows, expected)
    tested = await asyncio.wait_for(api.order_test(SYMBOL, "BUY", "MARKET", quantity=7), PATIENCE)
    proof.check(WS_API, "order_test", tested.data(), {"status": 200})
    for n in range(3):
        await result(
            api.order_place(
                SYMBOL, "BUY", "LIMIT", time_in_force="GTC", quantity=10, price=2 + n / 100
            )
        )
    gone = await result(api.open_orders_cancel_all(SYMBOL))
    states = [getattr(row, "actual_instance", row).status for row in gone]
    proof.check(WS_API, "open_orders_cancel_all", states, {"": ["CANCELED"] * 3})


async def test_private_stream(api: SpotWebSocketAPI, venues: RunningMock, proof: Proof) -> None:
    subscribed = await asyncio.wait_for(api.user_data_stream_subscribe_signature(), PATIENCE)
    proof.check(
        WS_API,
        "user_data_stream_subscribe_signature",
        subscribed.response.data().result,
        {"subscription_id": int},
    )
    await an_order_from_place_to_fill(api, subscribed.stream, venues, proof)


async def an_order_from_place_to_fill(
    api: SpotWebSocketAPI, stream: Any, venues: RunningMock, proof: Proof
) -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    stream.on("message", queue.put_nowait)

    async def event(kind: type) -> Any:
        while True:
            told = (await asyncio.wait_for(queue.get(), PATIENCE)).actual_instance
            if type(told) is kind:
                return told

    bid, _ = venues.touch(VENUE)
    price = bid + Decimal("0.0001")
    order = await result(
        api.order_place(SYMBOL, "BUY", "LIMIT", time_in_force="GTC", quantity=10, price=str(price))
    )
    of_the_order = {
        "s": SYMBOL,
        "i": order.order_id,
        "c": order.client_order_id,
        "S": "BUY",
        "o": "LIMIT",
        "p": price,
        "q": Decimal(10),
    }
    proof.check(
        WS_API,
        "event executionReport: placed",
        await event(ExecutionReport),
        of_the_order | {"x": "NEW", "X": "NEW", "z": Decimal(0), "t": -1, "w": True},
    )
    free, locked = venues.balances(VENUE)["USDT"]
    position = await event(OutboundAccountPosition)
    proof.check(
        WS_API,
        "event outboundAccountPosition",
        {"B": {row.a: row for row in position.B}},
        {"B.USDT.f": free, "B.USDT.l": locked},
    )
    trade_against(venues, order.order_id, "10")
    (fill,) = fills_of(venues, order.order_id)
    proof.check(
        WS_API,
        "event executionReport: filled",
        await event(ExecutionReport),
        of_the_order
        | {
            "x": "TRADE",
            "X": "FILLED",
            "l": Decimal(10),
            "L": price,
            "z": Decimal(10),
            "Z": 10 * price,
            "n": fee_of(venues, order.order_id),
            "N": "XRP",
            "t": fill.trade_id,
            "m": True,
        },
    )


async def test_session(ed25519: SpotWebSocketAPI, venues: RunningMock, proof: Proof) -> None:
    key = venues[VENUE]["ed25519_api_key"]
    logon = await asyncio.wait_for(ed25519.session_logon(), PATIENCE)
    proof.check(
        WS_API,
        "session_logon with an Ed25519 key",
        logon.data().result,
        {"api_key": key, "authorized_since": positive, "user_data_stream": False},
    )
    subscribed = await asyncio.wait_for(ed25519.user_data_stream_subscribe(), PATIENCE)
    proof.check(
        WS_API,
        "user_data_stream_subscribe on the session",
        subscribed.response.data().result,
        {"subscription_id": int},
    )
    await an_order_from_place_to_fill(ed25519, subscribed.stream, venues, proof)
    status = await result(ed25519.session_status())
    proof.check(WS_API, "session_status", status, {"api_key": key, "user_data_stream": True})
    logout = await asyncio.wait_for(ed25519.session_logout(), PATIENCE)
    proof.check(WS_API, "session_logout", logout.data().result, {"api_key": type(None)})


async def test_refusals(api: SpotWebSocketAPI, venues: RunningMock, proof: Proof) -> None:
    """The SDK raises nothing here: the reply carries the venue's error."""
    wish = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC"}
    for what, call, code, text in (
        (
            "order_place: more than the balance",
            lambda: api.order_place(**wish, quantity=100_000, price=2),
            -2010,
            "Account has insufficient balance for requested action.",
        ),
        (
            "order_place: off the tick",
            lambda: api.order_place(**wish, quantity=10, price=2.00005),
            -1013,
            "Filter failure: PRICE_FILTER",
        ),
        (
            "order_cancel: unknown order",
            lambda: api.order_cancel(SYMBOL, order_id=1),
            -2011,
            "Unknown order sent.",
        ),
        (
            "order_status: unknown order",
            lambda: api.order_status(SYMBOL, order_id=1),
            -2013,
            "Order does not exist.",
        ),
        (
            "session_logon with an HMAC key",
            api.session_logon,
            -4056,
            "HMAC_SHA256 API key is not supported.",
        ),
    ):
        reply = (await asyncio.wait_for(call(), PATIENCE)).data()
        proof.check(WS_API, what, reply, {"error.code": code, "error.msg": text})
    wrong = websocket_api(venues[VENUE], api_secret="0" * 64)
    await wrong.create_connection()
    reply = (await asyncio.wait_for(wrong.account_status(), PATIENCE)).data()
    proof.check(
        WS_API,
        "account_status: wrong secret",
        reply,
        {"error.code": -1022, "error.msg": "Signature for this request is not valid."},
    )
    await wrong.close_connection()


async def test_order_count(fresh_venues: RunningMock, proof: Proof) -> None:
    api = await websocket_api(fresh_venues[VENUE]).create_connection()
    error: dict[str, Any] = {}
    for _ in range(MANY):
        reply = (
            await asyncio.wait_for(
                api.order_place(SYMBOL, "BUY", "LIMIT", time_in_force="GTC", quantity=10, price=2),
                PATIENCE,
            )
        ).data()
        if isinstance(reply, dict):
            error = reply["error"]
            break
        await result(api.order_cancel(SYMBOL, order_id=reply.result.order_id))
    proof.check(
        WS_API,
        "order_place, without end",
        {"error": error},
        {
            "error.code": -1015,
            "error.msg": "Too many new orders; current limit is 100 orders per 10 SECOND.",
            "error.data.retryAfter": lambda ms: ms > error["data"]["serverTime"],
        },
    )
    await api.close_connection()
