"""The disk fails (F23): without records nothing is traded, own orders are withdrawn, one line."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.engine_process import EngineProcess, configure, records
from xrpfast.simulation.process import MockExchanges, mock_exchanges

HELD = {
    "venue": "*",
    "channel": "ws",
    "point": "after_accept_before_reply",
    "action": "drop",
    "params": {"match_after_ms": 600_000},
}
"""Orders are taken, not answered and not matched: they work until somebody cancels them."""

BREAKER = """
#define _GNU_SOURCE
#include <errno.h>
#include <unistd.h>
#include <stdlib.h>
int fdatasync(int fd) {
    if (access(getenv("SYNC_FAILS"), F_OK) == 0) { errno = EIO; return -1; }
    return fsync(fd);
}
"""
"""Stands before the C library: a disk whose sync fails once a file exists."""


_deployments = (f"d{number:03}" for number in itertools.count())
"""One a test: a new directory begins with epoch 1, and no id may be used twice at a venue."""


@pytest.fixture(scope="module")
def mock() -> Iterator[MockExchanges]:
    with mock_exchanges("--seed", "23") as running:
        yield running


@pytest.fixture(autouse=True)
def healed(mock: MockExchanges) -> Iterator[None]:
    mock.resume()
    yield
    mock.heal()


def working(mock: MockExchanges) -> list[str]:
    """Orders that the venues still hold."""
    return [
        f"{venue} {order['client_id']} {order['state']}"
        for venue, said in mock.ledger().items()
        for order in said["orders"]
        if order["state"] not in {"FILLED", "CANCELLED", "EXPIRED", "REJECTED"}
    ]


async def with_orders_working(config: Path, mock: MockExchanges, **how: Any) -> EngineProcess:
    for route in ("order.place", "spot.*order"):
        mock.fault(HELD | {"match": {"route": route}})
    engine = await EngineProcess.start(config, **how)
    await engine.reached(lambda: len(working(mock)) >= 2)
    return engine


def spoken(engine: EngineProcess) -> str:
    """The one line for a person."""
    lines = [line for line in engine.log.splitlines() if line.startswith("trading is halted")]
    assert len(lines) == 1, engine.log[-3000:]
    assert engine.last_line == lines[0]
    assert "Traceback" not in engine.log.splitlines()[-1]
    return lines[0]


@pytest.mark.parametrize("room", ["some", "none"])
async def test_a_full_disk_halts_and_withdraws(
    tmp_path: Path, mock: MockExchanges, room: str
) -> None:
    """``some``: other files can still be written; ``none``: not a byte. The halt is kept."""
    config = configure(tmp_path, mock, deployment=next(_deployments))
    engine = await with_orders_working(config, mock)
    state_dir = engine.state_dir
    segment = max((state_dir / "journal").glob("*"), key=lambda path: path.stat().st_mtime)
    engine.limit_files(segment.stat().st_size if room == "some" else 0)
    assert await engine.ended() == 3
    line = spoken(engine)
    assert "own orders are cancelled" in line
    assert working(mock) == []
    before = len(records(state_dir))
    mock.heal()
    again = await EngineProcess.start(config)
    assert (state_dir / "halt.json").exists()
    assert await again.ended() == 3
    assert "trading is halted" in again.last_line
    assert len(records(state_dir)) == before


async def test_a_sync_that_fails_halts_and_withdraws(tmp_path: Path, mock: MockExchanges) -> None:
    compiler = shutil.which("cc")
    assert compiler, "a C compiler is needed, as for the build"
    source, library, trigger = tmp_path / "b.c", tmp_path / "b.so", tmp_path / "broken"
    source.write_text(BREAKER)
    make = [compiler, "-shared", "-fPIC", "-o", library, source]
    await asyncio.to_thread(subprocess.run, make, check=True)
    env = {"LD_PRELOAD": str(library), "SYNC_FAILS": str(trigger)}
    engine = await with_orders_working(
        configure(tmp_path, mock, deployment=next(_deployments)), mock, env=env
    )
    trigger.touch()
    assert await engine.ended() == 3
    line = spoken(engine)
    assert "own orders are cancelled" in line
    assert "sync" in line
    assert (engine.state_dir / "halt.json").exists()
    assert working(mock) == []


@pytest.mark.parametrize("what", ["", "journal"])
async def test_a_directory_that_cannot_be_written_is_refused_in_one_line(
    tmp_path: Path, mock: MockExchanges, what: str
) -> None:
    config = configure(tmp_path, mock, deployment=next(_deployments))
    folder = tmp_path / "state" / what
    folder.mkdir(parents=True)
    folder.chmod(0o500)
    orders = sum(len(said["orders"]) for said in mock.ledger().values())
    engine = await EngineProcess.start(config, bound_by_permissions=True)
    try:
        assert await engine.ended() in (1, 2)
    finally:
        folder.chmod(0o700)
    assert "Permission denied" in engine.last_line
    assert str(tmp_path / "state") in engine.last_line
    assert "Traceback" not in engine.log
    assert sum(len(said["orders"]) for said in mock.ledger().values()) == orders
