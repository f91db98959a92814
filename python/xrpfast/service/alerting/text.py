"""From alerts to messages that a chat takes: short, few, and no critical one left out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from xrpfast.service.alerting.record import CRITICAL, NAME, Line

MOST: Final = 1_900
"""Of a message, in UTF-16 units. Discord takes 2000 characters."""
LONGEST: Final = 600
"""Of one alert in it."""
OTHERS: Final = 30
"""Alerts below critical that one burst is told of by their texts."""


def messages(name: str, lines: Sequence[Line]) -> list[str]:
    """One burst; ``name``: whose alerts these are. Every critical one is in it; of the others, the
    first ones and how many more there were."""
    texts: list[str] = []
    others = left = 0
    at = 0
    while at < len(lines):
        line = lines[at]
        same = 1
        while at + same < len(lines) and _alike(lines[at + same], line):
            same += 1
        at += same
        if line.level != CRITICAL:
            others += 1
            if others > OTHERS:
                left += same
                continue
        times = f" ({same} times)" if same > 1 else ""
        texts.append(_cut(_text(line) + times, LONGEST))
    if left:
        texts.append(f"and {left} more below critical: see {NAME}")
    return _packed(f"xrpfast {name}", texts)


def plain(message: str) -> str:
    """The same in the fewest and plainest characters, for a sink that refused it as it was."""
    return f"{_cut(message, LONGEST)} (see {NAME})".encode("ascii", "replace").decode()


def _packed(head: str, texts: Sequence[str]) -> list[str]:
    found: list[str] = []
    for text in texts:
        if found and _units(found[-1]) + 1 + _units(text) <= MOST:
            found[-1] += f"\n{text}"
        else:
            found.append(f"{head}\n{text}")
    return found


def _text(line: Line) -> str:
    when = datetime.fromtimestamp(line.wall_ns // 1_000_000_000, UTC)
    return f"{line.level.upper()} {when:%Y-%m-%d %H:%M:%S}Z {line.source}: {line.text}"


def _alike(one: Line, other: Line) -> bool:
    return (one.level, one.source, one.text) == (other.level, other.source, other.text)


def _cut(text: str, most: int) -> str:
    while _units(text) > most:
        text = text[: max(0, len(text) - (_units(text) - most) - 2)] + "…"
    return text


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "replace")) // 2
