"""Binance error codes: what each means for the call that failed, and for all calls after it.

A text can have a meaning of its own: the engine's refusals share few codes and differ by text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from time import time
from typing import Any, Final

from xrpfast.net.fuse import Pause, Reach
from xrpfast.venues.outcome import Outcome
from xrpfast.venues.pauses import short, whole_seconds

_NEVER = Outcome.NEVER_RETRY
_BACKOFF = Outcome.RETRY_BACKOFF
_UNKNOWN = Outcome.UNKNOWN_RECONCILE
_HALT = Outcome.AUTH_HALT
MARKET_CLOSED: Final = "Market is closed."

_KNOWN_NEVER: Final = frozenset(
    {
        -1010,
        -1013,
        -1014,
        -1020,
        -1033,
        -1100,
        -1101,
        -1102,
        -1103,
        -1104,
        -1105,
        -1106,
        -1108,
        -1111,
        -1114,
        -1115,
        -1116,
        -1117,
        -1118,
        -1119,
        -1120,
        -1121,
        -1122,
        -1125,
        -1127,
        -1128,
        -1130,
        -1134,
        -1135,
        -1139,
        -1145,
        -1151,
        -1152,
        -1153,
        -1155,
        -1158,
        -1160,
        -1161,
        -1165,
        -1166,
        -1168,
        -1169,
        -1170,
        -1171,
        -1172,
        -1173,
        -1174,
        -1175,
        -1176,
        -1177,
        -1178,
        -1179,
        -1180,
        -1182,
        -1183,
        -1184,
        -1185,
        -1186,
        -1187,
        -1188,
        -1189,
        -1190,
        -1191,
        -1194,
        -1196,
        -1197,
        -1198,
        -1199,
        -1210,
        -1211,
        -1220,
        -1221,
        -1222,
        -1223,
        -1224,
        -1225,
        -2010,
        -2016,
        -2022,
        -2026,
        -2035,
        -2036,
        -2039,
        -2043,
    }
)
CODES: Final[dict[int, Outcome]] = dict.fromkeys(_KNOWN_NEVER, _NEVER) | {
    -1000: _UNKNOWN,  # UNKNOWN
    -1001: _UNKNOWN,  # DISCONNECTED
    -1002: _HALT,  # UNAUTHORIZED
    -1003: _BACKOFF,  # TOO_MANY_REQUESTS
    -1006: _UNKNOWN,  # UNEXPECTED_RESP
    -1007: _UNKNOWN,  # TIMEOUT
    -1008: _BACKOFF,  # SERVER_BUSY
    -1015: _BACKOFF,  # TOO_MANY_ORDERS
    -1016: _BACKOFF,  # SERVICE_SHUTTING_DOWN
    -1021: Outcome.RETRY_AFTER_TIME_SYNC,  # INVALID_TIMESTAMP
    -1022: _HALT,  # INVALID_SIGNATURE
    -1034: _BACKOFF,  # TOO_MANY_CONNECTIONS
    -1035: _BACKOFF,  # LOGGED_OUT
    -1112: _BACKOFF,  # NO_DEPTH
    -1181: _BACKOFF,  # TOO_MANY_MESSAGES
    -2011: _UNKNOWN,  # CANCEL_REJECTED
    -2013: _UNKNOWN,  # NO_SUCH_ORDER
    -2014: _HALT,  # BAD_API_KEY_FMT
    -2015: _HALT,  # REJECTED_MBX_KEY
    -2021: _UNKNOWN,  # CANCEL_REPLACE_PARTIAL
    -2038: _UNKNOWN,  # ORDER_AMEND_REJECTED
    -2042: _BACKOFF,  # MAXIMUM_SUBSCRIPTION_IDS
}
"""Code -> outcome for a request of any kind; `classify` adds what depends on the request."""

_RETRY_WHEN_READING: Final = frozenset({-1000, -1001, -1006, -1007})

_ACCOUNT_TEXTS: Final = {
    "This action is disabled on this account.": _HALT,
    "This account may not place or cancel orders.": _HALT,
    "This symbol is not permitted for this account.": _HALT,
    "This symbol is restricted for this account.": _HALT,
    "Rest API trading is not enabled.": _HALT,
    "WebSocket API trading is not enabled.": _HALT,
    "FIX API trading is not enabled.": _HALT,
    MARKET_CLOSED: _BACKOFF,
}
_REFUSAL_TEXTS: Final = {**_ACCOUNT_TEXTS, "Duplicate order sent.": _UNKNOWN}
TEXTS: Final[dict[int, dict[str, Outcome]]] = {
    -1010: _REFUSAL_TEXTS,
    -1013: _REFUSAL_TEXTS,
    -2010: _REFUSAL_TEXTS,
    -2011: {
        **_ACCOUNT_TEXTS,
        "Order was not canceled due to cancel restrictions.": _NEVER,
        "Cancel order is invalid. Check origClOrdId and orderId.": _NEVER,
    },
    -2038: {
        **_ACCOUNT_TEXTS,
        "Order amend is not supported for this symbol.": _NEVER,
        "Order amend (quantity increase) is not supported.": _NEVER,
        "The requested action would change no state; rejecting": _NEVER,
        "Order amend (pending OPO order) is not supported.": _NEVER,
        "Filter failure: LOT_SIZE": _NEVER,
        "Filter failure: NOTIONAL": _NEVER,
        "Filter failure: MIN_NOTIONAL": _NEVER,
        "Filter failure: MAX_NUM_ORDER_AMENDS": _NEVER,
    },
}


def classify(code: int | None, text: str, status: int, *, write: bool) -> Outcome:
    """What a refusal means. ``status`` is that of HTTP or of the WebSocket reply, 0 if unknown.

    ``write``: the request places or cancels an order. A write that met a server fault may have
    happened, whatever its code says.
    """
    if status in (403, 418):
        return _HALT
    if status >= 500:
        return _UNKNOWN if write else _BACKOFF
    if code is None:
        return _UNKNOWN if write else _NEVER
    special = TEXTS.get(code, {}).get(text)
    if special is not None:
        return special
    if not write and code in _RETRY_WHEN_READING:
        return _BACKOFF
    return CODES.get(code, _UNKNOWN if write else _NEVER)


# --- limits and bans ------------------------------------------------------------------------------

LIMIT_S: Final = 60.0
"""The window of the request weight: what a 429 that says nothing else waits for."""
ORDERS_S: Final = 10.0
"""The short window of the order count."""
BAN_S: Final = 120.0
"""The shortest ban: what a 418, or the firewall's 403, that says nothing else waits for."""
TOO_MANY_ORDERS: Final = -1015
_BANS: Final = frozenset({403, 418})
_BANNED_UNTIL: Final = re.compile(r"banned until (\d{13})\b")


def http_pause(status: int, headers: Mapping[str, str], body: bytes) -> Pause | None:
    """The pause that an HTTP answer asks for, of a handshake too; None when it asks for none."""
    if status != 429 and status not in _BANS:
        return None
    text = body.decode("utf-8", "replace")
    told = whole_seconds(headers.get("Retry-After"))
    return _pause(status, _seconds_left(text) if told is None else told, None, text)


def reply_pause(status: int, code: int | None, text: str, data: Any) -> Pause | None:
    """The same of a reply of the WebSocket API."""
    if status != 429 and status not in _BANS:
        return None
    try:
        told = (data["retryAfter"] - data["serverTime"]) / 1000
    except (KeyError, TypeError):
        told = _seconds_left(text)
    return _pause(status, told, code, text)


def _pause(status: int, told: float | None, code: int | None, text: str) -> Pause:
    why = f"{status} {short(text)}"
    if status in _BANS:
        return Pause(BAN_S if told is None else told, Reach.EVERYTHING, why)
    if code == TOO_MANY_ORDERS:  # of orders alone: questions count elsewhere
        return Pause(ORDERS_S if told is None else told, Reach.ORDERS, why)
    return Pause(LIMIT_S if told is None else told, Reach.ALL_BUT_CANCELS, why)


def _seconds_left(text: str) -> float | None:
    """A ban's end stands in its text, as the venue's time; that of ours is near enough."""
    found = _BANNED_UNTIL.search(text)
    return None if found is None else int(found[1]) / 1000 - time()
