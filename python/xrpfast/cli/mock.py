"""`mock`: mock Binance and KuCoin on sockets of this machine."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from enum import StrEnum
from typing import Annotated

import typer
import uvloop

from xrpfast.simulation.jobs import MockFailedError
from xrpfast.simulation.server import mock_venues
from xrpfast.simulation.worlds import VENUES


class Venue(StrEnum):
    """The venues that can be mocked."""

    BINANCE = "binance"
    KUCOIN = "kucoin"


def mock(
    venue: Annotated[
        list[Venue] | None, typer.Option(help="Only this venue; may be repeated.")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65_530, help="First of five ports; 0 takes free ones.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the market and the keys.")] = 0,
) -> None:
    """Serve mock venues until Ctrl-C.

    The first line on standard output is a JSON object of their URLs and keys.
    """
    names = [name for name in VENUES if not venue or name in {v.value for v in venue}]
    try:
        uvloop.run(_serve(names, port, seed))
    except MockFailedError:
        raise typer.Exit(1) from None  # the log has said why, in one line


async def _serve(venues: list[str], port: int, seed: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with mock_venues(venues, port=port, seed=seed) as running:
        sys.stdout.write(json.dumps(running.line) + "\n")
        sys.stdout.flush()
        await stop.wait()
