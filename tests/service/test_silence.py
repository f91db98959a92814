"""Both venues die together (F34): 2025-04-15, one loss of power took both for an hour."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.agreement import agrees, sent_too_soon
from support.faults import scenario
from support.service import Trading, since, trading
from xrpfast.cli.app import run as cli
from xrpfast.config.demo import write_config
from xrpfast.errors import HaltedError
from xrpfast.service.halts import HaltReceipt, read
from xrpfast.service.heartbeat import RunState
from xrpfast.service.heartbeat import read as read_beat
from xrpfast.service.latch import Latch
from xrpfast.service.statedir import StateDir
from xrpfast.simulation.faults.scenario import find, load
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.commands import Halt, PlaceLegsRecord
from xrpfast.trading.events import Reconciled
from xrpfast.trading.risk.silence import SILENT

VENUES = ("binance", "kucoin")
ROUTES = {"binance": "order.place", "kucoin": "spot.order"}
LIMIT_MS = 1_500


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=34) as running:
        yield running


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A halt asks for less long, as the venues stay away for longer than that either way."""
    monkeypatch.setattr("xrpfast.service.stopping.WITHIN_S", 2.0)
    monkeypatch.setattr("xrpfast.service.stopping.SETTLED_S", 1.0)
    monkeypatch.setattr("xrpfast.service.app.SETTLE_S", 0.5)


async def at_work(run: Trading, mock: MockVenues) -> set[str]:
    """The next pair is accepted at both venues, never answered, and not matched; its ids."""
    mock.flow.pause()  # else an order that is out already, or a hedge, takes one of the places
    await run.until(lambda: not run.engine.orders.unsettled and not run.engine.legs.closing())
    for venue in VENUES:
        mock.faults.add(
            {"venue": venue, "channel": "ws", "action": "drop",
             "point": "after_accept_before_reply", "params": {"match_after_ms": 600_000},
             "match": {"route": ROUTES[venue], "times": 1}}
        )  # fmt: skip
    mock.flow.running = True
    await run.until(lambda: len(working(mock)) == len(VENUES))
    return working(mock)


def working(mock: MockVenues) -> set[str]:
    return {
        order.client_id
        for face in mock.faces.values()
        for order in face.exchange.orders.values()
        if order.working and order.client_id[0] == "x"
    }


def power(mock: MockVenues) -> list[int]:
    """The shipped scenario: now, and until it is taken away."""
    timed = load(find("f34_both_die")).rules
    rules = [{k: v for k, v in rule.items() if k not in ("at_s", "for_s")} for rule in timed]
    return [mock.faults.add(rule) for rule in rules]


def half_open(mock: MockVenues) -> list[int]:
    """Every socket stands, new ones are taken, and nothing comes on any of them."""
    rules: list[dict[str, Any]] = [
        {"venue": venue, "channel": channel, "action": action}
        for venue in VENUES
        for channel, action in (("rest", "drop"), ("socket", "silence"))
    ]
    return [mock.faults.add(rule) for rule in rules]


def short_lives(monkeypatch: pytest.MonkeyPatch, mock: MockVenues) -> None:
    """Dead sockets are noticed within a second or two."""
    for part in ("market", "account", "orders"):
        monkeypatch.setattr(f"xrpfast.venues.binance.{part}.SILENT_S", 1.5)
    monkeypatch.setattr("xrpfast.venues.private.SETUP_TIMEOUT_S", 1.0)
    face: Any = mock.faces["kucoin"]
    face.venue.hub.settings.ping_interval_ms = face.venue.hub.settings.ping_timeout_ms = 500
    for name in ("PING_INTERVAL_MS", "PING_TIMEOUT_MS"):
        monkeypatch.setattr(f"xrpfast.simulation.kucoin.order_entry.{name}", 500)


def receipt_of(folder: Path) -> HaltReceipt:
    (path,) = (folder / "receipts").glob("*-halt.json")
    found = read(path)
    assert found is not None
    return found


@pytest.mark.timeout(120)
@pytest.mark.parametrize("loss", ["power", "half-open"])
async def test_both_venues_die_together(
    tmp_path: Path,
    mock: MockVenues,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    loss: str,
) -> None:
    """Orders work at both; the engine halts itself, says what it does not know, and trades again
    only after a person's word, a start, and a comparison with both."""
    risk = {"silence_halt_ms": LIMIT_MS, "cancel_after_ms": 500}
    if loss == "half-open":
        short_lives(monkeypatch, mock)
    async with trading(tmp_path, mock, risk=risk, order_timeout_ms=300) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        left = await at_work(run, mock)
        (power if loss == "power" else half_open)(mock)
        await run.until(lambda: Latch(tmp_path).halted(), ended=True)
        end = await run.ended()
        records = [record for _, record in run.journal()]
    # In time, on disk, told.
    (halt,) = [record for record in records if isinstance(record, Halt)]
    assert halt == Halt("engine", f"{SILENT}: none for {LIMIT_MS} ms")
    entry = Latch(tmp_path).halted()
    assert entry is not None
    assert (entry.reason, entry.who) == (halt.reason, "engine")
    assert f"halt of engine: {halt.reason}" in caplog.messages
    # The end is honest: code 3, the orders that may work named, nothing called cancelled.
    assert isinstance(end, HaltedError), end
    assert end.exit_code == 3
    assert left & working(mock), "nobody could cancel; KuCoin's own dead man may have"
    assert all(client_id in str(end) for client_id in left)
    assert "NOT verified that the venues list none of our orders" in str(end)
    receipt = receipt_of(tmp_path)
    assert not receipt.verified
    assert {text.partition(":")[0] for text in receipt.not_verified} == set(VENUES)
    assert left <= set(receipt.unsettled)
    beat = read_beat(tmp_path / "heartbeat")
    assert beat is not None
    assert beat.state is not RunState.STOPPED, "a watchdog goes on"

    # They come back with another price; without a person's word nothing starts.
    fair = mock.flow.settings.fair
    mock.flow.set(msgspec.structs.replace(mock.flow.settings, fair=fair * 0.8))
    mock.faults.clear()
    before = {o.client_id for face in mock.faces.values() for o in face.exchange.orders.values()}
    with pytest.raises(HaltedError, match=SILENT):
        StateDir.open(tmp_path).refuse_if_halted()
    config = write_config(tmp_path, mock.line)
    run_it = ("run", "--config", str(config))
    assert await asyncio.to_thread(cli, run_it) == 3
    assert SILENT in capsys.readouterr().err
    there = {o.client_id for face in mock.faces.values() for o in face.exchange.orders.values()}
    assert there == before

    # A person resumes: own orders are cleaned up, both are compared, then it trades.
    words = ("resume", "--config", str(config), "--reason", "power is back, looked at both")
    assert await asyncio.to_thread(cli, words) == 0
    async with trading(tmp_path, mock, risk=risk) as again:
        assert not left & working(mock)
        await again.until(lambda: again.engine.orders.counts["fills"] >= 2)
        mock.flow.pause()
        await again.until(lambda: not again.engine.orders.unsettled)
        assert await again.stop() == 0
    news = since(again.journal(), lambda r: isinstance(r, Halt))
    placed = next(at for at, r in enumerate(news) if isinstance(r, PlaceLegsRecord))
    compared = {r.venue for r in news[:placed] if isinstance(r, Reconciled) and r.complete}
    assert compared == set(VENUES)
    await agrees(tmp_path, mock)
    assert not sent_too_soon(tmp_path)


async def test_what_comes_back_in_time_trades_on(tmp_path: Path, mock: MockVenues) -> None:
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        rules = scenario(mock, "f34_both_die")
        await run.until(lambda: {run.closed_by(venue) for venue in VENUES} == {"VENUE_DOWN"})
        for rule in rules:
            mock.faults.remove(rule)
        await run.until(lambda: run.open)
        placed = run.placed
        await run.until(lambda: run.placed > placed)
        assert await run.stop() == 0
    assert not Latch(tmp_path).entries()
    await agrees(tmp_path, mock)
