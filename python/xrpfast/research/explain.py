"""One decision from its signal to the last word about its orders, read from the journal."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from xrpfast._core import JournalReader, RiskGate, format_units
from xrpfast.errors import FailedError
from xrpfast.model import OrderState, OrderType, Side, SymbolRules, TimeInForce, format_money
from xrpfast.records import kinds
from xrpfast.records.ledger import LedgerOrder
from xrpfast.records.start import Ignored, Refused, Sent, Start
from xrpfast.research.case import Case, Record, find
from xrpfast.research.why import meaning
from xrpfast.trading import commands, events, lifecycle
from xrpfast.trading.engine import Engine

_EVENTS: Final = msgspec.json.Decoder(events.AnyEvent)
_COMMANDS: Final = msgspec.json.Decoder(commands.AnyCommandRecord)
_START: Final = msgspec.json.Decoder(Start)
_NOTES: Final = msgspec.json.Decoder(Refused | Ignored | Sent)
_RATE_DECIMALS: Final = 8

Story: TypeAlias = dict[str, Any]
"""Plain values for JSON; prices, quantities and money as decimal texts, times in nanoseconds."""


def explain(journal: Path, what: str) -> Story:
    """The story of a client order id or a signal id.

    ``signal``, ``verdict``, ``orders`` with their life, ``latency_ns`` per stage as far as the
    journal has times, and ``profit`` per asset. Raises `FailedError` for an id that is not there.
    """
    case = find(journal, what)
    if case is None:
        raise FailedError(f"{what}: no such signal or order in {journal}")
    return _Teller(journal, case).story(what)


class _Teller:
    def __init__(self, journal: Path, case: Case) -> None:
        self._journal = journal
        self._case = case
        self._start = _START.decode(case.start)
        self._books = self._start.config.books
        self._rules = {(rules.venue, rules.instrument): rules for rules in self._books}
        self._orders: dict[str, LedgerOrder] = {}
        self._stories: dict[str, Story] = {}
        self._fees: dict[tuple[str, str], tuple[int, str, bool]] = {}
        """Per fill: fee, its asset, and whether it is an estimate."""
        self._changes: dict[str, int] = {}
        self._latency: dict[str, int] = {}
        self._sent_ns = 0
        self._since_ns = 0
        self._verdict: Story | None = None

    def story(self, what: str) -> Story:
        signal = None
        if self._case.signal is not None:
            signal = _EVENTS.decode(self._case.signal[3])
            assert isinstance(signal, events.Signal)
            self._since_ns = signal.wall_ns
            self._sent_ns = signal.now_ns
            self._latency["decode"] = signal.now_ns - signal.recv_ns
        for record in self._case.records:
            self._take(record)
        return {
            "id": what,
            "epoch": self._start.epoch,
            "version": self._start.version,
            "signal": None if signal is None else self._signal(signal),
            "verdict": self._verdict or self._not_noted(),
            "orders": list(self._stories.values()),
            "latency_ns": self._latency,
            "profit": {
                asset: format_money(change) for asset, change in sorted(self._changes.items())
            },
        }

    # --- the decision -----------------------------------------------------------------------------

    def _signal(self, signal: events.Signal) -> Story:
        buy, sell = self._books[signal.buy_book], self._books[signal.sell_book]

        def side(rules: SymbolRules, name: str) -> Story:
            value = {key: getattr(signal, f"{name}_{key}") for key in _SIDE}
            return {
                "venue": rules.venue,
                "qty": format_units(value["qty"], rules.qty_decimals),
                "limit": format_units(value["limit"], rules.price_decimals),
                "best_bid": format_units(value["best_bid"], rules.price_decimals),
                "best_ask": format_units(value["best_ask"], rules.price_decimals),
                "book_version": value["version"],
                "book_age_ns": signal.now_ns - value["data_ns"],
            }

        assert self._case.signal is not None
        return {
            "signal_id": signal.signal_id,
            "sequence": self._case.signal[0],
            "detector": signal.detector,
            "wall_ns": signal.wall_ns,
            "instrument": buy.instrument,
            "buy": side(buy, "buy"),
            "sell": side(sell, "sell"),
            "cost": format_money(signal.buy_cost),
            "proceeds": format_money(signal.sell_proceeds),
            "expected_profit": format_money(signal.profit),
            "edge": format_units(signal.edge, _RATE_DECIMALS),
            "quote": buy.quote,
        }

    def _not_noted(self) -> Story:
        """Signals are ignored by the thousand and noted by sample: it is decided once more."""
        assert self._case.signal is not None
        last = self._case.signal[0]
        engine = Engine(self._start.config, RiskGate(1))
        for sequence, _, kind, payload in JournalReader(self._journal):
            if sequence > last:
                break
            if sequence > self._case.start_sequence and kind == kinds.EVENT:
                engine.process(_EVENTS.decode(payload))
        if engine.last_refusal is not None:
            return _verdict("refused", engine.last_refusal[1], noted=False)
        if engine.last_ignored is not None:
            return _verdict("ignored", engine.last_ignored, noted=False)
        return {"is": "unfinished", "reason": "the run died before its orders were written"}

    # --- what came of it --------------------------------------------------------------------------

    def _take(self, record: Record) -> None:
        _, wall_ns, kind, payload = record
        if kind == kinds.NOTE:
            self._note(_NOTES.decode(payload))
        elif kind == kinds.COMMAND:
            self._command(_COMMANDS.decode(payload), wall_ns)
        else:
            self._event(_EVENTS.decode(payload), kind)

    def _note(self, note: Refused | Ignored | Sent) -> None:
        if isinstance(note, Refused):
            self._verdict = _verdict("refused", note.reason, noted=True)
        elif isinstance(note, Ignored):
            self._verdict = _verdict("ignored", note.reason, noted=True)
        else:
            self._sent_ns = note.sent_ns
            whole = "event_to_order" if self._case.signal is None else "tick_to_order"
            stages = (
                ("journal", note.journalled_ns, note.decided_ns),
                ("encode", note.encoded_ns, note.journalled_ns),
                ("send", note.sent_ns, note.encoded_ns),
                (whole, note.sent_ns, note.recv_ns),
            )
            if "decode" in self._latency:
                decoded = note.recv_ns + self._latency["decode"]
                self._latency["decide"] = note.decided_ns - decoded
            self._latency.update((name, end - begin) for name, end, begin in stages)

    def _command(self, command: commands.AnyCommandRecord, wall_ns: int) -> None:
        if isinstance(command, commands.PlaceLegsRecord):
            self._since_ns = self._since_ns or wall_ns
            self._verdict = {"is": "approved", "strategy": command.strategy, "reason": ""}
            for leg in command.legs:
                self._place(leg, wall_ns)
        elif isinstance(command, commands.Cancel):
            life = self._orders[command.client_id]
            lifecycle.cancel(life)
            self._step(life, wall_ns, "we asked for its cancellation")
        elif isinstance(command, commands.Query):
            life = self._orders[command.client_id]
            lifecycle.lost(life, lifecycle.SILENCE)
            self._step(life, wall_ns, "we asked what became of it")
        elif isinstance(command, commands.Forget):
            self._orders[command.client_id].forgotten = True

    def _place(self, leg: commands.Leg, wall_ns: int) -> None:
        rules = self._rules[leg.venue, leg.instrument]
        life = LedgerOrder(
            client_id=leg.client_id, venue=leg.venue, instrument=leg.instrument,
            epoch=self._start.epoch, side=leg.side, price=leg.price, qty=leg.qty,
            state=OrderState.SENT, filled=0, claimed=0, venue_order_id="", accepted=False,
            cancel_wanted=False, absences=0, absent_ns=0, reason="", units=rules,
        )  # fmt: skip
        self._orders[leg.client_id] = life
        self._stories[leg.client_id] = {
            "client_id": leg.client_id,
            "venue": leg.venue,
            "instrument": leg.instrument,
            "side": Side(leg.side).name,
            "type": OrderType(leg.order_type).name,
            "tif": TimeInForce(leg.tif).name,
            "price": format_units(leg.price, rules.price_decimals),
            "qty": format_units(leg.qty, rules.qty_decimals),
            "latency_ns": {},
            "fills": [],
            "life": [],
        }
        self._step(life, wall_ns, "journalled, to be sent")

    def _event(self, event: events.AnyEvent, kind: int) -> None:
        client_id = getattr(event, "client_id", None)
        life = self._orders.get(client_id) if isinstance(client_id, str) else None
        if life is None or isinstance(event, events.Signal):
            return
        found: lifecycle.Findings = []
        name = _STAGES.get(type(event))
        if name is not None and self._sent_ns:
            latency = self._stories[life.client_id]["latency_ns"]
            latency.setdefault(name, event.now_ns - self._sent_ns)
        if life.forgotten and kind != kinds.RECOVERY and not self._known(event):
            lifecycle.claim(life, event)
            said = f"{_words(event)}: it was long over"
        elif isinstance(event, events.Fill):
            said = self._fill(life, event, found)
        else:
            lifecycle.told(life, event, found)
            said = _words(event)
        for grade, text in found:
            said += f" [{grade.value}: {text}]"
        self._step(life, event.wall_ns, said)

    def _known(self, event: events.AnyEvent) -> bool:
        """Whether it is a fill that is booked."""
        return isinstance(event, events.Fill) and (event.client_id, event.trade_id) in self._fees

    def _fill(self, life: LedgerOrder, fill: events.Fill, found: lifecycle.Findings) -> str:
        rules = self._rules[life.venue, life.instrument]
        price = format_units(fill.price, rules.price_decimals)
        qty = format_units(fill.qty, rules.qty_decimals)
        key = life.client_id, fill.trade_id
        owner = life.client_id if key in self._fees else None
        if not lifecycle.bookable(life, fill, owner, found):
            return self._again(key, fill)
        self._fees[key] = fill.fee, fill.fee_asset, fill.fee_estimated
        lifecycle.filled(life, fill, found)
        sign = 1 if life.side == Side.BUY else -1
        self._change(rules.base, sign * rules.qty_money(fill.qty))
        self._change(rules.quote, -sign * rules.notional(fill.price, fill.qty))
        self._change(fill.fee_asset, -fill.fee)
        fee = f"{format_money(fill.fee)} {fill.fee_asset}"
        self._stories[life.client_id]["fills"].append(
            {
                "trade_id": fill.trade_id,
                "price": price,
                "qty": qty,
                "fee": format_money(fill.fee),
                "fee_asset": fill.fee_asset,
                "maker": fill.maker,
                "wall_ns": fill.wall_ns,
            }
        )
        return f"filled {qty} at {price}, fee {fee}"

    def _again(self, key: tuple[str, str], fill: events.Fill) -> str:
        """The same trade once more: it may bring the fee that was an estimate."""
        fee, asset, estimated = self._fees.get(key, (0, "", False))
        if not estimated or fill.fee_estimated:
            return f"fill {fill.trade_id} once more"
        self._change(asset, fee)
        self._change(fill.fee_asset, -fill.fee)
        self._fees[key] = fill.fee, fill.fee_asset, False
        for told in self._stories[key[0]]["fills"]:
            if told["trade_id"] == fill.trade_id:
                told.update(fee=format_money(fill.fee), fee_asset=fill.fee_asset)
        return f"fee of fill {fill.trade_id} is {format_money(fill.fee)} {fill.fee_asset}"

    def _change(self, asset: str, amount: int) -> None:
        self._changes[asset] = self._changes.get(asset, 0) + amount

    def _step(self, life: LedgerOrder, wall_ns: int, said: str) -> None:
        story = self._stories[life.client_id]
        rules = self._rules[life.venue, life.instrument]
        story["state"] = life.state.value
        story["filled"] = format_units(life.filled, rules.qty_decimals)
        story["reason"] = life.reason
        story["life"].append(
            {
                "wall_ns": wall_ns,
                "after_ns": wall_ns - self._since_ns,
                "what": said,
                "state": life.state.value,
            }
        )


_SIDE: Final = ("qty", "limit", "best_bid", "best_ask", "version", "data_ns")
_STAGES: Final[dict[type, str]] = {
    events.OrderAck: "ack",
    events.Fill: "first_fill",
    events.OrderEnd: "end",
}
"""From the send to the first event of the kind."""


def _verdict(what: str, reason: str, *, noted: bool) -> Story:
    """``noted`` False: not in the journal, found by deciding once more."""
    return {"is": what, "reason": reason, "means": meaning(reason), "noted": noted}


def _words(event: events.AnyEvent) -> str:
    match event:
        case events.OrderAck():
            return f"acknowledged as {event.venue_order_id}"
        case events.OrderReject():
            return f"refused: {event.code} {event.text}".rstrip()
        case events.OrderUnknown():
            return f"outcome unknown: {event.reason}"
        case events.OrderEnd():
            return f"ended {event.state} {event.reason}".rstrip()
        case events.QueryResult(state=None):
            return "the venue does not know it" + ("" if event.authoritative else ", no proof")
        case events.QueryResult():
            return f"the venue says {event.state}"
        case events.Fill():
            return f"fill {event.trade_id}, not booked"
        case _:
            return type(event).__name__
