"""For how long no venue was heard, by what the engine was told and what the venues know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xrpfast.trading.commands import Halt
from xrpfast.trading.events import BookState, Control, LinkState
from xrpfast.trading.risk.silence import SILENT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xrpfast.simulation.virtual.feed import Feed
    from xrpfast.simulation.virtual.venue import VirtualVenue
    from xrpfast.trading.commands import AnyCommand
    from xrpfast.trading.events import AnyEvent


class Unheard:
    """Of one seed; `begin` is a new run."""

    def __init__(self, venues: Mapping[str, VirtualVenue], feed: Feed) -> None:
        self.halts = 0
        """Halts that it led to."""
        self._venues = venues
        self._feed = feed
        self._live: dict[int, bool] = {}
        self._started = False
        self._since_ns: int | None = None

    def begin(self) -> None:
        self._live.clear()
        self._started = False
        self._since_ns = None

    def after(
        self, event: AnyEvent, asked: Sequence[AnyCommand], limit_ns: int, halted: bool
    ) -> str:
        """What is wrong about halts, or the lack of one; empty while nothing is."""
        if isinstance(event, BookState):
            self._live[event.book] = event.state == "LIVE"
        elif isinstance(event, LinkState) and event.link == "market" and not event.up:
            for frames in self._feed.frames:
                if frames.venue.name == event.venue:
                    self._live[frames.book] = False
        elif isinstance(event, Control) and event.action in ("start", "stopped"):
            self._started = event.action == "start"
        heard = any(venue.account_up for venue in self._venues.values())
        if heard or any(self._live.values()) or not self._started:
            self._since_ns = None
        elif self._since_ns is None:
            self._since_ns = event.now_ns
        since_ns = event.now_ns if self._since_ns is None else self._since_ns
        silent_ns = event.now_ns - since_ns
        said = [c for c in asked if isinstance(c, Halt) and c.reason.startswith(SILENT)]
        self.halts += len(said)
        if said and silent_ns < limit_ns:
            return f"halted though a venue was heard {silent_ns} ns ago"
        if silent_ns > limit_ns and not halted:
            return f"no halt, and no venue was heard for {silent_ns} ns"
        return ""
