"""Ledgers of older versions are brought up to date; newer ones are left alone.

The files of older versions are made from SQL kept here, as those versions made them.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from support.records import WALL, event, pair, start, table, tables, write
from xrpfast.errors import UsageError
from xrpfast.records import schema
from xrpfast.records.ledger import Ledger
from xrpfast.records.rebuild import rebuild
from xrpfast.trading import events

EMPTY_V1 = """
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
pragma user_version = 1;
"""
RULES_V1 = (
    '[{"venue":"binance","instrument":"XRP/USDT","venue_symbol":"XRPUSDT","base":"XRP",'
    '"quote":"USDT","price_decimals":4,"qty_decimals":1,"tick":1,"lot":1,"min_qty":1,'
    '"max_qty":1000000,"min_notional":0,"taker_rate":100000,"maker_rate":100000,'
    '"fee_in_received":true}]'
)
FILLED_V1 = f"""
insert into meta values ('sequence', '3'), ('epoch', '1'), ('wall_offset', '77'),
    ('rules', '{RULES_V1}');
insert into starts values (1, 5, '0.1.0', 'd', 'demo', '{{"binance": {{"USDT": "9"}}}}');
insert into orders values
    ('s', 'binance', 'XRP/USDT', 'BUY', 'LIMIT', 'IOC', '2', '25', 'arb', 7, 1, 'SENT', null,
        '0', '', 1, 1),
    ('o', 'binance', 'XRP/USDT', 'BUY', 'LIMIT', 'IOC', '2', '25', 'arb', 7, 1, 'OPEN', 'v1',
        '0', '', 1, 2),
    ('p', 'binance', 'XRP/USDT', 'BUY', 'LIMIT', 'IOC', '2', '25', 'arb', 7, 1, 'PARTLY_FILLED',
        null, '1.5', '', 1, 2),
    ('c', 'binance', 'XRP/USDT', 'BUY', 'LIMIT', 'GTC', '2', '25', 'arb', 7, 1, 'CANCEL_SENT',
        null, '0', '', 1, 2),
    ('f', 'binance', 'XRP/USDT', 'SELL', 'LIMIT', 'IOC', '2', '25', 'arb', 7, 1, 'FILLED', 'v2',
        '25', '', 1, 3),
    ('r', 'binance', 'XRP/USDT', 'SELL', 'LIMIT', 'IOC', '2', '25', 'arb', 7, 1, 'REJECTED', null,
        '0', '-2010 no funds', 1, 3);
insert into fills values
    ('binance', 'XRP/USDT', 't1', 'p', '2', '1.5', '0.003', 'USDT', 0, 4, 2),
    ('binance', 'XRP/USDT', 't2', 'f', '2', '25', '0.05', 'USDT', 1, 4, 3);
insert into refusals values (3, 9, 6, 'BOOK_STALE');
"""
EMPTY_V2 = (
    EMPTY_V1
    + """
alter table orders add column claimed_qty text not null default '0';
alter table orders add column accepted integer not null default 0;
alter table orders add column cancel_wanted integer not null default 0;
alter table orders add column absences integer not null default 0;
create table ignored (
    sequence integer primary key, wall_ns integer not null, signal_id integer not null,
    reason text not null, count integer not null
);
create table adoptions (
    sequence integer primary key, wall_ns integer not null, venue text not null,
    asset text not null, delta text not null, reason text not null
);
alter table fills add column fee_estimated integer not null default 0;
create table totals (
    epoch integer not null, verdict text not null, reason text not null, count integer not null,
    primary key (epoch, verdict, reason)
) without rowid;
alter table starts add column ended integer not null default 0;
pragma user_version = 2;
"""
)
EMPTY_V3 = (
    EMPTY_V2
    + """
create table by_hand (
    sequence integer primary key, wall_ns integer not null, instrument text not null,
    amount text not null, reason text not null, who text not null
);
create table spent (
    instrument text primary key, lost text not null, attempts integer not null
) without rowid;
pragma user_version = 3;
"""
)
EMPTY_V4 = (
    EMPTY_V3
    + """
alter table orders add column absent_ns integer not null default 0;
alter table orders add column forgotten integer not null default 0;
create table words (
    sequence integer primary key, wall_ns integer not null, action text not null,
    scope text not null, reason text not null, who text not null
);
pragma user_version = 4;
"""
)
OLDER = {1: EMPTY_V1, 2: EMPTY_V2, 3: EMPTY_V3, 4: EMPTY_V4}
"""The empty ledger of every version before this one."""


def make(path: Path, *scripts: str) -> Path:
    with closing(sqlite3.connect(path)) as db:
        for script in scripts:
            db.executescript(script)
    return path


def shape(path: Path) -> tuple[int, dict[str, list[tuple[object, ...]]]]:
    """Version, and every table's columns: name, type, not null, default, key."""
    with closing(sqlite3.connect(path)) as db:
        names = db.execute("select name from sqlite_master where type = 'table'").fetchall()
        columns = {
            str(name): [row[1:] for row in db.execute(f"pragma table_info({name})")]
            for (name,) in names
        }
        (version,) = db.execute("pragma user_version").fetchone()
    return version, columns


def test_every_older_version_is_tried() -> None:
    assert set(OLDER) == set(range(1, schema.VERSION))


@pytest.mark.parametrize("version", OLDER)
def test_an_older_ledger_gets_the_shape_of_a_new_one(tmp_path: Path, version: int) -> None:
    Ledger(tmp_path / "new.sqlite").close()
    Ledger(make(tmp_path / "old.sqlite", OLDER[version])).close()
    assert shape(tmp_path / "old.sqlite") == shape(tmp_path / "new.sqlite")
    assert shape(tmp_path / "new.sqlite")[0] == schema.VERSION


@pytest.mark.parametrize("version", OLDER)
def test_an_older_empty_ledger_is_filled_as_a_new_one(tmp_path: Path, version: int) -> None:
    ack = events.OrderAck(now_ns=1, wall_ns=WALL + 700, client_id="b-1", venue_order_id="v")
    write(tmp_path / "journal", [start(), pair("b-1", "k-1"), event(ack)])
    old = make(tmp_path / "old.sqlite", OLDER[version])
    assert (
        rebuild(tmp_path / "journal", old) == rebuild(tmp_path / "journal", tmp_path / "new") == 3
    )
    assert tables(old) == tables(tmp_path / "new")


def test_rows_of_version_1_are_kept_and_completed(tmp_path: Path) -> None:
    path = make(tmp_path / "ledger.sqlite", EMPTY_V1, FILLED_V1)
    before = {row["client_id"]: row for row in table(path, "orders")}
    refusals = tables(path)["refusals"]
    fills, starts = table(path, "fills"), start_rows(path)
    ledger = Ledger(path)
    assert ledger.sequence == 3
    after = {row["client_id"]: row for row in table(path, "orders")}
    assert {
        name: (row["claimed_qty"], row["accepted"], row["cancel_wanted"])
        for name, row in after.items()
    } == {
        "s": ("0", 0, 0),
        "o": ("0", 1, 0),
        "p": ("1.5", 1, 0),
        "c": ("0", 0, 1),
        "f": ("25", 1, 0),
        "r": ("0", 0, 0),
    }
    assert {name: {key: row[key] for key in before[name]} for name, row in after.items()} == before
    assert tables(path)["refusals"] == refusals
    assert tables(path)["totals"] == [(1, "refused", "BOOK_STALE", 1)]
    assert start_rows(path) == [{**row, "ended": 0} for row in starts]
    assert table(path, "fills") == [{**fill, "fee_estimated": 0} for fill in fills]
    assert "wall_offset" not in {row["key"] for row in table_of_meta(path)}
    # It goes on from there.
    ack = events.OrderAck(now_ns=1, wall_ns=WALL, client_id="s", venue_order_id="v3")
    wall_ns, kind, payload = event(ack)
    ledger.apply(4, wall_ns, kind, payload)
    ledger.close()
    (row,) = (row for row in table(path, "orders") if row["client_id"] == "s")
    assert (row["state"], row["accepted"], row["updated_ns"]) == ("OPEN", 1, WALL)


def start_rows(path: Path) -> list[dict[str, object]]:
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute("select * from starts")]


def table_of_meta(path: Path) -> list[dict[str, str]]:
    with closing(sqlite3.connect(path)) as db:
        return [{"key": key} for (key,) in db.execute("select key from meta")]


def test_a_step_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "ledger.sqlite", EMPTY_V1, FILLED_V1)
    before = shape(path), tables(path)
    broken = (*schema.MIGRATIONS[1], "insert into no_such_table values (1)")
    monkeypatch.setattr(schema, "MIGRATIONS", (schema.MIGRATIONS[0], broken))
    with pytest.raises(UsageError, match="no_such_table"):
        Ledger(path)
    assert (shape(path), tables(path)) == before
    monkeypatch.undo()
    Ledger(path).close()
    assert shape(path)[0] == schema.VERSION


@pytest.mark.parametrize("opened", [Ledger, schema.read_database])
def test_a_newer_version_is_refused_in_one_line_and_left_alone(
    tmp_path: Path, opened: type
) -> None:
    path = make(tmp_path / "ledger.sqlite", EMPTY_V1, FILLED_V1, "pragma user_version = 99;")
    before = path.read_bytes()
    with pytest.raises(UsageError, match=r"ledger\.sqlite: ledger of version 99, .*newer") as error:
        opened(path)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == before


def test_readers_bring_nothing_up_to_date(tmp_path: Path) -> None:
    path = make(tmp_path / "ledger.sqlite", EMPTY_V1)
    with pytest.raises(UsageError, match="version 1"):
        schema.read_database(path)
    with pytest.raises(UsageError, match="there is no ledger"):
        schema.read_database(tmp_path / "missing.sqlite")
    (tmp_path / "torn.sqlite").write_bytes(b"torn" * 1024)
    with pytest.raises(UsageError, match="no ledger"):
        schema.read_database(tmp_path / "torn.sqlite")
