"""KuCoin private push and replies: the venue's own samples into exact events."""

from __future__ import annotations

from typing import Any

import pytest

from xrpfast.model import SymbolRules
from xrpfast.trading.events import (
    Balance,
    BalanceMoved,
    Fill,
    OrderAck,
    OrderEnd,
    OrderReject,
    OrderUnknown,
    Terms,
)
from xrpfast.venues.gateway import place_events
from xrpfast.venues.kucoin.account import fee_of, order_terms, parse_message, query_state
from xrpfast.venues.kucoin.orders import parse_reply
from xrpfast.venues.outcome import Outcome
from xrpfast.venues.private import Ours

RULES = SymbolRules(
    venue="kucoin", instrument="XRP/USDT", venue_symbol="XRP-USDT", base="XRP", quote="USDT",
    price_decimals=5, qty_decimals=4, tick=1, lot=1, min_qty=1000, max_qty=10**14,
    min_notional=10**17, taker_rate=100_000, maker_rate=80_000, fee_in_received=False,
)  # fmt: skip
OURS = "xddemo1-0b"
TERMS = Terms("XRP/USDT", 0, 241_370, 250_000)
ORDER = "6920aa01c3f1a20007d1e001"


def change(**changes: Any) -> dict[str, Any]:
    data = {
        "type": "match", "status": "open", "symbol": "XRP-USDT", "orderType": "limit",
        "side": "buy", "orderId": ORDER, "clientOid": OURS, "price": "2.41370", "size": "25",
        "originSize": "25", "filledSize": "10", "remainSize": "15", "canceledSize": "0",
        "matchPrice": "2.41370", "matchSize": "10", "tradeId": "11067996711960590",
        "liquidity": "maker", "feeType": "makerFee", "orderTime": 1760000000120,
        "ts": 1760000002000000000,
    }  # fmt: skip
    return {"type": "message", "subject": "orderChange", "data": data | changes}


def events_of(message: dict[str, Any], accounts: set[str] | None = None) -> list[Any]:
    return parse_message(message, Ours("xddemo", [RULES]), accounts or set(), 7, 8)


def test_a_match_is_a_fill_with_the_exact_fee_of_its_kind() -> None:
    assert events_of(change()) == [
        Fill(
            now_ns=7, wall_ns=8, client_id=OURS, venue_order_id=ORDER,
            trade_id="11067996711960590", price=241370, qty=100_000,
            fee=24137 * 10**15 * 8 // 10_000, fee_asset="USDT", maker=True,
            venue_ns=1760000002000000000, fee_estimated=True, terms=TERMS,
        )
    ]  # fmt: skip
    (taker,) = events_of(change(feeType="takerFee", status="match"))
    assert taker.fee == 24137 * 10**12


def test_fees_finer_than_money_are_rounded_against_us() -> None:
    assert fee_of(RULES, 1, 1, "takerFee") == 10**6
    odd = RULES.__class__(**{f: getattr(RULES, f) for f in RULES.__struct_fields__}
                          | {"price_decimals": 9, "qty_decimals": 9, "taker_rate": 1})  # fmt: skip
    assert fee_of(odd, 1, 1, "takerFee") == 1


def test_received_and_open_are_acks() -> None:
    data = change(type="received", status="new")["data"]
    for gone in ("filledSize", "remainSize", "canceledSize", "size", "matchPrice", "tradeId"):
        del data[gone]
    (ack,) = events_of({"type": "message", "subject": "orderChange", "data": data})
    expected = OrderAck(now_ns=7, wall_ns=8, client_id=OURS, venue_order_id=ORDER, terms=TERMS)
    assert ack == expected
    (ack,) = events_of(change(type="open", status="open"))
    assert isinstance(ack, OrderAck)


@pytest.mark.parametrize(
    ("kind", "filled", "state"),
    [("filled", "25", "FILLED"), ("canceled", "10", "CANCELLED"), ("update", "10", "CANCELLED"),
     ("canceled", "25", "FILLED")],
)  # fmt: skip
def test_done_is_the_end_and_amounts_decide_which(kind: str, filled: str, state: str) -> None:
    (end,) = events_of(change(type=kind, status="done", filledSize=filled))
    assert isinstance(end, OrderEnd)
    assert (end.state, end.filled_qty) == (state, int(filled) * 10_000)


def test_an_update_that_is_not_the_end_says_nothing() -> None:
    assert events_of(change(type="update", status="open")) == []


def test_orders_of_others_are_counted_only() -> None:
    ours = Ours("xddemo", [RULES])
    assert parse_message(change(clientOid="other"), ours, set(), 7, 8) == []
    assert parse_message(change(clientOid=None), ours, set(), 7, 8) == []
    assert ours.foreign == 2


@pytest.mark.parametrize(
    "kind", [("received", "new"), ("open", "open"), ("match", "match"), ("canceled", "done")]
)
@pytest.mark.parametrize(
    ("changes", "terms"),
    [
        ({"side": "sell"}, Terms("XRP/USDT", 1, 241_370, 250_000)),
        ({"price": "2.41371"}, Terms("XRP/USDT", 0, 241_371, 250_000)),
        ({"price": "2.413705"}, Terms("XRP/USDT", 0, -1, 250_000)),
        ({"originSize": "25.5"}, Terms("XRP/USDT", 0, 241_370, 255_000)),
        ({"symbol": "BTC-USDT"}, Terms("BTC-USDT")),
    ],
)
def test_every_push_tells_the_order_as_the_venue_has_it(
    kind: tuple[str, str], changes: dict[str, Any], terms: Terms
) -> None:
    found = events_of(change(type=kind[0], status=kind[1], **changes))
    assert found
    assert {event.terms for event in found} == {terms}


def test_a_market_order_is_none_of_ours() -> None:
    message = change(type="received", status="new", orderType="market")
    del message["data"]["price"]
    (ack,) = events_of(message)
    assert ack.terms == Terms("XRP/USDT", 0, 0, 250_000)


def test_an_answer_tells_the_order_as_the_venue_has_it() -> None:
    row = {"symbol": "XRP-USDT", "side": "sell", "price": "2.1", "size": "7"}
    assert order_terms(row, {"XRP-USDT": RULES}) == Terms("XRP/USDT", 1, 210_000, 70_000)
    assert order_terms(row, {}) == Terms("XRP-USDT")


def balance(**changes: Any) -> dict[str, Any]:
    data = {
        "accountId": "548674591753", "currency": "USDT", "total": "1000",
        "available": "939.5971575", "hold": "60.4028425", "relationEvent": "trade.hold",
        "time": "1760000000125",
    }  # fmt: skip
    return {"type": "message", "subject": "account.balance", "data": data | changes}


def test_balances_of_the_trading_account() -> None:
    expected = Balance(
        now_ns=7, wall_ns=8, venue="kucoin", asset="USDT", free=9395971575 * 10**11,
        locked=604028425 * 10**11, venue_ns=1760000000125 * 10**6,
    )  # fmt: skip
    assert events_of(balance()) == [expected]
    assert events_of(balance(relationEvent="trade_hf.setted", time=1760000000125)) == [expected]
    assert events_of(balance(relationEvent="main.deposit")) == []
    assert events_of(balance(), {"548674591753"}) == [expected]
    assert events_of(balance(), {"1"}) == []


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ({"id": "18", "op": "spot.order", "code": "200004", "msg": "Balance insufficient!"},
         Outcome.NEVER_RETRY),
        # With its quota told it is our own limit; without, others overload the venue.
        ({"id": "18", "code": "429000", "msg": "Too many requests.",
          "userRateLimit": {"limit": 4000, "remaining": 0, "reset": 900}}, Outcome.RETRY_BACKOFF),
        ({"id": "18", "code": "429000", "msg": "Too many requests."}, Outcome.UNKNOWN_RECONCILE),
        ({"id": "18", "code": "400100", "msg": "validation.clientOidDuplicated"},
         Outcome.UNKNOWN_RECONCILE),
        ({"id": "18", "code": "500000", "msg": ""}, Outcome.UNKNOWN_RECONCILE),
        ({"id": "18", "code": "424242", "msg": ""}, Outcome.UNKNOWN_RECONCILE),
        ({"id": "18", "code": "400005", "msg": ""}, Outcome.AUTH_HALT),
    ],
)  # fmt: skip
def test_refusals_have_their_class(message: dict[str, Any], outcome: Outcome) -> None:
    reply = parse_reply(message)
    assert reply is not None
    assert (reply.request_id, reply.outcome) == (18, outcome)
    (event,) = place_events(OURS, reply, 7, 8)
    unknown = outcome is Outcome.UNKNOWN_RECONCILE
    assert isinstance(event, OrderUnknown if unknown else OrderReject)


def test_an_accepted_order_and_errors_without_an_id() -> None:
    reply = parse_reply({"id": "17", "code": "200000", "data": {"orderId": ORDER}})
    assert reply is not None
    assert (reply.request_id, reply.outcome, reply.venue_order_id) == (17, Outcome.OK, ORDER)
    nameless = parse_reply({"code": "501000", "msg": "closing"})
    assert nameless is not None
    assert nameless.request_id is None
    assert parse_reply({"id": "x", "op": "pong"}) is None


def test_states_of_queried_orders_come_from_amounts() -> None:
    def order(deal: str, active: bool) -> dict[str, Any]:
        return {"dealSize": deal, "size": "25", "active": active, "cancelExist": True}

    assert query_state(order("0", True)) == "OPEN"
    assert query_state(order("10", True)) == "PARTLY_FILLED"
    assert query_state(order("25.0", False)) == "FILLED"
    assert query_state(order("10", False)) == "CANCELLED"


def test_a_change_that_no_order_made_is_a_move() -> None:
    told = balance(
        relationEvent="trade.transfer", availableChange="25", holdChange="0", relationEventId="77"
    )
    moved, total = events_of(told, {"548674591753"})
    assert isinstance(moved, BalanceMoved)
    assert (moved.venue, moved.asset, moved.delta) == ("kucoin", "USDT", 25 * 10**18)
    assert isinstance(total, Balance)
    told["data"] |= {"availableChange": "-10", "holdChange": "10"}
    (locked, _) = events_of(told, {"548674591753"})
    assert locked.delta == 0
    for own in ("trade.hold", "trade.setted", "trade_hf.hold", "trade_hf.setted"):
        (only,) = events_of(balance(relationEvent=own), {"548674591753"})
        assert isinstance(only, Balance)
