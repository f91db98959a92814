"""Encoders: every field comes from the approval, and the signature is the venue's."""

from __future__ import annotations

import hashlib
import hmac
import json
from decimal import Decimal
from typing import Any

import pytest

from xrpfast._core import BinanceEncoder, KucoinEncoder, OutOfRange, RiskGate, Signer

WALL = 1_790_000_000_123_456_789
WALL_MS = 1_790_000_000_123
KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
SIDES = ["BUY", "SELL"]
TIFS = ["GTC", "IOC", "FOK"]

CASES = [
    # price, decimals, quantity, decimals, texts
    (21234, 4, 250, 1, "2.1234", "25"),
    (241370, 5, 250000, 4, "2.4137", "25"),
    (1, 10, 1, 8, "0.0000000001", "0.00000001"),
    (2, 0, 123456789012, 0, "2", "123456789012"),
    (2**63 - 1, 18, 2**63 - 1, 0, "9.223372036854775807", "9223372036854775807"),
    (100, 2, 1000, 3, "1", "1"),
]


@pytest.fixture
def gate() -> RiskGate:
    return RiskGate(1_000)


def venue_signature(params: dict[str, Any]) -> str:
    """Signs as the venue documents it, with nothing of the project."""
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
    return hmac.new(SECRET, payload.encode(), hashlib.sha256).hexdigest()


def strict(raw: bytes) -> Any:
    """Parses, refusing a key that stands twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in pairs}) == len(pairs)
        return dict(pairs)

    return json.loads(raw, object_pairs_hook=unique)


@pytest.mark.parametrize(("price", "pd", "qty", "qd", "price_text", "qty_text"), CASES)
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("tif", [0, 1, 2])
@pytest.mark.parametrize("stp", [None, "EXPIRE_MAKER"])
def test_binance_order(
    gate: RiskGate,
    price: int,
    pd: int,
    qty: int,
    qd: int,
    price_text: str,
    qty_text: str,
    side: int,
    tif: int,
    stp: str | None,
) -> None:
    encoder = BinanceEncoder(gate, Signer(SECRET), KEY, 2000, self_trade_prevention=stp)
    for turn in range(2):  # the second time from a buffer that was used
        client_id = f"xdABCD1-{turn}a"
        approved = gate.approve(
            "binance", "XRPUSDT", side, 0, tif, price, pd, qty, qd, client_id, 5
        )
        request = strict(encoder.encode(approved, 17 + turn, 5, WALL))
        params = request.pop("params")
        assert request == {"id": 17 + turn, "method": "order.place"}
        assert params.pop("signature") == venue_signature(params)
        expected = {
            "apiKey": KEY,
            "newClientOrderId": client_id,
            "newOrderRespType": "ACK",
            "price": price_text,
            "quantity": qty_text,
            "recvWindow": 2000,
            "side": SIDES[side],
            "symbol": "XRPUSDT",
            "timeInForce": TIFS[tif],
            "timestamp": WALL_MS,
            "type": "LIMIT",
        }
        if stp is not None:
            expected["selfTradePreventionMode"] = stp
        assert params == expected
        assert Decimal(params["price"]) == Decimal(price).scaleb(-pd)
        assert Decimal(params["quantity"]) == Decimal(qty).scaleb(-qd)


def test_binance_cancel(gate: RiskGate) -> None:
    encoder = BinanceEncoder(gate, Signer(SECRET), KEY, 1500)
    request = strict(encoder.cancel("XRPUSDT", "xdABCD1-7a", 4, WALL))
    params = request.pop("params")
    assert request == {"id": 4, "method": "order.cancel"}
    assert params.pop("signature") == venue_signature(params)
    assert params == {
        "apiKey": KEY,
        "origClientOrderId": "xdABCD1-7a",
        "recvWindow": 1500,
        "symbol": "XRPUSDT",
        "timestamp": WALL_MS,
    }


@pytest.mark.parametrize(("price", "pd", "qty", "qd", "price_text", "qty_text"), CASES)
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("tif", [0, 1, 2])
def test_kucoin_order(
    gate: RiskGate,
    price: int,
    pd: int,
    qty: int,
    qd: int,
    price_text: str,
    qty_text: str,
    side: int,
    tif: int,
) -> None:
    encoder = KucoinEncoder(gate)
    for turn in range(2):
        client_id = f"xdABCD1-{turn}b"
        approved = gate.approve(
            "kucoin", "XRP-USDT", side, 0, tif, price, pd, qty, qd, client_id, 5
        )
        assert strict(encoder.encode(approved, turn, 5, WALL)) == {
            "id": str(turn),
            "op": "spot.order",
            "args": {
                "clientOid": client_id,
                "symbol": "XRP-USDT",
                "side": SIDES[side].lower(),
                "type": "limit",
                "price": price_text,
                "size": qty_text,
                "timeInForce": TIFS[tif],
            },
        }


def test_kucoin_cancel(gate: RiskGate) -> None:
    assert strict(KucoinEncoder(gate).cancel("XRP-USDT", "xdABCD1-7b", 12, WALL)) == {
        "id": "12",
        "op": "spot.cancel",
        "args": {"clientOid": "xdABCD1-7b", "symbol": "XRP-USDT"},
    }


def test_cancels_refuse_what_could_break_the_frame(gate: RiskGate) -> None:
    binance = BinanceEncoder(gate, Signer(SECRET), KEY, 2000)
    for symbol, client_id in [('X"', "c"), ("X", 'c"'), ("", "c"), ("X", ""), ("X&", "c")]:
        with pytest.raises(OutOfRange):
            binance.cancel(symbol, client_id, 1, WALL)
        with pytest.raises(OutOfRange):
            KucoinEncoder(gate).cancel(symbol, client_id, 1, WALL)


@pytest.mark.parametrize(
    ("key", "window", "stp"),
    [
        ("", 2000, None),
        ('k"', 2000, None),
        ("k&side=SELL", 2000, None),
        (KEY, 0, None),
        (KEY, -1, None),
        (KEY, 60_001, None),
        (KEY, 2**40, None),
        (KEY, 2000, "SOMETIMES"),
    ],
)
def test_settings_are_checked(gate: RiskGate, key: str, window: int, stp: str | None) -> None:
    with pytest.raises(OutOfRange):
        BinanceEncoder(gate, Signer(SECRET), key, window, self_trade_prevention=stp)


def test_a_bad_call_consumes_nothing(gate: RiskGate) -> None:
    encoder = BinanceEncoder(gate, Signer(SECRET), KEY, 2000)
    approved = gate.approve("binance", "XRPUSDT", 0, 0, 1, 1, 0, 1, 0, "c-1", 5)
    with pytest.raises(OutOfRange):
        encoder.encode(approved, 1, 5, 0)
    with pytest.raises(OverflowError):
        encoder.encode(approved, -1, 5, WALL)
    assert not approved.used
    assert encoder.encode(approved, 1, 5, WALL)


@pytest.mark.parametrize("mode", ["CN", "CO", "CB", "DC"])
def test_kucoin_orders_carry_self_trade_prevention(gate: RiskGate, mode: str) -> None:
    encoder = KucoinEncoder(gate, self_trade_prevention=mode)
    for turn in range(2):
        approved = gate.approve("kucoin", "XRP-USDT", 0, 0, 1, 1, 0, 1, 0, f"c-{turn}", 5)
        assert strict(encoder.encode(approved, turn, 5, WALL))["args"]["stp"] == mode
    with pytest.raises(OutOfRange):
        KucoinEncoder(gate, self_trade_prevention="EXPIRE_TAKER")
