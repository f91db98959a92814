"""Dead-connection protection: orders are cancelled unless their owner keeps asking not to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from xrpfast.simulation.account import Account
from xrpfast.simulation.exchange import Exchange

from . import errors
from .alarm import Alarm
from .private_feed import PrivateFeed
from .wire import Json

SHORTEST_S: Final = 5
LONGEST_S: Final = 86_400
MAX_SYMBOLS: Final = 50
SECOND: Final = 10**9


class Setting(msgspec.Struct):
    """What one customer asked for."""

    timeout_s: int
    symbols: str
    """As given: comma list, empty = all."""
    alarm: Alarm


class DeadMan:
    """The settings of all customers; each call overwrites the one before, firing ends it."""

    def __init__(self, exchange: Exchange, feed: PrivateFeed) -> None:
        self._exchange = exchange
        self._feed = feed
        self._settings: dict[int, Setting] = {}

    def set(self, account: Account, args: object) -> Json:
        """Arms or disarms (-1); times in seconds. Raises `errors.Refused`."""
        if not isinstance(args, Mapping):
            raise errors.BAD_REQUEST.refuse()
        timeout = args.get("timeout")
        if type(timeout) is not int or not (timeout == -1 or SHORTEST_S <= timeout <= LONGEST_S):
            raise errors.PARAMETER.refuse("timeout not in the given range!")
        symbols = args.get("symbols") or ""
        if not isinstance(symbols, str):
            raise errors.PARAMETER.refuse("symbols is invalid.")
        named = [symbol for symbol in symbols.split(",") if symbol]
        if len(named) > MAX_SYMBOLS:
            raise errors.PARAMETER.refuse(f"symbols should not be more than {MAX_SYMBOLS}.")
        # The venue has one pair; a protection of others would protect nothing.
        if any(symbol != self._exchange.rules.venue_symbol for symbol in named):
            raise errors.SYMBOL_UNKNOWN.refuse()
        self._disarm(account.uid)
        now = self._exchange.wall_ns()
        if timeout == -1:
            return {"currentTime": now // SECOND, "triggerTime": 0}
        alarm = Alarm(lambda: self._exchange.wall_ns(), lambda: self._fire(account))
        self._settings[account.uid] = Setting(timeout, symbols, alarm)
        due = now + timeout * SECOND
        alarm.at(due)
        return {"currentTime": now // SECOND, "triggerTime": due // SECOND}

    def query(self, account: Account) -> Json | None:
        """The present setting; None when there is none."""
        setting = self._settings.get(account.uid)
        if setting is None or setting.alarm.due_ns is None:
            return None
        return {
            "timeout": setting.timeout_s,
            "symbols": setting.symbols,
            "currentTime": self._exchange.wall_ns() // SECOND,
            "triggerTime": setting.alarm.due_ns // SECOND,
        }

    def close(self) -> None:
        for uid in tuple(self._settings):
            self._disarm(uid)

    def _fire(self, account: Account) -> None:
        self._disarm(account.uid)
        for number in tuple(self._feed.records(account).open):
            order = self._exchange.orders.get(number)
            if order is not None and order.working:
                self._exchange.expire(order, "dcp")

    def _disarm(self, uid: int) -> None:
        setting = self._settings.pop(uid, None)
        if setting is not None:
            setting.alarm.cancel()
