"""Comparing with each venue what it knows of us, before anything is entered there.

Per venue NEEDED -> RUNNING -> DONE. Needed at the start, when a link comes up again, when the venue
told of a move of money that is not ours, on a person's word and every so often. A venue is closed
until it is DONE; only the regular round leaves it open meanwhile, and when that met orders of ours
under way, entries alone wait for the next one. An answer that is not complete proves nothing and is
asked for again; so does an order's absence from a listing: orders are settled by the venue's word
on themselves alone.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from xrpfast.trading.client_ids import is_ours, parse
from xrpfast.trading.commands import (
    Alert,
    AnyCommand,
    Cancel,
    Halt,
    Reconcile,
    Reduce,
    SetTimer,
)
from xrpfast.trading.context import LINKS_NEEDED, Context
from xrpfast.trading.drift import Drift, Verdict
from xrpfast.trading.risk.limits import MILLISECOND, SECOND
from xrpfast.trading.states import VENUE

if TYPE_CHECKING:
    from xrpfast.trading.config import EngineConfig
    from xrpfast.trading.context import Venue
    from xrpfast.trading.events import (
        BalanceMoved,
        Event,
        LinkState,
        OpenOrder,
        Reconciled,
        Timer,
    )
    from xrpfast.trading.fees import FeeBook
    from xrpfast.trading.orders import OrderDesk
    from xrpfast.trading.portfolio import Portfolio

TIMER: Final = "reconcile:"
"""Timers of this part: this and the venue's name."""
RETRY_AFTER: Final = tuple(MILLISECOND * wait for wait in (500, 1_000, 2_000, 5_000, 10_000))
"""Waits after answers that prove nothing; the last one repeats."""
ALERT_AFTER: Final = 3
"""So many of them in a row, and a person is told."""
ANSWER_WITHIN: Final = 120 * SECOND
"""The driver always answers; this is for the day on which it does not."""
OVERLAP: Final = 60 * SECOND
"""Fills are asked for from so long before the last round on: lists lag, and clocks differ."""


class Step(StrEnum):
    """How far the comparison with one venue is."""

    NEEDED = "NEEDED"
    RUNNING = "RUNNING"
    DONE = "DONE"


class Round:
    """The comparison with one venue."""

    __slots__ = (
        "asked_wall_ns",
        "calm",
        "drift",
        "due_ns",
        "first_wall_ns",
        "foreign",
        "number",
        "orders",
        "step",
        "stray",
        "tries",
        "venue",
        "wall_ns",
    )

    def __init__(self, venue: Venue, drift: Drift) -> None:
        self.venue = venue
        self.drift = drift
        self.step = Step.NEEDED
        self.number = 0
        """Of the latest question; answers to earlier ones count for nothing."""
        self.due_ns = 0
        """When the next question, or the end of waiting, is due; 0: not before a link comes up."""
        self.tries = 0
        """Answers in a row that proved nothing."""
        self.asked_wall_ns = 0
        self.first_wall_ns = 0
        """Nothing of this run is older."""
        self.wall_ns = 0
        """When the last complete round was asked for; 0 before the first."""
        self.orders = 0
        """Orders of ours at all venues when it was asked."""
        self.calm = False
        """None of them was under way here then."""
        self.foreign = 0
        """Working orders of others at the last complete listing."""
        self.stray = 0
        """Orders of earlier runs that were found working."""


class Reconciler:
    """The rounds of all venues."""

    def __init__(
        self,
        config: EngineConfig,
        context: Context,
        portfolio: Portfolio,
        desk: OrderDesk,
        fees: FeeBook,
    ) -> None:
        self._prefix = f"x{config.environment}{config.deployment}"
        self._epoch = config.epoch
        self._interval_ns = config.reconcile_ns
        self._desk = desk
        self._fees = fees
        dust = {entry.asset: entry.amount for entry in config.risk.drift_dust}
        self.rounds = {
            name: Round(venue, Drift(name, dust, portfolio))
            for name, venue in context.venues.items()
        }

    # --- when -----------------------------------------------------------------------------------

    def on_link(self, event: LinkState, out: list[AnyCommand]) -> None:
        """A link that was gone takes the proof with it."""
        state = self.rounds.get(event.venue)
        if state is None or event.link not in LINKS_NEEDED:
            return
        state.step = Step.NEEDED
        state.drift.doubts = state.drift.noise = 0
        self._close(state)
        if event.up and state.venue.linked:
            state.tries = 0
            self._ask(state, event, out)
        elif event.up and event.link == "account":
            # Order entry may stay away for long: what became of our orders is to be known all
            # the same.
            self._wait(state, event.now_ns + RETRY_AFTER[1], out)

    def want(self, name: str | None, event: Event, out: list[AnyCommand]) -> None:
        """A round at once, for one venue or all; none of them trades before it is through."""
        for state in self.rounds.values():
            if name in (None, state.venue.name):
                state.step = Step.NEEDED
                self._close(state)
                self._ask(state, event, out)

    def on_timer(self, event: Timer, out: list[AnyCommand]) -> None:
        state = self.rounds.get(event.timer_id.removeprefix(TIMER))
        if state is None or not 0 < state.due_ns <= event.now_ns:
            return
        if state.step is Step.RUNNING:
            self._again(state, "no answer", event.now_ns, out)
        else:
            self._ask(state, event, out)

    def on_moved(self, event: BalanceMoved, out: list[AnyCommand]) -> None:
        state = self.rounds.get(event.venue)
        if state is None or not state.drift.told_of(event):
            return
        text = f"{event.venue}: {event.asset} moved without us: {event.reason}"
        out.append(Alert("warning", text))
        if state.step is Step.DONE or state.venue.reconciled:
            self.want(event.venue, event, out)

    def on_fill(self, name: str, now_ns: int) -> None:
        """A balance changed by us: one that was read before may not show it."""
        drift = self.rounds[name].drift
        drift.touched_ns, drift.traded = now_ns, True

    # --- asking ---------------------------------------------------------------------------------

    def _ask(self, state: Round, event: Event, out: list[AnyCommand]) -> None:
        if not state.venue.links["account"]:
            state.due_ns = 0  # asked when it comes up: before, fills would slip by
            return
        name = state.venue.name
        state.number += 1
        state.step = Step.RUNNING
        state.asked_wall_ns = event.wall_ns
        if not state.first_wall_ns:
            # Before the first round is through, no order of this run has left; what others traded
            # before is in the balances that it started with.
            state.first_wall_ns = event.wall_ns
        # A fee that no list has told yet is on the next one.
        read_ns = self._fees.awaited(name, event.wall_ns) or state.wall_ns
        since_ns = max(state.first_wall_ns, min(read_ns, state.wall_ns) - OVERLAP)
        ours = tuple(o.client_id for o in self._desk.unsettled.values() if o.venue == name)
        state.orders, state.calm = self._desk.counts["orders"], not ours
        out.append(Reconcile(name, state.number, ours, since_ns))
        self._wait(state, event.now_ns + ANSWER_WITHIN, out)

    def _again(self, state: Round, why: str, now_ns: int, out: list[AnyCommand]) -> None:
        wait = RETRY_AFTER[min(state.tries, len(RETRY_AFTER) - 1)]
        state.tries += 1
        state.step = Step.NEEDED
        self._close(state)
        if state.tries == ALERT_AFTER:
            text = f"{state.venue.name} is not reconciled after {state.tries} tries: {why}"
            out.append(Alert("critical", text))
        self._wait(state, now_ns + wait, out)

    def _wait(self, state: Round, due_ns: int, out: list[AnyCommand]) -> None:
        state.due_ns = due_ns
        out.append(SetTimer(TIMER + state.venue.name, due_ns))

    @staticmethod
    def _close(state: Round) -> None:
        state.venue.reconciled = False
        state.venue.weigh()

    # --- what it proves -------------------------------------------------------------------------

    def on_reconciled(self, event: Reconciled, out: list[AnyCommand]) -> None:
        state = self.rounds.get(event.venue)
        if state is None or state.step is not Step.RUNNING or event.number != state.number:
            return
        if not event.complete:
            self._again(state, event.reason, event.now_ns, out)
            return
        state.foreign = 0
        left = [order for order in event.open_orders if not self._accounted(state, order, out)]
        if left:
            self._again(state, f"{len(left)} working orders are not ours", event.now_ns, out)
            return
        state.wall_ns = state.asked_wall_ns
        # What an order of ours locks, or fills, may or may not be in balances read meanwhile; what
        # its fee really was is in them, and not in the books before the venue has told it.
        quiet = state.calm and state.orders == self._desk.counts["orders"]
        told = not self._fees.awaited(state.venue.name, event.wall_ns)
        verdict = state.drift.judge(event.asked_ns, quiet and told, out)
        if verdict in (Verdict.AGAIN, Verdict.LATER):
            state.step = Step.NEEDED
            state.venue.unjudged = True
            state.venue.reconciled &= verdict is Verdict.LATER
            state.venue.weigh()
            rounds = min(max(state.drift.doubts, state.drift.noise), len(RETRY_AFTER))
            self._wait(state, event.now_ns + RETRY_AFTER[rounds - 1], out)
            return
        if verdict is Verdict.REDUCING:
            text = "somebody else moved a balance there"
            out.append(Reduce(VENUE + state.venue.name, text))
        state.tries = 0
        state.step = Step.DONE
        state.venue.unjudged = False
        state.venue.reconciled = state.venue.linked
        state.venue.weigh()
        self._wait(state, event.now_ns + self._interval_ns, out)

    def _accounted(self, state: Round, order: OpenOrder, out: list[AnyCommand]) -> bool:
        """Whether a working order may be there."""
        name, client_id = state.venue.name, order.client_id
        if not is_ours(client_id, self._prefix):
            state.foreign += 1
            return True
        ours = self._desk.orders.get(client_id)
        if ours is not None and not ours.state.terminal:
            return True
        if ours is not None or self._desk.forgot(client_id):
            # The end may have come after the listing was made; if not, it must go.
            out.append(Cancel(client_id, name, order.instrument))
            text = f"order {client_id} at {name}: listed as working though it ended: cancelled"
            out.append(Alert("warning", text))
            return False
        parts = parse(client_id)
        if parts is not None and parts.epoch < self._epoch:
            state.stray += 1
            out.append(Cancel(client_id, name, order.instrument))
            text = f"order {client_id} of an earlier run still works at {name}: cancelled"
            out.append(Alert("critical", text))
            return False
        text = f"order {client_id} at {name} is not ours: a second engine trades on this account"
        out.append(Alert("critical", text))
        out.append(Halt("engine", text))
        return False
