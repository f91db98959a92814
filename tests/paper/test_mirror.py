"""Paper venues show the real books, as old as they are, and nothing else: over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from support.paper import RealVenues, paper_values, real_venues
from support.sockets import connected
from xrpfast.config.loader import build
from xrpfast.config.root import Config
from xrpfast.errors import FailedError
from xrpfast.model import MONEY_ONE, Side, TimeInForce
from xrpfast.paper import mirror
from xrpfast.paper.venues import paper_venues
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.flow import FlowSettings
from xrpfast.simulation.orders import NewOrder, Order
from xrpfast.simulation.server import MockVenues

VENUES = ("binance", "kucoin")
PATIENCE_S = 30.0
Book = tuple[list[tuple[int, int]], list[tuple[int, int]]]


def book(mock: MockVenues, venue: str, levels: int = mirror.LEVELS) -> Book:
    matching = mock.faces[venue].exchange.matching
    return matching.levels(Side.BUY, levels), matching.levels(Side.SELL, levels)


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not what():  # noqa: ASYNC110  (nothing wakes us for it)
            await asyncio.sleep(0.005)


def config(real: RealVenues, folder: Path, **paper: Any) -> Config:
    values = paper_values(folder, real.line)
    values["paper"] = paper
    return build(values, "paper.toml")


@asynccontextmanager
async def mirrored(
    folder: Path, seed: int, flow: FlowSettings | None = None, **paper: Any
) -> AsyncIterator[tuple[RealVenues, MockVenues]]:
    async with (
        real_venues(seed, flow) as real,
        paper_venues(config(real, folder, **paper)) as shown,
    ):
        yield real, shown


def same(real: RealVenues, shown: MockVenues, venue: str) -> bool:
    return book(real.mock, venue) == book(shown, venue)


def buy(exchange: Exchange, price: int, qty: int, tif: TimeInForce = TimeInForce.IOC) -> Order:
    (account,) = exchange.accounts.values()
    number = f"mine{exchange.placed}"
    return exchange.place(
        account, NewOrder(client_id=number, side=Side.BUY, price=price, qty=qty, tif=tif)
    )


def few(exchange: Exchange) -> int:
    """More than any minimum."""
    return 5 * 10**exchange.rules.qty_decimals


async def test_the_books_are_the_real_ones_and_so_are_the_rules(tmp_path: Path) -> None:
    async with mirrored(tmp_path, 51) as (real, shown):
        for _ in range(3):
            steps = real.mock.flow.steps
            await until(lambda steps=steps: real.mock.flow.steps > steps + 40)
            real.mock.flow.pause()
            for venue in VENUES:
                await until(lambda venue=venue: same(real, shown, venue))
                assert book(shown, venue)[0], venue
            real.mock.flow.running = True
        for venue in VENUES:
            there, here = (m.faces[venue].exchange.rules for m in (real.mock, shown))
            assert here == there


async def test_the_account_begins_with_what_the_file_says(tmp_path: Path) -> None:
    paper = {"binance": {"base": "7.5", "quote": "20", "fee_bps": "7.5"}}
    async with mirrored(tmp_path, 52, **paper) as (_, shown):
        exchange = shown.faces["binance"].exchange
        (account,) = exchange.accounts.values()
        free = {asset: balance.free for asset, balance in account.balances.items()}
        assert free == {"XRP": 15 * MONEY_ONE // 2, "USDT": 20 * MONEY_ONE}
        assert exchange.rules.taker_rate == exchange.rules.maker_rate == 75_000
        (other,) = shown.faces["kucoin"].exchange.accounts.values()
        assert other.balance("XRP").free == 1_000 * MONEY_ONE
        assert shown.faces["kucoin"].exchange.rules.taker_rate == 100_000
        assert shown.line["venues"]["binance"]["api_key"] not in str(_.line)


@pytest.mark.parametrize("venue", VENUES)
async def test_what_was_taken_does_not_come_back(tmp_path: Path, venue: str) -> None:
    """Not by a frame about another level, not by one about this level: only what is new is new."""
    async with mirrored(tmp_path, 53) as (real, shown):
        real.mock.flow.pause()
        await until(lambda: same(real, shown, venue))
        here, there = (m.faces[venue].exchange for m in (shown, real.mock))
        lot = here.rules.lot
        price, size = here.matching.levels(Side.SELL, 1)[0]
        took = (size // 2) // lot * lot
        assert buy(here, price, took).filled == took
        left = size - took

        def now() -> int:
            return dict(here.matching.levels(Side.SELL, 100)).get(price, 0)

        bid = there.matching.levels(Side.BUY, 30)[-1][0] - 10 * there.rules.tick
        there.place_background(Side.BUY, bid, 5 * lot, TimeInForce.GTC)
        await until(lambda: (bid, 5 * lot) in here.matching.levels(Side.BUY, 100))
        assert now() == left
        more = there.place_background(Side.SELL, price, 3 * lot, TimeInForce.GTC)
        await until(lambda: now() == left + 3 * lot)
        there.cancel_background(more)
        await until(lambda: now() == left)
        # Who takes at the real venue takes what is there: of that, what we took is not here.
        there.place_background(Side.BUY, price, left + lot, TimeInForce.IOC)
        await until(lambda: not now())
        there.place_background(Side.SELL, price, 4 * lot, TimeInForce.GTC)
        await until(lambda: now() == 4 * lot)


@pytest.mark.parametrize("venue", VENUES)
async def test_without_its_feed_there_is_no_market(tmp_path: Path, venue: str) -> None:
    """Sockets of the market are cut, nothing can be taken; what was taken stays so afterwards."""
    async with mirrored(tmp_path, 54) as (real, shown):
        real.mock.flow.pause()
        await until(lambda: same(real, shown, venue))
        exchange = shown.faces[venue].exchange
        lot = exchange.rules.lot
        price, size = exchange.matching.levels(Side.SELL, 1)[0]
        took = (size // 2) // lot * lot
        assert buy(exchange, price, took).filled == took
        if venue == "binance":
            url = f"{shown.line['venues'][venue]['stream_url']}/ws/xrpusdt@depth@100ms"
        else:
            shown_hub = shown.faces[venue].venue.hub  # type: ignore[union-attr]
            token = shown_hub.tokens.issue(None, shown_hub.now_ms())
            port = shown.line["venues"][venue]["order_url"].rsplit(":", 1)[1].split("/")[0]
            url = f"ws://127.0.0.1:{port}/?token={token.text}"
        async with connected(url) as socket:
            down = real.fault(venue, "down")
            await until(lambda: not any(book(shown, venue)))
            async with asyncio.timeout(PATIENCE_S):
                await socket.closed.wait()
        assert buy(exchange, price, few(exchange)).filled == 0
        real.heal(down)
        there, few_lots = real.mock.faces[venue].exchange, 5 * lot
        while not any(book(shown, venue)):  # a book is believed once something new comes
            bid = there.matching.levels(Side.BUY, 100)[-1][0] - lot
            there.place_background(Side.BUY, bid, few_lots, TimeInForce.GTC)
            await asyncio.sleep(0.05)
        assert dict(exchange.matching.levels(Side.SELL, 100))[price] == size - took


@pytest.mark.parametrize("venue", VENUES)
async def test_a_feed_that_says_nothing_grows_old_and_then_ends(
    tmp_path: Path, venue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own trades, which change the paper book, do not make it any younger."""
    monkeypatch.setattr(mirror, "FROZEN_NS", 1_500_000_000)
    async with mirrored(tmp_path, 55) as (real, shown):
        real.mock.flow.pause()
        await until(lambda: same(real, shown, venue))
        exchange = shown.faces[venue].exchange
        before = exchange.book_ns()
        await asyncio.sleep(0.3)
        price, _ = exchange.matching.levels(Side.SELL, 1)[0]
        assert buy(exchange, price, few(exchange)).filled
        assert abs(exchange.book_ns() - before) < 50_000_000
        assert exchange.wall_ns() - exchange.book_ns() > 250_000_000
        await until(lambda: not any(book(shown, venue)))
        real.mock.flow.running = True
        await until(lambda: any(book(shown, venue)))


DEEP = FlowSettings(levels=160, noise=0, dislocate=0, take=0)


def take(exchange: Exchange, count: int) -> list[tuple[int, int]]:
    """Somebody takes so many of the best asks; what is left of them."""
    gone = exchange.matching.levels(Side.SELL, count)
    qty = sum(size for _, size in gone)
    exchange.place_background(Side.BUY, gone[-1][0], qty, TimeInForce.IOC)
    return exchange.matching.levels(Side.SELL, 10**6)


async def test_levels_beyond_what_a_snapshot_told_are_asked_for(tmp_path: Path) -> None:
    """KuCoin shows 100 levels a side to who has no key."""
    async with mirrored(tmp_path, 56, DEEP) as (real, shown):
        real.mock.flow.pause()
        await until(lambda: same(real, shown, "kucoin"))
        there = real.mock.faces["kucoin"].exchange
        asks = take(there, 70)
        await until(lambda: book(shown, "kucoin")[1] == asks[:30])
        asks = take(there, 15)
        assert len(asks) == 75
        await until(lambda: book(shown, "kucoin")[1] == asks)


async def test_levels_beyond_what_a_snapshot_told_are_not_guessed(tmp_path: Path) -> None:
    """A change tells of one level, not of those before it."""
    async with mirrored(tmp_path, 62, DEEP) as (real, shown):
        real.mock.flow.pause()
        await until(lambda: same(real, shown, "kucoin"))
        here, there = (m.faces["kucoin"].exchange for m in (shown, real.mock))
        deep, _ = there.matching.levels(Side.SELL, 160)[150]
        there.place_background(Side.SELL, deep, 7 * 10**4, TimeInForce.GTC)
        best: list[int] = []

        class Tape:
            def on_book(self, *_: object) -> None:
                found = here.matching.best(Side.SELL)
                best.extend([] if found is None else [found[0]])

            def __getattr__(self, name: str) -> Any:
                return lambda *_: None

        here.listeners.append(Tape())
        asks = take(there, 130)
        assert asks[0][0] < deep
        await until(lambda: book(shown, "kucoin")[1] == asks)
        assert deep not in best


async def test_an_order_takes_its_time_to_the_venue(tmp_path: Path) -> None:
    async with mirrored(tmp_path, 57, latency_ms=40) as (_, shown):
        rows = shown.faults.rows()
        assert {row["rule"]["venue"] for row in rows} == set(VENUES)
        assert {row["rule"]["params"]["ms"] for row in rows} == {40}
    async with mirrored(tmp_path, 58, latency_ms=0) as (_, shown):
        assert not shown.faults.rows()


async def test_a_resting_order_fills_when_the_real_market_trades_through_it(
    tmp_path: Path,
) -> None:
    async with mirrored(tmp_path, 59) as (real, shown):
        real.mock.flow.pause()
        await until(lambda: same(real, shown, "binance"))
        here, there = (m.faces["binance"].exchange for m in (shown, real.mock))
        price, size = there.matching.levels(Side.BUY, 1)[0]
        mine = buy(here, price, 100, TimeInForce.GTC)
        there.place_background(Side.SELL, price, size // 2, TimeInForce.IOC)
        await until(lambda: dict(here.matching.levels(Side.BUY, 1)).get(price, 0) < size)
        assert mine.filled == 0, "what stood before it at the real venue is not gone"
        (_, left), *_ = there.matching.levels(Side.BUY, 1)
        there.place_background(Side.SELL, price, left + 500, TimeInForce.GTC)
        await until(lambda: mine.filled == 100)
        assert mine.fills[0].price == price


async def test_a_real_venue_that_does_not_answer(tmp_path: Path) -> None:
    async with real_venues(60) as real:
        settings = config(real, tmp_path)
    with pytest.raises(FailedError, match="its public rules cannot be read"):
        async with paper_venues(settings):
            raise AssertionError
