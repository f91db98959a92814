"""`halt` to the first cancel and to verified empty, with orders of ours resting at both venues.

With a running engine that does not know of them, which is the slow case: what it knows of is
cancelled in the turn in which it hears of the halt. It stays up between the rounds: its one
instrument is halted, and resumed. Without an engine the command's own work is measured, in this
process; and the command itself, with the start of its interpreter.

Between two looks that must both find nothing lies a second on purpose. The rounds without an engine
leave it out, to be many.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp

from xrpfast.config.demo import demo_values, to_toml
from xrpfast.config.loader import load
from xrpfast.service import cancelling
from xrpfast.service.demo import EngineLink, child, first_line
from xrpfast.service.halting import halt
from xrpfast.service.halts import HaltReceipt
from xrpfast.service.heartbeat import Heartbeat
from xrpfast.service.latch import Latch

ORDERS = 10
"""At each venue."""
WITH_ENGINE_S = 14.0
WITHOUT_ENGINE_S = 10.0
COMMANDS = 3
SCOPE = "symbol:XRP/USDT"
Json = dict[str, Any]


async def measure() -> dict[str, list[HaltReceipt]]:
    """Receipts by way: ``engine``, ``alone``, ``command``."""
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=os.curdir) as folder:
        path = Path(folder)
        log = path / "mock.log"
        async with (
            child("mock", "--port", "0", "--seed", "1", log=log) as process,
            aiohttp.ClientSession() as http,
        ):
            venues = Venues(await first_line(process, log), http)
            await venues.post("/market", {"running": False})
            await venues.post("/quotas", {"enforced": False})
            return {
                "engine": await _with_engine(path / "a", venues),
                "alone": await _alone(path / "b", venues),
                "command": await _command(path / "c", venues),
            }


class Venues:
    """The mock's control port."""

    def __init__(self, line: Json, http: aiohttp.ClientSession) -> None:
        self.line = line
        self._http = http
        self._round = 0

    async def post(self, path: str, body: Json) -> None:
        async with self._http.post(self.line["control_url"] + path, json=body) as reply:
            reply.raise_for_status()

    async def put_to_work(self) -> None:
        """`ORDERS` of ours at each venue."""
        async with self._http.delete(f"{self.line['control_url']}/rules") as reply:
            reply.raise_for_status()
        self._round += 1
        rules = [
            {"venue": venue, "channel": "venue", "action": "foreign_order",
             "params": {"side": "buy", "price": "1.2", "qty": "10",
                        "client_id": f"xddemo1-{self._round}x{number}a"}}
            for venue in ("binance", "kucoin") for number in range(ORDERS)
        ]  # fmt: skip
        await self.post("/rules", {"rules": rules})


def _configure(folder: Path, venues: Venues) -> Path:
    values = demo_values(folder, venues.line)
    values["engine"] |= {"spin": False, "gc_freeze": True}
    folder.mkdir()
    path = folder / "engine.toml"
    path.touch(mode=0o600)
    path.write_text(to_toml(values))
    return path


async def _with_engine(folder: Path, venues: Venues) -> list[HaltReceipt]:
    path = _configure(folder, venues)
    config = load(path)
    log = folder / "engine.log"
    found = []
    async with (
        child("run", "--config", str(path), log=log) as engine,
        await EngineLink.open(folder / "control.sock", engine, log) as link,
    ):
        while (await link.state())["trading"] != "ACTIVE":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        end = monotonic() + WITH_ENGINE_S
        while monotonic() < end:
            await venues.put_to_work()
            found.append(await _halted(config, SCOPE))
            await link.send({"cmd": "resume", "reason": "bench", "who": "bench", "scope": SCOPE})
            await link.answer()
        await link.send({"cmd": "stop"})
        await asyncio.wait_for(engine.wait(), 60)
    assert all(receipt.by == "engine" for receipt in found)
    return found


async def _alone(folder: Path, venues: Venues) -> list[HaltReceipt]:
    config = load(_configure(folder, venues))
    # As a run that ended well leaves it: nothing of it can be on its way.
    Heartbeat(folder / "heartbeat", lambda: None).stop(clean=True)
    again_s, cancelling.AGAIN_S = cancelling.AGAIN_S, 0.0  # type: ignore[misc]
    found = []
    try:
        end = monotonic() + WITHOUT_ENGINE_S
        while monotonic() < end:
            await venues.put_to_work()
            found.append(await _halted(config, "engine"))
            latch = Latch(folder)
        latch.clear(latch.entries())
    finally:
        cancelling.AGAIN_S = again_s  # type: ignore[misc]
    return found


async def _halted(config: Any, scope: str) -> HaltReceipt:
    receipt, _ = await halt(config, scope, "bench", "bench")
    assert receipt.verified, receipt.not_verified
    assert receipt.cancelled == 2 * ORDERS, receipt
    return receipt


async def _command(folder: Path, venues: Venues) -> list[HaltReceipt]:
    path = _configure(folder, venues)
    Heartbeat(folder / "heartbeat", lambda: None).stop(clean=True)
    found = []
    for _ in range(COMMANDS):
        await venues.put_to_work()
        began = monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "xrpfast", "halt", "--config", str(path), "--reason", "bench",
            "--json", stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, _ = await process.communicate()
        whole_ms = (monotonic() - began) * 1000
        document = json.loads(said)
        assert document["verified"], document
        first, verified = document["first_cancel_ms"], document["verified_ms"]
        # The clock of a receipt begins with the command's first line: its start comes before.
        before_ms = max(0.0, whole_ms - verified)
        found.append(
            HaltReceipt(
                scope="engine", reason="", who="", wall_ns=0, by="command", pid=0, verified=True,
                first_cancel_ms=first + before_ms, verified_ms=verified + before_ms,
            )
        )  # fmt: skip
        latch = Latch(folder)
        latch.clear(latch.entries())
    return found


def first_cancel_ms(receipts: Sequence[HaltReceipt]) -> list[float]:
    return [r.first_cancel_ms for r in receipts if r.first_cancel_ms is not None]


def verified_ms(receipts: Sequence[HaltReceipt]) -> list[float]:
    return [r.verified_ms for r in receipts if r.verified_ms is not None]


def empty_ms(receipts: Sequence[HaltReceipt]) -> list[float]:
    """When the last venue first listed none."""
    return [
        max(v.empty_ms for v in r.venues if v.empty_ms is not None) for r in receipts if r.venues
    ]
