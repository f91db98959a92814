"""The journal again: the same events must lead to the same commands, byte for byte."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from xrpfast.records import kinds
from xrpfast.records.start import Start
from xrpfast.simulation.virtual.checks import Broken
from xrpfast.simulation.virtual.driver import ENCODE, WatchedGate
from xrpfast.trading.commands import PlaceLegs
from xrpfast.trading.events import AnyEvent

if TYPE_CHECKING:
    from xrpfast.trading.config import EngineConfig
    from xrpfast.trading.engine import Engine

MakeEngine = Callable[["EngineConfig", Any], "Engine"]
_EVENTS: Final = msgspec.json.Decoder(AnyEvent)
_START: Final = msgspec.json.Decoder(Start)


def replay(written: list[tuple[int, int, int, bytes]], make: MakeEngine) -> None:
    """Raises `Broken` at the first difference. A run that died may lack its last commands."""
    engine: Engine | None = None
    expected: deque[bytes] = deque()
    for sequence, _, kind, payload in written:
        if kind == kinds.START:
            engine = make(_START.decode(payload).config, WatchedGate())
            expected.clear()
        elif kind == kinds.EVENT:
            if expected:
                raise Broken(7, f"record {sequence}: the journal lacks {expected[0]!r}")
            assert engine is not None
            for command in engine.process(_EVENTS.decode(payload)):
                if isinstance(command, PlaceLegs):
                    expected.append(ENCODE(command.record()))
                else:
                    expected.append(ENCODE(command))
        elif kind == kinds.COMMAND:
            wanted = expected.popleft() if expected else b"nothing"
            if wanted != payload:
                raise Broken(7, f"record {sequence}: {payload!r}, again: {wanted!r}")
