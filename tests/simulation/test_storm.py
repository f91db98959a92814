"""Thousands of seeded lives in virtual time, and bugs planted to see that they are caught."""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import msgspec
import pytest

from support.reliability import write_numbers
from xrpfast.simulation.virtual.faults import MOST
from xrpfast.simulation.virtual.storm import Failure, one, storm
from xrpfast.trading.commands import Cancel, Halt, PlaceLegs, ReadBook, Reduce, SetTimer
from xrpfast.trading.config import EngineConfig
from xrpfast.trading.engine import Engine
from xrpfast.trading.events import (
    AnyEvent,
    BookTop,
    Control,
    Fill,
    OrderAck,
    OrderEnd,
    OrderReject,
    OrderUnknown,
    Timer,
)
from xrpfast.trading.lifecycle import TERMINAL
from xrpfast.trading.states import ENGINE, TradingState, Word

SEEDS = int(os.environ.get("XRPFAST_SEEDS", "1000"))


@pytest.mark.timeout(600)
def test_no_order_is_lost_doubled_or_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    totals = storm(range(1, SEEDS + 1))
    report = totals.report
    with capsys.disabled():
        print(  # noqa: T201
            f"\nstorm: {report.seeds} seeds, {report.events} events, {report.orders} orders, "
            f"{report.fills} fills, {report.hedges} hedges, {report.kills} kills, "
            f"{report.halts} halts, {report.stops} stops, "
            f"{sum(report.faults.values())} faults, {len(totals.failures)} failures, "
            f"{totals.seconds:.0f} s: {report.faults}"
        )
    assert not totals.failures, "\n".join(map(str, totals.failures))
    assert report.seeds == SEEDS
    assert (report.duplicates, report.lost, report.disagreements) == (0, 0, 0)
    assert report.events >= 1_000 * SEEDS, "settling included"
    if SEEDS >= 1_000:
        assert set(report.faults) == set(MOST), "every fault was there"
        assert min(report.hedges, report.kills, report.unknown, report.recovered) > 100
        assert min(report.halts, report.stops) > 100
        assert min(report.halts_at_both, report.by_hand, report.given_up) > 25
        assert report.halts_unheard > 25
        assert report.by_hand_refused > 0
    write_numbers(
        "storm",
        {
            "command": "python -m pytest tests/simulation/test_storm.py",
            "seeds": report.seeds,
            "events": report.events,
            "orders": report.orders,
            "fills": report.fills,
            "hedges": report.hedges,
            "unknown": report.unknown,
            "kills": report.kills,
            "recovered": report.recovered,
            "halts": report.halts,
            "halts_at_both": report.halts_at_both,
            "halts_unheard": report.halts_unheard,
            "stops": report.stops,
            "given_up": report.given_up,
            "by_hand": report.by_hand,
            "faults": dict(sorted(report.faults.items())),
            "duplicates": report.duplicates,
            "lost": report.lost,
            "disagreements": report.disagreements + len(totals.failures),
            "seconds": round(totals.seconds),
        },
    )


@pytest.mark.timeout(120)
def test_a_storm_ends_when_its_time_is_over() -> None:
    totals = storm(itertools.count(1), 60, seconds=2.0)
    assert totals.report.seeds >= 1
    assert not totals.failures, "\n".join(map(str, totals.failures))


@pytest.mark.timeout(120)
def test_a_worker_that_is_killed_is_a_failure_and_no_hang() -> None:
    def seeds() -> Iterator[int]:
        yield from range(1, 20)
        for worker in multiprocessing.active_children():
            worker.kill()
        yield 20

    with pytest.raises(BrokenProcessPool):
        storm(seeds(), 60)


def test_a_seed_is_the_same_again() -> None:
    traces: list[list[str]] = [[], []]
    for trace in traces:
        assert not isinstance(one(3, 400, trace.append), Failure)
    assert traces[0] == traces[1]
    assert len(traces[0]) > 400


class TimeoutIsRefusal(Engine):
    """What the incumbents do: no answer in time means that it was rejected."""

    def process(self, event: AnyEvent) -> Any:
        out = super().process(event)
        if isinstance(event, Timer):
            for order in tuple(self.orders.unsettled.values()):
                if order.state == "UNKNOWN":
                    out += super().process(
                        OrderReject(
                            now_ns=event.now_ns,
                            wall_ns=event.wall_ns,
                            client_id=order.client_id,
                            code="TIMEOUT",
                            text="",
                        )
                    )
        return out


class FillTwice(Engine):
    """A fill that is told again is booked again."""

    def process(self, event: AnyEvent) -> Any:
        out = super().process(event)
        if isinstance(event, Fill):
            order = self.orders.orders.get(event.client_id)
            if order is not None and order.trades and event.trade_id in order.trades:
                book = self.context.books[order.book]
                self.portfolio.book_fill(book, order.side, event)
        return out


class SendAgain(Engine):
    """An order of unknown outcome is sent again."""

    def __init__(self, config: EngineConfig, gate: Any) -> None:
        super().__init__(config, gate)
        self.legs_by_id: dict[str, Any] = {}
        self.gate = gate

    def process(self, event: AnyEvent) -> Any:
        out = super().process(event)
        for command in out:
            if isinstance(command, PlaceLegs):
                self.legs_by_id |= {leg.client_id: leg for leg in command.legs}
        lost = isinstance(event, OrderUnknown) and self.orders.orders.get(event.client_id)
        if lost:
            leg, book = self.legs_by_id[lost.client_id], self.context.books[lost.book]
            approved = self.gate.approve(
                book.venue_name, book.symbol, leg.side, leg.order_type, leg.tif, leg.price,
                book.price_decimals, leg.qty, book.qty_decimals, leg.client_id, event.now_ns,
            )  # fmt: skip
            out.append(PlaceLegs("again", 0, (leg,), (approved,)))
        return out


class ReservesNothing(Engine):
    """Orders in flight hold nothing back."""

    def process(self, event: AnyEvent) -> Any:
        out = super().process(event)
        for order in self.orders.unsettled.values():
            if order.state not in TERMINAL and order.reserved:
                book = self.context.books[order.book]
                held, order.pending = order.pending, 0
                self.portfolio.hold(order, book)
                order.pending = held
        return out


class ForgetsTrades(Engine):
    """What is told again of an order that left memory is news."""

    def process(self, event: AnyEvent) -> Any:
        self.orders._past.clear()
        return super().process(event)


class KeepsEstimates(Engine):
    """The fee that was reckoned with is as good as the one that was taken."""

    def process(self, event: AnyEvent) -> Any:
        self.fees._estimates.clear()
        return super().process(event)


class TrustsEverything(Engine):
    """Trades on books that are not LIVE and venues that were not compared."""

    def process(self, event: AnyEvent) -> Any:
        for book in self.context.books:
            book.live = True
        for venue in self.context.venues.values():
            venue.reconciled = True
            venue.weigh()
        return super().process(event)


class GoesOnAfterHalt(Engine):
    """Says that it halts, and trades on."""

    def process(self, event: AnyEvent) -> Any:
        out = super().process(event)
        if any(isinstance(command, Halt) for command in out):
            self.context.say(ENGINE, Word.RESUME)
        return out


class DeafToHalts(Engine):
    """Does not hear a halt."""

    def process(self, event: AnyEvent) -> Any:
        halt = isinstance(event, Control) and event.action == "halt"
        return [] if halt else super().process(event)


class HaltCancelsNothing(Engine):
    """Leaves what works at the venues when it halts."""

    def process(self, event: AnyEvent) -> Any:
        out = super().process(event)
        halts = any(isinstance(command, Halt) for command in out)
        return [c for c in out if not (halts and isinstance(c, Cancel))]


class ScopesAreWords(Engine):
    """Trades on in a scope that a person closed."""

    def process(self, event: AnyEvent) -> Any:
        out = super().process(event)
        for command in out:
            if isinstance(command, Halt | Reduce) and command.scope != ENGINE:
                self.context.say(command.scope, Word.RESUME)
        return out


class ResumeEndsHalt(Engine):
    """A resume within the run opens what was halted as a whole."""

    def process(self, event: AnyEvent) -> Any:
        if isinstance(event, Control) and event.action == "resume":
            self.context.say(ENGINE, Word.RESUME)
        return super().process(event)


class EntersAfterStop(Engine):
    """Goes on after a stop."""

    def process(self, event: AnyEvent) -> Any:
        out = super().process(event)
        if isinstance(event, Control) and event.action == "stop":
            self.context.phase = TradingState.ACTIVE
            self.context.show()
        return out


class EndIsEnd(Engine):
    """An order that ended has no more fills than were heard."""

    def process(self, event: AnyEvent) -> Any:
        if isinstance(event, OrderEnd) and event.client_id in self.orders.orders:
            heard = self.orders.orders[event.client_id].filled
            event = msgspec.structs.replace(event, filled_qty=heard)
        return super().process(event)


class NeverHedges(Engine):
    """What one leg traded alone stays."""

    def __init__(self, config: EngineConfig, gate: Any) -> None:
        super().__init__(config, gate)
        self.legs._consider = lambda *args: None  # type: ignore[method-assign]


class StrangersAreNobody(Engine):
    """Thinks nothing of an order of its own name that it never sent."""

    def process(self, event: AnyEvent) -> Any:
        stranger = isinstance(event, OrderAck) and self.client_ids.of_another(event.client_id)
        return [] if stranger else super().process(event)


class WaitsForEver(Engine):
    """Waits for venues however long none of them is heard."""

    def process(self, event: AnyEvent) -> Any:
        silence = isinstance(event, Timer) and event.timer_id == "silence"
        return [] if silence else super().process(event)


class HearsNobody(Engine):
    """Halts for silence though a venue speaks."""

    def __init__(self, config: EngineConfig, gate: Any) -> None:
        super().__init__(config, gate)
        self.risk.watch.silence._heard = lambda: False  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "bug",
    [
        TimeoutIsRefusal, FillTwice, ForgetsTrades, KeepsEstimates, SendAgain, ReservesNothing,
        TrustsEverything, GoesOnAfterHalt, DeafToHalts, HaltCancelsNothing, ScopesAreWords,
        ResumeEndsHalt, EntersAfterStop, EndIsEnd, NeverHedges, StrangersAreNobody,
        WaitsForEver, HearsNobody,
    ],
    ids=lambda bug: bug.__name__,
)  # fmt: skip
def test_a_planted_bug_is_found(bug: type[Engine]) -> None:
    for seed in range(1, 81):
        result = one(seed, 600, make=bug)
        if isinstance(result, Failure):
            assert "invariant" in result.text, result.text
            return
    pytest.fail("80 seeds did not notice")


class WakesWithoutEnd(Engine):
    """Asks to be woken for what is due already, and does nothing about it."""

    def process(self, event: AnyEvent) -> Any:
        out = super().process(event)
        if isinstance(event, Timer):
            out.append(SetTimer("legs", event.now_ns))
        return out


class ReadsWithoutEnd(Engine):
    """Reads a book whenever it has read one."""

    def process(self, event: AnyEvent) -> Any:
        out = super().process(event)
        if isinstance(event, Timer | BookTop):
            out.append(ReadBook(0))
        return out


@pytest.mark.timeout(60)
@pytest.mark.parametrize("bug", [WakesWithoutEnd, ReadsWithoutEnd], ids=lambda bug: bug.__name__)
def test_an_engine_that_never_rests_is_a_failure_and_no_hang(bug: type[Engine]) -> None:
    result = one(1, 600, make=bug)
    assert isinstance(result, Failure)
    assert "the last:" in result.text
