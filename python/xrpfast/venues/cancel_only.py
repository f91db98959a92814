"""Which venues there are, for who may only cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xrpfast.errors import UsageError
from xrpfast.net.fuse import Fuse
from xrpfast.venues.binance import errors as binance_errors
from xrpfast.venues.binance.cancel_only import BinanceCancelOnly
from xrpfast.venues.keys import Keys
from xrpfast.venues.kucoin import errors as kucoin_errors
from xrpfast.venues.kucoin.cancel_only import KucoinCancelOnly

if TYPE_CHECKING:
    from xrpfast.config.key_section import KeySection
    from xrpfast.config.root import Config
    from xrpfast.venues.canceller import CancelOnly


def cancel_only(config: Config, *, watchdog: bool = False) -> list[CancelOnly]:
    """Every enabled venue, for a process that has no engine; nothing connects yet. ``watchdog``: by
    that one's own keys, where there are some. Raises `UsageError` without a usable key."""
    found, without = usable(config, watchdog=watchdog)
    for why in without.values():
        raise UsageError(why)
    return found


def usable(config: Config, *, watchdog: bool = False) -> tuple[list[CancelOnly], dict[str, str]]:
    """The enabled venues with a usable key; of the others, why there is none."""
    found: list[CancelOnly] = []
    without: dict[str, str] = {}
    binance, kucoin = config.venues.binance, config.venues.kucoin
    if binance.enabled:
        try:
            keys = _keys(binance, binance.watchdog, "venues.binance", watchdog)
        except UsageError as error:
            without["binance"] = str(error)
        else:
            fuse = Fuse("binance", binance_errors.http_pause)
            found.append(BinanceCancelOnly(binance, keys, fuse, config.instruments))
    if kucoin.enabled:
        try:
            keys = _keys(kucoin, kucoin.watchdog, "venues.kucoin", watchdog)
        except UsageError as error:
            without["kucoin"] = str(error)
        else:
            fuse = Fuse("kucoin", kucoin_errors.http_pause)
            found.append(KucoinCancelOnly(kucoin, keys, fuse, config.instruments))
    return found, without


def _keys(section: KeySection, own: KeySection, place: str, watchdog: bool) -> Keys:
    if watchdog and own.has_key:
        return Keys.of(own, f"{place}.watchdog")
    return Keys.of(section, place)
