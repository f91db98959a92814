"""Replies and pushes that describe another order than ours, on real sockets: halt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.service import trading
from xrpfast.errors import HaltedError
from xrpfast.research.rerun import rerun
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.commands import PlaceLegsRecord
from xrpfast.trading.events import OrderAck


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=11) as running:
        yield running


REPLIES = [
    ("binance", "order.place", {"result.clientOrderId": "somebody-elses"}, "somebody-elses"),
    ("binance", "order.place", {"result.symbol": "BTCUSDT"}, "instrument BTCUSDT"),
    ("kucoin", "spot.order", {"data.clientOid": "somebody-elses"}, "somebody-elses"),
]
PUSHES = [
    ("binance", "executionReport", "event.", {"s": "BTCUSDT"}, "instrument BTCUSDT"),
    ("binance", "executionReport", "event.", {"p": "0.00010000"}, "price 1 instead of"),
    ("binance", "executionReport", "event.", {"p": "0.00000001"}, "price -1 instead of"),
    ("binance", "executionReport", "event.", {"q": "999999.00000000"}, "quantity 9999990 instead"),
    ("kucoin", "/spotMarket/tradeOrdersV2", "data.", {"symbol": "BTC-USDT"}, "instrument BTC-USDT"),
    ("kucoin", "/spotMarket/tradeOrdersV2", "data.", {"price": "0.00001"}, "price 1 instead of"),
    ("kucoin", "/spotMarket/tradeOrdersV2", "data.", {"originSize": "999999"}, "quantity 99999900"),
]
SIDES = [
    ("binance", "executionReport", "event.S", ("BUY", "SELL")),
    ("kucoin", "/spotMarket/tradeOrdersV2", "data.side", ("buy", "sell")),
]


async def halts(tmp_path: Path, mock: MockVenues, rules: list[dict[str, Any]], said: str) -> None:
    """The rules make the run halt for this reason, and nothing is sent after it."""
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        for rule in rules:
            mock.faults.add(rule)
        await run.until(lambda: run.engine.context.trading.value == "HALTED")
        placed = run.placed
        mock.faults.clear()
        mock.flow.pause()
        ended = await run.ended()
        assert run.placed == placed
    assert isinstance(ended, HaltedError)
    assert said in str(ended)
    assert rerun(tmp_path / "journal").difference is None
    ids = [leg.client_id for _, record in run.journal() if isinstance(record, PlaceLegsRecord)
           for leg in record.legs]  # fmt: skip
    assert any(client_id in str(ended) for client_id in ids)


@pytest.mark.parametrize(("venue", "route", "changed", "said"), REPLIES)
async def test_a_reply_of_another_order_halts(
    tmp_path: Path, mock: MockVenues, venue: str, route: str, changed: dict[str, Any], said: str
) -> None:
    rule = {"venue": venue, "channel": "ws", "point": "after_match_before_reply",
            "action": "mutate", "match": {"route": route, "times": 1},
            "params": {"set": changed}}  # fmt: skip
    await halts(tmp_path, mock, [rule], said)


@pytest.mark.parametrize(("venue", "stream", "prefix", "changed", "said"), PUSHES)
async def test_a_push_of_another_order_halts(
    tmp_path: Path, mock: MockVenues, venue: str, stream: str, prefix: str,
    changed: dict[str, Any], said: str,
) -> None:  # fmt: skip
    wrong = {prefix + name: value for name, value in changed.items()}
    rule = {"venue": venue, "channel": "private", "action": "mutate",
            "match": {"stream": stream, "times": 1}, "params": {"set": wrong}}  # fmt: skip
    await halts(tmp_path, mock, [rule], said)


@pytest.mark.parametrize(("venue", "stream", "path", "sides"), SIDES)
async def test_a_push_of_the_other_side_halts(
    tmp_path: Path, mock: MockVenues, venue: str, stream: str, path: str, sides: tuple[str, str]
) -> None:
    """Whatever side the next order has: the one word is wrong for the half of them."""
    rules = [
        {"venue": venue, "channel": "private", "action": "mutate", "match": {"stream": stream},
         "params": {"set": {path: sides[0]}}}
    ]  # fmt: skip
    await halts(tmp_path, mock, rules, "side 0 instead of 1")


async def test_what_the_venues_really_say_is_what_was_sent(
    tmp_path: Path, mock: MockVenues
) -> None:
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 40)
        assert await run.stop() == 0
        assert run.engine.orders.counts["anomalies"] == 0
        acks = [event for _, event in run.journal() if isinstance(event, OrderAck)]
    described = {event.terms.qty is not None for event in acks if event.terms is not None}
    assert described == {True, False}, "by pushes wholly, by replies in part"
