"""The mock's scenarios, struck against a running engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xrpfast.simulation.faults.scenario import find, load
from xrpfast.simulation.server import MockVenues


def scenario(mock: MockVenues, name: str, *channels: str) -> list[int]:
    """Begins a shipped scenario now, or only its rules of these channels; their numbers."""
    rules = load(find(name)).rules
    return [mock.faults.add(rule) for rule in rules if not channels or rule["channel"] in channels]


def hits(mock: MockVenues, rules: Sequence[int]) -> list[int]:
    """How often each of these rules struck."""
    rows = {row["id"]: row["hits"] for row in mock.faults.rows()}
    return [rows[number] for number in rules]


def not_found(mock: MockVenues, venue: str, **match: Any) -> int:
    """A replica that lags answers the questions about orders."""
    route = {"binance": "GET /api/v3/order", "kucoin": "GET /api/v1/hf/orders/client-order/*"}
    code = {"binance": -2013, "kucoin": "order_not_exist"}
    return mock.faults.add(
        {"venue": venue, "channel": "rest", "action": "reply",
         "match": {"route": route[venue], **match},
         "params": {"status": 400, "code": code[venue], "msg": "order_not_exist"}}
    )  # fmt: skip
