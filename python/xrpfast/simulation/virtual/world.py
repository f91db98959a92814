"""One seed: a life of the engine over two venues, with its deaths, until all has settled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from xrpfast.model import MONEY_ONE
from xrpfast.records import kinds
from xrpfast.records.compare import NO_FILL, compare
from xrpfast.records.ledger import Ledger
from xrpfast.records.start import Start
from xrpfast.records.unsettled import LeftOrder, left, open_fees, residuals
from xrpfast.simulation.truth import ledger as truth_of
from xrpfast.simulation.virtual.checks import Broken, Checks
from xrpfast.simulation.virtual.driver import ENCODE, Records, VirtualDriver, WatchedGate
from xrpfast.simulation.virtual.facts import Fact, stamped
from xrpfast.simulation.virtual.faults import Faults
from xrpfast.simulation.virtual.feed import STEP_NS, Feed
from xrpfast.simulation.virtual.loop import MS, SECOND, Loop
from xrpfast.simulation.virtual.replay import MakeEngine, replay
from xrpfast.simulation.virtual.venue import VirtualVenue
from xrpfast.simulation.worlds import RULES, customer, exchange_of
from xrpfast.trading import events as ev
from xrpfast.trading.config import ArbitrageParams, EngineConfig, StartBalance
from xrpfast.trading.engine import Engine
from xrpfast.trading.risk.limits import RiskLimits
from xrpfast.trading.states import Latched, TradingState
from xrpfast.trading.transitions import WORKING_STATES

START: Final = {"XRP": 3_000, "USDT": 7_000}
LIMITS: Final = RiskLimits(
    max_order_notional=1_000 * MONEY_ONE,
    max_position=300 * MONEY_ONE,
    max_book_age_ns=500 * MS,
    max_pair_skew_ns=300 * MS,
    collar_bps=200,
    max_orders_per_second=10,
    hedge_min=5 * MONEY_ONE,
    hedge_loss=6 * MONEY_ONE,
    # Every control is on; what would end a seed by its number of faults is far away.
    allowed_venues=("binance", "kucoin"),
    allowed_symbols=("XRP/USDT",),
    allowed_strategies=("arb",),
    max_order_qty=300 * MONEY_ONE,
    max_spread_bps=200,
    max_edge_bps=300,
    drift_bps=300,
    drift_window_ns=15 * SECOND,
    mark_ns=5 * SECOND,
    max_mark_age_ns=120 * SECOND,
    max_gross=3_000 * MONEY_ONE,
    min_cash=15 * MONEY_ONE,
    hedge_cushion_bps=450,
    max_working_per_venue=2,
    max_working_per_side=2,
    max_working_per_strategy=2,
    hedge_lane=2,
    max_cancels_per_second=20,
    max_weight_per_minute=20_000,
    cancel_reserve=500,
    duplicate_window_ns=20 * MS,
    max_clock_offset_ns=SECOND,
    max_clock_uncertainty_ns=250 * MS,
    max_round_trips=100_000,
    collar_breaches=100,
    max_session_loss=5_000 * MONEY_ONE,
    max_strategy_loss=5_000 * MONEY_ONE,
    max_drawdown=5_000 * MONEY_ONE,
    max_losing_trades=10_000,
    max_losses_in_window=10_000,
    max_venue_errors=10_000,
    max_strategy_rejects=10_000,
    max_auth_errors=1,
    cancel_after_ns=2 * SECOND,
)
SETTLE_NS: Final = 180 * SECOND
"""All that is left must be settled so long after the last fault."""
UNEXPLAINED: Final = "unexplained"
"""How the one halt ends that faults may cause: money moved and the word of it was lost."""


class Report(msgspec.Struct):
    """What happened in one seed, or summed over many."""

    seeds: int = 0
    events: int = 0
    orders: int = 0
    fills: int = 0
    hedges: int = 0
    unknown: int = 0
    duplicates_told: int = 0
    """Fills heard more than once, and booked once."""
    kills: int = 0
    halts: int = 0
    given_up: int = 0
    duplicates: int = 0
    """Orders that a venue has more than once."""
    lost: int = 0
    """Orders and fills of a venue that the ledger has not."""
    disagreements: int = 0
    """Differences between ledger and venue, those that are lost included."""
    recovered: int = 0
    """Orders that a later run settled."""
    faults: dict[str, int] = {}
    refused: dict[str, int] = {}

    def add(self, other: Report) -> None:
        for name in self.__struct_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, dict):
                for key, count in theirs.items():
                    mine[key] = mine.get(key, 0) + count
            else:
                setattr(self, name, mine + theirs)


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
        self.checks = Checks(self.loop, self.venues, self.feed)
        self.records = Records()
        self.driver: VirtualDriver | None = None
        self._steps = steps
        self._path = folder / f"{seed}.sqlite"
        self._ledger = Ledger(self._path)
        self._trace = trace
        self._make = make
        self._epoch = 0
        self._life = 0
        self._latched: dict[str, Latched] = {}

    def run(self) -> Report:
        """Runs the seed to its end. Raises `Broken`."""
        try:
            self.feed.start()
            self._start()
            self.loop.call(STEP_NS, self._misfortune)
            end_ns = self.loop.now_ns + 3_600 * SECOND
            while self.report.events + self._running < self._steps:
                self.loop.step()
                if self.loop.now_ns > end_ns:
                    raise Broken(4, f"no more than {self.report.events} events in an hour")
            self._settle()
            self._compare()
            replay(self.records.written, self._make)
            self.report.faults = dict(self.faults.seen)
            self.report.orders = len(self.checks.left)
            return self.report
        finally:
            self._ledger.close()
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
        self.loop.call(self.faults.between(MS, 2 * SECOND), self._start)

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

    def _start(self) -> None:
        """As the service does: the ledger from the journal, then what earlier runs left."""
        self._life += 1
        self._catch_up()
        found = left(self._path).orders
        for order in found:
            self._told([(ev.OrderUnknown, {"client_id": order.client_id, "reason": "a run ended"})])
        self.report.recovered += len(found)
        self._recover(self._life)

    def _catch_up(self) -> None:
        for record in self.records.written[max(0, self._ledger.sequence) :]:
            self._ledger.apply(*record)
        self._ledger.commit()

    def _recover(self, life: int) -> None:
        """Asks for the first order that is not settled, until none is."""
        found = left(self._path).orders
        if not found:
            self._ask_fees()
            return
        order = found[0]
        created_ns = self.loop.now_ns - (self.loop.wall_ns - order.created_ns)
        heard: list[Fact] = []
        self.venues[order.venue].answers.query(order.client_id, created_ns, heard.extend)
        self.loop.call(500 * MS, self._recovered, life, order, heard)

    def _recovered(self, life: int, order: LeftOrder, heard: list[Fact]) -> None:
        if heard:
            self._told(heard)
            if heard[-1][1]["state"] in WORKING_STATES:
                self.venues[order.venue].cancel(order.client_id)
        if self.faults.hit("kill"):
            self.report.kills += 1
            self._start()
            return
        self._recover(life)

    def _ask_fees(self) -> None:
        """Asks for the fees that the dead runs did not hear, until all are told."""
        owed = open_fees(self._path)
        if not owed:
            self._begin()
            return
        heard: list[Fact] = []
        keys = {(fee.client_id, fee.trade_id) for fee in owed}
        for name in {fee.venue for fee in owed}:
            self.venues[name].answers.fills(owed[0].wall_ns - SECOND, heard.extend)
        self.loop.call(500 * MS, self._fees_told, keys, heard)

    def _fees_told(self, keys: set[tuple[str, str]], heard: list[Fact]) -> None:
        self._told([f for f in heard if (f[1]["client_id"], f[1]["trade_id"]) in keys])
        if self.faults.hit("kill"):
            self.report.kills += 1
            self._start()
            return
        self._ask_fees()

    def _told(self, facts: list[Fact]) -> None:
        for fact in facts:
            event = stamped(fact, self.loop.now_ns, self.loop.wall_ns)
            self.records.stage(kinds.RECOVERY, event.wall_ns, ENCODE(event))
        self.records.flush()
        self._catch_up()

    def _begin(self) -> None:
        if any(venue.down for venue in self.venues.values()):
            self.loop.call(500 * MS, self._begin)
            return
        for venue in self.venues.values():
            ours = [o.client_id for o in venue.working() if o.client_id[0] == "x"]
            if ours or venue.transit:
                raise Broken(4, f"{ours or list(venue.transit)} at {venue.name}: forgotten")
        self._epoch += 1
        config = self._config()
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
        self.checks.begin(engine, gate)
        self.driver = driver = VirtualDriver(
            engine,
            gate,
            self.loop,
            self.feed,
            self.venues,
            self.records,
            self.faults,
            self.checks,
            self._die,
            self._trace,
        )
        driver.latched = self._latched
        for venue in self.venues.values():
            venue.connect(driver)
        self.feed.attach(driver)
        self._clock(driver)
        self.loop.call(400 * MS, self._say, driver, "start")

    def _config(self) -> EngineConfig:
        return EngineConfig(
            environment="v",
            deployment="sim1",
            epoch=self._epoch,
            books=tuple(RULES.values()),
            risk=LIMITS,
            strategies=(
                ArbitrageParams(
                    name="arb",
                    instrument="XRP/USDT",
                    detectors=(0, 1),
                    max_qty=400 * MONEY_ONE,
                    cooldown_ns=50 * MS,
                ),
            ),
            balances=tuple(
                StartBalance(name, asset, balance.total, balance.locked)
                for name, venue in self.venues.items()
                for asset, balance in venue.account.balances.items()
            ),
            residuals=residuals(self._path),
            latched=tuple(self._latched.values()),
            keep_orders=8,  # few: what is told late is told of orders that left memory
            reconcile_ns=10 * SECOND,
        )

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
                venue.foreign_order()
            if faults.hit("balance_moved"):
                asset = faults.draw.choice(("XRP", "USDT"))
                venue.move(asset, faults.between(-400, 600) * MONEY_ONE)
        if faults.hit("both_down"):
            for venue in self.venues.values():
                venue.fall(faults.between(SECOND, 8 * SECOND))
        driver = self.driver
        if driver is None:
            return
        if driver.engine.context.trading is TradingState.HALTED:
            self._halted(driver)
        elif self._latched:
            self._latched.clear()
            self._say(driver, "resume")

    def _halted(self, driver: VirtualDriver) -> None:
        """As the service does: the run ends once its orders are settled; a person resumes."""
        for reason in driver.halts:
            if not (reason.endswith(UNEXPLAINED) and any(v.untold for v in self.venues.values())):
                raise Broken(5, f"a halt that no fault explains: {reason}")
        if not driver.engine.orders.unsettled:
            self.report.halts += 1
            self._over()
            self._latched.clear()  # a person has looked
            self.loop.call(SECOND, self._start)

    # --- the end --------------------------------------------------------------------------------

    def _settle(self) -> None:
        """No more faults: everything comes to rest in time."""
        self.faults.active = False
        for venue in self.venues.values():
            if any(order.client_id[0] != "x" for order in venue.working()):
                venue.foreign_order()
        quiet_ns = self.loop.now_ns + 5 * SECOND  # what was held back has arrived by then
        end_ns = self.loop.now_ns + SETTLE_NS
        stopped: VirtualDriver | None = None
        asked_ns = 0
        while True:
            driver, quiet = self.driver, self.loop.now_ns >= quiet_ns
            if driver is not None and driver is not stopped and quiet and self._up(driver):
                stopped, asked_ns = driver, self.loop.now_ns
                self._say(driver, "stop")
            if driver is not None and driver is stopped and self._at_rest(driver):
                if asked_ns >= 0:
                    asked_ns = -1
                    driver.ask_fees()
                    self._say(driver, "reconcile")
                elif self._fees_told_to(driver):
                    break
            self.loop.step()
            if self.loop.now_ns > end_ns:
                raise Broken(4, f"not at rest {SETTLE_NS // SECOND} s after the last fault")
        assert driver is not None
        self._driver_agrees(driver)
        self._over()

    def _up(self, driver: VirtualDriver) -> bool:
        venues = driver.engine.context.venues.values()
        return all(v.linked for v in venues) and (
            driver.engine.context.trading is TradingState.ACTIVE
        )

    def _at_rest(self, driver: VirtualDriver) -> bool:
        engine = driver.engine
        rounds = engine.reconciler.rounds.values()
        return not engine.orders.unsettled and all(r.step == "DONE" for r in rounds)

    def _fees_told_to(self, driver: VirtualDriver) -> bool:
        return not any(list(driver.engine.fees.open(name)) for name in self.venues)

    def _driver_agrees(self, driver: VirtualDriver) -> None:
        drift = driver.engine.portfolio.drift()
        if drift:
            raise Broken(4, f"the portfolio and the venues' last word differ: {drift}")
        booked = driver.engine.portfolio.balances()
        for name, venue in self.venues.items():
            for asset, balance in venue.account.balances.items():
                if booked[name, asset] != balance.total:
                    raise Broken(
                        4, f"{name} {asset}: {booked[name, asset]} booked, {balance.total} there"
                    )

    def _compare(self) -> None:
        """Journal and ledger against the venues' own truth, to the last unit."""
        self._catch_up()
        venues: dict[str, Any] = {}
        for name, venue in self.venues.items():
            truth = truth_of(venue.exchange, venue.account)
            for part in ("orders", "fills"):
                truth[part] = [row for row in truth[part] if row["client_id"][0] == "x"]
            truth["balances"] = {
                asset: {
                    "free": _text(balance.free - venue.moved.get(asset, 0)),
                    "locked": _text(balance.locked),
                }
                for asset, balance in venue.account.balances.items()
            }
            venues[name] = truth
        found = [line for line in compare(self._path, {"venues": venues}) if line != NO_FILL]
        report = self.report
        report.duplicates = sum(
            count - 1 for venue in self.venues.values() for count in venue.received.values()
        )
        report.lost = sum(line.endswith("is not in the ledger") for line in found)
        report.disagreements = len(found)
        if found:
            raise Broken(4, "; ".join(found[:5]))


def _text(money: int) -> str:
    sign = "-" if money < 0 else ""
    return f"{sign}{abs(money) // MONEY_ONE}.{abs(money) % MONEY_ONE:018d}"
