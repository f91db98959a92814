"""What others do at a virtual venue, on the account that the engine trades with."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.orders import NewOrder, VenueRefusal
from xrpfast.trading import events as ev

if TYPE_CHECKING:
    from xrpfast.simulation.virtual.faults import Faults
    from xrpfast.simulation.virtual.venue import VirtualVenue


class Others:
    """Everybody but the engine."""

    def __init__(self, venue: VirtualVenue, faults: Faults) -> None:
        self._venue = venue
        self._faults = faults
        self._foreign = 0
        self._moves = 0

    def second_engine(self, client_id: str) -> None:
        """Word of an order that only another engine of our name can have sent."""
        self._venue.mistakes.add(client_id)
        self._venue.tell((ev.OrderAck, {"client_id": client_id, "venue_order_id": "1"}))

    def move(self, asset: str, delta: int) -> int:
        """A deposit (above zero) or a withdrawal of what is free; returns what it was."""
        delta = max(delta, -self._venue.account.balance(asset).free)
        self._venue.moved[asset] = self._venue.moved.get(asset, 0) + delta
        self._venue.exchange.transfer(self._venue.account, asset, delta, 0, "transfer")
        self._moves += 1
        self._venue.tell(
            (
                ev.BalanceMoved,
                {
                    "venue": self._venue.name,
                    "asset": asset,
                    "delta": delta,
                    "reason": "transfer",
                    "move_id": f"{self._venue.name} {self._moves}",
                },
            )
        )
        return delta

    def foreign_trade(self) -> None:
        """Somebody trades by hand on this account."""
        side = Side(self._faults.between(0, 1))
        best = self._venue.exchange.matching.best(side.opposite)
        if best is None:
            return
        self._foreign += 1
        new = NewOrder(
            client_id=f"web-{self._foreign}",
            side=side,
            qty=self._faults.between(5, 50) * 10**self._venue.rules.qty_decimals,
            price=best[0],
            tif=TimeInForce.IOC,
        )
        with suppress(VenueRefusal):
            self._venue.exchange.place(self._venue.account, new)

    def foreign_order(self) -> None:
        """Somebody rests an order far from the market, or takes it off again."""
        working = [o for o in self._venue.working() if o.client_id[0] != "x"]
        if working:
            self._venue.exchange.cancel(self._venue.account, working[0])
            return
        self._foreign += 1
        price = 10**self._venue.rules.price_decimals
        new = NewOrder(
            client_id=f"web-{self._foreign}",
            side=Side.BUY,
            qty=20 * 10**self._venue.rules.qty_decimals,
            price=price - price % self._venue.rules.tick,
        )
        try:
            self._venue.exchange.place(self._venue.account, new)
        except VenueRefusal:
            self._foreign -= 1
