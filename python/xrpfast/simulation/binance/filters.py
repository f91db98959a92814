"""The symbol's filters: what each is called, what exchangeInfo says of it, and what passes it.

`FILTERS` is the whole of it, one row a filter. Prices, quantities and multipliers are integers of
10^-8, money of 10^-18. A filter whose value is None (or 0, where the venue says so) is off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from xrpfast.model import MONEY_ONE, Side, SymbolRules
from xrpfast.simulation.binance import errors
from xrpfast.simulation.texts import fixed_money

Json = dict[str, Any]
PLACES: Final = 8
ONE: Final = 10**PLACES
MONEY_SCALE: Final = MONEY_ONE // ONE**2
AVERAGE_MINUTES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterValues:
    """What the filters of a symbol allow."""

    min_price: int
    max_price: int
    tick: int
    min_qty: int
    max_qty: int
    lot: int
    min_notional: int
    """Money."""
    max_notional: int = 9_000_000 * MONEY_ONE
    apply_min_to_market: bool = True
    apply_max_to_market: bool = False
    plain_min_notional: int | None = None
    """Money; the older MIN_NOTIONAL beside NOTIONAL."""
    market_min_qty: int = 0
    market_max_qty: int = 0
    market_lot: int = 0
    bid_up: int = 5 * ONE
    bid_down: int = ONE // 5
    ask_up: int = 5 * ONE
    ask_down: int = ONE // 5
    percent_up: int | None = None
    percent_down: int | None = None
    """With ``percent_up`` the older PERCENT_PRICE."""
    iceberg_parts: int = 100
    max_orders: int = 200
    max_algo_orders: int = 5
    max_iceberg_orders: int | None = None
    max_order_lists: int = 20
    max_amends: int = 10
    max_position: int | None = None
    min_trailing_above: int = 10
    max_trailing_above: int = 2_000
    min_trailing_below: int = 10
    max_trailing_below: int = 2_000
    max_account_orders: int | None = None
    """Over the whole account: EXCHANGE_MAX_NUM_ORDERS."""
    max_asset: tuple[str, int] | None = None
    """An asset and the most of it (money) that one order may move."""

    @classmethod
    def of(cls, rules: SymbolRules) -> FilterValues:
        """As the venue's rules state them."""
        price, qty = 10 ** (PLACES - rules.price_decimals), 10 ** (PLACES - rules.qty_decimals)
        return cls(
            min_price=rules.tick * price,
            max_price=(10_000 if rules.base == "XRP" else 1_000_000) * ONE,
            tick=rules.tick * price,
            min_qty=rules.min_qty * qty,
            max_qty=rules.max_qty * qty,
            lot=rules.lot * qty,
            min_notional=rules.min_notional,
            market_max_qty=rules.max_qty * qty,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An order that wants to pass, with what the filters need to know of its customer."""

    side: Side
    kind: str
    """The venue's order type."""
    price: int | None = None
    qty: int | None = None
    funds: int | None = None
    """Money of a market order by quote quantity."""
    stop_price: int | None = None
    iceberg_qty: int | None = None
    trailing_delta: int | None = None
    average: Callable[[int], int]
    """The price over so many minutes that multipliers and market orders go by; 0: none yet."""
    open_orders: int = 0
    open_algo_orders: int = 0
    open_iceberg_orders: int = 0
    account_orders: int = 0
    position: int = 0
    """Base asset that is held, free or locked, and what open buys may add."""
    assets: tuple[str, str] = ("", "")
    """Base and quote."""

    @property
    def algo(self) -> bool:
        return self.kind.startswith(("STOP_LOSS", "TAKE_PROFIT"))

    @property
    def market(self) -> bool:
        return self.kind in ("MARKET", "STOP_LOSS", "TAKE_PROFIT")

    @property
    def worth(self) -> int | None:
        """Money at its own price, or at the average; None where neither is known."""
        if self.funds is not None:
            return self.funds
        price = self.average(AVERAGE_MINUTES) if self.price is None else self.price
        return notional(price, self.qty) if price and self.qty is not None else None


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter; ``passes`` is None when only others enforce it."""

    name: str
    fields: Callable[[FilterValues], Json]
    passes: Callable[[FilterValues, Candidate], bool] | None = None
    needs: str = "tick"
    """The value without which it is off."""

    def on(self, values: FilterValues) -> bool:
        return getattr(values, self.needs) is not None


def notional(price: int, qty: int) -> int:
    """Money of a quantity at a price."""
    return price * qty * MONEY_SCALE


def check(values: FilterValues, candidate: Candidate) -> None:
    """Raises -1013 with the first filter that the candidate does not pass."""
    for row in (*FILTERS, *EXCHANGE_FILTERS, *ASSET_FILTERS):
        if row.passes is None or not row.on(values):
            continue
        if not row.passes(values, candidate):
            raise errors.filter_failure(row.name)


def described(values: FilterValues, rows: Iterable[Filter]) -> list[Json]:
    """The filters that are on, as exchangeInfo lists them."""
    return [{"filterType": row.name} | row.fields(values) for row in rows if row.on(values)]


# --- one function a filter ------------------------------------------------------------------------


def _within(value: int, low: int, high: int, step: int) -> bool:
    """Zero switches a bound off."""
    return value >= low and (not high or value <= high) and (not step or not value % step)


def _price(values: FilterValues, order: Candidate) -> bool:
    prices = (order.price, order.stop_price)
    return all(
        price is None
        or (price > 0 and _within(price, values.min_price, values.max_price, values.tick))
        for price in prices
    )


def _percent(values: FilterValues, order: Candidate) -> bool:
    up, down = values.percent_up or 0, values.percent_down or 0
    return _percent_within(order, up, down)


def _percent_by_side(values: FilterValues, order: Candidate) -> bool:
    if order.side is Side.BUY:
        return _percent_within(order, values.bid_up, values.bid_down)
    return _percent_within(order, values.ask_up, values.ask_down)


def _percent_within(order: Candidate, up: int, down: int) -> bool:
    if order.price is None:
        return True
    average = order.average(AVERAGE_MINUTES)
    return not average or average * down <= order.price * ONE <= average * up


def _lot(values: FilterValues, order: Candidate) -> bool:
    return all(
        qty is None or (qty > 0 and _within(qty, values.min_qty, values.max_qty, values.lot))
        for qty in (order.qty, order.iceberg_qty)
    )


def _market_lot(values: FilterValues, order: Candidate) -> bool:
    if not order.market or order.qty is None:
        return True
    low, high = values.market_min_qty, values.market_max_qty
    return _within(order.qty, low, high, values.market_lot)


def _min_notional(values: FilterValues, order: Candidate) -> bool:
    worth = order.worth
    return worth is None or worth >= (values.plain_min_notional or 0)


def _notional(values: FilterValues, order: Candidate) -> bool:
    worth = order.worth
    if worth is None:
        return True
    low = values.apply_min_to_market or not order.market
    high = values.apply_max_to_market or not order.market
    if low and worth < values.min_notional:
        return False
    return not high or worth <= values.max_notional


def _iceberg_parts(values: FilterValues, order: Candidate) -> bool:
    if not order.iceberg_qty or order.qty is None:
        return True
    return -(-order.qty // order.iceberg_qty) <= values.iceberg_parts


def _max_position(values: FilterValues, order: Candidate) -> bool:
    if order.side is Side.SELL or values.max_position is None:
        return True
    return order.position + (order.qty or 0) <= values.max_position


def _trailing_delta(values: FilterValues, order: Candidate) -> bool:
    if order.trailing_delta is None:
        return True
    stop_loss, buy = order.kind.startswith("STOP_LOSS"), order.side is Side.BUY
    if stop_loss == buy:
        return values.min_trailing_above <= order.trailing_delta <= values.max_trailing_above
    return values.min_trailing_below <= order.trailing_delta <= values.max_trailing_below


def _max_asset(values: FilterValues, order: Candidate) -> bool:
    assert values.max_asset is not None
    asset, limit = values.max_asset
    base, quote = order.assets
    moved = order.worth if asset == quote else (order.qty or 0) * (MONEY_ONE // ONE)
    return asset not in (base, quote) or moved is None or moved <= limit


def _asset_fields(values: FilterValues) -> Json:
    assert values.max_asset is not None
    asset, limit = values.max_asset
    return {"asset": asset, "limit": fixed_money(limit, PLACES)}


def _count(name: str, value: str) -> Callable[[FilterValues], Json]:
    return lambda values: {name: getattr(values, value)}


def _text(value: int | None) -> str:
    whole, part = divmod(value or 0, ONE)
    return f"{whole}.{part:08d}"


def _range(low: str, high: str, step: str, *names: str) -> Callable[[FilterValues], Json]:
    def fields(values: FilterValues) -> Json:
        shown = (getattr(values, name) for name in names)
        return dict(zip((low, high, step), map(_text, shown), strict=True))

    return fields


FILTERS: Final = (
    Filter(
        "PRICE_FILTER",
        _range("minPrice", "maxPrice", "tickSize", "min_price", "max_price", "tick"),
        _price,
    ),
    Filter("LOT_SIZE", _range("minQty", "maxQty", "stepSize", "min_qty", "max_qty", "lot"), _lot),
    Filter("ICEBERG_PARTS", _count("limit", "iceberg_parts"), _iceberg_parts),
    Filter(
        "MARKET_LOT_SIZE",
        _range("minQty", "maxQty", "stepSize", "market_min_qty", "market_max_qty", "market_lot"),
        _market_lot,
    ),
    Filter(
        "TRAILING_DELTA",
        lambda v: {
            "minTrailingAboveDelta": v.min_trailing_above,
            "maxTrailingAboveDelta": v.max_trailing_above,
            "minTrailingBelowDelta": v.min_trailing_below,
            "maxTrailingBelowDelta": v.max_trailing_below,
        },
        _trailing_delta,
    ),
    Filter(
        "PERCENT_PRICE",
        lambda v: {
            "multiplierUp": _text(v.percent_up),
            "multiplierDown": _text(v.percent_down),
            "avgPriceMins": AVERAGE_MINUTES,
        },
        _percent,
        "percent_up",
    ),
    Filter(
        "PERCENT_PRICE_BY_SIDE",
        lambda v: {
            "bidMultiplierUp": _text(v.bid_up),
            "bidMultiplierDown": _text(v.bid_down),
            "askMultiplierUp": _text(v.ask_up),
            "askMultiplierDown": _text(v.ask_down),
            "avgPriceMins": AVERAGE_MINUTES,
        },
        _percent_by_side,
    ),
    Filter(
        "MIN_NOTIONAL",
        lambda v: {
            "minNotional": fixed_money(v.plain_min_notional or 0, PLACES),
            "applyToMarket": True,
            "avgPriceMins": AVERAGE_MINUTES,
        },
        _min_notional,
        "plain_min_notional",
    ),
    Filter(
        "NOTIONAL",
        lambda v: {
            "minNotional": fixed_money(v.min_notional, PLACES),
            "applyMinToMarket": v.apply_min_to_market,
            "maxNotional": fixed_money(v.max_notional, PLACES),
            "applyMaxToMarket": v.apply_max_to_market,
            "avgPriceMins": AVERAGE_MINUTES,
        },
        _notional,
    ),
    Filter(
        "MAX_POSITION",
        lambda v: {"maxPosition": _text(v.max_position)},
        _max_position,
        "max_position",
    ),
    Filter(
        "MAX_NUM_ORDERS",
        _count("maxNumOrders", "max_orders"),
        lambda v, order: order.open_orders < v.max_orders,
    ),
    Filter("MAX_NUM_ORDER_LISTS", _count("maxNumOrderLists", "max_order_lists")),
    Filter(
        "MAX_NUM_ALGO_ORDERS",
        _count("maxNumAlgoOrders", "max_algo_orders"),
        lambda v, order: not order.algo or order.open_algo_orders < v.max_algo_orders,
    ),
    Filter(
        "MAX_NUM_ICEBERG_ORDERS",
        _count("maxNumIcebergOrders", "max_iceberg_orders"),
        lambda v, order: (
            not order.iceberg_qty or order.open_iceberg_orders < (v.max_iceberg_orders or 0)
        ),
        "max_iceberg_orders",
    ),
    Filter("MAX_NUM_ORDER_AMENDS", _count("maxNumOrderAmends", "max_amends")),
)
"""Of the symbol, in the order in which they are told and checked."""

EXCHANGE_FILTERS: Final = (
    Filter(
        "EXCHANGE_MAX_NUM_ORDERS",
        _count("maxNumOrders", "max_account_orders"),
        lambda v, order: order.account_orders < (v.max_account_orders or 0),
        "max_account_orders",
    ),
)
"""Of the whole account."""

ASSET_FILTERS: Final = (
    Filter(
        "MAX_ASSET",
        _asset_fields,
        _max_asset,
        "max_asset",
    ),
)
"""Told by `myFilters` only."""
