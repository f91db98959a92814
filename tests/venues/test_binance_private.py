"""Binance user data and replies: the venue's own samples into exact events."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from xrpfast.model import SymbolRules
from xrpfast.trading.events import (
    Balance,
    Fill,
    OrderAck,
    OrderEnd,
    OrderReject,
    OrderUnknown,
    Terms,
)
from xrpfast.venues.binance.account import order_terms, parse_event, query_state
from xrpfast.venues.binance.orders import parse_reply
from xrpfast.venues.gateway import place_events
from xrpfast.venues.outcome import Outcome
from xrpfast.venues.private import Ours

RULES = SymbolRules(
    venue="binance", instrument="XRP/USDT", venue_symbol="XRPUSDT", base="XRP", quote="USDT",
    price_decimals=4, qty_decimals=1, tick=1, lot=1, min_qty=1, max_qty=10**9,
    min_notional=5 * 10**18, taker_rate=100_000, maker_rate=100_000, fee_in_received=True,
)  # fmt: skip
OURS = "xddemo1-0a"
TERMS = Terms("XRP/USDT", 0, 21233, 250)
MS = 1_000_000


def report(**changes: Any) -> dict[str, Any]:
    event = {
        "e": "executionReport", "E": 1790000001005, "s": "XRPUSDT", "c": OURS, "S": "BUY",
        "o": "LIMIT_MAKER", "f": "GTC", "q": "25.00000000", "p": "2.12330000", "P": "0.00000000",
        "F": "0.00000000", "g": -1, "C": "", "x": "TRADE", "X": "PARTIALLY_FILLED", "r": "NONE",
        "i": 5550001, "l": "10.00000000", "z": "10.00000000", "L": "2.12330000",
        "n": "0.01000000", "N": "XRP", "T": 1790000001004, "t": 700000010, "I": 1800000042,
        "w": True, "m": True, "M": True, "O": 1790000000900, "Z": "21.23300000",
        "Y": "21.23300000", "Q": "0.00000000", "W": 1790000000900, "V": "EXPIRE_MAKER",
    }  # fmt: skip
    return event | changes


def events_of(event: dict[str, Any], ours: Ours | None = None) -> list[Any]:
    return parse_event(event, ours or Ours("xddemo", [RULES]), 7, 8)


def test_a_trade_is_a_fill_with_the_fee_that_was_taken() -> None:
    assert events_of(report()) == [
        Fill(
            now_ns=7, wall_ns=8, client_id=OURS, venue_order_id="5550001", trade_id="700000010",
            price=21233, qty=100, fee=10**16, fee_asset="XRP", maker=True,
            venue_ns=1790000001004 * MS, terms=TERMS,
        )
    ]  # fmt: skip


def test_the_last_trade_also_ends_the_order() -> None:
    fill, end = events_of(report(X="FILLED", z="25.00000000", l="15.00000000"))
    assert isinstance(fill, Fill)
    assert end == OrderEnd(
        now_ns=7, wall_ns=8, client_id=OURS, venue_order_id="5550001", state="FILLED",
        filled_qty=250, reason="", terms=TERMS,
    )  # fmt: skip


def test_a_cancel_is_found_by_the_original_id() -> None:
    (end,) = events_of(report(x="CANCELED", X="CANCELED", c="cxl-1", C=OURS, t=-1, N=None, n="0"))
    assert (end.client_id, end.state, end.filled_qty) == (OURS, "CANCELLED", 100)


def test_new_is_an_ack_and_expiry_keeps_its_reason() -> None:
    (ack,) = events_of(report(x="NEW", X="NEW", t=-1, N=None, n="0"))
    expected = OrderAck(now_ns=7, wall_ns=8, client_id=OURS, venue_order_id="5550001", terms=TERMS)
    assert ack == expected
    reason = "UNFILLED_IOC_QUANTITY_EXPIRED"
    (end,) = events_of(report(x="EXPIRED", X="EXPIRED", eR=reason, t=-1, N=None, n="0"))
    assert (end.state, end.reason) == ("EXPIRED", reason)


def test_orders_of_others_are_counted_only() -> None:
    ours = Ours("xddemo", [RULES])
    assert events_of(report(c="somebody"), ours) == []
    assert events_of(report(C="somebody"), ours) == []
    assert ours.foreign == 2


@pytest.mark.parametrize("x", ["NEW", "TRADE", "CANCELED"])
@pytest.mark.parametrize(
    ("changes", "terms"),
    [
        ({"S": "SELL"}, Terms("XRP/USDT", 1, 21233, 250)),
        ({"p": "2.12340000"}, Terms("XRP/USDT", 0, 21234, 250)),
        ({"p": "2.12335000"}, Terms("XRP/USDT", 0, -1, 250)),
        ({"q": "25.10000000"}, Terms("XRP/USDT", 0, 21233, 251)),
        ({"q": "99999999999999999999.0"}, Terms("XRP/USDT", 0, 21233, -1)),
        ({"p": "0.00000000", "o": "MARKET"}, Terms("XRP/USDT", 0, 0, 250)),
        ({"s": "BTCUSDT"}, Terms("BTCUSDT")),
    ],
)
def test_every_report_tells_the_order_as_the_venue_has_it(
    x: str, changes: dict[str, Any], terms: Terms
) -> None:
    states = {"NEW": "NEW", "TRADE": "FILLED", "CANCELED": "CANCELED"}
    found = events_of(report(x=x, X=states[x], **changes))
    assert found
    assert {event.terms for event in found} == {terms}


def test_a_reply_tells_of_the_order_as_much_as_it_says() -> None:
    rules = {"XRPUSDT": RULES}
    assert order_terms({"orderId": 5}, rules) is None
    assert order_terms({"symbol": "XRPUSDT", "orderId": 5}, rules) == Terms("XRP/USDT")
    assert order_terms({"symbol": "BTCUSDT", "origQty": "1"}, rules) == Terms("BTCUSDT")
    whole = {"symbol": "XRPUSDT", "side": "SELL", "price": "2.1", "origQty": "7"}
    assert order_terms(whole, rules) == Terms("XRP/USDT", 1, 21_000, 70)


def test_balances_are_absolute_money() -> None:
    event = {"e": "outboundAccountPosition", "E": 5, "u": 4,
             "B": [{"a": "USDT", "f": "531.84950000", "l": "0.10000000"}]}  # fmt: skip
    assert events_of(event) == [
        Balance(now_ns=7, wall_ns=8, venue="binance", asset="USDT", free=5318495 * 10**14,
                locked=10**17, venue_ns=5 * MS)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "error", "outcome"),
    [
        (400, {"code": -2010, "msg": "Account has insufficient balance for requested action."},
         Outcome.NEVER_RETRY),
        (400, {"code": -2010, "msg": "Duplicate order sent."}, Outcome.UNKNOWN_RECONCILE),
        (429, {"code": -1015, "msg": "Too many new orders."}, Outcome.RETRY_BACKOFF),
        (400, {"code": -1021, "msg": "x"}, Outcome.RETRY_AFTER_TIME_SYNC),
        (401, {"code": -2015, "msg": "x"}, Outcome.AUTH_HALT),
        (418, {"code": -1003, "msg": "x"}, Outcome.AUTH_HALT),
        (503, {"code": -1008, "msg": "x"}, Outcome.UNKNOWN_RECONCILE),
        (504, {"code": -1007, "msg": "x"}, Outcome.UNKNOWN_RECONCILE),
        (400, {"code": -424242, "msg": "x"}, Outcome.UNKNOWN_RECONCILE),
    ],
)  # fmt: skip
def test_refusals_have_their_class(status: int, error: dict[str, Any], outcome: Outcome) -> None:
    reply = parse_reply(orjson.dumps({"id": 3, "status": status, "error": error}), {})
    assert reply is not None
    assert (reply.request_id, reply.outcome, reply.code) == (3, outcome, str(error["code"]))
    (event,) = place_events(OURS, reply, 7, 8)
    unknown = outcome is Outcome.UNKNOWN_RECONCILE
    assert isinstance(event, OrderUnknown if unknown else OrderReject)


def test_an_accepted_order_is_an_ack_with_the_venues_id() -> None:
    body = b'{"id":5,"status":200,"result":{"symbol":"XRPUSDT","orderId":5550002}}'
    reply = parse_reply(body, {"XRPUSDT": RULES})
    assert reply is not None
    (event,) = place_events(OURS, reply, 7, 8)
    expected = OrderAck(
        now_ns=7, wall_ns=8, client_id=OURS, venue_order_id="5550002", terms=Terms("XRP/USDT")
    )
    assert event == expected


def test_frames_that_answer_nothing() -> None:
    assert parse_reply(b'{"event":{"e":"other"}}', {}) is None
    revoked = parse_reply(
        b'{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key"}}', {}
    )
    assert revoked is not None
    assert (revoked.request_id, revoked.outcome) == (None, Outcome.AUTH_HALT)


def test_states_of_queried_orders() -> None:
    states = {"NEW": "OPEN", "PARTIALLY_FILLED": "PARTLY_FILLED", "EXPIRED_IN_MATCH": "EXPIRED"}
    assert {state: query_state({"status": state}) for state in states} == states
