"""Times as people read them, and what they type unseen."""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, datetime
from typing import Final

_SECOND: Final = 1_000_000_000


def utc(wall_ns: int) -> str:
    """``2026-11-24 11:21:55.432139 UTC``, cut to microseconds."""
    seconds, rest = divmod(wall_ns, _SECOND)
    when = datetime.fromtimestamp(seconds, UTC)
    return f"{when:%Y-%m-%d %H:%M:%S}.{rest // 1000:06d} UTC"


def clock(wall_ns: int) -> str:
    """The time of day alone, to the microsecond."""
    return utc(wall_ns)[11:-4]


def micros(ns: int) -> str:
    """A duration: ``181.5 µs``, ``2.30 ms``, ``1.20 s``."""
    for unit, size in (("s", _SECOND), ("ms", 1_000_000)):
        if abs(ns) >= size:
            return f"{ns / size:.2f} {unit}"
    return f"{ns / 1000:.1f} µs"


def ask_hidden(prompt: str) -> str | None:
    """What a person types without an echo; None where nobody can type."""
    return getpass.getpass(prompt) if sys.stdin.isatty() else None
