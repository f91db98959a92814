"""Can it run here and now? Looks at all that a start needs; changes nothing, sends no order."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic_ns
from typing import TYPE_CHECKING, Final, NamedTuple

from xrpfast.errors import UsageError, XrpfastError
from xrpfast.records.identity import build_sha256, config_sha256
from xrpfast.service.arming import file_lacks
from xrpfast.service.keys import permissions
from xrpfast.service.reconciling import UNREADABLE
from xrpfast.service.statedir import shared
from xrpfast.venues.public import public_data
from xrpfast.venues.registry import enabled

if TYPE_CHECKING:
    from xrpfast.config.root import Config
    from xrpfast.venues.data import MarketData
    from xrpfast.venues.venue import Venue

LEAST_FREE_BYTES: Final = 1 << 30
FSYNCS: Final = 9
SLOWEST_FSYNC_S: Final = 0.1
FURTHEST_CLOCK_NS: Final = 1_000_000_000
"""The venues' clocks agree with the world's; one so far from theirs is not kept."""
LEAST_SURE_NS: Final = 250_000_000
SOON_S: Final = 60.0
"""For all questions to one venue."""


class Finding(NamedTuple):
    """One thing that was looked at."""

    name: str
    ok: bool
    says: str
    fix: str = ""
    """What to do when it is not ok."""
    waived: bool = False
    """Not ok, and somebody says that it may be."""


class Seen(NamedTuple):
    """All that was found."""

    findings: tuple[Finding, ...]
    reached: frozenset[str]
    """Venues to which every way is open."""

    @property
    def ok(self) -> bool:
        return all(finding.ok or finding.waived for finding in self.findings)


async def check(config: Config, name: str) -> Seen:
    """``name`` is what the file is called."""
    if config.mode == "paper":
        return await look_public(config, name)
    async with opened(config) as (venues, problems):
        return await look(config, name, venues, problems)


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[tuple[Sequence[Venue], Sequence[Finding]]]:
    """The venues with their keys; none, and why, when they cannot be had."""
    if config.mode == "paper":
        problem = 'mode = "paper" trades without a key, and none is read'
        yield (), (Finding("keys", False, problem, 'set mode = "live"'),)
        return
    try:
        venues = enabled(config.venues)
    except UsageError as error:
        yield (), (Finding("keys", False, str(error), "see `[venues]`"),)
        return
    try:
        yield venues, ()
    finally:
        await asyncio.gather(*(venue.close() for venue in venues))


async def look(
    config: Config, name: str, venues: Sequence[Venue], problems: Sequence[Finding]
) -> Seen:
    """Configuration, disk, then every venue at once."""
    answers = await asyncio.gather(*map(of_venue, venues))
    reached = frozenset(
        venue.name
        for venue, found in zip(venues, answers, strict=True)
        if all(finding.ok for finding in found if finding.name.startswith("reach "))
    )
    found = [finding for answer in answers for finding in answer]
    machine = (*of_disk(config.state_dir), of_access(config))
    findings = (of_config(config, name), *machine, *problems, *found)
    return Seen(findings, reached)


async def look_public(config: Config, name: str) -> Seen:
    """What a paper run needs: configuration, disk, and the venues' public data. No key is read."""
    sources: Sequence[MarketData] = ()
    problems: list[Finding] = []
    try:
        sources = public_data(config.venues)
        answers = await asyncio.gather(*(of_source(source, config) for source in sources))
    except UsageError as error:
        answers = []
        problems.append(Finding("venues", False, str(error), "see `[venues]`"))
    finally:
        await asyncio.gather(*(source.close() for source in sources))
    found = [finding for answer in answers for finding in answer]
    findings = (of_config(config, name), *of_disk(config.state_dir), *problems, *found)
    return Seen(findings, frozenset())


def of_config(config: Config, name: str) -> Finding:
    """The file was read, or there would be no ``config``; what it lacks to trade live."""
    says = (
        f"{name}: mode {config.mode}, config {config_sha256(config)[:12]}, "
        f"build {build_sha256()[:12]}"
    )
    if config.mode != "live":
        return Finding("config", True, says)
    try:
        lacks, _ = file_lacks(config)
    except UsageError as error:
        return Finding("config", False, f"{says}; {error}", "mend that file")
    if lacks:
        return Finding("config", False, f"{says}; not armed, missing: {', '.join(lacks)}", "add it")
    return Finding("config", True, says)


# --- the machine ----------------------------------------------------------------------------------


def of_disk(state_dir: Path) -> list[Finding]:
    """Where journal and ledger are, or will be: space, rights, and how long a sync takes."""
    place = state_dir.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    named = f"{state_dir}" if place == state_dir.absolute() else f"{state_dir} (to be made)"
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        fix = "choose another state_dir, or chown it to this user"
        return [Finding("disk", False, f"{named}: {place} cannot be written", fix)]
    try:
        free = os.statvfs(place)
        times = _sync_times(place)
    except OSError as error:
        return [Finding("disk", False, f"{named}: {error.strerror}", "another disk, or more space")]
    space = free.f_bavail * free.f_frsize
    median = statistics.median(times)
    return [
        Finding(
            "disk space",
            space >= LEAST_FREE_BYTES,
            f"{named}: {space / 1e9:.1f} GB free",
            f"free {LEAST_FREE_BYTES / 1e9:.0f} GB",
        ),
        Finding(
            "disk sync",
            median <= SLOWEST_FSYNC_S,
            f"{median * 1e3:.2f} ms median, {max(times) * 1e3:.2f} ms at most, of {FSYNCS}",
            "the journal needs a local disk that syncs faster",
        ),
    ]


def of_access(config: Config) -> Finding:
    """Whether others may change what a live start trusts."""
    why, _, fix = shared(config.state_dir).rpartition(": ")
    ok = not why or config.mode != "live"
    return Finding("disk access", ok, why or "nobody else may change state_dir", fix)


def _sync_times(folder: Path) -> list[float]:
    """Of a page each, in a file without a name: nothing is left of it."""
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(FSYNCS):
            begun = monotonic_ns()
            os.write(file.fileno(), b"\0" * 4_096)
            os.fsync(file.fileno())
            times.append((monotonic_ns() - begun) / 1e9)
    return times


# --- a venue --------------------------------------------------------------------------------------


async def of_venue(venue: Venue) -> list[Finding]:
    """Its clock, what our key may do there, and every way to it."""
    findings: list[Finding] = []
    try:
        async with asyncio.timeout(SOON_S):
            findings.append(await _clock(venue))
            findings.append(await _key(venue))
            findings += await _reach(venue)
    except TimeoutError:
        fix = "look at the network, and at the venue's status page"
        findings.append(Finding(f"reach {venue.name}", False, f"not within {SOON_S:.0f} s", fix))
    return findings


async def of_source(source: MarketData, config: Config) -> list[Finding]:
    """A venue as anybody sees it: its clock, its symbols, every public way to it."""
    findings: list[Finding] = []
    try:
        async with asyncio.timeout(SOON_S):
            findings.append(await _clock(source))
            findings += [await _symbol(source, name) for name in config.instruments]
            findings += await _reach(source)
    except TimeoutError:
        fix = "look at the network, and at the venue's status page"
        findings.append(Finding(f"reach {source.name}", False, f"not within {SOON_S:.0f} s", fix))
    return findings


async def _symbol(source: MarketData, instrument: str) -> Finding:
    name = f"symbol {source.name}"
    try:
        rules = await source.rules(instrument, "0.001")
    except (XrpfastError, *UNREADABLE) as error:
        return Finding(name, False, str(error), "choose an instrument that both venues trade")
    return Finding(name, True, f"{rules.venue_symbol} trades")


async def _clock(venue: Venue | MarketData) -> Finding:
    name = f"clock {venue.name}"
    try:
        offset = await venue.sync_clock()
    except (XrpfastError, *UNREADABLE) as error:
        return Finding(name, False, str(error), "the venue has to answer")
    good = abs(offset.wall_ns) <= FURTHEST_CLOCK_NS and offset.uncertainty_ns <= LEAST_SURE_NS
    says = f"{offset.wall_ns / 1e6:+.1f} ms ± {offset.uncertainty_ns / 1e6:.1f} ms"
    return Finding(name, good, says, "start a time service (chrony), look at the network")


async def _key(venue: Venue) -> Finding:
    name = f"key {venue.name}"
    try:
        told, objections = await permissions(venue)
    except XrpfastError as error:
        return Finding(name, False, str(error), "the venue has to say what the key may do")
    if objections:
        says = ", ".join(f"{each.field} is {each.says}" for each in objections)
        return Finding(name, False, says, "; ".join(each.fix for each in objections))
    granted = (f"{field} {value}" for field, value in told.items() if value != "false")
    return Finding(name, True, ", ".join(granted))


async def _reach(venue: Venue | MarketData) -> list[Finding]:
    return [
        Finding(
            f"reach {venue.name} {way.name}",
            not way.error,
            way.error or f"{way.ns / 1e6:.1f} ms",
            "look at the network, and at the venue's status page",
        )
        for way in await venue.reach()
    ]
