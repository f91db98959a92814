"""The engine process from its configuration to its last journal record.

Start: lease, epoch, what the venues say, books and engine, sockets, books LIVE, ``start``.
Stop: ``stop``, own orders gone, END, sockets closed, ledger complete.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sqlite3
from collections.abc import Coroutine, Sequence
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any

import msgspec

from xrpfast._core import CoreError, Journal
from xrpfast.errors import FailedError, HaltedError, UsageError, XrpfastError
from xrpfast.model import format_money
from xrpfast.records import kinds
from xrpfast.records.carried import carried
from xrpfast.records.ledger import Ledger
from xrpfast.records.start import End, start_of
from xrpfast.records.unsettled import residuals
from xrpfast.service import keys
from xrpfast.service.alerting.record import recording
from xrpfast.service.clocks import keep_clock, measured
from xrpfast.service.closing import Closing
from xrpfast.service.control import ControlServer
from xrpfast.service.driver import Driver
from xrpfast.service.fees import at_the_end
from xrpfast.service.halts import BY_ENGINE, asked_now, receipt_of
from xrpfast.service.heartbeat import Heartbeat
from xrpfast.service.jobs import Jobs
from xrpfast.service.latency import Latencies
from xrpfast.service.loopguard import LoopGuard
from xrpfast.service.paper import trading_place
from xrpfast.service.projection import Projection
from xrpfast.service.recording import close_records, open_records
from xrpfast.service.recovery import Recovery
from xrpfast.service.setup import (
    MILLISECOND_NS,
    Built,
    Found,
    build,
    look_everywhere,
    missing_of,
    money,
    not_traded,
    scopes,
)
from xrpfast.service.spin import Spinner, pin
from xrpfast.service.state import state_object
from xrpfast.service.statedir import StateDir, shared
from xrpfast.service.stopping import Stopping
from xrpfast.service.watched import Watched
from xrpfast.service.withdraw import withdraw
from xrpfast.service.words import Words
from xrpfast.trading.engine import Engine
from xrpfast.trading.events import AnyEvent, Control
from xrpfast.trading.states import Latched, TradingState
from xrpfast.venues.registry import enabled
from xrpfast.venues.venue import Venue, Wiring

if TYPE_CHECKING:
    from xrpfast.config.root import Config
    from xrpfast.records.identity import Identity

READY_S = 30.0
SETTLE_S = 8.0
GC_THRESHOLDS = (50_000, 50, 1000)

_LOG = logging.getLogger("xrpfast.service")


async def run(config: Config, identity: Identity) -> int:
    """Runs one engine until it is told to stop; returns the exit code.

    Raises `UsageError`, `FailedError` or `HaltedError` with one line for a person.
    """
    state = StateDir.open(config.state_dir)
    try:
        async with trading_place(config, state) as place:
            if place.stopped:
                return 0
            service = Service(place.config, state, identity)
            place.on_lost = service.fail
            code = await service.run()
            place.refuse_lost()
            return code
    except (UsageError, FailedError, HaltedError):
        raise
    except (XrpfastError, CoreError, OSError, sqlite3.Error) as error:
        raise FailedError(str(error)) from error
    finally:
        state.close()


class Service:
    """One run of the engine."""

    def __init__(self, config: Config, state: StateDir, identity: Identity) -> None:
        self._config = config
        self._state = state
        self._identity = identity
        self._stop = asyncio.Event()
        self._why = ""
        self._fatal = ""
        self._unrecorded = ""
        """Why nothing can be recorded any more; without records nothing is traded."""
        self._spinner: Spinner | None = None
        self._venues: Sequence[Venue] = ()
        self._watched = Watched(config)
        self._closing = Closing(state, self.stop)
        self._words: Words | None = None
        self._clean = False
        """Nothing of this run, or of earlier ones, works at a venue any more."""
        self._jobs = Jobs(self._fail)

    async def run(self) -> int:
        with recording(self._config.state_dir, "engine") as self._recorder:
            return await self._run()

    async def _run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop, number.name)
        loop.add_signal_handler(signal.SIGUSR1, self._closing.by_signal)
        try:
            self._refuse_shared()
            await self._watched.refuse(self._stop)
            pin(self._config.engine.cpu)
            venues = enabled(self._config.venues)
            self._heartbeat = Heartbeat(self._state.heartbeat_path, self._closing.wanted)
            # Whoever wants a halt sets the latch first, then the word that was cleared just now.
            self._refuse_if_halted()
            self._heartbeat.start()
            try:
                return await self._open(venues)
            finally:
                self._heartbeat.stop(clean=self._clean)
                await self._jobs.end()
                await asyncio.gather(*(venue.close() for venue in venues))
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
                loop.remove_signal_handler(number)

    def stop(self, why: str) -> None:
        """Asks for a clean end."""
        self._why = self._why or why
        self._stop.set()

    def fail(self, why: str) -> None:
        """Ends the run as failed: there is nothing to trade at any more."""
        self._fail(why)

    # --- start ----------------------------------------------------------------------------------

    def _refuse_if_halted(self) -> None:
        self._state.refuse_if_halted()
        if self._config.mode == "live":
            for text in self._unheard():
                raise UsageError(text)

    def _unheard(self) -> list[str]:
        """Of each latched scope that this engine does not have: what it was meant to close is
        open."""
        return [
            f"{self._state.latch.path}: {entry.scope} is {entry.state}, and this engine has no "
            f"such scope: `xrpfast resume --scope {entry.scope}`, or mend the name there"
            for entry in self._state.latch.entries()
            if entry.scope not in scopes(self._config)
        ]

    def _refuse_shared(self) -> None:
        """Real money is never traded on a latch and records that others can change."""
        if why := shared(self._state.path):
            if self._config.mode == "live":
                raise UsageError(why)
            _LOG.warning("%s (a live start is refused)", why)

    async def _open(self, venues: Sequence[Venue]) -> int:
        """Journal and ledger, what earlier runs left, what the venues say; then the run."""
        if self._config.mode == "live":
            if not self._identity.armed:
                raise UsageError('mode = "live" is not armed: nothing was started')
            await keys.refuse_unfit(venues)
        journal, ledger = open_records(self._state.journal_path, self._state.ledger_path)
        self._journal = journal
        found = None
        try:
            epoch = self._heartbeat.epoch = self._state.next_epoch()
            recovery = Recovery(self._config.prefix, self._state.ledger_path, ledger, journal)
            found = await self._unless_stopped(self._look(recovery, venues, epoch))
        finally:
            if found is None:
                ledger.close()
                journal.close()
        if found is None:
            self._refuse_if_halted()
            return 0
        self._heartbeat.settled()
        return await self._trade(venues, found, epoch, journal, ledger)

    async def _look(self, recovery: Recovery, venues: Sequence[Venue], epoch: int) -> list[Found]:
        await recovery.catch_up({venue.name: venue for venue in venues})
        return await look_everywhere(venues, self._config.instruments, self._config.prefix, epoch)

    async def _unless_stopped(self, work: Coroutine[Any, Any, list[Found]]) -> list[Found] | None:
        """The result, None when a stop came first."""
        task = asyncio.create_task(work)
        stop = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            return None
        finally:
            for waiting in (task, stop):
                waiting.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)

    async def _trade(
        self,
        venues: Sequence[Venue],
        found: Sequence[Found],
        epoch: int,
        journal: Journal,
        ledger: Ledger,
    ) -> int:
        config = self._config
        ledger.commit()
        latched = tuple(Latched(e.scope, e.state) for e in self._state.latch.entries())
        left = residuals(self._state.ledger_path)
        armed = self._identity.armed
        names = [strategy.name for strategy in config.strategies]
        before = carried(self._state.ledger_path, names, money(config.risk.hedge_min))
        built = build(config, venues, found, epoch, left, latched, before, armed=armed)
        projection = Projection(ledger, config.records.ledger_commit_ms / 1000, self._ledger_failed)
        self._market = built.market
        self._venues = venues
        self._guard = guard = LoopGuard(
            config.engine.max_loop_gap_ms * MILLISECOND_NS, self._sockets, self._fresh
        )
        self._driver = driver = Driver(
            Engine(built.config, built.gate),
            built.market,
            journal,
            guard,
            Latencies(),
            projection.add,
            self._fail,
            self._closing.on_close,
            self._heartbeat.halt_word,
            self._closing.event,
        )
        driver.tell = self._recorder.tell
        self._closing.stopping = stopping = Stopping(
            self._state, driver, venues, self._closing.allowed, self.stop, self._fail
        )
        self._words = words = Words(driver, self._state.latch, stopping, config.risk)
        control = ControlServer(
            self._state.control_path,
            lambda: (
                state_object(
                    driver, built.market, guard, epoch, self._identity, config.monitor.last_orders
                )
                | {"undelivered": self._watched.undelivered}
            ),
            self.stop,
            words.known(),
        )
        try:
            self._begin(venues, found, built)
            await control.start()
            ready = await self._ready(built)
            if ready:
                await self._until_stopped()
            return await self._end(driver)
        finally:
            driver.closed = True
            if self._spinner is not None:
                self._spinner.stop()
            guard.stop()
            await control.close()
            await stopping.close()
            await driver.close()
            close_records(projection, journal)

    def _begin(self, venues: Sequence[Venue], found: Sequence[Found], built: Built) -> None:
        """The START record, then the sockets."""
        driver, engine_config = self._driver, built.config
        start = start_of(engine_config, self._identity)
        driver.note(kinds.START, msgspec.json.encode(start))
        for text in not_traded(built.not_traded):
            driver.alert("critical", text)
        prefix = f"x{engine_config.environment}{engine_config.deployment}"
        events: list[AnyEvent] = []
        for venue, said in zip(venues, found, strict=True):
            venue.wire(
                Wiring(
                    built.market,
                    built.gate,
                    driver,
                    built.books[venue.name],
                    prefix,
                    driver.latencies.ack,
                )
            )
            driver.attach(venue)
            events.append(measured(venue.name, said.clock))
            events += said.balances
        driver.on_events(events)
        for text in self._unheard():
            driver.alert("critical", text)
        if self._heartbeat.halt_word[0]:  # while the venues were asked: nobody heard of it yet
            self._closing.wanted()
        for venue in venues:
            for part in (venue.stream, venue.account, venue.orders):
                self._jobs.keep(part.run(), f"{venue.name} {type(part).__name__}")
            if venue.protection is not None:
                self._jobs.keep(venue.protection.run(), f"{venue.name} protection")
            self._jobs.keep(keep_clock(venue, self._market, driver), f"{venue.name} clock")
            if self._identity.armed:
                every_s = self._config.engine.key_check_s
                self._jobs.keep(keys.watch(venue, every_s, self._halt), f"{venue.name} key")
        assert self._closing.stopping is not None
        self._jobs.keep(self._closing.stopping.watch_latch(), "latch")

    async def _ready(self, built: Built) -> bool:
        """Waits for every link and book, then lets the engine trade; False when stopped first."""
        deadline = monotonic_ns() + int(READY_S * 1e9)
        while missing := missing_of(self._driver.engine, built):
            if self._closing.halted:
                await self._stop.wait()
            if self._stop.is_set():
                return False
            if monotonic_ns() > deadline:
                raise FailedError(f"not ready after {READY_S:.0f} s: {', '.join(missing)}")
            await asyncio.sleep(0.02)
        if self._config.engine.gc_freeze:
            gc.collect()
            gc.freeze()
            gc.set_threshold(*GC_THRESHOLDS)
        self._guard.start()
        if self._config.engine.spin:
            self._spinner = Spinner(self._guard)
            self._spinner.start()
        if self._watched.required:
            states = self._driver.engine.context.states
            self._jobs.keep(self._watched.keep(states, self._say), "look for the watchdog")
        self._heartbeat.running()
        self._go()
        return True

    def _go(self) -> None:
        """All is ready."""
        self._say("start", "ready")
        self._recorder.tell("info", f"trading begins: {self._driver.engine.context.trading}")

    # --- while it runs --------------------------------------------------------------------------

    async def _until_stopped(self) -> None:
        await self._stop.wait()

    def _sockets(self) -> list[int]:
        return [
            -1 if venue.stream.connection is None else venue.stream.connection.fileno()
            for venue in self._venues
        ]

    def _fresh(self, since_ns: int) -> bool:
        oldest_ns = monotonic_ns() - self._config.risk.max_book_age_ms * MILLISECOND_NS
        for book in range(len(self._driver.engine.config.books)):
            state, _, _, data_ns, recv_ns = self._market.view(book)
            if state == "LIVE" and (data_ns < oldest_ns or recv_ns < since_ns):
                return False
        return True

    def _say(self, action: str, reason: str, who: str = "") -> None:
        now_ns, wall_ns = monotonic_ns(), time_ns()
        control = Control(now_ns=now_ns, wall_ns=wall_ns, action=action, reason=reason, who=who)
        self._driver.on_events((control,))

    def _halt(self, why: str) -> None:
        self._say("halt", why)

    def _fail(self, why: str) -> None:
        self._fatal = self._fatal or why
        self._stop.set()

    def _ledger_failed(self, error: Exception) -> None:
        self._unrecorded = f"ledger: {error}"
        self._fail(self._unrecorded)

    # --- end ------------------------------------------------------------------------------------

    async def _end(self, driver: Driver) -> int:
        """Own orders gone, END written. Raises `FailedError` when that cannot be said,
        `HaltedError` when the records ended before the run did."""
        if self._words is not None:
            self._words.end()
        if self._closing.halted and self._closing.stopping is not None:
            await self._closing.stopping.told()
        orders, legs = driver.engine.orders, driver.engine.legs
        self._recorder.tell("warning", f"trading ends: {self._why or 'stop'}")
        self._say("stop", self._why or "stop")
        closing_ns = driver.engine.config.risk.hedge_time_ns
        deadline = monotonic_ns() + int(SETTLE_S * 1e9) + closing_ns
        while monotonic_ns() < deadline and not driver.failed:
            if not orders.unsettled and (self._closing.halted or not legs.closing()):
                break
            await asyncio.sleep(0.01)
        self._say("stopped", "nothing is sent any more")
        if not (driver.failed or self._fatal):
            await at_the_end(driver, self._venues)
        why = driver.failed or self._fatal
        if why:
            withdrawn = await self._withdraw(driver, f"the engine failed: {why}")
            unrecorded = self._journal.failure or self._unrecorded
            if unrecorded:
                latched = self._closing.latch(unrecorded)
                raise HaltedError(f"trading is halted: {unrecorded}; {withdrawn}; {latched}")
            if stopped := self._closing.stopped():
                raise HaltedError(f"halted: {stopped}; the engine failed: {why}; {withdrawn}")
            raise FailedError(f"the engine failed: {why}; {withdrawn}")
        left = sorted(orders.unsettled)
        engine = driver.engine
        for name, amount in engine.legs.owing().items():
            at = engine.context.instruments.index(name)
            given_up = engine.context.symbols[at] is TradingState.HALTED
            then = "a person has to look and resume" if given_up else "the next start does it"
            text = f"of base traded alone and not hedged: {then}"
            _LOG.critical("%s: %s %s", name, format_money(amount), text)
        end = End(
            reason=self._why,
            unsettled=tuple(left),
            refused=engine.refused,
            ignored=engine.ignored,
        )
        driver.note(kinds.END, msgspec.json.encode(end))
        verified = self._closing.stopping is None or self._closing.stopping.verified
        await self._ended(clean=not left and verified)
        unsettled = f"{len(left)} orders are not settled: {', '.join(left[:3])}" if left else ""
        if stopped := self._closing.stopped():
            doubt = "NOT verified that the venues list none of our orders: look there, and in "
            doubt += str(self._state.path / "receipts")
            said = [f"halted: {stopped}", unsettled, "" if verified else doubt]
            raise HaltedError("; ".join(filter(None, said)))
        if unsettled:
            raise FailedError(unsettled)
        return 0

    async def _ended(self, *, clean: bool) -> None:
        """``clean``: nobody need look after our orders: not the watchdog, and no venue."""
        if clean:
            protections = [v.protection for v in self._venues if v.protection is not None]
            await asyncio.gather(*(protection.end() for protection in protections))
        self._clean = clean

    async def _withdraw(self, driver: Driver, why: str) -> str:
        """Everything off the venues, with a receipt as of any stop."""
        asked = asked_now(why, "engine")
        receipt = await withdraw(driver, self._venues)
        await self._ended(clean=receipt.verified)
        if self._closing.stopping is not None:
            told = receipt_of(asked, BY_ENGINE, receipt, asked.mono_ns)
            self._closing.stopping.keep(self._closing.stopping.place(asked), told)
        return receipt.text()
