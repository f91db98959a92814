"""What was traded and what it brought, out of the ledger, exactly.

Profit and loss is the engine's own: the cash flow of the fills plus the change of base at the
mark, rounded down to 10^-18. Fees in a third asset are told apart and not valued.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import msgspec

from xrpfast.model import MONEY_ONE, format_money, parse_money
from xrpfast.records.schema import read_database
from xrpfast.records.unsettled import residuals
from xrpfast.research.marks import Marks, last_signal, marks

By: TypeAlias = Literal["strategy", "venue", "day"]
DAY_NS: Final = 86_400 * 1_000_000_000
FOREVER: Final = 2**63 - 1

Money: TypeAlias = Counter[str]
"""Asset -> money (10^-18)."""


class Sums(msgspec.Struct):
    """What one row of a report adds up."""

    orders: int = 0
    fills: int = 0
    volume: Money = msgspec.field(default_factory=Counter)
    fees: Money = msgspec.field(default_factory=Counter)
    changes: Money = msgspec.field(default_factory=Counter)
    """Of every asset, fees included."""


class _Fill(msgspec.Struct):
    wall_ns: int
    venue: str
    instrument: str
    strategy: str
    side: str
    qty: int
    price: int
    fee: int
    fee_asset: str
    estimated: bool
    """The venue never told the true fee."""


def report(state_dir: Path, since: int, until: int, by: By | None) -> dict[str, Any]:
    """Orders and fills with ``since`` <= time < ``until`` (wall time, nanoseconds) as plain values.

    Orders count by the time they were made, fills by the venue's time of the trade. Money is
    decimal text. Raises `UsageError` without a ledger, `FailedError` for a damaged journal.
    """
    with closing(read_database(state_dir / "ledger.sqlite")) as db:
        return _Report(state_dir, db, since, until).document(by)


class _Report:
    def __init__(self, state_dir: Path, db: sqlite3.Connection, since: int, until: int) -> None:
        self._db = db
        self._window = since, until
        self._state_dir = state_dir
        self._journal = state_dir / "journal"
        self._orders = self._rows("orders", "created_ns")
        fills = db.execute(
            "select case when venue_ns > 0 then venue_ns else created_ns end as wall_ns, "
            "orders.venue, orders.instrument, strategy, side, fills.qty, fills.price, fee, "
            "fee_asset, fee_estimated from fills join orders using (client_id)"
        )
        self._fills = sorted(
            (
                _Fill(
                    row["wall_ns"], row["venue"], row["instrument"], row["strategy"], row["side"],
                    parse_money(row["qty"]), parse_money(row["price"]), parse_money(row["fee"]),
                    row["fee_asset"], bool(row["fee_estimated"]),
                )
                for row in fills
                if since <= row["wall_ns"] < until
            ),
            key=lambda fill: fill.wall_ns,
        )  # fmt: skip
        self._instruments = sorted({fill.instrument for fill in self._fills})

    def document(self, by: By | None) -> dict[str, Any]:
        since, until = self._window
        days = self._days() if by == "day" else []
        ends = [min((day + 1) * DAY_NS, until) for day in days] or [until]
        at_end = marks(self._journal, ends)
        last = at_end[-1]
        total = Sums(orders=len(self._orders))
        for fill in self._fills:
            _add(total, fill)
        groups: list[dict[str, Any]] = []
        if by == "day":
            groups = self._by_day(days, at_end)
        elif by is not None:
            groups = self._by(by, last)
        return {
            "since_ns": since if since > 0 else None,
            "until_ns": until if until < FOREVER else None,
            "runs": len(self._rows("starts", "wall_ns")),
            "total": self._line("total", total, self._pnl(total.changes, last)),
            "by": by,
            "groups": groups,
            "orders_by_state": dict(sorted(Counter(o["state"] for o in self._orders).items())),
            "positions": self._positions(last),
            "residuals": self._residuals(),
            "by_hand": self._by_hand(),
            "estimated_fees": dict(
                sorted(Counter(fill.venue for fill in self._fills if fill.estimated).items())
            ),
            "words": [dict(row) for row in self._rows("words", "wall_ns")],
            "adopted": self._adopted(),
            "refused": self._not_taken("refused", "refusals"),
            "ignored": self._not_taken("ignored", "ignored"),
            "not_taken_exact": self._exact(),
            "unknown": [o["client_id"] for o in self._orders if o["state"] == "UNKNOWN"],
            "unsettled": [
                o["client_id"]
                for o in self._orders
                if o["state"] not in _TERMINAL
                or parse_money(o["claimed_qty"]) > parse_money(o["filled_qty"])
            ],
        }

    def _rows(self, name: str, time: str) -> list[sqlite3.Row]:
        query = f"select * from {name} where {time} >= ? and {time} < ? order by {time}"
        return list(self._db.execute(query, self._window))

    # --- groups -----------------------------------------------------------------------------------

    def _by(self, by: Literal["strategy", "venue"], last: Marks) -> list[dict[str, Any]]:
        sums: dict[str, Sums] = {}
        for order in self._orders:
            sums.setdefault(order[by], Sums()).orders += 1
        for fill in self._fills:
            _add(sums.setdefault(getattr(fill, by), Sums()), fill)
        return [
            self._line(key, group, self._pnl(group.changes, last))
            for key, group in sorted(sums.items())
        ]

    def _days(self) -> list[int]:
        """Every UTC day from the first trade to the last signal: what is left over has a value."""
        times = [fill.wall_ns for fill in self._fills]
        times += [order["created_ns"] for order in self._orders]
        if not times:
            return []
        last = max(*times, min(last_signal(self._journal), self._window[1] - 1))
        return list(range(min(times) // DAY_NS, last // DAY_NS + 1))

    def _by_day(self, days: list[int], at_end: list[Marks]) -> list[dict[str, Any]]:
        """A day's profit is what all fills so far are worth at its end, less the same before it:
        what was carried over midnight counts with its change of value, and days add up."""
        carried: Money = Counter()
        before: dict[str, int] = {}
        lines = []
        created = sorted(order["created_ns"] for order in self._orders)
        times = [fill.wall_ns for fill in self._fills]
        for day, worth in zip(days, at_end, strict=True):
            begin, end = day * DAY_NS - 1, (day + 1) * DAY_NS - 1
            sums = Sums(orders=bisect_right(created, end) - bisect_right(created, begin))
            for fill in self._fills[bisect_right(times, begin) : bisect_right(times, end)]:
                _add(sums, fill)
            for asset, change in sums.changes.items():
                carried[asset] += change
            now = self._pnl(carried, worth)
            gained = {quote: now[quote] - before.get(quote, 0) for quote in now}
            before = now
            date = datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d")
            lines.append(self._line(date, sums, gained))
        return lines

    # --- values -----------------------------------------------------------------------------------

    def _pnl(self, changes: Money, worth: Marks) -> dict[str, int]:
        """Per quote asset: its change, and that of its bases at the mark; without one, nothing."""
        pnl: dict[str, int] = {}
        seen: set[tuple[str, str]] = set()
        for instrument in self._instruments:
            base, quote = instrument.split("/")
            if quote not in pnl:
                pnl[quote] = changes[quote]
            if instrument in worth and (base, quote) not in seen:
                seen.add((base, quote))
                pnl[quote] += floor(changes[base] * worth[instrument])
        return pnl

    @staticmethod
    def _line(key: str, sums: Sums, pnl: dict[str, int]) -> dict[str, Any]:
        return {
            "key": key,
            "orders": sums.orders,
            "fills": sums.fills,
            "volume": _texts(sums.volume),
            "pnl": {quote: format_money(value) for quote, value in pnl.items()},
            "fees": _texts(sums.fees),
        }

    def _positions(self, last: Marks) -> dict[str, Any]:
        """Per base asset: what the fills left, in all and per venue, and the mark."""
        positions: dict[str, Any] = {}
        for instrument in self._instruments:
            base = instrument.split("/")[0]
            if base in positions:
                continue
            venues: Money = Counter()
            for fill in self._fills:
                sums = Sums()
                _add(sums, fill)
                venues[fill.venue] += sums.changes[base]
            mark = last.get(instrument)
            positions[base] = {
                "total": format_money(venues.total()),
                "venues": {venue: format_money(venues[venue]) for venue in sorted(venues)},
                "mark": None if mark is None else _decimal(mark),
            }
        return positions

    def _residuals(self) -> list[dict[str, Any]]:
        """What is left to be hedged now, whatever the window, and what that has cost so far."""
        return [
            {
                "instrument": left.instrument,
                "amount": format_money(left.amount),
                "lost": format_money(left.lost),
                "hedges": left.attempts,
            }
            for left in residuals(self._state_dir / "ledger.sqlite")
        ]

    def _by_hand(self) -> list[dict[str, Any]]:
        return [dict(row) for row in self._rows("by_hand", "wall_ns")]

    def _adopted(self) -> list[dict[str, str]]:
        sums: Counter[tuple[str, str]] = Counter()
        for row in self._rows("adoptions", "wall_ns"):
            sums[row["venue"], row["asset"]] += parse_money(row["delta"])
        return [
            {"venue": venue, "asset": asset, "amount": format_money(amount)}
            for (venue, asset), amount in sorted(sums.items())
        ]

    def _not_taken(self, verdict: str, noted: str) -> dict[str, int]:
        """Per reason; in a window of time what was noted, which may be less."""
        if self._window != (0, FOREVER):
            return dict(
                sorted(Counter(row["reason"] for row in self._rows(noted, "wall_ns")).items())
            )
        rows = self._db.execute(
            "select reason, sum(count) from totals where verdict = ? group by reason", (verdict,)
        )
        return {str(reason): int(count) for reason, count in rows}

    def _exact(self) -> bool:
        """Whether all that was not taken is counted: the whole time, and every run has ended."""
        (open_runs,) = self._db.execute("select count(*) from starts where not ended").fetchone()
        return self._window == (0, FOREVER) and not open_runs


_TERMINAL: Final = frozenset({"FILLED", "CANCELLED", "EXPIRED", "REJECTED"})


def _add(sums: Sums, fill: _Fill) -> None:
    base, quote = fill.instrument.split("/")
    value = fill.qty * fill.price // MONEY_ONE  # exact: both have at most 18 places together
    sign = 1 if fill.side == "BUY" else -1
    sums.fills += 1
    sums.volume[quote] += value
    sums.fees[fill.fee_asset] += fill.fee
    sums.changes[base] += sign * fill.qty
    sums.changes[quote] -= sign * value
    sums.changes[fill.fee_asset] -= fill.fee


def _texts(amounts: Money) -> dict[str, str]:
    return {asset: format_money(amount) for asset, amount in sorted(amounts.items()) if amount}


def _decimal(mark: Fraction) -> str:
    """Exact: a mark has a quarter of a price unit at the finest."""
    return format_money(floor(mark * MONEY_ONE))
