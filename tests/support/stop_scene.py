"""An engine with orders at work, beside orders of others, about to be stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from support.engine_process import WAIT_S, EngineProcess, configure
from support.resting import FOREIGN, resting, working
from support.service import journal
from xrpfast.config.loader import load
from xrpfast.config.root import Config
from xrpfast.service.latch import Entry, Latch
from xrpfast.simulation.process import MockExchanges
from xrpfast.trading.commands import Halt, PlaceLegsRecord

VENUES: Final = ("binance", "kucoin")
CREATES: Final = {"binance": "order.place", "kucoin": "spot.*order"}
CANCELS: Final = {
    "binance": ("order.cancel", "DELETE /api/v3/order"),
    "kucoin": ("spot.*cancel", "DELETE /api/v1/hf/orders/client-order/*"),
}
"""Over the order socket, and over REST."""
PREFIX: Final = "xddemo"
STRAY: Final = f"{PREFIX}1-zz9a"
"""An order of ours that the engine does not know of."""
ON_THE_WAY_NS: Final = 1_000_000_000
"""Generous: bytes that left before a halt are at the mock within that time."""
BLOCKING: Final = ("-m", "support.blocking_engine")
TESTS: Final = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}


class Scene:
    """One engine, its account at both venues, and whoever stops it."""

    def __init__(self, folder: Path, mock: MockExchanges, **engine: Any) -> None:
        self.mock = mock
        self.path = configure(folder, mock, **engine)
        self.config: Config = load(self.path)
        self.state_dir = self.config.state_dir
        self._processes: list[EngineProcess] = []

    async def start(self, **more: Any) -> EngineProcess:
        process = await EngineProcess.start(self.path, **more)
        self._processes.append(process)
        return process

    async def trading(self, *, hold: bool = True, **more: Any) -> EngineProcess:
        """An engine that trades; with ``hold`` its next order at each venue stays there, accepted
        and never answered. Orders of ours that it does not know, and of others, work beside.

        Those of others come first: with ours alone, KuCoin's protection would be armed, and would
        take them, too."""
        for venue in VENUES:
            await self.fault(resting(venue, FOREIGN))
        engine = await self.start(**more)
        await engine.until(lambda s: s["trading"] == "ACTIVE" and s["counts"]["orders"] >= 4)
        if hold:
            await self.hold(engine)
        for venue in VENUES:
            await self.fault(resting(venue, STRAY))
        return engine

    async def hold(self, engine: EngineProcess) -> None:
        """Between two pairs, so that both legs of the next one stay."""
        await asyncio.to_thread(self.mock.pause)
        await engine.until(lambda s: s["working"] == 0)
        rules = [
            {"venue": venue, "channel": "ws", "point": "after_accept_before_reply",
             "action": "drop", "params": {"match_after_ms": 600_000},
             "match": {"route": CREATES[venue], "times": 1}}
            for venue in VENUES
        ]  # fmt: skip
        posted = await asyncio.to_thread(self.mock.control, "POST", "/rules", {"rules": rules})
        await asyncio.to_thread(self.mock.resume)

        async def struck() -> bool:
            rows = await asyncio.to_thread(self.mock.faults)
            return all(row["hits"] for row in rows if row["id"] in posted["ids"])

        await engine.reached_later(struck)

    async def hold_all(self) -> None:
        """Every order that comes from now on stays there, accepted and never answered."""
        for venue in VENUES:
            await self.fault(
                {"venue": venue, "channel": "ws", "point": "after_accept_before_reply",
                 "action": "drop", "params": {"match_after_ms": 600_000},
                 "match": {"route": CREATES[venue]}}
            )  # fmt: skip

    async def reached(self, what: Callable[[], bool]) -> None:
        """Waits for a fact on disk."""
        deadline = asyncio.get_running_loop().time() + WAIT_S
        while not await asyncio.to_thread(what):
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.02)

    async def fault(self, rule: Mapping[str, Any]) -> int:
        return await asyncio.to_thread(self.mock.fault, rule)

    async def halt(self, reason: str = "test", **options: str) -> tuple[int, dict[str, Any]]:
        """The command itself; exit code and receipt."""
        more = [text for name, value in options.items() for text in (f"--{name}", value)]
        code, said = await self._run("halt", "--reason", reason, "--json", *more)
        return code, dict(json.loads(said))

    async def status(self) -> tuple[int, dict[str, Any]]:
        code, said = await self._run("status", "--json")
        return code, dict(json.loads(said))

    async def command(self, *arguments: str) -> str:
        """Any other command, which must succeed; what it prints."""
        code, said = await self._run(*arguments)
        assert code == 0, said
        return said

    async def _run(self, command: str, *arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "xrpfast", command, "--config", str(self.path), *arguments,
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode is not None
        return process.returncode, said.decode()

    async def truth(self) -> dict[str, Any]:
        return await asyncio.to_thread(self.mock.ledger)

    async def at_work(self) -> dict[str, list[str]]:
        return working(await self.truth())

    async def ours(self) -> dict[str, int]:
        """When each order with our prefix was accepted, wall time; the strays left out."""
        return {
            f"{venue} {order['client_id']}": int(order["accepted_ns"])
            for venue, said in (await self.truth()).items()
            for order in said["orders"]
            if order["client_id"].startswith(PREFIX) and order["client_id"] != STRAY
        }

    async def nothing_new_since(
        self, wall_ns: int, before: Mapping[str, int] | None = None
    ) -> None:
        """No order of the engine came to a venue after a halt, and none was decided after it."""
        late = {
            name: at for name, at in (await self.ours()).items() if at > wall_ns + ON_THE_WAY_NS
        }
        assert late == {}
        if before is not None:
            assert (await self.ours()).keys() == before.keys()
        decided = [record for _, record in journal(self.state_dir)]
        halted = next((at for at, r in enumerate(decided) if _halts_all(r)), len(decided))
        assert not [r for r in decided[halted:] if isinstance(r, PlaceLegsRecord)]

    def halted(self) -> Entry | None:
        return Latch(self.state_dir).halted()

    async def end(self) -> None:
        for process in self._processes:
            if process.running:
                process.process.send_signal(signal.SIGCONT)
            process.kill()
            await process.ended()


def _halts_all(record: object) -> bool:
    return isinstance(record, Halt) and record.scope == "engine"


@asynccontextmanager
async def scene(folder: Path, mock: MockExchanges, **engine: Any) -> AsyncIterator[Scene]:
    made = Scene(folder, mock, **engine)
    try:
        yield made
    finally:
        await made.end()


def fates(receipt: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Venue -> client id -> what the receipt says became of it."""
    return {
        venue["venue"]: {order["client_id"]: order["fate"] for order in venue["orders"]}
        for venue in receipt["venues"]
    }
