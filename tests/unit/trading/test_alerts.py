"""What a person has to know (RISK 34) is told, each in the turn of the event that shows it.

A halt and a reduction are told by whoever carries them out: `test_driver`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.risk import SECOND, USD, Guarded
from support.trading import MS
from unit.trading.test_reconcile import compare, moved, traded
from unit.trading.test_risk_breakers import error, no_fills, pair_of
from unit.trading.test_risk_losses import QUICK, losing
from xrpfast.model import MONEY_ONE
from xrpfast.trading import events as ev
from xrpfast.trading.commands import Alert, AnyCommand, Halt, Reduce

SCOPES = ("engine", "venue:kucoin", "strategy:arb", "symbol:XRP/USDT")
Said = tuple[AnyCommand, ...]


def word(action: str, scope: str) -> Said:
    world = Guarded()
    if action == "resume":
        world.tell(ev.Control, action="reduce", reason="before", scope=scope)
    return tuple(world.tell(ev.Control, action=action, reason="so", scope=scope, who="ann"))


def losses(**limits: int) -> Said:
    world = Guarded(limits=QUICK | limits)
    losing(world, -3 * USD)
    world.wait(SECOND)
    for _ in range(3):
        losing(world, 5 * USD)
    world.wait(2 * SECOND)
    return tuple(world.asked)


def mark_gone() -> Said:
    world = Guarded()
    world.place()
    world.live = dict.fromkeys(world.live, False)
    world.wait(60 * SECOND)
    return tuple(world.asked)


def round_trips() -> Said:
    world = Guarded(limits=QUICK | {"max_round_trips": 1})
    no_fills(world, *pair_of(world))
    return tuple(world.signal())


def rejects(**limits: int) -> Said:
    world = Guarded(limits=QUICK | limits)
    for leg in pair_of(world):
        world.reject(leg)
    return tuple(world.asked)


def credentials() -> Said:
    world = Guarded()
    error(world, "binance", "auth")
    return tuple(world.asked)


def unknown() -> Said:
    world = Guarded()
    buy, _ = world.place()
    return tuple(world.unknown(buy))


def silence() -> Said:
    world = Guarded()
    world.place()
    world.wait(20 * SECOND)
    return tuple(c for c in world.asked if isinstance(c, Alert) and "outcome unknown" in c.text)


def leg_alone() -> Said:
    world = Guarded()
    buy, sell = world.place()
    world.fill(buy, "t1")
    world.unknown(sell)
    world.wait(600 * SECOND)
    return tuple(c for c in world.asked if isinstance(c, Alert) and "traded alone" in c.text)


def drift(more: int, looks: int) -> Said:
    world = traded()
    for _ in range(looks):
        out = compare(world, ("XRP", more))
    return tuple(out)


def moved_by_others() -> Said:
    world = traded()
    moved(world, "XRP", 50 * MONEY_ONE)
    world.now_ns += MS
    return tuple(compare(world, ("XRP", 50 * MONEY_ONE)))


def unreconciled() -> Said:
    world = traded()
    world.control("reconcile")
    for _ in range(3):
        world.reconcile("binance", complete=False, reason="no list")
        world.now_ns = max(world.now_ns, world.engine.reconciler.rounds["binance"].due_ns)
        world.tell(ev.Timer, timer_id="reconcile:binance")
    return tuple(world.asked)


def cut_off(works: bool) -> Said:
    """An account stream that is down, while an order of ours works there or none does."""
    world = Guarded()
    if works:
        _, sell = pair_of(world)
        world.ack(sell)
    world.link("kucoin", "account", False)
    world.wait(2 * SECOND)
    return tuple(c for c in world.asked if isinstance(c, Alert) and "kucoin" in c.text)


def banned() -> Said:
    down = {"venue": "binance", "link": "orders", "up": False}
    return tuple(Guarded().tell(ev.LinkState, **down, reason="banned"))


def clock(offset_ns: int) -> Said:
    world = Guarded()
    world.tell(ev.Clock, venue="binance", offset_ns=offset_ns, uncertainty_ns=MS)
    world.wait(3_600 * SECOND)
    return tuple(c for c in world.asked if isinstance(c, Alert) and "clock" in c.text)


def undeliverable() -> Said:
    why = "alerts do not reach the webhook"
    out = Guarded().tell(ev.Control, action="undelivered", reason=why)
    assert [c.text for c in out if isinstance(c, Alert)] == [why]
    return tuple(out)


CASES: dict[str, Callable[[], Said]] = {
    **{
        f"{action} {scope}": lambda action=action, scope=scope: word(action, scope)  # type: ignore[misc]
        for scope in SCOPES
        for action in ("reduce", "halt", "resume")
    },
    "session loss": lambda: losses(max_session_loss=10 * USD),
    "strategy loss": lambda: losses(max_strategy_loss=10 * USD),
    "drawdown": lambda: losses(max_drawdown=10 * USD),
    "losing trades": lambda: losses(max_losing_trades=3),
    "losses within a window": lambda: losses(max_losses_in_window=3),
    "no mark": mark_gone,
    "round trips": round_trips,
    "rejects of a strategy": lambda: rejects(max_strategy_rejects=2),
    "errors of a venue": lambda: rejects(max_venue_errors=1),
    "refused credentials": credentials,
    "unknown": unknown,
    "silence": silence,
    "a leg alone": leg_alone,
    "drift that nothing explains": lambda: drift(MONEY_ONE, 3),
    "moved by others": moved_by_others,
    "not reconciled": unreconciled,
    "account stream down": lambda: cut_off(works=True),
    "account stream down without an order": lambda: cut_off(works=False),
    "a venue that bans us": banned,
    "a clock that is off": lambda: clock(2 * SECOND),
    "a clock that is not measured": lambda: clock(0),
    "nobody is told": undeliverable,
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_person_has_to_know_is_an_alert(case: str) -> None:
    told = [
        command
        for command in CASES[case]()
        if isinstance(command, Halt | Reduce)
        or (isinstance(command, Alert) and command.level in ("warning", "critical"))
    ]
    assert told, "nobody hears of it"


def test_an_account_stream_that_stays_down_is_told_once_and_anew_after_it_was_up() -> None:
    world = Guarded()
    for times in (1, 2):
        world.link("kucoin", "account", False)
        world.wait(60 * SECOND)
        told = [text for text in world.alerts("warning") if "nothing is entered there" in text]
        assert len(told) == times
        world.link("kucoin", "account", True)


def test_a_resume_that_opens_nothing_says_nothing() -> None:
    out = Guarded().tell(ev.Control, action="resume", reason="so", who="ann")
    assert [command for command in out if isinstance(command, Alert)] == []


def test_dust_is_for_the_record_and_no_page() -> None:
    assert [c.level for c in drift(1, 1) if isinstance(c, Alert)] == ["info"]
