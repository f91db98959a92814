"""Faults of whole accounts (F35, F39, F40): the real engine and the mock's scenarios."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.agreement import agrees, sent_too_soon
from support.faults import hits, scenario
from support.service import trading
from xrpfast.errors import HaltedError
from xrpfast.simulation.faults.scenario import find, load
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.commands import Adopt
from xrpfast.trading.states import TradingState

VENUES = ["binance", "kucoin"]


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=19) as running:
        yield running


def foreign(mock: MockVenues) -> list[str]:
    """Orders on the accounts that no engine here sent."""
    orders = [order for face in mock.faces.values() for order in face.exchange.orders.values()]
    return [order.client_id for order in orders if order.working]


async def test_f35_what_others_move_is_adopted_and_what_nothing_explains_halts(
    tmp_path: Path, mock: MockVenues
) -> None:
    """A transfer, a lock and an order by hand are told of; three coins go without a word."""
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        rules = scenario(mock, "f35_balance_moves")
        reducing = TradingState.REDUCING
        await run.until(
            lambda: all(v.state is reducing for v in run.engine.context.venues.values())
        )
        await run.until(lambda: all(hits(mock, rules)))
        run.say("reconcile")
        ended = await run.ended()
    assert isinstance(ended, HaltedError)
    assert "-3 XRP, unexplained" in str(ended)
    adopted = [r for _, r in run.journal() if isinstance(r, Adopt) and r.reason == "moved"]
    assert {(r.venue, r.asset, r.delta) for r in adopted} == {
        (venue, "USDT", 25 * 10**18) for venue in VENUES
    }
    others = foreign(mock)
    assert len(others) == 2, "what is not ours is left alone"
    moved = {(venue, "USDT"): 25 for venue in VENUES} | {(venue, "XRP"): -3 for venue in VENUES}
    await agrees(tmp_path, mock, moved=moved, others=others)
    assert not sent_too_soon(tmp_path)


@pytest.mark.parametrize("venue", VENUES)
async def test_f39_an_answer_of_another_order_halts(
    tmp_path: Path, mock: MockVenues, venue: str
) -> None:
    async with trading(tmp_path, mock) as run:
        for rule in load(find("f39_wrong_echo")).rules:
            if rule["venue"] == venue:
                mock.faults.add(rule)
        ended = await run.ended()
        mock.faults.clear()
    assert isinstance(ended, HaltedError)
    assert "somebody-elses" in str(ended)
    await agrees(tmp_path, mock)
    assert not sent_too_soon(tmp_path)


async def test_f40_an_own_order_that_nobody_here_sent_halts(
    tmp_path: Path, mock: MockVenues
) -> None:
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        (rule,) = load(find("f40_foreign_own_prefix")).rules
        client_id = f"{run.engine.client_ids.prefix}zzzzzzzz-9a"  # of a later run
        params = rule["params"] | {"client_id": client_id}
        mock.faults.add(rule | {"at_s": 0.0, "params": params})
        run.say("reconcile")
        ended = await run.ended()
    assert isinstance(ended, HaltedError)
    assert "second engine" in str(ended)
    assert not foreign(mock), "a halt cancels whatever has our prefix"
    await agrees(tmp_path, mock, others=[client_id])
    assert not sent_too_soon(tmp_path)
