"""A capture as a series of books: one symbol of one venue, frame by frame.

The decoder and the synchronisation are the library's own. Only depth frames count: what a
bookTicker says ahead of them is in the next one. A frame that leaves the recorded book out of step
(a gap, bids that reach asks) shows nothing: the last right book stands until the recording is in
step again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from xrpfast._core import BookFeed, CoreError, parse_units
from xrpfast.captures import Row, read_capture
from xrpfast.errors import UsageError
from xrpfast.model import MONEY_DECIMALS, SymbolRules

Levels = dict[int, int]
"""Quantity by price, in the units of the rules."""

QUOTES: Final = (
    "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDS", "USD1", "DAI",
    "BTC", "ETH", "BNB", "XRP", "TRX", "DOGE",
    "EUR", "GBP", "TRY", "BRL", "JPY", "AUD", "MXN", "ARS", "PLN", "RON", "CZK", "ZAR", "COP",
    "UAH", "RUB", "NGN", "USD",
)  # fmt: skip
"""Assets that Binance quotes in: its symbols have no mark between base and quote."""
BINANCE_DECIMALS: Final = 8
_MOST: Final = 10**17
"""Largest order quantity in units: sums of many stay within 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A file to play, and how. ``symbol`` as the venue writes it (see `Recording.open`)."""

    path: Path
    symbol: str | None = None
    speed: float = 1.0
    """Times the recorded pace."""
    loop: bool = False
    """Starts over at the end; else the last book stands."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The book after one row of the capture."""

    recv_ns: int
    sequence: int
    bids: Levels
    asks: Levels


@dataclass(frozen=True, slots=True)
class Recording:
    """One symbol of a capture and the rules that it was recorded under."""

    path: Path
    rules: SymbolRules
    frame_count: int

    @classmethod
    def open(cls, path: Path, usual: SymbolRules, symbol: str | None = None) -> Recording:
        """Reads the capture once. ``usual`` are the venue's rules for XRP.

        Without ``symbol``: the usual one if the capture has it, else the only one. For the usual
        symbol the usual rules hold, their scales refined where the recording is finer. For any
        other, tick and lot are the finest decimals recorded and there is no minimum notional: a
        recording does not tell the venue's filters. Raises `UsageError`.
        """
        symbol = symbol or _only(path, usual.venue_symbol)
        feed, frames, refusal, seen = BookFeed(usual.venue, symbol), 0, "", False
        for row in _rows(path, symbol):
            seen = True
            try:
                frames += _take(feed, row)
            except CoreError as error:
                refusal = refusal or str(error)
        if not seen:
            raise UsageError(f"{path}: no symbol {symbol!r} in this capture")
        if not frames:
            why = refusal or f"its book never got in step, it ended {feed.state}"
            raise UsageError(f"{path}: no book of {symbol} reads as {usual.venue} ({why})")
        price_decimals, qty_decimals = feed.book.price_decimals, feed.book.qty_decimals
        rules = _rules(path, usual, symbol, price_decimals, qty_decimals)
        return cls(path, rules, frames)

    def frames(self) -> Iterator[Frame]:
        """Every book of the recording in turn, from the start. Malformed rows are skipped."""
        rules = self.rules
        feed = BookFeed(rules.venue, rules.venue_symbol)

        def levels(rows: list[tuple[str, str]]) -> Levels:
            price, qty = rules.price_decimals, rules.qty_decimals
            return {parse_units(row[0], price): parse_units(row[1], qty) for row in rows}

        for row in _rows(self.path, rules.venue_symbol):
            try:
                changed = _take(feed, row)
            except CoreError:
                continue
            if not changed:
                continue
            book = feed.book
            try:
                bids, asks = levels(book.bid_levels()), levels(book.ask_levels())
            except CoreError as error:
                raise UsageError(
                    f"{self.path}: a level of {rules.venue_symbol} cannot be held ({error})"
                ) from None
            yield Frame(row.recv_ns, feed.sequence, bids, asks)


def _take(feed: BookFeed, row: Row) -> bool:
    """Whether the row led to a new book that can be believed. Raises `CoreError`."""
    before = feed.state, feed.sequence
    state = feed.on_message(row.raw) if row.kind == "ws" else feed.on_snapshot(row.raw)
    return state == "LIVE" and (state, feed.sequence) != before


def _rows(path: Path, symbol: str) -> Iterator[Row]:
    return (row for row in read_capture(path) if row.symbol in ("", symbol))


def _only(path: Path, usual: str) -> str:
    symbols = sorted({row.symbol for row in read_capture(path)} - {""})
    if usual in symbols:
        return usual
    if len(symbols) != 1:
        held = f"it holds {', '.join(symbols)}" if symbols else "it holds no market data"
        raise UsageError(f"{path}: no {usual} in this capture; {held}; name one: VENUE:SYMBOL=FILE")
    return symbols[0]


def _rules(
    path: Path, usual: SymbolRules, symbol: str, price_decimals: int, qty_decimals: int
) -> SymbolRules:
    if symbol == usual.venue_symbol:
        price_decimals = max(price_decimals, usual.price_decimals)
        qty_decimals = max(qty_decimals, usual.qty_decimals)
    if price_decimals + qty_decimals > MONEY_DECIMALS:
        raise UsageError(
            f"{path}: prices of {price_decimals} and quantities of {qty_decimals} decimals are too"
            f" fine: {MONEY_DECIMALS} in all can be settled exactly"
        )
    if usual.venue == "binance" and max(price_decimals, qty_decimals) > BINANCE_DECIMALS:
        raise UsageError(
            f"{path}: decimals finer than the {BINANCE_DECIMALS} that binance writes: check VENUE"
        )
    finer_price = 10 ** max(0, price_decimals - usual.price_decimals)
    finer_qty = 10 ** max(0, qty_decimals - usual.qty_decimals)
    rules = msgspec.structs.replace(usual, price_decimals=price_decimals, qty_decimals=qty_decimals)
    if symbol == usual.venue_symbol:
        return msgspec.structs.replace(
            rules,
            tick=usual.tick * finer_price,
            lot=usual.lot * finer_qty,
            min_qty=usual.min_qty * finer_qty,
            max_qty=min(usual.max_qty * finer_qty, _MOST),
        )
    base, quote = _assets(path, usual.venue, symbol)
    return msgspec.structs.replace(
        rules,
        instrument=f"{base}/{quote}",
        venue_symbol=symbol,
        base=base,
        quote=quote,
        tick=1,
        lot=1,
        min_qty=1,
        max_qty=_MOST,
        min_notional=0,
    )


def _assets(path: Path, venue: str, symbol: str) -> tuple[str, str]:
    if venue == "binance":
        quote = next((quote for quote in QUOTES if symbol.endswith(quote)), "")
        base = symbol[: -len(quote)] if quote else ""
    else:
        base, _, quote = symbol.partition("-")
    if not base or not quote:
        raise UsageError(f"{path}: {symbol!r} is no symbol of {venue}: its quote asset is unknown")
    return base, quote
