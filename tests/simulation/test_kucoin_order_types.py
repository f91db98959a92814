"""Order types of the mock KuCoin by REST: market, GTT, prevention, protection, changes, batches."""

from __future__ import annotations

from typing import Any

import pytest

from support.kucoin_client import SYMBOL, Reply, World, topic
from xrpfast.model import MONEY_ONE, Side, TimeInForce, format_money
from xrpfast.simulation.orders import NewOrder

HF = "/api/v1/hf/orders"
ORDERS, BALANCE = "/spotMarket/tradeOrdersV2", "/account/balance"
TICK = MONEY_ONE // 10**5


async def place(kucoin: World, side: str, price: str, size: str, **fields: Any) -> Any:
    """Places by the sync call; its data."""
    return (await kucoin.call("POST", f"{HF}/sync", kucoin.order(side, price, size, **fields))).data


async def look(kucoin: World, order_id: str) -> Any:
    return await kucoin.get(f"{HF}/{order_id}?symbol={SYMBOL}")


async def ended(events: Any, order_id: str) -> list[dict[str, Any]]:
    """Order events of one order up to its end."""
    await events.until(
        lambda m: (
            topic(ORDERS)(m) and m["data"]["orderId"] == order_id and m["data"]["status"] == "done"
        )
    )
    return [
        m["data"] for m in events.messages if topic(ORDERS)(m) and m["data"]["orderId"] == order_id
    ]


def steps(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["type"], row["status"]) for row in rows]


def market(kucoin: World, side: str, **fields: Any) -> dict[str, Any]:
    order = kucoin.order(side, "", "") | {"type": "market"} | fields
    return {name: value for name, value in order.items() if value != ""}


def fund(kucoin: World) -> None:
    kucoin.exchange.adjust(kucoin.account, "USDT", 10**9 * MONEY_ONE)


# --- market -----------------------------------------------------------------------------------


async def test_market_by_size_ends_filled_and_says_no_price(kucoin: World) -> None:
    best, there = kucoin.best(Side.SELL)
    size = kucoin.face.venue.wire.qty(there + 10_000)  # more than the best level has
    async with kucoin.push(ORDERS, private=True) as events:
        reply = await kucoin.call("POST", f"{HF}/sync", market(kucoin, "buy", size=size))
        data = reply.data
        assert (data["dealSize"], data["status"], data["canceledSize"]) == (size, "done", "0")
        rows = await ended(events, data["orderId"])
    assert steps(rows) == [
        ("received", "new"),
        ("match", "match"),
        ("match", "match"),
        ("filled", "done"),
    ]
    assert not [row for row in rows if "price" in row]
    assert {row["orderType"] for row in rows} == {"market"}
    assert [row.get("originSize") for row in rows] == [size] * 4
    order = await look(kucoin, data["orderId"])
    assert (order["type"], order["price"], order["size"]) == ("market", "0", size)
    assert (order["cancelExist"], order["cancelReason"], order["inOrderBook"]) == (
        False,
        None,
        False,
    )
    fills = (await kucoin.get(f"/api/v1/hf/fills?symbol={SYMBOL}&type=market"))["items"]
    assert [fill["type"] for fill in fills] == ["market"] * 2
    assert (await kucoin.get(f"/api/v1/hf/fills?symbol={SYMBOL}&type=limit"))["items"] == []
    assert int(float(fills[-1]["price"]) * 10**5 + 0.5) == best


async def test_market_buy_by_funds_ends_in_canceled_with_the_dust(kucoin: World) -> None:
    before = kucoin.balances()
    best, _ = kucoin.best(Side.SELL)
    async with kucoin.push(ORDERS, BALANCE, private=True) as events:
        reply = await kucoin.call("POST", HF, market(kucoin, "buy", funds="10"))
        rows = await ended(events, reply.data["orderId"])
        await events.until(lambda m: topic(BALANCE)(m) and m["data"]["currency"] == "XRP")
    assert steps(rows) == [("received", "new"), ("match", "match"), ("canceled", "done")]
    assert [row["originFunds"] for row in rows] == ["10"] * 3
    assert not [row for row in rows if {"size", "originSize", "canceledSize"} & set(row)]
    qty = 10 * MONEY_ONE // (best * TICK // 10**4)  # whole lots of 10^-4
    spent = qty * (best * TICK // 10**4)
    last = rows[-1]
    assert last["filledSize"] == kucoin.face.venue.wire.qty(qty)
    assert last["canceledFunds"] == format_money(10 * MONEY_ONE - spent)
    assert (last["remainSize"], last["remainFunds"]) == ("0", "0")
    order = await look(kucoin, reply.data["orderId"])
    assert (order["funds"], order["size"]) == ("10", "0")
    assert (order["dealFunds"], order["dealSize"]) == (format_money(spent), last["filledSize"])
    assert (order["cancelledFunds"], order["cancelExist"]) == (last["canceledFunds"], True)
    after = kucoin.balances()
    assert after["USDT"] == (before["USDT"][0] - spent - spent // 1000, 0)


async def test_market_sell_by_funds(kucoin: World) -> None:
    before = kucoin.balances()
    reply = await kucoin.call("POST", HF, market(kucoin, "sell", funds="10"))
    order = await look(kucoin, reply.data["orderId"])
    assert (order["side"], order["active"]) == ("sell", False)
    assert 9.9 < float(order["dealFunds"]) <= 10
    assert kucoin.balances()["XRP"][1] == 0
    assert kucoin.balances()["XRP"][0] < before["XRP"][0]


async def test_the_fee_must_be_there_too(kucoin: World) -> None:
    """Fees of resting orders are frozen in advance: the money for the order alone is too little."""
    free = kucoin.balances()["USDT"][0]
    kucoin.exchange.adjust(kucoin.account, "USDT", 100 * MONEY_ONE - free)
    for size, code in (("50", "200004"), ("49.96", "200004"), ("49.95", "200000")):
        reply = await kucoin.call("POST", HF, kucoin.order("buy", "2", size))
        assert reply.code == code, size
    assert kucoin.balances()["USDT"][1] == 999_999 * MONEY_ONE // 10_000


# --- price protection -------------------------------------------------------------------------


async def test_limit_beyond_the_threshold_is_cancelled(kucoin: World) -> None:
    best, _ = kucoin.best(Side.SELL)
    far = kucoin.face.venue.wire.price(best * 11 // 10 + 1)
    async with kucoin.push(ORDERS, private=True) as events:
        data = await place(kucoin, "buy", far, "25")
        rows = await ended(events, data["orderId"])
    assert (data["dealSize"], data["canceledSize"], data["status"]) == ("0", "25", "done")
    assert steps(rows) == [("received", "new"), ("canceled", "done")]
    assert (await look(kucoin, data["orderId"]))["cancelReason"] == "protection"
    near = await place(kucoin, "buy", kucoin.face.venue.wire.price(best * 11 // 10), "25")
    assert near["dealSize"] == "25"


async def test_market_order_fills_up_to_the_threshold(kucoin: World) -> None:
    fund(kucoin)
    kucoin.exchange.place_background(Side.SELL, 500_000, 10**9, TimeInForce.GTC)
    reply = await kucoin.call("POST", f"{HF}/sync", market(kucoin, "buy", size="90000"))
    data = reply.data
    assert 0 < float(data["dealSize"]) < 90_000
    assert float(data["dealSize"]) + float(data["canceledSize"]) == 90_000
    rest = kucoin.exchange.matching.best(Side.SELL)
    assert rest == (500_000, 10**9)


# --- time in force ----------------------------------------------------------------------------


async def test_gtt_ends_by_itself(kucoin: World) -> None:
    async with kucoin.push(ORDERS, private=True) as events:
        wanted = kucoin.order(
            "buy", "2.3", "25", timeInForce="GTT", cancelAfter=1, tags="t", postOnly=True
        )
        order_id = (await kucoin.call("POST", HF, wanted)).data["orderId"]
        order = await look(kucoin, order_id)
        assert (order["timeInForce"], order["cancelAfter"], order["tags"]) == ("GTT", 1, "t")
        assert order["postOnly"] is True
        rows = await ended(events, order_id)
    assert steps(rows) == [("received", "new"), ("open", "open"), ("canceled", "done")]
    assert 1_000 <= rows[-1]["ts"] // 10**6 - rows[-1]["orderTime"] < 5_000
    order = await look(kucoin, order_id)
    assert (order["active"], order["cancelReason"]) == (False, "gtt")
    never = await place(kucoin, "buy", "2.3", "25", timeInForce="GTT", cancelAfter=-1)
    assert never["status"] == "open"


# --- self-trade prevention --------------------------------------------------------------------


async def own_pair(kucoin: World, stp: str, size: str, **fields: Any) -> tuple[Any, Any]:
    """An order of 25 at a price of its own, and one of the same customer that meets it."""
    price = kucoin.price(Side.BUY, 1)
    maker = await place(kucoin, "buy", price, "25")
    return maker, await place(kucoin, "sell", price, size, stp=stp, **fields)


@pytest.mark.parametrize(
    ("stp", "maker", "taker"),
    [
        ("CN", ("0", True), [("received", "new"), ("canceled", "done")]),
        ("CO", ("25", False), [("received", "new"), ("open", "open")]),
        ("CB", ("25", False), [("received", "new"), ("canceled", "done")]),
        ("DC", ("10", True), [("received", "new"), ("canceled", "done")]),
    ],
)
async def test_own_orders_do_not_trade(
    kucoin: World, stp: str, maker: tuple[str, bool], taker: list[tuple[str, str]]
) -> None:
    async with kucoin.push(ORDERS, private=True) as events:
        resting, incoming = await own_pair(kucoin, stp, "10")
        last = taker[-1]
        await events.until(
            lambda m: (
                topic(ORDERS)(m)
                and m["data"]["orderId"] == incoming["orderId"]
                and (m["data"]["type"], m["data"]["status"]) == last
            )
        )
        rows = [m["data"] for m in events.messages if topic(ORDERS)(m)]
    assert not [row for row in rows if row["type"] == "match"]
    assert steps([row for row in rows if row["orderId"] == incoming["orderId"]]) == taker
    order = await look(kucoin, resting["orderId"])
    assert (order["cancelledSize"], order["active"]) == maker
    if maker[0] != "0":
        assert order["cancelReason"] == "stp"
    assert (await kucoin.get(f"/api/v1/hf/fills?symbol={SYMBOL}"))["items"] == []


async def test_decrement_is_an_update_of_both(kucoin: World) -> None:
    async with kucoin.push(ORDERS, private=True) as events:
        resting, incoming = await own_pair(kucoin, "DC", "40")
        await events.until(
            lambda m: (
                topic(ORDERS)(m) and m["data"]["type"] == "open" and m["data"]["side"] == "sell"
            )
        )
        rows = [m["data"] for m in events.messages if topic(ORDERS)(m)]
    taker = [row for row in rows if row["orderId"] == incoming["orderId"]]
    assert steps(taker) == [("received", "new"), ("update", "match"), ("open", "open")]
    assert (taker[1]["oldSize"], taker[1]["size"], taker[1]["canceledSize"]) == ("40", "15", "25")
    assert taker[1]["remainSize"] == "15"
    maker = [row for row in rows if row["orderId"] == resting["orderId"]]
    assert steps(maker)[-1] == ("canceled", "done")
    assert (maker[-1]["size"], maker[-1]["canceledSize"]) == ("25", "25")


async def test_prevention_after_a_fill_ends_in_an_update(kucoin: World) -> None:
    """The incoming order first takes another's better bid, then meets its owner's."""
    price, _ = kucoin.best(Side.BUY)
    text = kucoin.face.venue.wire.price
    await place(kucoin, "buy", text(price + 1), "25")
    kucoin.exchange.place_background(Side.BUY, price + 2, 50_000, TimeInForce.GTC)
    async with kucoin.push(ORDERS, private=True) as events:
        data = await place(kucoin, "sell", text(price + 1), "20", stp="CN")
        rows = await ended(events, data["orderId"])
    assert steps(rows) == [("received", "new"), ("match", "match"), ("update", "done")]
    assert (rows[-1]["oldSize"], rows[-1]["size"]) == ("20", "5")
    assert (rows[-1]["filledSize"], rows[-1]["canceledSize"]) == ("5", "15")
    assert (data["dealSize"], data["canceledSize"], data["status"]) == ("5", "15", "done")


async def test_fok_forces_cn(kucoin: World) -> None:
    _, incoming = await own_pair(kucoin, "CO", "10", timeInForce="FOK")
    order = await look(kucoin, incoming["orderId"])
    assert (order["stp"], order["dealSize"]) == ("CN", "0")


# --- changing ---------------------------------------------------------------------------------


async def test_partial_cancel_keeps_the_place_and_is_an_update(kucoin: World) -> None:
    price, _ = kucoin.best(Side.BUY)
    async with kucoin.push(ORDERS, private=True) as events:
        data = await place(kucoin, "buy", kucoin.price(Side.BUY, 1), "25")
        kucoin.exchange.place_background(Side.BUY, price + 1, 100_000, TimeInForce.GTC)
        target = f"{HF}/cancel/{data['orderId']}?symbol={SYMBOL}&cancelSize="
        assert (await kucoin.call("DELETE", f"{target}5")).data == {
            "orderId": data["orderId"],
            "cancelSize": "5",
        }
        kucoin.exchange.place_background(Side.SELL, price + 1, 100_000, TimeInForce.IOC)
        order = await look(kucoin, data["orderId"])
        assert (order["dealSize"], order["remainSize"], order["cancelledSize"]) == ("10", "10", "5")
        assert (order["active"], order["cancelExist"]) == (True, True)
        assert (await kucoin.call("DELETE", f"{target}11")).code == "400100"
        assert (await kucoin.call("DELETE", f"{target}0")).code == "400100"
        assert (await kucoin.call("DELETE", f"{target}0.00001")).code == "600100"
        assert (await kucoin.call("DELETE", target)).code == "400100"
        await kucoin.call("DELETE", f"{target}10")
        rows = await ended(events, data["orderId"])
        assert (await kucoin.call("DELETE", f"{target}1")).code == "400100"
    assert steps(rows) == [
        ("received", "new"),
        ("open", "open"),
        ("update", "open"),
        ("match", "open"),
        ("update", "done"),
    ]
    assert (rows[2]["oldSize"], rows[2]["size"], rows[2]["canceledSize"]) == ("25", "20", "5")
    assert (rows[4]["oldSize"], rows[4]["size"], rows[4]["canceledSize"]) == ("20", "10", "15")
    assert (rows[4]["filledSize"], rows[4]["remainSize"]) == ("10", "0")
    assert kucoin.balances()["USDT"][1] == 0


async def test_full_cancel_after_a_partial_one_leaves_the_size(kucoin: World) -> None:
    async with kucoin.push(ORDERS, private=True) as events:
        data = await place(kucoin, "buy", "2.3", "25")
        target = f"symbol={SYMBOL}&cancelSize=5"
        await kucoin.call("DELETE", f"{HF}/cancel/{data['orderId']}?{target}")
        await kucoin.call("DELETE", f"{HF}/{data['orderId']}?symbol={SYMBOL}")
        rows = await ended(events, data["orderId"])
    assert steps(rows)[-2:] == [("update", "open"), ("canceled", "done")]
    last = rows[-1]
    assert (last["size"], last["originSize"], last["canceledSize"]) == ("20", "25", "25")


async def test_alter_is_a_cancel_and_a_new_order(kucoin: World) -> None:
    wanted = kucoin.order("buy", "2.3", "25", remark="mine")
    first = (await kucoin.call("POST", HF, wanted)).data
    change = {"symbol": SYMBOL, "clientOid": wanted["clientOid"], "newPrice": "2.31"}
    data = (await kucoin.call("POST", f"{HF}/alter", change)).data
    assert data["clientOid"] == wanted["clientOid"]
    assert data["newOrderId"] != first["orderId"]
    old, new = await look(kucoin, first["orderId"]), await look(kucoin, data["newOrderId"])
    assert (old["active"], old["cancelExist"]) == (False, True)
    assert (new["price"], new["size"], new["remark"]) == ("2.31", "25", "mine")
    named = await kucoin.get(f"{HF}/client-order/{wanted['clientOid']}?symbol={SYMBOL}")
    assert named == new
    kucoin.exchange.place_background(Side.BUY, 240_200, 10_000, TimeInForce.GTC)
    for body, code in (
        ({"symbol": SYMBOL, "orderId": first["orderId"], "newSize": "9"}, "400100"),
        ({"symbol": SYMBOL, "orderId": data["newOrderId"]}, "400100"),
        ({"symbol": SYMBOL, "newSize": "9"}, "400100"),
        ({"symbol": SYMBOL, "orderId": data["newOrderId"], "newPrice": "2.300001"}, "600100"),
        ({"symbol": SYMBOL, "orderId": data["newOrderId"], "newSize": "0.01"}, "400100"),
        ([], "400000"),
    ):
        reply = await kucoin.call("POST", f"{HF}/alter", body)  # type: ignore[arg-type]
        assert reply.code == code, body
    assert (await look(kucoin, data["newOrderId"]))["active"]
    assert kucoin.balances()["USDT"][1] == kucoin.exchange.charges.hold(Side.BUY, 231_000, 250_000)


async def test_alter_below_what_is_filled_leaves_no_order(kucoin: World) -> None:
    data = await place(kucoin, "buy", kucoin.price(Side.BUY, 1), "25")
    best, _ = kucoin.best(Side.BUY)
    kucoin.exchange.place_background(Side.SELL, best, 100_000, TimeInForce.IOC)
    change = {"symbol": SYMBOL, "orderId": data["orderId"], "newSize": "8"}
    assert (await kucoin.call("POST", f"{HF}/alter", change)).data["newOrderId"] is None
    assert await kucoin.get(f"{HF}/active?symbol={SYMBOL}") == []
    assert kucoin.balances()["USDT"][1] == 0


async def test_alter_counts_what_is_filled(kucoin: World) -> None:
    data = await place(kucoin, "buy", kucoin.price(Side.BUY, 1), "25")
    best, _ = kucoin.best(Side.BUY)
    kucoin.exchange.place_background(Side.SELL, best, 100_000, TimeInForce.IOC)
    change = {"symbol": SYMBOL, "orderId": data["orderId"], "newSize": "30"}
    altered = (await kucoin.call("POST", f"{HF}/alter", change)).data
    assert (await look(kucoin, altered["newOrderId"]))["size"] == "20"


async def test_batches_tell_of_each_order(kucoin: World) -> None:
    good, small = kucoin.order("buy", "2.3", "25"), kucoin.order("buy", "0.001", "1")
    by_market = market(kucoin, "buy", size="1")
    for sync in ("", "/sync"):
        for order in (good, small, by_market):
            order["clientOid"] = kucoin.client_oid()
        rows = (
            await kucoin.call(
                "POST", f"{HF}/multi{sync}", {"orderList": [good, small, by_market, 5]}
            )
        ).data
        assert [row["success"] for row in rows] == [True, False, False, False]
        assert rows[1] == {
            "success": False,
            "failMsg": "The order funds should more then 0.1 USDT.",
        }
        assert rows[0]["clientOid"] == good["clientOid"]
        assert ("originSize" in rows[0]) == bool(sync)
    many: list[Reply] = [
        await kucoin.call("POST", f"{HF}/multi", {"orderList": rows})
        for rows in ([], [good] * 6, {})
    ]
    assert [reply.code for reply in many] == ["400100"] * 3


# --- dead-connection protection ---------------------------------------------------------------


async def test_dead_man_cancels_what_is_open(
    kucoin: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    import xrpfast.simulation.kucoin.dead_man as dead_man

    monkeypatch.setattr(dead_man, "SHORTEST_S", 1)
    target = f"{HF}/dead-cancel-all"
    assert await kucoin.get(f"{target}/query") is None
    async with kucoin.push(ORDERS, private=True) as events:
        data = await place(kucoin, "buy", "2.3", "25")
        armed = (await kucoin.call("POST", target, {"timeout": 1, "symbols": SYMBOL})).data
        assert armed["triggerTime"] - armed["currentTime"] in (1, 2)
        told = await kucoin.get(f"{target}/query")
        assert (told["timeout"], told["symbols"]) == (1, SYMBOL)
        assert told["triggerTime"] == armed["triggerTime"]
        rows = await ended(events, data["orderId"])
    assert steps(rows)[-1] == ("canceled", "done")
    assert (await look(kucoin, data["orderId"]))["cancelReason"] == "dcp"
    assert await kucoin.get(f"{target}/query") is None


async def test_dead_man_settings(kucoin: World) -> None:
    target = f"{HF}/dead-cancel-all"
    for body, code in (
        ({"timeout": 4}, "400100"),
        ({"timeout": 86_401}, "400100"),
        ({"timeout": "x"}, "400100"),
        ({}, "400100"),
        ({"timeout": 5, "symbols": "NO-SUCH"}, "900001"),
        ({"timeout": 5, "symbols": 7}, "400100"),
        ({"timeout": 5, "symbols": ",".join(f"A{n}-B" for n in range(51))}, "400100"),
    ):
        assert (await kucoin.call("POST", target, body)).code == code, body
    await kucoin.call("POST", target, {"timeout": 10, "symbols": ""})
    await kucoin.call("POST", target, {"timeout": 60})
    assert (await kucoin.get(f"{target}/query"))["timeout"] == 60
    off = (await kucoin.call("POST", target, {"timeout": -1})).data
    assert off["triggerTime"] == 0
    assert await kucoin.get(f"{target}/query") is None
    key = kucoin.face.add_key(kucoin.account)
    key.permissions = ("General",)
    assert (await kucoin.call("GET", f"{target}/query")).code == "400007"


# --- the venue's state ------------------------------------------------------------------------


async def test_closed_venue_refuses_cancels_too(kucoin: World) -> None:
    data = await place(kucoin, "buy", "2.3", "25")
    kucoin.face.venue.status = "close"
    for method, target, body in (
        ("POST", HF, kucoin.order("buy", "2.3", "25")),
        ("POST", f"{HF}/multi", {"orderList": [kucoin.order("buy", "2.3", "25")]}),
        ("POST", f"{HF}/alter", {"symbol": SYMBOL, "orderId": data["orderId"], "newSize": "5"}),
    ):
        assert (await kucoin.call(method, target, body)).code == "200001"
    for target in (f"{HF}/{data['orderId']}?symbol={SYMBOL}", f"{HF}?symbol={SYMBOL}"):
        assert (await kucoin.call("DELETE", target)).code == "200002"
    everything = (await kucoin.call("DELETE", f"{HF}/cancelAll")).data
    assert everything["succeedSymbols"] == []
    assert everything["failedSymbols"][0]["symbol"] == SYMBOL
    assert (await look(kucoin, data["orderId"]))["active"]
    assert (await kucoin.get(f"/api/v2/symbols/{SYMBOL}"))["enableTrading"] is False
    async with kucoin.order_entry() as entry:
        reply = await entry.ask("spot.cancel", {"symbol": SYMBOL, "orderId": data["orderId"]})
        assert reply["code"] == "200002"
        assert (await entry.ask("spot.order", kucoin.order("buy", "2.3", "1")))["code"] == "200001"


async def test_types_that_this_venue_refuses(kucoin: World) -> None:
    stop = await kucoin.call(
        "POST", "/api/v1/stop-order", kucoin.order("buy", "2.3", "1", stop="loss", stopPrice="2")
    )
    assert stop.code == "400100"
    assert (await kucoin.get("/api/v1/stop-order?symbol=XRP-USDT"))["items"] == []
    gone = await kucoin.call("DELETE", "/api/v1/stop-order/cancel")
    assert gone.data == {"cancelledOrderIds": []}
    for fields in ({"iceberg": True, "visibleSize": "1"}, {"hidden": "true"}):
        reply = await kucoin.call("POST", HF, kucoin.order("buy", "2.3", "1", **fields))
        assert reply.code == "400100"
    assert not kucoin.exchange.orders


async def test_accepted_but_not_yet_in_the_book(kucoin: World) -> None:
    kucoin.exchange.deferring = True
    data = (await kucoin.call("POST", HF, kucoin.order("buy", "2.3", "25"))).data
    kucoin.exchange.deferring = False
    order = await look(kucoin, data["orderId"])
    assert (order["active"], order["inOrderBook"]) == (True, False)
    kucoin.exchange.match_deferred()
    order = await look(kucoin, data["orderId"])
    assert (order["active"], order["inOrderBook"]) == (True, True)


async def test_memory_is_bounded_and_cursors_stay_valid(kucoin: World) -> None:
    from xrpfast.simulation.kucoin.records import Records

    kucoin.face.venue.private._records[kucoin.account.uid] = Records(keep=10)
    price, _ = kucoin.best(Side.SELL)

    def trade(number: int) -> None:
        kucoin.exchange.place(
            kucoin.account,
            NewOrder(
                client_id=f"m{number}", side=Side.BUY, price=price, qty=10_000, tif=TimeInForce.IOC
            ),
        )

    for number in range(15):
        trade(number)
    for target in (f"{HF}/done", "/api/v1/hf/fills"):
        page = await kucoin.get(f"{target}?symbol={SYMBOL}&limit=4")
        seen = [row["id"] for row in page["items"]]
        trade(100 + len(target))
        page = await kucoin.get(f"{target}?symbol={SYMBOL}&limit=4&lastId={page['lastId']}")
        assert not set(seen) & {row["id"] for row in page["items"]}
        assert len(page["items"]) == 4
        everything = (await kucoin.get(f"{target}?symbol={SYMBOL}&limit=100"))["items"]
        assert len(everything) == 10
    rows = await kucoin.get("/api/v1/hf/accounts/ledgers?limit=200")
    assert len(rows) == 10
    assert not kucoin.face.venue.private.records(kucoin.account).fees
