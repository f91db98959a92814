"""`reconcile`: a running engine compares orders, fills and balances with every venue now."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from xrpfast.cli.link import Link, engine
from xrpfast.errors import FailedError, UsageError

WITHIN_S = 60.0
POLL_S = 0.05


def reconcile(
    config: Annotated[Path, typer.Option(help="The engine's configuration file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare orders, fills and balances with every venue; no entries there meanwhile."""
    from xrpfast.config.loader import load

    venues = _compare(load(config).state_dir / "control.sock")
    if as_json:
        sys.stdout.write(json.dumps({"venues": venues}) + "\n")
        return
    for name, said in venues.items():
        closed = f", closed to entries: {said['closed_by']}" if said["closed_by"] else ""
        sys.stdout.write(f"{name}: reconciled, {said['foreign']} orders of others{closed}\n")


def _compare(path: Path) -> dict[str, Any]:
    """What the engine says of every venue once all are compared."""
    with engine(path) as link:
        if link is None:
            raise UsageError(f"{path}: no engine answers there: is it running?")
        before = link.ask("state")["venues"]
        link.ask("reconcile")
        return _wait(link, before)


def _wait(link: Link, before: dict[str, Any]) -> dict[str, Any]:
    deadline = time.monotonic() + WITHIN_S
    while True:
        venues: dict[str, Any] = link.ask("state")["venues"]
        waiting = [
            name
            for name, said in venues.items()
            if said["reconcile"] != "DONE" or said["round"] <= before[name]["round"]
        ]
        if not waiting:
            return venues
        if time.monotonic() > deadline:
            said = ", ".join(f"{name} is {venues[name]['reconcile']}" for name in waiting)
            raise FailedError(f"not reconciled after {WITHIN_S:.0f} s: {said}; see its alerts")
        time.sleep(POLL_S)
