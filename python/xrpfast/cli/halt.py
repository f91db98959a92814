"""`halt`: stop, now, whether the engine runs, hangs or is gone."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path
from time import monotonic_ns
from typing import Annotated

import typer

from xrpfast.cli.person import person
from xrpfast.errors import FailedError, UsageError


def halt(
    config: Annotated[Path, typer.Option(help="The engine's configuration file.")],
    reason: Annotated[str, typer.Option(help="Why; kept on record.")],
    scope: Annotated[
        str,
        typer.Option(help="This scope alone: engine, venue:NAME, strategy:NAME, symbol:NAME."),
    ] = "engine",
    within: Annotated[
        float,
        typer.Option(
            min=1.0, help="Seconds for the venues to be verified, when no engine does it."
        ),
    ] = 90.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Stop trading and cancel own orders until every venue lists none; then say what came of it.

    It stays stopped, over restarts too, until a person resumes. Exit code 0: verified. 1: something
    could not be verified, the receipt says what; say it again then. With a file that has an error
    the halt is kept and the engine told; nothing is cancelled from here, and the code is 1.
    """
    asked_ns = monotonic_ns()
    if not reason.strip():
        raise UsageError("--reason: say why, it is kept on record")
    from xrpfast.config.loader import load, state_dir_in
    from xrpfast.service.halting import halt as stop
    from xrpfast.service.halting import halt_without_config

    who, wrong = person(), ""
    try:
        settings = load(config)
    except UsageError as error:  # no typo keeps a person from stopping
        folder = state_dir_in(config)
        if folder is None:
            raise
        wrong = str(error)
        work = halt_without_config(folder, scope, reason, who, wrong, mono_ns=asked_ns)
    else:
        work = stop(settings, scope, reason, who, mono_ns=asked_ns, within_s=within)
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s: %(message)s")
    try:
        receipt, path = asyncio.run(work)
    except KeyboardInterrupt:
        raise FailedError(
            "interrupted: the halt stands, but NOT all own orders are verified to be cancelled: "
            "say it again"
        ) from None
    if as_json:
        kept = {"receipt": None if path is None else str(path)}
        sys.stdout.write(json.dumps(receipt.document() | kept) + "\n")
    else:
        lines = [*receipt.lines(), f"receipt: {path or 'could not be kept'}"]
        sys.stdout.write("\n".join(lines) + "\n")
    if wrong:
        sys.stderr.write(f"nothing could be cancelled from here: {wrong}\n")
        raise typer.Exit(1)
    raise typer.Exit(0 if receipt.verified else 1)
