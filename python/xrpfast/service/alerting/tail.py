"""Reads `alerts.jsonl` from a place on, across its rotation: nothing is left out unless two files
came and went unread, and that is said."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from xrpfast.service.alerting.record import NAME, OLD, Line

CHUNK: Final = 64 * 1024
HEAD: Final = 30
"""Bytes at the begin of a file that tell it from any other: its first wall time is among them."""
_BEGIN: Final = b'{"wall_ns":'
_DECODE: Final = msgspec.json.Decoder(Line).decode


class Place(msgspec.Struct, frozen=True):
    """Up to where a file was read."""

    head: str
    """Its first bytes; inodes are used again."""
    offset: int


class Tail:
    """One reader. A copy reads on by itself: what came of a look that is not waited for any longer
    is thrown away as a whole."""

    def __init__(self, state_dir: Path, place: Place | None) -> None:
        """``place`` None: nothing was ever read."""
        self._new, self._old = state_dir / NAME, state_dir / OLD
        self.place = place
        self.lost = False
        """Lines are gone that nobody has read; whoever has said so clears it."""
        self._ended = False
        """The old file had nothing more at the last look."""

    def read(self) -> list[Line]:
        """What is new, at most some hundred lines; `place` is behind them. Raises ``OSError``."""
        head = _head(self._new)
        if self.place is None:
            return self._from(self._new, Place(head, 0)) if head else []
        if self.place.head == head:
            self._ended = False
            return self._from(self._new, self.place)
        old = _head(self._old)
        if old != self.place.head:
            if not head and not old:
                return []
            self.lost = True
            self.place = Place(old or head, 0)
            return self.read()
        found = self._from(self._old, self.place)
        if found or not head:
            return found
        if not self._ended:  # who opened it before it was set aside may write to it yet
            self._ended = True
            return []
        self._ended = False
        self.place = Place(head, 0)
        return self._from(self._new, self.place)

    def _from(self, path: Path, place: Place) -> list[Line]:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return []  # set aside in this very moment
        with file:
            if file.read(HEAD).decode("ascii", "replace") != place.head:
                return []
            if os.fstat(file.fileno()).st_size < place.offset:
                place = Place(place.head, 0)  # somebody has emptied it
            file.seek(place.offset)
            data = file.read(CHUNK)
        whole = data[: data.rfind(b"\n") + 1]
        if not whole and len(data) == CHUNK:
            whole = data  # nothing of ours is that long
        self.place = Place(place.head, place.offset + len(whole))
        return [line for text in whole.splitlines() if (line := _line(text)) is not None]


def _line(text: bytes) -> Line | None:
    """Also one that follows one that was torn: a full disk takes a part of a write."""
    for begin in (0, text.rfind(_BEGIN)):
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            return _DECODE(text[max(0, begin) :])
    return None


def _head(path: Path) -> str:
    """Empty for a file that is not there, or has no line yet."""
    try:
        with path.open("rb") as file:
            data = file.read(HEAD)
    except FileNotFoundError:
        return ""
    return data.decode("ascii", "replace") if len(data) == HEAD else ""
