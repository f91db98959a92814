"""What is done to the mock venues while they are measured."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from benches import memory
from benches.mock_clients import (
    BinanceOrders,
    Counting,
    KucoinOrders,
    Requests,
    binance_orders,
    kucoin_orders,
    market,
    private,
    rest_order,
)

Json = dict[str, Any]
FAR, ABOVE, BELOW = "2.3", "2.46", "2.34"
"""Of the market at 2.40: rests, buys at once, sells at once."""
QTY = "2.5"
REMEMBERED, BATCH = 48_000, 40
"""Orders, half of them filled, that overflow the 20,000 fills and ended orders a venue keeps."""
OPEN = 20
"""Orders of the sustained load that rest before they are cancelled."""
VENUES = ("binance", "kucoin")


@dataclass(slots=True)
class Mock:
    """The running mock, as its clients see it."""

    pid: int
    venues: Json
    control_url: str
    http: aiohttp.ClientSession

    async def control(self, path: str, body: Json) -> Json:
        async with self.http.post(self.control_url + path, json=body) as reply:
            assert reply.status == 200, await reply.text()
            answer: Json = await reply.json()
            return answer


@dataclass(slots=True)
class Flood:
    """Market frames that one subscriber got."""

    asked: int
    frames: int
    seconds: float
    cpu_us: float
    """Processor time of the mock, a frame."""


async def flood(mock: Mock, venue: str, frames: int) -> Flood:
    """The book changes ``frames`` times while one client is subscribed."""
    async with market(venue, mock.venues[venue], mock.http) as counting:
        await mock.control("/flood", {"venue": venue, "frames": 2_000})  # warm
        await _quiet(counting)
        counting.frames = counting.first_ns = 0
        cpu = memory.busy(mock.pid)
        told = await mock.control("/flood", {"venue": venue, "frames": frames})
        cpu = memory.busy(mock.pid) - cpu
        await _quiet(counting)
    seconds = (counting.last_ns - counting.first_ns) / 1e9
    return Flood(told["frames"], counting.frames, seconds, cpu / counting.frames * 1e6)


async def _quiet(counting: Counting) -> None:
    """Waits until nothing more comes; the market must be paused."""
    seen = -1
    while seen != counting.frames:
        seen = counting.frames
        await asyncio.sleep(0.3)


@asynccontextmanager
async def channel(mock: Mock, name: str) -> AsyncIterator[BinanceOrders | KucoinOrders]:
    """An order socket: binance, kucoin, or kucoin-sync."""
    venue = mock.venues[name.partition("-")[0]]
    if name == "binance":
        async with binance_orders(venue) as orders:
            yield orders
    else:
        async with kucoin_orders(venue, sync=name == "kucoin-sync") as orders:
            yield orders


async def acks(mock: Mock, name: str, count: int, rate: float) -> dict[str, list[int]]:
    """``count`` resting orders at ``rate`` a second, each cancelled; nanoseconds by kind."""
    async with channel(mock, name) as orders:
        paced = Pace(rate)
        for number in range(count):
            await paced.next()
            client_id = f"a{name[-1]}{number}"
            orders.place(client_id, "BUY", FAR, QTY, "GTC")
            await paced.next(0.5)
            orders.cancel(client_id)
        await orders.socket.settle()
        assert not orders.socket.refused, orders.socket.refused
        return orders.socket.took


async def rest_acks(mock: Mock, venue: str, count: int, rate: float) -> list[int]:
    """``count`` orders by REST on one warm connection; cancelled over the socket."""
    took = []
    async with channel(mock, venue) as orders:
        paced = Pace(rate)
        for number in range(count):
            await paced.next()
            client_id = f"r{number}"
            took.append(await rest_order(venue, mock.venues[venue], mock.http, client_id, FAR))
            orders.cancel(client_id)
        await orders.socket.settle()
        assert not orders.socket.refused, orders.socket.refused
    return took


class Pace:
    """Times at a steady rate; whoever is late goes on at once and catches up."""

    def __init__(self, rate: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._gap = 1 / rate
        self._due = self._loop.time()

    async def next(self, share: float = 1.0) -> None:
        self._due += self._gap * share
        left = self._due - self._loop.time()
        if left > 0:
            await asyncio.sleep(left)


@dataclass(slots=True)
class Sustained:
    """A run of many orders."""

    seconds: float
    orders: int
    took: dict[str, list[int]]
    refused: dict[str, int]
    cold: int
    """Bytes before the first order."""
    memory: list[tuple[float, int]] = field(repr=False)
    cpu: float
    """Share of one core."""
    events: int
    frames: int


async def sustained(mock: Mock, rate: float, seconds: float) -> Sustained:
    """``rate`` orders a second at each venue at once, half of them filled at once, half cancelled
    after a while; a subscriber of the market and one of the private events at each.

    Before that as many orders as the venues remember, as fast as they are answered: from then on
    each new one pushes out an old one.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        seen = [await enter(market(v, mock.venues[v], mock.http)) for v in VENUES]
        told = [await enter(private(v, mock.venues[v], mock.http)) for v in VENUES]
        loads = [Load(await enter(channel(mock, name)), name) for name in VENUES]
        cold = memory.resident(mock.pid)
        for _ in range(REMEMBERED // BATCH):
            for load in loads:
                for _ in range(BATCH):
                    load.order()
            for load in loads:
                await load.orders.socket.settle()
        warmed = loads[0].number
        for load in loads:
            assert not load.orders.socket.refused, load.orders.socket.refused
            load.orders.socket.took.clear()
        for counting in (*seen, *told):
            counting.frames = 0
        samples: list[tuple[float, int]] = []
        watching = asyncio.create_task(memory.watch(mock.pid, samples))
        stack.callback(watching.cancel)
        loop = asyncio.get_running_loop()
        cpu, started = memory.busy(mock.pid), loop.time()
        paced = Pace(rate)
        while loop.time() - started < seconds:
            await paced.next()
            for load in loads:
                load.order()
        for load in loads:
            await load.end()
        lasted = loop.time() - started
        took: dict[str, list[int]] = {}
        for load in loads:
            for kind, rows in load.orders.socket.took.items():
                took[f"{load.name} {kind}"] = rows
        return Sustained(
            lasted, loads[0].number - warmed, took,
            {text: n for load in loads for text, n in load.orders.socket.refused.items()},
            cold, samples, (memory.busy(mock.pid) - cpu) / lasted,
            sum(one.frames for one in told), sum(one.frames for one in seen),
        )  # fmt: skip


class Load:
    """The orders of one venue, one after another."""

    def __init__(self, orders: BinanceOrders | KucoinOrders, name: str) -> None:
        self.orders, self.name = orders, name
        self.number = 0
        self._open: list[str] = []

    def order(self) -> None:
        """One order: by turns a buy that fills, one that rests, a sell that fills, one that rests;
        the oldest that rests is cancelled when enough do."""
        self.number += 1
        client_id, step = f"s{self.number}", self.number % 4
        if step % 2:
            self.orders.place(client_id, "BUY", FAR, QTY, "GTC")
            self._open.append(client_id)
            if len(self._open) > OPEN:
                self.orders.cancel(self._open.pop(0))
        elif step:
            self.orders.place(client_id, "BUY", ABOVE, QTY, "IOC")
        else:
            self.orders.place(client_id, "SELL", BELOW, QTY, "IOC")

    async def end(self) -> None:
        for client_id in self._open:
            self.orders.cancel(client_id)
        await self.orders.socket.settle()


__all__ = ["Flood", "Mock", "Requests", "Sustained", "acks", "flood", "rest_acks", "sustained"]
