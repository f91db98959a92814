"""A venue's market data socket: frames into the native `Market`, books kept in step.

The venue says how to dial and where snapshots come from; the rest is the same everywhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Final

from picows import WSFrame, WSTransport

from xrpfast._core import CoreError
from xrpfast.errors import XrpfastError
from xrpfast.net.backoff import Backoff
from xrpfast.net.reconnect import keep_open
from xrpfast.net.websocket import DATA, TEXT, Connection
from xrpfast.venues.ports import Sink, link_state

if TYPE_CHECKING:
    from xrpfast._core import Market
    from xrpfast.net.fuse import Fuse

MAX_SNAPSHOTS: Final = 8
"""Snapshots tried for one book before its socket is dropped and everything starts over."""
FIRST_WAIT_S: Final = 0.15
LONGEST_WAIT_S: Final = 2.0
_BROKEN: Final = frozenset({"GAP", "CROSSED"})

_LOG = logging.getLogger("xrpfast.venues")


class MarketConnection(Connection):
    """The hot path's first step: one native call a frame, one decision a burst."""

    def __init__(self, name: str, owner: MarketStream) -> None:
        super().__init__(name)
        self._owner = owner
        self._stream = owner.stream_id
        self._on_frame = owner.market.on_frame
        self._pending = owner.market.pending
        self._deliver = owner.sink.on_batch

    def on_open(self) -> None:
        self._owner.connection = self

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        recv_ns = monotonic_ns()
        self.heard = True
        if frame.msg_type == TEXT and frame.fin:
            batch = self._on_frame(self._stream, frame.get_payload_as_memoryview(), recv_ns)
            if batch is not None and frame.last_in_buffer:
                self._deliver(batch, self._owner)
        else:
            self._rare(transport, frame, recv_ns)

    def _rare(self, transport: WSTransport, frame: WSFrame, recv_ns: int) -> None:
        message = None
        if frame.msg_type in DATA:
            message = self.join(frame)
        else:
            self.on_control_frame(transport, frame)
        if message is None:
            batch = self._pending()
        else:
            batch = self._on_frame(self._stream, message, recv_ns)
        if batch is not None and frame.last_in_buffer:
            self._deliver(batch, self._owner)

    def on_close(self) -> None:
        self._owner.closed(self)


class MarketStream:
    """One socket with the books that live on it."""

    venue = ""

    def __init__(self, market: Market, books: Mapping[int, str], sink: Sink, fuse: Fuse) -> None:
        """``books``: native book id -> the venue's symbol."""
        self.market = market
        self.books = dict(books)
        self.sink = sink
        self.fuse = fuse
        self.stream_id = market.add_stream(self.venue)
        self.connection: MarketConnection | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._live = {book: asyncio.Event() for book in books}

    # --- per venue ------------------------------------------------------------------------------

    async def dial(self) -> Connection:
        """Opens the socket and subscribes."""
        raise NotImplementedError

    async def snapshot(self, symbol: str) -> bytes:
        """The body of a REST snapshot."""
        raise NotImplementedError

    def on_control(self, text: str) -> None:
        """A frame that is no market data: acknowledgement, pong, error, welcome."""

    # --- life -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keeps the socket up until cancelled."""
        await keep_open(f"{self.venue} market", self._dial, self.fuse)

    async def _dial(self) -> Connection:
        connection = await self.dial()
        if connection is not self.connection:
            return connection  # closed again already
        self.sink.on_events((link_state(self.venue, "market", True),))
        for book in self.books:
            self._resync(book)
        return connection

    def closed(self, connection: MarketConnection) -> None:
        """Every book of the socket is STALE from this moment."""
        if connection is not self.connection:
            return
        self.connection = None
        for book, task in self._tasks.items():
            task.cancel()
            self._live[book].clear()
        self.sink.on_events((link_state(self.venue, "market", False),))
        batch = self.market.stream_down(self.stream_id)
        if batch is not None:
            self.sink.on_batch(batch, self)

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self.connection is not None:
            await self.connection.close()

    # --- books ----------------------------------------------------------------------------------

    def on_book_state(self, book: int, state: str) -> None:
        """Told by the driver, in the middle of a batch: the market itself is touched later."""
        event = self._live.get(book)
        if event is None:
            return
        if state == "LIVE":
            event.set()
        else:
            event.clear()
            if state in _BROKEN:
                asyncio.get_running_loop().call_soon(self._resync, book)

    def refresh(self, book: int) -> None:
        """Starts a book over by a new snapshot, on the socket that stands."""
        self._resync(book)

    def _resync(self, book: int) -> None:
        if self.connection is None:
            return
        self._live[book].clear()
        self.market.resync(book)
        batch = self.market.pending()
        if batch is not None:
            self.sink.on_batch(batch, self)
        task = self._tasks.get(book)
        if task is None or task.done():
            task = asyncio.get_running_loop().create_task(self._bring_live(book))
            task.add_done_callback(self._brought)
            self._tasks[book] = task

    def _brought(self, task: asyncio.Task[None]) -> None:
        """What was not foreseen must not leave a book dead in silence: the socket starts over."""
        if task.cancelled() or task.exception() is None:
            return
        _LOG.error("%s: a book could not be synchronised", self.venue, exc_info=task.exception())
        if self.connection is not None:
            self.connection.abort()

    async def _bring_live(self, book: int) -> None:
        """Fetches snapshots until one fits the buffered frames; bounded."""
        symbol, live = self.books[book], self._live[book]
        backoff = Backoff(FIRST_WAIT_S, LONGEST_WAIT_S)
        for _ in range(MAX_SNAPSHOTS):
            try:
                raw = await self.snapshot(symbol)
                batch = self.market.on_snapshot(book, raw, monotonic_ns())
            except (CoreError, XrpfastError) as error:
                _LOG.warning("%s %s: no snapshot: %s", self.venue, symbol, error)
            else:
                if batch is not None:
                    self.sink.on_batch(batch, self)
            if self.market.state(book) == "LIVE":
                return
            try:
                async with asyncio.timeout(backoff.next_delay()):
                    await live.wait()
            except TimeoutError:
                continue
            return
        _LOG.warning("%s %s: %d snapshots did not fit", self.venue, symbol, MAX_SNAPSHOTS)
        if self.connection is not None:
            self.connection.abort()

    def counters(self) -> dict[str, Any]:
        return {"connected": self.connection is not None}
