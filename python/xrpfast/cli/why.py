"""`why`: the last signals that were not taken."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from xrpfast.cli import place
from xrpfast.cli.texts import utc
from xrpfast.research.why import why as last_not_taken


def why(
    config: place.ConfigOption = None,
    state_dir: place.StateDirOption = None,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="How many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Tell which signals were refused or ignored last, and why."""
    rows = last_not_taken(place.state_dir(config, state_dir) / "ledger.sqlite", last)
    if as_json:
        sys.stdout.write(json.dumps(rows) + "\n")
        return
    if not rows:
        sys.stdout.write("no signal was refused or ignored\n")
        return
    table = Table("when", "signal", "verdict", "reason", "of it so far", "means", box=None)
    for row in rows:
        count = "" if row["count"] is None else str(row["count"])
        table.add_row(
            utc(row["wall_ns"]), str(row["signal_id"]), row["verdict"], row["reason"], count,
            row["means"],
        )  # fmt: skip
    Console(width=None if sys.stdout.isatty() else 160).print(table)
