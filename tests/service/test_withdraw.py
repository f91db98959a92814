"""Own orders off the venues when the engine can decide nothing any more, on real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from time import monotonic_ns
from types import SimpleNamespace
from typing import Any

import pytest

from support.resting import FOREIGN, resting, working
from xrpfast.config.demo import demo_values
from xrpfast.config.loader import build
from xrpfast.service import withdraw as module
from xrpfast.service.withdraw import withdraw
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.simulation.truth import ledger
from xrpfast.venues.registry import enabled
from xrpfast.venues.venue import Venue

OURS, LOST = "xddemo1a-0000a", "xddemo1a-0000b"


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=33) as running:
        running.flow.running = False
        yield running


@pytest.fixture
async def venues(mock: MockVenues, tmp_path: Path) -> AsyncIterator[Sequence[Venue]]:
    made = enabled(build(demo_values(tmp_path, mock.line), "test").venues)
    yield made
    for venue in made:
        await venue.close()


def at_work(mock: MockVenues) -> dict[str, list[str]]:
    exchanges = {name: face.exchange for name, face in mock.faces.items()}
    return working(
        {
            name: ledger(exchange, account)
            for name, exchange in exchanges.items()
            for account in exchange.accounts.values()
        }
    )


def driver(mock: MockVenues, *unsettled: tuple[str, int]) -> Any:
    """One whose sockets take no cancel; it knows of these orders at kucoin, created then."""
    orders = {
        client_id: SimpleNamespace(
            venue="kucoin", instrument="XRP/USDT", client_id=client_id, created_ns=created_ns
        )
        for client_id, created_ns in unsettled
    }
    books = [
        SimpleNamespace(venue=venue, instrument="XRP/USDT", venue_symbol=symbol)
        for venue, symbol in mock.line["symbols"].items()
    ]
    config = SimpleNamespace(books=books, environment="d", deployment="demo")
    engine = SimpleNamespace(config=config, orders=SimpleNamespace(unsettled=orders))
    return SimpleNamespace(engine=engine, send_cancel=lambda *order: None)


async def test_ours_are_cancelled_and_those_of_others_left_alone(
    mock: MockVenues, venues: Sequence[Venue]
) -> None:
    for venue in ("binance", "kucoin"):
        for client_id in (OURS, FOREIGN):
            mock.faults.add(resting(venue, client_id))
    receipt = await withdraw(driver(mock), venues)
    assert receipt.verified
    assert receipt.text() == "own orders are cancelled (2), every venue lists none"
    assert at_work(mock) == {"binance": [FOREIGN], "kucoin": [FOREIGN]}


async def test_what_may_still_arrive_is_not_called_cancelled(
    mock: MockVenues, venues: Sequence[Venue], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent a moment ago and never answered: no list tells of it yet."""
    monkeypatch.setattr(module, "WITHIN_S", 5.0)
    receipt = await withdraw(driver(mock, (LOST, monotonic_ns())), venues)
    assert receipt.text().startswith("NOT all own orders are cancelled: ")
    assert "kucoin: " in receipt.text()


async def test_a_venue_that_does_not_answer_is_named(
    mock: MockVenues, venues: Sequence[Venue], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WITHIN_S", 1.5)
    mock.faults.add({"venue": "kucoin", "channel": "venue", "action": "down"})
    receipt = await withdraw(driver(mock, (LOST, 1)), venues)
    assert receipt.text().startswith(f"NOT all own orders are cancelled: kucoin: {LOST} may work: ")
