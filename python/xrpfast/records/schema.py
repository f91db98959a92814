"""The ledger's tables, and the steps from every older version to this one.

A file's version is its ``pragma user_version``. `MIGRATIONS[n]` brings version n to n + 1, in one
transaction with the number; version 0 is an empty file. A step is never changed once it was
released: what follows is a new step.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

import msgspec

from xrpfast.errors import UsageError
from xrpfast.model import SymbolRules

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (  # 0 -> 1
        "create table meta (key text primary key, value text not null) without rowid",
        """create table starts (
            epoch integer primary key, wall_ns integer not null, version text not null,
            environment text not null, deployment text not null, balances text not null
        )""",
        """create table orders (
            client_id text primary key, venue text not null, instrument text not null,
            side text not null, type text not null, tif text not null, price text not null,
            qty text not null, strategy text not null, signal_id integer not null,
            epoch integer not null, state text not null, venue_order_id text,
            filled_qty text not null, reason text not null, created_ns integer not null,
            updated_ns integer not null
        ) without rowid""",
        """create table fills (
            venue text not null, instrument text not null, trade_id text not null,
            client_id text not null, price text not null, qty text not null, fee text not null,
            fee_asset text not null, maker integer not null, venue_ns integer not null,
            sequence integer not null,
            primary key (venue, instrument, trade_id, client_id)
        ) without rowid""",
        """create table refusals (
            sequence integer primary key, wall_ns integer not null, signal_id integer not null,
            reason text not null
        )""",
    ),
    (  # 1 -> 2: all that the reducer needs of an order; late fees; what was let pass or adopted
        "alter table orders add column claimed_qty text not null default '0'",
        "alter table orders add column accepted integer not null default 0",
        "alter table orders add column cancel_wanted integer not null default 0",
        "alter table orders add column absences integer not null default 0",
        """update orders set
            claimed_qty = case state when 'FILLED' then qty else filled_qty end,
            accepted = venue_order_id is not null or filled_qty <> '0'
                or state in ('OPEN', 'PARTLY_FILLED', 'FILLED', 'CANCELLED', 'EXPIRED'),
            cancel_wanted = state = 'CANCEL_SENT'""",
        """create table ignored (
            sequence integer primary key, wall_ns integer not null, signal_id integer not null,
            reason text not null, count integer not null
        )""",
        """create table adoptions (
            sequence integer primary key, wall_ns integer not null, venue text not null,
            asset text not null, delta text not null, reason text not null
        )""",
        "alter table fills add column fee_estimated integer not null default 0",
        """create table totals (
            epoch integer not null, verdict text not null, reason text not null,
            count integer not null, primary key (epoch, verdict, reason)
        ) without rowid""",
        """insert into totals select (select max(epoch) from starts), 'refused', reason, count(*)
            from refusals group by reason""",
        "alter table starts add column ended integer not null default 0",
        "delete from meta where key = 'wall_offset'",
    ),
    (  # 2 -> 3: what a person traded against an imbalance, and what closing one has cost so far
        """create table by_hand (
            sequence integer primary key, wall_ns integer not null, instrument text not null,
            amount text not null, reason text not null, who text not null
        )""",
        """create table spent (
            instrument text primary key, lost text not null, attempts integer not null
        ) without rowid""",
    ),
    (  # 3 -> 4: when the venue did not know an order, which orders the desk follows no more, and
        # what was halted, reduced and resumed, by whom and why
        "alter table orders add column absent_ns integer not null default 0",
        "alter table orders add column forgotten integer not null default 0",
        """create table words (
            sequence integer primary key, wall_ns integer not null, action text not null,
            scope text not null, reason text not null, who text not null
        )""",
    ),
    (  # 4 -> 5: the rules of every run: in what units its orders are counted
        """create table rules (
            epoch integer not null, venue text not null, instrument text not null,
            rules text not null, primary key (venue, instrument, epoch)
        ) without rowid""",
        """insert into rules select cast(epoch.value as integer),
            json_extract(each.value, '$.venue'), json_extract(each.value, '$.instrument'),
            each.value
            from meta as old, meta as epoch, json_each(old.value) as each
            where old.key = 'rules' and epoch.key = 'epoch'""",
        "delete from meta where key = 'rules'",
    ),
)
VERSION: Final = len(MIGRATIONS)


def open_database(path: Path) -> sqlite3.Connection:
    """Opens or creates a ledger and brings it to `VERSION`.

    Raises `UsageError`, one line, for a file of a newer version or of no ledger.
    """
    db = sqlite3.connect(path, isolation_level=None)
    try:
        (version,) = db.execute("pragma user_version").fetchone()
        refuse_newer(path, version)
        db.execute("pragma journal_mode = wal")
        # The journal is the truth: what a loss of power takes is applied again from it.
        db.execute("pragma synchronous = off")
        for step in range(version, VERSION):
            _migrate(db, step)
    except sqlite3.DatabaseError as error:
        db.close()
        raise UsageError(
            f"{path}: no ledger ({error}): move the file away, it is rebuilt from the journal"
        ) from error
    except UsageError:
        db.close()
        raise
    return db


def read_database(path: Path) -> sqlite3.Connection:
    """Opens a ledger to read, also while an engine writes it; rows go by column name.

    Raises `UsageError`, one line, for a file that is missing, older, newer or no ledger.
    """
    if not path.is_file():
        raise UsageError(f"{path}: there is no ledger: has an engine run there?")
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        (version,) = db.execute("pragma user_version").fetchone()
        refuse_newer(path, version)
    except sqlite3.DatabaseError as error:
        db.close()
        raise UsageError(f"{path}: no ledger ({error})") from error
    except UsageError:
        db.close()
        raise
    if version < VERSION:
        db.close()
        raise UsageError(
            f"{path}: ledger of version {version}, this is version {VERSION}: "
            "bring it up to date with `ledger rebuild`, or start the engine once"
        )
    db.row_factory = sqlite3.Row
    return db


def latest_rules(db: sqlite3.Connection) -> tuple[SymbolRules, ...]:
    """Of every place, those of the latest run that traded it."""
    rows = db.execute("select rules, max(epoch) from rules group by venue, instrument").fetchall()
    return tuple(msgspec.json.decode(row[0], type=SymbolRules) for row in rows)


def refuse_newer(path: Path, version: int) -> None:
    if version > VERSION:
        raise UsageError(
            f"{path}: ledger of version {version}, this is version {VERSION}: "
            "use the newer xrpfast, or move the file away: it is rebuilt from the journal"
        )


def _migrate(db: sqlite3.Connection, step: int) -> None:
    db.execute("begin immediate")
    try:
        for statement in MIGRATIONS[step]:
            db.execute(statement)
        db.execute(f"pragma user_version = {step + 1}")
        db.execute("commit")
    except BaseException:
        db.rollback()
        raise
