"""Captures: real frames as they were received, one JSON object a line.

A capture is JSON lines of ``{"recv_ns", "kind": "depth_snapshot" | "ws", "symbol", "raw"}``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from xrpfast.errors import UsageError

_TAPE: Final = b"\x89MCAP"


class Row(msgspec.Struct, frozen=True):
    """One line of a capture. ``symbol`` is empty for what belongs to the connection."""

    recv_ns: int
    kind: Literal["depth_snapshot", "ws"]
    symbol: str
    raw: str


def read_capture(path: Path) -> Iterator[Row]:
    """The rows of a capture. Raises `UsageError` at the first line that is none."""
    decoder = msgspec.json.Decoder(Row)
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if number == 1 and line.startswith(_TAPE):
                    raise UsageError(
                        f"{path}: an MCAP tape; tapes cannot be read yet, only captures: JSON lines"
                    )
                try:
                    yield decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise UsageError(
                        f"{path}: line {number} is not of a capture ({error}); expected JSON lines"
                        ' of {"recv_ns","kind":"depth_snapshot"|"ws","symbol","raw"}'
                    ) from None
    except OSError as error:
        raise UsageError(
            f"{path}: cannot read the capture ({error.strerror}); give the path of a JSON-lines"
            " file"
        ) from None
