"""What a crashed run left is settled by the venue's word before the next one begins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import monotonic_ns
from typing import Any

import pytest

from support.records import start
from support.service import Trading, crash, journal, trading, truth
from xrpfast._core import Journal
from xrpfast.config.demo import demo_values
from xrpfast.config.loader import build
from xrpfast.errors import FailedError, UsageError
from xrpfast.model import OrderState
from xrpfast.records import kinds
from xrpfast.records.compare import compare
from xrpfast.records.ledger import Ledger
from xrpfast.records.rebuild import rebuild
from xrpfast.records.unsettled import left, residuals
from xrpfast.research.rerun import rerun
from xrpfast.service.recording import open_records
from xrpfast.service.recovery import Recovery, cancel_strays
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.client_ids import parse
from xrpfast.trading.commands import PlaceLegsRecord
from xrpfast.trading.events import Control, Fill, OrderUnknown, QueryResult
from xrpfast.venues.kucoin.venue import Kucoin
from xrpfast.venues.registry import enabled
from xrpfast.venues.venue import Venue

PREFIX = "xddemo"


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=12) as running:
        yield running


def lose(mock: MockVenues, venue: str, point: str, **params: Any) -> None:
    """From now on nothing is heard of orders at a venue, by reply or by stream."""
    route = "order.place" if venue == "binance" else "spot.*order"
    mock.faults.add(
        {"venue": venue, "channel": "ws", "action": "drop", "point": point, "params": params,
         "match": {"route": route}}
    )  # fmt: skip
    mock.faults.add({"venue": venue, "channel": "private", "action": "drop"})


@asynccontextmanager
async def venues(mock: MockVenues, folder: Path) -> AsyncIterator[dict[str, Venue]]:
    made = enabled(build(demo_values(folder, mock.line), "test").venues)
    yield {venue.name: venue for venue in made}
    for venue in made:
        await venue.close()


@pytest.mark.parametrize(
    ("venue", "point", "params"),
    [
        ("binance", "after_match_before_reply", {}),
        ("kucoin", "after_match_before_reply", {}),
        ("binance", "after_accept_before_reply", {"match_after_ms": 60_000}),
        ("kucoin", "after_accept_before_reply", {"match_after_ms": 60_000}),
    ],
)
async def test_the_fills_and_ends_that_a_crash_hid_are_in_the_ledger_before_the_next_start(
    tmp_path: Path, mock: MockVenues, venue: str, point: str, params: dict[str, Any]
) -> None:
    async with trading(tmp_path, mock, order_timeout_ms=25_000) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        lose(mock, venue, point, **params)
        unsettled = run.engine.orders.unsettled

        def taken() -> list[str]:
            orders = mock.faces[venue].exchange.orders.values()
            there = [order for order in orders if order.client_id in unsettled]
            return [order.client_id for order in there if order.filled or params]

        await run.until(taken)
        mock.flow.pause()
        lost = taken()
        epoch = run.engine.config.epoch
        await crash(run)
    mock.faults.clear()
    async with trading(tmp_path, mock) as again:
        assert again.engine.config.epoch > epoch
        assert left(tmp_path / "ledger.sqlite").orders == ()
        assert await again.stop() == 0
    found = journal(tmp_path)
    starts = [at for at, (kind, _) in enumerate(found) if kind == kinds.START]
    recovered = [at for at, (kind, _) in enumerate(found) if kind == kinds.RECOVERY]
    assert recovered
    assert starts[0] < recovered[0] <= recovered[-1] < starts[1]
    said = [record for kind, record in found if kind == kinds.RECOVERY]
    assert {r.client_id for r in said if isinstance(r, OrderUnknown)} >= set(lost)
    assert {r.client_id for r in said if isinstance(r, QueryResult)} >= set(lost)
    if not params:
        assert [r for r in said if isinstance(r, Fill)]
    else:
        orders = mock.faces[venue].exchange.orders.values()
        assert not [o for o in orders if o.client_id in lost and o.working]
    ids = [
        leg.client_id
        for _, record in found
        if isinstance(record, PlaceLegsRecord)
        for leg in record.legs
    ]
    assert len(ids) == len(set(ids))
    assert compare(tmp_path / "ledger.sqlite", await truth(mock)) == []
    assert rerun(tmp_path / "journal").difference is None
    before = residuals(tmp_path / "ledger.sqlite")
    rebuild(tmp_path / "journal", tmp_path / "again.sqlite")
    assert residuals(tmp_path / "again.sqlite") == before


async def refused(run: Trading, mock: MockVenues, venue: str) -> tuple[set[str], str]:
    """The first order that is filled there and refused in its reply, after those that were refused
    and found nobody to trade with: which it is, is the market's doing."""
    route, code = {"binance": ("order.place", -2010), "kucoin": ("spot.order", "200004")}[venue]
    others: set[str] = set()

    def new() -> set[str]:
        rejected = {
            name
            for name, order in run.engine.orders.orders.items()
            if order.venue == venue and order.state is OrderState.REJECTED
        }
        return rejected - others

    while True:
        mock.faults.add(
            {"venue": venue, "channel": "ws", "action": "reply",
             "point": "after_match_before_reply", "match": {"route": route, "times": 1},
             "params": {"status": 400, "code": code, "msg": "Balance insufficient"}}
        )  # fmt: skip
        await run.until(new)
        (client_id,) = new()
        orders = {order.client_id: order for order in mock.faces[venue].exchange.orders.values()}
        if orders[client_id].filled:
            return others, client_id
        others.add(client_id)


@pytest.mark.parametrize("venue", ["binance", "kucoin"])
async def test_fills_of_an_order_that_the_ledger_had_as_over_are_in_it_before_the_next_start(
    tmp_path: Path, mock: MockVenues, venue: str
) -> None:
    """It is taken and filled, the reply refuses it, and the crash comes before the next round."""
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 4)
        mock.faults.add({"venue": venue, "channel": "private", "action": "drop"})
        others, client_id = await refused(run, mock, venue)
        mock.flow.pause()
        await crash(run)
    mock.faults.clear()
    assert client_id not in {order.client_id for order in left(tmp_path / "ledger.sqlite").orders}
    async with trading(tmp_path, mock) as again:
        booked = said_of(tmp_path, client_id)
        assert {type(one) for one in booked} == {Fill}
        assert await again.stop() == 0
    path = tmp_path / "ledger.sqlite"
    differs = compare(path, await truth(mock))
    assert [line for line in differs if not any(other in line for other in others)] == [
        f"{venue}: order {client_id}: REJECTED in the ledger, FILLED there"
    ]
    assert rerun(tmp_path / "journal").difference is None
    rebuild(tmp_path / "journal", tmp_path / "again.sqlite")
    assert residuals(tmp_path / "again.sqlite") == residuals(path)
    async with trading(tmp_path, mock) as third:
        assert said_of(tmp_path, client_id) == booked, "once"
        assert await third.stop() == 0


async def test_a_start_without_the_venues_trades_is_refused_in_one_line(
    tmp_path: Path, mock: MockVenues, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        assert await run.stop() == 0
    mock.faults.add(
        {"venue": "kucoin", "channel": "rest", "action": "reply",
         "match": {"route": "GET /api/v1/hf/fills"}, "params": {"status": 503, "body": "x"}}
    )  # fmt: skip
    with recovering(tmp_path, monkeypatch) as recovery:
        async with venues(mock, tmp_path) as both:
            with pytest.raises(FailedError, match=r"^kucoin: its latest trades .*503.*$"):
                await recovery.fills(both)


async def test_base_that_a_crash_left_one_sided_goes_into_the_next_run(
    tmp_path: Path, mock: MockVenues
) -> None:
    async with trading(tmp_path, mock, order_timeout_ms=25_000) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        lose(mock, "kucoin", "after_accept_before_reply", match_after_ms=60_000)
        await run.until(lambda: run.engine.orders.unsettled)
        mock.flow.pause()
        await run.until(
            lambda: all(o.venue == "kucoin" for o in run.engine.orders.unsettled.values())
        )
        await crash(run)
    mock.faults.clear()
    async with trading(tmp_path, mock) as again:
        (residual,) = again.engine.config.residuals
        assert residual.instrument == "XRP/USDT"
        net = 0
        for face in mock.faces.values():
            qty_unit = 10 ** (18 - face.exchange.rules.qty_decimals)
            for fill in face.exchange.fills:
                parts = parse(fill.order.client_id)
                if parts is None or parts.epoch >= again.engine.config.epoch:
                    continue  # the market's, or the hedge of what was left
                net += fill.qty * qty_unit * (1 if fill.order.side == 0 else -1)
                net -= fill.fee if fill.fee_asset == "XRP" else 0
        assert residual.amount == net != 0


async def left_behind(
    tmp_path: Path,
    mock: MockVenues,
    venue: str = "binance",
    point: str = "after_match_before_reply",
) -> str:
    """A directory with an order of a venue of which nothing is known; its client id."""
    async with trading(tmp_path, mock, order_timeout_ms=25_000) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 4)
        lose(mock, venue, point)
        orders = mock.faces[venue].exchange.orders
        unsettled = run.engine.orders.unsettled

        def lost() -> list[str]:
            """Those that the venue has filled, or never got; one that left before is told soon."""
            got = {order.client_id: order.filled for order in orders.values()}
            long_ago_ns = monotonic_ns() - 500_000_000
            here = [
                o.client_id
                for o in unsettled.values()
                if o.venue == venue and o.created_ns < long_ago_ns
            ]
            if point == "before_accept":
                return [one for one in here if one not in got]
            return [one for one in here if got.get(one)]

        await run.until(lost)
        mock.flow.pause()
        await run.until(lambda: all(o.venue == venue for o in unsettled.values()))
        client_id = lost()[0]
        await crash(run)
    mock.faults.clear()
    return client_id


@contextmanager
def recovering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, within_s: float = 0.6
) -> Iterator[Recovery]:
    """Nothing of any order can be on its way any more."""
    for name in ("binance", "kucoin"):
        monkeypatch.setattr(f"xrpfast.venues.{name}.venue.API_TIMEOUT_NS", -(10**12))
    journal_, ledger = open_records(tmp_path / "journal", tmp_path / "ledger.sqlite")
    yield Recovery(PREFIX, tmp_path / "ledger.sqlite", ledger, journal_, within_s=within_s)
    ledger.close()
    journal_.close()


def not_found(mock: MockVenues, venue: str, client_id: str, **match: Any) -> None:
    """A replica that lags answers the questions about an order."""
    route = {"binance": "GET /api/v3/order", "kucoin": "GET /api/v1/hf/orders/client-order/*"}
    code = {"binance": -2013, "kucoin": "order_not_exist"}
    mock.faults.add(
        {"venue": venue, "channel": "rest", "action": "reply",
         "match": {"route": route[venue], "client_id": client_id, **match},
         "params": {"status": 400, "code": code[venue], "msg": "order_not_exist"}}
    )  # fmt: skip


def said_of(tmp_path: Path, client_id: str) -> list[Any]:
    found = [record for kind, record in journal(tmp_path) if kind == kinds.RECOVERY]
    return [record for record in found if getattr(record, "client_id", "") == client_id]


@pytest.mark.parametrize("venue", ["binance", "kucoin"])
async def test_a_query_that_lags_proves_nothing_while_the_trades_show_the_order(
    tmp_path: Path, mock: MockVenues, monkeypatch: pytest.MonkeyPatch, venue: str
) -> None:
    """Before a run no private stream stood: what it would have told is in the list of trades."""
    client_id = await left_behind(tmp_path, mock, venue)
    not_found(mock, venue, client_id, times=4)
    with recovering(tmp_path, monkeypatch, within_s=30) as recovery:
        async with venues(mock, tmp_path) as both:
            await recovery.run(both)
    said = said_of(tmp_path, client_id)
    answers = [record for record in said if isinstance(record, QueryResult)]
    assert [(one.state, one.authoritative) for one in answers[:4]] == [(None, False)] * 4
    assert answers[-1].state in ("FILLED", "EXPIRED", "CANCELLED")
    assert [record for record in said if isinstance(record, Fill)]
    assert compare(tmp_path / "ledger.sqlite", await truth(mock)) == []


@pytest.mark.parametrize("venue", ["binance", "kucoin"])
async def test_without_the_whole_list_of_trades_absence_is_not_proven(
    tmp_path: Path, mock: MockVenues, monkeypatch: pytest.MonkeyPatch, venue: str
) -> None:
    client_id = await left_behind(tmp_path, mock, venue, "before_accept")
    route = {"binance": "GET /api/v3/myTrades", "kucoin": "GET /api/v1/hf/fills"}
    mock.faults.add(
        {"venue": venue, "channel": "rest", "action": "reply", "match": {"route": route[venue]},
         "params": {"status": 503, "body": "x"}}
    )  # fmt: skip
    async with venues(mock, tmp_path) as both:
        with (
            recovering(tmp_path, monkeypatch) as recovery,
            pytest.raises(FailedError, match=rf"order {client_id} at {venue} .*503"),
        ):
            await recovery.run(both)
        mock.faults.clear()
        with recovering(tmp_path, monkeypatch, within_s=30) as recovery:
            await recovery.run(both)
    assert left(tmp_path / "ledger.sqlite").orders == ()
    answers = [r for r in said_of(tmp_path, client_id) if isinstance(r, QueryResult)]
    assert [(one.state, one.authoritative) for one in answers] == [(None, True)] * 2


async def test_whose_trades_are_known_is_not_asked_for(
    tmp_path: Path, mock: MockVenues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of orders a minute: one question each would be a ban."""
    await left_behind(tmp_path, mock, "binance", "before_accept")
    taken = mock.faces["binance"].exchange.orders.values()
    assert len([order for order in taken if order.client_id.startswith(PREFIX)]) >= 2
    with recovering(tmp_path, monkeypatch, within_s=30) as recovery:
        async with venues(mock, tmp_path) as both:
            rule = {"venue": "binance", "channel": "rest", "action": "delay",
                    "params": {"ms": 0}, "match": {"route": "GET /api/v3/order"}}  # fmt: skip
            number = mock.faults.add(rule)
            count = await recovery.run(both)
    (hits,) = [row["hits"] for row in mock.faults.rows() if row["id"] == number]
    assert hits == 2 * count, "twice for each order that is not known, never for a trade"


async def test_an_order_older_than_the_venues_lists_is_left_to_a_person(
    tmp_path: Path, mock: MockVenues, monkeypatch: pytest.MonkeyPatch
) -> None:
    client_id = await left_behind(tmp_path, mock, "kucoin", "before_accept")
    monkeypatch.setattr(Kucoin, "trades_reach_ns", 1)
    with recovering(tmp_path, monkeypatch) as recovery:
        async with venues(mock, tmp_path) as both:
            with pytest.raises(FailedError, match=rf"order {client_id} .*older.*`settle`"):
                await recovery.run(both)


async def test_a_start_without_the_venues_word_is_refused_in_one_line(
    tmp_path: Path, mock: MockVenues
) -> None:
    client_id = await left_behind(tmp_path, mock)
    journal_, ledger = open_records(tmp_path / "journal", tmp_path / "ledger.sqlite")
    mock.faults.add(
        {"venue": "binance", "channel": "rest", "action": "reply",
         "match": {"route": "GET /api/v3/order"}, "params": {"status": 503, "body": "x"}}
    )  # fmt: skip
    async with venues(mock, tmp_path) as both:
        short = Recovery(PREFIX, tmp_path / "ledger.sqlite", ledger, journal_, within_s=3)
        with pytest.raises(FailedError) as refused:
            await short.run(both)
        line = str(refused.value)
        assert client_id in line
        assert "binance" in line
        assert "503" in line
        assert "\n" not in line
        mock.faults.clear()
        mock.faults.add({"venue": "binance", "channel": "venue", "action": "down"})
        dead = Recovery(PREFIX, tmp_path / "ledger.sqlite", ledger, journal_, within_s=3)
        with pytest.raises(FailedError, match=f"order {client_id} at binance is not settled"):
            await dead.run(both)
        with pytest.raises(FailedError, match="enable binance again"):
            await short.run({"kucoin": both["kucoin"]})
        mock.faults.clear()
        await short.run(both)
        assert left(tmp_path / "ledger.sqlite").orders == ()
        assert await short.run(both) == 0, "what is settled is not asked for again"
    ledger.close()
    journal_.close()


async def test_an_order_that_never_arrived_needs_proof_and_then_ends(
    tmp_path: Path, mock: MockVenues, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path, mock, order_timeout_ms=25_000) as run:
        lose(mock, "binance", "before_accept")
        unsettled = run.engine.orders.unsettled
        await run.until(lambda: [o for o in unsettled.values() if o.venue == "binance"])
        mock.flow.pause()
        await run.until(lambda: all(o.venue == "binance" for o in unsettled.values()))
        await crash(run)
    mock.faults.clear()
    journal_, ledger = open_records(tmp_path / "journal", tmp_path / "ledger.sqlite")
    async with venues(mock, tmp_path) as both:
        recovery = Recovery(PREFIX, tmp_path / "ledger.sqlite", ledger, journal_, within_s=3)
        with pytest.raises(FailedError, match="its word is not final"):
            await recovery.run(both)  # it could still be on its way
        monkeypatch.setattr("xrpfast.venues.binance.venue.API_TIMEOUT_NS", -(10**12))
        patient = Recovery(PREFIX, tmp_path / "ledger.sqlite", ledger, journal_, within_s=10)
        assert await patient.run(both) >= 1
    assert left(tmp_path / "ledger.sqlite").orders == ()
    ledger.close()
    journal_.close()


@pytest.mark.parametrize("venue", ["binance", "kucoin"])
async def test_working_orders_of_runs_that_no_ledger_knows_are_cancelled_at_the_start(
    tmp_path: Path, mock: MockVenues, venue: str
) -> None:
    def foreign(client_id: str) -> None:
        mock.faults.add(
            {"venue": venue, "channel": "venue", "action": "foreign_order",
             "params": {"side": "buy", "price": "1.5", "qty": "20", "client_id": client_id}}
        )  # fmt: skip

    foreign(f"{PREFIX}2-0a")
    foreign("by-hand-1")
    async with trading(tmp_path, mock) as run:
        assert await run.stop() == 0
    orders = {o.client_id: o.working for o in mock.faces[venue].exchange.orders.values()}
    assert orders[f"{PREFIX}2-0a"] is False
    assert orders["by-hand-1"] is True
    foreign(f"{PREFIX}zzzzzzzz-0a")
    async with venues(mock, tmp_path) as both:
        await both[venue].sync_clock()
        rules = [await both[venue].rules("XRP/USDT")]
        both[venue].know(PREFIX, rules)
        with pytest.raises(FailedError, match="second engine"):
            await cancel_strays(both[venue], rules[0].venue_symbol, PREFIX, epoch=1_000)


async def test_records_of_another_mode_refuse_the_start(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "journal")
    ledger = Ledger(tmp_path / "ledger.sqlite")
    recovery = Recovery("xltest", tmp_path / "ledger.sqlite", ledger, journal)
    assert await recovery.run({}) == 0
    time_ns, kind, payload = start()
    ledger.apply(1, time_ns, kind, payload)
    ledger.commit()
    with pytest.raises(UsageError, match=r"of runs in another mode .* choose another state_dir"):
        await recovery.run({})
    ledger.close()
    journal.close()


def refuse(mock: MockVenues, venue: str, route: str, code: str, **which: int) -> None:
    mock.faults.add(
        {"venue": venue, "channel": "ws", "action": "reply", "match": {"route": route} | which,
         "params": {"code": code if venue == "kucoin" else int(code), "msg": "no"}}
    )  # fmt: skip


async def test_a_stop_closes_what_one_leg_traded_alone(tmp_path: Path, mock: MockVenues) -> None:
    """The other leg is refused, and so are the first hedges: the stop comes in between."""
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        refuse(mock, "kucoin", "spot.*order", "200004", times=4)
        for nth in (2, 3, 4):
            refuse(mock, "binance", "order.place", "-2010", nth=nth)
        await run.until(lambda: run.engine.legs.closing())
        assert await run.stop() == 0
        least = run.engine.config.risk.hedge_min
    found = [record for _, record in journal(tmp_path)]
    stopped = next(
        at for at, r in enumerate(found) if isinstance(r, Control) and r.action == "stop"
    )
    placed = [r.strategy for r in found[stopped:] if isinstance(r, PlaceLegsRecord)]
    assert set(placed) == {"hedge"}
    assert all(abs(residual.amount) < least for residual in residuals(tmp_path / "ledger.sqlite"))
    assert compare(tmp_path / "ledger.sqlite", await truth(mock)) == []
