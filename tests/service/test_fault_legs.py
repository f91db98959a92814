"""Faults of one leg of a pair (F30 to F33): the real engine and the mock's scenarios."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.agreement import ends_well, sent_too_soon
from support.faults import hits, scenario
from support.service import Trading, trading
from xrpfast.model import OrderState
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.commands import PlaceLegsRecord
from xrpfast.trading.events import Fill, LinkState


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=18) as running:
        yield running


def hedges(run: Trading) -> list[PlaceLegsRecord]:
    found = [record for _, record in run.journal() if isinstance(record, PlaceLegsRecord)]
    return [record for record in found if record.strategy == "hedge"]


def even(run: Trading) -> bool:
    """What the legs traded alone is closed, but for what is too small."""
    return not run.engine.legs.owing()


async def test_f30_a_refused_leg_is_hedged_within_the_budget(
    tmp_path: Path, mock: MockVenues
) -> None:
    async with trading(tmp_path, mock) as run:
        rules = scenario(mock, "f30_leg_refused")
        await run.until(lambda: hits(mock, rules)[0] >= 4 and run.engine.legs.counts["hedges"] >= 2)
        await ends_well(run, mock)
        assert even(run)
        assert run.engine.legs.counts["given_up"] == 0
    assert not sent_too_soon(tmp_path)
    limits = run.engine.config.risk
    for record in hedges(run):
        (leg,) = record.legs
        rules_ = next(r for r in run.engine.config.books if r.venue == leg.venue)
        assert rules_.notional(leg.price, leg.qty) <= limits.max_order_notional


async def test_f31_no_third_order_while_a_leg_is_unknown(tmp_path: Path, mock: MockVenues) -> None:
    """One leg filled and told, of the other neither reply nor stream says a word."""
    async with trading(tmp_path, mock, order_timeout_ms=300) as run:
        rules = scenario(mock, "f31_leg_unknown")
        mock.faults.add({"venue": "kucoin", "channel": "private", "action": "drop"})
        slow = {"venue": "kucoin", "channel": "rest", "action": "delay", "params": {"ms": 1_500}}
        mock.faults.add(slow | {"match": {"route": "GET /api/v1/hf/orders/client-order/*"}})

        def half_known() -> list[str]:
            orders = run.engine.orders.orders.values()
            unknown = [o for o in orders if o.state is OrderState.UNKNOWN and o.venue == "kucoin"]
            others = {o.signal_id for o in orders if o.venue == "binance" and o.filled}
            return [o.client_id for o in unknown if o.signal_id in others]

        await run.until(half_known)
        (client_id,) = half_known()
        order = run.engine.orders.orders[client_id]
        assert order.pending == order.qty, "its worst case stays reserved"
        assert any(book.unknown for book in run.engine.context.books), "closed to entries"
        await run.until(lambda: order.settled)
        assert hits(mock, rules)[0]
        await ends_well(run, mock)
        assert even(run)
    assert not sent_too_soon(tmp_path), "no third order"


async def test_f32_exactly_what_was_filled_is_hedged(tmp_path: Path, mock: MockVenues) -> None:
    async with trading(tmp_path, mock) as run:
        rules = scenario(mock, "f32_leg_partial")
        await run.until(lambda: hits(mock, rules)[0] >= 4 and run.engine.legs.counts["hedges"] >= 2)
        await ends_well(run, mock)
        assert even(run)
    assert not sent_too_soon(tmp_path)
    assert_hedged_exactly(run)


def assert_hedged_exactly(run: Trading) -> None:
    """No hedge is larger than what had been traded alone when it left, told by the fills."""
    books = {rules.venue: rules for rules in run.engine.config.books}
    sides: dict[str, tuple[str, int]] = {}
    net = 0
    for _, record in run.journal():
        if isinstance(record, PlaceLegsRecord):
            sides |= {leg.client_id: (leg.venue, leg.side) for leg in record.legs}
            if record.strategy == "hedge":
                (leg,) = record.legs
                amount = books[leg.venue].qty_money(leg.qty)
                assert amount <= abs(net), f"{record} with {net} open"
                assert (net > 0) == (leg.side == 1), f"{record} with {net} open"
        elif isinstance(record, Fill):
            venue, side = sides[record.client_id]
            net += books[venue].qty_money(record.qty) * (1 if side == 0 else -1)
            net -= record.fee if record.fee_asset == "XRP" else 0


async def test_f33_a_venue_that_dies_between_the_legs(tmp_path: Path, mock: MockVenues) -> None:
    """KuCoin goes away once Binance has filled; a person hears of the leg that traded alone."""
    async with trading(tmp_path, mock, order_timeout_ms=300, risk={"hedge_time_ms": 1_000}) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        silent = {"venue": "kucoin", "action": "drop"}
        lost = {"point": "after_match_before_reply", "match": {"route": "spot.*order"}}
        # What it has taken before it goes is answered by nobody.
        said_nothing = [
            mock.faults.add(silent | {"channel": "ws"} | lost),
            mock.faults.add(silent | {"channel": "private"}),
        ]
        rules = scenario(mock, "f33_venue_dies_between_legs")
        await run.until(lambda: hits(mock, rules)[0])
        await run.until(lambda: run.closed_by("kucoin") == "VENUE_DOWN")
        await run.until(lambda: [text for _, text in run.alerts if "traded alone" in text])
        assert run.engine.orders.unsettled
        for number in said_nothing:
            mock.faults.remove(number)
        await run.until(lambda: not run.engine.orders.unsettled)
        await run.until(lambda: run.open)
        await ends_well(run, mock)
        assert even(run)
    assert not sent_too_soon(tmp_path), "no third order"
    gone = [r for _, r in run.journal() if isinstance(r, LinkState) and not r.up]
    assert {record.venue for record in gone} >= {"kucoin"}
