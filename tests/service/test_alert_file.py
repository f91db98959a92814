"""`alerts.jsonl`: one line an alert, by any process, over rotations and full disks."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from xrpfast.errors import FailedError
from xrpfast.service.alerting import record
from xrpfast.service.alerting.record import (
    NAME,
    OLD,
    Line,
    Lines,
    Recorder,
    append,
    encode,
    recording,
    tell_once,
)
from xrpfast.service.alerting.tail import Tail

WRITER = """
import sys
from pathlib import Path
from xrpfast.service.alerting.record import tell_once
for n in range(int(sys.argv[2])):
    tell_once(Path(sys.argv[1]), sys.argv[3], "critical", f"alert {n} " + "x" * 700)
"""


def said(folder: Path) -> list[Line]:
    tail, found = Tail(folder, None), []
    while lines := tail.read():
        found += lines
    return found


def test_a_line_has_all_that_a_person_needs_and_the_file_is_private(tmp_path: Path) -> None:
    tell_once(tmp_path, "halt", "critical", "halt of engine:\n  a\x1b[2Jnd\tmore")
    (line,) = said(tmp_path)
    assert (line.level, line.source, line.pid, line.number) == ("critical", "halt", os.getpid(), 1)
    assert line.text == "halt of engine: a [2Jnd more"
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    tell_once(tmp_path, "halt", "no such level", "x" * 10_000)
    assert (said(tmp_path)[1].level, len(said(tmp_path)[1].text)) == ("critical", 2_000)


async def test_the_tick_path_writes_nothing_and_the_turn_after_it_does(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, "engine")
    for number in range(3):
        recorder.tell("warning", f"alert {number}")
    assert not (tmp_path / NAME).exists()
    await asyncio.sleep(0)
    assert [line.text for line in said(tmp_path)] == ["alert 0", "alert 1", "alert 2"]
    assert [line.number for line in said(tmp_path)] == [1, 2, 3]


def test_a_disk_that_refuses_stops_nobody_and_gets_it_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    recorder = Recorder(folder, "engine")  # there is no such folder
    recorder.tell("critical", "first")
    recorder.tell("critical", "second")
    assert caplog.text.count("alerts are not written") == 1
    folder.mkdir()
    recorder.tell("critical", "third")
    assert [line.text for line in said(folder)] == ["first", "second", "third"]
    monkeypatch.setattr(record, "append", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    for number in range(3 * record.MOST_WAITING):
        recorder.tell("info", f"{number}")
    assert len(recorder._waiting) == record.MOST_WAITING


def test_a_line_that_follows_a_torn_one_is_read(tmp_path: Path) -> None:
    """A full disk takes a part of a write, and later the whole."""
    lines = Lines("engine")
    first, second = encode(lines.make("critical", "first")), encode(lines.make("info", "second"))
    append(tmp_path, first[:40])
    assert said(tmp_path) == []
    append(tmp_path, first)
    append(tmp_path, second[:50])
    append(tmp_path, second)
    assert [line.text for line in said(tmp_path)] == ["first", "second"]


async def test_what_is_logged_as_critical_is_told_once_and_the_end_with_its_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = logging.getLogger("xrpfast.service")

    def run() -> None:
        with recording(tmp_path, "engine") as recorder:
            log.critical("order %s: it is gone", "x1")
            log.critical("told already", extra={"told": True})
            log.error("not for people")
            recorder.tell("info", "by itself")
            raise FailedError("no way on")

    with pytest.raises(FailedError):
        run()
    log.critical("after it")
    assert [(line.level, line.text) for line in said(tmp_path)] == [
        ("critical", "order x1: it is gone"),
        ("info", "by itself"),
        ("critical", "the engine ended: no way on"),
    ]


def test_two_processes_and_a_reader_over_many_rotations_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines never mix; the reader follows each file that is set aside to its end."""
    count = 3_000  # more than four files
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(count), name])
        for name in ("one", "two")
    ]
    tail, found = Tail(tmp_path, None), []
    while any(writer.poll() is None for writer in writers):
        found += tail.read()
    idle = 0
    while idle < 3:
        lines = tail.read()
        idle = 0 if lines else idle + 1
        found += lines
    assert [writer.returncode for writer in writers] == [0, 0]
    assert not tail.lost
    for name in ("one", "two"):
        numbers = [int(line.text.split()[1]) for line in found if line.source == name]
        assert numbers == list(range(count))
    sizes = [(tmp_path / name).stat().st_size for name in (NAME, OLD)]
    assert max(sizes) < record.MOST_BYTES + 10_000
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME, OLD]


def test_a_reader_that_was_away_says_what_it_missed_and_reads_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "MOST_BYTES", 2_000)
    lines = Lines("engine")

    def write(number: int) -> None:
        append(tmp_path, encode(lines.make("critical", f"{number:04} " + "x" * 400)))

    write(0)
    tail = Tail(tmp_path, None)
    assert len(tail.read()) == 1
    again = Tail(tmp_path, tail.place)
    assert again.read() == []
    for number in range(1, 40):
        write(number)
    found: list[Any] = []
    for _ in range(6):
        found += again.read()
    assert again.lost
    numbers = [int(line.text[:4]) for line in found]
    assert numbers == list(range(numbers[0], 40))
    assert numbers[0] > 1


def test_who_opened_the_file_before_it_was_set_aside_is_heard(tmp_path: Path) -> None:
    lines = Lines("engine")
    append(tmp_path, encode(lines.make("critical", "first")))
    tail = Tail(tmp_path, None)
    tail.read()
    late = os.open(tmp_path / NAME, os.O_WRONLY | os.O_APPEND)
    (tmp_path / NAME).rename(tmp_path / OLD)
    append(tmp_path, encode(lines.make("critical", "third")))
    assert tail.read() == []
    os.write(late, encode(lines.make("critical", "second")))
    os.close(late)
    found = [line.text for _ in range(4) for line in tail.read()]
    assert found == ["second", "third"]


def test_a_file_that_another_process_has_set_aside_is_not_set_aside_again(tmp_path: Path) -> None:
    """The new one would be put over what was just kept."""
    lines = Lines("engine")
    append(tmp_path, encode(lines.make("critical", "kept")))
    late = os.open(tmp_path / NAME, os.O_WRONLY | os.O_APPEND)
    (tmp_path / NAME).rename(tmp_path / OLD)
    record._set_aside(late, tmp_path / NAME)
    append(tmp_path, encode(lines.make("critical", "new")))
    record._set_aside(late, tmp_path / NAME)
    os.close(late)
    assert "kept" in (tmp_path / OLD).read_text()
    assert "new" in (tmp_path / NAME).read_text()
