"""The engine's sign of life, and the word that stops it: a small file in `state_dir`, mapped.

Words of 8 bytes in the machine's order: magic, process id, epoch, beats, monotonic ns, wall ns,
state, halt word. All but the last are the engine's, stamped by its event loop itself: a loop that
hangs stops stamping, whatever the rest of the process does. The halt word is anybody's to set,
after the latch is on disk: the engine looks at it before every order that would leave, which costs
a load from memory, and sends nothing once it is not zero. Only a start of the engine clears it.
"""

from __future__ import annotations

import asyncio
import mmap
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Final, NamedTuple

MAGIC: Final = int.from_bytes(b"XRPFBT02", "little")
INTERVAL_S: Final = 0.05
WORDS: Final = 8
SIZE: Final = WORDS * 8
_STATE: Final = 6
_HALT: Final = 7


class RunState(IntEnum):
    """Whether somebody has to answer for orders."""

    STOPPED = 1
    """No order of ours can work anywhere."""
    RUNNING = 2
    """Orders may work at the venues: when the beats end, nobody looks after them."""


class Beat(NamedTuple):
    """One reading."""

    pid: int
    epoch: int
    """Of the run; 0 until it has one."""
    beats: int
    mono_ns: int
    wall_ns: int
    state: RunState
    halt: int
    """Process id of who wants the engine to stop; 0: nobody."""


class Heartbeat:
    """Stamps its file every `INTERVAL_S` from the running loop."""

    def __init__(self, path: Path, on_halt: Callable[[], None]) -> None:
        """Clears the halt word: the latch, which is set before it, has to be looked at afterwards.

        ``on_halt`` is called once, within `INTERVAL_S`, when somebody has set the halt word.
        """
        before = read(path)
        self.state = RunState.STOPPED
        """A run that ended without a word may have left orders that work: until `settled`."""
        if before is not None:
            self.state = before.state
        elif _written(path):
            self.state = RunState.RUNNING
        self.epoch = 0
        self._on_halt = on_halt
        self._told = False
        self._beats = 0
        self._handle: asyncio.TimerHandle | None = None
        self._words = memoryview(_map(path, os.O_CREAT)).cast("q")
        self._words[_HALT] = 0
        self.halt_word: Sequence[int] = self._words[_HALT:]
        """Its one entry is not zero once nothing may leave any more."""
        self._stamp()

    def start(self) -> None:
        """From the running loop."""
        self._beat()

    def settled(self) -> None:
        """Nothing works that earlier runs left."""
        self._now(RunState.STOPPED)

    def running(self) -> None:
        """Orders may leave: on file before the first one does."""
        self._now(RunState.RUNNING)

    def stop(self, *, clean: bool) -> None:
        """``clean``: no order of this run can work any more. What earlier runs left, and this one
        did not settle, is left as it was."""
        if self._handle is not None:
            self._handle.cancel()
        if clean:
            self._now(RunState.STOPPED)

    def _now(self, state: RunState) -> None:
        self.state = state
        self._stamp()

    def _beat(self) -> None:
        self._stamp()
        if self._words[_HALT] and not self._told:
            self._told = True
            self._on_halt()
        self._handle = asyncio.get_running_loop().call_later(INTERVAL_S, self._beat)

    def _stamp(self) -> None:
        self._beats += 1
        words = self._words
        words[0], words[1], words[2] = MAGIC, os.getpid(), self.epoch
        words[4], words[5], words[_STATE] = monotonic_ns(), time_ns(), self.state
        words[3] = self._beats


def read(path: Path) -> Beat | None:
    """The latest beat; None when there is none that can be read."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if len(data) != SIZE:
        return None
    magic, pid, epoch, beats, mono_ns, wall_ns, state, halt = memoryview(data).cast("q")
    if magic != MAGIC or state not in set(RunState):
        return None
    return Beat(pid, epoch, beats, mono_ns, wall_ns, RunState(state), halt)


def request_halt(path: Path) -> bool:
    """Lets nothing leave an engine that runs, at once. The latch is set before: an engine that
    starts clears the word and then looks at the latch.

    False when no engine has ever run here: then the latch alone is enough.
    """
    with suppress(OSError):
        if path.stat().st_size == SIZE:
            shared = _map(path, 0)
            with shared, memoryview(shared) as view, view.cast("q") as words:
                words[_HALT] = os.getpid()
            return True
    return False


def settle(path: Path) -> None:
    """Nothing of the run that left this file works anywhere. For who holds the lease alone: an
    engine says so itself."""
    beat = read(path)
    if beat is not None:
        shared = _map(path, 0)
        with shared, memoryview(shared) as view, view.cast("q") as words:
            words[_STATE] = RunState.STOPPED


def _written(path: Path) -> bool:
    with suppress(OSError):
        return path.stat().st_size > 0
    return False


def _map(path: Path, flags: int) -> mmap.mmap:
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
    try:
        if os.fstat(fd).st_size < SIZE:  # never shorter: others have it mapped
            os.ftruncate(fd, SIZE)
        return mmap.mmap(fd, SIZE)
    finally:
        os.close(fd)
