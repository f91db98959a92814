"""Whoever wants the engine to stop sets the latch, then the word: at any time of its run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from time import time_ns
from typing import Any

import pytest

from support.service import Trading, journal, trading
from xrpfast.errors import HaltedError, UsageError
from xrpfast.model import OrderState
from xrpfast.research.rerun import rerun
from xrpfast.service import app
from xrpfast.service.heartbeat import Heartbeat, RunState, read, request_halt
from xrpfast.service.latch import Entry, Latch
from xrpfast.service.setup import scopes
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.events import Control
from xrpfast.trading.states import ENGINE, TradingState


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=36) as running:
        yield running


def latch(folder: Path) -> None:
    entry = Entry(ENGINE, TradingState.HALTED, "the roof is on fire", "somebody", time_ns())
    Latch(folder).set(entry)


def clear(folder: Path) -> None:
    there = Latch(folder)
    assert there.clear(there.entries()) == ()


def halt(folder: Path) -> None:
    """As another process does it."""
    latch(folder)
    assert request_halt(folder / "heartbeat")


def state(folder: Path) -> RunState:
    beat = read(folder / "heartbeat")
    assert beat is not None
    return beat.state


async def halted(run: Trading, why: str = "the roof is on fire") -> None:
    said = await run.ended()
    assert isinstance(said, HaltedError), said
    assert why in str(said)


async def test_an_engine_that_trades_stops_at_once_and_ends(
    tmp_path: Path, mock: MockVenues
) -> None:
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.placed >= 2)
        halt(tmp_path)
        sent = [gateway._next_id for gateway in run.service._driver._gateways.values()]
        await halted(run)
        controls = [r for _, r in run.journal() if isinstance(r, Control) and r.action == "halt"]
        assert controls[0].reason == "the roof is on fire"
        assert controls[0].who == "somebody"
        assert len(sent) == 2
        assert state(tmp_path) is RunState.STOPPED
    entry = Latch(tmp_path).halted()
    assert entry is not None
    assert entry.who == "somebody"


async def test_a_latch_set_while_the_word_is_cleared_refuses_the_start(
    tmp_path: Path, mock: MockVenues, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Racing(Heartbeat):
        def __init__(self, path: Path, *more: Any) -> None:
            halt_before = path.exists()
            latch(path.parent)  # and the word, which this start clears
            super().__init__(path, *more)
            assert not halt_before

    monkeypatch.setattr(app, "Heartbeat", Racing)
    async with trading(tmp_path, mock, ready=False) as run:
        await halted(run)
        assert not hasattr(run.service, "_journal")
    assert state(tmp_path) is RunState.STOPPED


@pytest.mark.parametrize("scope", ["strategy:renamed", "venue:kraken", "symbol:XRPUSDT"])
async def test_a_latched_scope_that_this_engine_does_not_have_is_told(
    tmp_path: Path, mock: MockVenues, scope: str
) -> None:
    """Real money does not begin with it: what it was meant to close is open."""
    why = Entry(scope, TradingState.HALTED, "why", "somebody", 1)
    async with trading(tmp_path, mock) as run:
        assert run.alerts == []
        assert await run.stop() == 0
        Latch(tmp_path).set(why)
    async with trading(tmp_path, mock) as run:
        (told,) = [text for level, text in run.alerts if level == "critical"]
        assert f"{scope} is HALTED, and this engine has no such scope" in told
        assert "\n" not in told
        run.service._config = run.service._config.model_copy(update={"mode": "live"})
        with pytest.raises(UsageError, match=r"has no such scope: `xrpfast resume --scope"):
            run.service._refuse_if_halted()
        clear(tmp_path)
        for known in ("strategy:xrp-arb", "venue:kucoin", "symbol:XRP/USDT"):
            Latch(tmp_path).set(Entry(known, TradingState.HALTED, "why", "somebody", 1))
        run.service._refuse_if_halted()
        assert scopes(run.service._config) == set(run.engine.context.states)


@pytest.mark.parametrize("when", ["before they answer", "with it", "after it", "on no disk"])
async def test_a_halt_while_the_venues_are_asked_is_heard(
    tmp_path: Path, mock: MockVenues, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    look = app.look_everywhere

    async def looking(*arguments: Any) -> Any:
        if when == "before they answer":
            halt(tmp_path)
            await run.until(lambda: run.service._stop.is_set())
            return await look(*arguments)
        found = await look(*arguments)
        if when == "on no disk":  # the word is all that there is
            request_halt(tmp_path / "heartbeat")
        else:
            halt(tmp_path)
        if when in ("with it", "on no disk"):  # the beat that hears of it comes at that very moment
            run.service._heartbeat._handle.cancel()  # type: ignore[union-attr]
            run.service._heartbeat._beat()
        return found

    monkeypatch.setattr(app, "look_everywhere", looking)
    async with trading(tmp_path, mock, ready=False) as run:
        await halted(run, "no reason on disk" if when == "on no disk" else "the roof is on fire")
    assert state(tmp_path) is RunState.STOPPED
    if when != "before they answer":  # then there was no engine yet that could hear
        said = [e.action for _, e in journal(tmp_path) if isinstance(e, Control)]
        assert said[0] == "halt"


async def test_an_end_with_unsettled_orders_is_not_clean(
    tmp_path: Path, mock: MockVenues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "SETTLE_S", 0.2)
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.placed >= 2)
        assert state(tmp_path) is RunState.RUNNING
        for venue in ("binance", "kucoin"):
            mock.faults.add({"venue": venue, "channel": "request", "action": "drop"})
            mock.faults.add({"venue": venue, "channel": "private", "action": "drop"})
        unknown = OrderState.UNKNOWN
        await run.until(
            lambda: any(o.state is unknown for o in run.engine.orders.unsettled.values())
        )
        said = await run.stop()
        assert "not settled" in str(said)
    assert state(tmp_path) is RunState.RUNNING


async def test_a_restart_carries_what_was_traded_until_a_person_resumes(
    tmp_path: Path, mock: MockVenues
) -> None:
    async with trading(tmp_path, mock) as run:
        losses = run.engine.risk.watch.losses
        # Orders may find nobody to trade with: only what was filled is won or lost.
        await run.until(lambda: losses.peak > 0 and not run.engine.orders.unsettled)
        assert await run.stop() == 0
        trips = run.engine.risk.state.strategies["xrp-arb"].round_trips
    async with trading(tmp_path, mock, ready=False) as run:
        await run.until(lambda: hasattr(run.service, "_driver"))
        begun = {each.strategy: each for each in run.engine.config.carried}
        assert begun["xrp-arb"].round_trips == trips > 0
        assert begun[""].cash == sum(each.cash for name, each in begun.items() if name)
        assert begun[""].cash != 0
        assert run.engine.risk.watch.losses.peak >= begun[""].peak > 0, "its trades won"
    assert rerun(tmp_path / "journal").difference is None
