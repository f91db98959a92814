"""The session of order entry, by the one client that has it: the venue's own SDK.

Its address is fixed, so it is met at that address: by a proxy, of which its socket library learns
from the environment. What it then sends is for unified accounts, which the mock's customer is not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kucoin_universal_sdk.generate.uta.privatews import UtaPrivateTradeWS

from support.expect import positive, some
from support.kucoin_mock import KucoinMock, client_oid
from support.kucoin_sdk import SYMBOL, Sdk, collect_lost_sockets
from support.proof import Client, Proof
from support.tls_gateway import Gateway, proxied

HOST = "wsapi.kucoin.com"
ENTRY = Client(
    "KuCoin",
    "kucoin-universal-sdk",
    "order-entry WebSocket",
    "nothing of its own, as its address is fixed: a proxy of this machine, of which `https_proxy` "
    "and `WEBSOCKET_CLIENT_CA_BUNDLE` in the environment tell it",
)


@pytest.fixture
def gateway(
    kucoin: KucoinMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Gateway]:
    port = int(kucoin.line["order_url"].split(":")[2].split("/")[0])
    with proxied(HOST, port, tmp_path, monkeypatch) as running:
        yield running
        collect_lost_sockets()


def entry(kucoin: KucoinMock, **changes: str) -> UtaPrivateTradeWS:
    return Sdk(kucoin.line, **changes).sockets.new_uta_private_trade_ws()


def order() -> dict[str, Any]:
    return {
        "clientOid": client_oid(),
        "tradeType": "SPOT",
        "symbol": SYMBOL,
        "side": "BUY",
        "orderType": "LIMIT",
        "price": "2.1",
        "size": "10",
        "sizeUnit": "BASECCY",
    }


def test_the_session(kucoin: KucoinMock, gateway: Gateway, proof: Proof) -> None:
    """The SDK signs the venue's challenge and waits for the welcome, or `start` raises."""
    service = entry(kucoin)
    service.start()
    try:
        sessions = kucoin.on_venue(lambda: len(kucoin.face.order_entry.sessions))
        proof.check(
            ENTRY,
            "start: signed URL, signed challenge, welcome",
            {"asked for": gateway.asked[0], "sessions": sessions},
            {"asked for": f"CONNECT {HOST}:443 HTTP/1.1", "sessions": 1},
        )
        for call, send in (
            ("place_order", lambda: service.place_order(order())),
            ("cancel_order", lambda: service.cancel_order({"clientOid": "never"})),
            ("amend_order", lambda: service.amend_order({"clientOid": "never", "newSize": "1"})),
        ):
            with pytest.raises(RuntimeError) as caught:
                send()
            proof.check(
                ENTRY,
                f"{call}, refused to a classic account",
                json.loads(str(caught.value.__cause__)),
                {
                    "code": "112010",
                    "msg": some,
                    "id": some,
                    "op": f"uta.{call.removesuffix('_order').replace('place', 'order')}",
                    "inTime": positive,
                    "outTime": positive,
                },
            )
    finally:
        service.stop()


@pytest.mark.parametrize(
    ("what", "changes"),
    [("wrong secret", {"api_secret": "x" * 36}), ("unknown key", {"api_key": "0" * 24})],
)
def test_a_session_that_is_refused(
    kucoin: KucoinMock, gateway: Gateway, proof: Proof, what: str, changes: dict[str, str]
) -> None:
    service = entry(kucoin, **changes)
    with proof.raises(ENTRY, f"start, {what}", RuntimeError, "WebSocket connection failed"):
        service.start()
    service.stop()
    assert kucoin.on_venue(lambda: len(kucoin.face.order_entry.sessions)) == 0


def test_classic_orders_have_no_call(kucoin: KucoinMock, proof: Proof) -> None:
    calls = {name for name in vars(UtaPrivateTradeWS) if name.islower() and name[0] != "_"}
    proof.cannot(
        ENTRY,
        "spot.order, spot.cancel and their like",
        "the SDK sends operations of unified accounts only",
        because=calls == {"start", "stop", "place_order", "cancel_order", "amend_order"},
    )
