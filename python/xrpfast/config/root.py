"""The whole file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from xrpfast.config.arming import ArmingSection
from xrpfast.config.engine import EngineSection
from xrpfast.config.hosts import misplaced
from xrpfast.config.monitor import MonitorSection
from xrpfast.config.records import RecordsSection
from xrpfast.config.risk import RiskSection
from xrpfast.config.section import FilePath, Section
from xrpfast.config.strategies import ArbitrageSection
from xrpfast.config.venues import VenuesSection


class Config(Section):
    """One engine's configuration."""

    mode: Literal["demo", "paper", "live"] = "paper"
    """demo: mock venues on this machine. live: real money, once all of `[arming]` is there. paper
    is not written yet."""
    state_dir: FilePath
    """Directory of journal, ledger, lease and control socket."""
    engine: EngineSection
    arming: ArmingSection = ArmingSection()
    venues: VenuesSection = VenuesSection()
    risk: RiskSection = RiskSection()
    strategies: Annotated[tuple[ArbitrageSection, ...], Field(min_length=1)]
    records: RecordsSection = RecordsSection()
    monitor: MonitorSection = MonitorSection()

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
        for venue in (self.venues.binance, self.venues.kucoin):
            if self.mode == "live" and venue.inline_key:
                raise ValueError(
                    f'mode = "live" takes keys from a key_file alone: remove them from '
                    f"[venues.{venue.name}]"
                )
            for url in venue.urls:
                if why := misplaced(self.mode, venue.name, url, key=venue.has_key):
                    raise ValueError(why)
        return self
