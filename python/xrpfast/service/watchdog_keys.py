"""What the venues last said of the watchdog's keys: it writes that down, and a start reads it.

A watchdog whose key is revoked, or bound to another address, runs and can cancel nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from xrpfast.service.receipts import write_receipt

NAME: Final = "watchdog-keys.json"
OLD_NS: Final = 1_800 * 1_000_000_000
"""Three times what a watchdog that works takes from one check to the next."""


class KeyCheck(msgspec.Struct, frozen=True):
    """One question to one venue."""

    problem: str
    """Empty: the key may look and cancel."""
    wall_ns: int
    refused: bool = False
    """The venue itself said no to the key; else it could not be asked."""


class _Told(msgspec.Struct):
    pid: int
    keys: dict[str, KeyCheck]


def tell_keys(state_dir: Path, keys: Mapping[str, KeyCheck]) -> None:
    """Replaces what this process, or one before it, told. Raises ``OSError``."""
    write_receipt(state_dir / NAME, msgspec.json.encode(_Told(os.getpid(), dict(keys))))


def told_keys(state_dir: Path, watcher: str | None) -> dict[str, KeyCheck]:
    """Per venue, what the process that watches told; nothing of any other."""
    with suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
        told = msgspec.json.decode((state_dir / NAME).read_bytes(), type=_Told)
        if str(told.pid) == watcher:
            return told.keys
    return {}


def untried(keys: Mapping[str, KeyCheck], venues: Sequence[str]) -> bool:
    """Whether the first answer of a venue is still to come."""
    return not set(venues) <= set(keys)


def refused(keys: Mapping[str, KeyCheck], venues: Sequence[str]) -> str:
    """Where the venue says no to the watchdog's key, for a person; empty when none does."""
    found = [
        f"{venue}: {said.problem}" for venue, said in keys.items() if said.refused
        and venue in venues
    ]  # fmt: skip
    return f"the watchdog cannot cancel ({'; '.join(found)})" if found else ""


def unfit(keys: Mapping[str, KeyCheck], venues: Sequence[str], now_ns: int) -> str:
    """Where the watchdog cannot cancel, for a person; empty when it can everywhere. ``now_ns``:
    wall time."""
    found = []
    for venue in venues:
        said = keys.get(venue)
        if said is None:
            found.append(f"{venue}: not tried yet")
        elif said.problem:
            found.append(f"{venue}: {said.problem}")
        elif now_ns - said.wall_ns > OLD_NS:
            found.append(f"{venue}: not tried for {(now_ns - said.wall_ns) // 60_000_000_000} min")
    return f"the watchdog may be unable to cancel ({'; '.join(found)})" if found else ""
