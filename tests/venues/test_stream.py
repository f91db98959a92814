"""Market streams against the mock venues: LIVE, STALE at once when the socket goes, LIVE again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from picows import WSListener, WSTransport, ws_create_server

from xrpfast._core import LatencyHistogram, Market, RiskGate
from xrpfast.config.venues import BinanceSection, KucoinSection
from xrpfast.net.websocket import connect
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.events import AnyEvent, LinkState
from xrpfast.venues.binance.venue import Binance
from xrpfast.venues.kucoin.venue import Kucoin
from xrpfast.venues.stream import MarketConnection, MarketStream
from xrpfast.venues.venue import Venue, Wiring


class Sink:
    """Passes notes on as the driver does, and remembers the states."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.seen: list[str] = []
        self.changed = asyncio.Event()

    def on_batch(self, batch: Any, source: MarketStream) -> None:
        for kind, book, text in list(batch.notes):
            if kind == "state":
                self._see(text)
                source.on_book_state(book, text)
            elif kind == "control":
                source.on_control(text)
        self.market.consume()

    def on_events(self, events: Sequence[AnyEvent]) -> None:
        for event in events:
            if isinstance(event, LinkState):
                self._see(f"{event.link} {'up' if event.up else 'down'}")

    def _see(self, word: str) -> None:
        self.seen.append(word)
        self.changed.set()

    async def until(self, word: str) -> None:
        async with asyncio.timeout(20):
            while word not in self.seen:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def streaming(mock: MockVenues, name: str) -> AsyncIterator[tuple[Venue, Sink, int]]:
    """One venue's market stream at work: the venue, what it tells, its book."""
    given = mock.line["venues"][name]
    venue: Venue = (
        Binance(BinanceSection(**given)) if name == "binance" else Kucoin(KucoinSection(**given))
    )
    await venue.sync_clock()
    rules = await venue.rules("XRP/USDT")
    assert rules.venue == name
    assert rules.taker_rate > 0
    market = Market()
    book = market.add_book(
        name, rules.venue_symbol, price_decimals=rules.price_decimals,
        qty_decimals=rules.qty_decimals, tick=rules.tick, lot=rules.lot,
        min_qty=rules.min_qty, max_qty=rules.max_qty, min_notional=rules.min_notional,
        taker_rate=rules.taker_rate,
    )  # fmt: skip
    sink = Sink(market)
    gate, acks = RiskGate(1), LatencyHistogram()
    venue.wire(Wiring(market, gate, sink, {book: rules}, "xdtest", acks))
    running = asyncio.create_task(venue.stream.run())
    try:
        yield venue, sink, book
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await venue.close()


@pytest.mark.parametrize("name", ["binance", "kucoin"])
async def test_a_lost_socket_is_stale_at_once_and_comes_back(name: str) -> None:
    async with mock_venues(seed=5) as mock, streaming(mock, name) as (venue, sink, book):
        await sink.until("LIVE")
        assert sink.market.top(book) is not None
        sink.seen.clear()
        assert venue.stream.connection is not None
        venue.stream.connection.abort()
        await sink.until("STALE")
        assert sink.seen[:2] == ["market down", "STALE"]
        assert sink.market.top(book) is None
        await sink.until("LIVE")
        assert "market up" in sink.seen
        sink.seen.clear()
        venue.stream.on_book_state(book, "GAP")
        await sink.until("SYNCING")
        await sink.until("LIVE")


async def test_a_binance_socket_that_falls_silent_is_hung_up_and_dialled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("xrpfast.venues.binance.market.SILENT_S", 0.6)
    async with mock_venues(["binance"], seed=5) as mock, streaming(mock, "binance") as said:
        _, sink, _ = said
        await sink.until("LIVE")
        sink.seen.clear()
        rule = mock.faults.add(
            {"venue": "binance", "channel": "socket", "action": "silence",
             "match": {"kind": "stream"}}
        )  # fmt: skip
        await sink.until("market down")
        mock.faults.remove(rule)
        sink.seen.clear()
        await sink.until("LIVE")


async def test_an_error_nobody_foresaw_starts_the_socket_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with mock_venues(["binance"], seed=5) as mock, streaming(mock, "binance") as said:
        venue, sink, book = said
        await sink.until("LIVE")
        sink.seen.clear()
        real, failed = venue.stream.snapshot, []

        async def snapshot(symbol: str) -> bytes:
            if not failed:
                failed.append(symbol)
                raise RuntimeError("a bug")
            return await real(symbol)

        monkeypatch.setattr(venue.stream, "snapshot", snapshot)
        venue.stream.on_book_state(book, "GAP")
        await sink.until("market down")
        await sink.until("LIVE")
    assert "a book could not be synchronised" in caplog.text


async def test_control_frames_are_no_market_data_and_a_goodbye_ends_the_socket() -> None:
    class Peer(WSListener):
        def on_ws_connected(self, transport: WSTransport) -> None:
            transport.send_pong(b"unasked")
            transport.send_close()

    market = Market()
    sink = Sink(market)
    down = asyncio.Event()
    owner = SimpleNamespace(
        market=market, sink=sink, stream_id=market.add_stream("binance"),
        closed=lambda _: down.set(),
    )  # fmt: skip
    server = await ws_create_server(lambda _: Peer(), "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    await connect(lambda: MarketConnection("test", cast(Any, owner)), url)
    await asyncio.wait_for(down.wait(), 1)
    assert market.counters()["frames"] == 0
    server.close()
    await server.wait_closed()
