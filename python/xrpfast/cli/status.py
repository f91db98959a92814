"""`status`: does it run, may it trade, and what is open."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from xrpfast.cli.link import engine
from xrpfast.cli.texts import utc
from xrpfast.errors import FailedError


def status(
    config: Annotated[Path, typer.Option(help="The engine's configuration file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """The engine, what is halted and why, what is not settled or hedged, the last halts and drill.

    Works with and without a running engine. Exit code 3 while trading is halted.
    """
    from xrpfast.config.loader import load
    from xrpfast.service.status import status as how

    settings = load(config)
    document = how(settings, _said(settings.state_dir / "control.sock"))
    if as_json:
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write("\n".join(_lines(document)) + "\n")
    raise typer.Exit(3 if document["halted"] else 0)


def _said(path: Path) -> dict[str, Any] | None:
    try:
        with engine(path, answer_s=2.0) as link:
            return None if link is None else link.ask("state")
    except FailedError:
        return None


def _lines(document: dict[str, Any]) -> list[str]:
    lines = [_line("mode", document["mode"]), _line("engine", _engine(document["engine"]))]
    watchdog = document["watchdog"]
    lines.append(_line("watchdog", f"process {watchdog}" if watchdog else "none"))
    lines += _list("alerts", _alerts(document["alerts"]))
    lines += _list(
        "closed",
        [
            f"{scope} {said['state']}{_by(said['who'], said['since_ns'])}: {said['reason']}"
            for scope, said in document["scopes"].items()
        ],
    )
    lines += _list(
        "unsettled",
        [f"{said['id']} at {said['venue']}: {said['state']}" for said in document["unsettled"]],
    )
    lines += _list(
        "imbalance",
        [f"{amount} {name}" for name, amount in document["imbalances"].items() if amount != "0"],
    )
    lines += _list("venues", [_venue(name, said) for name, said in document["venues"].items()])
    lines += _list(
        "words",
        [
            f"{utc(said['wall_ns'])} {said['action']} {said['scope']} by {said['who']}: "
            f"{said['reason']}"
            for said in document["words"]
        ],
    )
    lines += _list("receipts", [_receipt(said) for said in document["receipts"]])
    for name, drill in (("drill", document["drill"]), ("live drill", document["live_drill"])):
        said = "never"
        if drill is not None:
            passed = "passed" if drill["passed"] else "FAILED"
            said = f"{utc(drill['wall_ns'])} {passed}, {drill['steps']} steps"
        lines.append(_line(name, said))
    return lines


def _engine(said: dict[str, Any]) -> str:
    process = f", process {said['process']}" if said["process"] is not None else ""
    trading = f", {said['trading']}" if said["trading"] is not None else ""
    silent = f" for {said['silent_ms']} ms" if said["silent_ms"] is not None else ""
    failed = f", FAILED: {said['failed']}" if said.get("failed") else ""
    lost = ": it ended without a word, its orders may work" if said["state"] == "lost" else ""
    return f"{said['state']}{silent}{trading}{process}{failed}{lost}"


def _alerts(said: dict[str, Any]) -> list[str]:
    if not said["sinks"]:
        return ["no sink: nobody is told"]
    lines = [_sink(name, sink) for name, sink in said["sinks"].items()]
    return [*lines, *([f"NOBODY IS TOLD: {said['undelivered']}"] if said["undelivered"] else [])]


def _sink(name: str, said: dict[str, Any]) -> str:
    last = said["last_delivered_wall_ns"]
    latest = f", the latest {utc(last)}" if last else ""
    since = said["failing_since_wall_ns"]
    failing = f"; FAILING since {utc(since)}: {said['problem']}" if since else ""
    return f"{name}: {said['delivered']} messages{latest}, {said['failed']} failures{failing}"


def _by(who: str, since_ns: int) -> str:
    by = f" by {who}" if who else ""
    return f"{by} since {utc(since_ns)}" if since_ns else by


def _venue(name: str, said: dict[str, Any]) -> str:
    if not said:
        return f"{name}: not asked"
    closed = f"closed to entries: {said['closed_by']}" if said["closed_by"] else "open"
    return f"{name}: {closed}, {said['foreign']} orders of others"


def _receipt(said: dict[str, Any]) -> str:
    when = utc(said["wall_ns"]) if isinstance(said["wall_ns"], int) else "?"
    took = f" after {said['verified_ms']:.0f} ms" if said["verified_ms"] is not None else ""
    end = f"verified empty{took}" if said["verified"] else "NOT VERIFIED"
    return f"{when} {said['scope'] or 'engine'} by {said['who']}: {end}; {said['path']}"


def _list(name: str, texts: list[str]) -> list[str]:
    if not texts:
        return [_line(name, "none")]
    return [_line(name if at == 0 else "", text) for at, text in enumerate(texts)]


def _line(name: str, text: str) -> str:
    return f"{name:<10} {text}"
