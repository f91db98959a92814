"""How fast the mock venues are, and that they do not grow: ``python -m benches.mock``.

The mock runs as users run it, a process of its own on another core. Measured: market frames a
second to one subscriber, order acks at a steady pace with the market at its usual one, and a
sustained load of orders with the memory of the mock over it. Too few frames, memory that grows and
refused orders fail it; so do acks above the gate, while their target is printed beside them: on a
shared machine a tail belongs to the neighbours too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import uvloop

from benches import memory, mock_load
from benches.gate import Row, row, show
from benches.mock_load import Mock, Sustained
from xrpfast import _core
from xrpfast.service.demo import child

FRAMES = 100_000
FRAMES_A_SECOND = 20_000
ACK_US, ACK_GATE_US = 1_000.0, 10_000.0
ACKS, ACKS_A_SECOND = 2_000, 250.0
REST_ACKS, REST_A_SECOND = 500, 100.0
ORDERS_A_SECOND = 1_000.0
WARM = 0.15
"""Share of the sustained run that is not judged for growth: pools and caches settle."""
GROWTH = 100_000.0
"""Bytes a second. The least that an order could leave behind, one entry of a dict, is about 100
bytes: at 2,000 orders a second over both venues a leak of that is twice the bound."""
SOAK_GROWTH = 20_000.0
PAGE = Path(__file__).parents[1] / "docs" / "mock-speed.md"
HEAD = """# How fast the mock venues are

Printed by `make soak` (`python -m benches.mock --soak`), one row a run; `make bench-mock` measures
the same for a minute in CI. The mock is a process of its own; the client is one process on another
core. Frames: bookTicker (Binance) or level2 (KuCoin) to one subscriber, each from a real order of
the background (`POST /flood` on the control port). Acks: from the write of a request to its reply
over loopback, p50 / p99 / p99.9 in µs, the market at its usual pace. Sustained: 1,000 orders/s at
each venue at once, half filled at once and half rested and cancelled, one market and one private
subscriber at each, after as many orders as the venues remember; memory is the largest seen; growth
that of its median from the first to the last third, after the first 15 % of the run.

| date | commit | machine | frames/s Binance | frames/s KuCoin | ack Binance WS | ack KuCoin WS \
| ack KuCoin WS sync | ack REST Binance | ack REST KuCoin | sustained | ack p99 then | memory \
| growth |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
"""


@asynccontextmanager
async def running() -> AsyncIterator[Mock]:
    """The mock as a child on the first core, this process on the last."""
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=os.curdir) as folder:
        log = Path(folder) / "mock.log"
        async with child("mock", "--port", "0", "--seed", "1", log=log) as process:
            assert process.stdout is not None
            line = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
            os.sched_setaffinity(process.pid, {cores[0]})
            os.sched_setaffinity(0, {cores[-1]})
            try:
                async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(300)) as http:
                    mock = Mock(process.pid, line["venues"], line["control_url"], http)
                    await mock.control("/quotas", {"enforced": False})
                    yield mock
            finally:
                os.sched_setaffinity(0, cores)
            assert process.returncode is None, f"the mock ended: {log.read_text()[-2_000:]}"
        assert not log.read_text(), f"the mock complained: {log.read_text()[-2_000:]}"


async def measure(seconds: float, growth: float) -> tuple[list[str], dict[str, str]]:
    """Measures and prints; what is wrong, and the cells of the page's row."""
    wrong: list[str] = []
    cells: dict[str, str] = {}
    async with running() as mock:
        print("(a) market frames to one subscriber")
        await mock.control("/market", {"running": False})
        for venue in mock_load.VENUES:
            got = await mock_load.flood(mock, venue, FRAMES)
            pace = got.frames / got.seconds
            cells[f"frames {venue}"] = f"{pace:,.0f}"
            print(
                f"  {venue:<16} {pace:10,.0f} frames/s, {got.cpu_us:6.2f} µs of the mock each; "
                f"{got.frames:,} of {got.asked:,}; wanted {FRAMES_A_SECOND:,}"
            )
            if pace < FRAMES_A_SECOND:
                wrong.append(f"(a) {venue}: {pace:,.0f} frames/s, below {FRAMES_A_SECOND:,}")
        await mock.control("/market", {"running": True})
        print("(b) order acks over loopback, µs, market at its usual pace")
        for name in ("binance", "kucoin", "kucoin-sync"):
            took = await mock_load.acks(mock, name, ACKS, ACKS_A_SECOND)
            for kind, rows in sorted(took.items()):
                one = row([ns / 1000 for ns in rows])
                show(f"{name} socket, {kind}", one, f"p99 <= {ACK_US:.0f}")
                if one["p99"] > ACK_GATE_US:
                    wrong.append(f"(b) {name} {kind}: p99 {one['p99']:,.0f} µs, above the gate")
                cells[f"{name} {kind}"] = _three(one)
        for venue in mock_load.VENUES:
            one = row([ns / 1000 for ns in await rest(mock, venue)])
            show(f"{venue} REST, place", one)
            cells[f"rest {venue}"] = _three(one)
        print(f"(c) {ORDERS_A_SECOND:,.0f} orders/s at each venue for {seconds:.0f} s")
        run = await mock_load.sustained(mock, ORDERS_A_SECOND, seconds)
    wrong += judge(run, growth, cells)
    return wrong, cells


async def rest(mock: Mock, venue: str) -> list[int]:
    return await mock_load.rest_acks(mock, venue, REST_ACKS, REST_A_SECOND)


def _three(one: Row) -> str:
    return f"{one['p50']:.0f} / {one['p99']:.0f} / {one['p99.9']:.0f}"


def judge(run: Sustained, growth: float, cells: dict[str, str]) -> list[str]:
    """Prints a sustained run; what is wrong with it."""
    wrong = []
    tail = []
    for kind, rows in sorted(run.took.items()):
        one = row([ns / 1000 for ns in rows])
        show(kind, one)
        tail.append(f"{one['p99']:.0f}")
    start = run.memory[0][0] + WARM * run.seconds
    flat = [sample for sample in run.memory if sample[0] >= start]
    grows, pace = memory.growth(flat), run.orders / run.seconds
    largest = max(size for _, size in run.memory)
    print(
        f"  {run.orders:,} orders a venue, {pace:,.0f}/s; the mock used {run.cpu:.0%} of a core; "
        f"{run.events:,} private and {run.frames:,} market frames"
    )
    sizes = [size / 1e6 for size in (run.cold, flat[0][1], flat[-1][1])]
    print(
        f"  memory {sizes[0]:.1f} MB at the start, {sizes[1]:.1f} MB with all that a venue "
        f"remembers, {sizes[2]:.1f} MB at the end; {grows / 1000:+.1f} kB/s, bound "
        f"{growth / 1000:.0f}"
    )
    if run.refused:
        wrong.append(f"(c): refused {run.refused}")
    if pace < 0.98 * ORDERS_A_SECOND:
        wrong.append(f"(c): {pace:.0f} orders/s, {ORDERS_A_SECOND:.0f} are wanted")
    if grows > growth:
        wrong.append(f"(c): memory grows by {grows / 1000:.0f} kB/s, above {growth / 1000:.0f}")
    cells["sustained"] = f"{pace:,.0f}/s, {run.seconds:.0f} s, {run.cpu:.0%} of a core"
    cells["tail"] = " / ".join(tail)
    cells["memory"] = f"{largest / 1e6:.0f} MB"
    cells["growth"] = f"{grows / 1000:+.1f} kB/s"
    return wrong


def record(cells: dict[str, str]) -> None:
    """Adds a row to the page."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=True
    ).stdout.strip()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, CPython {platform.python_version()}"
    names = (
        "frames binance", "frames kucoin", "binance place", "kucoin place", "kucoin-sync place",
        "rest binance", "rest kucoin", "sustained", "tail", "memory", "growth",
    )  # fmt: skip
    row_cells = [f"{datetime.now(UTC):%Y-%m-%d}", commit, machine, *(cells[n] for n in names)]
    text = PAGE.read_text() if PAGE.exists() else HEAD
    PAGE.write_text(f"{text}| {' | '.join(row_cells)} |\n")
    print(f"recorded in {PAGE}")


def main() -> int:
    """The exit code: 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benches.mock", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of the sustained load")
    parser.add_argument("--soak", action="store_true", help="10 minutes, and a row in the docs")
    options = parser.parse_args()
    if _core.build_profile != "release":
        print("measure release builds only: run `make build`", file=sys.stderr)
        return 2
    seconds = 600.0 if options.soak else options.seconds
    print(f"{platform.machine()}, {os.cpu_count()} cores, CPython {platform.python_version()}")
    wrong, cells = uvloop.run(measure(seconds, SOAK_GROWTH if options.soak else GROWTH))
    if options.soak:
        record(cells)
    for line in wrong:
        print(f"GATE: {line}", file=sys.stderr)
    print("mock venues' speed and memory: " + ("FAILED" if wrong else "passed"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
