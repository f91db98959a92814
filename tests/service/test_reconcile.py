"""Faults of a venue's account end to end: nothing is entered before all is known again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.service import since, trading
from xrpfast.cli.app import run as cli
from xrpfast.config.demo import write_config
from xrpfast.errors import HaltedError
from xrpfast.research.rerun import rerun
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.commands import Cancel, PlaceLegsRecord, Reconcile
from xrpfast.trading.events import Fill, LinkState, OrderReject, Reconciled

VENUES = ["binance", "kucoin"]


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=11) as running:
        yield running


def venue_fault(mock: MockVenues, venue: str, action: str, **params: Any) -> int:
    return mock.faults.add({"venue": venue, "channel": "venue", "action": action, "params": params})


def is_down(venue: str) -> Any:
    return lambda r: (
        isinstance(r, LinkState) and (r.venue, r.link, r.up) == (venue, "account", False)
    )


def nothing_before_it_was_compared(records: list[Any], venue: str) -> int:
    """No order goes to the venue before a complete round that was asked for after the first
    record; the position of that round."""
    asked = {r.number for r in records if isinstance(r, Reconcile) and r.venue == venue}
    for at, record in enumerate(records):
        if isinstance(record, PlaceLegsRecord):
            assert venue not in {leg.venue for leg in record.legs}, record
        if (
            isinstance(record, Reconciled)
            and record.venue == venue
            and record.complete
            and record.number in asked
        ):
            return at
    raise AssertionError("it was never compared")


async def test_a_fill_that_the_private_stream_lost_is_booked_before_the_venue_trades_again(
    tmp_path: Path, mock: MockVenues
) -> None:
    lost = {"venue": "kucoin", "channel": "private", "action": "drop"}
    async with trading(tmp_path, mock, order_timeout_ms=25_000) as run:
        rule = mock.faults.add(lost)
        desk = run.engine.orders

        def missed() -> list[str]:
            taken = mock.faces["kucoin"].exchange.orders.values()
            done = {order.client_id for order in taken if order.filled and not order.working}
            return [client_id for client_id in desk.unsettled if client_id in done]

        await run.until(missed)
        (client_id, *_) = missed()
        mock.flow.pause()
        assert desk.orders[client_id].filled == 0
        mock.faults.remove(rule)
        before = run.engine.reconciler.rounds["kucoin"].number
        venue_fault(mock, "kucoin", "drop_sockets", kind="push")
        await run.until(lambda: run.engine.reconciler.rounds["kucoin"].number > before)
        await run.until(lambda: run.step("kucoin") == "DONE")
        assert desk.orders[client_id].settled
        mock.flow.running = True
        placed = run.placed
        await run.until(lambda: run.placed > placed)
        records = since(run.journal(), is_down("kucoin"))
    compared = nothing_before_it_was_compared(records, "kucoin")
    booked = [
        at for at, r in enumerate(records) if isinstance(r, Fill) and r.client_id == client_id
    ]
    assert booked
    assert booked[0] < compared


@pytest.mark.parametrize(("venue", "status"), [("binance", "HALT"), ("kucoin", "cancelonly")])
async def test_a_market_that_is_closed_opens_after_it_was_compared(
    tmp_path: Path, mock: MockVenues, venue: str, status: str
) -> None:
    async with trading(tmp_path, mock) as run:
        rule = venue_fault(mock, venue, "status", status=status)
        await run.until(lambda: run.closed_by(venue) == "VENUE_NOT_RECONCILED")
        rounds = run.engine.reconciler.rounds[venue]
        number = rounds.number
        await run.until(lambda: rounds.number > number + 1)
        assert rounds.step.value != "DONE"
        mock.faults.remove(rule)
        await run.until(lambda: rounds.step.value == "DONE")
        await run.until(lambda: not run.closed_by(venue))
        records = since(
            run.journal(), lambda r: isinstance(r, OrderReject) and r.code != "NOT_SENT"
        )
    nothing_before_it_was_compared(records, venue)


async def test_both_venues_die_and_come_back(tmp_path: Path, mock: MockVenues) -> None:
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 4)
        rules = [venue_fault(mock, venue, "down") for venue in VENUES]
        await run.until(lambda: {run.closed_by(venue) for venue in VENUES} == {"VENUE_DOWN"})
        for rule in rules:
            mock.faults.remove(rule)
        await run.until(lambda: run.open)
        placed = run.placed
        await run.until(lambda: run.placed > placed)
        found = run.journal()
        assert run.engine.context.trading.value != "HALTED"
    for venue in VENUES:
        nothing_before_it_was_compared(since(found, is_down(venue)), venue)


@pytest.mark.parametrize("venue", VENUES)
async def test_private_streams_that_the_venue_ends_are_caught_up(
    tmp_path: Path, mock: MockVenues, venue: str
) -> None:
    async with trading(tmp_path, mock) as run:
        number = run.engine.reconciler.rounds[venue].number
        venue_fault(mock, venue, "terminate_streams")
        await run.until(lambda: run.engine.reconciler.rounds[venue].number > number)
        await run.until(lambda: run.open)
        records = since(run.journal(), is_down(venue))
    nothing_before_it_was_compared(records, venue)


@pytest.mark.parametrize("venue", VENUES)
async def test_a_transfer_is_adopted_and_entries_wait_for_a_person(
    tmp_path: Path, mock: MockVenues, venue: str
) -> None:
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        pnl = run.engine.portfolio.pnl("USDT")
        venue_fault(mock, venue, "balance", asset="USDT", delta="25", kind="transfer")
        await run.until(lambda: run.closed_by(venue) == "VENUE_REDUCING")
        (adopted,) = run.engine.summary()["adopted"]
        assert adopted == {"venue": venue, "asset": "USDT", "amount": "25"}
        assert abs(run.engine.portfolio.pnl("USDT") - pnl) < 10**19, "no profit of 25"
        run.say("resume")
        assert run.open
        assert await run.stop() == 0


@pytest.mark.parametrize("venue", VENUES)
async def test_a_balance_that_moves_in_silence_halts(
    tmp_path: Path, mock: MockVenues, venue: str
) -> None:
    async with trading(tmp_path, mock) as run:
        venue_fault(mock, venue, "balance", asset="XRP", delta="-3", kind="silent")
        run.say("reconcile")
        end = await run.ended()
    assert isinstance(end, HaltedError)
    assert end.exit_code == 3
    assert f"{venue}: balances differ from the books by -3 XRP" in str(end)
    assert "-3 XRP" in (tmp_path / "halt.json").read_text()


async def test_what_another_system_locks_is_not_used(tmp_path: Path, mock: MockVenues) -> None:
    async with trading(tmp_path, mock) as run:
        mock.flow.pause()
        await run.until(lambda: not run.engine.orders.unsettled)
        portfolio = run.engine.portfolio
        account = run.engine.context.accounts["binance", "XRP"]
        free = portfolio.available(account)
        venue_fault(mock, "binance", "balance", asset="XRP", delta="10", kind="lock")
        await run.until(lambda: portfolio.available(account) == free - 10 * 10**18)
        await run.until(lambda: run.open)
        assert run.engine.summary()["adopted"] == []


@pytest.mark.parametrize("venue", VENUES)
async def test_a_trade_by_hand_is_adopted_and_left_alone(
    tmp_path: Path, mock: MockVenues, venue: str
) -> None:
    async with trading(tmp_path, mock) as run:
        mock.flow.pause()
        await run.until(lambda: not run.engine.orders.unsettled)
        exchange = mock.faces[venue].exchange
        best = exchange.matching.best(1)
        assert best is not None
        price = f"{best[0] / 10**exchange.rules.price_decimals:.{exchange.rules.price_decimals}f}"
        venue_fault(mock, venue, "foreign_order", side="buy", price=price, qty="20")
        venue_fault(
            mock, venue, "foreign_order", side="buy", price="1.5", qty="20", client_id="by-hand-2"
        )
        run.say("reconcile")
        await run.until(lambda: run.closed_by(venue) == "VENUE_REDUCING")
        assert run.engine.reconciler.rounds[venue].foreign == 1
        moved = {entry["asset"] for entry in run.engine.summary()["adopted"]}
        assert moved == {"XRP", "USDT"}
        found = run.journal()
        working = [o.client_id for o in exchange.orders.values() if o.working]
        assert "by-hand-2" in working
    assert not [r for _, r in found if isinstance(r, Cancel) and r.client_id.startswith("by-")]


async def test_an_own_order_that_nobody_here_sent_is_a_second_engine(
    tmp_path: Path, mock: MockVenues
) -> None:
    async with trading(tmp_path, mock) as run:
        ids = run.engine.client_ids
        client_id = f"{ids.prefix}zzzzzzzz-9a"  # of a later run
        venue_fault(
            mock, "binance", "foreign_order", side="buy", price="1.5", qty="20", client_id=client_id
        )
        run.say("reconcile")
        end = await run.ended()
    assert isinstance(end, HaltedError)
    assert "second engine" in str(end)
    assert client_id in (tmp_path / "halt.json").read_text()


async def test_a_working_order_of_an_earlier_run_is_cancelled(
    tmp_path: Path, mock: MockVenues
) -> None:
    async with trading(tmp_path, mock) as run:
        client_id = f"{run.engine.client_ids.prefix}2-9a"
        for venue in VENUES:
            venue_fault(
                mock, venue, "foreign_order", side="buy", price="1.5", qty="20", client_id=client_id
            )
        run.say("reconcile")
        await run.until(lambda: run.open)
        for venue in VENUES:
            orders = mock.faces[venue].exchange.orders.values()
            (stray,) = [order for order in orders if order.client_id == client_id]
            assert not stray.working
        told = [text for level, text in run.alerts if level == "critical"]
        assert [text.rsplit(": ", 1)[1] for text in told if client_id in text] == ["cancelled"] * 2
        assert await run.stop() == 0


async def test_a_venue_that_cannot_be_read_stays_closed_until_it_can(
    tmp_path: Path, mock: MockVenues
) -> None:
    async with trading(tmp_path, mock) as run:
        mock.faults.add(
            {
                "venue": "binance", "channel": "rest", "action": "reply",
                "match": {"route": "GET /api/v3/myTrades"},
                "params": {"status": 503, "body": "<html>"},
            }
        )  # fmt: skip
        run.say("reconcile")
        await run.until(lambda: [text for _, text in run.alerts if "not reconciled" in text])
        assert run.closed_by("binance") == "VENUE_NOT_RECONCILED"
        mock.faults.clear()
        await run.until(lambda: run.open)
        incomplete = [r for _, r in run.journal() if isinstance(r, Reconciled) and not r.complete]
        assert len(incomplete) >= 3
        assert "503" in incomplete[0].reason
        assert await run.stop() == 0


@pytest.mark.parametrize(
    ("venue", "field"), [("binance", "result.clientOrderId"), ("kucoin", "data.clientOid")]
)
async def test_a_reply_that_speaks_of_another_order_halts(
    tmp_path: Path, mock: MockVenues, venue: str, field: str
) -> None:
    route = "order.place" if venue == "binance" else "spot.*order"
    async with trading(tmp_path, mock) as run:
        mock.faults.add(
            {
                "venue": venue, "channel": "ws", "action": "mutate",
                "point": "after_match_before_reply", "match": {"route": route, "times": 1},
                "params": {"set": {field: "somebody-elses"}},
            }
        )  # fmt: skip
        end = await run.ended()
    assert isinstance(end, HaltedError)
    assert "somebody-elses" in str(end)


async def test_an_answer_of_no_shape_is_asked_for_again(
    tmp_path: Path, mock: MockVenues, caplog: pytest.LogCaptureFixture
) -> None:
    async with trading(tmp_path, mock, order_timeout_ms=200) as run:
        for rule in (
            {"channel": "ws", "action": "drop", "point": "after_match_before_reply",
             "match": {"route": "order.place"}},
            {"channel": "private", "action": "drop"},
            {"channel": "rest", "action": "reply", "match": {"route": "GET /api/v3/order"},
             "params": {"status": 200, "body": "{}"}},
        ):  # fmt: skip
            mock.faults.add({"venue": "binance", **rule})
        await run.until(lambda: "an answer that cannot be read" in caplog.text)
        run.say("reconcile")
        await run.until(lambda: [text for _, text in run.alerts if "not reconciled" in text])
        mock.flow.pause()
        mock.faults.clear()
        await run.until(lambda: not run.engine.orders.unsettled)
        await run.until(lambda: run.open)
        assert await run.stop() == 0


async def test_reconcile_compares_now_and_tells_what_it_found(
    tmp_path: Path, mock: MockVenues, capsys: pytest.CaptureFixture[str]
) -> None:
    config = write_config(tmp_path, mock.line)
    command = ["reconcile", "--config", str(config)]
    assert await asyncio.to_thread(cli, command) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "no engine answers" in said[0]
    async with trading(tmp_path, mock) as run:
        venue_fault(mock, "kucoin", "foreign_order", side="buy", price="1.5", qty="20")
        before = {name: state.number for name, state in run.engine.reconciler.rounds.items()}
        assert await asyncio.to_thread(cli, command) == 0
        assert capsys.readouterr().out.splitlines() == [
            "binance: reconciled, 0 orders of others",
            "kucoin: reconciled, 1 orders of others",
        ]
        assert all(run.engine.reconciler.rounds[name].number > before[name] for name in VENUES)
        assert await asyncio.to_thread(cli, [*command, "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["venues"]["kucoin"]["foreign"] == 1
        assert await run.stop() == 0


async def test_a_run_with_all_of_it_decides_the_same_again(
    tmp_path: Path, mock: MockVenues
) -> None:
    async with trading(tmp_path, mock, reconcile_s=1) as run:
        venue_fault(mock, "kucoin", "balance", asset="USDT", delta="25", kind="transfer")
        await run.until(lambda: run.closed_by("kucoin") == "VENUE_REDUCING")
        run.say("resume")
        venue_fault(mock, "binance", "terminate_streams")
        number = run.engine.reconciler.rounds["binance"].number
        await run.until(lambda: run.engine.reconciler.rounds["binance"].number > number + 2)
        await run.until(lambda: run.open)
        mock.flow.pause()
        await run.until(lambda: not run.engine.orders.unsettled)
        assert await run.stop() == 0
    again = rerun(tmp_path / "journal")
    assert again.difference is None
    assert again.commands > 10
