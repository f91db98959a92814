"""A person's words end to end: `settle`, `resume`, `resume --hedged`, engine or no engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.service import Trading, journal, trading
from xrpfast.cli.app import run as cli
from xrpfast.config.demo import write_config
from xrpfast.config.loader import load
from xrpfast.errors import UsageError
from xrpfast.model import format_money
from xrpfast.records import kinds
from xrpfast.records.compare import compare
from xrpfast.records.rebuild import rebuild
from xrpfast.records.unsettled import left, residuals
from xrpfast.research.rerun import rerun
from xrpfast.service import offline
from xrpfast.service.latch import Entry, Latch
from xrpfast.service.statedir import StateDir
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.commands import PlaceLegsRecord
from xrpfast.trading.events import Control, TradedByHand
from xrpfast.trading.states import ENGINE, Latched, TradingState

SYMBOL = "symbol:XRP/USDT"


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=14) as running:
        yield running


async def say(*words: str) -> int:
    """A command, while the engine runs in this loop."""
    return await asyncio.to_thread(cli, words)


async def truth(mock: MockVenues) -> dict[str, Any]:
    url = mock.line["control_url"] + "/ledger"
    async with aiohttp.ClientSession() as http, http.get(url) as reply:
        found: dict[str, Any] = await reply.json()
        return found


# --- settle ---------------------------------------------------------------------------------------


async def forget(run: Trading, mock: MockVenues) -> str:
    """An order that Binance took, and filled, and says nothing more of; its client id."""
    rest = {"venue": "binance", "channel": "rest", "action": "reply"}
    gone = {"status": 400, "code": -2013, "msg": "Order does not exist."}
    mock.faults.add({"venue": "binance", "channel": "private", "action": "drop"})
    mock.faults.add(rest | {"match": {"route": "GET /api/v3/order"}, "params": gone})
    nothing = {"status": 200, "body": "[]", "content_type": "application/json"}
    mock.faults.add(rest | {"match": {"route": "GET /api/v3/myTrades"}, "params": nothing})
    unsettled = run.engine.orders.unsettled
    await run.until(lambda: [o for o in unsettled.values() if o.venue == "binance" and o.accepted])
    mock.flow.pause()
    await run.until(lambda: unsettled and all(o.venue == "binance" for o in unsettled.values()))
    (client_id,) = unsettled
    return client_id


def fills_at(mock: MockVenues, client_id: str) -> list[str]:
    """What the venue's web page would show of it, as `settle` takes it."""
    exchange = mock.faces["binance"].exchange
    rules = exchange.rules
    return [
        f"--fill={format_money(rules.qty_money(fill.qty))}"
        f"@{fill.price / 10**rules.price_decimals:.{rules.price_decimals}f}"
        f",{format_money(fill.fee)},{fill.fee_asset},{fill.trade_id}"
        for fill in exchange.fills
        if fill.order.client_id == client_id
    ]


def config_of(tmp_path: Path, mock: MockVenues) -> str:
    return str(write_config(tmp_path, mock.line))


async def test_an_order_that_the_venue_forgot_is_settled_while_the_engine_runs(
    tmp_path: Path,
    mock: MockVenues,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = config_of(tmp_path, mock)
    async with trading(tmp_path, mock, order_timeout_ms=300) as run:
        client_id = await forget(run, mock)
        words = ("settle", client_id, "--config", config, "--reason", "the venue's order history")
        assert await say(*words) == 2
        assert "is still being asked" in capsys.readouterr().err
        monkeypatch.setattr("xrpfast.service.said.SETTLE_AFTER_NS", 0)
        order = run.engine.orders.orders[client_id]
        await run.until(lambda: order.state == "UNKNOWN")
        assert run.engine.context.books[0].unknown == 1, "closed to entries until then"
        assert await say(*words, "--fill", "99999@1,0,USDT") == 2
        assert "cannot be" in capsys.readouterr().err
        assert await say("settle", "xddemo0-99a", *words[2:]) == 2
        fills = fills_at(mock, client_id)
        assert fills
        assert await say(*words, *fills) == 0
        assert f"{client_id}: FILLED, settled" in capsys.readouterr().out
        assert not run.engine.orders.unsettled
        mock.faults.clear()
        placed = run.placed
        mock.flow.switch(True)
        await run.until(lambda: run.placed > placed)
        run.say("reconcile")
        await run.until(lambda: run.open)
        assert await run.stop() == 0
    agree(tmp_path, await truth(mock))


async def test_an_order_that_the_venue_forgot_is_settled_before_the_next_start(
    tmp_path: Path,
    mock: MockVenues,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without it every start would be refused, for ever."""
    config = config_of(tmp_path, mock)
    async with trading(tmp_path, mock, order_timeout_ms=300) as run:
        client_id = await forget(run, mock)
        run.service.stop("test")
        await run.ended()
    assert [order.client_id for order in left(tmp_path / "ledger.sqlite").orders] == [client_id]
    words = ("settle", client_id, "--config", config, "--reason", "the venue's order history")
    mock.faults.clear()
    assert await say(*words) == 2
    assert "is still being asked" in capsys.readouterr().err
    monkeypatch.setattr("xrpfast.service.said.SETTLE_AFTER_NS", 0)
    assert await say(*words) == 2
    assert "binance knows it, it is FILLED" in capsys.readouterr().err
    rest = {"venue": "binance", "channel": "rest", "action": "reply"}
    gone = {"status": 400, "code": -2013, "msg": "Order does not exist."}
    mock.faults.add(rest | {"match": {"route": "GET /api/v3/order"}, "params": gone})
    assert await say(*words, *fills_at(mock, client_id)) == 0
    assert "settled; binance does not know it" in capsys.readouterr().out
    assert left(tmp_path / "ledger.sqlite").orders == ()
    assert await say(*words) == 2
    assert "is settled already" in capsys.readouterr().err
    async with trading(tmp_path, mock) as again:
        assert await again.stop() == 0
    mock.faults.clear()
    agree(tmp_path, await truth(mock))
    said = [e for _, e in journal(tmp_path) if isinstance(e, Control) and e.action == "settle"]
    assert len(said) == 1
    assert "the venue's order history" in said[0].reason


def agree(state_dir: Path, venues: dict[str, Any]) -> None:
    """Ledger, venues, a rebuilt ledger and the journal's decisions."""
    path = state_dir / "ledger.sqlite"
    assert compare(path, venues) == []
    assert rerun(state_dir / "journal").difference is None
    before = residuals(path)
    rebuild(state_dir / "journal", state_dir / "again.sqlite")
    assert residuals(state_dir / "again.sqlite") == before


# --- resume ---------------------------------------------------------------------------------------


async def give_up(run: Trading, mock: MockVenues) -> int:
    """One leg trades alone and no hedge is within the budget; the imbalance."""
    mock.faults.add(
        {"venue": "kucoin", "channel": "ws", "action": "reply", "match": {"route": "spot.*order"},
         "params": {"code": "200004", "msg": "Balance insufficient!"}}
    )  # fmt: skip
    await run.until(lambda: run.engine.context.symbols[0] is TradingState.HALTED)
    mock.faults.clear()
    return run.engine.legs.imbalance(0)


NO_BUDGET = {"hedge_loss": "0.000001", "hedge_time_ms": 500}


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("by_hand", [True, False])
async def test_what_was_given_up_stays_so_until_a_person_resumes_and_is_hedged_by_one_of_both(
    tmp_path: Path,
    mock: MockVenues,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    running: bool,
    by_hand: bool,
) -> None:
    config = config_of(tmp_path, mock)
    async with trading(tmp_path, mock, risk=NO_BUDGET) as run:
        amount = await give_up(run, mock)
        assert abs(amount) >= run.engine.config.risk.hedge_min
        assert await run.stop() == 0
    said = f"{format_money(amount)} of base traded alone and not hedged: a person has to look"
    assert said in caplog.text, "its end says what it leaves open"
    (entry,) = Latch(tmp_path).entries()
    assert entry.scope == SYMBOL
    assert "not closed within time and loss budget" in entry.reason
    words = ["resume", "--config", config, "--reason", "closed on the web page"]
    if by_hand:
        wrong = await say(*words, "--hedged", f"XRP/USDT={format_money(amount)}")
        assert wrong == 2, "the sign is the likeliest mistake"
        assert "would not close it" in capsys.readouterr().err
        words.append(f"--hedged=XRP/USDT={format_money(-amount)}")
    if not running:
        assert await say(*words) == 0
        assert f"resumed: {SYMBOL}" in capsys.readouterr().out
        assert Latch(tmp_path).entries() == ()
    async with trading(tmp_path, mock) as again:
        engine = again.engine
        if running:
            assert engine.config.latched == (Latched(SYMBOL, TradingState.HALTED),)
            assert engine.context.symbols[0] is TradingState.HALTED
            await again.until(lambda: engine.refused.get("SYMBOL_CLOSED", 0) > 3)
            assert again.placed == 0
            assert await say(*words) == 0
            assert f"resumed: {SYMBOL}" in capsys.readouterr().out
            assert Latch(tmp_path).entries() == ()
        await again.until(lambda: engine.orders.counts["fills"] >= 4)
        mock.flow.pause()
        await again.until(lambda: not engine.orders.unsettled and not engine.legs.closing())
        assert abs(engine.legs.imbalance(0)) < engine.config.risk.hedge_min
        assert await again.stop() == 0
    found = journal(tmp_path)
    begun = max(at for at, (kind, _) in enumerate(found) if kind == kinds.START)
    placed = [e.strategy for _, e in found[begun:] if isinstance(e, PlaceLegsRecord)]
    assert (placed[0] == "hedge") is not by_hand
    kind, word = next((k, e) for k, e in found if isinstance(e, Control) and e.action == "resume")
    assert kind == (kinds.EVENT if running else kinds.RECOVERY)
    assert word.reason == "closed on the web page"
    assert word.who
    assert [e.amount for _, e in found if isinstance(e, TradedByHand)] == [-amount] * by_hand
    agree(tmp_path, await truth(mock))


async def test_nonsense_is_refused_and_changes_nothing(
    tmp_path: Path, mock: MockVenues, capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_of(tmp_path, mock)
    given = ["resume", "--config", config]
    for words, part in (
        (["--reason", " "], "say why"),
        (["--reason", "x", "--hedged", "XRP/USDT"], "INSTRUMENT=AMOUNT"),
        (["--reason", "x", "--hedged", "BTC/USDT=1"], "not traded here"),
        (["--reason", "x", "--hedged", "XRP/USDT=many"], "not a decimal"),
        (["--reason", "x", "--hedged", "XRP/USDT=-1"], "nothing is open"),
        (["--reason", "x", "--scope", "venue:kraken"], "venue:kraken"),
    ):
        assert await say(*given, *words) == 2
        error = capsys.readouterr().err
        assert part in error
        assert error.count("\n") == 1
    async with trading(tmp_path, mock) as run:
        for words, part in (
            (["--reason", "x", "--scope", "venue:kraken"], "not of this engine"),
            (["--reason", "x", "--hedged", "BTC/USDT=1"], "not traded here"),
        ):
            assert await say(*given, *words) == 2
            assert part in capsys.readouterr().err
        placed = run.placed
        await run.until(lambda: run.placed > placed)
        assert await run.stop() == 0


async def test_nothing_that_could_send_is_begun_once_the_run_ends(
    tmp_path: Path, mock: MockVenues
) -> None:
    """An order that left after END would be looked after by nobody."""
    config_of(tmp_path, mock)
    async with trading(tmp_path, mock, risk=NO_BUDGET) as run:
        await give_up(run, mock)
        words = run.service._words
        assert words is not None
        assert await run.stop() == 0
        with pytest.raises(UsageError, match="about to end"):
            words.flatten({"reason": "x", "who": "ann", "max_loss": "1", "within_s": "5"})
    found = [record for _, record in journal(tmp_path)]
    begun = next(at for at, r in enumerate(found) if isinstance(r, Control) and r.action == "stop")
    assert not [r for r in found[begun:] if isinstance(r, PlaceLegsRecord)]


async def test_an_order_that_works_is_not_settled_by_hand(
    tmp_path: Path,
    mock: MockVenues,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its venue's word comes first, however long that takes."""
    config = config_of(tmp_path, mock)
    monkeypatch.setattr("xrpfast.service.said.SETTLE_AFTER_NS", 0)
    async with trading(tmp_path, mock, order_timeout_ms=20_000) as run:
        mock.faults.add(
            {"venue": "binance", "channel": "ws", "action": "delay", "params": {"ms": 5_000},
             "match": {"route": "order.place"}}
        )  # fmt: skip
        unsettled = run.engine.orders.unsettled
        await run.until(lambda: [o for o in unsettled.values() if o.venue == "binance"])
        client_id = next(o.client_id for o in unsettled.values() if o.venue == "binance")
        assert await say("settle", client_id, "--config", config, "--reason", "x") == 2
        assert "its word counts" in capsys.readouterr().err
        mock.flow.pause()
        mock.faults.clear()
        await run.until(lambda: not unsettled)


async def test_a_halt_that_comes_while_a_resume_works_stays(
    tmp_path: Path,
    mock: MockVenues,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Reading a long journal takes its time, and somebody else sees something meanwhile."""
    config = config_of(tmp_path, mock)
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.placed >= 2)
        assert await run.stop() == 0
    latch = Latch(tmp_path)
    latch.set(Entry(ENGINE, TradingState.HALTED, "strange fills", "ann", 1))
    books = offline._books

    def slowly(state: StateDir) -> Any:
        latch.set(Entry(ENGINE, TradingState.HALTED, "do not start it", "bob", 2))
        return books(state)

    monkeypatch.setattr(offline, "_books", slowly)
    words = ["resume", "--config", config, "--reason", "looked"]
    assert await say(*words) == 2
    error = capsys.readouterr().err
    assert "closed just now: engine by ann and bob: do not start it" in error
    assert error.count("\n") == 1
    monkeypatch.setattr(offline, "_books", books)
    assert latch.halted() is not None
    assert await say(*words) == 0
    assert latch.entries() == ()


async def test_a_drill_opens_nothing_that_it_cannot_put_on_record(
    tmp_path: Path, mock: MockVenues, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = load(Path(config_of(tmp_path, mock)))
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.placed >= 2)
        assert await run.stop() == 0
    mine = Entry(ENGINE, TradingState.HALTED, "live drill 1", "ann", 1)
    latch = Latch(tmp_path)
    latch.set(mine)
    books = offline._books

    def full(state: StateDir) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(offline, "_books", full)
    with pytest.raises(OSError, match="No space left"):
        offline.drilled(config, mine, "ann")
    assert latch.halted() == mine
    monkeypatch.setattr(offline, "_books", books)
    assert offline.drilled(config, mine, "ann") == ""
    assert latch.entries() == ()
    words = [e.action for _, e in journal(tmp_path) if isinstance(e, Control)]
    assert words[-1] == "drilled"
    assert "resume" not in words
