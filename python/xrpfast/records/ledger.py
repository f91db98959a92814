"""`ledger.sqlite`: orders, fills and refusals as tables, projected from the journal.

The journal is the truth; the ledger can be thrown away and rebuilt (`rebuild`), which is why it
does not wait for the disk. Amounts are decimal texts. Orders follow the order desk's own reducer
(`trading.lifecycle`), so that the two cannot tell different stories. Of orders that no desk follows
any more (`commands.Forget`, or an earlier run's) they note what the venue claims beyond what is
booked: it is asked for before the next run, and that answer (`kinds.RECOVERY`) counts in full.
The rules of every run are kept: a word about an order of a place that is not traded any more is
reduced as any other, one of a place that no run is known to have traded is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from xrpfast._core import format_units
from xrpfast.model import (
    MONEY_DECIMALS,
    OrderState,
    OrderType,
    Side,
    SymbolRules,
    TimeInForce,
    format_money,
    parse_money,
)
from xrpfast.records import kinds
from xrpfast.records.schema import latest_rules, open_database
from xrpfast.records.start import End, Ignored, Refused, Start
from xrpfast.trading import commands, events, lifecycle
from xrpfast.trading.states import ENGINE, SYMBOL

_SIGNAL: Final = b'{"event":"signal"'
_LET_PASS: Final = (b'{"note":"refused"', b'{"note":"ignored"')
_TOLD: Final = (
    events.OrderAck,
    events.OrderReject,
    events.OrderUnknown,
    events.OrderEnd,
    events.QueryResult,
)
_WORDS: Final = frozenset({"halt", "reduce", "resume", "settle", "drilled"})
_CLOSINGS: Final = {commands.Halt: "halt", commands.Reduce: "reduce"}
_INSERT_ORDER: Final = (
    "insert into orders (client_id, venue, instrument, side, type, tif, price, qty, strategy, "
    "signal_id, epoch, state, filled_qty, reason, created_ns, updated_ns) "
    "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '0', '', ?, ?)"
)
_EVENTS: Final = msgspec.json.Decoder(events.AnyEvent)
_COMMANDS: Final = msgspec.json.Decoder(commands.AnyCommandRecord)
_START: Final = msgspec.json.Decoder(Start)
_END: Final = msgspec.json.Decoder(End)
_NOTES: Final = msgspec.json.Decoder(Refused | Ignored)


class LedgerOrder(msgspec.Struct, kw_only=True):
    """One row of ``orders`` as the reducer takes it, amounts in the units of its book."""

    client_id: str
    venue: str
    instrument: str
    epoch: int
    side: int
    price: int
    qty: int
    state: OrderState
    filled: int
    claimed: int
    venue_order_id: str
    accepted: bool
    cancel_wanted: bool
    absences: int
    absent_ns: int
    reason: str
    units: SymbolRules
    """Whose decimals its amounts are counted in."""
    forgotten: bool = False
    """It has left the desk's memory."""
    filled_value: int = 0
    """Not kept: the fills have it."""


class Ledger:
    """The one writer of a ledger file. Times of orders are wall-clock nanoseconds."""

    def __init__(self, path: Path) -> None:
        """Opens or creates, an older file is brought up to date (`schema.MIGRATIONS`).

        Raises `UsageError` for a file of a newer version or of no ledger.
        """
        self._db = open_database(path)
        self._closed = False
        self._sequence, self._epoch = -1, 0
        self._rules: dict[tuple[str, str], SymbolRules] = {}
        """Of every place, as the latest run that traded it had them: the units of what is told."""
        self._load()

    @property
    def sequence(self) -> int:
        """The last journal record that was applied, -1 before the first."""
        return self._sequence

    def apply(self, sequence: int, time_ns: int, kind: int, payload: bytes) -> None:
        """Applies one journal record; one that was applied before is left out.

        A record that cannot be applied takes back all since the last commit with it, so that no
        half of a record is ever committed: what is missing is in the journal.
        """
        if sequence <= self._sequence:
            return
        if not self._db.in_transaction:
            self._db.execute("begin")
        try:
            self._apply(sequence, time_ns, kind, payload)
        except Exception:
            self._db.rollback()
            self._load()
            raise
        self._sequence = sequence

    def commit(self) -> None:
        """Makes what was applied visible to readers."""
        if self._db.in_transaction:
            self._set_meta("sequence", str(self._sequence))
            self._db.execute("commit")

    def close(self) -> None:
        """Commits and closes; the file then stands alone. A second call does nothing."""
        if self._closed:
            return
        self.commit()
        self._db.execute("pragma wal_checkpoint(truncate)")
        self._db.close()
        self._closed = True

    # --- records --------------------------------------------------------------------------------

    def _apply(self, sequence: int, time_ns: int, kind: int, payload: bytes) -> None:
        if kind in (kinds.EVENT, kinds.RECOVERY):
            if not payload.startswith(_SIGNAL):
                self._event(_EVENTS.decode(payload), sequence, kind)
        elif kind == kinds.COMMAND:
            self._command(_COMMANDS.decode(payload), sequence, time_ns)
        elif kind == kinds.START:
            self._start(_START.decode(payload))
        elif kind == kinds.END:
            self._end(_END.decode(payload))
        elif kind == kinds.NOTE and payload.startswith(_LET_PASS):
            self._let_pass(_NOTES.decode(payload), sequence, time_ns)

    def _start(self, start: Start) -> None:
        balances: dict[str, dict[str, str]] = {}
        for held in start.config.balances:
            balances.setdefault(held.venue, {})[held.asset] = format_money(held.amount)
        self._epoch = start.epoch
        self._db.execute(
            "insert or replace into starts values (?, ?, ?, ?, ?, ?, 0)",
            (start.epoch, start.wall_ns, start.version, start.environment, start.deployment,
             json.dumps(balances, sort_keys=True)),
        )  # fmt: skip
        self._set_meta("epoch", str(start.epoch))
        for rules in start.config.books:
            self._rules[rules.venue, rules.instrument] = rules
            self._db.execute(
                "insert or replace into rules values (?, ?, ?, ?)",
                (start.epoch, rules.venue, rules.instrument, msgspec.json.encode(rules).decode()),
            )

    def _end(self, end: End) -> None:
        self._db.execute("update starts set ended = 1 where epoch = ?", (self._epoch,))
        for verdict, counts in (("refused", end.refused), ("ignored", end.ignored)):
            for reason, count in counts.items():
                self._total(verdict, reason, count)

    def _let_pass(self, note: Refused | Ignored, sequence: int, time_ns: int) -> None:
        row = (sequence, time_ns, note.signal_id, note.reason)
        if isinstance(note, Refused):
            self._db.execute("insert into refusals values (?, ?, ?, ?)", row)
            self._total("refused", note.reason, note.count)
        else:
            self._db.execute("insert into ignored values (?, ?, ?, ?, ?)", (*row, note.count))
            self._total("ignored", note.reason, note.count)

    def _total(self, verdict: str, reason: str, count: int) -> None:
        """How often in this run; a note without a count is one more."""
        self._db.execute(
            "insert into totals values (?, ?, ?, max(?, 1)) on conflict do update set count = "
            "case when excluded.count > count then excluded.count else count + (? = 0) end",
            (self._epoch, verdict, reason, count, count),
        )

    def _command(self, command: commands.AnyCommandRecord, sequence: int, wall_ns: int) -> None:
        if isinstance(command, commands.PlaceLegsRecord):
            for leg in command.legs:
                rules = self._rules[leg.venue, leg.instrument]
                self._db.execute(
                    _INSERT_ORDER,
                    (leg.client_id, leg.venue, leg.instrument, Side(leg.side).name,
                     OrderType(leg.order_type).name, TimeInForce(leg.tif).name,
                     format_units(leg.price, rules.price_decimals),
                     format_units(leg.qty, rules.qty_decimals), command.strategy,
                     command.signal_id, self._epoch, OrderState.SENT.value, wall_ns, wall_ns),
                )  # fmt: skip
        elif isinstance(command, commands.Cancel):
            self._reduce(
                command.client_id,
                wall_ns,
                lambda life: self._is_followed(life) and lifecycle.cancel(life),
            )
        elif isinstance(command, commands.Query):
            # Silence is no event: the desk asks about an order never seen since it is UNKNOWN.
            self._reduce(
                command.client_id, wall_ns, lambda life: lifecycle.lost(life, lifecycle.SILENCE)
            )
        elif isinstance(command, commands.Forget):
            self._db.execute(
                "update orders set forgotten = 1 where client_id = ?", (command.client_id,)
            )
        elif isinstance(command, commands.Adopt):
            row = (command.venue, command.asset, format_money(command.delta), command.reason)
            self._db.execute(
                "insert into adoptions values (?, ?, ?, ?, ?, ?)", (sequence, wall_ns, *row)
            )
        elif isinstance(command, commands.Spent):
            self._db.execute(
                "insert or replace into spent values (?, ?, ?)",
                (command.instrument, format_money(command.lost), command.attempts),
            )
        elif isinstance(command, (commands.Halt, commands.Reduce)) and not command.who:
            # By the engine itself; a person's word stands there already.
            action = _CLOSINGS[type(command)]
            self._word(sequence, wall_ns, action, command.scope, command.reason, "engine")

    def _event(self, event: events.AnyEvent, sequence: int, kind: int) -> None:
        def told(life: LedgerOrder) -> bool:
            followed = kind == kinds.RECOVERY or self._is_followed(life)
            said = self._in_units(event, life)
            if isinstance(said, events.Fill):
                return self._fill(life, said, sequence, followed)
            return lifecycle.told(life, said, []) if followed else lifecycle.claim(life, said)

        if isinstance(event, (events.Fill, *_TOLD)):
            self._reduce(event.client_id, event.wall_ns, told)
        elif isinstance(event, events.TradedByHand):
            self._db.execute(
                "insert into by_hand values (?, ?, ?, ?, ?, ?)",
                (sequence, event.wall_ns, event.instrument, format_money(event.amount),
                 event.reason, event.who),
            )  # fmt: skip

        elif isinstance(event, events.Control) and event.action in _WORDS and event.who:
            scope = event.scope or ("all" if event.action == "resume" else ENGINE)
            self._word(sequence, event.wall_ns, event.action, scope, event.reason, event.who)
            if event.action == "resume" and kind == kinds.RECOVERY:
                self._new_budget(event.scope)
        elif isinstance(event, events.Flatten):
            reason = f"{event.reason} (losing at most {format_money(event.max_loss)})"
            scope = SYMBOL + event.instrument
            self._word(sequence, event.wall_ns, "flatten", scope, reason, event.who)
        elif isinstance(event, events.DrillOrders):
            scope = SYMBOL + event.instrument
            self._word(sequence, event.wall_ns, "drill", scope, event.reason, event.who)

    def _new_budget(self, scope: str) -> None:
        """Of closing an imbalance, by a word while no engine ran: one that runs tells it itself
        (`commands.Spent`), and not when it refuses the word."""
        self._db.execute(
            "delete from spent where ? in ('', ? || instrument)",
            (scope, SYMBOL),
        )

    def _word(self, sequence: int, wall_ns: int, *said: str) -> None:
        self._db.execute("insert into words values (?, ?, ?, ?, ?, ?)", (sequence, wall_ns, *said))

    def _is_followed(self, life: LedgerOrder) -> bool:
        """Whether the desk of the run that writes now knows the order."""
        return life.epoch == self._epoch and not life.forgotten

    def _fill(self, life: LedgerOrder, fill: events.Fill, sequence: int, followed: bool) -> bool:
        owner = self.owner(life, fill.trade_id)
        if owner is None and not followed:
            return lifecycle.claim(life, fill)
        if not lifecycle.bookable(life, fill, owner, []):
            if not fill.fee_estimated:
                self._correct_fee(life, fill)
            return False
        rules = life.units
        self._db.execute(
            "insert into fills values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (life.venue, life.instrument, fill.trade_id, fill.client_id,
             format_units(fill.price, rules.price_decimals),
             format_units(fill.qty, rules.qty_decimals), format_money(fill.fee),
             fill.fee_asset, int(fill.maker), fill.venue_ns, sequence, fill.fee_estimated),
        )  # fmt: skip
        return lifecycle.filled(life, fill, [])

    def _correct_fee(self, life: LedgerOrder, fill: events.Fill) -> None:
        """The true fee of a fill whose booked one was an estimate, once."""
        self._db.execute(
            "update fills set fee = ?, fee_asset = ?, fee_estimated = 0 where venue = ? and "
            "instrument = ? and trade_id = ? and client_id = ? and fee_estimated",
            (format_money(fill.fee), fill.fee_asset, life.venue, life.instrument, fill.trade_id,
             life.client_id),
        )  # fmt: skip

    def _reduce(self, client_id: str, wall_ns: int, word: Callable[[LedgerOrder], bool]) -> None:
        """One word about one order; what does not fit together the order desk has told already."""
        life = self._life(client_id, exact=True)
        if life is None:
            return
        moved = word(life)
        rules = life.units
        self._db.execute(
            "update orders set state = ?, filled_qty = ?, claimed_qty = ?, venue_order_id = ?, "
            "accepted = ?, cancel_wanted = ?, absences = ?, absent_ns = ?, reason = ?, "
            "updated_ns = case when ? then ? else updated_ns end where client_id = ?",
            (life.state.value, format_money(rules.qty_money(life.filled)),
             format_money(rules.qty_money(life.claimed)), life.venue_order_id or None,
             life.accepted, life.cancel_wanted, life.absences, life.absent_ns, life.reason, moved,
             wall_ns, client_id),
        )  # fmt: skip

    # --- tables ---------------------------------------------------------------------------------

    def order(self, client_id: str) -> LedgerOrder | None:
        """An order in the units of `rules`; None when there is none of that id, or no rules."""
        return self._life(client_id, exact=False)

    def _life(self, client_id: str, *, exact: bool) -> LedgerOrder | None:
        """``exact``: in units that hold its own amounts and what is told of it now."""
        row = self._db.execute(
            "select venue, instrument, side, price, qty, epoch, state, filled_qty, claimed_qty, "
            "venue_order_id, accepted, cancel_wanted, absences, absent_ns, reason, forgotten "
            "from orders where client_id = ?",
            (client_id,),
        ).fetchone()
        if row is None:
            return None
        venue, instrument, side, price, qty, epoch, state, filled, claimed, *rest = row
        rules = self._rules.get((venue, instrument))
        if rules is None:
            return None
        if exact and epoch != self._epoch:
            rules = self._finest(rules, epoch)
        venue_order_id, accepted, cancel_wanted, absences, absent_ns, reason, forgotten = rest

        price_unit: int = 10 ** (MONEY_DECIMALS - rules.price_decimals)
        qty_unit: int = 10 ** (MONEY_DECIMALS - rules.qty_decimals)

        return LedgerOrder(
            client_id=client_id,
            venue=venue,
            instrument=instrument,
            epoch=epoch,
            side=Side[side],
            price=parse_money(price) // price_unit,
            qty=parse_money(qty) // qty_unit,
            state=OrderState(state),
            filled=parse_money(filled) // qty_unit,
            claimed=parse_money(claimed) // qty_unit,
            venue_order_id=venue_order_id or "",
            accepted=bool(accepted),
            cancel_wanted=bool(cancel_wanted),
            absences=absences,
            absent_ns=absent_ns,
            reason=reason,
            units=rules,
            forgotten=bool(forgotten),
        )

    def owner(self, life: LedgerOrder, trade_id: str) -> str | None:
        """The order that has a trade of the market and side of this one. Of its run alone: a venue
        that begins anew, as a mock does, begins with its ids too."""
        row = self._db.execute(
            "select client_id from fills join orders using (client_id) where fills.venue = ? "
            "and fills.instrument = ? and trade_id = ? and side = ? and epoch = ?",
            (life.venue, life.instrument, trade_id, Side(life.side).name, life.epoch),
        ).fetchone()
        return None if row is None else str(row[0])

    def rules(self, venue: str, instrument: str) -> SymbolRules | None:
        """Of the latest run that traded it."""
        return self._rules.get((venue, instrument))

    def _finest(self, now: SymbolRules, epoch: int) -> SymbolRules:
        """``now`` with the decimals of the order's own run where those were more: none is cut."""
        row = self._db.execute(
            "select rules from rules where epoch = ? and venue = ? and instrument = ?",
            (epoch, now.venue, now.instrument),
        ).fetchone()
        if row is None:
            return now
        own = msgspec.json.decode(row[0], type=SymbolRules)
        return msgspec.structs.replace(
            now,
            price_decimals=max(now.price_decimals, own.price_decimals),
            qty_decimals=max(now.qty_decimals, own.qty_decimals),
        )

    def _in_units(self, event: events.AnyEvent, life: LedgerOrder) -> events.AnyEvent:
        """What a venue told by the rules of now, in the units of the order."""
        now = self._rules[life.venue, life.instrument]
        price: int = 10 ** (life.units.price_decimals - now.price_decimals)
        qty: int = 10 ** (life.units.qty_decimals - now.qty_decimals)
        if price == qty == 1:
            return event
        changes: dict[str, object] = {}
        if isinstance(event, events.Fill):
            changes = {"price": event.price * price, "qty": event.qty * qty}
        elif isinstance(event, (events.OrderEnd, events.QueryResult)):
            changes = {"filled_qty": event.filled_qty * qty}
        terms = getattr(event, "terms", None)
        if terms is not None:
            # -1 is finer than now: nothing is known of it in the units of then.
            changes["terms"] = msgspec.structs.replace(
                terms,
                price=None if terms.price in (None, -1) else terms.price * price,
                qty=None if terms.qty in (None, -1) else terms.qty * qty,
            )
        return msgspec.structs.replace(event, **changes)

    def _load(self) -> None:
        """What is kept in memory, as the file has it."""
        self._sequence = int(self._meta("sequence") or -1)
        self._epoch = int(self._meta("epoch") or 0)
        self._rules = {(rule.venue, rule.instrument): rule for rule in latest_rules(self._db)}

    def _meta(self, key: str) -> str | None:
        row = self._db.execute("select value from meta where key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _set_meta(self, key: str, value: str) -> None:
        self._db.execute("insert or replace into meta values (?, ?)", (key, value))
