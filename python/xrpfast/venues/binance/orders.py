"""Binance order entry by the WebSocket API: every request signed by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import orjson

from xrpfast.model import SymbolRules
from xrpfast.net.liveness import require_life
from xrpfast.net.websocket import Connection, connect
from xrpfast.venues.binance.account import order_terms
from xrpfast.venues.binance.errors import MARKET_CLOSED, classify, reply_pause
from xrpfast.venues.binance.public import SILENT_S
from xrpfast.venues.gateway import Encoder, GatewayConnection, OrderGateway, Reply
from xrpfast.venues.outcome import Outcome
from xrpfast.venues.ports import Sink

if TYPE_CHECKING:
    from xrpfast._core import LatencyHistogram
    from xrpfast.net.fuse import Fuse


class BinanceOrders(OrderGateway):
    """``order.place`` and ``order.cancel`` on a socket of their own."""

    venue = "binance"

    def __init__(
        self,
        encoder: Encoder,
        sink: Sink,
        fuse: Fuse,
        acks: LatencyHistogram,
        url: str,
        rules: Mapping[str, SymbolRules],
    ) -> None:
        """``rules``: by the venue's symbol."""
        super().__init__(encoder, sink, fuse, acks)
        self._url = f"{url}{'&' if '?' in url else '?'}returnRateLimits=false"
        self._rules = rules

    async def dial(self) -> Connection:
        connection = await connect(lambda: GatewayConnection("binance orders", self), self._url)
        assert isinstance(connection, GatewayConnection)
        require_life(connection, SILENT_S)
        self.session_up(connection)
        return connection

    def parse(self, payload: bytes) -> Reply | None:
        return parse_reply(payload, self._rules)


def parse_reply(payload: bytes, rules: Mapping[str, SymbolRules]) -> Reply | None:
    """One reply of the WebSocket API; None for an event that asks for nothing."""
    message = orjson.loads(payload)
    if "event" in message:
        if message["event"].get("e") == "serverShutdown":
            return Reply(None, Outcome.RETRY_BACKOFF, "", "serverShutdown", "")
        return None
    request_id = message.get("id")
    if not isinstance(request_id, int):
        request_id = None
    status = message["status"]
    if status == 200:
        result = message["result"]
        # The reply to a cancel has the order's own id elsewhere.
        client_id = result.get("origClientOrderId") or result.get("clientOrderId", "")
        order_id, terms = str(result.get("orderId", "")), order_terms(result, rules)
        return Reply(request_id, Outcome.OK, order_id, "", "", client_id, terms=terms)
    error = message.get("error") or {}
    code, text = error.get("code"), str(error.get("msg", ""))
    outcome = classify(code, text, status, write=True)
    return Reply(
        request_id,
        outcome,
        "",
        str(status if code is None else code),
        text,
        market_closed=text == MARKET_CLOSED,
        pause=reply_pause(status, code, text, error.get("data")),
    )
