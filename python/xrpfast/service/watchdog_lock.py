"""Who watches a state directory: one watchdog, and whoever wants to know that there is one."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from xrpfast.errors import UsageError

NAME: Final = "watchdog.lock"
WITHIN_S: Final = 1.0
"""Who only looks holds the lock for a moment."""


@contextmanager
def watching(state_dir: Path) -> Iterator[None]:
    """Holds the lock. Raises `UsageError` when another watchdog does."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(state_dir / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"state_dir {state_dir}: {error.strerror}") from error
    try:
        if not _taken(lock, WITHIN_S):
            raise UsageError(f"state_dir {state_dir} has a watchdog (process {_holder(lock)})")
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def watcher(state_dir: Path) -> str | None:
    """The process that watches, None when there is none."""
    try:
        lock = os.open(state_dir / NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if _taken(lock, 0) else _holder(lock)
    finally:
        os.close(lock)


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


def _holder(lock: int) -> str:
    return os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
