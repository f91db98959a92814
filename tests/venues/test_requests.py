"""Requests that nobody answers, on a real order socket: forgotten late, and never mistaken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import monotonic_ns, time_ns
from typing import Any

import pytest

from xrpfast._core import LatencyHistogram, Market, RiskGate
from xrpfast.config.venues import BinanceSection, KucoinSection
from xrpfast.model import SymbolRules
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.events import (
    AnyEvent,
    LinkState,
    OrderAck,
    OrderReject,
    OrderUnknown,
    VenueError,
)
from xrpfast.venues import requests
from xrpfast.venues.binance.venue import Binance
from xrpfast.venues.gateway import OrderGateway
from xrpfast.venues.kucoin.venue import Kucoin
from xrpfast.venues.requests import InFlight, Requests
from xrpfast.venues.venue import Venue, Wiring

VENUES = ["binance", "kucoin"]
ROUTES = {"binance": "order.place", "kucoin": "spot.order"}
CANCELS = {"binance": "order.cancel", "kucoin": "spot.cancel"}


class Sink:
    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.changed = asyncio.Event()

    def on_batch(self, batch: Any, source: Any) -> None:
        raise AssertionError

    def on_events(self, events: Sequence[AnyEvent]) -> None:
        self.events += events
        self.changed.set()

    async def until(self, kind: type, client_id: str | None = None) -> Any:
        async with asyncio.timeout(20):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and getattr(event, "client_id", None) == client_id:
                        return event
                self.changed.clear()
                await self.changed.wait()

    def of(self, client_id: str) -> list[type]:
        return [type(e) for e in self.events if getattr(e, "client_id", None) == client_id]


class Socket:
    """One venue's order entry, connected to the mock venue."""

    def __init__(self, venue: Venue, gate: RiskGate, rules: SymbolRules, sink: Sink) -> None:
        self.venue, self.gate, self.rules, self.sink = venue, gate, rules, sink

    @property
    def gateway(self) -> OrderGateway:
        return self.venue.orders

    def send(self, client_id: str, price: int | None = None) -> None:
        """20 XRP at 1.5, far below the market; in units, else."""
        rules = self.rules
        units = price or 15 * 10 ** (rules.price_decimals - 1)
        approved = self.gate.approve(
            rules.venue, rules.venue_symbol, 0, 0, 0, units, rules.price_decimals,
            20 * 10**rules.qty_decimals, rules.qty_decimals, client_id, monotonic_ns(),
        )  # fmt: skip
        request_id, frame = self.gateway.encode(approved, monotonic_ns(), time_ns())
        assert self.gateway.send(request_id, frame, client_id).name == "SENT"


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=3) as running:
        running.flow.pause()
        yield running


@asynccontextmanager
async def connected(mock: MockVenues, name: str) -> AsyncIterator[Socket]:
    given = mock.line["venues"][name]
    venue: Venue = (
        Binance(BinanceSection(**given)) if name == "binance" else Kucoin(KucoinSection(**given))
    )
    await venue.sync_clock()
    rules = await venue.rules("XRP/USDT")
    sink, gate = Sink(), RiskGate(10**9)
    venue.wire(Wiring(Market(), gate, sink, {0: rules}, "xdtest", LatencyHistogram()))
    running = asyncio.create_task(venue.orders.run())
    try:
        await sink.until(LinkState)
        yield Socket(venue, gate, rules, sink)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await venue.close()


def late(mock: MockVenues, venue: str, client_id: str, ms: int) -> None:
    mock.faults.add(
        {"venue": venue, "channel": "ws", "action": "delay", "params": {"ms": ms},
         "point": "after_match_before_reply", "match": {"client_id": client_id}}
    )  # fmt: skip


@pytest.mark.parametrize("venue", VENUES)
async def test_a_late_answer_to_an_overdue_request_is_what_it_is(
    mock: MockVenues, monkeypatch: pytest.MonkeyPatch, venue: str
) -> None:
    async with connected(mock, venue) as socket:
        late(mock, venue, "xdtest1-0a", 1_500)
        late(mock, venue, "xdtest1-1a", 1_500)
        socket.send("xdtest1-0a")
        socket.send("xdtest1-1a", price=1)  # refused: there is a smallest notional
        assert socket.gateway.counters()["in_flight"] == 2
        monkeypatch.setattr(requests, "OVERDUE_NS", 1)
        assert socket.gateway.counters()["in_flight"] == 0, "nobody waits for them any more"
        socket.send("xdtest1-2a")
        await socket.sink.until(OrderAck, "xdtest1-2a")
        assert socket.sink.of("xdtest1-0a") == []
        ack = await socket.sink.until(OrderAck, "xdtest1-0a")
        assert ack.venue_order_id
        await socket.sink.until(OrderReject, "xdtest1-1a")
        assert socket.sink.of("xdtest1-0a") == [OrderAck], "once"


@pytest.mark.parametrize("venue", VENUES)
async def test_a_late_word_that_nobody_knows_is_no_refusal(
    mock: MockVenues, monkeypatch: pytest.MonkeyPatch, venue: str
) -> None:
    monkeypatch.setattr(requests, "OVERDUE_NS", 1)
    async with connected(mock, venue) as socket:
        late(mock, venue, "xdtest1-0a", 300)
        mock.faults.add(
            {"venue": venue, "channel": "ws", "action": "reply",
             "point": "after_match_before_reply", "match": {"client_id": "xdtest1-0a"},
             "params": {"status": 504, "code": -1007 if venue == "binance" else "500000"}}
        )  # fmt: skip
        socket.send("xdtest1-0a")
        assert socket.gateway.counters()["in_flight"] == 0
        await socket.sink.until(OrderUnknown, "xdtest1-0a")


@pytest.mark.parametrize("venue", VENUES)
async def test_a_late_refusal_of_a_cancel_asks_for_the_order(
    mock: MockVenues, monkeypatch: pytest.MonkeyPatch, venue: str
) -> None:
    monkeypatch.setattr(requests, "OVERDUE_NS", 1)
    async with connected(mock, venue) as socket:
        asked: asyncio.Queue[str] = asyncio.Queue()
        socket.gateway.on_cancel_refused = asked.put_nowait
        late(mock, venue, "xdtest1-9a", 300)
        symbol = socket.rules.venue_symbol
        assert socket.gateway.cancel(symbol, "xdtest1-9a").name == "SENT"
        assert socket.gateway.counters()["in_flight"] == 0
        assert await asyncio.wait_for(asked.get(), 20) == "xdtest1-9a"
        assert socket.sink.of("xdtest1-9a") == [VenueError]


@pytest.mark.parametrize("venue", VENUES)
async def test_memory_is_bounded_when_nothing_is_answered(
    mock: MockVenues, monkeypatch: pytest.MonkeyPatch, venue: str
) -> None:
    monkeypatch.setattr(requests, "OVERDUE_NS", 1)
    monkeypatch.setattr(requests, "OVERDUE_KEPT", 10)
    async with connected(mock, venue) as socket:
        mock.faults.add(
            {"venue": venue, "channel": "ws", "action": "drop", "match": {"client_id": "xdtest2-*"}}
        )
        for number in range(40):
            socket.send(f"xdtest2-{number}a")
        socket.send("xdtest1-0a")
        await socket.sink.until(OrderAck, "xdtest1-0a")
        kept = socket.gateway._requests
        assert (len(kept.open), len(kept._overdue)) == (0, 10)


def test_of_those_waited_for_alone_a_lost_connection_says_something() -> None:
    held = Requests()
    held.open[1] = InFlight("old", 0, False)
    held.open[2] = InFlight("young", requests.OVERDUE_NS - 1, False)
    held.age(requests.OVERDUE_NS)
    assert list(held.open) == [2]
    held.age(requests.OVERDUE_NS)
    assert [request.client_id for request in held.lost()] == ["young"]
    assert held.take(1) is None
    assert held.take(2) is None
