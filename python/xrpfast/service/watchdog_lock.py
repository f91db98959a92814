"""Who watches a state directory: one watchdog, and whoever wants to know that there is one."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from xrpfast.errors import UsageError

NAME: Final = "watchdog.lock"
WITHIN_S: Final = 1.0
"""Who only looks holds the lock for a moment."""
LONGEST: Final = 4096


class Watcher(msgspec.Struct, frozen=True):
    """Who holds the lock, and what it looks after."""

    pid: int
    prefix: str
    """Of the client order ids that it cancels."""
    venues: tuple[str, ...]


@contextmanager
def watching(state_dir: Path, prefix: str, venues: Sequence[str]) -> Iterator[None]:
    """Holds the lock. Raises `UsageError` when another watchdog does."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(state_dir / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"state_dir {state_dir}: {error.strerror}") from error
    try:
        if not _taken(lock, WITHIN_S):
            raise UsageError(f"state_dir {state_dir} has a watchdog (process {_pid(_read(lock))})")
        os.ftruncate(lock, 0)
        said = Watcher(os.getpid(), prefix, tuple(venues))
        os.pwrite(lock, msgspec.json.encode(said) + b"\n", 0)
        yield
    finally:
        os.close(lock)


def watcher(state_dir: Path) -> str | None:
    """The process that watches, None when there is none."""
    held = _held(state_dir)
    return None if held is None else _pid(held)


def unwatched(state_dir: Path, prefix: str, venues: Sequence[str]) -> str:
    """Why orders with this prefix at these venues have no watchdog, for a person; empty when they
    have one."""
    held = _held(state_dir)
    if held is None:
        return "no watchdog runs"
    said = _said(held)
    if said is None:
        return f"the watchdog (process {_pid(held)}) does not say what it watches"
    if said.prefix == prefix and set(said.venues) >= set(venues):
        return ""
    return (
        f"the watchdog (process {said.pid}) has another configuration: it watches {said.prefix} "
        f"at {', '.join(said.venues) or 'no venue'}, not {prefix} at {', '.join(venues)}"
    )


def _held(state_dir: Path) -> bytes | None:
    """What the lock's holder says of itself, None when nobody holds it."""
    try:
        lock = os.open(state_dir / NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if _taken(lock, 0) else _read(lock)
    finally:
        os.close(lock)


def _said(held: bytes) -> Watcher | None:
    with suppress(msgspec.MsgspecError, UnicodeDecodeError):
        return msgspec.json.decode(held, type=Watcher)
    return None


def _pid(held: bytes) -> str:
    said = _said(held)
    return "unknown" if said is None else str(said.pid)


def _taken(lock: int, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def _read(lock: int) -> bytes:
    return os.pread(lock, LONGEST, 0)
