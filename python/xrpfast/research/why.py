"""The last signals that were not taken, and why."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from xrpfast.records.schema import read_database
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.strategies.reasons import Ignored


def why(ledger: Path, last: int) -> list[dict[str, Any]]:
    """The last ``last`` refused or ignored signals, the latest first.

    Every refusal is there; of the ignored ones the first of each reason in a minute, with how many
    there were of that reason so far in their run (``count``). Raises `UsageError` without a ledger.
    """
    with closing(read_database(ledger)) as db:
        rows = db.execute(
            "select sequence, wall_ns, signal_id, 'refused' as verdict, reason, null as count "
            "from refusals union all "
            "select sequence, wall_ns, signal_id, 'ignored', reason, count from ignored "
            "order by sequence desc limit ?",
            (last,),
        )
        return [{**row, "means": meaning(row["reason"])} for row in rows]


def meaning(reason: str) -> str:
    """A reason code in words; empty for one that is not known here any more."""
    for codes in (Refusal, Ignored):
        member = codes.__members__.get(reason)
        if member is not None:
            return member.doc.rstrip(".")
    return ""
