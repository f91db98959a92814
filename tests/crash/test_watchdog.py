"""The engine is lost, in every way there is (RISK 31, F37): real processes, real sockets.

Orders of the engine work at both venues, some of them its own that were accepted and never
answered, and some of others on the same account.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from support.blocking_engine import NAME as BLOCK
from support.engine_process import WATCHDOG, EngineProcess, configure
from support.resting import FOREIGN, resting, working
from xrpfast.service.latch import Latch
from xrpfast.service.receipts import last_receipt
from xrpfast.service.watchdog_lock import watcher
from xrpfast.simulation.process import MockExchanges, mock_exchanges

VENUES = ("binance", "kucoin")
CREATES = {"binance": "order.place", "kucoin": "spot.*order"}
AFTER_MS = 3_000
PREFIX = "xddemo"
STRAY = f"{PREFIX}1-zz9a"
WITHIN_S = 30.0
BLOCKING = ("-m", "support.blocking_engine")
TESTS = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}


@pytest.fixture
def mock() -> Iterator[MockExchanges]:
    with mock_exchanges("--seed", "35") as running:
        yield running


class Scene:
    """An engine, a watchdog over it, and the account."""

    def __init__(self, folder: Path, mock: MockExchanges, **more: Any) -> None:
        self.mock = mock
        self.config = configure(folder, mock, watchdog={"after_ms": AFTER_MS}, **more)
        self.state_dir = folder / "state"
        self._processes: list[EngineProcess] = []

    async def start(self, **more: Any) -> EngineProcess:
        process = await EngineProcess.start(self.config, **more)
        self._processes.append(process)
        return process

    async def watched(self) -> EngineProcess:
        dog = await self.start(command=WATCHDOG)
        await dog.reached(lambda: "watching" in dog.log)
        return dog

    async def fault(self, rule: dict[str, Any]) -> int:
        return await asyncio.to_thread(self.mock.fault, rule)

    async def foreign(self) -> None:
        for venue in VENUES:
            await self.fault(resting(venue, FOREIGN))

    async def trades(self, engine: EngineProcess) -> dict[str, Any]:
        return await engine.until(lambda s: s["trading"] == "ACTIVE" and s["counts"]["orders"] >= 4)

    async def hold(self, engine: EngineProcess) -> None:
        """The next order at each venue is accepted, and stays without match and answer. At one of
        them at least: what is sent in the very moment may meet the rule of one venue alone."""
        rules = [
            {"venue": venue, "channel": "ws", "point": "after_accept_before_reply",
             "action": "drop", "params": {"match_after_ms": 600_000},
             "match": {"route": CREATES[venue], "times": 1}}
            for venue in VENUES
        ]  # fmt: skip
        told = await asyncio.to_thread(self.mock.control, "POST", "/rules", {"rules": rules})

        async def struck() -> bool:
            rows = await asyncio.to_thread(self.mock.faults)
            return any(row["hits"] for row in rows if row["id"] in told["ids"])

        await engine.reached_later(struck)

    async def strays(self) -> None:
        """Good-till-cancelled orders of ours, as an engine of another strategy would have."""
        for venue in VENUES:
            await self.fault(resting(venue, STRAY))

    async def ours(self) -> list[str]:
        """Every order with our prefix that the venues ever had."""
        found = await asyncio.to_thread(self.mock.ledger)
        return [f"{venue} {order['client_id']}" for venue, said in found.items()
                for order in said["orders"] if order["client_id"].startswith(PREFIX)]  # fmt: skip

    async def at_work(self) -> dict[str, list[str]]:
        return working(await asyncio.to_thread(self.mock.ledger))

    async def gone(self) -> None:
        """Waits until none of ours works; those of others do."""
        deadline = asyncio.get_running_loop().time() + WITHIN_S
        while (now := await self.at_work()) != {venue: [FOREIGN] for venue in VENUES}:
            assert asyncio.get_running_loop().time() < deadline, now
            await asyncio.sleep(0.05)

    @property
    def receipt(self) -> dict[str, Any]:
        return last_receipt(self.state_dir, "watchdog") or {}

    def latched(self) -> str:
        entry = Latch(self.state_dir).halted()
        return "" if entry is None else entry.who

    async def end(self) -> None:
        for process in self._processes:
            if process.running:
                process.process.send_signal(signal.SIGCONT)
            process.kill()
            await process.ended()


@asynccontextmanager
async def scene(folder: Path, mock: MockExchanges, **more: Any) -> AsyncIterator[Scene]:
    made = Scene(folder, mock, **more)
    try:
        yield made
    finally:
        await made.end()


async def test_an_engine_that_is_killed(tmp_path: Path, mock: MockExchanges) -> None:
    async with scene(tmp_path, mock) as it:
        await it.foreign()
        dog = await it.watched()
        engine = await it.start()
        await it.trades(engine)
        await it.hold(engine)
        engine.kill()
        await engine.ended()
        await it.strays()
        assert await it.at_work() != {venue: [FOREIGN] for venue in VENUES}
        await it.gone()
        assert it.latched() == "watchdog"
        await dog.reached(lambda: it.receipt.get("verified"))
        receipt = it.receipt
        assert receipt["pid"] == engine.process.pid
        assert receipt["why"].endswith("is gone")
        count = 0
        for venue in receipt["cancelling"]["venues"]:
            fates = {order["client_id"]: order["fate"] for order in venue["orders"]}
            assert fates[STRAY] == "cancelled"
            assert venue["first_cancel_ms"] < 2_000
            count += len(fates)
        assert count >= len(VENUES) + 1, "the strays, and what was held"
        again = await it.start()
        assert await again.ended() == 3
        assert "trading is halted (by watchdog): no heartbeat for 3000 ms" in again.last_line
        assert await dog.stop() == 0


@pytest.mark.parametrize("blocked", [False, True], ids=["SIGSTOP", "blocked loop"])
async def test_an_engine_that_wakes_up_again_sends_nothing(
    tmp_path: Path, mock: MockExchanges, blocked: bool
) -> None:
    async with scene(tmp_path, mock) as it:
        await it.foreign()
        dog = await it.watched()
        engine = await it.start(command=BLOCKING, env=TESTS) if blocked else await it.start()
        await it.trades(engine)
        await it.hold(engine)
        if blocked:
            (tmp_path / BLOCK).touch()
        else:
            engine.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(0.2)  # what it was about to send is sent
        await it.strays()
        before = await it.ours()
        await it.gone()
        assert it.latched() == "watchdog"
        assert engine.running
        await dog.reached(lambda: it.receipt)
        assert it.receipt["why"].endswith("is there but does not answer")
        # The market went on: all of it is read at once when the engine wakes up.
        if blocked:
            (tmp_path / BLOCK).unlink()
        else:
            engine.process.send_signal(signal.SIGCONT)
        assert await engine.ended() == 3, engine.log[-2000:]
        assert "halted: no heartbeat for 3000 ms" in engine.last_line
        assert await it.ours() == before
        assert await it.at_work() == {venue: [FOREIGN] for venue in VENUES}
        assert it.latched() == "watchdog"


async def test_a_stall_that_is_shorter_is_no_loss(tmp_path: Path, mock: MockExchanges) -> None:
    """SIGSTOP for 3 s (F37): measured, nothing is decided on what waited, then it trades on."""
    async with scene(tmp_path, mock) as it:
        it.config = configure(tmp_path, mock, watchdog={"after_ms": 6_000})
        dog = await it.watched()
        engine = await it.start()
        before = await it.trades(engine)
        engine.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(3.0)
        engine.process.send_signal(signal.SIGCONT)
        after = await engine.until(lambda s: s["counts"]["orders"] > before["counts"]["orders"] + 2)
        assert after["trading"] == "ACTIVE"
        assert after["loop_gap_ms_max"] >= 2_900
        assert after["counts"]["guarded"] > before["counts"]["guarded"], "signals that had waited"
        assert not Latch(it.state_dir).path.exists()
        assert await engine.stop() == 0, engine.log[-2000:]
        await asyncio.sleep(1.0)
        assert it.receipt == {}
        assert await dog.stop() == 0


async def test_a_clean_stop_and_the_end_of_the_watchdog_lose_nothing(
    tmp_path: Path, mock: MockExchanges
) -> None:
    async with scene(tmp_path, mock) as it:
        dog = await it.watched()
        engine = await it.start()
        await it.trades(engine)
        assert os.getsid(dog.process.pid) == dog.process.pid
        assert os.getsid(engine.process.pid) != dog.process.pid
        # The watchdog sleeps longer than a loss takes, and wakes up.
        dog.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(AFTER_MS / 1000 + 1)
        dog.process.send_signal(signal.SIGCONT)
        await it.trades(engine)
        dog.kill()
        await dog.ended()
        second = await it.watched()
        assert await engine.stop() == 0
        await asyncio.sleep(AFTER_MS / 1000 + 1)
        assert second.running
        assert not Latch(it.state_dir).path.exists()
        assert it.receipt == {}


async def test_venues_in_a_storm(tmp_path: Path, mock: MockExchanges) -> None:
    """Every third request gets through, for some seconds; one of the venues limits at first."""
    async with scene(tmp_path, mock) as it:
        await it.foreign()
        await it.watched()
        engine = await it.start()
        await it.trades(engine)
        engine.kill()
        await engine.ended()
        await it.strays()
        for route in ("DELETE *order*", "GET *rder*"):
            await it.fault(
                {"venue": "*", "channel": "rest", "action": "reply", "for_s": 8,
                 "match": {"route": route, "p": 0.66, "seed": 3},
                 "params": {"status": 503, "body": "<html>busy</html>"}}
            )  # fmt: skip
        await it.fault(
            {"venue": "binance", "channel": "rest", "action": "reply",
             "match": {"route": "DELETE *order*", "times": 2},
             "params": {"status": 429, "code": -1003, "msg": "Too much request weight used.",
                        "headers": {"Retry-After": "3"}}}
        )  # fmt: skip
        await it.gone()
        assert it.latched() == "watchdog"


async def test_without_a_watchdog_kucoin_cancels_by_itself_and_binance_has_no_such_thing(
    tmp_path: Path, mock: MockExchanges
) -> None:
    async with scene(tmp_path, mock, dead_connection_s=5) as it:
        engine = await it.start()
        await it.trades(engine)
        await it.hold(engine)
        engine.kill()
        await engine.ended()
        await it.strays()
        deadline = asyncio.get_running_loop().time() + WITHIN_S
        while (now := await it.at_work())["kucoin"]:
            assert asyncio.get_running_loop().time() < deadline, now
            await asyncio.sleep(0.05)
        assert STRAY in now["binance"]


async def test_a_clean_stop_leaves_no_protection_behind(
    tmp_path: Path, mock: MockExchanges
) -> None:
    """What others place afterwards is not cancelled by us."""
    async with scene(tmp_path, mock, dead_connection_s=5) as it:
        engine = await it.start()
        await it.trades(engine)
        assert await engine.stop() == 0
        await it.foreign()
        await asyncio.sleep(6)
        assert await it.at_work() == {venue: [FOREIGN] for venue in VENUES}


async def test_a_run_that_requires_a_watchdog_does_not_start_without_one(
    tmp_path: Path, mock: MockExchanges
) -> None:
    async with scene(tmp_path, mock) as it:
        it.config = configure(tmp_path, mock, watchdog={"require": True})
        alone = await it.start()
        assert await alone.ended() == 2
        assert "watchdog.require" in alone.last_line
        dog = await it.watched()
        engine = await it.start()
        await it.trades(engine)
        dog.kill()
        await dog.ended()
        await engine.until(lambda s: s["trading"] == "REDUCING" and s["working"] == 0)
        (entry,) = json.loads((it.state_dir / "halt.json").read_text())
        assert (entry["scope"], entry["state"]) == ("engine", "REDUCING")
        assert (entry["reason"], entry["who"]) == ("no watchdog runs", "engine")
        assert await engine.stop() == 0


async def test_started_by_a_shell_a_child_of_it_watches_in_a_session_of_its_own(
    tmp_path: Path, mock: MockExchanges
) -> None:
    """A job of a shell leads a process group, and so can lead no session."""
    config = configure(tmp_path, mock)
    state_dir = tmp_path / "state"
    shell = await asyncio.create_subprocess_exec(
        sys.executable, *WATCHDOG, str(config), preexec_fn=os.setpgrp,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while (holder := watcher(state_dir)) is None:
            assert shell.returncode is None
            await asyncio.sleep(0.02)
        child = int(holder)
        assert child != shell.pid
        assert os.getsid(child) == child
        shell.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(shell.wait(), WITHIN_S) == 0
        assert watcher(state_dir) is None
    finally:
        if shell.returncode is None:
            shell.kill()
