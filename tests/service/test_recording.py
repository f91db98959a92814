"""Records at the start of a run: opened only when all of them are sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from xrpfast._core import Journal, JournalError
from xrpfast.errors import FailedError
from xrpfast.records import kinds
from xrpfast.service.recording import open_records

NOTE = b'{"note":"nothing"}'


def write(folder: Path, count: int = 100) -> list[Path]:
    """A journal of several segments; a note is no matter of the ledger."""
    journal = Journal.open(folder, segment_bytes=1024)
    for number in range(count):
        journal.append(kinds.NOTE, number, NOTE)
    journal.close()
    return sorted(folder.glob("*.journal"))


def test_damage_in_the_oldest_segment_refuses_the_start(tmp_path: Path) -> None:
    first, *others = write(tmp_path / "journal")
    assert len(others) >= 3
    journal, ledger = open_records(tmp_path / "journal", tmp_path / "ledger.sqlite")
    journal.close()
    ledger.close()
    data = bytearray(first.read_bytes())
    fifth = 64 + 4 * (44 + len(NOTE))
    data[fifth + 50] ^= 1
    first.write_bytes(data)
    with pytest.raises(JournalError, match=f"{first} at byte {fifth}: "):
        open_records(tmp_path / "journal", tmp_path / "ledger.sqlite")
    Journal.open(tmp_path / "journal").close()  # it was let go


def test_a_damaged_ledger_is_not_rebuilt_from_half_a_journal(tmp_path: Path) -> None:
    first, *_ = write(tmp_path / "journal")
    first.rename(tmp_path / first.name)
    ledger = tmp_path / "ledger.sqlite"
    ledger.write_bytes(b"no database" * 1_000)
    with pytest.raises(FailedError, match=r"begins at sequence \d+: put the segments before it"):
        open_records(tmp_path / "journal", ledger)
    assert ledger.read_bytes().startswith(b"no database")


def test_a_missing_ledger_is_not_made_from_half_a_journal(tmp_path: Path) -> None:
    """What half of the fills left one-sided would be hedged for real."""
    first, *_ = write(tmp_path / "journal")
    first.rename(tmp_path / first.name)
    with pytest.raises(FailedError, match=r"is missing and .* begins at sequence \d+"):
        open_records(tmp_path / "journal", tmp_path / "ledger.sqlite")
    assert not (tmp_path / "ledger.sqlite").exists()


def test_damaged_ledgers_are_kept_each_under_its_own_name(tmp_path: Path) -> None:
    write(tmp_path / "journal")
    ledger = tmp_path / "ledger.sqlite"
    for number in (1, 2):
        ledger.write_bytes(b"no database %d" % number * 1_000)
        journal, made = open_records(tmp_path / "journal", ledger)
        assert made.sequence == journal.next_sequence - 1
        journal.close()
        made.close()
        kept = tmp_path / f"ledger.sqlite.damaged-{number}"
        assert kept.read_bytes().startswith(b"no database %d" % number)
