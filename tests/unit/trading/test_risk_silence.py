"""No venue is heard any more (F34): the engine halts itself, and nothing else makes it do so."""

from __future__ import annotations

from typing import Any

import pytest

from support.risk import SECOND, Guarded
from xrpfast.trading import events as ev
from xrpfast.trading.commands import Cancel, Halt, PlaceLegs
from xrpfast.trading.events import Limit

VENUES = ("binance", "kucoin")
LINKS = ("market", "account", "orders")
LIMIT = 5 * SECOND
ALONE: dict[str, Any] = {
    "silence_halt_ns": LIMIT, "mark_ns": 0, "drift_bps": 10**30, "cancel_after_ns": 10**30,
}  # fmt: skip
"""Nothing else acts on links that are down, or on books that cannot be read."""
HALT = Halt("engine", "no venue is heard any more: none for 5000 ms")


def world_of(*, ready: bool = True) -> Guarded:
    return Guarded(limits=ALONE, ready=ready)


def lose(world: Guarded, *venues: str) -> None:
    for venue in venues or VENUES:
        for link in LINKS:
            world.link(venue, link, False)


def live(world: Guarded, book: int, state: str = "LIVE") -> None:
    world.tell(ev.BookState, book=book, state=state)


def paused(world: Guarded, venue: str, span_ns: int) -> None:
    world.tell(
        ev.LinkState, venue=venue, link="orders", up=False, reason=f"{venue}: left alone",
        paused_until_ns=world.now_ns + span_ns,
    )  # fmt: skip


def test_once_no_venue_is_heard_for_too_long_the_engine_halts() -> None:
    world = world_of()
    world.signal()
    legs = world.of(PlaceLegs)[-1].legs
    for leg in legs:
        world.ack(leg)
    lose(world)
    world.wait(LIMIT - 1)
    assert world.halts == []
    world.asked.clear()
    world.tell(ev.Timer, timer_id="silence")  # a timer that comes too early
    assert world.halts == []
    world.wait(1)
    assert world.halts == [HALT]
    found = world.asked.index(HALT)
    cancels = [Cancel(leg.client_id, leg.venue, "XRP/USDT") for leg in legs]
    assert all(cancel in world.asked[found:] for cancel in cancels), "tried, by whatever way stands"
    assert world.engine.context.trading == "HALTED"
    for venue in VENUES:  # what comes back finds it halted
        for link in LINKS:
            world.link(venue, link, True)
    world.tell(ev.Control, action="resume", reason="seen")
    assert world.engine.context.trading == "HALTED"
    lose(world)
    world.wait(3 * LIMIT)
    assert world.halts == [HALT], "said once"


def test_time_counts_from_the_last_that_was_heard() -> None:
    world = world_of()
    lose(world, "binance")
    world.wait(10 * LIMIT)
    world.link("kucoin", "market", False)
    world.wait(10 * LIMIT)
    world.link("kucoin", "account", False)
    world.wait(LIMIT - 1)
    assert world.halts == []
    world.wait(1)
    assert world.halts == [HALT]


@pytest.mark.parametrize("venue", VENUES)
def test_one_venue_that_is_lost_is_waited_for(venue: str) -> None:
    world = world_of()
    lose(world, venue)
    world.wait(100 * LIMIT)
    assert world.halts == []


def test_one_that_is_heard_in_between_begins_the_time_anew() -> None:
    world = world_of()
    for _ in range(3):
        lose(world)
        world.wait(LIMIT - 1)
        world.link("kucoin", "account", True)
        world.wait(SECOND)
        lose(world)
        world.wait(LIMIT - 1)
        world.link("binance", "market", True)
        live(world, 0)
        world.wait(LIMIT)
        live(world, 0, "STALE")
    world.wait(LIMIT - 1)
    assert world.halts == []
    world.wait(1)
    assert world.halts == [HALT]


def test_a_book_that_is_live_is_a_venue_that_is_heard() -> None:
    world = world_of()
    lose(world, "binance")
    world.link("kucoin", "account", False)
    world.link("kucoin", "orders", False)
    world.wait(10 * LIMIT)
    assert world.halts == []
    live(world, 1, "GAP")
    world.wait(LIMIT)
    assert world.halts == [HALT]


def test_a_handshake_is_no_word() -> None:
    """A balancer before a dead venue takes sockets, and nothing comes on them."""
    world = world_of()
    lose(world)
    world.wait(LIMIT // 2)
    world.link("binance", "orders", True)
    world.link("binance", "market", True)
    world.wait(LIMIT // 2)
    assert world.halts == [HALT]


def test_a_pause_that_a_venue_told_is_no_silence() -> None:
    world = world_of()
    paused(world, "kucoin", 10 * LIMIT)
    lose(world)
    world.wait(2 * LIMIT)
    paused(world, "kucoin", 20 * LIMIT)  # it is made longer
    world.wait(21 * LIMIT - 1)
    assert world.halts == []
    world.wait(1)
    assert world.halts == [HALT], "and then nobody came back"


def test_a_pause_told_while_all_are_silent_counts_too() -> None:
    world = world_of()
    lose(world)
    world.wait(SECOND)
    paused(world, "binance", 2 * LIMIT)  # a dial was refused with it
    world.tell(ev.LinkState, venue="nowhere", link="orders", up=False, paused_until_ns=10**30)
    world.wait(3 * LIMIT - 1)
    assert world.halts == []
    world.wait(1)
    assert world.halts == [HALT]


def test_nothing_is_missed_before_the_first_start() -> None:
    world = world_of(ready=False)
    world.link("binance", "account", True)
    lose(world)
    world.wait(100 * LIMIT)
    assert world.halts == []
    world.control("start")  # heard by nobody: it counts from here
    world.wait(LIMIT - 1)
    assert world.halts == []
    world.wait(1)
    assert world.halts == [HALT]


def test_a_run_that_has_stopped_misses_nobody() -> None:
    world = world_of()
    lose(world)
    world.control("stop")
    world.control("stopped")
    world.wait(10 * LIMIT)
    assert world.halts == []


def test_a_run_that_stops_is_not_done_yet() -> None:
    world = world_of()
    world.control("stop")
    lose(world)
    world.wait(LIMIT)
    assert world.halts == [HALT]


def test_a_limit_that_is_made_tighter_holds_at_once() -> None:
    world = world_of()
    lose(world)
    world.wait(2 * SECOND)
    limits = (Limit("silence_halt_ns", 3 * SECOND),)
    world.tell(ev.LimitsSet, limits=limits, reason="thin", who="test")
    world.wait(SECOND - 1)
    assert world.halts == []
    world.wait(1)
    assert world.halts == [Halt("engine", "no venue is heard any more: none for 3000 ms")]


def test_without_the_limit_an_old_journal_decides_as_it_did() -> None:
    world = Guarded(limits=ALONE | {"silence_halt_ns": 10**30})
    lose(world)
    assert "silence" not in {getattr(command, "timer_id", "") for command in world.asked}
