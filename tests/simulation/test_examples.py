"""The examples run as they are and say what they should; each is a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import xrpfast

EXAMPLES = Path(__file__).parents[2] / "examples"
SECONDS = 90.0
"""For all of them together: some clients take ten to end a socket of theirs."""

SAY = {
    "with_ccxt": """
        binance: closed 20.0 XRP, 19.980 more owned
        binance: reply lost, the venue says closed 20.0 XRP
        kucoin: closed 20.0 XRP, 20.000 more owned
        kucoin: reply lost, the venue says closed 20.0 XRP
    """,
    "with_ccxt_pro": """
        binance: book watched, own order heard of as closed
        binance: NetworkError when the sockets were reset
        binance: watched again, bid below ask: True
        kucoin: book watched, own order heard of as closed
        kucoin: NetworkError when the sockets were reset
        kucoin: watched again, bid below ask: True
    """,
    "with_binance_sdk_spot": """
        REST: FILLED 20.00000000 XRP, 20019.98000000 owned
        stream: XRPUSDT bid below ask: True
        WebSocket API: FILLED 20.00000000 XRP
        ServerError: the venue says FILLED 20.00000000 XRP
    """,
    "with_python_binance": """
        REST: FILLED 20.00000000 XRP, 20019.98000000 owned
        stream: XRPUSDT bid below ask: True
        user data: executionReport FILLED 20.00000000 XRP
        clock: -1021 Timestamp for this request is outside of the recvWindow.
        clock: read again, account type SPOT
    """,
    "with_kucoin_sdk": """
        order events: filled 20 XRP
        REST: 20020 XRP owned
        overload: Invalid status code: 429, msg: .*"429000".*
    """,
}
LITERAL = re.compile(r"\.\*")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """All examples at once: most of their time they wait."""
    here = str(Path(xrpfast.__file__).parent.parent)
    path = os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])
    with ExitStack() as stack:
        processes = {}
        for name in SAY:
            process = subprocess.Popen(
                [sys.executable, str(EXAMPLES / f"{name}.py")],
                cwd=tmp_path_factory.mktemp(name),
                env={**os.environ, "PYTHONPATH": path},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            processes[name] = process
        yield processes


@pytest.fixture(scope="module")
def deadline() -> float:
    return time.monotonic() + SECONDS


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(SAY)


@pytest.mark.timeout(SECONDS + 10)
@pytest.mark.parametrize("name", SAY)
def test_an_example_does_what_it_says(
    running: dict[str, subprocess.Popen[str]], deadline: float, name: str
) -> None:
    process = running[name]
    out, err = process.communicate(timeout=max(1.0, deadline - time.monotonic()))
    assert process.returncode == 0, err
    wanted = [line.strip() for line in SAY[name].strip().splitlines()]
    for line, pattern in zip(out.splitlines(), wanted, strict=True):
        assert re.fullmatch(".*".join(map(re.escape, LITERAL.split(pattern))), line), out
