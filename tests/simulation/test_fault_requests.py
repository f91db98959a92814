"""Faults of requests at the four points of an order, over REST and WebSocket, at both venues."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from support.binance import Keys, Rest
from support.kucoin_client import EntryClient, World
from support.sockets import Client, connected
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.faults.engine import Faults
from xrpfast.simulation.orders import Order
from xrpfast.simulation.server import mock_venues

Json = dict[str, Any]
SHORT = 0.3
"""Seconds after which a reply that does not come counts as lost; the mock answers in 2 ms."""
POINTS = (
    "before_accept", "after_accept_before_reply", "after_match_before_reply", "after_reply",
)  # fmt: skip


@dataclass
class Desk:
    """One venue, with a way to place and cancel there over each of its channels."""

    venue: str
    exchange: Exchange
    faults: Faults
    api: Client
    keys: Keys | None
    world: World | None
    rest: Rest | None
    number: int = 0

    def rule(self, action: str, channel: str, **more: Any) -> None:
        place = {"ws": "*order*", "rest": "POST *order*"}[channel]
        match = {"route": place} | more.pop("match", {})
        self.faults.add(
            {"venue": self.venue, "channel": channel, "action": action, "match": match} | more
        )

    async def place(self, channel: str, price: str = "2.5") -> Any:
        """Buys 25 at a price that takes all of it; the reply's body, however it may look."""
        self.number += 1
        name = f"me-{self.number}"
        if self.venue == "binance":
            assert self.keys is not None
            assert self.rest is not None
            order = {
                "symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
                "quantity": "25.0", "price": price, "newClientOrderId": name,
            }  # fmt: skip
            if channel == "ws":
                return await self.api.request("order.place", self.keys.params(**order))
            return (await self.rest.signed("POST", "/order", **order))[1]
        assert self.world is not None
        fields = self.world.order("buy", price, "25") | {"clientOid": name}
        if channel == "ws":
            assert isinstance(self.api, EntryClient)
            return await self.api.ask("spot.sync_order", fields)
        return (await self.world.call("POST", "/api/v1/hf/orders/sync", fields)).body

    async def cancel(self, order: Order) -> Any:
        if self.venue == "binance":
            assert self.keys is not None
            named = {"symbol": "XRPUSDT", "origClientOrderId": order.client_id}
            return await self.api.request("order.cancel", self.keys.params(**named))
        assert isinstance(self.api, EntryClient)
        named = {"symbol": "XRP-USDT", "clientOid": order.client_id}
        return await self.api.ask("spot.sync_cancel", named)

    @property
    def orders(self) -> list[Order]:
        return list(self.exchange.orders.values())

    async def lost(self, channel: str) -> bool:
        """Places; whether no reply came."""
        try:
            async with asyncio.timeout(SHORT):
                await self.place(channel)
        except (TimeoutError, aiohttp.ServerDisconnectedError):
            return True
        return False


@pytest.fixture(params=["binance", "kucoin"])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    venue = request.param
    async with mock_venues([venue], seed=5) as running, aiohttp.ClientSession() as http:
        running.flow.running = False
        line, face = running.line["venues"][venue], running.faces[venue]
        if venue == "binance":
            keys = Keys(line)
            async with connected(line["ws_api_url"]) as api:
                rest = Rest(http, line["rest_url"], keys)
                yield Desk(venue, face.exchange, running.faults, api, keys, None, rest)
        else:
            world = World(face, running.flow, line, http, running.faults)
            async with world.order_entry() as entry:
                yield Desk(venue, face.exchange, running.faults, entry, None, world, None)


@pytest.mark.parametrize("channel", ["ws", "rest"])
async def test_a_lost_request_never_was_and_a_lost_reply_is_an_order(
    desk: Desk, channel: str
) -> None:
    desk.rule("drop", channel, match={"nth": 1})
    assert await desk.lost(channel)
    assert desk.orders == []
    desk.faults.clear()
    desk.rule("drop", channel, point="after_match_before_reply", match={"nth": 1})
    assert await desk.lost(channel)
    assert [order.state for order in desk.orders] == ["FILLED"]
    assert not await desk.lost(channel)


@pytest.mark.parametrize("channel", ["ws", "rest"])
async def test_an_accepted_order_is_matched_after_its_reply_was_lost(
    desk: Desk, channel: str
) -> None:
    desk.rule("drop", channel, point="after_accept_before_reply", params={"match_after_ms": 1_000})
    heard: list[tuple[str, str]] = []

    class Ear:
        def on_order(self, kind: str, order: Order, fill: Any) -> None:
            heard.append((kind, order.state))

        def on_balances(self, *_: Any) -> None: ...
        def on_trade(self, *_: Any) -> None: ...
        def on_book(self, *_: Any) -> None: ...

    desk.exchange.listeners.append(Ear())
    assert await desk.lost(channel)
    assert heard == [("received", "NEW")]
    (order,) = desk.orders
    async with asyncio.timeout(10):
        while order.working:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert order.state == "FILLED"


@pytest.mark.parametrize("channel", ["ws", "rest"])
@pytest.mark.parametrize("point", POINTS[:3])
async def test_a_late_reply_comes_late_at_every_point(desk: Desk, channel: str, point: str) -> None:
    desk.rule("delay", channel, point=point, params={"ms": 250})
    loop = asyncio.get_running_loop()
    began = loop.time()
    asked = asyncio.create_task(desk.place(channel))
    await asyncio.sleep(0.1)
    assert len(desk.orders) == (0 if point == "before_accept" else 1)
    await asked
    assert loop.time() - began >= 0.25
    (order,) = desk.orders
    assert order.state == "FILLED"


@pytest.mark.parametrize("channel", ["ws", "rest"])
@pytest.mark.parametrize(("point", "orders"), [("before_accept", 0), (POINTS[2], 1)])
async def test_the_venues_own_error_with_and_without_the_order(
    desk: Desk, channel: str, point: str, orders: int
) -> None:
    code: Any = -1007 if desk.venue == "binance" else "500000"
    desk.rule(
        "reply", channel, point=point, params={"status": 503, "code": code, "msg": "nobody knows"}
    )
    reply = await desk.place(channel)
    body = reply["error"] if channel == "ws" and desk.venue == "binance" else reply
    assert (body["code"], body["msg"]) == (code, "nobody knows")
    assert len(desk.orders) == orders


@pytest.mark.parametrize("action", ["close", "reset"])
async def test_a_socket_can_end_at_each_point_of_an_order(desk: Desk, action: str) -> None:
    point, accepted = ("before_accept", 0) if action == "close" else (POINTS[2], 1)
    desk.rule(action, "ws", point=point)
    with pytest.raises(AssertionError, match="closed after"):
        await desk.place("ws")
    assert len(desk.orders) == accepted
    assert desk.api.closed.is_set()


async def test_a_socket_ends_after_the_reply(desk: Desk) -> None:
    desk.rule("reset", "ws", point="after_reply")
    await desk.place("ws")
    async with asyncio.timeout(10):
        await desk.api.closed.wait()
    assert [order.state for order in desk.orders] == ["FILLED"]


async def test_rest_connections_end_too(desk: Desk) -> None:
    for action, point, orders in (("reset", "before_accept", 0), ("close", POINTS[2], 1)):
        desk.rule(action, "rest", point=point)
        with pytest.raises(aiohttp.ClientError):
            await desk.place("rest")
        assert len(desk.orders) == orders
        desk.faults.clear()


async def test_a_reply_can_speak_of_another_order_or_come_twice(desk: Desk) -> None:
    path = "result.clientOrderId" if desk.venue == "binance" else "data.clientOid"
    desk.rule("mutate", "ws", point=POINTS[2], params={"set": {path: "other"}})
    reply = await desk.place("ws")
    top, name = path.split(".")
    assert reply[top][name] == "other"
    desk.faults.clear()
    desk.rule("duplicate", "ws", point=POINTS[2])
    seen = len(desk.api.messages)
    reply = await desk.place("ws")
    await desk.api.until(lambda m: desk.api.messages[seen:].count(reply) == 2)
    assert len(desk.orders) == 2


async def test_an_order_is_filled_while_its_cancel_is_on_the_way(desk: Desk) -> None:
    await desk.place("ws", price="2.2")
    (order,) = desk.orders
    fill = {"channel": "ws", "action": "fill", "match": {"route": "*cancel"}}
    desk.faults.add(fill | {"params": {"percent": 40}})
    await desk.cancel(order)
    rules = desk.exchange.rules
    assert order.state == "CANCELLED"
    assert order.filled * 5 == order.qty * 2
    assert [fill.price for fill in desk.exchange.fills] == [order.price]
    assert order.account.balance(rules.quote).locked == 0


async def test_an_order_that_fills_first_cannot_be_cancelled(desk: Desk) -> None:
    await desk.place("ws", price="2.2")
    (order,) = desk.orders
    fill = {"channel": "ws", "action": "fill", "match": {"route": "*cancel"}}
    desk.faults.add(fill | {"params": {"percent": 100}})
    reply = await desk.cancel(order)
    assert order.state == "FILLED"
    if desk.venue == "binance":
        assert reply["error"] == {"code": -2011, "msg": "Unknown order sent."}
    else:
        assert reply["msg"] == "order_not_exist_or_not_allow_to_cancel"


async def test_a_lost_cancel_leaves_the_order_and_a_lost_reply_does_not(desk: Desk) -> None:
    await desk.place("ws", price="2.2")
    (order,) = desk.orders
    cancel = {"channel": "ws", "action": "drop", "match": {"route": "*cancel"}}
    for more, state in (({}, "NEW"), ({"point": POINTS[2]}, "CANCELLED")):
        desk.faults.add(cancel | more)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SHORT):
                await desk.cancel(order)
        assert order.state == state
        desk.faults.clear()


async def test_somebody_is_faster_and_leaves_a_part(desk: Desk) -> None:
    desk.rule("outrun", "ws", params={"percent": 40})
    await desk.place("ws", price="2.5")
    (order,) = desk.orders
    assert order.state == "PARTLY_FILLED"
    assert order.filled * 5 == order.qty * 2


async def test_the_venue_ends_an_order_right_after_its_reply(desk: Desk) -> None:
    desk.rule("expire", "ws", point="after_reply", params={"reason": "venue"})
    await desk.place("ws", price="2.2")
    (order,) = desk.orders
    async with asyncio.timeout(10):
        while order.working:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (order.state, order.reason) == ("EXPIRED", "venue")


async def test_the_rules_of_one_client_id_leave_the_others_alone(desk: Desk) -> None:
    for channel in ("ws", "rest"):
        desk.rule("drop", channel, match={"client_id": "me-2"})
    assert not await desk.lost("ws")
    assert await desk.lost("ws")
    assert not await desk.lost("rest")


async def test_a_rule_gives_the_rules_that_follow_it(desk: Desk) -> None:
    follow = {"channel": "ws", "action": "drop", "match": {"times": 1}}
    desk.rule("delay", "ws", params={"ms": 0}, match={"nth": 1}, then=[follow])
    assert not await desk.lost("ws")
    assert await desk.lost("ws")
    assert not await desk.lost("ws")


async def test_a_stale_read_is_the_reply_of_before(desk: Desk) -> None:
    read = (
        "/api/v3/depth?symbol=XRPUSDT&limit=5" if desk.venue == "binance"
        else "/api/v1/market/orderbook/level2_20?symbol=XRP-USDT"
    )  # fmt: skip
    line = desk.rest._url.removesuffix("/api/v3") if desk.rest else desk.world.line["rest_url"]  # type: ignore[union-attr]
    async with aiohttp.ClientSession() as http:

        async def get() -> Any:
            async with http.get(line + read) as reply:
                return await reply.json()

        before = await get()
        desk.faults.add({"channel": "rest", "action": "stale", "match": {"route": "GET *"}})
        await desk.place("ws")  # the book moves
        assert await get() == before
        desk.faults.clear()
        assert await get() != before
