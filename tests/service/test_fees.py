"""Fees that KuCoin tells late get into the ledger, whatever ends a run before they are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.records import table
from support.service import Trading, crash, journal, trading, truth
from xrpfast.config.demo import demo_values
from xrpfast.config.loader import build
from xrpfast.records import kinds
from xrpfast.records.compare import compare
from xrpfast.records.rebuild import rebuild
from xrpfast.records.unsettled import open_fees
from xrpfast.research.report import FOREVER, report
from xrpfast.research.rerun import rerun
from xrpfast.service import fees, recovery
from xrpfast.service.recording import open_records
from xrpfast.service.recovery import Recovery
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.events import Fill
from xrpfast.venues.kucoin.venue import Kucoin
from xrpfast.venues.registry import enabled

DISCOUNT = 800
"""What the venue really takes of its 1 000: those who pay in its own coin pay a fifth less."""
FILLS = {"venue": "kucoin", "channel": "rest", "match": {"route": "GET /api/v1/hf/fills"}}


@pytest.fixture
async def mock(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=12) as running:
        charges = running.faces["kucoin"].exchange.charges
        charge = type(charges).fee

        def fee(amount: int, *, maker: bool) -> int:
            return charge(charges, amount, maker=maker) * DISCOUNT // 1_000

        monkeypatch.setattr(charges, "fee", fee)
        yield running


def ledger(folder: Path) -> Path:
    return folder / "ledger.sqlite"


def hide(mock: MockVenues) -> None:
    """The list of fills cannot be read."""
    mock.faults.add({**FILLS, "action": "reply", "params": {"status": 503, "body": "x"}})


async def traded(run: Trading, mock: MockVenues) -> None:
    """Both legs of some pairs are filled, nothing is under way."""
    await run.until(lambda: len({fee.client_id for fee in run.engine.fees.open("kucoin")}) >= 2)
    mock.flow.pause()
    await run.until(lambda: not run.engine.orders.unsettled and not run.engine.legs.owing())


def by_fees_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest trades, which a start reads for other reasons, tell nothing."""
    monkeypatch.setattr(recovery, "OVERLAP_NS", -3_600 * fees.SECOND_NS)


async def test_fees_that_a_crash_left_as_estimates_are_asked_for_before_the_next_start(
    tmp_path: Path, mock: MockVenues, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path, mock) as run:
        await traded(run, mock)
        assert list(run.engine.fees.open("kucoin"))
        assert not list(run.engine.fees.open("binance"))
        await crash(run)
    by_fees_alone(monkeypatch)
    async with trading(tmp_path, mock) as again:
        assert open_fees(ledger(tmp_path)) == ()
        (said,) = {kind for kind, record in journal(tmp_path) if told(record)}
        assert said == kinds.RECOVERY
        assert await again.stop() == 0
    fills = table(ledger(tmp_path), "fills")
    assert not any(row["fee_estimated"] for row in fills)
    assert compare(ledger(tmp_path), await truth(mock)) == []
    assert report(tmp_path, 0, FOREVER, None)["estimated_fees"] == {}
    assert rerun(tmp_path / "journal").difference is None
    rebuild(tmp_path / "journal", tmp_path / "again.sqlite")
    assert table(tmp_path / "again.sqlite", "fills") == fills


def told(record: Any) -> bool:
    return (
        isinstance(record, Fill)
        and record.fee > 0
        and not record.fee_estimated
        and (record.fee_asset == "USDT" and len(record.venue_order_id) == 24)
    )


async def test_a_clean_end_asks_for_the_fees_that_are_not_told(
    tmp_path: Path, mock: MockVenues
) -> None:
    async with trading(tmp_path, mock) as run:
        await traded(run, mock)
        assert list(run.engine.fees.open("kucoin"))
        booked = run.engine.portfolio.balance("kucoin", "USDT")
        assert await run.stop() == 0
        assert not list(run.engine.fees.open("kucoin"))
        assert run.engine.portfolio.balance("kucoin", "USDT") > booked
    assert compare(ledger(tmp_path), await truth(mock)) == []


async def test_a_fee_that_is_never_told_keeps_neither_the_end_nor_the_start_and_is_reported(
    tmp_path: Path, mock: MockVenues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fees, "AT_END_S", 0.5)
    async with trading(tmp_path, mock) as run:
        await traded(run, mock)
        hide(mock)
        assert await run.stop() == 0
    left = open_fees(ledger(tmp_path))
    assert left
    mock.faults.clear()
    monkeypatch.setattr(Kucoin, "trades_reach_ns", 1)  # it is longer ago than the venue lists
    async with trading(tmp_path, mock) as again:
        assert open_fees(ledger(tmp_path)) == left
        assert await again.stop() == 0
    assert report(tmp_path, 0, FOREVER, None)["estimated_fees"] == {"kucoin": len(left)}
    differences = compare(ledger(tmp_path), await truth(mock))
    assert any("fee" in line and line.endswith("(an estimate)") for line in differences)


def apart_ns(run: Trading) -> int:
    """From the oldest estimate to the latest."""
    times = [fee.wall_ns for fee in run.engine.fees.open("kucoin")]
    return times[-1] - times[0] if times else 0


async def test_older_fees_are_asked_for_by_their_orders(
    tmp_path: Path, mock: MockVenues, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: apart_ns(run) > 100_000_000)
        await traded(run, mock)
        await crash(run)
    monkeypatch.setattr(fees, "LISTED_NS", 0)
    monkeypatch.setattr(fees, "MARGIN_NS", 10_000_000)
    by_fees_alone(monkeypatch)
    async with trading(tmp_path, mock):
        assert open_fees(ledger(tmp_path)) == ()
    assert compare(ledger(tmp_path), await truth(mock)) == []


async def test_a_start_waits_for_a_silent_list_of_fills_no_longer_than_its_bound(
    tmp_path: Path,
    mock: MockVenues,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with trading(tmp_path, mock) as run:
        await traded(run, mock)
        await crash(run)
    left = open_fees(ledger(tmp_path))
    mock.faults.add({**FILLS, "action": "drop"})
    monkeypatch.setattr(fees, "AT_START_S", 0.3)
    journal_, records = open_records(tmp_path / "journal", ledger(tmp_path))
    made = enabled(build(demo_values(tmp_path, mock.line), "test").venues)
    try:
        asked = Recovery("xddemo", ledger(tmp_path), records, journal_)
        assert await asked.fees({venue.name: venue for venue in made}) == len(left)
        assert open_fees(ledger(tmp_path)) == left
        assert "kucoin: fees: no answer in time" in caplog.messages
    finally:
        for venue in made:
            await venue.close()
        records.close()
        journal_.close()
