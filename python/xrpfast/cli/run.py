"""`run`: the engine."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from xrpfast.cli.texts import ask_hidden
from xrpfast.config.loader import load
from xrpfast.service.arming import arm


def run(
    config: Annotated[Path, typer.Option(help="The engine's configuration file.")],
    live: Annotated[bool, typer.Option("--live", help="Needed to trade real money.")] = False,
    arm_phrase: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Live: the arm phrase is in this file, which nobody else may read (/dev/fd/N for "
            "a descriptor); else it is asked for.",
        ),
    ] = None,
) -> None:
    """Run the engine until it is told to stop (Ctrl-C, SIGTERM or its control socket)."""
    settings = load(config)
    identity = arm(
        settings, str(config), live=live, phrase=arm_phrase, ask=lambda: ask_hidden("Arm phrase: ")
    )
    import uvloop

    from xrpfast.service.app import run as run_engine

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    raise typer.Exit(uvloop.run(run_engine(settings, identity)))
