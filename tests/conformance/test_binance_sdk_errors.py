"""What the venue's own SDK raises when the venue refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from binance_common.errors import (
    BadRequestError,
    RateLimitBanError,
    TooManyRequestsError,
    UnauthorizedError,
)
from binance_sdk_spot.rest_api import SpotRestAPI

from support.binance_clients import SYMBOL, VENUE, cancel_what_is_open
from support.binance_refusals import FILTERS, MANY, REQUESTS, Refusal, filters_changed
from support.binance_sdk import REST, rest_api
from support.mock_thread import RunningMock
from support.proof import Proof

NAMES = {
    "timeInForce": "time_in_force",
    "newClientOrderId": "new_client_order_id",
    "icebergQty": "iceberg_qty",
    "stopPrice": "stop_price",
    "trailingDelta": "trailing_delta",
}
WISH = {
    "symbol": SYMBOL,
    "side": "BUY",
    "type": "LIMIT",
    "time_in_force": "GTC",
    "quantity": 10,
    "price": 2,
}


@pytest.fixture(scope="module")
def api(venues: RunningMock) -> SpotRestAPI:
    venues.pause()
    venues.steps(50)  # somebody must have traded: some filters go by the average price
    return rest_api(venues[VENUE])


@pytest.fixture(autouse=True)
def nothing_left_open(venues: RunningMock) -> Iterator[None]:
    yield
    cancel_what_is_open(venues)


def error(code: int, text: str) -> str:
    return f'({code}, "{text}")' if "'" in text else f"({code}, '{text}')"


@pytest.mark.parametrize("refusal", FILTERS + REQUESTS, ids=lambda refusal: refusal.what)
def test_new_orders(api: SpotRestAPI, venues: RunningMock, proof: Proof, refusal: Refusal) -> None:
    call = f"new_order: {refusal.what}"
    with (
        filters_changed(venues, refusal.filters),
        proof.raises(REST, call, BadRequestError, error(refusal.code, refusal.text)),
    ):
        api.new_order(**{NAMES.get(name, name): value for name, value in refusal.params.items()})


@pytest.mark.parametrize(
    ("what", "keys", "kind", "code", "text"),
    [
        (
            "wrong secret",
            {"api_secret": "0" * 64},
            BadRequestError,
            -1022,
            "Signature for this request is not valid.",
        ),
        (
            "unknown key",
            {"api_key": "0" * 64},
            UnauthorizedError,
            -2015,
            "Invalid API-key, IP, or permissions for action.",
        ),
        (
            "malformed key",
            {"api_key": "short"},
            UnauthorizedError,
            -2014,
            "API-key format invalid.",
        ),
    ],
)
def test_who_asks(
    venues: RunningMock,
    proof: Proof,
    what: str,
    keys: dict[str, str],
    kind: type[Exception],
    code: int,
    text: str,
) -> None:
    api = rest_api(venues[VENUE], **keys)
    with proof.raises(REST, f"get_account: {what}", kind, error(code, text)):
        api.get_account()


def test_when_it_was_asked(api: SpotRestAPI, proof: Proof) -> None:
    text = "Timestamp for this request is outside of the recvWindow."
    with proof.raises(
        REST, "get_account, recv_window of a microsecond", BadRequestError, error(-1021, text)
    ):
        api.get_account(recv_window=0.001)


def test_orders_that_are_none(api: SpotRestAPI, proof: Proof) -> None:
    for what, call, code, text in (
        ("get_order", api.get_order, -2013, "Order does not exist."),
        ("delete_order", api.delete_order, -2011, "Unknown order sent."),
    ):
        with proof.raises(REST, f"{what}: unknown", BadRequestError, error(code, text)):
            call(SYMBOL, order_id=1)


def test_id_that_is_open_already(api: SpotRestAPI, proof: Proof) -> None:
    api.new_order(**WISH, new_client_order_id="twice")
    with proof.raises(
        REST,
        "new_order: id of an open order",
        BadRequestError,
        error(-2010, "Duplicate order sent."),
    ):
        api.new_order(**WISH, new_client_order_id="twice")


def test_request_weight(fresh_venues: RunningMock, proof: Proof) -> None:
    api = rest_api(fresh_venues[VENUE])
    call = "depth, without end"
    text = "(-1003, 'Too much request weight used; current limit is 6000 request weight per"
    with proof.raises(REST, call, TooManyRequestsError, text) as caught:
        for _ in range(MANY):
            api.depth(SYMBOL, limit=5_000)
    until_next_minute = {"retry_after": lambda seconds: 0 <= seconds <= 60}
    proof.check(REST, call, caught.value, until_next_minute)
    text = "(-1003, 'Way too much request weight used; IP banned until"
    call = f"{call}, after 429"
    with proof.raises(REST, call, RateLimitBanError, text) as caught:
        for _ in range(MANY):
            _whatever(api.time)
    proof.check(REST, call, caught.value, {"retry_after": lambda seconds: 110 <= seconds <= 120})


def test_order_count(fresh_venues: RunningMock, proof: Proof) -> None:
    api = rest_api(fresh_venues[VENUE])
    text = "Too many new orders; current limit is 100 orders per 10 SECOND."
    with proof.raises(REST, "new_order, without end", TooManyRequestsError, error(-1015, text)):
        for _ in range(MANY):
            order = api.new_order(**WISH).data()
            api.delete_order(SYMBOL, order_id=order.order_id)


def _whatever(call: Callable[[], object]) -> None:
    """Goes on in spite of 429, as a client that wants to be banned."""
    with suppress(TooManyRequestsError):
        call()
