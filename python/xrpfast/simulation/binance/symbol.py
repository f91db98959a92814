"""What the venue says of itself and its symbol: time, exchangeInfo, executionRules."""

from __future__ import annotations

from typing import Final

from xrpfast.simulation.binance import errors, filters
from xrpfast.simulation.binance.call import Call, Endpoint
from xrpfast.simulation.binance.params import Params
from xrpfast.simulation.binance.price_range import described
from xrpfast.simulation.binance.venue import Venue
from xrpfast.simulation.binance.wire import Json

QUERYABLE_STATUSES: Final = ("TRADING", "HALT", "BREAK")
PERMISSIONS: Final = frozenset({"SPOT", "MARGIN", "LEVERAGED"})
TRADED_AS: Final = "SPOT"


def _ping(call: Call) -> Json:
    return {}


def _time(call: Call) -> Json:
    return {"serverTime": call.wire.time(call.venue.exchange.wall_ns())}


def _exchange_info(call: Call) -> Json:
    venue, params = call.venue, call.params
    names = named_symbols(call)
    status = params.choice("symbolStatus", QUERYABLE_STATUSES, errors.symbol_status())
    permissions = _permissions(params)
    show_sets = params.flag("showPermissionSets", default=True)
    if names is not None and (status is not None or permissions is not None):
        raise errors.bad_combination()
    shown = status in (None, venue.status)
    if permissions is not None and TRADED_AS not in permissions:
        shown = False
    return {
        "timezone": "UTC",
        "serverTime": call.wire.time(venue.exchange.wall_ns()),
        "rateLimits": venue.limits.rows(connections=call.session is not None),
        "exchangeFilters": filters.described(venue.filters, filters.EXCHANGE_FILTERS),
        "symbols": [symbol(venue, show_sets=show_sets)] if shown else [],
    }


def _execution_rules(call: Call) -> Json:
    venue, names = call.venue, named_symbols(call)
    status = call.params.choice("symbolStatus", QUERYABLE_STATUSES, errors.symbol_status())
    if names is not None and status is not None:
        raise errors.bad_combination()
    if status not in (None, venue.status):
        return {"symbolRules": []}
    rules = [] if venue.price_range is None else [described(venue.price_range)]
    return {"symbolRules": [{"symbol": venue.exchange.rules.venue_symbol, "rules": rules}]}


def named_symbols(call: Call) -> list[str] | None:
    """What ``symbol`` or ``symbols`` name, None for neither; raises -1128, -1121, -1151."""
    name = call.check_symbol(optional=True)
    names = call.params.texts("symbols")
    if name is not None and names is not None:
        raise errors.bad_combination()
    if names is None:
        return None if name is None else [name]
    for each in names:
        call.venue.check_symbol(each)
    if len(set(names)) < len(names):
        raise errors.duplicate_symbols()
    return names


def _permissions(params: Params) -> list[str] | None:
    """A list, or one name as it stands."""
    try:
        names = params.texts("permissions")
    except errors.BinanceError:
        names = [params.need("permissions")]
    if names is not None and not PERMISSIONS.issuperset(names):
        raise errors.invalid("permissions")
    return names


def symbol(venue: Venue, *, show_sets: bool = True) -> Json:
    """The symbol object of exchangeInfo."""
    rules = venue.exchange.rules
    body = {
        "symbol": rules.venue_symbol,
        "status": venue.status,
        "baseAsset": rules.base,
        "baseAssetPrecision": 8,
        "quoteAsset": rules.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": filters.described(venue.filters, filters.FILTERS),
        "permissions": [],
        "permissionSets": [[TRADED_AS]],
        "defaultSelfTradePreventionMode": venue.default_stp,
        "allowedSelfTradePreventionModes": list(venue.stp_modes),
    }
    if not show_sets:
        del body["permissionSets"]
    return body


def _rules_weight(params: Params) -> int:
    if params.has("symbol"):
        return 2
    if not params.has("symbols"):
        return 40
    try:
        return min(2 * len(params.texts("symbols") or []), 40)
    except errors.BinanceError:
        return 2


ENDPOINTS: Final = (
    Endpoint(rest="GET /ping", ws="ping", handle=_ping),
    Endpoint(rest="GET /time", ws="time", handle=_time),
    Endpoint(rest="GET /exchangeInfo", ws="exchangeInfo", handle=_exchange_info, weight=20),
    Endpoint(
        rest="GET /executionRules", ws="executionRules", handle=_execution_rules,
        weight=_rules_weight,
    ),
)  # fmt: skip
