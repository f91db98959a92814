"""`ledger.sqlite`: orders, fills and refusals as tables, projected from the journal.

The journal is the truth; the ledger can be thrown away and rebuilt (`rebuild`), which is why it
does not wait for the disk. Amounts are decimal texts. Order states follow the order desk's own
table of transitions, so that the two cannot tell different stories.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any, Final

import msgspec

from xrpfast._core import format_units
from xrpfast.errors import UsageError
from xrpfast.model import OrderState, OrderType, Side, SymbolRules, TimeInForce, format_money
from xrpfast.records import kinds
from xrpfast.records.start import Refused, Start
from xrpfast.trading import commands, events
from xrpfast.trading.transitions import END_WORDS, TRANSITIONS, WORKING_STATES, Word

VERSION: Final = 1
_SCHEMA: Final = """
create table meta (key text primary key, value text not null) without rowid;
create table starts (
    epoch integer primary key, wall_ns integer not null, version text not null,
    environment text not null, deployment text not null, balances text not null
);
create table orders (
    client_id text primary key, venue text not null, instrument text not null,
    side text not null, type text not null, tif text not null, price text not null,
    qty text not null, strategy text not null, signal_id integer not null, epoch integer not null,
    state text not null, venue_order_id text, filled_qty text not null, reason text not null,
    created_ns integer not null, updated_ns integer not null
) without rowid;
create table fills (
    venue text not null, instrument text not null, trade_id text not null,
    client_id text not null, price text not null, qty text not null, fee text not null,
    fee_asset text not null, maker integer not null, venue_ns integer not null,
    sequence integer not null,
    primary key (venue, instrument, trade_id, client_id)
) without rowid;
create table refusals (
    sequence integer primary key, wall_ns integer not null, signal_id integer not null,
    reason text not null
);
"""
_SILENT: Final = frozenset({OrderState.SENT.value, OrderState.CANCEL_SENT.value})
_SIGNAL: Final = b'{"event":"signal"'
_EVENTS: Final = msgspec.json.Decoder(events.AnyEvent)
_COMMANDS: Final = msgspec.json.Decoder(commands.AnyCommandRecord)
_START: Final = msgspec.json.Decoder(Start)
_REFUSED: Final = msgspec.json.Decoder(Refused)


class Ledger:
    """The one writer of a ledger file. Times of orders are wall-clock nanoseconds."""

    def __init__(self, path: Path) -> None:
        """Opens or creates. Raises `UsageError` for a file of another version or of no ledger."""
        self._db = sqlite3.connect(path, isolation_level=None)
        try:
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = off")
            (version,) = self._db.execute("pragma user_version").fetchone()
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise UsageError(
                f"{path}: no ledger ({error}): move the file away, it is rebuilt from the journal"
            ) from error
        if version not in (0, VERSION):
            self._db.close()
            raise UsageError(
                f"{path}: ledger of version {version}, this is version {VERSION}: "
                "move the file away, it is rebuilt from the journal"
            )
        if version == 0:
            self._db.executescript(f"begin;{_SCHEMA}pragma user_version = {VERSION};commit;")
        self._sequence, self._epoch, self._wall_offset = -1, 0, 0
        self._rules: dict[tuple[str, str], SymbolRules] = {}
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
        """Commits and closes; the file then stands alone."""
        self.commit()
        self._db.execute("pragma wal_checkpoint(truncate)")
        self._db.close()

    # --- records --------------------------------------------------------------------------------

    def _apply(self, sequence: int, time_ns: int, kind: int, payload: bytes) -> None:
        if kind == kinds.EVENT:
            if not payload.startswith(_SIGNAL):
                self._event(_EVENTS.decode(payload), sequence)
        elif kind == kinds.COMMAND:
            self._command(_COMMANDS.decode(payload), time_ns + self._wall_offset)
        elif kind == kinds.START:
            self._start(_START.decode(payload), time_ns)
        elif kind == kinds.NOTE and b'"refused"' in payload:
            refused = _REFUSED.decode(payload)
            row = (sequence, time_ns + self._wall_offset, refused.signal_id, refused.reason)
            self._db.execute("insert into refusals values (?, ?, ?, ?)", row)

    def _start(self, start: Start, time_ns: int) -> None:
        balances: dict[str, dict[str, str]] = {}
        for held in start.config.balances:
            balances.setdefault(held.venue, {})[held.asset] = format_money(held.amount)
        self._epoch = start.epoch
        self._wall_offset = start.wall_ns - time_ns  # the journal's times are monotonic
        self._set_meta("wall_offset", str(self._wall_offset))
        self._db.execute(
            "insert or replace into starts values (?, ?, ?, ?, ?, ?)",
            (start.epoch, start.wall_ns, start.version, start.environment, start.deployment,
             json.dumps(balances, sort_keys=True)),
        )  # fmt: skip
        self._rules = self._by_place(start.config.books)
        self._set_meta("epoch", str(start.epoch))
        self._set_meta("rules", msgspec.json.encode(start.config.books).decode())

    def _command(self, command: commands.AnyCommandRecord, wall_ns: int) -> None:
        if isinstance(command, commands.PlaceLegsRecord):
            for leg in command.legs:
                rules = self._rules[leg.venue, leg.instrument]
                self._db.execute(
                    "insert into orders values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, null, '0', "
                    "'', ?, ?)",
                    (leg.client_id, leg.venue, leg.instrument, Side(leg.side).name,
                     OrderType(leg.order_type).name, TimeInForce(leg.tif).name,
                     format_units(leg.price, rules.price_decimals),
                     format_units(leg.qty, rules.qty_decimals), command.strategy,
                     command.signal_id, self._epoch, OrderState.SENT.value, wall_ns, wall_ns),
                )  # fmt: skip
        elif isinstance(command, commands.Cancel):
            self._say(command.client_id, Word.CANCEL, wall_ns)
        elif isinstance(command, commands.Query):
            # Silence is no event: the desk asks about an order never seen since it is UNKNOWN.
            order = self._order(command.client_id)
            if order and not order["venue_order_id"] and order["state"] in _SILENT:
                self._say(command.client_id, Word.LOST, wall_ns, reason="no word of the venue")

    def _event(self, event: events.AnyEvent, sequence: int) -> None:
        if isinstance(event, events.Fill):
            self._fill(event, sequence)
        elif isinstance(event, events.OrderAck):
            self._say(event.client_id, Word.WORKING, event.wall_ns, event.venue_order_id)
        elif isinstance(event, events.OrderReject):
            order = self._order(event.client_id)
            word = Word.CONTRADICTION if order and order["venue_order_id"] else Word.REFUSED
            self._say(event.client_id, word, event.wall_ns, reason=f"{event.code} {event.text}")
        elif isinstance(event, events.OrderUnknown):
            self._say(event.client_id, Word.LOST, event.wall_ns, reason=event.reason)
        elif isinstance(event, events.OrderEnd):
            word = END_WORDS[event.state]
            self._say(
                event.client_id, word, event.wall_ns, event.venue_order_id, reason=event.reason
            )
        elif isinstance(event, events.QueryResult) and event.state is not None:
            word = Word.WORKING if event.state in WORKING_STATES else END_WORDS[event.state]
            self._say(event.client_id, word, event.wall_ns, event.venue_order_id, reason="query")
        elif isinstance(event, events.QueryResult):
            self._not_found(event)

    def _not_found(self, event: events.QueryResult) -> None:
        """As the order desk takes it: an UNKNOWN order that was never seen was never there."""
        order = self._order(event.client_id)
        if order is None or not event.authoritative or OrderState(order["state"]).terminal:
            return
        if order["venue_order_id"] or order["filled_qty"] != "0":
            self._say(event.client_id, Word.CONTRADICTION, event.wall_ns)
        elif order["state"] == OrderState.UNKNOWN.value:
            self._say(event.client_id, Word.REFUSED, event.wall_ns, reason="NOT_FOUND")

    def _fill(self, fill: events.Fill, sequence: int) -> None:
        order = self._order(fill.client_id)
        if order is None:
            return
        rules = self._rules[order["venue"], order["instrument"]]
        qty = format_units(fill.qty, rules.qty_decimals)
        done = self._db.execute(
            "insert or ignore into fills values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (order["venue"], order["instrument"], fill.trade_id, fill.client_id,
             format_units(fill.price, rules.price_decimals), qty, format_money(fill.fee),
             fill.fee_asset, int(fill.maker), fill.venue_ns, sequence),
        )  # fmt: skip
        if not done.rowcount:
            return
        filled = _units(order["filled_qty"], rules) + fill.qty
        self._db.execute(
            "update orders set filled_qty = ? where client_id = ?",
            (format_units(filled, rules.qty_decimals), fill.client_id),
        )
        word = Word.FULL if filled >= _units(order["qty"], rules) else Word.PART
        self._say(fill.client_id, word, fill.wall_ns, fill.venue_order_id)

    def _say(
        self,
        client_id: str,
        word: Word,
        wall_ns: int,
        venue_order_id: str | None = None,
        reason: str = "",
    ) -> None:
        order = self._order(client_id)
        if order is None:
            return
        state = TRANSITIONS[OrderState(order["state"]), word]
        self._db.execute(
            "update orders set state = ?, updated_ns = ?, "
            "venue_order_id = coalesce(venue_order_id, ?), "
            "reason = case when ? = '' then reason else ? end where client_id = ?",
            (state.value, wall_ns, venue_order_id or None, reason, reason, client_id),
        )

    # --- tables ---------------------------------------------------------------------------------

    def _order(self, client_id: str) -> dict[str, Any] | None:
        cursor = self._db.execute(
            "select venue, instrument, qty, filled_qty, state, venue_order_id from orders "
            "where client_id = ?",
            (client_id,),
        )
        row = cursor.fetchone()
        if row is None:
            return None
        return dict(zip((column[0] for column in cursor.description), row, strict=True))

    def _load(self) -> None:
        """What is kept in memory, as the file has it."""
        self._sequence = int(self._meta("sequence") or -1)
        self._epoch = int(self._meta("epoch") or 0)
        self._wall_offset = int(self._meta("wall_offset") or 0)
        rules = json.loads(self._meta("rules") or "[]")
        self._rules = self._by_place(msgspec.convert(rules, tuple[SymbolRules, ...]))

    def _meta(self, key: str) -> str | None:
        row = self._db.execute("select value from meta where key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _set_meta(self, key: str, value: str) -> None:
        self._db.execute("insert or replace into meta values (?, ?)", (key, value))

    @staticmethod
    def _by_place(rules: tuple[SymbolRules, ...]) -> dict[tuple[str, str], SymbolRules]:
        return {(rule.venue, rule.instrument): rule for rule in rules}


def _units(text: str, rules: SymbolRules) -> int:
    whole, _, part = text.partition(".")
    return int(whole + f"{part:<0{rules.qty_decimals}}")
