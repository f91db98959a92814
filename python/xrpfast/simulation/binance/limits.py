"""What one address and its customers may ask in a window of time, and what happens beyond that.

Windows are fixed and aligned to UTC. Everyone on this machine comes from one address. Limits are
plain attributes: a test lowers them, a measurement does without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from xrpfast.simulation.binance import errors
from xrpfast.simulation.orders import Fill

SECOND: Final = 10**9
FIRST_BAN: Final = 120 * SECOND
LONGEST_BAN: Final = 3 * 86_400 * SECOND
CONNECTION_WEIGHT: Final = 2
FILL_GIVES_BACK: Final = {"taker": 1, "maker": 5}
"""How much the first fill of an order takes off the unfilled order count."""


def depth_weight(limit: int) -> int:
    """Weight of a book snapshot."""
    return next((weight for top, weight in ((100, 5), (500, 25), (1_000, 50)) if limit <= top), 250)


@dataclass(frozen=True, slots=True)
class Rule:
    """One limit as `rateLimits` names it."""

    kind: str
    interval: str
    number: int
    seconds: int

    def row(self, limit: int) -> dict[str, Any]:
        return {
            "rateLimitType": self.kind,
            "interval": self.interval,
            "intervalNum": self.number,
            "limit": limit,
        }

    @property
    def per(self) -> str:
        return f"{self.number} {self.interval}"


WEIGHT: Final = Rule("REQUEST_WEIGHT", "MINUTE", 1, 60)
ORDERS_10S: Final = Rule("ORDERS", "SECOND", 10, 10)
ORDERS_1D: Final = Rule("ORDERS", "DAY", 1, 86_400)
RAW: Final = Rule("RAW_REQUESTS", "MINUTE", 5, 300)
CONNECTIONS: Final = Rule("CONNECTIONS", "MINUTE", 5, 300)


class Window:
    """A count that starts anew with every window."""

    def __init__(self, rule: Rule, wall_ns: Callable[[], int]) -> None:
        self._length = rule.seconds * SECOND
        self._wall_ns = wall_ns
        self._number = 0
        self._count = 0

    @property
    def count(self) -> int:
        self._roll()
        return self._count

    @property
    def ends_ns(self) -> int:
        """Wall time at which the next window starts."""
        return (self._roll() + 1) * self._length

    def add(self, amount: int) -> None:
        """Never goes below zero."""
        self._roll()
        self._count = max(0, self._count + amount)

    def _roll(self) -> int:
        number = self._wall_ns() // self._length
        if number != self._number:
            self._number, self._count = number, 0
        return number


class OrderCount:
    """The unfilled order count of one customer."""

    def __init__(self, wall_ns: Callable[[], int]) -> None:
        self.short, self.day = Window(ORDERS_10S, wall_ns), Window(ORDERS_1D, wall_ns)
        self.given_back = 0
        """By fills, not yet taken off: the venue does so a little later."""

    def settle(self) -> None:
        """Takes off what fills gave back."""
        for window in (self.short, self.day):
            window.add(-self.given_back)
        self.given_back = 0


class Limits:
    """Limits, counts and the ban of one address."""

    def __init__(self, wall_ns: Callable[[], int]) -> None:
        self.enforced = True
        """Whether anything beyond a limit is refused; it is counted either way."""
        self.weight = 6_000
        self.raw_requests = 300_000
        self.connections = 300
        self.orders_10s = 100
        self.orders_1d = 200_000
        self.patience = 20
        """Requests that are refused with 429 within one window before the address is banned."""
        self.on_ban: list[Callable[[], None]] = []
        """Told when a ban begins: connections are dropped."""
        self._wall_ns = wall_ns
        self._used = Window(WEIGHT, wall_ns)
        self._raw = Window(RAW, wall_ns)
        self._opened = Window(CONNECTIONS, wall_ns)
        self._streams = {host: Window(CONNECTIONS, wall_ns) for host in ("json", "sbe")}
        self._ignored = Window(WEIGHT, wall_ns)
        self._orders: dict[int, OrderCount] = {}
        self._banned_until_ns = 0
        self._bans = 0

    # --- requests ---------------------------------------------------------------------------------

    def request(self, weight: int, *, raw: bool) -> None:
        """A request arrived; raises 429 (-1003) beyond a limit and 418 (-1003) during a ban."""
        self.refuse_banned()
        for count in self._orders.values():
            count.settle()
        self._used.add(weight)
        if raw:
            self._raw.add(1)
        if not self.enforced:
            return
        if self._used.count > self.weight:
            self._overrun()
            raise errors.too_much_weight(self.weight, self._used.ends_ns)
        if self._raw.count > self.raw_requests:
            self._overrun()
            raise errors.too_many_requests(self.raw_requests, self._raw.ends_ns)

    def charge(self, weight: int) -> None:
        """Weight that turned out to be due afterwards."""
        self._used.add(weight)

    def connection(self) -> None:
        """A WebSocket API connection is being opened; raises 429 (-1034, -1003) or 418."""
        self.refuse_banned()
        self._opened.add(1)
        if self.enforced and self._opened.count > self.connections:
            raise errors.too_many_connections(self.connections, self._opened.ends_ns)
        self.request(CONNECTION_WEIGHT, raw=False)

    def stream_connection(self, host: str) -> None:
        """A stream socket (json, sbe) is being opened; raises 429 (-1034)."""
        opened = self._streams[host]
        opened.add(1)
        if self.enforced and opened.count > self.connections:
            raise errors.too_many_connections(self.connections, opened.ends_ns)

    @property
    def used_weight(self) -> int:
        return self._used.count

    # --- bans -------------------------------------------------------------------------------------

    @property
    def banned_until_ns(self) -> int:
        """Wall time at which the ban ends, or ended; setting it bans, or pardons with 0."""
        return self._banned_until_ns

    @banned_until_ns.setter
    def banned_until_ns(self, until_ns: int) -> None:
        self._banned_until_ns = until_ns
        if until_ns > self._wall_ns():
            for told in self.on_ban:
                told()

    def refuse_banned(self) -> None:
        """Raises 418 during a ban."""
        if self._banned_until_ns > self._wall_ns():
            raise errors.banned(self._banned_until_ns)

    def _overrun(self) -> None:
        self._ignored.add(1)
        if self._ignored.count <= self.patience:
            return
        length = min(FIRST_BAN << min(self._bans, 20), LONGEST_BAN)
        self._bans += 1
        self.banned_until_ns = self._wall_ns() + length
        self.refuse_banned()

    # --- orders -----------------------------------------------------------------------------------

    def order(self, uid: int) -> None:
        """Refuses a customer's new order beyond the limits: raises 429 (-1015)."""
        count = self._of(uid)
        for window, limit, rule in (
            (count.short, self.orders_10s, ORDERS_10S),
            (count.day, self.orders_1d, ORDERS_1D),
        ):
            if self.enforced and window.count >= limit:
                raise errors.too_many_orders(limit, rule.per, window.ends_ns)

    def ordered(self, uid: int) -> None:
        """An order was accepted: it counts until it is filled."""
        count = self._of(uid)
        if count.day.count < self.orders_1d:
            count.short.add(1)
        count.day.add(1)

    def filled(self, fill: Fill) -> None:
        """An order was filled for the first time: that gives back some of the count."""
        if fill.filled == fill.qty:
            count = self._of(fill.order.account.uid)
            count.given_back += FILL_GIVES_BACK["maker" if fill.maker else "taker"]

    def order_counts(self, uid: int) -> tuple[int, int]:
        """Unfilled orders in ten seconds and today."""
        count = self._orders.get(uid)
        return (count.short.count, count.day.count) if count else (0, 0)

    def order_rows(self, uid: int | None) -> list[dict[str, Any]]:
        """The order counts as replies tell them."""
        short, day = (0, 0) if uid is None else self.order_counts(uid)
        return [
            ORDERS_10S.row(self.orders_10s) | {"count": short},
            ORDERS_1D.row(self.orders_1d) | {"count": day},
        ]

    def weight_row(self) -> dict[str, Any]:
        """The weight as replies tell it."""
        return WEIGHT.row(self.weight) | {"count": self.used_weight}

    def rows(self, *, connections: bool) -> list[dict[str, Any]]:
        """`rateLimits` of exchangeInfo; the WebSocket API's tells of connections."""
        rows = [
            WEIGHT.row(self.weight),
            ORDERS_10S.row(self.orders_10s),
            ORDERS_1D.row(self.orders_1d),
        ]
        if connections:
            return [*rows, CONNECTIONS.row(self.connections)]
        return [*rows, RAW.row(self.raw_requests)]

    def _of(self, uid: int) -> OrderCount:
        return self._orders.setdefault(uid, OrderCount(self._wall_ns))
