"""`alerts.state`: up to where each sink has got, and whether it takes anything. The watchdog writes
it, whole; the engine, `status` and `check` read it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from xrpfast.service.alerting.tail import Place
from xrpfast.service.receipts import write_receipt

if TYPE_CHECKING:
    from xrpfast.config.root import Config

NAME: Final = "alerts.state"
WEBHOOK: Final = "webhook"
COMMAND: Final = "command"
SAVE_S: Final = 30.0
"""So often it is written anew, whatever happens."""
OLD_NS: Final = 120 * 1_000_000_000


class SinkState(msgspec.Struct):
    """Of one sink, over all watchdogs that served it."""

    since_wall_ns: int = 0
    """What is older is not for it."""
    place: Place | None = None
    """All before it is delivered."""
    delivered: int = 0
    """Messages that it took."""
    failed: int = 0
    """Attempts that it did not."""
    last_delivered_wall_ns: int = 0
    """0: never."""
    failing_since_wall_ns: int = 0
    """0: it takes what it is given, as far as is known."""
    problem: str = ""
    """Why it took nothing the last time."""


class Delivered(msgspec.Struct):
    """The whole file."""

    pid: int
    wall_ns: int
    sinks: dict[str, SinkState]


def encode(state: Delivered) -> bytes:
    """As of now."""
    return msgspec.json.encode(state)


def save(state_dir: Path, encoded: bytes) -> None:
    """Raises ``OSError``."""
    write_receipt(state_dir / NAME, encoded)


def load(state_dir: Path) -> Delivered | None:
    """None when there is none that can be read."""
    with suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return msgspec.json.decode((state_dir / NAME).read_bytes(), type=Delivered)
    return None


def configured(config: Config) -> list[str]:
    """The names of its sinks."""
    alerts = config.alerts
    given = {WEBHOOK: alerts.webhook_url_file is not None, COMMAND: bool(alerts.command)}
    return [name for name, there in given.items() if there]


def undelivered(state_dir: Path, names: Sequence[str], now_ns: int) -> str:
    """Why alerts do not reach a person; empty when they do, as far as is known, and when there is
    no sink. The same words for the same trouble. ``now_ns``: wall time."""
    if not names:
        return ""
    state = load(state_dir)
    if state is None or now_ns - state.wall_ns > OLD_NS:
        return "no watchdog delivers alerts"
    failing = [name for name in names if name in state.sinks and state.sinks[name].problem]
    return f"alerts do not reach the {' and the '.join(failing)}" if failing else ""
