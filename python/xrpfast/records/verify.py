"""Is a journal what was written? Every checksum, hash and link of it, and where it breaks.

The native reader walks the chain. Here is what it cannot know: the names of the files, and what
the ledger has already seen of a tail that is gone.
"""

from __future__ import annotations

import re
import sqlite3
import struct
from collections import deque
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec

from xrpfast._core import JournalError, JournalReader
from xrpfast.errors import UsageError

SEGMENT_HEADER: Final = 64
RECORD_HEADER: Final = 44
_NUMBER_AND_FIRST: Final = struct.Struct("<16xQQ")
_PLACE: Final = re.compile(r"^journal: |\S+ at byte \d+: ")
_OFFSET: Final = re.compile(r" at byte (\d+)")


class Segment(msgspec.Struct):
    """One file; ``records`` and ``bytes`` are what is sound of it."""

    file: str
    number: int
    first_sequence: int
    records: int = 0
    bytes: int = SEGMENT_HEADER


class Point(msgspec.Struct, frozen=True):
    """Place and time of one record."""

    sequence: int
    wall_ns: int


class Torn(msgspec.Struct, frozen=True):
    """A tail that a crash, or a writer at work, left unfinished."""

    file: str
    offset: int
    bytes: int


class Damage(msgspec.Struct, frozen=True):
    """The first thing that is wrong, and the last place up to which all is right."""

    file: str
    offset: int
    sequence: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}: byte {self.offset}, sequence {self.sequence}: {self.what}"


class Verdict(msgspec.Struct):
    """What `verify` found. ``damage`` None: the journal is sound."""

    path: str
    segments: list[Segment] = []
    records: int = 0
    first: Point | None = None
    last: Point | None = None
    torn: Torn | None = None
    ledger_sequence: int | None = None
    """Last record that the ledger beside it has applied."""
    damage: Damage | None = None


def verify(path: Path) -> Verdict:
    """Goes through a segment, a directory of segments or a ``state_dir``.

    Raises `UsageError` for a path where there is no journal.
    """
    ledger = None
    if (path / "journal").is_dir():
        path, ledger = path / "journal", path / "ledger.sqlite"
    verdict = Verdict(str(path))
    try:
        files = sorted(path.glob("*.journal")) if path.is_dir() else [path]
        for file in files:
            with file.open("rb") as opened:
                start = opened.read(SEGMENT_HEADER).ljust(SEGMENT_HEADER, b"\0")
            number, first = _NUMBER_AND_FIRST.unpack(start[: _NUMBER_AND_FIRST.size])
            verdict.segments.append(Segment(str(file), number, first))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if not verdict.segments:
        raise UsageError(f"{path}: there is no journal")
    _walk(path, verdict)
    if verdict.damage is None and ledger is not None and ledger.is_file():
        _against_ledger(ledger, verdict)
    return verdict


def _walk(path: Path, verdict: Verdict) -> None:
    ahead = deque(verdict.segments)
    segment = ahead.popleft()
    try:
        reader = JournalReader(path)
        for sequence, time_ns, _, payload in reader:
            point = Point(sequence, time_ns)
            if verdict.first is None:
                verdict.first = point
            while ahead and ahead[0].first_sequence == sequence:
                segment = ahead.popleft()
            verdict.last = point
            verdict.records += 1
            segment.records += 1
            segment.bytes += RECORD_HEADER + len(payload)
    except JournalError as error:
        verdict.damage = _damage(str(error), verdict)
        return
    if path.is_dir():
        for segment in verdict.segments:
            named = Path(segment.file).stem
            # A newest one without a header yet is no segment but a torn tail.
            torn_whole = reader.torn_bytes and segment is verdict.segments[-1]
            if int(named) != segment.number and not (torn_whole and not segment.records):
                what = f"the file is named {named}, it is segment {segment.number}"
                verdict.damage = Damage(segment.file, 0, segment.first_sequence, what)
                return
    if reader.torn_bytes:
        last = verdict.segments[-1]
        size = Path(last.file).stat().st_size
        at = 0 if size <= SEGMENT_HEADER or not last.number else last.bytes
        verdict.torn = Torn(last.file, at, reader.torn_bytes)


def _damage(said: str, verdict: Verdict) -> Damage:
    """The reader's word, with the place where what is sound ends."""
    broken = verdict.segments[0]
    for segment in verdict.segments:
        if segment.records:
            broken = segment
    # The path that it names first is where it is; "does not continue" names the one before, too.
    named = [segment for segment in verdict.segments if segment.file in said]
    broken = min(named, key=lambda segment: said.find(segment.file), default=broken)
    offset = _OFFSET.search(said)
    sequence = 1 if verdict.last is None else verdict.last.sequence + 1
    return Damage(broken.file, int(offset[1]) if offset else 0, sequence, _PLACE.sub("", said))


def _against_ledger(ledger: Path, verdict: Verdict) -> None:
    """A tail that was cut off cleanly is missed only by who had read it."""
    try:
        with closing(sqlite3.connect(f"{ledger.absolute().as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute("select value from meta where key = 'sequence'").fetchone()
    except sqlite3.DatabaseError:
        return  # the ledger is no part of the journal: `ledger rebuild` makes it anew
    verdict.ledger_sequence = seen = -1 if row is None else int(row[0])
    last = 0 if verdict.last is None else verdict.last.sequence
    if seen > last:
        segment = verdict.segments[-1]
        what = f"the ledger has record {seen}, the journal ends at {last}: its end is missing"
        verdict.damage = Damage(segment.file, segment.bytes, last + 1, what)
