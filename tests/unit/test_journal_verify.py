"""`journal verify`: journals of the native writer, and every way to break them."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from support.records import WALL, pair, start, write
from xrpfast.cli import app
from xrpfast.errors import UsageError
from xrpfast.records.rebuild import rebuild
from xrpfast.records.verify import verify

RECORDS = [(WALL + at, 1 + at % 4, b'{"n":%d}' % at * (at % 3)) for at in range(40)]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """40 records in three segments."""
    write(tmp_path / "journal", RECORDS, segment_bytes=1024)
    assert len(segments(tmp_path / "journal")) == 3
    return tmp_path / "journal"


def segments(journal: Path) -> list[Path]:
    return sorted(journal.glob("*.journal"))


def test_a_sound_journal(journal: Path) -> None:
    verdict = verify(journal)
    assert (verdict.damage, verdict.torn, verdict.records) == (None, None, 40)
    assert verdict.first is not None
    assert verdict.last is not None
    assert (verdict.first.sequence, verdict.first.wall_ns) == (1, WALL)
    assert (verdict.last.sequence, verdict.last.wall_ns) == (40, WALL + 39)
    assert [segment.number for segment in verdict.segments] == [1, 2, 3]
    assert sum(segment.records for segment in verdict.segments) == 40
    for segment, file in zip(verdict.segments, segments(journal), strict=True):
        assert (segment.file, segment.bytes) == (str(file), file.stat().st_size)


def test_every_flipped_byte_is_found_or_is_in_the_torn_tail(journal: Path) -> None:
    torn = 0
    for file in segments(journal):
        raw = file.read_bytes()
        for at in range(len(raw)):
            flipped = bytearray(raw)
            flipped[at] ^= 1 << at % 8
            file.write_bytes(flipped)
            verdict = verify(journal)
            if verdict.damage is None:
                assert verdict.torn is not None, (file, at)
                assert verdict.torn.file == str(file) == str(segments(journal)[-1])
                assert verdict.torn.offset <= at
                assert verdict.torn.offset + verdict.torn.bytes == len(raw)
                assert verdict.records == 39  # the last record alone
                torn += 1
            else:
                assert verdict.damage.file == str(file)
                assert verdict.damage.offset <= at
                assert verdict.damage.sequence == verdict.records + 1
        file.write_bytes(raw)
    assert torn == 44 + len(RECORDS[-1][2])
    assert verify(journal).damage is None


@pytest.mark.parametrize("cut", [1, 30, 43])
def test_a_torn_tail_is_told_and_is_no_damage(journal: Path, cut: int) -> None:
    last = segments(journal)[-1]
    whole = verify(journal).segments[-1].bytes
    size = 44 + len(RECORDS[-1][2])
    last.write_bytes(last.read_bytes()[:-cut])
    verdict = verify(journal)
    assert (verdict.damage, verdict.records) == (None, 39)
    assert verdict.torn is not None
    assert (verdict.torn.offset, verdict.torn.bytes) == (whole - size, size - cut)


def test_a_segment_that_was_being_made_is_a_torn_tail(journal: Path) -> None:
    (journal / "00000004.journal").write_bytes(b"XRPFJ")
    verdict = verify(journal)
    assert (verdict.damage, verdict.records) == (None, 40)
    assert verdict.torn is not None
    assert (verdict.torn.file, verdict.torn.offset, verdict.torn.bytes) == (
        str(journal / "00000004.journal"), 0, 5,
    )  # fmt: skip


def test_a_missing_segment(journal: Path) -> None:
    segments(journal)[1].unlink()
    damage = verify(journal).damage
    assert damage is not None
    assert "segment 2 is missing" in damage.what


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 2), (0, 2)])
def test_swapped_segments(journal: Path, one: int, other: int) -> None:
    first, second = (segments(journal)[at] for at in (one, other))
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    assert verify(journal).damage is not None


def test_a_segment_of_another_journal(tmp_path: Path, journal: Path) -> None:
    second = verify(journal).segments[1]
    others = [(at + 1, kind, payload) for at, kind, payload in RECORDS]
    write(tmp_path / "other", others, segment_bytes=1024)
    segments(journal)[1].write_bytes(segments(tmp_path / "other")[1].read_bytes())
    damage = verify(journal).damage
    assert damage is not None
    assert (damage.file, damage.sequence) == (second.file, second.first_sequence)
    assert "does not continue" in damage.what


def test_a_renamed_segment(journal: Path) -> None:
    for file in segments(journal)[1:]:
        file.unlink()
    (journal / "00000001.journal").rename(journal / "00000007.journal")
    damage = verify(journal).damage
    assert damage is not None
    assert damage.what == "the file is named 00000007, it is segment 1"


def test_a_journal_whose_first_segments_were_moved_away(journal: Path) -> None:
    second = verify(journal).segments[1]
    segments(journal)[0].unlink()
    verdict = verify(journal)
    assert verdict.damage is None
    assert verdict.first is not None
    assert verdict.first.sequence == second.first_sequence > 1
    assert verify(segments(journal)[-1]).records == verdict.segments[-1].records


def test_an_end_that_is_gone_is_missed_by_the_ledger(tmp_path: Path) -> None:
    write(tmp_path / "journal", [start(), pair("b-1", "k-1"), pair("b-2", "k-2", signal_id=8)])
    rebuild(tmp_path / "journal", tmp_path / "ledger.sqlite")
    assert verify(tmp_path).ledger_sequence == 3
    (segment,) = segments(tmp_path / "journal")
    payload = pair("b-2", "k-2", signal_id=8)[2]
    whole = segment.read_bytes()
    segment.write_bytes(whole[: -44 - len(payload)])
    assert verify(tmp_path / "journal").damage is None  # the chain alone cannot know
    damage = verify(tmp_path).damage
    assert damage is not None
    assert damage.what == "the ledger has record 3, the journal ends at 2: its end is missing"
    assert damage.offset == segment.stat().st_size
    # A ledger that cannot be read says nothing about the journal.
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db:
        db.execute("drop table meta")
    assert verify(tmp_path).damage is None


def test_no_journal_is_bad_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no journal"):
        verify(tmp_path)
    with pytest.raises(UsageError, match="No such file"):
        verify(tmp_path / "missing")


def test_the_command(journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["journal", "verify", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"{journal}: sound, 40 records in 3 segments\n" in out
    assert "last   sequence 40, 2026-09-21 14:13:20.000000 UTC" in out
    assert app.run(["journal", "verify", str(tmp_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["sound"], said["records"], said["last"]["sequence"]) == (True, 40, 40)

    file = segments(journal)[1]
    raw = bytearray(file.read_bytes())
    raw[500] ^= 4
    file.write_bytes(raw)
    assert app.run(["journal", "verify", str(tmp_path)]) == 1
    out, error = capsys.readouterr()
    assert out == ""
    found = re.fullmatch(
        rf"{file}: byte (\d+), sequence (\d+): record (\d+) is damaged, others follow it\n", error
    )
    assert found is not None
    assert 500 - 44 - 16 <= int(found[1]) <= 500
    assert found[2] == found[3]
    assert app.run(["journal", "verify", str(tmp_path), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["sound"] is False
    assert said["damage"]["file"] == str(file)
    assert app.run(["journal", "verify", str(tmp_path / "nothing")]) == 2
