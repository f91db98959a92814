"""Halting without an engine, and the order of things: on disk first, then the first cancel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.resting import FOREIGN, resting, working
from support.service import trading
from xrpfast.config.demo import demo_values
from xrpfast.config.loader import build
from xrpfast.config.root import Config
from xrpfast.errors import HaltedError, UsageError
from xrpfast.service import halting
from xrpfast.service.cancelling import CANCELLED
from xrpfast.service.halting import halt
from xrpfast.service.halts import read
from xrpfast.service.heartbeat import Heartbeat
from xrpfast.service.latch import Latch
from xrpfast.service.statedir import StateDir
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.simulation.truth import ledger

VENUES = ("binance", "kucoin")
OURS = "xddemo1-000a"


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=54) as running:
        yield running


@pytest.fixture
async def config(mock: MockVenues, tmp_path: Path) -> Config:
    """Of a directory whose latest run ended well: nothing can be on its way."""
    mock.flow.running = False
    Heartbeat(tmp_path / "heartbeat", lambda: None).stop(clean=True)
    for venue in VENUES:
        for client_id in (OURS, FOREIGN):
            mock.faults.add(resting(venue, client_id))
    return build(demo_values(tmp_path, mock.line), "test")


def at_work(mock: MockVenues) -> dict[str, list[str]]:
    return working(
        {
            name: ledger(face.exchange, account)
            for name, face in mock.faces.items()
            for account in face.exchange.accounts.values()
        }
    )


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What the latch said whenever a cancel reached a venue."""
    seen: list[str] = []
    cancel = Exchange.cancel

    def looked(self: Exchange, *order: Any) -> Any:
        entry = Latch(tmp_path).halted()
        seen.append("" if entry is None else entry.reason)
        return cancel(self, *order)

    monkeypatch.setattr(Exchange, "cancel", looked)
    return seen


async def test_the_latch_is_on_disk_before_the_first_cancel_of_a_command(
    mock: MockVenues, config: Config, seen: list[str]
) -> None:
    receipt, path = await halt(config, "engine", "why", "ann")
    assert receipt.verified
    assert receipt.cancelled == len(seen) == 2
    assert set(seen) == {"why"}
    assert path is not None
    assert read(path) == receipt
    assert at_work(mock) == {venue: [FOREIGN] for venue in VENUES}


async def test_the_latch_is_on_disk_before_the_first_cancel_of_an_engine(
    mock: MockVenues, tmp_path: Path, seen: list[str]
) -> None:
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.placed >= 2)
        for venue in VENUES:
            mock.faults.add(resting(venue, OURS))
        run.say("halt")
        assert Latch(tmp_path).halted() is not None, "before any other event"
        ended = await run.ended()
        assert isinstance(ended, HaltedError)
    assert len(seen) >= 2
    assert set(seen) == {"test"}
    assert at_work(mock) == {venue: [] for venue in VENUES}


async def test_the_halt_word_is_set_before_the_engine_is_asked_anything(
    mock: MockVenues, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    heartbeat = Heartbeat(config.state_dir / "heartbeat", lambda: None)
    told: list[int] = []

    async def ask(*_: Any) -> dict[str, Any]:
        told.append(heartbeat.halt_word[0])
        raise FileNotFoundError

    monkeypatch.setattr(halting, "_ask", ask)
    assert (await halt(config, "engine", "why", "ann"))[0].verified
    assert len(told) == 1
    assert told[0] != 0


async def test_a_run_that_starts_meanwhile_finds_the_word_set_again(
    mock: MockVenues, config: Config
) -> None:
    mock.faults.add({"venue": "binance", "channel": "venue", "action": "down", "for_s": 1})
    work = asyncio.create_task(halt(config, "engine", "why", "ann"))
    for _ in range(1_000):
        if Latch(config.state_dir).halted() is not None:
            break
        await asyncio.sleep(0.01)
    starting = Heartbeat(config.state_dir / "heartbeat", lambda: None)
    for _ in range(100):
        if starting.halt_word[0]:
            break
        await asyncio.sleep(0.01)
    assert starting.halt_word[0]
    assert (await work)[0].verified


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ("venue:kucoin", {"binance": [FOREIGN, OURS], "kucoin": [FOREIGN]}),
        ("symbol:XRP/USDT", {"binance": [FOREIGN], "kucoin": [FOREIGN]}),
        # Nobody knows whose they are: a cancel is the safe side.
        ("strategy:xrp-arb", {"binance": [FOREIGN], "kucoin": [FOREIGN]}),
    ],
)
async def test_a_scope_alone(
    mock: MockVenues, config: Config, scope: str, left: dict[str, list[str]]
) -> None:
    receipt, _ = await halt(config, scope, "why", "ann")
    assert receipt.verified
    assert at_work(mock) == left
    assert [entry.scope for entry in Latch(config.state_dir).entries()] == [scope]
    assert Latch(config.state_dir).halted() is None


async def test_orders_that_the_ledger_knows_as_another_strategys_are_left_alone(
    mock: MockVenues, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(halting, "strategy_of", lambda path: {OURS: "other"}.get)
    receipt, _ = await halt(config, "strategy:xrp-arb", "why", "ann")
    assert receipt.verified
    assert receipt.cancelled == 0
    assert at_work(mock) == {venue: [FOREIGN, OURS] for venue in VENUES}


async def test_a_scope_that_there_is_none_of_is_refused_and_latches_nothing(
    config: Config,
) -> None:
    for scope in ("venue:kraken", "binance", "strategy:xrp", "", "symbol:ETH/USDT"):
        with pytest.raises(UsageError, match="there is: engine, venue:binance"):
            await halt(config, scope, "why", "ann")
    assert Latch(config.state_dir).entries() == ()


async def test_a_halt_that_no_disk_keeps_cancels_all_the_same_and_says_so(
    mock: MockVenues, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Latch, "set", full)
    receipt, _ = await halt(config, "engine", "why", "ann")
    assert at_work(mock) == {venue: [FOREIGN] for venue in VENUES}
    assert not receipt.verified
    assert receipt.not_verified == ["the halt of engine is not on disk: No space left on device"]


async def test_a_receipt_that_no_disk_keeps_is_told(
    mock: MockVenues, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("xrpfast.service.halts.write_receipt", full)
    receipt, path = await halt(config, "engine", "why", "ann")
    assert receipt.verified
    assert path is None
    assert "this receipt is not on disk: No space left on device" in receipt.notes


async def test_a_halt_of_an_idle_directory_is_on_record_of_the_next_reader(
    mock: MockVenues, tmp_path: Path
) -> None:
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.placed >= 2)
        assert await run.stop() == 0
    config = build(demo_values(tmp_path, mock.line), "test")
    await halt(config, "engine", "why", "ann")
    said = [record for _, record in run.journal() if getattr(record, "action", "") == "halt"]
    assert [(word.reason, word.who) for word in said] == [("why", "ann")]
    with pytest.raises(HaltedError, match=r"trading is halted \(by ann\): why"):
        StateDir.open(tmp_path)


async def test_the_receipt_says_what_the_orders_of_the_engine_became(
    mock: MockVenues, tmp_path: Path
) -> None:
    for venue, route in (("binance", "order.place"), ("kucoin", "spot.*order")):
        mock.faults.add(
            {"venue": venue, "channel": "ws", "point": "after_accept_before_reply",
             "action": "drop", "params": {"match_after_ms": 600_000},
             "match": {"route": route, "times": 1}}
        )  # fmt: skip
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.placed == 2 and run.engine.orders.unsettled)
        ids = list(run.engine.orders.unsettled)
        await run.until(lambda: all(o.accepted for o in run.engine.orders.unsettled.values()))
        run.say("halt")
        assert isinstance(await run.ended(), HaltedError)
    (path,) = (tmp_path / "receipts").iterdir()
    receipt = read(path)
    assert receipt is not None
    fates = {o.client_id: o.fate for venue in receipt.venues for o in venue.orders}
    assert fates == dict.fromkeys(ids, CANCELLED)
    assert (receipt.verified, receipt.cancelled, receipt.unsettled) == (True, 2, [])
