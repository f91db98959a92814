"""The whole file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from xrpfast.config.engine import EngineSection
from xrpfast.config.monitor import MonitorSection
from xrpfast.config.records import RecordsSection
from xrpfast.config.risk import RiskSection
from xrpfast.config.section import Section
from xrpfast.config.strategies import ArbitrageSection
from xrpfast.config.venues import VenuesSection

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Config(Section):
    """One engine's configuration."""

    mode: Literal["demo", "paper", "live"] = "paper"
    """demo: mock venues on this machine. paper and live are not written yet."""
    state_dir: Path
    """Directory of journal, ledger, lease and control socket."""
    engine: EngineSection
    venues: VenuesSection = VenuesSection()
    risk: RiskSection = RiskSection()
    strategies: Annotated[tuple[ArbitrageSection, ...], Field(min_length=1)]
    records: RecordsSection = RecordsSection()
    monitor: MonitorSection = MonitorSection()

    @field_validator("state_dir", mode="before")
    @classmethod
    def _path(cls, value: object) -> object:
        return Path(value) if isinstance(value, str) and value else value

    @field_validator("strategies", mode="before")
    @classmethod
    def _tuple(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _fits(self) -> Config:
        names = [strategy.name for strategy in self.strategies]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two strategies are named {name!r}: rename one")
        if self.mode == "demo":
            binance, kucoin = self.venues.binance, self.venues.kucoin
            for url in (
                binance.rest_url, binance.stream_url, binance.ws_api_url,
                kucoin.rest_url, kucoin.order_url,
            ):  # fmt: skip
                if urlsplit(url).hostname not in LOOPBACK:
                    raise ValueError(f'mode = "demo" trades on this machine only, not on {url}')
        return self
