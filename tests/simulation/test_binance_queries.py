"""What a customer asks the mock Binance of orders, trades and the account."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from support.binance import Keys, Rest, now_ms
from support.sockets import Client
from xrpfast.simulation.binance.face import BinanceFace

LIMIT: dict[str, Any] = {
    "symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
    "quantity": "25.0", "price": "2.1000",
}  # fmt: skip
SYMBOL = {"symbol": "XRPUSDT"}
DAY_MS = 86_400_000


@pytest.fixture
async def history(rest: Rest, face: BinanceFace) -> list[int]:
    """Four bought lots an hour apart, the last an hour ago: the numbers of their orders."""
    clock: Any = face.exchange.wall_ns
    clock.offset_ns = -4 * 3_600 * 10**9
    numbers = []
    for _ in range(4):
        market = {"side": "BUY", "type": "MARKET", "quantity": "10"}
        stamp = clock() // 10**6
        _, body = await rest.signed("POST", "/order", **SYMBOL, **market, timestamp=stamp)
        numbers.append(body["orderId"])
        clock.offset_ns += 3_600 * 10**9
    assert clock.offset_ns == 0
    return numbers


def hours_ago(hours: float) -> int:
    return now_ms() - round(hours * 3_600_000)


RANGES = [
    ({}, [0, 1, 2, 3]),
    ({"limit": 2}, [2, 3]),
    ({"startTime": 3.5}, [1, 2, 3]),
    ({"startTime": 3.5, "limit": 1}, [1]),
    ({"endTime": 2.5}, [0, 1]),
    ({"endTime": 1.5, "limit": 2}, [1, 2]),
    ({"startTime": 3.5, "endTime": 1.5}, [1, 2]),
    ({"startTime": 3.5, "endTime": 1.5, "limit": 1}, [1]),
    ({"startTime": 0.5}, []),
    ({"limit": 5_000}, [0, 1, 2, 3]),
]


def asked(params: dict[str, Any]) -> dict[str, Any]:
    return {
        name: hours_ago(value) if name.endswith("Time") else value for name, value in params.items()
    }


@pytest.mark.parametrize(("params", "found"), RANGES)
async def test_time_ranges(
    rest: Rest, api: Client, keys: Keys, history: list[int], params: dict[str, Any],
    found: list[int],
) -> None:  # fmt: skip
    """Oldest first from a start, else the newest; always ascending; orders and trades alike."""
    wanted = [history[n] for n in found]
    for path, method in (("/allOrders", "allOrders"), ("/myTrades", "myTrades")):
        _, rows = await rest.signed("GET", path, **SYMBOL, **asked(params))
        assert [row["orderId"] for row in rows] == wanted
        reply = await api.request(method, keys.params(**SYMBOL, **asked(params)))
        assert reply["result"] == rows


async def test_orders_and_trades_from_a_number_on(rest: Rest, history: list[int]) -> None:
    async def orders(**params: Any) -> list[int]:
        _, rows = await rest.signed("GET", "/allOrders", **SYMBOL, **params)
        return [row["orderId"] for row in rows]

    async def trades(**params: Any) -> list[int]:
        _, rows = await rest.signed("GET", "/myTrades", **SYMBOL, **params)
        return [row["id"] for row in rows]

    everything = await trades()
    assert await orders(orderId=history[1]) == history[1:]
    assert await orders(orderId=history[1], limit=2) == history[1:3]
    assert await trades(fromId=everything[2]) == everything[2:]
    assert await trades(fromId=everything[0], limit=1) == everything[:1]
    assert await trades(orderId=history[1]) == [everything[1]]
    assert await trades(orderId=history[1], fromId=everything[2]) == []


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("/allOrders", {"startTime": 30, "endTime": 1}, -1127),
        ("/myTrades", {"startTime": 30, "endTime": 1}, -1127),
        ("/myTrades", {"startTime": 2, "fromId": 1}, -1128),
        ("/myTrades", {"orderId": 1, "endTime": 1}, -1128),
        ("/myTrades", {"limit": 0}, -1130),
        ("/allOrders", {"orderId": "x"}, -1100),
        ("/allOrders", {"startTime": 1, "endTime": 2}, -1128),
        ("/myPreventedMatches", {}, -1102),
        ("/myPreventedMatches", {"orderId": 1, "preventedMatchId": 1}, -1128),
        ("/order/amendments", {}, -1102),
        ("/order/amendments", {"orderId": 1}, -2013),
    ],
)
async def test_bad_questions(rest: Rest, path: str, params: dict[str, Any], code: int) -> None:
    status, body = await rest.signed("GET", path, **SYMBOL, **asked(params))
    assert (status, body["code"]) == (400, code)


async def test_the_account(rest: Rest, api: Client, keys: Keys, face: BinanceFace) -> None:
    (account,) = face.exchange.accounts.values()
    account.balance("BNB").free = 0
    _, body = await rest.signed("GET", "/account")
    assert body["updateTime"] == account.updated_ns // 10**6
    face.exchange.adjust(account, "XRP", 10**18)
    changed = account.updated_ns // 10**6
    await asyncio.sleep(0.005)  # reading is no update
    _, body = await rest.signed("GET", "/account")
    assert body["updateTime"] == changed
    assert [row["asset"] for row in body["balances"]] == ["BNB", "USDT", "XRP"]
    _, body = await rest.signed("GET", "/account", omitZeroBalances="true")
    assert [row["asset"] for row in body["balances"]] == ["USDT", "XRP"]
    assert (body["accountType"], body["uid"], body["makerCommission"]) == ("SPOT", 1, 10)
    bad = await rest.signed("GET", "/account", omitZeroBalances="perhaps")
    assert bad[1]["code"] == -1130
    _, rates = await rest.signed("GET", "/account/commission", **SYMBOL)
    assert set(rates) == {
        "symbol", "standardCommission", "specialCommission", "taxCommission", "discount",
    }  # fmt: skip
    assert rates["standardCommission"] == {
        "maker": "0.00100000", "taker": "0.00100000", "buyer": "0.00000000",
        "seller": "0.00000000",
    }  # fmt: skip
    assert set(rates["discount"]) == {
        "enabledForAccount", "enabledForSymbol", "discountAsset", "discount",
    }  # fmt: skip
    reply = await api.request("account.commission", keys.params(**SYMBOL))
    assert reply["result"] == rates


async def test_exchange_info_by_what_is_asked(rest: Rest, face: BinanceFace) -> None:
    async def symbols(query: str) -> Any:
        status, body = await rest.get("/exchangeInfo", query)
        return [row["symbol"] for row in body["symbols"]] if status == 200 else body["code"]

    for query, found in (
        ("", ["XRPUSDT"]),
        ("symbol=XRPUSDT", ["XRPUSDT"]),
        ('symbols=["XRPUSDT"]', ["XRPUSDT"]),
        ("symbols=%5B%22XRPUSDT%22%5D", ["XRPUSDT"]),
        ("permissions=SPOT", ["XRPUSDT"]),
        ('permissions=["SPOT","MARGIN"]', ["XRPUSDT"]),
        ("permissions=MARGIN", []),
        ("symbolStatus=TRADING", ["XRPUSDT"]),
        ("symbolStatus=HALT", []),
        ("symbol=ADAUSDT", -1121),
        ('symbols=["XRPUSDT","ADAUSDT"]', -1121),
        ('symbols=["XRPUSDT","XRPUSDT"]', -1151),
        ("symbols=XRPUSDT", -1135),
        ("symbols=[]", -1135),
        ('symbol=XRPUSDT&symbols=["XRPUSDT"]', -1128),
        ("symbol=XRPUSDT&symbolStatus=TRADING", -1128),
        ("symbolStatus=OPEN", -1122),
        ("permissions=FUTURES", -1130),
        ("symbol=xrp usdt", -1100),
        ("limit=5", -1104),
    ):
        assert await symbols(query.replace('"', "%22").replace(" ", "%20")) == found, query
    _, body = await rest.get("/exchangeInfo", "showPermissionSets=false")
    assert "permissionSets" not in body["symbols"][0]
    face.venue.status = "HALT"
    assert await symbols("symbolStatus=HALT") == ["XRPUSDT"]


async def test_limits_of_exchange_info(rest: Rest, api: Client) -> None:
    _, body = await rest.get("/exchangeInfo")
    rows = {(row["rateLimitType"], row["interval"]): row for row in body["rateLimits"]}
    assert {key: (row["intervalNum"], row["limit"]) for key, row in rows.items()} == {
        ("REQUEST_WEIGHT", "MINUTE"): (1, 6_000),
        ("ORDERS", "SECOND"): (10, 100),
        ("ORDERS", "DAY"): (1, 200_000),
        ("RAW_REQUESTS", "MINUTE"): (5, 300_000),
    }
    reply = await api.request("exchangeInfo")
    kinds = [row["rateLimitType"] for row in reply["result"]["rateLimits"]]
    assert kinds == ["REQUEST_WEIGHT", "ORDERS", "ORDERS", "CONNECTIONS"]


async def test_execution_rules_by_what_is_asked(rest: Rest) -> None:
    empty = {"symbolRules": [{"symbol": "XRPUSDT", "rules": []}]}
    for query, found in (
        ("", empty),
        ("symbol=XRPUSDT", empty),
        ("symbols=%5B%22XRPUSDT%22%5D", empty),
        ("symbolStatus=TRADING", empty),
        ("symbolStatus=BREAK", {"symbolRules": []}),
    ):
        assert await rest.get("/executionRules", query) == (200, found)
    assert (await rest.get("/executionRules", "symbol=NOPE"))[1]["code"] == -1121
