"""The risk checks of a pair and of a hedge, every control on, through the real engine's risk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Any

import msgspec
from pytest_benchmark.fixture import BenchmarkFixture

from benches.in_process import Bench
from benches.test_stages import ROUNDS, measure
from xrpfast._core import Approved
from xrpfast.trading.commands import Leg
from xrpfast.trading.events import BookTop
from xrpfast.trading.intents import LegIntent
from xrpfast.trading.risk.limits import NO_LIMIT

STEP_NS = 20_000_000


def every_control_is_on(bench: Bench) -> None:
    """But for numbers that would refuse a bench: what they cost is the same."""
    limits = bench.engine.config.risk
    off = [name for name in limits.__struct_fields__ if getattr(limits, name) in (NO_LIMIT, None)]
    assert off == []
    assert limits.mark_ns > 0
    assert all(reference.low for reference in bench.engine.risk.state.references)


Prepared = tuple[Callable[..., object], Callable[[], tuple[Any, ...]]]


def run(benchmark: BenchmarkFixture, folder: Path, prepare: Callable[[Bench], Prepared]) -> None:
    """Measures a check whose arguments are made right before it, as they are on a tick; every
    verdict must be approvals."""

    async def work() -> None:
        bench = Bench(folder)
        await bench.ready()
        every_control_is_on(bench)
        check, make = prepare(bench)
        verdicts: list[object] = []

        def call(*arguments: Any) -> None:
            verdicts.append(check(*arguments))

        measure(benchmark, call, make)
        bench.end()
        assert len(verdicts) >= ROUNDS
        for verdict in verdicts:
            legs = verdict if isinstance(verdict, tuple) else (verdict,)
            assert all(type(one) is Approved for one in legs), verdict

    asyncio.run(work())


def pairs(bench: Bench) -> Prepared:
    """As many signals a second as the throttle lets pass, each with legs of other prices."""
    signal, legs, client_ids = bench.pair()
    buy, sell = legs
    times = ("now_ns", "recv_ns", "buy_data_ns", "sell_data_ns")
    numbers = count()

    def make() -> tuple[Any, ...]:
        number = next(numbers)
        for reference in bench.engine.risk.state.references:
            reference.until_ns = signal.now_ns + number * STEP_NS
        later = {name: getattr(signal, name) + number * STEP_NS for name in times}
        return (
            "xrp-arb",
            (
                msgspec.structs.replace(buy, price=buy.price - number % 200),
                msgspec.structs.replace(sell, price=sell.price + number % 200),
            ),
            msgspec.structs.replace(signal, signal_id=signal.signal_id + number, **later),
            client_ids,
        )

    return bench.engine.risk.check, make


def test_risk_check_of_a_pair(benchmark: BenchmarkFixture, disk_dir: Path) -> None:
    """Every control on both legs and both approvals minted, nothing sent."""
    run(benchmark, disk_dir, pairs)


def test_risk_check_of_a_pair_beside_others(benchmark: BenchmarkFixture, disk_dir: Path) -> None:
    """As above, with two orders of another pair not settled."""

    def prepare(bench: Bench) -> Prepared:
        prepared = pairs(bench)
        desk, books = bench.engine.orders, bench.engine.context.books
        for book, side in zip(books, (0, 1), strict=True):
            price = 10**book.price_decimals * (1 + 2 * side)
            leg = Leg(f"xddemo1-0{side}a", book.venue_name, book.instrument, side, 0, 1, price, 50)
            desk.place(leg, book, "xrp-arb", 1, monotonic_ns())
        return prepared

    run(benchmark, disk_dir, prepare)


def test_risk_check_of_a_hedge(benchmark: BenchmarkFixture, disk_dir: Path) -> None:
    """Every control of one leg that closes an imbalance, and its approval."""

    def prepare(bench: Bench) -> Prepared:
        book = bench.engine.context.books[0]
        now = monotonic_ns()
        price = bench.market.top(0)[0]  # type: ignore[index]
        excess = 30 * 10**18

        def make() -> tuple[Any, ...]:
            top = BookTop(
                now_ns=now, wall_ns=time_ns(), book=0, live=True, bid=price, bid_qty=1_000,
                ask=price + 2, ask_qty=1_000, data_ns=now,
            )  # fmt: skip
            return LegIntent(book, 1, 0, 1, price, 300), top, excess, "xddemo1-00h", now

        return bench.engine.risk.check_hedge, make

    run(benchmark, disk_dir, prepare)
