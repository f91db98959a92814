"""The main job end to end: mock venues on real sockets, the engine as its own process."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from xrpfast._core import JournalReader
from xrpfast.config.demo import write_config
from xrpfast.model import Side, SymbolRules
from xrpfast.records import kinds
from xrpfast.records.compare import compare
from xrpfast.records.rebuild import rebuild
from xrpfast.records.start import Start
from xrpfast.simulation.server import mock_venues
from xrpfast.trading.commands import AnyCommandRecord, Leg, PlaceLegsRecord

WAIT_S = 40.0


class Running:
    """One engine process with its control socket."""

    def __init__(self, folder: Path, config: Path, process: asyncio.subprocess.Process) -> None:
        self.folder, self.config, self.process = folder, config, process

    async def state(self) -> dict[str, Any]:
        reader, writer = await asyncio.open_unix_connection(str(self.folder / "control.sock"))
        writer.write(b'{"cmd":"state"}\n')
        answer: dict[str, Any] = json.loads(await reader.readline())
        writer.close()
        return answer

    async def until(self, what: Any) -> dict[str, Any]:
        """Waits for a state in which ``what`` holds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WAIT_S
        while loop.time() < deadline:
            if self.process.returncode is not None:
                break
            try:
                state = await self.state()
            except (FileNotFoundError, ConnectionRefusedError):
                state = None
            if state is not None and what(state):
                return state
            await asyncio.sleep(0.05)
        log = (self.folder / "engine.log").read_text()
        raise AssertionError(f"not reached, exit code {self.process.returncode}: {log[-2000:]}")

    async def end(self, number: int) -> int:
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), WAIT_S)


async def start(config: Path, log: Path) -> asyncio.subprocess.Process:
    with log.open("wb") as stderr:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "xrpfast", "run", "--config", str(config),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=stderr,
        )  # fmt: skip


@asynccontextmanager
async def engine(folder: Path, line: dict[str, Any]) -> AsyncIterator[Running]:
    config = write_config(folder, line)
    process = await start(config, folder / "engine.log")
    try:
        yield Running(folder, config, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def records(folder: Path) -> list[tuple[int, int, int, bytes]]:
    return list(JournalReader(folder / "journal"))


def tables(path: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(path)) as db:
        return {
            table: db.execute(f"select * from {table} order by 1, 2, 3").fetchall()
            for table in ("starts", "orders", "fills", "refusals")
        }


async def truth_of(line: dict[str, Any]) -> dict[str, Any]:
    async with aiohttp.ClientSession() as http, http.get(line["control_url"] + "/ledger") as reply:
        truth: dict[str, Any] = await reply.json()
        return truth


async def pause(line: dict[str, Any]) -> None:
    url = line["control_url"] + "/market"
    async with aiohttp.ClientSession() as http, http.post(url, json={"running": False}) as reply:
        reply.raise_for_status()


def text(value: int, decimals: int) -> str:
    return f"{value // 10**decimals}.{value % 10**decimals:0{decimals}d}"


@pytest.mark.timeout(150)
async def test_orders_are_journalled_before_they_leave_and_all_records_agree(
    tmp_path: Path,
) -> None:
    async with mock_venues(seed=11) as mock, engine(tmp_path, mock.line) as running:
        await running.until(lambda state: state["counts"]["fills"] >= 20)

        second = await start(running.config, tmp_path / "second.log")
        assert await asyncio.wait_for(second.wait(), WAIT_S) == 2
        refusal = (tmp_path / "second.log").read_text().strip().splitlines()
        assert len(refusal) == 1
        assert "in use by another engine" in refusal[0]

        await pause(mock.line)
        state = await running.until(lambda state: state["working"] == 0)
        assert state["trading"] == "ACTIVE"
        assert {book["state"] for book in state["books"]} == {"LIVE"}
        assert state["latency_us"]["tick_to_order"]["count"] > 0
        assert state["counts"]["anomalies"] == 0
        assert await running.end(signal.SIGINT) == 0
        truth = await truth_of(mock.line)
        taken = {
            (venue, order.client_id): order.created_ns
            for venue, face in mock.faces.items()
            for order in face.exchange.orders.values()
        }

    assert compare(tmp_path / "ledger.sqlite", truth) == []
    kept = records(tmp_path)
    assert kept[0][2] == kinds.START
    assert kept[-1][2] == kinds.END, "the journal was closed on purpose"
    assert not (tmp_path / "control.sock").exists()

    rebuild(tmp_path / "journal", tmp_path / "again.sqlite")
    assert tables(tmp_path / "again.sqlite") == tables(tmp_path / "ledger.sqlite")

    rules = {rule.venue: rule for rule in msgspec.json.decode(kept[0][3], type=Start).config.books}
    legs = commanded(kept)
    seen = {(venue, order["client_id"]) for venue, said in truth["venues"].items()
            for order in said["orders"]}  # fmt: skip
    assert {venue for venue, _ in seen} == {"binance", "kucoin"}
    for venue, said in truth["venues"].items():
        for order in said["orders"]:
            found = legs.get(order["client_id"], [])
            assert len(found) == 1, f"{order['client_id']} has {len(found)} command records"
            wall_ns, leg = found[0]
            assert same(leg, order, venue, rules[venue])
            taken_ns = taken[venue, order["client_id"]]
            assert wall_ns < taken_ns, "the record is older than the order at the venue"


def commanded(kept: list[tuple[int, int, int, bytes]]) -> dict[str, list[tuple[int, Leg]]]:
    legs: dict[str, list[tuple[int, Leg]]] = {}
    decoder = msgspec.json.Decoder(AnyCommandRecord)
    for _, wall_ns, kind, payload in kept:
        if kind == kinds.COMMAND:
            command = decoder.decode(payload)
            if isinstance(command, PlaceLegsRecord):
                for leg in command.legs:
                    legs.setdefault(leg.client_id, []).append((wall_ns, leg))
    return legs


def same(leg: Leg, order: dict[str, Any], venue: str, rules: SymbolRules) -> bool:
    return (
        leg.venue == venue
        and Side(leg.side).name == order["side"]
        and float(text(leg.price, rules.price_decimals)) == float(order["price"])
        and float(text(leg.qty, rules.qty_decimals)) == float(order["qty"])
    )


@pytest.mark.timeout(150)
async def test_a_killed_engine_starts_again_with_a_new_epoch_and_a_whole_ledger(
    tmp_path: Path,
) -> None:
    async with mock_venues(seed=12) as mock:
        async with engine(tmp_path, mock.line) as running:
            state = await running.until(lambda state: state["counts"]["orders"] >= 4)
            first = state["epoch"]
            assert await running.end(signal.SIGKILL) == -signal.SIGKILL
        spinning = (tmp_path / "engine.toml").read_text().replace("spin = false", "spin = true")
        (tmp_path / "engine.toml").write_text(spinning)
        process = await start(tmp_path / "engine.toml", tmp_path / "engine.log")
        again = Running(tmp_path, tmp_path / "engine.toml", process)
        state = await again.until(lambda state: state["counts"]["orders"] >= 4)
        assert state["epoch"] > first
        await pause(mock.line)
        await again.until(lambda state: state["working"] == 0)
        assert await again.end(signal.SIGTERM) == 0
    kept = records(tmp_path)
    assert [kind for _, _, kind, _ in kept if kind in (kinds.START, kinds.END)] == [
        kinds.START, kinds.START, kinds.END,
    ]  # fmt: skip
    assert all(len(found) == 1 for found in commanded(kept).values()), "an id was used twice"
    rebuild(tmp_path / "journal", tmp_path / "again.sqlite")
    assert tables(tmp_path / "again.sqlite") == tables(tmp_path / "ledger.sqlite")


async def test_a_halted_directory_is_refused_with_exit_code_3(tmp_path: Path) -> None:
    (tmp_path / "halt.json").write_text('{"reason": "drill"}')
    async with mock_venues() as mock, engine(tmp_path, mock.line) as running:
        assert await asyncio.wait_for(running.process.wait(), WAIT_S) == 3
    assert "trading is halted: drill" in (tmp_path / "engine.log").read_text()


async def test_ctrl_c_before_the_venues_answered_is_a_clean_end(tmp_path: Path) -> None:
    async with mock_venues() as mock:
        with socket.create_server(("127.0.0.1", 0)) as silent:  # takes calls, never answers
            line = json.loads(json.dumps(mock.line))
            address = f"http://127.0.0.1:{silent.getsockname()[1]}"
            line["venues"]["kucoin"]["rest_url"] = address
            async with engine(tmp_path, line) as running:
                caller, _ = await asyncio.to_thread(silent.accept)
                with caller:
                    assert await running.end(signal.SIGINT) == 0
