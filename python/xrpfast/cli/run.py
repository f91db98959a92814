"""`run`: the engine."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from xrpfast.config.loader import load
from xrpfast.errors import UsageError


def run(
    config: Annotated[Path, typer.Option(help="The engine's configuration file.")],
    live: Annotated[bool, typer.Option("--live", help="Needed to trade real money.")] = False,
) -> None:
    """Run the engine until it is told to stop (Ctrl-C, SIGTERM or its control socket)."""
    settings = load(config)
    if live or settings.mode != "demo":
        wanted = "live" if live else settings.mode
        raise UsageError(f'{config}: {wanted} trading is not written yet: set mode = "demo"')
    import uvloop

    from xrpfast.service.app import run as run_engine

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    raise typer.Exit(uvloop.run(run_engine(settings)))
