"""The control port: the truth in plain decimals, silent changes, the market's switch, the bench."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from support.binance import Keys, Rest
from support.kucoin import order_entry, public_push
from support.sockets import Client, connected

if TYPE_CHECKING:
    from xrpfast.simulation.server import MockVenues


class Port:
    """The control port of one mock."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url

    async def ledger(self) -> dict[str, Any]:
        async with self._http.get(f"{self._url}/ledger") as reply:
            assert reply.status == 200
            venues: dict[str, Any] = (await reply.json())["venues"]
            return venues

    async def post(self, path: str, body: object) -> tuple[int, str]:
        async with self._http.post(self._url + path, json=body) as reply:
            return reply.status, await reply.text()


@pytest.fixture
async def both() -> AsyncIterator[MockVenues]:
    from xrpfast.simulation.server import mock_venues

    async with mock_venues(seed=9) as running:
        running.flow.running = False
        yield running


@pytest.fixture
async def port(both: MockVenues) -> AsyncIterator[Port]:
    async with aiohttp.ClientSession() as http:
        yield Port(http, both.line["control_url"])


async def test_the_ledger_is_what_the_venue_told_its_customer(both: MockVenues, port: Port) -> None:
    line = both.line["venues"]["binance"]
    async with aiohttp.ClientSession() as http:
        rest = Rest(http, line["rest_url"], Keys(line))
        _, book = await rest.get("/depth", "symbol=XRPUSDT&limit=1")
        _, order = await rest.signed(
            "POST", "/order", symbol="XRPUSDT", side="BUY", type="LIMIT", timeInForce="IOC",
            quantity="25.0", price=book["asks"][0][0], newClientOrderId="truth-1",
        )  # fmt: skip
        _, account = await rest.signed("GET", "/account")
    truth = (await port.ledger())["binance"]
    price = book["asks"][0][0].rstrip("0")
    accepted = both.faces["binance"].exchange.orders[order["orderId"]]
    assert truth["orders"] == [
        {
            "client_id": "truth-1", "order_id": str(order["orderId"]), "side": "BUY",
            "price": price, "qty": "25", "filled": "25", "state": "FILLED",
            "accepted_ns": accepted.created_ns,
        }
    ]  # fmt: skip
    (fill,) = truth["fills"]
    assert fill == {
        "trade_id": str(order["fills"][0]["tradeId"]), "order_id": str(order["orderId"]),
        "client_id": "truth-1", "side": "BUY", "price": price, "qty": "25", "fee": "0.025",
        "fee_asset": "XRP", "maker": False,
    }  # fmt: skip
    told = {row["asset"]: float(row["free"]) for row in account["balances"]}
    assert {asset: float(row["free"]) for asset, row in truth["balances"].items()} == told


async def test_adjust_changes_a_balance_and_tells_nobody(both: MockVenues, port: Port) -> None:
    line = both.line["venues"]["binance"]
    before = (await port.ledger())["kucoin"]["balances"]["XRP"]
    async with connected(line["ws_api_url"]) as api:
        await api.request("userDataStream.subscribe.signature", Keys(line).params())
        change = {"venue": "binance", "asset": "XRP", "delta": "-0.5"}
        assert (await port.post("/adjust", change))[0] == 200
        await api.request("ping")
        assert not [message for message in api.messages if "event" in message]
    after = await port.ledger()
    assert after["binance"]["balances"]["XRP"] == {"free": "19999.5", "locked": "0"}
    assert after["kucoin"]["balances"]["XRP"] == before


async def test_the_market_stops_and_goes_on(both: MockVenues, port: Port) -> None:
    exchange = both.faces["binance"].exchange
    still = exchange.sequence
    await port.post("/market", {"running": True})
    async with connected(f"{both.line['venues']['binance']['stream_url']}/ws/xrpusdt@depth") as one:
        await one.until(lambda message: message["e"] == "depthUpdate")
    assert exchange.sequence > still
    await port.post("/market", {"running": False})
    stopped, steps = exchange.sequence, both.flow.steps
    await asyncio.sleep(0.1)
    assert (exchange.sequence, both.flow.steps) == (stopped, steps)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/adjust", {"venue": "kraken", "asset": "XRP", "delta": "1"}),
        ("/adjust", {"venue": "binance", "asset": "XRP"}),
        ("/adjust", {"venue": "binance", "asset": "XRP", "delta": "much"}),
        ("/adjust", {"venue": "binance", "asset": "XRP", "delta": "-99999999"}),
        ("/market", {"running": 1}),
        ("/market", []),
        ("/bench", {"ticks": 0, "mode": "engine"}),
        ("/bench", {"ticks": True, "mode": "engine"}),
        ("/bench", {"ticks": 5, "mode": "fast"}),
    ],
)
async def test_a_bad_request_is_named_and_does_nothing(port: Port, path: str, body: object) -> None:
    before = await port.ledger()
    status, text = await port.post(path, body)
    assert status == 400
    assert text
    assert await port.ledger() == before


def is_edge(message: dict[str, Any]) -> bool | None:
    """Whether a market frame opens (True) or closes (False) an edge of the bench; else None."""
    data = message.get("data", message)
    if "B" in data:
        return float(data["b"]) > 2.41
    if data.get("e") == "depthUpdate":
        sizes = [float(qty) for price, qty in data["b"] if float(price) > 2.41]
    elif message.get("subject") == "trade.l2update":
        asks = data["changes"]["asks"]
        sizes = [float(qty) for price, qty, _ in asks if 0 < float(price) < 2.39]
    else:
        sizes = []
    return sizes[-1] > 0 if sizes else None


class Watch:
    """Answers each edge that opens with both legs, at once and once."""

    def __init__(self, *legs: Client) -> None:
        self._legs, self._open = legs, False
        self.answered = 0

    def on_message(self, message: dict[str, Any]) -> None:
        edge = is_edge(message)
        if edge and not self._open:
            self.answered += 1
            for leg in self._legs:
                leg.send(b"floor")
        self._open = self._open if edge is None else edge


async def test_the_floor_stamps_each_tick_and_both_answers(both: MockVenues, port: Port) -> None:
    """A client that answers edges with constant bytes: every tick counted, none an order."""
    binance, kucoin = (both.line["venues"][name] for name in ("binance", "kucoin"))
    stream = f"{binance['stream_url']}/stream?streams=xrpusdt@bookTicker/xrpusdt@depth@100ms"
    async with (
        connected(stream) as market,
        public_push(kucoin, "/market/level2:XRP-USDT") as push,
        connected(binance["ws_api_url"]) as orders_a,
        order_entry(kucoin) as orders_b,
    ):
        watch = Watch(orders_a, orders_b)
        market.on_message = push.on_message = watch.on_message
        status, text = await port.post("/bench", {"ticks": 60, "mode": "floor"})
    result = json.loads(text)
    assert status == 200
    assert (result["ticks"], result["timeouts"], result["accepted"]) == (60, 0, 0)
    assert len(result["first_ns"]) == len(result["second_ns"]) == watch.answered == 60
    assert all(0 < a <= b for a, b in zip(result["first_ns"], result["second_ns"], strict=True))
    assert set(result["kinds"]) == {"binance_ticker", "kucoin_level2", "binance_depth"}
    assert (await port.ledger())["binance"]["orders"] == []
