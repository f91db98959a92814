"""One request on its way through the venue, the same for REST and the WebSocket API.

A table of `Endpoint`s says which paths and methods there are; `answer` takes one `Call` through
limits, signature and clock to the endpoint's function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xrpfast.simulation.account import Account
from xrpfast.simulation.binance import errors
from xrpfast.simulation.binance.keys import ApiKey, deadline_ns
from xrpfast.simulation.binance.params import Params
from xrpfast.simulation.binance.wire import Wire

if TYPE_CHECKING:
    from xrpfast.simulation.binance.session import Session
    from xrpfast.simulation.binance.venue import Venue


@dataclass(slots=True)
class Call:
    """One request: what it says, who sent it, and the hand that its reply is written in."""

    venue: Venue
    params: Params
    wire: Wire
    who: Callable[[], ApiKey]
    """Who signed it; raises `BinanceError`."""
    session: Session | None = None
    """The WebSocket API's connection; None in REST."""
    key: ApiKey | None = field(default=None, init=False)
    deadline_ns: int = field(default=0, init=False)
    """A signed request is void at the engine after that."""

    @property
    def account(self) -> Account:
        """The customer who signed the request."""
        assert self.key is not None, "the endpoint is not signed"
        return self.key.account

    def check_symbol(self, *, optional: bool = False) -> str | None:
        """The symbol that the request names; raises -1102, -1100, -1121."""
        name = self.params.get("symbol") if optional else self.params.need("symbol")
        if name is not None:
            self.venue.check_symbol(name)
        return name

    def enter_engine(self, *, placing: bool = False) -> None:
        """Everything is read and checked, the engine is next: raises -1104, and -1021 when the
        request took too long to get here, which costs an order that was to be placed."""
        self.params.finish()
        venue = self.venue
        if venue.exchange.wall_ns() + venue.broker_ns > self.deadline_ns:
            if placing:
                venue.limits.ordered(self.account.uid)
            raise errors.late()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One function of the venue. Its result is the JSON body, or ready bytes of it."""

    handle: Callable[[Call], Any]
    rest: str = ""
    """Method and path below ``base``, such as "GET /order"; empty: not in REST."""
    base: str = "/api/v3"
    ws: str = ""
    """Method of the WebSocket API; empty: not there."""
    weight: int | Callable[[Params], int] = 1
    signed: bool = False
    free: bool = False
    """Costs its weight only when it is refused."""
    orders: bool = False
    """Places orders: its replies tell the order counts."""
    cancels: bool = False
    """Cancels orders: that takes the same right as placing them."""


def answer(endpoint: Endpoint, call: Call) -> Any:
    """The result of a request; raises `BinanceError`."""
    limits = call.venue.limits
    weight = endpoint.weight if isinstance(endpoint.weight, int) else endpoint.weight(call.params)
    limits.request(0 if endpoint.free else weight, raw=call.session is None)
    try:
        if endpoint.signed:
            call.key = call.who()
            call.venue.keys.allow(trade=endpoint.orders or endpoint.cancels)
            call.deadline_ns = deadline_ns(call.venue.exchange.wall_ns(), call.params)
        result = endpoint.handle(call)
        call.params.finish()
    except errors.BinanceError:
        if endpoint.free:
            limits.charge(weight)
        raise
    return result
