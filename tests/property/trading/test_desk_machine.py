"""The desk against a naive model: any words of the venue in any order, doubled and late.

The venue of the test is honest (its words fit together) but its messages may be lost, doubled and
reordered at will. The model keeps each order's truth and the set of messages that arrived, and
says from scratch what the desk must then believe.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from support.trading import MS, World, check_books, config
from xrpfast.model import MONEY_ONE, OrderState
from xrpfast.trading.commands import Cancel, Halt, Leg, PlaceLegs, Reconcile
from xrpfast.trading.events import OpenOrder, Timer


class Truth:
    """One order at the honest venue: its fills in order, how it ended, what was delivered."""

    def __init__(self, leg: Leg) -> None:
        self.leg = leg
        self.fills: list[tuple[str, int]] = []
        self.ended: str | None = None
        self.refused = False
        self.seen_fills: set[str] = set()
        self.told_claim = 0
        self.told_accepted = False
        self.told_end: str | None = None
        self.lost = False
        self.absences: list[int] = []

    @property
    def filled(self) -> int:
        return sum(qty for _, qty in self.fills)

    @property
    def open(self) -> bool:
        """Nobody may hold it for over yet: no end was told, or fills of it are still missing."""
        return self.told_end is None or self.told_claim > self.believed

    @property
    def believed(self) -> int:
        return sum(qty for trade, qty in self.fills if trade in self.seen_fills)


class DeskMachine(RuleBasedStateMachine):
    keep = 10**6
    """Orders that stay in memory after they were settled: all."""
    steps = 0
    """Of all runs."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(
            config(
                xrp=10**6,
                usdt=10**7,
                limits={"max_position": 10**30, "max_orders_per_second": 10**4},
                keep_orders=self.keep,
            )
        )
        self.orders: list[Truth] = []
        self.trade = 0
        self.strays = 0

    @initialize()
    def first(self) -> None:
        self.place()

    @precondition(lambda self: sum(truth.told_end is None for truth in self.orders) < 3)
    @rule()
    def place(self) -> None:
        self.world.now_ns += MS
        # The pair gate of the strategy is not what is tested here.
        busy = self.world.engine.orders.busy
        kept, busy[0] = busy[0], 0
        self.world.engine.context.closed[0] = False
        out = self.world.signal()
        unknown = any(book.unknown for book in self.world.engine.context.books)
        assert bool(out) is not unknown
        if out:
            assert isinstance(out[0], PlaceLegs)
            self.orders += [Truth(leg) for leg in out[0].legs]
        busy[0] += kept

    def pick(self, data: st.DataObject) -> Truth:
        latest = self.orders[-4:]  # few, so that words meet on one order
        return latest[data.draw(st.integers(0, len(latest) - 1), label="order")]

    # --- at the venue ---------------------------------------------------------------------------

    @rule(data=st.data())
    def trade_some(self, data: st.DataObject) -> None:
        self.trade_at(self.pick(data), data)

    def trade_at(self, truth: Truth, data: st.DataObject) -> None:
        for part in data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4), label="parts"):
            left = truth.leg.qty - truth.filled
            if truth.ended is None and not truth.refused and left:
                self.trade += 1
                truth.fills.append((str(self.trade), -(-left // part)))

    @rule(data=st.data(), how=st.sampled_from(["CANCELLED", "EXPIRED"]))
    def end_it(self, data: st.DataObject, how: str) -> None:
        truth = self.pick(data)
        if truth.ended is None and not truth.refused:
            truth.ended = "FILLED" if truth.filled == truth.leg.qty else how

    @rule(data=st.data())
    def refuse_it(self, data: st.DataObject) -> None:
        truth = self.pick(data)
        if truth.ended is None and not truth.fills and not truth.told_accepted:
            truth.refused = True

    # --- messages, each any number of times -----------------------------------------------------

    @rule(data=st.data())
    def tell_ack(self, data: st.DataObject) -> None:
        truth = self.pick(data)
        if not truth.refused:
            truth.told_accepted = True
            self.say(self.world.ack(truth.leg))

    @rule(data=st.data())
    def tell_refusal(self, data: st.DataObject) -> None:
        truth = self.pick(data)
        if truth.refused:
            truth.told_end = truth.told_end or "REJECTED"
            self.say(self.world.reject(truth.leg))

    @rule(data=st.data())
    def tell_fill(self, data: st.DataObject) -> None:
        truth = self.pick(data)
        if not truth.fills:
            self.trade_at(truth, data)
        if truth.fills:
            times = data.draw(st.lists(st.sampled_from(truth.fills), min_size=1, max_size=5))
            for trade, qty in times:
                truth.seen_fills.add(trade)
                truth.told_accepted = True
                if truth.believed == truth.leg.qty:
                    truth.told_end = truth.told_end or "FILLED"
                self.say(self.world.fill(truth.leg, trade, qty))
                self.beliefs()

    @rule(data=st.data(), query=st.booleans())
    def tell_end(self, data: st.DataObject, query: bool) -> None:
        truth = self.pick(data)
        if truth.ended is not None:
            truth.told_end = truth.told_end or truth.ended
            truth.told_claim = max(truth.told_claim, truth.filled)
            truth.told_accepted = True
            tell: Any = self.world.query if query else self.world.end
            self.say(tell(truth.leg, truth.ended, truth.filled))

    @rule(data=st.data())
    def tell_working(self, data: st.DataObject) -> None:
        truth = self.pick(data)
        if truth.ended is None and not truth.refused:
            truth.told_accepted = True
            truth.told_claim = max(truth.told_claim, truth.filled)
            self.say(self.world.query(truth.leg, "OPEN", truth.filled))

    @rule(data=st.data())
    def tell_absence(self, data: st.DataObject) -> None:
        """Authoritative only when it is true, as the one who asks must see to."""
        truth = self.pick(data)
        proven = truth.refused
        order = self.world.engine.orders.orders.get(truth.leg.client_id)
        if proven and order is not None and order.state is OrderState.UNKNOWN:
            if all(self.world.now_ns - told_ns >= 1_000 * MS for told_ns in truth.absences):
                truth.absences.append(self.world.now_ns)
            if len(truth.absences) == 2:
                truth.told_end = truth.told_end or "REJECTED"
        self.say(self.world.query(truth.leg, None, authoritative=proven))

    @rule(data=st.data())
    def lose_reply(self, data: st.DataObject) -> None:
        truth = self.pick(data)
        truth.lost = truth.lost or not (truth.told_accepted or truth.told_end)
        self.say(self.world.unknown(truth.leg))

    @rule(seconds=st.integers(0, 10))
    def wait(self, seconds: int) -> None:
        self.world.now_ns += seconds * 1_000 * MS
        for truth in self.orders:
            if not (truth.told_accepted or truth.told_end):
                order = self.world.order(truth.leg)
                truth.lost = truth.lost or self.world.now_ns >= order.deadline_ns
        self.say(self.world.timer())

    @rule(venue=st.sampled_from(["binance", "kucoin"]), listed=st.booleans())
    def compare(self, venue: str, listed: bool) -> None:
        """The account stream breaks and comes back: the venue is asked about exactly what the model
        holds for open, and what it lists as working is neither cancelled nor a reason to halt."""
        world = self.world
        self.say(world.link(venue, "account", False))
        assert not world.engine.context.venues[venue].open
        self.say(world.link(venue, "account", True))
        state = world.engine.reconciler.rounds[venue]
        for _ in range(4):
            asked = [c for c in world.asked if isinstance(c, Reconcile) and c.venue == venue][-1]
            here = [truth for truth in self.orders if truth.leg.venue == venue]
            assert set(asked.client_ids) == {t.leg.client_id for t in here if t.open}
            working = tuple(
                OpenOrder(t.leg.client_id, "v" + t.leg.client_id, "XRP/USDT", t.leg.side,
                          t.leg.price, t.leg.qty, t.filled)
                for t in here
                if listed and t.ended is None and not t.refused and t.filled < t.leg.qty
            )  # fmt: skip
            out = world.reconcile(venue, open_orders=working)
            assert not [c for c in out if isinstance(c, Cancel)], out
            self.say(out)
            if state.step == "DONE":
                break
            world.now_ns = max(world.now_ns, state.due_ns)
            self.say(world.tell(Timer, timer_id="reconcile:" + venue))
        assert world.engine.context.venues[venue].open

    @precondition(lambda self: self.strays < 50)
    @rule()
    def tell_stray(self) -> None:
        self.strays += 1
        leg = Leg(f"web-{self.strays}", "binance", "XRP/USDT", 0, 0, 1, 1, 1)
        self.say(self.world.fill(leg, "1"))

    def say(self, out: list[Any]) -> None:
        assert not [c for c in out if isinstance(c, Halt)], out

    # --- what must hold after each --------------------------------------------------------------

    @invariant()
    def holds(self) -> None:
        type(self).steps += 1
        self.beliefs()

    def beliefs(self) -> None:
        portfolio = self.world.engine.portfolio
        base = {"binance": 10**6 * MONEY_ONE, "kucoin": 10**6 * MONEY_ONE}
        for truth in self.orders:
            leg = truth.leg
            order = self.world.engine.orders.orders.get(leg.client_id)
            book = self.world.engine.context.books[0 if leg.venue == "binance" else 1]
            sign = 1 if leg.side == 0 else -1
            base[leg.venue] += sign * truth.believed * book.qty_money
            if order is None:
                assert not truth.open, "only what is over leaves memory"
                continue
            assert order.filled == truth.believed
            if truth.told_end is not None:
                assert order.state.value == truth.told_end
                assert order.pending == max(0, truth.told_claim - truth.believed)
            else:
                assert order.pending == leg.qty - truth.believed
                assert not order.state.terminal
                unknown = truth.lost and not truth.told_accepted
                assert (order.state is OrderState.UNKNOWN) is unknown
            # The worst case covers the truth, for an honest venue without a proven absence.
            assert order.filled + order.pending >= truth.told_claim
        assert {v: portfolio.balance(v, "XRP") for v in base} == base
        # What the legs owe is what the fills did, whichever of them came: both legs even out.
        owed = sum(base.values()) - 2 * 10**6 * MONEY_ONE
        assert self.world.engine.legs.imbalance(0) == owed
        assert self.world.engine.orders.unsettled.keys() == {
            truth.leg.client_id for truth in self.orders if truth.open
        }
        counts = self.world.engine.orders.counts
        assert counts["strays"] == self.strays
        assert counts["fills"] == sum(len(t.seen_fills) for t in self.orders)
        check_books(self.world.engine)


class ForgetfulDesk(DeskMachine):
    """Everything may be told again after the order has left memory."""

    keep = 1


def test_desk_that_forgets_follows_the_model() -> None:
    run_state_machine_as_test(
        ForgetfulDesk,
        settings=settings(
            max_examples=120, stateful_step_count=80, deadline=None, derandomize=True, database=None
        ),
    )


def test_desk_follows_the_model() -> None:
    DeskMachine.steps = 0
    run_state_machine_as_test(
        DeskMachine,
        settings=settings(
            max_examples=420, stateful_step_count=80, deadline=None, derandomize=True, database=None
        ),
    )
    assert DeskMachine.steps >= 20_000
