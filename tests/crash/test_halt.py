"""`halt` against a real engine in every state, and without one (RISK 32, F34, F37): real processes.

Orders of the engine work at both venues: some that it sent and that were never answered, one at
each that it does not know of, and one of somebody else, who must not notice anything.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.blocking_engine import NAME as BLOCK
from support.resting import FOREIGN, resting
from support.stop_scene import (
    BLOCKING,
    CANCELS,
    STRAY,
    TESTS,
    VENUES,
    Scene,
    fates,
    scene,
)
from xrpfast.service.halts import read as read_receipt
from xrpfast.service.latch import Entry, Latch
from xrpfast.simulation.process import MockExchanges, mock_exchanges
from xrpfast.trading.states import KEPT, TradingState

_, REDUCING, HALTED = KEPT
AGAIN_IN_1_S = {"serverTime": 1_000, "retryAfter": 2_000}
EMPTY = {venue: [FOREIGN] for venue in VENUES}


@pytest.fixture
def mock() -> Iterator[MockExchanges]:
    with mock_exchanges("--seed", "51") as running:
        yield running


async def stopped(it: Scene, code: int, receipt: dict[str, Any], by: str) -> None:
    """What every halt ends with."""
    assert (code, receipt["not_verified"]) == (0, [])
    assert receipt["verified"]
    assert receipt["by"] == by
    assert await it.at_work() == EMPTY
    halted = it.halted()
    assert halted is not None
    assert halted.reason == "test"
    for venue in receipt["venues"]:
        assert venue["foreign"] == 1
        assert venue["verified_ms"] is not None
    said = fates(receipt)
    # The engine's own comparison with a venue may come upon it, too, and be the one to cancel it.
    assert all(said[venue][STRAY] in ("cancelled", "gone") for venue in VENUES)
    await it.nothing_new_since(receipt["wall_ns"])


async def test_a_running_engine_cancels_verifies_and_ends(
    tmp_path: Path, mock: MockExchanges
) -> None:
    async with scene(tmp_path, mock) as it:
        engine = await it.trading()
        before = await it.ours()
        code, receipt = await it.halt()
        await stopped(it, code, receipt, "engine")
        assert receipt["pid"] == engine.process.pid
        assert await engine.ended() == 3
        assert "halted: test" in engine.last_line
        # Both orders of the engine and both that it did not know.
        assert receipt["cancelled"] == 4
        assert receipt["unsettled"] == []
        assert 0 < receipt["first_cancel_ms"] < receipt["verified_ms"]
        await it.nothing_new_since(receipt["wall_ns"], before)
        # Nothing trades before a person has looked.
        again = await it.start()
        assert await again.ended() == 3
        await it.nothing_new_since(receipt["wall_ns"], before)


async def test_a_second_halt_cancels_and_reports_again(tmp_path: Path, mock: MockExchanges) -> None:
    async with scene(tmp_path, mock) as it:
        engine = await it.trading()
        first = await it.halt()
        await stopped(it, *first, "engine")
        assert await engine.ended() == 3
        for venue in VENUES:
            await it.fault(resting(venue, STRAY + "a"))
        code, receipt = await it.halt("again")
        assert (code, receipt["by"], receipt["reason"]) == (0, "command", "again")
        assert receipt["notes"][0].endswith(("no engine runs", "start or to end"))
        assert receipt["cancelled"] == 2
        assert await it.at_work() == EMPTY
        halted = it.halted()
        assert halted is not None
        assert halted.reason == "test", "the first reason stays"
        assert len(list((it.state_dir / "receipts").iterdir())) == 2


@pytest.mark.parametrize("status", [503, 429])
async def test_cancels_that_are_refused_are_sent_again(
    tmp_path: Path, mock: MockExchanges, status: int
) -> None:
    async with scene(tmp_path, mock) as it:
        engine = await it.trading()
        for venue in VENUES:
            for route in CANCELS[venue]:
                await it.fault(refusal(venue, route, status))
        code, receipt = await it.halt()
        await stopped(it, code, receipt, "engine")
        assert await engine.ended() == 3
        assert all(venue["failures"] for venue in receipt["venues"])


def refusal(venue: str, route: str, status: int) -> dict[str, Any]:
    """The next cancels there get this answer."""
    rest = route.startswith("DELETE")
    params: dict[str, Any] = {"status": status}
    if status == 429 and venue == "binance":
        params |= {"code": -1003, "msg": "Too many requests"}
        told = {"headers": {"Retry-After": "1"}} if rest else {"data": AGAIN_IN_1_S}
        params |= told
    elif status == 429:
        params |= {"code": "429000", "msg": "Too many requests"}
        if rest:
            params["headers"] = {"gw-ratelimit-remaining": "0", "gw-ratelimit-reset": "1000"}
    elif rest:
        params |= {"body": "<html>"}
    return {
        "venue": venue, "channel": "rest" if rest else "ws", "action": "reply", "params": params,
        "match": {"route": route, "times": 3},
    }  # fmt: skip


async def test_dead_feeds_keep_nothing_from_being_cancelled(
    tmp_path: Path, mock: MockExchanges
) -> None:
    """Every socket is silent and no new one comes up: market data, private streams, order entry."""
    async with scene(tmp_path, mock) as it:
        engine = await it.trading()
        before = await it.ours()
        for venue in VENUES:
            for action in ("silence", "refuse"):
                await it.fault({"venue": venue, "channel": "socket", "action": action})
        code, receipt = await it.halt()
        await stopped(it, code, receipt, "engine")
        await it.nothing_new_since(receipt["wall_ns"], before)
        assert await engine.ended() == 3


async def test_one_venue_is_halted_and_the_other_left_alone(
    tmp_path: Path, mock: MockExchanges
) -> None:
    async with scene(tmp_path, mock) as it:
        engine = await it.trading(hold=False)
        await asyncio.to_thread(mock.pause)
        await engine.until(lambda s: s["working"] == 0)
        before = await it.ours()
        code, receipt = await it.halt(scope="venue:binance")
        assert (code, receipt["by"], receipt["scope"]) == (0, "engine", "venue:binance")
        assert fates(receipt) == {"binance": {STRAY: "cancelled"}}
        assert await it.at_work() == {"binance": [FOREIGN], "kucoin": sorted([FOREIGN, STRAY])}
        await asyncio.to_thread(mock.resume)
        state = await engine.until(lambda s: s["counts"]["refused"].get("VENUE_HALTED", 0) > 3)
        assert state["trading"] == "ACTIVE"
        assert state["scopes"] == {"venue:binance": "HALTED"}
        assert (await it.ours()).keys() == before.keys()
        # The other one can be stopped as well, and a person opens one after the other.
        await it.command("resume", "--reason", "looked", "--scope", "venue:binance")
        await engine.until(lambda s: s["counts"]["orders"] > len(before))
        assert await engine.stop() == 0


async def test_another_process_that_latches_halts_a_running_engine(
    tmp_path: Path, mock: MockExchanges
) -> None:
    async with scene(tmp_path, mock) as it:
        engine = await it.trading()
        Latch(it.state_dir).set(Entry("engine", TradingState.HALTED, "by hand", "ann", 1))
        assert await engine.ended() == 3
        assert "halted: by hand" in engine.last_line
        assert await it.at_work() == EMPTY


async def test_a_signal_halts(tmp_path: Path, mock: MockExchanges) -> None:
    async with scene(tmp_path, mock) as it:
        engine = await it.trading()
        engine.process.send_signal(signal.SIGUSR1)
        assert await engine.ended() == 3
        assert await it.at_work() == EMPTY
        halted = it.halted()
        assert halted is not None
        assert (halted.who, halted.reason) == ("SIGUSR1", "signal SIGUSR1")
        (path,) = (it.state_dir / "receipts").iterdir()
        receipt = read_receipt(path)
        assert receipt is not None
        assert receipt.verified


@pytest.mark.parametrize(
    ("scope", "state"),
    [("engine", HALTED), ("venue:kucoin", HALTED), ("venue:kucoin", REDUCING),
     ("strategy:xrp-arb", HALTED), ("symbol:XRP/USDT", REDUCING)],
)  # fmt: skip
async def test_a_state_outlives_kill_9(
    tmp_path: Path, mock: MockExchanges, scope: str, state: TradingState
) -> None:
    """Killed the moment after the state is on disk, before the engine has done anything else."""
    async with scene(tmp_path, mock) as it:
        engine = await it.trading(hold=False)
        Latch(it.state_dir).set(Entry(scope, state, "why", "ann", 7))
        if scope != "engine":
            await engine.until(lambda s: s["scopes"] == {scope: state.value})
        engine.kill()
        await engine.ended()
        code, document = await it.status()
        assert document["scopes"][scope] == {
            "state": state.value, "reason": "why", "who": "ann", "since_ns": 7,
        }  # fmt: skip
        assert code == (3 if scope == "engine" else 0)
        again = await it.start()
        if scope == "engine":
            assert await again.ended() == 3
            return
        said = await again.until(lambda s: s["trading"] == "ACTIVE" and s["books"])
        assert said["scopes"] == {scope: state.value}
        orders = said["counts"]["orders"]
        said = await again.until(lambda s: sum(s["counts"]["refused"].values()) > 5)
        assert said["counts"]["orders"] == orders
        assert await again.stop() == 0


async def test_status_tells_how_things_stand(tmp_path: Path, mock: MockExchanges) -> None:
    async with scene(tmp_path, mock) as it:
        code, document = await it.status()
        assert (code, document["engine"]["state"], document["halted"]) == (0, "stopped", False)
        engine = await it.trading()
        code, document = await it.status()
        assert code == 0
        assert document["engine"]["state"] == "running"
        assert document["engine"]["trading"] == "ACTIVE"
        assert document["engine"]["process"] == engine.process.pid
        assert len(document["unsettled"]) == 2
        assert document["venues"]["kucoin"]["foreign"] == 1
        engine.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(1.2)
        _, document = await it.status()
        assert document["engine"]["state"] == "silent"
        assert document["engine"]["silent_ms"] >= 1_000
        engine.process.send_signal(signal.SIGCONT)
        await it.halt("enough")
        await engine.ended()
        code, document = await it.status()
        assert (code, document["halted"], document["engine"]["state"]) == (3, True, "stopped")
        assert document["scopes"]["engine"]["reason"] == "enough"
        assert document["receipts"][0]["verified"]
        assert (document["words"][0]["action"], document["words"][0]["reason"]) == (
            "halt", "enough",
        )  # fmt: skip
        assert document["unsettled"] == []
        await it.command("resume", "--reason", "looked")
        code, document = await it.status()
        assert (code, document["halted"]) == (0, False)
        assert [word["action"] for word in document["words"]] == ["resume", "halt"]
        said = await it.command("status")
        assert "resume all by" in said


# --- no engine answers: the cases are waited for side by side, each is mostly waiting


async def asleep(folder: Path, mock: MockExchanges) -> None:
    async with scene(folder, mock) as it:
        engine = await it.trading()
        before = await it.ours()
        engine.process.send_signal(signal.SIGSTOP)
        code, receipt = await it.halt()
        await stopped(it, code, receipt, "command")
        engine.process.send_signal(signal.SIGCONT)
        assert await engine.ended() == 3
        await it.nothing_new_since(receipt["wall_ns"], before)


async def blocked(folder: Path, mock: MockExchanges) -> None:
    """A callback of the loop that does not return."""
    async with scene(folder, mock) as it:
        engine = await it.trading(command=BLOCKING, env=TESTS)
        before = await it.ours()
        block = it.path.with_name(BLOCK)
        block.touch()
        code, receipt = await it.halt()
        await stopped(it, code, receipt, "command")
        block.unlink()
        assert await engine.ended() == 3
        await it.nothing_new_since(receipt["wall_ns"], before)


async def gone(folder: Path, mock: MockExchanges) -> None:
    async with scene(folder, mock) as it:
        engine = await it.trading()
        before = await it.ours()
        engine.kill()
        await engine.ended()
        code, receipt = await it.halt()
        await stopped(it, code, receipt, "command")
        assert receipt["notes"][0].endswith(("no engine runs", "start or to end"))
        await it.nothing_new_since(receipt["wall_ns"], before)


async def all_down(folder: Path, mock: MockExchanges) -> None:
    """Both die (F34): the halt stands on disk, the state is kept, and it is said what may work."""
    async with scene(folder, mock) as it:
        engine = await it.trading()
        engine.kill()
        await engine.ended()
        rules = [
            await it.fault({"venue": venue, "channel": "venue", "action": "down"})
            for venue in VENUES
        ]
        code, receipt = await it.halt(within="3")
        assert code == 1
        assert [line.partition(":")[0] for line in receipt["not_verified"]] == list(VENUES)
        assert it.halted() is not None
        for rule in rules:
            await asyncio.to_thread(mock.heal, rule)
        code, again = await it.halt()
        await stopped(it, code, again, "command")


async def not_told_of_a_scope(folder: Path, mock: MockExchanges) -> None:
    """It is halted as a whole: nobody controls it."""
    async with scene(folder, mock) as it:
        engine = await it.trading()
        before = await it.ours()
        engine.process.send_signal(signal.SIGSTOP)
        code, receipt = await it.halt(scope="venue:binance")
        assert (code, receipt["scope"]) == (0, "engine")
        assert receipt["reason"] == "the engine did not answer a halt of venue:binance: test"
        assert await it.at_work() == EMPTY
        _, document = await it.status()
        assert {s: d["state"] for s, d in document["scopes"].items()} == {
            "engine": "HALTED", "venue:binance": "HALTED",
        }  # fmt: skip
        engine.process.send_signal(signal.SIGCONT)
        assert await engine.ended() == 3
        await it.nothing_new_since(receipt["wall_ns"], before)


@pytest.mark.timeout(300)
async def test_the_command_cancels_by_itself_when_no_engine_answers(tmp_path: Path) -> None:
    """And an engine that wakes up later sends nothing."""

    async def one(number: int, case: Callable[[Path, MockExchanges], Awaitable[None]]) -> None:
        # Engines that start in one second would count their runs alike, and name orders alike.
        state = tmp_path / str(number) / "state"
        state.mkdir(parents=True)
        (state / "epoch").write_text(f"{10**9 + number * 10**6}\n")
        with mock_exchanges("--seed", str(52 + number)) as mock:
            await case(tmp_path / str(number), mock)

    async with asyncio.TaskGroup() as group:
        for number, case in enumerate((asleep, blocked, gone, all_down, not_told_of_a_scope)):
            group.create_task(one(number, case))
