"""A venue that wants to be left alone is: what it forbids is not even tried before it is over.

A request inside the window would be refused and can turn a limit into a ban, and a ban into a
longer one. Whoever asks all the same gets `PausedError` at once, which is no answer of the venue.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from enum import IntEnum
from time import gmtime, monotonic_ns, strftime, time
from typing import Final, NamedTuple, TypeAlias

from xrpfast.errors import XrpfastError

SECOND_NS: Final = 1_000_000_000
LONGEST_S: Final = 3 * 86_400.0
"""No ban is longer; a longer one that is told is a mistake."""
SHORTEST_S: Final = 0.1
SAME_NS: Final = 1_500_000_000
"""Ends so near to each other are of one pause: whole seconds are told, and replies take time."""

_LOG = logging.getLogger("xrpfast.net")


class Reach(IntEnum):
    """What a pause forbids, and what kind a request is: each has in it those before."""

    ORDERS = 0
    """New orders."""
    ALL_BUT_CANCELS = 1
    """Questions too, and new connections."""
    EVERYTHING = 2
    """Cancels too."""


_FORBIDDEN: Final = {
    Reach.ORDERS: "no new orders go there",
    Reach.ALL_BUT_CANCELS: "nothing but cancels goes there",
    Reach.EVERYTHING: "nothing goes there, cancels are impossible too",
}


class Pause(NamedTuple):
    """A venue's word that it wants to be left alone."""

    seconds: float
    reach: Reach
    why: str


Judge: TypeAlias = Callable[[int, Mapping[str, str], bytes], Pause | None]
"""(status, headers, body) of an HTTP answer -> the pause that it asks for, if it does."""


class PausedError(XrpfastError):
    """Nothing was sent, because the venue's pause is not over."""

    def __init__(self, what: str, why: str, until_ns: int) -> None:
        super().__init__(f"{what}: not sent, the venue is left alone until {at(until_ns)}: {why}")
        self.until_ns = until_ns
        """Monotonic."""


class Fuse:
    """One venue's pauses."""

    def __init__(self, venue: str, judge: Judge) -> None:
        self.venue = venue
        self.blown = False
        """Something is forbidden now; new orders always are then."""
        self.on_change: Callable[[str], None] | None = None
        """Told in words what begins to be forbidden and until when; nothing when all is over."""
        self._judge = judge
        self._ends_ns = [0] * len(Reach)
        """Per kind of request: forbidden until then, monotonic."""
        self._why = ""
        self._timer: asyncio.TimerHandle | None = None

    # --- asked ----------------------------------------------------------------------------------

    def forbids(self, kind: Reach) -> bool:
        return self.blown and self._ends_ns[kind] > monotonic_ns()

    def left_s(self, kind: Reach) -> float:
        """Seconds until such a request may leave; 0 when it may."""
        return max(0, self._ends_ns[kind] - monotonic_ns()) / SECOND_NS if self.blown else 0.0

    def check(self, what: str, kind: Reach) -> None:
        """Raises `PausedError` for a request that may not leave now."""
        if self.forbids(kind):
            raise PausedError(what, self._why, self._ends_ns[kind])

    @property
    def until_ns(self) -> int:
        """Monotonic end of what is forbidden longest; new orders always are until then."""
        return self._ends_ns[Reach.ORDERS]

    async def passed(self) -> None:
        """Returns once connections may be made."""
        while self.forbids(Reach.ALL_BUT_CANCELS):
            left_s = self.left_s(Reach.ALL_BUT_CANCELS)
            await asyncio.sleep(left_s)

    # --- told -----------------------------------------------------------------------------------

    def heard(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Any HTTP answer of the venue."""
        pause = self._judge(status, headers, body)
        if pause is not None:
            self.blow(pause)

    def blow(self, pause: Pause) -> None:
        """Forbids what the pause reaches; one that is running is never made shorter."""
        seconds = min(max(pause.seconds, SHORTEST_S), LONGEST_S)
        end_ns = monotonic_ns() + round(seconds * SECOND_NS)
        news = end_ns > self._ends_ns[pause.reach] + SAME_NS
        for kind in range(pause.reach + 1):
            self._ends_ns[kind] = max(self._ends_ns[kind], end_ns)
        self.blown = True
        self._wait()
        if news:
            self._why = pause.why
            text = f"{self.venue}: until {at(end_ns)} {_FORBIDDEN[pause.reach]}: {pause.why}"
            if self.on_change is not None:
                self.on_change(text)
            else:
                urgent = pause.reach is Reach.EVERYTHING
                _LOG.log(logging.CRITICAL if urgent else logging.WARNING, "%s", text)

    def close(self) -> None:
        """Nobody is told any more."""
        self.on_change = None
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        left_s = max(0, self._ends_ns[Reach.ORDERS] - monotonic_ns()) / SECOND_NS
        self._timer = asyncio.get_running_loop().call_later(left_s, self._due)

    def _due(self) -> None:
        if self._ends_ns[Reach.ORDERS] > monotonic_ns():  # the loop's timers are coarser than ours
            self._wait()
            return
        self.blown = False
        self._why = ""
        if self.on_change is not None:
            self.on_change("")


def at(until_ns: int) -> str:
    """A monotonic time for people."""
    wall_s = time() + (until_ns - monotonic_ns()) / SECOND_NS
    return strftime("%Y-%m-%d %H:%M:%S UTC", gmtime(wall_s))
