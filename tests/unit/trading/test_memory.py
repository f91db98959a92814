"""What the decision layer keeps does not grow with the orders of a run."""

from __future__ import annotations

import gc
from collections import deque
from itertools import count
from types import FunctionType, MethodType, ModuleType
from typing import Any

import pytest

from support.trading import MS, World, config
from xrpfast.trading import events as ev
from xrpfast.trading.commands import Forget, Halt, Leg

ORDERS = 100_000
SECOND = 1_000 * MS


def held(root: Any) -> int:
    """Items of every container that can be reached."""
    items, seen, left = 0, set(), [root]
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, type | FunctionType | ModuleType | str | int):
            continue
        seen.add(id(one))
        if isinstance(one, dict | list | tuple | set | frozenset | deque):
            items += len(one)
        if isinstance(one, MethodType):
            left.append(one.__self__)
        fields = getattr(one, "__struct_fields__", ())
        left += [getattr(one, name) for name in fields] if fields else gc.get_referents(one)
    return items


class Desk(World):
    """Sends orders without asking a strategy, and hears all that can be said of them."""

    def __init__(self) -> None:
        self.sent: deque[Leg] = deque(maxlen=5_000)
        self.trades = count()
        self.halted = self.forgotten = 0
        super().__init__(config(xrp=10**9, usdt=10**9))

    def process(self, event: ev.AnyEvent) -> list[Any]:
        out = self.engine.process(event)
        self.halted += any(isinstance(command, Halt) for command in out)
        self.forgotten += sum(isinstance(command, Forget) for command in out)
        if not self.sent:
            self.asked += out
        return out

    def order(self, number: int) -> Leg:
        book = self.engine.context.books[number % 2]
        leg = Leg(self.engine.client_ids.next_hedge(), book.venue_name, book.instrument,
                  number // 2 % 2, 0, 1, book.price_scale * 20_000, 1_000)  # fmt: skip
        self.engine.orders.place(leg, book, "arb", number, self.now_ns)
        self.sent.append(leg)
        return leg

    def trade(self, leg: Leg, qty: int) -> None:
        self.fill(leg, str(next(self.trades)), qty, fee=1, fee_estimated=leg.venue == "kucoin")

    def live(self, leg: Leg, number: int) -> None:
        """One of the lives that an order can have, from its sending to its end."""
        match number % 5:
            case 0:
                self.trade(leg, 1_000)
            case 1:
                self.ack(leg)
                self.trade(leg, 300)
                self.trade(leg, 400)
                self.end(leg, "EXPIRED", 700)
            case 2:
                self.reject(leg)
            case 3:
                self.unknown(leg)
                for _ in range(2):
                    self.now_ns += SECOND
                    self.query(leg, None)
            case _:
                self.end(leg, "CANCELLED", 100)
                self.trade(leg, 100)

    def noise(self, number: int) -> None:
        """What is told again, late, or by strangers."""
        old = self.sent[0]
        self.end(old, "CANCELLED", 0)
        stranger = Leg(f"web-{number}", "binance", "XRP/USDT", 0, 0, 1, 1, 1)
        self.fill(stranger, str(number))
        self.tell(ev.BalanceMoved, venue="binance", asset="USDT", delta=1, reason="deposit",
                  move_id=str(number))  # fmt: skip


@pytest.mark.timeout(120)
def test_memory_does_not_grow_with_the_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xrpfast.trading.fees.KEPT", 4_096)
    world = Desk()
    desk = world.engine.orders
    sizes: list[int] = []
    for number in range(ORDERS):
        world.now_ns += MS
        world.live(world.order(number), number)
        if number % 10 == 0:
            world.noise(number)
        if number + 1 in (ORDERS // 2, ORDERS):
            sizes.append(held(world.engine))
    assert not world.halted
    assert desk.counts["orders"] == ORDERS == world.forgotten + len(desk.orders)
    assert not desk.unsettled
    assert len(desk.orders) == len(desk._ended) == world.engine.config.keep_orders
    half, whole = sizes
    assert half == whole < 300_000
