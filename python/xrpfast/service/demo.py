"""The demo: mock venues and the engine as child processes, a report at the end.

The parent holds no trading state. It starts the children, reads the engine's control socket,
asks the mock's control port for the truth, and compares.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from xrpfast.errors import FailedError
from xrpfast.records.compare import compare

State = dict[str, Any]
START_SECONDS = 30.0
QUIET_SECONDS = 15.0
STOP_SECONDS = 15.0
_PR_SET_PDEATHSIG = 1


async def demo(
    state_dir: Path,
    *,
    seconds: float,
    seed: int,
    configure: Callable[[Path, State], Path],
    on_state: Callable[[State], None],
    stop: asyncio.Event,
) -> State:
    """Runs the demo and returns its report (DESIGN: ``demo --json``) plus ``differences``.

    ``configure(state_dir, mock)`` writes the engine's configuration and returns its path;
    ``on_state`` is shown each state of the engine. ``seconds`` of 0 runs until ``stop`` is set.
    Raises `FailedError` when a child does not start or dies.
    """
    async with child(
        "mock", "--port", "0", "--seed", str(seed), log=state_dir / "mock.log"
    ) as mock:
        venues = await first_line(mock, state_dir / "mock.log")
        config = configure(state_dir, venues)
        log = state_dir / "engine.log"
        async with child("run", "--config", str(config), log=log) as engine:
            link = await EngineLink.open(state_dir / "control.sock", engine, log)
            async with link:
                try:
                    await _watch(link, mock, seconds, on_state, stop)
                    async with aiohttp.ClientSession() as http:
                        await post(http, venues, "/market", {"running": False})
                        last = await _quiet(link, on_state)
                        await link.send({"cmd": "stop"})
                        code = await asyncio.wait_for(engine.wait(), STOP_SECONDS)
                        async with http.get(f"{venues['control_url']}/ledger") as reply:
                            truth = await reply.json()
                except (ConnectionError, aiohttp.ClientError, TimeoutError) as error:
                    raise await _gone(mock, engine, log) from error
    if code != 0:
        raise FailedError(f"the engine ended with code {code}: {tail(log)}")
    differences = compare(state_dir / "ledger.sqlite", truth)
    return report(last, differences)


def report(state: State, differences: list[str]) -> State:
    """The closing report out of the engine's last state and the comparison with the venues."""
    counts = state["counts"]
    return {
        "orders": counts["orders"],
        "fills": counts["fills"],
        "opportunities": counts["opportunities"],
        "pnl": {"quote": state["pnl"]["quote"]},
        "tick_to_order_us": state["latency_us"]["tick_to_order"],
        "loop_gap_ms_max": state["loop_gap_ms_max"],
        "reconciled": not differences,
        "refused": counts["refused"],
        "differences": differences,
    }


class EngineLink:
    """The engine's control socket: one JSON object a line, both ways."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, path: Path, engine: asyncio.subprocess.Process, log: Path) -> EngineLink:
        """Connects as soon as the engine listens; raises `FailedError` when it dies before."""
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            if engine.returncode is not None:
                break
            with suppress(FileNotFoundError, ConnectionRefusedError):
                return cls(*await asyncio.open_unix_connection(str(path), limit=2**20))
            await asyncio.sleep(0.02)
        raise FailedError(f"the engine did not start: {tail(log)}")

    async def send(self, message: State) -> None:
        self._writer.write(json.dumps(message).encode() + b"\n")
        await self._writer.drain()

    async def state(self) -> State:
        """The engine's state now. Raises ``ConnectionError`` when the engine has gone."""
        await self.send({"cmd": "state"})
        return await self.answer()

    async def answer(self) -> State:
        """To what was sent. Raises ``ConnectionError`` when the engine has gone."""
        line = await self._reader.readline()
        if not line:
            raise ConnectionResetError("the engine closed its control socket")
        state: State = json.loads(line)
        return state

    async def __aenter__(self) -> EngineLink:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


@asynccontextmanager
async def child(
    *arguments: str, log: Path, module: str = "xrpfast"
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command of ours as a child that dies with its parent, however the parent ends."""
    parent = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True)

    def die_with_parent() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C is the parent's to handle
            preexec_fn=die_with_parent,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                try:
                    await asyncio.wait_for(process.wait(), STOP_SECONDS)
                except TimeoutError:
                    process.kill()
                    await process.wait()


async def first_line(
    mock: asyncio.subprocess.Process, log: Path, what: str = "mock venues"
) -> State:
    """What the mock venues say once they are there: URLs, keys. Raises `FailedError`."""
    assert mock.stdout is not None
    try:
        line = await asyncio.wait_for(mock.stdout.readline(), START_SECONDS)
        venues: State = json.loads(line)
    except (TimeoutError, ValueError) as error:
        raise FailedError(f"the {what} did not start: {tail(log)}") from error
    return venues


async def _watch(
    link: EngineLink,
    mock: asyncio.subprocess.Process,
    seconds: float,
    on_state: Callable[[State], None],
    stop: asyncio.Event,
) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds if seconds else None
    stopping = asyncio.ensure_future(stop.wait())
    try:
        while not stopping.done() and (end is None or loop.time() < end):
            on_state(await link.state())
            if mock.returncode is not None:
                raise ConnectionResetError("the mock venues have gone")
            left = 0.25 if end is None else min(0.25, max(0.0, end - loop.time()))
            await asyncio.wait({stopping}, timeout=left)
    finally:
        stopping.cancel()


async def _quiet(link: EngineLink, on_state: Callable[[State], None]) -> State:
    """The engine's state once the market stands still and no order of ours works.

    The last state when that does not come in time: the comparison then names what is open.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + QUIET_SECONDS
    before: object = None
    while True:
        state = await link.state()
        on_state(state)
        now = (state["working"], state["counts"])
        if (now == before and not state["working"]) or loop.time() > deadline:
            return state
        before = now
        await asyncio.sleep(0.3)


async def _gone(
    mock: asyncio.subprocess.Process, engine: asyncio.subprocess.Process, log: Path
) -> FailedError:
    """Which child it was, as soon as its end is known; both may also just not answer."""
    ends = {asyncio.ensure_future(child.wait()) for child in (mock, engine)}
    _, pending = await asyncio.wait(ends, timeout=1, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    if mock.returncode is not None:
        return FailedError(f"the mock venues died (code {mock.returncode})")
    if engine.returncode is not None:
        return FailedError(f"the engine died (code {engine.returncode}): {tail(log)}")
    return FailedError(f"a child process does not answer; the engine's last word: {tail(log)}")


async def post(http: aiohttp.ClientSession, venues: State, path: str, body: State) -> None:
    """To the mock's control port. Raises ``aiohttp.ClientError``."""
    async with http.post(f"{venues['control_url']}{path}", json=body) as reply:
        reply.raise_for_status()


def tail(log: Path) -> str:
    """The last line of a log."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "it said nothing"
