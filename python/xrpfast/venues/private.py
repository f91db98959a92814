"""A venue's private stream: fills and ends of our orders, our balances; others are counted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from time import monotonic_ns, time_ns
from typing import Any

from xrpfast._core import CoreError
from xrpfast.model import SymbolRules
from xrpfast.net.fuse import Fuse
from xrpfast.net.reconnect import GivenUpError, keep_open
from xrpfast.net.websocket import Connection, hung_up
from xrpfast.trading.events import AnyEvent, OrderAck, Terms
from xrpfast.venues.outcome import VenueError
from xrpfast.venues.ports import Sink, link_state

SETUP_TIMEOUT_S = 10.0

_LOG = logging.getLogger("xrpfast.venues")


class Ours:
    """What tells our orders from others', and the rules that turn texts into units."""

    def __init__(self, prefix: str, rules: Iterable[SymbolRules]) -> None:
        self.prefix = prefix
        self.rules: Mapping[str, SymbolRules] = {rule.venue_symbol: rule for rule in rules}
        self.foreign = 0
        """Events of orders that are not ours."""

    def sent(self, client_id: Any) -> bool:
        """Whether an order is ours; counts the others."""
        ours = isinstance(client_id, str) and client_id.startswith(self.prefix)
        self.foreign += not ours
        return ours


def of_no_market(client_id: str, order_id: str, symbol: Any, now_ns: int, wall_ns: int) -> OrderAck:
    """The venue shows an order of ours in a market that is not traded here: whoever knows the order
    sees that it is another."""
    return OrderAck(
        now_ns=now_ns,
        wall_ns=wall_ns,
        client_id=client_id,
        venue_order_id=order_id,
        terms=Terms(instrument=str(symbol)),
    )


class PrivateConnection(Connection):
    """The socket of an account stream; its frames go to the stream."""

    def __init__(self, name: str, owner: AccountStream) -> None:
        super().__init__(name)
        self._owner = owner

    def on_text(self, payload: bytes) -> None:
        self._owner.on_text(payload)

    def on_close(self) -> None:
        self._owner.closed(self)


class AccountStream:
    """One venue's private stream."""

    venue = ""

    def __init__(self, ours: Ours, sink: Sink, fuse: Fuse) -> None:
        self.ours = ours
        self.sink = sink
        self.fuse = fuse
        self.connection: PrivateConnection | None = None
        self.on_key_refused: Callable[[str, str], None] | None = None
        """Told code and text when the venue refuses our key: the stream is not dialled again."""
        self.unreadable = 0
        self._whole_since_ns: int | None = None
        """Monotonic; since then every event of ours has reached us. None: the stream is down, or
        what it missed was not asked for yet."""
        self._up_ns = 0
        self._began = False
        self._setup: asyncio.Future[None] | None = None

    # --- per venue ------------------------------------------------------------------------------

    async def dial(self) -> Connection:
        """Connects and subscribes; returns once the venue has confirmed."""
        raise NotImplementedError

    def parse(self, payload: bytes, now_ns: int, wall_ns: int) -> list[AnyEvent]:
        """The events of one message. Raises when it cannot be read."""
        raise NotImplementedError

    # --- life -----------------------------------------------------------------------------------

    def on_text(self, payload: bytes) -> None:
        try:
            events = self.parse(payload, monotonic_ns(), time_ns())
        except (CoreError, ValueError, KeyError, TypeError, AttributeError) as error:
            # A fill could hide behind it: the stream starts over and the orders are asked about.
            self.unreadable += 1
            _LOG.error("%s account: unreadable message: %s", self.venue, error)
            if self.connection is not None:
                self.connection.abort()
            return
        if events:
            self.sink.on_events(events)

    async def run(self) -> None:
        """Keeps the stream up until cancelled."""
        await keep_open(f"{self.venue} account", self._dial, self.fuse)

    async def _dial(self) -> Connection:
        try:
            connection = await self.dial()
        except VenueError as error:
            if not error.of_key(left_alone=self.fuse.blown):
                raise
            if self.on_key_refused is not None:
                self.on_key_refused(error.code, error.text)
            raise GivenUpError(str(error)) from error
        self._up_ns = monotonic_ns()
        if not self._began:
            self._began, self._whole_since_ns = True, 0  # nothing of ours was sent before
        self.sink.on_events((link_state(self.venue, "account", True),))
        return connection

    def heard_all_since(self, time_ns: int) -> bool:
        """Whether every event of our orders since then (monotonic) has reached us."""
        return self._whole_since_ns is not None and self._whole_since_ns <= time_ns

    def caught_up(self, asked_ns: int) -> None:
        """All that the venue knows of us was asked for, beginning at ``asked_ns``: what a gap
        before that hid is known now."""
        if self.connection is not None and asked_ns >= self._up_ns:
            self._whole_since_ns = 0

    async def confirmed(self, connection: PrivateConnection, opening: asyncio.Future[None]) -> None:
        """Waits for the venue's confirmation; hangs up when it does not come."""
        try:
            async with asyncio.timeout(SETUP_TIMEOUT_S):
                await opening
        except BaseException:
            connection.abort()
            raise
        if not connection.is_open:
            raise ConnectionError("closed during set-up")
        self.connection = connection

    def closed(self, connection: PrivateConnection) -> None:
        hung_up(self._setup)
        if connection is self.connection:
            self.connection = None
            self._whole_since_ns = None
            self.sink.on_events((link_state(self.venue, "account", False),))

    async def close(self) -> None:
        if self.connection is not None:
            await self.connection.close()
