"""What it takes before "not found" counts: one condition missing, and it proves nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Any

import pytest

from xrpfast._core import LatencyHistogram, Market, RiskGate
from xrpfast.config.demo import demo_values
from xrpfast.config.loader import build
from xrpfast.model import Side
from xrpfast.simulation.orders import NewOrder
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.events import QueryResult
from xrpfast.venues.registry import enabled
from xrpfast.venues.venue import Venue, Wiring

PREFIX = "xddemo"
VENUES = ["binance", "kucoin"]
OURS = f"{PREFIX}5-0a"
ROUTES = {"binance": "GET /api/v3/order", "kucoin": "GET /api/v1/hf/orders/client-order/*"}
HOUR_NS = 3_600 * 10**9


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=3) as running:
        running.flow.pause()
        for venue, code in (("binance", -2013), ("kucoin", "order_not_exist")):
            running.faults.add(
                {"venue": venue, "channel": "rest", "action": "reply",
                 "match": {"route": ROUTES[venue], "client_id": OURS},
                 "params": {"status": 400, "code": code, "msg": "order_not_exist"}}
            )  # fmt: skip
        yield running


@asynccontextmanager
async def ready(mock: MockVenues, name: str) -> AsyncIterator[Venue]:
    made = enabled(build(demo_values(Path("/nowhere"), mock.line), "test").venues)
    (venue,) = [one for one in made if one.name == name]
    try:
        await venue.sync_clock()
        venue.know(PREFIX, [await venue.rules("XRP/USDT")])
        yield venue
    finally:
        for one in made:
            await one.close()


async def proven(venue: Venue, age_ns: int = HOUR_NS) -> bool:
    symbol = next(iter(venue._ours.rules))
    before_ns = time_ns()
    (answer,) = await venue.query(symbol, OURS, monotonic_ns() - age_ns)
    assert isinstance(answer, QueryResult)
    assert answer.state is None
    assert before_ns <= answer.asked_wall_ns < answer.wall_ns
    return answer.authoritative


def place(mock: MockVenues, venue: str, client_id: str, *, works: bool = False) -> Any:
    """A buy of 20 XRP that takes; or that works, far below the market."""
    exchange = mock.faces[venue].exchange
    account = exchange.accounts[mock.line["venues"][venue]["api_key"]]
    best = exchange.matching.best(Side.SELL)
    assert best is not None
    low = 15 * 10 ** (exchange.rules.price_decimals - 1)
    price = low if works else best[0] + 200 * exchange.rules.tick
    qty = 20 * 10**exchange.rules.qty_decimals
    return exchange.place(
        account, NewOrder(client_id=client_id, side=Side.BUY, price=price, qty=qty)
    )


@pytest.mark.parametrize("name", VENUES)
async def test_nothing_of_it_anywhere_is_absence(mock: MockVenues, name: str) -> None:
    place(mock, name, f"{PREFIX}5-1a")
    place(mock, name, "by-hand")
    async with ready(mock, name) as venue:
        assert await proven(venue)


@pytest.mark.parametrize("name", VENUES)
async def test_what_may_be_on_its_way_is_not_absent(mock: MockVenues, name: str) -> None:
    async with ready(mock, name) as venue:
        assert not await proven(venue, age_ns=10**9)


@pytest.mark.parametrize("name", VENUES)
async def test_an_order_that_is_listed_as_working_is_not_absent(
    mock: MockVenues, name: str
) -> None:
    place(mock, name, OURS, works=True)
    async with ready(mock, name) as venue:
        assert not await proven(venue)


@pytest.mark.parametrize("name", VENUES)
async def test_an_order_that_traded_is_not_absent(mock: MockVenues, name: str) -> None:
    place(mock, name, OURS)
    async with ready(mock, name) as venue:
        assert not await proven(venue)


async def test_trades_that_the_venue_lists_no_more_prove_nothing(mock: MockVenues) -> None:
    """KuCoin's list of fills reaches a week back, Binance's to the first."""
    week_ns = 7 * 24 * HOUR_NS
    async with ready(mock, "kucoin") as venue:
        assert not await proven(venue, age_ns=week_ns)
        assert await proven(venue, age_ns=week_ns - HOUR_NS)
    async with ready(mock, "binance") as venue:
        assert await proven(venue, age_ns=week_ns)


@pytest.mark.parametrize("name", VENUES)
async def test_in_a_run_the_private_stream_must_have_told_all(mock: MockVenues, name: str) -> None:
    class Sink:
        def on_events(self, events: Any) -> None:
            pass

        def on_batch(self, batch: Any, source: Any) -> None:
            raise AssertionError

    async with ready(mock, name) as venue:
        rules = next(iter(venue._ours.rules.values()))
        venue.wire(Wiring(Market(), RiskGate(1), Sink(), {0: rules}, PREFIX, LatencyHistogram()))
        minute_ns = 60 * 10**9
        assert not await proven(venue, minute_ns), "it never stood"
        venue.account._whole_since_ns = monotonic_ns()
        assert not await proven(venue, minute_ns), "there was a gap since the order was sent"
        venue.account._whole_since_ns = monotonic_ns() - 2 * minute_ns
        assert await proven(venue, minute_ns)
