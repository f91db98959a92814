"""A venue that wants to be left alone is: not a request before its time has passed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from xrpfast.config.demo import demo_values
from xrpfast.config.loader import build
from xrpfast.net.backoff import Backoff
from xrpfast.net.fuse import LONGEST_S, Fuse, Pause, PausedError, Reach
from xrpfast.net.reconnect import keep_open
from xrpfast.net.websocket import Connection, RefusedError, connect
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.venues.binance import errors as binance
from xrpfast.venues.kucoin import errors as kucoin
from xrpfast.venues.kucoin import public as kucoin_public
from xrpfast.venues.outcome import VenueError
from xrpfast.venues.registry import enabled
from xrpfast.venues.venue import Venue

PREFIX = "xddemo"
VENUES = ["binance", "kucoin"]
PAGE = b"<html><h1>Access denied</h1></html>"


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=3) as running:
        running.flow.pause()
        yield running


@asynccontextmanager
async def ready(mock: MockVenues, name: str) -> AsyncIterator[Venue]:
    made = enabled(build(demo_values(Path("/nowhere"), mock.line), "test").venues)
    (venue,) = [one for one in made if one.name == name]
    try:
        await venue.sync_clock()
        venue.know(PREFIX, [await venue.rules("XRP/USDT")])
        yield venue
    finally:
        for one in made:
            await one.close()


def seen(mock: MockVenues, venue: str, route: str = "*") -> Any:
    """How many requests of a route the venue has got since now."""
    number = mock.faults.add(
        {"venue": venue, "channel": "rest", "action": "delay", "params": {"ms": 0},
         "match": {"route": route}}
    )  # fmt: skip
    return lambda: next(row["hits"] for row in mock.faults.rows() if row["id"] == number)


@contextmanager
def faulty(mock: MockVenues, venue: str, **rule: Any) -> Iterator[None]:
    number = mock.faults.add({"venue": venue, **rule})
    yield
    mock.faults.remove(number)


async def refused_at_once(venue: Venue, *, cancel: bool) -> None:
    """Nothing that the venue is asked leaves; cancels only when they may."""
    symbol = next(iter(venue._ours.rules))
    asked = [
        venue.sync_clock(), venue.open_orders(symbol), venue.query(symbol, f"{PREFIX}5-0a", 0),
        venue.balances(), venue.closed(symbol),
    ]  # fmt: skip
    for one in asked:
        with pytest.raises(PausedError, match=r"left alone until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d"):
            await one
    with pytest.raises(VenueError if cancel else PausedError):
        await venue.cancel(symbol, f"{PREFIX}5-0a")  # no such order, if it is asked at all


def left_s(fuse: Fuse, kind: Reach) -> float:
    return (fuse._ends_ns[kind] - time.monotonic_ns()) / 1e9


async def test_beyond_binances_real_limit_nothing_leaves_but_cancels(mock: MockVenues) -> None:
    face: Any = mock.faces["binance"]
    async with ready(mock, "binance") as venue:
        face.limits.weight = 0
        before_ns = face.exchange.wall_ns()
        with pytest.raises(VenueError, match="-1003"):
            await venue.balances()
        minute_left = 60 - before_ns / 1e9 % 60
        assert minute_left - 0.5 < left_s(venue.fuse, Reach.ALL_BUT_CANCELS) < minute_left + 2.5
        questions, cancels = seen(mock, "binance", "GET *"), seen(mock, "binance", "DELETE *")
        await refused_at_once(venue, cancel=True)
        assert (questions(), cancels()) == (0, 1)
        assert venue.fuse.blown
        assert not venue.fuse.forbids(Reach.EVERYTHING)


async def test_beyond_kucoins_real_limit_nothing_leaves_but_cancels(mock: MockVenues) -> None:
    face: Any = mock.faces["kucoin"]
    async with ready(mock, "kucoin") as venue:
        face.pools.window_ms = 1_500
        face.pools.limits |= {"management": 0}
        with pytest.raises(VenueError, match="429000"):
            await venue.balances()
        assert 0 < left_s(venue.fuse, Reach.ALL_BUT_CANCELS) <= 1.5
        questions, cancels = seen(mock, "kucoin", "GET *"), seen(mock, "kucoin", "DELETE *")
        await refused_at_once(venue, cancel=True)
        assert (questions(), cancels()) == (0, 1)
        face.pools.limits |= {"management": 2_000}
        await venue.fuse.passed()
        assert await venue.balances()


async def test_a_ban_forbids_cancels_too_and_ends_when_the_venue_said(
    mock: MockVenues, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xrpfast.venues.pauses.CUT_S", 0.0)
    face: Any = mock.faces["binance"]
    async with ready(mock, "binance") as venue:
        end_ns = face.exchange.wall_ns() + 2 * 10**9
        face.limits.banned_until_ns = end_ns
        with pytest.raises(VenueError, match=r"418|-1003"):
            await venue.balances()
        asked = seen(mock, "binance")
        await refused_at_once(venue, cancel=False)
        assert asked() == 0
        (line,) = [r for r in caplog.records if r.levelname == "CRITICAL"]
        assert "binance: until " in line.message
        assert "cancels are impossible too" in line.message
        await venue.fuse.passed()
        assert face.exchange.wall_ns() >= end_ns
        assert await venue.balances()
        await asyncio.sleep(0)
        assert not venue.fuse.forbids(Reach.ORDERS)


@pytest.mark.parametrize("name", VENUES)
async def test_a_page_that_forbids_stops_everything(mock: MockVenues, name: str) -> None:
    async with ready(mock, name) as venue:
        page = {"status": 403, "body": PAGE.decode(), "headers": {"Retry-After": "1"}}
        with (
            faulty(mock, name, channel="rest", action="reply", params=page),
            pytest.raises(VenueError, match="403"),
        ):
            await venue.balances()
        asked = seen(mock, name)
        await refused_at_once(venue, cancel=False)
        assert asked() == 0
        await venue.fuse.passed()
        assert await venue.balances()


async def test_an_overload_that_is_not_our_limit_is_read_again_soon(
    mock: MockVenues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kucoin_public, "OVERLOAD_WAIT_S", (0.01, 0.01))
    face: Any = mock.faces["kucoin"]
    async with ready(mock, "kucoin") as venue:
        asked = seen(mock, "kucoin")
        face.rest.overloaded = True
        with pytest.raises(VenueError, match="429000"):
            await venue.balances()
        assert asked() == kucoin_public.OVERLOAD_TRIES
        assert not venue.fuse.blown
        waits: list[float] = []

        def recovered(backoff: Backoff) -> float:
            face.rest.overloaded = False
            waits.append(0.0)
            return 0.0

        face.rest.overloaded = True
        monkeypatch.setattr(Backoff, "next_delay", recovered)
        assert await venue.balances()
        assert len(waits) == 1


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (200, {"Retry-After": "9"}, b"{}", None),
        (400, {}, b'{"code":-2013}', None),
        (429, {"Retry-After": "7"}, b"{}", (8, Reach.ALL_BUT_CANCELS)),
        (429, {}, b"{}", (60, Reach.ALL_BUT_CANCELS)),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"", (60, Reach.ALL_BUT_CANCELS)),
        (418, {"Retry-After": "119"}, b"{}", (120, Reach.EVERYTHING)),
        (418, {}, b"", (120, Reach.EVERYTHING)),
        (403, {}, PAGE, (120, Reach.EVERYTHING)),
    ],
)
def test_what_binance_asks_for(
    status: int, headers: dict[str, str], body: bytes, expected: tuple[float, Reach] | None
) -> None:
    pause = binance.http_pause(status, headers, body)
    assert (pause and pause[:2]) == expected


def test_binances_bans_tell_their_end_in_the_text_and_replies_by_the_venues_clock() -> None:
    until_ms = int((time.time() + 90) * 1000)
    text = f"Way too much request weight used; IP banned until {until_ms}. Please use"
    told = binance.http_pause(418, {}, text.encode())
    assert told is not None
    assert told.seconds == pytest.approx(90, abs=2)
    data = {"serverTime": 5_000, "retryAfter": 12_500}
    assert binance.reply_pause(200, None, "", data) is None
    assert binance.reply_pause(400, -2010, "", data) is None
    for status, code, reach in (
        (429, -1003, Reach.ALL_BUT_CANCELS), (429, -1015, Reach.ORDERS),
        (418, -1003, Reach.EVERYTHING), (403, None, Reach.EVERYTHING),
    ):  # fmt: skip
        pause = binance.reply_pause(status, code, "x", data)
        assert pause is not None
        assert pause[:2] == (7.5, reach)
    bare = binance.reply_pause(429, -1015, "x", None)
    assert bare is not None
    assert bare.seconds == 10


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (200, {}, b'{"code":"200000"}', None),
        (429, {"gw-ratelimit-reset": "2500"}, b'{"code":"429000"}', (2.5, Reach.ALL_BUT_CANCELS)),
        (429, {}, b'{"code":"429000"}', None),
        (429, {}, PAGE, (30, Reach.ALL_BUT_CANCELS)),
        (403, {}, PAGE, (30, Reach.EVERYTHING)),
        (403, {}, b'{"code":"400006"}', None),
        (503, {}, PAGE, None),
    ],
)
def test_what_kucoin_asks_for(
    status: int, headers: dict[str, str], body: bytes, expected: tuple[float, Reach] | None
) -> None:
    pause = kucoin.http_pause(status, headers, body)
    assert (pause and pause[:2]) == expected


async def test_a_pause_is_never_made_shorter_and_told_once() -> None:
    fuse = Fuse("venue", lambda *_: None)
    told: list[str] = []
    fuse.on_change = told.append
    fuse.blow(Pause(1_000, Reach.EVERYTHING, "ban"))
    fuse.blow(Pause(1_000, Reach.EVERYTHING, "the same, from another request"))
    fuse.blow(Pause(0, Reach.ORDERS, "less"))
    fuse.blow(Pause(10, Reach.ALL_BUT_CANCELS, "less"))
    assert len(told) == 1
    assert 999 < left_s(fuse, Reach.ORDERS) <= 1_000
    fuse.blow(Pause(10**9, Reach.EVERYTHING, "a mistake"))
    assert left_s(fuse, Reach.EVERYTHING) <= LONGEST_S
    assert len(told) == 2
    fuse.close()


async def test_what_blows_again_meanwhile_opens_later() -> None:
    fuse = Fuse("venue", lambda *_: None)
    fuse.blow(Pause(0.1, Reach.ORDERS, "first"))
    fuse._ends_ns[Reach.ORDERS] += 200_000_000  # as a timer that is early finds it
    end_ns = fuse._ends_ns[Reach.ORDERS]
    opened: list[int] = []
    over = asyncio.Event()

    def changed(why: str) -> None:
        opened.append(time.monotonic_ns())
        over.set()

    fuse.on_change = changed
    await asyncio.wait_for(over.wait(), 10)
    assert opened[0] >= end_ns


async def test_orders_alone_can_be_forbidden_and_the_end_is_told() -> None:
    fuse = Fuse("venue", lambda *_: None)
    over = asyncio.Event()
    fuse.on_change = lambda why: None if why else over.set()
    fuse.blow(Pause(0.2, Reach.ORDERS, "orders"))
    assert fuse.blown
    fuse.check("a question", Reach.ALL_BUT_CANCELS)
    fuse.check("a cancel", Reach.EVERYTHING)
    with pytest.raises(PausedError, match="orders"):
        fuse.check("an order", Reach.ORDERS)
    await asyncio.wait_for(over.wait(), 10)
    assert not fuse.blown
    fuse.check("an order", Reach.ORDERS)


async def test_no_socket_is_dialled_before_its_time(mock: MockVenues) -> None:
    """A refused handshake counts like any other answer."""
    face: Any = mock.faces["binance"]
    url = mock.line["venues"]["binance"]["ws_api_url"]
    fuse = Fuse("binance", binance.http_pause)
    end_ns = face.exchange.wall_ns() + 1_500_000_000
    face.limits.banned_until_ns = end_ns
    dialled: list[int] = []
    up = asyncio.Event()

    async def dial() -> Connection:
        dialled.append(face.exchange.wall_ns())
        connection = await connect(lambda: Connection("test"), url)
        up.set()
        return connection

    with pytest.raises(RefusedError, match="418"):
        await connect(lambda: Connection("test"), url)
    keeping = asyncio.create_task(keep_open("test", dial, fuse))
    await asyncio.wait_for(up.wait(), 20)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    first, *later = dialled
    assert first < end_ns
    assert len(later) == 1
    assert later[0] >= end_ns // 10**6 * 10**6
    fuse.close()
