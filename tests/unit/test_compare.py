"""The comparison of ledger and venues: it agrees with the truth and finds every single lie."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xrpfast.records.compare import compare

Truth = dict[str, Any]
START = {"binance": {"XRP": "1000", "USDT": "5000"}, "kucoin": {"XRP": "900", "USDT": "4000.5"}}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Bought 10 at 2.4 on Binance (fee in XRP), sold 10 at 2.41 on KuCoin (fee in USDT)."""
    import json

    from xrpfast.records.ledger import Ledger

    path = tmp_path / "ledger.sqlite"
    Ledger(path).close()
    with sqlite3.connect(path) as db:
        db.execute(
            "insert into starts (epoch, wall_ns, version, environment, deployment, balances) "
            "values (1, 1, '0', 'd', 'test', ?)",
            (json.dumps(START),),
        )
        for client_id, venue, side, price, order_id in (
            ("xdtest1-1a", "binance", "BUY", "2.4", "77"),
            ("xdtest1-1b", "kucoin", "SELL", "2.41", "5f"),
        ):
            row = {
                "client_id": client_id,
                "venue": venue,
                "instrument": "XRP/USDT",
                "side": side,
                "type": "LIMIT",
                "tif": "IOC",
                "price": price,
                "qty": "10",
                "strategy": "arb",
                "signal_id": 1,
                "epoch": 1,
                "state": "FILLED",
                "venue_order_id": order_id,
                "filled_qty": "10",
                "reason": "",
                "created_ns": 1,
                "updated_ns": 1,
            }
            insert(db, "orders", row)
        for client_id, venue, price, fee, asset in (
            ("xdtest1-1a", "binance", "2.4", "0.01", "XRP"),
            ("xdtest1-1b", "kucoin", "2.41", "0.0241", "USDT"),
        ):
            row = {
                "venue": venue,
                "instrument": "XRP/USDT",
                "trade_id": "501",
                "client_id": client_id,
                "price": price,
                "qty": "10",
                "fee": fee,
                "fee_asset": asset,
                "maker": 0,
                "venue_ns": 1,
                "sequence": 1,
            }
            insert(db, "fills", row)
    db.close()
    return path


def insert(db: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    marks = ", ".join(f":{key}" for key in row)
    db.execute(f"insert into {table} ({', '.join(row)}) values ({marks})", row)


@pytest.fixture
def truth() -> Truth:
    def venue(client_id: str, order_id: str, side: str, price: str, fee: str, asset: str) -> Truth:
        fill = {"trade_id": "501", "order_id": order_id, "client_id": client_id, "side": side}
        fill |= {"price": price, "qty": "10", "fee": fee, "fee_asset": asset, "maker": False}
        order = {"client_id": client_id, "order_id": order_id, "side": side, "price": price}
        order |= {"qty": "10", "filled": "10", "state": "FILLED"}
        return {"orders": [order], "fills": [fill]}

    binance = venue("xdtest1-1a", "77", "BUY", "2.4", "0.01", "XRP")
    binance["balances"] = balances("1009.99", "4976")
    kucoin = venue("xdtest1-1b", "5f", "SELL", "2.41", "0.0241", "USDT")
    kucoin["balances"] = balances("890", "4024.5759")
    return {"venues": {"binance": binance, "kucoin": kucoin}}


def balances(xrp: str, usdt: str) -> dict[str, dict[str, str]]:
    return {"XRP": {"free": xrp, "locked": "0"}, "USDT": {"free": usdt, "locked": "0"}}


def test_ledger_and_truth_agree_to_the_last_unit(ledger: Path, truth: Truth) -> None:
    assert compare(ledger, truth) == []


def one(truth: Truth, venue: str, what: str) -> dict[str, Any]:
    found: dict[str, Any] = truth["venues"][venue][what][0]
    return found


LIES: dict[str, Callable[[Truth], object]] = {
    "a balance": lambda t: t["venues"]["kucoin"]["balances"]["XRP"].update(
        free="890.000000000000000001"
    ),
    "a locked balance": lambda t: t["venues"]["kucoin"]["balances"]["XRP"].update(
        free="889", locked="1"
    ),
    "an asset too many": lambda t: t["venues"]["binance"]["balances"].update(
        BNB={"free": "1", "locked": "0"}
    ),
    "an order's id": lambda t: one(t, "binance", "orders").update(order_id="78"),
    "an order's state": lambda t: one(t, "kucoin", "orders").update(state="EXPIRED"),
    "an order's price": lambda t: one(t, "binance", "orders").update(price="2.4001"),
    "an order's quantity": lambda t: one(t, "binance", "orders").update(qty="11"),
    "an order's side": lambda t: one(t, "binance", "orders").update(side="SELL"),
    "an order's filled quantity": lambda t: one(t, "kucoin", "orders").update(filled="9"),
    "an order that vanished": lambda t: t["venues"]["kucoin"]["orders"].clear(),
    "an order nobody knows": lambda t: t["venues"]["kucoin"]["orders"].append(
        {**one(t, "kucoin", "orders"), "client_id": "xdtest1-2b", "order_id": "60"}
    ),
    "a fill's id": lambda t: one(t, "binance", "fills").update(trade_id="502"),
    "a fill's fee": lambda t: one(t, "kucoin", "fills").update(fee="0.0242"),
    "a fill's fee asset": lambda t: one(t, "kucoin", "fills").update(fee_asset="XRP"),
    "a fill's price": lambda t: one(t, "kucoin", "fills").update(price="2.42"),
    "a fill's quantity": lambda t: one(t, "kucoin", "fills").update(qty="9"),
    "a fill that vanished": lambda t: t["venues"]["binance"]["fills"].clear(),
    "a fill nobody knows": lambda t: t["venues"]["binance"]["fills"].append(
        {**one(t, "binance", "fills"), "trade_id": "502"}
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_every_single_difference_is_found(ledger: Path, truth: Truth, lie: str) -> None:
    honest = copy.deepcopy(truth)
    LIES[lie](truth)
    assert truth != honest
    assert compare(ledger, truth)


@pytest.mark.parametrize("state", ["UNKNOWN", "SENT", "OPEN"])
def test_an_order_that_is_not_settled_is_a_difference(
    ledger: Path, truth: Truth, state: str
) -> None:
    with sqlite3.connect(ledger) as db:
        db.execute("update orders set state = ? where venue = 'kucoin'", (state,))
    db.close()
    assert any(state in line for line in compare(ledger, truth))


def test_nothing_is_proven_without_a_fill(ledger: Path, truth: Truth) -> None:
    with sqlite3.connect(ledger) as db:
        db.execute("delete from fills")
        db.execute("delete from orders")
    db.close()
    for venue, held in (("binance", START["binance"]), ("kucoin", START["kucoin"])):
        truth["venues"][venue] = {
            "orders": [],
            "fills": [],
            "balances": balances(held["XRP"], held["USDT"]),
        }
    (line,) = compare(ledger, truth)
    assert "no fill" in line


def test_a_venue_that_tells_nothing_proves_nothing(ledger: Path, truth: Truth) -> None:
    del truth["venues"]["kucoin"]
    assert compare(ledger, truth) == ["kucoin: orders in the ledger, nothing is known of the venue"]


def test_an_order_that_both_call_open_is_not_settled(ledger: Path, truth: Truth) -> None:
    with sqlite3.connect(ledger) as db:
        db.execute("update orders set state = 'OPEN' where venue = 'kucoin'")
    db.close()
    one(truth, "kucoin", "orders").update(state="OPEN")
    (line,) = compare(ledger, truth)
    assert line == "kucoin: order xdtest1-1b is OPEN in the ledger"


def test_a_fill_that_stands_twice(ledger: Path, truth: Truth) -> None:
    """Under another instrument's name the table takes it; the comparison does not."""
    with sqlite3.connect(ledger) as db:
        db.row_factory = sqlite3.Row
        row = dict(db.execute("select * from fills where venue = 'kucoin'").fetchone())
        insert(db, "fills", {**row, "instrument": "XRP/BTC"})
    db.close()
    assert "kucoin: a fill stands twice in the ledger" in compare(ledger, truth)


def test_as_many_may_be_unknown_as_were_forgotten(ledger: Path, truth: Truth) -> None:
    theirs = truth["venues"]["kucoin"]
    theirs |= {"orders": [], "fills": [], "forgotten": {"orders": 1, "fills": 1}}
    assert compare(ledger, truth) == []
    for what in ("orders", "fills"):
        lying = copy.deepcopy(truth)
        lying["venues"]["kucoin"]["forgotten"][what] = 2
        assert any(f"2 {what} were forgotten" in line for line in compare(ledger, lying))
        lying["venues"]["kucoin"]["forgotten"][what] = 0
        assert any("unknown at the venue" in line for line in compare(ledger, lying))
