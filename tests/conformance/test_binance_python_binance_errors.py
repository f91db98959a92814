"""What python-binance raises when the venue refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from support.binance_clients import SYMBOL, VENUE, cancel_what_is_open
from support.binance_refusals import FILTERS, GOOD, MANY, REQUESTS, Refusal, filters_changed
from support.mock_thread import RunningMock
from support.proof import Proof
from support.python_binance import (
    ASYNC,
    REST,
    BinanceAPIException,
    Client,
    async_client,
    rest_client,
)


@pytest.fixture(scope="module")
def client(venues: RunningMock) -> Iterator[Client]:
    venues.pause()
    venues.steps(50)  # somebody must have traded: some filters go by the average price
    with rest_client(venues[VENUE]) as client:
        yield client


@pytest.fixture(autouse=True)
def nothing_left_open(venues: RunningMock) -> Iterator[None]:
    yield
    cancel_what_is_open(venues)


def error(code: int, text: str) -> str:
    return f"APIError(code={code}): {text}"


@pytest.mark.parametrize("refusal", FILTERS + REQUESTS, ids=lambda refusal: refusal.what)
def test_new_orders(client: Client, venues: RunningMock, proof: Proof, refusal: Refusal) -> None:
    call = f"create_order: {refusal.what}"
    with (
        filters_changed(venues, refusal.filters),
        proof.raises(REST, call, BinanceAPIException, error(refusal.code, refusal.text)),
    ):
        client.create_order(**refusal.params)


@pytest.mark.parametrize(
    ("what", "keys", "code", "text"),
    [
        (
            "wrong secret",
            {"api_secret": "0" * 64},
            -1022,
            "Signature for this request is not valid.",
        ),
        (
            "unknown key",
            {"api_key": "0" * 64},
            -2015,
            "Invalid API-key, IP, or permissions for action.",
        ),
        ("malformed key", {"api_key": "short"}, -2014, "API-key format invalid."),
    ],
)
def test_who_asks(
    venues: RunningMock, proof: Proof, what: str, keys: dict[str, str], code: int, text: str
) -> None:
    with (
        rest_client(venues[VENUE], **keys) as client,
        proof.raises(REST, f"get_account: {what}", BinanceAPIException, error(code, text)),
    ):
        client.get_account()


@pytest.mark.parametrize(
    ("what", "offset", "text"),
    [
        (
            "stale timestamp",
            -60_000,
            "Timestamp for this request is outside of the recvWindow.",
        ),
        (
            "timestamp ahead",
            5_000,
            "Timestamp for this request was 1000ms ahead of the server's time.",
        ),
    ],
)
def test_when_it_was_asked(
    venues: RunningMock, proof: Proof, what: str, offset: int, text: str
) -> None:
    with rest_client(venues[VENUE]) as client:
        client.timestamp_offset = offset
        call = f"get_account: {what}"
        with proof.raises(REST, call, BinanceAPIException, error(-1021, text)):
            client.get_account()


def test_orders_that_are_none(client: Client, proof: Proof) -> None:
    for what, call, code, text in (
        ("get_order", client.get_order, -2013, "Order does not exist."),
        ("cancel_order", client.cancel_order, -2011, "Unknown order sent."),
    ):
        with proof.raises(REST, f"{what}: unknown", BinanceAPIException, error(code, text)):
            call(symbol=SYMBOL, orderId=1)


def test_id_that_is_open_already(client: Client, proof: Proof) -> None:
    wish = {"symbol": SYMBOL, "quantity": "10", "price": "2", "newClientOrderId": "twice"}
    client.order_limit_buy(**wish)
    with proof.raises(
        REST,
        "order_limit_buy: id of an open order",
        BinanceAPIException,
        error(-2010, "Duplicate order sent."),
    ):
        client.order_limit_buy(**wish)


def test_listen_keys_are_gone(client: Client, proof: Proof) -> None:
    with proof.raises(REST, "stream_get_listen_key", BinanceAPIException, "'status_code': 410"):
        client.stream_get_listen_key()


def test_request_weight(fresh_venues: RunningMock, proof: Proof) -> None:
    with rest_client(fresh_venues[VENUE]) as client:
        call = "get_order_book, without end"
        text = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."
        with proof.raises(
            REST, call, BinanceAPIException, error(-1003, text), "'status_code': 429"
        ) as caught:
            for _ in range(MANY):
                client.get_order_book(symbol=SYMBOL, limit=5_000)
        seconds = int(caught.value.response.headers["Retry-After"])
        proof.check(
            REST, f"{call}: Retry-After", {"seconds": seconds}, {"seconds": lambda n: 0 <= n <= 60}
        )
        banned = error(-1003, "Way too much request weight used; IP banned until")
        with proof.raises(
            REST, f"{call}, after 429", BinanceAPIException, banned, "'status_code': 418"
        ):
            for _ in range(MANY):
                _whatever(client.get_server_time)


def test_order_count(fresh_venues: RunningMock, proof: Proof) -> None:
    text = "Too many new orders; current limit is 100 orders per 10 SECOND."
    with (
        rest_client(fresh_venues[VENUE]) as client,
        proof.raises(
            REST,
            "order_limit_buy, without end",
            BinanceAPIException,
            error(-1015, text),
            "'status_code': 429",
        ),
    ):
        for _ in range(MANY):
            order = client.order_limit_buy(symbol=SYMBOL, quantity="10", price="2")
            client.cancel_order(symbol=SYMBOL, orderId=order["orderId"])


async def test_refusals_over_the_websocket_api(venues: RunningMock, proof: Proof) -> None:
    async with async_client(venues[VENUE]) as client:
        for what, call, code, text in (
            (
                "ws_create_order: more than the balance",
                client.ws_create_order(**GOOD | {"quantity": "100000"}),
                -2010,
                "Account has insufficient balance for requested action.",
            ),
            (
                "ws_cancel_order: unknown",
                client.ws_cancel_order(symbol=SYMBOL, orderId=1),
                -2011,
                "Unknown order sent.",
            ),
            (
                "ws_get_order: unknown",
                client.ws_get_order(symbol=SYMBOL, orderId=1),
                -2013,
                "Order does not exist.",
            ),
        ):
            with proof.raises(ASYNC, what, BinanceAPIException, error(code, text)):
                await call


async def test_order_count_over_the_websocket_api(fresh_venues: RunningMock, proof: Proof) -> None:
    text = "Too many new orders; current limit is 100 orders per 10 SECOND."
    async with async_client(fresh_venues[VENUE]) as client:
        with proof.raises(
            ASYNC,
            "ws_create_order, without end",
            BinanceAPIException,
            error(-1015, text),
            "'status_code': 429",
        ):
            for _ in range(MANY):
                order = await client.ws_create_order(**GOOD)
                await client.ws_cancel_order(symbol=SYMBOL, orderId=order["orderId"])


def _whatever(call: Callable[[], object]) -> None:
    """Goes on in spite of 429, as a client that wants to be banned."""
    try:
        call()
    except BinanceAPIException as refused:
        if refused.status_code != 429:
            raise
