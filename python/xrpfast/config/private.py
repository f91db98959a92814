"""Files that are somebody's alone: keys that only their owner may read, ceilings that only theirs
may write."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final

from xrpfast.errors import UsageError

MOST: Final = 64 * 1024
_HANDED: Final = re.compile(r"/dev/fd/(\d{1,9})")
_SECRET: Final = stat.S_IRWXG | stat.S_IRWXO
_WRITABLE: Final = stat.S_IWGRP | stat.S_IWOTH


def read_secret(path: Path, what: str) -> str:
    """The text of a file that nobody but its owner may even read. Raises `UsageError`, which never
    shows what is in it."""
    return _read(path, what, _SECRET, "chmod 600")


def read_owned(path: Path, what: str) -> str:
    """The text of a file that nobody but its owner may change. Raises `UsageError`."""
    return _read(path, what, _WRITABLE, "chmod go-w")


def _read(path: Path, what: str, forbidden: int, mend: str) -> str:
    """``what`` is what errors call the file, which is a regular one or a pipe."""
    try:
        with open(_descriptor(path), "rb") as file:
            found = os.fstat(file.fileno())
            if not (stat.S_ISREG(found.st_mode) or stat.S_ISFIFO(found.st_mode)):
                raise UsageError(f"{what} {path}: neither a file nor a pipe")
            if found.st_mode & forbidden:
                raise UsageError(f"{what} {path}: others may get at it: {mend} {path}")
            if found.st_uid not in (0, os.geteuid()):
                raise UsageError(f"{what} {path}: belongs to another user: chown it to this one")
            data = file.read(MOST + 1)
    except OSError as error:
        raise UsageError(f"{what} {path}: {error.strerror}") from None
    if len(data) > MOST:
        raise UsageError(f"{what} {path}: too long")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{what} {path}: not UTF-8 text") from None


def _descriptor(path: Path) -> int:
    """An open descriptor. One that was handed over is read as it is: to open it anew would need
    rights that the process may have given up."""
    handed = _HANDED.fullmatch(str(path))
    if handed:
        return os.dup(int(handed[1]))
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
