"""Ledger: the journal as tables, rebuilt to the same rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.records import WALL, event, pair, start, table, tables, write
from xrpfast._core import JournalError, JournalReader
from xrpfast.errors import UsageError
from xrpfast.model import MONEY_ONE
from xrpfast.records import kinds
from xrpfast.records.ledger import Ledger
from xrpfast.records.rebuild import rebuild
from xrpfast.records.start import Ignored, Refused
from xrpfast.records.unsettled import left
from xrpfast.trading import commands, events
from xrpfast.trading.lifecycle import PERSON


def fill(client_id: str, trade_id: str, qty: int, at: int, **changes: Any) -> events.Fill:
    fields: dict[str, Any] = {
        "now_ns": at,
        "wall_ns": WALL + at,
        "client_id": client_id,
        "venue_order_id": "v-1" if client_id == "b-1" else "v-2",
        "trade_id": trade_id,
        "price": 21230,
        "qty": qty,
        "fee": 1,
        "fee_asset": "XRP",
        "maker": False,
        "venue_ns": 99,
    }
    return events.Fill(**{**fields, **changes})


def ack(client_id: str, at: int) -> events.OrderAck:
    return events.OrderAck(now_ns=at, wall_ns=WALL + at, client_id=client_id, venue_order_id="v-1")


def end(client_id: str, state: str, at: int, reason: str = "", filled: int = 0) -> events.OrderEnd:
    return events.OrderEnd(
        now_ns=at,
        wall_ns=WALL + at,
        client_id=client_id,
        venue_order_id="v-1" if client_id == "b-1" else "v-2",
        state=state,
        filled_qty=filled,
        reason=reason,
    )


SIGNAL = events.Signal(*range(23))

RUN = [
    start(),
    event(SIGNAL),
    pair("b-1", "k-1"),
    event(ack("b-1", 700)),
    event(fill("b-1", "t1", 100, 710)),
    event(fill("b-1", "t1", 100, 715)),  # the same trade again
    event(fill("b-1", "t2", 150, 720, fee=MONEY_ONE // 40, fee_asset="BNB", maker=True)),
    event(end("b-1", "FILLED", 730, filled=250)),
    event(fill("k-1", "t1", 5_000, 740, price=213001, fee=3 * MONEY_ONE, fee_asset="USDT")),
    event(end("k-1", "EXPIRED", 750, "the rest of an IOC", filled=5_000)),
    (WALL + 760, kinds.NOTE, msgspec.json.encode(Refused(signal_id=8, reason="BOOK_STALE"))),
    (WALL + 762, kinds.NOTE, msgspec.json.encode(Ignored(signal_id=9, reason="BUSY", count=3))),
    (WALL + 765, kinds.NOTE, b'{"note":"other","text":"for people"}'),
    (WALL + 770, kinds.END, b"{}"),
]


def apply_all(path: Path, journal: Path, commit_every: int = 1) -> None:
    ledger = Ledger(path)
    for sequence, time_ns, kind, payload in JournalReader(journal):
        ledger.apply(sequence, time_ns, kind, payload)
        if sequence % commit_every == 0:
            ledger.commit()
    ledger.close()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    write(tmp_path / "journal", RUN)
    return tmp_path / "journal"


@pytest.fixture
def ledger(tmp_path: Path, journal: Path) -> Path:
    apply_all(tmp_path / "ledger.sqlite", journal)
    return tmp_path / "ledger.sqlite"


def test_orders(ledger: Path) -> None:
    buy, sell = table(ledger, "orders")
    assert buy == {
        "client_id": "b-1",
        "venue": "binance",
        "instrument": "XRP/USDT",
        "side": "BUY",
        "type": "LIMIT",
        "tif": "IOC",
        "price": "2.1234",
        "qty": "25",
        "strategy": "arb",
        "signal_id": 7,
        "epoch": 1,
        "state": "FILLED",
        "venue_order_id": "v-1",
        "filled_qty": "25",
        "reason": "",
        "created_ns": WALL + 600,
        "updated_ns": WALL + 730,
        "claimed_qty": "25",
        "accepted": 1,
        "cancel_wanted": 0,
        "absences": 0,
        "absent_ns": 0,
        "forgotten": 0,
    }
    assert (sell["price"], sell["qty"], sell["filled_qty"]) == ("2.13", "25.5", "0.5")
    assert (sell["side"], sell["tif"], sell["state"]) == ("SELL", "FOK", "EXPIRED")
    assert sell["reason"] == "the rest of an IOC"


def test_fills_once_each_with_exact_texts(ledger: Path) -> None:
    rows = table(ledger, "fills")
    found = [
        (r["venue"], r["trade_id"], r["client_id"], r["price"], r["qty"], r["fee"], r["fee_asset"])
        for r in rows
    ]
    assert found == [
        ("binance", "t1", "b-1", "2.123", "10", "0.000000000000000001", "XRP"),
        ("binance", "t2", "b-1", "2.123", "15", "0.025", "BNB"),
        ("kucoin", "t1", "k-1", "2.13001", "0.5", "3", "USDT"),
    ]
    assert [r["maker"] for r in rows] == [0, 1, 0]
    assert all(r["venue_ns"] == 99 for r in rows)


def test_signals_let_pass_and_starts(ledger: Path) -> None:
    (refusal,) = table(ledger, "refusals")
    assert refusal == {
        "sequence": 11,
        "wall_ns": WALL + 760,
        "signal_id": 8,
        "reason": "BOOK_STALE",
    }
    (ignored,) = table(ledger, "ignored")
    assert ignored == {
        "sequence": 12,
        "wall_ns": WALL + 762,
        "signal_id": 9,
        "reason": "BUSY",
        "count": 3,
    }
    with closing(sqlite3.connect(ledger)) as db:
        ((balances,),) = db.execute("select balances from starts")
    assert balances == '{"binance": {"USDT": "1000"}, "kucoin": {"XRP": "0.25"}}'


@pytest.mark.parametrize("commit_every", [1, 2, 5, 100])
def test_rebuilt_row_by_row(tmp_path: Path, journal: Path, commit_every: int) -> None:
    live, again = tmp_path / "live.sqlite", tmp_path / "again.sqlite"
    apply_all(live, journal, commit_every)
    assert rebuild(journal, again) == len(RUN)
    assert tables(live) == tables(again)
    assert rebuild(journal, again) == 0
    assert tables(live) == tables(again)


def test_applying_again_changes_nothing(tmp_path: Path, journal: Path, ledger: Path) -> None:
    before = tables(ledger)
    apply_all(ledger, journal)
    assert tables(ledger) == before


@pytest.mark.parametrize("stop", range(1, len(RUN)))
def test_stopped_anywhere_it_is_caught_up(tmp_path: Path, journal: Path, stop: int) -> None:
    """What was committed stays, what was not is applied again."""
    path = tmp_path / "part.sqlite"
    part = Ledger(path)
    for sequence, time_ns, kind, payload in JournalReader(journal):
        part.apply(sequence, time_ns, kind, payload)
        if sequence == stop:
            part.commit()
        elif sequence == stop + 1:
            break
    part._db.close()  # as a kill would: the last record was never committed
    assert rebuild(journal, path) == len(RUN) - stop
    whole = tmp_path / "whole.sqlite"
    rebuild(journal, whole)
    assert tables(path) == tables(whole)


def test_a_record_is_applied_whole_or_not_at_all(tmp_path: Path) -> None:
    """The second leg's id is taken: the first leg must not stay behind alone."""
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    for sequence, record in enumerate([start(), pair("b-1", "k-1")], 1):
        ledger.apply(sequence, record[0], record[1], record[2])
    ledger.commit()
    time_ns, kind, payload = event(ack("b-1", 700))
    ledger.apply(3, time_ns, kind, payload)
    time_ns, kind, payload = pair("b-2", "k-1")
    with pytest.raises(sqlite3.IntegrityError):
        ledger.apply(4, time_ns, kind, payload)
    assert ledger.sequence == 2
    ledger.commit()
    assert [row["client_id"] for row in table(path, "orders")] == ["b-1", "k-1"]
    assert table(path, "orders")[0]["state"] == "SENT"
    # It goes on from what it has.
    time_ns, kind, payload = event(ack("b-1", 700))
    ledger.apply(3, time_ns, kind, payload)
    ledger.close()
    assert table(path, "orders")[0]["state"] == "OPEN"


@pytest.mark.parametrize(
    ("said", "state", "reason"),
    [
        ([], "SENT", ""),
        ([ack("b-1", 700)], "OPEN", ""),
        ([fill("b-1", "t1", 100, 700)], "PARTLY_FILLED", ""),
        ([fill("b-1", "t1", 250, 700)], "FILLED", ""),
        ([fill("b-1", "t1", 250, 700), ack("b-1", 701)], "FILLED", ""),
        ([end("b-1", "CANCELLED", 700, "asked")], "CANCELLED", "asked"),
        (
            [
                events.OrderReject(
                    now_ns=1, wall_ns=WALL, client_id="b-1", code="-2010", text="no funds"
                )
            ],
            "REJECTED",
            "-2010: no funds",
        ),
        (
            [events.OrderUnknown(now_ns=1, wall_ns=WALL, client_id="b-1", reason="timeout")],
            "UNKNOWN",
            "timeout",
        ),
        (
            [
                events.OrderUnknown(now_ns=1, wall_ns=WALL, client_id="b-1", reason="timeout"),
                events.QueryResult(
                    now_ns=2,
                    wall_ns=WALL,
                    client_id="b-1",
                    venue_order_id="v-9",
                    state="CANCELLED",
                    filled_qty=0,
                    authoritative=True,
                ),
            ],
            "CANCELLED",
            "query",
        ),
    ],
)
def test_states(tmp_path: Path, said: list[Any], state: str, reason: str) -> None:
    write(tmp_path / "journal", [start(), pair("b-1", "k-1"), *map(event, said)])
    rebuild(tmp_path / "journal", tmp_path / "ledger.sqlite")
    order = table(tmp_path / "ledger.sqlite", "orders")[0]
    assert (order["state"], order["reason"]) == (state, reason)


def not_found(at: int = 0, *, authoritative: bool = True) -> events.QueryResult:
    return events.QueryResult(
        now_ns=3,
        wall_ns=WALL + at,
        client_id="b-1",
        venue_order_id=None,
        state=None,
        filled_qty=0,
        authoritative=authoritative,
    )


@pytest.mark.parametrize(
    ("said", "asked", "answers", "state"),
    [
        # Silence alone: the desk's query shows that the order has become UNKNOWN to it.
        ([], True, [], "UNKNOWN"),
        ([], True, [not_found()], "UNKNOWN"),  # once is no proof
        ([], True, [not_found(), not_found(10**9 - 1)], "UNKNOWN"),  # nor is twice at once
        ([], True, [not_found(), not_found(10**9)], "REJECTED"),
        ([], True, [not_found(authoritative=False)] * 3, "UNKNOWN"),
        # Not asked for by the desk (a cancel that was refused): proves nothing yet.
        ([], False, [not_found(), not_found(10**9)], "SENT"),
        # Seen at the venue before: its words do not fit together, the worst case stays.
        ([ack("b-1", 700)], True, [], "OPEN"),
        ([ack("b-1", 700)], True, [not_found()], "UNKNOWN"),
        ([fill("b-1", "t1", 250, 700)], True, [not_found()], "FILLED"),
    ],
)
def test_an_order_of_which_nothing_is_heard_ends_as_the_desk_has_it(
    tmp_path: Path, said: list[Any], asked: bool, answers: list[events.QueryResult], state: str
) -> None:
    query = commands.Query("b-1", "binance", "XRP/USDT")
    records = [start(), pair("b-1", "k-1"), *map(event, said)]
    if asked:
        records.append((720, kinds.COMMAND, msgspec.json.encode(query)))
    records += map(event, answers)
    write(tmp_path / "journal", records)
    rebuild(tmp_path / "journal", tmp_path / "ledger.sqlite")
    assert table(tmp_path / "ledger.sqlite", "orders")[0]["state"] == state


def forgotten(*said: Any) -> list[Any]:
    """An order that left the desk's memory half filled, and what was said afterwards."""
    forget = commands.Forget("b-1")
    return [
        start(),
        pair("b-1", "k-1"),
        event(fill("b-1", "t1", 100, 700)),
        event(end("b-1", "EXPIRED", 710, filled=100)),
        (720, kinds.COMMAND, msgspec.json.encode(forget)),
        *said,
    ]


LATE = fill("b-1", "t2", 50, 740)


@pytest.mark.parametrize(
    ("said", "claimed", "fills"),
    [
        ([event(ack("b-1", 730))], "10", ["t1"]),
        ([event(fill("b-1", "t1", 100, 740))], "10", ["t1"]),
        ([event(end("b-1", "CANCELLED", 740, filled=120))], "12", ["t1"]),
        ([event(not_found(10**9)), event(not_found(3 * 10**9))], "10", ["t1"]),
        ([event(LATE)], "15", ["t1"]),
        ([event(LATE), event(LATE)], "15", ["t1"]),  # claimed once, however often it is told
        # The next start asks, and the venue's answer is booked.
        ([event(LATE), (750, kinds.RECOVERY, msgspec.json.encode(LATE))], "15", ["t1", "t2"]),
        # A later run knows nothing of it either.
        ([start(2), event(LATE)], "15", ["t1"]),
    ],
)
def test_of_an_order_that_left_memory_only_what_the_venue_claims_is_noted(
    tmp_path: Path, said: list[Any], claimed: str, fills: list[str]
) -> None:
    write(tmp_path / "journal", forgotten(*said))
    path = tmp_path / "ledger.sqlite"
    rebuild(tmp_path / "journal", path)
    order = table(path, "orders")[0]
    assert (order["state"], order["reason"], order["claimed_qty"]) == ("EXPIRED", "", claimed)
    assert [row["trade_id"] for row in table(path, "fills")] == fills
    unsettled = {order.client_id for order in left(path).orders} - {"k-1"}
    assert unsettled == ({"b-1"} if claimed != order["filled_qty"] else set())


def test_what_a_person_settled_is_not_asked_for_again(tmp_path: Path) -> None:
    """The fill may be the one that was named: it halts the desk, and the books stay."""
    said = [
        start(),
        pair("b-1", "k-1"),
        event(end("b-1", "CANCELLED", 700, f"{PERSON}ann: order history")),
        (720, kinds.COMMAND, msgspec.json.encode(commands.Forget("b-1"))),
        event(LATE),
    ]
    write(tmp_path / "journal", said)
    rebuild(tmp_path / "journal", tmp_path / "ledger.sqlite")
    unsettled = {order.client_id for order in left(tmp_path / "ledger.sqlite").orders}
    assert unsettled == {"k-1"}


def test_a_fill_told_to_a_later_run_is_asked_for_before_the_next(tmp_path: Path) -> None:
    """No desk follows the orders of earlier runs: it would book what nobody accounts for."""
    said = [start(1), pair("b-1", "k-1"), event(end("b-1", "EXPIRED", 700)), start(2), event(LATE)]
    write(tmp_path / "journal", said)
    rebuild(tmp_path / "journal", tmp_path / "ledger.sqlite")
    assert table(tmp_path / "ledger.sqlite", "fills") == []
    assert "b-1" in {order.client_id for order in left(tmp_path / "ledger.sqlite").orders}


def test_two_absences_at_once_are_one_over_a_restart_too(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    lost = events.OrderUnknown(now_ns=1, wall_ns=WALL, client_id="b-1", reason="a run ended")
    said = [start(), pair("b-1", "k-1"), event(lost), event(not_found(5)), event(not_found(6)),
            event(not_found(5 + 10**9))]  # fmt: skip
    states = []
    for sequence, record in enumerate(said, 1):
        ledger = Ledger(path)
        ledger.apply(sequence, *record)
        ledger.close()
        states += [row["state"] for row in table(path, "orders") if row["client_id"] == "b-1"]
    assert states == ["SENT", "UNKNOWN", "UNKNOWN", "UNKNOWN", "REJECTED"]


def test_cancel_is_seen_and_a_strangers_order_is_not(tmp_path: Path) -> None:
    cancel = commands.Cancel("b-1", "binance", "XRP/USDT")
    records = [
        start(),
        pair("b-1", "k-1"),
        (700, kinds.COMMAND, msgspec.json.encode(cancel)),
        event(fill("not-ours", "t1", 5, 710)),
        event(ack("not-ours", 720)),
    ]
    write(tmp_path / "journal", records)
    rebuild(tmp_path / "journal", tmp_path / "ledger.sqlite")
    orders = table(tmp_path / "ledger.sqlite", "orders")
    assert [order["state"] for order in orders] == ["CANCEL_SENT", "SENT"]
    assert table(tmp_path / "ledger.sqlite", "fills") == []


def test_two_runs_in_one_journal(tmp_path: Path) -> None:
    write(tmp_path / "journal", [start(1), pair("b-1", "k-1")], segment_bytes=2048)
    write(tmp_path / "journal", [start(2), pair("b-2", "k-2")], segment_bytes=2048)
    rebuild(tmp_path / "journal", tmp_path / "ledger.sqlite")
    orders = table(tmp_path / "ledger.sqlite", "orders")
    assert [(o["client_id"], o["epoch"]) for o in orders] == [
        ("b-1", 1),
        ("b-2", 2),
        ("k-1", 1),
        ("k-2", 2),
    ]


def test_a_damaged_journal_is_not_projected_in_silence(tmp_path: Path, journal: Path) -> None:
    segment = journal / "00000001.journal"
    raw = bytearray(segment.read_bytes())
    raw[200] ^= 1
    segment.write_bytes(raw)
    with pytest.raises(JournalError):
        rebuild(journal, tmp_path / "ledger.sqlite")


def test_a_file_that_is_no_ledger_is_named_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"torn" * 1024)
    with pytest.raises(UsageError, match=r"ledger\.sqlite: no ledger .*move the file away"):
        Ledger(path)


def test_readable_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    for sequence, record in enumerate([start(), pair("b-1", "k-1")], 1):
        ledger.apply(sequence, record[0], record[1], record[2])
    assert table(path, "orders") == []
    ledger.commit()
    assert len(table(path, "orders")) == 2
    ledger.close()
