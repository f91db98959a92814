"""Own orders off every venue, whoever asks and whether an engine runs or not.

A cancel cannot open a position, so nothing of the engine is needed for it. Each venue is asked what
works there; orders of ours are cancelled by their own ids, those of others are left alone (a
venue's cancel-all knows no difference). The venues are worked on in parallel, each until it lists
none of ours any more, and twice more after the time in which a request that was on its way can
still become an order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from time import monotonic_ns, time_ns
from typing import Any, Final

import msgspec

from xrpfast.net.backoff import Backoff
from xrpfast.net.fuse import PausedError, Reach
from xrpfast.trading.client_ids import PREFIX_LENGTH, is_ours
from xrpfast.venues.canceller import CancelOnly, Working
from xrpfast.venues.outcome import Outcome, VenueError

WITHIN_S: Final = 60.0
CALL_S: Final = 3.0
"""One request without an answer for so long is given up: the next one may get through."""
AT_ONCE: Final = 10
"""Cancels on their way to one venue."""
PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 2.0
AGAIN_S: Final = 1.0
"""Between two looks at a venue that lists none of ours."""
LIMITED_S: Final = 1.0
LONGEST_LIMITED_S: Final = 16.0
"""Under a rate limit one cancel is tried after such a time, then after twice as long."""

CANCELLED: Final = "cancelled"
GONE: Final = "gone"
WORKING: Final = "may work"

_LOG = logging.getLogger("xrpfast.service")

Wanted = Callable[[str, Working], bool]
"""Whether an order of ours at a venue is to be cancelled."""


class Known(msgspec.Struct, frozen=True):
    """An order that is cancelled without asking first whether it works."""

    venue: str
    symbol: str
    """The venue's own."""
    client_id: str


class OrderReceipt(msgspec.Struct):
    """What became of one order."""

    symbol: str
    client_id: str
    fate: str
    """``cancelled``: the venue said so. ``gone``: it ended otherwise, by a fill perhaps.
    ``may work``: nobody knows."""


class VenueReceipt(msgspec.Struct):
    """One venue; times in milliseconds from the beginning, None for what did not happen."""

    venue: str
    orders: list[OrderReceipt] = []
    foreign: int = 0
    """Working orders that are not ours, left alone, when it was last asked."""
    first_cancel_ms: float | None = None
    """The first cancel left."""
    first_cancelled_ms: float | None = None
    """The venue confirmed the first one."""
    empty_ms: float | None = None
    """The venue first listed none of ours."""
    verified_ms: float | None = None
    """It still did, when nothing could be on its way to it any more."""
    problem: str = "it was not asked"
    """What is not verified and why; empty once all is."""
    requests: int = 0
    failures: int = 0
    """Requests that were refused or not answered."""

    @property
    def left(self) -> list[str]:
        """Client ids that may still work."""
        return [order.client_id for order in self.orders if order.fate == WORKING]


class Receipt(msgspec.Struct):
    """All venues."""

    prefix: str
    began_wall_ns: int
    venues: list[VenueReceipt]

    @property
    def verified(self) -> bool:
        return all(venue.verified_ms is not None for venue in self.venues)

    @property
    def cancelled(self) -> int:
        """Orders that a venue cancelled for us."""
        return sum(order.fate == CANCELLED for venue in self.venues for order in venue.orders)

    def text(self) -> str:
        """One line for a person."""
        problems = [f"{venue.venue}: {venue.problem}" for venue in self.venues if venue.problem]
        if problems:
            return f"NOT all own orders are cancelled: {'; '.join(problems)}"
        return f"own orders are cancelled ({self.cancelled}), every venue lists none"


async def cancel_own(
    venues: Sequence[CancelOnly],
    prefix: str,
    *,
    also: Collection[str] = (),
    known: Iterable[Known] = (),
    last_sent_ns: int | None = None,
    within_s: float | None = WITHIN_S,
    watch: Callable[[Receipt], None] | None = None,
    wanted: Wanted | None = None,
) -> Receipt:
    """Cancels every working order whose id begins with ``prefix``. Never raises for a venue.

    ``also``: other prefixes of ours. ``known``: orders that may work, cancelled at once.
    ``last_sent_ns`` (monotonic): when an order can last have left, and have been neither answered
    nor ended; now, if it is not known. What is not verified after ``within_s`` is said to be not;
    None: it goes on until all is. ``watch`` gets the receipt at once; it always says how things
    stand. ``wanted``: these alone of our orders.
    """
    prefixes = (prefix, *also)
    for one in prefixes:
        if len(one) != PREFIX_LENGTH:
            raise ValueError(f"{one!r} tells no own orders from those of others")
    now_ns = monotonic_ns()
    age_s = 0.0 if last_sent_ns is None else max(0.0, (now_ns - last_sent_ns) / 1e9)
    began = asyncio.get_running_loop().time()
    receipt = Receipt(prefix, time_ns(), [VenueReceipt(venue.name) for venue in venues])
    if watch is not None:
        watch(receipt)
    told = tuple(known)
    await asyncio.gather(
        *(
            _AtVenue(venue, prefixes, wanted, said, began, age_s).run(
                [order for order in told if order.venue == venue.name], within_s
            )
            for venue, said in zip(venues, receipt.venues, strict=True)
        )
    )
    return receipt


class _AtVenue:
    """The work at one venue."""

    def __init__(
        self,
        venue: CancelOnly,
        prefixes: Sequence[str],
        wanted: Wanted | None,
        receipt: VenueReceipt,
        began: float,
        age_s: float,
    ) -> None:
        self._venue = venue
        self._prefixes = prefixes
        self._wanted = wanted
        self._receipt = receipt
        self._began_ns = monotonic_ns()
        self._sure = began + venue.late_s - age_s
        """From then on nothing can be on its way."""
        self._orders: dict[Working, OrderReceipt] = {}
        self._consented: set[Working] = set()
        """The venue took the cancel; it may be listed a little longer."""
        self._looks = 0
        self._listed = False
        """The last look showed some of ours."""
        self._empty = 0
        """Looks everywhere, one after the other, since nothing can be on its way: all empty."""
        self._pause = Backoff(PAUSE_S, LONGEST_PAUSE_S)
        self._limited = Backoff(LIMITED_S, LONGEST_LIMITED_S)
        self._fuse = venue.fuse
        self._no_cancels_before = 0.0
        self._one_by_one = False
        """Under a limit: the rest follows once one cancel gets through."""
        self._trouble = "it was not asked"
        """Why nothing is verified yet."""
        self._refusal = ""
        """Why the last cancel failed."""
        self._logged = ""
        self._failed = False
        self._clock_off = False

    async def run(self, known: Sequence[Known], within_s: float | None) -> None:
        for order in known:
            self._found(Working(order.symbol, order.client_id))
        try:
            async with asyncio.timeout(within_s):
                await self._cancel_all()
                while not await self._look():
                    await self._cancel_all()
                    self._say()
                    await asyncio.sleep(self._until_next())
            self._receipt.problem = ""
        except TimeoutError:
            self._say()
            _LOG.error("%s: cancelling: %s", self._venue.name, self._receipt.problem)
        except Exception as error:  # of ours: the other venues go on
            self._trouble = f"{type(error).__name__}: {error}"
            self._say()
            _LOG.exception("%s: cancelling", self._venue.name)

    def _say(self) -> None:
        left = self._receipt.left
        named = f"{', '.join(left[:3])} may work: " if left else ""
        self._receipt.problem = f"{named}{self._trouble}"

    # --- cancels --------------------------------------------------------------------------------

    async def _cancel_all(self) -> None:
        orders = [order for order, said in self._orders.items() if said.fate == WORKING]
        if not orders or self._until_cancels() > 0:
            return
        if self._one_by_one:
            await self._cancel(orders.pop(0))
        room = asyncio.Semaphore(AT_ONCE)

        async def one(order: Working) -> None:
            async with room:
                if not self._one_by_one:
                    await self._cancel(order)

        await asyncio.gather(*(one(order) for order in orders))

    async def _cancel(self, order: Working) -> None:
        said = self._receipt
        if said.first_cancel_ms is None:
            said.first_cancel_ms = self._ms()
        if not await self._call(self._venue.cancel(*order), f"cancel of {order.client_id}"):
            # Perhaps since it is over, or not there yet: the next look tells.
            self._refusal = self._trouble
            self._one_by_one = self._until_cancels() > 0
            return
        if said.first_cancelled_ms is None:
            said.first_cancelled_ms = self._ms()
        self._consented.add(order)
        self._orders[order].fate = CANCELLED
        self._one_by_one = False
        self._limited.reset()

    # --- looks ----------------------------------------------------------------------------------

    async def _look(self) -> bool:
        """Asks what works; whether that verifies that nothing does."""
        said, began = self._receipt, self._now()
        if self._fuse.forbids(Reach.ALL_BUT_CANCELS):
            return False
        late = began >= self._sure
        everywhere = self._looks == 1 or (late and not said.left)
        found: list[Working] = []

        async def ask() -> None:
            found.extend(await self._venue.working(None if everywhere else self._venue.symbols))

        if not await self._call(ask(), "list of orders"):
            self._empty = 0
            return False
        self._looks += 1
        ours = {o for o in found if any(is_ours(o.client_id, one) for one in self._prefixes)}
        said.foreign = len(found) - len(ours)
        if self._wanted is not None:
            ours = {order for order in ours if self._wanted(self._venue.name, order)}
        self._listed = bool(ours)
        for order in ours:
            self._found(order)
        for order, receipt in self._orders.items():
            if order not in ours and receipt.fate == WORKING:
                receipt.fate = CANCELLED if order in self._consented else GONE
                self._pause.reset()
        if ours:
            self._empty = 0
            self._trouble = self._refusal or "the venue lists it"
            return False
        if said.empty_ms is None:
            said.empty_ms = self._ms()
        self._trouble = "a request may be on its way to it still"
        self._empty = self._empty + 1 if late and everywhere else 0
        if self._empty < 2:
            return False
        said.verified_ms = self._ms()
        return True

    def _found(self, order: Working) -> None:
        """It works, as far as anybody knows; cancelled and listed again is not cancelled."""
        receipt = self._orders.get(order)
        if receipt is None:
            receipt = self._orders[order] = OrderReceipt(*order, fate=WORKING)
            self._receipt.orders.append(receipt)
            if order.symbol not in self._venue.symbols:
                self._venue.symbols.append(order.symbol)
        receipt.fate = WORKING

    # --- one request ----------------------------------------------------------------------------

    async def _call(self, work: Coroutine[Any, Any, None], what: str) -> bool:
        """Whether the venue did it; what follows from a failure is noted."""
        if self._clock_off:
            self._clock_off = False
            await self._call(self._venue.sync_clock(), "clock")
        said = self._receipt
        said.requests += 1
        try:
            async with asyncio.timeout(CALL_S):
                await work
        except PausedError as error:  # nothing was sent
            said.requests -= 1
            self._failure(str(error), what)
            return False
        except Exception as error:  # whatever it is, the next try may get through
            said.failures += 1
            self._failure(str(error) or f"no answer to the {what}", what)
            if isinstance(error, VenueError) and error.outcome is Outcome.RETRY_AFTER_TIME_SYNC:
                self._clock_off = True
            if self._fuse.forbids(Reach.ALL_BUT_CANCELS):
                self._hold_back()
            return False
        self._failed = False
        return True

    def _failure(self, why: str, what: str) -> None:
        self._failed = True
        self._trouble = why
        if why != self._logged:  # a venue may be down for hours
            _LOG.warning("%s: cancelling: %s: %s", self._venue.name, what, why)
            self._logged = why

    def _hold_back(self) -> None:
        """Under a limit nothing is asked, and cancels are tried ever more rarely."""
        now = self._now()
        if now >= self._no_cancels_before:
            self._no_cancels_before = now + self._limited.next_delay()
        self._one_by_one = True

    def _until_cancels(self) -> float:
        """Seconds until a cancel may leave."""
        own = self._no_cancels_before - self._now()
        return max(own, self._fuse.left_s(Reach.EVERYTHING))

    def _until_next(self) -> float:
        """Seconds until something can be done."""
        soon = self._failed or self._listed or self._receipt.left
        pause = self._pause.next_delay() if soon else AGAIN_S
        looks = self._fuse.left_s(Reach.ALL_BUT_CANCELS)
        soonest = min(looks, self._until_cancels()) if self._receipt.left else looks
        return max(pause, soonest)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _ms(self) -> float:
        return round((monotonic_ns() - self._began_ns) / 1e6, 3)
