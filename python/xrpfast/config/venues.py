"""`[venues.*]`: where a venue is and with which key."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, field_serializer, field_validator

from xrpfast.config.section import Section


class _Venue(Section):
    enabled: bool = True
    """Trade on this venue; arbitrage needs two."""
    api_key: Annotated[str, Field(repr=False)] = ""
    """For mock venues only, so far."""
    api_secret: SecretStr = SecretStr("")
    """The key's secret; never shown."""

    @field_validator("api_secret", mode="before")
    @classmethod
    def _secret(cls, value: object) -> object:
        return SecretStr(value) if isinstance(value, str) else value

    @field_serializer("api_key", when_used="json")
    def _hidden(self, value: str) -> str:
        """`config show` is pasted into chats: a key is shown as little as its secret."""
        return "**********" if value else ""


class BinanceSection(_Venue):
    """Binance spot: REST for snapshots and queries, streams, WebSocket API for orders."""

    rest_url: str = "https://api.binance.com"
    """Snapshots, rules, queries."""
    stream_url: str = "wss://stream.binance.com:9443"
    """Market streams."""
    ws_api_url: str = "wss://ws-api.binance.com:443/ws-api/v3"
    """Orders and the private stream."""
    recv_window_ms: Annotated[int, Field(ge=1, le=60_000)] = 2_000
    """Bounds how late a lost request can still become an order."""


class KucoinSection(_Venue):
    """KuCoin spot: REST for snapshots and tokens, WebSocket order entry."""

    rest_url: str = "https://api.kucoin.com"
    """Snapshots, rules, tokens, queries."""
    order_url: str = "wss://wsapi.kucoin.com/v1/private"
    """Order entry."""
    passphrase: SecretStr = SecretStr("")
    """The key's passphrase; never shown."""

    @field_validator("passphrase", mode="before")
    @classmethod
    def _passphrase(cls, value: object) -> object:
        return SecretStr(value) if isinstance(value, str) else value


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
