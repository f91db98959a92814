"""Parameters of a market-data request, read one by one with the venue's errors.

REST sends texts, the WebSocket API JSON scalars; both read alike here. What nobody read is an
error at the end, as the venue has it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from xrpfast.simulation.binance.errors import BinanceError, missing
from xrpfast.simulation.binance.wire import MS

SYMBOL: Final = re.compile(r"^[A-Z0-9\-_.\u0080-\U0010ffff]{1,50}$")
SYMBOL_RANGE: Final = r"^[\w\-._&&[^a-z]]{1,50}$"
SYMBOLS_RANGE: Final = r"^\[(\"[\w\-._&&[^a-z]]{1,50}\"(,\"[\w\-._&&[^a-z]]{1,50}\"){0,}){0,1}\]$"
DIGITS: Final = "^[0-9]{1,20}$"
MAX_LONG: Final = 2**63 - 1
EARLIEST_MS: Final = 1_483_228_800_000
"""2017-01-01: times before it are read as it."""
STATUSES: Final = ("TRADING", "HALT", "BREAK")
_FREE: Final = frozenset({"returnRateLimits"})
"""Belongs to the envelope of the WebSocket API."""


def illegal(name: str, legal: str) -> BinanceError:
    text = f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    return BinanceError(400, -1100, text)


def invalid(name: str) -> BinanceError:
    return BinanceError(400, -1130, f"Data sent for parameter '{name}' is not valid.")


def time_unit(word: str | None) -> int:
    """Nanoseconds of the time unit that a header or URL asks for; raises `BinanceError`."""
    if word is None or word in ("MILLISECOND", "millisecond"):
        return MS
    if word in ("MICROSECOND", "microsecond"):
        return 1_000
    text = "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
    raise BinanceError(400, -1194, text)


class Parameters:
    """One request's parameters; every reader raises `BinanceError`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = {name: value for name, value in values.items() if name not in _FREE}
        self._read: set[str] = set()

    def sent(self, name: str) -> bool:
        return name in self._values

    def done(self) -> None:
        """Raises when something was sent that was not read."""
        if len(self._read) == len(self._values):
            return
        read, sent = len(self._read), len(self._values)
        if not read:
            text = f"Too many parameters; expected '0' and received '{sent}'."
            raise BinanceError(400, -1101, text)
        text = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent"
        raise BinanceError(400, -1104, f"{text} '{sent}'.")

    def _value(self, name: str) -> Any:
        if name in self._values:
            self._read.add(name)
        return self._values.get(name)

    def choice(self, name: str, known: tuple[str, ...], default: str, error: BinanceError) -> str:
        """One of the known words."""
        value = self._value(name)
        if name not in self._values:
            return default
        if value not in known:
            raise error
        return str(value)

    def number(self, name: str) -> int | None:
        """An integer that is not negative, None when it was not sent."""
        value = self._value(name)
        if name not in self._values:
            return None
        if value in ("", None):
            raise BinanceError(400, -1105, f"Parameter '{name}' was empty.")
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or not re.fullmatch("[0-9]{1,20}", text):
            raise illegal(name, DIGITS)
        if int(text) > MAX_LONG:
            raise BinanceError(400, -1108, f"Parameter '{name}' overflowed.")
        return int(text)

    def limit(self, default: int, most: int) -> int:
        """``limit``: more than the most is the most."""
        value = self.number("limit")
        if value is None:
            return default
        if value == 0:
            raise invalid("limit")
        return min(value, most)

    def time_ns(self, name: str, now_ns: int, *, last: bool = False) -> int | None:
        """A moment in milliseconds or microseconds, not before 2017 nor 10 s ahead; ``last``: the
        last nanosecond of it, for the end of a range."""
        value = self.number(name)
        if value is None:
            return None
        unit = MS if value < 10**14 else 1_000
        moment = value * unit + (unit - 1 if last else 0)
        return min(max(moment, EARLIEST_MS * MS), now_ns + 10_000 * MS)

    def zone_seconds(self) -> int:
        """``timeZone`` as seconds east of UTC."""
        value = self._value("timeZone")
        if not self.sent("timeZone"):
            return 0
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        found = re.fullmatch(r"([+-]?)([0-9]{1,2})(?::([0-5][0-9]))?", str(text), re.ASCII)
        if found is None:
            raise invalid("timeZone")
        seconds = int(found[2]) * 3_600 + int(found[3] or 0) * 60
        seconds = -seconds if found[1] == "-" else seconds
        if not -12 * 3_600 <= seconds <= 14 * 3_600:
            raise invalid("timeZone")
        return seconds

    def symbol(self, only: str) -> str:
        """The one symbol that must be sent; ``only`` is the one that is listed."""
        value = self._value("symbol")
        if value in ("", None):
            raise missing("symbol")
        return _listed(value, only)

    def symbols(self, only: str, *, required: bool) -> tuple[list[str], bool]:
        """The symbols asked for, and whether it was ``symbol``, which is answered by an object."""
        if self.sent("symbol") and self.sent("symbols"):
            raise BinanceError(400, -1128, "Combination of optional parameters invalid.")
        if self.sent("symbol"):
            return [self.symbol(only)], True
        if not self.sent("symbols"):
            if required:
                text = "Param 'symbol' or 'symbols' must be sent, but both were empty/null!"
                raise BinanceError(400, -1102, text)
            return [only], False
        value = self._value("symbols")
        if value in ("", None):
            raise BinanceError(400, -1105, "Parameter 'symbols' was empty.")
        if isinstance(value, str):
            try:
                value = orjson.loads(value)
            except orjson.JSONDecodeError:
                raise illegal("symbols", SYMBOLS_RANGE) from None
        names = value if isinstance(value, list) else [None]
        if not all(isinstance(name, str) and SYMBOL.match(name) for name in names):
            raise illegal("symbols", SYMBOLS_RANGE)
        if not names and required:
            raise BinanceError(400, -1105, "Parameter 'symbols' was empty.")
        if len(set(names)) < len(names):
            raise BinanceError(400, -1151, "Symbol is present multiple times in the list.")
        return [_listed(name, only) for name in names], False

    def status_matches(self, status: str) -> bool:
        """Whether ``symbolStatus``, if sent, is the status of the symbol."""
        error = BinanceError(400, -1122, "Invalid symbolStatus.")
        return self.choice("symbolStatus", STATUSES, status, error) == status


def _listed(value: object, only: str) -> str:
    if not isinstance(value, str) or not SYMBOL.match(value):
        raise illegal("symbol", SYMBOL_RANGE)
    if value != only:
        raise BinanceError(400, -1121, "Invalid symbol.")
    return value


def counted_symbols(params: Mapping[str, Any]) -> int | None:
    """How many symbols a request names, for its weight; None when it names none. Never raises."""
    if params.get("symbol"):
        return 1
    value = params.get("symbols")
    if isinstance(value, list):
        return len(value)
    return value.count('"') // 2 if isinstance(value, str) and value else None
