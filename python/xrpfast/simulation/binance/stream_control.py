"""Control frames of a stream socket: SUBSCRIBE and its kin, with the venue's errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Protocol

import orjson

from xrpfast.simulation.binance.stream_names import well_formed

Json = dict[str, Any]
METHODS: Final = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_ID: Final = re.compile(r"[a-zA-Z0-9_-]{0,36}")


class Subscriptions(Protocol):
    """What a socket watches; the frames change it."""

    combined: bool

    def subscribe(self, names: list[str]) -> bool:
        """False, and nothing happens, when it would be too many."""

    def unsubscribe(self, names: list[str]) -> None: ...

    def subscribed(self) -> list[str]: ...


class ControlError(Exception):
    """The venue's error: code 0 unknown property, 1 value type, 2 request, 3 JSON."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def invalid(text: str) -> ControlError:
    return ControlError(2, f"Invalid request: {text}")


def answer(payload: bytes, subscriptions: Subscriptions) -> Json:
    """The reply to a text frame."""
    number: object = None
    try:
        try:
            request = orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            where = f"line {error.lineno} column {error.colno}"
            raise ControlError(3, f"Invalid JSON: expected value at {where}") from None
        if not isinstance(request, dict):
            raise invalid("invalid type, expected a request object at line 1 column 0")
        number = _number(request)
        return {"result": _execute(request, payload, subscriptions), "id": number}
    except ControlError as error:
        return {"error": {"code": error.code, "msg": error.text}, "id": number}


def _number(request: Json) -> object:
    number = request.get("id")
    fits = number is None and "id" in request
    if isinstance(number, str):
        fits = _ID.fullmatch(number) is not None
    elif isinstance(number, int) and not isinstance(number, bool):
        fits = -(2**63) <= number < 2**63
    if not fits and "method" in request:
        raise invalid("request ID must be an unsigned integer")
    return number if fits else None


def _execute(request: Json, payload: bytes, subscriptions: Subscriptions) -> Any:
    if "method" not in request:
        raise invalid(f"missing field `method` at line 1 column {len(payload)}")
    method = request["method"]
    if method not in METHODS:
        known = ", ".join(f"`{name}`" for name in METHODS)
        text = orjson.dumps(method)
        column = payload.find(text) + len(text)
        name = method if isinstance(method, str) else text.decode()
        raise invalid(f"unknown variant {name}, expected one of {known} at line 1 column {column}")
    params = request.get("params", [])
    if not isinstance(params, list):
        raise invalid("params must be a list")
    return _METHODS[method](params, subscriptions)


def _subscribe(params: list[Any], subscriptions: Subscriptions) -> None:
    if not all(map(well_formed, params)):
        raise invalid("invalid stream")
    if not subscriptions.subscribe(params):
        raise invalid("too many parameters")


def _unsubscribe(params: list[Any], subscriptions: Subscriptions) -> None:
    if not all(map(well_formed, params)):
        raise invalid("invalid stream")
    subscriptions.unsubscribe(params)


def _list(params: list[Any], subscriptions: Subscriptions) -> list[str]:
    if params:
        raise invalid("too many parameters")
    return subscriptions.subscribed()


def _set_property(params: list[Any], subscriptions: Subscriptions) -> None:
    _property(params, 2)
    if len(params) != 2 or not isinstance(params[1], bool):
        raise ControlError(1, "Invalid value type: expected Boolean")
    subscriptions.combined = params[1]


def _get_property(params: list[Any], subscriptions: Subscriptions) -> bool:
    _property(params, 1)
    return subscriptions.combined


def _property(params: list[Any], most: int) -> None:
    if not params or not isinstance(params[0], str):
        raise invalid("property name must be a string")
    if len(params) > most:
        raise invalid("too many parameters")
    if params[0] != "combined":
        raise ControlError(0, "Unknown property")


_METHODS: Final[dict[str, Callable[[list[Any], Subscriptions], Any]]] = {
    "SUBSCRIBE": _subscribe,
    "UNSUBSCRIBE": _unsubscribe,
    "LIST_SUBSCRIPTIONS": _list,
    "SET_PROPERTY": _set_property,
    "GET_PROPERTY": _get_property,
}
