"""The mock Binance's market streams: control frames, payloads, and a book rebuilt from them."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest

from support.naive_book import NaiveBook
from support.sockets import connected
from xrpfast._core import parse_units
from xrpfast.model import Side, TimeInForce

if TYPE_CHECKING:
    from support.binance import Rest
    from xrpfast.simulation.exchange import Exchange
    from xrpfast.simulation.server import MockVenues

PATIENCE = 20.0


@pytest.fixture
def url(venue: MockVenues) -> str:
    return str(venue.line["venues"]["binance"]["stream_url"])


@pytest.fixture
def exchange(venue: MockVenues) -> Exchange:
    return venue.faces["binance"].exchange


def is_depth(message: Any) -> bool:
    return bool(message.get("e") == "depthUpdate")


@pytest.mark.parametrize("stream", ["xrpusdt@depth@100ms", "xrpusdt@depth"])
async def test_a_book_from_snapshot_and_stream_is_the_exchanges(
    venue: MockVenues, rest: Rest, url: str, exchange: Exchange, stream: str
) -> None:
    """Under a market that moves as fast as it can, customers' orders included."""
    async with connected(f"{url}/ws/{stream}") as client:
        for _ in range(40):
            venue.flow.step()
        await client.until(is_depth)
        _, snapshot = await rest.get("/depth", "symbol=XRPUSDT&limit=5000")
        for _ in range(20):
            for _ in range(10):
                venue.flow.step()
            await asyncio.sleep(0.02)
        exchange.place_background(Side.BUY, 20_000, 7, TimeInForce.GTC)
        async with asyncio.timeout(PATIENCE):
            await client.until(lambda m: is_depth(m) and m["u"] == exchange.sequence)
        book = NaiveBook()
        book.load(snapshot)
        updates = [message for message in client.messages if is_depth(message)]
        assert updates[0]["u"] <= snapshot["lastUpdateId"] < updates[-1]["u"]
        for event in updates:
            book.apply(event)
        for earlier, later in itertools.pairwise(updates):
            assert later["U"] == earlier["u"] + 1
    assert book.last == exchange.sequence
    for side in (0, 1):
        assert book.levels(side) == exchange.matching.levels(side, 10_000)
        assert len(book.levels(side)) > 20


async def test_book_ticker_is_the_touch_with_its_update_id(url: str, exchange: Exchange) -> None:
    async with connected(f"{url}/ws/xrpusdt@bookTicker") as client:
        best = exchange.matching.best(Side.BUY)
        assert best is not None
        exchange.place_background(Side.BUY, best[0] + 1, 123, TimeInForce.GTC)
        ticker = await client.until(lambda m: "B" in m)
        assert set(ticker) == {"u", "s", "b", "B", "a", "A"}
        assert (ticker["u"], ticker["s"]) == (exchange.sequence, "XRPUSDT")
        assert parse_units(ticker["b"], 4) == best[0] + 1
        assert ticker["B"] == "12.30000000"
        exchange.place_background(Side.BUY, best[0] - 40, 1, TimeInForce.GTC)
        exchange.place_background(Side.BUY, best[0] + 2, 1, TimeInForce.GTC)
        await client.until(lambda m: m["B"] == "0.10000000")
        assert len(client.messages) == 2, "a change below the touch is no ticker"


async def test_trades_are_told_with_their_side(url: str, exchange: Exchange) -> None:
    async with connected(f"{url}/stream?streams=xrpusdt@trade") as client:
        best = exchange.matching.best(Side.BUY)
        assert best is not None
        exchange.place_background(Side.SELL, best[0], 5, TimeInForce.IOC)
        wrapped = await client.until(lambda m: m.get("stream") == "xrpusdt@trade")
        trade = wrapped["data"]
        assert (trade["e"], trade["s"], trade["q"], trade["m"], trade["M"]) == (
            "trade", "XRPUSDT", "0.50000000", True, True,
        )  # fmt: skip
        assert parse_units(trade["p"], 4) == best[0]
        assert exchange.last_trade is not None
        assert trade["t"] == exchange.last_trade.trade_id
