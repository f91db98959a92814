"""A person's words while no engine runs: journalled before the next run, then taken by the ledger.

The lease is held meanwhile, so that no engine starts in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any, Final

import msgspec

from xrpfast.errors import UsageError, XrpfastError
from xrpfast.model import format_money
from xrpfast.records import kinds
from xrpfast.records.unsettled import left, residuals
from xrpfast.service.alerting.record import tell_once
from xrpfast.service.halts import Asked
from xrpfast.service.heartbeat import settle as settle_heartbeat
from xrpfast.service.paper import GONE
from xrpfast.service.reconciling import UNREADABLE
from xrpfast.service.recording import open_records
from xrpfast.service.said import by_hand_amounts, fills_of, old_enough, person_of, text_of
from xrpfast.service.statedir import StateDir
from xrpfast.trading.by_hand import Said, settling
from xrpfast.trading.events import AnyEvent, Control, QueryResult, TradedByHand
from xrpfast.trading.states import ENGINE
from xrpfast.trading.transitions import WORKING_STATES
from xrpfast.venues.registry import enabled

if TYPE_CHECKING:
    from xrpfast._core import Journal
    from xrpfast.config.root import Config
    from xrpfast.model import SymbolRules
    from xrpfast.records.ledger import Ledger, LedgerOrder
    from xrpfast.service.latch import Entry

ASK_S: Final = 30.0
"""For the last question to the venue about an order that a person settles."""
_ENCODE: Final = msgspec.json.Encoder().encode


class Books:
    """Journal and ledger of a state directory that no engine holds."""

    def __init__(self, journal: Journal, ledger: Ledger) -> None:
        self._journal = journal
        self.ledger = ledger

    def take(self, events: Sequence[AnyEvent]) -> None:
        """On disk first, in one write, then into the ledger."""
        staged = []
        for event in events:
            payload = _ENCODE(event)
            sequence = self._journal.stage(kinds.RECOVERY, event.wall_ns, payload)
            staged.append((sequence, event.wall_ns, payload))
        self._journal.flush()
        self._journal.sync()
        for sequence, wall_ns, payload in staged:
            self.ledger.apply(sequence, wall_ns, kinds.RECOVERY, payload)
        self.ledger.commit()


@contextmanager
def _books(state: StateDir) -> Iterator[Books]:
    journal, ledger = open_records(state.journal_path, state.ledger_path)
    try:
        yield Books(journal, ledger)
    finally:
        ledger.close()
        journal.close()


def note_halt(state_dir: Path, asked: Asked, *, verified: bool) -> None:
    """Journals a halt that no engine took; ``verified``: nothing of ours works anywhere, nobody
    has to answer for it any more. Raises `XrpfastError` when an engine holds the records, which
    takes it itself."""
    state = StateDir.hold(state_dir)
    try:
        if verified and asked.scope == ENGINE:
            settle_heartbeat(state.heartbeat_path)
        if not any(state.journal_path.iterdir()):
            return  # no engine has ever run here
        with _books(state) as books:
            word = Control(
                now_ns=asked.mono_ns,
                wall_ns=asked.wall_ns,
                action="halt",
                reason=asked.reason,
                scope="" if asked.scope == ENGINE else asked.scope,
                who=asked.who,
            )
            books.take([word])
    finally:
        state.close()


def resume(config: Config, request: Mapping[str, Any]) -> dict[str, Any]:
    """Clears the latch, or one scope of it, and takes what was traded by hand. Closing what is
    left has a new budget then.

    Raises `UsageError`, also when an engine runs here.
    """
    who, reason = person_of(request)
    scope = text_of(request, "scope", "")
    state = StateDir.hold(config.state_dir)
    try:
        seen = state.latch.entries()
        closed = [entry.scope for entry in seen]
        if scope and scope not in closed:
            raise UsageError(f"scope {scope!r} is not closed; closed: {', '.join(closed) or '-'}")
        with _books(state) as books:
            known = dict.fromkeys((s.instrument for s in config.strategies), 0)
            owed = known | {each.instrument: each.amount for each in residuals(state.ledger_path)}
            events: list[AnyEvent] = [
                TradedByHand(
                    now_ns=monotonic_ns(),
                    wall_ns=time_ns(),
                    instrument=name,
                    amount=amount,
                    reason=reason,
                    who=who,
                )
                for name, amount in by_hand_amounts(request, owed).items()
            ]
            word = Control(
                now_ns=monotonic_ns(),
                wall_ns=time_ns(),
                action="resume",
                reason=reason,
                scope=scope,
                who=who,
            )
            books.take([*events, word])
            rest = {each.instrument: each.amount for each in residuals(state.ledger_path)}
        new = state.latch.clear(seen, [scope] if scope else None)
    finally:
        state.close()
    if new:
        said = "; ".join(f"{e.scope} by {' and '.join((e.who, *e.also))}" for e in new)
        raise UsageError(f"closed just now: {said}: look why, then say it again")
    resumed = [name for name in closed if scope in ("", name)]
    _tell(config, "resume", f"resumed: {', '.join(resumed) or 'nothing'} ({who}: {reason})")
    return {
        "ok": True,
        "resumed": resumed,
        "imbalances": {name: format_money(rest.get(name, 0)) for name in owed},
    }


def drilled(config: Config, entry: Entry, who: str) -> str:
    """Clears the halt that a live drill set itself; why it could not, else empty. No person has
    looked: nothing that a resume begins anew is."""
    state = StateDir.hold(config.state_dir)
    try:
        if state.latch.halted() != entry or entry.also:
            return "somebody else halted meanwhile"
        with _books(state) as books:  # on record first: what is open without a word is a mystery
            word = Control(
                now_ns=monotonic_ns(),
                wall_ns=time_ns(),
                action="drilled",
                reason=f"all was verified, its own halt is cleared: {entry.reason}",
                who=who,
            )
            books.take([word])
        if not state.latch.clear_own(entry):
            return "somebody else halted meanwhile, or the latch cannot be had for oneself"
    finally:
        state.close()
    _tell(config, "drill", f"its own halt is cleared, all was verified: {entry.reason} ({who})")
    return ""


def settle(config: Config, request: Mapping[str, Any]) -> dict[str, Any]:
    """Settles an order that earlier runs left, if its venue says nothing of it.

    Raises `UsageError`, also for an order that the venue still knows.
    """
    who, reason = person_of(request)
    client_id = text_of(request, "id")
    if config.mode == "paper":
        raise UsageError(GONE)
    state = StateDir.hold(config.state_dir)
    try:
        with _books(state) as books:
            order = books.ledger.order(client_id)
            rules = None if order is None else books.ledger.rules(order.venue, order.instrument)
            if order is None or rules is None:
                raise UsageError(f"order {client_id} is not in {state.ledger_path}")
            for left_order in left(state.ledger_path).orders:
                if left_order.client_id == client_id:
                    old_enough(client_id, order.venue, time_ns() - left_order.created_ns)
            said = Said(who, reason, monotonic_ns(), time_ns())
            try:
                events = settling(
                    order, rules, fills_of(request, rules), said, partial(books.ledger.owner, order)
                )
            except ValueError as error:
                raise UsageError(str(error)) from None
            note = asyncio.run(_ask(config, order, rules))
            books.take(events)
            after = books.ledger.order(client_id)
            assert after is not None
    finally:
        state.close()
    settled = after.state.terminal and after.claimed <= after.filled
    _tell(config, "settle", f"{who} settles {client_id}: {after.state.value} ({reason})")
    return {"ok": True, "state": after.state.value, "settled": settled, "note": note}


def _tell(config: Config, source: str, text: str) -> None:
    with suppress(OSError):  # it is done; that it is not told undoes nothing
        tell_once(config.state_dir, source, "warning", text)


async def _ask(config: Config, order: LedgerOrder, rules: SymbolRules) -> str:
    """The venue's own word comes first. Raises `UsageError` if there is one; else what it said."""
    for venue in enabled(config.venues):
        if venue.name != order.venue:
            await venue.close()
            continue
        prefix = config.prefix
        venue.know(prefix, [rules])
        try:
            async with asyncio.timeout(ASK_S):
                await venue.sync_clock()
                events = await venue.query(rules.venue_symbol, order.client_id, monotonic_ns())
        except (XrpfastError, TimeoutError, *UNREADABLE) as error:
            why = str(error) or "no answer"
            raise UsageError(
                f"order {order.client_id}: {order.venue} could not be asked ({why}): its own word "
                "comes first; a venue that is gone for good is disabled in the file"
            ) from None
        finally:
            await venue.close()
        answer = events[-1]
        if not isinstance(answer, QueryResult) or answer.state is None:
            return f"{order.venue} does not know it"
        works = answer.state in WORKING_STATES
        raise UsageError(
            f"order {order.client_id}: {order.venue} knows it, it is {answer.state}: "
            + ("the next start cancels it" if works else "the next start takes its word")
        )
    return f"{order.venue} is not enabled and was not asked"
