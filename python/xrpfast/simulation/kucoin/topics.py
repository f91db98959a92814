"""Topics of the push socket: which exist, what a subscribe text asks for."""

from __future__ import annotations

from typing import Final

import msgspec

from . import errors
from .candle_types import TYPES

LEVEL2: Final = "/market/level2"
LEVEL1: Final = "/spotMarket/level1"
DEPTH5: Final = "/spotMarket/level2Depth5"
DEPTH50: Final = "/spotMarket/level2Depth50"
TICKER: Final = "/market/ticker"
MATCH: Final = "/market/match"
SNAPSHOT: Final = "/market/snapshot"
CANDLES: Final = "/market/candles"
AUCTION: Final = "/callauction/callauctionData"
AUCTION_DEPTH: Final = "/callauction/level2Depth50"
ORDERS: Final = "/spotMarket/tradeOrdersV2"
ORDERS_V1: Final = "/spotMarket/tradeOrders"
STOP_ORDERS: Final = "/spotMarket/advancedOrders"
BALANCE: Final = "/account/balance"
ALL: Final = "all"

PUBLIC: Final = frozenset(
    {LEVEL2, LEVEL1, DEPTH5, DEPTH50, TICKER, MATCH, SNAPSHOT, CANDLES, AUCTION, AUCTION_DEPTH}
)
PRIVATE: Final = frozenset({ORDERS, ORDERS_V1, STOP_ORDERS, BALANCE})
SILENT: Final = frozenset({AUCTION, AUCTION_DEPTH, STOP_ORDERS})
"""Acknowledged and without frames: no pair is in an auction here, and stop orders are refused."""

MAX_PER_MESSAGE: Final = 100
MAX_PER_SESSION: Final = 400


class Wish(msgspec.Struct, frozen=True):
    """What one subscribe or unsubscribe asks for: full topics, one a symbol."""

    topics: tuple[str, ...]
    private: bool


def parse(text: object) -> Wish | errors.PushReason:
    """The topics of a subscribe text, or why the venue refuses it."""
    if text is None or text == "":
        return errors.TOPIC_REQUIRED
    if not isinstance(text, str) or not text.startswith("/"):
        return errors.TOPIC_INVALID
    name, colon, rest = text.partition(":")
    if name in PRIVATE:
        return Wish((name,), private=True)
    if name not in PUBLIC:
        return errors.TOPIC_UNKNOWN
    symbols = list(dict.fromkeys(symbol for symbol in rest.split(",") if symbol))
    if not colon or not symbols:
        return errors.TOPIC_INVALID
    if len(symbols) > MAX_PER_MESSAGE:
        return errors.TOO_MANY_TOPICS
    if name == CANDLES and any(symbol.rpartition("_")[2] not in TYPES for symbol in symbols):
        return errors.TOPIC_INVALID
    return Wish(tuple(f"{name}:{symbol}" for symbol in symbols), private=False)
