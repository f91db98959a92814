"""The ledger again, from the journal alone."""

from __future__ import annotations

from pathlib import Path

from xrpfast._core import JournalReader
from xrpfast.records.ledger import Ledger


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
