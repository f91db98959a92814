"""`mock` as a child process: its first line, its clean end, a port that is taken."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from support.sockets import connected

PATIENCE = 30.0


@asynccontextmanager
async def mock(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "xrpfast", "mock", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


async def first_line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        line: dict[str, Any] = json.loads(await process.stdout.readline())
    return line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_prints_where_it_listens_and_ends_cleanly(number: signal.Signals) -> None:
    """With clients connected and a running market: nothing on standard error, code 0."""
    async with mock("--seed", "4") as process:
        line = await first_line(process)
        binance, kucoin = line["venues"]["binance"], line["venues"]["kucoin"]
        assert set(binance) == {"rest_url", "stream_url", "ws_api_url", "api_key", "api_secret"}
        assert set(kucoin) == {"rest_url", "order_url", "api_key", "api_secret", "passphrase"}
        async with (
            connected(f"{binance['stream_url']}/ws/xrpusdt@depth@100ms") as stream,
            aiohttp.ClientSession() as http,
            http.get(f"{line['control_url']}/ledger") as reply,
        ):
            assert set((await reply.json())["venues"]) == {"binance", "kucoin"}
            await stream.until(lambda message: message["e"] == "depthUpdate")
            process.send_signal(number)
            async with asyncio.timeout(PATIENCE):
                out, err = await process.communicate()
        assert (process.returncode, out, err) == (0, b"", b"")


async def test_one_venue_alone() -> None:
    async with mock("--venue", "kucoin") as process:
        assert set((await first_line(process))["venues"]) == {"kucoin"}


async def test_a_taken_port_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with mock("--port", str(port)) as process, asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert err.count(b"\n") == 1
    assert str(port).encode() in err
    assert b"--port" in err


async def test_faults_come_from_shipped_and_own_scenarios(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        'title = "a page stands before it"\n'
        '[[rules]]\nvenue = "binance"\nchannel = "venue"\naction = "block_page"\n'
        '[[rules]]\nvenue = "kucoin"\nchannel = "venue"\naction = "block_page"\n'
    )
    async with (
        mock("--venue", "binance", "--faults", str(own), "--faults", "f04_duplicates") as process,
        aiohttp.ClientSession() as http,
    ):
        line = await first_line(process)
        async with http.get(f"{line['control_url']}/rules") as reply:
            rows = (await reply.json())["rules"]
        assert [row["rule"]["action"] for row in rows][:2] == ["block_page", "duplicate"]
        async with http.get(f"{line['venues']['binance']['rest_url']}/api/v3/time") as reply:
            assert (reply.status, reply.content_type) == (403, "text/html")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, b"no scenario of that name: f01"),
        ("rules = [", b"not TOML"),
        ('title = "x"\n[[rules]]\nchannel = "ws"\naction = "explode"\n', b"one of drop"),
    ],
)
async def test_a_bad_scenario_is_one_clear_line(
    tmp_path: Path, text: str | None, words: bytes
) -> None:
    path = tmp_path / "bad.toml"
    if text is not None:
        path.write_text(text)
    async with mock("--faults", str(path)) as process, asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    assert (process.returncode, out, err.count(b"\n")) == (2, b"", 1)
    assert words in err
