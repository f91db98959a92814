"""No halt is lost: not with an engine that failed, not by a disk, not by a resume."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Any

import pytest
from msgspec.structs import force_setattr

from support.service import Trading, trading
from xrpfast.cli.person import person
from xrpfast.errors import HaltedError
from xrpfast.model import MONEY_ONE
from xrpfast.records.schema import read_database
from xrpfast.service.halts import HaltReceipt, read
from xrpfast.service.heartbeat import RunState
from xrpfast.service.heartbeat import read as read_beat
from xrpfast.service.latch import Entry, Latch
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.events import Control
from xrpfast.trading.states import TradingState


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=57) as running:
        yield running


async def ask(run: Trading, **word: Any) -> dict[str, Any]:
    """By the control socket."""
    reader, writer = await asyncio.open_unix_connection(str(run.state_dir / "control.sock"))
    asked = {"asked_ns": monotonic_ns(), "asked_wall_ns": time_ns()}
    writer.write(json.dumps(asked | word).encode() + b"\n")
    answer: dict[str, Any] = json.loads(await reader.readline())
    writer.close()
    return answer


def receipts(run: Trading) -> list[HaltReceipt]:
    found = [read(path) for path in (run.state_dir / "receipts").glob("*-halt.json")]
    return [receipt for receipt in found if receipt is not None]


async def test_a_halt_is_on_record_by_the_process_that_said_it(
    mock: MockVenues, tmp_path: Path
) -> None:
    """In the latch, the journal, the ledger and the receipt, whatever name was given."""
    who = f"{person()}, calls itself ann"
    async with trading(tmp_path, mock) as run:
        assert (await ask(run, cmd="halt", reason="test", who="ann"))["ok"]
        assert isinstance(await run.ended(), HaltedError)
        entry = Latch(tmp_path).halted()
        assert entry is not None
        (receipt,) = receipts(run)
        words = [r for _, r in run.journal() if isinstance(r, Control) and r.action == "halt"]
    with closing(read_database(tmp_path / "ledger.sqlite")) as db:
        kept = [row["who"] for row in db.execute("select who from words where action = 'halt'")]
    assert [entry.who, receipt.who, *(word.who for word in words), *kept] == [who] * 4


@pytest.mark.parametrize("by_signal", [True, False])
async def test_a_halt_that_a_failed_engine_does_not_hear_is_kept(
    mock: MockVenues, tmp_path: Path, by_signal: bool
) -> None:
    async with trading(tmp_path, mock) as run:
        run.service._driver._fail(RuntimeError("planted"))
        if by_signal:
            run.service._closing.by_signal()
        else:
            assert (await ask(run, cmd="halt", reason="test", who="ann"))["ok"]
        assert Latch(tmp_path).halted() is not None
        ended = await run.ended()
    assert isinstance(ended, HaltedError), ended
    assert "planted" in str(ended)


async def test_a_halt_that_is_not_on_disk_is_not_verified(
    mock: MockVenues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> bool:
        raise OSError(28, "No space left on device")

    async with trading(tmp_path, mock) as run:
        monkeypatch.setattr(Latch, "set", full)
        run.service._driver.closed = True
        await ask(run, cmd="halt", reason="test", who="ann")
        await run.until(lambda: (tmp_path / "receipts").exists() and receipts(run), ended=True)
        (receipt,) = receipts(run)
        assert not receipt.verified
        assert receipt.not_verified == ["the halt of engine is not on disk"]
        assert isinstance(await run.ended(), HaltedError)


@pytest.mark.parametrize("disk", ["comes back", "stays full"])
async def test_a_run_that_halted_itself_without_a_disk_ends_as_halted(
    mock: MockVenues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: str
) -> None:
    latch, tries = Latch.set, []

    def full(self: Latch, entry: Entry) -> bool:
        tries.append(entry)
        if disk == "comes back" and len(tries) > 1:
            return latch(self, entry)
        raise OSError(28, "No space left on device")

    async with trading(tmp_path, mock) as run:
        monkeypatch.setattr(Latch, "set", full)
        run.say("halt")
        ended = await run.ended()
    assert isinstance(ended, HaltedError), ended
    assert ("could not be kept" in str(ended)) is (disk == "stays full")
    assert (Latch(tmp_path).halted() is not None) is (disk == "comes back")


async def test_a_resume_takes_nothing_that_the_engine_has_not_read(
    mock: MockVenues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xrpfast.service.stopping.LATCH_S", 3600.0)
    async with trading(tmp_path, mock) as run:
        latch = Latch(tmp_path)
        resume = {"cmd": "resume", "reason": "test", "who": "bob"}
        latch.set(Entry("venue:kucoin", TradingState.REDUCING, "by hand", "ann", 1))
        answer = await ask(run, **resume)
        assert "closed just now: venue:kucoin" in answer["error"]
        assert run.closed_by("kucoin") == "VENUE_REDUCING"
        assert [entry.scope for entry in latch.entries()] == ["venue:kucoin"]
        assert (await ask(run, **resume))["ok"], "seen, and said again"
        assert latch.entries() == ()
        latch.set(Entry("engine", TradingState.HALTED, "by hand", "ann", 1))
        assert "the engine is halted" in (await ask(run, **resume))["error"]
        assert latch.halted() is not None
        assert isinstance(await run.ended(), HaltedError)


async def test_a_halt_that_is_not_verified_is_no_clean_end(
    mock: MockVenues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xrpfast.service.stopping.WITHIN_S", 0.3)
    async with trading(tmp_path, mock) as run:
        mock.flow.running = False
        await run.until(lambda: not run.engine.orders.unsettled)
        mock.faults.add({"venue": "kucoin", "channel": "rest", "action": "reply",
                         "match": {"route": "GET *"}, "params": {"status": 500}})  # fmt: skip
        run.say("halt")
        end = await run.ended()
        assert isinstance(end, HaltedError)
        assert "NOT verified that the venues list none of our orders" in str(end)
        (receipt,) = receipts(run)
        assert not receipt.verified
        assert not run.engine.orders.unsettled
    beat = read_beat(tmp_path / "heartbeat")
    assert beat is not None
    assert beat.state is not RunState.STOPPED


async def test_a_limit_that_the_engine_refuses_is_not_in_force(
    mock: MockVenues, tmp_path: Path
) -> None:
    async with trading(tmp_path, mock) as run:
        force_setattr(run.engine.limits, "max_order_qty", 20 * MONEY_ONE)
        word = {"cmd": "limits", "key": "max_order_qty", "reason": "test", "who": "ann"}
        answer = await ask(run, **word, value="30")
        assert "the engine did not take it" in answer["error"]
        assert (await ask(run, cmd="limits"))["risk"]["max_order_qty"] == "150"
        assert run.engine.limits.max_order_qty == 20 * MONEY_ONE
