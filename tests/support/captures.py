"""Recorded frames of the real venues and a book model that shares no code with the project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent.parent / "data"
CAPTURES = {venue: DATA / f"{venue}_spot.jsonl" for venue in ("binance", "kucoin")}
SYMBOLS = (
    ("binance", "NKNUSDT"),
    ("binance", "BLZETH"),
    ("binance", "LRCBTC"),
    ("binance", "RUNEEUR"),
    ("kucoin", "SNX-BTC"),
    ("kucoin", "ANKR-BTC"),
    ("kucoin", "NRG-BTC"),
    ("kucoin", "EQZ-BTC"),
)

Levels = dict[Decimal, Decimal]


@dataclass(frozen=True)
class Row:
    kind: str
    raw: str


@dataclass
class NaiveBook:
    """Dictionaries and the sequence rule of the venues' manuals, nothing else."""

    sequence: int = 0
    bids: Levels = field(default_factory=dict)
    asks: Levels = field(default_factory=dict)

    def take(self, first: int, last: int, changes: list[tuple[str, str, str, int]]) -> None:
        if last <= self.sequence:
            return
        assert first <= self.sequence + 1, f"gap: {first} after {self.sequence}"
        for side, price, qty, sequence in changes:
            if sequence <= self.sequence or Decimal(price) == 0:
                continue
            levels = self.bids if side == "bids" else self.asks
            levels.pop(Decimal(price), None)
            if Decimal(qty) != 0:
                levels[Decimal(price)] = Decimal(qty)
        self.sequence = last

    def texts(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Bids and asks best first, as texts without trailing zeros."""

        def plain(value: Decimal) -> str:
            text = f"{value:f}"
            return text.rstrip("0").rstrip(".") if "." in text else text

        def side(levels: Levels, reverse: bool) -> list[tuple[str, str]]:
            return [(plain(p), plain(levels[p])) for p in sorted(levels, reverse=reverse)]

        return side(self.bids, True), side(self.asks, False)


@cache
def rows(venue: str, symbol: str) -> tuple[Row, ...]:
    """The rows of one symbol, in the order received."""
    lines = map(json.loads, CAPTURES[venue].read_text().splitlines())
    return tuple(Row(line["kind"], line["raw"]) for line in lines if line["symbol"] == symbol)


def depth(venue: str, raw: str) -> tuple[int, int, list[tuple[str, str, str, int]]] | None:
    """First and last sequence and changes of a depth frame; None for any other."""
    message = json.loads(raw)
    if venue == "binance":
        event = message["data"]
        if event.get("e") != "depthUpdate":
            return None
        changes = [
            (side, price, qty, event["u"])
            for side, key in (("bids", "b"), ("asks", "a"))
            for price, qty in event[key]
        ]
        return event["U"], event["u"], changes
    if message.get("subject") != "trade.l2update":
        return None
    event = message["data"]
    changes = [
        (side, price, qty, int(sequence))
        for side in ("bids", "asks")
        for price, qty, sequence in event["changes"][side]
    ]
    return event["sequenceStart"], event["sequenceEnd"], changes


def naive(venue: str, symbol: str) -> Iterator[NaiveBook]:
    """The book after the snapshot and after every frame, one object that changes."""
    loaded = next(row for row in rows(venue, symbol) if row.kind == "depth_snapshot")
    body = json.loads(loaded.raw)
    body = body if venue == "binance" else body["data"]
    book = NaiveBook(
        int(body["lastUpdateId" if venue == "binance" else "sequence"]),
        {Decimal(price): Decimal(qty) for price, qty in body["bids"]},
        {Decimal(price): Decimal(qty) for price, qty in body["asks"]},
    )
    yield book
    for row in rows(venue, symbol):
        frame = depth(venue, row.raw) if row.kind == "ws" else None
        if frame is not None:
            book.take(*frame)
            yield book


@cache
def truth(venue: str, symbol: str) -> dict[int, tuple[Levels, Levels]]:
    """Bids and asks at every sequence number where the recorded book stood."""
    return {book.sequence: (dict(book.bids), dict(book.asks)) for book in naive(venue, symbol)}
