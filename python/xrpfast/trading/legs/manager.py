"""The legs of every instrument over time: wait, hedge, unwind, keep as a residual, or give up.

An instrument's imbalance is what its own orders changed of its base over all venues: fills, base
fees, and what an earlier run left. With both legs filled it is what fees took. While any order of
the instrument is not settled nothing is sent. Once all are, an imbalance of at least ``hedge_min``
is closed by one order at a time, within the collar, a budget of loss and one of time; what a venue
cannot take or that is smaller stays as a residual and is closed when it has grown. A budget that is
spent halts the instrument until a person looks. What was spent is on record, so that a restart
neither begins the budget anew nor hedges what was given up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from xrpfast.model import format_money
from xrpfast.trading.commands import Alert, AnyCommand, Halt, ReadBook, Spent
from xrpfast.trading.context import BUY
from xrpfast.trading.flattening import Ending, Flattened, Ordered
from xrpfast.trading.legs.hedge import Hedge, Kept, affordable, choose, kept
from xrpfast.trading.legs.outcomes import NEXT, Step, outcome
from xrpfast.trading.states import ENGINE, SYMBOL, TradingState

if TYPE_CHECKING:
    from xrpfast.trading.config import Residual
    from xrpfast.trading.context import Book, Context
    from xrpfast.trading.events import BookTop, Fill
    from xrpfast.trading.orders import Order, OrderDesk
    from xrpfast.trading.portfolio import Portfolio
    from xrpfast.trading.risk.limits import RiskLimits

NO_DUE: Final = 0


class Exposure(msgspec.Struct):
    """One instrument's imbalance while it is being closed."""

    since_ns: int
    waiting: bool = False
    """For a leg that is not settled; the time for closing begins afterwards."""
    lost: int = 0
    """Spent of the loss budget, money of quote."""
    attempts: int = 0
    retry_ns: int = 0
    """Not before: books are read again then."""
    alerted: bool = False
    order: Order | None = None
    """The latest hedge, and what it was chosen for."""
    chosen: Hedge | None = None

    def settle(self) -> None:
        """Takes the loss of the latest hedge: that of its fills, at their prices.

        The time in which it was out is not taken: proving that it never was outlasts any budget.
        """
        if self.order is not None and self.chosen is not None:
            self.since_ns += self.order.updated_ns - self.order.created_ns
            self.lost += self.chosen.lost(self.order.filled, self.order.filled_value)
            self.order = None

    def spent(self, instrument: str) -> Spent:
        """The loss so far, a hedge that is out at its worst: filled at its limit."""
        lost = self.lost
        if self.order is not None and self.chosen is not None:
            qty = self.order.qty
            lost += self.chosen.lost(qty, qty * self.order.price)
        return Spent(instrument, lost, self.attempts)


class LegManager:
    """What every instrument owes, and the order that closes it. Pure; ``step`` says what to read
    and what to send, the engine has it checked and placed."""

    def __init__(
        self,
        context: Context,
        portfolio: Portfolio,
        desk: OrderDesk,
        limits: RiskLimits,
        residuals: tuple[Residual, ...],
    ) -> None:
        self._context = context
        self._portfolio = portfolio
        self._desk = desk
        self._limits = limits
        count = len(context.instruments)
        left = {residual.instrument: residual for residual in residuals}
        self._net = [left[n].amount if n in left else 0 for n in context.instruments]
        """Base too much (or too little) per instrument, money; at first what earlier runs left."""
        self._spent = {
            context.instruments.index(name): (residual.lost, residual.attempts)
            for name, residual in left.items()
            if name in context.instruments and (residual.lost or residual.attempts)
        }
        """Instrument -> what was spent on closing it before this run."""
        self._books: list[list[Book]] = [[] for _ in range(count)]
        for book in context.books:
            self._books[book.instrument_index].append(book)
        self._pairs: dict[int, tuple[Order, Order]] = {}
        self._exposed: dict[int, Exposure] = {}
        self._kept: dict[int, Kept] = {}
        """Imbalances that no venue takes for being too small, until they or the balances change."""
        self._tops: dict[int, dict[int, BookTop]] = {}
        """Instrument -> book -> top, while the books of a hedge are being read."""
        self.counts = dict.fromkeys(("hedges", "waits", "given_up"), 0)
        self.flattened: dict[int, Flattened] = {}
        """Instrument -> what came of the latest order to close it, once that is over."""

    # --- what others ask ------------------------------------------------------------------------

    def imbalance(self, instrument: int) -> int:
        """Base too much (or too little) over all venues, money."""
        return self._net[instrument]

    def owing(self) -> dict[str, int]:
        """Imbalances that are to be closed, per instrument, money; small ones are not."""
        return {
            name: self._net[at]
            for at, name in enumerate(self._context.instruments)
            if abs(self._net[at]) >= self._limits.hedge_min
        }

    def filled(self, book: Book, side: int, fill: Fill) -> None:
        """A fill was booked: its base, and its fee where that is base."""
        amount = fill.qty * book.qty_money
        net = amount if side == BUY else -amount
        if fill.fee_asset == book.rules.base:
            net -= fill.fee
        self._net[book.instrument_index] += net

    def charged(self, book: Book, asset: str, change: int) -> None:
        """The fee of a fill turned out to be another one."""
        if asset == book.rules.base:
            self._net[book.instrument_index] -= change

    def opened(self, instrument: int, first: Order, second: Order) -> None:
        """A pair has left."""
        self._pairs[instrument] = (first, second)

    def closing(self) -> bool:
        """Whether an imbalance is being closed, or will be once an order is settled."""
        return bool(self._exposed)

    def traded(self, instrument: int, amount: int) -> None:
        """A person traded base outside of the engine against the imbalance."""
        self._net[instrument] += amount

    def lost(self, instrument: int) -> int:
        """What closing the imbalance has cost so far, money of quote."""
        exposure = self._exposed.get(instrument)
        if exposure is None:
            return self._spent.get(instrument, (0, 0))[0]
        return exposure.spent("").lost

    # --- a person's order -----------------------------------------------------------------------

    def flatten(self, instrument: int, ordered: Ordered, now_ns: int) -> None:
        """Closes the imbalance from now on, whatever is halted, within these budgets."""
        self._context.flattening[instrument] = ordered
        self.flattened.pop(instrument, None)
        self._kept.pop(instrument, None)
        exposure = self._exposed.get(instrument)
        if exposure is None or exposure.waiting:
            lost, attempts = self._spent.pop(instrument, (0, 0))
            self._exposed[instrument] = Exposure(now_ns, lost=lost, attempts=attempts)
        else:
            exposure.retry_ns = 0
        self._mark(instrument)

    def stop_flatten(self, scope: str, now_ns: int, out: list[AnyCommand]) -> None:
        """Nothing more is sent for orders to close what belongs to a scope."""
        for instrument in tuple(self._context.flattening):
            name = self._context.instruments[instrument]
            if scope in (ENGINE, SYMBOL + name):
                exposure = self._exposed[instrument]
                exposure.since_ns = now_ns  # the ordinary time begins
                if not self._desk.busy[instrument]:
                    exposure.settle()
                    del self._exposed[instrument]
                    self._spent[instrument] = exposure.lost, exposure.attempts
                self._over(instrument, Ending.STOPPED, exposure, out)
                self._mark(instrument)

    def _over(
        self, instrument: int, ending: Ending, exposure: Exposure, out: list[AnyCommand]
    ) -> None:
        del self._context.flattening[instrument]
        self._tops.pop(instrument, None)
        done = Flattened(ending, self._net[instrument], exposure.lost, exposure.attempts)
        self.flattened[instrument] = done
        text = (
            f"{self._context.instruments[instrument]}: flatten {ending.value}: "
            f"{format_money(done.left)} of base left, {format_money(done.lost)} lost, "
            f"{done.hedges} hedges"
        )
        out.append(Alert("warning", text))

    def resume(self, instrument: int, now_ns: int, out: list[AnyCommand]) -> None:
        """A person has looked: what was given up may be tried again, with a new budget."""
        self.stop_flatten(SYMBOL + self._context.instruments[instrument], now_ns, out)
        exposure = self._exposed.get(instrument)
        spent = self._spent.pop(instrument, None) is not None
        self._kept.pop(instrument, None)
        if exposure is not None and exposure.order is not None:
            exposure.since_ns, exposure.lost, spent = now_ns, 0, True
        elif exposure is not None:
            spent = spent or exposure.attempts > 0
            del self._exposed[instrument]
        if spent:
            out.append(Spent(self._context.instruments[instrument], 0, 0))
        self._mark(instrument)

    # --- over time ------------------------------------------------------------------------------

    def step(self, now_ns: int, may_send: bool, out: list[AnyCommand]) -> None:
        """Looks at every instrument; books that a hedge needs are asked for if it may be sent."""
        for instrument in range(len(self._books)):
            waits = self._waits(instrument, now_ns, out) or self._desk.busy[instrument]
            if (may_send or instrument in self._context.flattening) and not waits:
                self._consider(instrument, now_ns, out)
            self._mark(instrument)

    def next_due(self, now_ns: int) -> int:
        """When `step` has something to do next; 0 for never.

        What was due and was not done waits for an event: an order's end, or that trading goes on.
        """
        due = (e.retry_ns for e in self._exposed.values() if e.retry_ns > now_ns)
        return min(due, default=NO_DUE)

    def on_top(self, top: BookTop) -> int | None:
        """Takes a book that was asked for; the instrument once all of its books are there."""
        if not 0 <= top.book < len(self._context.books):
            return None
        instrument = self._context.books[top.book].instrument_index
        tops = self._tops.get(instrument)
        if tops is None:
            return None
        tops[top.book] = top
        return instrument if len(tops) == len(self._books[instrument]) else None

    def hedge(self, instrument: int, now_ns: int, out: list[AnyCommand]) -> Hedge | None:
        """The order to place now, from the books read; None when there is none to place."""
        tops = self._tops.pop(instrument, None)
        exposure = self._exposed.get(instrument)
        if tops is None or exposure is None or self._desk.busy[instrument]:
            return None
        excess = self.imbalance(instrument)
        least, budget = self._limits.hedge_min, self._limits.hedge_loss
        ordered = self._context.flattening.get(instrument)
        if ordered is not None:
            least, budget = 1, ordered.max_loss
        if abs(excess) < least:
            self._close(instrument, out)
            self._mark(instrument)
            return None
        books = self._context.books
        read = [(books[at], top) for at, top in sorted(tops.items())]
        chosen = choose(excess, read, self._portfolio, self._limits, now_ns)
        exposure.retry_ns = now_ns + self._limits.hedge_retry_ns
        if chosen is None:
            stays = kept(excess, read, self._portfolio, self._limits, now_ns)
            if stays is not None:
                self._keep(instrument, stays, out)
            return None
        # None: too dear now; it may come back within the time
        return affordable(chosen, budget - exposure.lost)

    def hedged(self, instrument: int, chosen: Hedge, order: Order, out: list[AnyCommand]) -> None:
        """The hedge was approved and leaves."""
        exposure = self._exposed[instrument]
        exposure.attempts += 1
        exposure.order, exposure.chosen = order, chosen
        self.counts["hedges"] += 1
        out.append(exposure.spent(self._context.instruments[instrument]))

    # --- inside ---------------------------------------------------------------------------------

    def _mark(self, instrument: int) -> None:
        self._context.closed[instrument] = instrument in self._exposed

    def _waits(self, instrument: int, now_ns: int, out: list[AnyCommand]) -> bool:
        """Whether the instrument's pair has a leg whose outcome must be waited for."""
        pair = self._pairs.get(instrument)
        if pair is None:
            return False
        venues = self._context.venues
        first, second = (outcome(order, venues[order.venue]) for order in pair)
        if first is None or second is None:
            return True
        step = NEXT[first, second]
        if step is Step.DONE or step is Step.HEDGE:
            del self._pairs[instrument]
            return False
        exposure = self._exposed.get(instrument)
        if exposure is None:
            exposure = self._exposed[instrument] = Exposure(now_ns, waiting=True)
            self.counts["waits"] += 1
        exposure.retry_ns = exposure.since_ns + self._limits.hedge_time_ns
        if step is Step.WAIT_EXPOSED and not exposure.alerted and now_ns >= exposure.retry_ns:
            exposure.alerted = True
            names = ", ".join(
                f"{order.client_id} at {order.venue} {said.value}"
                for order, said in zip(pair, (first, second), strict=True)
            )
            out.append(Alert("critical", f"a leg has traded alone for too long: {names}"))
        if exposure.alerted or now_ns >= exposure.retry_ns:
            exposure.retry_ns = NO_DUE  # the venue's word is the next event
        return True

    def _consider(self, instrument: int, now_ns: int, out: list[AnyCommand]) -> None:
        """All orders are settled: is there something to close, and may it be tried now?"""
        ordered = self._context.flattening.get(instrument)
        if ordered is None and self._context.symbols[instrument] is TradingState.HALTED:
            return
        excess = self.imbalance(instrument)
        exposure = self._exposed.get(instrument)
        least = self._limits.hedge_min if ordered is None else 1
        if abs(excess) < least or self._stays(instrument, excess):
            if exposure is not None:
                self._close(instrument, out)
            elif self._spent.pop(instrument, None) is not None:
                out.append(Spent(self._context.instruments[instrument], 0, 0))
            return
        if exposure is None or exposure.waiting:
            lost, attempts = self._spent.pop(instrument, (0, 0))
            exposure = self._exposed[instrument] = Exposure(now_ns, lost=lost, attempts=attempts)
        if exposure.order is not None:
            exposure.settle()
            out.append(exposure.spent(self._context.instruments[instrument]))
        until_ns = exposure.since_ns + self._limits.hedge_time_ns
        if now_ns >= (until_ns if ordered is None else ordered.until_ns):
            self._give_up(instrument, excess, exposure, out)
            return
        if now_ns < exposure.retry_ns:
            return
        exposure.retry_ns = now_ns + self._limits.hedge_retry_ns
        self._tops[instrument] = {}
        out.extend(ReadBook(book.index) for book in self._books[instrument])

    def _keep(self, instrument: int, stays: Kept, out: list[AnyCommand]) -> None:
        """A residual: told once, not with every change of its size."""
        before = self._kept.get(instrument)
        self._kept[instrument] = stays
        if before is None or before.why != stays.why:
            name, amount = self._context.instruments[instrument], format_money(stays.excess)
            text = f"{name}: {amount} of base stays open until it has grown: {stays.why}"
            out.append(Alert("warning", text))
        self._close(instrument, out)
        self._mark(instrument)

    def _stays(self, instrument: int, excess: int) -> bool:
        """Whether nothing has changed since it was found to be a residual."""
        stays = self._kept.get(instrument)
        return (
            stays is not None
            and stays.excess == excess
            and all(
                self._portfolio.available(account) <= amount
                for account, amount in stays.waits_for.items()
            )
        )

    def _close(self, instrument: int, out: list[AnyCommand]) -> None:
        exposure = self._exposed.pop(instrument)
        if instrument in self._context.flattening:
            exposure.settle()
            self._over(instrument, Ending.CLOSED, exposure, out)
        if exposure.attempts:
            name = self._context.instruments[instrument]
            left = format_money(self.imbalance(instrument))
            out.append(Alert("info", f"{name}: closed by {exposure.attempts} hedges, left: {left}"))
            out.append(Spent(name, 0, 0))

    def _give_up(
        self, instrument: int, excess: int, exposure: Exposure, out: list[AnyCommand]
    ) -> None:
        del self._exposed[instrument]
        self._spent[instrument] = exposure.lost, exposure.attempts
        if instrument in self._context.flattening:
            # The person who ordered it is told; what is halted stays so, and no more is halted.
            self._over(instrument, Ending.GIVEN_UP, exposure, out)
            return
        self.counts["given_up"] += 1
        name, left = self._context.instruments[instrument], format_money(excess)
        text = (
            f"{name}: {left} of base not closed within time and loss budget after "
            f"{exposure.attempts} hedges"
        )
        out.append(Alert("critical", f"{text}: halted until a person resumes"))
        out.append(Halt(SYMBOL + name, text))
