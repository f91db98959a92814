"""Decisions again, from a journal alone: the same events must lead to the same commands.

Every START record begins a fresh engine of its config. What the engine asks for is compared byte
for byte with the COMMAND records, and its refusals with the notes of them.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import msgspec

from xrpfast._core import CoreError, JournalReader, RiskGate
from xrpfast.errors import FailedError
from xrpfast.records import kinds
from xrpfast.records.start import Refused, Start
from xrpfast.trading.commands import PlaceLegs
from xrpfast.trading.engine import Engine
from xrpfast.trading.events import AnyEvent

_EVENTS: Final = msgspec.json.Decoder(AnyEvent)
_START: Final = msgspec.json.Decoder(Start)
_ENCODE: Final = msgspec.json.Encoder().encode
_REFUSED: Final = b'{"note":"refused"'
_TTL_NS: Final = 10**18
"""Approvals are minted and never used: nothing is sent."""


class Difference(msgspec.Struct, frozen=True):
    """The first record that does not stand as the engine now decides."""

    sequence: int
    expected: str | None
    """What the engine asks for now; None: nothing."""
    got: str
    """What the journal has there."""

    def __str__(self) -> str:
        return f"sequence {self.sequence}: expected {self.expected or 'nothing'}, got {self.got}"


class Result(msgspec.Struct):
    """What was run again. ``difference`` None: every decision was the same."""

    runs: int = 0
    events: int = 0
    commands: int = 0
    refusals: int = 0
    skipped: int = 0
    """Records before the first START: the journal's oldest segments were moved away."""
    cut_short: int = 0
    """Commands of the last event of a run that died before they were written."""
    versions: list[str] = []
    """Of xrpfast, one a run."""
    last_sequence: int = 0
    torn_bytes: int = 0
    seconds: float = 0.0
    difference: Difference | None = None

    @property
    def events_per_second(self) -> int:
        return int(self.events / self.seconds) if self.seconds else 0


def rerun(journal: Path) -> Result:
    """Runs a journal, a directory of segments or one segment, again.

    Raises `FailedError` when it is damaged or has no START record.
    """
    result = Result()
    started = perf_counter()
    try:
        _Rerun(result).walk(journal)
    except CoreError as error:
        raise FailedError(f"{journal}: {error}") from error
    result.seconds = perf_counter() - started
    if not result.runs:
        raise FailedError(f"{journal}: no START record: its first segments are missing")
    return result


class _Rerun:
    """One pass; ends at the first difference."""

    def __init__(self, result: Result) -> None:
        self._result = result
        self._engine: Engine | None = None
        self._pending: deque[bytes] = deque()
        """What the engine asked for on the last event and the journal has not shown yet."""

    def walk(self, journal: Path) -> None:
        result = self._result
        reader = JournalReader(journal)
        for sequence, _, kind, payload in reader:
            result.last_sequence = sequence
            if kind == kinds.START:
                self._start(payload)
            elif self._engine is None:
                result.skipped += 1
            elif kind == kinds.EVENT:
                self._event(self._engine, sequence, payload)
            elif kind == kinds.COMMAND:
                self._command(sequence, payload)
            elif kind == kinds.NOTE and payload.startswith(_REFUSED):
                self._refused(self._engine, sequence, payload)
            elif kind == kinds.END:
                self._nothing_pending(sequence, payload)
            if result.difference is not None:
                return
        result.cut_short += len(self._pending)
        result.torn_bytes = reader.torn_bytes

    def _start(self, payload: bytes) -> None:
        result = self._result
        result.cut_short += len(self._pending)
        self._pending.clear()
        start = _START.decode(payload)
        self._engine = Engine(start.config, RiskGate(_TTL_NS))
        result.runs += 1
        result.versions.append(start.version)

    def _event(self, engine: Engine, sequence: int, payload: bytes) -> None:
        if not self._nothing_pending(sequence, payload):
            return
        self._result.events += 1
        for command in engine.process(_EVENTS.decode(payload)):
            written: Any = command.record() if type(command) is PlaceLegs else command
            self._pending.append(_ENCODE(written))

    def _command(self, sequence: int, payload: bytes) -> None:
        expected = self._pending.popleft() if self._pending else None
        if expected != payload:
            self._differs(sequence, expected, payload)
        self._result.commands += 1

    def _refused(self, engine: Engine, sequence: int, payload: bytes) -> None:
        refusal = engine.last_refusal
        expected = None
        if refusal is not None:
            signal_id, reason = refusal
            count = engine.refused[reason]
            expected = _ENCODE(Refused(signal_id=signal_id, reason=reason, count=count))
        if expected != payload:
            self._differs(sequence, expected, payload)
        self._result.refusals += 1

    def _nothing_pending(self, sequence: int, payload: bytes) -> bool:
        """All that the last event led to stands before this record."""
        if self._pending:
            self._differs(sequence, self._pending[0], payload)
        return not self._pending

    def _differs(self, sequence: int, expected: bytes | None, got: bytes) -> None:
        self._result.difference = Difference(
            sequence, None if expected is None else expected.decode(), got.decode()
        )
