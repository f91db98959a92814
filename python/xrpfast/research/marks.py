"""What the base was worth at a moment: the mark of the engine's portfolio, from the journal."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from xrpfast._core import JournalError, JournalReader
from xrpfast.errors import FailedError
from xrpfast.model import SymbolRules
from xrpfast.records import kinds
from xrpfast.records.start import Start

_SIGNAL: Final = b'{"event":"signal"'
_FROM, _TO = b'"detector":', b',"buy_qty"'
_START: Final = msgspec.json.Decoder(Start)

Marks: TypeAlias = dict[str, Fraction]
"""Instrument -> quote per whole base: the mean of both venues' mids in the latest signal."""


class _Signal(msgspec.Struct):
    detector: int
    buy_book: int
    sell_book: int
    buy_best_bid: int
    buy_best_ask: int
    sell_best_bid: int
    sell_best_ask: int


_SIGNALS: Final = msgspec.json.Decoder(_Signal)


def marks(journal: Path, ends: Sequence[int]) -> list[Marks]:
    """The marks at each of ``ends`` (wall time in nanoseconds, ascending): of the latest signals
    before it. Only signals that a strategy had asked for count, as in the engine.

    Raises `FailedError` for a damaged journal.
    """
    found: list[Marks] = []
    current: Marks = {}
    latest: dict[bytes, bytes] = {}
    """Latest signal per detector and pair of books, not decoded yet."""
    start: Start | None = None
    waiting = list(ends)
    try:
        for _, time_ns, kind, payload in JournalReader(journal):
            if kind == kinds.START:
                _take(current, latest, start)
                start = _START.decode(payload)
            elif kind == kinds.EVENT and payload.startswith(_SIGNAL):
                while waiting and time_ns >= waiting[0]:
                    waiting.pop(0)
                    _take(current, latest, start)
                    found.append(dict(current))
                if not waiting:
                    break
                key = payload[payload.index(_FROM) : payload.index(_TO)]
                latest.pop(key, None)  # the latest one stands last
                latest[key] = payload
    except JournalError as error:
        raise FailedError(f"{journal}: {error}; see `journal verify`") from error
    _take(current, latest, start)
    return [*found, *(dict(current) for _ in waiting)]


def last_signal(journal: Path) -> int:
    """Wall time of the journal's last signal; 0 without one. Raises `FailedError` for damage."""
    try:
        for segment in sorted(journal.glob("*.journal"), reverse=True):
            if segment.stat().st_size == 0:
                continue
            times = [
                time_ns
                for _, time_ns, kind, payload in JournalReader(segment)
                if kind == kinds.EVENT and payload.startswith(_SIGNAL)
            ]
            if times:
                return times[-1]
    except JournalError as error:
        raise FailedError(f"{journal}: {error}; see `journal verify`") from error
    return 0


def _take(current: Marks, latest: dict[bytes, bytes], start: Start | None) -> None:
    """Brings the marks up to date with the signals kept, the latest one last."""
    if start is not None:
        wanted = {
            detector for strategy in start.config.strategies for detector in strategy.detectors
        }
        books = start.config.books
        for payload in latest.values():
            signal = _SIGNALS.decode(payload)
            buy, sell = books[signal.buy_book], books[signal.sell_book]
            if signal.detector in wanted and buy.instrument == sell.instrument:
                mids = _twice_mid(buy, signal.buy_best_bid, signal.buy_best_ask) + _twice_mid(
                    sell, signal.sell_best_bid, signal.sell_best_ask
                )
                current[buy.instrument] = mids / 4
    latest.clear()


def _twice_mid(rules: SymbolRules, bid: int, ask: int) -> Fraction:
    return Fraction(bid + ask, 10**rules.price_decimals)
