"""Mock venues on a thread and loop of their own, so that clients that block can call them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from xrpfast.model import Side
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.server import MockVenues, mock_venues

THREAD = "mock venues"
PATIENCE = 30.0
T = TypeVar("T")
Levels = list[tuple[Decimal, Decimal]]


@dataclass(frozen=True, slots=True)
class RunningMock:
    """Running mock venues, seen from another thread: touch what is theirs inside `call` only."""

    venues: MockVenues
    loop: asyncio.AbstractEventLoop

    def __getitem__(self, venue: str) -> Mapping[str, Any]:
        """URLs and keys of a venue, those of the other kind too, as the `mock` command prints
        them."""
        line = self.venues.line
        found: Mapping[str, Any] = line["venues"][venue] | line["ed25519"].get(venue, {})
        return found

    def call(self, function: Callable[[], T]) -> T:
        """The function's result, run on the mock's own thread."""

        async def run() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(PATIENCE)

    def exchange(self, venue: str) -> Exchange:
        return self.venues.faces[venue].exchange

    def pause(self) -> None:
        """Lets the market stand still; what clients place still trades."""
        self.call(self.venues.flow.pause)

    def resume(self) -> None:
        def run() -> None:
            self.venues.flow.running = True

        self.call(run)

    def steps(self, count: int) -> None:
        """Moves the market by that many of its steps at once, whether it runs or not."""

        def run() -> None:
            for _ in range(count):
                self.venues.flow.step()

        self.call(run)

    def balances(self, venue: str) -> dict[str, tuple[Decimal, Decimal]]:
        """Free and locked of each asset of the customer whose keys the line tells."""
        account = self.exchange(venue).accounts[self[venue]["api_key"]]

        def read() -> dict[str, tuple[Decimal, Decimal]]:
            return {
                asset: (Decimal(held.free).scaleb(-18), Decimal(held.locked).scaleb(-18))
                for asset, held in account.balances.items()
            }

        return self.call(read)

    def book(self, venue: str, depth: int) -> tuple[Levels, Levels]:
        """The venue's own book: bids and asks, best first, as (price, quantity)."""
        exchange = self.exchange(venue)
        rules = exchange.rules

        def levels(side: Side) -> Levels:
            return [
                (
                    Decimal(price).scaleb(-rules.price_decimals),
                    Decimal(qty).scaleb(-rules.qty_decimals),
                )
                for price, qty in exchange.matching.levels(side, depth)
            ]

        return self.call(lambda: (levels(Side.BUY), levels(Side.SELL)))

    def last_price(self, venue: str) -> Decimal:
        """Of the newest trade."""
        exchange = self.exchange(venue)
        trade = self.call(lambda: exchange.last_trade)
        assert trade is not None, "nobody has traded yet"
        return Decimal(trade.price).scaleb(-exchange.rules.price_decimals)

    def touch(self, venue: str) -> tuple[Decimal, Decimal]:
        """Best bid and best ask."""
        bids, asks = self.book(venue, 1)
        return bids[0][0], asks[0][0]


@contextmanager
def running_mock(venues: Sequence[str], *, seed: int = 5) -> Iterator[RunningMock]:
    """Serves the venues until the block ends; what killed them is raised at its end."""
    ready: Future[RunningMock] = Future()
    leave: list[Callable[[], object]] = []

    async def serve() -> None:
        loop, left = asyncio.get_running_loop(), asyncio.Event()
        leave.append(lambda: loop.call_soon_threadsafe(left.set))
        async with mock_venues(venues, seed=seed) as running:
            ready.set_result(RunningMock(running, loop))
            await left.wait()

    ended: Future[None] = Future()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            ended.set_exception(error)
            if not ready.done():
                ready.set_exception(error)
        else:
            ended.set_result(None)

    thread = threading.Thread(target=run, name=THREAD)
    thread.start()
    try:
        yield ready.result(PATIENCE)
    finally:
        if not ended.done():
            leave[0]()
        thread.join(PATIENCE)
    ended.result(0)
