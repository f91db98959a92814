"""The engine's sign of life: a small file that the event loop itself stamps through mmap.

Layout, little-endian: magic ``XRPFBEAT``, process id u64, epoch u64, beats u64, monotonic ns i64,
wall ns i64. A loop that hangs stops stamping, whatever the rest of the process does.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import struct
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Final, NamedTuple

MAGIC: Final = b"XRPFBEAT"
INTERVAL_S: Final = 0.05
_LAYOUT: Final = struct.Struct("<8sQQQqq")


class Beat(NamedTuple):
    """One reading."""

    pid: int
    epoch: int
    beats: int
    mono_ns: int
    wall_ns: int


class Heartbeat:
    """Stamps its file every `INTERVAL_S` from the running loop."""

    def __init__(self, path: Path, epoch: int) -> None:
        self._epoch = epoch
        self._beats = 0
        self._handle: asyncio.TimerHandle | None = None
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(fd, _LAYOUT.size)
            self._map = mmap.mmap(fd, _LAYOUT.size)
        finally:
            os.close(fd)

    def start(self) -> None:
        self._beat()

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._map.close()

    def _beat(self) -> None:
        self._beats += 1
        _LAYOUT.pack_into(
            self._map, 0, MAGIC, os.getpid(), self._epoch, self._beats, monotonic_ns(), time_ns()
        )
        self._handle = asyncio.get_running_loop().call_later(INTERVAL_S, self._beat)


def read(path: Path) -> Beat | None:
    """The latest beat; None when there is none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(data) != _LAYOUT.size:
        return None
    magic, *fields = _LAYOUT.unpack(data)
    return Beat(*fields) if magic == MAGIC else None
