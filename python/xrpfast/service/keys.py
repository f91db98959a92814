"""Whether the venues' keys may trade live: asked before anything else, and again every day."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from time import monotonic_ns
from typing import TYPE_CHECKING, Final

from xrpfast.errors import FailedError, UsageError, XrpfastError
from xrpfast.service.reconciling import UNREADABLE
from xrpfast.venues.outcome import Outcome, VenueError

if TYPE_CHECKING:
    from xrpfast.venues.permissions import Permissions
    from xrpfast.venues.venue import Venue

RETRY_S: Final = 60.0
UNTOLD_S: Final = 3_600.0
"""A venue that does not say for so long what the key may do has not said that it is good."""

_LOG = logging.getLogger("xrpfast.service")


async def permissions(venue: Venue) -> Permissions:
    """What our key may do there. Raises `UsageError` when the venue refuses the key, `FailedError`
    when it does not say."""
    try:
        return await venue.permissions()
    except VenueError as error:
        if error.outcome is Outcome.AUTH_HALT:
            raise UsageError(f"{error}: is it a key of this host, for this address?") from error
        raise FailedError(str(error)) from error
    except XrpfastError as error:
        raise FailedError(f"{venue.name}: {error}") from error
    except UNREADABLE as error:
        what = f"{type(error).__name__}: {error}"
        raise FailedError(f"{venue.name}: what the key may do cannot be read: {what}") from error


async def refuse_unfit(venues: Sequence[Venue]) -> None:
    """Asks every venue at once, clocks first. Raises `UsageError` with all objections when a key
    may do more than trade or less, `FailedError` when a venue does not say."""
    answers = await asyncio.gather(*map(_asked, venues), return_exceptions=True)
    bad = [str(answer) for answer in answers if isinstance(answer, UsageError)]
    if bad:
        raise UsageError(f"no live start with these keys: {'; '.join(bad)}")
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer


async def _asked(venue: Venue) -> None:
    try:
        await venue.sync_clock()
    except (XrpfastError, *UNREADABLE) as error:
        raise FailedError(f"{venue.name}: {error}") from error
    if objections := (await permissions(venue)).objections:
        raise UsageError(f"{venue.name}: {', '.join(map(str, objections))}")


async def watch(venue: Venue, every_s: float, halt: Callable[[str], None]) -> None:
    """Asks again every so many seconds, for ever; ``halt`` gets one line once the key has turned
    bad, or was not told of for `UNTOLD_S`."""
    while True:
        await asyncio.sleep(every_s)
        last_ns = monotonic_ns()
        while why := await _turned(venue):
            text, sure = why
            _LOG.critical("%s", text)
            if sure or monotonic_ns() - last_ns > UNTOLD_S * 1e9:
                halt(text)
                break
            await asyncio.sleep(RETRY_S)


async def _turned(venue: Venue) -> tuple[str, bool] | None:
    """What is wrong with the key now, and whether that is sure; None: nothing."""
    try:
        objections = (await permissions(venue)).objections
    except UsageError as error:
        return str(error), True
    except FailedError as error:
        return str(error), False
    if objections:
        return f"{venue.name}: {', '.join(map(str, objections))}", True
    return None
