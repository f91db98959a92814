"""What earlier runs left behind, as the ledger has it: orders not settled, fees not told, base not
hedged."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from xrpfast.errors import UsageError
from xrpfast.model import OrderState, SymbolRules, parse_money
from xrpfast.records.schema import latest_rules, read_database
from xrpfast.trading.config import Residual

_TERMINAL = {state.value for state in OrderState if state.terminal}


class LeftOrder(NamedTuple):
    """An order whose fate the ledger does not know to the end."""

    client_id: str
    venue: str
    instrument: str
    state: str
    created_ns: int
    """Wall time."""


class OpenFee(NamedTuple):
    """A fill whose fee is an estimate: the venue had not told the true one."""

    venue: str
    instrument: str
    client_id: str
    venue_order_id: str
    trade_id: str
    wall_ns: int
    """When it was traded, by the venue's clock; without one, when its order was made."""
    created_ns: int
    """When its order was made; wall time."""


class Left(NamedTuple):
    """What has to be settled before a run begins."""

    orders: tuple[LeftOrder, ...]
    rules: tuple[SymbolRules, ...]
    """Of every place, by the latest run that traded it: in what units it is asked for."""
    environment: str
    """Of the latest run; empty before the first."""
    deployment: str = ""

    @property
    def prefix(self) -> str:
        """Of the latest run's client order ids; empty before the first."""
        return f"x{self.environment}{self.deployment}" if self.environment else ""


def left(path: Path) -> Left:
    """Orders that have not ended, or that ended with more filled than the fills that are known."""
    with closing(read_database(path)) as db:
        rows = db.execute(
            "select client_id, venue, instrument, state, filled_qty, claimed_qty, created_ns "
            "from orders where state not in ('FILLED', 'CANCELLED', 'EXPIRED', 'REJECTED') "
            "or claimed_qty <> filled_qty order by created_ns, client_id"
        ).fetchall()
        rules = latest_rules(db)
        start = db.execute(
            "select environment, deployment from starts order by epoch desc limit 1"
        ).fetchone()
    return Left(
        tuple(
            LeftOrder(
                row["client_id"], row["venue"], row["instrument"], row["state"], row["created_ns"]
            )
            for row in rows
            if row["state"] not in _TERMINAL
            or parse_money(row["claimed_qty"]) > parse_money(row["filled_qty"])
        ),
        rules,
        "" if start is None else start["environment"],
        "" if start is None else start["deployment"],
    )


def latest_order(path: Path, venue: str) -> int:
    """Wall time at which the latest order there was made; 0 without one."""
    with closing(read_database(path)) as db:
        row = db.execute("select max(created_ns) from orders where venue = ?", (venue,)).fetchone()
    return int(row[0] or 0)


def booked_trades(path: Path, client_ids: Collection[str]) -> set[tuple[str, str]]:
    """(Client id, trade id) of the fills that are booked of these orders."""
    with closing(read_database(path)) as db:
        rows = db.execute(
            "select client_id, trade_id from fills "
            "where client_id in (select value from json_each(?))",
            (json.dumps(sorted(client_ids)),),
        ).fetchall()
    return {(str(row["client_id"]), str(row["trade_id"])) for row in rows}


def owners(path: Path, venue: str, since_ns: int) -> list[tuple[str, str]]:
    """(The venue's order id, client id) of the orders made since a wall time."""
    with closing(read_database(path)) as db:
        rows = db.execute(
            "select venue_order_id, client_id from orders "
            "where venue = ? and created_ns >= ? and venue_order_id is not null "
            "order by created_ns",
            (venue, since_ns),
        ).fetchall()
    return [(str(row["venue_order_id"]), str(row["client_id"])) for row in rows]


def open_fees(path: Path) -> tuple[OpenFee, ...]:
    """Every fill with an estimated fee, oldest first."""
    with closing(read_database(path)) as db:
        rows = db.execute(
            "select orders.venue, orders.instrument, client_id, coalesce(venue_order_id, ''), "
            "trade_id, case when venue_ns > 0 then venue_ns else created_ns end as wall_ns, "
            "created_ns from fills join orders using (client_id) where fee_estimated "
            "order by wall_ns, trade_id"
        ).fetchall()
    return tuple(OpenFee(*row) for row in rows)


def strategy_of(path: Path) -> Callable[[str], str | None]:
    """Whose an order is, by its client id; None for one that is not in the ledger, or without
    one."""
    found: dict[str, str] = {}
    with suppress(UsageError, sqlite3.Error), closing(read_database(path)) as db:
        found = dict(db.execute("select client_id, strategy from orders").fetchall())
    return found.get


def residuals(path: Path) -> tuple[Residual, ...]:
    """Net base that all fills, their fees and a person's own trades left, per instrument, and what
    closing it has cost so far; none that is even."""
    net: dict[str, int] = {}
    with closing(read_database(path)) as db:
        for instrument, side, qty, fee, fee_asset in db.execute(
            "select fills.instrument, side, fills.qty, fee, fee_asset "
            "from fills join orders using (client_id)"
        ):
            amount = parse_money(qty) if side == "BUY" else -parse_money(qty)
            if fee_asset == instrument.partition("/")[0]:
                amount -= parse_money(fee)
            net[instrument] = net.get(instrument, 0) + amount
        for instrument, amount in db.execute("select instrument, amount from by_hand"):
            net[instrument] = net.get(instrument, 0) + parse_money(amount)
        spent = {
            str(instrument): (parse_money(lost), int(attempts))
            for instrument, lost, attempts in db.execute("select * from spent")
        }
    return tuple(
        Residual(instrument, amount, *spent.get(instrument, (0, 0)))
        for instrument, amount in sorted(net.items())
        if amount
    )
