"""`drill --live-tiny` against production's names: tiny orders that rest, and a halt that is proven.

A real command of its own, its orders held against the journal after each test, as all are.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.engine_process import EngineProcess, records
from support.live import ALL, CONDITIONS, PREFIX, VENUES, configure, watchdog
from support.production import Production, production
from support.resting import resting
from xrpfast.config.demo import demo_values, shipped, to_toml
from xrpfast.config.loader import load
from xrpfast.config.root import Config
from xrpfast.errors import UsageError
from xrpfast.records import kinds
from xrpfast.records.identity import identify
from xrpfast.records.unsettled import residuals
from xrpfast.research.rerun import rerun
from xrpfast.service.drill import live
from xrpfast.service.drill.live import DrillRun, drill_live
from xrpfast.service.drill.report import Step
from xrpfast.service.latch import Entry, Latch
from xrpfast.service.readiness import of_drill
from xrpfast.simulation.server import mock_venues
from xrpfast.trading.states import ENGINE, TradingState

WAIT_S = 90.0
CREATES = {"binance": "order.place", "kucoin": "spot.*order"}
Said = tuple[int, dict[str, Any], str]


class Drill:
    """One command, and what the venues have of it."""

    def __init__(self, folder: Path, venues: Production, having: frozenset[str] = ALL) -> None:
        self.venues = venues
        self.folder = folder
        self.words = configure(folder, venues, having)
        self.state_dir = folder / "state"
        self._process: asyncio.subprocess.Process | None = None

    async def begin(self) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "xrpfast", "drill", "--config", str(self.folder / "engine.toml"),
            "--live-tiny", "--json", *self.words, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=self.venues.full_env,
        )  # fmt: skip
        return self._process

    async def ended(self) -> Said:
        """Exit code, report and what it said to the terminal."""
        assert self._process is not None
        out, err = await asyncio.wait_for(self._process.communicate(), WAIT_S)
        assert self._process.returncode is not None
        return self._process.returncode, json.loads(out) if out else {}, err.decode()

    async def run(self) -> Said:
        await self.begin()
        return await self.ended()

    def orders(self) -> dict[str, list[Any]]:
        """Ours at each venue."""
        return {
            name: [o for o in face.exchange.orders.values() if o.client_id.startswith(PREFIX)]
            for name, face in self.venues.mock.faces.items()
        }

    async def placed(self) -> None:
        """Until an order of ours works at each venue."""
        async with asyncio.timeout(WAIT_S):
            while not all(self.orders().values()):
                assert self._process is not None
                assert self._process.returncode is None
                await asyncio.sleep(0.01)

    def halted(self) -> Entry | None:
        return Latch(self.state_dir).halted()

    def fault(self, **rule: Any) -> int:
        return self.venues.mock.faults.add(rule)


@asynccontextmanager
async def drilling(tmp_path: Path) -> AsyncIterator[Drill]:
    async with production(tmp_path, seed=11) as venues:
        drill = Drill(tmp_path / "run", venues)
        with watchdog(drill.state_dir):
            yield drill


@pytest.mark.timeout(180)
async def test_each_venue_takes_one_tiny_order_and_lists_none_in_the_end(tmp_path: Path) -> None:
    async with drilling(tmp_path) as it:
        code, report, said = await it.run()
        assert (code, report["steps"][0]["problems"]) == (0, []), said
        assert report["against"] == "api.binance.com, api.kucoin.com"
        (step,) = report["steps"]
        assert (step["by"], step["cancelled"], step["left_halted"]) == ("engine", 2, False)
        assert len(step["orders"]) == 2
        for venue, orders in it.orders().items():
            (order,) = orders
            rules = it.venues.mock.faces[venue].exchange.rules
            price = Decimal(order.price).scaleb(-rules.price_decimals)
            value = price * Decimal(order.qty).scaleb(-rules.qty_decimals)
            assert (order.side.name, order.state, order.filled) == ("BUY", "CANCELLED", 0)
            assert order.client_id.endswith("t")
            assert value <= 10
            assert price < Decimal("2.1"), "a fifth below the market"
        assert it.halted() is None, "it was its own"
        words = [json.loads(p) for _, _, k, p in records(it.state_dir) if k == kinds.RECOVERY]
        assert [word["action"] for word in words if "action" in word] == ["drilled"]
        assert not residuals(it.state_dir / "ledger.sqlite")
        assert rerun(it.state_dir / "journal").difference is None
        path = Path(report["report"])
        assert path.name.endswith("Z-live.json")
        assert path.with_name(f"{path.stem}.md").read_text().count("CANCELLED, 0 traded") == 2
        # It is no pass of the nine cases.
        found = of_drill(load(it.folder / "engine.toml"), days=1)
        assert not found.ok
        assert "no report" in found.says
        # And the engine may start: it trades.
        engine = await EngineProcess.start(it.folder / "engine.toml", *it.words, env=it.venues.env)
        await engine.until(lambda state: state["counts"]["fills"] >= 2)
        assert await engine.stop() == 0


@pytest.mark.timeout(180)
async def test_without_all_of_the_arming_nothing_leaves(tmp_path: Path) -> None:
    async with production(tmp_path) as venues:
        for number, lacks in enumerate(c for c in CONDITIONS if c != "key"):
            drill = Drill(tmp_path / str(number), venues, ALL - {lacks})
            with watchdog(drill.state_dir):
                code, report, said = await drill.run()
            assert (code, report, said.count("\n")) == (2, {}, 1), said
        unwatched = Drill(tmp_path / "unwatched", venues)
        code, _, said = await unwatched.run()
        assert code == 2
        assert "no watchdog runs" in said
        assert (venues.order_requests, venues.orders) == (0, 0)


@pytest.mark.timeout(120)
async def test_a_halted_directory_and_a_running_engine_are_left_alone(tmp_path: Path) -> None:
    async with drilling(tmp_path) as it:
        latch = Latch(it.state_dir)
        latch.set(Entry(ENGINE, TradingState.HALTED, "a person said so", "ann", 1))
        code, _, said = await it.run()
        assert code == 3
        assert "a person said so" in said
        latch.clear(latch.entries())
        it.venues.mock.flow.running = False
        engine = await EngineProcess.start(it.folder / "engine.toml", *it.words, env=it.venues.env)
        await engine.until(lambda state: state["trading"] == "ACTIVE")
        code, _, said = await it.run()
        assert code == 2
        assert "in use by another engine" in said
        assert (it.venues.order_requests, it.venues.orders) == (0, 0)
        assert await engine.stop() == 0


@pytest.mark.timeout(120)
async def test_an_order_that_trades_fails_it_and_stays_in_the_books(tmp_path: Path) -> None:
    async with drilling(tmp_path) as it:
        it.fault(
            venue="binance", channel="ws", action="fill", params={"percent": 100},
            match={"route": "order.cancel"},
        )  # fmt: skip
        code, report, said = await it.run()
        assert code == 1, said
        (step,) = report["steps"]
        assert any("has TRADED" in line for line in step["problems"]), step
        assert step["left_halted"]
        halted = it.halted()
        assert halted is not None
        assert halted.reason.startswith("live drill ")
        (left,) = residuals(it.state_dir / "ledger.sqlite")
        assert left.amount > 0
        found = of_drill(load(it.folder / "engine.toml"), days=1)
        assert not found.ok
        assert "-live.json: FAILED" in found.says


@pytest.mark.timeout(120)
async def test_a_halt_of_somebody_else_meanwhile_is_never_cleared(tmp_path: Path) -> None:
    async with drilling(tmp_path) as it:
        process = await it.begin()
        async with asyncio.timeout(WAIT_S):  # to be verified takes it a second at least
            while it.halted() is None:
                assert process.returncode is None
                await asyncio.sleep(0.005)
        Latch(it.state_dir).set(Entry(ENGINE, TradingState.HALTED, "stop", "ann", 7))
        code, report, said = await it.ended()
        assert code == 1, said
        halted = it.halted()
        assert halted is not None
        assert halted.also == ("ann: stop",)
        assert any("somebody else halted" in line for line in report["steps"][0]["problems"])


@pytest.mark.timeout(180)
async def test_one_that_is_killed_midway_is_cancelled_by_the_next_start(tmp_path: Path) -> None:
    async with drilling(tmp_path) as it:
        for venue in VENUES:  # the venue has it, and nobody hears
            it.fault(
                venue=venue, channel="ws", action="drop", point="after_match_before_reply",
                match={"route": CREATES[venue]},
            )  # fmt: skip
            it.fault(venue=venue, channel="private", action="drop")
        process = await it.begin()
        await it.placed()
        process.send_signal(signal.SIGKILL)
        await process.wait()
        it.venues.mock.faults.clear()
        it.venues.mock.flow.running = False
        assert all(o.state not in ("CANCELLED", "FILLED") for (o,) in it.orders().values())
        engine = await EngineProcess.start(it.folder / "engine.toml", *it.words, env=it.venues.env)
        await engine.until(lambda state: state["trading"] == "ACTIVE")
        assert [o.state for (o,) in it.orders().values()] == ["CANCELLED", "CANCELLED"]
        assert await engine.stop() == 0


@pytest.mark.timeout(120)
async def test_a_venue_that_takes_no_order_was_not_drilled(tmp_path: Path) -> None:
    async with drilling(tmp_path) as it:
        it.fault(
            venue="kucoin", channel="ws", action="reply", match={"route": CREATES["kucoin"]},
            params={"code": "300000", "msg": "order refused"},
        )  # fmt: skip
        code, report, _ = await it.run()
        assert code == 1
        (step,) = report["steps"]
        assert any("kucoin: " in line and "was not taken" in line for line in step["problems"])
        assert step["left_halted"]


async def test_a_run_that_is_not_armed_does_not_begin(tmp_path: Path) -> None:
    config = load_text(tmp_path, shipped().replace("var/demo", str(tmp_path / "state")))
    with pytest.raises(UsageError, match="arming"):
        await drill_live(config, identify(config, armed=False), "ann")
    assert not (tmp_path / "state" / "journal").exists()


async def test_what_a_venue_still_lists_fails_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verified by the halt, and there all the same: the venue's last word counts."""

    class Verified(DrillRun):
        async def run(self) -> int:
            self.began = True
            return 0

        def step(self) -> Step:
            return Step(name="live-tiny", says="")

    monkeypatch.setattr(live, "DrillRun", Verified)
    async with mock_venues() as mock:
        mock.flow.running = False
        text = to_toml(demo_values(tmp_path / "state", mock.line))
        config = load_text(tmp_path, text)
        mock.faults.add(resting("kucoin", f"{config.prefix}1-0t"))
        report, _ = await drill_live(config, identify(config, armed=True), "ann")
        problems = report.steps[0].problems
        assert problems == [f"kucoin still lists {config.prefix}1-0t"]


def load_text(folder: Path, text: str) -> Config:
    path = folder / "engine.toml"
    path.write_text(text)
    return load(path)
