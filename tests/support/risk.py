"""An engine with every control on, whose books can be read."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from support.trading import ARBITRAGE, MS, World, config
from xrpfast.model import MONEY_ONE
from xrpfast.trading import events as ev
from xrpfast.trading.commands import Alert, AnyCommand, Cancel, Halt, PlaceLegs, ReadBook, SetTimer
from xrpfast.trading.config import ArbitrageParams
from xrpfast.trading.intents import LegIntent
from xrpfast.trading.risk.limits import NO_LIMIT
from xrpfast.trading.risk.reasons import Refusal

SECOND = 1_000 * MS
USD = XRP = MONEY_ONE
ALL_ON: dict[str, Any] = {
    "allowed_venues": ("binance", "kucoin"),
    "allowed_symbols": ("XRP/USDT",),
    "allowed_strategies": ("arb", "other"),
    "max_order_qty": 400 * XRP,
    "max_spread_bps": 100,
    "max_edge_bps": 300,
    "drift_bps": 300,
    "drift_window_ns": 5 * SECOND,
    "mark_ns": SECOND,
    "max_mark_age_ns": 10 * SECOND,
    "max_gross": 5_000 * USD,
    "min_cash": 15 * USD,
    "hedge_cushion_bps": 450,
    "max_working_per_venue": 4,
    "max_working_per_side": 2,
    "max_working_per_strategy": 4,
    "hedge_lane": 2,
    "max_cancels_per_second": 5,
    "max_weight_per_minute": 10_000,
    "cancel_reserve": 100,
    "duplicate_window_ns": 100 * MS,
    "max_clock_offset_ns": SECOND,
    "max_clock_uncertainty_ns": 250 * MS,
    "max_round_trips": 100,
    "collar_breaches": 3,
    "max_session_loss": 25 * USD,
    "max_strategy_loss": 15 * USD,
    "max_drawdown": 20 * USD,
    "max_losing_trades": 3,
    "max_losses_in_window": 5,
    "max_venue_errors": 6,
    "max_strategy_rejects": 4,
    "max_auth_errors": 1,
    "cancel_after_ns": 2 * SECOND,
    "silence_halt_ns": 8 * SECOND,
}


class Guarded(World):
    """Two strategies, ``arb`` and ``other``; every control on but for ``limits``. ``tops`` has best
    bid and ask of each book, at first as `World.signal` has them."""

    def __init__(
        self, *, limits: dict[str, Any] | None = None, ready: bool = True, **more: Any
    ) -> None:
        self.tops = {0: (20_990, 21_000), 1: (210_500, 210_600), 2: (210_500, 210_600)}
        self.live = dict.fromkeys(self.tops, True)
        settings = config(limits=ALL_ON | (limits or {}), **more)
        other = ArbitrageParams(**(ARBITRAGE | {"name": "other", "detectors": (2, 3)}))
        settings = replace(settings, strategies=(*settings.strategies, other))
        super().__init__(settings, ready=ready)

    def process(self, event: ev.AnyEvent) -> list[AnyCommand]:
        """Answers each `ReadBook` at once, as the driver does."""
        out = super().process(event)
        for command in [c for c in out if isinstance(c, ReadBook)]:
            out += self.read(command.book)
        return out

    def read(self, book: int, **fields: Any) -> list[AnyCommand]:
        bid, ask = self.tops[book]
        values: dict[str, Any] = {
            "book": book,
            "live": self.live[book],
            "bid": bid,
            "bid_qty": 10**9,
            "ask": ask,
            "ask_qty": 10**9,
            "data_ns": self.now_ns,
        }
        return self.tell(ev.BookTop, **(values | fields))

    def wait(self, span_ns: int) -> None:
        """Lets time pass; wakes the engine at each of its own timers on the way."""
        until = self.now_ns + span_ns
        while due := self.due(until):
            self.now_ns, name = due
            self.tell(ev.Timer, timer_id=name)
        self.now_ns = until

    def due(self, until: int) -> tuple[int, str] | None:
        """The next timer that is set: a later one of a name replaces the earlier one."""
        timers = {c.timer_id: c.due_ns for c in self.asked if isinstance(c, SetTimer)}
        due = [(ns, name) for name, ns in timers.items() if self.now_ns < ns <= until]
        return min(due, default=None)

    # --- the risk engine alone --------------------------------------------------------------------

    def verdict(
        self, changed: tuple[int, dict[str, Any]] | None = None, name: str = "arb", **fields: Any
    ) -> Refusal | None:
        """What risk says to the pair of `World.signal`, one leg of it changed; nothing is placed,
        and the next question is not a duplicate of this one."""
        signal = self.pair_signal(**fields)
        books = self.engine.context.books
        legs = [
            LegIntent(books[signal.buy_book], 0, 0, 1, signal.buy_limit, signal.buy_qty),
            LegIntent(books[signal.sell_book], 1, 0, 1, signal.sell_limit, signal.sell_qty),
        ]
        if changed is not None:
            for field, value in changed[1].items():
                setattr(legs[changed[0]], field, value)
        answer = self.engine.risk.check(name, tuple(legs), signal, ("xttest7-00a", "xttest7-00b"))
        if isinstance(answer, Refusal):
            return answer
        assert len(answer) == 2
        self.forget()
        return None

    def forget(self) -> None:
        """As if no legs had ever been approved."""
        for strategy in self.engine.risk.state.strategies.values():
            strategy.recent.clear()
            strategy.approved_ns = -NO_LIMIT

    def pair_signal(self, **fields: Any) -> ev.Signal:
        """The signal of `World.signal`, told to an engine of no consequence."""
        template = World(ready=False)
        template.now_ns = self.now_ns
        self.signal_id += 1
        template.signal(**({"signal_id": self.signal_id} | fields))
        signal = template.told[-1]
        assert isinstance(signal, ev.Signal)
        return signal

    # --- what was asked for -----------------------------------------------------------------------

    def of(self, kind: type[Any]) -> list[Any]:
        return [command for command in self.asked if isinstance(command, kind)]

    @property
    def halts(self) -> list[Halt]:
        return self.of(Halt)

    @property
    def cancels(self) -> list[Cancel]:
        return self.of(Cancel)

    @property
    def pairs(self) -> int:
        return len([c for c in self.of(PlaceLegs) if c.strategy != "hedge"])

    def alerts(self, level: str = "critical") -> list[str]:
        return [c.text for c in self.of(Alert) if c.level == level]

    @property
    def refused(self) -> dict[str, int]:
        return self.engine.refused
