"""`demo`: two mock venues and the engine as child processes, drawn here, with a report."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live

from xrpfast.cli.demo_view import closing, picture
from xrpfast.config.demo import write_config
from xrpfast.errors import UsageError
from xrpfast.records.compare import NO_FILL
from xrpfast.service.demo import demo as run_demo

PINNED = (
    "orders", "fills", "opportunities", "pnl", "tick_to_order_us", "loop_gap_ms_max",
    "reconciled", "refused",
)  # fmt: skip


def demo(
    seconds: Annotated[
        float, typer.Option(min=0, help="How long to trade; 0 = until Ctrl-C.")
    ] = 30.0,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the markets.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    keep: Annotated[
        Path | None, typer.Option(help="Keep journal, ledger and logs in this new folder.")
    ] = None,
) -> None:
    """Trade on mock Binance and KuCoin over real sockets; ends with a report.

    No network but loopback, no keys. Exit code 1 when ledger and venues disagree.
    """
    seed = secrets.randbelow(2**31) if seed is None else seed
    console = Console(stderr=as_json)
    if keep is not None:
        _claim(keep)
    folder = Path(tempfile.mkdtemp(prefix="xrpfast-demo-"))
    try:
        report = asyncio.run(_run(folder, seconds, seed, console, draw=not as_json))
        if keep is not None:
            hidden = shutil.ignore_patterns("*.sock")
            shutil.copytree(folder, keep, ignore=hidden, dirs_exist_ok=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        sys.stdout.write(json.dumps({key: report[key] for key in PINNED}) + "\n")
        for line in report["differences"]:
            console.print(line, highlight=False)
    else:
        console.print(closing(report, seed))
    # Ctrl-C before the first fill is a clean end: there was nothing to reconcile yet.
    cut_short = report["interrupted"] and report["differences"] == [NO_FILL]
    raise typer.Exit(0 if report["reconciled"] or cut_short else 1)


def _claim(keep: Path) -> None:
    """Makes the folder before anything runs: the end is too late to learn that it cannot be."""
    try:
        keep.mkdir(parents=True)
    except FileExistsError:
        raise UsageError(f"{keep} is there already: give --keep a new folder") from None
    except OSError as error:
        raise UsageError(f"{keep}: {error.strerror}: give --keep another folder") from None


async def _run(
    folder: Path, seconds: float, seed: int, console: Console, *, draw: bool
) -> dict[str, Any]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    started = loop.time()
    with (
        Live(console=console, auto_refresh=False, screen=False, transient=True)
        if draw and console.is_terminal
        else _Blank() as live
    ):

        def on_state(state: dict[str, Any]) -> None:
            live.update(picture(state, loop.time() - started, seconds), refresh=True)

        report = await run_demo(
            folder,
            seconds=seconds,
            seed=seed,
            configure=write_config,
            on_state=on_state,
            stop=stop,
        )
    return {**report, "interrupted": stop.is_set()}


class _Blank:
    """Where nobody looks (a pipe, ``--json``) nothing is drawn."""

    def __enter__(self) -> _Blank:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def update(self, renderable: object, *, refresh: bool = False) -> None:
        return None
