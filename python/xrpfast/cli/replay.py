"""`replay`: a capture through the book."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from xrpfast.research.replay import replay as run_replay

SHOWN = 10


def replay(
    file: Annotated[Path, typer.Argument(help="The capture: JSON lines.", show_default=False)],
    venue: Annotated[str, typer.Option(help="Whose frames they are: binance or kucoin.")],
    symbol: Annotated[str, typer.Option(help="As the venue writes it, e.g. XRP-USDT.")],
    depth: Annotated[
        int | None, typer.Option(min=0, help="Levels a side; all as JSON, else 10.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Bring a capture through synchronisation and book, as the live path does."""
    if as_json:
        sys.stdout.write(json.dumps(run_replay(file, venue, symbol, depth)) + "\n")
    else:
        result = run_replay(file, venue, symbol, SHOWN if depth is None else depth)
        sys.stdout.write(_picture(venue, symbol, result))


def _picture(venue: str, symbol: str, result: dict[str, Any]) -> str:
    bids, asks = result["levels"]
    lines = [
        f"{venue} {symbol}: {result['state']} at {result['sequence']},"
        f" {bids} bids, {asks} asks, {result['malformed']} malformed frames"
    ]
    rows = [("ask", *level) for level in reversed(result["asks"])]
    rows += [("bid", *level) for level in result["bids"]]
    widths = [max((len(row[at]) for row in rows), default=0) for at in (1, 2)]
    lines += [f"  {side}  {price:>{widths[0]}}  {qty:>{widths[1]}}" for side, price, qty in rows]
    return "\n".join(lines) + "\n"
