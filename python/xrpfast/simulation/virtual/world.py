"""One seed: a life of the engine over two venues, with its deaths, until all has settled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from xrpfast.model import MONEY_ONE
from xrpfast.records import kinds
from xrpfast.records.carried import carried
from xrpfast.records.start import Start
from xrpfast.records.unsettled import residuals
from xrpfast.simulation.virtual.agreement import ledger_agrees, portfolio_agrees
from xrpfast.simulation.virtual.checks import Broken, Checks
from xrpfast.simulation.virtual.config import LIMITS, STRATEGY_NAME, config_of
from xrpfast.simulation.virtual.driver import ENCODE, Records, VirtualDriver, WatchedGate
from xrpfast.simulation.virtual.faults import Faults
from xrpfast.simulation.virtual.feed import STEP_NS, Feed
from xrpfast.simulation.virtual.loop import MS, SECOND, Loop
from xrpfast.simulation.virtual.people import People
from xrpfast.simulation.virtual.recovery import Recovery
from xrpfast.simulation.virtual.replay import MakeEngine, replay
from xrpfast.simulation.virtual.report import Report
from xrpfast.simulation.virtual.venue import VirtualVenue
from xrpfast.simulation.worlds import RULES, customer, exchange_of
from xrpfast.trading import events as ev
from xrpfast.trading.client_ids import base36
from xrpfast.trading.engine import Engine
from xrpfast.trading.risk.silence import SILENT
from xrpfast.trading.states import ENGINE, Latched, TradingState

START: Final = {"XRP": 3_000, "USDT": 7_000}
SETTLE_NS: Final = 180 * SECOND
"""All that is left must be settled so long after the last fault."""
HALTED_NS: Final = 60 * SECOND
STOPPED_NS: Final = 8 * SECOND
"""A run that is halted, or stopped, ends after so long with orders that are not settled."""
UNEXPLAINED: Final = "unexplained"
"""How the one halt ends that faults may cause: money moved and the word of it was lost."""


class World:
    """One seed. ``folder`` takes the ledger; ``trace`` hears every event and command."""

    def __init__(
        self,
        seed: int,
        steps: int,
        folder: Path,
        trace: Callable[[str], None] | None = None,
        make: MakeEngine = Engine,
    ) -> None:
        self.report = Report(seeds=1)
        self.loop = Loop()
        self.faults = Faults(seed)
        self.venues: dict[str, VirtualVenue] = {}
        for name in RULES:
            exchange = exchange_of(name, lambda: self.loop.wall_ns)
            account = customer(name, seed)
            exchange.add_account(account)
            for asset, amount in START.items():
                account.balance(asset).free = amount * MONEY_ONE
            self.venues[name] = VirtualVenue(self.loop, exchange, account, self.faults)
        self.feed = Feed(self.loop, list(self.venues.values()), self.faults, seed)
        self._latched: dict[str, Latched] = {}
        """What is closed, by scope: it outlives every run."""
        self.checks = Checks(self.loop, self.venues, self.feed)
        self.people = People(self.loop, self.faults, self.venues, self.checks, self._latched)
        self.records = Records()
        self.driver: VirtualDriver | None = None
        self._steps = steps
        self._path = folder / f"{seed}.sqlite"
        self._trace = trace
        self._make = make
        self._epoch = 0
        self._recovery = Recovery(
            self.loop,
            self.faults,
            self.venues,
            self.people,
            self.records,
            self._path,
            self.report,
            self._begin,
            trace,
        )
        for venue in self.venues.values():
            venue.answers.accepted = self._accepted

    def run(self) -> Report:
        """Runs the seed to its end. Raises `Broken`."""
        try:
            self.feed.start()
            self._recovery.start()
            self.loop.call(STEP_NS, self._misfortune)
            end_ns = self.loop.now_ns + 3_600 * SECOND
            while self.report.events + self._running < self._steps:
                self.loop.step()
                if self.loop.now_ns > end_ns:
                    raise Broken(4, f"no more than {self.report.events} events in an hour")
            self._settle()
            self._recovery.catch_up()
            ledger_agrees(self._path, self.venues, self.report)
            replay(self.records.written, self._make)
            self.report.faults = dict(self.faults.seen)
            self.report.orders = len(self.checks.left)
            self.report.by_hand = self.people.settled
            self.report.by_hand_refused = self.people.refused
            self.report.halts_at_both = self.people.at_both
            self.report.halts_unheard = self.checks.unheard.halts
            return self.report
        finally:
            self._recovery.ledger.close()
            for venue in self.venues.values():
                venue.exchange.close()

    @property
    def _running(self) -> int:
        return 0 if self.driver is None else self.driver.events

    # --- lives ----------------------------------------------------------------------------------

    def _die(self, where: str) -> None:
        """kill -9: what was not written is gone, the venues go on."""
        if self._trace is not None:
            self._trace(f"{self.loop.now_ns} ! killed {where}")
        self.report.kills += 1
        self._over()
        self.loop.call(self.faults.between(MS, 2 * SECOND), self._again)

    def _again(self) -> None:
        """Somebody starts it again: once a person has looked, if it was halted."""
        if ENGINE in self._latched:
            self._latched.clear()
        self._recovery.start()

    def _over(self) -> None:
        """The process is gone."""
        driver = self.driver
        assert driver is not None
        driver.dead = True
        self.driver = None
        self._count(driver)
        self.feed.attach(None)
        for venue in self.venues.values():
            venue.disconnect()

    def _count(self, driver: VirtualDriver) -> None:
        report, engine = self.report, driver.engine
        report.events += driver.events
        report.fills += engine.orders.counts["fills"]
        report.duplicates_told += engine.orders.counts["duplicates"]
        report.unknown += engine.orders.counts["unknown"]
        report.hedges += engine.legs.counts["hedges"]
        report.given_up += engine.legs.counts["given_up"]
        for reason, count in engine.refused.items():
            report.refused[reason] = report.refused.get(reason, 0) + count

    def _accepted(self, client_id: str) -> bool:
        """Whether the engine, or the ledger while none runs, was ever shown the order."""
        if self.driver is not None:
            order = self.driver.engine.orders.orders.get(client_id)
            return order is not None and order.accepted
        life = self._recovery.ledger.order(client_id)
        return life is not None and life.accepted

    def _begin(self) -> None:
        if any(venue.down for venue in self.venues.values()):
            self.loop.call(500 * MS, self._begin)
            return
        for venue in self.venues.values():
            ours = [o.client_id for o in venue.working() if o.client_id[0] == "x"]
            if ours or venue.transit:
                raise Broken(4, f"{ours or list(venue.transit)} at {venue.name}: forgotten")
        self._epoch += 1
        latched = tuple(self._latched.values())
        before = carried(self._path, [STRATEGY_NAME], LIMITS.hedge_min)
        config = config_of(self._epoch, self.venues, residuals(self._path), latched, before)
        gate = WatchedGate()
        engine = self._make(config, gate)
        start = Start(
            version="storm",
            environment=config.environment,
            deployment=config.deployment,
            epoch=self._epoch,
            wall_ns=self.loop.wall_ns,
            config=config,
        )
        self.records.stage(kinds.START, self.loop.wall_ns, ENCODE(start))
        self.records.flush()
        self.checks.begin(engine, gate, self._latched)
        self.driver = driver = VirtualDriver(
            engine,
            gate,
            self.loop,
            self.feed,
            self.venues,
            self.records,
            self.faults,
            self.checks,
            self.people,
            self._die,
            self._trace,
        )
        driver.latched = self._latched
        for venue in self.venues.values():
            venue.connect(driver)
        self.feed.attach(driver)
        self._clock(driver)
        self.loop.call(400 * MS, self._say, driver, "start")

    def _clock(self, driver: VirtualDriver) -> None:
        for name in self.venues:
            driver.on_facts([(ev.Clock, {"venue": name, "offset_ns": 0, "uncertainty_ns": MS})])
        if not driver.dead:
            self.loop.call(30 * SECOND, self._clock, driver)

    @staticmethod
    def _say(driver: VirtualDriver, action: str) -> None:
        driver.on_facts([(ev.Control, {"action": action, "reason": "storm"})])

    # --- what goes wrong ------------------------------------------------------------------------

    def _misfortune(self) -> None:
        self.loop.call(STEP_NS, self._misfortune)
        faults = self.faults
        for venue in self.venues.values():
            if faults.hit("account_gap"):
                venue.drop_account(faults.between(50 * MS, 3 * SECOND))
            if faults.hit("orders_down"):
                venue.drop_orders(faults.between(50 * MS, 3 * SECOND))
            if faults.hit("venue_down"):
                venue.fall(faults.between(100 * MS, 6 * SECOND))
            if faults.hit("foreign_order"):
                venue.others.foreign_order()
            if faults.hit("foreign_trade"):
                venue.others.foreign_trade()
            if faults.hit("balance_moved"):
                asset = faults.draw.choice(("XRP", "USDT"))
                venue.others.move(asset, faults.between(-400, 600) * MONEY_ONE)
            if faults.hit("second_engine"):
                venue.others.second_engine(f"xvsim1{base36(self._epoch + 1_000)}-00a")
        if faults.hit("both_down"):
            for venue in self.venues.values():
                venue.fall(faults.between(SECOND, 8 * SECOND))
        if faults.hit("transfer"):
            self.people.transfer()
        driver = self.driver
        if driver is None:
            return
        if driver.engine.context.trading is TradingState.HALTED:
            self._halted(driver)
        if driver.stopping_ns and not driver.dead:
            self._stopping(driver)
        if not driver.dead:
            self.people.step(driver)

    def _halted(self, driver: VirtualDriver) -> None:
        """As the service does: the run ends once its orders are settled; a person resumes."""
        for reason in driver.halts:
            if not self._explained(reason):
                raise Broken(5, f"a halt that no fault explains: {reason}")
        driver.halted_ns = driver.halted_ns or self.loop.now_ns
        late = self.loop.now_ns - driver.halted_ns >= HALTED_NS
        if late or not driver.engine.orders.unsettled:
            self.report.halts += 1
            self._ended()

    def _explained(self, reason: str) -> bool:
        if reason in self.people.halts or reason.startswith(SILENT):  # held against the truth
            return True
        for venue in self.venues.values():
            if any(mistake in reason for mistake in venue.mistakes):
                return True
        return reason.endswith(UNEXPLAINED) and any(v.untold for v in self.venues.values())

    def _stopping(self, driver: VirtualDriver) -> None:
        """As the service does: own orders gone, what one leg traded alone closed, or time is up."""
        engine = driver.engine
        late = self.loop.now_ns - driver.stopping_ns >= STOPPED_NS + LIMITS.hedge_time_ns
        if late or not (engine.orders.unsettled or engine.legs.closing()):
            self._say(driver, "stopped")
            if not driver.dead:
                self.report.stops += 1
                self._ended()

    def _ended(self) -> None:
        """A run ended by itself, and is started again."""
        self.checks.ended()
        self._over()
        self.loop.call(self.faults.between(100 * MS, 2 * SECOND), self._again)

    # --- the end --------------------------------------------------------------------------------

    def _settle(self) -> None:
        """No more faults: everything comes to rest in time."""
        self.faults.active = False
        for venue in self.venues.values():
            if any(order.client_id[0] != "x" for order in venue.working()):
                venue.others.foreign_order()
        quiet_ns = self.loop.now_ns + 5 * SECOND  # what was held back has arrived by then
        end_ns = self.loop.now_ns + SETTLE_NS
        stopped: VirtualDriver | None = None
        still_ns = 0
        compared = -1  # orders of the run when it was compared last
        while True:
            driver, now_ns = self.driver, self.loop.now_ns
            if driver is None or now_ns < max(quiet_ns, still_ns):
                pass
            elif driver is not stopped and self._up(driver):
                stopped, compared = driver, -1
                still_ns = now_ns + SECOND  # opportunities go on, entries do not
                self.checks.stopping()
                self._say(driver, "stop")
            elif driver is stopped and self._at_rest(driver):
                orders = driver.engine.orders.counts["orders"]
                if compared != orders:
                    compared = orders
                    driver.ask_fees()
                    self._say(driver, "reconcile")
                elif self._fees_told_to(driver):
                    break
            self.loop.step()
            if self.loop.now_ns > end_ns:
                raise Broken(4, f"not at rest {SETTLE_NS // SECOND} s after the last fault: {self}")
        assert driver is not None
        portfolio_agrees(driver.engine.portfolio, self.venues)
        self._over()

    def _up(self, driver: VirtualDriver) -> bool:
        venues = driver.engine.context.venues.values()
        return all(v.linked for v in venues) and (
            driver.engine.context.trading is TradingState.ACTIVE
        )

    def _at_rest(self, driver: VirtualDriver) -> bool:
        engine = driver.engine
        rounds = engine.reconciler.rounds.values()
        legs = engine.legs.closing() or engine.legs.owing()
        return not (engine.orders.unsettled or legs) and all(r.step == "DONE" for r in rounds)

    def __str__(self) -> str:
        if self.driver is None:
            return "no engine runs"
        engine = self.driver.engine
        rounds = {name: each.step.value for name, each in engine.reconciler.rounds.items()}
        return f"{list(engine.orders.unsettled)}, {engine.legs.owing()} to close, {rounds}"

    def _fees_told_to(self, driver: VirtualDriver) -> bool:
        return not any(list(driver.engine.fees.open(name)) for name in self.venues)
