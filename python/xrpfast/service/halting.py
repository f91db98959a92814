"""A halt from outside of the engine, whether one runs or not and whatever it is doing.

The latch on disk comes first, then the halt word: from there on nothing leaves an engine, even one
that hangs or sleeps. One that answers cancels by itself and its receipt is waited for; without one,
or when it falls silent, the orders are cancelled from here, over REST, with nothing of the engine.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any, Final

import msgspec

from xrpfast._core import CoreError
from xrpfast.errors import UsageError, XrpfastError
from xrpfast.model import OrderState
from xrpfast.records.unsettled import Left, left, strategy_of
from xrpfast.service import halts
from xrpfast.service.alerting.record import CRITICAL, tell_once
from xrpfast.service.cancelling import Known, Receipt, VenueReceipt, Wanted, cancel_own
from xrpfast.service.disk import Disk
from xrpfast.service.halts import BY_COMMAND, Asked, HaltReceipt, receipt_of
from xrpfast.service.heartbeat import Beat, RunState, request_halt
from xrpfast.service.heartbeat import read as read_beat
from xrpfast.service.latch import Entry, Latch
from xrpfast.service.statedir import StateDir
from xrpfast.trading.states import ENGINE, STRATEGY, SYMBOL, VENUE, TradingState, covers

if TYPE_CHECKING:
    from xrpfast.config.root import Config
    from xrpfast.venues.canceller import CancelOnly, Working

WITHIN_S: Final = 90.0
"""For the venues to be verified: above the minute for which one is asked nothing that limits us and
does not say for how long."""
ANSWER_S: Final = 1.0
"""An engine that does not answer within that time is not waited for."""
SILENT_NS: Final = 1_000_000_000
"""Without a heartbeat for so long it is not waited for any longer."""
POLL_S: Final = 0.01
MARGIN_S: Final = 5.0


def scopes(config: Config) -> list[str]:
    """All that can be halted."""
    venues = [name for name, venue in config.venues if venue.enabled]
    return [
        ENGINE,
        *(VENUE + name for name in venues),
        *(STRATEGY + strategy.name for strategy in config.strategies),
        *(SYMBOL + name for name in config.instruments),
    ]


async def halt(
    config: Config,
    scope: str,
    reason: str,
    who: str,
    *,
    mono_ns: int | None = None,
    within_s: float = WITHIN_S,
) -> tuple[HaltReceipt, Path | None]:
    """Halts a scope; the receipt, and where it is kept. ``mono_ns``: when it was asked for.

    What is cancelled from here and not verified ``within_s`` is said to be not. Raises `UsageError`
    for a scope that there is none of, and for nothing else.
    """
    if scope not in scopes(config):
        raise UsageError(f"scope {scope!r} is not there; there is: {', '.join(scopes(config))}")
    asked_ns = monotonic_ns() if mono_ns is None else mono_ns
    asked = Asked(scope, " ".join(reason.split()), who, time_ns(), asked_ns)
    return await _Halting(config, asked, within_s, config.state_dir).run()


async def halt_without_config(
    state_dir: Path, scope: str, reason: str, who: str, why: str, *, mono_ns: int
) -> tuple[HaltReceipt, Path | None]:
    """The same with a configuration that cannot be used, and ``why``: the latch, the halt word, and
    the engine is told. Nothing is cancelled from here."""
    if scope != ENGINE and not scope.startswith((VENUE, STRATEGY, SYMBOL)):
        raise UsageError(f"scope {scope!r} is none")
    asked = Asked(scope, " ".join(reason.split()), who, time_ns(), mono_ns)
    return await _Halting(why, asked, WITHIN_S, state_dir).run()


class _Halting:
    """One command."""

    def __init__(
        self, config: Config | str, asked: Asked, within_s: float, state_dir: Path
    ) -> None:
        """``config``: or why there is none."""
        self._given = config
        self._asked = asked
        self._within_s = within_s
        self._state_dir = state_dir
        self._latch = Latch(state_dir)
        self._heartbeat = state_dir / "heartbeat"
        self._disk = Disk()
        self._alerts_disk = Disk()
        self._problems: list[str] = []
        self._engine = ""

    @property
    def _config(self) -> Config:
        """Raises `UsageError` without one."""
        if isinstance(self._given, str):
            raise UsageError(f"nothing could be cancelled from here: {self._given}")
        return self._given

    async def run(self) -> tuple[HaltReceipt, Path | None]:
        await self._close(self._asked)
        stopping = asyncio.create_task(self._keep_stopped())
        try:
            answer = await self._tell()
            if answer is not None:
                kept = answer.get("receipt")
                found = await self._of_engine(Path(kept)) if isinstance(kept, str) else None
                if found is not None and found.verified and not self._problems:
                    return found, Path(str(kept))
                self._engine = "the engine could not verify it" if found else "it fell silent"
            return await self._by_itself()
        finally:
            stopping.cancel()
            await asyncio.gather(stopping, return_exceptions=True)

    # --- nothing leaves any more ------------------------------------------------------------------

    async def _close(self, asked: Asked) -> None:
        """On disk first. What fails here keeps nothing else from being done."""
        entry = Entry(asked.scope, TradingState.HALTED, asked.reason, asked.who, asked.wall_ns)

        def latch() -> None:
            self._state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._latch.set(entry)

        why = await self._disk.do(latch)
        if why:
            self._problems.append(f"the halt of {asked.scope} is not on disk: {why}")
        if asked.scope == ENGINE:
            request_halt(self._heartbeat)

    async def _keep_stopped(self) -> None:
        """A run that starts at this very moment clears the word: it is set until all is said."""
        while True:
            if self._asked.scope == ENGINE and self._latch.halted() is not None:
                request_halt(self._heartbeat)
            await asyncio.sleep(5 * POLL_S)

    # --- the engine -------------------------------------------------------------------------------

    async def _tell(self) -> dict[str, Any] | None:
        """The engine's answer; None when it is not to be waited for, and `_engine` says why."""
        asked = self._asked
        word = {
            "cmd": "halt", "reason": asked.reason, "who": asked.who, "scope": asked.scope,
            "asked_ns": asked.mono_ns,
        }  # fmt: skip
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await _ask(self._state_dir / "control.sock", word)
        except (FileNotFoundError, ConnectionRefusedError):
            beat = self._beat()
            if beat is not None:
                self._engine = f"an engine (process {beat.pid}) is about to start or to end"
            else:
                self._engine = "no engine runs"
            return None
        except (OSError, ValueError) as error:  # TimeoutError is one
            self._engine = f"the engine does not answer: {error or f'not within {ANSWER_S:g} s'}"
        else:
            if answer.get("ok"):
                return answer
            self._engine = f"the engine answers: {answer.get('error', answer)}"
        await self._give_up_on_engine()
        return None

    async def _give_up_on_engine(self) -> None:
        """One that cannot be told of a scope is stopped as a whole: nobody controls it."""
        if self._asked.scope != ENGINE:
            asked = self._asked
            reason = f"the engine did not answer a halt of {asked.scope}: {asked.reason}"
            self._asked = msgspec.structs.replace(asked, scope=ENGINE, reason=reason)
            await self._close(self._asked)

    async def _of_engine(self, path: Path) -> HaltReceipt | None:
        """Its receipt; None when it falls silent before that is there."""
        deadline = monotonic_ns() + int((WITHIN_S + MARGIN_S) * 1e9)
        while monotonic_ns() < deadline:
            found = halts.read(path)
            if found is not None:
                return found
            if self._beat() is None:
                return halts.read(path)
            await asyncio.sleep(POLL_S)
        return None

    def _beat(self) -> Beat | None:
        """The heartbeat of an engine that is alive."""
        beat = read_beat(self._heartbeat)
        alive = beat is not None and 0 <= monotonic_ns() - beat.mono_ns < SILENT_NS
        return beat if alive else None

    # --- from here --------------------------------------------------------------------------------

    async def _by_itself(self) -> tuple[HaltReceipt, Path | None]:
        began_ns = monotonic_ns()
        asked = self._asked
        text = f"halt of {asked.scope} by {asked.who}: {asked.reason}; {self._engine}"
        telling = asyncio.create_task(self._tell_people(f"{text}: the command cancels"))
        cancelling = None
        try:
            cancelling = await self._cancel()
        except UsageError as error:  # no configuration
            self._problems.append(str(error))
        receipt = receipt_of(
            self._asked, BY_COMMAND, cancelling, began_ns, self._problems, [self._engine]
        )
        path: Path | None = None

        def keep() -> None:
            from xrpfast.service.offline import note_halt

            nonlocal path
            place = halts.place(self._state_dir, self._asked)
            halts.write(place, receipt)
            path = place
            # An engine that holds the records takes the halt into them itself.
            with suppress(XrpfastError, CoreError, sqlite3.Error):
                note_halt(self._state_dir, self._asked, verified=receipt.verified)

        why = await self._disk.do(keep)
        if path is None:
            receipt.notes.append(f"this receipt is not on disk: {why}")
        await telling
        await self._tell_people("; ".join(receipt.lines()))
        return receipt, path

    async def _tell_people(self, text: str) -> None:
        """What the disk refuses is on the terminal all the same; no cancel waits for it."""
        await self._alerts_disk.do(lambda: tell_once(self._state_dir, halts.AUTHOR, CRITICAL, text))

    async def _cancel(self) -> Receipt:
        config, scope = self._config, self._asked.scope
        found = await self._left()
        if config.mode == "paper":
            return self._without_venues()
        # Not before: loading what speaks to the venues takes as long as all that comes before.
        from xrpfast.venues.cancel_only import usable

        venues, without = usable(config)
        wanted = self._wanted(venues)
        name = scope.removeprefix(VENUE) if scope.startswith(VENUE) else None
        chosen = [venue for venue in venues if name in (None, venue.name)]
        try:
            receipt = await cancel_own(
                chosen,
                config.prefix,
                also={found.prefix} if found is not None and found.prefix else (),
                known=() if found is None else self._known(found),
                last_sent_ns=0 if self._nothing_out() else None,
                within_s=self._within_s,
                wanted=wanted,
            )
            for venue, why in without.items():  # the others are worked on all the same
                if name in (None, venue):
                    receipt.venues.append(VenueReceipt(venue, problem=why))
            return receipt
        finally:
            await asyncio.gather(*(venue.close() for venue in venues))

    def _without_venues(self) -> Receipt:
        """Paper venues end with their engine, and every order with them."""
        holder = StateDir.holder(self._state_dir)
        if holder is None:
            self._engine += ": its paper venues, and every order there, ended with it"
        else:
            self._problems.append(
                f"orders may work at the paper venues of process {holder}: end it, they end with it"
            )
        return Receipt(self._config.prefix, self._asked.wall_ns, [])

    async def _left(self) -> Left | None:
        """What the ledger does not know the end of, by whatever prefix the latest run sent."""
        found: Left | None = None
        path = self._state_dir / "ledger.sqlite"

        def read() -> None:
            nonlocal found
            if path.exists():
                found = left(path)

        if why := await self._disk.do(read):
            self._problems.append(f"orders of the latest run cannot be read: {why}")
        elif found is not None and found.environment not in ("", self._config.prefix[1]):
            self._problems.append(
                f"the latest run here was of another mode ({found.environment!r}, not "
                f"{self._config.prefix[1]!r}): its orders are at other venues, say it again with "
                "its configuration"
            )
        return found

    def _known(self, left: Left) -> list[Known]:
        """Those of the scope that may work, cancelled before anything is asked."""
        symbols = {(r.venue, r.instrument): r.venue_symbol for r in left.rules}
        of = strategy_of(self._state_dir / "ledger.sqlite")
        enabled = [name for name, venue in self._config.venues if venue.enabled]
        known = []
        for order in left.orders:
            if OrderState(order.state).terminal or not covers(
                self._asked.scope, order.venue, of(order.client_id), order.instrument
            ):
                continue
            symbol = symbols.get((order.venue, order.instrument))
            if symbol is None or order.venue not in enabled:
                self._problems.append(f"{order.venue}: {order.client_id} may work, it is not asked")
            else:
                known.append(Known(order.venue, symbol, order.client_id))
        return known

    def _nothing_out(self) -> bool:
        """Whether nothing of ours can arrive anywhere: the latest run ended so, or none has sent
        anything yet. What is about to start sees the latch before it sends."""
        beat = read_beat(self._heartbeat)
        return beat is not None and beat.state is RunState.STOPPED

    def _wanted(self, venues: Sequence[CancelOnly]) -> Wanted | None:
        scope = self._asked.scope
        if scope == ENGINE:
            return None
        instruments = {
            (venue.name, symbol): instrument
            for venue in venues
            for symbol, instrument in zip(venue.symbols, self._config.instruments, strict=True)
        }
        strategy: Callable[[str], str | None] = lambda _: None  # noqa: E731
        if scope.startswith(STRATEGY):
            strategy = strategy_of(self._state_dir / "ledger.sqlite")

        def wanted(venue: str, order: Working) -> bool:
            instrument = instruments.get((venue, order.symbol), "")
            return covers(scope, venue, strategy(order.client_id), instrument)

        return wanted


async def _ask(path: Path, word: dict[str, Any]) -> dict[str, Any]:
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        writer.write(json.dumps(word).encode() + b"\n")
        line = await reader.readline()
        if not line:
            raise ConnectionResetError("it closed the connection")
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise ValueError("it says nothing that can be read")
        return answer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
