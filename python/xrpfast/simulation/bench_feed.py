"""A market that does nothing but open one edge at a time: for measuring tick to order.

The seeded market is off; both books stand still with a small negative edge. A tick is one market
frame of one venue that makes the edge positive, sent as the venue sends it. The mock stamps the
tick right before it leaves and each order frame right when it arrives, before anything is parsed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.binance.face import BinanceFace
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.flow import MarketFlow
from xrpfast.simulation.kucoin.face import KucoinFace
from xrpfast.simulation.orders import OrderHook

KINDS = ("binance_ticker", "kucoin_level2", "binance_depth")
SIZE = 2.5  # base asset of a tick: above both minimums, small enough for thousands of ticks
PAUSE_SECONDS = 0.0015  # between ticks: the engine hears of its fills and may enter again
TIMEOUT_SECONDS = 1.0
LATE_SECONDS = 0.5
# (bid, ask) at rest and what a tick does: Binance's bid up, KuCoin's ask down.
REST = {"binance": (2.4000, 2.4230), "kucoin": (2.3850, 2.4040)}
BINANCE_TICK, KUCOIN_TICK = 2.4160, 2.3880


@dataclass(slots=True)
class Tick:
    """One tick: when it left, and when each venue's order frame arrived."""

    kind: str
    sent_ns: int = 0
    orders_ns: dict[str, int] = field(default_factory=dict)
    handle: list[Callable[[], None]] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)


class BenchFeed:
    """Runs a series of ticks against whoever is connected."""

    def __init__(self, binance: BinanceFace, kucoin: KucoinFace, flow: MarketFlow) -> None:
        self._binance, self._kucoin, self._flow = binance, kucoin, flow
        self._tick: Tick | None = None
        self._answer_only = False

    async def run(self, ticks: int, *, floor: bool) -> dict[str, Any]:
        """Sends ``ticks`` ticks one after another, each answered by both legs or timed out.

        ``floor``: order frames are stamped and thrown away, for a client that answers constants.
        Result: per tick its kind and nanoseconds to the first and to the second order frame, how
        many orders the exchanges accepted meanwhile, how many ticks were not answered.
        """
        self._flow.stop()
        self._answer_only = floor
        # The pace is that of a measurement; the venue's quotas are not what is measured.
        self._binance.enforce_quotas(False)
        self._kucoin.enforce_quotas(False)
        for face, rest in ((self._binance, REST["binance"]), (self._kucoin, REST["kucoin"])):
            _stand_still(face.exchange, *rest)
        self._binance.before_send = self._kucoin.before_send = self._on_market
        self._binance.on_order_frame = self._order_hook("binance")
        self._kucoin.on_order_frame = self._order_hook("kucoin")
        before = self._accepted()
        await asyncio.sleep(0.3)  # the resting books reach the client
        done: list[Tick] = []
        timeouts = 0
        try:
            for number in range(ticks):
                tick = Tick(KINDS[number % len(KINDS)])
                if await self._one(tick):
                    done.append(tick)
                else:
                    timeouts += 1
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._binance.before_send = self._kucoin.before_send = None
            self._binance.on_order_frame = self._kucoin.on_order_frame = None
        return {
            "ticks": ticks,
            "timeouts": timeouts,
            "accepted": self._accepted() - before,
            "kinds": [tick.kind for tick in done],
            "first_ns": [min(tick.orders_ns.values()) - tick.sent_ns for tick in done],
            "second_ns": [max(tick.orders_ns.values()) - tick.sent_ns for tick in done],
        }

    async def _one(self, tick: Tick) -> bool:
        """Sends one tick; whether both legs came."""
        self._tick = tick
        streams = self._binance.streams
        if tick.kind == "kucoin_level2":
            exchange, side, price = self._kucoin.exchange, Side.SELL, KUCOIN_TICK
        else:
            exchange, side, price = self._binance.exchange, Side.BUY, BINANCE_TICK
        streams.tickers_first = tick.kind != "binance_depth"
        order_id = exchange.place_background(
            side, _price(exchange, price), _qty(exchange, SIZE), TimeInForce.GTC
        )
        if tick.kind == "binance_depth":
            streams.flush_depth("depth@100ms")
        with suppress(TimeoutError):
            await asyncio.wait_for(tick.done.wait(), TIMEOUT_SECONDS)
        answered = len(tick.orders_ns) == 2
        if not answered:
            await asyncio.sleep(LATE_SECONDS)  # a late leg must not pass for the next tick's
        self._tick = None
        if not self._answer_only:
            for handle in tick.handle:
                handle()
        streams.tickers_first = True
        exchange.cancel_background(order_id)
        if tick.kind == "binance_depth":  # what opened it must close it: no ticker was sent
            streams.flush_depth("depth@100ms")
        streams.flush_ticker()
        return answered

    def _on_market(self, now_ns: int) -> None:
        tick = self._tick
        if tick is not None and not tick.sent_ns:
            tick.sent_ns = time.monotonic_ns()

    def _order_hook(self, venue: str) -> OrderHook:
        def on_order_frame(received_ns: int, handle: Callable[[], None]) -> bool:
            tick = self._tick
            if tick is None or not tick.sent_ns or venue in tick.orders_ns:
                return self._answer_only
            # Handled once both have come: the mock's own work on the first order must not delay
            # the stamp of the second.
            tick.orders_ns[venue] = received_ns
            tick.handle.append(handle)
            if len(tick.orders_ns) == 2:
                tick.done.set()
            return True

        return on_order_frame

    def _accepted(self) -> int:
        return sum(face.exchange.placed for face in (self._binance, self._kucoin))


def _stand_still(exchange: Exchange, bid: float, ask: float) -> None:
    """A book of two deep levels, instead of whatever stood there."""
    for side, price in ((Side.BUY, bid), (Side.SELL, ask)):
        exchange.place_background(
            side, _price(exchange, price), _qty(exchange, 1_000_000), TimeInForce.GTC
        )


def _price(exchange: Exchange, price: float) -> int:
    one: int = 10**exchange.rules.price_decimals
    return round(price * one)


def _qty(exchange: Exchange, qty: float) -> int:
    one: int = 10**exchange.rules.qty_decimals
    return round(qty * one)
