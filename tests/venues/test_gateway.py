"""Order entry: replies find their request, and a lost connection makes the rest unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic_ns
from typing import Any

import orjson
import pytest

from xrpfast._core import LatencyHistogram
from xrpfast.net.fuse import Fuse, Pause, Reach
from xrpfast.net.websocket import SendResult
from xrpfast.trading.events import (
    AnyEvent,
    Control,
    LinkState,
    OrderAck,
    OrderReject,
    OrderUnknown,
    VenueError,
)
from xrpfast.venues.binance.orders import BinanceOrders
from xrpfast.venues.kucoin.orders import parse_reply


class Sink:
    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def on_events(self, events: Sequence[AnyEvent]) -> None:
        self.events += events

    def on_batch(self, batch: Any, source: Any) -> None:
        raise AssertionError


class Encoder:
    def encode(self, approved: Any, request_id: int, now_ns: int, wall_ns: int) -> bytes:
        return b"%d %d" % (request_id, wall_ns)

    def cancel(self, venue_symbol: str, client_id: str, request_id: int, wall_ns: int) -> bytes:
        return b"cancel"


class Wire:
    """A connection that takes what it is told to take."""

    is_open = writable = True

    def __init__(self) -> None:
        self.result = SendResult.SENT
        self.aborted = False
        self.frames: list[bytes] = []

    def send(self, frame: bytes) -> SendResult:
        self.frames.append(frame)
        return self.result

    def abort(self) -> None:
        self.aborted = True


class Desk:
    def __init__(self) -> None:
        self.sink, self.wire = Sink(), Wire()
        self.acks = LatencyHistogram()
        self.fuse = Fuse("binance", lambda *_: None)
        self.gateway = BinanceOrders(
            Encoder(), self.sink, self.fuse, self.acks, "ws://127.0.0.1:1", {}
        )
        self.gateway.session_up(self.wire)  # type: ignore[arg-type]
        self.sink.events.clear()

    def send(self, client_id: str) -> int:
        approved: Any = None
        request_id, frame = self.gateway.encode(approved, 0, 0)
        self.gateway.send(request_id, frame, client_id)
        return request_id

    def reply(self, request_id: int | None, code: int | None = None) -> None:
        answer: dict[str, Any] = {"id": request_id, "status": 200, "result": {"orderId": 9}}
        if code is not None:
            answer = {"id": request_id, "status": 400, "error": {"code": code, "msg": "m"}}
        self.gateway.on_text(orjson.dumps(answer))

    def heard(self) -> list[tuple[type, str]]:
        return [(type(e), getattr(e, "client_id", "")) for e in self.sink.events]

    def errors(self) -> list[tuple[str, str]]:
        return [(e.kind, e.code) for e in self.sink.events if isinstance(e, VenueError)]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_replies_find_their_order_in_any_sequence(desk: Desk) -> None:
    first, second = desk.send("a"), desk.send("b")
    desk.reply(second, -2010)
    desk.reply(first)
    assert desk.heard() == [(OrderReject, "b"), (OrderAck, "a")]
    assert desk.acks.count == 2
    desk.reply(first)
    assert len(desk.sink.events) == 2, "an answer counts once"


def test_a_lost_connection_makes_what_is_in_flight_unknown(desk: Desk) -> None:
    desk.reply(desk.send("answered"))
    desk.send("lost")
    desk.gateway.cancel("XRPUSDT", "cancelled")
    desk.sink.events.clear()
    desk.gateway.closed(desk.wire)  # type: ignore[arg-type]
    assert desk.heard() == [(LinkState, ""), (OrderUnknown, "lost")]
    assert not desk.gateway.ready
    assert desk.gateway.send(7, b"x", "late") is SendResult.NOT_SENT


def test_a_create_is_written_once_whatever_becomes_of_it(desk: Desk) -> None:
    for result in (SendResult.SENT, SendResult.NOT_SENT, SendResult.STUCK):
        desk.wire.frames.clear()
        desk.wire.result = result
        desk.send("a")
        assert len(desk.wire.frames) == 1
    desk.wire.frames.clear()
    desk.gateway.closed(desk.wire)  # type: ignore[arg-type]
    desk.gateway.session_up(desk.wire)  # type: ignore[arg-type]
    assert desk.wire.frames == [], "nothing is sent again on the next connection"


def test_an_outcome_is_lost_with_one_connection_only(desk: Desk) -> None:
    desk.send("lost")
    desk.gateway.closed(desk.wire)  # type: ignore[arg-type]
    desk.gateway.session_up(desk.wire)  # type: ignore[arg-type]
    desk.sink.events.clear()
    desk.gateway.closed(desk.wire)  # type: ignore[arg-type]
    assert desk.heard() == [(LinkState, "")]


def test_what_the_venue_does_not_know_itself_is_no_refusal(desk: Desk) -> None:
    desk.reply(desk.send("a"), -1007)
    assert desk.heard() == [(OrderUnknown, "a")]


def test_what_did_not_leave_is_not_in_flight(desk: Desk) -> None:
    desk.wire.result = SendResult.NOT_SENT
    desk.send("a")
    desk.gateway.closed(desk.wire)  # type: ignore[arg-type]
    assert desk.heard() == [(LinkState, "")]


def test_bad_credentials_close_the_venue_until_a_restart(desk: Desk) -> None:
    desk.reply(desk.send("a"), -2015)
    assert desk.heard() == [(OrderReject, "a"), (LinkState, ""), (VenueError, "")]
    assert desk.errors() == [("auth", "-2015")]
    assert not desk.gateway.ready
    desk.gateway.session_up(desk.wire)  # type: ignore[arg-type]
    assert not desk.gateway.ready
    assert len(desk.sink.events) == 3
    assert desk.gateway.cancel("XRPUSDT", "a") is SendResult.SENT


def test_a_refused_cancel_asks_for_the_order(desk: Desk) -> None:
    asked: list[str] = []
    desk.gateway.on_cancel_refused = asked.append
    desk.gateway.cancel("XRPUSDT", "a")
    desk.reply(1, -2011)
    assert asked == ["a"]
    assert desk.heard() == [(VenueError, "a")]
    assert desk.errors() == [("cancel", "-2011")]


def test_a_refused_timestamp_asks_for_the_clock(desk: Desk) -> None:
    asked: list[int] = []
    desk.gateway.on_clock_refused = lambda: asked.append(1)
    desk.reply(desk.send("a"), -1021)
    assert desk.heard() == [(OrderReject, "a")]
    assert asked == [1]


def test_unreadable_replies_and_foreign_ids_harm_nothing(desk: Desk) -> None:
    desk.gateway.on_text(b"not json")
    desk.gateway.on_text(b"[]")
    desk.reply(99)
    assert desk.sink.events == []
    assert not desk.wire.aborted
    desk.reply(None, -1135)
    assert desk.wire.aborted, "an error without an address: the session is not what we think"


def test_requests_carry_the_venues_time(desk: Desk) -> None:
    approved: Any = None
    desk.gateway.wall_offset_ns = 5
    assert desk.gateway.encode(approved, 0, 100) == (1, b"1 105")


def test_a_reply_that_speaks_of_another_order_leaves_ours_unknown_and_halts(desk: Desk) -> None:
    request_id = desk.send("ours-1")
    result = {"orderId": 9, "clientOrderId": "theirs"}
    desk.gateway.on_text(orjson.dumps({"id": request_id, "status": 200, "result": result}))
    unknown, control = desk.sink.events
    assert isinstance(unknown, OrderUnknown)
    assert unknown.client_id == "ours-1"
    assert isinstance(control, Control)
    assert control.action == "halt"
    assert "theirs" in control.reason


def test_a_reply_that_names_our_order_is_an_ack(desk: Desk) -> None:
    request_id = desk.send("ours-1")
    result = {"orderId": 9, "clientOrderId": "ours-1"}
    desk.gateway.on_text(orjson.dumps({"id": request_id, "status": 200, "result": result}))
    assert desk.heard() == [(OrderAck, "ours-1")]


def test_a_closed_market_asks_for_a_comparison_and_halts_nothing(desk: Desk) -> None:
    request_id = desk.send("ours-1")
    error = {"code": -1013, "msg": "Market is closed."}
    desk.gateway.on_text(orjson.dumps({"id": request_id, "status": 400, "error": error}))
    reject, control = desk.sink.events
    assert isinstance(reject, OrderReject)
    assert isinstance(control, Control)
    assert (control.action, control.venue) == ("reconcile", "binance")
    assert desk.gateway.halted == ""


@pytest.mark.parametrize("code", ["200001", "200002"])
def test_kucoin_says_that_a_market_is_closed_in_its_own_codes(code: str) -> None:
    reply = parse_reply({"id": "1", "code": code, "msg": "suspended"})
    assert reply is not None
    assert reply.market_closed
    other = parse_reply({"id": "1", "code": "400600", "msg": "no"})
    assert other is not None
    assert not other.market_closed


def paused(status: int, code: int, ms: int = 300) -> bytes:
    data = {"serverTime": 1_000, "retryAfter": 1_000 + ms}
    return orjson.dumps({"status": status, "error": {"code": code, "msg": "m", "data": data}})


async def until_over(desk: Desk) -> None:
    async with asyncio.timeout(10):
        while desk.fuse.blown:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_pause_is_told_with_its_end(desk: Desk) -> None:
    """A venue that said so is not one that nobody hears."""
    before_ns = monotonic_ns()
    for seconds, reach in ((60, Reach.EVERYTHING), (90, Reach.ORDERS)):
        desk.fuse.blow(Pause(seconds, reach, "limit"))
        told = desk.sink.events[-1]
        assert isinstance(told, LinkState)
        left_ns = told.paused_until_ns - seconds * 10**9
        assert before_ns <= left_ns <= monotonic_ns()
    desk.fuse.close()


async def test_a_pause_closes_entries_and_opens_them_again(desk: Desk) -> None:
    desk.fuse.blow(Pause(0.2, Reach.ORDERS, "orders"))
    assert not desk.gateway.ready
    (down,) = desk.sink.events
    assert isinstance(down, LinkState)
    assert (down.link, down.up) == ("orders", False)
    assert "no new orders" in down.reason
    assert desk.gateway.cancel("XRPUSDT", "a") is SendResult.SENT
    await until_over(desk)
    assert desk.gateway.ready
    up = desk.sink.events[-1]
    assert isinstance(up, LinkState)
    assert (up.up, up.reason) == (True, "")


@pytest.mark.parametrize("named", [True, False])
async def test_a_ban_on_the_socket_halts_nothing_for_good_and_forbids_cancels(
    desk: Desk, named: bool
) -> None:
    request_id = desk.send("a")
    answer = orjson.loads(paused(418, -1003)) | {"id": request_id if named else None}
    desk.gateway.on_text(orjson.dumps(answer))
    assert desk.gateway.halted == ""
    assert not desk.gateway.ready
    assert not desk.wire.aborted
    assert desk.gateway.cancel("XRPUSDT", "a") is SendResult.NOT_SENT
    down = desk.sink.events[-1]
    assert isinstance(down, LinkState)
    assert "cancels are impossible too" in down.reason
    assert desk.heard()[:-1] == ([(OrderReject, "a")] if named else [])
    await until_over(desk)
    assert desk.gateway.ready


async def test_a_session_that_comes_up_within_a_pause_is_told_when_it_is_over(
    desk: Desk,
) -> None:
    desk.fuse.blow(Pause(0.3, Reach.ALL_BUT_CANCELS, "limit"))
    desk.gateway.closed(desk.wire)  # type: ignore[arg-type]
    desk.sink.events.clear()
    desk.gateway.session_up(desk.wire)  # type: ignore[arg-type]
    assert desk.sink.events == []
    assert not desk.gateway.ready
    await until_over(desk)
    assert [event.up for event in desk.sink.events if isinstance(event, LinkState)] == [True]


async def test_a_pause_that_ends_opens_nothing_that_is_closed_for_good(desk: Desk) -> None:
    desk.reply(desk.send("a"), -2015)
    desk.fuse.blow(Pause(0.1, Reach.ORDERS, "orders"))
    await until_over(desk)
    assert not desk.gateway.ready
    assert not [e for e in desk.sink.events if isinstance(e, LinkState) and e.up]
