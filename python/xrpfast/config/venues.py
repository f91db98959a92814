"""`[venues.*]`: where a venue is and with which key."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, SecretStr, field_serializer, field_validator, model_validator

from xrpfast.config.section import FilePath, Section


class VenueSection(Section):
    """What every venue has."""

    name: ClassVar[str]
    enabled: bool = True
    """Trade on this venue; arbitrage needs two."""
    api_key: Annotated[str, Field(repr=False)] = ""
    """For mock venues only."""
    api_secret: SecretStr = SecretStr("")
    """The key's secret; never shown. For mock venues only."""
    key_file: FilePath | None = None
    """Where the key is kept: a TOML file of api_key, api_secret and, for KuCoin, passphrase that
    nobody but its owner may read; /dev/fd/N is a descriptor that was handed over."""

    @field_validator("api_secret", mode="before")
    @classmethod
    def _secret(cls, value: object) -> object:
        return SecretStr(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_place(self) -> VenueSection:
        if self.key_file is not None and self.inline_key:
            raise ValueError("a key here and a key_file: remove one")
        return self

    @property
    def urls(self) -> tuple[str, ...]:
        """Every address of the venue."""
        raise NotImplementedError

    @property
    def inline_key(self) -> bool:
        """Whether a key, or a part of one, stands in this file."""
        return bool(self.api_key or self.api_secret)

    @property
    def has_key(self) -> bool:
        return self.inline_key or self.key_file is not None

    @field_serializer("api_key", when_used="json")
    def _hidden(self, value: str) -> str:
        """`config show` is pasted into chats: a key is shown as little as its secret."""
        return "**********" if value else ""


class BinanceSection(VenueSection):
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

    @property
    def urls(self) -> tuple[str, ...]:
        return self.rest_url, self.stream_url, self.ws_api_url


class KucoinSection(VenueSection):
    """KuCoin spot: REST for snapshots and tokens, WebSocket order entry."""

    name: ClassVar[str] = "kucoin"
    rest_url: str = "https://api.kucoin.com"
    """Snapshots, rules, tokens, queries."""
    order_url: str = "wss://wsapi.kucoin.com/v1/private"
    """Order entry."""
    passphrase: SecretStr = SecretStr("")
    """The key's passphrase; never shown. For mock venues only."""

    @property
    def urls(self) -> tuple[str, ...]:
        return self.rest_url, self.order_url

    @property
    def inline_key(self) -> bool:
        return bool(self.api_key or self.api_secret or self.passphrase)

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
