"""KuCoin's words for numbers, ids and the market: symbol objects, public frames, envelopes.

Only shapes and texts; nothing here decides. Decimals are texts without trailing zeros, as real
frames have them. Orders are put into words by `order_objects` (REST) and `order_events` (pushed).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import orjson

from xrpfast.model import MONEY_DECIMALS, RATE_ONE, Side, SymbolRules, TimeInForce, format_money
from xrpfast.simulation.account import Account
from xrpfast.simulation.candles import Candle
from xrpfast.simulation.orders import Trade
from xrpfast.simulation.texts import units_text

from .books import Frame

Json = dict[str, Any]

DOLLARS: Final = frozenset({"USDT", "USDC"})
PRICE_LIMIT: Final = (1, 10)
"""How far beyond the best price of the other side an order may trade: a tenth of it."""
QUOTE_MAX: Final = 99_999_999

_ID_PREFIX: Final = "6920aa01c3f1"
_RATE_DECIMALS: Final = 8
_FEE_CATEGORY: Final = 1


def order_id_text(number: int) -> str:
    """The 24-digit hex id that an order of the exchange has on the wire."""
    return f"{_ID_PREFIX}{number:012x}"


def order_id_number(text: str) -> int | None:
    """The exchange's number of a wire id; None when it is none of ours."""
    if len(text) != 24 or not text.startswith(_ID_PREFIX):
        return None
    try:
        return int(text[len(_ID_PREFIX) :], 16)
    except ValueError:
        return None


def side_text(side: Side) -> str:
    return "buy" if side is Side.BUY else "sell"


def user_id(account: Account) -> str:
    return f"633559791e1cbc00{account.uid:08x}"


def account_id(account: Account, currency: str, kind: str = "trade") -> str:
    """One id per (customer, currency, kind of account), stable over restarts."""
    number = zlib.crc32(f"{account.uid} {currency} {kind}".encode())
    return str(548_670_000_000_000 + number)


def ms(ns: int) -> int:
    return ns // 1_000_000


class Wire:
    """The shapes of one symbol."""

    def __init__(self, rules: SymbolRules) -> None:
        self.rules = rules
        self.symbol = rules.venue_symbol
        self.market = "USDS" if rules.quote in DOLLARS else rules.quote

    # --- numbers ------------------------------------------------------------------------------

    def price(self, price: int) -> str:
        return units_text(price, self.rules.price_decimals)

    def qty(self, qty: int) -> str:
        return units_text(qty, self.rules.qty_decimals)

    def rate(self, maker: bool) -> str:
        return units_text(self.rules.maker_rate if maker else self.rules.taker_rate, 8)

    def levels(self, rows: Iterable[tuple[int, int]]) -> list[list[str]]:
        return [[self.price(price), self.qty(qty)] for price, qty in rows]

    # --- REST ---------------------------------------------------------------------------------

    def symbol_object(self) -> Json:
        rules = self.rules
        quote_step = self.price(rules.tick)
        part, whole = PRICE_LIMIT
        return {
            "symbol": self.symbol,
            "name": self.symbol,
            "baseCurrency": rules.base,
            "quoteCurrency": rules.quote,
            "feeCurrency": rules.quote,
            "market": self.market,
            "baseMinSize": self.qty(rules.min_qty),
            "quoteMinSize": format_money(rules.min_notional),
            "baseMaxSize": self.qty(rules.max_qty),
            "quoteMaxSize": str(QUOTE_MAX),
            "baseIncrement": self.qty(rules.lot),
            "quoteIncrement": quote_step,
            "priceIncrement": quote_step,
            "priceLimitRate": str(Decimal(part) / whole),
            "minFunds": format_money(rules.min_notional),
            "isMarginEnabled": False,
            "enableTrading": True,
            "feeCategory": _FEE_CATEGORY,
            "makerFeeCoefficient": "1.00",
            "takerFeeCoefficient": "1.00",
            "st": False,
            "callauctionIsEnabled": False,
            "callauctionPriceFloor": None,
            "callauctionPriceCeiling": None,
            "callauctionFirstStageStartTime": None,
            "callauctionSecondStageStartTime": None,
            "callauctionThirdStageStartTime": None,
            "tradingStartTime": None,
        }

    def candle(self, candle: Candle) -> list[str]:
        """Start in seconds, then open, close, high, low: KuCoin's own order."""
        return [
            str(candle.start_ns // 10**9),
            self.price(candle.open),
            self.price(candle.close),
            self.price(candle.high),
            self.price(candle.low),
            self.qty(candle.qty),
            format_money(candle.quote),
        ]

    def public_trade(self, trade: Trade) -> Json:
        """A row of market/histories."""
        return {
            "sequence": str(trade.trade_id),
            "price": self.price(trade.price),
            "size": self.qty(trade.qty),
            "side": side_text(trade.taker_side),
            "time": trade.wall_ns,
        }

    # --- public frames ------------------------------------------------------------------------

    def level2(self, topic: str, frame: Frame, now_ms: int) -> bytes:
        asks: list[list[str]] = []
        bids: list[list[str]] = []
        for entry in frame.entries:
            row = [self.price(entry.price), self.qty(entry.qty), str(entry.sequence)]
            (asks if entry.side else bids).append(row)
        data = {
            "changes": {"asks": asks, "bids": bids},
            "sequenceStart": frame.start,
            "sequenceEnd": frame.end,
            "symbol": self.symbol,
            "time": now_ms,
        }
        return message(topic, "trade.l2update", data)

    def match(self, topic: str, trade: Trade) -> bytes:
        number = str(trade.trade_id)
        data = {
            "type": "match",
            "symbol": self.symbol,
            "side": side_text(trade.taker_side),
            "price": self.price(trade.price),
            "size": self.qty(trade.qty),
            "sequence": number,
            "tradeId": number,
            "takerOrderId": order_id_text(trade.taker_order_id),
            "makerOrderId": order_id_text(trade.maker_order_id),
            "time": str(trade.wall_ns),
        }
        return message(topic, "trade.l3match", data)


def message(topic: str, subject: str, data: Json) -> bytes:
    """A public data frame."""
    return orjson.dumps({"type": "message", "topic": topic, "subject": subject, "data": data})


def private_message(
    topic: str, subject: str, account: Account, data: Json, number: str | None = None
) -> bytes:
    frame: Json = {"topic": topic, "type": "message", "subject": subject}
    if number is not None:
        frame["id"] = number
    frame["userId"] = user_id(account)
    frame["channelType"] = "private"
    frame["data"] = data
    return orjson.dumps(frame)


def success(data: object) -> Json:
    return {"code": "200000", "data": data}


def units(text: str, decimals: int) -> int | None:
    """Exact units of 10^-decimals in a plain decimal text; None when it is finer than that."""
    whole, _, part = text.partition(".")
    part = part.rstrip("0")
    if len(part) > decimals:
        return None
    return int((whole or "0") + part.ljust(decimals, "0"))


assert RATE_ONE == 10**_RATE_DECIMALS
assert MONEY_DECIMALS == 18
assert {tif.name for tif in TimeInForce} == {"GTC", "IOC", "FOK"}
