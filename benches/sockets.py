"""Tick to order over loopback sockets: the mock stamps its tick's send and the orders' arrival.

The engine is the real process with the shipped configuration but for three keys: it spins (as a
production engine with a core to itself does), and its order throttle and the strategy's cooldown
are lifted, because the mock ticks hundreds of times a second. The floor is a process of zero work
on the same sockets, measured in the same run.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from xrpfast.config.demo import demo_values, to_toml
from xrpfast.service.demo import EngineLink, child

TICKS = 5_400
WARM = 200
Json = dict[str, Any]


def configure(state_dir: Path, mock: Json) -> Path:
    """The shipped configuration, spinning, free to answer at the mock's pace."""
    values = demo_values(state_dir, mock)
    values["engine"] |= {"spin": True, "cpu": max(os.sched_getaffinity(0))}
    # At a tick every two milliseconds with the same prices; every control stays on.
    values["risk"] |= {
        "max_orders_per_second": 10_000,
        "max_weight_per_minute": 100_000_000,
        "duplicate_window_ms": 1,
    }
    for strategy in values["strategies"]:
        strategy["cooldown_ms"] = 0
    path = state_dir / "engine.toml"
    path.write_text(to_toml(values))
    return path


async def measure(ticks: int = TICKS) -> Json:
    """Results of the engine and of the floor, and the engine's largest loop gap."""
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=os.curdir) as folder:
        state_dir = Path(folder)
        async with child("mock", "--port", "0", "--seed", "1", log=state_dir / "mock.log") as mock:
            os.sched_setaffinity(mock.pid, {min(os.sched_getaffinity(0))})
            assert mock.stdout is not None
            line = await asyncio.wait_for(mock.stdout.readline(), 30)
            venues = json.loads(line)
            log = state_dir / "engine.log"
            config = str(configure(state_dir, venues))
            async with (
                child("run", "--config", config, log=log) as engine,
                await EngineLink.open(state_dir / "control.sock", engine, log) as link,
            ):
                await _active(link)
                measured = await _bench(venues, ticks, "engine")
                state = await link.state()
                await link.send({"cmd": "stop"})
                code = await asyncio.wait_for(engine.wait(), 30)
            assert code == 0, f"the engine ended with {code}: {log.read_text()[-2_000:]}"
            async with _floor(line):
                floor = await _bench(venues, ticks, "floor")
    return {
        "engine": measured,
        "floor": floor,
        "loop_gap_ms_max": state["loop_gap_ms_max"],
        "latency_us": state["latency_us"],
        "orders": state["counts"]["orders"],
    }


async def _active(link: EngineLink) -> None:
    """Waits until both books are LIVE and the engine trades."""
    for _ in range(600):
        state = await link.state()
        live = all(book["state"] == "LIVE" for book in state["books"])
        if live and state["trading"] == "ACTIVE":
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the engine did not become active: {state}")


async def _bench(venues: Json, ticks: int, mode: str) -> Json:
    timeout = aiohttp.ClientTimeout(total=300)
    async with (
        aiohttp.ClientSession(timeout=timeout) as http,
        http.post(f"{venues['control_url']}/bench", json={"ticks": ticks, "mode": mode}) as reply,
    ):
        assert reply.status == 200, await reply.text()
        result: Json = await reply.json()
        return result


@asynccontextmanager
async def _floor(line: bytes) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benches.floor_client",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(line)
        await process.stdin.drain()
        ready = await asyncio.wait_for(process.stdout.readline(), 30)
        assert ready == b"ready\n", ready
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
