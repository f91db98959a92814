"""Market events in SBE, stream schema 1:0: little-endian, packed, exponents in every message.

A frame is a header (block length, template, schema, version), the root block, groups, the symbol.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from xrpfast.model import SymbolRules

TRADES, BEST, DEPTH, DIFF = 10_000, 10_001, 10_002, 10_003
SCHEMA: Final = 1
_HEADER: Final = struct.Struct("<HHHH")
_TRADES_ROOT: Final = struct.Struct("<qqbb")
_BEST_ROOT: Final = struct.Struct("<qqbbqqqq")
_DEPTH_ROOT: Final = struct.Struct("<qqbb")
_DIFF_ROOT: Final = struct.Struct("<qqqbb")
_TRADES_GROUP: Final = struct.Struct("<HI")
_LEVELS_GROUP: Final = struct.Struct("<HH")
_TRADE: Final = struct.Struct("<qqqB")
_LEVEL: Final = struct.Struct("<qq")

Rows = Sequence[tuple[int, int]]


class SbeSettings(msgspec.Struct):
    """What a decoder must not take for granted; None: the symbol's own decimals."""

    price_decimals: int | None = None
    qty_decimals: int | None = None
    version: int = 0
    block_tail: bytes = b""
    """More fields at the end of the root block, as a newer version would have."""


class SbeEncoder:
    """Frames of one symbol; prices and quantities in its units, times in microseconds."""

    def __init__(self, rules: SymbolRules, settings: SbeSettings) -> None:
        self._rules = rules
        self._settings = settings
        symbol = rules.venue_symbol.encode()
        self._symbol = bytes([len(symbol)]) + symbol

    def trades(
        self, event_us: int, transact_us: int, rows: Iterable[tuple[int, int, int, bool]]
    ) -> bytes:
        """Rows: id, price, quantity, whether the buyer is the maker."""
        price, qty, exponents = self._scales()
        entries = [_TRADE.pack(i, p * price, q * qty, maker) for i, p, q, maker in rows]
        root = _TRADES_ROOT.pack(event_us, transact_us, *exponents)
        group = _TRADES_GROUP.pack(_TRADE.size, len(entries))
        return self._frame(TRADES, root, group, *entries)

    def best(
        self, event_us: int, update_id: int, bid: tuple[int, int], ask: tuple[int, int]
    ) -> bytes:
        """Best bid and ask: (price, quantity)."""
        price, qty, exponents = self._scales()
        root = _BEST_ROOT.pack(
            event_us, update_id, *exponents, bid[0] * price, bid[1] * qty, ask[0] * price,
            ask[1] * qty,
        )  # fmt: skip
        return self._frame(BEST, root)

    def depth(self, event_us: int, update_id: int, bids: Rows, asks: Rows) -> bytes:
        """The top of the book: levels from the best."""
        _, _, exponents = self._scales()
        root = _DEPTH_ROOT.pack(event_us, update_id, *exponents)
        return self._frame(DEPTH, root, self._levels(bids), self._levels(asks))

    def diff(self, event_us: int, first: int, last: int, bids: Rows, asks: Rows) -> bytes:
        """Changed levels with absolute quantities."""
        _, _, exponents = self._scales()
        root = _DIFF_ROOT.pack(event_us, first, last, *exponents)
        return self._frame(DIFF, root, self._levels(bids), self._levels(asks))

    def _scales(self) -> tuple[int, int, tuple[int, int]]:
        """What price and quantity units are multiplied with, and the exponents told."""
        rules, settings = self._rules, self._settings
        price, qty = settings.price_decimals, settings.qty_decimals
        price = rules.price_decimals if price is None else price
        qty = rules.qty_decimals if qty is None else qty
        scale: int = 10 ** (price - rules.price_decimals)
        qty_scale: int = 10 ** (qty - rules.qty_decimals)
        return scale, qty_scale, (-price, -qty)

    def _levels(self, rows: Rows) -> bytes:
        price, qty, _ = self._scales()
        packed = [_LEVEL.pack(p * price, q * qty) for p, q in rows]
        return b"".join([_LEVELS_GROUP.pack(_LEVEL.size, len(packed)), *packed])

    def _frame(self, template: int, root: bytes, *groups: bytes) -> bytes:
        root += self._settings.block_tail
        header = _HEADER.pack(len(root), template, SCHEMA, self._settings.version)
        return b"".join([header, root, *groups, self._symbol])
