"""Every filter of the mock Binance's symbol: what exchangeInfo says of it, and what it stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from support.binance import Rest
from xrpfast.model import MONEY_ONE, Side, TimeInForce
from xrpfast.simulation.binance.face import BinanceFace
from xrpfast.simulation.binance.filters import (
    ASSET_FILTERS,
    EXCHANGE_FILTERS,
    FILTERS,
    ONE,
    FilterValues,
)

LIMIT: dict[str, Any] = {
    "symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
    "quantity": "25", "price": "2.1",
}  # fmt: skip
MARKET: dict[str, Any] = {"symbol": "XRPUSDT", "side": "BUY", "type": "MARKET", "quantity": "25"}
STOP: dict[str, Any] = MARKET | {"type": "STOP_LOSS", "stopPrice": "2.9"}
TRAILING: dict[str, Any] = MARKET | {"type": "STOP_LOSS", "trailingDelta": "100"}
Change = Callable[[FilterValues], FilterValues]


def trade(face: BinanceFace) -> None:
    """Someone trades at the best ask, so that there is an average price."""
    best = face.exchange.matching.best(Side.SELL)
    assert best is not None
    face.exchange.place_background(Side.BUY, best[0], 10, TimeInForce.IOC)


def average(face: BinanceFace) -> float:
    return face.venue.average(5) / ONE


CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("PRICE_FILTER", {}, LIMIT | {"price": "2.10005"}),
    ("PRICE_FILTER", {}, LIMIT | {"price": "10000.0001"}),
    ("PRICE_FILTER", {"min_price": 3 * ONE}, LIMIT),
    ("PRICE_FILTER", {}, STOP | {"stopPrice": "2.90005"}),
    ("LOT_SIZE", {}, LIMIT | {"quantity": "25.05"}),
    ("LOT_SIZE", {}, LIMIT | {"quantity": "9222450"}),
    ("LOT_SIZE", {"min_qty": 30 * ONE}, LIMIT),
    ("LOT_SIZE", {}, LIMIT | {"icebergQty": "0.05"}),
    ("ICEBERG_PARTS", {}, LIMIT | {"quantity": "1000", "icebergQty": "9.9"}),
    ("MARKET_LOT_SIZE", {"market_max_qty": 20 * ONE}, MARKET),
    ("MARKET_LOT_SIZE", {"market_min_qty": 30 * ONE}, MARKET),
    ("MARKET_LOT_SIZE", {"market_lot": 10 * ONE}, MARKET),
    ("TRAILING_DELTA", {}, TRAILING | {"trailingDelta": "9"}),
    ("TRAILING_DELTA", {}, TRAILING | {"trailingDelta": "2001"}),
    ("TRAILING_DELTA", {"min_trailing_below": 101}, TRAILING | {"side": "SELL"}),
    ("TRAILING_DELTA", {"min_trailing_above": 101}, TRAILING),
    ("PERCENT_PRICE", {"percent_up": 2 * ONE, "percent_down": ONE * 95 // 100}, LIMIT),
    ("PERCENT_PRICE_BY_SIDE", {"bid_down": ONE * 95 // 100}, LIMIT),
    ("PERCENT_PRICE_BY_SIDE", {"ask_up": ONE * 11 // 10}, LIMIT | {"side": "SELL", "price": "3"}),
    ("PERCENT_PRICE_BY_SIDE", {}, LIMIT | {"price": "100"}),
    ("MIN_NOTIONAL", {"plain_min_notional": 53 * MONEY_ONE}, LIMIT),
    ("MIN_NOTIONAL", {"plain_min_notional": 100 * MONEY_ONE}, MARKET),
    ("NOTIONAL", {}, LIMIT | {"quantity": "2.3"}),
    ("NOTIONAL", {}, LIMIT | {"quantity": "9000000", "price": "2.4"}),
    ("NOTIONAL", {}, MARKET | {"quantity": "2"}),
    ("NOTIONAL", {"apply_max_to_market": True, "max_notional": 50 * MONEY_ONE}, MARKET),
    ("MAX_POSITION", {"max_position": 20_010 * ONE}, LIMIT),
    ("MAX_NUM_ORDERS", {"max_orders": 0}, LIMIT),
    ("MAX_NUM_ALGO_ORDERS", {"max_algo_orders": 0}, STOP),
    ("MAX_NUM_ICEBERG_ORDERS", {"max_iceberg_orders": 0}, LIMIT | {"icebergQty": "5"}),
    ("EXCHANGE_MAX_NUM_ORDERS", {"max_account_orders": 0}, LIMIT),
    ("MAX_ASSET", {"max_asset": ("XRP", 24 * MONEY_ONE)}, LIMIT),
    ("MAX_ASSET", {"max_asset": ("USDT", 52 * MONEY_ONE)}, LIMIT),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "order"), CASES)
async def test_a_filter_stops_its_orders(
    rest: Rest, face: BinanceFace, name: str, change: dict[str, Any], order: dict[str, Any]
) -> None:
    trade(face)
    face.venue.filters = replace(face.venue.filters, **change)
    refusal = (400, {"code": -1013, "msg": f"Filter failure: {name}"})
    assert await rest.signed("POST", "/order", **order) == refusal
    assert await rest.signed("POST", "/order/test", **order) == refusal
    assert face.exchange.orders == {}


def test_every_filter_that_checks_is_tried_here() -> None:
    checked = {row.name for row in (*FILTERS, *EXCHANGE_FILTERS, *ASSET_FILTERS) if row.passes}
    assert checked == {name for name, _, _ in CASES}


PASSING: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, LIMIT | {"price": "2.1000", "quantity": "2.4"}),
    ({"min_price": 0, "max_price": 0, "tick": 0}, LIMIT),
    ({"market_min_qty": 0, "market_max_qty": 0, "market_lot": 0}, MARKET),
    ({"market_max_qty": 20 * ONE}, LIMIT),
    ({"apply_min_to_market": False, "min_notional": 100 * MONEY_ONE}, MARKET | {"quantity": "50"}),
    ({"max_position": 20_025 * ONE}, LIMIT),
    ({"max_position": 1}, LIMIT | {"side": "SELL", "price": "2.6"}),
    ({"bid_down": ONE // 2}, LIMIT),
    ({"max_asset": ("XRP", 25 * MONEY_ONE)}, LIMIT),
    ({"max_asset": ("BTC", 1)}, LIMIT),
]


@pytest.mark.parametrize(("change", "order"), PASSING)
async def test_what_is_at_the_bound_passes(
    rest: Rest, face: BinanceFace, change: dict[str, Any], order: dict[str, Any]
) -> None:
    trade(face)
    face.venue.filters = replace(face.venue.filters, **change)
    status, body = await rest.signed("POST", "/order/test", **order)
    assert (status, body) == (200, {})


async def test_open_orders_count_until_they_end(rest: Rest, face: BinanceFace) -> None:
    face.venue.filters = replace(face.venue.filters, max_orders=2, max_position=20_060 * ONE)
    numbers = [(await rest.signed("POST", "/order", **LIMIT))[1]["orderId"] for _ in range(2)]
    full = await rest.signed("POST", "/order", **LIMIT | {"quantity": "3"})
    assert full[1]["msg"] == "Filter failure: MAX_NUM_ORDERS"
    await rest.signed("DELETE", "/order", symbol="XRPUSDT", orderId=numbers[0])
    over = await rest.signed("POST", "/order", **LIMIT | {"quantity": "36"})
    assert over[1]["msg"] == "Filter failure: MAX_POSITION"  # 25 are being bought
    assert (await rest.signed("POST", "/order", **LIMIT | {"quantity": "35"}))[0] == 200


async def test_the_reference_price_goes_before_the_average(rest: Rest, face: BinanceFace) -> None:
    trade(face)
    assert average(face) == pytest.approx(2.4, abs=0.2)
    face.market.reference = (100_000, 0)
    assert average(face) == 10
    low = await rest.signed("POST", "/order", **LIMIT | {"price": "1.9"})
    assert low[1]["msg"] == "Filter failure: PERCENT_PRICE_BY_SIDE"


async def test_a_market_order_is_worth_the_average(rest: Rest, face: BinanceFace) -> None:
    """Not what it will cost: with a reference of 10 one XRP is worth 10."""
    face.market.reference = (100_000, 0)
    _, body = await rest.signed("POST", "/order", **MARKET | {"quantity": "1"})
    assert (body["status"], float(body["cummulativeQuoteQty"]) < 5) == ("FILLED", True)
    face.market.reference = (1_000, 0)
    low = await rest.signed("POST", "/order", **MARKET | {"quantity": "49.9"})
    assert low[1]["msg"] == "Filter failure: NOTIONAL"


async def test_filters_that_are_off_stop_nothing(rest: Rest, face: BinanceFace) -> None:
    face.venue.filters = replace(face.venue.filters, min_notional=0, lot=0, tick=0)
    order = LIMIT | {"quantity": "0.1", "price": "2.1001"}
    assert (await rest.signed("POST", "/order", **order))[0] == 200
    fine = await rest.signed("POST", "/order", **LIMIT | {"price": "2.10001"})
    assert fine[1]["msg"] == "Filter failure: PRICE_FILTER"  # the book has no such price


async def test_exchange_info_tells_the_filters_in_force(rest: Rest, face: BinanceFace) -> None:
    face.venue.filters = replace(
        face.venue.filters, max_position=5 * ONE, plain_min_notional=MONEY_ONE, percent_up=ONE,
        percent_down=ONE // 2, max_iceberg_orders=7, max_account_orders=9,
        max_asset=("XRP", MONEY_ONE),
    )  # fmt: skip
    _, info = await rest.get("/exchangeInfo")
    shown = {row["filterType"]: row for row in info["symbols"][0]["filters"]}
    assert list(shown) == [row.name for row in FILTERS]
    assert shown["TRAILING_DELTA"]["maxTrailingBelowDelta"] == 2_000
    assert shown["ICEBERG_PARTS"] == {"filterType": "ICEBERG_PARTS", "limit": 100}
    assert shown["MAX_POSITION"]["maxPosition"] == "5.00000000"
    assert shown["NOTIONAL"]["applyMinToMarket"] is True
    assert info["exchangeFilters"] == [{"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 9}]
    _, own = await rest.signed("GET", "/myFilters", symbol="XRPUSDT")
    assert own["symbolFilters"] == info["symbols"][0]["filters"]
    assert own["exchangeFilters"] == info["exchangeFilters"]
    assert own["assetFilters"] == [
        {"filterType": "MAX_ASSET", "asset": "XRP", "limit": "1.00000000"}
    ]
