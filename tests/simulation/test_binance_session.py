"""Sessions of Binance's WebSocket API: logon, what it saves, whose user data comes."""

from __future__ import annotations

from typing import Any

from support.binance import Ed25519Keys, Keys, now_ms
from support.sockets import Client, connected
from xrpfast.simulation.binance.face import BinanceFace
from xrpfast.simulation.server import MockVenues

ORDER: dict[str, Any] = {
    "symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
    "quantity": "25.0", "price": "2.1000",
}  # fmt: skip


async def test_a_session_spares_keys_and_signatures(api: Client, ed25519: Ed25519Keys) -> None:
    before = await api.request("session.status")
    assert before["result"]["apiKey"] is None
    assert before["result"]["authorizedSince"] is None
    assert [row["rateLimitType"] for row in before["rateLimits"]] == ["REQUEST_WEIGHT"]
    refused = await api.request("order.place", {"timestamp": now_ms(), **ORDER})
    assert (refused["status"], refused["error"]["code"]) == (400, -1102)
    on = (await api.request("session.logon", ed25519.params()))["result"]
    assert set(on) == {
        "apiKey", "authorizedSince", "connectedSince", "returnRateLimits", "serverTime",
        "userDataStream",
    }  # fmt: skip
    assert (on["apiKey"], on["userDataStream"], on["returnRateLimits"]) == (
        ed25519.key, False, True,
    )  # fmt: skip
    assert on["connectedSince"] <= on["authorizedSince"] <= on["serverTime"]
    placed = await api.request("order.place", {"timestamp": now_ms(), **ORDER})
    assert placed["status"] == 200
    old = await api.request("order.place", {"timestamp": now_ms() - 6_000, **ORDER})
    assert old["error"]["code"] == -1021
    bare = await api.request("order.place", ORDER)
    assert (bare["status"], bare["error"]["code"]) == (400, -1102)
    off = (await api.request("session.logout"))["result"]
    assert (off["apiKey"], off["authorizedSince"]) == (None, None)
    refused = await api.request("account.status", {"timestamp": now_ms()})
    assert (refused["status"], refused["error"]["code"]) == (400, -1102)


async def test_only_ed25519_keys_log_on(api: Client, keys: Keys) -> None:
    refused = await api.request("session.logon", keys.params())
    assert refused["status"] == 400
    assert refused["error"] == {"code": -4056, "msg": "HMAC_SHA256 API key is not supported."}
    assert (await api.request("session.status"))["result"]["apiKey"] is None


async def test_one_request_may_bring_another_key(
    api: Client, keys: Keys, ed25519: Ed25519Keys
) -> None:
    await api.request("session.logon", ed25519.params())
    assert (await api.request("account.status", keys.params()))["status"] == 200
    wrong = keys.params() | {"signature": "00"}
    assert (await api.request("account.status", wrong))["error"]["code"] == -1022
    again = await api.request("session.logon", ed25519.params())
    assert again["result"]["apiKey"] == ed25519.key


async def test_subscriptions_of_a_session_and_of_a_signature(
    api: Client, keys: Keys, ed25519: Ed25519Keys
) -> None:
    early = await api.request("userDataStream.subscribe")
    assert (early["status"], early["error"]["code"]) == (401, -1002)
    await api.request("session.logon", ed25519.params())
    assert (await api.request("userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
    twice = await api.request("userDataStream.subscribe.signature", keys.params())
    assert twice["error"] == {
        "code": -2035, "msg": "User Data Stream subscription already active.",
    }  # fmt: skip
    assert (await api.request("session.subscriptions"))["result"] == [{"subscriptionId": 0}]
    assert (await api.request("session.status"))["result"]["userDataStream"] is True
    await api.request("session.logout")
    ended = await api.until(lambda m: m.get("event", {}).get("e") == "eventStreamTerminated")
    assert ended["subscriptionId"] == 0
    assert (await api.request("session.subscriptions"))["result"] == []
    signed = await api.request("userDataStream.subscribe.signature", keys.params())
    assert signed["result"] == {"subscriptionId": 1}
    await api.request("session.logon", ed25519.params())
    await api.request("session.logout")
    assert (await api.request("session.subscriptions"))["result"] == [{"subscriptionId": 1}]
    gone = await api.request("userDataStream.unsubscribe", {"subscriptionId": 0})
    assert gone["error"]["code"] == -2036
    assert (await api.request("userDataStream.unsubscribe"))["result"] == {}
    assert (await api.request("session.subscriptions"))["result"] == []


async def test_subscription_ids_run_out(api: Client, keys: Keys, face: BinanceFace) -> None:
    (connection,) = face.ws_api.connections
    connection.session._next = 65_535
    refused = await api.request("userDataStream.subscribe.signature", keys.params())
    assert refused["error"]["code"] == -2042


async def test_listen_keys_are_gone(api: Client, venue: MockVenues, rest: Any, keys: Keys) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = await rest.whole(method, "/userDataStream", headers=keys.headers())
        assert answer.status == 410
        assert "410 Gone" in answer.body
    for what in ("start", "ping", "stop"):
        reply = await api.request(f"userDataStream.{what}", {"apiKey": keys.key})
        assert reply["status"] == 410
        assert isinstance(reply["error"]["code"], int)


async def test_balances_that_others_moved_are_told(
    api: Client, keys: Keys, face: BinanceFace
) -> None:
    await api.request("userDataStream.subscribe.signature", keys.params())
    (account,) = face.exchange.accounts.values()
    face.exchange.transfer(account, "USDT", 10**19, 0, "transfer")
    told = await api.until(lambda m: m.get("event", {}).get("e") == "balanceUpdate")
    assert (told["event"]["a"], told["event"]["d"]) == ("USDT", "10.00000000")
    face.exchange.transfer(account, "XRP", -(10**18), 10**18, "lock")
    told = await api.until(lambda m: m.get("event", {}).get("e") == "externalLockUpdate")
    assert (told["event"]["a"], told["event"]["d"]) == ("XRP", "1.00000000")


async def test_two_sockets_hear_the_same(venue: MockVenues, keys: Keys) -> None:
    url = venue.line["venues"]["binance"]["ws_api_url"]
    async with connected(url) as one, connected(url) as other:
        for client in (one, other):
            await client.request("userDataStream.subscribe.signature", keys.params())
        await one.request("order.place", keys.params(**ORDER))
        first, second = [
            await client.until(lambda m: m.get("event", {}).get("x") == "NEW")
            for client in (one, other)
        ]
        assert first == second
