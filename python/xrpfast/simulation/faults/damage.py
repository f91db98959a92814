"""Ways to damage a reply or frame: fields set, texts broken, numbers that are none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from xrpfast.errors import UsageError

_DECIMAL: Final = re.compile(rb'"\d+\.\d+"')


def set_fields(payload: bytes, fields: Mapping[str, Any]) -> bytes:
    """The JSON with the fields set; a path that leads nowhere changes nothing."""
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload
    for path, value in fields.items():
        *parents, last = path.split(".")
        place = body
        for name in parents:
            place = _step(place, name)
        if isinstance(place, dict):
            place[last] = value
        elif isinstance(place, list) and last.isdigit() and int(last) < len(place):
            place[int(last)] = value
    return orjson.dumps(body)


def _step(place: Any, name: str) -> Any:
    if isinstance(place, dict):
        return place.get(name)
    if isinstance(place, list) and name.isdigit() and int(name) < len(place):
        return place[int(name)]
    return None


def _number(text: bytes) -> Callable[[bytes, Mapping[str, Any]], bytes]:
    """The first decimal becomes ``text``."""
    return lambda payload, _: _DECIMAL.sub(text, payload, count=1)


def _truncate(payload: bytes, params: Mapping[str, Any]) -> bytes:
    return payload[: params.get("at", len(payload) // 2)]


def _huge(payload: bytes, params: Mapping[str, Any]) -> bytes:
    padding = b" " * int(params.get("mb", 64) * (1 << 20))
    return payload[:-1] + padding + payload[-1:]


def _objects(
    change: Callable[[dict[str, Any]], Any],
) -> Callable[[bytes, Mapping[str, Any]], bytes]:
    def damage(payload: bytes, _: Mapping[str, Any]) -> bytes:
        try:
            body = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return payload
        return orjson.dumps(change(body) if isinstance(body, dict) else body)

    return damage


WAYS: Final[dict[str, Callable[[bytes, Mapping[str, Any]], bytes]]] = {
    "truncate": _truncate,
    "garbage": lambda payload, _: b"\x00\xff<html>" + payload[:16],
    "empty": lambda _payload, _: b"",
    "nan": _number(b'"NaN"'),
    "infinity": _number(b'"Infinity"'),
    "negative": _number(b'"-1.0"'),
    "zero": _number(b'"0.0"'),
    "overflow": _number(b'"1e309"'),
    "digits": _number(b'"' + b"9" * 60 + b'.1"'),
    "precision": _number(b'"2.4000000000000000000000001"'),
    "number": _number(b"2.5"),
    "null": _number(b"null"),
    "list": _objects(lambda body: [body]),
    "unknown_event": _objects(
        lambda body: body | {"e": "notInvented", "topic": "/not/invented", "type": "message"}
    ),
    "extra_fields": _objects(lambda body: body | {"zz": {"deep": [1, None, "x"]}, "yy": 1e300}),
    "huge": _huge,
}
"""How a text is damaged; ``at`` and ``mb`` are parameters of truncate and huge."""


def corrupt(payload: bytes, params: Mapping[str, Any]) -> bytes:
    return WAYS[params["how"]](payload, params)


def check_way(how: str) -> None:
    """Raises `UsageError` for a way that is none."""
    if how not in WAYS:
        raise UsageError(f"rule: corrupt how: {how!r}: one of {', '.join(WAYS)}")
