"""One real venue's public book, mirrored on the exchange of a paper venue.

Only a book that is in step is shown. One that is not (its socket down, a gap, bids that reach asks,
nothing heard for `FROZEN_S`) is no market: the paper venue then cuts its market sockets, so that
the engine sees at once what it would see of the real venue, and nothing can be traded there.
What is shown carries the time that the real venue gave it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Final, Protocol, cast

from xrpfast._core import Market, parse_units
from xrpfast.errors import XrpfastError
from xrpfast.simulation.flow import GivenBook

if TYPE_CHECKING:
    from xrpfast._core import Batch
    from xrpfast.model import SymbolRules
    from xrpfast.simulation.exchange import Exchange
    from xrpfast.trading.events import AnyEvent
    from xrpfast.venues.data import MarketData
    from xrpfast.venues.stream import MarketStream

LEVELS: Final = 100
"""Shown a side."""
LEAST_LEVELS: Final = 20
"""A side of which fewer are known is asked for again: a snapshot reaches only so far."""
REFRESH_NS: Final = 2_000_000_000
"""At least between two such questions; meanwhile the book stands and ages."""
FROZEN_NS: Final = 5_000_000_000
LOOK_S: Final = 0.2
CLOCK_S: Final = 30.0

_LOG = logging.getLogger("xrpfast.paper")


class PaperFace(Protocol):
    """A mock venue's face, as far as its market is concerned."""

    exchange: Exchange

    def open_market(self, is_open: bool) -> None: ...

    def flush_market(self) -> None: ...


class Mirror:
    """Keeps one paper venue's book equal to one real venue's."""

    def __init__(self, source: MarketData, rules: SymbolRules, face: PaperFace) -> None:
        self.up = asyncio.Event()
        """While there is a market."""
        self.why_not = "nothing heard yet"
        self._source = source
        self._rules = rules
        self._face = face
        self._book = GivenBook(face.exchange, keeps_taken=True)
        self._market = market = Market()
        self._id = market.add_book(
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
        self._stream = source.stream(
            cast("Market", _Told(market, self._changed, self._snapshot)),
            self._id,
            rules.venue_symbol,
            self,
        )
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._due = False
        self._lowest: int | None = None
        self._highest: int | None = None
        """Of prices beyond these not every level is known; None: of all."""
        self._refreshed_ns = 0
        self._refreshing = False
        self._data_ns = 0
        self._data_wall_ns = 0
        face.exchange.book_ns = lambda: self._data_wall_ns
        face.open_market(False)

    async def run(self) -> None:
        """Follows the venue until cancelled."""
        work = [self._stream.run(), self._keep_clock(), self._look()]
        try:
            await asyncio.gather(*work, self._failure)
        finally:
            await self._stream.close()

    # --- what the venue's socket leads to -------------------------------------------------------

    def on_batch(self, batch: Batch, source: MarketStream) -> None:
        """Standings of the book, and frames that are no market data."""
        for kind, book, text in batch.notes:
            if kind == "state":
                source.on_book_state(book, text)
            elif kind == "control":
                source.on_control(text)
            else:
                _LOG.error("%s: malformed: %s", self._source.name, text)
        self._market.consume()
        self._changed()

    def on_events(self, events: Sequence[AnyEvent]) -> None:
        """Of links: what they mean for the book is seen in the book."""
        self._changed()

    def _changed(self) -> None:
        """Looks once the burst is over."""
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._look_now)

    def _snapshot(self, raw: bytes) -> None:
        lowest, highest = self._source.edges(raw)
        decimals = self._rules.price_decimals
        self._lowest = None if lowest is None else parse_units(lowest, decimals)
        self._highest = None if highest is None else parse_units(highest, decimals)

    # --- the book -------------------------------------------------------------------------------

    def _look_now(self) -> None:
        """A mirror that fails would be a market that stands still: it ends whoever shows it."""
        self._due = False
        try:
            self._show()
        except Exception as error:
            if not self._failure.done():
                self._failure.set_exception(error)

    def _show(self) -> None:
        now_ns = monotonic_ns()
        state, _, _, data_ns, recv_ns = self._market.view(self._id)
        if state == "SYNCING" and self._refreshing and now_ns - self._refreshed_ns < REFRESH_NS:
            return
        if state != "LIVE":
            self._close(f"the book is {state}")
            return
        self._refreshing = False
        if now_ns - recv_ns > FROZEN_NS:
            self._close(f"nothing heard for {FROZEN_NS // 1_000_000_000} s")
            return
        if data_ns < 0:
            return  # nothing that has a time vouches for it yet
        bids, asks = self._known()
        if min(len(bids), len(asks)) < LEAST_LEVELS:
            self._refresh(now_ns)
        newer = data_ns > self._data_ns
        self._data_ns = data_ns
        self._data_wall_ns = time_ns() - (now_ns - data_ns)
        if not bids or not asks:
            self.why_not = "a side of the book is empty, or not known"
            self._book.withhold()
        else:
            self._book.show(bids, asks)
            self._open()
        if newer:
            self._face.flush_market()

    def _known(self) -> tuple[dict[int, int], dict[int, int]]:
        """The levels of which every one is known, best first."""
        sides = self._market.depth(self._id, LEVELS)
        bids: dict[int, int] = {}
        asks: dict[int, int] = {}
        for price, qty in sides[0]:
            if qty and (self._lowest is None or price >= self._lowest):
                bids[price] = bids.get(price, 0) + qty
        for price, qty in sides[1]:
            if qty and (self._highest is None or price <= self._highest):
                asks[price] = asks.get(price, 0) + qty
        return bids, asks

    def _refresh(self, now_ns: int) -> None:
        """Another snapshot, unless the last one has all that there is, or was just now."""
        if self._lowest is None and self._highest is None:
            return
        if now_ns - self._refreshed_ns >= REFRESH_NS:
            self._refreshed_ns, self._refreshing = now_ns, True
            asyncio.get_running_loop().call_soon(self._stream.refresh, self._id)

    def _open(self) -> None:
        if not self.up.is_set():
            self.up.set()
            self._face.open_market(True)
            _LOG.info("%s: the market is open", self._source.name)

    def _close(self, why: str) -> None:
        """No market any more: first for who listens, then for orders."""
        self.why_not = why
        if self.up.is_set():
            _LOG.warning("%s: the market is closed: %s", self._source.name, why)
            self.up.clear()
            self._face.open_market(False)
            self._book.withhold()

    # --- beside ---------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Silence calls nobody."""
        while True:
            await asyncio.sleep(LOOK_S)
            self._changed()

    async def _keep_clock(self) -> None:
        while True:
            with contextlib.suppress(XrpfastError, ValueError, KeyError, TypeError):
                offset = await self._source.sync_clock()
                self._market.set_clock(self._source.name, offset.mono_ns)
            await asyncio.sleep(CLOCK_S)


class _Told:
    """The native market, for a stream: tells of every frame, and shows every snapshot.

    A stream gives a batch on only when something is pending in it; a book changes without that.
    """

    def __init__(
        self, market: Market, changed: Callable[[], None], snapshot: Callable[[bytes], None]
    ) -> None:
        self._market = market
        self._changed = changed
        self._look_at = snapshot

    def __getattr__(self, name: str) -> object:
        return getattr(self._market, name)

    def on_frame(self, stream: int, payload: memoryview, recv_ns: int) -> Batch | None:
        self._changed()
        return self._market.on_frame(stream, payload, recv_ns)

    def on_snapshot(self, book: int, raw: bytes, recv_ns: int) -> Batch | None:
        batch = self._market.on_snapshot(book, raw, recv_ns)
        self._look_at(raw)
        self._changed()
        return batch
