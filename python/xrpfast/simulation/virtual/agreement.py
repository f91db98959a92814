"""Do portfolio, journal, ledger and venues agree, to the last unit?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xrpfast.model import MONEY_ONE
from xrpfast.records.compare import NO_FILL, compare
from xrpfast.simulation.truth import ledger as truth_of
from xrpfast.simulation.virtual.checks import Broken

if TYPE_CHECKING:
    from xrpfast.simulation.virtual.report import Report
    from xrpfast.simulation.virtual.venue import VirtualVenue
    from xrpfast.trading.portfolio import Portfolio


def portfolio_agrees(portfolio: Portfolio, venues: Mapping[str, VirtualVenue]) -> None:
    """The portfolio against the venues' balances. Raises `Broken`."""
    drift = portfolio.drift()
    if drift:
        raise Broken(4, f"the portfolio and the venues' last word differ: {drift}")
    booked = portfolio.balances()
    for name, venue in venues.items():
        for asset, balance in venue.account.balances.items():
            if booked[name, asset] != balance.total:
                raise Broken(
                    4, f"{name} {asset}: {booked[name, asset]} booked, {balance.total} there"
                )


def ledger_agrees(path: Path, venues: Mapping[str, VirtualVenue], report: Report) -> None:
    """The ledger, as the journal makes it, against the venues' own truth. Raises `Broken`."""
    truths: dict[str, Any] = {}
    for name, venue in venues.items():
        truth = truth_of(venue.exchange, venue.account)
        for part in ("orders", "fills"):
            truth[part] = [row for row in truth[part] if row["client_id"][0] == "x"]
        for row in truth["orders"]:
            if row["state"] == "EXPIRED" and row["client_id"] in venue.answers.by_hand:
                row["state"] = "CANCELLED"  # a person says no more than that it has ended
        truth["balances"] = {
            asset: {
                "free": _text(balance.free - venue.moved.get(asset, 0)),
                "locked": _text(balance.locked),
            }
            for asset, balance in venue.account.balances.items()
        }
        truths[name] = truth
    found = [line for line in compare(path, {"venues": truths}) if line != NO_FILL]
    report.duplicates = sum(
        count - 1 for venue in venues.values() for count in venue.received.values()
    )
    report.lost = sum(line.endswith("is not in the ledger") for line in found)
    report.disagreements = len(found)
    if found:
        raise Broken(4, "; ".join(found[:5]))


def _text(money: int) -> str:
    sign = "-" if money < 0 else ""
    return f"{sign}{abs(money) // MONEY_ONE}.{abs(money) % MONEY_ONE:018d}"
