"""The ledger again, from the journal alone."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import msgspec

from xrpfast._core import JournalError, JournalReader
from xrpfast.errors import FailedError, UsageError
from xrpfast.records.ledger import Ledger


class Change(msgspec.Struct):
    """What a rebuilt ledger has that the one before had not, and the other way round."""

    records: int
    compared: bool
    """There was one before of this version."""
    rows: dict[str, tuple[int, int]]
    """Per table that differs: rows gone, rows new."""


def open_ledger(path: Path, journal: Path, next_sequence: int) -> tuple[Ledger, int]:
    """The ledger to go on with, caught up with the journal, and how many records that took.

    After a clean end the journal, which only grows, is not read. A ledger that knows records
    which the journal has not (a loss of power, another journal) is kept aside as ``.ahead`` and
    made anew: it would leave out all that comes now.
    """
    ledger = Ledger(path)
    if ledger.sequence >= next_sequence:
        ledger.close()
        path.rename(path.with_name(f"{path.name}.ahead"))
        ledger = Ledger(path)
    if max(ledger.sequence, 0) + 1 < next_sequence:
        return ledger, catch_up(journal, ledger)
    return ledger, 0


def rebuild(journal: Path, ledger: Path) -> int:
    """Applies what the ledger does not have yet; returns how many records that were.

    A new file gets the whole journal. Raises `JournalError` when the journal is damaged before
    its tail.
    """
    target = Ledger(ledger)
    try:
        return catch_up(journal, target)
    finally:
        target.close()


def catch_up(journal: Path, ledger: Ledger) -> int:
    """`rebuild` of a ledger that is open and stays so; what it did is committed."""
    applied = 0
    for sequence, time_ns, kind, payload in JournalReader(journal):
        if sequence > ledger.sequence:
            ledger.apply(sequence, time_ns, kind, payload)
            applied += 1
    ledger.commit()
    return applied


def replace(journal: Path, ledger: Path, target: Path) -> Change:
    """Writes the ledger of the whole ``journal`` to ``target``, all or nothing.

    Returns how it differs from ``ledger``. Raises `UsageError` for a journal whose first records
    were moved away (what they said is in the old ledger alone), `FailedError` for a damaged one.
    """
    new = target.with_name(f"{target.name}.new")
    for leftover in _files(new):
        leftover.unlink(missing_ok=True)
    try:
        first = next(iter(JournalReader(journal)), None)
        if first is not None and first[0] != 1:
            raise UsageError(
                f"{journal} begins at sequence {first[0]}: what came before is in {ledger} alone, "
                "which is left as it is"
            )
        records = rebuild(journal, new)
    except JournalError as error:
        raise FailedError(f"{journal}: {error}; see `journal verify`") from error
    change = _compare(ledger, new, records)
    for stale in _files(target)[1:]:
        stale.unlink(missing_ok=True)
    new.replace(target)
    for leftover in _files(new)[1:]:
        leftover.unlink(missing_ok=True)
    return change


def _files(path: Path) -> list[Path]:
    return [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]


def _compare(old: Path, new: Path, records: int) -> Change:
    if not old.is_file():
        return Change(records, False, {})
    try:
        before = _rows(old)
    except sqlite3.DatabaseError:
        return Change(records, False, {})
    after = _rows(new)
    if before.keys() != after.keys():
        return Change(records, False, {})
    rows = {
        name: ((before[name] - after[name]).total(), (after[name] - before[name]).total())
        for name in sorted(after)
        if before[name] != after[name]
    }
    return Change(records, True, rows)


def _rows(path: Path) -> dict[str, Counter[tuple[object, ...]]]:
    """Per table, each row and how often it stands there."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        names = db.execute("select name from sqlite_master where type = 'table'").fetchall()
        return {str(name): Counter(db.execute(f"select * from {name}")) for (name,) in names}
