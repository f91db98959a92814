"""Does the ledger equal the venues' truth, to the last unit?

The answer is a list of differences, empty when all agree: every order id, fill id, fee and
balance of both sides, nothing UNKNOWN, nothing still working.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

TERMINAL = {"FILLED", "CANCELLED", "EXPIRED", "REJECTED"}
NO_FILL = "there was no fill: nothing is proven"


def compare(ledger: Path, truth: Mapping[str, Any]) -> list[str]:
    """Differences between a ledger file and the venues' own truth, as lines for a person.

    ``truth`` is what the mock's control port answers to ``GET /ledger``: per venue its orders,
    fills and balances as decimal texts, and how many of the oldest it has ``forgotten``: as many,
    not one more, may be unknown there.
    """
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        orders = [dict(row) for row in db.execute("select * from orders")]
        fills = [dict(row) for row in db.execute("select * from fills")]
        start = starting_balances(db)
    found = [
        f"{venue}: orders in the ledger, nothing is known of the venue"
        for venue in sorted({order["venue"] for order in orders} - truth["venues"].keys())
    ]
    for venue, theirs in truth["venues"].items():
        mine = [order for order in orders if order["venue"] == venue]
        own = {order["client_id"] for order in mine}
        gone = theirs.get("forgotten", {"orders": 0, "fills": 0})
        found += _orders(venue, mine, theirs["orders"], gone["orders"])
        known = [fill for fill in fills if fill["client_id"] in own]
        found += _fills(venue, known, theirs["fills"], gone["fills"])
        found += _balances(venue, start.get(venue, {}), mine, fills, theirs["balances"])
    if not fills:
        found.append(NO_FILL)
    return found


def starting_balances(db: sqlite3.Connection) -> dict[str, dict[str, str]]:
    """Venue -> asset -> decimal text, as the engine found them when it first started."""
    row = db.execute("select balances from starts order by epoch limit 1").fetchone()
    balances: dict[str, dict[str, str]] = json.loads(row[0]) if row else {}
    return balances


def _orders(
    venue: str, mine: list[dict[str, Any]], theirs: list[dict[str, Any]], forgotten: int
) -> Iterator[str]:
    unknown: list[str] = []
    at_venue = {order["client_id"]: order for order in theirs}
    for client_id in at_venue.keys() - {order["client_id"] for order in mine}:
        yield f"{venue}: order {client_id} is not in the ledger"
    for order in mine:
        name = f"{venue}: order {order['client_id']}"
        if order["state"] not in TERMINAL:
            yield f"{name} is {order['state']} in the ledger"
        other = at_venue.get(order["client_id"])
        if other is None:
            if order["state"] != "REJECTED":
                unknown.append(f"{name} is unknown at the venue, {order['state']} in the ledger")
            continue
        if str(order["venue_order_id"]) != str(other["order_id"]):
            yield f"{name}: id {order['venue_order_id']} in the ledger, {other['order_id']} there"
        if order["state"] != other["state"]:
            yield f"{name}: {order['state']} in the ledger, {other['state']} there"
        for key, their_key in (("price", "price"), ("qty", "qty"), ("filled_qty", "filled")):
            if Decimal(order[key]) != Decimal(other[their_key]):
                yield f"{name}: {key} {order[key]} in the ledger, {other[their_key]} there"
        if order["side"] != other["side"]:
            yield f"{name}: {order['side']} in the ledger, {other['side']} there"
    if len(unknown) != forgotten:
        yield from unknown
        if forgotten:
            yield f"{venue}: {forgotten} orders were forgotten there, {len(unknown)} are unknown"


def _fills(
    venue: str, mine: list[dict[str, Any]], theirs: list[dict[str, Any]], forgotten: int
) -> Iterator[str]:
    def key(fill: Mapping[str, Any]) -> tuple[str, str]:
        return str(fill["trade_id"]), str(fill["client_id"])

    at_venue = {key(fill): fill for fill in theirs}
    in_ledger = {key(fill): fill for fill in mine}
    if len(in_ledger) != len(mine):
        yield f"{venue}: a fill stands twice in the ledger"
    for missing in at_venue.keys() - in_ledger.keys():
        yield f"{venue}: fill {missing} is not in the ledger"
    extras = in_ledger.keys() - at_venue.keys()
    if len(extras) != forgotten:
        for extra in extras:
            yield f"{venue}: fill {extra} is unknown at the venue"
        if forgotten:
            yield f"{venue}: {forgotten} fills were forgotten there, {len(extras)} are unknown"
    for both in in_ledger.keys() & at_venue.keys():
        ours, other = in_ledger[both], at_venue[both]
        for field in ("price", "qty", "fee"):
            if Decimal(ours[field]) != Decimal(other[field]):
                guess = " (an estimate)" if field == "fee" and ours["fee_estimated"] else ""
                yield f"{venue}: fill {both}: {field} {ours[field]}, {other[field]} there{guess}"
        if ours["fee_asset"] != other["fee_asset"]:
            yield f"{venue}: fill {both}: fee in {ours['fee_asset']}, {other['fee_asset']} there"


def _balances(
    venue: str,
    start: Mapping[str, str],
    orders: list[dict[str, Any]],
    fills: list[dict[str, Any]],
    theirs: Mapping[str, Mapping[str, str]],
) -> Iterator[str]:
    with localcontext() as context:
        context.prec = 60  # exact: 18 places behind the point and room in front
        expected = {asset: Decimal(amount) for asset, amount in start.items()}
        by_id = {order["client_id"]: order for order in orders}
        for fill in fills:
            order = by_id.get(fill["client_id"])
            if order is None:
                continue
            base, quote = order["instrument"].split("/")
            sign = 1 if order["side"] == "BUY" else -1
            qty, price = Decimal(fill["qty"]), Decimal(fill["price"])
            for asset, delta in (
                (base, sign * qty),
                (quote, -sign * qty * price),
                (fill["fee_asset"], -Decimal(fill["fee"])),
            ):
                expected[asset] = expected.get(asset, Decimal(0)) + delta
        for asset in sorted(expected.keys() | theirs.keys()):
            there = theirs.get(asset, {"free": "0", "locked": "0"})
            total = Decimal(there["free"]) + Decimal(there["locked"])
            if expected.get(asset, Decimal(0)) != total:
                ours = expected.get(asset, Decimal(0))
                yield f"{venue}: {asset} {ours:f} by the ledger, {total:f} there"
            if Decimal(there["locked"]) != 0:
                yield f"{venue}: {there['locked']} {asset} still locked there"
