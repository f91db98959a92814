"""Synthetic journals, and ledgers as comparable rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from xrpfast._core import Journal
from xrpfast.model import MONEY_ONE, SymbolRules
from xrpfast.records import kinds
from xrpfast.records.start import Start
from xrpfast.trading.commands import Leg, PlaceLegs
from xrpfast.trading.config import EngineConfig, StartBalance
from xrpfast.trading.risk.limits import RiskLimits

WALL = 1_790_000_000_000_000_000

Record = tuple[int, int, bytes]
"""(wall time, kind, payload)."""


def rules(venue: str, price_decimals: int, qty_decimals: int) -> SymbolRules:
    return SymbolRules(
        venue=venue,
        instrument="XRP/USDT",
        venue_symbol="XRPUSDT",
        base="XRP",
        quote="USDT",
        price_decimals=price_decimals,
        qty_decimals=qty_decimals,
        tick=1,
        lot=1,
        min_qty=1,
        max_qty=10**12,
        min_notional=0,
        taker_rate=100_000,
        maker_rate=100_000,
        fee_in_received=venue == "binance",
    )


BOOKS = (rules("binance", 4, 1), rules("kucoin", 5, 4))


def start(epoch: int = 1) -> Record:
    config = EngineConfig(
        environment="d",
        deployment="ABCD",
        epoch=epoch,
        books=BOOKS,
        risk=RiskLimits(
            max_order_notional=10**21,
            max_position=10**21,
            max_book_age_ns=1,
            max_pair_skew_ns=1,
            collar_bps=1,
            max_orders_per_second=1,
        ),
        strategies=(),
        balances=(
            StartBalance("binance", "USDT", 1000 * MONEY_ONE),
            StartBalance("kucoin", "XRP", MONEY_ONE // 4),
        ),
    )
    payload = Start(
        version="0.1.0",
        environment="d",
        deployment="ABCD",
        epoch=epoch,
        wall_ns=WALL,
        config=config,
    )
    return WALL + 500, kinds.START, msgspec.json.encode(payload)


def pair(buy: str, sell: str, *, signal_id: int = 7, time_ns: int = WALL + 600) -> Record:
    """Buys 25 on Binance at 2.1234, sells 25.5 on KuCoin at 2.13."""
    legs = (
        Leg(buy, "binance", "XRP/USDT", 0, 0, 1, 21234, 250),
        Leg(sell, "kucoin", "XRP/USDT", 1, 0, 2, 213000, 255_000),
    )
    command = PlaceLegs("arb", signal_id, legs, ())
    return time_ns, kinds.COMMAND, msgspec.json.encode(command.record())


def event(value: Any) -> Record:
    return value.wall_ns, kinds.EVENT, msgspec.json.encode(value)


def write(directory: Path, records: Iterable[Record], **options: int) -> None:
    journal = Journal.open(directory, **options)
    for time_ns, kind, payload in records:
        journal.append(kind, time_ns, payload)
    journal.close()


def tables(ledger: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
        names = [
            str(name)
            for (name,) in db.execute("select name from sqlite_master where type = 'table'")
        ]
        return {
            name: sorted(db.execute(f"select * from {name}"), key=repr) for name in sorted(names)
        }


def table(ledger: Path, name: str) -> list[dict[str, Any]]:
    """Rows by column name, in the order of the primary key."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(f"select * from {name} order by 1, 2, 3, 4")]
