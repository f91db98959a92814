"""Signatures, clocks, keys and tokens of the mock KuCoin, against published vectors."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import urlencode

import pytest

from xrpfast.simulation.kucoin.auth import ApiKey, KeyRing, TokenStore, same, sign
from xrpfast.simulation.kucoin.errors import Refused

KEY = "66f0c0ffee0000000000abcd"
SECRET = "00000000-1111-2222-3333-444444444444"
PASSPHRASE = "xrp-engine-Test1"
NOW = 1_760_000_000_000
PASSPHRASE_SIGN = "QC5vfh8kNjcYC9c/TFLWKR4yZlprmgv1oXbdUicmSjU="


def ring(**changes: object) -> KeyRing[str]:
    keys: KeyRing[str] = KeyRing()
    fields: dict[str, object] = {"account": "account", **changes}
    keys.add(ApiKey(KEY, SECRET, PASSPHRASE, **fields))  # type: ignore[arg-type]
    return keys


def headers(signature: str, **changes: str) -> dict[str, str]:
    return {
        "KC-API-KEY": KEY,
        "KC-API-SIGN": signature,
        "KC-API-TIMESTAMP": str(NOW),
        "KC-API-PASSPHRASE": PASSPHRASE_SIGN,
        "KC-API-KEY-VERSION": "3",
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }


def refusal(keys: KeyRing[str], *args: object) -> str:
    with pytest.raises(Refused) as caught:
        keys.check_rest(*args)  # type: ignore[arg-type]
    assert caught.value.http == 401
    return caught.value.code


def test_published_hmac() -> None:
    assert sign("test_api_secret", "test_plain") == "jie/gxS38wLFFaBwl/cAzFbAzlI8MIny96jSXrB+iP4="


def test_published_rest_signature_of_a_body() -> None:
    prehash = '1547015186532POST/api/v1/deposit-addresses{"currency":"BTC"}'
    expected = "7QP/oM0ykidMdrfNEUmng8eZjg/ZvPafjIqmxiVfYu4="
    assert sign("f03a5284-5c39-4aaa-9b20-dea10bdcf8e3", prehash) == expected


@pytest.mark.parametrize(
    ("method", "path", "query", "signature"),
    [
        (
            "GET",
            "/api/v1/accounts",
            "currency=XRP&type=trade",
            "yiHVuWpnaeHvCJv/fxcg+fVUkuegRxeD3GvguO8so6Q=",
        ),
        (
            "DELETE",
            "/api/v1/hf/orders/client-order/xe-000001",
            "symbol=XRP-USDT",
            "Z/iyklWHCT0vMEGj/HP4xEFXhh4ajyZzGmcHMhNo4I8=",
        ),
    ],
)
def test_rest_vectors_pass(method: str, path: str, query: str, signature: str) -> None:
    key = ring().check_rest(headers(signature), method, path, query, b"", NOW)
    assert key.account == "account"


def test_query_is_signed_before_percent_encoding() -> None:
    plain = "apiKey=67b3&passphrase=abc!@#11"
    signature = sign(SECRET, f"{NOW}GET/api/v1/sub/api-key?{plain}")
    wire = "apiKey=67b3&passphrase=abc%21%40%2311"
    ring().check_rest(headers(signature), "GET", "/api/v1/sub/api-key", wire, b"", NOW)
    encoded = sign(SECRET, f"{NOW}GET/api/v1/sub/api-key?{wire}")
    assert (
        refusal(ring(), headers(encoded), "GET", "/api/v1/sub/api-key", wire, b"", NOW) == "400005"
    )


def test_each_header_is_required() -> None:
    good = sign(SECRET, f"{NOW}GET/p")
    for name in ("KC-API-KEY", "KC-API-SIGN", "KC-API-TIMESTAMP", "KC-API-PASSPHRASE"):
        partial = headers(good)
        del partial[name]
        assert refusal(ring(), partial, "GET", "/p", "", b"", NOW) == "400001"


@pytest.mark.parametrize("skew", [5_000, -5_000, 60_000])
def test_clock_five_seconds_off_is_refused(skew: int) -> None:
    good = headers(sign(SECRET, f"{NOW}GET/p"))
    assert refusal(ring(), good, "GET", "/p", "", b"", NOW + skew) == "400002"


@pytest.mark.parametrize("skew", [0, 4_999, -4_999])
def test_clock_within_five_seconds_passes(skew: int) -> None:
    ring().check_rest(headers(sign(SECRET, f"{NOW}GET/p")), "GET", "/p", "", b"", NOW + skew)


@pytest.mark.parametrize("stamp", ["x", "-1", "١٢٣", "9" * 40, "1.5"])
def test_timestamp_that_is_none(stamp: str) -> None:
    bad = headers("s", KC_API_TIMESTAMP=stamp)
    assert refusal(ring(), bad, "GET", "/p", "", b"", NOW) == "400002"


def test_wrong_key_passphrase_version_and_signature() -> None:
    good = sign(SECRET, f"{NOW}GET/p")
    cases = {
        "400003": headers(good, KC_API_KEY="nobody"),
        "400004": headers(good, KC_API_PASSPHRASE=PASSPHRASE),
        "400009": headers(good, KC_API_KEY_VERSION="7"),
        "400005": headers(sign(SECRET, f"{NOW}get/p")),
    }
    for code, given in cases.items():
        assert refusal(ring(), given, "GET", "/p", "", b"", NOW) == code
    version1 = headers(good, KC_API_KEY_VERSION="1")
    assert refusal(ring(), version1, "GET", "/p", "", b"", NOW) == "400004"
    ring().check_rest(headers(good, KC_API_KEY_VERSION="2"), "GET", "/p", "", b"", NOW)


def test_body_is_signed_as_raw_bytes() -> None:
    body = b'{"a": 1}'
    good = headers(sign(SECRET, f"{NOW}POST/p".encode() + body))
    ring().check_rest(good, "POST", "/p", "", body, NOW)
    assert refusal(ring(), good, "POST", "/p", "", b'{"a":1}', NOW) == "400005"


def test_address_outside_the_whitelist() -> None:
    good = headers(sign(SECRET, f"{NOW}GET/p"))
    keys = ring(ip_whitelist="203.0.113.7")
    assert refusal(keys, good, "GET", "/p", "", b"", NOW, "127.0.0.1") == "400006"
    keys.check_rest(good, "GET", "/p", "", b"", NOW, "203.0.113.7")


def test_permission_missing() -> None:
    key = ApiKey(KEY, SECRET, PASSPHRASE, "account", permissions=("General",))
    key.require("General")
    with pytest.raises(Refused) as caught:
        key.require("Spot")
    assert caught.value.code == "400007"


def test_order_entry_url_vector() -> None:
    query = (
        "apikey=66f0c0ffee0000000000abcd&sign=Fee%2FxXB8vwweIQlACh6joOHluMcpEpTegldlHCyIrVg%3D"
        "&passphrase=QC5vfh8kNjcYC9c%2FTFLWKR4yZlprmgv1oXbdUicmSjU%3D&timestamp=1760000000000"
    )
    assert ring().check_order_entry(query, NOW).key == KEY


def entry_query(**changes: str) -> str:
    fields = {
        "apikey": KEY,
        "sign": sign(SECRET, f"{KEY}{NOW}"),
        "passphrase": PASSPHRASE_SIGN,
        "timestamp": str(NOW),
        **changes,
    }
    return urlencode({name: value for name, value in fields.items() if value})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sign": ""}, "400001"),
        ({"timestamp": str(NOW - 6_000)}, "400002"),
        ({"apikey": "nobody"}, "400003"),
        ({"passphrase": PASSPHRASE}, "400004"),
        ({"sign": "AAAA"}, "400005"),
    ],
)
def test_order_entry_url_refusals(changes: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as caught:
        ring().check_order_entry(entry_query(**changes), NOW)
    assert caught.value.code == code


def test_order_entry_takes_version_3_keys_only() -> None:
    with pytest.raises(Refused) as caught:
        ring(version=2).check_order_entry(entry_query(), NOW)
    assert caught.value.code == "400008"


def test_session_challenge_vector() -> None:
    text = '{"sessionId":"92f2aec4-d87e-47cc-917d-4e7c93911bdc", "timestamp": 1742175983882}'
    assert sign(SECRET, text) == "HiCdNywMYLfPW9E+p8G8qPlzrE9bMdTrNmssWho3k90="


def test_same_takes_any_text() -> None:
    assert same("äöü", "äöü")
    assert not same("a", "ä")
    assert not same("\udcff", "x")


def test_token_lives_a_day_and_says_whose_it_is() -> None:
    store: TokenStore[str] = TokenStore()
    public, private = store.issue(None, NOW), store.issue("me", NOW)
    assert public.text != private.text
    assert store.check(public.text, NOW + 1) == public
    found = store.check(private.text, NOW + 86_399_999)
    assert found is not None
    assert found.account == "me"
    assert store.check(private.text, NOW + 86_400_000) is None
    assert store.check("forged", NOW) is None
    store.expire_all()
    assert store.check(private.text, NOW) is None


def test_token_store_stays_bounded() -> None:
    store: TokenStore[str] = TokenStore()
    last = [store.issue(None, NOW) for _ in range(6_000)][-1]
    assert len(store._tokens) <= 4096
    assert store.check(last.text, NOW) == last


def test_secret_never_shows() -> None:
    key = ApiKey(KEY, SECRET, PASSPHRASE, "account")
    assert SECRET not in repr(key)
    assert PASSPHRASE not in repr(key)
    digest = hmac.new(SECRET.encode(), PASSPHRASE.encode(), hashlib.sha256).digest()
    assert key.passphrase_sign == base64.b64encode(digest).decode()
