"""What the venues tell, and whom: the seam between a venue's sockets and the driver."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Protocol

from xrpfast.trading.events import AnyEvent, LinkState

if TYPE_CHECKING:
    from xrpfast._core import Batch
    from xrpfast.venues.stream import MarketStream


class Sink(Protocol):
    """The driver, as a venue sees it. Everything is taken at once, in the caller's callback."""

    def on_batch(self, batch: Batch, source: MarketStream) -> None:
        """What frames of one socket led to."""

    def on_events(self, events: Sequence[AnyEvent]) -> None:
        """Facts about orders, balances and links, in the order in which they arrived."""


def link_state(
    venue: str, link: str, up: bool, reason: str = "", paused_until_ns: int = 0
) -> LinkState:
    """A link event stamped now."""
    return LinkState(
        now_ns=monotonic_ns(),
        wall_ns=time_ns(),
        venue=venue,
        link=link,
        up=up,
        reason=reason,
        paused_until_ns=paused_until_ns,
    )
