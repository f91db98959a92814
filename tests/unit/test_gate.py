"""RiskGate and Approved: no way to an approval but the gate, and no second use of one."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import pytest

from xrpfast import _core
from xrpfast._core import (
    ApprovalError,
    Approved,
    BinanceEncoder,
    KucoinEncoder,
    OutOfRange,
    RiskGate,
    Signer,
)

WALL = 1_790_000_000_000_000_000
TTL = 1_000_000

ORDER: dict[str, Any] = {
    "venue": "binance",
    "venue_symbol": "XRPUSDT",
    "side": 0,
    "order_type": 0,
    "tif": 1,
    "price": 21234,
    "price_decimals": 4,
    "qty": 250,
    "qty_decimals": 1,
    "client_id": "xdABCD1-7a",
    "now_ns": 100,
}


def approve(gate: RiskGate, **changes: Any) -> Approved:
    return gate.approve(**{**ORDER, **changes})


@pytest.fixture
def gate() -> RiskGate:
    return RiskGate(TTL)


def rebuilt(recipe: Any) -> Any:
    """What unpickling does with a `__reduce__` recipe."""
    return recipe[0](*recipe[1])


def binance(gate: RiskGate) -> BinanceEncoder:
    return BinanceEncoder(gate, Signer(b"secret"), "key", 2000)


def test_fields(gate: RiskGate) -> None:
    approved = approve(gate)
    for name, value in ORDER.items():
        if name != "now_ns":
            assert getattr(approved, name) == value
    assert approved.expires_ns == 100 + TTL
    assert approved.used is False
    assert "xdABCD1-7a" in repr(approved)
    assert "2.1234" in repr(approved)


@pytest.mark.parametrize(
    "change",
    [
        {"price": 0},
        {"price": -1},
        {"price": 2**63},
        {"qty": 0},
        {"qty": -5},
        {"qty": -(2**70)},
        {"side": 2},
        {"side": -1},
        {"order_type": 1},
        {"tif": 3},
        {"price_decimals": 19},
        {"price_decimals": -1},
        {"qty_decimals": 300},
        {"client_id": ""},
        {"client_id": "a" * 25},
        {"client_id": "a_b"},
        {"client_id": 'a"b'},
        {"client_id": "ä"},
        {"client_id": "a b"},
        {"venue_symbol": ""},
        {"venue_symbol": 'XRP"'},
        {"venue_symbol": "XRP\\"},
        {"venue_symbol": "XRP\n"},
        {"venue_symbol": "XRP&side=SELL"},
        {"venue_symbol": "X" * 33},
        {"venue": ""},
        {"venue": "Binance"},
        {"now_ns": 2**63 - 1},
    ],
    ids=str,
)
def test_bad_field_is_refused(gate: RiskGate, change: dict[str, Any]) -> None:
    with pytest.raises(OutOfRange):
        approve(gate, **change)


@pytest.mark.parametrize("change", [{"price": 1.5}, {"side": "BUY"}, {"venue": None}], ids=str)
def test_wrong_type_is_refused(gate: RiskGate, change: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        approve(gate, **change)


def test_gate_needs_a_life() -> None:
    for ttl in (0, -1, 2**63):
        with pytest.raises(OutOfRange):
            RiskGate(ttl)


NO_CONSTRUCTOR = "cannot create|No constructor defined|not safe"
NO_COPY = "Approved cannot be copied or pickled"


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (lambda approved: Approved(), NO_CONSTRUCTOR),
        (lambda approved: Approved(**{k: v for k, v in ORDER.items() if k != "now_ns"}),
         NO_CONSTRUCTOR),
        (lambda approved: Approved.__new__(Approved), NO_CONSTRUCTOR),
        (lambda approved: object.__new__(Approved), NO_CONSTRUCTOR),
        (lambda approved: type(approved)(approved), NO_CONSTRUCTOR),
        (copy.copy, NO_COPY),
        (copy.deepcopy, NO_COPY),
        (lambda approved: copy.deepcopy([approved]), NO_COPY),
        *((lambda approved, p=p: pickle.dumps(approved, p), NO_COPY) for p in range(6)),
        (lambda approved: rebuilt(approved.__reduce__()), NO_CONSTRUCTOR),
        (lambda approved: object.__reduce_ex__(approved, 2), "cannot pickle"),
        (lambda approved: type("Fake", (Approved,), {}), "not an acceptable base type"),
        (lambda approved: setattr(approved, "__class__", bytes), "only supported for|differs"),
    ],
)  # fmt: skip
def test_only_the_gate_makes_one(gate: RiskGate, build: Any, why: str) -> None:
    with pytest.raises(TypeError, match=why):
        build(approve(gate))


@pytest.mark.parametrize("name", [*(n for n in ORDER if n != "now_ns"), "used", "expires_ns", "x"])
def test_frozen(gate: RiskGate, name: str) -> None:
    approved = approve(gate)
    with pytest.raises(AttributeError, match=r"not writable|no attribute"):
        setattr(approved, name, 1)
    with pytest.raises(AttributeError, match=r"not writable|no attribute"):
        object.__setattr__(approved, name, 1)
    with pytest.raises((AttributeError, TypeError), match=r"not writable|no attribute|delete"):
        delattr(approved, name)
    with pytest.raises(TypeError, match="immutable type"):
        setattr(Approved, name, 1)


def test_a_lookalike_is_refused(gate: RiskGate) -> None:
    class Fake:
        venue = "binance"
        used = False

    with pytest.raises(TypeError):
        binance(gate).encode(Fake(), 1, 100, WALL)  # type: ignore[arg-type]
    approved = approve(gate)
    with pytest.raises(TypeError):
        approved.__class__ = Fake  # type: ignore[assignment]


def test_single_use(gate: RiskGate) -> None:
    approved = approve(gate)
    encoder = binance(gate)
    assert encoder.encode(approved, 1, 100, WALL)
    assert approved.used
    for another in (encoder, binance(gate)):
        with pytest.raises(ApprovalError, match="used already"):
            another.encode(approved, 2, 100, WALL)


def test_single_use_across_threads(gate: RiskGate) -> None:
    approved = approve(gate)
    encoders = [binance(gate) for _ in range(8)]
    sent: list[bytes] = []
    barrier = threading.Barrier(len(encoders))

    def send(encoder: BinanceEncoder) -> None:
        barrier.wait()
        try:
            sent.append(encoder.encode(approved, 1, 100, WALL))
        except ApprovalError:
            return

    threads = [threading.Thread(target=send, args=(encoder,)) for encoder in encoders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent) == 1


def test_expiry(gate: RiskGate) -> None:
    encoder = binance(gate)
    late = approve(gate)
    with pytest.raises(ApprovalError, match="expired"):
        encoder.encode(late, 1, 100 + TTL + 1, WALL)
    assert not late.used
    assert encoder.encode(approve(gate), 1, 100 + TTL, WALL)


def test_a_stamp_of_the_past_does_not_revive(gate: RiskGate) -> None:
    approved = approve(gate)
    with pytest.raises(ApprovalError, match="before the time at which it was approved"):
        binance(gate).encode(approved, 1, 99, WALL)
    assert not approved.used


def test_foreign_venue(gate: RiskGate) -> None:
    approved = approve(gate)
    with pytest.raises(ApprovalError, match="not for kucoin"):
        KucoinEncoder(gate).encode(approved, 1, 100, WALL)
    assert not approved.used
    at_kucoin = approve(gate, venue="kucoin", venue_symbol="XRP-USDT")
    with pytest.raises(ApprovalError, match="not for binance"):
        binance(gate).encode(at_kucoin, 1, 100, WALL)
    assert KucoinEncoder(gate).encode(at_kucoin, 1, 100, WALL)


def test_another_gate(gate: RiskGate) -> None:
    other = RiskGate(TTL)
    approved = approve(other)
    with pytest.raises(ApprovalError, match="another gate"):
        binance(gate).encode(approved, 1, 100, WALL)
    assert not approved.used
    assert binance(other).encode(approved, 1, 100, WALL)


def test_a_gate_reborn_is_another(gate: RiskGate) -> None:
    first = RiskGate(TTL)
    approved = approve(first)
    del first
    with pytest.raises(ApprovalError, match="approved by another gate"):
        binance(RiskGate(TTL)).encode(approved, 1, 100, WALL)


@pytest.mark.parametrize("name", ["RiskGate", "BinanceEncoder", "KucoinEncoder"])
def test_gates_and_encoders_cannot_be_copied(gate: RiskGate, name: str) -> None:
    made: Any = {
        "RiskGate": gate,
        "BinanceEncoder": binance(gate),
        "KucoinEncoder": KucoinEncoder(gate),
    }[name]
    for leak in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            leak(made)
    with pytest.raises(TypeError):
        type("Sub", (getattr(_core, name),), {})
    assert "key" not in repr(made)
