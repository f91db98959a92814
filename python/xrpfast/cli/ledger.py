"""`ledger`: the journal as tables, made anew."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from xrpfast.cli import place
from xrpfast.records.rebuild import replace
from xrpfast.service.statedir import StateDir

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The ledger.")


@app.callback()
def ledger() -> None:
    """The ledger: orders, fills and refusals as tables."""


@app.command()
def rebuild(
    config: place.ConfigOption = None,
    state_dir: place.StateDirOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Write it here, and leave the live one as it is.")
    ] = None,
) -> None:
    """Make the ledger anew from the journal, and say how it differs from the one there was."""
    where = place.state_dir(config, state_dir)
    journal = place.journal_of(where / "journal")
    if out is not None:
        change = replace(journal, where / "ledger.sqlite", out)
    else:
        lease = StateDir.hold(where)
        try:
            change = replace(journal, where / "ledger.sqlite", where / "ledger.sqlite")
        finally:
            lease.close()
    sys.stdout.write(f"{out or where / 'ledger.sqlite'}: {change.records} records applied\n")
    for name, (gone, new) in change.rows.items():
        sys.stdout.write(f"  {name}: {gone} rows were wrong or too many, {new} are new\n")
    if not change.rows:
        sys.stdout.write("  row by row what it was\n" if change.compared else "")
