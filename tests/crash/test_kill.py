"""kill -9 at every point of an order (F22): nothing is lost, doubled or guessed."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from support.kill_chain import POINTS, Totals, run
from support.reliability import write_numbers

KILLS = int(os.environ.get("XRPFAST_KILLS", "50"))
A_CHAIN = 6
"""Kills of one directory, one after the other."""
AT_ONCE = 9
"""Chains at a time: much of a chain is waiting."""


def plan(kills: int, seed: int) -> list[list[tuple[str, str]]]:
    """Points and venues spread evenly over the chains, each in an order of the seed's own."""
    pairs = [(point, venue) for point in reversed(POINTS) for venue in ("binance", "kucoin")]
    dealt = sorted(pairs[number % len(pairs)] for number in range(kills))
    count = -(-kills // A_CHAIN)
    chains = [dealt[number::count] for number in range(count)]
    draw = random.Random(seed)
    for chain in chains:
        draw.shuffle(chain)
    return chains


@pytest.mark.timeout(240 + 20 * KILLS)
async def test_after_any_kill_every_account_agrees(tmp_path: Path) -> None:
    totals = Totals()
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, kills: list[tuple[str, str]]) -> None:
        async with room:
            await run(tmp_path / str(number), 100 + number, kills, totals)

    async with asyncio.TaskGroup() as group:
        for number, kills in enumerate(plan(KILLS, 22)):
            group.create_task(one(number, kills))
    assert totals.disagreements == []
    assert totals.duplicates == totals.lost == 0
    assert sum(totals.kills.values()) == KILLS
    assert {name.split()[0] for name in totals.kills} == set(POINTS)
    assert totals.in_recovery > 0
    write_numbers(
        "kills",
        {
            "kills": KILLS,
            "by_point": {p: sum(n for k, n in totals.kills.items() if k.startswith(p + " "))
                         for p in POINTS},
            "in_recovery": totals.in_recovery,
            "at_start": totals.at_start,
            "starts": totals.starts,
            "seeds": sorted(totals.seeds),
            "orders": totals.orders,
            "fills": totals.fills,
            "records": totals.records,
            "duplicates": totals.duplicates,
            "lost": totals.lost,
            "disagreements": len(totals.disagreements),
        },
    )  # fmt: skip
