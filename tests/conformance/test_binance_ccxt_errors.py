"""What ccxt's binance raises when the venue refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import ccxt
import pytest

from support.binance_clients import CCXT_POINTED, VENUE, cancel_what_is_open, ccxt_options
from support.binance_refusals import FILTERS, MANY, REQUESTS, Refusal, filters_changed
from support.mock_thread import RunningMock
from support.proof import Client, Proof

REST = Client("Binance", "ccxt", "REST", CCXT_POINTED)
SYMBOL = "XRP/USDT"
KINDS = {
    "PRICE_FILTER": ccxt.InvalidOrder,
    "LOT_SIZE": ccxt.InvalidOrder,
    "MARKET_LOT_SIZE": ccxt.InvalidOrder,
    "PERCENT_PRICE_BY_SIDE": ccxt.InvalidOrder,
    "unknown symbol": ccxt.BadSymbol,
    "more than the balance": ccxt.InsufficientFunds,
    "post-only that would take": ccxt.OrderImmediatelyFillable,
}


@pytest.fixture(scope="module")
def exchange(venues: RunningMock) -> Iterator[ccxt.binance]:
    venues.pause()
    venues.steps(50)  # somebody must have traded: some filters go by the average price
    client = ccxt.binance(ccxt_options(venues[VENUE]))
    client.load_markets()
    yield client
    client.close()


@pytest.fixture(autouse=True)
def nothing_left_open(venues: RunningMock) -> Iterator[None]:
    yield
    cancel_what_is_open(venues)


@pytest.mark.parametrize("refusal", FILTERS + REQUESTS, ids=lambda refusal: refusal.what)
def test_new_orders(
    exchange: ccxt.binance, venues: RunningMock, proof: Proof, refusal: Refusal
) -> None:
    call = f"private_post_order: {refusal.what}"
    kind = KINDS.get(refusal.what, ccxt.BadRequest)
    with (
        filters_changed(venues, refusal.filters),
        proof.raises(REST, call, kind, refusal.text),
    ):
        exchange.private_post_order(refusal.params)


def test_who_asks_and_when(venues: RunningMock, proof: Proof) -> None:
    options = ccxt_options(venues[VENUE])
    for what, changes, time_difference, kind, carried in (
        (
            "wrong secret",
            {"secret": "0" * 64},
            0,
            ccxt.AuthenticationError,
            ("-1022", "Signature for this request is not valid."),
        ),
        (
            "unknown key",
            {"apiKey": "0" * 64},
            0,
            ccxt.AuthenticationError,
            ("-2015", "Invalid API-key, IP, or permissions for action."),
        ),
        (
            "malformed key",
            {"apiKey": "short"},
            0,
            ccxt.AuthenticationError,
            ("-2014", "API-key format invalid."),
        ),
        (
            "stale timestamp",
            {},
            60_000,
            ccxt.InvalidNonce,
            ("-1021", "Timestamp for this request is outside of the recvWindow."),
        ),
        (
            "timestamp ahead",
            {},
            -5_000,
            ccxt.InvalidNonce,
            ("-1021", "Timestamp for this request was 1000ms ahead of the server's time."),
        ),
    ):
        client = ccxt.binance(options | changes)
        client.options["timeDifference"] = time_difference
        with proof.raises(REST, f"fetch_balance: {what}", kind, *carried):
            client.fetch_balance()
        client.close()


def test_orders_that_are_none(exchange: ccxt.binance, proof: Proof) -> None:
    with proof.raises(
        REST, "fetch_order: unknown", ccxt.OrderNotFound, "-2013", "Order does not exist."
    ):
        exchange.fetch_order("1", SYMBOL)
    with proof.raises(
        REST, "cancel_order: unknown", ccxt.OrderNotFound, "-2011", "Unknown order sent."
    ):
        exchange.cancel_order("1", SYMBOL)


def test_id_that_is_open_already(exchange: ccxt.binance, proof: Proof) -> None:
    own_id = {"newClientOrderId": "twice"}
    exchange.create_order(SYMBOL, "limit", "buy", 10, 2, own_id)
    with proof.raises(
        REST, "create_order: id of an open order", ccxt.InvalidOrder, "Duplicate order sent."
    ):
        exchange.create_order(SYMBOL, "limit", "buy", 10, 2, own_id)


def test_request_weight(fresh_venues: RunningMock, proof: Proof) -> None:
    client = ccxt.binance(ccxt_options(fresh_venues[VENUE]))
    client.load_markets()
    weight = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."
    call = "fetch_order_book, without end"
    with proof.raises(REST, call, ccxt.DDoSProtection, "429", "-1003", weight):
        for _ in range(MANY):
            client.fetch_order_book(SYMBOL, 5_000)
    banned = "Way too much request weight used; IP banned until"
    with proof.raises(REST, f"{call}, after 429", ccxt.DDoSProtection, "418", "-1003", banned):
        for _ in range(MANY):
            _whatever(client.fetch_time)
    client.close()


def test_order_count(fresh_venues: RunningMock, proof: Proof) -> None:
    client = ccxt.binance(ccxt_options(fresh_venues[VENUE]))
    client.load_markets()
    text = "Too many new orders; current limit is 100 orders per 10 SECOND."
    with proof.raises(REST, "create_order, without end", ccxt.DDoSProtection, "429", "-1015", text):
        for _ in range(MANY):
            order = client.create_order(SYMBOL, "limit", "buy", 10, 2)
            client.cancel_order(order["id"], SYMBOL)
    client.close()


def _whatever(call: Callable[[], object]) -> None:
    """Goes on in spite of 429, as a client that wants to be banned."""
    try:
        call()
    except ccxt.DDoSProtection as refused:
        if " 429 " not in str(refused):
            raise
