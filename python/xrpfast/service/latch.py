"""`halt.json`: which scopes are closed, by whom and why. On disk before anything acts on it.

Any process may set an entry, also one that knows nothing of the engine; only a person's ``resume``
clears one, and a live drill the one that it set itself. A latch that cannot be read halts
everything. A file is kept ready beside it, so that a full disk cannot keep a halt from being kept.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from xrpfast.trading.states import ENGINE, KEPT, STRATEGY, SYMBOL, VENUE, TradingState

SPARE_BYTES: Final = 16 * 1024
TRIES: Final = 3
LOCK_S: Final = 1.0
"""A stop waits no longer for another process: one that is stopped itself may hold the lock."""
ALSO: Final = 8
_KINDS: Final = (VENUE, STRATEGY, SYMBOL)
_UNREADABLE: Final = "the reason cannot be read"


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a scope is closed."""

    scope: str
    state: TradingState
    reason: str
    who: str
    wall_ns: int
    also: tuple[str, ...] = ()
    """Who else said so since, and why: the first of them."""


class Latch:
    """The file of one state directory."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "halt.json"
        self._spare = folder / "halt.spare"
        self._lock = folder / "halt.lock"

    # --- reading --------------------------------------------------------------------------------

    def entries(self) -> tuple[Entry, ...]:
        """What is closed. A file that cannot be read closes the engine."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            return (_whole(f"{_UNREADABLE}: {error.strerror}"),)
        return _decoded(data)

    def halted(self) -> Entry | None:
        """The entry that halts the whole engine, if there is one."""
        for entry in self.entries():
            if entry.scope == ENGINE and entry.state is TradingState.HALTED:
                return entry
        return None

    def stamp(self) -> tuple[int, int, int] | None:
        """Another one whenever the file is another; None without one."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    # --- writing --------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Makes the spare file, in full: for the day on which the disk takes no more.

        Raises ``OSError`` when it cannot: then nothing could be kept later either.
        """
        if self._spare.exists() and self._spare.stat().st_size == SPARE_BYTES:
            return
        _write(self._spare, b" " * SPARE_BYTES)

    def set(self, entry: Entry) -> bool:
        """Closes a scope, durably; False when it was closed as much already, and then the first
        reason stays, with another one noted beside it, if it can be. Raises ``OSError`` when no
        file can be written or renamed any more."""
        with self._locked():
            changed = False
            for _ in range(TRIES):  # a writer that could not wait for the lock may take it back
                others = []
                for other in self.entries():
                    if other.scope != entry.scope:
                        others.append(other)
                    elif KEPT.index(other.state) >= KEPT.index(entry.state):
                        self._note(other, entry)
                        return changed
                    else:  # it gets worse: who closed it before still wants it closed
                        before = (f"{other.who}: {other.reason}", *other.also)
                        entry = msgspec.structs.replace(entry, also=before[:ALSO])
                self._replace((*others, entry))
                changed = True
            return changed

    def clear(
        self, seen: Collection[Entry], scopes: Collection[str] | None = None
    ) -> tuple[Entry, ...]:
        """A person's resume: opens these scopes, or all, as far as they are as they were seen;
        returns what came since, which stays."""
        with self._locked():
            before = [e for e in self.entries() if scopes is None or e.scope in scopes]
            new = tuple(entry for entry in before if entry not in seen)
            self._open([entry for entry in before if entry in seen])
            return new

    def clear_own(self, entry: Entry) -> bool:
        """Opens what exactly this entry closed, for whoever set it; False, with nothing changed,
        when anybody else said so since, or the file cannot be had for oneself."""
        with self._locked() as alone:
            before = self.entries()
            if not alone or entry.also or entry not in before:
                return False
            self._open((entry,))
            return True

    def _open(self, gone: Collection[Entry]) -> None:
        left = tuple(e for e in self.entries() if e not in gone)
        if gone and left:
            self._replace(left)
        elif gone:
            self.path.unlink(missing_ok=True)
            self._sync()

    def _note(self, closed: Entry, entry: Entry) -> None:
        """Somebody says what is so already. It is halted: what fails here changes nothing."""
        text = f"{entry.who}: {entry.reason}"
        same = (closed.who, closed.reason) == (entry.who, entry.reason)
        if same or text in closed.also or len(closed.also) >= ALSO:
            return
        noted = msgspec.structs.replace(closed, also=(*closed.also, text))
        with suppress(OSError):
            self._replace(tuple(noted if e == closed else e for e in self.entries()))

    def _replace(self, entries: tuple[Entry, ...]) -> None:
        data = msgspec.json.format(msgspec.json.encode(entries), indent=1) + b"\n"
        new = self.path.with_name(f"halt.json.{os.getpid()}")
        try:
            _write(new, data)
        except OSError:
            if len(data) > SPARE_BYTES or not self._spare.exists():
                raise
            # Its blocks are there already, and memory has no limit of file size.
            with self._spare.open("r+b") as file, mmap.mmap(file.fileno(), SPARE_BYTES) as page:
                page[:] = data.ljust(SPARE_BYTES)
                page.flush()
            new = self._spare
        new.rename(self.path)
        self._sync()

    def _sync(self) -> None:
        directory = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """One writer at a time, if that can be had soon: what is to be closed comes first. Whether
        it could."""
        fd, alone = None, False
        with suppress(OSError):
            fd = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            alone = _take(fd)
        try:
            yield alone
        finally:
            if fd is not None:
                os.close(fd)


def _take(fd: int) -> bool:
    deadline = time.monotonic() + LOCK_S
    while time.monotonic() < deadline:
        with suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.01)
    return False


def _decoded(data: bytes) -> tuple[Entry, ...]:
    try:
        return tuple(_known(e) for e in msgspec.json.decode(data, type=tuple[Entry, ...]))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass
    # Of earlier versions: one object, always of the whole engine. Or written by a person in haste.
    try:
        return (_whole(str(msgspec.json.decode(data)["reason"])),)
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, TypeError):
        return (_whole(_UNREADABLE),)


def _known(entry: Entry) -> Entry:
    """One of a scope or a state that no engine has, as a person may write it, is the engine's: a
    halt that closes nothing is worse than one that closes too much."""
    named = any(entry.scope.startswith(kind) and entry.scope != kind for kind in _KINDS)
    if (named or entry.scope == ENGINE) and entry.state in KEPT:
        return entry
    reason = f"there is no scope {entry.scope!r} {entry.state}: {entry.reason}"
    return msgspec.structs.replace(entry, scope=ENGINE, state=TradingState.HALTED, reason=reason)


def _whole(reason: str) -> Entry:
    return Entry(ENGINE, TradingState.HALTED, reason, "", 0)


def _write(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        while data:
            data = data[os.write(fd, data) :]
        os.fsync(fd)
    finally:
        os.close(fd)
