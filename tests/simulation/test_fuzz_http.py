"""REST of both mock venues takes anything: the venue's own envelope, never a 5xx, and goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import fuzzing
from support.binance import Keys as BinanceKeys
from support.binance import now_ms
from support.fuzz_words import (
    BINANCE_CODES,
    BINANCE_NAMES,
    BINANCE_ORDER,
    KUCOIN_CODES,
    KUCOIN_NAMES,
    KUCOIN_ORDER,
)
from support.fuzzing import (
    Answer,
    Books,
    RawHttp,
    examples,
    mostly,
    no_faults,
    spoiled,
    texts,
    values,
)
from support.kucoin_client import Keys as KucoinKeys
from xrpfast.simulation.server import MockVenues, mock_venues


@pytest.fixture
async def both() -> AsyncIterator[MockVenues]:
    async with mock_venues(seed=5) as running:
        running.flow.running = False
        for face in running.faces.values():
            face.enforce_quotas(False)
        yield running


@pytest.fixture
async def http(both: MockVenues) -> AsyncIterator[dict[str, RawHttp]]:
    clients = {name: RawHttp(line["rest_url"]) for name, line in both.line["venues"].items()}
    yield clients
    for client in clients.values():
        await client.close()


def routes(both: MockVenues, name: str) -> list[tuple[str, str]]:
    """Every route that the venue serves, in a fixed order."""
    table = both.faces[name].rest_app().router.routes()
    found = {
        (route.method, route.resource.canonical) for route in table if route.resource is not None
    }
    return sorted(found)


@st.composite
def path_of(draw: st.DrawFn, canonical: str) -> str:
    """The path with something in the place of each ``{name}``."""
    parts = []
    for part in canonical.split("/"):
        given_text = draw(texts.filter(bool)) if part.startswith("{") else part
        parts.append(
            quote(given_text, safe="", errors="surrogatepass") if part != given_text else part
        )
    return "/".join(parts)


def query_of(params: dict[str, Any]) -> str:
    return urlencode(params, quote_via=quote, errors="surrogatepass")


def check_binance(answer: Answer, *, known_route: bool = True) -> None:
    assert answer.status < 500, answer
    if answer.method == "HEAD":
        assert not answer.body
    elif answer.status == 200:
        answer.json()
    elif answer.status == 410:  # what is left of the listen keys
        assert b"410 Gone" in answer.body
    elif known_route:
        body = answer.json()
        assert {"code", "msg"} <= set(body) <= {"code", "msg", "data"}, answer
        assert body["code"] in BINANCE_CODES, answer
        assert body["msg"], answer


def check_kucoin(answer: Answer) -> None:
    assert answer.status < 500, answer
    if answer.method == "HEAD":
        assert not answer.body
        return
    body = answer.json()
    if body["code"] == "200000":
        assert answer.status == 200
        assert set(body) <= {"code", "data"}, answer
    else:
        assert set(body) == {"code", "msg"}, answer
        assert body["code"] in KUCOIN_CODES, answer


@given(data=st.data())
@examples(200)
async def test_binance_with_a_good_signature(
    both: MockVenues, http: dict[str, RawHttp], data: st.DataObject
) -> None:
    """Every route, with parameters that are right, wrong, missing or unheard of."""
    books = Books(both.faces["binance"].exchange)
    with no_faults():
        for _ in range(data.draw(st.integers(1, 8))):
            await binance_signed(both, http["binance"], data)
        good = await http["binance"].call("GET", "/api/v3/time", {})
    assert good.status == 200
    books.check()


async def binance_signed(both: MockVenues, http: RawHttp, data: st.DataObject) -> None:
    method, canonical = data.draw(st.sampled_from(routes(both, "binance")))
    path = data.draw(path_of(canonical))
    keys = BinanceKeys(both.line["venues"]["binance"])
    params = {"timestamp": str(now_ms())} | data.draw(spoiled(BINANCE_ORDER, BINANCE_NAMES, texts))
    whole = query_of(params)
    cut = data.draw(st.integers(0, len(whole))) if data.draw(st.booleans()) else len(whole)
    query, body = whole[:cut], whole[cut:]
    signature = keys.sign(query + body)
    text = f"{query}&signature={signature}" if query else f"signature={signature}"
    headers = keys.headers() | {"Content-Type": "application/x-www-form-urlencoded"}
    check_binance(await http.call(method, f"{path}?{text}", headers, body.encode()))


@given(data=st.data())
@examples(150)
async def test_binance_with_anything(
    both: MockVenues, http: dict[str, RawHttp], data: st.DataObject
) -> None:
    """Methods, paths, queries, headers and bodies that nobody signed."""
    served = routes(both, "binance")
    canonical = data.draw(st.sampled_from([path for _, path in served]))
    known = data.draw(st.booleans())
    path = data.draw(path_of(canonical)) if known else "/" + data.draw(fuzzing.targets)
    method = data.draw(fuzzing.methods)
    query, body = data.draw(fuzzing.targets), data.draw(st.binary(max_size=80))
    names = st.sampled_from(
        ["X-MBX-APIKEY", "X-MBX-TIME-UNIT", "Content-Type", "Accept", "X-MBX-SBE", "X-Any"]
    )
    headers = data.draw(st.dictionaries(names, fuzzing.header_values, max_size=3))
    with no_faults():
        answer = await http["binance"].call(method, f"{path}?{query}", headers, body)
        check_binance(answer, known_route=known and (method, canonical) in served)
        good = await http["binance"].call("GET", "/api/v3/time", {})
    assert good.status == 200


def kucoin_headers(keys: KucoinKeys, method: str, target: str, body: bytes) -> dict[str, str]:
    return keys.headers(method, target, body) | {"Content-Type": "application/json"}


@given(data=st.data())
@examples(200)
async def test_kucoin_with_a_good_signature(
    both: MockVenues, http: dict[str, RawHttp], data: st.DataObject
) -> None:
    """Every route, with queries and bodies that are right, wrong, missing or unheard of."""
    books = Books(both.faces["kucoin"].exchange)
    with no_faults():
        for _ in range(data.draw(st.integers(1, 8))):
            await kucoin_signed(both, http["kucoin"], data)
        good = await http["kucoin"].call("GET", "/api/v1/timestamp", {})
    assert good.json()["code"] == "200000"
    books.check()


async def kucoin_signed(both: MockVenues, http: RawHttp, data: st.DataObject) -> None:
    line = both.line["venues"]["kucoin"]
    keys = KucoinKeys(line["api_key"], line["api_secret"], line["passphrase"])
    method, canonical = data.draw(st.sampled_from(routes(both, "kucoin")))
    path, body = data.draw(path_of(canonical)), b""
    symbol = {"symbol": "XRP-USDT"}
    if method == "POST":
        message = mostly(spoiled(KUCOIN_ORDER, KUCOIN_NAMES, values), values)
        body = data.draw(fuzzing.mangled(message))
    else:
        path += "?" + query_of(data.draw(spoiled(symbol, KUCOIN_NAMES, texts)))
    signed = kucoin_headers(keys, method, path, body)
    check_kucoin(await http.call(method, path, signed, body))


@given(data=st.data())
@examples(150)
async def test_kucoin_with_anything(
    both: MockVenues, http: dict[str, RawHttp], data: st.DataObject
) -> None:
    """Methods, paths, queries, headers and bodies that nobody signed."""
    canonical = data.draw(st.sampled_from([path for _, path in routes(both, "kucoin")]))
    path = data.draw(path_of(canonical) | fuzzing.targets.map(lambda text: f"/{text}"))
    method = data.draw(fuzzing.methods)
    query, body = data.draw(fuzzing.targets), data.draw(st.binary(max_size=80))
    names = st.sampled_from(
        [
            "KC-API-KEY", "KC-API-SIGN", "KC-API-TIMESTAMP", "KC-API-PASSPHRASE",
            "KC-API-KEY-VERSION", "Content-Type", "X-SITE-TYPE",
        ]
    )  # fmt: skip
    headers = data.draw(st.dictionaries(names, fuzzing.header_values, max_size=6))
    with no_faults():
        check_kucoin(await http["kucoin"].call(method, f"{path}?{query}", headers, body))
        good = await http["kucoin"].call("GET", "/api/v1/timestamp", {})
    assert good.json()["code"] == "200000"
