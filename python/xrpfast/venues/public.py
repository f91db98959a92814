"""The venues as anybody may see them, for who watches them without a key.

What is imported here knows no key, no signer and no order (an import contract says so), so whoever
watches a real venue by it can neither read an account nor trade.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xrpfast.errors import UsageError
from xrpfast.venues.binance.data import BinanceData
from xrpfast.venues.kucoin.data import KucoinData

if TYPE_CHECKING:
    from xrpfast.config.venues import VenuesSection
    from xrpfast.venues.data import MarketData


def public_data(config: VenuesSection) -> list[MarketData]:
    """The venues that the configuration asks for. Raises `UsageError` when there are too few."""
    if not (config.binance.enabled and config.kucoin.enabled):
        raise UsageError("[venues]: arbitrage needs two venues: enable binance and kucoin")
    return [BinanceData(config.binance), KucoinData(config.kucoin)]
