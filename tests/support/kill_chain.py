"""Kills of the real engine one after the other: one mock, one ``state_dir``, and all accounts at
the end.

A kill comes when the mock says that an order has reached the point, never after a time.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from support.engine_process import EngineProcess, configure, tables
from xrpfast.records.compare import TERMINAL, compare
from xrpfast.records.rebuild import rebuild
from xrpfast.records.verify import verify
from xrpfast.simulation.process import MockExchanges, mock_exchanges

POINTS: Final = (
    "before_accept",
    "after_accept_before_reply",
    "after_match_before_reply",
    "after_reply",
)
CREATES: Final = {"binance": "order.place", "kucoin": "spot.*order"}
ASKS: Final = {"binance": "GET /api/v3/order", "kucoin": "GET /api/v1/hf/orders/client-order/*"}
AGAIN_EVERY: Final = 4
"""So often the next start is killed, too: while it asks about the order of the kill before."""
HEDGE_MIN: Final = Decimal(5)
MOVING: Final = {"step_seconds": 0.02}


@dataclass
class Totals:
    """What was counted over all chains."""

    kills: Counter[str] = field(default_factory=Counter)
    """By point and venue."""
    in_recovery: int = 0
    at_start: int = 0
    seeds: list[int] = field(default_factory=list)
    starts: int = 0
    orders: int = 0
    fills: int = 0
    records: int = 0
    duplicates: int = 0
    lost: int = 0
    disagreements: list[str] = field(default_factory=list)


class Chain:
    """One mock, one directory, many deaths."""

    def __init__(self, folder: Path, mock: MockExchanges, seed: int, totals: Totals) -> None:
        self._mock = mock
        self._seed = seed
        self._random = random.Random(seed)
        self._totals = totals
        self._folder = folder
        self._config = configure(folder, mock, deployment=f"k{seed:03}")

    async def kill(self, point: str, venue: str) -> None:
        """Starts the engine, and ends it when its next order there reaches the point."""
        rule = {
            "venue": venue, "channel": "ws", "point": point,
            "match": {"route": CREATES[venue], "times": 1}, **self._way(point),
        }  # fmt: skip
        async with asyncio.timeout(120):
            engine = await self._start()
            await engine.until(lambda state: state["trading"] == "ACTIVE")
            number = await self._rule(rule)
            await engine.reached_later(lambda: self._struck(number))
            await self._end(engine, number)
        self._totals.kills[f"{point} {venue}"] += 1

    def _way(self, point: str) -> dict[str, Any]:
        if point == "before_accept":
            # Lost for good, which takes long to prove, or on its way until after the next start.
            if self._random.random() < 0.3:
                return {"action": "drop"}
            return {"action": "delay", "params": {"ms": self._random.choice((300, 1_500))}}
        if point == "after_accept_before_reply":
            wait = self._random.choice((0, 100, 2_000))
            return {"action": "drop", "params": {"match_after_ms": wait}}
        if point == "after_match_before_reply":
            return {"action": "drop"}
        return {"action": "delay", "params": {"ms": 0}}  # the reply leaves as ever

    async def kill_recovery(self, venue: str) -> None:
        """Ends the start that follows a kill while it waits for the venue's word on that order."""
        rule = {
            "venue": venue, "channel": "rest", "action": "delay", "params": {"ms": 60_000},
            "match": {"route": ASKS[venue], "times": 1},
        }  # fmt: skip
        async with asyncio.timeout(120):
            number = await self._rule(rule)
            engine = await self._start()
            while engine.running:
                if await self._struck(number):
                    self._totals.in_recovery += 1
                    break
                state = await engine.state()
                if state is not None:  # the journal knew the order's end: nothing was asked
                    self._totals.at_start += 1
                    break
                await asyncio.sleep(0.002)
            await self._end(engine, number)

    async def settle(self) -> None:
        """A last start without faults; afterwards all that can be compared is."""
        async with asyncio.timeout(150):
            engine = await self._start()
            await engine.until(self._even)
            await self._control("pause")
            state = await engine.until(self._even)
            code = await engine.stop()
        truth = await asyncio.to_thread(self._mock.ledger)
        found = [] if code == 0 else [f"exit code {code}: {engine.last_line}"]
        found += await asyncio.to_thread(self._compare, truth, state)
        self._totals.disagreements += [f"seed {self._seed}: {line}" for line in found]
        self._totals.seeds.append(self._seed)

    @staticmethod
    def _even(state: dict[str, Any]) -> bool:
        return (
            state["trading"] == "ACTIVE"
            and state["working"] == 0
            and all(abs(Decimal(left)) < HEDGE_MIN for left in state["imbalances"].values())
        )

    def _compare(self, truth: dict[str, Any], state: dict[str, Any]) -> list[str]:
        folder = self._folder / "state"
        totals = self._totals
        found = []
        verdict = verify(folder)
        if verdict.damage is not None or verdict.torn is not None:
            found.append(f"journal: {verdict.damage or verdict.torn}")
        rebuild(folder / "journal", folder / "again.sqlite")
        kept, again = tables(folder / "ledger.sqlite"), tables(folder / "again.sqlite")
        found += [f"ledger: {name} is not what the journal gives" for name in kept
                  if kept[name] != again.get(name)]  # fmt: skip
        found += compare(folder / "ledger.sqlite", {"venues": truth})
        for venue, said in truth.items():
            ids = Counter(order["client_id"] for order in said["orders"])
            twice = [client_id for client_id, count in ids.items() if count > 1]
            totals.duplicates += len(twice)
            found += [f"{venue}: order {client_id} twice" for client_id in twice]
            open_ids = [o["client_id"] for o in said["orders"] if o["state"] not in TERMINAL]
            found += [f"{venue}: order {client_id} still works" for client_id in open_ids]
            for asset, here in state["balances"][venue].items():
                there = said["balances"].get(asset, {"free": "0", "locked": "0"})
                if Decimal(here) != Decimal(there["free"]) + Decimal(there["locked"]):
                    found.append(f"{venue}: {here} {asset} in the portfolio, {there} there")
            totals.orders += len(said["orders"])
            totals.fills += len(said["fills"])
        totals.lost += sum("is not in the ledger" in line for line in found)
        totals.records += verdict.records
        return found

    # --- inside ---------------------------------------------------------------------------------

    async def _start(self) -> EngineProcess:
        self._totals.starts += 1
        return await EngineProcess.start(self._config)

    async def _end(self, engine: EngineProcess, number: int) -> None:
        engine.kill()
        code = await engine.ended()
        assert code == -9, f"it ended by itself, code {code}: {engine.log[-3000:]}"
        await asyncio.to_thread(self._mock.heal, number)

    async def _rule(self, rule: dict[str, Any]) -> int:
        return await asyncio.to_thread(self._mock.fault, rule)

    async def _struck(self, number: int) -> bool:
        rules = await asyncio.to_thread(self._mock.faults)
        return any(row["id"] == number and row["hits"] for row in rules)

    async def _control(self, word: str) -> None:
        await asyncio.to_thread(getattr(self._mock, word))


async def run(folder: Path, seed: int, kills: list[tuple[str, str]], totals: Totals) -> None:
    """One chain: the kills in their order, every few of them followed by one in recovery."""
    with mock_exchanges("--seed", str(seed)) as mock:
        chain = Chain(folder, mock, seed, totals)
        for number, (point, venue) in enumerate(kills, 1):
            await chain.kill(point, venue)
            if number % AGAIN_EVERY == 0:
                await chain.kill_recovery(venue)
        await chain.settle()
