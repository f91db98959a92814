"""A venue that wants to be left alone, end to end: entries close, nobody probes, it opens again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from support.service import Trading, since, trading
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.trading.commands import PlaceLegsRecord
from xrpfast.trading.events import LinkState, OrderReject, OrderUnknown, QueryResult, Reconciled
from xrpfast.venues.venue import Venue


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=11) as running:
        yield running


def counted(mock: MockVenues, venue: str, channel: str, route: str = "*") -> Any:
    """How many requests of a route the venue has got since now."""
    number = mock.faults.add(
        {"venue": venue, "channel": channel, "action": "delay", "params": {"ms": 0},
         "match": {"route": route}}
    )  # fmt: skip
    return lambda: next(row["hits"] for row in mock.faults.rows() if row["id"] == number)


def at_the_end(venue: Venue, what: Callable[[], Any]) -> list[Any]:
    """What is so at the moment in which the venue's pause is over, before anything follows."""
    found: list[Any] = []
    go_on = venue.fuse.on_change
    assert go_on is not None

    def changed(why: str) -> None:
        if not why:
            found.append(what())
        go_on(why)

    venue.fuse.on_change = changed
    return found


def nothing_before_it_was_compared(records: list[Any], venue: str) -> None:
    """From the fuse's word on no order goes to the venue before a complete comparison."""
    for record in records:
        if isinstance(record, PlaceLegsRecord):
            assert venue not in {leg.venue for leg in record.legs}, record
        if isinstance(record, Reconciled) and record.venue == venue and record.complete:
            return
    raise AssertionError("it was never compared")


def told(venue: str) -> Any:
    return lambda r: isinstance(r, LinkState) and r.venue == venue and bool(r.reason)


def critical(run: Trading, part: str) -> list[str]:
    return [text for level, text in run.alerts if level == "critical" and part in text]


async def test_a_ban_closes_the_venue_until_it_is_over_and_nobody_probes(
    tmp_path: Path, mock: MockVenues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xrpfast.venues.pauses.CUT_S", 0.0)
    face: Any = mock.faces["binance"]
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        asked: list[int] = []
        look = face.limits.refuse_banned

        def count() -> None:
            asked.append(face.exchange.wall_ns())
            look()

        monkeypatch.setattr(face.limits, "refuse_banned", count)
        end_ns = face.exchange.wall_ns() + 3 * 10**9
        face.limits.banned_until_ns = end_ns  # sockets of the WebSocket API are dropped
        await run.until(lambda: critical(run, "cancels are impossible too"))
        at_first = len(asked)
        await run.until(lambda: face.exchange.wall_ns() >= end_ns)
        early = [at for at in asked[at_first:] if at < end_ns // 10**6 * 10**6]
        # Both sockets were being dialled when the first of them was told.
        assert len(early) <= 1
        assert at_first <= 3
        assert len(critical(run, "cancels are impossible too")) == 1
        await run.until(lambda: run.open)
        placed = run.placed
        await run.until(lambda: run.placed > placed)
        records = since(run.journal(), told("binance"))
    nothing_before_it_was_compared(records, "binance")


async def test_a_limit_closes_the_venue_to_all_but_cancels(
    tmp_path: Path, mock: MockVenues
) -> None:
    """As a regular round or a clock's measurement meets it."""
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        number = mock.faults.add(
            {"venue": "kucoin", "channel": "rest", "action": "reply", "match": {"times": 1},
             "params": {"status": 429, "code": "429000", "msg": "Too many requests.",
                        "headers": {"gw-ratelimit-reset": "2000"}}}
        )  # fmt: skip
        venue = next(one for one in run.service._venues if one.name == "kucoin")
        run.say("reconcile")
        await run.until(lambda: critical(run, "kucoin: until"))
        rest, orders = counted(mock, "kucoin", "rest"), counted(mock, "kucoin", "ws", "spot.order")
        asked = at_the_end(venue, lambda: (rest(), orders()))
        assert not venue.orders.ready
        assert run.closed_by("kucoin") == "VENUE_DOWN"
        symbol = mock.line["symbols"]["kucoin"]
        assert venue.orders.cancel(symbol, "xddemo0-none").name == "SENT"
        await run.until(lambda: asked)
        assert asked == [(0, 0)]
        mock.faults.remove(number)
        await run.until(lambda: run.open)
        placed = run.placed
        await run.until(lambda: run.placed > placed)
        records = since(run.journal(), told("kucoin"))
    nothing_before_it_was_compared(records, "kucoin")


def answer(mock: MockVenues, venue: str, route: str, **params: Any) -> int:
    return mock.faults.add(
        {"venue": venue, "channel": "ws", "action": "reply", "params": params,
         "match": {"route": route, "times": 1}}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        (-1003, 418, "cancels are impossible too"),
        (-1003, 429, "nothing but cancels"),
        (-1015, 429, "no new orders"),
    ],
)
async def test_the_order_socket_tells_of_limits_and_bans(
    tmp_path: Path, mock: MockVenues, code: int, status: int, words: str
) -> None:
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        data = {"serverTime": 1_000, "retryAfter": 3_000}
        answer(mock, "binance", "order.place", status=status, code=code, msg="enough", data=data)
        await run.until(lambda: critical(run, words))
        gateway = run.service._driver._gateways["binance"]
        placed = counted(mock, "binance", "ws", "order.place")
        rest = counted(mock, "binance", "rest")
        venue = next(one for one in run.service._venues if one.name == "binance")
        asked = at_the_end(venue, lambda: (rest(), placed()))
        assert not gateway.ready
        assert gateway.halted == ""
        allowed = gateway.cancel("XRPUSDT", "xddemo0-none").name
        assert allowed == ("NOT_SENT" if status == 418 else "SENT")
        if code == -1015:
            await venue.open_orders("XRPUSDT")
        await run.until(lambda: asked)
        ((questions, orders),) = asked
        assert orders == 0
        assert (questions > 0) is (code == -1015), "questions count elsewhere than orders"
        await run.until(lambda: run.open)
        before = run.placed
        await run.until(lambda: run.placed > before)
        records = since(run.journal(), told("binance"))
    nothing_before_it_was_compared(records, "binance")
    refused = [r for r in run.journal() if isinstance(r[1], OrderReject) and r[1].code == str(code)]
    assert len(refused) == 1


async def test_a_key_that_is_refused_closes_the_venue_for_good(
    tmp_path: Path, mock: MockVenues
) -> None:
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        answer(mock, "binance", "order.place", status=401, code=-2015, msg="Invalid API-key")
        await run.until(lambda: critical(run, "no more orders until a restart"))
        assert run.service._driver._gateways["binance"].halted
        assert run.closed_by("binance") == "VENUE_HALTED"  # latched: a person has to look
        assert "-2015 Invalid API-key" in (tmp_path / "halt.json").read_text()
        run.say("reconcile")
        await run.until(lambda: run.step("kucoin") == "DONE")
        assert run.closed_by("binance") == "VENUE_HALTED"


async def test_kucoins_overload_leaves_the_order_unknown_and_its_limit_does_not(
    tmp_path: Path, mock: MockVenues
) -> None:
    async with trading(tmp_path, mock) as run:
        await run.until(lambda: run.engine.orders.counts["fills"] >= 2)
        text = "Too many requests. System-level rate limit exceeded."
        answer(mock, "kucoin", "spot.order", code="429000", msg=text)
        unknown = run.engine.orders.counts["unknown"]
        await run.until(lambda: run.engine.orders.counts["unknown"] > unknown)
        venue = next(one for one in run.service._venues if one.name == "kucoin")
        assert not venue.fuse.blown
        lost = [e.client_id for _, e in run.journal() if isinstance(e, OrderUnknown)]
        await run.until(
            lambda: any(
                isinstance(e, QueryResult) and e.client_id in lost for _, e in run.journal()
            )
        )
        face: Any = mock.faces["kucoin"]
        face.pools.window_ms = 1_000
        face.pools.limits |= {"spot": 0}
        run.say("reconcile")
        await run.until(lambda: venue.fuse.blown)
        face.pools.limits |= {"spot": 4_000}
