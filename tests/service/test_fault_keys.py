"""A key that is refused while the engine runs (F26): the real engine and the mock's own fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.agreement import sent_too_soon
from support.service import Trading, trading
from xrpfast.net import reconnect
from xrpfast.service.latch import Latch
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.commands import Cancel
from xrpfast.trading.states import TradingState
from xrpfast.venues.venue import Venue

VENUES = ["binance", "kucoin"]
CODES = {"binance": "-2015", "kucoin": "400003"}
CREATES = {"binance": "order.place", "kucoin": "spot.*order"}
MANY_DIALS_S = 1.0
"""With the delays of these tests a loop would dial again and again within it."""


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=26) as running:
        yield running


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "FIRST_DELAY_S", 0.01)
    monkeypatch.setattr(reconnect, "LONGEST_DELAY_S", 0.02)


def revoke(mock: MockVenues, venue: str) -> int:
    return mock.faults.add({"venue": venue, "channel": "venue", "action": "revoke_key"})


def counted(monkeypatch: pytest.MonkeyPatch, part: Any) -> list[int]:
    """One entry for every dial from now on."""
    dials: list[int] = []
    dial = part.dial

    async def counting() -> Any:
        dials.append(1)
        return await dial()

    monkeypatch.setattr(part, "dial", counting)
    return dials


def venue_of(run: Trading, name: str) -> Venue:
    return next(venue for venue in run.service._venues if venue.name == name)


async def left_alone(run: Trading, name: str, dials: list[int]) -> None:
    """Halted, told, closed, latched; dialled once and never again, also when the key is back."""
    await run.until(lambda: run.engine.context.venues[name].state is TradingState.HALTED)
    told = [text for level, text in run.alerts if level == "critical"]
    assert any(f"{name}: no more orders until a restart: {CODES[name]}" in text for text in told)
    entry = next(e for e in Latch(run.state_dir).entries() if e.scope == f"venue:{name}")
    assert CODES[name] in entry.reason
    await asyncio.sleep(MANY_DIALS_S)
    assert len(dials) == 1
    assert not run.engine.context.venues[name].open
    assert not venue_of(run, name).orders.ready
    assert not run.task.done(), "the other venue goes on"


@pytest.mark.parametrize("name", VENUES)
async def test_f26_a_key_that_the_account_stream_finds_refused_halts_the_venue(
    tmp_path: Path, mock: MockVenues, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No order goes there that would find it out; what works there is still cancelled."""
    async with trading(tmp_path, mock, order_timeout_ms=60_000) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        mock.faults.add(
            {"venue": name, "channel": "ws", "point": "after_accept_before_reply",
             "action": "drop", "params": {"match_after_ms": 600_000},
             "match": {"route": CREATES[name], "times": 1}}
        )  # fmt: skip

        def working() -> list[str]:
            orders = mock.faces[name].exchange.orders.values()
            return [o.client_id for o in orders if o.client_id in run.engine.orders.unsettled
                    and o.working and not o.filled]  # fmt: skip

        await run.until(working)
        mock.flow.pause()
        (left,) = working()
        venue = venue_of(run, name)
        dials = counted(monkeypatch, venue.account)
        number = revoke(mock, name)
        assert venue.account.connection is not None
        venue.account.connection.abort()
        await left_alone(run, name, dials)
        cancels = [r.client_id for _, r in run.journal() if isinstance(r, Cancel)]
        assert left in cancels
        mock.faults.remove(number)
        await asyncio.sleep(MANY_DIALS_S)
        assert len(dials) == 1, "until a restart"
        mock.faults.clear()
    assert not sent_too_soon(tmp_path)


async def test_f26_a_key_that_the_order_session_finds_refused_halts_the_venue(
    tmp_path: Path, mock: MockVenues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KuCoin's session is opened with the key; Binance's socket needs none."""
    async with trading(tmp_path, mock) as run:
        mock.flow.pause()
        await run.until(lambda: not run.engine.orders.unsettled)
        orders = venue_of(run, "kucoin").orders
        dials = counted(monkeypatch, orders)
        revoke(mock, "kucoin")
        assert orders.connection is not None
        orders.connection.abort()
        await left_alone(run, "kucoin", dials)
        mock.faults.clear()
    assert not sent_too_soon(tmp_path)
