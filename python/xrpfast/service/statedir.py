"""The engine's directory: who holds it, how often it was started, whether it is halted, and that
nobody else can change what is in it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from pathlib import Path
from time import time_ns
from typing import Final

import orjson

from xrpfast._core import JournalReader
from xrpfast.errors import HaltedError, UsageError
from xrpfast.records import kinds
from xrpfast.service.latch import Latch

MAX_SOCKET_PATH: Final = 107
FIRST_NS: Final = 1_577_836_800 * 1_000_000_000
"""The beginning of 2020 as wall time: from here epochs are counted."""


class StateDir:
    """Holds the lease from `open` to `close`."""

    def __init__(self, path: Path, lease: int) -> None:
        self.path = path
        self.latch = Latch(path)
        self._lease = lease

    @classmethod
    def open(cls, path: Path) -> StateDir:
        """Takes the lease to trade; raises `UsageError` when it cannot, `HaltedError` if halted."""
        state = cls.ready(path)
        try:
            state.refuse_if_halted()
        except BaseException:
            state.close()
            raise
        return state

    @classmethod
    def ready(cls, path: Path) -> StateDir:
        """Takes the lease, halted or not, for a run. Raises `UsageError` when it cannot."""
        state = cls.hold(path)
        try:
            state.latch.prepare()
            if len(os.fsencode(state.control_path)) > MAX_SOCKET_PATH:
                raise UsageError(f"state_dir {path}: too long a path for a socket, shorten it")
        except OSError as error:
            state.close()
            raise UsageError(f"state_dir {path}: {error.strerror}") from error
        except BaseException:
            state.close()
            raise
        return state

    @classmethod
    def hold(cls, path: Path) -> StateDir:
        """Takes the lease alone, so that no engine runs here. Raises `UsageError` when one does."""
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            (path / "journal").mkdir(mode=0o700, exist_ok=True)
            lease = os.open(path / "lease.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(f"state_dir {path}: {error.strerror}") from error
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(lease, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(lease)
            raise UsageError(
                f"state_dir {path} is in use by another engine (process {holder}): "
                "stop it or choose another state_dir"
            ) from error
        os.ftruncate(lease, 0)
        os.pwrite(lease, f"{os.getpid()}\n".encode(), 0)
        return cls(path, lease)

    @staticmethod
    def holder(path: Path) -> int | None:
        """The process that holds the lease. The kernel is asked: who only looks must not keep an
        engine from starting, as a lock taken for a moment would."""
        try:
            number = (path / "lease.lock").stat().st_ino
            written = (path / "lease.lock").read_text(encoding="ascii", errors="replace").strip()
            locks = Path("/proc/locks").read_text(encoding="ascii").splitlines()
        except OSError:
            return None
        for line in locks:
            words = line.split()
            if (
                len(words) > 5
                and words[1] == "FLOCK"
                and words[4] == written
                and words[5].endswith(f":{number}")
            ):
                return int(written)
        return None

    def close(self) -> None:
        os.close(self._lease)

    @property
    def journal_path(self) -> Path:
        return self.path / "journal"

    @property
    def ledger_path(self) -> Path:
        return self.path / "ledger.sqlite"

    @property
    def heartbeat_path(self) -> Path:
        return self.path / "heartbeat"

    @property
    def control_path(self) -> Path:
        return self.path / "control.sock"

    # --- epoch ----------------------------------------------------------------------------------

    def next_epoch(self, wall_ns: int | None = None) -> int:
        """Counts this start, on disk before anything is sent: no epoch is ever used twice.

        Above the counter, the journal and the clock (milliseconds since 2020): each of them may be
        lost, or wrong, alone. Two engines that know nothing of each other, started in one second,
        give out other ids.
        """
        path = self.path / "epoch"
        counted = 0
        with contextlib.suppress(FileNotFoundError):
            text = path.read_text(encoding="ascii", errors="replace").strip()
            if not text.isdigit():
                raise UsageError(f"{path} is damaged: remove it, the journal and the clock count")
            counted = int(text)
        by_clock = ((time_ns() if wall_ns is None else wall_ns) - FIRST_NS) // 1_000_000
        epoch = max(counted or self._journalled_epoch(), by_clock) + 1
        self._replace(path, f"{epoch}\n".encode())
        return epoch

    def _journalled_epoch(self) -> int:
        """The largest epoch that the journal knows of; 0 for a new directory."""
        last = 0
        for segment in sorted(self.journal_path.iterdir()):
            if not segment.is_file() or not segment.stat().st_size:
                continue
            for _, _, kind, payload in JournalReader(segment):
                if kind == kinds.START:
                    last = max(last, int(orjson.loads(payload)["epoch"]))
        return last

    # --- halt latch -----------------------------------------------------------------------------

    def refuse_if_halted(self) -> None:
        halted = self.latch.halted()
        if halted is not None:
            said = f" (by {halted.who})" if halted.who else ""
            raise HaltedError(
                f"trading is halted{said}: {halted.reason} (see {self.latch.path}; "
                "`xrpfast resume` once its cause is mended)"
            )

    def _replace(self, path: Path, data: bytes) -> None:
        """Writes, syncs, renames, syncs the directory: all or nothing, and for good."""
        temporary = path.with_name(path.name + ".new")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        temporary.rename(path)
        directory = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def shared(state_dir: Path) -> str:
    """How others could lift a halt or change the records there, and the way out; empty if they
    cannot. What is still to be made will be this user's."""
    for folder in (state_dir, state_dir / "journal"):
        try:
            found = folder.stat()
        except FileNotFoundError:
            continue
        except OSError as error:
            return f"state_dir: {folder}: {error.strerror}"
        if found.st_uid not in (0, os.geteuid()):
            return f"state_dir: {folder} belongs to another user: chown it to this one"
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return f"state_dir: others may change {folder}: chmod 700 {folder}"
    return ""
