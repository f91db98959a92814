"""`watchdog`: cancels own orders when the engine is lost."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from xrpfast.config.loader import load
from xrpfast.errors import UsageError


def watchdog(
    config: Annotated[Path, typer.Option(help="The engine's configuration file.")],
) -> None:
    """Watch the engine, and cancel its orders when it is lost; it can do nothing else."""
    settings = load(config)
    if settings.mode == "paper":
        raise UsageError(
            'mode = "paper" needs no watchdog: the paper venues, and every order there, end with '
            "their engine"
        )

    from xrpfast.service.session import own_session

    own_session()

    import uvloop

    from xrpfast.service.watchdog import watch

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    raise typer.Exit(uvloop.run(watch(settings)))
