"""Journal: what was appended is found again, and what cannot be trusted is refused."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from xrpfast._core import Journal, JournalError, JournalReader, OutOfRange

HEADER = 64
RECORD = 44


def rows(path: Path) -> list[tuple[int, int, int, bytes]]:
    return list(JournalReader(path))


def payload(index: int) -> bytes:
    return b'{"n":%d}' % index * (index % 4)


def fill(journal: Journal, first: int, last: int) -> None:
    for index in range(first, last + 1):
        assert journal.append(1 + index % 5, index * 10, payload(index)) == index


def expected(last: int) -> list[tuple[int, int, int, bytes]]:
    return [(index, index * 10, 1 + index % 5, payload(index)) for index in range(1, last + 1)]


def run_child(code: str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *args],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_round_trip(tmp_path: Path) -> None:
    directory = tmp_path / "state" / "journal"
    journal = Journal.open(directory)
    assert (journal.next_sequence, journal.cut_bytes, journal.failure) == (1, 0, None)
    assert journal.path == str(directory / "00000001.journal")
    fill(journal, 1, 20)
    assert rows(directory) == rows(Path(journal.path)) == expected(20)
    journal.close()
    journal.close()
    for call in (journal.flush, journal.sync, lambda: journal.append(1, 0, b"")):
        with pytest.raises(JournalError, match="closed"):
            call()
    journal = Journal.open(str(directory))
    assert journal.next_sequence == 21
    fill(journal, 21, 25)
    journal.close()
    reader = JournalReader(directory)
    assert iter(reader) is reader
    assert list(reader) == expected(25)
    assert reader.torn_bytes == 0
    assert list(reader) == []


def test_stage_writes_with_the_next_append(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    assert journal.stage(2, 1, b"event") == 1
    assert Path(journal.path).stat().st_size == HEADER
    assert journal.append(3, 2, b"command") == 2
    assert [row[3] for row in rows(tmp_path)] == [b"event", b"command"]
    journal.stage(2, 3, b"late")
    journal.close()
    assert [row[3] for row in rows(tmp_path)] == [b"event", b"command", b"late"]


def test_one_write_for_all_that_is_staged(tmp_path: Path) -> None:
    def writes() -> int:
        fields = Path("/proc/self/io").read_text().split()
        return int(fields[fields.index("syscw:") + 1])

    journal = Journal.open(tmp_path)
    before = writes()
    for _ in range(5):
        journal.stage(2, 0, b"event")
    journal.append(3, 0, b"command")
    assert writes() - before == 1
    journal.close()


def test_synced_by_the_helper(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    sequence = journal.append(1, 0, b"x")
    deadline = time.monotonic() + 30
    while journal.synced_sequence <= sequence:
        assert time.monotonic() < deadline
        time.sleep(0.0005)
    journal.append(1, 0, b"y")
    journal.sync()
    assert journal.synced_sequence == journal.next_sequence == 3
    journal.close()


def test_chain_goes_on_across_segments_and_openings(tmp_path: Path) -> None:
    last = 0
    for _ in range(4):
        journal = Journal.open(tmp_path, segment_bytes=1024)
        assert journal.next_sequence == last + 1
        fill(journal, last + 1, last + 40)
        last += 40
        journal.close()
    segments = sorted(tmp_path.glob("*.journal"))
    assert len(segments) > 5
    assert all(path.stat().st_size <= 1024 for path in segments)
    assert rows(tmp_path) == expected(last)
    assert [row for path in segments for row in rows(path)] == expected(last)
    segments[2].rename(tmp_path / "away")
    with pytest.raises(JournalError, match="segment 3 is missing"):
        JournalReader(tmp_path)
    with pytest.raises(JournalError, match="missing"):
        Journal.open(tmp_path)


def test_damage_in_an_older_segment_is_found(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, segment_bytes=1024)
    fill(journal, 1, 60)
    journal.close()
    oldest = tmp_path / "00000001.journal"
    whole = oldest.read_bytes()
    for at in (HEADER, HEADER + 10, len(whole) // 2, len(whole) - 1):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        oldest.write_bytes(damaged)
        with pytest.raises(JournalError):
            rows(tmp_path)
    oldest.write_bytes(whole[:-1])
    with pytest.raises(JournalError, match="not the newest"):
        rows(tmp_path)


def test_torn_at_every_byte(tmp_path: Path) -> None:
    origin = Journal.open(tmp_path / "origin")
    fill(origin, 1, 4)
    whole = Path(origin.path).read_bytes()
    origin.close()
    ends = [HEADER]
    for row in expected(4):
        ends.append(ends[-1] + RECORD + len(row[3]))
    for cut in range(HEADER + 1, len(whole)):
        directory = tmp_path / str(cut)
        directory.mkdir()
        segment = directory / "00000001.journal"
        segment.write_bytes(whole[:cut])
        kept = sum(end <= cut for end in ends) - 1
        torn = cut - ends[kept]
        reader = JournalReader(directory)
        assert list(reader) == expected(kept)
        assert reader.torn_bytes == torn
        journal = Journal.open(directory)
        assert (journal.next_sequence, journal.cut_bytes) == (kept + 1, torn)
        journal.close()
        aside = directory / f"00000001.{ends[kept]}.torn"
        assert aside.exists() == (torn > 0)
        if torn:
            assert aside.read_bytes() == whole[ends[kept] : cut]
        assert segment.read_bytes() == whole[: ends[kept]]


def test_a_flipped_bit_before_the_tail_refuses_to_open(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    fill(journal, 1, 5)
    segment = Path(journal.path)
    journal.close()
    whole = segment.read_bytes()
    last = len(whole) - RECORD - len(payload(5))
    for at in range(last):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << (at % 8)
        segment.write_bytes(damaged)
        with pytest.raises(JournalError):
            rows(tmp_path)
        with pytest.raises(JournalError):
            Journal.open(tmp_path)
        assert segment.read_bytes() == damaged


def test_a_full_disk_poisons_it(tmp_path: Path) -> None:
    child = run_child(
        """
        import resource, sys
        from pathlib import Path
        from xrpfast._core import Journal, JournalError
        journal = Journal.open(sys.argv[1])
        journal.append(1, 0, b"first")
        size = Path(journal.path).stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 60, size + 1000))
        try:
            journal.append(1, 0, b"x" * 100)
        except JournalError as error:
            print("refused:", error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1000, size + 1000))
        for call in (lambda: journal.append(1, 0, b""), lambda: journal.stage(1, 0, b""),
                     journal.flush, journal.sync, journal.close):
            try:
                call()
            except JournalError as error:
                print("still:", error)
        print(journal.failure)
        journal.close()
        """,
        str(tmp_path),
    )
    assert child.returncode == 0, child.stderr
    lines = child.stdout.splitlines()
    assert len(lines) == 7, child.stdout
    assert lines[0].startswith("refused: journal: cannot write")
    assert "large" in lines[0]
    assert all(line.startswith("still: journal: closed to all records") for line in lines[1:6])
    # What was half written is cut; what stood before is whole.
    journal = Journal.open(tmp_path)
    assert (journal.cut_bytes, journal.next_sequence) == (60, 2)
    journal.close()


def test_a_segment_that_cannot_be_made_poisons_it(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, segment_bytes=1024)
    (tmp_path / "00000002.journal").mkdir()
    with pytest.raises(JournalError, match="cannot make"):
        fill(journal, 1, 100)
    assert journal.failure is not None
    with pytest.raises(JournalError):
        journal.append(1, 0, b"")
    with pytest.raises(JournalError):
        journal.close()


def test_a_failed_sync_poisons_it(tmp_path: Path) -> None:
    # A sync fails for good once the descriptor is no file any more: the same path as EIO.
    child = run_child(
        """
        import os, sys, time
        from xrpfast._core import Journal, JournalError
        before = set(os.listdir("/proc/self/fd"))
        journal = Journal.open(sys.argv[1])
        segment = os.path.realpath(journal.path)
        reader, writer = os.pipe()
        for fd in set(os.listdir("/proc/self/fd")) - before:
            try:
                if os.path.realpath(os.readlink(f"/proc/self/fd/{fd}")) == segment:
                    os.dup2(writer, int(fd))
            except FileNotFoundError:
                pass
        journal.append(1, 0, b"x")
        deadline = time.monotonic() + 30
        while journal.failure is None and time.monotonic() < deadline:
            time.sleep(0.001)
        print(journal.failure)
        try:
            journal.append(1, 0, b"y")
        except JournalError as error:
            print(error)
        """,
        str(tmp_path),
    )
    assert child.returncode == 0, child.stderr
    first, second = child.stdout.splitlines()
    assert first.startswith("cannot sync")
    assert "closed to all records since it failed: cannot sync" in second


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError):
        Journal.open(tmp_path / "file")
    with pytest.raises(JournalError):
        Journal.open(tmp_path / "file" / "below")
    if os.geteuid() == 0:  # permissions do not bind root: a file system that never takes files
        with pytest.raises(JournalError):
            Journal.open("/proc/self/journal")
    else:
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o500)
        with pytest.raises(JournalError, match="cannot open"):
            Journal.open(closed)


def test_two_writers_are_kept_apart(tmp_path: Path) -> None:
    code = """
        import sys
        from xrpfast._core import Journal, JournalError
        try:
            Journal.open(sys.argv[1]).append(1, 0, b"child")
        except JournalError as error:
            print(error)
        """
    journal = Journal.open(tmp_path)
    journal.append(1, 0, b"parent")
    with pytest.raises(JournalError, match="another"):
        Journal.open(tmp_path)
    child = run_child(code, str(tmp_path))
    assert (child.returncode, "another" in child.stdout) == (0, True), child.stderr
    journal.close()
    child = run_child(code, str(tmp_path))
    assert (child.returncode, child.stdout) == (0, ""), child.stderr
    assert [row[3] for row in rows(tmp_path)] == [b"parent", b"child"]


def test_killed_writer_leaves_a_journal(tmp_path: Path) -> None:
    child = run_child(
        """
        import os, signal, sys
        from xrpfast._core import Journal
        journal = Journal.open(sys.argv[1])
        for index in range(100):
            journal.append(1, index, b"x" * index)
        journal.stage(1, 0, b"never written")
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        str(tmp_path),
    )
    assert child.returncode == -9
    journal = Journal.open(tmp_path)
    assert (journal.next_sequence, journal.cut_bytes) == (101, 0)
    journal.close()


def test_bad_arguments_harm_nothing(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    with pytest.raises(OutOfRange):
        journal.append(0, 0, b"")
    with pytest.raises(OverflowError):
        journal.append(70_000, 0, b"")
    with pytest.raises(TypeError):
        journal.append(1, 0, "text")  # type: ignore[arg-type]
    with pytest.raises(OutOfRange):
        journal.append(1, 0, bytes(16 * 1024 * 1024 + 1))
    assert journal.append(1, -5, b"\x00\xff") == 1
    journal.close()
    assert rows(tmp_path) == [(1, -5, 1, b"\x00\xff")]
    with pytest.raises(OutOfRange):
        Journal.open(tmp_path, segment_bytes=10)
    with pytest.raises(OutOfRange):
        Journal.open(tmp_path, sync_ms=0)


def test_reader_needs_a_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no segment"):
        JournalReader(tmp_path)
    with pytest.raises(JournalError, match="cannot open"):
        JournalReader(tmp_path / "missing")
    other = tmp_path / "notes.txt"
    other.write_text("not a journal, but long enough to hold a header: " + "x" * 100)
    with pytest.raises(JournalError, match="header"):
        JournalReader(other)
