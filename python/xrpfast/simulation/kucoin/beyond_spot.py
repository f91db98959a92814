"""What a client of the whole venue asks on its way to one spot pair.

Before its first order such a client looks for currencies, margin pairs, contracts and the account's
mode. This venue trades one pair for cash in classic mode, and says so in the venue's words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from . import errors
from .wire import Json

if TYPE_CHECKING:
    from .rest import Call

_NAMES: Final = {"XRP": ("XRP", "xrp", 6), "USDT": ("Tether", "eth", 8)}
"""Full name, chain and decimals of what trades here; any other asset is named by its code."""


def currencies(call: Call) -> list[Json]:
    rules = call.venue.exchange.rules
    return [_currency(asset) for asset in (rules.base, rules.quote)]


def currency(call: Call) -> Json:
    for found in currencies(call):
        if found["currency"] == call.path["currency"]:
            return found
    raise errors.CURRENCY_UNKNOWN.refuse()


def margin_symbols(call: Call) -> Json:
    return {"timestamp": call.venue.now_ms(), "items": []}


def isolated_symbols(call: Call) -> list[Json]:
    return []


def contracts(call: Call) -> list[Json]:
    return []


def account_mode(call: Call) -> Json:
    return {
        "selfAccountMode": "CLASSIC",
        "unifiedSubAccount": [],
        "classicSubAccount": [],
    }


def _currency(asset: str) -> Json:
    name, chain, decimals = _NAMES.get(asset, (asset, asset.lower(), 8))
    return {
        "currency": asset,
        "name": asset,
        "fullName": name,
        "precision": decimals,
        "confirms": None,
        "contractAddress": None,
        "isMarginEnabled": False,
        "isDebitEnabled": False,
        # Nothing can be moved in or out: the money of a mock is made on its control port.
        "chains": [
            {
                "chainName": chain.upper(),
                "withdrawalMinSize": "1",
                "depositMinSize": None,
                "withdrawFeeRate": "0",
                "withdrawalMinFee": "0.2",
                "isWithdrawEnabled": False,
                "isDepositEnabled": False,
                "confirms": 1,
                "preConfirms": 1,
                "contractAddress": "",
                "withdrawPrecision": decimals,
                "maxWithdraw": None,
                "maxDeposit": None,
                "needTag": asset == "XRP",
                "chainId": chain,
            }
        ],
    }
