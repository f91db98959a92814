"""xrpfast: trade XRP across spot exchanges, fast and with honest order states.

The library part: books from a venue's own bytes, spread detection and signing, the same objects
that trade live. The engine, mock venues and command line come with the extra ``[engine]``.
"""

from __future__ import annotations

from xrpfast._core import (
    BookFeed,
    CoreError,
    DecimalError,
    LatencyHistogram,
    MalformedFrame,
    OrderBook,
    OutOfRange,
    Signer,
    Spread,
    SpreadDetector,
    StateError,
    __version__,
)

__all__ = [
    "BookFeed",
    "CoreError",
    "DecimalError",
    "LatencyHistogram",
    "MalformedFrame",
    "OrderBook",
    "OutOfRange",
    "Signer",
    "Spread",
    "SpreadDetector",
    "StateError",
    "__version__",
]
