"""Base that earlier runs left of an instrument that is not traded any more: told, not hedged."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from support.records import BOOKS, WALL, start
from support.service import trading
from xrpfast._core import Journal
from xrpfast.cli.app import run as cli
from xrpfast.config.demo import write_config
from xrpfast.errors import FailedError
from xrpfast.records import kinds
from xrpfast.records.rebuild import rebuild
from xrpfast.records.start import Start
from xrpfast.records.unsettled import residuals
from xrpfast.service.statedir import StateDir
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.commands import Leg, PlaceLegs
from xrpfast.trading.events import Fill, OrderEnd


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=14) as running:
        yield running


def earlier_run(folder: Path, instrument: str, *, ended: bool = True) -> None:
    """A run that traded ``instrument`` on Binance and bought 10 of its base alone."""
    state = StateDir.open(folder)
    epoch = state.next_epoch()
    base, quote = instrument.split("/")
    book = msgspec.structs.replace(
        BOOKS[0], instrument=instrument, venue_symbol=base + quote, base=base, quote=quote
    )
    record = msgspec.json.decode(start(epoch)[2], type=Start)
    config = msgspec.structs.replace(record.config, books=(book,))
    leg = Leg("b-1", "binance", instrument, 0, 0, 1, 21234, 250)
    said = {"client_id": "b-1", "venue_order_id": "v-1", "now_ns": 1, "wall_ns": WALL}
    fill = Fill(
        **said, trade_id="t1", price=21230, qty=100, fee=0, fee_asset=quote, maker=False, venue_ns=1
    )
    end = OrderEnd(**said, state="EXPIRED", filled_qty=100, reason="")
    journal = Journal.open(state.journal_path)
    for kind, payload in (
        (kinds.START, msgspec.structs.replace(record, config=config)),
        (kinds.COMMAND, PlaceLegs("arb", 7, (leg,), ()).record()),
        (kinds.EVENT, fill),
        *([(kinds.EVENT, end)] if ended else []),
    ):
        journal.append(kind, WALL, msgspec.json.encode(payload))
    journal.close()
    rebuild(state.journal_path, state.ledger_path)
    state.close()


@pytest.mark.parametrize("instrument", ["BTC/USDT", "XRP/BTC"])
async def test_base_of_an_instrument_not_traded_any_more_is_told_and_closed_by_hand(
    tmp_path: Path,
    mock: MockVenues,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    instrument: str,
) -> None:
    earlier_run(tmp_path, instrument)
    config = str(write_config(tmp_path, mock.line))
    base = instrument.partition("/")[0]
    told = f"10 {base} of {instrument} is left from earlier runs and {instrument} is not traded"
    async with trading(tmp_path, mock) as run:
        assert run.engine.config.residuals == ()
        (said,) = [text for level, text in run.service._driver.alerts if level == "critical"]
        assert told in said
        await run.until(lambda: run.placed)
        assert await run.stop() == 0
    assert told in caplog.text
    words = ("resume", "--config", config, "--reason", "sold on the web page", "--hedged")
    assert await asyncio.to_thread(cli, (*words, f"{instrument}=-10")) == 0, capsys.readouterr().err
    assert instrument not in {left.instrument for left in residuals(tmp_path / "ledger.sqlite")}
    caplog.clear()
    async with trading(tmp_path, mock) as again:
        assert await again.stop() == 0
    assert "is not traded" not in caplog.text


async def test_an_order_whose_rules_an_older_ledger_has_lost_is_named(
    tmp_path: Path, mock: MockVenues
) -> None:
    earlier_run(tmp_path, "BTC/USDT", ended=False)
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db:
        db.execute("delete from rules")
        db.commit()
    async with trading(tmp_path, mock, ready=False) as run:
        error = await run.ended()
    assert isinstance(error, FailedError)
    assert "b-1 at binance is not settled" in str(error)
    assert "no rules of BTC/USDT there: `ledger rebuild`" in str(error)
