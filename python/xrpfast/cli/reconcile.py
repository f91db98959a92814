"""`reconcile`: a running engine compares orders, fills and balances with every venue now."""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path
from typing import IO, Annotated, Any

import typer

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
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(10.0)
            sock.connect(str(path))
            with sock.makefile("rw", encoding="utf-8") as stream:
                before = _ask(stream, "state")["venues"]
                _ask(stream, "reconcile")
                return _wait(stream, before)
    except OSError as error:
        raise UsageError(f"{path}: no engine answers there ({error}): is it running?") from None


def _wait(stream: IO[str], before: dict[str, Any]) -> dict[str, Any]:
    deadline = time.monotonic() + WITHIN_S
    while True:
        venues: dict[str, Any] = _ask(stream, "state")["venues"]
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


def _ask(stream: IO[str], command: str) -> dict[str, Any]:
    stream.write(json.dumps({"cmd": command}) + "\n")
    stream.flush()
    line = stream.readline()
    if not line:
        raise FailedError("the engine ended meanwhile")
    answer: dict[str, Any] = json.loads(line)
    return answer
