"""The venue's own SDK, pointed at a mock: nothing but its endpoint and keys is set."""

from __future__ import annotations

import gc
import json
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from kucoin_universal_sdk.api import DefaultClient
from kucoin_universal_sdk.generate.account.account.api_account import AccountAPI
from kucoin_universal_sdk.generate.account.fee.api_fee import FeeAPI
from kucoin_universal_sdk.generate.spot.market.api_market import MarketAPI
from kucoin_universal_sdk.generate.spot.order.api_order import OrderAPI
from kucoin_universal_sdk.model import (
    ClientOptionBuilder,
    Interceptor,
    TransportOptionBuilder,
    WebSocketClientOptionBuilder,
    WebSocketEvent,
)

from support.kucoin_mock import client_oid
from support.proof import Client, Proof

SYMBOL = "XRP-USDT"
_POINTED = "`ClientOptionBuilder().set_spot_endpoint(…)`"
REST = Client("KuCoin", "kucoin-universal-sdk", "REST", _POINTED)
PUBLIC = Client(
    "KuCoin",
    "kucoin-universal-sdk",
    "public WebSocket",
    f"{_POINTED}; the token that it fetches there names the socket; "
    "`with_reconnect_interval(0)` for 5 s, to be quick",
)
PRIVATE = Client(
    "KuCoin",
    "kucoin-universal-sdk",
    "private WebSocket",
    f"{_POINTED}; the token that it fetches there names the socket",
)
Prove = Callable[[str, Any, Mapping[str, Any]], None]
"""The name of a call, its reply, and what its fields have to be."""


class Sdk:
    """The parts of one SDK client that a spot trader uses."""

    def __init__(
        self,
        line: Mapping[str, Any],
        *,
        interceptors: Sequence[Interceptor] = (),
        told: Callable[[WebSocketEvent, str, str], None] | None = None,
        **changes: str,
    ) -> None:
        transport = TransportOptionBuilder().set_interceptors(list(interceptors)).build()
        # By its defaults it waits 5 s before it connects anew.
        sockets = (
            WebSocketClientOptionBuilder()
            .with_event_callback(told)
            .with_reconnect_interval(0)
            .build()
        )
        keys = {
            "api_key": line["api_key"],
            "api_secret": line["api_secret"],
            "passphrase": line["passphrase"],
        } | changes
        option = (
            ClientOptionBuilder()
            .set_key(keys["api_key"])
            .set_secret(keys["api_secret"])
            .set_passphrase(keys["passphrase"])
            .set_spot_endpoint(line["rest_url"])
            .set_transport_option(transport)
            .set_websocket_client_option(sockets)
            .build()
        )
        client = DefaultClient(option)
        rest = client.rest_service()
        self.market: MarketAPI = rest.get_spot_service().get_market_api()
        self.order: OrderAPI = rest.get_spot_service().get_order_api()
        self.account: AccountAPI = rest.get_account_service().get_account_api()
        self.fee: FeeAPI = rest.get_account_service().get_fee_api()
        self.sockets = client.ws_service()


def settle() -> None:
    """Lets the SDK's reader get back to waiting: closed under its hands, it wakes after 10 s only.
    A matter of the tests' time; they pass without it."""
    time.sleep(0.05)


def collect_lost_sockets() -> None:
    """The SDK leaves sockets that it lost, and those of its tokens, to the collector: collects them
    here, where Python's word on that is about nothing of ours."""
    for thread in threading.enumerate():
        if thread.name.startswith("kucoin-uta"):
            thread.join(1)  # one that was not cut waits up to 10 s, and holds nothing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def wire(reply: Any) -> Any:
    """A reply as the SDK read it, under the names of the venue."""
    return json.loads(reply.to_json())


def proven(proof: Proof) -> Prove:
    """Records what the SDK read over REST."""

    def prove(call: str, reply: Any, expected: Mapping[str, Any]) -> None:
        proof.check(REST, call, wire(reply), expected)

    return prove


def by_id(placed: Any) -> dict[str, str]:
    """Names an order that was placed."""
    return {"symbol": SYMBOL, "order_id": placed.order_id}


def by_client_oid(placed: Any) -> dict[str, str]:
    return {"symbol": SYMBOL, "client_oid": placed.client_oid}


def limit(side: str, price: Decimal, size: Decimal | int | str = 10, **more: Any) -> dict[str, Any]:
    return {
        "client_oid": client_oid(),
        "symbol": SYMBOL,
        "side": side,
        "type": "limit",
        "price": str(price),
        "size": str(size),
    } | more


def market(side: str, **size: str) -> dict[str, Any]:
    return {"client_oid": client_oid(), "symbol": SYMBOL, "side": side, "type": "market"} | size
