"""`alerts.jsonl`: what people should know, one JSON line each, by every process of the project.

A line is one write, so that lines of several processes never mix. A file that is full is kept as
`alerts.jsonl.1`, and the one before it is gone. A disk that refuses keeps nobody from anything.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time_ns
from typing import Final

import msgspec

from xrpfast.errors import XrpfastError

NAME: Final = "alerts.jsonl"
OLD: Final = "alerts.jsonl.1"
MOST_BYTES: Final = 1024 * 1024
LONGEST: Final = 2_000
"""Characters of a text."""
MOST_WAITING: Final = 1_000
"""Lines that a disk has not taken yet; the oldest of more are lost."""
LEVELS: Final = ("info", "warning", "critical")
CRITICAL: Final = "critical"

_LOG = logging.getLogger("xrpfast.alerts")

Tell = Callable[[str, str], None]
"""(level, text)."""


class Line(msgspec.Struct, frozen=True):
    """One alert. The first field comes first: it is what tells files, and torn lines, apart."""

    wall_ns: int
    level: str
    source: str
    """What said it: engine, watchdog, halt …"""
    pid: int
    number: int
    """Counts those of a process, from 1."""
    text: str

    @property
    def key(self) -> tuple[int, int, int]:
        """Of this one alone."""
        return self.wall_ns, self.pid, self.number


class Lines:
    """Makes the lines of one process."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._number = 0

    def make(self, level: str, text: str) -> Line:
        self._number += 1
        level = level if level in LEVELS else CRITICAL
        words = "".join(c if c.isprintable() else " " for c in text).split()
        text = " ".join(words)[:LONGEST]
        return Line(time_ns(), level, self._source, os.getpid(), self._number, text)


def encode(line: Line) -> bytes:
    """As it stands in the file."""
    return msgspec.json.encode(line) + b"\n"


def append(state_dir: Path, lines: bytes) -> None:
    """Writes whole lines, at once. Raises ``OSError``; part of them may be written then."""
    path = state_dir / NAME
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        if os.write(fd, lines) != len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if os.fstat(fd).st_size >= MOST_BYTES:
            _set_aside(fd, path)
    finally:
        os.close(fd)


def _set_aside(fd: int, path: Path) -> None:
    """Once, whoever finds it full: a second rename would put a new file over the one just kept."""
    with suppress(OSError):  # somebody else does it, or has done it
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino == os.fstat(fd).st_ino:
            path.rename(path.with_name(OLD))


def tell_once(state_dir: Path, source: str, level: str, text: str) -> None:
    """For a command that has one thing to say. Raises ``OSError``."""
    append(state_dir, encode(Lines(source).make(level, text)))


class Recorder:
    """Of one process with a running loop: writes once the callback that told is over."""

    def __init__(self, state_dir: Path, source: str) -> None:
        self._state_dir = state_dir
        self._lines = Lines(source)
        self._waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._scheduled = False
        self._refused = False

    def tell(self, level: str, text: str) -> None:
        """Never raises, and never waits within a callback of a running loop."""
        self._waiting.append(encode(self._lines.make(level, text)))
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self.flush)

    def flush(self) -> None:
        """What the disk refuses waits for the next alert."""
        self._scheduled = False
        if not self._waiting:
            return
        try:
            append(self._state_dir, b"".join(self._waiting))
        except OSError as error:
            if not self._refused:
                _LOG.error("alerts are not written to %s: %s", NAME, error.strerror)
            self._refused = True
        else:
            self._waiting.clear()
            self._refused = False


class _Heard(logging.Handler):
    """Whatever is logged as critical is an alert: nobody has to remember to say it twice."""

    def __init__(self, tell: Tell) -> None:
        super().__init__(logging.CRITICAL)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        if not getattr(record, "told", False):
            self._tell(CRITICAL, record.getMessage())


@contextmanager
def heard(tell: Tell) -> Iterator[None]:
    """Tells every critical line of the project's log; those that are told already carry ``told``.

    It needs no set-up of logging, and no level of it hides a critical line."""
    handler = _Heard(tell)
    logger = logging.getLogger("xrpfast")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def recording(state_dir: Path, source: str) -> Iterator[Recorder]:
    """A process that runs on its own; what it ends with is told, too."""
    recorder = Recorder(state_dir, source)
    with heard(recorder.tell):
        try:
            yield recorder
        except XrpfastError as error:
            recorder.tell(CRITICAL, f"the {source} ended: {error}")
            raise
        except Exception as error:
            recorder.tell(CRITICAL, f"the {source} ended: {type(error).__name__}: {error}")
            raise
        finally:
            recorder.flush()
