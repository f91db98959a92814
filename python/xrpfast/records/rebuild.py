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
    applied = 0
    try:
        for sequence, time_ns, kind, payload in JournalReader(journal):
            if sequence > target.sequence:
                target.apply(sequence, time_ns, kind, payload)
                applied += 1
    finally:
        target.close()
    return applied
