"""Tick to order in process: frame bytes in, the bytes of both legs handed to the transport.

Everything between is the real thing, wired as the service wires it, with the shipped demo
configuration: market, strategy, risk, desk, gateways, encoders, and a journal on a real disk. Only
the sockets are not there. What the venues answer is told to the engine between the ticks, outside
the measurement. Every control is on; the throttles are raised, they would refuse ticks that come
this quickly.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Any

import msgspec

from benches import workload
from benches.conftest import filesystem_of
from xrpfast import _core
from xrpfast.config.demo import shipped
from xrpfast.config.loader import build as build_config
from xrpfast.model import MONEY_ONE
from xrpfast.net.clock import ClockOffset
from xrpfast.net.fuse import Fuse
from xrpfast.net.websocket import SendResult
from xrpfast.records import kinds
from xrpfast.records.ledger import Ledger
from xrpfast.records.start import Start
from xrpfast.service.app import GC_THRESHOLDS
from xrpfast.service.driver import Driver
from xrpfast.service.latency import Latencies
from xrpfast.service.loopguard import LoopGuard
from xrpfast.service.projection import Projection
from xrpfast.service.setup import Found, build
from xrpfast.simulation.worlds import BINANCE, KUCOIN
from xrpfast.trading import events
from xrpfast.trading.engine import Engine
from xrpfast.trading.risk.limits import NO_LIMIT
from xrpfast.venues.account_state import AccountState, Question
from xrpfast.venues.binance.orders import BinanceOrders
from xrpfast.venues.kucoin.orders import KucoinOrders

TICKS = 5_400
WARM = 200
PAUSE_NS = 5_500_000
"""Between ticks, in which the loop spins: longer than the strategy's cooldown."""
KINDS = ("binance_ticker", "kucoin_level2", "binance_depth")
BINANCE_REST, KUCOIN_REST = (24_000, 24_230), (238_500, 240_400)
BINANCE_TICK, KUCOIN_TICK = 24_160, 238_800
SIZE = "30"


class Wire:
    """Where the bytes of one venue's orders end up."""

    writable = True
    is_open = True

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def send(self, frame: bytes) -> SendResult:
        self.frames.append(frame)
        return SendResult.SENT


class NamedVenue:
    """What the set-up needs of a venue; asked for all that it knows, it knows of nothing."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.account = self

    async def account_state(self, question: Question) -> AccountState:
        return AccountState([], (), "")

    def caught_up(self, asked_ns: int) -> None:
        return None


class NoStream:
    """A source of frames that has no socket to tell of its book."""

    venue = "bench"

    def on_book_state(self, book: int, state: str) -> None:
        return None

    def on_control(self, text: str) -> None:
        return None


class Bench:
    """The engine's parts around one market, and the frames that open one edge at a time."""

    def __init__(self, folder: Path, *, cooldown: bool = True) -> None:
        values = tomllib.loads(shipped())
        values["risk"] |= {"max_orders_per_second": 20_000, "max_weight_per_minute": 10**12}
        values["engine"]["reconcile_s"] = 86_400
        if not cooldown:
            values["strategies"][0]["cooldown_ms"] = 0
        config = build_config(values, "config/demo.toml")
        venues: list[Any] = [NamedVenue("binance"), NamedVenue("kucoin")]
        built = build(config, venues, [_found(BINANCE), _found(KUCOIN)], 1, (), armed=False)
        self.market = built.market
        self.journal = _core.Journal.open(folder)
        self.engine = Engine(built.config, built.gate)
        self.latencies = Latencies()
        ledger = Ledger(folder / "ledger.sqlite")
        self.projection = Projection(ledger, 0.25, _raise)
        self.driver = Driver(
            self.engine, self.market, self.journal,
            LoopGuard(10**12, list, lambda _: True), self.latencies, self.projection.add,
            lambda why: _raise(AssertionError(why)), lambda halt: _raise(AssertionError(halt)),
            memoryview(bytearray(8)).cast("q"), lambda: _raise(AssertionError("halted")),
        )  # fmt: skip
        start = Start(
            version=_core.__version__, environment="d", deployment=config.engine.deployment,
            epoch=1, wall_ns=time_ns(), config=built.config,
        )  # fmt: skip
        self.driver.note(kinds.START, msgspec.json.encode(start))
        self.wires = {"binance": Wire(), "kucoin": Wire()}
        signer = _core.Signer(bytearray(b"s" * 64))
        ack = self.latencies.ack
        window = config.venues.binance.recv_window_ms
        binance = BinanceOrders(
            _core.BinanceEncoder(built.gate, signer, "k" * 64, window),
            self.driver,
            Fuse("binance", lambda *_: None),
            ack,
            "ws://",
            {},
        )
        nothing: Any = None
        kucoin = KucoinOrders(
            _core.KucoinEncoder(built.gate),
            self.driver,
            Fuse("kucoin", lambda *_: None),
            ack,
            nothing,
            "ws://",
            nothing,
        )
        for name, gateway in (("binance", binance), ("kucoin", kucoin)):
            venue: Any = NamedVenue(name)
            venue.orders = gateway
            self.driver.attach(venue)
            connection: Any = self.wires[name]
            gateway.session_up(connection)
        self.streams = [self.market.add_stream("binance"), self.market.add_stream("kucoin")]
        self.source: Any = NoStream()
        self.binance_sequence, self.kucoin_sequence = 1_000, 5_000
        self._fills = 0
        self._go_live()

    def _go_live(self) -> None:
        for book in (0, 1):
            self.market.resync(book)
        for frame in (self._rest_depth(), self._rest_level2()):
            self.feed(*frame)
        now = monotonic_ns()
        for book, snapshot in enumerate(
            (
                workload.binance_snapshot(1_000, *BINANCE_REST),
                workload.kucoin_snapshot(5_000, *KUCOIN_REST),
            )
        ):
            batch = self.market.on_snapshot(book, snapshot, now)
            if batch is not None:
                self.driver.on_batch(batch, self.source)
        told: list[events.AnyEvent] = [
            events.LinkState(now_ns=now, wall_ns=time_ns(), venue=venue, link=link, up=True)
            for venue in ("binance", "kucoin")
            for link in ("market", "account", "orders")
        ]
        told.append(events.Control(now_ns=now, wall_ns=time_ns(), action="start", reason="bench"))
        self.driver.on_events(told)
        assert [self.market.state(book) for book in (0, 1)] == ["LIVE", "LIVE"]

    async def ready(self) -> None:
        """Waits until both venues were compared with the books: no order leaves before."""
        async with asyncio.timeout(10):
            while not all(venue.open for venue in self.engine.context.venues.values()):  # noqa: ASYNC110
                await asyncio.sleep(0)

    # --- frames: (stream, bytes) ------------------------------------------------------------------

    def _depth(self, bid: str) -> tuple[int, bytes]:
        """A 40-level depth frame; one level is the tick's bid, the others are far away."""
        far = ",".join(f'["2.{3000 + i}0000","{60 + i}.00000000"]' for i in range(20))
        asks = ",".join(f'["2.{4800 + i}0000","{70 + i}.00000000"]' for i in range(19))
        first, self.binance_sequence = self.binance_sequence + 1, self.binance_sequence + 40
        frame = (
            f'{{"stream":"xrpusdt@depth@100ms","data":{{"e":"depthUpdate","E":{_venue_ms()},'
            f'"s":"XRPUSDT","U":{first},"u":{self.binance_sequence},'
            f'"b":[["2.41600000","{bid}"],{far}],"a":[{asks}]}}}}'
        )
        return self.streams[0], frame.encode()

    def _rest_depth(self) -> tuple[int, bytes]:
        return self._depth("0.00000000")

    def _level2(self, price: int, qty: str) -> tuple[int, bytes]:
        self.kucoin_sequence += 1
        frame = workload.kucoin_frame(self.kucoin_sequence, "ask", price, qty, _venue_ms())
        return self.streams[1], frame

    def _rest_level2(self) -> tuple[int, bytes]:
        return self._level2(KUCOIN_TICK, "0")

    def _opening(self, kind: str) -> tuple[int, bytes]:
        if kind == "kucoin_level2":
            return self._level2(KUCOIN_TICK, SIZE)
        if kind == "binance_depth":
            return self._depth(f"{SIZE}.00000000")
        return self.streams[0], workload.ticker_frame(
            self.binance_sequence + 1, BINANCE_TICK, f"{SIZE}.00000000", BINANCE_REST[1], "50.0"
        )

    def feed(self, stream: int, frame: bytes) -> None:
        """What `MarketStream` does with a frame that is the last of its burst."""
        batch = self.market.on_frame(stream, memoryview(frame), monotonic_ns())
        if batch is not None:
            self.driver.on_batch(batch, self.source)

    def tick(self, kind: str) -> int:
        """One tick that must lead to both legs; nanoseconds from frame to the last leg's send."""
        assert not any(wire.frames for wire in self.wires.values()), "orders before the tick"
        stream, frame = self._opening(kind)
        payload, market, driver, source = memoryview(frame), self.market, self.driver, self.source
        recv_ns = monotonic_ns()
        batch = market.on_frame(stream, payload, recv_ns)
        if batch is not None:
            driver.on_batch(batch, source)
        took = monotonic_ns() - recv_ns
        sent = {name: len(wire.frames) for name, wire in self.wires.items()}
        assert set(sent.values()) == {1}, (kind, sent, self._why())
        # While the pair is in flight no other can start: the edge is closed before it settles.
        self.feed(*self._rest_depth())
        self.feed(*self._rest_level2())
        assert all(len(wire.frames) == 1 for wire in self.wires.values()), (
            "an edge outlived its tick"
        )
        self._settle()
        for wire in self.wires.values():
            wire.frames.clear()
        for strategy in self.engine.risk.state.strategies.values():
            # The next tick comes sooner than any market's, and is the same.
            strategy.recent.clear()
            strategy.approved_ns = -NO_LIMIT
        return took

    def pair(self) -> tuple[events.Signal, Any, tuple[str, str]]:
        """A signal, the legs that the strategy makes of it, ids for them; nothing is sent."""
        stream, frame = self._opening("kucoin_level2")
        now = monotonic_ns()
        batch = self.market.on_frame(stream, frame, now)
        assert batch is not None
        assert len(batch) == 1
        signal = events.Signal(*batch[0], now, time_ns())
        engine = self.engine
        (strategy,) = engine._strategies[signal.detector]
        legs = strategy.on_signal(signal, engine.context.pairs[signal.buy_book, signal.sell_book])
        assert isinstance(legs, tuple), legs
        return signal, legs, engine.client_ids.next_pair()

    def end(self) -> None:
        """The records are whole; timers that come due are let pass."""
        self.driver.closed = True
        self.projection.finish()
        self.journal.close()

    def _why(self) -> str:
        return f"{self.engine.refused} {self.engine.ignored} {self.driver.failed}"

    def _settle(self) -> None:
        """The venues' words: both orders taken and filled."""
        told: list[events.AnyEvent] = []
        now, wall = monotonic_ns(), time_ns()
        for order in list(self.engine.orders.unsettled.values()):
            self._fills += 1
            rules = BINANCE if order.venue == "binance" else KUCOIN
            told.append(
                events.Fill(
                    now_ns=now,
                    wall_ns=wall,
                    client_id=order.client_id,
                    venue_order_id=f"v{self._fills}",
                    trade_id=str(self._fills),
                    price=order.price,
                    qty=order.qty,
                    fee=0,
                    fee_asset=rules.quote,
                    maker=False,
                    venue_ns=wall,
                )
            )
            told.append(
                events.OrderEnd(
                    now_ns=now,
                    wall_ns=wall,
                    client_id=order.client_id,
                    venue_order_id=f"v{self._fills}",
                    state="FILLED",
                    filled_qty=order.qty,
                    reason="",
                )
            )
        self.driver.on_events(told)


def _on_disk() -> Path:
    folder = Path(tempfile.mkdtemp(prefix=".bench-", dir=os.curdir))
    assert filesystem_of(folder.resolve()) not in {"tmpfs", "ramfs"}, f"{folder} is in memory"
    return folder


def _venue_ms() -> int:
    """Venue time of a frame that is made now: in this bench it is the monotonic clock."""
    return monotonic_ns() // 1_000_000


def _found(rules: Any) -> Found:
    balances = [
        events.Balance(
            now_ns=0,
            wall_ns=0,
            venue=rules.venue,
            asset=asset,
            free=10**7 * MONEY_ONE,
            locked=0,
            venue_ns=0,
        )
        for asset in (rules.base, rules.quote)
    ]
    return Found(ClockOffset(0, 0, 0), [rules], balances)


def _raise(error: Exception) -> None:
    raise error


def _kinds(count: int) -> Iterator[str]:
    for number in range(count):
        yield KINDS[number % len(KINDS)]


async def _spin(pause_ns: int) -> None:
    """Lets the loop run, as a spinning engine does between frames."""
    due = monotonic_ns() + pause_ns
    await asyncio.sleep(0)
    while monotonic_ns() < due:  # noqa: ASYNC110 (spinning is the point)
        await asyncio.sleep(0)


async def measure(ticks: int = TICKS, *, paced: bool) -> dict[str, Any]:
    """Nanoseconds per tick in order, with the kind of each, after 200 of warm-up.

    ``paced``: as shipped, the next tick after the strategy's cooldown, so that each comes to caches
    that have gone cold. Else back to back, with no cooldown.
    """
    folder = _on_disk()
    pause_ns = PAUSE_NS if paced else 0
    try:
        bench = Bench(folder, cooldown=paced)
        await bench.ready()
        for kind in _kinds(WARM):
            bench.tick(kind)
            await _spin(pause_ns)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        took = []
        for kind in _kinds(ticks):
            took.append(bench.tick(kind))
            await _spin(pause_ns)
        stages = bench.latencies.microseconds()
        bench.end()
        placed = sum(
            kind == kinds.COMMAND and b'"command":"place_legs"' in payload
            for _, _, kind, payload in _core.JournalReader(folder)
        )
        assert placed == ticks + WARM, f"{placed} pairs in the journal, {ticks + WARM} ticks"
        return {"ns": took, "kinds": list(_kinds(ticks)), "stages": stages}
    finally:
        gc.unfreeze()
        shutil.rmtree(folder)
