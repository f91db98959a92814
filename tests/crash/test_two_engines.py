"""Two engines on one account (F40): never do both trade on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from support.engine_process import POLL_S, EngineProcess, configure
from xrpfast.simulation.process import mock_exchanges

HELD = {
    "channel": "ws",
    "point": "after_accept_before_reply",
    "action": "drop",
    "params": {"match_after_ms": 600_000},
}
"""Orders that stay at the venue, working and without an answer."""
MORE_ORDERS = 6
"""So many orders of one engine, and the other had its time to trade on."""


@asynccontextmanager
async def running(*engines: EngineProcess) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for engine in engines:
            engine.kill()
            await engine.ended()


async def trades(engine: EngineProcess) -> dict[str, Any]:
    return await engine.until(lambda s: s["trading"] == "ACTIVE" and s["counts"]["orders"] >= 2)


async def test_one_directory_has_one_engine(tmp_path: Path) -> None:
    with mock_exchanges("--seed", "40") as mock:
        config = configure(tmp_path, mock)
        first = await EngineProcess.start(config)
        async with running(first):
            before = (await trades(first))["counts"]["orders"]
            second = await EngineProcess.start(config)
            assert await second.ended() == 2
            assert f"in use by another engine (process {first.process.pid})" in second.last_line
            await first.until(lambda s: s["trading"] == "ACTIVE" and s["counts"]["orders"] > before)


@pytest.mark.parametrize("held", [True, False], ids=["with orders working", "while it trades"])
async def test_another_directory_of_the_same_deployment_does_not_trade_beside_it(
    tmp_path: Path, held: bool
) -> None:
    with mock_exchanges("--seed", "41") as mock:
        if held:
            for venue, route in (("binance", "order.place"), ("kucoin", "spot.*order")):
                mock.fault(HELD | {"venue": venue, "match": {"route": route, "times": 1}})
        first = await EngineProcess.start(configure(tmp_path / "one", mock))
        async with running(first):
            await trades(first)
            second = await EngineProcess.start(configure(tmp_path / "two", mock))
            async with running(second):
                await one_of_them_stops(first, second)
                await nothing_more_of_a_halted_one(first, second)


async def test_two_that_start_at_once_do_not_both_trade_on(tmp_path: Path) -> None:
    with mock_exchanges("--seed", "42") as mock:
        configs = [configure(tmp_path / name, mock) for name in ("one", "two")]
        first, second = await asyncio.gather(*(EngineProcess.start(c) for c in configs))
        async with running(first, second):
            await one_of_them_stops(first, second)
            await nothing_more_of_a_halted_one(first, second)


async def one_of_them_stops(first: EngineProcess, second: EngineProcess) -> None:
    """Waits until one of them is halted or gone; its last word says why."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 80
    while loop.time() < deadline:
        for engine in (first, second):
            if not engine.running:
                await engine.ended()
                assert engine.process.returncode in (1, 2, 3), engine.log[-2000:]
                assert "second engine" in engine.last_line or "halted" in engine.last_line
                return
            state = await engine.state()
            if state is not None and state["trading"] == "HALTED":
                assert (engine.state_dir / "halt.json").exists()
                return
        await asyncio.sleep(POLL_S)
    states = [await engine.state() for engine in (first, second)]
    said = [s and (s["trading"], s["epoch"], s["counts"], s["alerts"]) for s in states]
    raise AssertionError(f"both trade on: {said}\n{first.log[-1500:]}\n{second.log[-1500:]}")


async def nothing_more_of_a_halted_one(*engines: EngineProcess) -> None:
    """While the other trades on, if it does, the halted one sends nothing."""
    states = [(engine, await engine.state()) for engine in engines]
    halted = [(e, s) for e, s in states if s is not None and s["trading"] == "HALTED"]
    active = [(e, s) for e, s in states if s is not None and s["trading"] == "ACTIVE"]
    assert len(active) <= 1
    if active:
        engine, before = active[0]
        enough = before["counts"]["orders"] + MORE_ORDERS
        await engine.until(lambda s: s["trading"] != "ACTIVE" or s["counts"]["orders"] >= enough)
    for engine, before in halted:
        after = await engine.state()
        assert after is None or after["counts"]["orders"] == before["counts"]["orders"]
