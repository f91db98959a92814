"""`ledger rebuild`, and a ledger that knows more than its journal."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from support.records import pair, start, table, tables, write
from xrpfast._core import Journal
from xrpfast.cli import app
from xrpfast.records.ledger import Ledger
from xrpfast.records.rebuild import open_ledger, rebuild
from xrpfast.service.statedir import StateDir

RECORDS = [start(), pair("b-1", "k-1"), pair("b-2", "k-2", signal_id=8)]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    write(tmp_path / "journal", RECORDS)
    rebuild(tmp_path / "journal", tmp_path / "ledger.sqlite")
    return tmp_path


def command(state: Path, *more: str) -> int:
    return app.run(["ledger", "rebuild", "--state-dir", str(state), *more])


def test_the_same_row_by_row(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tables(state / "ledger.sqlite")
    assert command(state) == 0
    assert "3 records applied\n  row by row what it was" in capsys.readouterr().out
    assert {path.name for path in state.glob("ledger*")} == {"ledger.sqlite"}
    assert tables(state / "ledger.sqlite") == before


def test_wrong_rows_are_put_right_and_told(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tables(state / "ledger.sqlite")
    with closing(sqlite3.connect(state / "ledger.sqlite")) as db:
        db.execute("update orders set state = 'FILLED' where client_id = 'b-1'")
        db.execute("delete from orders where client_id = 'k-2'")
        db.commit()
    assert command(state, "--out", str(state / "other.sqlite")) == 0
    assert tables(state / "other.sqlite") == before
    assert tables(state / "ledger.sqlite") != before
    assert command(state) == 0
    assert capsys.readouterr().out.count("orders: 1 rows were wrong or too many, 2 are new") == 2
    assert tables(state / "ledger.sqlite") == before


@pytest.mark.parametrize("content", [None, b"torn" * 1000])
def test_without_a_ledger_that_can_be_read(state: Path, content: bytes | None) -> None:
    before = tables(state / "ledger.sqlite")
    (state / "ledger.sqlite").unlink()
    if content is not None:
        (state / "ledger.sqlite").write_bytes(content)
    assert command(state) == 0
    assert tables(state / "ledger.sqlite") == before


def test_not_while_an_engine_runs(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lease = StateDir.open(state)
    try:
        assert command(state) == 2
        assert "in use by another engine" in capsys.readouterr().err
        assert command(state, "--out", str(state / "other.sqlite")) == 0
    finally:
        lease.close()


def test_a_halt_does_not_keep_it_from_being_rebuilt(state: Path) -> None:
    (state / "halt.json").write_text('{"reason": "test"}')
    assert command(state) == 0


def test_what_only_the_ledger_knows_is_not_thrown_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = [start(), *(pair(f"b-{at}", f"k-{at}", signal_id=at) for at in range(20))]
    write(tmp_path / "journal", many, segment_bytes=2048)
    rebuild(tmp_path / "journal", tmp_path / "ledger.sqlite")
    before = tables(tmp_path / "ledger.sqlite")
    (tmp_path / "journal" / "00000001.journal").unlink()
    assert command(tmp_path) == 2
    assert "begins at sequence" in capsys.readouterr().err
    assert tables(tmp_path / "ledger.sqlite") == before


def test_a_damaged_journal_changes_nothing(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tables(state / "ledger.sqlite")
    segment = state / "journal" / "00000001.journal"
    raw = bytearray(segment.read_bytes())
    raw[300] ^= 1
    segment.write_bytes(raw)
    assert command(state) == 1
    assert "journal verify" in capsys.readouterr().err
    assert tables(state / "ledger.sqlite") == before


@pytest.mark.parametrize("words", [[], ["--state-dir", "x", "--config", "y"]])
def test_one_of_the_two_options(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["ledger", "rebuild", *words]) == 2
    assert "one of the two" in capsys.readouterr().err


def test_a_ledger_ahead_of_its_journal_is_made_anew(tmp_path: Path) -> None:
    """The journal was moved away, or power was lost: it begins at a sequence used before."""
    write(tmp_path / "first", RECORDS)
    path = tmp_path / "ledger.sqlite"
    rebuild(tmp_path / "first", path)
    write(tmp_path / "journal", [start(2)])
    journal = Journal.open(tmp_path / "journal")
    ledger, caught = open_ledger(path, tmp_path / "journal", journal.next_sequence)
    assert (ledger.sequence, caught) == (1, 1)
    time_ns, kind, payload = pair("b-9", "k-9")
    ledger.apply(journal.append(kind, time_ns, payload), time_ns, kind, payload)
    ledger.close()
    journal.close()
    assert [row["client_id"] for row in table(path, "orders")] == ["b-9", "k-9"]
    kept = Ledger(tmp_path / "ledger.sqlite.ahead")
    assert kept.sequence == 3
    kept.close()


def test_a_ledger_behind_is_caught_up_and_one_in_step_is_left_alone(state: Path) -> None:
    journal = Journal.open(state / "journal")
    ledger, caught = open_ledger(state / "ledger.sqlite", state / "journal", journal.next_sequence)
    assert caught == 0
    ledger.close()
    time_ns, kind, payload = pair("b-9", "k-9")
    journal.append(kind, time_ns, payload)
    ledger, caught = open_ledger(state / "ledger.sqlite", state / "journal", journal.next_sequence)
    assert (caught, ledger.sequence) == (1, 4)
    ledger.close()
    journal.close()
