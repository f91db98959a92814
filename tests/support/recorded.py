"""An engine told its events by hand, with the journal that the driver would have written."""

from __future__ import annotations

from typing import Any

import msgspec

from support.records import Record
from support.trading import World, config
from xrpfast.records import kinds
from xrpfast.records.start import Ignored, Refused, Start
from xrpfast.trading import events as ev
from xrpfast.trading.commands import AnyCommand, Leg, PlaceLegs


class Recorded(World):
    """A world whose every event and command is kept as the driver would journal it."""

    def __init__(self, **changes: Any) -> None:
        self.records: list[Record] = []
        self.legs: list[Leg] = []
        self.sample = True
        generous = {"max_position": 10**30, "max_orders_per_second": 10**4}
        settings = {"xrp": 10**6, "usdt": 10**7, "limits": generous}
        super().__init__(config(**(settings | changes)))
        start = Start(
            version="0",
            environment="t",
            deployment="test",
            epoch=7,
            wall_ns=self.now_ns,
            config=self.engine.config,
        )
        self.records.insert(0, (self.now_ns, kinds.START, msgspec.json.encode(start)))

    def process(self, event: ev.AnyEvent) -> list[AnyCommand]:
        self.records.append((event.wall_ns, kinds.EVENT, msgspec.json.encode(event)))
        out = super().process(event)
        for command in out:
            written: Any = command
            if isinstance(command, PlaceLegs):
                self.legs += command.legs
                written = command.record()
            self.records.append((event.wall_ns, kinds.COMMAND, msgspec.json.encode(written)))
        if isinstance(event, ev.Signal) and self.engine.last_refusal is not None:
            signal_id, reason = self.engine.last_refusal
            count = self.engine.refused[reason]
            note = Refused(signal_id=signal_id, reason=reason, count=count)
            self.records.append((event.wall_ns, kinds.NOTE, msgspec.json.encode(note)))
        elif isinstance(event, ev.Signal) and self.engine.last_ignored is not None and self.sample:
            reason = self.engine.last_ignored
            count = self.engine.ignored[reason]
            sampled = Ignored(signal_id=event.signal_id, reason=reason, count=count)
            self.records.append((event.wall_ns, kinds.NOTE, msgspec.json.encode(sampled)))
        return out
