"""The real engine as a child process that tests may kill, starve or refuse a disk."""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import signal
import sqlite3
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import orjson

from xrpfast._core import JournalReader
from xrpfast.config.demo import demo_values, to_toml
from xrpfast.simulation.process import MockExchanges

WAIT_S = 60.0
POLL_S = 0.01
PR_SET_PDEATHSIG = 1
PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2

State = dict[str, Any]


def configure(
    folder: Path,
    mock: MockExchanges,
    *,
    watchdog: Mapping[str, object] | None = None,
    dead_connection_s: int | None = None,
    alerts: Mapping[str, object] | None = None,
    **engine: object,
) -> Path:
    """The demo's configuration for this mock, with changes of its ``[engine]`` table and others."""
    folder.mkdir(exist_ok=True)
    values = demo_values(folder / "state", dict(mock.line))
    values["engine"].update(spin=False, **engine)
    if watchdog is not None:
        values["watchdog"] = dict(watchdog)
    if alerts is not None:
        values["alerts"] = dict(alerts)
    if dead_connection_s is not None:
        values["venues"]["kucoin"]["dead_connection_s"] = dead_connection_s
    # A test may let the market stand still for a while: no venue does that for ten seconds.
    values["risk"]["max_mark_age_ms"] = 600_000
    path = folder / "engine.toml"
    path.write_text(to_toml(values), encoding="utf-8")
    return path


RUN: Final = ("-m", "xrpfast", "run", "--config")
WATCHDOG: Final = ("-m", "xrpfast", "watchdog", "--config")


class EngineProcess:
    """One run of `xrpfast run`, or of another command with the same configuration. Files lie in
    the ``state`` folder beside it."""

    def __init__(self, config: Path, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log = ""
        """All that it said so far."""
        self._reading = asyncio.create_task(self._read())
        self.state_dir = Path(tomllib.loads(config.read_text())["state_dir"])

    @classmethod
    async def start(
        cls,
        config: Path,
        *arguments: str,
        command: Sequence[str] = RUN,
        bound_by_permissions: bool = False,
        env: Mapping[str, str] = {},
    ) -> EngineProcess:
        """``bound_by_permissions``: not even root may write what its permissions forbid."""
        parent = os.getpid()
        libc = ctypes.CDLL(None, use_errno=True)

        def prepare() -> None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            if bound_by_permissions and os.geteuid() == 0:
                for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
                    libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)

        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, str(config), *arguments,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE, preexec_fn=prepare,
            env=dict(os.environ) | dict(env),
        )  # fmt: skip
        return cls(config, process)

    @property
    def running(self) -> bool:
        return self.process.returncode is None

    @property
    def last_line(self) -> str:
        lines = self.log.strip().splitlines()
        return lines[-1] if lines else ""

    async def state(self) -> State | None:
        """What its control socket says; None when nobody answers there."""
        try:
            path = str(self.state_dir / "control.sock")
            reader, writer = await asyncio.open_unix_connection(path, limit=2**20)
            try:
                writer.write(b'{"cmd":"state"}\n')
                line = await reader.readline()
            finally:
                writer.close()
        except OSError:
            return None
        return dict(orjson.loads(line)) if line else None

    async def until(self, what: Callable[[State], object]) -> State:
        """Waits for a state in which ``what`` holds."""
        return dict(await eventually(self, self.state, what))

    async def reached(self, what: Callable[[], object]) -> None:
        """Waits for a fact outside the engine, while it runs."""

        async def ask() -> bool:
            return bool(what())

        await eventually(self, ask, bool)

    async def reached_later(self, ask: Callable[[], Any]) -> None:
        """As `reached`, for a question that is awaited."""
        await eventually(self, ask, bool)

    def kill(self) -> None:
        """SIGKILL; nothing of the process runs after it."""
        if self.running:
            self.process.kill()

    async def ended(self) -> int:
        """Waits for its end and its last words; the exit code."""
        code = await asyncio.wait_for(self.process.wait(), WAIT_S)
        await asyncio.wait_for(self._reading, WAIT_S)
        return code

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while text := await self.process.stderr.read(2**16):
            self.log += text.decode(errors="replace")

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    def limit_files(self, size: int) -> None:
        """No file of the process may grow beyond ``size`` bytes from now on, as on a full disk."""
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, size))


async def eventually(
    engine: EngineProcess, ask: Callable[[], Any], what: Callable[[Any], object]
) -> Any:
    """The first answer in which ``what`` holds, as long as the engine lives."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_S
    while loop.time() < deadline and engine.running:
        answer = await ask()
        if answer is not None and what(answer):
            return answer
        await asyncio.sleep(POLL_S)
    raise AssertionError(
        f"not reached, exit code {engine.process.returncode}: {engine.log[-3000:]}"
    )


Record = tuple[int, int, int, bytes]


def records(state_dir: Path) -> list[Record]:
    """The whole journal, checked on the way."""
    return list(JournalReader(state_dir / "journal"))


def tables(ledger: Path) -> dict[str, list[Any]]:
    """Every table of a ledger, in an order of its own."""
    with closing(sqlite3.connect(ledger)) as db:
        names = [
            name for (name,) in db.execute("select name from sqlite_master where type = 'table'")
        ]
        return {name: sorted(db.execute(f"select * from {name}"), key=repr) for name in names}
