"""The engine process from its configuration to its last journal record.

Start: lease, epoch, what the venues say, books and engine, sockets, books LIVE, ``start``.
Stop: ``stop``, own orders gone, END, sockets closed, ledger complete.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sqlite3
from collections.abc import Coroutine, Sequence
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any

import msgspec

from xrpfast import _core
from xrpfast._core import CoreError, Journal
from xrpfast.errors import FailedError, HaltedError, UsageError, XrpfastError
from xrpfast.model import format_money
from xrpfast.records import kinds
from xrpfast.records.carried import carried
from xrpfast.records.ledger import Ledger
from xrpfast.records.start import End, Start
from xrpfast.records.unsettled import residuals
from xrpfast.service import keys
from xrpfast.service.alerting.record import recording
from xrpfast.service.alerting.state import configured, undelivered
from xrpfast.service.control import ControlServer
from xrpfast.service.driver import Driver
from xrpfast.service.fees import at_the_end
from xrpfast.service.halts import BY_ENGINE, Asked, receipt_of
from xrpfast.service.heartbeat import Heartbeat
from xrpfast.service.latch import Entry
from xrpfast.service.latency import Latencies
from xrpfast.service.loopguard import LoopGuard
from xrpfast.service.paper import trading_place
from xrpfast.service.projection import Projection
from xrpfast.service.reconciling import UNREADABLE
from xrpfast.service.recording import close_records, open_records
from xrpfast.service.recovery import Recovery
from xrpfast.service.setup import (
    MILLISECOND_NS,
    Built,
    Found,
    build,
    look_everywhere,
    money,
    scopes,
)
from xrpfast.service.spin import Spinner
from xrpfast.service.state import state_object
from xrpfast.service.statedir import StateDir, shared
from xrpfast.service.stopping import Stopping
from xrpfast.service.watchdog_keys import refused, told_keys, unfit, untried
from xrpfast.service.watchdog_lock import unwatched, watcher
from xrpfast.service.withdraw import withdraw
from xrpfast.service.words import Words
from xrpfast.trading.commands import Halt, Reduce
from xrpfast.trading.engine import Engine
from xrpfast.trading.events import AnyEvent, Clock, Control
from xrpfast.trading.states import ENGINE, Latched, TradingState
from xrpfast.venues.registry import enabled
from xrpfast.venues.venue import Venue, Wiring

if TYPE_CHECKING:
    from xrpfast.config.root import Config
    from xrpfast.records.identity import Identity

READY_S = 30.0
SETTLE_S = 8.0
CLOCK_S = 30.0
WATCHED_S = 2.0
KEYS_S = 15.0
CANCEL_S = 0.5
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
        self._watched = False
        """Only beside a watchdog."""
        self._undelivered = ""
        """Why alerts reach nobody."""
        self._stopping: Stopping | None = None
        self._words: Words | None = None
        self._allowed: Entry | None = None
        """The halt of the engine that is no reason to end, if there is one."""
        self._unkept: Entry | None = None
        """What the engine closed, and no disk took."""
        self._clean = False
        """Nothing of this run, or of earlier ones, works at a venue any more."""
        self._jobs: list[asyncio.Task[None]] = []

    async def run(self) -> int:
        with recording(self._config.state_dir, "engine") as self._recorder:
            return await self._run()

    async def _run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop, number.name)
        loop.add_signal_handler(signal.SIGUSR1, self._halt_by_signal)
        try:
            self._refuse_shared()
            await self._refuse_unwatched()
            _pin(self._config.engine.cpu)
            venues = enabled(self._config.venues)
            self._heartbeat = Heartbeat(self._state.heartbeat_path, self._halt_wanted)
            # Whoever wants a halt sets the latch first, then the word that was cleared just now.
            self._refuse_if_halted()
            self._heartbeat.start()
            try:
                return await self._open(venues)
            finally:
                self._heartbeat.stop(clean=self._clean)
                # Again until it is done: on Python 3.11 whatever waits by `asyncio.wait_for`, in a
                # library, say, swallows a cancellation that comes at the moment of its result.
                while running := [job for job in self._jobs if not job.done()]:
                    for job in running:
                        job.cancel()
                    await asyncio.wait(running, timeout=CANCEL_S)
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

    async def _refuse_unwatched(self) -> None:
        """Real money is never traded without a watchdog."""
        if self._config.mode == "paper":
            return  # its venues, and every order there, end with it
        self._watched = self._config.watchdog.require or self._config.mode == "live"
        if self._watched and (why := self._unwatched() or await self._watchdog_unfit()):
            raise UsageError(
                f"{why}, and watchdog.require is set or the mode is live: "
                "start `xrpfast watchdog` with this configuration first"
            )

    async def _watchdog_unfit(self) -> str:
        """A watchdog that was started just now tries its keys first."""
        folder, venues = self._state.path, self._config.venue_names
        deadline = monotonic_ns() + int(KEYS_S * 1e9)
        while untried(told := told_keys(folder, watcher(folder)), venues):
            if self._stop.is_set() or monotonic_ns() > deadline:
                break
            await asyncio.sleep(0.05)
        return unfit(told, venues, time_ns())

    def _unwatched(self) -> str:
        config = self._config
        return unwatched(self._state.path, config.prefix, config.venue_names)

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
            found = await self._unless_stopped(self._look(venues, epoch, journal, ledger))
        finally:
            if found is None:
                ledger.close()
                journal.close()
        if found is None:
            self._refuse_if_halted()
            return 0
        self._heartbeat.settled()
        return await self._trade(venues, found, epoch, journal, ledger)

    async def _look(
        self, venues: Sequence[Venue], epoch: int, journal: Journal, ledger: Ledger
    ) -> list[Found]:
        instruments = self._config.instruments
        prefix = self._config.prefix
        recovery = Recovery(prefix, self._state.ledger_path, ledger, journal)
        by_name = {venue.name: venue for venue in venues}
        settled = await recovery.run(by_name)
        if settled:
            _LOG.warning("%d orders of earlier runs are settled", settled)
        late = await recovery.fills(by_name)
        if late:
            _LOG.critical("%d fills of orders of earlier runs that were over are booked", late)
        estimates = await recovery.fees(by_name)
        if estimates:
            _LOG.warning("%d fees of earlier fills were never told: estimates", estimates)
        try:
            return await look_everywhere(venues, instruments, prefix, epoch)
        except BaseExceptionGroup as group:
            raise _first(group) from None

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
            self._on_close,
            self._heartbeat.halt_word,
            self._halt_event,
        )
        driver.tell = self._recorder.tell
        self._stopping = stopping = Stopping(
            self._state, driver, venues, self._allowed, self.stop, self._fail
        )
        self._words = words = Words(driver, self._state.latch, stopping, config.risk)
        control = ControlServer(
            self._state.control_path,
            lambda: (
                state_object(
                    driver, built.market, guard, epoch, self._identity, config.monitor.last_orders
                )
                | {"undelivered": self._undelivered}
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
        start = Start(
            version=_core.__version__,
            environment=engine_config.environment,
            deployment=engine_config.deployment,
            epoch=engine_config.epoch,
            wall_ns=time_ns(),
            config=engine_config,
            config_sha256=self._identity.config_sha256,
            build_sha256=self._identity.build_sha256,
            ceilings_sha256=self._identity.ceilings_sha256,
        )
        driver.note(kinds.START, msgspec.json.encode(start))
        for left in built.not_traded:
            base = left.instrument.partition("/")[0]
            driver.alert(
                "critical",
                f"{format_money(left.amount)} {base} of {left.instrument} is left from earlier "
                f"runs and {left.instrument} is not traded: close it by hand, stop, then "
                f"`resume --hedged {left.instrument}={format_money(-left.amount)}`",
            )
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
            events.append(_clock(venue.name, said.clock.wall_ns, said.clock.uncertainty_ns))
            events += said.balances
        driver.on_events(events)
        for text in self._unheard():
            driver.alert("critical", text)
        if self._heartbeat.halt_word[0]:  # while the venues were asked: nobody heard of it yet
            self._halt_wanted()
        for venue in venues:
            for part in (venue.stream, venue.account, venue.orders):
                self._keep(part.run(), f"{venue.name} {type(part).__name__}")
            if venue.protection is not None:
                self._keep(venue.protection.run(), f"{venue.name} protection")
            self._keep(self._keep_clock(venue), f"{venue.name} clock")
            if self._identity.armed:
                every_s = self._config.engine.key_check_s
                self._keep(keys.watch(venue, every_s, self._halt), f"{venue.name} key")
        assert self._stopping is not None
        self._keep(self._stopping.watch_latch(), "latch")

    def _keep(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Runs work that must not end before it is cancelled: the engine ends with it."""
        job = asyncio.create_task(work, name=name)
        job.add_done_callback(self._job_ended)
        self._jobs.append(job)

    def _job_ended(self, job: asyncio.Task[None]) -> None:
        if not job.cancelled():
            error = job.exception()
            _LOG.critical("%s ended", job.get_name(), exc_info=error)
            self._fail(f"{job.get_name()} ended: {type(error).__name__}: {error}")

    async def _ready(self, built: Built) -> bool:
        """Waits for every link and book, then lets the engine trade; False when stopped first."""
        deadline = monotonic_ns() + int(READY_S * 1e9)
        while missing := self._missing(built):
            if self._halted:
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
        if self._watched:
            self._keep(self._keep_watched(), "look for the watchdog")
        self._heartbeat.running()
        self._go()
        return True

    def _go(self) -> None:
        """All is ready."""
        self._say("start", "ready")
        self._recorder.tell("info", f"trading begins: {self._driver.engine.context.trading}")

    def _missing(self, built: Built) -> list[str]:
        missing = []
        for name, venue in self._driver.engine.context.venues.items():
            missing += [f"{name} {link}" for link, up in venue.links.items() if not up]
            if not venue.reconciled:
                missing.append(f"{name} is not reconciled")
        for book, rules in enumerate(built.config.books):
            state = built.market.state(book)
            if state != "LIVE":
                missing.append(f"{rules.venue} book is {state}")
        return missing

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

    async def _keep_clock(self, venue: Venue) -> None:
        refused = asyncio.Event()
        venue.orders.on_clock_refused = refused.set
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOCK_S):
                    await refused.wait()
            refused.clear()
            try:
                offset = await venue.sync_clock()
            except (XrpfastError, *UNREADABLE) as error:
                _LOG.warning("%s: clock not measured: %s", venue.name, error)
                continue
            self._market.set_clock(venue.name, offset.mono_ns)
            self._driver.on_events((_clock(venue.name, offset.wall_ns, offset.uncertainty_ns),))

    async def _keep_watched(self) -> None:
        """Unwatched no entry is made: not before there is a watchdog and a person has resumed."""
        while True:
            states = self._driver.engine.context.states
            if states[ENGINE] is TradingState.ACTIVE and (why := self._unguarded()):
                self._say("reduce", why, "engine")
            self._look_at_delivery()
            await asyncio.sleep(WATCHED_S)

    def _unguarded(self) -> str:
        """A watchdog whose key a venue refuses is none. One that could not ask may be well."""
        told = told_keys(self._state.path, watcher(self._state.path))
        return self._unwatched() or refused(told, self._config.venue_names)

    def _look_at_delivery(self) -> None:
        """That nobody hears of alerts is on record; it stops nothing."""
        names = configured(self._config)
        why = undelivered(self._state.path, names, time_ns())
        if why and why != self._undelivered:
            self._say("undelivered", why)
        self._undelivered = why

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

    def _halt_wanted(self) -> None:
        """Somebody set the halt word; an order that would have left may have told already."""
        if self._stopping is None:
            self.stop("halt")
        elif not self._halted:
            # Also one that began halted: the latch came while it started.
            halted = self._halt_event()
            self._stopping.halt(_asked(halted.reason, halted.who))

    def _halt_by_signal(self) -> None:
        name = signal.SIGUSR1.name
        if self._stopping is not None:
            self._stopping.halt(_asked(f"signal {name}", name))
        else:
            self._latch(f"signal {name}", name)
            self.stop("halt")

    def _halt_event(self) -> Control:
        """What the latch says, for the engine."""
        halted = self._state.latch.halted()
        return Control(
            now_ns=monotonic_ns(),
            wall_ns=time_ns(),
            action="halt",
            reason="no reason on disk" if halted is None else halted.reason,
            who="" if halted is None else halted.who,
        )

    def _on_close(self, command: Halt | Reduce) -> None:
        """The latch, on disk first. A run that is halted as a whole goes on until its receipt is
        written and its orders are settled, and no longer."""
        halt = isinstance(command, Halt)
        state = TradingState.HALTED if halt else TradingState.REDUCING
        who = command.who or "engine"
        entry = Entry(command.scope, state, command.reason, who, time_ns())
        try:
            self._state.latch.set(entry)
        except OSError:
            self._unkept = entry
            raise
        if halt and self._stopping is not None:
            self._stopping.begin(_asked(command.reason, who, command.scope))

    @property
    def _halted(self) -> str:
        """Why the engine is halted as a whole; empty while it is not."""
        return "" if self._stopping is None else self._stopping.halted

    # --- end ------------------------------------------------------------------------------------

    def _stopped(self) -> str:
        """Why nothing may start again before a person resumes; empty if it may. Also a halt that
        the engine did not hear any more, or that no disk took when it was said."""
        if self._unkept is not None:
            return f"{self._unkept.reason}; {self._latch_entry(self._unkept)}"
        halted = self._state.latch.halted()
        if halted is not None and halted != self._allowed:
            return self._halted or halted.reason
        return self._halted

    async def _end(self, driver: Driver) -> int:
        """Own orders gone, END written. Raises `FailedError` when that cannot be said,
        `HaltedError` when the records ended before the run did."""
        if self._words is not None:
            self._words.end()
        if self._halted and self._stopping is not None:
            await self._stopping.told()
        orders, legs = driver.engine.orders, driver.engine.legs
        self._recorder.tell("warning", f"trading ends: {self._why or 'stop'}")
        self._say("stop", self._why or "stop")
        closing_ns = driver.engine.config.risk.hedge_time_ns
        deadline = monotonic_ns() + int(SETTLE_S * 1e9) + closing_ns
        while monotonic_ns() < deadline and not driver.failed:
            if not orders.unsettled and (self._halted or not legs.closing()):
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
                latched = self._latch(unrecorded)
                raise HaltedError(f"trading is halted: {unrecorded}; {withdrawn}; {latched}")
            if stopped := self._stopped():
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
        verified = self._stopping is None or self._stopping.verified
        await self._ended(clean=not left and verified)
        unsettled = f"{len(left)} orders are not settled: {', '.join(left[:3])}" if left else ""
        if stopped := self._stopped():
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
        asked = _asked(why, "engine")
        receipt = await withdraw(driver, self._venues)
        await self._ended(clean=receipt.verified)
        if self._stopping is not None:
            told = receipt_of(asked, BY_ENGINE, receipt, asked.mono_ns)
            self._stopping.keep(self._stopping.place(asked), told)
        return receipt.text()

    def _latch(self, why: str, who: str = "engine") -> str:
        return self._latch_entry(Entry(ENGINE, TradingState.HALTED, why, who, time_ns()))

    def _latch_entry(self, entry: Entry) -> str:
        try:
            self._state.latch.set(entry)
        except OSError as error:
            return f"the halt could not be kept on disk ({error.strerror})"
        return f"kept in {self._state.latch.path}"


def _asked(reason: str, who: str, scope: str = ENGINE) -> Asked:
    """As of now."""
    return Asked(scope, reason, who, time_ns(), monotonic_ns())


def _clock(venue: str, offset_ns: int, uncertainty_ns: int) -> Clock:
    return Clock(
        now_ns=monotonic_ns(),
        wall_ns=time_ns(),
        venue=venue,
        offset_ns=offset_ns,
        uncertainty_ns=uncertainty_ns,
    )


def _pin(cpu: int | None) -> None:
    if cpu is None:
        return
    try:
        os.sched_setaffinity(0, {cpu})
    except OSError as error:
        raise UsageError(f"[engine] cpu = {cpu}: this machine has no such core to use") from error


def _first(group: BaseExceptionGroup) -> BaseException:
    """The first real error of a group."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
