"""A halt, from what was asked for to its receipt: what was cancelled, how long it took, and what
nobody could verify."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Any, Final

import msgspec

from xrpfast.service.cancelling import CANCELLED, Receipt, VenueReceipt
from xrpfast.service.receipts import receipt_path, write_receipt
from xrpfast.trading.states import ENGINE

AUTHOR: Final = "halt"
"""In the names of receipts."""
BY_ENGINE: Final = "engine"
BY_COMMAND: Final = "command"
_MS: Final = 1e6


class Asked(msgspec.Struct, frozen=True):
    """Somebody wants a scope halted."""

    scope: str
    reason: str
    who: str
    wall_ns: int
    mono_ns: int
    """When it was asked for: all times of the receipt count from here."""


def asked_now(reason: str, who: str, scope: str = ENGINE) -> Asked:
    """As of this moment."""
    return Asked(scope, reason, who, time_ns(), monotonic_ns())


class HaltReceipt(msgspec.Struct, kw_only=True):
    """What came of it; times in milliseconds from when it was asked for, None for what did not
    happen."""

    scope: str
    reason: str
    who: str
    wall_ns: int
    by: str
    """Who cancelled: the running engine, or the command itself."""
    pid: int
    verified: bool = False
    """The halt is on disk, and every venue lists none of the scope's orders any more."""
    cancelled: int = 0
    first_cancel_ms: float | None = None
    verified_ms: float | None = None
    not_verified: list[str] = []
    unsettled: list[str] = []
    """Orders whose end the books do not know yet; no venue lists them. A start asks about them."""
    notes: list[str] = []
    """What else a person should know, of the engine, say."""
    venues: list[VenueReceipt] = []

    def document(self) -> dict[str, Any]:
        """As one JSON object."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    def lines(self) -> list[str]:
        """For a person."""
        return [
            f"halt of {self.scope} by {self.who}: {self.reason}",
            *self.notes,
            *(_line(venue) for venue in self.venues),
            *(f"NOT VERIFIED: {problem}" for problem in self.not_verified),
            *(f"{client_id}: not settled, the next start asks" for client_id in self.unsettled),
        ]


def receipt_of(
    asked: Asked,
    by: str,
    cancelling: Receipt | None,
    began_ns: int,
    problems: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> HaltReceipt:
    """``cancelling`` began at ``began_ns`` (monotonic); None: it could not begin. ``problems``:
    what else stands in the way of calling it verified."""
    venues = [] if cancelling is None else cancelling.venues
    for venue in venues:
        _shift(venue, max(0.0, (began_ns - asked.mono_ns) / _MS))
    wrong = [*problems, *(f"{v.venue}: {v.problem}" for v in venues if v.verified_ms is None)]
    verified = cancelling is not None and not wrong
    first = [v.first_cancel_ms for v in venues if v.first_cancel_ms is not None]
    return HaltReceipt(
        scope=asked.scope,
        reason=asked.reason,
        who=asked.who,
        wall_ns=asked.wall_ns,
        by=by,
        pid=os.getpid(),
        notes=list(notes),
        verified=verified,
        cancelled=sum(order.fate == CANCELLED for venue in venues for order in venue.orders),
        first_cancel_ms=min(first, default=None),
        verified_ms=max((v.verified_ms or 0.0 for v in venues), default=0.0) if verified else None,
        not_verified=wrong,
        venues=venues,
    )


def place(state_dir: Path, asked: Asked) -> Path:
    """Where its receipt goes. Raises ``OSError`` when there can be none."""
    path = receipt_path(state_dir, asked.wall_ns, AUTHOR)
    while path.exists():  # two that were asked for by one clock tick, or by a clock set back
        asked = msgspec.structs.replace(asked, wall_ns=asked.wall_ns + 1)
        path = receipt_path(state_dir, asked.wall_ns, AUTHOR)
    return path


def write(path: Path, receipt: HaltReceipt) -> None:
    """Whole and for good. Raises ``OSError``."""
    write_receipt(path, msgspec.json.encode(receipt))


def read(path: Path) -> HaltReceipt | None:
    """None when there is none, or none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=HaltReceipt)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _shift(venue: VenueReceipt, ms: float) -> None:
    for name in ("first_cancel_ms", "first_cancelled_ms", "empty_ms", "verified_ms"):
        value = getattr(venue, name)
        if value is not None:
            setattr(venue, name, round(value + ms, 3))


def _line(venue: VenueReceipt) -> str:
    counts: dict[str, int] = {}
    for order in venue.orders:
        counts[order.fate] = counts.get(order.fate, 0) + 1
    words = [f"{count} {fate}" for fate, count in counts.items()] or ["nothing to cancel"]
    if venue.first_cancel_ms is not None:
        words.append(f"first cancel after {venue.first_cancel_ms:.1f} ms")
    if venue.verified_ms is not None:
        words.append(f"verified empty after {venue.verified_ms:.1f} ms")
    if venue.foreign:
        words.append(f"{venue.foreign} of others left alone")
    return f"{venue.venue}: {', '.join(words)}"
