"""Journal and encoders under any input: what comes back is what went in."""

from __future__ import annotations

import hashlib
import hmac
import json
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from xrpfast._core import (
    BinanceEncoder,
    Journal,
    JournalError,
    JournalReader,
    KucoinEncoder,
    RiskGate,
    Signer,
)

NANOS = st.integers(-(2**63), 2**63 - 1)
RECORDS = st.lists(
    st.tuples(st.integers(1, 65_535), NANOS, st.binary(max_size=300), st.booleans()),
    min_size=1,
    max_size=30,
)
Kept = list[tuple[int, int, int, bytes]]


def fill(directory: Path, records: list[tuple[int, int, bytes, bool]], size: int) -> Kept:
    journal = Journal.open(directory, segment_bytes=size)
    kept: Kept = []
    for kind, time_ns, payload, at_once in records:
        write = journal.append if at_once else journal.stage
        kept.append((write(kind, time_ns, payload), time_ns, kind, payload))
    journal.close()
    return kept


@settings(max_examples=60, deadline=None)
@given(RECORDS, st.integers(1024, 8192))
def test_journal_gives_back_what_it_took(
    records: list[tuple[int, int, bytes, bool]], size: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = fill(Path(folder), records, size)
        assert list(JournalReader(folder)) == kept
        assert [row[0] for row in kept] == list(range(1, len(kept) + 1))


@settings(max_examples=100, deadline=None)
@given(RECORDS, st.data())
def test_a_damaged_journal_never_gives_a_wrong_record(
    records: list[tuple[int, int, bytes, bool]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = fill(Path(folder), records, 2**20)
        segment = Path(folder) / "00000001.journal"
        raw = bytearray(segment.read_bytes())
        start = data.draw(st.integers(0, len(raw) - 1))
        stop = data.draw(st.integers(start, len(raw)))
        raw[start:stop] = data.draw(st.binary(max_size=100))
        segment.write_bytes(raw)
        found: Kept = []
        try:
            found.extend(JournalReader(folder))
        except JournalError:
            return
        assert found == kept[: len(found)]


ORDERS = st.fixed_dictionaries(
    {
        "venue_symbol": st.from_regex(r"[0-9A-Za-z/._-]{1,32}", fullmatch=True),
        "side": st.integers(0, 1),
        "order_type": st.just(0),
        "tif": st.integers(0, 2),
        "price": st.integers(1, 2**63 - 1),
        "price_decimals": st.integers(0, 18),
        "qty": st.integers(1, 2**63 - 1),
        "qty_decimals": st.integers(0, 18),
        "client_id": st.from_regex(r"[0-9A-Za-z-]{1,24}", fullmatch=True),
    }
)


@given(ORDERS, st.integers(0, 2**64 - 1), st.integers(10**6, 2**63 - 1))
def test_encoders_say_what_was_approved(
    order: dict[str, Any], request_id: int, wall_ns: int
) -> None:
    gate = RiskGate(1)
    price = Decimal(order["price"]).scaleb(-order["price_decimals"])
    qty = Decimal(order["qty"]).scaleb(-order["qty_decimals"])
    tif = ["GTC", "IOC", "FOK"][order["tif"]]
    side = ["BUY", "SELL"][order["side"]]

    approved = gate.approve("binance", now_ns=0, **order)
    encoder = BinanceEncoder(gate, Signer(b"secret"), "key", 500)
    request = json.loads(encoder.encode(approved, request_id, 0, wall_ns))
    params = request["params"]
    signature = params.pop("signature")
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    assert signature == hmac.new(b"secret", payload.encode(), hashlib.sha256).hexdigest()
    assert (request["id"], request["method"]) == (request_id, "order.place")
    assert (Decimal(params["price"]), Decimal(params["quantity"])) == (price, qty)
    assert (params["symbol"], params["newClientOrderId"]) == (
        order["venue_symbol"],
        order["client_id"],
    )
    assert (params["side"], params["timeInForce"]) == (side, tif)
    assert params["timestamp"] == wall_ns // 1_000_000

    approved = gate.approve("kucoin", now_ns=0, **order)
    request = json.loads(KucoinEncoder(gate).encode(approved, request_id, 0, wall_ns))
    args = request["args"]
    assert (request["id"], request["op"]) == (str(request_id), "spot.order")
    assert (Decimal(args["price"]), Decimal(args["size"])) == (price, qty)
    assert (args["symbol"], args["clientOid"]) == (order["venue_symbol"], order["client_id"])
    assert (args["side"].upper(), args["timeInForce"]) == (side, tif)


@given(st.binary(min_size=1, max_size=200), st.binary(max_size=400))
def test_signer_equals_the_standard_library(secret: bytes, message: bytes) -> None:
    expected = hmac.new(secret, message, hashlib.sha256)
    assert Signer(secret).hex(message) == expected.hexdigest()
    zeroed = bytearray(secret)
    assert Signer(zeroed).hex(message) == expected.hexdigest()
    assert zeroed == bytes(len(secret))
