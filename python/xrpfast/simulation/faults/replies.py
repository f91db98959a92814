"""What a rule's `reply` says in each venue's own envelope."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import orjson


def rest(venue: str, params: Mapping[str, Any]) -> tuple[int, bytes, str, dict[str, str]]:
    """Status, body, content type and headers of an HTTP answer."""
    status = params.get("status", 200 if venue == "kucoin" else 400)
    headers = {str(name): str(value) for name, value in params.get("headers", {}).items()}
    if "body" in params:
        kind = params.get("content_type", "text/html")
        return status, params["body"].encode(), kind, headers
    body = _error(venue, params)
    if "data" in params:
        body["data"] = params["data"]
    return status, orjson.dumps(body), "application/json", headers


def ws(venue: str, request: Mapping[str, Any], params: Mapping[str, Any]) -> bytes:
    """The frame that answers ``request``."""
    if "body" in params:
        return str(params["body"]).encode()
    error = _error(venue, params)
    if "data" in params:
        error["data"] = params["data"]
    if venue == "binance":
        reply = {"id": request.get("id"), "status": params.get("status", 400), "error": error}
    else:
        now = time.time_ns() // 1_000_000
        reply = {
            "id": request.get("id"), "op": request.get("op"), **error, "inTime": now,
            "outTime": now,
        }  # fmt: skip
    return orjson.dumps(reply)


def _error(venue: str, params: Mapping[str, Any]) -> dict[str, Any]:
    code = params.get("code", -1000 if venue == "binance" else "500000")
    text = params.get("msg", "An unknown error occurred while processing the request.")
    return {"code": code if venue == "binance" else str(code), "msg": text}
