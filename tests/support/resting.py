"""Working orders on the customer's account at the mock venues, and which of them still work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xrpfast.records.compare import TERMINAL

FOREIGN = "web-by-hand-1"


def resting(venue: str, client_id: str, *, price: str = "1.5", qty: str = "20") -> dict[str, Any]:
    """The rule that places a bid far below the market, good till cancelled."""
    return {
        "venue": venue, "channel": "venue", "action": "foreign_order",
        "params": {"side": "buy", "price": price, "qty": qty, "client_id": client_id},
    }  # fmt: skip


def working(ledger: Mapping[str, Any], prefix: str = "") -> dict[str, list[str]]:
    """Client ids by venue of the orders that work, in the venues' own words."""
    return {
        venue: sorted(
            order["client_id"]
            for order in said["orders"]
            if order["state"] not in TERMINAL and order["client_id"].startswith(prefix)
        )
        for venue, said in ledger.items()
    }
