"""The seeded market: the same for the same seed, sane books, moments to trade on, settings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
import pytest

from support.binance import Rest
from support.kucoin_client import World
from xrpfast.errors import UsageError
from xrpfast.model import Side
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.flow import FlowSettings, MarketFlow
from xrpfast.simulation.orders import Trade
from xrpfast.simulation.worlds import VENUES, exchange_of

if TYPE_CHECKING:
    from xrpfast.simulation.server import MockVenues

FEES = 0.002
STEPS = 1_500
LEVELS = FlowSettings().levels
STEP_SECONDS = FlowSettings().step_seconds


def market(seed: int, **settings: Any) -> tuple[list[Exchange], MarketFlow]:
    exchanges = [exchange_of(venue, lambda: 10**18) for venue in VENUES]
    return exchanges, MarketFlow(exchanges, seed, FlowSettings.of(settings))


class Tape:
    """What one venue told the public, in order."""

    def __init__(self, exchange: Exchange) -> None:
        self.rows: list[object] = []
        exchange.listeners.append(self)

    def on_order(self, kind: str, order: object, fill: object) -> None:
        raise AssertionError("nobody trades here")

    def on_balances(self, account: object, changes: object) -> None:
        raise AssertionError("nobody trades here")

    def on_trade(self, trade: Trade) -> None:
        self.rows.append(trade)

    def on_book(self, changes: list[tuple[int, int, int]], first: int, last: int) -> None:
        self.rows.append((tuple(changes), first, last))


def books(exchanges: list[Exchange]) -> list[list[tuple[int, int]]]:
    return [one.matching.levels(side, 100) for one in exchanges for side in (0, 1)]


def touch(exchange: Exchange) -> tuple[float, float]:
    bid, ask = exchange.matching.best(Side.BUY), exchange.matching.best(Side.SELL)
    assert bid is not None
    assert ask is not None
    unit = 10**exchange.rules.price_decimals
    return bid[0] / unit, ask[0] / unit


BUSY = {"burst": 0.02, "thin": 0.02}


@pytest.mark.parametrize("settings", [{}, BUSY], ids=["as it comes", "busy"])
def test_the_same_seed_tells_the_same_step_by_step(settings: dict[str, Any]) -> None:
    (one, first), (two, second), (three, third) = (market(s, **settings) for s in (7, 7, 8))
    tapes = [[Tape(exchange) for exchange in world] for world in (one, two, three)]
    for _ in range(2_000):
        for flow in (first, second, third):
            flow.step()
        told, again, other = ([tape.rows for tape in world] for world in tapes)
        assert told == again
        assert told != other
        for world in tapes:
            for tape in world:
                tape.rows = tape.rows[:0]
    assert books(one) == books(two) != books(three)


def test_books_stay_deep_uncrossed_and_busy() -> None:
    exchanges, flow = market(3)
    before = [exchange.sequence for exchange in exchanges]
    for _ in range(STEPS):
        flow.step()
        for exchange in exchanges:
            bid, ask = touch(exchange)
            assert bid < ask
            for side in (Side.BUY, Side.SELL):
                levels = exchange.matching.levels(side, 100)
                assert len(levels) >= 20
                assert len(levels) <= LEVELS + 1
                assert all(p % exchange.rules.tick == 0 for p, _ in levels)
                assert all(q % exchange.rules.lot == 0 for _, q in levels)
    for exchange, start in zip(exchanges, before, strict=True):
        per_second = (exchange.sequence - start) / (STEPS * STEP_SECONDS)
        assert 30 < per_second < 1_000


def test_now_and_then_one_venue_is_worth_selling_to_the_other() -> None:
    exchanges, flow = market(11)
    starts, lasted, open_now = 0, 0, False
    for _ in range(STEPS):
        flow.step()
        (bid_a, ask_a), (bid_b, ask_b) = (touch(exchange) for exchange in exchanges)
        edge = max(bid_a / ask_b, bid_b / ask_a) - 1 - FEES
        starts += edge > 0 and not open_now
        open_now = edge > 0
        lasted += open_now
    seconds = STEPS * STEP_SECONDS
    assert seconds / 3 < starts < seconds * 4
    assert 0.04 < lasted * STEP_SECONDS / starts < 0.5


def test_a_paused_market_shows_no_edge() -> None:
    exchanges = [exchange_of(venue) for venue in VENUES]
    flow = MarketFlow(exchanges, seed=3)
    dislocated = 0
    for _ in range(400):
        flow.step()
        tops = [(e.matching.best(Side.BUY), e.matching.best(Side.SELL)) for e in exchanges]
        (binance_bid, _), (_, kucoin_ask) = tops
        assert binance_bid is not None
        assert kucoin_ask is not None
        if abs(binance_bid[0] * 10 - kucoin_ask[0]) > 400:
            dislocated += 1
            flow.pause()
            middles = []
            for exchange in exchanges:
                bid, ask = exchange.matching.best(Side.BUY), exchange.matching.best(Side.SELL)
                assert bid is not None
                assert ask is not None
                middles.append((bid[0] + ask[0]) / 2 / 10**exchange.rules.price_decimals)
            assert abs(middles[0] - middles[1]) < 0.002
    assert dislocated > 0


def counts(flow: MarketFlow, exchange: Exchange) -> list[int]:
    """Changes of the book in each step."""
    tape, found = Tape(exchange), []
    for _ in range(400):
        flow.step()
        found.append(sum(isinstance(row, tuple) for row in tape.rows))
        tape.rows.clear()
    return found


def test_a_burst_is_many_changes_within_a_step() -> None:
    (usual, _), flow = market(3)
    assert max(counts(flow, usual)) < 150  # a dislocation moves every level
    (burst, _), flow = market(3, burst=0.05, burst_changes=[200, 300])
    seen = [count for count in counts(flow, burst) if count >= 200]
    assert 2 <= len(seen) <= 40


def test_a_thin_book_has_few_small_levels_for_a_while() -> None:
    exchanges, flow = market(3, thin=0.02, thin_levels=2, thin_part=0.01, thin_steps=[10, 20])
    thin_steps, spells, before = 0, 0, False
    for _ in range(600):
        flow.step()
        levels = exchanges[0].matching.levels(Side.BUY, 100)
        thin = len(levels) <= 3
        if thin:
            assert all(qty <= 92 for _, qty in levels[:2])  # 1 % of 900.9, in tenths
        else:
            assert len(levels) >= 20
        thin_steps, spells, before = thin_steps + thin, spells + (thin and not before), thin
    assert 2 <= spells <= 12
    assert 8 <= thin_steps / spells <= 20


def test_each_venue_has_its_own_tick_and_lot() -> None:
    exchanges, flow = market(3, tick={"binance": "0.001"}, lot={"kucoin": "0.5", "binance": "2"})
    binance, kucoin = exchanges
    assert (binance.rules.tick, binance.rules.lot, binance.rules.min_qty) == (10, 20, 20)
    assert (kucoin.rules.tick, kucoin.rules.lot) == (1, 5_000)
    for _ in range(300):
        flow.step()
        for exchange in exchanges:
            bid, ask = touch(exchange)
            assert bid < ask
            for side in (Side.BUY, Side.SELL):
                for price, qty in exchange.matching.levels(side, 100):
                    assert price % exchange.rules.tick == 0
                    assert qty % exchange.rules.lot == 0


def test_settings_change_between_steps() -> None:
    exchanges, flow = market(3)
    flow.step()
    flow.set(FlowSettings.of({"fair": 0.5, "levels": 5, "tick": {"binance": "0.01"}}))
    for exchange in exchanges:
        bid, ask = touch(exchange)
        assert 0.48 < bid < 0.5 < ask < 0.52
        assert len(exchange.matching.levels(Side.BUY, 100)) == 5
    flow.set(FlowSettings())
    assert [exchange.rules.tick for exchange in exchanges] == [1, 1]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"nois": 1}, "allowed: step_seconds, fair, noise"),
    ({"noise": -1}, ">= 0.0 - at `$.noise`"),
    ({"noise": "much"}, "Expected `float`"),
    ({"levels": 0}, ">= 1 - at `$.levels`"),
    ({"levels": 2.5}, "Expected `int`"),
    ({"thin": 1.01}, "<= 1.0 - at `$.thin`"),
    ({"burst_changes": [9, 3]}, "burst_changes: the smaller value comes first"),
    ({"thin_steps": [9]}, "$.thin_steps"),
    ({"tick": {"binance": "0"}}, "tick of binance: 0 is no multiple of 0.0001"),
    ({"tick": {"kucoin": "0.000001"}}, "no multiple of 0.00001"),
    ({"lot": {"kraken": "1"}}, "no seeded market of 'kraken' here; allowed: binance, kucoin"),
    ({"lot": {"kucoin": "one"}}, "$.lot"),
    ({"lot": {"kucoin": 1}}, "Expected `str`"),
]


@pytest.mark.parametrize(("values", "says"), WRONG)
def test_a_wrong_setting_is_named_with_what_is_allowed(values: dict[str, Any], says: str) -> None:
    exchanges, flow = market(3)
    before = books(exchanges)
    with pytest.raises(UsageError) as refused:
        flow.set(FlowSettings.of(values))
    assert says in str(refused.value)
    assert (books(exchanges), flow.settings) == (before, FlowSettings())


async def test_the_control_port_sets_the_market() -> None:
    from xrpfast.simulation.server import mock_venues

    async with (
        mock_venues(seed=3, flow=FlowSettings(levels=7)) as running,
        aiohttp.ClientSession() as http,
    ):
        running.flow.running = False
        url = running.line["control_url"] + "/market"

        async def post(body: Mapping[str, Any]) -> tuple[int, str]:
            async with http.post(url, json=body) as reply:
                return reply.status, await reply.text()

        bids = running.faces["kucoin"].exchange.matching
        assert len(bids.levels(Side.BUY, 100)) == 7
        status, text = await post({"levels": 9, "tick": {"kucoin": "0.001"}})
        now = json.loads(text)
        assert (status, now["running"], now["settings"]["levels"]) == (200, False, 9)
        assert len(bids.levels(Side.BUY, 100)) == 9
        status, text = await post({"noise": 0.0, "running": True})
        now = json.loads(text)
        assert (now["running"], now["settings"]["noise"], now["settings"]["levels"]) == (True, 0, 9)
        async with http.get(url) as reply:
            assert (await reply.json())["settings"] == now["settings"]
        for values, says in WRONG:
            status, text = await post(values | {"running": False})
            assert status == 400
            assert says in text
        assert running.flow.running


def test_the_page_of_the_mock_venues_lists_every_setting() -> None:
    page = Path(__file__).parents[2] / "docs" / "mock-venues.md"
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", page.read_text(), re.MULTILINE)
    listed = {name: json.loads(default) for name, default in rows}
    assert listed == json.loads(msgspec.json.encode(FlowSettings()))


async def test_a_new_tick_and_lot_are_the_venues_own_at_once(venue: MockVenues, rest: Rest) -> None:
    venue.flow.set(FlowSettings.of({"tick": {"binance": "0.001"}, "lot": {"binance": "0.5"}}))
    _, info = await rest.get("/exchangeInfo", "symbol=XRPUSDT")
    filters = {row["filterType"]: row for row in info["symbols"][0]["filters"]}
    assert float(filters["PRICE_FILTER"]["tickSize"]) == 0.001
    assert float(filters["LOT_SIZE"]["stepSize"]) == float(filters["LOT_SIZE"]["minQty"]) == 0.5
    order = {"symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    for price, quantity, named in (("2.3011", "20", "PRICE"), ("2.301", "20.1", "LOT_SIZE")):
        status, body = await rest.signed("POST", "/order", **order, price=price, quantity=quantity)
        assert (status, body["code"]) == (400, -1013)
        assert named in body["msg"]
    status, _ = await rest.signed("POST", "/order", **order, price="2.301", quantity="20.5")
    assert status == 200
    _, book = await rest.get("/depth", "symbol=XRPUSDT&limit=50")
    for price, quantity in book["bids"] + book["asks"]:
        assert Decimal(price) % Decimal("0.001") == 0
        assert Decimal(quantity) % Decimal("0.5") == 0


async def test_kucoin_too_has_a_new_tick_and_lot_at_once(kucoin: World) -> None:
    kucoin.flow.set(FlowSettings.of({"tick": {"kucoin": "0.001"}, "lot": {"kucoin": "0.5"}}))
    symbol = await kucoin.get("/api/v2/symbols/XRP-USDT")
    assert (symbol["priceIncrement"], symbol["baseIncrement"]) == ("0.001", "0.5")
    assert symbol["baseMinSize"] == "0.5"
    for price, size, says in (("2.3011", "20", "price increment"), ("2.301", "20.1", "size incr")):
        order = kucoin.order("buy", price, size)
        reply = await kucoin.call("POST", "/api/v1/hf/orders", order)
        assert reply.code == "600100"
        assert says in reply.body["msg"]
    order = kucoin.order("buy", "2.301", "20.5")
    assert (await kucoin.call("POST", "/api/v1/hf/orders", order)).data["orderId"]
