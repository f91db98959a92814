"""A venue as anybody may see it: the shape of its public market data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from xrpfast._core import Market
    from xrpfast.model import SymbolRules
    from xrpfast.net.clock import ClockOffset
    from xrpfast.net.fuse import Fuse
    from xrpfast.venues.ports import Sink
    from xrpfast.venues.reach import Way
    from xrpfast.venues.stream import MarketStream

Edges: TypeAlias = tuple[str | None, str | None]
"""The lowest bid and the highest ask of a snapshot, as decimal texts; None: it has the whole side.
Of prices beyond, only what changed since is known."""


class MarketData(Protocol):
    """One venue."""

    name: str
    fuse: Fuse

    async def sync_clock(self) -> ClockOffset:
        """Measures the venue's clock."""

    async def rules(self, instrument: str, fee: str) -> SymbolRules:
        """A symbol's rules; ``fee``: maker and taker rate as a part of one, which the venue tells
        nobody without a key. Raises `UsageError` for an unknown symbol, `FailedError` for one that
        does not trade."""

    def stream(self, market: Market, book: int, symbol: str, sink: Sink) -> MarketStream:
        """The socket that keeps one book in step; nothing connects yet."""

    def edges(self, snapshot: bytes) -> Edges:
        """How far a snapshot's body reaches."""

    async def reach(self) -> list[Way]:
        """Goes every public way to the venue. Never raises for what is not there."""

    async def close(self) -> None: ...
