"""New orders: from a request's parameters to the exchange, and the reply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from xrpfast.model import MONEY_ONE, Side, TimeInForce
from xrpfast.simulation.account import Account
from xrpfast.simulation.binance import errors, filters
from xrpfast.simulation.binance.call import Call, Endpoint
from xrpfast.simulation.binance.params import ONE, PLACES, Params
from xrpfast.simulation.binance.price_range import taker_limit
from xrpfast.simulation.binance.venue import Venue
from xrpfast.simulation.binance.wire import ZERO, Json
from xrpfast.simulation.orders import NewOrder, Order, Stp, VenueRefusal

TYPES: Final = (
    "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)  # fmt: skip
WITH_TIF: Final = ("LIMIT", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT")
WITH_PRICE: Final = (*WITH_TIF, "LIMIT_MAKER")
REPLIES: Final = ("ACK", "RESULT", "FULL")
STP: Final = {
    "NONE": Stp.NONE,
    "EXPIRE_TAKER": Stp.EXPIRE_TAKER,
    "EXPIRE_MAKER": Stp.EXPIRE_MAKER,
    "EXPIRE_BOTH": Stp.EXPIRE_BOTH,
    "DECREMENT": Stp.DECREMENT,
    # Moves the overlap between accounts; inside one account there is nothing to move.
    "TRANSFER": Stp.DECREMENT,
}
STRATEGY_TYPES_FROM: Final = 1_000_000
UNSUPPORTED: Final = {
    "STOP_LOSS": "Stop loss orders are not supported for this symbol.",
    "STOP_LOSS_LIMIT": "Stop loss limit orders are not supported for this symbol.",
    "TAKE_PROFIT": "Take profit orders are not supported for this symbol.",
    "TAKE_PROFIT_LIMIT": "Take profit limit orders are not supported for this symbol.",
}
MAX_UNITS: Final = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A new order as it was asked for; amounts in 10^-8, ``funds`` in money."""

    side: Side
    kind: str
    tif: TimeInForce
    price: int | None
    qty: int | None
    funds: int | None
    stop_price: int | None
    iceberg_qty: int | None
    trailing_delta: int | None
    pegged: bool
    client_id: str | None
    stp: str
    reply: str
    extra: Json


def read(params: Params, venue: Venue) -> Request:
    """The order that the parameters describe; raises for each that is not as it must be."""
    side = Side[params.need_choice("side", ("BUY", "SELL"), errors.side())]
    kind = params.need_choice("type", TYPES, errors.order_type())
    pegged = _pegged(params, kind)
    qty, funds = _size(params, kind)
    price = _price(params, kind, pegged=pegged)
    stop_price, trailing_delta = _trigger(params, kind)
    stp = params.choice("selfTradePreventionMode", STP) or venue.default_stp
    default_reply = "FULL" if kind in ("LIMIT", "MARKET") else "ACK"
    return Request(
        side=side,
        kind=kind,
        tif=_time_in_force(params, kind),
        price=price,
        qty=qty,
        funds=funds,
        stop_price=stop_price,
        iceberg_qty=_iceberg(params, kind),
        trailing_delta=trailing_delta,
        pegged=pegged,
        client_id=params.client_id("newClientOrderId"),
        stp=stp,
        reply=params.choice("newOrderRespType", REPLIES) or default_reply,
        extra=_strategy(params) | {"stp": stp},
    )


def check(venue: Venue, account: Account, request: Request) -> None:
    """What the API looks at before the engine does: status, filters, what the symbol supports."""
    if venue.status != "TRADING":
        raise errors.message(errors.MARKET_CLOSED)
    if request.price == 0:
        raise errors.message("Invalid price.")
    if request.qty == 0:
        raise errors.message("Invalid quantity.")
    filters.check(venue.filters, candidate(venue, account, request))
    if request.stp != "NONE" and request.stp not in venue.stp_modes:
        text = "This symbol does not allow the specified self-trade prevention mode."
        raise errors.message(text)
    if request.trailing_delta is not None:
        raise errors.message("Trailing stop orders are not supported for this symbol.")
    if request.kind in UNSUPPORTED:
        raise errors.message(UNSUPPORTED[request.kind])
    if request.iceberg_qty:
        raise errors.message("Iceberg orders are not supported for this symbol.")
    if request.pegged:
        raise errors.message("Pegged orders are not supported for this symbol.")


def candidate(venue: Venue, account: Account, request: Request) -> filters.Candidate:
    """The order as the filters see it."""
    rules = venue.exchange.rules
    working = venue.exchange.open_orders(account)
    base = account.balance(rules.base)
    buys = sum(order.remaining for order in working if order.side is Side.BUY)
    return filters.Candidate(
        side=request.side,
        kind=request.kind,
        price=request.price,
        qty=request.qty,
        funds=request.funds,
        stop_price=request.stop_price,
        iceberg_qty=request.iceberg_qty,
        trailing_delta=request.trailing_delta,
        average=venue.average,
        open_orders=len(working),
        account_orders=len(working),
        position=base.total * ONE // MONEY_ONE + buys * 10 ** (PLACES - rules.qty_decimals),
        assets=(rules.base, rules.quote),
    )


def enter(venue: Venue, account: Account, request: Request) -> Order:
    """Hands the order to the engine; returns it after matching. Raises as the venue refuses."""
    exchange = venue.exchange
    rules = exchange.rules
    limit = None
    if venue.price_range is not None and venue.reference_price is not None:
        best = exchange.matching.best(request.side.opposite)
        limit = taker_limit(
            venue.price_range, venue.reference_price, request.side, best[0] if best else None
        )
    new = NewOrder(
        client_id=request.client_id or venue.fresh_id(),
        side=request.side,
        qty=_units(request.qty, rules.qty_decimals, "LOT_SIZE"),
        price=_units(request.price, rules.price_decimals, "PRICE_FILTER"),
        funds=request.funds,
        tif=request.tif,
        post_only=request.kind == "LIMIT_MAKER",
        stp=STP[request.stp],
        taker_limit=limit,
        judged=True,
        extra=request.extra,
    )
    try:
        order = exchange.place(account, new)
    except VenueRefusal as refusal:
        raise errors.REFUSALS[refusal.key] from None
    venue.limits.ordered(account.uid)
    return order


def described(call: Call, order: Order, reply: str) -> Json:
    """The reply of the kind that was asked for."""
    write = {"ACK": call.wire.ack, "RESULT": call.wire.result, "FULL": call.wire.full}
    return write[reply](order)


# --- endpoints ------------------------------------------------------------------------------------


def _place(call: Call) -> Json:
    venue = call.venue
    call.check_symbol()
    request = read(call.params, venue)
    call.params.finish()
    check(venue, call.account, request)
    venue.limits.order(call.account.uid)
    call.enter_engine(placing=True)
    return described(call, enter(venue, call.account, request), request.reply)


def _test(call: Call) -> Json:
    call.check_symbol()
    request = read(call.params, call.venue)
    commissions = call.params.flag("computeCommissionRates")
    call.params.finish()
    check(call.venue, call.account, request)
    if not commissions:
        return {}
    maker, taker = call.wire.rates()
    return {
        "standardCommissionForOrder": {"maker": maker, "taker": taker},
        "specialCommissionForOrder": {"maker": ZERO, "taker": ZERO},
        "taxCommissionForOrder": {"maker": ZERO, "taker": ZERO},
        "discount": discount(),
    }


def discount() -> Json:
    """Fees are taken from what is received, never from BNB."""
    return {
        "enabledForAccount": False,
        "enabledForSymbol": False,
        "discountAsset": "BNB",
        "discount": ZERO,
    }


def _test_weight(params: Params) -> int:
    return 20 if params.values.get("computeCommissionRates") == "true" else 1


ENDPOINTS: Final = (
    Endpoint(
        rest="POST /order", ws="order.place", handle=_place, signed=True, free=True, orders=True
    ),
    Endpoint(
        rest="POST /order/test", ws="order.test", handle=_test, signed=True, weight=_test_weight
    ),
)


# --- one parameter after another ------------------------------------------------------------------


def _time_in_force(params: Params, kind: str) -> TimeInForce:
    if kind not in WITH_TIF:
        if params.get("timeInForce") is not None:
            raise errors.not_required("timeInForce")
        return TimeInForce.GTC
    known = ("GTC", "IOC", "FOK")
    return TimeInForce[params.need_choice("timeInForce", known, errors.time_in_force())]


def _size(params: Params, kind: str) -> tuple[int | None, int | None]:
    """Quantity or, of a market order, money of the quote asset."""
    if kind != "MARKET":
        if params.get("quoteOrderQty") is not None:
            raise errors.not_required("quoteOrderQty")
        return params.need_decimal("quantity"), None
    qty, funds = params.decimal("quantity"), params.decimal("quoteOrderQty")
    if qty is None and funds is None:
        raise errors.missing_both("quantity", "quoteOrderQty")
    if qty is not None and funds is not None:
        raise errors.bad_combination()
    return qty, None if funds is None else funds * (MONEY_ONE // ONE)


def _price(params: Params, kind: str, *, pegged: bool) -> int | None:
    if kind not in WITH_PRICE:
        if params.get("price") is not None:
            raise errors.not_required("price")
        return None
    return params.decimal("price") if pegged else params.need_decimal("price")


def _trigger(params: Params, kind: str) -> tuple[int | None, int | None]:
    """Stop price and trailing delta."""
    stop_price, delta = params.decimal("stopPrice"), params.integer("trailingDelta")
    if kind in UNSUPPORTED:
        if stop_price is None and delta is None:
            raise errors.missing_both("stopPrice", "trailingDelta")
    elif stop_price is not None or delta is not None:
        raise errors.not_required("stopPrice" if stop_price is not None else "trailingDelta")
    return stop_price, delta


def _iceberg(params: Params, kind: str) -> int | None:
    qty = params.decimal("icebergQty")
    if qty is not None and kind not in WITH_PRICE:
        raise errors.not_required("icebergQty")
    return qty or None


def _pegged(params: Params, kind: str) -> bool:
    known = ("PRIMARY_PEG", "MARKET_PEG")
    refusal = errors.BinanceError(400, -1210, "Invalid pegPriceType.")
    price_type = params.choice("pegPriceType", known, refusal)
    refusal = errors.BinanceError(400, -1211, "Invalid pegOffsetType.")
    offset_type = params.choice("pegOffsetType", ("PRICE_LEVEL",), refusal)
    offset = params.integer("pegOffsetValue", 1, 100)
    if (offset_type is None) != (offset is None) or (price_type is None and offset is not None):
        raise errors.bad_combination()
    if price_type is not None and kind == "MARKET":
        raise errors.message("This order type may not use pegged price.")
    return price_type is not None


def _strategy(params: Params) -> Json:
    extra: dict[str, Any] = {}
    number, kind = params.integer("strategyId"), params.integer("strategyType")
    if kind is not None and kind < STRATEGY_TYPES_FROM:
        raise errors.strategy_type()
    if number is not None:
        extra["strategyId"] = number
    if kind is not None:
        extra["strategyType"] = kind
    return extra


def _units(value: int | None, decimals: int, name: str) -> int | None:
    """An amount that passed its filter in the units of the exchange."""
    if value is None:
        return None
    scale: int = 10 ** (PLACES - decimals)
    units, rest = divmod(value, scale)
    if rest or units > MAX_UNITS:
        raise errors.filter_failure(name)
    return units
