"""Private topics: each customer's order and balance events, recorded and pushed."""

from __future__ import annotations

import asyncio
from typing import Final

from xrpfast.simulation.account import Account, BalanceChange
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.orders import Fill, Order

from . import topics
from .order_events import balance_change, order_change
from .order_objects import RESTING
from .push import PushHub
from .records import Movement, Records
from .wire import Wire, order_id_text, private_message

EVENT_BASE: Final = 354_689_988_084_000


class PrivateFeed:
    """Order and balance events of every customer as frames.

    Frames leave after the reply of the request that caused them: replies are written in the same
    turn of the event loop, pushes at its end. ``pushes_first`` turns that round; real pushes
    overtake replies now and then.
    """

    def __init__(self, exchange: Exchange, hub: PushHub) -> None:
        self.exchange = exchange
        self.wire = Wire(exchange.rules)
        self.pushes_first = False
        self._hub = hub
        self._records: dict[int, Records] = {}
        self._event = EVENT_BASE
        self._waiting: list[tuple[Account, str, bytes]] = []

    def records(self, account: Account) -> Records:
        found = self._records.get(account.uid)
        if found is None:
            found = self._records[account.uid] = Records()
        return found

    # --- what the exchange tells --------------------------------------------------------------

    def on_order(self, kind: str, order: Order, fill: Fill | None) -> None:
        self._record(self.records(order.account), kind, order, fill)
        if not self._listened(order.account):
            return
        data = order_change(self.wire, kind, order, fill)
        frame = private_message(topics.ORDERS, "orderChange", order.account, data)
        self._push(order.account, topics.ORDERS, frame)
        if kind != "received":
            old = private_message(topics.ORDERS_V1, "orderChange", order.account, data)
            self._push(order.account, topics.ORDERS_V1, old)

    def on_balances(self, account: Account, changes: list[BalanceChange]) -> None:
        now = self.exchange.wall_ns()
        records = self.records(account)
        for change in changes:
            if change.free_change + change.locked_change:
                asset, fee = records.fees.get((change.order_id, change.trade_id or 0), ("", 0))
                records.movements.append(Movement(change, fee if asset == change.asset else 0, now))
        records.fees.clear()
        if not self._listened(account):
            return
        for change in changes:
            self._event += 1
            number = str(self._event)
            data = balance_change(self.wire, account, change, number, now)
            frame = private_message(topics.BALANCE, "account.balance", account, data, number)
            self._push(account, topics.BALANCE, frame)

    def flush(self) -> None:
        """Sends what waits behind a reply."""
        waiting, self._waiting = self._waiting, []
        for account, topic, frame in waiting:
            self._hub.publish_private(account, topic, frame)

    # --- inside -------------------------------------------------------------------------------

    def _record(self, records: Records, kind: str, order: Order, fill: Fill | None) -> None:
        if kind == "received":
            records.open[order.order_id] = None
            order.extra["public_id"] = order_id_text(order.order_id)
        elif fill is not None:
            records.fills.append(fill)
            records.fees[order.order_id, fill.trade_id] = fill.fee_asset, fill.fee
        elif kind == "open":
            order.extra[RESTING] = True
        elif not order.working:
            records.open.pop(order.order_id, None)
            # The exchange's own, which changes no more: the one that was told is a copy.
            records.done.append(self.exchange.orders.get(order.order_id, order))

    def _listened(self, account: Account) -> bool:
        return any(session.account is account for session in self._hub.sessions)

    def _push(self, account: Account, topic: str, frame: bytes) -> None:
        if self.pushes_first:
            self._hub.publish_private(account, topic, frame)
            return
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        self._waiting.append((account, topic, frame))
