"""What was traded lately, in KuCoin's words: 24 h statistics, tickers, market snapshots."""

from __future__ import annotations

from typing import Final

import orjson

from xrpfast.model import Side, format_money
from xrpfast.simulation.candles import Candles
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.statistics import Statistics, rolling
from xrpfast.simulation.texts import units_text

from .wire import Json, Wire, ms

REFRESH_MS: Final = 2_000
_SPANS: Final = (("marketChange1h", 3_600), ("marketChange4h", 14_400), ("marketChange24h", 86_400))


class Tickers:
    """Statistics of one exchange; all tickers together are told anew every 2 s, as there."""

    def __init__(self, exchange: Exchange, wire: Wire) -> None:
        self.candles = Candles(exchange.rules)
        self._exchange = exchange
        self._wire = wire
        self._all: Json = {"time": 0, "ticker": []}

    def stats(self) -> Json:
        """``data`` of market/stats; null where nothing was ever traded."""
        now = self._exchange.wall_ns()
        return {"time": ms(now), "symbol": self._wire.symbol, **self._day(now)}

    def all(self) -> Json:
        """``data`` of market/allTickers."""
        now = self._exchange.wall_ns()
        if ms(now) - self._all["time"] >= REFRESH_MS:
            _, bid_size = self._best(Side.BUY)
            _, ask_size = self._best(Side.SELL)
            row = {
                "symbol": self._wire.symbol,
                "symbolName": self._wire.symbol,
                "bestBidSize": bid_size,
                "bestAskSize": ask_size,
                **self._day(now),
            }
            self._all = {"time": ms(now), "ticker": [row]}
        return self._all

    def snapshot(self) -> Json:
        """The inner ``data`` of a trade.snapshot push, without its time: bare JSON numbers."""
        now, wire, rules = self._exchange.wall_ns(), self._wire, self._exchange.rules
        day = rolling(self.candles, now)
        bid, bid_size = self._best(Side.BUY)
        ask, ask_size = self._best(Side.SELL)
        last = wire.price(day.last) if day.last else None
        return {
            "askSize": _bare(ask_size),
            "averagePrice": _bare(units_text(day.average(8), 8)),
            "baseCurrency": rules.base,
            "bidSize": _bare(bid_size),
            "board": 0,
            "buy": _bare(bid),
            "close": _bare(last),
            "lastTradedPrice": _bare(last),
            "makerCoefficient": 1,
            "makerFeeRate": _bare(wire.rate(maker=True)),
            "marginTrade": False,
            "mark": 0,
            "market": wire.market,
            "markets": [wire.market],
            "quoteCurrency": rules.quote,
            "sell": _bare(ask),
            "siteTypes": ["global"],
            "sort": 100,
            "symbol": wire.symbol,
            "symbolCode": wire.symbol,
            "takerCoefficient": 1,
            "takerFeeRate": _bare(wire.rate(maker=False)),
            "trading": True,
            **self._change(day),
            **{name: self._change(rolling(self.candles, now, seconds)) for name, seconds in _SPANS},
        }

    def _day(self, now: int) -> Json:
        wire, day = self._wire, rolling(self.candles, now)
        bid, _ = self._best(Side.BUY)
        ask, _ = self._best(Side.SELL)
        any_price = bool(day.trades)
        return {
            "buy": bid,
            "sell": ask,
            "changeRate": units_text(day.change_ratio(4), 4),
            "changePrice": wire.price(day.change),
            "high": wire.price(day.high) if any_price else None,
            "low": wire.price(day.low) if any_price else None,
            "vol": wire.qty(day.qty),
            "volValue": format_money(day.quote),
            "last": wire.price(day.last) if day.last else None,
            "averagePrice": units_text(day.average(8), 8) if any_price else None,
            "takerFeeRate": wire.rate(maker=False),
            "makerFeeRate": wire.rate(maker=True),
            "takerCoefficient": "1",
            "makerCoefficient": "1",
        }

    def _change(self, span: Statistics) -> Json:
        wire = self._wire
        return {
            "changePrice": _bare(wire.price(span.change)),
            "changeRate": _bare(units_text(span.change_ratio(4), 4)),
            "high": _bare(wire.price(span.high)),
            "low": _bare(wire.price(span.low)),
            "open": _bare(wire.price(span.open)),
            "vol": _bare(wire.qty(span.qty)),
            "volValue": _bare(format_money(span.quote)),
        }

    def _best(self, side: Side) -> tuple[str | None, str | None]:
        best = self._exchange.matching.best(side)
        if best is None:
            return None, None
        return self._wire.price(best[0]), self._wire.qty(best[1])


def _bare(text: str | None) -> orjson.Fragment | None:
    """An exact decimal as a JSON number."""
    return None if text is None else orjson.Fragment(text)
