"""Words that reach an engine which hung (SIGSTOP), long after they were said: real processes."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Any

import pytest

from support.engine_process import EngineProcess
from support.service import journal
from support.stop_scene import Scene, scene
from xrpfast.service.latch import Entry, Latch
from xrpfast.simulation.process import MockExchanges, mock_exchanges
from xrpfast.trading.events import Control
from xrpfast.trading.states import TradingState

SCOPE = "symbol:XRP/USDT"
TEN_MINUTES_NS = 600 * 10**9


@pytest.fixture
def mock() -> Iterator[MockExchanges]:
    with mock_exchanges("--seed", "35") as running:
        yield running


def say(it: Scene, command: str, ago_ns: int = 0, **more: Any) -> socket.socket:
    """The engine need not read it: the kernel keeps it."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(60)
    sock.connect(str(it.state_dir / "control.sock"))
    asked = {"asked_ns": monotonic_ns() - ago_ns, "asked_wall_ns": time_ns() - ago_ns}
    word = {"cmd": command, "reason": f"{command} of the test", **asked, **more}
    sock.sendall(json.dumps(word).encode() + b"\n")
    return sock


async def closed(it: Scene) -> EngineProcess:
    """An engine of which one symbol is halted, and which hangs."""
    it.state_dir.mkdir(mode=0o700)
    Latch(it.state_dir).set(Entry(SCOPE, TradingState.HALTED, "x", "ann", 1))
    engine = await it.start()
    await engine.until(lambda s: s["scopes"].get(SCOPE) == "HALTED")
    engine.process.send_signal(signal.SIGSTOP)
    return engine


async def test_an_engine_that_hung_obeys_no_old_word_but_a_halt(
    tmp_path: Path, mock: MockExchanges
) -> None:
    async with scene(tmp_path, mock) as it:
        engine = await closed(it)
        # One client gave up waiting; two still wait, for a word of ten minutes ago.
        say(it, "resume").close()
        say(it, "flatten", max_loss="5", within_s=60).close()
        with (
            closing(say(it, "resume", TEN_MINUTES_NS)) as resume,
            closing(say(it, "flatten", TEN_MINUTES_NS, max_loss="5")) as flatten,
        ):
            engine.process.send_signal(signal.SIGCONT)
            for sock in (resume, flatten):
                said = json.loads(await asyncio.to_thread(sock.recv, 4096))
                assert "600 s ago" in said["error"] or "601 s ago" in said["error"]
        state = await engine.until(lambda s: s["scopes"].get(SCOPE) == "HALTED")
        assert state["flatten"] == {}
        engine.process.send_signal(signal.SIGSTOP)
        say(it, "halt", TEN_MINUTES_NS).close()
        engine.process.send_signal(signal.SIGCONT)
        assert await engine.ended() == 3
        assert "halt of the test" in engine.last_line
    words = [r for _, r in journal(it.state_dir) if isinstance(r, Control) and r.who]
    assert "resume" not in {word.action for word in words}
