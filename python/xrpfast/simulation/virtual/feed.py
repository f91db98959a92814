"""The market as an engine sees it: seeded flow, frames in the venues' formats, the native books.

The frames go through the live decoder, books and detectors (`Market`): at some 10 µs a frame that
is cheaper than an edge computed in Python, and staleness, gaps and crossed books are the live ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from xrpfast._core import Market, SpreadDetector, format_units
from xrpfast.simulation.flow.seeded import SeededMarket
from xrpfast.simulation.flow.settings import FlowSettings
from xrpfast.simulation.virtual.loop import MS, SECOND

if TYPE_CHECKING:
    from xrpfast._core import Batch
    from xrpfast.simulation.account import Account, BalanceChange
    from xrpfast.simulation.orders import Fill, Order, Trade
    from xrpfast.simulation.virtual.faults import Faults
    from xrpfast.simulation.virtual.loop import Loop
    from xrpfast.simulation.virtual.venue import VirtualVenue

STEP_NS: Final = 25 * MS
UNHEARD_NS: Final = 200 * MS
"""While nobody listens the market needs no more steps than to be another one afterwards."""
FLOW: Final = FlowSettings(
    levels=3, refresh=1, dislocate=0.12, dislocated_steps=(3, 10), offset=(0.003, 0.006)
)
MIN_EDGE: Final = 10_000
"""1 basis point, in 10^-8."""


class Hears(Protocol):
    """Who acts on the market."""

    def on_batch(self, batch: Batch) -> None: ...
    def on_market_link(self, venue: str, up: bool) -> None: ...


class Frames:
    """The level changes of one venue since the last frame."""

    def __init__(self, venue: VirtualVenue, book: int) -> None:
        self.venue = venue
        self.book = book
        self.up = True
        self.asked = False
        """A snapshot is on its way."""
        self.told_ns = 0
        """When the latest frame arrives: none overtakes another."""
        self.frozen_ns = 0
        """Until then nothing is told, the connection stays."""
        self.crossing: tuple[int, int] | None = None
        """(price, when it goes) of a level that never was."""
        self._changes: list[tuple[int, int, int]] = []
        self._first = 0
        self._last = 0
        venue.exchange.listeners.append(self)

    def on_order(self, kind: str, order: Order, fill: Fill | None) -> None:
        pass

    def on_balances(self, account: Account, changes: list[BalanceChange]) -> None:
        pass

    def on_trade(self, trade: Trade) -> None:
        pass

    def on_book(self, changes: list[tuple[int, int, int]], first: int, last: int) -> None:
        if not self._changes:
            self._first = first
        self._changes += changes
        self._last = last

    def drop(self) -> None:
        """Nobody is told of what changed."""
        self._changes = []

    def take(self) -> bytes | None:
        """One frame of all that changed, in the venue's format."""
        if not self._changes:
            return None
        price, qty = self.venue.rules.price_decimals, self.venue.rules.qty_decimals
        sides: tuple[list[Any], list[Any]] = ([], [])
        kucoin = self.venue.name == "kucoin"
        for at, (side, level, size) in enumerate(self._changes):
            row = [format_units(level, price), format_units(size, qty)]
            sides[side].append([*row, str(self._first + at)] if kucoin else row)
        self._changes = []
        bids, asks = sides
        if kucoin:
            data = {
                "changes": {"asks": asks, "bids": bids},
                "sequenceStart": self._first,
                "sequenceEnd": self._last,
                "symbol": self.venue.rules.venue_symbol,
            }
            topic = f"/market/level2:{self.venue.rules.venue_symbol}"
            message = {"type": "message", "topic": topic, "subject": "trade.l2update", "data": data}
            return orjson.dumps(message)
        return orjson.dumps(
            {
                "e": "depthUpdate",
                "E": 1,
                "s": self.venue.rules.venue_symbol,
                "U": self._first,
                "u": self._last,
                "b": bids,
                "a": asks,
            }
        )

    def snapshot(self) -> bytes:
        """The book as it is now, in the venue's format."""
        exchange, rules = self.venue.exchange, self.venue.rules
        bids, asks = (
            [
                [format_units(p, rules.price_decimals), format_units(q, rules.qty_decimals)]
                for p, q in exchange.matching.levels(side, 1_000)
            ]
            for side in (0, 1)
        )
        if self.venue.name == "binance":
            return orjson.dumps({"lastUpdateId": exchange.sequence, "bids": bids, "asks": asks})
        data = {"sequence": str(exchange.sequence), "bids": bids, "asks": asks}
        return orjson.dumps({"code": "200000", "data": data})


class Feed:
    """Both books and their detectors; `attach` begins with new native books for a new engine."""

    def __init__(self, loop: Loop, venues: list[VirtualVenue], faults: Faults, seed: int) -> None:
        self.flow = SeededMarket([venue.exchange for venue in venues], seed, FLOW)
        self.frames = [Frames(venue, book) for book, venue in enumerate(venues)]
        self.market = Market()
        self.hears: Hears | None = None
        self._loop = loop
        self._faults = faults
        self._run = 0

    def attach(self, hears: Hears | None) -> None:
        """Who hears from now on; None: nobody, the market goes on."""
        self._run += 1
        self.hears = hears
        self.market = market = Market()
        for frames in self.frames:
            rules = frames.venue.rules
            book = market.add_book(
                rules.venue,
                rules.venue_symbol,
                price_decimals=rules.price_decimals,
                qty_decimals=rules.qty_decimals,
                tick=rules.tick,
                lot=rules.lot,
                min_qty=rules.min_qty,
                max_qty=rules.max_qty,
                min_notional=rules.min_notional,
                taker_rate=rules.taker_rate,
            )
            assert book == market.add_stream(rules.venue) == frames.book
            frames.up, frames.asked = True, False
            if hears is not None:
                hears.on_market_link(rules.venue, True)
        detector = SpreadDetector(MIN_EDGE, "400")
        assert (market.add_detector(detector, 0, 1), market.add_detector(detector, 1, 0)) == (0, 1)

    def start(self) -> None:
        """Steps the market for ever."""
        self._loop.call(STEP_NS, self._step)

    def _step(self) -> None:
        self._loop.call(STEP_NS if self.hears is not None else UNHEARD_NS, self._step)
        self.flow.step()
        for frames in self.frames:
            self._tell(frames)
        if self._faults.hit("both_burst"):
            for _ in range(self._faults.between(10, 40)):
                self.flow.shake()
                for frames in self.frames:
                    self._tell(frames)

    def _tell(self, frames: Frames) -> None:
        faults, now_ns = self._faults, self._loop.now_ns
        self._cross(frames)
        if self.hears is None:
            frames.drop()
            return
        payload = frames.take()
        if frames.venue.down and frames.up:
            self._drop(frames, SECOND)
        if not frames.up:
            return
        if faults.hit("market_down"):
            self._drop(frames, faults.between(50 * MS, 2 * SECOND))
            return
        if faults.hit("book_frozen"):
            frames.frozen_ns = now_ns + faults.between(300 * MS, 2 * SECOND)
        if payload is not None and now_ns >= frames.frozen_ns and not faults.hit("frame_lost"):
            frames.told_ns = max(frames.told_ns, now_ns + faults.between(MS // 2, 3 * MS))
            self._loop.call(frames.told_ns - now_ns, self._frame, self._run, frames, payload)
        if self.market.state(frames.book) != "LIVE" and not frames.asked:
            frames.asked = True
            self.market.resync(frames.book)
            delay = faults.between(20 * MS, 200 * MS)
            self._loop.call(delay, self._snapshot, self._run, frames)

    def _cross(self, frames: Frames) -> None:
        """A bid above the best ask appears in what is told, and goes again."""
        exchange = frames.venue.exchange
        if frames.crossing is not None:
            price, until_ns = frames.crossing
            if self._loop.now_ns >= until_ns:
                frames.crossing = None
                exchange.pretend([(0, price, 0)])
        elif self._faults.hit("book_crossed"):
            best = exchange.matching.best(1)
            if best is not None:
                price = best[0] + frames.venue.rules.tick * 10
                until_ns = self._loop.now_ns + self._faults.between(20 * MS, 500 * MS)
                frames.crossing = price, until_ns
                exchange.pretend([(0, price, 10 ** (frames.venue.rules.qty_decimals + 2))])

    def _frame(self, run: int, frames: Frames, payload: bytes) -> None:
        if run == self._run and frames.up and self.hears is not None:
            batch = self.market.on_frame(frames.book, payload, self._loop.now_ns)
            if batch is not None:
                self.hears.on_batch(batch)

    def _snapshot(self, run: int, frames: Frames) -> None:
        if run != self._run or self.hears is None:
            return
        frames.asked = False
        if frames.up and not frames.venue.down:
            batch = self.market.on_snapshot(frames.book, frames.snapshot(), self._loop.now_ns)
            if batch is not None:
                self.hears.on_batch(batch)

    def _drop(self, frames: Frames, back_ns: int) -> None:
        assert self.hears is not None
        frames.up = False
        run = self._run
        self._loop.call(back_ns, self._back, run, frames)
        self.hears.on_market_link(frames.venue.name, False)
        if run == self._run:
            batch = self.market.stream_down(frames.book)
            if batch is not None:
                self.hears.on_batch(batch)

    def _back(self, run: int, frames: Frames) -> None:
        if run != self._run or self.hears is None:
            return
        if frames.venue.down:
            self._loop.call(200 * MS, self._back, run, frames)
            return
        frames.up = True
        self.hears.on_market_link(frames.venue.name, True)
