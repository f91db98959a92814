"""Halting without an engine, and the order of things: on disk first, then the first cancel."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.resting import FOREIGN, resting, working
from support.service import crash, trading
from xrpfast.cli.app import run as cli
from xrpfast.config.demo import demo_values
from xrpfast.config.loader import build
from xrpfast.config.root import Config
from xrpfast.errors import HaltedError, UsageError
from xrpfast.records.identity import identify
from xrpfast.records.unsettled import left
from xrpfast.service import halting
from xrpfast.service.alerting.tail import Tail
from xrpfast.service.cancelling import CANCELLED
from xrpfast.service.flatten import Order
from xrpfast.service.flatten_run import FlattenRun
from xrpfast.service.halting import halt
from xrpfast.service.halts import read
from xrpfast.service.heartbeat import Heartbeat, RunState
from xrpfast.service.heartbeat import read as read_beat
from xrpfast.service.latch import Entry, Latch
from xrpfast.service.statedir import StateDir
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.simulation.truth import ledger
from xrpfast.trading.states import TradingState

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


async def test_no_cancel_waits_for_an_alert_that_no_disk_takes(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes none before an order was cancelled, and then it does."""
    cancelled, in_time = threading.Event(), list[bool]()
    cancel = Exchange.cancel

    def cancelling(self: Exchange, *order: Any) -> Any:
        cancelled.set()
        return cancel(self, *order)

    def hang(folder: Path, source: str, level: str, text: str) -> None:
        in_time.append(cancelled.wait(1.5))

    monkeypatch.setattr(Exchange, "cancel", cancelling)
    monkeypatch.setattr(halting, "tell_once", hang)
    receipt, _ = await halt(config, "engine", "why", "ann")
    assert receipt.verified
    assert in_time == [True, True]


async def test_a_halt_by_a_command_is_told_before_and_after(
    mock: MockVenues, config: Config, tmp_path: Path
) -> None:
    await halt(config, "engine", "why", "ann")
    before, after = Tail(tmp_path, None).read()
    assert (before.source, before.level) == (after.source, after.level) == ("halt", "critical")
    assert before.text.startswith("halt of engine by ann: why; ")
    assert before.text.endswith(": the command cancels")
    assert "verified empty" in after.text


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
    before = Heartbeat(config.state_dir / "heartbeat", lambda: None)
    work = asyncio.create_task(halt(config, "engine", "why", "ann"))
    async with asyncio.timeout(10):
        while not before.halt_word[0]:  # noqa: ASYNC110 (not the first word)
            await asyncio.sleep(0.01)
    starting = Heartbeat(config.state_dir / "heartbeat", lambda: None)
    assert not starting.halt_word[0]
    async with asyncio.timeout(10):
        while not starting.halt_word[0]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
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


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds for which an order can be on its way, for the sake of the test."""
    seconds = 2.5
    for venue in ("binance", "kucoin"):
        for name in ("API_TIMEOUT_S", "MARGIN_S"):
            monkeypatch.setattr(f"xrpfast.venues.{venue}.cancel_only.{name}", 0.25)
    monkeypatch.setattr("xrpfast.venues.kucoin.cancel_only.SIGNED_TIME_S", 2.0)
    return seconds


async def test_after_a_crash_an_empty_list_proves_nothing_before_its_time(
    mock: MockVenues, config: Config, late: float
) -> None:
    heartbeat = config.state_dir / "heartbeat"
    Heartbeat(heartbeat, lambda: None).running()  # and no more is heard of it
    receipt, _ = await halt(config, "engine", "why", "ann")
    assert receipt.verified
    assert all((venue.verified_ms or 0) >= late * 1_000 for venue in receipt.venues)
    beat = read_beat(heartbeat)
    assert beat is not None
    assert beat.state is RunState.STOPPED, "nobody has to answer for it any more"
    again, _ = await halt(config, "engine", "why", "ann")
    assert all((venue.verified_ms or 0) < late * 1_000 for venue in again.venues)


async def test_an_order_of_the_engine_that_was_not_answered_may_still_arrive(
    mock: MockVenues, tmp_path: Path, late: float
) -> None:
    mock.faults.add(
        {"venue": "kucoin", "channel": "ws", "point": "before_accept", "action": "drop",
         "match": {"route": "spot.*order", "times": 1}}
    )  # fmt: skip
    async with trading(tmp_path, mock) as run:
        unsettled = run.engine.orders.unsettled
        await run.until(lambda: run.placed >= 2 and len(unsettled) == 1)
        (lost,) = unsettled.values()
        receipts = tmp_path / "receipts"
        run.say("halt")
        await run.until(lambda: receipts.exists() and list(receipts.glob("*.json")))
        run.task.cancel()  # the desk would go on asking for that order
        await asyncio.wait({run.task})
    (path,) = receipts.iterdir()
    receipt = read(path)
    assert receipt is not None
    assert receipt.verified
    assert receipt.unsettled == [lost.client_id]
    assert max(venue.verified_ms or 0 for venue in receipt.venues) >= 1_500


async def test_a_venue_that_does_not_answer_is_said_to_be_not_verified(
    mock: MockVenues, config: Config
) -> None:
    mock.faults.add({"venue": "kucoin", "channel": "venue", "action": "down"})
    receipt, path = await halt(config, "engine", "why", "ann", within_s=2.5)
    assert not receipt.verified
    assert receipt.verified_ms is None
    assert [line.partition(":")[0] for line in receipt.not_verified] == ["kucoin"]
    assert at_work(mock)["binance"] == [FOREIGN]
    assert path is not None
    kept = read(path)
    assert kept is not None
    assert not kept.verified


async def test_a_venue_without_a_usable_key_keeps_no_other_from_being_cancelled(
    mock: MockVenues, tmp_path: Path, config: Config
) -> None:
    values = demo_values(tmp_path, mock.line)
    for name in ("api_key", "api_secret", "passphrase"):
        del values["venues"]["kucoin"][name]
    values["venues"]["kucoin"]["key_file"] = str(tmp_path / "gone.key")
    receipt, _ = await halt(build(values, "test"), "engine", "why", "ann")
    assert not receipt.verified
    (line,) = receipt.not_verified
    assert line.startswith("kucoin: ")
    assert "gone.key" in line
    assert at_work(mock) == {"binance": [FOREIGN], "kucoin": [FOREIGN, OURS]}
    alone, _ = await halt(build(values, "test"), "venue:binance", "why", "ann")
    assert alone.verified


async def test_orders_of_a_run_before_the_file_was_changed_are_cancelled(
    mock: MockVenues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for venue, route in (("binance", "order.place"), ("kucoin", "spot.*order")):
        mock.faults.add(
            {"venue": venue, "channel": "ws", "point": "after_accept_before_reply",
             "action": "drop", "params": {"match_after_ms": 600_000},
             "match": {"route": route, "times": 1}}
        )  # fmt: skip
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.placed == 2 and len(run.engine.orders.unsettled) == 2)
        lost = set(run.engine.orders.unsettled)
        await run.until(lambda: {one for ids in at_work(mock).values() for one in ids} == lost)
        path = tmp_path / "ledger.sqlite"
        await run.until(lambda: {order.client_id for order in left(path).orders} == lost)
        await crash(run)
    Heartbeat(tmp_path / "heartbeat", lambda: None).stop(clean=True)
    for venue in VENUES:
        mock.faults.add(resting(venue, OURS))
    values = demo_values(tmp_path, mock.line)
    values["engine"]["deployment"] = "othr"
    changed = build(values, "test")
    receipt, _ = await halt(changed, "engine", "why", "ann")
    assert receipt.verified, receipt.lines()
    assert {o.client_id for v in receipt.venues for o in v.orders} == {OURS, *lost}
    assert at_work(mock) == {venue: [] for venue in VENUES}
    monkeypatch.setattr("xrpfast.config.root.ENVIRONMENTS", {"demo": "p"})
    receipt, _ = await halt(changed, "engine", "why", "ann")
    assert ["another mode" in line for line in receipt.not_verified] == [True]


async def test_an_engine_that_does_not_answer_for_a_scope_is_halted_as_a_whole(
    mock: MockVenues, config: Config
) -> None:
    heartbeat = Heartbeat(config.state_dir / "heartbeat", lambda: None)
    connected = asyncio.Event()
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()
        writer.close()
        gone.set()

    path = str(config.state_dir / "control.sock")
    async with await asyncio.start_unix_server(silent, path):
        receipt, _ = await halt(config, "venue:kucoin", "why", "ann")
        await gone.wait()
    assert connected.is_set()
    assert heartbeat.halt_word[0] != 0
    assert (receipt.scope, receipt.verified) == ("engine", True)
    assert at_work(mock) == {venue: [FOREIGN] for venue in VENUES}
    assert {entry.scope for entry in Latch(config.state_dir).entries()} == {
        "engine",
        "venue:kucoin",
    }


async def test_a_venue_alone_is_halted_in_an_engine_that_runs(
    mock: MockVenues, tmp_path: Path
) -> None:
    async with trading(tmp_path, mock) as run:
        mock.flow.running = False
        await run.until(lambda: not run.engine.orders.unsettled)
        for venue in VENUES:
            mock.faults.add(resting(venue, OURS))
        config = build(demo_values(tmp_path, mock.line), "test")
        receipt, _ = await halt(config, "venue:binance", "why", "ann")
        assert (receipt.verified, receipt.by) == (True, "engine")
        assert [venue.venue for venue in receipt.venues] == ["binance"]
        assert at_work(mock) == {"binance": [], "kucoin": [OURS]}
        assert not run.task.done()
        said = [record for _, record in run.journal() if getattr(record, "action", "") == "halt"]
        assert len(said) == 1, "it is told once, however many ways it comes"
        assert await run.stop() == 0


async def test_what_another_process_latches_halts_a_running_engine(
    mock: MockVenues, tmp_path: Path
) -> None:
    async with trading(tmp_path, mock) as run:
        Latch(tmp_path).set(Entry("venue:kucoin", TradingState.REDUCING, "by hand", "ann", 1))
        await run.until(lambda: run.closed_by("kucoin") == "VENUE_REDUCING")
        Latch(tmp_path).set(Entry("engine", TradingState.HALTED, "by hand", "ann", 1))
        ended = await run.ended()
    assert isinstance(ended, HaltedError)
    assert "halted: by hand" in str(ended)


async def test_a_halt_before_a_flatten_has_begun_keeps_it_from_beginning(
    mock: MockVenues, config: Config
) -> None:
    state = StateDir.ready(config.state_dir)
    order = Order({"reason": "enough", "max_loss": "5"})
    identity = identify(config, armed=False)
    Latch(config.state_dir).set(Entry("engine", TradingState.HALTED, "first", "ann", 1))
    run = FlattenRun(config, state, identity, order)
    latch = Latch(config.state_dir)
    latch.clear(latch.entries())
    Latch(config.state_dir).set(Entry("engine", TradingState.HALTED, "another", "bob", 2))
    with pytest.raises(HaltedError, match="another"):
        await run.run()
    assert not (config.state_dir / "epoch").exists(), "it went no further"
    state.close()


@pytest.mark.parametrize("error", ["[risk]\nmax_position = 'lots'\n", "[risk\n"])
@pytest.mark.parametrize("running", [True, False])
async def test_a_file_with_an_error_keeps_nobody_from_stopping(
    mock: MockVenues,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    error: str,
    running: bool,
) -> None:
    path = tmp_path / "live.toml"
    path.write_text(f'state_dir = "{tmp_path}"\n{error}')
    words = ("halt", "--config", str(path), "--reason", "why", "--json")
    if running:
        async with trading(tmp_path, mock) as run:
            assert await asyncio.to_thread(cli, words) == 1
            assert isinstance(await run.ended(), HaltedError)
    else:
        assert await asyncio.to_thread(cli, words) == 1
    said = capsys.readouterr()
    receipt = json.loads(said.out)
    assert (receipt["by"], receipt["verified"]) == (
        ("engine", True) if running else ("command", False)
    )
    (line,) = [line for line in said.err.splitlines() if "nothing could be cancelled" in line]
    assert "live.toml" in line
    halted = Latch(tmp_path).halted()
    assert halted is not None
    assert halted.reason == "why"
    beat = read_beat(tmp_path / "heartbeat")
    assert running or (beat is None or beat.halt)
    assert await asyncio.to_thread(cli, ("halt", "--config", "gone.toml", "--reason", "why")) == 2
