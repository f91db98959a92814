"""Whatever happens to orders: the mock KuCoin's pushes, queries, fills and ledger agree."""

from __future__ import annotations

import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from support.kucoin_client import SYMBOL, World, topic
from xrpfast.model import Side, TimeInForce

HF = "/api/v1/hf/orders"
ORDERS, BALANCE = "/spotMarket/tradeOrdersV2", "/account/balance"
ENDS = ("filled", "canceled", "update")
STATUS = {
    "received": {"new"},
    "open": {"open"},
    "match": {"open", "match"},
    "update": {"open", "match", "done"},
    "filled": {"done"},
    "canceled": {"done"},
}
Rows = list[dict[str, Any]]


async def storm(kucoin: World, seed: int, count: int) -> None:
    """Random orders of every kind around the market, which trades, and changes of open ones."""
    draw = random.Random(seed)
    for _ in range(count):
        what = draw.random()
        working = await kucoin.get(f"{HF}/active?symbol={SYMBOL}")
        if what < 0.5 or not working:
            await kucoin.call("POST", HF, wanted(kucoin, draw))
        elif what < 0.65:
            order = draw.choice(working)
            part = draw.choice(["1", "2.5", order["remainSize"], "1000"])
            await kucoin.call(
                "DELETE", f"{HF}/cancel/{order['id']}?symbol={SYMBOL}&cancelSize={part}"
            )
        elif what < 0.75:
            await kucoin.call("DELETE", f"{HF}/{draw.choice(working)['id']}?symbol={SYMBOL}")
        elif what < 0.85:
            change = {
                "symbol": SYMBOL,
                "orderId": draw.choice(working)["id"],
                "newSize": draw.choice(["3", "20"]),
                "newPrice": kucoin.price(draw.choice((Side.BUY, Side.SELL)), draw.randint(-9, 9)),
            }
            await kucoin.call("POST", f"{HF}/alter", change)
        else:
            side = draw.choice((Side.BUY, Side.SELL))
            best, there = kucoin.best(side.opposite)
            qty = draw.choice((there, there + 30_000, 10_000))
            kucoin.exchange.place_background(side, best, qty, TimeInForce.IOC)


def wanted(kucoin: World, draw: random.Random) -> dict[str, Any]:
    side = draw.choice((Side.BUY, Side.SELL))
    name = "buy" if side is Side.BUY else "sell"
    if draw.random() < 0.2:
        size = {"size": "7"} if draw.random() < 0.5 else {"funds": "12.34567"}
        order = kucoin.order(name, "", "") | {"type": "market"} | size
        return {key: value for key, value in order.items() if value != ""}
    price = kucoin.price(side, draw.randint(-40, 60) * (1 if side is Side.BUY else -1))
    fields: dict[str, Any] = {"stp": draw.choice(["CN", "CO", "CB", "DC", "DC"])}
    fields["timeInForce"] = draw.choice(["GTC", "GTC", "GTC", "IOC", "FOK"])
    if fields["timeInForce"] == "GTC" and draw.random() < 0.2:
        fields["postOnly"] = True
    return kucoin.order(name, price, str(draw.randint(2, 30)), **fields)


def number(row: dict[str, Any], name: str) -> Decimal:
    return Decimal(row[name])


def check_life(rows: Rows) -> None:
    """One order's events: their order, their amounts, their one end."""
    assert rows[0]["type"] == "received"
    assert rows[-1]["type"] in ENDS
    assert [row["status"] == "done" for row in rows] == [False] * (len(rows) - 1) + [True]
    filled = Decimal(0)
    size = None
    for before, row in zip([None, *rows], rows, strict=False):
        assert row["status"] in STATUS[row["type"]]
        assert before is None or (row["type"] != "received" and row["ts"] >= before["ts"])
        if row["type"] == "match":
            filled += number(row, "matchSize")
        if row["type"] == "received":
            continue
        assert number(row, "filledSize") == filled
        if "originFunds" in row:
            continue
        parts = sum(number(row, name) for name in ("filledSize", "remainSize", "canceledSize"))
        assert parts == number(row, "originSize")
        if row["type"] == "update":
            assert number(row, "oldSize") == (size or number(row, "originSize"))
            assert number(row, "size") < number(row, "oldSize")
        elif size is not None:
            assert number(row, "size") == size
        size = number(row, "size")
    if rows[-1]["type"] == "filled":
        assert number(rows[-1], "filledSize") == size


def check_balances(frames: Rows, before: dict[str, tuple[int, int]]) -> None:
    """Each push follows from the one before."""
    known = {asset: tuple(map(Decimal, pair)) for asset, pair in before.items()}
    for data in frames:
        free, held = (value / 10**18 for value in known[data["currency"]])
        assert number(data, "available") == free + number(data, "availableChange")
        assert number(data, "hold") == held + number(data, "holdChange")
        assert number(data, "total") == number(data, "available") + number(data, "hold")
        known[data["currency"]] = (
            number(data, "available") * 10**18,
            number(data, "hold") * 10**18,
        )


@pytest.mark.parametrize("seed", range(3))
async def test_pushes_queries_fills_and_ledger_agree(kucoin: World, seed: int) -> None:
    kucoin.face.enforce_quotas(False)
    before = kucoin.balances()
    async with kucoin.push(ORDERS, BALANCE, private=True) as events:
        await storm(kucoin, seed, 150)
        await kucoin.call("DELETE", f"{HF}/cancelAll")
        events.send({"id": "end", "type": "ping"})
        await events.until(lambda m: m.get("id") == "end")
        lives: dict[str, Rows] = defaultdict(list)
        for message in events.messages:
            if topic(ORDERS)(message):
                lives[message["data"]["orderId"]].append(message["data"])
    assert len(lives) > 50
    assert {row["type"] for rows in lives.values() for row in rows} == set(STATUS)
    fills = (await kucoin.get(f"/api/v1/hf/fills?symbol={SYMBOL}&limit=100"))["items"]
    for order_id, rows in lives.items():
        check_life(rows)
        order = await kucoin.get(f"{HF}/{order_id}?symbol={SYMBOL}")
        assert not order["active"]
        assert order["dealSize"] == rows[-1]["filledSize"]
        if "originFunds" in rows[0]:
            assert order["cancelledFunds"] == rows[-1]["canceledFunds"]
        else:
            assert order["cancelledSize"] == rows[-1]["canceledSize"]
            assert order["cancelExist"] == (rows[-1]["canceledSize"] != "0")
        told = {row["tradeId"] for row in rows if row["type"] == "match"}
        queried = {str(fill["tradeId"]) for fill in fills if fill["orderId"] == order_id}
        assert queried <= told, "the page holds the newest 100 only"
    check_balances([m["data"] for m in events.messages if topic(BALANCE)(m)], before)
    after = kucoin.balances()
    assert [held for _, held in after.values()] == [0, 0]
    moved: dict[str, Decimal] = defaultdict(Decimal)
    last = ""
    while page := await kucoin.get(f"/api/v1/hf/accounts/ledgers?limit=200{last}"):
        last = f"&lastId={page[-1]['id']}"
        for row in page:
            sign = 1 if row["direction"] == "in" else -1
            moved[row["currency"]] += sign * number(row, "amount")
    for asset, (free, _) in after.items():
        assert moved[asset] * 10**18 == free - before[asset][0]
