"""Go or no-go: what has to be true on the day that real money is at stake, beside `check`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

import orjson

from xrpfast._core import CoreError
from xrpfast.errors import XrpfastError
from xrpfast.records.unsettled import left
from xrpfast.records.verify import verify
from xrpfast.service.alerting.sinks import try_sinks
from xrpfast.service.check import Finding, Seen, look, opened
from xrpfast.service.drill.report import LIVE, SUBJECT, subject
from xrpfast.service.latch import Latch
from xrpfast.service.reconciling import UNREADABLE
from xrpfast.service.watchdog_keys import told_keys, unfit
from xrpfast.service.watchdog_lock import unwatched, watcher

if TYPE_CHECKING:
    from xrpfast.config.root import Config
    from xrpfast.venues.venue import Venue

DAY_NS: Final = 86_400 * 1_000_000_000
VENUES: Final = 2
"""An arbitrage has two legs."""
ALERTS: Final = "alerts"
"""The one thing that can be waived."""


async def readiness(
    config: Config, name: str, state: Mapping[str, Any] | None, *, drill_days: int, waive: bool
) -> Seen:
    """All that `check` sees, and the rest. ``state``: what a running engine says of itself, None
    without one. ``waive``: somebody watches, though no alert is delivered."""
    async with opened(config) as (venues, problems):
        seen = await look(config, name, venues, problems)
        books = await of_books(config, state, venues)
    findings = (
        *seen.findings,
        of_mode(config),
        of_venues(seen),
        of_drill(config, drill_days),
        await of_alerts(config, waive),
        books,
        of_journal(config.state_dir),
        of_latch(config.state_dir),
        of_watchdog(config),
    )
    return Seen(findings, seen.reached)


def of_mode(config: Config) -> Finding:
    says = f'mode = "{config.mode}"'
    return Finding("mode", config.mode == "live", says, 'set mode = "live"')


def of_venues(seen: Seen) -> Finding:
    """Every way to two venues is open."""
    says = f"{len(seen.reached)} reached ({', '.join(sorted(seen.reached)) or 'none'})"
    return Finding("venues", len(seen.reached) >= VENUES, says, f"{VENUES} are needed")


def of_drill(config: Config, days: int, now_ns: int | None = None) -> Finding:
    """The newest report of `drill`, by the time in its name; one that failed counts as what it
    is. It holds for the configuration, build and ceilings that were drilled, and no others."""
    name, fix = "stop drilled", "run `xrpfast drill` with this configuration and build"
    folder = config.state_dir / "drills"
    live = sorted(folder.glob(f"*{LIVE}.json")) if folder.is_dir() else []
    reports = sorted(path for path in folder.glob("*.json") if path not in live)
    if live and not passed_at_the_venues(live[-1]):
        return Finding(name, False, f"{live[-1].name}: FAILED", "run `xrpfast drill --live-tiny`")
    if not reports:
        return Finding(name, False, f"no report in {folder}", fix)
    try:
        report = orjson.loads(reports[-1].read_bytes())
        passed, wall_ns = report["passed"], report["wall_ns"]
        age_days = ((time_ns() if now_ns is None else now_ns) - wall_ns) / DAY_NS
        ran = subject(config)
        others = [word for key, word in SUBJECT.items() if report.get(key) != ran[key]]
    except (OSError, XrpfastError, *UNREADABLE) as error:
        return Finding(name, False, f"{reports[-1]} cannot be used: {error}", fix)
    says = (
        f"{reports[-1].name}: {'passed' if passed is True else 'FAILED'}, {age_days:.1f} days ago"
    )
    if others:
        says += f", not with the {' and '.join(others)} that would run now"
    fine = passed is True and not others and 0 <= age_days <= days
    return Finding(name, fine, says, fix)


def passed_at_the_venues(path: Path) -> bool:
    """Whether a drill with real orders was a good one: it need not be, but never a bad one."""
    try:
        return orjson.loads(path.read_bytes())["passed"] is True
    except (OSError, *UNREADABLE):
        return False


async def of_alerts(config: Config, waive: bool) -> Finding:
    """A test alert is taken by every sink. Whether a person reads it, only that person knows."""
    fix = "see [alerts] and the runbook; or watch yourself, and say so with --waive alerts"
    tried = await try_sinks(config)
    if not tried:
        return Finding(ALERTS, False, "no alert reaches a person: no sink", fix, waived=waive)
    says = "; ".join(one.says for one in tried)
    ok = not any(one.problem for one in tried)
    return Finding(ALERTS, ok, says, fix, waived=waive and not ok)


async def of_books(
    config: Config, state: Mapping[str, Any] | None, venues: Sequence[Venue]
) -> Finding:
    """Orders, fills and balances agree with the venues: by a running engine's own word, else as
    far as can be seen without one. The start compares the rest before it trades."""
    name, fix = "reconciled", "see `reconcile`, `settle` and the runbook"
    if state is not None:
        open_ = [
            venue
            for venue, said in state["venues"].items()
            if said["reconcile"] != "DONE" or said["closed_by"]
        ]
        says = f"the engine says: {', '.join(open_) or 'every venue'} "
        return Finding(name, not open_, says + ("not compared" if open_ else "compared"), fix)
    ledger = config.state_dir / "ledger.sqlite"
    try:
        orders = left(ledger).orders if ledger.exists() else ()
    except (XrpfastError, sqlite3.Error) as error:
        return Finding(name, False, f"{ledger}: {error}", "see `ledger rebuild`")
    if orders:
        ids = ", ".join(order.client_id for order in orders[:3])
        return Finding(name, False, f"{len(orders)} orders are not settled: {ids}", fix)
    if not venues:
        return Finding(name, False, "no venue can be asked", "see keys")
    strays = await _strays(config, venues)
    if strays:
        return Finding(name, False, "; ".join(strays), fix)
    says = "no engine runs; the ledger has nothing unsettled, no own order works at a venue"
    return Finding(name, True, says)


async def _strays(config: Config, venues: Sequence[Venue]) -> list[str]:
    """A line for each venue where an order of ours works, or that cannot be asked."""
    prefix = config.prefix
    instruments = dict.fromkeys(strategy.instrument for strategy in config.strategies)
    found = []
    for venue in venues:
        try:
            ours = await _working(venue, prefix, instruments)
        except (XrpfastError, *UNREADABLE) as error:
            found.append(f"{venue.name}: {error}")
        else:
            if ours:
                found.append(f"{venue.name}: {', '.join(ours[:3])} work")
    return found


async def _working(venue: Venue, prefix: str, instruments: Iterable[str]) -> list[str]:
    await venue.sync_clock()
    rules = [await venue.rules(instrument) for instrument in instruments]
    venue.know(prefix, rules)
    return [
        order.client_id
        for rule in rules
        for order in await venue.open_orders(rule.venue_symbol)
        if order.client_id.startswith(prefix)
    ]


def of_journal(state_dir: Path) -> Finding:
    if not any((state_dir / "journal").glob("*.journal")):
        return Finding("journal", True, f"{state_dir}: no run yet")
    try:
        verdict = verify(state_dir)
    except (XrpfastError, CoreError) as error:
        return Finding("journal", False, str(error), "see `journal verify`")
    if verdict.damage is not None:
        return Finding("journal", False, str(verdict.damage), "see the runbook: damaged records")
    return Finding("journal", True, f"sound, {verdict.records} records")


def of_watchdog(config: Config) -> Finding:
    """Somebody cancels what works when the engine is lost."""
    folder = config.state_dir
    holder, venues = watcher(folder), config.venue_names
    why = unwatched(folder, config.prefix, venues)
    why = why or unfit(told_keys(folder, holder), venues, time_ns())
    fix = "start `xrpfast watchdog` with this configuration and good keys, as a unit of its own"
    return Finding("watchdog", not why, why or f"process {holder} watches", fix)


def of_latch(state_dir: Path) -> Finding:
    entries = Latch(state_dir).entries()
    says = "; ".join(f"{entry.scope} is {entry.state}: {entry.reason}" for entry in entries)
    return Finding("latch", not entries, says or "nothing is halted", "look, then `resume`")
