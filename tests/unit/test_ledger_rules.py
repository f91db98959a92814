"""What earlier runs left: orders of places not traded any more, budgets that were spent."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from support.records import BOOKS, WALL, Record, event, pair, start, table, tables
from xrpfast.model import SymbolRules, parse_money
from xrpfast.records import kinds
from xrpfast.records.ledger import Ledger
from xrpfast.records.start import Start
from xrpfast.records.unsettled import left
from xrpfast.trading import events
from xrpfast.trading.commands import Spent

OTHER = msgspec.structs.replace(BOOKS[0], instrument="BTC/USDT", venue_symbol="BTCUSDT", base="BTC")


def run(epoch: int, *books: SymbolRules) -> Record:
    wall_ns, kind, payload = start(epoch)
    record = msgspec.json.decode(payload, type=Start)
    config = msgspec.structs.replace(record.config, books=books)
    return wall_ns, kind, msgspec.json.encode(msgspec.structs.replace(record, config=config))


def finer(by: int) -> SymbolRules:
    """Binance's book (4 and 1 decimals) with so many decimals more."""
    old = BOOKS[0]
    return msgspec.structs.replace(
        old, price_decimals=old.price_decimals + by, qty_decimals=old.qty_decimals + by
    )


def recovered(value: events.AnyEvent) -> Record:
    return value.wall_ns, kinds.RECOVERY, msgspec.json.encode(value)


def fill(price: int, qty: int, trade_id: str = "t1") -> events.Fill:
    return events.Fill(
        now_ns=1,
        wall_ns=WALL + 800,
        client_id="b-1",
        venue_order_id="v-1",
        trade_id=trade_id,
        price=price,
        qty=qty,
        fee=0,
        fee_asset="USDT",
        maker=False,
        venue_ns=99,
    )


def answer(filled: int, price: int | None, qty: int | None) -> events.QueryResult:
    return events.QueryResult(
        now_ns=2,
        wall_ns=WALL + 900,
        client_id="b-1",
        venue_order_id="v-1",
        state="CANCELLED",
        filled_qty=filled,
        authoritative=True,
        terms=events.Terms("XRP/USDT", 0, price, qty),
    )


def write(path: Path, records: list[Record], reopen: bool = False) -> Path:
    """Applies ``records``; ``reopen``: by another ledger object each."""
    ledger = Ledger(path)
    for sequence, (wall_ns, kind, payload) in enumerate(records, 1):
        ledger.apply(sequence, wall_ns, kind, payload)
        if reopen:
            ledger.close()
            ledger = Ledger(path)
    ledger.close()
    return path


@pytest.mark.parametrize("books", [(OTHER,), (OTHER, BOOKS[1])], ids=["instrument", "one-venue"])
def test_a_late_word_about_a_place_no_more_traded_is_reduced(
    tmp_path: Path, books: tuple[SymbolRules, ...]
) -> None:
    late = [
        event(fill(21230, 100)),
        recovered(fill(21230, 100)),
        recovered(answer(100, 21234, 250)),
    ]
    records = [run(1, *BOOKS), pair("b-1", "k-1"), run(2, *books), *late]
    path = write(tmp_path / "ledger", records)
    order = table(path, "orders")[0]
    assert (order["state"], order["filled_qty"], order["price"]) == ("CANCELLED", "10", "2.1234")
    (booked,) = table(path, "fills")
    assert (booked["price"], booked["qty"]) == ("2.123", "10")
    assert {(r.venue, r.instrument) for r in left(path).rules} == {
        (r.venue, r.instrument) for r in (*BOOKS, OTHER)
    }
    assert tables(write(tmp_path / "again", records, reopen=True)) == tables(path)


@pytest.mark.parametrize("by", [1, -1])
def test_changed_decimals_misread_no_old_order(tmp_path: Path, by: int) -> None:
    """25 at 2.1234 were ordered; 10 at 2.123 filled. With less decimals the venue's own price is
    finer than the book's: it is not compared."""
    price, qty = (212300, 1000) if by > 0 else (2123, 10)
    terms = (212340, 2500) if by > 0 else (-1, 25)
    late = [recovered(fill(price, qty)), recovered(answer(qty, *terms))]
    path = tmp_path / "ledger"
    write(path, [run(1, *BOOKS), pair("b-1", "k-1"), run(2, finer(by), BOOKS[1]), *late])
    order = table(path, "orders")[0]
    assert (order["state"], order["filled_qty"]) == ("CANCELLED", "10")
    assert (order["price"], order["qty"], order["claimed_qty"]) == ("2.1234", "25", "10")
    (booked,) = table(path, "fills")
    assert (booked["price"], booked["qty"]) == ("2.123", "10")


def test_a_part_finer_than_the_rules_of_now_is_kept(tmp_path: Path) -> None:
    """10.5 filled in its own run; then the book has whole numbers only."""
    records = [run(1, *BOOKS), pair("b-1", "k-1"), event(fill(21230, 105))]
    whole = msgspec.structs.replace(BOOKS[0], qty_decimals=0)
    records += [run(2, whole, BOOKS[1]), recovered(fill(21230, 14, "t2"))]
    path = write(tmp_path / "ledger", records)
    assert table(path, "orders")[0]["filled_qty"] == "24.5"


def test_a_word_is_left_out_where_no_rules_are_known(tmp_path: Path) -> None:
    """As in a ledger of an older version, which kept those of its latest run alone."""
    path = write(tmp_path / "ledger", [run(1, *BOOKS), pair("b-1", "k-1"), run(2, OTHER)])
    ledger = Ledger(path)
    ledger._db.execute("delete from rules where epoch = 1")
    ledger.close()
    ledger = Ledger(path)
    wall_ns, kind, payload = recovered(fill(21230, 100))
    ledger.apply(4, wall_ns, kind, payload)
    assert ledger.order("b-1") is None
    ledger.close()
    assert table(path, "fills") == []


SPENT = {"XRP/USDT": ("1", 2), "BTC/USDT": ("3", 4)}


@pytest.mark.parametrize(
    ("kind", "scope", "left_over"),
    [
        (kinds.RECOVERY, "", []),
        (kinds.RECOVERY, "symbol:XRP/USDT", ["BTC/USDT"]),
        (kinds.RECOVERY, "venue:binance", ["BTC/USDT", "XRP/USDT"]),
        (kinds.EVENT, "", ["BTC/USDT", "XRP/USDT"]),  # an engine that takes it says so itself
    ],
)
def test_a_resume_while_no_engine_runs_gives_a_new_budget(
    tmp_path: Path, kind: int, scope: str, left_over: list[str]
) -> None:
    word = events.Control(
        now_ns=1, wall_ns=WALL, action="resume", reason="looked", scope=scope, who="a person"
    )
    records: list[Record] = [run(1, *BOOKS)]
    records += [
        (WALL, kinds.COMMAND, msgspec.json.encode(Spent(name, parse_money(lost), attempts)))
        for name, (lost, attempts) in SPENT.items()
    ]
    records.append((WALL, kind, msgspec.json.encode(word)))
    path = write(tmp_path / "ledger", records)
    assert [row["instrument"] for row in rows(path)] == left_over
    assert tables(write(tmp_path / "again", records, reopen=True)) == tables(path)


def rows(path: Path) -> list[dict[str, object]]:
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute("select * from spent order by instrument")]
