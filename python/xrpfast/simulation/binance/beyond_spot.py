"""What a client of the whole venue asks on its way to one spot pair, and what its key may do.

Before its first order such a client looks for currencies, margin pairs and contracts, below other
paths than `/api/v3`. This venue trades one pair for cash, and says so in the venue's words. Their
weights count on limits of their own, which are out of reach here.
"""

from __future__ import annotations

from typing import Final

from xrpfast.simulation.account import Balance
from xrpfast.simulation.binance.call import Call, Endpoint
from xrpfast.simulation.binance.keys import CREATED_MS
from xrpfast.simulation.binance.wire import MS, Json
from xrpfast.simulation.texts import fixed_money

_NAMES: Final = {"XRP": ("Ripple", "XRP"), "USDT": ("TetherUS", "ETH")}
"""Full name and network of what trades here; any other asset is named by its code."""


def _coins(call: Call) -> list[Json]:
    rules = call.venue.exchange.rules
    return [_coin(asset, call.account.balance(asset)) for asset in (rules.base, rules.quote)]


def _coin(asset: str, held: Balance) -> Json:
    name, network = _NAMES.get(asset, (asset, asset))
    return {
        "coin": asset,
        "name": name,
        "free": fixed_money(held.free, 8),
        "locked": fixed_money(held.locked, 8),
        "freeze": "0",
        "withdrawing": "0",
        "ipoing": "0",
        "ipoable": "0",
        "storage": "0",
        "isLegalMoney": False,
        "trading": True,
        "depositAllEnable": False,
        "withdrawAllEnable": False,
        "networkList": [
            {
                "network": network,
                "coin": asset,
                "name": network,
                "isDefault": True,
                "depositEnable": False,
                "withdrawEnable": False,
                "depositDesc": "Nothing comes into a mock venue.",
                "withdrawDesc": "Nothing leaves a mock venue.",
                "withdrawFee": "0",
                "withdrawMin": "0",
                "withdrawMax": "0",
                "withdrawIntegerMultiple": "0.00000001",
                "minConfirm": 1,
                "unLockConfirm": 1,
                "busy": False,
            }
        ],
    }


def _trade_fee(call: Call) -> list[Json]:
    call.check_symbol(optional=True)
    maker, taker = call.wire.rates()
    symbol = call.venue.exchange.rules.venue_symbol
    return [{"symbol": symbol, "makerCommission": maker, "takerCommission": taker}]


def _api_restrictions(call: Call) -> Json:
    return {**call.venue.keys.rights, "createTime": CREATED_MS}


def _no_pairs(call: Call) -> list[Json]:
    return []


def _no_contracts(call: Call) -> Json:
    return {
        "timezone": "UTC",
        "serverTime": call.venue.exchange.wall_ns() // MS,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [],
    }


_SAPI: Final = "/sapi/v1"
ENDPOINTS: Final = (
    Endpoint(base=_SAPI, rest="GET /capital/config/getall", handle=_coins, weight=0, signed=True),
    Endpoint(base=_SAPI, rest="GET /asset/tradeFee", handle=_trade_fee, weight=0, signed=True),
    Endpoint(
        base=_SAPI, rest="GET /account/apiRestrictions", handle=_api_restrictions, weight=0,
        signed=True,
    ),
    Endpoint(base=_SAPI, rest="GET /margin/allPairs", handle=_no_pairs, weight=0, signed=True),
    Endpoint(
        base=_SAPI, rest="GET /margin/isolated/allPairs", handle=_no_pairs, weight=0, signed=True
    ),
    Endpoint(base="/fapi/v1", rest="GET /exchangeInfo", handle=_no_contracts, weight=0),
    Endpoint(base="/dapi/v1", rest="GET /exchangeInfo", handle=_no_contracts, weight=0),
)  # fmt: skip
