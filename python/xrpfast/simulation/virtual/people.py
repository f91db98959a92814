"""What persons say to a running engine, at the worst moments, and what they do to its accounts.

They halt it (or one scope of it) while a pair or a hedge is on its way, while a venue is compared
or asked; they stop it, have venues compared, move money between venues, let it go on at any time.
Afterwards they look, and resume; and they settle an order that its venue has deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Final

from xrpfast.model import MONEY_ONE
from xrpfast.simulation.virtual.facts import Fact, fact_of
from xrpfast.simulation.virtual.loop import MS, SECOND
from xrpfast.trading import commands
from xrpfast.trading import events as ev
from xrpfast.trading.by_hand import HandFill, Owner, Said, settling
from xrpfast.trading.risk.state import HEDGE
from xrpfast.trading.states import ENGINE, STRATEGY, SYMBOL, VENUE, Latched, TradingState

if TYPE_CHECKING:
    from xrpfast.simulation.virtual.checks import Checks
    from xrpfast.simulation.virtual.driver import VirtualDriver
    from xrpfast.simulation.virtual.faults import Faults
    from xrpfast.simulation.virtual.loop import Loop
    from xrpfast.simulation.virtual.venue import VirtualVenue
    from xrpfast.trading.lifecycle import Life

WITHIN_NS: Final = 8 * MS
"""A word for a moment is said so long after it began: an order takes some 3 ms to its venue."""
ASKED: Final = 6
"""Queries about an order before a person may settle it, as the service has it."""
LOOKS: Final = 0.1
"""That a person looks at what is closed within a step of the market."""
SCOPES: Final = (VENUE + "binance", VENUE + "kucoin", STRATEGY + "arb", SYMBOL + "XRP/USDT")


class People:
    """The persons around one engine after the other."""

    def __init__(
        self,
        loop: Loop,
        faults: Faults,
        venues: Mapping[str, VirtualVenue],
        checks: Checks,
        latched: MutableMapping[str, Latched],
    ) -> None:
        self.halts: set[str] = set()
        """Reasons of the halts of the whole engine that persons said."""
        self.at_both = 0
        """Halts that were said with orders under way at both venues."""
        self.settled = 0
        """Orders that a person settled, because their venue said nothing of them any more."""
        self.refused = 0
        """Words that named a trade that was booked."""
        self._loop = loop
        self._faults = faults
        self._venues = venues
        self._checks = checks
        self._latched = latched
        """What is closed, by scope: on disk."""
        self._words = 0

    # --- at a moment ----------------------------------------------------------------------------

    def watch(self, driver: VirtualDriver, command: commands.AnyCommand) -> None:
        """The engine has just asked for this, and it is under way."""
        if isinstance(command, commands.PlaceLegs):
            if command.strategy == HEDGE:
                self._perhaps("halt_in_hedge", driver, "halt")
                self._perhaps("stop_in_hedge", driver, "stop")
            else:
                self._perhaps("halt_in_pair", driver, "halt")
                self._perhaps("stop_in_pair", driver, "stop")
                if self._faults.hit("scope_in_pair"):
                    action = self._faults.pick(("halt", "reduce"))
                    scope = self._faults.pick(SCOPES)
                    self._soon(driver, action, "scope_in_pair", scope)
        elif isinstance(command, commands.Reconcile):
            self._perhaps("halt_in_comparison", driver, "halt")
        elif isinstance(command, commands.Query):
            self._perhaps("halt_in_query", driver, "halt")

    def _perhaps(self, moment: str, driver: VirtualDriver, action: str) -> None:
        if self._faults.hit(moment):
            self._soon(driver, action, moment)

    def _soon(self, driver: VirtualDriver, action: str, moment: str, scope: str = "") -> None:
        wait = self._faults.between(0, WITHIN_NS)
        self._loop.call(wait, self.say, driver, action, moment, scope)

    def halt_without_engine(self) -> None:
        """The latch alone: no engine runs, or one that only asks what became of earlier orders."""
        self._latched[ENGINE] = Latched(ENGINE, TradingState.HALTED)

    # --- now and then ---------------------------------------------------------------------------

    def step(self, driver: VirtualDriver) -> None:
        """One step of the market."""
        faults, draw = self._faults, self._faults.draw
        if faults.hit("halt"):
            self.say(driver, "halt", "any time")
        if faults.hit("reconcile"):
            venue = draw.choice(("", *self._venues))
            driver.on_facts([_control("reconcile", "a person", venue=venue)])
        if faults.hit("resume"):
            self.resume(driver)
            driver.on_facts([_control("start", "a person")])
        elif self._latched and (not faults.active or draw.random() < LOOKS):
            self.resume(driver)
        for order in tuple(driver.engine.orders.unsettled.values()):
            deleted = order.client_id in self._venues[order.venue].answers.deleted
            if deleted and order.accepted and order.queries >= ASKED and not driver.dead:
                owner = partial(driver.engine.orders.owner, order)
                driver.on_facts(self.settle(order, order.trades or (), owner))

    def transfer(self) -> None:
        """Money goes from one venue to the other, and is nowhere meanwhile."""
        faults = self._faults
        source, target = faults.draw.sample(sorted(self._venues), 2)
        asset = faults.pick(("XRP", "USDT"))
        taken = -self._venues[source].others.move(asset, -faults.between(1, 500) * MONEY_ONE)
        wait = faults.between(100 * MS, 5 * SECOND)
        self._loop.call(wait, self._arrives, self._venues[target], asset, taken)

    @staticmethod
    def _arrives(target: VirtualVenue, asset: str, amount: int) -> None:
        target.others.move(asset, amount)

    # --- words ----------------------------------------------------------------------------------

    def say(self, driver: VirtualDriver, action: str, moment: str, scope: str = "") -> None:
        """A word, if there is an engine that hears it."""
        if driver.dead:
            return
        self._words += 1
        reason = f"word {self._words} of a person: {moment}"
        if action == "halt" and not scope:
            self.halts.add(reason)
            under_way = {order.venue for order in driver.engine.orders.unsettled.values()}
            self.at_both += len(under_way) > 1
        if action == "stop":
            driver.stop()
        driver.on_facts([_control(action, reason, scope=scope)])

    def resume(self, driver: VirtualDriver) -> None:
        """As the service does it: told to the engine first, then taken off the disk."""
        halted = driver.engine.context.states[ENGINE] is TradingState.HALTED
        if not halted:
            self._checks.resumed()
        driver.on_facts([_control("resume", "a person")])
        if not halted and not driver.dead:
            self._latched.clear()

    def settle(self, order: Life, booked: tuple[str, ...] | list[str], owner: Owner) -> list[Fact]:
        """What the venue's own records show of an order that it answers nothing about.

        A person who names all that they show, what is booked already with it, is refused first.
        """
        venue = self._venues[order.venue]
        theirs = venue.exchange.find(venue.account, client_id=order.client_id)
        assert theirs is not None
        assert not theirs.working
        shown = [
            HandFill(fill.qty, fill.price, fill.fee, fill.fee_asset, str(fill.trade_id))
            for fill in theirs.fills
        ]
        fills = [fill for fill in shown if fill.trade_id not in booked]
        said = Said("a person", "deleted there", self._loop.now_ns, self._loop.wall_ns)
        if len(fills) < len(shown):
            try:
                settling(order, venue.rules, shown, said, owner)
            except ValueError as error:
                if "is booked already" not in str(error):
                    raise
                self.refused += 1
            else:
                raise AssertionError(f"{order.client_id}: a booked trade was taken again")
        self.settled += 1
        venue.answers.by_hand.add(order.client_id)
        return [fact_of(event) for event in settling(order, venue.rules, fills, said, owner)]


def _control(action: str, reason: str, *, venue: str = "", scope: str = "") -> Fact:
    fields = {"action": action, "reason": reason, "venue": venue, "scope": scope}
    return ev.Control, {**fields, "who": "a person"}
