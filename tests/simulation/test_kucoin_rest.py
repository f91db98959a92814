"""REST of the mock KuCoin on a real socket: envelopes, quotas, keys, orders and history."""

from __future__ import annotations

from typing import Any

import pytest

from support.kucoin_client import SYMBOL, Keys, Reply, World, now_ms
from xrpfast.model import MONEY_ONE, Side, format_money
from xrpfast.simulation.orders import NewOrder
from xrpfast.simulation.truth import ledger

HF = "/api/v1/hf/orders"


async def place(kucoin: World, side: str, price: str, size: str, **fields: Any) -> str:
    reply = await kucoin.call("POST", HF, kucoin.order(side, price, size, **fields))
    order_id: str = reply.data["orderId"]
    return order_id


# --- market data ------------------------------------------------------------------------------


async def test_clock_and_status(kucoin: World) -> None:
    clock = (await kucoin.call("GET", "/api/v1/timestamp", signed=False)).data
    assert abs(clock - now_ms()) < 2_000
    status = (await kucoin.call("GET", "/api/v1/status", signed=False)).data
    assert status == {"status": "open", "msg": ""}


async def test_symbol_rules(kucoin: World) -> None:
    (row,) = (await kucoin.call("GET", "/api/v2/symbols", signed=False)).data
    one = (await kucoin.call("GET", f"/api/v2/symbols/{SYMBOL}", signed=False)).data
    assert one == row
    assert {
        "symbol": SYMBOL,
        "baseCurrency": "XRP",
        "quoteCurrency": "USDT",
        "feeCurrency": "USDT",
        "baseMinSize": "0.1",
        "baseMaxSize": "10000000000",
        "baseIncrement": "0.0001",
        "priceIncrement": "0.00001",
        "minFunds": "0.1",
        "enableTrading": True,
    }.items() <= row.items()
    unknown = await kucoin.call("GET", "/api/v2/symbols/NO-SUCH", signed=False)
    assert unknown.code == "900001"


async def test_books(kucoin: World) -> None:
    base = "/api/v1/market/orderbook"
    top = (await kucoin.call("GET", f"{base}/level1?symbol={SYMBOL}", signed=False)).data
    part = (await kucoin.call("GET", f"{base}/level2_20?symbol={SYMBOL}", signed=False)).data
    full = await kucoin.get(f"/api/v3/market/orderbook/level2?symbol={SYMBOL}")
    assert len(part["bids"]) == 20
    assert len(full["bids"]) > 20
    assert full["bids"][:20] == part["bids"]
    assert full["asks"][:20] == part["asks"]
    assert top["sequence"] == part["sequence"] == full["sequence"]
    assert [top["bestBid"], top["bestBidSize"]] == full["bids"][0]
    assert [top["bestAsk"], top["bestAskSize"]] == full["asks"][0]
    missing = await kucoin.call("GET", f"{base}/level2_100", signed=False)
    assert missing.code == "400100"


# --- the gateway ------------------------------------------------------------------------------


async def test_unknown_paths_and_methods(kucoin: World) -> None:
    lost = await kucoin.call("GET", "/api/v1/nothing", signed=False)
    assert (lost.status, lost.code) == (404, "404000")
    wrong = await kucoin.call("PUT", "/api/v1/timestamp", signed=False)
    assert (wrong.status, wrong.code) == (405, "400000")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"KC-API-SIGN": ""}, "400001"),
        ({"KC-API-TIMESTAMP": "1760000000000"}, "400002"),
        ({"KC-API-KEY": "nobody"}, "400003"),
        ({"KC-API-PASSPHRASE": "clear"}, "400004"),
        ({"KC-API-SIGN": "AAAA"}, "400005"),
        ({"KC-API-KEY-VERSION": "9"}, "400009"),
    ],
)
async def test_keys_are_checked(kucoin: World, change: dict[str, str], code: str) -> None:
    for method, target in (("GET", "/api/v1/accounts"), ("POST", HF)):
        reply = await kucoin.call(method, target, headers=change)
        assert (reply.status, reply.code) == (401, code)
        assert "data" not in reply.body


async def test_key_without_trading_permission(kucoin: World) -> None:
    key = kucoin.face.add_key(kucoin.account)
    key.permissions = ("General",)
    assert (await kucoin.call("GET", "/api/v1/accounts")).code == "200000"
    reply = await kucoin.call("POST", HF, kucoin.order("buy", "2.3", "25"))
    assert (reply.status, reply.code) == (401, "400007")
    assert not kucoin.exchange.orders


async def test_quota_headers_count_weights(kucoin: World) -> None:
    def quota(reply: Reply) -> tuple[int, int]:
        assert 0 < int(reply.headers["gw-ratelimit-reset"]) <= 30_000
        limit, left = (reply.headers[f"gw-ratelimit-{n}"] for n in ("limit", "remaining"))
        return int(limit), int(left)

    assert quota(await kucoin.call("GET", "/api/v1/accounts")) == (2000, 1995)
    assert quota(await kucoin.call("GET", "/api/v1/user/api-key")) == (2000, 1975)
    assert quota(await kucoin.call("GET", f"{HF}/active?symbol={SYMBOL}")) == (4000, 3998)
    refused = await kucoin.call("POST", HF, kucoin.order("buy", "x", "25"))
    assert refused.code == "400100"
    assert quota(refused) == (4000, 3997)
    public = await kucoin.call("GET", "/api/v1/timestamp", signed=False)
    assert quota(public) == (2000, 1997)


async def test_quota_runs_out_with_headers_and_overload_without(kucoin: World) -> None:
    kucoin.face.pools.limits["spot"] = 1
    first = await kucoin.call("POST", HF, kucoin.order("buy", "2.3", "1"))
    assert first.code == "200000"
    second = await kucoin.call("POST", HF, kucoin.order("buy", "2.3", "1"))
    assert (second.status, second.code) == (429, "429000")
    assert second.headers["gw-ratelimit-remaining"] == "0"
    assert len(kucoin.exchange.orders) == 1
    kucoin.face.rest.overloaded = True
    third = await kucoin.call("GET", "/api/v1/accounts")
    assert (third.status, third.code) == (429, "429000")
    assert "gw-ratelimit-remaining" not in third.headers


async def test_bodies_that_are_none(kucoin: World) -> None:
    for body in (b"{", b"[]", b"null", b'"x"', b"\xff"):
        reply = await kucoin.call("POST", HF, body)
        assert (reply.status, reply.code) == (400, "400000"), body
    reply = await kucoin.call("POST", HF, b"a=1", headers={"Content-Type": "text/plain"})
    assert (reply.status, reply.code) == (415, "415000")


async def test_a_fault_of_the_mock_is_the_venues_error(
    kucoin: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(depth: int) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(kucoin.face.venue.market, "book", broken)
    reply = await kucoin.call(
        "GET", f"/api/v1/market/orderbook/level2_20?symbol={SYMBOL}", signed=False
    )
    assert (reply.status, reply.code) == (500, "500000")
    assert "broken" in caplog.text
    caplog.clear()


# --- account ----------------------------------------------------------------------------------


async def test_accounts_fees_and_key(kucoin: World) -> None:
    rows = await kucoin.get("/api/v1/accounts")
    usdt = next(row for row in rows if row["currency"] == "USDT")
    assert usdt["type"] == "trade"
    assert (usdt["balance"], usdt["available"], usdt["holds"]) == ("50000", "50000", "0")
    await place(kucoin, "buy", "2", "100")
    held = await kucoin.get("/api/v1/accounts?currency=USDT&type=trade")
    assert held == [{**usdt, "available": "49799.8", "holds": "200.2"}]
    old = await kucoin.get("/api/v1/accounts?type=trade_hf")
    assert {row["type"] for row in old} == {"trade_hf"}
    main = await kucoin.get("/api/v1/accounts?type=main")
    assert {(row["currency"], row["balance"]) for row in main} == {("XRP", "0"), ("USDT", "0")}
    assert main[0]["id"] != usdt["id"]
    assert await kucoin.get("/api/v1/accounts?type=option") == []
    assert (await kucoin.call("GET", "/api/v1/accounts?type=none")).code == "400100"
    one = await kucoin.get(f"/api/v1/accounts/{usdt['id']}")
    assert one == {
        "currency": "USDT",
        "balance": "50000",
        "available": "49799.8",
        "holds": "200.2",
    }
    assert await kucoin.get("/api/v1/accounts?currency=BTC") == []
    fees = await kucoin.get(f"/api/v1/trade-fees?symbols={SYMBOL}")
    assert fees == [{"symbol": SYMBOL, "takerFeeRate": "0.001", "makerFeeRate": "0.001"}]
    key = await kucoin.get("/api/v1/user/api-key")
    assert key["permission"] == "General,Spot"
    assert (key["apiVersion"], key["apiKey"]) == (3, kucoin.line["api_key"])


# --- orders -----------------------------------------------------------------------------------


async def test_order_that_rests_from_place_to_cancel(kucoin: World) -> None:
    wanted = kucoin.order("buy", "2.3", "25", remark="mine", stp="CN")
    reply = await kucoin.call("POST", HF, wanted)
    assert reply.data == {"orderId": reply.data["orderId"], "clientOid": wanted["clientOid"]}
    order_id = reply.data["orderId"]
    order = await kucoin.get(f"{HF}/{order_id}?symbol={SYMBOL}")
    assert order == await kucoin.get(f"{HF}/client-order/{wanted['clientOid']}?symbol={SYMBOL}")
    assert [order] == await kucoin.get(f"{HF}/active?symbol={SYMBOL}")
    page = await kucoin.get(f"{HF}/active/page?symbol={SYMBOL}")
    assert (page["items"], page["totalNum"]) == ([order], 1)
    assert await kucoin.get(f"{HF}/active/symbols") == {"symbols": [SYMBOL]}
    assert {
        "id": order_id,
        "price": "2.3",
        "size": "25",
        "funds": "57.5",
        "dealSize": "0",
        "remainSize": "25",
        "cancelledSize": "0",
        "active": True,
        "inOrderBook": True,
        "cancelExist": False,
        "remark": "mine",
        "stp": "CN",
        "timeInForce": "GTC",
        "type": "limit",
        "side": "buy",
        "feeCurrency": "USDT",
    }.items() <= order.items()
    gone = await kucoin.call("DELETE", f"{HF}/{order_id}?symbol={SYMBOL}")
    assert gone.data == {"orderId": order_id}
    order = await kucoin.get(f"{HF}/{order_id}?symbol={SYMBOL}")
    assert (order["active"], order["inOrderBook"], order["cancelExist"]) == (False, False, True)
    assert (order["cancelledSize"], order["remainSize"]) == ("25", "0")
    assert await kucoin.get(f"{HF}/active?symbol={SYMBOL}") == []
    done = await kucoin.get(f"{HF}/done?symbol={SYMBOL}")
    assert done["items"] == [order]
    again = await kucoin.call("DELETE", f"{HF}/{order_id}?symbol={SYMBOL}")
    assert (again.code, again.body["msg"]) == ("400100", "order_not_exist_or_not_allow_to_cancel")


async def test_every_way_to_cancel(kucoin: World) -> None:
    first, second, third = [kucoin.order("buy", "2.3", "25") for _ in range(3)]
    for wanted in (first, second, third):
        await kucoin.call("POST", HF, wanted)
    by_client = await kucoin.call(
        "DELETE", f"{HF}/client-order/{first['clientOid']}?symbol={SYMBOL}"
    )
    assert by_client.data == {"clientOid": first["clientOid"]}
    sync = await kucoin.call(
        "DELETE", f"{HF}/sync/client-order/{second['clientOid']}?symbol={SYMBOL}"
    )
    assert sync.data == {
        "clientOid": second["clientOid"],
        "originSize": "25",
        "dealSize": "0",
        "remainSize": "0",
        "canceledSize": "25",
        "status": "done",
    }
    (order,) = await kucoin.get(f"{HF}/active?symbol={SYMBOL}")
    sync = await kucoin.call("DELETE", f"{HF}/sync/{order['id']}?symbol={SYMBOL}")
    assert sync.data["orderId"] == order["id"]
    no_symbol = await kucoin.call("DELETE", f"{HF}/{order['id']}")
    assert no_symbol.code == "400100"
    for _ in range(3):
        await place(kucoin, "sell", "2.6", "5")
    assert (await kucoin.call("DELETE", f"{HF}?symbol={SYMBOL}")).data == "success"
    assert await kucoin.get(f"{HF}/active?symbol={SYMBOL}") == []
    await place(kucoin, "sell", "2.6", "5")
    everything = await kucoin.call("DELETE", f"{HF}/cancelAll")
    assert everything.data == {"succeedSymbols": [SYMBOL], "failedSymbols": []}
    assert all(locked == 0 for _, locked in kucoin.balances().values())


async def test_fills_and_fees_are_exact(kucoin: World) -> None:
    price, _ = kucoin.best(Side.SELL)
    reply = await kucoin.call(
        "POST", f"{HF}/sync", kucoin.order("buy", kucoin.price(Side.SELL), "25", timeInForce="IOC")
    )
    data = reply.data
    assert (data["status"], data["dealSize"], data["canceledSize"]) == ("done", "25", "0")
    cost = 25 * price * MONEY_ONE // 10**5
    page = await kucoin.get(f"/api/v1/hf/fills?symbol={SYMBOL}&orderId={data['orderId']}")
    (fill,) = page["items"]
    assert page["lastId"] == fill["id"]
    assert fill["funds"] == format_money(cost)
    assert fill["fee"] == format_money(cost // 1000)
    assert (fill["feeCurrency"], fill["feeRate"], fill["liquidity"]) == ("USDT", "0.001", "taker")
    assert fill["tradeId"] > 2**53
    order = await kucoin.get(f"{HF}/{data['orderId']}?symbol={SYMBOL}")
    assert (order["dealFunds"], order["fee"]) == (fill["funds"], fill["fee"])
    assert (order["active"], order["cancelExist"]) == (False, False)
    told = ledger(kucoin.exchange, kucoin.account)
    assert [row["order_id"] for row in told["orders"]] == [data["orderId"]]
    assert [row["trade_id"] for row in told["fills"]] == [str(fill["tradeId"])]


async def test_history_pages_by_cursor_and_filters(kucoin: World) -> None:
    for _ in range(5):
        order_id = await place(kucoin, "buy", kucoin.price(Side.SELL), "1", timeInForce="IOC")
    await place(kucoin, "sell", kucoin.price(Side.BUY), "1", timeInForce="IOC")
    for target in (f"{HF}/done", "/api/v1/hf/fills"):
        seen: list[str] = []
        last = 0
        while True:
            page = await kucoin.get(f"{target}?symbol={SYMBOL}&limit=2&lastId={last}")
            if not page["items"]:
                break
            seen += [str(row["id"]) for row in page["items"]]
            assert page["lastId"] != last
            last = page["lastId"]
        assert len(seen) == len(set(seen)) == 6
        sells = await kucoin.get(f"{target}?symbol={SYMBOL}&side=sell")
        assert [row["side"] for row in sells["items"]] == ["sell"]
        assert (await kucoin.get(f"{target}?symbol={SYMBOL}&endAt=1"))["items"] == []
        bad = await kucoin.call("GET", f"{target}?symbol={SYMBOL}&limit=101")
        assert bad.code == "400100"
    (own,) = (await kucoin.get(f"/api/v1/hf/fills?symbol={SYMBOL}&orderId={order_id}"))["items"]
    assert own["orderId"] == order_id


async def test_test_order_touches_nothing(kucoin: World) -> None:
    before = kucoin.balances()
    wanted = kucoin.order("buy", "2.3", "25")
    reply = await kucoin.call("POST", f"{HF}/test", wanted)
    assert reply.data["clientOid"] == wanted["clientOid"]
    assert len(reply.data["orderId"]) == 24
    bad = await kucoin.call("POST", f"{HF}/test", wanted | {"price": "2.3000001"})
    assert bad.code == "600100"
    assert not kucoin.exchange.orders
    assert kucoin.balances() == before


async def test_refusals(kucoin: World) -> None:
    async def code(**fields: Any) -> str:
        return (await kucoin.call("POST", HF, kucoin.order("buy", "2.3", "25") | fields)).code

    assert await code(size="0.01") == "400100"
    assert await code(price="2.3000001") == "600100"
    assert await code(size="9000000") == "200004"
    assert await code(price="0.0001", size="1") == "600101"
    assert await code(symbol="NO-SUCH") == "900001"
    assert await code(allowMaxTimeWindow=5_000, clientTimestamp=now_ms() - 1) == "126041"
    taken = kucoin.client_oid()
    assert await code(clientOid=taken) == "200000"
    await kucoin.call("DELETE", f"{HF}?symbol={SYMBOL}")
    assert await code(clientOid=taken) == "400100"
    unknown = await kucoin.call("GET", f"{HF}/6920aa01c3f1a20007d1e001?symbol={SYMBOL}")
    assert unknown.code == "order_not_exist"


async def test_at_most_200_open_orders(kucoin: World) -> None:
    for number in range(200):
        new = NewOrder(client_id=f"o{number}", side=Side.BUY, price=200_000, qty=10_000)
        kucoin.exchange.place(kucoin.account, new)
    reply = await kucoin.call("POST", HF, kucoin.order("buy", "2", "1"))
    assert reply.code == "200003"


async def test_orders_of_others_stay_hidden(kucoin: World) -> None:
    from xrpfast.simulation.account import Account

    order_id = await place(kucoin, "buy", "2.3", "25")
    other = Account(7, "other-key", "other-secret", "other-pass")
    kucoin.exchange.add_account(other)
    kucoin.face.add_key(other)
    kucoin.keys = Keys("other-key", "other-secret", "other-pass")
    assert await kucoin.get(f"{HF}/active?symbol={SYMBOL}") == []
    seen = await kucoin.call("GET", f"{HF}/{order_id}?symbol={SYMBOL}")
    assert seen.code == "order_not_exist"
    gone = await kucoin.call("DELETE", f"{HF}/{order_id}?symbol={SYMBOL}")
    assert gone.code == "400100"
    assert (await kucoin.get("/api/v1/accounts")) == []


async def test_closed_venue_takes_no_orders(kucoin: World) -> None:
    order_id = await place(kucoin, "buy", "2.3", "25")
    kucoin.face.venue.status = "cancelonly"
    reply = await kucoin.call("POST", HF, kucoin.order("buy", "2.3", "25"))
    assert reply.code == "200001"
    gone = await kucoin.call("DELETE", f"{HF}/{order_id}?symbol={SYMBOL}")
    assert gone.data == {"orderId": order_id}
