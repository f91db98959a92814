"""Faults of whole venues: power, clock, balances and orders moved by others, books that lie."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from yarl import URL

from support.binance import Keys, Rest
from support.kucoin_client import World, topic
from support.sockets import PATIENCE, Client, connected
from xrpfast.errors import UsageError
from xrpfast.model import Side
from xrpfast.simulation.server import MockVenues


def strike(mock: MockVenues, action: str, venue: str = "*", **params: Any) -> int:
    return mock.faults.add({"venue": venue, "channel": "venue", "action": action, "params": params})


async def subscribed(client: Client, keys: Keys) -> None:
    reply = await client.request("userDataStream.subscribe.signature", keys.params())
    assert reply["status"] == 200


def is_event(kind: str) -> Any:
    return lambda m: m.get("event", {}).get("e") == kind


async def place(rest: Rest, **changes: Any) -> tuple[int, Any]:
    order = {
        "symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
        "quantity": "25.0", "price": "2.2000",
    }  # fmt: skip
    return await rest.signed("POST", "/order", **order | changes)


async def test_a_venue_without_power_answers_nobody_until_it_returns(
    venue: MockVenues, rest: Rest
) -> None:
    url = f"{venue.line['venues']['binance']['stream_url']}/ws/xrpusdt@trade"
    async with connected(url) as client:
        number = strike(venue, "down")
        async with asyncio.timeout(PATIENCE):
            await client.closed.wait()
        assert client.close_code is None
    with pytest.raises(aiohttp.ClientError):
        await rest.get("/time")
    with pytest.raises(Exception, match="503"):
        async with connected(url):
            pass
    venue.faults.remove(number)
    assert (await rest.get("/time"))[0] == 200
    async with connected(url):
        pass


async def test_power_comes_back_by_itself_when_told_how_long(venue: MockVenues, rest: Rest) -> None:
    venue.faults.add({"channel": "venue", "action": "down", "for_s": 0.1})
    with pytest.raises(aiohttp.ClientError):
        await rest.get("/time")
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                assert (await rest.get("/time"))[0] == 200
                break
            except aiohttp.ClientError:
                await asyncio.sleep(0.02)


async def test_a_shifted_clock_refuses_what_is_stamped_rightly(
    venue: MockVenues, rest: Rest
) -> None:
    before = (await rest.get("/time"))[1]["serverTime"]
    number = strike(venue, "clock", offset_ms=7_000)
    assert (await rest.get("/time"))[1]["serverTime"] >= before + 7_000
    assert (await place(rest))[1]["code"] == -1021
    venue.faults.remove(number)
    assert (await place(rest))[0] == 200
    strike(venue, "clock", offset_ms=-7_000)
    status, body = await place(rest)
    assert (status, body["code"]) == (400, -1021)
    assert "1000ms ahead" in body["msg"]


async def test_balances_move_with_and_without_a_word(
    venue: MockVenues, keys: Keys, rest: Rest
) -> None:
    async with connected(venue.line["venues"]["binance"]["ws_api_url"]) as api:
        await subscribed(api, keys)
        strike(venue, "balance", asset="USDT", delta="25", kind="transfer")
        moved = (await api.until(is_event("balanceUpdate")))["event"]
        assert (moved["a"], float(moved["d"])) == ("USDT", 25.0)
        strike(venue, "balance", asset="XRP", delta="10", kind="lock")
        locked = (await api.until(is_event("externalLockUpdate")))["event"]
        assert (locked["a"], float(locked["d"])) == ("XRP", 10.0)
        seen = len(api.messages)
        strike(venue, "balance", asset="XRP", delta="-3", kind="silent")
        await place(rest)
        await api.until(is_event("executionReport"))
        kinds = {m["event"]["e"] for m in api.messages[seen:] if "event" in m}
        assert not kinds & {"balanceUpdate", "externalLockUpdate"}
    _, account = await rest.signed("GET", "/account")
    amounts = {
        row["asset"]: (float(row["free"]), float(row["locked"])) for row in account["balances"]
    }
    assert amounts["XRP"] == (20_000 - 10 - 3, 10)
    assert amounts["USDT"] == (50_000 + 25 - 55, 55)


async def test_balances_move_at_kucoin_too(kucoin: World) -> None:
    running_faults = kucoin.faults
    async with kucoin.push("/account/balance", private=True) as client:
        running_faults.add(
            {"channel": "venue", "action": "balance", "params": {"asset": "USDT", "delta": "25"}}
        )
        event = (await client.until(topic("/account/balance")))["data"]
        assert event["availableChange"] == "25"
        assert event["relationEvent"].endswith(".transfer")
        assert event["relationContext"] == {}


@pytest.mark.parametrize(
    ("action", "params", "words"),
    [
        ("balance", {"asset": "XRP", "delta": "much"}, "delta"),
        ("balance", {"asset": "", "delta": "1"}, "capital letters"),
        ("balance", {"asset": "XRP", "delta": "-99999"}, "less than that"),
        ("balance", {"asset": "XRP", "delta": "1", "kind": "gift"}, "one of transfer, lock"),
        ("foreign_order", {"side": "up", "price": "1", "qty": "9"}, "foreign_order"),
        ("foreign_order", {"side": "buy", "price": "2", "qty": "0.1"}, "MIN_NOTIONAL"),
        ("empty_side", {"side": "left"}, "buy or sell"),
        ("nothing", {}, "one of down"),
    ],
)  # fmt: skip
async def test_what_a_venue_cannot_do_is_refused(
    venue: MockVenues, action: str, params: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        strike(venue, action, **params)
    assert venue.faults.rows() == []


async def test_what_cannot_be_done_when_its_time_comes_ends_the_rule_alone(
    venue: MockVenues, rest: Rest, caplog: pytest.LogCaptureFixture
) -> None:
    venue.faults.add(
        {
            "channel": "venue", "action": "balance", "at_s": 0.01,
            "params": {"asset": "XRP", "delta": "-99999"},
        }
    )  # fmt: skip
    async with asyncio.timeout(5):
        while not caplog.records:  # noqa: ASYNC110  (a log tells nobody)
            await asyncio.sleep(0.01)
    (row,) = venue.faults.rows()
    assert (row["active"], row["hits"]) == (False, 0)
    assert "less than that of XRP" in caplog.text
    assert (await rest.get("/ping"))[0] == 200


async def test_the_venue_ends_fills_and_places_orders_by_others_hands(
    venue: MockVenues, rest: Rest
) -> None:
    for action, params, status in (
        ("expire_orders", {}, "EXPIRED"),
        ("cancel_orders", {}, "CANCELED"),
        ("fill_orders", {"percent": 40}, "PARTIALLY_FILLED"),
        ("fill_orders", {"percent": 100}, "FILLED"),
    ):
        _, order = await place(rest, newClientOrderId=f"{action}-{params.get('percent', 0)}")
        strike(venue, action, **params)
        _, now = await rest.signed("GET", "/order", symbol="XRPUSDT", orderId=order["orderId"])
        assert now["status"] == status
        if status == "PARTIALLY_FILLED":
            assert now["executedQty"] == "10.00000000"
            strike(venue, "cancel_orders")
    strike(venue, "foreign_order", side="sell", price="3", qty="5", client_id="by-hand")
    _, working = await rest.signed("GET", "/openOrders", symbol="XRPUSDT")
    assert [(order["clientOrderId"], order["side"]) for order in working] == [("by-hand", "SELL")]


async def test_a_crossed_book_is_told_and_taken_back(venue: MockVenues) -> None:
    url = f"{venue.line['venues']['binance']['stream_url']}/ws/xrpusdt@depth@100ms"
    exchange = venue.faces["binance"].exchange
    ask = exchange.matching.best(Side.SELL)
    assert ask is not None
    async with connected(url) as client:
        number = strike(venue, "cross_book", levels=2)
        update = await client.until(lambda m: m.get("e") == "depthUpdate")
        crossing = {float(price) for price, _ in update["b"] if float(price) * 10**4 >= ask[0]}
        assert crossing == {ask[0] / 10**4, (ask[0] + 1) / 10**4}
        assert not exchange.matching.crosses(Side.BUY, ask[0] - 1)
        venue.faults.remove(number)
        back = await client.until(lambda m: m.get("U", 0) > update["u"])
        assert {float(qty) for _, qty in back["b"]} == {0.0}


async def test_an_empty_side_stays_empty_while_the_rule_lives(
    venue: MockVenues, rest: Rest
) -> None:
    number = strike(venue, "empty_side", side="sell")
    for _ in range(5):
        venue.flow.step()
    _, book = await rest.get("/depth", "symbol=XRPUSDT")
    assert book["asks"] == []
    assert book["bids"]
    venue.faults.remove(number)
    venue.flow.step()
    _, book = await rest.get("/depth", "symbol=XRPUSDT")
    assert book["asks"]


async def test_a_page_of_html_stands_before_the_venue(venue: MockVenues) -> None:
    url = venue.line["venues"]["binance"]["rest_url"]
    for status in (403, 200):
        number = strike(venue, "block_page", status=status)
        async with aiohttp.ClientSession() as http, http.get(f"{url}/api/v3/time") as reply:
            assert (reply.status, reply.content_type) == (status, "text/html")
            assert "<html>" in await reply.text()
        venue.faults.remove(number)


async def test_a_revoked_key_is_unknown_until_it_is_given_back(
    venue: MockVenues, rest: Rest
) -> None:
    number = strike(venue, "revoke_key")
    assert (await place(rest))[1]["code"] == -2015
    venue.faults.remove(number)
    assert (await place(rest))[0] == 200


async def test_what_the_key_may_do_is_told_and_held(
    venue: MockVenues, rest: Rest, keys: Keys
) -> None:
    base = venue.line["venues"]["binance"]["rest_url"]

    async def told() -> Any:
        url = URL(f"{base}/sapi/v1/account/apiRestrictions?{keys.query()}", encoded=True)
        async with aiohttp.ClientSession() as http, http.get(url, headers=keys.headers()) as reply:
            return await reply.json()

    good = await told()
    assert good == {
        "ipRestrict": True, "createTime": 1_750_000_000_000, "enableReading": True,
        "enableWithdrawals": False, "enableInternalTransfer": False, "enableMargin": False,
        "enableFutures": False, "permitsUniversalTransfer": False, "enableVanillaOptions": False,
        "enableFixApiTrade": False, "enableFixReadOnly": False, "enableSpotAndMarginTrading": True,
        "enablePortfolioMarginTrading": False,
    }  # fmt: skip
    other = {"enableWithdrawals": True, "enableSpotAndMarginTrading": False}
    number = strike(venue, "key", set=other)
    assert await told() == good | other
    assert (await place(rest))[1]["code"] == -2015
    venue.faults.remove(number)
    assert await told() == good
    assert (await place(rest))[0] == 200
    number = strike(venue, "key", set={"enableReading": False})
    assert (await told())["code"] == -2015
    venue.faults.remove(number)
    for wrong in ({"enableFlying": True}, {"enableReading": 1}):
        with pytest.raises(UsageError, match="one of ipRestrict, "):
            strike(venue, "key", set=wrong)


async def test_private_streams_end_by_the_venues_will(venue: MockVenues, keys: Keys) -> None:
    async with connected(venue.line["venues"]["binance"]["ws_api_url"]) as api:
        await subscribed(api, keys)
        strike(venue, "terminate_streams")
        await api.until(is_event("eventStreamTerminated"))
        await subscribed(api, keys)


async def test_kucoins_tokens_keys_status_and_overload(kucoin: World) -> None:
    def add(action: str, **params: Any) -> int:
        return kucoin.faults.add({"channel": "venue", "action": action, "params": params})

    order = "/api/v1/hf/orders"
    async with kucoin.push(private=True) as client:
        add("terminate_streams")
        async with asyncio.timeout(PATIENCE):
            await client.closed.wait()
    number = add("revoke_key")
    assert (await kucoin.call("POST", order, kucoin.order("buy", "2.2", "25"))).code == "400003"
    kucoin.faults.remove(number)
    number = add("key", set={"permission": "General,Withdraw", "ipWhitelist": "127.0.0.1,10.0.0.1"})
    told = await kucoin.get("/api/v1/user/api-key")
    assert (told["permission"], told["ipWhitelist"]) == ("General,Withdraw", "127.0.0.1,10.0.0.1")
    assert (await kucoin.call("POST", order, kucoin.order("buy", "2.2", "25"))).code == "400007"
    kucoin.faults.remove(number)
    told = await kucoin.get("/api/v1/user/api-key")
    assert (told["permission"], told["ipWhitelist"]) == ("General,Spot", "127.0.0.1")
    with pytest.raises(UsageError, match="permission or ipWhitelist"):
        add("key", set={"enableReading": True})
    number = add("status", status="cancelonly")
    assert (await kucoin.call("POST", order, kucoin.order("buy", "2.2", "25"))).code == "200001"
    kucoin.faults.remove(number)
    number = add("overload")
    reply = await kucoin.call("GET", "/api/v1/timestamp", signed=False)
    assert (reply.status, reply.code) == (429, "429000")
    assert "gw-ratelimit-reset" not in reply.headers
    kucoin.faults.remove(number)
    assert (await kucoin.call("POST", order, kucoin.order("buy", "2.2", "25"))).code == "200000"
    with pytest.raises(UsageError, match="one of open, close"):
        add("status", status="broken")


async def test_the_symbols_status_decides_what_is_taken(venue: MockVenues, rest: Rest) -> None:
    _, order = await place(rest)
    number = strike(venue, "status", status="CANCEL_ONLY")
    status, refused = await place(rest)
    assert status == 400
    assert refused["code"] in (-1013, -2010)
    info = (await rest.get("/exchangeInfo"))[1]
    assert info["symbols"][0]["status"] == "CANCEL_ONLY"
    named = {"symbol": "XRPUSDT", "orderId": order["orderId"]}
    assert (await rest.signed("DELETE", "/order", **named))[0] == 200
    venue.faults.remove(number)
    assert (await place(rest))[0] == 200
    with pytest.raises(UsageError):
        strike(venue, "status", status="ASLEEP")


async def test_a_banned_client_is_told_until_when_and_loses_its_sockets(
    venue: MockVenues, rest: Rest
) -> None:
    async with connected(venue.line["venues"]["binance"]["ws_api_url"]) as api:
        await api.request("ping")
        number = strike(venue, "ban", seconds=120)
        status, body = await rest.get("/time")
        assert (status, body["code"]) == (418, -1003)
        assert "banned until" in body["msg"]
        async with asyncio.timeout(PATIENCE):
            await api.closed.wait()
    venue.faults.remove(number)
    assert (await rest.get("/time"))[0] == 200


async def test_a_shutdown_is_announced_and_then_happens(venue: MockVenues) -> None:
    line = venue.line["venues"]["binance"]
    async with (
        connected(f"{line['stream_url']}/ws/xrpusdt@trade") as raw,
        connected(f"{line['stream_url']}/stream?streams=xrpusdt@trade") as combined,
        connected(line["ws_api_url"]) as api,
    ):
        strike(venue, "shutdown", lead_s=0.1)
        await raw.until(lambda m: m.get("e") == "serverShutdown")
        await combined.until(lambda m: m.get("stream") == "!serverShutdown")
        await api.until(is_event("serverShutdown"))
        async with asyncio.timeout(PATIENCE):
            for client in (raw, combined, api):
                await client.closed.wait()


async def test_a_day_can_pass_in_a_moment(venue: MockVenues, kucoin: World) -> None:
    url = f"{venue.line['venues']['binance']['stream_url']}/ws/xrpusdt@trade"
    compress = {"channel": "venue", "action": "compress", "params": {"factor": 864_000}}
    async with connected(url) as client, kucoin.push() as push, kucoin.order_entry() as entry:
        numbers = [faults.add(compress) for faults in (venue.faults, kucoin.faults)]
        async with asyncio.timeout(PATIENCE):
            for socket in (client, push, entry):
                await socket.closed.wait()
    venue.faults.remove(numbers[0])
    kucoin.faults.remove(numbers[1])
    async with connected(url) as client:
        assert (await client.request("LIST_SUBSCRIPTIONS"))["result"] == ["xrpusdt@trade"]


async def test_kucoin_says_that_it_stops(kucoin: World) -> None:
    async with kucoin.order_entry() as entry, kucoin.push() as push:
        kucoin.faults.add({"channel": "venue", "action": "shutdown"})
        await entry.until(lambda m: m.get("code") == "501000")
        async with asyncio.timeout(PATIENCE):
            await entry.closed.wait()
            await push.closed.wait()
