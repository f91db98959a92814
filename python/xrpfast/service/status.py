"""How things stand, out of the files and, if one answers, of the engine itself. Changes nothing."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any, Final

import msgspec

from xrpfast.errors import UsageError
from xrpfast.model import format_money
from xrpfast.records.schema import read_database
from xrpfast.records.unsettled import left, residuals
from xrpfast.service.alerting.state import SinkState, configured, load, undelivered
from xrpfast.service.drill.report import LIVE
from xrpfast.service.heartbeat import RunState, read
from xrpfast.service.latch import Latch
from xrpfast.service.statedir import StateDir
from xrpfast.service.watchdog_lock import watcher
from xrpfast.trading.states import ENGINE, TradingState

if TYPE_CHECKING:
    from xrpfast.config.root import Config

LAST: Final = 5
"""So many of the latest halts and resumes."""
SILENT_NS: Final = 1_000_000_000


def status(config: Config, state: dict[str, Any] | None) -> dict[str, Any]:
    """As one plain object. ``state``: what a running engine says of itself."""
    folder = config.state_dir
    latched = {entry.scope: entry for entry in Latch(folder).entries()}
    scopes = {
        scope: {
            "state": entry.state.value,
            "reason": entry.reason,
            "who": entry.who,
            "since_ns": entry.wall_ns,
        }
        for scope, entry in latched.items()
    }
    for scope, told in (state or {}).get("scopes", {}).items():
        # What an engine holds closed beyond the latch: one that was to be kept and could not be.
        if scope not in scopes:
            scopes[scope] = {"state": told, "reason": "not on disk", "who": "", "since_ns": 0}
    engine = _engine(folder, state)
    return {
        "mode": config.mode,
        "state_dir": str(folder),
        "halted": scopes.get(ENGINE, {}).get("state") == TradingState.HALTED.value,
        "engine": engine,
        "watchdog": watcher(folder),
        "alerts": _alerts(config),
        "scopes": scopes,
        "unsettled": _unsettled(folder) if state is None else state["unsettled"],
        "imbalances": _imbalances(folder) if state is None else state["imbalances"],
        "venues": {
            name: {} if state is None else state["venues"].get(name, {})
            for name, venue in config.venues
            if venue.enabled
        },
        "words": _words(folder),
        "receipts": [_receipt(path) for path in _newest(folder / "receipts")[:LAST]],
        "drill": _drill(folder / "drills", live=False),
        "live_drill": _drill(folder / "drills", live=True),
    }


def _alerts(config: Config) -> dict[str, Any]:
    """Per sink that is configured, what the watchdog says of it; and whether any of it is true."""
    names, state = configured(config), load(config.state_dir)
    told = {} if state is None else state.sinks
    keys = ("delivered", "failed", "last_delivered_wall_ns", "failing_since_wall_ns", "problem")
    sinks = {name: told.get(name, SinkState()) for name in names}
    return {
        "sinks": {name: {key: getattr(said, key) for key in keys} for name, said in sinks.items()},
        "undelivered": undelivered(config.state_dir, names, time_ns()),
    }


def _engine(folder: Path, state: dict[str, Any] | None) -> dict[str, Any]:
    beat, holder = read(folder / "heartbeat"), StateDir.holder(folder)
    said: dict[str, Any] = {"process": holder, "trading": None, "epoch": None, "silent_ms": None}
    if state is not None:
        return said | {
            "state": "running", "trading": state["trading"], "epoch": state["epoch"],
            "failed": state["failed"],
        }  # fmt: skip
    if holder is None or beat is None or beat.pid != holder:
        lost = beat is not None and beat.state is RunState.RUNNING
        return said | {"state": "lost" if lost else "stopped"}
    silent_ns = monotonic_ns() - beat.mono_ns
    if 0 <= silent_ns < SILENT_NS:
        return said | {"state": "starting or ending", "epoch": beat.epoch}
    return said | {"state": "silent", "epoch": beat.epoch, "silent_ms": silent_ns // 1_000_000}


def _unsettled(folder: Path) -> list[dict[str, str]]:
    with suppress(UsageError, sqlite3.Error):
        return [
            {"id": order.client_id, "venue": order.venue, "state": order.state}
            for order in left(folder / "ledger.sqlite").orders
        ]
    return []


def _imbalances(folder: Path) -> dict[str, str]:
    with suppress(UsageError, sqlite3.Error):
        found = residuals(folder / "ledger.sqlite")
        return {residual.instrument: format_money(residual.amount) for residual in found}
    return {}


def _words(folder: Path) -> list[dict[str, Any]]:
    """The newest first."""
    query = "select wall_ns, action, scope, who, reason from words order by sequence desc limit ?"
    with (
        suppress(UsageError, sqlite3.Error),
        closing(read_database(folder / "ledger.sqlite")) as db,
    ):
        return [dict(row) for row in db.execute(query, (LAST,))]
    return []


def _newest(folder: Path) -> list[Path]:
    found = [path for path in folder.glob("*.json") if path.is_file()] if folder.is_dir() else []
    return sorted(found, reverse=True)


def _receipt(path: Path) -> dict[str, Any]:
    """Of a halt, by whatever process: what matters of it."""
    found = _object(path)
    keys = ("wall_ns", "scope", "who", "reason", "verified", "cancelled", "verified_ms")
    said = {key: found.get(key) for key in keys}
    said["reason"] = found.get("reason", found.get("why"))
    return said | {"not_verified": found.get("not_verified", []), "path": str(path)}


def _drill(folder: Path, *, live: bool) -> dict[str, Any] | None:
    """The newest one at mock venues, which alone is a pass, or at the real ones."""
    paths = (path for path in _newest(folder) if path.stem.endswith(LIVE) is live)
    path = next(paths, None)
    if path is None:
        return None
    found = _object(path)
    steps = found.get("steps", [])
    return {
        "wall_ns": found.get("wall_ns"),
        "passed": found.get("passed"),
        "steps": len(steps),
        "path": str(path),
    }


def _object(path: Path) -> dict[str, Any]:
    with suppress(OSError, msgspec.MsgspecError, ValueError):
        found = json.loads(path.read_bytes())
        if isinstance(found, dict):
            return found
    return {}
