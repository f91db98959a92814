"""Alerts reach a person (RISK 34, F27), and nothing that stops or cancels waits for them: a real
engine, a real watchdog, a webhook and a program in good and bad states."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from crash.test_watchdog import AFTER_MS, VENUES, Scene
from support.engine_process import configure, records
from support.resting import FOREIGN
from support.webhook import SECRET, Webhook, leaks, url_file, webhook
from xrpfast.simulation.process import MockExchanges, mock_exchanges

WITHIN_S = 5.0


@pytest.fixture
def mock() -> Iterator[MockExchanges]:
    with mock_exchanges("--seed", "34") as running:
        yield running


@asynccontextmanager
async def scene(
    folder: Path, mock: MockExchanges, hook: Webhook, **alerts: Any
) -> AsyncIterator[Scene]:
    """An engine that needs its watchdog; at the end nobody has shown the webhook's URL."""
    made = Scene(folder, mock)
    sinks = {"webhook_url_file": str(url_file(folder, hook.url))} | alerts
    made.config = configure(
        folder, mock, watchdog={"after_ms": AFTER_MS, "require": True}, alerts=sinks
    )
    try:
        yield made
    finally:
        await made.end()
    assert not any(SECRET in process.log for process in made._processes)
    assert leaks(folder) == []


async def command(config: Path, *words: str) -> str:
    """What a command says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "xrpfast", *words, "--config", str(config),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert SECRET.encode() not in out + err
    return out.decode()


async def test_a_halt_and_a_lost_engine_reach_the_webhook(
    tmp_path: Path, mock: MockExchanges
) -> None:
    async with webhook() as hook, scene(tmp_path, mock, hook) as it:
        dog = await it.watched()
        engine = await it.start()
        await it.trades(engine)
        halting = asyncio.create_task(command(it.config, "halt", "--reason", "it is a test"))
        await engine.reached(it.latched)
        assert await hook.until("halt of engine: it is a test") < WITHIN_S
        await halting
        assert await engine.ended() == 3
        await hook.until(
            "halt of engine by ", "verified empty after ", "the engine ended: halted: "
        )
        await command(it.config, "resume", "--reason", "all is well")
        await hook.until("resumed: engine (")

        engine = await it.start()
        await it.trades(engine)
        engine.kill()
        await engine.ended()
        await dog.reached(it.latched)
        assert await hook.until(f"no heartbeat for {AFTER_MS} ms") < WITHIN_S
        await command(it.config, "halt", "--reason", "with no engine")
        await hook.until("by ", "with no engine; no engine runs: the command cancels")
        assert await dog.stop() == 0
        for body in hook.taken:
            assert len(body["content"]) <= 2_000


async def test_sinks_that_hang_delay_no_cancel_and_are_told_of_and_caught_up_with(
    tmp_path: Path, mock: MockExchanges
) -> None:
    hangs = [sys.executable, "-c", "import time; time.sleep(600)"]
    async with webhook() as hook, scene(tmp_path, mock, hook, command=hangs) as it:
        await it.foreign()
        hook.hangs.clear()
        dog = await it.watched()
        engine = await it.start()
        await it.trades(engine)
        await command(it.config, "halt", "--reason", "a part of it", "--scope", "strategy:xrp-arb")
        state = await engine.until(lambda s: "webhook" in s["undelivered"])
        assert "alerts do not reach the webhook" in state["undelivered"]
        await engine.until(lambda s: any("do not reach" in alert for alert in s["alerts"]))
        said = json.loads(await command(it.config, "status", "--json"))["alerts"]
        assert said["sinks"]["webhook"]["problem"] == "no answer within 3 s"
        assert said["sinks"]["webhook"]["failing_since_wall_ns"] > 0
        assert "FAILING since" in await command(it.config, "status")

        engine.kill()
        await engine.ended()
        await it.strays()
        await it.gone()
        assert it.latched() == "watchdog"
        await dog.reached(lambda: it.receipt.get("verified"))
        for venue in it.receipt["cancelling"]["venues"]:
            assert venue["first_cancel_ms"] < 2_000
        assert await it.at_work() == {venue: [FOREIGN] for venue in VENUES}
        assert hook.taken == []
        hook.hangs.set()
        await hook.until(
            "halt of strategy:xrp-arb: a part of it", "no heartbeat for", within_s=60.0
        )
        journalled = b"".join(payload for _, _, _, payload in records(it.state_dir))
        assert b'"action":"undelivered"' in journalled
        assert b'"command":"alert","level":"warning","text":"alerts do not reach' in journalled


async def test_a_watchdog_that_ends_says_so_while_an_engine_runs(
    tmp_path: Path, mock: MockExchanges
) -> None:
    async with webhook() as hook, scene(tmp_path, mock, hook) as it:
        dog = await it.watched()
        engine = await it.start()
        await it.trades(engine)
        assert await dog.stop() == 0
        await hook.until("the watchdog ends: nobody looks after the engine")
        await engine.until(lambda s: s["trading"] == "REDUCING")
        again = await it.watched()
        # What the engine said while nobody listened.
        await hook.until("only reducing of engine: no watchdog runs")
        assert await engine.stop() == 0
        await hook.until("trading ends: SIGTERM")
        assert await again.stop() == 0
