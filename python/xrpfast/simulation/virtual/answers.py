"""What a virtual venue answers when it is asked for orders, fills and balances.

Reads may be lost, and a replica that answers may lag; what the exchange did is never forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from xrpfast.simulation.orders import Fill
from xrpfast.simulation.virtual.facts import (
    Fact,
    fill_fact,
    move_facts,
    reconciled_fact,
    result_fact,
)
from xrpfast.simulation.virtual.loop import MS, SECOND
from xrpfast.trading import events as ev

if TYPE_CHECKING:
    from xrpfast.simulation.orders import Order
    from xrpfast.simulation.virtual.faults import Faults
    from xrpfast.simulation.virtual.loop import Loop
    from xrpfast.simulation.virtual.venue import VirtualVenue

PROVEN_NS: Final = 16 * SECOND
"""After so long nothing that was sent can still arrive: the receive window and the engine's own
time limit."""


class Seen(NamedTuple):
    """An order as it was from this time on."""

    at_ns: int
    state: str
    filled: int
    fills: tuple[Fill, ...]
    number: int


class Answers:
    """The reading side of one venue."""

    def __init__(self, venue: VirtualVenue, loop: Loop, faults: Faults) -> None:
        self._venue = venue
        self._loop = loop
        self._faults = faults
        self.deleted: set[str] = set()
        """Orders that have ended and that a query finds no more; their fills stay listed."""
        self.by_hand: set[str] = set()
        """Those of them that a person settled."""
        self.accepted: Callable[[str], bool] = lambda client_id: False
        """Whether whoever asks has once been shown the order."""
        self._history: dict[str, list[Seen]] = {}

    def note(self, order: Order, state: str) -> None:
        """An order is like this from now on."""
        seen = Seen(self._loop.now_ns, state, order.filled, order.fills, order.order_id)
        self._history.setdefault(order.client_id, []).append(seen)
        if not order.working and order.client_id[0] == "x" and self._faults.hit("order_deleted"):
            self.deleted.add(order.client_id)

    def query(self, client_id: str, created_ns: int, told: Callable[[list[Fact]], None]) -> None:
        """Answers with the order's fills and the word on it, or never."""
        if not self._faults.hit("query_lost"):
            self._loop.call(self._venue.wait(), self._look_up, client_id, created_ns, told)

    def _look_up(self, client_id: str, created_ns: int, told: Callable[[list[Fact]], None]) -> None:
        if not self._venue.down:
            self._loop.call(self._venue.wait(), told, self._word(client_id, created_ns))

    def _word(self, client_id: str, created_ns: int) -> list[Fact]:
        """What a read of one order gives, its fills first; a replica may lag behind."""
        seen = self._as_of(client_id)
        # No venue deletes so soon that an order could be gone before anybody was shown it.
        if seen is None or (client_id in self.deleted and self.accepted(client_id)):
            venue = self._venue
            late = self._loop.now_ns - created_ns > PROVEN_NS
            working = any(order.client_id == client_id for order in venue.working())
            sure = late and not working and venue.heard_all_since(created_ns)
            return [result_fact(client_id, None, None, 0, sure)]
        listed = self._as_of(client_id) or seen
        facts = [fill_fact(fill) for fill in listed.fills]
        facts.append(result_fact(client_id, str(seen.number), seen.state, seen.filled, True))
        return facts

    def _as_of(self, client_id: str) -> Seen | None:
        seen = self._history.get(client_id, [])
        at_ns = self._loop.now_ns
        if self._faults.hit("query_lag"):
            at_ns -= self._faults.between(0, 1_500 * MS)
        return next((each for each in reversed(seen) if each.at_ns <= at_ns), None)

    def reconcile(
        self,
        number: int,
        named: list[tuple[str, int]],
        since_ns: int,
        told: Callable[[list[Fact]], None],
    ) -> None:
        """Orders and fills first, balances and working orders some time later, in one answer."""
        venue, faults, asked_ns = self._venue, self._faults, self._loop.now_ns
        if venue.down or faults.hit("query_lost"):
            failed = reconciled_fact(venue.name, number, asked_ns, (), "no answer")
            self._loop.call(faults.between(MS, 3 * SECOND), told, [failed])
            return

        def first() -> None:
            facts: list[Fact] = []
            for client_id, created_ns in named:
                facts += self._word(client_id, created_ns)
            facts += self._listed(since_ns) + self._foreign(since_ns)
            self._loop.call(venue.wait(), second, facts)

        def second(facts: list[Fact]) -> None:
            facts += [
                venue.balance_fact(asset, balance.free, balance.locked)
                for asset, balance in venue.account.balances.items()
            ]
            facts.append(reconciled_fact(venue.name, number, asked_ns, self._open_orders(), ""))
            epoch = venue.account_epoch
            self._loop.call(venue.wait(), third, epoch, facts)

        def third(epoch: int, facts: list[Fact]) -> None:
            venue.caught_up(epoch, asked_ns)
            told(facts)

        self._loop.call(venue.wait(), first)

    def fills(self, since_ns: int, told: Callable[[list[Fact]], None]) -> None:
        """Answers with the account's fills since a wall time, or never."""
        if not self._venue.down and not self._faults.hit("query_lost"):
            self._loop.call(2 * self._venue.wait(), lambda: told(self._listed(since_ns)))

    def _listed(self, since_ns: int) -> list[Fact]:
        """Our fills as the list has them; it may lag."""
        until_ns = self._loop.wall_ns
        if self._faults.hit("query_lag"):
            until_ns -= self._faults.between(0, 3 * SECOND)
        return [
            fill_fact(fill)
            for fill in self._venue.exchange.fills
            if fill.order.client_id[0] == "x" and since_ns <= fill.wall_ns <= until_ns
        ]

    def _foreign(self, since_ns: int) -> list[Fact]:
        """What others traded on this account since a wall time."""
        facts: list[Fact] = []
        for fill in self._venue.exchange.fills:
            if fill.order.client_id[0] != "x" and fill.wall_ns >= since_ns:
                facts += move_facts(fill, self._venue.rules)
        return facts

    def _open_orders(self) -> tuple[ev.OpenOrder, ...]:
        """All working orders of the account, ours and others'."""
        return tuple(
            ev.OpenOrder(
                order.client_id,
                str(order.order_id),
                self._venue.rules.instrument,
                int(order.side),
                order.price,
                order.qty,
                order.filled,
            )
            for order in self._venue.working()
        )
