"""Frames and requests of both venues in the words of rules; nothing is judged here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from xrpfast.simulation.faults.occasion import Occasion

_CLIENT_ID_KEYS: Final = ("newClientOrderId", "origClientOrderId", "clientOid", "c", "C")
_BINANCE_MARKET: Final = {
    "depthUpdate": "depth",
    "24hrTicker": "ticker",
    "24hrMiniTicker": "miniTicker",
}


def socket_kind(venue: str, path: str) -> str:
    """stream, sbe, ws_api, push or order_entry."""
    if venue == "binance":
        if path.startswith("/ws-api"):
            return "ws_api"
        return "sbe" if path.startswith("/sbe") else "stream"
    return "order_entry" if path.startswith("/v1/private") else "push"


def load(payload: bytes) -> dict[str, Any] | None:
    """A frame's JSON object, None when it is none."""
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def ws_request(venue: str, kind: str, connection: int, body: Mapping[str, Any]) -> Occasion | None:
    """A client's request over a socket; None for what asks for nothing (a bad frame)."""
    route = body.get("method") or body.get("op") or body.get("type")
    if not isinstance(route, str):
        return None
    params = body.get("params") or body.get("args") or {}
    if not isinstance(params, Mapping):
        params = {}
    return Occasion(
        venue, "ws", route=route.removeprefix("v3/"), client_ids=client_ids(params),
        symbol=str(params.get("symbol", "")), connection=connection, kind=kind,
    )  # fmt: skip


def client_ids(params: Mapping[str, Any]) -> tuple[str, ...]:
    found = (params.get(key) for key in _CLIENT_ID_KEYS)
    return tuple(value for value in found if isinstance(value, str) and value)


def frame(venue: str, kind: str, connection: int, body: Mapping[str, Any] | None) -> Occasion:
    """A frame that the venue sends: market data, a private event, or the socket's own talk."""
    if body is None:  # binary, or damaged already
        return Occasion(venue, "market", stream=kind, connection=connection, kind=kind)
    describe = _binance if venue == "binance" else _kucoin
    channel, stream, data = describe(kind, body)
    symbol = data.get("s") or data.get("symbol") or ""
    return Occasion(
        venue, channel, stream=stream, client_ids=client_ids(data), symbol=str(symbol),
        connection=connection, kind=kind,
    )  # fmt: skip


def _binance(kind: str, body: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    event = body.get("event")
    if isinstance(event, Mapping):
        return "private", str(event.get("e", "")), event
    if isinstance(body.get("data"), Mapping):
        return "market", str(body.get("stream", "")), body["data"]
    if "id" in body or kind == "ws_api":
        return "control", "reply", body
    name, symbol = body.get("e"), str(body.get("s", "")).lower()
    if name is None:
        what = "bookTicker" if "u" in body else "depth20"
    else:
        what = _BINANCE_MARKET.get(str(name), str(name))
    return "market", f"{symbol}@{what}", body


def _kucoin(kind: str, body: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    topic = body.get("topic")
    if not isinstance(topic, str):
        return "control", str(body.get("type") or body.get("op") or body.get("data") or ""), body
    data = body.get("data")
    private = body.get("channelType") == "private" or "userId" in body
    return "private" if private else "market", topic, data if isinstance(data, Mapping) else {}


def is_reply(body: Mapping[str, Any], number: object) -> bool:
    """Whether a frame answers the request of that id."""
    return "id" in body and body["id"] == number and "event" not in body and "topic" not in body
