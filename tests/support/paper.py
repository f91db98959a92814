"""Mock venues in the place of the real ones, and a configuration that trades on paper by them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from xrpfast.config.demo import demo_values, to_toml
from xrpfast.simulation.flow import FlowSettings
from xrpfast.simulation.kucoin.face import KucoinFace
from xrpfast.simulation.process import MockExchanges
from xrpfast.simulation.server import MockVenues, mock_venues

PUBLIC = {
    "GET /api/v3/time",
    "GET /api/v3/depth",
    "GET /api/v3/exchangeInfo",
    "GET /api/v1/timestamp",
    "GET /api/v2/symbols/XRP-USDT",
    "GET /api/v1/market/orderbook/level2_100",
    "POST /api/v1/bullet-public",
    "subscribe",
    "ping",
}
"""All that a paper run may ask of a real venue."""


class RealVenues:
    """The venues that are real for a paper run, with a memory of all that was asked of them."""

    def __init__(self, mock: MockVenues) -> None:
        self.mock = mock
        self._asked: set[str] = set()
        self._watch = [
            mock.faults.add({"channel": channel, "action": "delay", "params": {"ms": 0}})
            for channel in ("rest", "ws")
        ]

    @property
    def line(self) -> dict[str, Any]:
        return self.mock.line

    def fault(self, venue: str, action: str, channel: str = "venue", **params: Any) -> int:
        return self.mock.faults.add(
            {"venue": venue, "channel": channel, "action": action, "params": params}
        )

    def heal(self, number: int) -> None:
        self.mock.faults.remove(number)

    def asked(self) -> set[str]:
        """Everything that was asked over REST or a socket, until now."""
        fired = self.mock.faults.fired
        self._asked |= {str(each["where"]) for each in fired if each["id"] in self._watch}
        return self._asked

    def saw_public_questions_alone(self) -> None:
        """No order, no signed call, no private socket. Raises ``AssertionError``."""
        asked = self.asked()
        assert asked <= PUBLIC, asked - PUBLIC
        for venue, face in self.mock.faces.items():
            assert not face.exchange.orders, venue
            assert face.exchange.placed == 0, venue
        kucoin = self.mock.faces["kucoin"]
        assert isinstance(kucoin, KucoinFace)
        assert all(session.account is None for session in kucoin.venue.hub.sessions)
        assert not kucoin.order_entry.sessions


@asynccontextmanager
async def real_venues(seed: int, flow: FlowSettings | None = None) -> AsyncIterator[RealVenues]:
    async with mock_venues(seed=seed, flow=flow) as mock:
        real = RealVenues(mock)
        yield real
        real.saw_public_questions_alone()


def paper_values(state_dir: Path, line: Mapping[str, Any]) -> dict[str, Any]:
    """The demo's values in paper mode: addresses of the real venues, no key."""
    values = demo_values(state_dir, dict(line))
    values["mode"] = "paper"
    for venue in values["venues"].values():
        for key in ("api_key", "api_secret", "passphrase"):
            venue.pop(key, None)
    values["engine"]["spin"] = False
    values["risk"]["max_mark_age_ms"] = 600_000
    return values


def paper_file(folder: Path, line: Mapping[str, Any], **tables: Mapping[str, Any]) -> Path:
    """Such a file; ``tables`` change its tables."""
    folder.mkdir(exist_ok=True)
    values = paper_values(folder / "state", line)
    for name, table in tables.items():
        values.setdefault(name, {}).update(table)
    path = folder / "paper.toml"
    path.write_text(to_toml(values), encoding="utf-8")
    return path


def paper_line(state_dir: Path) -> dict[str, Any]:
    """Where the paper venues of a running engine are."""
    line: dict[str, Any] = json.loads((state_dir / "paper" / "venues.json").read_text())
    return line


def paper_mock(state_dir: Path) -> MockExchanges:
    """Their control port."""
    return MockExchanges(paper_line(state_dir), 0)
