"""A person's ``flatten``, from a request to the engine's events and to what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any, Final

from xrpfast.errors import UsageError
from xrpfast.model import format_money, parse_money
from xrpfast.service.said import person_of, text_of
from xrpfast.trading.events import Flatten
from xrpfast.trading.states import ENGINE, TradingState

if TYPE_CHECKING:
    from xrpfast.trading.engine import Engine

SECOND_NS: Final = 1_000_000_000
LONGEST_S: Final = 3600


class Order:
    """What a person orders, read from a request. Raises `UsageError`."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        """``reason``, ``who``; ``max_loss``: decimal text; ``within_s``: whole seconds."""
        self.who, self.reason = person_of(request)
        try:
            self.max_loss = parse_money(text_of(request, "max_loss"))
        except ValueError as error:
            raise UsageError(f"max_loss: {error}") from None
        within = request.get("within_s", 60)
        if type(within) is not int or not 1 <= within <= LONGEST_S:
            raise UsageError(f"within: whole seconds from 1 to {LONGEST_S}")
        if self.max_loss <= 0:
            raise UsageError("max_loss: above zero; fees alone cost something")
        self.within_ns = within * SECOND_NS

    def events(self, engine: Engine) -> list[Flatten]:
        """For the engine: one for each instrument of which something is left.

        Raises `UsageError` when it cannot be tried.
        """
        context, legs = engine.context, engine.legs
        found = []
        for at, name in enumerate(context.instruments):
            if at in context.flattening:
                raise UsageError(f"{name}: a flatten is going on")
            if not legs.imbalance(at):
                continue
            lost = legs.lost(at)
            if lost >= self.max_loss:
                raise UsageError(
                    f"{name}: closing it has cost {format_money(lost)} already, of "
                    f"{format_money(self.max_loss)} in all: allow more, or trade it by hand"
                )
            books = [book for book in context.books if book.instrument_index == at]
            if not any(book.live and book.venue.open_to_hedges for book in books):
                raise UsageError(f"{name}: no venue can take an order now: see `status`")
            found.append(
                Flatten(
                    now_ns=monotonic_ns(),
                    wall_ns=time_ns(),
                    instrument=name,
                    max_loss=self.max_loss,
                    within_ns=self.within_ns,
                    reason=self.reason,
                    who=self.who,
                )
            )
        return found


def order(engine: Engine, request: Mapping[str, Any]) -> list[Flatten]:
    """The events of a request to a running engine. Raises `UsageError`."""
    if engine.context.states[ENGINE] is TradingState.HALTED:
        raise UsageError(
            "the engine is halted and about to end: say it again once it has ended; a run for the "
            "flatten alone is begun then"
        )
    return Order(request).events(engine)


def outcome(engine: Engine) -> dict[str, Any]:
    """Per instrument that was ordered to be closed: how it goes, or how it ended."""
    legs, found = engine.legs, {}
    for at, name in enumerate(engine.context.instruments):
        done = legs.flattened.get(at)
        if at in engine.context.flattening:
            left_now, lost, hedges, ending = legs.imbalance(at), legs.lost(at), None, None
        elif done is not None:
            left_now, lost, hedges, ending = done.left, done.lost, done.hedges, done.ending.value
        else:
            continue
        found[name] = {
            "ending": ending,
            "left": format_money(left_now),
            "lost": format_money(lost),
            "hedges": hedges,
        }
    return found
