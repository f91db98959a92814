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

    Raises `UsageError` when there are too few or one has no key.
    """
    if not (config.binance.enabled and config.kucoin.enabled):
        raise UsageError("[venues]: arbitrage needs two venues: enable binance and kucoin")
    _check_keys("binance", config.binance, ("api_key", "api_secret"))
    _check_keys("kucoin", config.kucoin, ("api_key", "api_secret", "passphrase"))
    return [Binance(config.binance), Kucoin(config.kucoin)]


def _check_keys(venue: str, section: object, names: Sequence[str]) -> None:
    """An empty text and an empty `SecretStr` are both false."""
    for name in names:
        if not getattr(section, name):
            raise UsageError(
                f"venues.{venue}.{name} is empty: set it to that of your key "
                "(`xrpfast mock` prints those of the mock venues)"
            )
