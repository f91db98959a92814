"""`run` with mode = paper, as its own process: it trades, and no real venue hears of an order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time_ns
from typing import Any

import msgspec
import pytest

from support.authorised import Authorised, Child
from support.engine_process import EngineProcess, State, configure, records
from support.paper import RealVenues, paper_file, paper_line, paper_mock, real_venues
from xrpfast.records import kinds
from xrpfast.records.compare import compare
from xrpfast.records.start import Start
from xrpfast.simulation.process import mock_exchanges

VENUES = ("binance", "kucoin")
WAIT_S = 40.0


@asynccontextmanager
async def running(config: Path) -> AsyncIterator[EngineProcess]:
    engine = await EngineProcess.start(config)
    try:
        yield engine
    finally:
        engine.kill()
        await engine.ended()


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def runs(pid: int) -> bool:
    """Not so for one of whose end nobody has taken note yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def words_of(pid: int) -> list[str]:
    """How a process was started."""
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


async def gone(pid: int) -> None:
    async with asyncio.timeout(WAIT_S):
        while runs(pid):  # noqa: ASYNC110  (it is no child of ours)
            await asyncio.sleep(0.02)


def trades(count: int) -> Any:
    return lambda state: state["counts"]["fills"] >= count


async def truth(engine: EngineProcess) -> dict[str, Any]:
    mock = paper_mock(engine.state_dir)
    return dict(await asyncio.to_thread(mock.control, "GET", "/ledger"))


def orders_at(seen: dict[str, Any], venue: str) -> set[str]:
    return {order["client_id"] for order in seen["venues"][venue]["orders"]}


def entered(engine: EngineProcess, since_ns: int, until_ns: int) -> list[Any]:
    """Pairs of orders that were decided in a time. A leg that traded alone may be hedged then, at
    the venue whose book is live."""
    return [
        record
        for record in records(engine.state_dir)
        if record[2] == kinds.COMMAND
        and since_ns < record[1] < until_ns
        and len(_placed(record[3])) > 1
    ]


async def quiet(real: RealVenues, engine: EngineProcess) -> State:
    """The real market stands still, and nothing of ours works."""
    real.mock.flow.pause()
    return await engine.until(lambda state: state["working"] == 0 and not state["unsettled"])


@pytest.mark.timeout(150)
async def test_it_trades_on_paper_and_the_real_venues_hear_of_no_order(
    tmp_path: Path, authorised: Authorised
) -> None:
    async with real_venues(71) as real:
        config = paper_file(tmp_path, real.line, paper={"latency_ms": 25})
        async with running(config) as engine:
            await engine.until(trades(6))
            (child,) = children(engine.process.pid)
            mock = Child(paper_line(engine.state_dir))
            mock.born_ns = 0
            authorised.mocks.append(mock)
            state = await quiet(real, engine)
            assert state["counts"]["orders"] > 0
            assert state["counts"]["anomalies"] == 0
            for words in (["status"], ["reconcile"], ["limits", "show"]):
                code, said = await command(*words, "--config", str(config))
                assert code == 0, said
            seen = await truth(engine)
            authorised.check()
            mock.ended_ns = time_ns()
            engine.process.send_signal(signal.SIGINT)
            assert await engine.ended() == 0, engine.log
            await gone(child)
        assert real.asked()
        real.saw_public_questions_alone()
    assert compare(engine.state_dir / "ledger.sqlite", seen) == []
    kept = records(engine.state_dir)
    assert kept[0][2] == kinds.START
    assert msgspec.json.decode(kept[0][3], type=Start).environment == "p"
    assert not (engine.state_dir / "paper" / "venues.json").exists()
    sent = {
        client_id: record[1]
        for record in kept
        if record[2] == kinds.COMMAND
        for client_id in _placed(record[3])
    }
    waits = [
        order["accepted_ns"] - sent[order["client_id"]]
        for venue in seen["venues"].values()
        for order in venue["orders"]
    ]
    assert waits
    assert min(waits) >= 20_000_000, "an order was there before its time"


def _placed(payload: bytes) -> list[str]:
    command = msgspec.json.decode(payload)
    found = command.get("legs", ()) if command.get("command") == "place_legs" else ()
    return [leg["client_id"] for leg in found]


async def command(*words: str) -> tuple[int, str]:
    """One command beside the engine: its code, and all that it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "xrpfast", *words,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), WAIT_S)
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.mark.timeout(150)
async def test_a_halt_while_it_runs_and_after_it_has_ended(tmp_path: Path) -> None:
    async with real_venues(81) as real:
        config = paper_file(tmp_path, real.line)
        async with running(config) as engine:
            await engine.until(trades(2))
            code, said = await command("halt", "--config", str(config), "--reason", "test")
            assert (code, "binance: " in said) == (0, True), said
            assert await engine.ended() == 3
        code, said = await command("halt", "--config", str(config), "--reason", "again")
        assert code == 0, said
        assert "its paper venues, and every order there, ended with it" in said
        code, said = await command("run", "--config", str(config))
        assert code == 3, said
        assert said.count("\n") == 1
        code, said = await command("report", "--state-dir", str(engine.state_dir))
        assert code == 0, said
        code, said = await command("resume", "--config", str(config), "--reason", "test")
        assert code == 0, said


@pytest.mark.timeout(120)
async def test_a_halt_beside_an_engine_that_hangs_is_not_called_verified(tmp_path: Path) -> None:
    """Its paper venues, which nobody else knows, may still hold orders."""
    async with real_venues(82) as real:
        config = paper_file(tmp_path, real.line)
        async with running(config) as engine:
            await engine.until(lambda state: state["trading"] == "ACTIVE")
            engine.process.send_signal(signal.SIGSTOP)
            code, said = await command("halt", "--config", str(config), "--reason", "test")
            assert code == 1, said
            holder = engine.process.pid
            assert f"NOT VERIFIED: orders may work at the paper venues of process {holder}" in said


@pytest.mark.timeout(150)
async def test_no_order_is_decided_on_a_book_whose_feed_is_cut(tmp_path: Path) -> None:
    async with real_venues(72) as real:
        config = paper_file(tmp_path, real.line)
        async with running(config) as engine:
            await engine.until(trades(2))
            down = real.fault("kucoin", "down")
            await engine.until(lambda s: any(book["state"] != "LIVE" for book in s["books"]))
            cut_ns = time_ns()
            before = orders_at((await truth(engine)), "kucoin")
            steps = real.mock.flow.steps
            await engine.reached(lambda: real.mock.flow.steps > steps + 100)
            assert orders_at((await truth(engine)), "kucoin") == before
            healed_ns = time_ns()
            real.heal(down)
            await engine.until(lambda s: s["counts"]["orders"] > len(before) * 2 + 4)
            assert not entered(engine, cut_ns, healed_ns)
            assert await engine.stop() == 0, engine.log


@pytest.mark.timeout(150)
async def test_a_feed_that_is_silent_is_old_for_the_engine(tmp_path: Path) -> None:
    """Its socket stands, other frames come, and nothing is entered on it."""
    async with real_venues(73) as real:
        config = paper_file(tmp_path, real.line, risk={"max_book_age_ms": 300})
        async with running(config) as engine:
            await engine.until(trades(2))
            silent = real.mock.faults.add(
                {"venue": "kucoin", "channel": "market", "action": "drop"}
            )
            steps = real.mock.flow.steps
            await engine.reached(lambda: real.mock.flow.steps > steps + 40)
            silent_ns = time_ns()
            before = orders_at((await truth(engine)), "kucoin")
            steps = real.mock.flow.steps
            await engine.reached(lambda: real.mock.flow.steps > steps + 60)
            assert orders_at((await truth(engine)), "kucoin") == before
            healed_ns = time_ns()
            real.heal(silent)
            await engine.until(lambda s: s["counts"]["orders"] > len(before) * 2 + 4)
            assert not entered(engine, silent_ns, healed_ns)


@pytest.mark.timeout(120)
async def test_a_killed_engine_takes_its_venues_along(tmp_path: Path) -> None:
    async with real_venues(74) as real, running(paper_file(tmp_path, real.line)) as engine:
        await engine.until(lambda state: state["trading"] == "ACTIVE")
        (child,) = children(engine.process.pid)
        engine.kill()
        await engine.ended()
        await gone(child)


@pytest.mark.timeout(120)
async def test_ctrl_c_while_the_real_venues_do_not_answer(tmp_path: Path) -> None:
    silent = await asyncio.start_server(lambda *_: asyncio.Event().wait(), "127.0.0.1", 0)
    async with silent:
        place = f"127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        http, ws = f"http://{place}", f"ws://{place}"
        line = {
            "venues": {
                "binance": {"rest_url": http, "stream_url": ws, "ws_api_url": ws},
                "kucoin": {"rest_url": http, "order_url": ws},
            }
        }
        async with running(paper_file(tmp_path, line)) as engine:
            log = engine.state_dir / "paper" / "venues.log"
            await engine.reached(log.exists)
            await engine.reached(lambda: children(engine.process.pid))
            (child,) = children(engine.process.pid)
            await engine.reached(lambda: "--mirror" in words_of(child))
            engine.process.send_signal(signal.SIGINT)
            assert await engine.ended() == 0, engine.log
            assert not engine.log
            await gone(child)


@pytest.mark.timeout(120)
async def test_an_engine_without_its_venues_ends_and_says_so(tmp_path: Path) -> None:
    async with real_venues(75) as real, running(paper_file(tmp_path, real.line)) as engine:
        await engine.until(lambda state: state["trading"] == "ACTIVE")
        (child,) = children(engine.process.pid)
        os.kill(child, signal.SIGKILL)
        assert await engine.ended() == 1
        assert "the paper venues have gone" in engine.last_line


@pytest.mark.timeout(120)
async def test_a_key_in_the_file_is_refused_whatever_the_host(tmp_path: Path) -> None:
    """A name may lead to a real venue, and nothing on paper needs one."""
    async with real_venues(84) as real:
        config = paper_file(tmp_path, real.line)
        text = config.read_text().replace(
            "[venues.kucoin]", '[venues.kucoin]\nkey_file = "nowhere.key"'
        )
        config.write_text(text)
        async with running(config) as engine:
            assert await engine.ended() == 2
            assert 'mode = "paper" with a key for 127.0.0.1: remove the key' in engine.log
            assert "theirs" not in engine.log
        assert real.asked() == set()


@pytest.mark.timeout(150)
async def test_every_run_begins_with_a_new_account_and_new_records(tmp_path: Path) -> None:
    async with real_venues(76) as real:
        config = paper_file(tmp_path, real.line)
        async with running(config) as first:
            await first.until(trades(2))
            first.kill()  # with orders out, and base that is not hedged
            await first.ended()
        before = records(first.state_dir)
        async with running(config) as second:
            state = await second.until(trades(2))
            assert state["epoch"] > msgspec.json.decode(before[0][3], type=Start).epoch
            await quiet(real, second)
            seen = await truth(second)
            assert await second.stop() == 0, second.log
        assert compare(second.state_dir / "ledger.sqlite", seen) == []
        place = second.state_dir / "earlier" / "000001"
        assert records(place) == before
        assert (place / "ledger.sqlite").is_file()
        assert not [r for r in records(second.state_dir) if r[2] == kinds.RECOVERY]


@pytest.mark.timeout(150)
async def test_records_of_different_modes_are_never_mixed(tmp_path: Path) -> None:
    """The worst: paper fills in the ledger of real money, or real records moved away."""
    with mock_exchanges("--seed", "77") as mock:
        demo = configure(tmp_path, mock)
        async with running(demo) as engine:
            await engine.until(trades(2))
            assert await engine.stop() == 0
        before = _files(engine.state_dir)
    async with real_venues(78) as real:
        paper = paper_file(tmp_path, real.line)
        async with running(paper) as engine:
            assert await engine.ended() == 2
        assert len(engine.log.strip().splitlines()) == 1
        assert "has records of demo runs" in engine.last_line
        assert "choose another state_dir" in engine.last_line
        assert _files(engine.state_dir) == before
        assert not real.asked()
        code, said = await command("halt", "--config", str(paper), "--reason", "test")
        assert code == 1, said
        assert "NOT VERIFIED: the latest run here was of another mode" in said

        other = paper_file(tmp_path / "other", real.line)
        async with running(other) as engine:
            await engine.until(lambda state: state["trading"] == "ACTIVE")
            assert await engine.stop() == 0
        kept = _files(engine.state_dir)
    with mock_exchanges("--seed", "79") as mock:
        demo = configure(tmp_path / "other", mock)
        async with running(demo) as engine:
            assert await engine.ended() == 2
        assert "is of runs in another mode" in engine.last_line
        assert _files(engine.state_dir)["ledger.sqlite"] == kept["ledger.sqlite"]
        assert all(not venue["orders"] for venue in mock.ledger().values())


def _files(state_dir: Path) -> dict[str, bytes]:
    paths = [*(state_dir / "journal").iterdir(), state_dir / "ledger.sqlite"]
    return {path.name: path.read_bytes() for path in sorted(paths)}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("venue", VENUES)
async def test_a_real_venue_that_cannot_be_reached_is_named(tmp_path: Path, venue: str) -> None:
    async with real_venues(80) as real:
        real.fault(venue, "down")
        async with running(paper_file(tmp_path, real.line)) as engine:
            assert await engine.ended() == 1
        assert "the paper venues did not start" in engine.last_line
        assert venue in engine.last_line
