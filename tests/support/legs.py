"""A world whose books can be read, and where what closes an imbalance is watched."""

from __future__ import annotations

from typing import Any

from support.trading import MS, World, check_books, config
from xrpfast.model import MONEY_ONE
from xrpfast.trading import events as ev
from xrpfast.trading.commands import (
    Alert,
    AnyCommand,
    Leg,
    PlaceLegs,
    ReadBook,
    SetTimer,
    Spent,
)
from xrpfast.trading.legs.outcomes import Outcome
from xrpfast.trading.states import TradingState

XRP = MONEY_ONE
LIMITS: dict[str, Any] = {
    "hedge_min": 5 * XRP,
    "hedge_time_ns": 5_000 * MS,
    "hedge_retry_ns": 200 * MS,
    "hedge_loss": 2 * MONEY_ONE,
}
TOPS = {0: (20_990, 21_000), 1: (210_500, 210_600)}


class Legs(World):
    """A world whose books can be read, and where hedges are watched."""

    def __init__(self, **more: Any) -> None:
        self.tops: dict[int, tuple[int, int]] = dict(more.pop("tops", TOPS))
        self.live = {0: True, 1: True}
        self.read = 0
        super().__init__(config(limits=LIMITS | more.pop("limits", {}), **more))

    def process(self, event: ev.AnyEvent) -> list[AnyCommand]:
        """Answers each `ReadBook` at once, as the driver does."""
        out = super().process(event)
        for command in [c for c in out if isinstance(c, ReadBook)]:
            bid, ask = self.tops[command.book]
            self.read += 1
            out += self.tell(
                ev.BookTop,
                book=command.book,
                live=self.live[command.book],
                bid=bid,
                bid_qty=10**9,
                ask=ask,
                ask_qty=10**9,
                data_ns=self.now_ns - MS,
            )
        check_books(self.engine)
        return out

    @property
    def hedges(self) -> list[Leg]:
        placed = [c for c in self.asked if isinstance(c, PlaceLegs) and c.strategy == "hedge"]
        return [leg for command in placed for leg in command.legs]

    @property
    def imbalance(self) -> int:
        return self.engine.legs.imbalance(0)

    def reach(self, leg: Leg, wanted: Outcome) -> None:
        """Brings a leg to that outcome."""
        if wanted is Outcome.FILLED:
            self.settle(leg)
        elif wanted is Outcome.PARTIAL:
            part = leg.qty * 2 // 5
            self.fill(leg, "t" + leg.client_id, part)
            self.end(leg, "EXPIRED", part)
        elif wanted is Outcome.REJECTED:
            self.reject(leg)
        elif wanted is Outcome.EXPIRED:
            self.end(leg, "EXPIRED", 0)
        else:
            self.unknown(leg)

    def lose(self, leg: Leg) -> None:
        self.link(leg.venue, "orders", False)

    def pass_time(self, ms: int) -> None:
        """Wakes the engine at each of its own timers on the way."""
        until = self.now_ns + ms * MS
        while True:
            due = [
                (c.due_ns, c.timer_id)
                for c in self.asked
                if isinstance(c, SetTimer) and self.now_ns < c.due_ns <= until
            ]
            if not due:
                break
            self.now_ns, name = min(due)
            self.tell(ev.Timer, timer_id=name)
        self.now_ns = until

    @property
    def given_up(self) -> bool:
        return self.engine.context.symbols[0] is TradingState.HALTED

    @property
    def spent(self) -> list[Spent]:
        return [c for c in self.asked if isinstance(c, Spent)]

    def alerts(self, level: str) -> list[str]:
        return [c.text for c in self.asked if isinstance(c, Alert) and c.level == level]
