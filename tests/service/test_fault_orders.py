"""Faults of single orders (F12, F13, F14, F18, F19): the real engine and the mock's scenarios."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.agreement import agrees, ends_well, sent_too_soon
from support.faults import hits, not_found, scenario
from support.service import Trading, trading, truth
from xrpfast.errors import HaltedError
from xrpfast.model import OrderState, TimeInForce
from xrpfast.records.compare import compare
from xrpfast.research.rerun import rerun
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.orders import Order
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.commands import Cancel, PlaceLegsRecord, Query
from xrpfast.trading.events import Fill, OrderAck, OrderEnd, OrderUnknown, QueryResult

VENUES = ["binance", "kucoin"]
ROUTES = {"binance": "order.place", "kucoin": "spot.order"}


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=17) as running:
        yield running


def of(run: Trading, kind: type[Any]) -> list[Any]:
    return [record for _, record in run.journal() if isinstance(record, kind)]


# --- F12 ------------------------------------------------------------------------------------------


async def test_f12_what_nobody_answers_is_settled_by_questions_alone(
    tmp_path: Path, mock: MockVenues
) -> None:
    """Lost replies, a -1007, a late arrival, replicas that lag; and the streams tell nothing."""
    async with trading(tmp_path, mock, order_timeout_ms=300) as run:
        mock.faults.add({"venue": "*", "channel": "private", "action": "drop"})
        rules = scenario(mock, "f12_lost_reply", "ws")
        rules += [not_found(mock, venue, times=2) for venue in VENUES]
        seen: dict[str, int] = {}

        def reserved() -> bool:
            for order in run.engine.orders.unsettled.values():
                if order.state is OrderState.UNKNOWN:
                    seen[order.client_id] = order.qty - order.filled - order.pending
            return all(hits(mock, rules))

        await run.until(reserved)
        await run.until(lambda: run.engine.orders.counts["unknown"] >= 4)
        await run.until(lambda: not run.engine.orders.unsettled)
        assert seen
        assert set(seen.values()) == {0}, "all of it that may be filled stays reserved"
        await ends_well(run, mock)
    assert not sent_too_soon(tmp_path)
    found = [record for _, record in run.journal()]
    unknown = {r.client_id for r in found if isinstance(r, (OrderUnknown, Query))}
    settled = {r.client_id for r in found if isinstance(r, QueryResult) and r.state}
    assert unknown <= settled, "the venue's own word settled them"


@pytest.mark.parametrize("venue", VENUES)
async def test_f12_an_order_that_never_arrived_is_proven_absent(
    tmp_path: Path, mock: MockVenues, monkeypatch: pytest.MonkeyPatch, venue: str
) -> None:
    """As if the time were over in which it could still arrive."""
    monkeypatch.setattr(f"xrpfast.venues.{venue}.venue.API_TIMEOUT_NS", -(10**12))
    async with trading(tmp_path, mock, order_timeout_ms=300) as run:
        mock.faults.add(
            {"venue": venue, "channel": "ws", "action": "drop",
             "match": {"route": ROUTES[venue], "times": 1}}
        )  # fmt: skip
        await run.until(lambda: run.engine.orders.counts["unknown"])
        (client_id,) = [o.client_id for o in run.engine.orders.unsettled.values() if o.queries]
        await run.until(lambda: client_id not in run.engine.orders.unsettled)
        order = run.engine.orders.orders[client_id]
        assert (order.state, order.reason) == (OrderState.REJECTED, "NOT_FOUND")
        await ends_well(run, mock)
    assert not sent_too_soon(tmp_path)
    absences = [r for r in of(run, QueryResult) if r.client_id == client_id and r.state is None]
    assert len([r for r in absences if r.authoritative]) >= 2


@pytest.mark.parametrize("venue", VENUES)
async def test_f12_an_order_that_was_wrongly_refused_is_booked_by_the_next_round(
    tmp_path: Path, mock: MockVenues, venue: str
) -> None:
    """It is taken and filled, the reply refuses it, and the stream tells nothing."""
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        code = {"binance": -2010, "kucoin": "200004"}[venue]
        mock.faults.add(
            {"venue": venue, "channel": "ws", "action": "reply",
             "point": "after_match_before_reply", "match": {"route": ROUTES[venue], "times": 1},
             "params": {"status": 400, "code": code, "msg": "Balance insufficient"}}
        )  # fmt: skip
        mock.faults.add({"venue": venue, "channel": "private", "action": "drop"})

        def refused() -> list[str]:
            taken = mock.faces[venue].exchange.orders.values()
            known = run.engine.orders.orders
            return [
                order.client_id
                for order in taken
                if order.filled
                and order.client_id in known
                and known[order.client_id].state is OrderState.REJECTED
            ]

        await run.until(refused)
        (client_id,) = refused()
        mock.faults.clear()
        run.say("reconcile")
        ended = await run.ended()
    assert isinstance(ended, HaltedError)
    assert f"order {client_id} at {venue}: the venue had refused this order" in str(ended)
    assert [fill for fill in of(run, Fill) if fill.client_id == client_id]
    # The fills and all that they moved are booked; what was over stays over.
    assert compare(tmp_path / "ledger.sqlite", await truth(mock)) == [
        f"{venue}: order {client_id}: REJECTED in the ledger, FILLED there"
    ]
    assert rerun(tmp_path / "journal").difference is None
    assert not sent_too_soon(tmp_path)


# --- F13, F14 -------------------------------------------------------------------------------------


async def test_f13_a_fill_before_any_acknowledgement_is_one(
    tmp_path: Path, mock: MockVenues
) -> None:
    async with trading(tmp_path, mock) as run:
        rules = scenario(mock, "f13_fill_before_ack")
        rules.append(mock.faults.add({"venue": "*", "channel": "private", "action": "swap"}))

        def first_was_a_fill() -> set[str]:
            first: dict[str, Any] = {}
            for record in of(run, (OrderAck, Fill)):  # type: ignore[arg-type]
                first.setdefault(record.client_id, record)
            filled = {name for name, record in first.items() if isinstance(record, Fill)}
            return {run.engine.orders.orders[name].venue for name in filled}

        await run.until(lambda: run.engine.orders.counts["fills"] >= 20)
        await run.until(lambda: first_was_a_fill() == set(VENUES))
        assert all(hits(mock, rules))
        assert run.engine.orders.counts["unknown"] == 0
        assert run.engine.orders.counts["anomalies"] == 0
        await ends_well(run, mock)
    assert not sent_too_soon(tmp_path)


async def test_f14_what_the_stream_says_ends_the_questions(
    tmp_path: Path, mock: MockVenues
) -> None:
    """Replies after 2.5 s, answers to questions after 1.5 s, the stream after 0.8 s."""
    async with trading(tmp_path, mock, order_timeout_ms=300) as run:
        rules = scenario(mock, "f14_ack_races_timeout")
        slow = {"action": "delay", "venue": "*"}
        mock.faults.add(slow | {"channel": "private", "params": {"ms": 800}})
        for route in ("GET /api/v3/order", "GET /api/v1/hf/orders/client-order/*"):
            rest = {"channel": "rest", "match": {"route": route}, "params": {"ms": 1_500}}
            mock.faults.add(slow | rest)
        desk = run.engine.orders
        late: set[str] = set()

        def answered_late() -> bool:
            """A reply and a question's answer, both to an order that was settled without them."""
            ended: set[str] = set()
            acked, asked = set(), set()
            for _, record in run.journal():
                if isinstance(record, OrderEnd):
                    ended.add(record.client_id)
                elif isinstance(record, OrderAck) and record.client_id in ended:
                    acked.add(record.client_id)
                elif isinstance(record, QueryResult) and record.client_id in ended:
                    asked.add(record.client_id)
            late.update(acked & asked)
            return bool(late)

        await run.until(answered_late)
        assert all(hits(mock, rules))
        assert desk.counts["unknown"] >= 1
        assert desk.counts["anomalies"] == 0
        await ends_well(run, mock)
    assert not sent_too_soon(tmp_path)
    for client_id in late:
        records = [r for _, r in run.journal() if getattr(r, "client_id", "") == client_id]
        end = next(at for at, r in enumerate(records) if isinstance(r, OrderEnd))
        assert not [r for r in records[end:] if isinstance(r, Query)], "nothing more is asked"


# --- F18, F19 -------------------------------------------------------------------------------------


async def working_at_both(run: Trading, mock: MockVenues) -> list[Order]:
    """The next pair is accepted at both venues, and matched when the test says so; its orders."""
    for venue in VENUES:
        mock.faults.add(
            {"venue": venue, "channel": "ws", "action": "drop",
             "point": "after_accept_before_reply", "params": {"match_after_ms": 60_000},
             "match": {"route": ROUTES[venue], "times": 1}}
        )  # fmt: skip

    def there() -> list[Order]:
        working = [
            order
            for face in mock.faces.values()
            for order in face.exchange.orders.values()
            if order.working and order.client_id in run.engine.orders.unsettled
        ]
        return working if len(working) == 2 else []

    await run.until(there)
    return there()


def leave_within_limit(exchange: Exchange, order: Order, qty: int) -> None:
    """The market has so much, and no more, of what an order that waits may take."""
    side = order.side.opposite
    for taker in (order.side, side):  # wherever the market is by now
        exchange.place_background(taker, order.price, 10**12, TimeInForce.IOC)
    lot = exchange.rules.lot
    exchange.place_background(side, order.price, qty // lot * lot, TimeInForce.GTC)


@pytest.mark.parametrize("told", [True, False], ids=["stream", "no-stream"])
@pytest.mark.parametrize("venue", VENUES)
async def test_f18_a_partial_fill_races_the_cancel_and_is_hedged(
    tmp_path: Path, mock: MockVenues, venue: str, told: bool
) -> None:
    """A stop cancels both legs; one is matched while its cancel is on the way, in part, and the
    cancel finds no such order."""
    async with trading(tmp_path, mock, order_timeout_ms=5_000) as run:
        cancel = {"binance": "order.cancel", "kucoin": "spot.cancel"}[venue]
        held = mock.faults.add(
            {"venue": venue, "channel": "ws", "action": "delay", "match": {"route": cancel},
             "params": {"ms": 1_000}}
        )  # fmt: skip
        if not told:
            mock.faults.add({"venue": venue, "channel": "private", "action": "drop"})
        orders = await working_at_both(run, mock)
        exchange = mock.faces[venue].exchange
        (order,) = [order for order in orders if exchange.orders.get(order.order_id) is order]
        run.service.stop("test")
        await run.until(lambda: hits(mock, [held])[0])
        mock.flow.pause()
        leave_within_limit(exchange, order, order.qty * 2 // 5)
        exchange.match_deferred()
        mock.flow.switch(True)
        assert 0 < order.filled < order.qty
        await run.until(lambda: order.client_id not in run.engine.orders.unsettled)
        mock.faults.clear()
        assert await run.ended() == 0
    await agrees(tmp_path, mock)
    found = [record for _, record in run.journal()]
    ends = [r for r in found if isinstance(r, (OrderEnd, QueryResult))]
    assert {r.filled_qty for r in ends if r.client_id == order.client_id} == {order.filled}
    hedges = [r for r in found if isinstance(r, PlaceLegsRecord) and r.strategy == "hedge"]
    assert hedges, "what was filled is hedged"
    assert not run.engine.legs.owing()
    assert not sent_too_soon(tmp_path)


async def test_f19_a_cancel_that_is_lost_is_sent_again(tmp_path: Path, mock: MockVenues) -> None:
    """At each venue the first cancel is lost on its way, and the reply to the second."""
    async with trading(tmp_path, mock, order_timeout_ms=300) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        rules = scenario(mock, "f19_cancel_lost", "request")
        orders = await working_at_both(run, mock)
        ids = {order.client_id for order in orders}
        run.service.stop("test")
        assert await run.ended() == 0
        struck = hits(mock, rules)
        assert struck.count(0) == 0, struck
        assert {o.state for o in orders} == {"CANCELLED"}
        mock.faults.clear()
    await agrees(tmp_path, mock)
    cancels = [record.client_id for record in of(run, Cancel)]
    assert all(cancels.count(client_id) >= 2 for client_id in ids)
