"""`flatten` with real processes: what our own orders left is closed, once, and nothing else is."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.engine_process import EngineProcess, State
from support.service import journal
from support.stop_scene import CREATES, VENUES, Scene
from xrpfast.records.compare import compare
from xrpfast.simulation.process import MockExchanges, mock_exchanges
from xrpfast.trading.commands import PlaceLegsRecord

NAME = "XRP/USDT"
NO_VENUE_TAKES = 1
ONE_LEG = {
    "venue": "kucoin", "channel": "ws", "action": "reply",
    "match": {"route": CREATES["kucoin"]},
    "params": {"code": "300000", "msg": "order refused"},
}  # fmt: skip
"""KuCoin refuses every order: what Binance fills stands alone."""


@pytest.fixture
def mock() -> Iterator[MockExchanges]:
    with mock_exchanges("--seed", "61") as running:
        yield running


class Left(Scene):
    """An engine that has given up an imbalance: its budget for that is next to nothing."""

    def __init__(self, folder: Path, mock: MockExchanges) -> None:
        super().__init__(folder, mock)
        text = self.path.read_text()
        self.path.write_text(
            text.replace("[risk]\n", '[risk]\nhedge_loss = "0.000001"\nhedge_time_ms = 300\n')
        )

    async def exposed(self) -> tuple[EngineProcess, State]:
        """The engine, still running, and its state once the instrument is halted."""
        number = await self.fault(ONE_LEG)
        engine = await self.start()
        state = await engine.until(lambda s: s["scopes"].get(f"symbol:{NAME}") == "HALTED")
        await asyncio.to_thread(self.mock.heal, number)
        # That halt is verified for a moment, and what works there meanwhile is cancelled.
        await self.reached(lambda: any((self.state_dir / "receipts").glob("*.json")))
        assert abs(Decimal(state["imbalances"][NAME])) >= 5
        return engine, state

    async def flatten(self, *more: str, max_loss: str = "5") -> tuple[int, dict[str, Any]]:
        code, said = await self._run(
            "flatten", "--reason", "enough", "--max-loss", max_loss, "--json", *more
        )
        return code, json.loads(said) if said else {}

    async def begin(self, *more: str) -> asyncio.subprocess.Process:
        """The command, which is not waited for."""
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "xrpfast", "flatten", "--config", str(self.path), "--json",
            "--reason", "enough", "--max-loss", "5", *more, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def agrees(self) -> None:
        """Ledger and venues, to the last unit; and nothing is left."""
        truth = await self.truth()
        assert compare(self.state_dir / "ledger.sqlite", {"venues": truth}) == []
        _, document = await self.status()
        assert abs(Decimal(document["imbalances"].get(NAME, "0"))) < NO_VENUE_TAKES
        assert document["unsettled"] == []

    def closings(self) -> list[str]:
        """Client ids of all orders that closed something."""
        return [
            leg.client_id
            for _, record in journal(self.state_dir)
            if isinstance(record, PlaceLegsRecord) and record.strategy == "hedge"
            for leg in record.legs
        ]


@asynccontextmanager
async def left(folder: Path, mock: MockExchanges) -> AsyncIterator[Left]:
    made = Left(folder, mock)
    try:
        yield made
    finally:
        await made.end()


async def test_a_running_engine_closes_what_it_had_given_up(
    tmp_path: Path, mock: MockExchanges
) -> None:
    async with left(tmp_path, mock) as it:
        engine, _ = await it.exposed()
        code, said = await it.flatten()
        assert code == 0, said
        done = said["instruments"][NAME]
        assert done["ending"] == "CLOSED"
        assert abs(Decimal(done["left"])) < NO_VENUE_TAKES
        assert Decimal(done["lost"]) <= 5
        # It was for this once: the instrument is halted as before.
        state = await engine.until(lambda s: s["working"] == 0)
        assert state["scopes"] == {f"symbol:{NAME}": "HALTED"}
        orders = len(it.closings())
        assert (await it.flatten())[0] == 0
        assert len(it.closings()) == orders, "a fee in base is too little for any venue"
        assert await engine.stop() == 0
        await it.agrees()
        _, document = await it.status()
        assert {w["action"] for w in document["words"]} == {"flatten", "halt"}


async def test_without_an_engine_a_run_trades_for_it_alone_and_stays_halted(
    tmp_path: Path, mock: MockExchanges
) -> None:
    async with left(tmp_path, mock) as it:
        engine, _ = await it.exposed()
        code, _ = await it.halt("stop")
        assert (code, await engine.ended()) == (0, 3)
        entries = len(it.closings())
        orders = len(await it.ours())
        code, said = await it.flatten()
        assert code == 0, said
        assert said["instruments"][NAME]["ending"] == "CLOSED"
        assert len(await it.ours()) - orders == len(it.closings()) - entries >= 1
        await it.agrees()
        code, document = await it.status()
        assert (code, document["halted"]) == (3, True)
        assert {s: d["reason"] for s, d in document["scopes"].items()}["engine"] == "stop"
        orders = len(await it.ours())
        assert (await it.flatten())[0] == 0
        assert len(await it.ours()) == orders


@pytest.mark.parametrize("running", [True, False], ids=["an engine runs", "none runs"])
async def test_a_halt_ends_it(tmp_path: Path, mock: MockExchanges, running: bool) -> None:
    """Its order stays at the venue without an answer; nothing follows it."""
    async with left(tmp_path, mock) as it:
        engine, _ = await it.exposed()
        if not running:
            assert (await it.halt("stop"))[0] == 0
            await engine.ended()
        before = len(it.closings())
        await it.hold_all()
        command = await it.begin()
        await it.reached(lambda: len(it.closings()) > before)
        code, receipt = await it.halt("no more")
        assert (code, receipt["by"]) == (0, "engine")
        assert receipt["reason"] == "no more"
        assert await asyncio.wait_for(command.wait(), 60) == 1
        if running:
            assert await engine.ended() == 3
        assert len(it.closings()) == before + 1
        assert await it.at_work() == {venue: [] for venue in VENUES}
        # A person may order it again afterwards.
        await asyncio.to_thread(mock.heal)
        code, said = await it.flatten()
        assert code == 0, said
        await it.agrees()


async def test_one_that_is_killed_midway_is_not_done_twice(
    tmp_path: Path, mock: MockExchanges
) -> None:
    """The order was filled, nobody heard of it: the same command again asks for it first."""
    async with left(tmp_path, mock) as it:
        engine, _ = await it.exposed()
        assert (await it.halt("stop"))[0] == 0
        await engine.ended()
        before = len(it.closings())
        rules = [
            await it.fault(
                {"venue": venue, "channel": "ws", "action": "drop",
                 "point": "after_match_before_reply", "match": {"route": CREATES[venue]}}
            )
            for venue in VENUES
        ] + [
            await it.fault({"venue": venue, "channel": "private", "action": "drop"})
            for venue in VENUES
        ]  # fmt: skip
        command = await it.begin()
        await it.reached(lambda: len(it.closings()) > before)
        command.send_signal(signal.SIGKILL)
        await command.wait()
        for rule in rules:
            await asyncio.to_thread(mock.heal, rule)
        code, said = await it.flatten()
        assert code == 0, said
        await it.agrees()


async def test_what_cannot_be_tried_is_refused(tmp_path: Path, mock: MockExchanges) -> None:
    async with left(tmp_path, mock) as it:
        engine, _ = await it.exposed()
        before = len(it.closings())
        for venue in VENUES:
            for action in ("refuse", "reset"):
                await it.fault({"venue": venue, "channel": "socket", "action": action})
        await engine.until(
            lambda s: all(v["closed_by"] == "VENUE_DOWN" for v in s["venues"].values())
        )
        assert (await it.flatten())[0] == 2
        assert len(it.closings()) == before
        for wrong in ("0", "-1", "much"):
            assert (await it.flatten(max_loss=wrong))[0] == 2
        assert (await it.flatten("--within", "99999"))[0] == 2


async def test_with_nothing_left_nothing_is_begun(tmp_path: Path, mock: MockExchanges) -> None:
    async with left(tmp_path, mock) as it:
        engine = await it.start()
        await asyncio.to_thread(mock.pause)
        await engine.until(lambda s: s["trading"] == "ACTIVE")
        assert await engine.stop() == 0
        starts = len([1 for kind, _ in journal(it.state_dir) if kind == 1])
        assert await it.flatten() == (0, {"ok": True, "instruments": {}, "problem": ""})
        assert len([1 for kind, _ in journal(it.state_dir) if kind == 1]) == starts
