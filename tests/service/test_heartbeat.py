"""The sign of life and the halt word: one small file, seen alike from every process."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from time import monotonic_ns

import pytest

from xrpfast.service.heartbeat import (
    INTERVAL_S,
    SIZE,
    Beat,
    Heartbeat,
    RunState,
    read,
    request_halt,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "heartbeat"


def state(path: Path) -> RunState:
    beat = read(path)
    assert beat is not None
    return beat.state


def quiet() -> None:
    pass


async def changed(path: Path, before: Beat) -> Beat:
    for _ in range(200):
        await asyncio.sleep(INTERVAL_S)
        later = read(path)
        assert later is not None
        if later.beats > before.beats:
            return later
    raise AssertionError("it does not beat")


async def test_the_loop_itself_stamps_it(path: Path) -> None:
    assert read(path) is None
    heartbeat = Heartbeat(path, quiet)
    heartbeat.epoch = 7
    heartbeat.start()
    first = read(path)
    assert first is not None
    assert (first.pid, first.epoch, first.halt) == (os.getpid(), 7, 0)
    later = await changed(path, first)
    assert first.mono_ns < later.mono_ns <= monotonic_ns()
    heartbeat.stop(clean=True)


def test_a_file_of_another_shape_is_no_beat(path: Path) -> None:
    Heartbeat(path, quiet)
    data = path.read_bytes()
    assert len(data) == SIZE
    for damaged in (b"", data[:-8], data + data, b"x" * SIZE, data[:48] + bytes(16)):
        path.write_bytes(damaged)
        assert read(path) is None


def test_a_first_start_owes_nothing_until_orders_may_leave(path: Path) -> None:
    heartbeat = Heartbeat(path, quiet)
    assert state(path) is RunState.STOPPED
    heartbeat.running()
    assert state(path) is RunState.RUNNING
    heartbeat.stop(clean=False)
    assert state(path) is RunState.RUNNING


def test_a_clean_stop_says_so(path: Path) -> None:
    heartbeat = Heartbeat(path, quiet)
    heartbeat.running()
    heartbeat.stop(clean=True)
    assert state(path) is RunState.STOPPED


def test_a_start_after_a_crash_owes_what_it_found_until_that_is_settled(path: Path) -> None:
    Heartbeat(path, quiet).running()  # and no more is heard of it
    failed = Heartbeat(path, quiet)
    assert state(path) is RunState.RUNNING
    failed.stop(clean=False)
    assert state(path) is RunState.RUNNING
    second = Heartbeat(path, quiet)
    second.settled()
    assert state(path) is RunState.STOPPED


def test_a_file_that_cannot_be_read_is_owed_for(path: Path) -> None:
    path.write_bytes(b"x" * 48)
    Heartbeat(path, quiet)
    assert state(path) is RunState.RUNNING


async def test_any_process_can_set_the_halt_word(path: Path) -> None:
    heard: list[bool] = []
    heartbeat = Heartbeat(path, lambda: heard.append(True))
    heartbeat.start()
    assert heartbeat.halt_word[0] == 0
    code = (
        "import sys, pathlib; from xrpfast.service.heartbeat import request_halt; "
        "assert request_halt(pathlib.Path(sys.argv[1])); import os; print(os.getpid())"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(path), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert heartbeat.halt_word[0] == int(said)
    first = read(path)
    assert first is not None
    second = await changed(path, first)
    await changed(path, second)
    assert heard == [True]
    heartbeat.stop(clean=True)
    # The process that still runs goes on seeing it; only a start clears it.
    assert heartbeat.halt_word[0] == int(said)
    again = Heartbeat(path, quiet)
    assert again.halt_word[0] == heartbeat.halt_word[0] == 0


def test_where_no_engine_ever_ran_the_latch_alone_is_enough(path: Path) -> None:
    assert not request_halt(path)
    assert not path.exists()
    path.write_bytes(b"")
    assert not request_halt(path)
    assert path.read_bytes() == b""
