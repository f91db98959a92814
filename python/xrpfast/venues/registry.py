"""The venues that there are, and which of them the configuration asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xrpfast.errors import UsageError
from xrpfast.venues.binance.venue import Binance
from xrpfast.venues.kucoin.venue import Kucoin

if TYPE_CHECKING:
    from xrpfast.config.venues import VenuesSection
    from xrpfast.venues.venue import Venue


def enabled(config: VenuesSection) -> Sequence[Venue]:
    """The venues that the configuration asks for, in the order of their books.

    Raises `UsageError` when there are too few or one has no usable key.
    """
    if not (config.binance.enabled and config.kucoin.enabled):
        raise UsageError("[venues]: arbitrage needs two venues: enable binance and kucoin")
    return [Binance(config.binance), Kucoin(config.kucoin)]
