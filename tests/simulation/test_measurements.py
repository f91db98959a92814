"""The control port's modes for measurements: a flood of frames, quotas that only count."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import aiohttp
import pytest

from support.kucoin_client import World
from support.sockets import connected
from xrpfast.model import Side
from xrpfast.simulation.kucoin.face import KucoinFace
from xrpfast.simulation.server import MockVenues, mock_venues

FRAMES = 500


async def control(url: str, path: str, body: object) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.post(url + path, json=body) as reply:
        return reply.status, await reply.text()


async def test_a_flood_at_binance_is_a_changed_touch_a_frame(venue: MockVenues) -> None:
    url = venue.line["venues"]["binance"]["stream_url"]
    levels = venue.faces["binance"].exchange.matching.levels
    books = [levels(side, 100) for side in Side]
    async with connected(f"{url}/ws/xrpusdt@bookTicker") as client:
        reply = await client.request("LIST_SUBSCRIPTIONS")
        assert reply["result"] == ["xrpusdt@bookTicker"]
        wish = {"venue": "binance", "frames": FRAMES}
        status, text = await control(venue.line["control_url"], "/flood", wish)
        assert status == 200, text
        last = venue.faces["binance"].exchange.sequence
        await client.until(lambda m: m.get("u") == last)
        frames = [m for m in client.messages if "u" in m]
        assert len(frames) == FRAMES
        assert [m["u"] for m in frames] == list(range(last - FRAMES + 1, last + 1))
        for one, other in pairwise(frames):
            assert {key: one[key] for key in "bBaA"} != {key: other[key] for key in "bBaA"}
    assert [levels(side, 100) for side in Side] == books


@pytest.fixture
async def kucoin() -> AsyncIterator[tuple[World, str]]:
    """A mock KuCoin that stands still, and its control port."""
    async with mock_venues(["kucoin"], seed=5) as running, aiohttp.ClientSession() as http:
        running.flow.running = False
        face = running.faces["kucoin"]
        assert isinstance(face, KucoinFace)
        world = World(face, running.flow, running.line["venues"]["kucoin"], http, running.faults)
        yield world, running.line["control_url"]


async def test_a_flood_at_kucoin_is_a_level_a_frame(kucoin: tuple[World, str]) -> None:
    world, url = kucoin
    sequencer = world.face.venue.market.sequencer
    sequencer.hidden_share = 0
    async with world.push("/market/level2:XRP-USDT") as client:
        first = sequencer.last
        status, text = await control(url, "/flood", {"venue": "kucoin", "frames": FRAMES})
        assert status == 200, text
        last = sequencer.last
        assert last == first + FRAMES
        await client.until(lambda m: m.get("data", {}).get("sequenceEnd") == last)
        frames = [m["data"] for m in client.messages if m["type"] == "message"]
        assert [f["sequenceStart"] for f in frames] == list(range(first + 1, last + 1))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/flood", {"venue": "kraken", "frames": 1}),
        ("/flood", {"venue": "binance", "frames": 0}),
        ("/flood", {"venue": "binance", "frames": True}),
        ("/flood", {"venue": "binance"}),
        ("/quotas", {"enforced": "no"}),
        ("/quotas", {}),
    ],
)
async def test_what_reads_wrong_is_refused(venue: MockVenues, path: str, body: object) -> None:
    status, text = await control(venue.line["control_url"], path, body)
    assert status == 400
    assert text.partition(":")[0] in {"venue", "frames", "enforced"}


async def test_an_empty_side_cannot_be_flooded(venue: MockVenues) -> None:
    venue.flow.stop()
    wish = {"venue": "binance", "frames": 1}
    status, text = await control(venue.line["control_url"], "/flood", wish)
    assert (status, text.startswith("there is no ")) == (400, True)


async def test_lifted_quotas_refuse_nothing_and_count_on(kucoin: tuple[World, str]) -> None:
    world, url = kucoin
    world.face.pools.limits["public"] = 5
    assert (await world.call("GET", "/api/v1/timestamp", signed=False)).status == 200
    assert (await world.call("GET", "/api/v1/timestamp", signed=False)).status == 429
    await control(url, "/quotas", {"enforced": False})
    reply = await world.call("GET", "/api/v1/timestamp", signed=False)
    assert (reply.status, reply.headers["gw-ratelimit-remaining"]) == (200, "0")
    await control(url, "/quotas", {"enforced": True})
    assert (await world.call("GET", "/api/v1/timestamp", signed=False)).status == 429
