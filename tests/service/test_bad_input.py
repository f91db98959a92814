"""Bad input through the real command line: one line, the way out, exit code 2, no traceback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.captures import CAPTURES
from xrpfast.config.demo import demo_values, shipped, to_toml

WAIT_S = 60.0


def said(*arguments: str, code: int = 2) -> str:
    """The one line that a command says on standard error, exit code ``code``."""
    done = subprocess.run(
        [sys.executable, "-m", "xrpfast", *arguments],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert done.stderr.endswith("\n")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@dataclass(frozen=True)
class Wrong:
    """A file that is not right, a command that is given it, what must be said."""

    content: str | None
    command: tuple[str, ...]
    parts: tuple[str, ...]


def changed(old: str, new: str) -> str:
    text = shipped()
    assert old in text
    return text.replace(old, new, 1)


RUN = ("run", "--config", "{}")
REPLAY = ("replay", "{}", "--venue", "kucoin", "--symbol", "SNX-BTC")
WRONG = {
    "unknown key": Wrong(
        changed("max_position", "max_postion"),
        RUN,
        ("unknown key risk.max_postion", "did you mean max_position?"),
    ),
    "unknown venue": Wrong(
        changed("[venues.kucoin]", "[venues.bitfinex]"),
        RUN,
        ("unknown venue venues.bitfinex", "known: binance, kraken, kucoin"),
    ),
    "venue not written": Wrong(
        shipped() + "\n[venues.kraken]\nenabled = true\n",
        RUN,
        ("Kraken is not written yet", "enabled = false"),
    ),
    "one venue": Wrong(
        changed("[venues.kucoin]", "[venues.kucoin]\nenabled = false"),
        RUN,
        ("arbitrage needs two venues", "enable binance and kucoin"),
    ),
    "bad symbol": Wrong(
        changed('"XRP/USDT"', '"XRPUSDT"'), RUN, ("strategies[0].instrument", "'XRP/USDT'")
    ),
    "bad TOML": Wrong(changed('mode = "demo"', "mode = demo"), RUN, ("not valid TOML", "line 3")),
    "no keys": Wrong(shipped(), RUN, ("venues.binance.api_key is empty", "xrpfast mock")),
    "live": Wrong(
        changed('mode = "demo"', 'mode = "live"'), RUN, ("production hosts only", "127.0.0.1:18080")
    ),
    "paper": Wrong(
        changed('mode = "demo"', 'mode = "paper"'),
        (*RUN, "--live"),
        ('mode = "paper" takes no --live', 'set mode = "live"'),
    ),
    "missing config": Wrong(None, RUN, ("no such file", "config init")),
    "missing capture": Wrong(None, REPLAY, ("cannot read the capture",)),
    "a config for a capture": Wrong(shipped(), REPLAY, ("line 1 is not of a capture",)),
    "half a capture": Wrong('{"recv_ns": 1, "kind": "ws"}\n', REPLAY, ("line 1",)),
}
NAMED_BY_KEY = ("one venue", "no keys")
"""What is missed only when the engine starts is named by its key, without the file."""


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file(tmp_path: Path, case: str) -> None:
    wrong = WRONG[case]
    path = tmp_path / "given"
    if wrong.content is not None:
        state = 'state_dir = "var/demo"'
        path.write_text(wrong.content.replace(state, f'state_dir = "{tmp_path}/state"'))
    line = said(*(word.format(path) for word in wrong.command))
    for part in wrong.parts:
        assert part in line
    assert case in NAMED_BY_KEY or str(path) in line


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("mock", "--venue", "bitmex"), ("--venue", "bitmex", "binance", "kucoin")),
        (("mock", "--port", "70000"), ("--port", "65530")),
        (("mock", "--seed", "-1"), ("--seed", "or equal to 0")),
        (("replay", "{}", "--venue", "bitmex", "--symbol", "X"), ("'bitmex'", "binance or kucoin")),
        (("replay", "{}", "--venue", "kucoin", "--symbol", "XRP-USDT"), ("XRP-USDT", "SNX-BTC")),
    ],
)
def test_a_wrong_word(arguments: tuple[str, ...], parts: tuple[str, ...]) -> None:
    line = said(*(word.format(CAPTURES["kucoin"]) for word in arguments))
    for part in parts:
        assert part in line


@pytest.mark.parametrize("offset", range(5))
def test_each_of_the_five_ports_taken(offset: int) -> None:
    """The port that is taken is the one that is named, and nothing is served."""
    with socket.socket() as taken:
        base = free_ports(5)
        taken.bind(("127.0.0.1", base + offset))
        taken.listen()
        line = said("mock", "--port", str(base))
    assert f"port {base + offset} " in line
    assert "--port" in line


def free_ports(count: int) -> int:
    """The first of ``count`` neighbours that nobody listens on, below the ephemeral range.

    Where the search begins depends on the process, for those who test at the same time.
    """
    for base in range(20_000 + os.getpid() % 1_000 * 10, 32_000, count):
        sockets = [socket.socket() for _ in range(count)]
        try:
            for at, each in enumerate(sockets):
                each.bind(("127.0.0.1", base + at))
        except OSError:
            continue
        finally:
            for each in sockets:
                each.close()
        return base
    raise AssertionError("no free ports")


@pytest.fixture(scope="module")
def mock() -> Iterator[dict[str, Any]]:
    """Where a mock of both venues listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "xrpfast", "mock", "--seed", "3"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=WAIT_S)
    assert process.returncode == 0


def engine_file(folder: Path, mock: dict[str, Any], **strategy: str) -> Path:
    values = demo_values(folder / "state", mock)
    values["strategies"][0] |= strategy
    path = folder / "engine.toml"
    path.write_text(to_toml(values))
    return path


def test_a_symbol_that_no_venue_has(tmp_path: Path, mock: dict[str, Any]) -> None:
    path = engine_file(tmp_path, mock, instrument="DOGE/USDT")
    line = said("run", "--config", str(path))
    assert "DOGE" in line


def test_a_key_that_the_venue_does_not_know(tmp_path: Path, mock: dict[str, Any]) -> None:
    """Not the file's form but its content: the engine ran and failed."""
    path = engine_file(tmp_path, mock)
    secret = mock["venues"]["binance"]["api_secret"]
    path.write_text(path.read_text().replace(secret, "wrong-secret"))
    line = said("run", "--config", str(path), code=1)
    assert "binance" in line
    assert "wrong-secret" not in line


def test_nobody_listens(tmp_path: Path, mock: dict[str, Any]) -> None:
    base = free_ports(5)
    path = engine_file(tmp_path, mock)
    old = mock["venues"]["kucoin"]["rest_url"]
    path.write_text(path.read_text().replace(old, f"http://127.0.0.1:{base}"))
    line = said("run", "--config", str(path), code=1)
    assert f"127.0.0.1:{base}" in line


def test_a_folder_to_keep_that_is_there(tmp_path: Path) -> None:
    line = said("demo", "--keep", str(tmp_path))
    assert str(tmp_path) in line
    assert "give --keep a new folder" in line


def test_a_state_dir_that_is_a_file(tmp_path: Path, mock: dict[str, Any]) -> None:
    path = engine_file(tmp_path, mock)
    (tmp_path / "state").write_text("")
    assert f"state_dir {tmp_path}/state" in said("run", "--config", str(path))
