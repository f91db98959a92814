"""`check`: can it run here and now, and may real money be put on it?"""

from __future__ import annotations

import asyncio
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from xrpfast.cli.link import engine
from xrpfast.errors import UsageError


class Waivable(StrEnum):
    """What a person may take upon himself."""

    ALERTS = "alerts"


def check(
    config: Annotated[Path, typer.Option(help="The engine's configuration file.")],
    live_readiness: Annotated[
        bool, typer.Option("--live-readiness", help="All that has to be true before it is live.")
    ] = False,
    drill_days: Annotated[
        int, typer.Option(min=1, help="The stop was drilled within so many days.")
    ] = 30,
    waive: Annotated[
        list[Waivable] | None, typer.Option(help="Go without: somebody watches instead.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Look at configuration, disk, clocks, keys and every way to the venues.

    Changes nothing and sends no order. Exit code 0: all is well (go), 1: something is not (no-go).
    """
    if waive and not live_readiness:
        raise UsageError("--waive is for --live-readiness")
    from xrpfast.config.loader import load
    from xrpfast.service.check import check as look
    from xrpfast.service.readiness import readiness

    settings = load(config)
    if live_readiness:
        state = _state(settings.state_dir / "control.sock")
        waived = Waivable.ALERTS in (waive or ())
        seen = asyncio.run(
            readiness(settings, str(config), state, drill_days=drill_days, waive=waived)
        )
    else:
        seen = asyncio.run(look(settings, str(config)))
    if as_json:
        findings = [finding._asdict() for finding in seen.findings]
        sys.stdout.write(json.dumps({"ok": seen.ok, "findings": findings}) + "\n")
    else:
        _print([finding._asdict() for finding in seen.findings])
        if live_readiness:
            sys.stdout.write("GO\n" if seen.ok else "NO-GO\n")
    raise typer.Exit(0 if seen.ok else 1)


def _state(path: Path) -> dict[str, Any] | None:
    """Of a running engine; one that does not answer is no engine that is well."""
    with engine(path) as link:
        return None if link is None else link.ask("state")


def _print(findings: list[dict[str, Any]]) -> None:
    width = max(len(finding["name"]) for finding in findings)
    for finding in findings:
        mark = "ok" if finding["ok"] else "WAIVED" if finding["waived"] else "NOT OK"
        line = f"{mark:<6}  {finding['name']:<{width}}  {finding['says']}"
        if not finding["ok"] and finding["fix"]:
            line += f" -> {finding['fix']}"
        sys.stdout.write(line + "\n")
