"""A venue as one who may only cancel sees it: what works there, and its end.

Nothing here can place an order: there is no encoder, no order socket, no approval. REST alone, so
that it works in any process, beside an engine or without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from xrpfast.venues.outcome import Outcome, VenueError

if TYPE_CHECKING:
    from xrpfast.net.fuse import Fuse

API_TIMEOUT_S: Final = 10.0
"""A venue's own engine answers within that time or gives the request up."""
MARGIN_S: Final = 2.0


class Working(NamedTuple):
    """A working order."""

    symbol: str
    """The venue's own."""
    client_id: str
    """As its sender chose it; may be empty."""


class CancelOnly:
    """One venue."""

    name = ""
    no_such_order: frozenset[str] = frozenset()
    """Codes by which the venue refuses to cancel an order that it does not know."""

    def __init__(self, symbols: Sequence[str], fuse: Fuse, late_s: float) -> None:
        self.symbols = list(symbols)
        """Where orders of ours are expected."""
        self.late_s = late_s
        """An order that left can still begin to work so much later."""
        self.fuse = fuse
        """What the venue forbids us for a while."""

    async def sync_clock(self) -> None:
        """Measures the venue's clock, by one question; later requests are stamped by it."""
        raise NotImplementedError

    async def working(self, symbols: Sequence[str] | None) -> list[Working]:
        """All working orders, whoever sent them; of these symbols, or everywhere for None."""
        raise NotImplementedError

    async def cancel(self, symbol: str, client_id: str) -> None:
        """Asks for the end of an order. Raises `XrpfastError` without the venue's consent."""
        raise NotImplementedError

    async def try_cancelling(self, never: str) -> None:
        """Asks for the end of an order that never was, ``never`` its client id: a key that may
        only read is not told from a good one by any question. Raises `XrpfastError` unless the
        venue says that it does not know the order."""
        try:
            await self.cancel(self.symbols[0], never)
        except VenueError as error:
            if error.outcome is not Outcome.UNKNOWN_RECONCILE:
                raise
            if error.code not in self.no_such_order:
                raise

    async def close(self) -> None:
        raise NotImplementedError
