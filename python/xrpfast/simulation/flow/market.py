"""The market of all mock venues: what the server runs and the control port switches."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from xrpfast.errors import UsageError
from xrpfast.model import SymbolRules
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.flow.recorded import RecordedMarket
from xrpfast.simulation.flow.seeded import SeededMarket
from xrpfast.simulation.flow.settings import FlowSettings


@dataclass(frozen=True, slots=True)
class _Usual:
    """A venue's rules before any setting changed them."""

    exchange: Exchange
    rules: SymbolRules


class MarketFlow:
    """Steps the market of several venues; `jobs` pace it on the event loop.

    ``exchanges`` get the seeded market, ``recorded`` are the venues that play a capture instead.
    ``running`` False makes all of it stand where it is. Raises `UsageError` for settings that a
    venue cannot have.
    """

    def __init__(
        self,
        exchanges: Sequence[Exchange],
        seed: int,
        settings: FlowSettings | None = None,
        recorded: Mapping[str, RecordedMarket] | None = None,
    ) -> None:
        self._usual = [_Usual(exchange, exchange.rules) for exchange in exchanges]
        settings = settings or FlowSettings()
        self._set_rules(settings)
        self._seeded = SeededMarket(exchanges, seed, settings)
        self.recorded = dict(recorded or {})
        self.running = True

    def jobs(self) -> dict[str, Coroutine[object, object, None]]:
        """What must run as long as the mock, by name."""
        return {"market": self.run()} | {
            f"{venue} recording": market.run(lambda: self.running)
            for venue, market in self.recorded.items()
        }

    @property
    def settings(self) -> FlowSettings:
        return self._seeded.settings

    @property
    def steps(self) -> int:
        """Of the seeded market, so far."""
        return self._seeded.steps

    async def run(self) -> None:
        """Steps the seeded market until cancelled; the pace holds on average, late steps are not
        repeated."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + self.settings.step_seconds, loop.time())
            await asyncio.sleep(due - loop.time())
            if self.running:
                self.step()

    def step(self) -> None:
        """One step of every seeded venue."""
        self._seeded.step()

    def set(self, settings: FlowSettings) -> None:
        """Goes on with other settings. Raises `UsageError`, with nothing changed."""
        self._set_rules(settings)
        self._seeded.set(settings)

    def state(self) -> dict[str, Any]:
        """What it does now, as plain values."""
        return {
            "running": self.running,
            "steps": self.steps,
            "settings": msgspec.to_builtins(self.settings),
            "recorded": {venue: market.state() for venue, market in self.recorded.items()},
        }

    def switch(self, running: bool) -> None:
        """Lets it go on or stand still."""
        if running:
            self.running = True
        else:
            self.pause()

    def pause(self) -> None:
        """Stands still at the fair price: a dislocation would otherwise last for good."""
        self.running = False
        self._seeded.calm()

    def stop(self) -> None:
        """Stops for good and takes the market's orders off the books."""
        self.running = False
        self._seeded.clear()
        for market in self.recorded.values():
            market.clear()

    def _set_rules(self, settings: FlowSettings) -> None:
        venues = [usual.rules.venue for usual in self._usual]
        for name, by_venue in (("tick", settings.tick), ("lot", settings.lot)):
            for venue in by_venue:
                if venue not in venues:
                    raise UsageError(
                        f"{name}: no seeded market of {venue!r} here; allowed:"
                        f" {', '.join(venues) or 'none'}"
                    )
        wanted = [_with_steps(usual.rules, settings) for usual in self._usual]
        for usual, rules in zip(self._usual, wanted, strict=True):
            usual.exchange.change_rules(rules)


def _with_steps(rules: SymbolRules, settings: FlowSettings) -> SymbolRules:
    """The venue's rules with the tick and lot that the settings want."""
    if text := settings.tick.get(rules.venue):
        tick = _units(text, rules.price_decimals, "tick", rules.venue)
        rules = msgspec.structs.replace(rules, tick=tick)
    if text := settings.lot.get(rules.venue):
        lot = _units(text, rules.qty_decimals, "lot", rules.venue)
        least = -(-rules.min_qty // lot) * lot
        rules = msgspec.structs.replace(rules, lot=lot, min_qty=least)
    return rules


def _units(text: str, decimals: int, name: str, venue: str) -> int:
    units = Decimal(text).scaleb(decimals)
    if units <= 0 or units != int(units):
        raise UsageError(
            f"{name} of {venue}: {text} is no multiple of {Decimal(1).scaleb(-decimals):f}, the"
            " finest that it writes"
        )
    return int(units)
