"""The orders that a mock venue remembers: all that work, and those that ended last."""

from __future__ import annotations

import heapq
from collections import deque

from xrpfast.simulation.account import Account
from xrpfast.simulation.orders import Order

SPARE = 64
"""Times of ended orders that are kept before they are looked through."""


class OrderStore:
    """Orders by number and by client id; ``keep`` ended ones, so that memory stays flat."""

    def __init__(self, keep: int, *, ids_for_ever: bool) -> None:
        self.all: dict[int, Order] = {}
        self.forgotten = 0
        """Ended orders that are no longer remembered."""
        self._working: dict[int, Order] = {}
        self._ended: deque[int] = deque()
        self._keep = keep
        self._client_ids: dict[tuple[int, str], int] = {}
        self._for_ever = ids_for_ever
        self._expiries: list[tuple[int, int]] = []

    def add(self, order: Order) -> None:
        self.all[order.order_id] = self._working[order.order_id] = order
        self._client_ids[order.account.uid, order.client_id] = order.order_id
        if order.expires_ns is not None:
            heapq.heappush(self._expiries, (order.expires_ns, order.order_id))
            if len(self._expiries) > 2 * len(self._working) + SPARE:
                self._drop_ended()

    def ended(self, order: Order) -> None:
        """It works no more; the oldest that ended may be forgotten for it."""
        del self._working[order.order_id]
        self._ended.append(order.order_id)
        if len(self._ended) > self._keep:
            self._forget(self.all.pop(self._ended.popleft()))

    def rename(self, order: Order, client_id: str) -> None:
        """From now on the order goes by another client id."""
        del self._client_ids[order.account.uid, order.client_id]
        order.client_id = client_id
        self._client_ids[order.account.uid, client_id] = order.order_id

    def taken(self, account: Account, client_id: str, replaces: int | None) -> bool:
        """Whether the venue refuses a new order of that client id; ``replaces`` does not count."""
        known = self._client_ids.get((account.uid, client_id))
        if known is None or known == replaces:
            return False
        return self._for_ever or self.all[known].working

    def find(self, account: Account, order_id: int | None, client_id: str | None) -> Order | None:
        """An order of this customer by either id; both given must agree."""
        if order_id is None:
            order_id = self._client_ids.get((account.uid, client_id or ""))
        order = self.all.get(order_id) if order_id is not None else None
        if order is None or order.account is not account:
            return None
        if client_id is not None and order.client_id != client_id:
            return None
        return order

    def working(self, account: Account) -> list[Order]:
        return [order for order in self._working.values() if order.account is account]

    def next_due(self) -> Order | None:
        """The working order whose time comes first, of those that have one."""
        while self._expiries:
            order = self._working.get(self._expiries[0][1])
            if order is not None:
                return order
            heapq.heappop(self._expiries)
        return None

    def close(self) -> None:
        """Lets go of all orders."""
        for order in self.all.values():
            order.fills = ()
        self.all.clear()

    def _drop_ended(self) -> None:
        """Takes out the times of orders that ended before them: they would wait for ever."""
        self._expiries = [row for row in self._expiries if row[1] in self._working]
        heapq.heapify(self._expiries)

    def _forget(self, order: Order) -> None:
        self.forgotten += 1
        order.fills = ()  # a fill holds its order
        key = (order.account.uid, order.client_id)
        if self._client_ids.get(key) == order.order_id:
            del self._client_ids[key]
