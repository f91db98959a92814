"""The whole file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from xrpfast.config.alerts import AlertsSection
from xrpfast.config.arming import ArmingSection
from xrpfast.config.engine import EngineSection
from xrpfast.config.hosts import misplaced
from xrpfast.config.monitor import MonitorSection
from xrpfast.config.paper import PaperSection
from xrpfast.config.records import RecordsSection
from xrpfast.config.risk import RiskSection
from xrpfast.config.section import FilePath, Section
from xrpfast.config.strategies import ArbitrageSection
from xrpfast.config.venues import VenuesSection
from xrpfast.config.watchdog import WatchdogSection

ENVIRONMENTS = {"demo": "d", "paper": "p", "live": "l"}
"""The letter of a mode in client order ids."""


class Config(Section):
    """One engine's configuration."""

    mode: Literal["demo", "paper", "live"] = "paper"
    """demo: mock venues on this machine. paper: the real venues' public books, simulated orders,
    no key. live: real money, once all of `[arming]` is there."""
    state_dir: FilePath
    """Directory of journal, ledger, lease and control socket."""
    engine: EngineSection
    arming: ArmingSection = ArmingSection()
    paper: PaperSection = PaperSection()
    venues: VenuesSection = VenuesSection()
    risk: RiskSection = RiskSection()
    strategies: Annotated[tuple[ArbitrageSection, ...], Field(min_length=1)]
    records: RecordsSection = RecordsSection()
    monitor: MonitorSection = MonitorSection()
    watchdog: WatchdogSection = WatchdogSection()
    alerts: AlertsSection = AlertsSection()

    @property
    def prefix(self) -> str:
        """What every client order id of this deployment begins with."""
        return f"x{ENVIRONMENTS[self.mode]}{self.engine.deployment}"

    @property
    def venue_names(self) -> tuple[str, ...]:
        """Where it trades."""
        return tuple(name for name, venue in self.venues if venue.enabled)

    @property
    def instruments(self) -> tuple[str, ...]:
        """What is traded, each once."""
        return tuple(dict.fromkeys(strategy.instrument for strategy in self.strategies))

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
            for table, key in (("", venue), (".watchdog", venue.watchdog)):
                if self.mode == "live" and key.inline_key:
                    raise ValueError(
                        f'mode = "live" takes keys from a key_file alone: remove them from '
                        f"[venues.{venue.name}{table}]"
                    )
            has_key = venue.has_key or venue.watchdog.has_key
            for url in venue.urls:
                if why := misplaced(self.mode, venue.name, url, key=has_key):
                    raise ValueError(why)
        return self
