"""The records of a journal that speak of one decision, found in two passes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from xrpfast._core import JournalError, JournalReader
from xrpfast.errors import FailedError
from xrpfast.records import kinds

_SIGNAL: Final = b'{"event":"signal","signal_id":'
_PLACE: Final = b'{"command":"place_legs"'
_CLIENT: Final = b'"client_id":"'
_TOLD: Final = (kinds.EVENT, kinds.RECOVERY, kinds.COMMAND)

Record = tuple[int, int, int, bytes]
"""(sequence, wall time, kind, payload)."""


class Case(msgspec.Struct):
    """One decision: the run it belongs to, its signal and every record about its orders."""

    start: bytes
    """Payload of the run's START."""
    start_sequence: int
    signal: Record | None = None
    """None for orders that no signal led to."""
    records: list[Record] = []
    """Commands, notes and events, in the journal's order."""


def find(journal: Path, what: str) -> Case | None:
    """The case of a client order id, or of a signal id (a number) in the latest run that has it.

    Raises `FailedError` for a damaged journal.
    """
    try:
        if what.isdecimal():
            return _of_signal(journal, int(what), None)
        placed = _placed(journal, what)
        if placed is None:
            return None
        start_sequence, signal_id = placed
        if signal_id:
            return _of_signal(journal, signal_id, start_sequence)
        return _of_orders(journal, what, start_sequence)
    except JournalError as error:
        raise FailedError(f"{journal}: {error}; see `journal verify`") from error


class _Placed(msgspec.Struct):
    signal_id: int
    legs: list[_Leg]


class _Leg(msgspec.Struct):
    client_id: str


_PLACED: Final = msgspec.json.Decoder(_Placed)


def _placed(journal: Path, client_id: str) -> tuple[int, int] | None:
    """Sequence of the run's START and the signal, of the command that placed an order."""
    name = f'{{"client_id":"{client_id}"'.encode()
    run = 0
    for sequence, _, kind, payload in JournalReader(journal):
        if kind == kinds.START:
            run = sequence
        elif kind == kinds.COMMAND and payload.startswith(_PLACE) and name in payload:
            return run, _PLACED.decode(payload).signal_id
    return None


def _of_signal(journal: Path, signal_id: int, run: int | None) -> Case | None:
    """The latest case of the signal, or the one in the run that began at sequence ``run``."""
    signal = b"%s%d," % (_SIGNAL, signal_id)
    token = b'"signal_id":%d' % signal_id
    ends = (token + b",", token + b"}")
    start, start_sequence = b"", 0
    case: Case | None = None
    ids: set[bytes] = set()
    for record in JournalReader(journal):
        sequence, _, kind, payload = record
        if kind == kinds.START:
            start, start_sequence = payload, sequence
        elif kind == kinds.EVENT and payload.startswith(signal):
            if start and (run is None or run == start_sequence):
                case, ids = Case(start, start_sequence, record), set()
        elif case is None:
            continue
        elif kind in (kinds.COMMAND, kinds.NOTE) and any(end in payload for end in ends):
            if start_sequence == case.start_sequence:
                case.records.append(record)
                if payload.startswith(_PLACE):
                    ids.update(leg.client_id.encode() for leg in _PLACED.decode(payload).legs)
        elif ids and kind in _TOLD and _about(payload) in ids:
            case.records.append(record)
    return case


def _of_orders(journal: Path, client_id: str, run: int) -> Case | None:
    """A command that no signal led to (a hedge), with what became of its orders."""
    name = f'{{"client_id":"{client_id}"'.encode()
    case: Case | None = None
    ids: set[bytes] = set()
    start = b""
    for record in JournalReader(journal):
        sequence, _, kind, payload = record
        if sequence == run:
            start = payload
        elif kind == kinds.COMMAND and payload.startswith(_PLACE) and name in payload:
            case = case or Case(start, run)
            ids.update(leg.client_id.encode() for leg in _PLACED.decode(payload).legs)
            case.records.append(record)
        elif case is not None and (
            any(b'"%s"' % client_id in payload for client_id in ids)
            if kind == kinds.NOTE
            else kind in _TOLD and _about(payload) in ids
        ):
            case.records.append(record)
    return case


def _about(payload: bytes) -> bytes | None:
    """The order that an event or a command is about."""
    at = payload.find(_CLIENT)
    if at < 0:
        return None
    at += len(_CLIENT)
    return payload[at : payload.index(b'"', at)]
