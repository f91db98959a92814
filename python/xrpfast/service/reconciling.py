"""Asking a venue for all that it knows of us, and what of it the engine has to hear."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Final

from xrpfast._core import CoreError
from xrpfast.errors import XrpfastError
from xrpfast.trading.events import AnyEvent, Fill, OpenOrder, Reconciled
from xrpfast.trading.news import News
from xrpfast.venues.account_state import Named, Question

if TYPE_CHECKING:
    from xrpfast.trading.commands import Reconcile
    from xrpfast.trading.engine import Engine
    from xrpfast.venues.venue import Venue

UNREADABLE: Final = (CoreError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError)
"""What reading an answer of another shape than the venue's own ends with."""


async def answer(
    venue: Venue, command: Reconcile, engine: Engine, symbols: Mapping[tuple[str, str], str]
) -> list[AnyEvent]:
    """Fills, words on orders, balances and the `Reconciled` that closes them, in this order: to be
    processed in one go, so that nothing slips between. Never raises for what a venue does."""
    asked_ns = monotonic_ns()
    question = _question(command, engine, symbols)
    events: list[AnyEvent] = []
    working: tuple[OpenOrder, ...] = ()
    try:
        state = await venue.account_state(question)
    except XrpfastError as error:
        reason = str(error)
    except UNREADABLE as error:
        reason = f"an answer that cannot be read: {type(error).__name__}: {error}"
    else:
        venue.account.caught_up(asked_ns)
        events, working, reason = _news(state.events, engine), state.open_orders, state.closed
    done = Reconciled(
        now_ns=monotonic_ns(),
        wall_ns=time_ns(),
        venue=command.venue,
        number=command.number,
        asked_ns=asked_ns,
        open_orders=working,
        complete=not reason,
        reason=reason,
    )
    return [*events, done]


def _question(
    command: Reconcile, engine: Engine, symbols: Mapping[tuple[str, str], str]
) -> Question:
    desk, ids = engine.orders, engine.client_ids
    named = [
        Named(order.client_id, symbols[order.venue, order.instrument], order.created_ns)
        for order in (desk.orders.get(client_id) for client_id in command.client_ids)
        if order is not None
    ]
    owners = {
        order.venue_order_id: order.client_id
        for order in desk.orders.values()
        if order.venue == command.venue and order.venue_order_id
    }
    owners |= {fee.venue_order_id: fee.client_id for fee in engine.fees.open(command.venue)}
    return Question(named, command.fills_since_ns, owners.get, ids.of_this_run)


def _news(events: list[AnyEvent], engine: Engine) -> list[AnyEvent]:
    """Without the fills that are booked already."""
    news = News(engine)
    return [
        event
        for event in events
        if not isinstance(event, Fill) or news.fill(event.client_id, event.trade_id)
    ]
