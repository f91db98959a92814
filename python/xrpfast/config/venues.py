"""`[venues.*]`: where a venue is and with which key."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from xrpfast.config.key_section import KeySection, PassphraseKeySection
from xrpfast.config.section import Section


class VenueSection(Section):
    """What every venue has beside its key."""

    name: ClassVar[str]
    enabled: bool = True
    """Trade on this venue; arbitrage needs two."""

    @property
    def urls(self) -> tuple[str, ...]:
        """Every address of the venue."""
        raise NotImplementedError


class BinanceSection(KeySection, VenueSection):
    """Binance spot: REST for snapshots and queries, streams, WebSocket API for orders."""

    name: ClassVar[str] = "binance"
    rest_url: str = "https://api.binance.com"
    """Snapshots, rules, queries."""
    stream_url: str = "wss://stream.binance.com:9443"
    """Market streams."""
    ws_api_url: str = "wss://ws-api.binance.com:443/ws-api/v3"
    """Orders and the private stream."""
    recv_window_ms: Annotated[int, Field(ge=1, le=60_000)] = 2_000
    """Bounds how late a lost request can still become an order."""
    watchdog: KeySection = KeySection()
    """The watchdog's own key; without one it uses that of the engine."""

    @property
    def urls(self) -> tuple[str, ...]:
        return self.rest_url, self.stream_url, self.ws_api_url


class KucoinSection(PassphraseKeySection, VenueSection):
    """KuCoin spot: REST for snapshots and tokens, WebSocket order entry."""

    name: ClassVar[str] = "kucoin"
    rest_url: str = "https://api.kucoin.com"
    """Snapshots, rules, tokens, queries."""
    order_url: str = "wss://wsapi.kucoin.com/v1/private"
    """Order entry."""
    dead_connection_s: Annotated[int, Field(ge=0, le=86_400)] = 10
    """The venue itself cancels our orders so long after the engine was last heard of (5 at least;
    0: never). It would cancel those of others in the same symbols, too, and so is off while such
    work."""
    watchdog: PassphraseKeySection = PassphraseKeySection()
    """The watchdog's own key; without one it uses that of the engine."""

    @property
    def urls(self) -> tuple[str, ...]:
        return self.rest_url, self.order_url

    @field_validator("dead_connection_s")
    @classmethod
    def _allowed(cls, value: int) -> int:
        if 0 < value < 5:
            raise ValueError("the venue takes 5 s at least; 0 is never")
        return value


class KrakenSection(Section):
    """Kraken spot: not written yet, off by default."""

    enabled: bool = False
    """Can only be false."""

    @field_validator("enabled")
    @classmethod
    def _not_yet(cls, value: bool) -> bool:
        if value:
            raise ValueError("Kraken is not written yet: set enabled = false")
        return value


class VenuesSection(Section):
    """The venues by name."""

    binance: BinanceSection = BinanceSection()
    kucoin: KucoinSection = KucoinSection()
    kraken: KrakenSection = KrakenSection()
