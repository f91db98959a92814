"""Self-trade prevention, set by our encoders and done by the mock venues over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Any

import pytest

from xrpfast._core import LatencyHistogram, Market, RiskGate
from xrpfast.config.demo import demo_values
from xrpfast.config.loader import build
from xrpfast.model import SymbolRules
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.events import AnyEvent, LinkState, OrderAck, OrderEnd, OrderReject
from xrpfast.venues.registry import enabled
from xrpfast.venues.venue import Venue, Wiring

WAIT_S = 20.0
BUY, SELL, GTC, IOC = 0, 1, 0, 1


class Account:
    """One venue's order entry and private stream, and all that they tell."""

    def __init__(self, venue: Venue, rules: SymbolRules) -> None:
        self.venue, self.rules = venue, rules
        self.gate = RiskGate(10**12)
        self.heard: list[AnyEvent] = []
        self._news = asyncio.Event()
        self._number = 0

    def on_events(self, events: Sequence[AnyEvent]) -> None:
        self.heard += events
        self._news.set()

    async def until(self, what: Callable[[AnyEvent], bool]) -> AnyEvent:
        async with asyncio.timeout(WAIT_S):
            while not (found := [event for event in self.heard if what(event)]):
                await self._news.wait()
                self._news.clear()
        return found[0]

    def place(self, side: int, tif: int, price: int, qty: int) -> str:
        """Sends an order; its client id."""
        self._number += 1
        client_id = f"xdstp1-{self._number}a"
        rules = self.rules
        approved = self.gate.approve(
            rules.venue, rules.venue_symbol, side, 0, tif, price, rules.price_decimals, qty,
            rules.qty_decimals, client_id, monotonic_ns(),
        )  # fmt: skip
        request_id, frame = self.venue.orders.encode(approved, monotonic_ns(), time_ns())
        self.venue.orders.send(request_id, frame, client_id)
        return client_id


@asynccontextmanager
async def account(mock: MockVenues, name: str, folder: Path) -> AsyncIterator[Account]:
    (venue,) = [v for v in enabled(build(demo_values(folder, mock.line), "x").venues)
                if v.name == name]  # fmt: skip
    await venue.sync_clock()
    rules = await venue.rules("XRP/USDT")
    owner = Account(venue, rules)
    venue.know("xdstp1"[:6], [rules])
    market = Market()
    market.add_book(
        name, rules.venue_symbol, price_decimals=rules.price_decimals,
        qty_decimals=rules.qty_decimals, tick=rules.tick, lot=rules.lot, min_qty=rules.min_qty,
        max_qty=rules.max_qty, min_notional=rules.min_notional, taker_rate=rules.taker_rate,
    )  # fmt: skip
    venue.wire(Wiring(market, owner.gate, owner, {0: rules}, "xdstp1"[:6], LatencyHistogram()))
    jobs = [asyncio.create_task(part.run()) for part in (venue.orders, venue.account)]
    try:
        for link in ("orders", "account"):
            await owner.until(
                lambda e, k=link: isinstance(e, LinkState) and (e.link, e.up) == (k, True)
            )
        yield owner
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        await venue.close()


@pytest.mark.parametrize("name", ["binance", "kucoin"])
@pytest.mark.parametrize("side", [BUY, SELL])
async def test_an_order_that_would_meet_ours_does_not_trade(
    tmp_path: Path, name: str, side: int
) -> None:
    async with mock_venues(seed=17) as mock, account(mock, name, tmp_path) as owner:
        mock.flow.pause()
        exchange = mock.faces[name].exchange
        best = exchange.matching.best(1 - side)
        assert best is not None
        inside = best[0] + (-1 if side == BUY else 1) * owner.rules.tick
        qty = 10 ** (owner.rules.qty_decimals + 1)
        resting = owner.place(1 - side, GTC, inside, qty)
        await owner.until(lambda e: isinstance(e, OrderAck) and e.client_id == resting)
        taking = owner.place(side, IOC, inside, qty)
        end = await owner.until(
            lambda e: isinstance(e, OrderEnd | OrderReject) and e.client_id == taking
        )
        assert isinstance(end, OrderEnd), end
        assert end.filled_qty == 0
        assert end.state in ("EXPIRED", "CANCELLED")
        ours = {order.client_id: order for order in exchange.open_orders(_customer(mock, name))}
        assert ours[resting].filled == 0


def _customer(mock: MockVenues, name: str) -> Any:
    return mock.faces[name].exchange.accounts[mock.line["venues"][name]["api_key"]]
