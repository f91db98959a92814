"""WebSocket order entry of the mock KuCoin on a real socket: session, orders, private events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from support.kucoin_client import SYMBOL, World, entry_socket, topic
from xrpfast.model import MONEY_ONE, Side, TimeInForce, format_money

ORDERS, BALANCE = "/spotMarket/tradeOrdersV2", "/account/balance"


def steps(messages: list[Any], order_id: str) -> list[tuple[str, str]]:
    return [
        (m["data"]["type"], m["data"]["status"])
        for m in messages
        if m.get("topic") == ORDERS and m["data"]["orderId"] == order_id
    ]


async def test_challenge_has_a_blank_and_is_signed_as_it_came(kucoin: World) -> None:
    url = f"{kucoin.line['order_url']}?{kucoin.keys.order_entry_query()}"
    async with entry_socket(url) as client:
        challenge = await client.until(lambda m: True)
        text = client.raw[0].decode()
        assert ', "timestamp": ' in text
        assert set(challenge) == {"sessionId", "timestamp"}
        client.send(kucoin.keys.sign(text))
        assert await client.until(lambda m: "data" in m) == {
            "sessionId": challenge["sessionId"],
            "data": "welcome",
            "pingInterval": 18000,
            "pingTimeout": 10000,
        }


async def test_reserialised_challenge_is_refused_and_the_socket_ends(kucoin: World) -> None:
    url = f"{kucoin.line['order_url']}?{kucoin.keys.order_entry_query()}"
    async with entry_socket(url) as client:
        challenge = await client.until(lambda m: True)
        client.send(kucoin.keys.sign(json.dumps(challenge, separators=(",", ":"))))
        error = await client.until(lambda m: "code" in m)
        assert error["code"] == "400011"
        assert set(error) == {"code", "msg", "inTime", "outTime"}
        await asyncio.wait_for(client.closed.wait(), 10)


async def test_challenge_left_unanswered(kucoin: World) -> None:
    kucoin.face.order_entry.challenge_s = 0.05
    url = f"{kucoin.line['order_url']}?{kucoin.keys.order_entry_query()}"
    async with entry_socket(url) as client:
        assert (await client.until(lambda m: "code" in m))["code"] == "400012"
        await asyncio.wait_for(client.closed.wait(), 10)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"apikey": "nobody"}, "400003"),
        ({"timestamp": "1000"}, "400002"),
        ({"passphrase": "clear"}, "400004"),
        ({"sign": "AAAA"}, "400005"),
        ({"sign": ""}, "400001"),
    ],
)
async def test_bad_url_is_answered_and_the_socket_ends(
    kucoin: World, changes: dict[str, str], code: str
) -> None:
    url = f"{kucoin.line['order_url']}?{kucoin.keys.order_entry_query(**changes)}"
    async with entry_socket(url) as client:
        error = await client.until(lambda m: True)
        assert error["code"] == code
        assert "id" not in error
        await asyncio.wait_for(client.closed.wait(), 10)


async def test_old_keys_are_refused(kucoin: World) -> None:
    kucoin.face.add_key(kucoin.account, version=2)
    url = f"{kucoin.line['order_url']}?{kucoin.keys.order_entry_query()}"
    async with entry_socket(url) as client:
        assert (await client.until(lambda m: True))["code"] == "400008"


async def test_ping_keeps_its_id(kucoin: World) -> None:
    async with kucoin.order_entry() as client:
        client.send({"id": "ping-1", "op": "ping", "timestamp": "1760000000000"})
        pong = await client.until(lambda m: m.get("op") == "pong")
        assert pong["id"] == "ping-1"
        assert isinstance(pong["timestamp"], int)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("no json", "400101"),
        ("[1]", "400101"),
        ('{"op":"spot.order","args":{}}', "4001002"),
        ('{"id":7,"op":"spot.order","args":{}}', "4001002"),
        ('{"id":"a"}', "4001002"),
    ],
)
async def test_requests_without_a_usable_id_get_an_error_without_one(
    kucoin: World, payload: str, code: str
) -> None:
    async with kucoin.order_entry() as client:
        client.send(payload)
        error = await client.until(lambda m: "code" in m)
        assert error["code"] == code
        assert set(error) == {"code", "msg", "inTime", "outTime"}
        assert (await client.ask("spot.cancel", {}))["code"] == "400100"


async def test_unknown_op_and_bad_args(kucoin: World) -> None:
    async with kucoin.order_entry() as client:
        assert (await client.ask("spot.fly", {}))["code"] == "4001002"
        for args in (None, [], "x", 1):
            reply = await client.ask("spot.order", args)
            assert (reply["code"], "data" in reply) == ("400000", False)


async def test_ioc_filled_whole(kucoin: World) -> None:
    """Reply, then received, match, filled; balances by the hold and the settlement, exactly."""
    price, _ = kucoin.best(Side.SELL)
    before = kucoin.balances()
    async with kucoin.push(ORDERS, BALANCE, private=True) as events, kucoin.order_entry() as entry:
        wanted = kucoin.order("buy", kucoin.price(Side.SELL), "25", timeInForce="IOC")
        reply = await entry.ask("spot.order", wanted)
        assert reply["code"] == "200000"
        assert reply["op"] == "spot.order"
        assert reply["data"]["clientOid"] == wanted["clientOid"]
        assert reply["userRateLimit"]["limit"] == 4000
        assert reply["inTime"] <= reply["outTime"]
        order_id = reply["data"]["orderId"]
        assert len(order_id) == 24
        await events.until(lambda m: topic(BALANCE)(m) and m["data"]["currency"] == "XRP")
    assert steps(events.messages, order_id) == [
        ("received", "new"),
        ("match", "match"),
        ("filled", "done"),
    ]
    received, match, filled = (m["data"] for m in events.messages if topic(ORDERS)(m))
    assert received["originSize"] == "25"
    assert not {"filledSize", "remainSize", "size"} & set(received)
    assert (match["matchPrice"], match["matchSize"]) == (wanted["price"], "25")
    assert (match["liquidity"], match["feeType"]) == ("taker", "takerFee")
    assert (match["filledSize"], match["remainSize"], match["canceledSize"]) == ("25", "0", "0")
    assert int(match["tradeId"]) > 2**53
    assert (filled["filledSize"], filled["remainSize"], filled["remainFunds"]) == ("25", "0", "0")
    assert received["orderTime"] == match["orderTime"] < 10**14 < match["ts"]

    cost = 25 * price * MONEY_ONE // 10**5
    fee = cost // 1000
    after = kucoin.balances()
    assert after["USDT"] == (before["USDT"][0] - cost - fee, 0)
    assert after["XRP"] == (before["XRP"][0] + 25 * MONEY_ONE, 0)

    frames = [m for m in events.messages if topic(BALANCE)(m)]
    assert [
        (f["data"]["relationEvent"].rpartition(".")[2], f["data"]["currency"]) for f in frames
    ] == [("hold", "USDT"), ("setted", "USDT"), ("setted", "XRP")]
    for frame in frames:
        data = frame["data"]
        assert frame["subject"] == "account.balance"
        assert frame["channelType"] == "private"
        assert data["relationContext"]["orderId"] == order_id
        assert isinstance(data["time"], str)
        assert ("tradeId" in data["relationContext"]) == (data["relationEvent"] != "trade.hold")
    hold = kucoin.face.venue.exchange.charges.hold(Side.BUY, price, 250_000)
    assert hold == cost + fee
    assert frames[0]["data"]["holdChange"] == format_money(hold)
    assert frames[0]["data"]["availableChange"] == format_money(-hold)
    assert frames[1]["data"]["total"] == format_money(after["USDT"][0])
    assert frames[2]["data"]["availableChange"] == "25"


async def test_ioc_filled_in_part(kucoin: World) -> None:
    _, available = kucoin.best(Side.SELL)
    size = kucoin.face.venue.wire.qty(available + 100_000)
    async with kucoin.push(ORDERS, private=True) as events, kucoin.order_entry() as entry:
        wanted = kucoin.order("buy", kucoin.price(Side.SELL), size, timeInForce="IOC")
        data = (await entry.ask("spot.sync_order", wanted))["data"]
        assert (data["status"], data["remainSize"], data["canceledSize"]) == ("done", "0", "10")
        assert data["dealSize"] == kucoin.face.venue.wire.qty(available)
        ended = await events.until(lambda m: m.get("data", {}).get("status") == "done")
    assert ended["data"]["type"] == "canceled"
    assert ended["data"]["canceledSize"] == "10"
    assert ended["data"]["remainSize"] == "0"
    assert steps(events.messages, data["orderId"]) == [
        ("received", "new"),
        ("match", "match"),
        ("canceled", "done"),
    ]
    assert kucoin.balances()["USDT"][1] == 0


@pytest.mark.parametrize("tif", ["IOC", "FOK"])
async def test_nothing_filled(kucoin: World, tif: str) -> None:
    before = kucoin.balances()
    async with kucoin.push(ORDERS, private=True) as events, kucoin.order_entry() as entry:
        price = kucoin.price(Side.BUY)
        reply = await entry.ask("spot.order", kucoin.order("buy", price, "25", timeInForce=tif))
        order_id = reply["data"]["orderId"]
        await events.until(lambda m: m.get("data", {}).get("type") == "canceled")
    assert steps(events.messages, order_id) == [("received", "new"), ("canceled", "done")]
    assert kucoin.balances() == before


async def test_order_that_rests_is_filled_by_another_and_cancelled(kucoin: World) -> None:
    async with kucoin.push(ORDERS, BALANCE, private=True) as events, kucoin.order_entry() as entry:
        wanted = kucoin.order("buy", kucoin.price(Side.BUY, 1), "25")
        order_id = (await entry.ask("spot.order", wanted))["data"]["orderId"]
        await events.until(lambda m: m.get("data", {}).get("type") == "open")
        assert kucoin.balances()["USDT"][1] == kucoin.exchange.charges.hold(
            Side.BUY, kucoin.best(Side.BUY)[0], 250_000
        )
        best, _ = kucoin.best(Side.BUY)
        kucoin.exchange.place_background(Side.SELL, best, 100_000, TimeInForce.IOC)
        match = await events.until(lambda m: m.get("data", {}).get("type") == "match")
        assert match["data"]["status"] == "open"
        assert (match["data"]["liquidity"], match["data"]["feeType"]) == ("maker", "makerFee")
        assert (match["data"]["filledSize"], match["data"]["remainSize"]) == ("10", "15")
        reply = await entry.ask("spot.cancel", {"symbol": SYMBOL, "clientOid": wanted["clientOid"]})
        assert reply["data"] == {"clientOid": wanted["clientOid"]}
        ended = await events.until(lambda m: m.get("data", {}).get("type") == "canceled")
        assert (ended["data"]["filledSize"], ended["data"]["canceledSize"]) == ("10", "15")
        released = await events.until(
            lambda m: (
                topic(BALANCE)(m)
                and m["data"]["availableChange"][0] != "-"
                and m["data"]["hold"] == "0"
                and m["data"]["currency"] == "USDT"
            )
        )
        assert released["data"]["holdChange"].startswith("-")
    assert steps(events.messages, order_id) == [
        ("received", "new"),
        ("open", "open"),
        ("match", "open"),
        ("canceled", "done"),
    ]
    assert kucoin.balances()["USDT"][1] == 0


async def test_sync_place_and_cancel(kucoin: World) -> None:
    async with kucoin.order_entry() as entry:
        placed = (
            await entry.ask("spot.sync_order", kucoin.order("sell", kucoin.price(Side.SELL), "25"))
        )["data"]
        assert (placed["status"], placed["remainSize"]) == ("open", "25")
        assert {"orderTime", "matchTime", "originSize", "dealSize"} <= set(placed)
        gone = await entry.ask("spot.sync_cancel", {"symbol": SYMBOL, "orderId": placed["orderId"]})
        assert gone["data"] == {
            "orderId": placed["orderId"],
            "originSize": "25",
            "dealSize": "0",
            "remainSize": "0",
            "canceledSize": "25",
            "status": "done",
        }
        again = await entry.ask("spot.cancel", {"symbol": SYMBOL, "orderId": placed["orderId"]})
        assert again["code"] == "400100"
        assert again["msg"] == "order_not_exist_or_not_allow_to_cancel"
        assert "data" not in again


async def test_post_only_that_would_take_is_taken_in_and_cancelled(kucoin: World) -> None:
    before = kucoin.balances()
    async with kucoin.push(ORDERS, private=True) as events, kucoin.order_entry() as entry:
        wanted = kucoin.order("buy", kucoin.price(Side.SELL), "25", postOnly=True)
        data = (await entry.ask("spot.sync_order", wanted))["data"]
        assert (data["status"], data["canceledSize"], data["dealSize"]) == ("done", "25", "0")
        await events.until(lambda m: m.get("data", {}).get("type") == "canceled")
    assert steps(events.messages, data["orderId"]) == [("received", "new"), ("canceled", "done")]
    assert kucoin.balances() == before


async def test_client_ids_are_unique_for_ever(kucoin: World) -> None:
    async with kucoin.order_entry() as entry:
        wanted = kucoin.order("buy", kucoin.price(Side.BUY), "25", timeInForce="IOC")
        assert (await entry.ask("spot.order", wanted))["code"] == "200000"
        again = await entry.ask("spot.order", wanted)
        assert (again["code"], again["msg"]) == (
            "400100",
            "validation.createOrder.clientOidDuplicated",
        )


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"price": "2.413701"}, "600100"),
        ({"size": "1.00001"}, "600100"),
        ({"size": "0.09"}, "400100"),
        ({"size": "10000000001"}, "400100"),
        ({"price": "0.00001", "size": "1"}, "600101"),
        ({"price": "0"}, "400100"),
        ({"price": "-1"}, "400100"),
        ({"price": "NaN"}, "400100"),
        ({"price": "1e2"}, "400100"),
        ({"price": None}, "400100"),
        ({"size": []}, "400100"),
        ({"size": "99999999999999999999"}, "400100"),
        ({"size": "9000000"}, "200004"),
        ({"symbol": "ABC-USDT"}, "900001"),
        ({"symbol": None}, "400100"),
        ({"side": "hold"}, "400100"),
        ({"type": "stop"}, "400100"),
        ({"stop": "loss", "stopPrice": "2"}, "400100"),
        ({"timeInForce": "GTX"}, "400100"),
        ({"timeInForce": "GTT", "cancelAfter": 0}, "400100"),
        ({"type": "market", "funds": "10"}, "400100"),
        ({"type": "market", "size": None}, "400100"),
        ({"type": "market", "size": None, "funds": "10.000001"}, "600100"),
        ({"type": "market", "size": None, "funds": "0.09"}, "600101"),
        ({"type": "market", "size": None, "funds": "100000000"}, "400100"),
        ({"type": "market", "size": None, "funds": "60000"}, "200004"),
        ({"type": "market", "stp": "DC"}, "400100"),
        ({"type": "market", "postOnly": True}, "400100"),
        ({"stp": "XX"}, "400100"),
        ({"postOnly": True, "timeInForce": "IOC"}, "400100"),
        ({"hidden": True}, "400100"),
        ({"clientOid": "x" * 41}, "400100"),
        ({"clientOid": "no blanks"}, "400100"),
        ({"remark": "x" * 21}, "400100"),
        ({"allowMaxTimeWindow": 10, "clientTimestamp": 1}, "400100"),
    ],
)
async def test_filters(kucoin: World, fields: dict[str, Any], code: str) -> None:
    before = kucoin.balances()
    async with kucoin.order_entry() as entry:
        reply = await entry.ask("spot.order", kucoin.order("buy", "2.3", "25") | fields)
    assert reply["code"] == code
    assert "data" not in reply
    assert kucoin.balances() == before
    assert not kucoin.exchange.orders


async def test_quota_is_shared_with_rest_and_runs_out(kucoin: World) -> None:
    async with kucoin.order_entry() as entry:
        kucoin.face.pools.limits["spot"] = 12
        await kucoin.call("POST", "/api/v1/bullet-private")
        first = await entry.ask("spot.cancel", {"symbol": SYMBOL, "orderId": "x"})
        assert first["userRateLimit"]["remaining"] == 1
        await entry.ask("spot.cancel", {"symbol": SYMBOL, "orderId": "x"})
        reply = await entry.ask("spot.order", kucoin.order("buy", "2.3", "25"))
        assert reply["code"] == "429000"
        assert not kucoin.exchange.orders


async def test_pushes_may_come_first(kucoin: World) -> None:
    """Order entry and events on one client's clock: by default the reply leads."""
    kucoin.face.venue.private.pushes_first = True
    async with kucoin.push(ORDERS, private=True) as events, kucoin.order_entry() as entry:
        await entry.ask("spot.order", kucoin.order("buy", kucoin.price(Side.BUY), "1"))
        await events.until(lambda m: m.get("data", {}).get("type") == "open")


async def test_measurement_hook_sees_requests_and_may_take_them(kucoin: World) -> None:
    seen: list[int] = []
    taken: list[Callable[[], None]] = []

    def hook(received_ns: int, handle: Callable[[], None]) -> bool:
        seen.append(received_ns)
        if len(seen) == 1:
            taken.append(handle)
        return len(seen) == 1

    async with kucoin.order_entry() as entry:
        kucoin.face.on_order_frame = hook
        entry.send({"id": "taken", "op": "spot.order", "args": kucoin.order("buy", "2.3", "1")})
        await entry.ask("spot.cancel", {"symbol": SYMBOL, "orderId": "x"})
        assert len(seen) == 2
        assert seen[0] <= seen[1]
        assert not kucoin.exchange.orders
        taken[0]()
        assert len(kucoin.exchange.orders) == 1


async def test_modify(kucoin: World) -> None:
    async with kucoin.push(ORDERS, private=True) as events, kucoin.order_entry() as entry:
        wanted = kucoin.order("buy", "2.3", "25")
        placed = (await entry.ask("spot.order", wanted))["data"]
        change = {"symbol": SYMBOL, "clientOid": wanted["clientOid"], "newPrice": "2.31"}
        reply = await entry.ask("spot.modify", change)
        assert set(reply["data"]) == {"newOrderId", "clientOid"}
        assert reply["data"]["clientOid"] == wanted["clientOid"]
        new_id = reply["data"]["newOrderId"]
        await events.until(
            lambda m: m.get("data", {}).get("type") == "open" and m["data"]["orderId"] == new_id
        )
        assert (await entry.ask("spot.modify", {"symbol": SYMBOL, "clientOid": "x"}))["code"] == (
            "400100"
        )
    assert steps(events.messages, placed["orderId"])[-1] == ("canceled", "done")
    assert steps(events.messages, new_id) == [("received", "new"), ("open", "open")]


async def test_market_order_by_the_socket(kucoin: World) -> None:
    async with kucoin.order_entry() as entry:
        order = {"clientOid": "m", "symbol": SYMBOL, "side": "buy", "type": "market", "size": "25"}
        data = (await entry.ask("spot.sync_order", order))["data"]
    assert (data["dealSize"], data["status"]) == ("25", "done")


@pytest.mark.parametrize(
    ("op", "code"),
    [
        ("spot.nothing", "4001002"),
        ("uta.order", "112010"),
        ("margin.order", "400007"),
        ("futures.multi_cancel", "400007"),
    ],
)
async def test_ops_that_are_not_for_this_account(kucoin: World, op: str, code: str) -> None:
    async with kucoin.order_entry() as entry:
        reply = await entry.ask(op, kucoin.order("buy", "2.3", "25"))
    assert (reply["code"], reply["op"], "data" in reply) == (code, op, False)
    assert not kucoin.exchange.orders


async def test_margin_key_without_a_margin_account(kucoin: World) -> None:
    key = kucoin.face.add_key(kucoin.account)
    key.permissions = ("General", "Spot", "Margin")
    async with kucoin.order_entry() as entry:
        assert (await entry.ask("margin.order", {}))["code"] == "400010"


@pytest.mark.parametrize("name", ["CONNECTION_ERRORS", "RECEIVE_ERROR", "STOPPING"])
async def test_disconnect_notice_then_the_end(kucoin: World, name: str) -> None:
    from xrpfast.simulation.kucoin import errors

    reason = getattr(errors, name)
    async with kucoin.order_entry() as entry:
        kucoin.face.disconnect_notice(reason)
        error = await entry.until(lambda m: "code" in m)
        assert (error["code"], error["msg"]) == (reason.code, reason.text)
        assert set(error) == {"code", "msg", "inTime", "outTime"}
        await asyncio.wait_for(entry.closed.wait(), 10)


async def test_silence_ends_a_session(kucoin: World) -> None:
    kucoin.face.order_entry.silence_s = 0.1
    async with kucoin.order_entry() as entry:
        await asyncio.wait_for(entry.closed.wait(), 10)
    assert not kucoin.face.order_entry.sessions


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "shutdown", "params": {"lead_s": 0.05}},
        {"action": "compress", "params": {"factor": 864_000}},
    ],
)
async def test_fault_rules_stop_the_service(kucoin: World, rule: dict[str, Any]) -> None:
    async with kucoin.push() as push, kucoin.order_entry() as entry:
        assert kucoin.faults is not None
        kucoin.faults.add({"channel": "venue", "venue": "kucoin"} | rule)
        assert (await entry.until(lambda m: "code" in m))["code"] == "501000"
        async with asyncio.timeout(10):
            await entry.closed.wait()
            await push.closed.wait()
