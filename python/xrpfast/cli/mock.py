"""`mock`: mock Binance and KuCoin on sockets of this machine."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from xrpfast.errors import UsageError
from xrpfast.simulation.faults.scenario import find, load
from xrpfast.simulation.flow import Capture
from xrpfast.simulation.jobs import MockFailedError
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.simulation.worlds import VENUES

ORPHAN_SECONDS = 0.25


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
    capture: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VENUE[:SYMBOL]=FILE",
            help="Play this capture instead of the seeded market; may be repeated.",
        ),
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0.001, max=1_000, help="Times the pace of the captures.")
    ] = 1.0,
    loop: Annotated[
        bool, typer.Option("--loop", help="Start captures over at their end; else they stand.")
    ] = False,
    faults: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Fault scenario: a TOML file, or the name of a shipped one; may be repeated.",
        ),
    ] = None,
    relay: Annotated[
        bool, typer.Option("--relay", help="Let later rules disturb bytes; --faults implies it.")
    ] = False,
    mirror: Annotated[
        Path | None,
        typer.Option(
            metavar="CONFIG",
            help="Paper venues: rules and live books of the real ones, by this configuration, from "
            "their public market data; no key is read. `run` with mode = paper starts it itself.",
        ),
    ] = None,
    parent: Annotated[
        int | None, typer.Option(metavar="PID", help="End when this parent process has ended.")
    ] = None,
) -> None:
    """Serve mock venues until Ctrl-C.

    The first line on standard output is a JSON object of their URLs and keys.
    """
    names = [name for name in VENUES if not venue or name in {v.value for v in venue}]
    try:
        captures = dict(_capture(text, speed, loop) for text in capture or ())
        if len(captures) < len(capture or ()):
            raise UsageError("--capture: one for each venue")
        if mirror is not None:
            if venue or port or seed or captures or faults or relay:
                raise UsageError("--mirror takes no other option than --parent")
            uvloop.run(_serve(_paper(mirror), parent))
            return
        rules = [rule for name in faults or () for rule in load(find(name)).rules]
        disturbed = relay or bool(faults)
        venues = mock_venues(
            names, port=port, seed=seed, captures=captures, faults=rules, relay=disturbed
        )
        uvloop.run(_serve(venues, parent))
    except MockFailedError:
        raise typer.Exit(1) from None  # the log has said why, in one line


def _capture(text: str, speed: float, loop: bool) -> tuple[str, Capture]:
    """(venue, capture) of ``VENUE[:SYMBOL]=FILE``. Raises `UsageError`."""
    head, found, path = text.partition("=")
    venue, _, symbol = head.partition(":")
    if not found or not path or venue not in VENUES:
        raise UsageError(
            f"--capture: {text!r} is not VENUE=FILE or VENUE:SYMBOL=FILE, with a VENUE of"
            f" {' or '.join(VENUES)}"
        )
    return venue, Capture(path=Path(path), symbol=symbol or None, speed=speed, loop=loop)


def _paper(path: Path) -> AbstractAsyncContextManager[MockVenues]:
    from xrpfast.config.loader import load
    from xrpfast.paper.venues import paper_venues

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    return paper_venues(load(path))


async def _serve(venues: AbstractAsyncContextManager[MockVenues], parent: int | None) -> None:
    stop = asyncio.Event()
    starting = asyncio.current_task()
    assert starting is not None

    def end() -> None:
        if not stop.is_set() and not serving:
            starting.cancel()
        stop.set()

    serving = False
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end)
    try:
        async with venues as running:
            serving = True
            watch = asyncio.create_task(_orphaned(parent, stop)) if parent else None
            gc.collect()
            gc.freeze()  # modules and routes stay: no collection need walk through them again
            sys.stdout.write(json.dumps(running.line) + "\n")
            sys.stdout.flush()
            await stop.wait()
            if watch:
                watch.cancel()
    except asyncio.CancelledError:
        if serving or not stop.is_set():
            raise


async def _orphaned(parent: int, stop: asyncio.Event) -> None:
    """A parent that was killed tells nobody; whose child one is, the system knows."""
    while os.getppid() == parent:  # noqa: ASYNC110  (nothing wakes us for it)
        await asyncio.sleep(ORPHAN_SECONDS)
    stop.set()
