"""A capture through the book, frame by frame as the live path does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from xrpfast._core import BookFeed, MalformedFrame
from xrpfast.captures import read_capture
from xrpfast.errors import UsageError

VENUES: Final = ("binance", "kucoin")
PLANNED: Final = ("kraken",)


def replay(path: Path, venue: str, symbol: str, depth: int | None = None) -> dict[str, Any]:
    """Brings one symbol of a capture through synchronisation and book.

    Returns ``state``, ``sequence``, ``levels`` (numbers of bids and asks), the best ``depth`` or
    all ``bids`` and ``asks`` as exact texts, and how many frames were ``malformed``. Those are
    skipped, as live: what they cost shows in the state. Raises `UsageError`.
    """
    feed = _feed(venue, symbol)
    seen: set[str] = set()
    malformed = 0
    refusal = ""
    for row in read_capture(path):
        seen.add(row.symbol)
        if row.symbol not in ("", symbol):
            continue
        try:
            if row.kind == "ws":
                feed.on_message(row.raw)
            else:
                feed.on_snapshot(row.raw)
        except MalformedFrame as error:
            malformed += 1
            refusal = refusal or str(error)
    seen.discard("")
    if symbol not in seen:
        held = f"it holds {', '.join(sorted(seen))}" if seen else "it holds no market data"
        raise UsageError(f"{path}: no symbol {symbol!r} in this capture; {held}")
    if feed.state == "EMPTY" and malformed:
        raise UsageError(f"{path}: nothing of {symbol} reads as {venue} ({refusal}); check --venue")
    book = feed.book
    bids, asks = book.bid_levels(), book.ask_levels()
    return {
        "state": feed.state,
        "sequence": feed.sequence,
        "levels": [len(bids), len(asks)],
        "bids": [list(level) for level in bids[:depth]],
        "asks": [list(level) for level in asks[:depth]],
        "malformed": malformed,
    }


def _feed(venue: str, symbol: str) -> BookFeed:
    if venue in PLANNED:
        raise UsageError(f"venue {venue} is not written yet; use {' or '.join(VENUES)}")
    if venue not in VENUES:
        raise UsageError(f"unknown venue {venue!r}; use {' or '.join(VENUES)}")
    return BookFeed(venue, symbol)
