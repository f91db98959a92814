"""The only executor of commands: events into the engine, its orders onto the wire.

Per event: stage it in the journal, let the engine decide, carry out what it asks for. An order's
record is on disk (one write for all that was staged) before its bytes leave, in the same callback
in which its frame came. What did not leave is told to the engine as an event. Whoever sets the halt
word from outside lets nothing leave any more; the engine then hears why.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any, Final

import msgspec

from xrpfast._core import ApprovalError
from xrpfast.errors import XrpfastError
from xrpfast.net.websocket import SendResult
from xrpfast.records import kinds
from xrpfast.records.start import Ignored, Refused, Sent
from xrpfast.service.latency import Latencies
from xrpfast.service.loopguard import LoopGuard
from xrpfast.service.reconciling import UNREADABLE, answer
from xrpfast.trading import commands
from xrpfast.trading.events import (
    NOT_SENT,
    AnyEvent,
    BookState,
    BookTop,
    Control,
    OrderReject,
    OrderUnknown,
    Signal,
    Timer,
)
from xrpfast.trading.risk.reasons import Refusal

if TYPE_CHECKING:
    from xrpfast._core import Batch, Journal, Market
    from xrpfast.trading.commands import AnyCommand, Leg, PlaceLegs
    from xrpfast.trading.engine import Engine
    from xrpfast.venues.gateway import OrderGateway
    from xrpfast.venues.stream import MarketStream
    from xrpfast.venues.venue import Venue

EVENT: Final = kinds.EVENT
COMMAND: Final = kinds.COMMAND
SAMPLE_NS: Final = 60_000_000_000
"""Of the signals that are ignored for one reason, one in this time stands in the journal."""
EVERY_REFUSAL: Final = 1_000
"""Of the signals that are refused for one reason, so many of a run do; then as of those ignored."""
NO_TICK: Final = 0
"""Instead of a receive time: what is sent answers no market frame, and no latency is counted."""
_SENT: Final = SendResult.SENT
_NOT_SENT: Final = SendResult.NOT_SENT
_STUCK: Final = SendResult.STUCK

_LOG = logging.getLogger("xrpfast.service")

Project = Callable[[int, int, int, bytes], None]
"""(sequence, wall time, kind, payload) of a journal record that the ledger follows."""


class Driver:
    """Owns the order of things: what was processed first was journalled first."""

    def __init__(
        self,
        engine: Engine,
        market: Market,
        journal: Journal,
        guard: LoopGuard,
        latencies: Latencies,
        project: Project,
        on_fatal: Callable[[str], None],
        on_close: Callable[[commands.Halt | commands.Reduce], None],
        halt_word: Sequence[int],
        halt_event: Callable[[], Control],
    ) -> None:
        """``on_close`` keeps on disk what was closed, before anything else is done. ``halt_word``:
        of the heartbeat, looked at before every frame that would leave; ``halt_event`` is what the
        engine hears once it is set."""

        self.engine = engine
        self.latencies = latencies
        self.guarded = 0
        """Signals that came too soon after a stall of the loop."""
        self.malformed = 0
        self.alerts: deque[tuple[str, str]] = deque(maxlen=50)
        self.tell: Callable[[str, str], None] = lambda level, text: None
        """Also told of each alert; does not wait."""
        self.failed = ""
        self.closed = False
        """Nothing is taken any more."""
        self._market = market
        self._journal = journal
        self._guard = guard
        self._project = project
        self._on_fatal = on_fatal
        self._on_close = on_close
        self._halt_word = halt_word
        self._halt_event = halt_event
        self._gateways: dict[str, OrderGateway] = {}
        self._venues: dict[str, Venue] = {}
        self._symbols: dict[tuple[str, str], str] = {
            (rules.venue, rules.instrument): rules.venue_symbol for rules in engine.config.books
        }
        self._encode = msgspec.json.Encoder().encode
        self._follow: deque[AnyEvent] = deque()
        self._sent: list[tuple[int, int, tuple[str, ...], tuple[int, int, int, int, int]]] = []
        self._sampled: dict[str, int] = {}
        """Per reason of an ignored signal: when the next one is noted, wall time."""
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._handlers: Mapping[type, Callable[[Any], None]] = {
            commands.Cancel: self._cancel,
            commands.Query: self._query,
            commands.Reconcile: self._reconcile,
            commands.Adopt: self._note,
            commands.Spent: self._note,
            commands.Forget: self._note,
            commands.ReadBook: self._read_book,
            commands.SetTimer: self._set_timer,
            commands.Alert: self._alert,
            commands.Reduce: self._close,
            commands.Halt: self._close,
        }

    def attach(self, venue: Venue) -> None:
        """Orders of ``venue`` go through it from now on."""
        self._venues[venue.name] = venue
        self._gateways[venue.name] = venue.orders
        venue.orders.on_cancel_refused = self._cancel_refused

    # --- the hot path ---------------------------------------------------------------------------

    def on_batch(self, batch: Batch, source: MarketStream) -> None:
        """A burst of frames is over: what it led to is decided and sent now."""
        if self.failed or self.closed:
            return
        now_ns = monotonic_ns()
        try:
            notes = batch.notes
            if notes:
                self._take_notes(notes, source, now_ns)
            count = len(batch)
            if count:
                if self._guard.blocked(now_ns):
                    self.guarded += count
                else:
                    wall_ns = time_ns()
                    for index in range(count):
                        self._on_signal(batch[index], now_ns, wall_ns)
            self._journal.flush()
            self._market.consume()
        except Exception as error:
            self._fail(error)

    def _on_signal(self, row: tuple[int, ...], now_ns: int, wall_ns: int) -> None:
        signal = Signal(*row, now_ns, wall_ns)  # type: ignore[call-arg]
        engine = self.engine
        self._journal.stage(EVENT, wall_ns, self._encode(signal))
        asked = engine.process(signal)
        if asked:
            decided_ns = monotonic_ns()
            self.latencies.decide.record(decided_ns - now_ns)
            self.latencies.decode.record(now_ns - signal.recv_ns)
            self._execute(asked, signal.recv_ns, decided_ns, wall_ns)
            if self._follow:
                self._drain()
        refusal = engine.last_refusal
        if refusal is not None:
            self._sample(Refused, *refusal, engine.refused[refusal[1]], wall_ns)
        elif engine.last_ignored is not None:
            reason = engine.last_ignored
            self._sample(Ignored, signal.signal_id, reason, engine.ignored[reason], wall_ns)

    def _sample(
        self, kind: type[Refused | Ignored], signal_id: int, reason: str, count: int, wall_ns: int
    ) -> None:
        """Notes a signal that was not taken: the first ones refused, and one of each minute."""
        if wall_ns < self._sampled.get(reason, 0) and (kind is Ignored or count > EVERY_REFUSAL):
            return
        self._sampled[reason] = wall_ns + SAMPLE_NS
        note = kind(signal_id=signal_id, reason=reason, count=count)
        self._record(kinds.NOTE, wall_ns, self._encode(note))

    def _execute(
        self, asked: Sequence[AnyCommand], recv_ns: int, now_ns: int, wall_ns: int
    ) -> None:
        for command in asked:
            if type(command) is commands.PlaceLegs:
                self._place(command, recv_ns, now_ns, wall_ns)
            else:
                self._handlers[type(command)](command)

    def _place(self, command: PlaceLegs, recv_ns: int, now_ns: int, wall_ns: int) -> None:
        """Journal, then encode all legs, then send them one after the other.

        Nothing leaves unless everything could; once a leg fails to leave, the rest is held.
        """
        payload = self._encode(command.record())
        sequence = self._journal.append(COMMAND, wall_ns, payload)
        # The ledger takes records in the journal's order: before anything that a send may tell.
        self._project(sequence, wall_ns, COMMAND, payload)
        journalled_ns = monotonic_ns()
        legs = command.legs
        gateways = [self._gateways[leg.venue] for leg in legs]
        frames: list[tuple[int, bytes]] = []
        why = ""
        for gateway in gateways:
            if not gateway.ready:
                why = f"order entry of {gateway.venue} is not ready"
        if not why:
            try:
                for gateway, approved in zip(gateways, command.approved, strict=True):
                    frames.append(gateway.encode(approved, journalled_ns, wall_ns))
            except ApprovalError as error:
                self._unapproved(command, str(error), journalled_ns, wall_ns)
                return
        if why:
            self._hold(legs, why)
            return
        encoded_ns = monotonic_ns()
        result = _SENT
        sent = 0
        halt_word = self._halt_word
        for leg, gateway, (request_id, frame) in zip(legs, gateways, frames, strict=True):
            if halt_word[0]:  # right before the bytes: the process may have slept until now
                result = _NOT_SENT
                break
            result = gateway.send(request_id, frame, leg.client_id)
            if result is not _SENT:
                break
            sent += 1
        sent_ns = monotonic_ns()
        if sent == len(legs):
            ids = tuple([leg.client_id for leg in legs])
            began_ns = now_ns if recv_ns == NO_TICK else recv_ns
            times = began_ns, now_ns, journalled_ns, encoded_ns, sent_ns
            self._sent.append((wall_ns, command.signal_id, ids, times))
            if recv_ns == NO_TICK:
                return
            latencies = self.latencies
            latencies.tick_to_order.record(sent_ns - recv_ns)
            latencies.journal.record(journalled_ns - now_ns)
            latencies.encode.record(encoded_ns - journalled_ns)
            latencies.send.record(sent_ns - encoded_ns)
        else:
            self._not_all_sent(legs, sent, result)

    def _not_all_sent(self, legs: tuple[Leg, ...], sent: int, result: SendResult) -> None:
        held = sent
        if result is _STUCK:
            held += 1
            leg = legs[sent]
            _LOG.warning("order %s: part of it may have left", leg.client_id)
            self._follow.append(
                OrderUnknown(
                    now_ns=monotonic_ns(),
                    wall_ns=time_ns(),
                    client_id=leg.client_id,
                    reason="part of the frame stayed in the write buffer",
                )
            )
        if self._halt_word[0]:
            halt = self._halt_event()
            self._hold(legs[held:], f"halt: {halt.reason}")
            self._follow.append(halt)
        else:
            why = "the connection took no bytes, or an earlier leg did not leave"
            self._hold(legs[held:], why)

    def _unapproved(self, command: PlaceLegs, why: str, now_ns: int, wall_ns: int) -> None:
        """A late approval keeps its orders back; any other that is no good stops everything: an
        order came here that risk never saw, or a second time."""
        if any(now_ns > approved.expires_ns for approved in command.approved):
            self._hold(command.legs, why)
            return
        self._hold(command.legs, why, Refusal.NOT_APPROVED.value)
        halt = Control(now_ns=now_ns, wall_ns=wall_ns, action="halt", reason=why)
        self._follow.append(halt)

    def _hold(self, legs: Sequence[Leg], why: str, code: str = NOT_SENT) -> None:
        """Tells the engine that no byte of these orders left."""
        now_ns, wall_ns = monotonic_ns(), time_ns()
        for leg in legs:
            _LOG.warning("order %s not sent: %s", leg.client_id, why)
            self._follow.append(
                OrderReject(
                    now_ns=now_ns,
                    wall_ns=wall_ns,
                    client_id=leg.client_id,
                    code=code,
                    text=why,
                )
            )

    # --- everything else ------------------------------------------------------------------------

    def on_events(self, events: Sequence[AnyEvent]) -> None:
        """Facts from the venues, or a word of the service."""
        if self.failed or self.closed:
            return
        try:
            for event in events:
                self._on_event(event)
            self._drain()
            self._journal.flush()
        except Exception as error:
            self._fail(error)

    def note(self, kind: int, payload: bytes) -> None:
        """Writes a record that no decision rests on (START, END)."""
        self._record(kind, time_ns(), payload)
        self._journal.flush()

    def _on_event(self, event: AnyEvent) -> None:
        if self._sent:
            self._note_sent()
        self._record(EVENT, event.wall_ns, self._encode(event))
        asked = self.engine.process(event)
        if asked:
            self._execute(asked, NO_TICK, event.now_ns, event.wall_ns)

    def _note_sent(self) -> None:
        """Stage times of orders, written once there is time: with the first answer to them."""
        for wall_ns, signal_id, client_ids, times in self._sent:
            note = Sent(signal_id, client_ids, *times)
            self._journal.stage(kinds.NOTE, wall_ns, self._encode(note))
        self._sent.clear()

    def _drain(self) -> None:
        follow = self._follow
        while follow:
            self._on_event(follow.popleft())

    def _record(self, kind: int, wall_ns: int, payload: bytes) -> None:
        self._project(self._journal.stage(kind, wall_ns, payload), wall_ns, kind, payload)

    def _take_notes(
        self, notes: list[tuple[str, int, str]], source: MarketStream, now_ns: int
    ) -> None:
        for kind, book, text in notes:
            if kind == "state":
                event = BookState(now_ns=now_ns, wall_ns=time_ns(), book=book, state=text)
                self._on_event(event)
                source.on_book_state(book, text)
            elif kind == "control":
                source.on_control(text)
            else:
                self.malformed += 1
                if self.malformed & (self.malformed - 1) == 0:
                    _LOG.error("%s market: malformed (%d): %s", source.venue, self.malformed, text)
        self._drain()

    # --- commands -------------------------------------------------------------------------------

    def _cancel(self, command: commands.Cancel) -> None:
        payload = self._encode(command)
        wall_ns = time_ns()
        sequence = self._journal.append(COMMAND, wall_ns, payload)
        self._project(sequence, wall_ns, COMMAND, payload)
        self.send_cancel(command.venue, command.instrument, command.client_id)

    def send_cancel(self, venue: str, instrument: str, client_id: str) -> None:
        """By the order socket; the slow way when that is down."""
        symbol = self._symbols[venue, instrument]
        if self._gateways[venue].cancel(symbol, client_id) is not _SENT:
            self._spawn(self._venues[venue].cancel(symbol, client_id), f"cancel of {client_id}")

    def _cancel_refused(self, client_id: str) -> None:
        """ "Not found" on a cancel means probably filled: the venue is asked."""
        order = self.engine.orders.orders.get(client_id)
        if order is not None:
            self._ask(order.venue, order.instrument, client_id, order.created_ns)

    def _query(self, command: commands.Query) -> None:
        self._record(COMMAND, time_ns(), self._encode(command))
        order = self.engine.orders.orders.get(command.client_id)
        created_ns = monotonic_ns() if order is None else order.created_ns
        self._ask(command.venue, command.instrument, command.client_id, created_ns)

    def _ask(self, venue: str, instrument: str, client_id: str, created_ns: int) -> None:
        symbol = self._symbols[venue, instrument]

        async def ask() -> None:
            try:
                events = await self._venues[venue].query(symbol, client_id, created_ns)
            except UNREADABLE as error:
                _LOG.warning("query of %s: an answer that cannot be read: %r", client_id, error)
                return
            self.on_events(events)

        self._spawn(ask(), f"query of {client_id}")

    def _reconcile(self, command: commands.Reconcile) -> None:
        self._record(COMMAND, time_ns(), self._encode(command))

        async def ask() -> None:
            venue = self._venues[command.venue]
            self.on_events(await answer(venue, command, self.engine, self._symbols))

        self._spawn(ask(), f"reconciling with {command.venue}")

    def _note(self, command: commands.Adopt | commands.Spent | commands.Forget) -> None:
        """On record, and nothing else to be done."""
        self._record(COMMAND, time_ns(), self._encode(command))

    def _read_book(self, command: commands.ReadBook) -> None:
        """Answered within the same turn, as an event that is journalled like any other."""
        self._record(COMMAND, time_ns(), self._encode(command))
        bid, bid_qty, ask, ask_qty = self._market.top(command.book) or (0, 0, 0, 0)
        state, _, _, data_ns, _ = self._market.view(command.book)
        # After a stall the frames that waited are not in the book yet.
        live = state == "LIVE" and not self._guard.blocked(monotonic_ns())
        self._follow.append(
            BookTop(
                now_ns=monotonic_ns(),
                wall_ns=time_ns(),
                book=command.book,
                live=live,
                bid=bid,
                bid_qty=bid_qty,
                ask=ask,
                ask_qty=ask_qty,
                data_ns=data_ns,
            )
        )

    def _set_timer(self, command: commands.SetTimer) -> None:
        self._record(COMMAND, time_ns(), self._encode(command))
        earlier = self._timers.pop(command.timer_id, None)
        if earlier is not None:
            earlier.cancel()
        self._wait(command.timer_id, command.due_ns)

    def _wait(self, timer_id: str, due_ns: int) -> None:
        delay_s = max(0.0, (due_ns - monotonic_ns()) / 1e9)
        loop = asyncio.get_running_loop()
        self._timers[timer_id] = loop.call_later(delay_s, self._due, timer_id, due_ns)

    def _due(self, timer_id: str, due_ns: int) -> None:
        now_ns = monotonic_ns()
        if now_ns < due_ns:  # the loop's timers are coarser than ours
            self._wait(timer_id, due_ns)
            return
        self._timers.pop(timer_id, None)
        self.on_events((Timer(now_ns=now_ns, wall_ns=time_ns(), timer_id=timer_id),))

    def _alert(self, command: commands.Alert) -> None:
        self._record(COMMAND, time_ns(), self._encode(command))
        self.alert(command.level, command.text)

    def alert(self, level: str, text: str) -> None:
        """Tells people; the engine hears nothing of it."""
        self.alerts.append((level, text))
        self.tell(level, text)
        levels = {"critical": logging.CRITICAL, "warning": logging.WARNING}
        _LOG.log(levels.get(level, logging.INFO), "%s", text, extra={"told": True})

    def _close(self, command: commands.Halt | commands.Reduce) -> None:
        self._on_close(command)
        self._record(COMMAND, time_ns(), self._encode(command))
        what = "halt" if isinstance(command, commands.Halt) else "only reducing"
        self.alert("critical", f"{what} of {command.scope}: {command.reason}")

    # --- life -----------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None], what: str) -> None:
        task = asyncio.get_running_loop().create_task(self._attempt(work, what))
        self._tasks.add(task)

        def over(_: object) -> None:
            self._tasks.discard(task)
            work.close()  # one that the end came upon before it began was never awaited

        task.add_done_callback(over)

    async def _attempt(self, work: Coroutine[Any, Any, None], what: str) -> None:
        try:
            await work
        except (XrpfastError, *UNREADABLE) as error:
            # No answer, or none of the venue's own shape, says nothing: the desk asks again.
            _LOG.warning("%s: %s: %s", what, type(error).__name__, error)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Something that must not happen did: nothing is decided any more, the process ends."""
        if self.failed:
            return
        self.failed = f"{type(error).__name__}: {error}"
        _LOG.critical("engine failed: %s", self.failed, exc_info=error)
        self._on_fatal(self.failed)

    async def close(self) -> None:
        for handle in self._timers.values():
            handle.cancel()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
