"""`limits`: a person makes a limit of a running engine tighter, and nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.service import journal, trading
from xrpfast.cli.app import run as cli
from xrpfast.config.demo import write_config
from xrpfast.model import MONEY_ONE
from xrpfast.research.rerun import rerun
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.events import Limit, LimitsSet


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=15) as running:
        yield running


async def say(*words: str) -> int:
    """A command, while the engine runs in this loop."""
    return await asyncio.to_thread(cli, words)


async def test_a_limit_gets_tighter_at_once_and_the_journal_decides_the_same_again(
    tmp_path: Path, mock: MockVenues, capsys: pytest.CaptureFixture[str]
) -> None:
    config = str(write_config(tmp_path, mock.line))
    words = ("--config", config, "--reason", "the market is thin")
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.placed >= 2)
        assert await say("limits", "set", "max_order_qty", "20", *words) == 0
        assert capsys.readouterr().out == "max_order_qty: 20, was 150\n"
        assert run.engine.limits.max_order_qty == 20 * MONEY_ONE
        known = set(run.engine.orders.orders)
        await run.until(lambda: len(run.engine.orders.orders) >= len(known) + 2)
        later = [o for name, o in run.engine.orders.orders.items() if name not in known]
        books = run.engine.context.books
        assert all(o.qty * books[o.book].qty_money <= 20 * MONEY_ONE for o in later)
        assert await say("limits", "show", "--config", config, "--json") == 0
        assert json.loads(capsys.readouterr().out)["risk"]["max_order_qty"] == "20"
        for key, value, part in (
            ("max_order_qty", "21", "risk.max_order_qty = 21 is above 20"),
            ("min_cash", "14", "risk.min_cash = 14 is below 15"),
            ("max_ordre_qty", "1", "no limit that can be set is named 'max_ordre_qty'"),
            ("allowed_venues", "binance", "no limit that can be set"),
            ("max_position", "lots", "not a decimal number"),
            ("max_orders_per_second", "1.5", "not a whole number"),
            ("max_position", "0", "above zero"),
            ("hedge_lane", "50", "hedge_lane leaves nothing of max_orders_per_second"),
        ):
            assert await say("limits", "set", key, value, *words) == 2
            assert part in capsys.readouterr().err
        assert await say("limits", "set", "max_position", "400", "--config", config,
                         "--reason", " ") == 2  # fmt: skip
        assert "say why" in capsys.readouterr().err
        assert await run.stop() == 0
    (told,) = [r for _, r in journal(tmp_path) if isinstance(r, LimitsSet)]
    assert told.limits == (Limit("max_order_qty", 20 * MONEY_ONE),)
    assert (told.reason, bool(told.who)) == ("the market is thin", True)
    assert rerun(tmp_path / "journal").difference is None
    assert await say("limits", "set", "max_position", "300", *words) == 1
    assert "no engine runs" in capsys.readouterr().err
