"""The watchdog: when the engine is lost, its orders are cancelled and trading is halted.

A process and a session of its own, which can only cancel: no approval, no encoder, no order socket.
It reads the heartbeat. Once that is silent for too long the latch is set first, on disk; then the
halt word, so that an engine that wakes up sends nothing; then every order of ours is cancelled at
every venue until each lists none. It goes on watching.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Final

import msgspec

from xrpfast.errors import UsageError
from xrpfast.service.alerting.delivery import Delivery
from xrpfast.service.alerting.record import CRITICAL, heard
from xrpfast.service.cancelling import Receipt, cancel_own
from xrpfast.service.disk import Disk
from xrpfast.service.heartbeat import Beat, RunState, read, request_halt, settle
from xrpfast.service.judge import Judge
from xrpfast.service.latch import Entry, Latch
from xrpfast.service.receipts import last_receipt, receipt_path, write_receipt
from xrpfast.service.statedir import StateDir
from xrpfast.service.watchdog_keys import KeyCheck, tell_keys, untried
from xrpfast.service.watchdog_lock import watching
from xrpfast.trading.states import ENGINE, TradingState
from xrpfast.venues.cancel_only import cancel_only
from xrpfast.venues.canceller import CancelOnly
from xrpfast.venues.outcome import Outcome, VenueError

if TYPE_CHECKING:
    from xrpfast.config.root import Config

WHO: Final = "watchdog"
TICK_S: Final = 0.1
END_S: Final = 3.0
"""For its last alert to be sent."""
WRITE_S: Final = 1.0
"""A receipt is kept up to date so often while there is something to be done."""
CHECK_S: Final = 600.0
"""So often the venues are asked something, to know that our keys are good."""
CHECK_AGAIN_S: Final = 30.0
"""After one that was not."""
NEVER: Final = "0-0p"
"""Ends the client id of an order that never was: runs are counted from 1."""

_LOG = logging.getLogger("xrpfast.watchdog")


class Loss(msgspec.Struct):
    """The receipt of one lost engine."""

    who: str
    why: str
    wall_ns: int
    pid: int
    epoch: int
    beats: int
    latch: str = ""
    """Why the latch is not on disk; empty when it is."""
    verified: bool = False
    cancelling: Receipt | None = None


async def watch(config: Config) -> int:
    """Watches until it is told to stop; the exit code. Raises `UsageError` when it cannot start."""
    with watching(config.state_dir, config.prefix, config.venue_names):
        venues = cancel_only(config, watchdog=True)
        try:
            return await Watchdog(config, venues).run()
        finally:
            await asyncio.gather(*(venue.close() for venue in venues))


class Watchdog:
    """One watch over one state directory."""

    def __init__(self, config: Config, venues: Sequence[CancelOnly]) -> None:
        self._config = config
        self._venues = venues
        self._state_dir = config.state_dir
        self._heartbeat = config.state_dir / "heartbeat"
        self._latch = Latch(config.state_dir)
        self._seen = self._latch.stamp()
        self._closed = frozenset(self._latch.entries())
        self._disk = Disk()
        self._delivery = Delivery(config, WHO)
        self._keys_disk = Disk()
        """Its own: a loss waits for nothing else."""
        self._judge = Judge(config.watchdog.after_ms * 1_000_000)
        self._stop = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self._loss: Loss | None = None
        """The latest one, dealt with or not."""
        done = last_receipt(self._state_dir, WHO)
        self._dealt = (
            (done.get("pid"), done.get("epoch")) if done and done.get("verified") else None
        )

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        with heard(self._delivery.tell):
            return await self._watch()

    async def _watch(self) -> int:
        self._prepare()
        delivering = asyncio.create_task(self._delivery.run())
        checks = asyncio.create_task(self._check_keys())
        try:
            while not self._stop.is_set():
                self._look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        await self._stop.wait()
            return 0 if self._work is None or self._work.done() else 1
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().remove_signal_handler(number)
            await _ended(checks)
            if self._work is not None:
                await _ended(self._work)
            await self._say_that_it_ends()
            await _ended(delivering)

    async def _say_that_it_ends(self) -> None:
        beat = read(self._heartbeat)
        if beat is not None and beat.state is RunState.RUNNING:
            text = "the watchdog ends: nobody looks after the engine, and no alert is sent"
            self._delivery.tell(CRITICAL, text)
        await self._delivery.told(END_S)

    def _prepare(self) -> None:
        for venue in self._venues:
            if not getattr(self._config.venues, venue.name).watchdog.has_key:
                _LOG.warning("%s: no key of the watchdog's own, it uses the engine's", venue.name)
        with suppress(OSError):  # the engine prepares it, too
            self._latch.prepare()
        _LOG.info(
            "watching %s: the engine is lost after %d ms",
            self._state_dir, self._config.watchdog.after_ms,
        )  # fmt: skip

    # --- watching -------------------------------------------------------------------------------

    def _look_at_latch(self) -> None:
        """What is closed is told here, whoever closed it: a disk that takes no alert of the
        engine's has kept room for the latch."""
        stamp = self._latch.stamp()
        if stamp == self._seen:
            return
        self._seen, before = stamp, self._closed
        self._closed = frozenset(self._latch.entries())
        for entry in sorted(self._closed - before, key=lambda each: each.scope):
            if entry.who != WHO:  # its own it has told
                said = "; ".join((f"{entry.who or 'somebody'}: {entry.reason}", *entry.also))
                self._delivery.tell(CRITICAL, f"latched: {entry.scope} is {entry.state} ({said})")

    def _look(self) -> None:
        self._look_at_latch()
        beat = read(self._heartbeat)
        if self._work is not None and not self._work.done() and self._another_runs(beat):
            # A person has resumed, and a new engine looks after what works: it shall not be ours.
            _LOG.critical("another engine runs: what is left is its own to cancel")
            self._work.cancel()
        if self._judge.lost(beat, monotonic_ns()):
            last = self._judge.last
            assert last is not None
            if (last.pid, last.epoch) != self._dealt:
                self._dealt = last.pid, last.epoch
                self._work = asyncio.create_task(self._deal(last))

    def _another_runs(self, beat: Beat | None) -> bool:
        loss = self._loss
        return (
            beat is not None
            and loss is not None
            and beat.state is RunState.RUNNING
            and (beat.pid, beat.epoch) != (loss.pid, loss.epoch)
        )

    # --- a loss ---------------------------------------------------------------------------------

    async def _deal(self, beat: Beat) -> None:
        """Until nothing of the lost engine works: no fault of ours keeps an order alive."""
        after_ms = self._config.watchdog.after_ms
        there = "is there but does not answer" if _alive(beat.pid) else "is gone"
        why = f"no heartbeat for {after_ms} ms: the engine (process {beat.pid}) {there}"
        loss = self._loss = Loss(WHO, why, time_ns(), beat.pid, beat.epoch, beat.beats)
        while True:
            try:
                await self._halt(loss)
                await self._cancel(loss)
            except Exception:
                _LOG.exception("the watchdog failed, and goes on")
            if loss.verified:
                return
            await asyncio.sleep(WRITE_S)

    async def _halt(self, loss: Loss) -> None:
        """The latch, then the word. A disk that fails, or hangs, is not waited for any longer."""
        entry = Entry(ENGINE, TradingState.HALTED, loss.why, WHO, loss.wall_ns)
        loss.latch = await self._disk.do(lambda: self._latch.set(entry))
        if loss.latch:
            _LOG.critical("the halt could not be kept on disk: %s", loss.latch)
        request_halt(self._heartbeat)
        _LOG.critical("halt: %s; cancelling own orders at every venue", loss.why)

    async def _cancel(self, loss: Loss) -> None:
        """Until every venue lists none of ours, however long that takes."""

        def keep(receipt: Receipt) -> None:
            loss.cancelling = receipt

        work = asyncio.create_task(
            cancel_own(self._venues, self._config.prefix, within_s=None, watch=keep)
        )
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=WRITE_S)
                await self._write(loss)
            receipt = work.result()
            loss.verified = receipt.verified
            _LOG.critical("%s", receipt.text())
            if loss.verified:
                await self._disk.do(self._settle)
        finally:
            await _ended(work)
            await self._write(loss)

    def _settle(self) -> None:
        """Nobody need answer for these orders any more, also after a start that fails. An engine
        that is there, and holds its lease, has to say so itself."""
        with suppress(UsageError):
            lease = StateDir.hold(self._state_dir)
            try:
                settle(self._heartbeat)
            finally:
                lease.close()

    async def _write(self, loss: Loss) -> None:
        data = msgspec.json.encode(loss)

        def write() -> None:
            write_receipt(receipt_path(self._state_dir, loss.wall_ns, WHO), data)

        if why := await self._disk.do(write):
            _LOG.error("receipt not written: %s", why)

    # --- keys -----------------------------------------------------------------------------------

    async def _check_keys(self) -> None:
        keys: dict[str, KeyCheck] = {}
        while True:
            await self._tell_keys(keys)  # first of all that nothing is known, whoever told before
            for venue in self._venues:
                if not venue.fuse.blown:
                    keys[venue.name] = await self._check_key(venue)
                    await self._tell_keys(keys)
            bad = untried(keys, self._config.venue_names) or any(k.problem for k in keys.values())
            await asyncio.sleep(CHECK_AGAIN_S if bad else CHECK_S)

    async def _tell_keys(self, keys: dict[str, KeyCheck]) -> None:
        told = dict(keys)
        if why := await self._keys_disk.do(lambda: tell_keys(self._state_dir, told)):
            _LOG.error("what the venues say of the keys is not written: %s", why)

    async def _check_key(self, venue: CancelOnly) -> KeyCheck:
        """Looks and cancels there as after a loss, but nothing of anybody's."""
        try:
            await venue.sync_clock()
            await venue.working(venue.symbols)
            await venue.try_cancelling(self._config.prefix + NEVER)
        except VenueError as error:
            refused = error.outcome is Outcome.AUTH_HALT
            if refused:
                _LOG.critical("%s: NOTHING can be cancelled there: %s", venue.name, error)
            else:
                _LOG.warning("%s: %s", venue.name, error)
            return KeyCheck(str(error) or type(error).__name__, time_ns(), refused)
        except Exception as error:  # it is a question of another day; the watch goes on
            _LOG.warning("%s: %s: %s", venue.name, type(error).__name__, error)
            return KeyCheck(f"{type(error).__name__}: {error}", time_ns())
        return KeyCheck("", time_ns())


async def _ended(task: asyncio.Task[object]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
