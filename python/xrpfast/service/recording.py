"""Journal and ledger at the two ends of a run: opened only when sound, closed whatever happened."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from xrpfast._core import CoreError, Journal, JournalReader
from xrpfast.errors import FailedError
from xrpfast.records.ledger import Ledger
from xrpfast.records.rebuild import open_ledger

if TYPE_CHECKING:
    from xrpfast.service.projection import Projection

SQLITE_FILES: Final = ("", "-wal", "-shm")

_LOG = logging.getLogger("xrpfast.service")


def open_records(journal_path: Path, ledger_path: Path) -> tuple[Journal, Ledger]:
    """The journal, read from its first record to its last, and a ledger that has all of it.

    A torn tail is cut and kept aside. A ledger that is damaged, or that knows more than the
    journal, is moved aside and made anew. Raises `JournalError`, naming file and byte, for damage
    before the tail: nothing may be traded on a journal that does not verify.
    """
    journal = Journal.open(journal_path)
    try:
        if journal.cut_bytes:
            _LOG.warning(
                "journal: %d bytes of a torn tail cut from %s and kept beside it",
                journal.cut_bytes,
                journal.path,
            )
        first = 0
        for sequence, _, _, _ in JournalReader(journal_path):
            first = first or sequence
        return journal, _open_ledger(journal_path, ledger_path, journal.next_sequence, first)
    except BaseException:
        journal.close()
        raise


def _open_ledger(journal: Path, path: Path, next_sequence: int, first: int) -> Ledger:
    why = _damage(path)
    if first > 1 and not path.exists():
        raise FailedError(
            f"{path} is missing and {journal} begins at sequence {first}: "
            "put the segments before it back, then start again"
        )
    if why:
        if first > 1:
            raise FailedError(
                f"{path} is damaged ({why}) and {journal} begins at sequence {first}: "
                "put the segments before it back, then start again"
            )
        _set_aside(path, why)
    ledger, caught = open_ledger(path, journal, next_sequence)
    if caught:  # a run that died took what waited for the ledger along
        _LOG.warning("ledger: %d records caught up from the journal", caught)
    return ledger


def _damage(path: Path) -> str:
    """What is wrong with the file as a database; empty for a sound or a missing one."""
    if not path.exists():
        return ""
    try:
        with closing(sqlite3.connect(path)) as db:
            said = db.execute("pragma quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        raise  # no access, or in use: not damage
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if said == ("ok",) else str(said[0])


def _set_aside(path: Path, why: str) -> None:
    number = 1
    while (kept := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in SQLITE_FILES:
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(f"{kept}{suffix}")
    _LOG.warning("ledger: rebuilt from the journal (%s); the old one is %s", why, kept)


def close_records(projection: Projection, journal: Journal) -> None:
    """Completes and closes both. Once the disk has refused, there is nothing to complete; the
    reason is known by then."""
    try:
        projection.finish()
    except sqlite3.Error as error:
        _LOG.warning("ledger: not complete, it is caught up from the journal: %s", error)
    try:
        if journal.failure is None:
            journal.flush()
            journal.sync()
    finally:
        try:
            journal.close()
        except CoreError as error:
            if journal.failure is None:
                raise
            _LOG.warning("journal: %s", error)
