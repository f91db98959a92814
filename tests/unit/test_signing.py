"""Signer: the venues' own vectors, and a secret that cannot be read back."""

from __future__ import annotations

import base64
import copy
import gc
import hashlib
import hmac
import json
import pickle
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from xrpfast._core import OutOfRange, Signer

VECTORS = Path(__file__).parent.parent / "data" / "vectors"
BINANCE = json.loads((VECTORS / "binance_signing.json").read_text())["hmac"]
KUCOIN = json.loads((VECTORS / "kucoin_signing.json").read_text())["vectors"]


def of_kind(kind: str) -> list[dict[str, Any]]:
    vectors = [vector for vector in KUCOIN if vector["kind"] == kind]
    assert vectors, f"no vector of kind {kind}"
    return vectors


def ids(vector: dict[str, Any]) -> str:
    return str(vector["id"])


@pytest.mark.parametrize("vector", BINANCE["vectors"], ids=ids)
def test_binance_hmac(vector: dict[str, Any]) -> None:
    signer = Signer(BINANCE["secretKey"].encode())
    assert signer.hex(vector["payload"]) == vector["signature"]
    assert signer.hex(vector["payload"].encode()) == vector["signature"]
    if vector["api"] == "WS-API":
        params = vector["params"]
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        assert signer.hex(payload) == vector["signature"]


@pytest.mark.parametrize("vector", of_kind("rest"), ids=ids)
def test_kucoin_rest(vector: dict[str, Any]) -> None:
    signer = Signer(vector["secret"].encode())
    query = "?" + vector["query_unencoded"] if vector["query_unencoded"] else ""
    prehash = vector["timestamp"] + vector["method"] + vector["path"] + query + vector["body"]
    assert prehash == vector["prehash"]
    headers = vector["headers"]
    assert signer.base64(prehash) == headers["KC-API-SIGN"]
    assert signer.base64(vector["passphrase"]) == headers["KC-API-PASSPHRASE"]


@pytest.mark.parametrize("vector", of_kind("raw_hmac"), ids=ids)
def test_kucoin_raw(vector: dict[str, Any]) -> None:
    signer = Signer(vector["secret"].encode())
    assert signer.base64(vector["message"]) == vector["expected_base64"]


@pytest.mark.parametrize("vector", of_kind("wsapi_url"), ids=ids)
def test_kucoin_order_entry_url(vector: dict[str, Any]) -> None:
    signer = Signer(vector["secret"].encode())
    sign = signer.base64(vector["key"] + vector["timestamp"])
    passphrase = signer.base64(vector["passphrase"])
    assert (sign, passphrase) == (vector["sign_base64"], vector["passphrase_base64"])
    assert f"sign={quote(sign, safe='')}&passphrase={quote(passphrase, safe='')}" in vector["url"]


@pytest.mark.parametrize("vector", of_kind("wsapi_session"), ids=ids)
def test_kucoin_session_challenge(vector: dict[str, Any]) -> None:
    signer = Signer(vector["secret"].encode())
    assert signer.base64(vector["server_text"]) == vector["reply_text"]


@pytest.mark.parametrize("vector", of_kind("negative"), ids=ids)
def test_kucoin_negative(vector: dict[str, Any]) -> None:
    signer = Signer(vector["secret"].encode())
    query = "?" + vector["query"] if "query" in vector else ""
    prehash = (
        vector["timestamp"] + vector["method"] + vector["path"] + query + vector.get("body", "")
    )
    assert signer.base64(prehash) == vector["right_sign"]
    wrong = (
        prehash.replace(vector["method"], vector["method"].lower())
        if "lowercase" in vector["id"]
        else prehash.replace("?", "")
    )
    assert signer.base64(wrong) == vector["wrong_sign"]


def test_every_vector_kind_is_tested() -> None:
    kinds = {"rest", "raw_hmac", "wsapi_url", "wsapi_session", "negative"}
    assert {vector["kind"] for vector in KUCOIN} == kinds


@pytest.mark.parametrize("length", [1, 31, 32, 63, 64, 65, 131, 500])
def test_equals_the_standard_library(length: int) -> None:
    secret = bytes(range(256))[:length] * (1 if length < 256 else 2)
    signer = Signer(secret)
    for size in (0, 1, 55, 56, 63, 64, 65, 119, 120, 1000):
        message = b"m" * size
        digest = hmac.new(secret, message, hashlib.sha256).digest()
        assert signer.hex(message) == digest.hex()
        assert signer.base64(message) == base64.b64encode(digest).decode()


def test_bytearray_is_zeroed() -> None:
    secret = bytearray(b"a-very-secret-secret")
    signer = Signer(secret)
    assert secret == bytearray(len(b"a-very-secret-secret"))
    assert signer.hex("x") == Signer(b"a-very-secret-secret").hex("x")


def test_shows_nothing() -> None:
    signer = Signer(b"a-very-secret-secret")
    assert repr(signer) == str(signer) == f"{signer}" == "Signer(hmac-sha256, redacted)"
    for name in dir(signer):
        assert "a-very-secret" not in repr(getattr(signer, name))
    assert not hasattr(signer, "__dict__")
    assert not gc.get_referents(signer) or gc.get_referents(signer) == [Signer]


@pytest.mark.parametrize(
    "leak",
    [
        copy.copy,
        copy.deepcopy,
        *(lambda it, p=p: pickle.dumps(it, p) for p in range(pickle.HIGHEST_PROTOCOL + 1)),
        lambda it: memoryview(it),
        lambda it: bytes(it),
        lambda it: vars(it),
        lambda it: setattr(it, "secret", b"x"),
        lambda it: type("Sub", (type(it),), {}),
    ],
)
def test_cannot_be_copied_or_changed(leak: Any) -> None:
    with pytest.raises((TypeError, AttributeError)):
        leak(Signer(b"secret"))


def test_bad_input() -> None:
    with pytest.raises(OutOfRange):
        Signer(b"")
    with pytest.raises(OutOfRange):
        Signer(bytearray())
    with pytest.raises(TypeError) as caught:
        Signer("a-very-secret-secret")  # type: ignore[arg-type]
    assert "a-very-secret" not in str(caught.value)
    with pytest.raises(TypeError):
        Signer(b"s").hex(7)  # type: ignore[arg-type]
