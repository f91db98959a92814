"""`alerts`: does a person hear of them?"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from xrpfast.errors import UsageError

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Alerts to a person.")


@app.callback()
def alerts() -> None:
    """Alerts to a person."""


@app.command("test")
def try_out(
    config: Annotated[Path, typer.Option(help="The engine's configuration file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Send a test alert to every sink, and say what each made of it.

    Exit code 0: all of them took it; look whether it arrived. 1: one did not.
    """
    from xrpfast.config.loader import load
    from xrpfast.service.alerting.sinks import try_sinks

    tried = asyncio.run(try_sinks(load(config)))
    if not tried:
        raise UsageError(f"{config}: there is no sink: set webhook_url_file or command in [alerts]")
    ok = not any(one.problem for one in tried)
    if as_json:
        document = {"ok": ok, "sinks": [one._asdict() for one in tried]}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write("\n".join(one.says for one in tried) + "\n")
    raise typer.Exit(0 if ok else 1)
