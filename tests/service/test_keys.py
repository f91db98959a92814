"""Keys before a live start: each bad right, a refused key and a silent venue refuse it, by name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from xrpfast.config.demo import demo_values
from xrpfast.config.loader import build
from xrpfast.errors import FailedError, UsageError, XrpfastError
from xrpfast.service import keys
from xrpfast.simulation.server import MockVenues, mock_venues
from xrpfast.venues.registry import enabled
from xrpfast.venues.venue import Venue

RESTRICTIONS = "GET /sapi/v1/account/apiRestrictions"
API_KEY = "GET /api/v1/user/api-key"
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("binance", {"ipRestrict": False}, "binance: ipRestrict is false: restrict"),
    ("binance", {"enableSpotAndMarginTrading": False}, "enableSpotAndMarginTrading is false"),
    ("binance", {"enableWithdrawals": True}, "enableWithdrawals is true: disable withdrawals"),
    ("binance", {"enableInternalTransfer": True}, "enableInternalTransfer is true: disable"),
    ("binance", {"permitsUniversalTransfer": True}, "permitsUniversalTransfer is true: disable"),
    ("binance", {"enableReading": False}, "binance refused GET /sapi/v1/account/apiRestrictions"),
    ("kucoin", {"permission": "General"}, "kucoin: permission is General: grant Spot"),
    ("kucoin", {"permission": "General,Spot,Transfer"}, "take Transfer away"),
    ("kucoin", {"permission": "General,Spot,InnerTransfer"}, "take InnerTransfer away"),
    ("kucoin", {"permission": "General,Spot,Withdraw"}, "take Withdraw away"),
    ("kucoin", {"ipWhitelist": ""}, "kucoin: ipWhitelist is empty: restrict"),
    ("kucoin", {"permission": "Spot"}, "kucoin refused GET /api/v1/user/api-key: 400007"),
    ("kucoin", {"ipWhitelist": "203.0.113.7"}, "kucoin refused GET /api/v1/user/api-key: 400006"),
]


@pytest.fixture
async def mock() -> AsyncIterator[MockVenues]:
    async with mock_venues() as running:
        running.flow.running = False
        yield running


@pytest.fixture
async def venues(mock: MockVenues) -> AsyncIterator[Sequence[Venue]]:
    made = enabled(build(demo_values(Path("unused"), mock.line), "test").venues)
    yield made
    await asyncio.gather(*(venue.close() for venue in made))


def key(mock: MockVenues, venue: str, change: dict[str, Any]) -> int:
    rule = {"venue": venue, "channel": "venue", "action": "key", "params": {"set": change}}
    return mock.faults.add(rule)


async def refused(venues: Sequence[Venue], kind: type[XrpfastError]) -> str:
    with pytest.raises(kind) as caught:
        await keys.refuse_unfit(venues)
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_each_bad_right_refuses_the_start(mock: MockVenues, venues: Sequence[Venue]) -> None:
    for venue, change, line in BAD:
        await keys.refuse_unfit(venues)
        number = key(mock, venue, change)
        assert line in await refused(venues, UsageError)
        mock.faults.remove(number)


async def test_all_that_is_wrong_at_either_venue_is_said_at_once(
    mock: MockVenues, venues: Sequence[Venue]
) -> None:
    key(mock, "binance", {"enableWithdrawals": True, "ipRestrict": False})
    key(mock, "kucoin", {"permission": "General,Spot,Transfer"})
    line = await refused(venues, UsageError)
    for part in ("ipRestrict", "enableWithdrawals", "take Transfer away"):
        assert part in line


async def test_a_venue_that_does_not_say_refuses_too(
    mock: MockVenues, venues: Sequence[Venue]
) -> None:
    for venue, route in (("binance", RESTRICTIONS), ("kucoin", API_KEY)):
        for params in (
            {"status": 404, "body": "not here", "content_type": "text/html"},
            {"status": 500, "body": "{}"},
            {"status": 200, "body": "[]"},
            {"status": 200, "body": "<html></html>", "content_type": "text/html"},
        ):
            number = mock.faults.add(
                {
                    "venue": venue,
                    "channel": "rest",
                    "action": "reply",
                    "params": params,
                    "match": {"route": route},
                }
            )
            with pytest.raises((FailedError, UsageError)) as caught:
                await keys.refuse_unfit(venues)
            assert venue in str(caught.value)
            mock.faults.remove(number)
    await keys.refuse_unfit(venues)
    mock.faults.add({"venue": "kucoin", "channel": "venue", "action": "down"})
    assert "kucoin" in await refused(venues, FailedError)


async def test_a_key_of_another_host(mock: MockVenues, venues: Sequence[Venue]) -> None:
    """What a testnet key meets at the production host."""
    for venue, code in (("binance", "-2015"), ("kucoin", "400003")):
        number = mock.faults.add({"venue": venue, "channel": "venue", "action": "revoke_key"})
        line = await refused(venues, UsageError)
        assert f"{venue} refused" in line
        assert code in line
        assert "a key of this host" in line
        mock.faults.remove(number)


async def test_what_turns_bad_halts_and_what_is_silent_is_asked_again(
    mock: MockVenues, venues: Sequence[Venue], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "RETRY_S", 0.01)
    halted: list[str] = []
    found = asyncio.Event()

    def halt(why: str) -> None:
        halted.append(why)
        found.set()

    binance = venues[0]
    await binance.sync_clock()
    watch = asyncio.create_task(keys.watch(binance, 0.01, halt))
    silent = mock.faults.add(
        {
            "venue": "binance",
            "channel": "rest",
            "action": "reply",
            "params": {"status": 503, "body": "{}"},
            "match": {"route": RESTRICTIONS},
        }
    )
    async with asyncio.timeout(20):
        while mock.faults.rows()[0]["hits"] < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert halted == []
        monkeypatch.setattr(keys, "UNTOLD_S", 0.0)
        await found.wait()
    assert "binance refused" in halted[0]
    monkeypatch.setattr(keys, "UNTOLD_S", 3_600.0)
    mock.faults.remove(silent)
    halted.clear()
    found.clear()
    key(mock, "binance", {"permitsUniversalTransfer": True})
    async with asyncio.timeout(20):
        while not any("permitsUniversalTransfer is true" in why for why in halted):
            found.clear()
            await found.wait()
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
