"""Who signed a Binance request, over what bytes, and when: both kinds of keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from support.binance import Ed25519Keys, Keys, Rest, now_ms
from support.sockets import Client
from xrpfast.simulation.account import Account
from xrpfast.simulation.binance.face import BinanceFace
from xrpfast.simulation.binance.keys import ed25519_verifies, hmac_key
from xrpfast.simulation.binance.params import unsigned
from xrpfast.simulation.server import MockVenues

FORM = "symbol=XRPUSDT&side=BUY&type=LIMIT&timeInForce=GTC"
REST_OF_IT = "quantity=25&price=2.1"
ORDER: dict[str, Any] = {
    "symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
    "quantity": "25.0", "price": "2.1000",
}  # fmt: skip


@pytest.fixture(params=["HMAC", "Ed25519"])
def signer(request: pytest.FixtureRequest, keys: Keys, ed25519: Ed25519Keys) -> Keys:
    return keys if request.param == "HMAC" else ed25519


def signed(signer: Keys, payload: str) -> str:
    return f"signature={quote(signer.sign(payload), safe='')}"


async def test_query_and_body_are_signed_together(rest: Rest, signer: Keys) -> None:
    """Query and body bytes one after the other, the signature in either."""
    stamp = f"timestamp={now_ms()}"
    for query, body in (
        (f"{FORM}&{REST_OF_IT}&{stamp}", ""),
        ("", f"{FORM}&{REST_OF_IT}&{stamp}"),
        (f"{FORM}&{stamp}", REST_OF_IT),
    ):
        mark = signed(signer, query + body)
        sent = (query, f"{body}&{mark}" if body else mark)
        answer = await rest.whole("POST", "/order", *sent, signer.headers())
        assert answer.status == 200, answer.body
        if query:
            sent = (f"{query}&{mark}", body)
            answer = await rest.whole("POST", "/order", *sent, signer.headers())
            assert answer.status == 200, answer.body


async def test_text_is_encoded_before_it_is_signed(rest: Rest, signer: Keys) -> None:
    raw = f"symbol=１２３&timestamp={now_ms()}"
    encoded = quote(raw, safe="=&")
    good = f"{encoded}&{signed(signer, encoded)}"
    answer = await rest.whole("GET", "/openOrders", good, headers=signer.headers())
    assert (answer.status, answer.body["code"]) == (400, -1121)
    bad = f"{encoded}&{signed(signer, raw)}"
    answer = await rest.whole("GET", "/openOrders", bad, headers=signer.headers())
    assert answer.body == {"code": -1022, "msg": "Signature for this request is not valid."}


async def test_a_query_value_wins_over_the_bodys(rest: Rest, keys: Keys) -> None:
    query, body = f"symbol=XRPUSDT&timestamp={now_ms()}", "symbol=NOPE&orderId=1"
    answer = await rest.whole(
        "DELETE", "/order", query, f"{body}&{signed(keys, query + body)}", keys.headers()
    )
    assert answer.body["code"] == -2011


async def test_a_name_twice_in_one_place_is_refused(rest: Rest, keys: Keys) -> None:
    query = f"symbol=XRPUSDT&symbol=XRPUSDT&timestamp={now_ms()}"
    answer = await rest.whole(
        "GET", "/openOrders", f"{query}&{signed(keys, query)}", headers=keys.headers()
    )
    assert answer.body == {"code": -1101, "msg": "Duplicate values for a parameter detected."}


async def test_unread_parameters_are_counted(rest: Rest) -> None:
    status, body = await rest.signed("POST", "/order", **ORDER, colour="red")
    assert (status, body) == (400, {
        "code": -1104,
        "msg": "Not all sent parameters were read; read '8' parameter(s) but was sent '9'.",
    })  # fmt: skip
    assert (await rest.signed("GET", "/openOrders"))[1] == []


async def test_either_key_is_the_same_customer(
    rest: Rest, api: Client, keys: Keys, ed25519: Ed25519Keys
) -> None:
    placed = await api.request("order.place", ed25519.params(**ORDER))
    assert placed["status"] == 200
    _, rows = await rest.signed("GET", "/openOrders")
    assert [row["orderId"] for row in rows] == [placed["result"]["orderId"]]
    wrong = ed25519.params(**ORDER) | {"signature": keys.sign("x")}
    assert (await api.request("order.place", wrong))["error"]["code"] == -1022
    wrong = ed25519.params(**ORDER)
    wrong["signature"] = wrong["signature"].swapcase()
    assert (await api.request("order.place", wrong))["error"]["code"] == -1022


async def test_numbers_are_signed_as_they_were_written(api: Client, keys: Keys) -> None:
    stamp = now_ms()
    text = (
        f"apiKey={keys.key}&newOrderRespType=ACK&price=2.10&quantity=25.00&recvWindow=6000.346"
        f"&side=BUY&symbol=XRPUSDT&timeInForce=GTC&timestamp={stamp}&type=LIMIT"
    )
    api.send(
        f'{{"id":1,"method":"order.place","params":{{"apiKey":"{keys.key}","price":2.10,'
        f'"quantity":25.00,"recvWindow":6000.346,"side":"BUY","symbol":"XRPUSDT",'
        f'"newOrderRespType":"ACK","timeInForce":"GTC","timestamp":{stamp},"type":"LIMIT",'
        f'"signature":"{keys.sign(text)}"}}}}'
    )
    assert (await api.until(lambda m: m["id"] == 1))["status"] == 200


async def test_the_private_key_follows_from_the_seed(venue: MockVenues) -> None:
    from xrpfast.simulation.server import mock_venues

    async with mock_venues(["binance"], seed=5) as same, mock_venues(["binance"], seed=6) as other:
        assert same.line["ed25519"] == venue.line["ed25519"]
        assert other.line["ed25519"] != venue.line["ed25519"]
        assert "kucoin" not in other.line["ed25519"]


@pytest.mark.parametrize(
    ("ahead_ms", "window", "code"),
    [
        (0, None, 200),
        (900, None, 200),
        (1_100, None, -1021),
        (-4_500, None, 200),
        (-5_100, None, -1021),
        (-700, "500", -1021),
        (-700, "1700.5", 200),
        (0, "60000", 200),
        (0, "60000.001", -1131),
        (0, "60001", -1131),
        (0, "0", -1131),
        (0, "1.2345", -1100),
        (0, "-5", -1100),
        (0, "many", -1100),
    ],
)
async def test_a_request_has_its_time(
    rest: Rest, api: Client, keys: Keys, ahead_ms: int, window: str | None, code: int
) -> None:
    more = {} if window is None else {"recvWindow": window}
    _, body = await rest.signed("GET", "/account", timestamp=now_ms() + ahead_ms, **more)
    assert body.get("code", 200) == code
    micros = keys.params(timestamp=(now_ms() + ahead_ms) * 1_000, **more)
    reply = await api.request("account.status", micros)
    assert reply.get("error", {}).get("code", 200) == code


async def test_an_order_that_is_late_at_the_engine_costs_its_count(
    rest: Rest, face: BinanceFace
) -> None:
    face.venue.broker_ns = 800_000_000
    status, body = await rest.signed("POST", "/order", **ORDER, recvWindow=700)
    text = "Timestamp for this request is outside of the recvWindow."
    assert (status, body) == (400, {"code": -1021, "msg": text})
    assert face.limits.order_counts(1) == (1, 1)
    assert face.exchange.orders == {}
    assert (await rest.signed("POST", "/order", **ORDER))[0] == 200
    assert (await rest.signed("GET", "/openOrders", recvWindow=700))[0] == 200
    _, body = await rest.signed("DELETE", "/openOrders", symbol="XRPUSDT", recvWindow=700)
    assert body["code"] == -1021
    assert face.limits.order_counts(1) == (2, 2)  # cancels cost none


async def test_a_time_unit_is_asked_for(rest: Rest, venue: MockVenues, keys: Keys) -> None:
    from support.sockets import connected

    for word in ("MICROSECOND", "microsecond"):
        answer = await rest.whole("GET", "/time", headers={"X-MBX-TIME-UNIT": word})
        assert answer.body["serverTime"] > 10**15
    answer = await rest.whole("GET", "/time", headers={"X-MBX-TIME-UNIT": "MILLISECOND"})
    assert answer.body["serverTime"] < 10**13
    answer = await rest.whole("GET", "/time", headers={"X-MBX-TIME-UNIT": "SECOND"})
    assert (answer.status, answer.body) == (400, {
        "code": -1194,
        "msg": "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
    })  # fmt: skip
    url = venue.line["venues"]["binance"]["ws_api_url"]
    async with connected(f"{url}?timeUnit=MICROSECOND&returnRateLimits=false") as api:
        await api.request("userDataStream.subscribe.signature", keys.params())
        placed = await api.request("order.place", keys.params(**ORDER))
        assert placed["result"]["transactTime"] > 10**15
        assert "rateLimits" not in placed
        told = await api.until(lambda m: m.get("event", {}).get("x") == "NEW")
        assert told["event"]["O"] == placed["result"]["transactTime"]
        asked = await api.request("time", {"returnRateLimits": True})
        assert len(asked["rateLimits"]) == 1


@pytest.mark.parametrize(
    ("query", "code"),
    [("timeUnit=DAY", -1194), ("responseFormat=sbe&sbeSchemaId=3&sbeSchemaVersion=5", -1155)],
)
async def test_a_bad_url_refuses_the_socket(venue: MockVenues, query: str, code: int) -> None:
    url = venue.line["venues"]["binance"]["ws_api_url"].replace("ws://", "http://")
    async with aiohttp.ClientSession() as http, http.get(f"{url}?{query}") as reply:
        assert (reply.status, (await reply.json())["code"]) == (400, code)


async def test_replies_are_json_or_none(rest: Rest) -> None:
    answer = await rest.whole("GET", "/time", headers={"Accept": "application/sbe"})
    assert (answer.status, answer.body) == (406, {"code": -1155, "msg": "SBE is not enabled."})
    both = {"Accept": "application/sbe, application/json"}
    assert (await rest.whole("GET", "/time", headers=both)).status == 200


async def test_a_revoked_key_is_no_key(
    rest: Rest, api: Client, ed25519: Ed25519Keys, face: BinanceFace
) -> None:
    """The session that it opened ends with a word that answers no request."""
    await api.request("session.logon", ed25519.params())
    face.venue.keys.revoke(ed25519.key)
    before = len(api.messages)
    refused = await api.request("account.status", {"timestamp": now_ms()})
    assert (refused["status"], refused["error"]["code"]) == (401, -2015)
    told = await api.until(lambda m: m["id"] is None, before)
    assert told == {"id": None, "status": 401, "error": refused["error"]}
    assert (await api.request("session.status"))["result"]["apiKey"] is None
    assert (await rest.signed("GET", "/account"))[0] == 200
    face.venue.keys.restore(ed25519.key)
    assert (await api.request("session.logon", ed25519.params()))["status"] == 200


VECTORS = json.loads((Path(__file__).parents[1] / "data/vectors/binance_signing.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["hmac"]["vectors"], ids=lambda vector: vector["id"])
def test_published_hmac_signatures_are_good(vector: dict[str, Any]) -> None:
    account = Account(9, VECTORS["hmac"]["apiKey"], VECTORS["hmac"]["secretKey"])
    payload, signature = vector["payload"].encode(), vector["signature"]
    assert hmac_key(account).verifies(payload, signature)
    assert not hmac_key(account).verifies(payload + b" ", signature)
    if "query" in vector:
        query = f"{vector['query']}&signature={signature}".lstrip("&")
        assert (unsigned(query) + unsigned(vector["body"])).encode() == payload


@pytest.mark.parametrize("vector", VECTORS["ed25519"]["vectors"], ids=lambda vector: vector["id"])
def test_published_ed25519_signatures_are_good(vector: dict[str, Any]) -> None:
    private = load_pem_private_key(VECTORS["ed25519"]["privateKeyPem"].encode(), None)
    assert isinstance(private, Ed25519PrivateKey)
    payload, signature = vector["payload"].encode(), vector["signature"]
    assert ed25519_verifies(private.public_key(), payload, signature)
    assert not ed25519_verifies(private.public_key(), payload + b" ", signature)
    assert not ed25519_verifies(private.public_key(), payload, signature[:-4])
    assert not ed25519_verifies(private.public_key(), payload, "no base64")
