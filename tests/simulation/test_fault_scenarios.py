"""Every shipped scenario: its rules are taken, each of them strikes, and the mock survives them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from support.busy import busy
from xrpfast.simulation.faults.engine import Faults
from xrpfast.simulation.faults.scenario import load, shipped

PACE = 0.1
"""Scenario times are shortened so much."""
PATIENCE = 30.0
OF_THE_ENGINE_ALONE = {"F23", "F24", "F25", "F27", "F37"}
"""Rows that neither a venue nor the network between causes."""


def quickened(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    times = {"at_s", "for_s"}
    return [{k: v * PACE if k in times else v for k, v in rule.items()} for rule in rules]


def silent(faults: Faults) -> list[str]:
    return [f"{row['rule']}" for row in faults.rows() if not row["hits"]]


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
async def test_every_rule_of_a_scenario_strikes(path: Path) -> None:
    from xrpfast.simulation.server import mock_venues

    scenario = load(path)
    async with mock_venues(seed=3, faults=quickened(scenario.rules), relay=True) as running:
        async with busy(running.line):
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    while silent(running.faults):  # noqa: ASYNC110
                        await asyncio.sleep(0.02)
            assert silent(running.faults) == []
        running.faults.clear()
        async with busy(running.line) as after:  # the venue is itself again
            async with asyncio.timeout(PATIENCE):
                while after.frames < 20:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        for face in running.faces.values():
            (account,) = face.exchange.accounts.values()
            for order in face.exchange.open_orders(account):
                face.exchange.cancel(account, order)
            external = {"XRP": 10 * 10**18} if path.stem.startswith("f35") else {}
            for asset, balance in account.balances.items():
                assert balance.locked == external.get(asset, 0)
