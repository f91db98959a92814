"""The second line: an engine of live orders that is not armed refuses each of them by itself."""

from __future__ import annotations

import msgspec

from support.trading import MS, World, config
from xrpfast._core import RiskGate
from xrpfast.trading.commands import PlaceLegs
from xrpfast.trading.config import EngineConfig
from xrpfast.trading.context import BUY
from xrpfast.trading.engine import Engine
from xrpfast.trading.events import BookTop
from xrpfast.trading.flattening import Ordered
from xrpfast.trading.intents import LegIntent
from xrpfast.trading.legs.hedge import choose
from xrpfast.trading.risk.reasons import Refusal


def of(environment: str, *, armed: bool) -> EngineConfig:
    return msgspec.structs.replace(config(), environment=environment, armed=armed)


def placed(settings: EngineConfig) -> bool:
    world = World(settings)
    commands = world.signal()
    refused = world.engine.refused
    assert refused == ({} if commands else {"NOT_ARMED": 1})
    return any(isinstance(command, PlaceLegs) for command in commands)


def test_live_orders_leave_an_armed_engine_alone() -> None:
    assert placed(of("l", armed=True))
    assert not placed(of("l", armed=False))


def test_what_is_not_live_needs_no_arming() -> None:
    for environment in ("d", "t"):
        assert placed(of(environment, armed=False))


def hedge(settings: EngineConfig) -> object:
    world = World(settings)
    book = world.engine.context.books[0]
    now_ns = world.now_ns + MS
    top = BookTop(
        now_ns=now_ns, wall_ns=now_ns, book=0, live=True, bid=20_990, bid_qty=10_000,
        ask=21_000, ask_qty=10_000, data_ns=now_ns,
    )  # fmt: skip
    leg = LegIntent(book, BUY, 0, 1, 21_000, 1_000)
    missing = -1_000 * book.qty_money
    return world.engine.risk.check_hedge(leg, top, missing, "xttest7-00h", now_ns)


def test_hedges_are_orders_too() -> None:
    assert hedge(of("l", armed=False)) is Refusal.NOT_ARMED
    assert not isinstance(hedge(of("l", armed=True)), Refusal)


def flatten(settings: EngineConfig) -> object:
    world = World(settings)
    engine = world.engine
    book = engine.context.books[0]
    now_ns = world.now_ns + MS
    top = BookTop(
        now_ns=now_ns, wall_ns=now_ns, book=0, live=True, bid=20_990, bid_qty=10_000,
        ask=21_000, ask_qty=10_000, data_ns=now_ns,
    )  # fmt: skip
    missing = -1_000 * book.qty_money
    chosen = choose(missing, [(book, top)], engine.portfolio, settings.risk, now_ns)
    assert chosen is not None
    engine.context.flattening[0] = Ordered(10**20, now_ns)
    leg = LegIntent(book, BUY, 0, 1, chosen.price, chosen.qty)
    return engine.risk.check_flatten(leg, chosen, missing, 0, "xttest7-00h", now_ns)


def test_a_flatten_is_orders_too() -> None:
    assert flatten(of("l", armed=False)) is Refusal.NOT_ARMED
    assert not isinstance(flatten(of("l", armed=True)), Refusal)


def test_a_journal_from_before_says_nothing_and_is_not_armed() -> None:
    old = msgspec.to_builtins(of("l", armed=True))
    del old["armed"]
    read = msgspec.convert(old, EngineConfig)
    assert not read.armed
    assert Engine(read, RiskGate(1)).context.unarmed
