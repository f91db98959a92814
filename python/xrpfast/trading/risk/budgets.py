"""What one venue may still be sent: orders and cancels per second, request weight per minute.

Lanes: a cancel is counted and never held back; a hedge may use all orders of a second; an entry
leaves ``hedge_lane`` of them, and ``cancel_reserve`` of the weight.
"""

from __future__ import annotations

from typing import Final

from xrpfast.trading.commands import AnyCommand, Cancel, Query, Reconcile
from xrpfast.trading.risk.limits import MINUTE, SECOND, RiskLimits
from xrpfast.trading.risk.reasons import Refusal

ORDER_WEIGHT: Final = 1
"""What a venue charges for an order that it refuses; Binance none for one that it takes."""
WEIGHTS: Final = {Cancel: 1, Query: 10, Reconcile: 80}
"""The dearer venue's price of what a command leads to: `Query` order, trades and open orders;
`Reconcile` open orders, trades of a symbol, account, rules."""
_LONG_AGO: Final = -(10**30)
_COUNTED: Final = 10_000
"""A limit above this is none: nothing is that fast."""


class Window:
    """The times of the latest ``limit`` events: when they no longer lie within ``length_ns``."""

    __slots__ = ("_length_ns", "_next", "_times")

    def __init__(self, limit: int, length_ns: int) -> None:
        self._length_ns = length_ns
        self._times = [_LONG_AGO] * limit
        self._next = 0

    def free_ns(self, spare: int = 0) -> int:
        """When one more fits in under the limit, less ``spare``."""
        times = self._times
        # Counted back from the newest; a negative position is one from the end.
        return times[self._next - len(times) + spare] + self._length_ns

    def note(self, now_ns: int) -> None:
        position = self._next
        self._times[position] = now_ns
        position += 1
        self._next = 0 if position == len(self._times) else position

    def times(self) -> list[int]:
        """Those that are remembered, the newest last."""
        ordered = self._times[self._next :] + self._times[: self._next]
        return [time_ns for time_ns in ordered if time_ns > _LONG_AGO]

    def clear(self) -> None:
        self._times = [_LONG_AGO] * len(self._times)


def window(limit: int, length_ns: int) -> Window | None:
    """One for a limit that can be reached, else None."""
    return Window(limit, length_ns) if limit <= _COUNTED else None


def resized(before: Window | None, limit: int, length_ns: int) -> Window | None:
    """A window of another limit that has seen what the one before has."""
    after = window(limit, length_ns)
    if after is not None and before is not None:
        for time_ns in before.times()[-limit:]:
            after.note(time_ns)
    return after


class Budget:
    """One venue's messages.

    What an entry has to wait for is worked out when something leaves, so that asking whether one
    may leave is a comparison.
    """

    __slots__ = (
        "_cancels", "_cancels_ns", "_entry_room_ns", "_lane", "_level_ns", "_next", "_order_ns",
        "_size", "_times", "_unit_ns", "entry_ns",
    )  # fmt: skip

    def __init__(self, limits: RiskLimits) -> None:
        self.entry_ns = _LONG_AGO
        """No entry leaves before."""
        # A `Window` written out: this is on the way of every order.
        self._times: list[int] = []
        self._next = 0
        self._cancels: Window | None = None
        self._level_ns = _LONG_AGO
        """When all that was used will have flowed back."""
        self._unit_ns = 0
        self.limits_changed(limits, 0)

    def limits_changed(self, limits: RiskLimits, now_ns: int) -> None:
        """Works out what hangs on limits; what was sent stays counted."""
        size = self._size = limits.max_orders_per_second
        sent = [*self._times[self._next :], *self._times[: self._next]][-size:]
        self._times = [_LONG_AGO] * (size - len(sent)) + sent
        self._next = 0
        self._lane = limits.hedge_lane - size
        self._cancels = resized(self._cancels, limits.max_cancels_per_second, SECOND)
        self._cancels_ns = _LONG_AGO if self._cancels is None else self._cancels.free_ns()
        """When one more cancel fits in."""
        # Half of the weight may be used at once and half of it flows back in a minute: within any
        # minute it is never more than the whole.
        before_ns, unit_ns = self._unit_ns, -(-2 * MINUTE // limits.max_weight_per_minute)
        if self._level_ns > now_ns:
            self._level_ns = now_ns + (self._level_ns - now_ns) * unit_ns // before_ns
        self._unit_ns = unit_ns
        self._order_ns = ORDER_WEIGHT * unit_ns
        self._entry_room_ns = MINUTE - limits.cancel_reserve * unit_ns - self._order_ns
        self._wait()

    def closed_by(self, now_ns: int) -> Refusal:
        """Why no entry leaves before ``entry_ns``."""
        if self._level_ns - now_ns > self._entry_room_ns:
            return Refusal.WEIGHT_EXHAUSTED
        return Refusal.RATE_LIMITED

    def room_for_hedge(self, now_ns: int) -> bool:
        return now_ns - self._times[self._next] >= SECOND

    @property
    def orders(self) -> int:
        """Those that are remembered."""
        return sum(time > _LONG_AGO for time in self._times)

    def note_order(self, now_ns: int) -> None:
        """An order was approved, and is taken for sent."""
        times, at = self._times, self._next
        times[at] = now_ns
        at += 1
        if at == self._size:
            at = 0
        self._next = at
        level = self._level_ns
        if level < now_ns:
            level = now_ns
        self._level_ns = level = level + self._order_ns
        # The order that makes the lane begin, counted back from the newest.
        entry_ns = times[at + self._lane] + SECOND
        level -= self._entry_room_ns
        if level > entry_ns:
            entry_ns = level
        if self._cancels_ns > entry_ns:
            entry_ns = self._cancels_ns
        self.entry_ns = entry_ns

    def note(self, command: AnyCommand, now_ns: int) -> None:
        """A cancel or a query leaves; orders are counted when they are approved."""
        if type(command) is Cancel and self._cancels is not None:
            self._cancels.note(now_ns)
            self._cancels_ns = self._cancels.free_ns()
        used_ns = WEIGHTS.get(type(command), 0) * self._unit_ns
        self._level_ns = max(self._level_ns, now_ns) + used_ns
        self._wait()

    def _wait(self) -> None:
        lane_ns = self._times[self._next + self._lane] + SECOND
        self.entry_ns = max(lane_ns, self._level_ns - self._entry_room_ns, self._cancels_ns)
