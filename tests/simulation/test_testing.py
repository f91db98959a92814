"""The fixture for other projects: a foreign test file uses it, and nothing of it is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import xrpfast
from support.captures import CAPTURES
from xrpfast.errors import FailedError, UsageError
from xrpfast.simulation.control import Control
from xrpfast.simulation.faults.engine import Faults
from xrpfast.simulation.flow import MarketFlow
from xrpfast.simulation.process import MockExchanges, mock_exchanges

pytest_plugins = ["pytester"]

PATIENCE = 30.0
CONFTEST = """
import pytest
pytest_plugins = ["xrpfast.simulation.testing"]

@pytest.fixture(scope="session")
def mock_exchanges_arguments():
    return ["--seed", "11"]
"""
FOREIGN = """
import json
import urllib.request
from pathlib import Path

import aiohttp


def test_sync(mock_exchanges):
    Path("pid").write_text(str(mock_exchanges.pid))
    url = mock_exchanges.binance.rest_url + "/api/v3/ticker/bookTicker?symbol=XRPUSDT"
    with urllib.request.urlopen(url) as reply:
        assert json.load(reply)["symbol"] == mock_exchanges.binance.symbol
    mock_exchanges.adjust("kucoin", "XRP", "-1.5")
    assert mock_exchanges.ledger()["kucoin"]["balances"]["XRP"]["free"] == "19998.5"


async def test_async(mock_exchanges):
    assert Path("pid").read_text() == str(mock_exchanges.pid)  # one for the session
    mock_exchanges.pause()
    async with aiohttp.ClientSession() as http:
        url = mock_exchanges.kucoin.rest_url + "/api/v1/timestamp"
        async with http.get(url) as reply:
            assert (await reply.json())["code"] == "200000"
    assert mock_exchanges.market()["running"] is False
    mock_exchanges.resume()
    assert mock_exchanges.market(burst=0.5)["settings"]["burst"] == 0.5
"""
HANGING = """
import time
from pathlib import Path

def test_hangs(mock_exchanges):
    Path("pid.tmp").write_text(str(mock_exchanges.pid))
    Path("pid.tmp").rename("pid")
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Foreign tests run in a directory of their own, and still import this very package."""
    here = str(Path(xrpfast.__file__).parent.parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))


def lives(pid: int) -> bool:
    """Whether the process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pid: int) -> bool:
    deadline = time.monotonic() + PATIENCE
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not lives(pid)


def test_a_foreign_test_file_uses_it(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(FOREIGN)
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\n"
        "asyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", timeout=60)
    result.assert_outcomes(passed=2)
    assert not lives(int((pytester.path / "pid").read_text()))


def test_a_killed_pytest_leaves_no_mock_behind(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(HANGING)
    pid = pytester.path / "pid"
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=pytester.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as killed:
        try:
            deadline = time.monotonic() + PATIENCE
            while not pid.exists() and killed.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            child = int(pid.read_text())
            assert lives(child)
        finally:
            killed.kill()
    assert gone(child)


@pytest.fixture(scope="module")
def mock() -> Iterator[MockExchanges]:
    """Only to be asked; never started twice."""
    with mock_exchanges("--venue", "kucoin") as running:
        yield running


def test_what_the_control_port_refuses_is_said(mock: MockExchanges) -> None:
    with pytest.raises(UsageError, match="allowed: step_seconds, fair"):
        mock.market(speed=3)
    with pytest.raises(UsageError, match="less than that of XRP"):
        mock.adjust("kucoin", "XRP", "-999999")
    with pytest.raises(UsageError, match="binance is not mocked here, only kucoin"):
        _ = mock.binance
    assert set(mock.kucoin.line) >= {"rest_url", "order_url", "api_key", "passphrase"}
    assert mock.kucoin.symbol == "XRP-USDT"


def test_faults_come_and_go(mock: MockExchanges) -> None:
    number = mock.fault({"venue": "kucoin", "channel": "venue", "action": "block_page"})
    other = mock.fault({"venue": "kucoin", "channel": "venue", "action": "overload"})
    assert [(row["id"], row["active"], row["hits"]) for row in mock.faults()] == [
        (number, True, 1), (other, True, 1),
    ]  # fmt: skip
    mock.heal(number)
    assert [row["id"] for row in mock.faults()] == [other]
    mock.heal()
    assert mock.faults() == []
    with pytest.raises(UsageError, match=r"there is no rule 999"):
        mock.heal(999)
    with pytest.raises(UsageError, match=r"action 'explode'"):
        mock.fault({"venue": "kucoin", "channel": "venue", "action": "explode"})


def test_the_page_names_all_that_is_printed() -> None:
    page = (Path(__file__).parents[2] / "docs" / "mock-venues.md").read_text()
    with mock_exchanges() as running:
        line = running.line
    by_venue = [keys for group in ("venues", "ed25519") for keys in line[group].values()]
    names = {*line, *(key for keys in by_venue for key in keys)}
    assert [name for name in sorted(names) if name not in page] == []


def test_the_page_names_every_request_of_the_control_port() -> None:
    page = (Path(__file__).parents[2] / "docs" / "mock-venues.md").read_text()
    app = Control({}, MarketFlow([], 0), Faults((), network=False), None).app()
    asked = {
        f"{route.method} {route.resource.canonical}"
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    assert [request for request in sorted(asked) if f"`{request}" not in page] == []


def test_a_capture_is_played_by_the_command() -> None:
    """`mock --capture VENUE:SYMBOL=FILE --speed X --loop`, over and over."""
    given = f"binance:NKNUSDT={CAPTURES['binance']}"
    with mock_exchanges("--capture", given, "--speed", "1000", "--loop") as running:
        assert running.binance.symbol == "NKNUSDT"
        assert running.kucoin.symbol == "XRP-USDT"
        frames, rounds = [0], 0
        deadline = time.monotonic() + PATIENCE
        while rounds < 2 and time.monotonic() < deadline:
            now = running.market()["recorded"]["binance"]
            rounds += now["frame"] < frames[-1]
            frames.append(now["frame"])
        assert rounds == 2
        assert max(frames) <= now["frames"] == 150


def test_a_mock_that_does_not_start_says_why() -> None:
    with (
        pytest.raises(FailedError, match=r"did not start: /nowhere/x: cannot read"),
        mock_exchanges("--capture", "binance=/nowhere/x"),
    ):
        pass


def kill_one() -> None:
    with mock_exchanges("--venue", "binance") as running:
        os.kill(running.pid, signal.SIGKILL)
        assert gone(running.pid)
        with pytest.raises(FailedError, match=r"do not answer"):
            running.ledger()


def test_a_mock_that_dies_meanwhile_fails_the_session() -> None:
    with pytest.raises(FailedError, match=r"ended with code -9"):
        kill_one()


def test_a_mock_of_another_parent_ends_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "xrpfast", "mock", "--venue", "binance", "--parent", "1"],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
