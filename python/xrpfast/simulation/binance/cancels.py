"""Ending and changing orders: cancel, cancel all, cancel and replace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from xrpfast.simulation.account import Account
from xrpfast.simulation.binance import errors, orders
from xrpfast.simulation.binance.call import Call, Endpoint
from xrpfast.simulation.binance.errors import BinanceError
from xrpfast.simulation.binance.params import NUMBER, Params, matched
from xrpfast.simulation.binance.venue import Venue
from xrpfast.simulation.binance.wire import Json
from xrpfast.simulation.orders import Order, VenueRefusal

RESTRICTIONS: Final = {"ONLY_NEW": "NEW", "ONLY_PARTIALLY_FILLED": "PARTLY_FILLED"}
MODES: Final = ("STOP_ON_FAILURE", "ALLOW_FAILURE")
EXCEEDED_MODES: Final = ("DO_NOTHING", "CANCEL_ONLY")


@dataclass(frozen=True, slots=True)
class Named:
    """An order as a request names it: by number, by client id, or by both."""

    number: int | None
    client_id: str | None

    def find(self, venue: Venue, account: Account) -> Order | None:
        """The order; a number selects. Raises -2039 when the client id is not that order's."""
        exchange = venue.exchange
        if self.number is None:
            assert self.client_id is not None, "an order is named by something"
            order = exchange.find(account, client_id=self.client_id)
            number = venue.cancelled(self.client_id)
            if order is not None or number is None:
                return order
            return exchange.find(account, order_id=number)
        order = exchange.find(account, order_id=self.number)
        if order is not None and self.client_id is not None and self.client_id not in ids_of(order):
            raise errors.foreign_client_id()
        return order


@dataclass(frozen=True, slots=True)
class Cancel:
    """A wish to cancel."""

    named: Named
    cancel_id: str | None
    restrictions: str | None

    def run(self, venue: Venue, account: Account) -> Order:
        """The order, cancelled; raises -2011."""
        try:
            order = self.named.find(venue, account)
        except BinanceError:
            raise errors.no_cancel("Cancel order is invalid. Check origClOrdId and orderId.") from (
                None
            )
        if order is None or not order.working:
            raise errors.no_cancel()
        if self.restrictions is not None and order.state != RESTRICTIONS[self.restrictions]:
            raise errors.no_cancel("Order was not canceled due to cancel restrictions.")
        return cancel(venue, account, order, self.cancel_id)


def ids_of(order: Order) -> set[str]:
    """Every client id that an order has had."""
    return {order.client_id, order.extra.get("cancel_id", order.client_id)}


def named(params: Params, number: str = "orderId", client_id: str = "origClientOrderId") -> Named:
    """The order that a request names; raises -1102 when it names none, -1100."""
    digits, text = params.lenient(number), params.lenient(client_id)
    if digits is None and text is None:
        raise errors.missing_both(number, client_id)
    return Named(None if digits is None else int(matched(number, digits, NUMBER)), text)


def cancel(venue: Venue, account: Account, order: Order, cancel_id: str | None) -> Order:
    """Cancels a working order; it takes the cancel's id as its name."""
    name = order.extra["cancel_id"] = cancel_id or venue.fresh_id()
    try:
        venue.exchange.cancel(account, order)
        venue.name_cancelled(name, order.order_id)
        return order
    except VenueRefusal as refusal:
        del order.extra["cancel_id"]
        raise errors.REFUSALS[refusal.key] from None


# --- endpoints ------------------------------------------------------------------------------------


def _cancel(call: Call) -> Json:
    call.check_symbol()
    wish = Cancel(
        named(call.params),
        call.params.client_id("newClientOrderId"),
        _restrictions(call.params),
    )
    call.enter_engine()
    return call.wire.cancelled(wish.run(call.venue, call.account))


def _cancel_all(call: Call) -> list[Json]:
    venue, account = call.venue, call.account
    call.check_symbol()
    call.enter_engine()
    working = venue.exchange.open_orders(account)
    if not working:
        raise errors.no_cancel()
    return [call.wire.cancelled(cancel(venue, account, order, None)) for order in working]


def _cancel_replace(call: Call) -> Json:
    venue, account, params = call.venue, call.account, call.params
    call.check_symbol()
    mode = params.need_choice("cancelReplaceMode", MODES, errors.invalid("cancelReplaceMode"))
    exceeded_mode = params.choice("orderRateLimitExceededMode", EXCEEDED_MODES) or "DO_NOTHING"
    wish = Cancel(
        named(params, "cancelOrderId", "cancelOrigClientOrderId"),
        params.client_id("cancelNewClientOrderId"),
        _restrictions(params),
    )
    request = orders.read(params, venue)
    params.finish()
    orders.check(venue, account, request)
    exceeded: BinanceError | None = None
    try:
        venue.limits.order(account.uid)
    except BinanceError as error:
        if exceeded_mode == "DO_NOTHING":
            raise
        exceeded = error
    call.enter_engine(placing=True)

    cancelled, kept = _attempt(lambda: call.wire.cancelled(wish.run(venue, account)))
    if kept is not None and mode == "STOP_ON_FAILURE":
        if exceeded is None:
            venue.limits.ordered(account.uid)  # it counts although it was not attempted
        outcome = _outcome(cancelled, kept, None, None) | {"newOrderResult": "NOT_ATTEMPTED"}
        raise _failed(outcome, 400 if exceeded is None else 429)
    placed, refused = None, exceeded
    if exceeded is None:
        placed, refused = _attempt(
            lambda: orders.described(call, orders.enter(venue, account, request), request.reply)
        )
    outcome = _outcome(cancelled, kept, placed, refused)
    if kept is None and refused is None:
        return outcome
    if kept is not None and refused is not None:
        raise _failed(outcome, 400)
    text = "Order cancel-replace partially failed."
    raise BinanceError(409, -2021, text, data=outcome)


def _attempt(half: Callable[[], Json]) -> tuple[Json | None, BinanceError | None]:
    """The reply of one half, or its refusal."""
    try:
        return half(), None
    except BinanceError as error:
        return None, error


def _outcome(
    cancelled: Json | None,
    kept: BinanceError | None,
    placed: Json | None,
    refused: BinanceError | None,
) -> Json:
    return {
        "cancelResult": "SUCCESS" if kept is None else "FAILURE",
        "newOrderResult": "SUCCESS" if refused is None else "FAILURE",
        "cancelResponse": cancelled if kept is None else kept.body,
        "newOrderResponse": placed if refused is None else refused.body,
    }


def _failed(outcome: Json, status: int) -> BinanceError:
    return BinanceError(status, -2022, "Order cancel-replace failed.", data=outcome)


def _restrictions(params: Params) -> str | None:
    return params.choice("cancelRestrictions", RESTRICTIONS, errors.cancel_restrictions())


ENDPOINTS: Final = (
    Endpoint(
        rest="DELETE /order", ws="order.cancel", handle=_cancel, signed=True, free=True,
        cancels=True,
    ),
    Endpoint(
        rest="DELETE /openOrders", ws="openOrders.cancelAll", handle=_cancel_all, signed=True,
        free=True, cancels=True,
    ),
    Endpoint(
        rest="POST /order/cancelReplace", ws="order.cancelReplace", handle=_cancel_replace,
        signed=True, free=True, orders=True,
    ),
)  # fmt: skip
