"""Money and keys at the mock KuCoin: ledgers, levels, transfers, tokens; quotas of every level."""

from __future__ import annotations

import asyncio
import json

import pytest

from support.kucoin_client import SYMBOL, World
from support.sockets import connected
from xrpfast.model import MONEY_ONE, Side, TimeInForce, format_money
from xrpfast.simulation.kucoin.limits import EdgeLimit, quotas

HF = "/api/v1/hf/orders"
LEDGERS = "/api/v1/hf/accounts/ledgers"


async def buy(kucoin: World, size: str = "25") -> str:
    wanted = kucoin.order("buy", kucoin.price(Side.SELL), size, timeInForce="IOC")
    order_id: str = (await kucoin.call("POST", HF, wanted)).data["orderId"]
    return order_id


async def test_ledger_of_a_trade(kucoin: World) -> None:
    price, _ = kucoin.best(Side.SELL)
    before = kucoin.balances()["USDT"][0]
    await kucoin.call("POST", HF, kucoin.order("buy", "2.3", "5"))  # a hold moves no money
    order_id = await buy(kucoin)
    rows = await kucoin.get(LEDGERS)
    base, quote = rows
    cost = 25 * price * MONEY_ONE // 10**5
    assert base["currency"] == "XRP"
    assert (base["direction"], base["amount"], base["fee"]) == ("in", "25", "0")
    assert (quote["direction"], quote["currency"]) == ("out", "USDT")
    assert quote["fee"] == format_money(cost // 1000)
    assert quote["amount"] == format_money(cost + cost // 1000)
    assert quote["balance"] == format_money(before - cost - cost // 1000)
    assert {row["bizType"] for row in rows} == {"TRADE_EXCHANGE"}
    assert {row["accountType"] for row in rows} == {"TRADE_HF"}
    assert isinstance(quote["createdAt"], str)
    context = json.loads(quote["context"])
    assert (context["symbol"], context["orderId"]) == (SYMBOL, order_id)
    assert int(context["tradeId"]) > 2**53


async def test_ledger_pages_and_filters(kucoin: World) -> None:
    for _ in range(3):
        await buy(kucoin, "1")
    everything = await kucoin.get(LEDGERS)
    assert len(everything) == 6
    seen, last = [], ""
    while page := await kucoin.get(f"{LEDGERS}?limit=4{last}"):
        seen += page
        last = f"&lastId={page[-1]['id']}"
    assert seen == everything
    assert len(await kucoin.get(f"{LEDGERS}?currency=USDT")) == 3
    assert len(await kucoin.get(f"{LEDGERS}?currency=USDT,XRP&direction=in")) == 3
    assert await kucoin.get(f"{LEDGERS}?bizType=TRANSFER") == []
    assert await kucoin.get(f"{LEDGERS}?endAt=1") == []
    kucoin.exchange.transfer(kucoin.account, "USDT", MONEY_ONE, 0, "transfer")
    assert (await kucoin.get("/api/v1/accounts/ledgers?pageSize=10"))["totalNum"] == 0
    assert (await kucoin.call("GET", "/api/v1/accounts/ledgers?pageSize=501")).code == "400100"
    (moved,) = await kucoin.get(f"{LEDGERS}?bizType=TRANSFER")
    assert (moved["amount"], moved["direction"], moved["context"]) == ("1", "in", "{}")
    for bad in ("limit=201", "direction=up", "lastId=x"):
        assert (await kucoin.call("GET", f"{LEDGERS}?{bad}")).code == "400100"


async def test_balance_push_of_a_transfer(kucoin: World) -> None:
    async with kucoin.push("/account/balance", private=True) as events:
        kucoin.exchange.transfer(kucoin.account, "USDT", MONEY_ONE, 0, "transfer")
        data = (await events.until(lambda m: m["type"] == "message"))["data"]
    assert (data["relationEvent"], data["relationContext"]) == ("trade.transfer", {})
    assert (data["availableChange"], data["total"]) == ("1", "50001")


async def test_transfers_need_a_permission_that_the_key_lacks(kucoin: World) -> None:
    body = {"clientOid": "t", "currency": "USDT", "amount": "1", "from": "trade", "to": "main"}
    for path in (
        "/api/v2/accounts/inner-transfer",
        "/api/v2/accounts/sub-transfer",
        "/api/v3/accounts/universal-transfer",
    ):
        reply = await kucoin.call("POST", path, body)
        assert (reply.status, reply.code) == (401, "400007")
    assert kucoin.balances()["USDT"] == (50_000 * MONEY_ONE, 0)


async def test_level_and_fees(kucoin: World) -> None:
    info = await kucoin.get("/api/v2/user-info")
    assert (info["level"], info["maxSubQuantity"]) == (0, 5)
    kucoin.face.set_vip(12)
    assert (await kucoin.get("/api/v2/user-info"))["level"] == 12
    reply = await kucoin.call("GET", "/api/v1/base-fee?currencyType=0")
    assert reply.data == {"takerFeeRate": "0.001", "makerFeeRate": "0.001"}
    assert reply.headers["gw-ratelimit-limit"] == "40000"
    assert (await kucoin.call("GET", "/api/v1/base-fee?currencyType=7")).code == "400100"
    assert await kucoin.get("/api/v1/hf/accounts/opened") is True
    with pytest.raises(IndexError):
        quotas(13)


async def test_pool_forgets_ended_windows_only(kucoin: World) -> None:
    from xrpfast.simulation.kucoin import limits

    pools = limits.Pools()
    for number in range(limits.MAX_WINDOWS):
        pools.charge("public", f"old {number}", 1, 0)
    pools.charge("public", "me", 5, 40_000)
    assert pools.charge("public", "me", 5, 40_001).remaining == 1_990
    assert len(pools._windows) < 10


async def test_quota_window_can_be_shortened(kucoin: World) -> None:
    kucoin.face.pools.window_ms = 50
    first = await kucoin.call("GET", "/api/v1/timestamp", signed=False)
    assert int(first.headers["gw-ratelimit-reset"]) <= 50
    await asyncio.sleep(0.1)
    again = await kucoin.call("GET", "/api/v1/timestamp", signed=False)
    assert again.headers["gw-ratelimit-remaining"] == "1997"


async def test_the_edge_blocks_an_address(kucoin: World) -> None:
    kucoin.face.rest.edge = EdgeLimit(limit=2, block_s=0.2)
    for _ in range(2):
        assert (await kucoin.call("GET", "/api/v1/timestamp", signed=False)).status == 200
    url = f"{kucoin.line['rest_url']}/api/v1/timestamp"
    async with kucoin.http.get(url) as reply:
        assert (reply.status, reply.content_type) == (429, "text/html")
        assert "1015" in await reply.text()
    await asyncio.sleep(0.25)
    assert (await kucoin.call("GET", "/api/v1/timestamp", signed=False)).status == 200


# --- tokens -----------------------------------------------------------------------------------


async def test_tokens_expire_and_may_name_two_servers(kucoin: World) -> None:
    kucoin.face.venue.more_push_urls.append(f"{kucoin.face.venue.push_url}endpoint")
    data = (await kucoin.call("POST", "/api/v1/bullet-public", signed=False)).data
    one, two = data["instanceServers"]
    assert one["endpoint"] != two["endpoint"]
    for server in (one, two):
        async with connected(f"{server['endpoint']}?token={data['token']}&connectId=a") as client:
            assert (await client.until(lambda m: True))["type"] == "welcome"
    kucoin.exchange.wall_ns.offset_ns += 24 * 3_600 * 10**9  # type: ignore[attr-defined]
    async with connected(f"{one['endpoint']}?token={data['token']}&connectId=a") as client:
        assert (await client.until(lambda m: True))["data"] == "token is invalid"


async def test_a_day_can_be_short(kucoin: World) -> None:
    """Tokens end, and so do sockets, those that were open before as well."""
    async with kucoin.push() as push, kucoin.order_entry() as entry:
        data = (await kucoin.call("POST", "/api/v1/bullet-public", signed=False)).data
        kucoin.face.shorten_day(0.15)
        error = await entry.until(lambda m: "code" in m)
        assert error["code"] == "501000"
        async with asyncio.timeout(10):
            await push.closed.wait()
            await entry.closed.wait()
    url = f"{data['instanceServers'][0]['endpoint']}?token={data['token']}&connectId=a"
    async with connected(url) as client:
        assert (await client.until(lambda m: True))["data"] == "token is invalid"
    kucoin.face.shorten_day(86_400)
    async with kucoin.push() as push:
        push.send({"id": "1", "type": "ping"})
        await push.until(lambda m: m["type"] == "pong")


async def test_background_trades_are_nobodys_ledger(kucoin: World) -> None:
    best, _ = kucoin.best(Side.SELL)
    kucoin.exchange.place_background(Side.BUY, best, 10_000, TimeInForce.IOC)
    assert await kucoin.get(LEDGERS) == []
