"""The demo as a person runs it: it trades, reconciles, ends cleanly and leaves nothing behind."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from xrpfast.cli import app
from xrpfast.config.demo import write_config
from xrpfast.records.compare import NO_FILL
from xrpfast.service.demo import demo, report

PINNED = {
    "orders",
    "fills",
    "opportunities",
    "pnl",
    "tick_to_order_us",
    "loop_gap_ms_max",
    "reconciled",
    "refused",
}


@contextmanager
def running(tmp_path: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`demo` as a process whose state and logs live under ``tmp_path``."""
    with (
        (tmp_path / "out").open("wb") as out,
        (tmp_path / "err").open("wb") as err,
        subprocess.Popen(
            [sys.executable, "-m", "xrpfast", "demo", *arguments],
            stdout=out,
            stderr=err,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Waits for a condition of another process, which sends no event."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def children(pid: int) -> dict[str, int]:
    """The demo's child processes by command: mock, run."""
    found = {}
    with suppress(FileNotFoundError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with suppress(FileNotFoundError):
                words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                if words[1:3] == [b"-m", b"xrpfast"] and words[3] != b"demo":
                    found[words[3].decode()] = int(child)
    return found


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def trading(tmp_path: Path) -> bool:
    """The engine has come up far enough to write to its journal."""
    return any(file.stat().st_size for file in tmp_path.glob("xrpfast-demo-*/journal/*"))


def traded(tmp_path: Path) -> bool:
    """An order was decided: it is in the journal."""
    files = tmp_path.glob("xrpfast-demo-*/journal/*.journal")
    return any(b'"place_legs"' in file.read_bytes() for file in files)


def peers(pid: int) -> set[str]:
    """Addresses at both ends of every IP socket that a process holds."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            inodes.add(str(descriptor.readlink()))
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for row in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            cells = row.split()
            if f"socket:[{cells[9]}]" in inodes:
                for end in cells[1:3]:
                    raw = bytes.fromhex(end.split(":")[0])
                    words = [raw[at : at + 4][::-1] for at in range(0, len(raw), 4)]
                    found.add(str(ipaddress.ip_address(b"".join(words))))
    return found


def check_types(report: dict[str, Any]) -> None:
    """The pinned keys, all of them and no others, each of its type."""
    assert report.keys() == PINNED
    for name in ("orders", "fills", "opportunities"):
        assert type(report[name]) is int
    assert report["pnl"].keys() == {"quote"}
    assert type(report["pnl"]["quote"]) is str
    assert Decimal(report["pnl"]["quote"]).is_finite()
    latency = report["tick_to_order_us"]
    assert type(latency["count"]) is int
    assert 0 <= latency["p50"] <= latency["p99"] <= latency["p999"] <= latency["max"]
    assert type(report["loop_gap_ms_max"]) in {int, float}
    assert type(report["reconciled"]) is bool
    assert all(type(count) is int for count in report["refused"].values())


def test_demo_trades_and_reconciles(tmp_path: Path) -> None:
    with running(tmp_path, "--seconds", "3", "--seed", "7", "--json") as process:
        assert process.wait(timeout=90) == 0, (tmp_path / "err").read_text()
    report = json.loads((tmp_path / "out").read_text())
    check_types(report)
    assert report["reconciled"] is True
    assert report["fills"] >= 1
    assert report["orders"] >= 2
    assert report["tick_to_order_us"].keys() == {"p50", "p99", "p999", "max", "count"}
    assert report["tick_to_order_us"]["count"] >= 1
    assert list(tmp_path.glob("xrpfast-demo-*")) == [], "the state directory is still there"


def test_demo_draws_nothing_into_a_pipe_but_the_report(tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    arguments = ("--seconds", "2", "--seed", "8", "--keep", str(keep))
    with running(tmp_path, *arguments) as process:
        assert process.wait(timeout=90) == 0, (tmp_path / "err").read_text()
    text = (tmp_path / "out").read_text()
    assert text.count("xrpfast demo") == 1
    assert "every order, fill, fee and balance" in text
    assert "\x1b" not in text
    assert (keep / "ledger.sqlite").stat().st_size > 0


def test_nobody_but_this_machine_is_spoken_to(tmp_path: Path) -> None:
    """Neither by the configuration nor by any socket that a process of the demo holds."""
    with running(tmp_path, "--seconds", "0", "--seed", "12", "--json") as process:
        until(lambda: traded(tmp_path))
        kids = children(process.pid)
        (file,) = tmp_path.glob("xrpfast-demo-*/engine.toml")
        venues = tomllib.loads(file.read_text())["venues"]
        engine, mock, parent = peers(kids["run"]), peers(kids["mock"]), peers(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0, (tmp_path / "err").read_text()
    urls = {
        f"{venue}.{key}": urlsplit(url).hostname
        for venue, section in venues.items()
        for key, url in section.items()
        if key.endswith("_url")
    }
    assert urls == dict.fromkeys(
        ("binance.rest_url", "binance.stream_url", "binance.ws_api_url",
         "kucoin.rest_url", "kucoin.order_url"),
        "127.0.0.1",
    )  # fmt: skip
    assert engine == {"127.0.0.1"}
    assert mock == {"127.0.0.1", "0.0.0.0"}, "what listens has no peer"
    assert parent <= {"127.0.0.1"}


@pytest.mark.parametrize(
    ("interrupted", "differences", "code"),
    [
        (False, [], 0),
        (False, ["kucoin: XRP 1 by the ledger, 2 there"], 1),
        (False, [NO_FILL], 1),
        (True, [], 0),
        (True, [NO_FILL], 0),
        (True, [NO_FILL, "kucoin: XRP 1 by the ledger, 2 there"], 1),
    ],
)
def test_exit_code(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    interrupted: bool,
    differences: list[str],
    code: int,
) -> None:
    """Reconciled or not, as the command says it: the report alone on standard output."""
    latency = {"p50": 1.0, "p99": 1.0, "p999": 1.0, "max": 1.0, "count": 1}
    state = {
        "counts": {"orders": 2, "fills": 2, "opportunities": 1, "refused": {}},
        "pnl": {"quote": "0.1"},
        "latency_us": {"tick_to_order": latency},
        "loop_gap_ms_max": 0.5,
    }

    async def without_children(
        state_dir: Path, *, stop: asyncio.Event, **rest: Any
    ) -> dict[str, Any]:
        if interrupted:
            stop.set()
        return report(state, differences)

    monkeypatch.setattr(import_module("xrpfast.cli.demo"), "run_demo", without_children)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert app.run(["demo", "--json"]) == code
    out, err = capsys.readouterr()
    assert json.loads(out)["reconciled"] is (not differences)
    assert err.splitlines() == differences
    assert not list(tmp_path.iterdir())


async def test_one_altered_balance_is_not_reconciled(tmp_path: Path) -> None:
    """A balance changed behind the engine's back, by the smallest unit there is."""
    traded, stop = asyncio.Event(), asyncio.Event()
    control: list[str] = []

    def configure(state_dir: Path, mock: dict[str, Any]) -> Path:
        control.append(mock["control_url"])
        return write_config(state_dir, mock)

    def on_state(state: dict[str, Any]) -> None:
        if state["counts"]["fills"]:
            traded.set()

    running_demo = asyncio.create_task(
        demo(tmp_path, seconds=0, seed=9, configure=configure, on_state=on_state, stop=stop)
    )
    await asyncio.wait_for(traded.wait(), 60)
    body = {"venue": "kucoin", "asset": "XRP", "delta": "0.000000000000000001"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{control[0]}/adjust", json=body) as reply,
    ):
        assert reply.status == 200
    stop.set()
    report = await asyncio.wait_for(running_demo, 60)
    assert report["reconciled"] is False
    (line,) = report["differences"]
    assert "kucoin: XRP" in line


def test_ctrl_c_ends_with_the_report(tmp_path: Path) -> None:
    with running(tmp_path, "--seconds", "0", "--seed", "10", "--json") as process:
        until(lambda: trading(tmp_path))
        kids = children(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0, (tmp_path / "err").read_text()
    check_types(json.loads((tmp_path / "out").read_text()))
    assert "Traceback" not in (tmp_path / "err").read_text()
    assert kids.keys() == {"mock", "run"}
    assert not any(alive(pid) for pid in kids.values())


def test_ctrl_c_before_anything_trades(tmp_path: Path) -> None:
    with running(tmp_path, "--seconds", "0", "--json") as process:
        until(lambda: "mock" in children(process.pid))
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0, (tmp_path / "err").read_text()
    assert "Traceback" not in (tmp_path / "err").read_text()


def test_children_die_with_a_killed_parent(tmp_path: Path) -> None:
    with running(tmp_path, "--seconds", "0", "--json") as process:
        until(lambda: children(process.pid).keys() == {"mock", "run"})
        kids = children(process.pid)
        process.kill()
        process.wait()
        until(lambda: not any(alive(pid) for pid in kids.values()), seconds=10)
    assert len(kids) == 2


@pytest.mark.parametrize("victim", ["run", "mock"])
def test_a_child_that_dies_is_one_line_and_code_1(tmp_path: Path, victim: str) -> None:
    with running(tmp_path, "--seconds", "0", "--seed", "11", "--json") as process:
        until(lambda: trading(tmp_path))
        kids = children(process.pid)
        os.kill(kids[victim], signal.SIGKILL)
        assert process.wait(timeout=60) == 1
    said = (tmp_path / "err").read_text()
    assert said.count("\n") == 1, said
    assert not any(alive(pid) for pid in kids.values())
