"""What a request says: parameters as texts, each read by its rule and remembered as read."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

import orjson

from xrpfast.simulation.binance import errors

CLIENT_ID: Final = "^[a-zA-Z0-9-_]{1,36}$"
DECIMAL: Final = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
NUMBER: Final = "^[0-9]{1,20}$"
SYMBOL: Final = re.compile(r"^[A-Z0-9\-_.\u0080-\U0010ffff]{1,50}$")
SYMBOL_RANGE: Final = r"^[\w\-._&&[^a-z]]{1,50}$"
"""How the venue writes `SYMBOL` in its errors."""
PLACES: Final = 8
"""Decimals of an asset; a parameter with more is refused."""
ONE: Final = 10**PLACES
EARLIEST_MS: Final = 1_483_228_800_000
"""2017-01-01: no time range begins before."""
_LARGEST: Final = 2**63 - 1
_MICROSECONDS_FROM: Final = 10**15
"""A time at or above this is in microseconds, below in milliseconds."""


class Params:
    """Parameters of one request. JSON scalars are texts as they were written, null is absence.

    ``strict``: `finish` refuses what nobody has read, as REST does.
    """

    def __init__(self, values: Mapping[str, Any], *, strict: bool = False) -> None:
        self._values = {name: _text(value) for name, value in values.items() if value is not None}
        self._read: set[str] = set()
        self._strict = strict

    def finish(self) -> None:
        """Everything that this request may say was read: call it before anything is done.

        Raises -1104 for a parameter that nobody read.
        """
        if self._strict and len(self._read) < len(self._values):
            raise errors.unread(len(self._read), len(self._values))

    def has(self, name: str) -> bool:
        """Whether it was sent, even empty; does not count as reading it."""
        return name in self._values

    @property
    def values(self) -> Mapping[str, Any]:
        """What was sent, without reading it: for weights, which never refuse."""
        return self._values

    def get(self, name: str) -> str | None:
        """The text, None when it is absent; raises -1105 for an empty one, -1100 for no scalar."""
        value = self._take(name)
        if value == "":
            raise errors.empty(name)
        return value

    def need(self, name: str) -> str:
        """The text; raises -1102 when it is absent or empty, -1100 for no scalar."""
        value = self._take(name)
        if not value:
            raise errors.missing(name)
        return value

    def lenient(self, name: str) -> str | None:
        """The text, None when it is absent or empty."""
        return self._take(name) or None

    def pattern(self, name: str, pattern: str) -> str | None:
        """The text if it was sent; raises -1100 when it breaks the pattern."""
        value = self.get(name)
        return None if value is None else matched(name, value, pattern)

    def client_id(self, name: str) -> str | None:
        """A new client id if one was sent; raises -1118, -1100."""
        value = self._take(name)
        if value == "":
            raise errors.empty_client_id()
        return None if value is None else matched(name, value, CLIENT_ID)

    def integer(
        self, name: str, low: int = 0, high: int = _LARGEST, *, default: int | None = None
    ) -> int | None:
        """A whole number; raises -1100, -1108, and -1130 outside of [low, high]."""
        value = self.pattern(name, NUMBER)
        if value is None:
            return default
        number = int(value)
        if number > _LARGEST:
            raise errors.overflowed(name)
        if not low <= number <= high:
            raise errors.invalid(name)
        return number

    def need_integer(self, name: str) -> int:
        """A whole number; raises -1102 when it is absent, -1100."""
        return int(matched(name, self.need(name), NUMBER))

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.get(name)
        if value is None:
            return default
        if value.lower() not in ("true", "false"):
            raise errors.invalid(name)
        return value.lower() == "true"

    def choice(
        self, name: str, known: Collection[str], refusal: errors.BinanceError | None = None
    ) -> str | None:
        """One of ``known``; raises ``refusal`` or -1130 for another."""
        value = self.get(name)
        if value is not None and value not in known:
            raise refusal or errors.invalid(name)
        return value

    def need_choice(self, name: str, known: Collection[str], refusal: errors.BinanceError) -> str:
        """One of ``known``; raises -1102 when it is absent."""
        value = self.need(name)
        if value not in known:
            raise refusal
        return value

    def decimal(self, name: str) -> int | None:
        """An amount in 10^-8; raises -1100 for no plain decimal, -1111 for more places."""
        value = self.get(name)
        return None if value is None else _decimal(name, value)

    def need_decimal(self, name: str) -> int:
        return _decimal(name, self.need(name))

    def time_ns(self, name: str, *, last: bool = False) -> int | None:
        """A moment of a range in nanoseconds, given in ms or us; ``last``: the last nanosecond of
        it, for an end that is within."""
        value = self.pattern(name, NUMBER)
        if value is None:
            return None
        moment = moment_ns(int(value) + last) - last
        return max(moment, EARLIEST_MS * 1_000_000)

    def texts(self, name: str) -> list[str] | None:
        """A list such as ``symbols``: a JSON array, in REST as text; raises -1135, -1100."""
        if name not in self._values:
            return None
        self._read.add(name)
        value = self._values[name]
        if isinstance(value, str):
            try:
                value = orjson.loads(value)
            except orjson.JSONDecodeError:
                raise errors.json(name) from None
        if not isinstance(value, list) or not value:
            raise errors.json(name)
        if not all(isinstance(item, str) for item in value):
            raise errors.illegal_parameter()
        return value

    def take_all(self) -> None:
        """Whatever was sent is taken as read."""
        self._read.update(self._values)

    def signed_text(self) -> bytes:
        """What a signature of the WebSocket API covers: everything but itself, sorted by name."""
        parts = (
            f"{name}={value if isinstance(value, str) else orjson.dumps(value).decode()}"
            for name, value in sorted(self._values.items())
            if name != "signature"
        )
        return "&".join(parts).encode("utf-8", "surrogateescape")

    def _take(self, name: str) -> str | None:
        if name not in self._values:
            return None
        self._read.add(name)
        value = self._values[name]
        if not isinstance(value, str):
            raise errors.illegal_parameter()
        return value


class Number(str):
    """A JSON number with a point or an exponent, as it was written: that is what is signed."""

    __slots__ = ()


def matched(name: str, value: str, pattern: str) -> str:
    """The value; raises -1100 when it breaks the pattern."""
    if not re.fullmatch(pattern, value):
        raise errors.illegal(name, pattern)
    return value


def moment_ns(stamp: int) -> int:
    """Nanoseconds of a time in milliseconds or microseconds."""
    return stamp * (1_000 if stamp >= _MICROSECONDS_FROM else 1_000_000)


def time_unit_ns(word: str | None) -> int:
    """Nanoseconds of the time unit that a header or URL asks for; raises -1194."""
    if word is None or word in ("MILLISECOND", "millisecond"):
        return 1_000_000
    if word in ("MICROSECOND", "microsecond"):
        return 1_000
    raise errors.time_unit()


def of_form(*texts: str) -> dict[str, str]:
    """Names and values of a query or form, later ones win; raises -1101 for a name twice in one."""
    values: dict[str, str] = {}
    for text in texts:
        pairs = [_pair(part) for part in text.split("&") if part]
        if len({name for name, _ in pairs}) < len(pairs):
            raise errors.duplicate_values()
        values.update(pairs)
    return values


def unsigned(text: str) -> str:
    """A query or form as it was sent, without its signature."""
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return unquote_plus(name), unquote_plus(value)


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


def _decimal(name: str, value: str) -> int:
    whole, _, part = matched(name, value, DECIMAL).partition(".")
    part = part.rstrip("0")
    if len(part) > PLACES:
        raise errors.too_precise(name)
    return int(whole) * ONE + int(f"{part:0<8}")
