"""The kernel: dispatch, trading state, timers, and that nothing but events decides."""

import ast
from pathlib import Path

import msgspec
import pytest

import xrpfast.trading
from support.trading import MS, World, check_books, config
from xrpfast.model import MONEY_ONE
from xrpfast.trading import events
from xrpfast.trading.commands import Alert, Cancel, Halt, PlaceLegs, SetTimer
from xrpfast.trading.config import ArbitrageParams, EngineConfig, Residual, StartBalance
from xrpfast.trading.events import AnyEvent, Balance, BookState, Clock, Fill, Timer
from xrpfast.trading.states import TradingState

EVENTS = msgspec.json.Decoder(AnyEvent)


def test_every_event_has_a_handler() -> None:
    world = World()
    kinds = {kind for kind in vars(events).values() if isinstance(kind, type)}
    kinds = {k for k in kinds if issubclass(k, events.Event)} - {events.Event}
    assert set(world.engine._handlers) == kinds


def test_only_start_opens() -> None:
    world = World(ready=False)
    engine = world.engine
    assert engine.context.trading is TradingState.STOPPED
    world.control("start")
    assert engine.context.trading is TradingState.ACTIVE
    world.control("stop")
    assert engine.context.trading is TradingState.STOPPING
    world.control("stopped")
    assert engine.context.trading is TradingState.STOPPED
    assert isinstance(world.control("go")[0], Alert)
    assert engine.context.trading is TradingState.STOPPED
    world.control("stop")
    assert engine.context.trading is TradingState.STOPPED


def test_a_halt_is_said_once_and_only_a_restart_ends_it() -> None:
    world = World()
    buy, sell = world.place()
    out = world.control("halt")
    assert out[0] == Halt("engine", "test")
    assert [c.client_id for c in out if isinstance(c, Cancel)] == [buy.client_id, sell.client_id]
    again = world.control("halt")
    assert not [c for c in again if isinstance(c, Halt)]
    assert [c.client_id for c in again if isinstance(c, Cancel)] == [buy.client_id, sell.client_id]
    world.fill(buy, "1", 2_000)  # a protocol violation on top
    assert len([c for c in world.asked if isinstance(c, Halt)]) == 1
    assert isinstance(world.control("start")[0], Alert)
    world.control("stop")
    assert world.engine.context.trading is TradingState.HALTED
    assert world.signal() == []


def test_one_timer_is_set_while_orders_are_out() -> None:
    world = World()
    assert not [c for c in world.asked if isinstance(c, SetTimer) and c.timer_id == "orders"]
    out = world.signal()
    placed_ns = world.now_ns
    assert isinstance(out[0], PlaceLegs)
    assert out[1:] == [SetTimer("orders", placed_ns + 2_000 * MS)]
    legs = out[0].legs
    world.settle(*legs)
    world.now_ns += 1_000 * MS
    assert len(world.signal()) == 1  # one is running already
    second_ns = world.now_ns
    world.now_ns = placed_ns + 2_000 * MS
    assert world.timer() == [SetTimer("orders", second_ns + 2_000 * MS)]
    assert isinstance(world.asked[-2], PlaceLegs)
    world.settle(*world.asked[-2].legs)
    world.now_ns += 5_000 * MS
    assert world.timer() == []
    assert isinstance(world.signal()[1], SetTimer)


def test_an_earlier_deadline_brings_the_timer_forward() -> None:
    world = World()
    buy, _ = world.place()
    out = world.unknown(buy)
    assert out[-1] == SetTimer("orders", world.now_ns + 200 * MS)


def test_orders_bring_a_timer_forward_that_waits_for_another_one() -> None:
    world = World(config(limits={"ack_timeout_ns": 100 * MS}))
    world.engine._timer_ns = world.now_ns + 5_000 * MS
    timer = [c for c in world.signal() if isinstance(c, SetTimer)]
    assert timer == [SetTimer("orders", world.now_ns + 100 * MS)]


def test_a_clock_that_was_never_measured_well_closes_its_venue() -> None:
    world = World()
    venue = world.engine.context.venues["kucoin"]
    world.tell(Clock, venue="kucoin", offset_ns=0, uncertainty_ns=10**12)
    assert not venue.open
    world.tell(Clock, venue="kucoin", offset_ns=0, uncertainty_ns=MS)
    assert venue.open
    world.tell(Clock, venue="kucoin", offset_ns=0, uncertainty_ns=10**12)
    assert venue.open


def test_other_timers_are_not_ours() -> None:
    world = World()
    world.place()
    world.now_ns += 10_000 * MS
    assert world.tell(Timer, timer_id="else") == []


def test_events_about_nothing_known_are_alerts() -> None:
    world = World()
    assert isinstance(world.tell(BookState, book=9, state="LIVE")[0], Alert)
    assert isinstance(world.tell(BookState, book=-1, state="LIVE")[0], Alert)
    assert isinstance(world.link("kraken", "orders", True)[0], Alert)
    assert world.tell(Clock, venue="kraken", offset_ns=1, uncertainty_ns=1) == []


def test_summary_is_plain_values() -> None:
    world = World()
    buy, sell = world.place()
    world.unknown(sell)
    world.settle(buy)
    world.signal()
    summary = world.engine.summary()
    assert msgspec.json.decode(msgspec.json.encode(summary)) == summary
    assert summary["trading"] == "ACTIVE"
    assert summary["venues"] == {"binance": True, "kucoin": True}
    assert summary["unknown"] == [{"venue": "kucoin", "instrument": "XRP/USDT"}]
    assert summary["unsettled"] == 1
    assert summary["counts"]["orders"] == 2
    assert summary["counts"]["fills"] == 1
    assert summary["counts"]["opportunities"] == 2
    assert summary["counts"]["ignored"] == {"IN_FLIGHT": 1}
    assert summary["positions"] == {"XRP": "100"}


def story() -> World:
    """A run with a little of everything."""
    world = World(
        config(
            arbitrage={"cooldown_ns": 3 * MS},
            limits={"max_position": 10_000 * MONEY_ONE},
            xrp=1_500,
            usdt=6_000,
        )
    )
    for step in range(40):
        world.now_ns += 70 * MS
        out = world.signal() if step % 3 else world.reverse_signal()
        for command in out:
            if isinstance(command, PlaceLegs):
                first, second = command.legs
                world.ack(first)
                world.fill(first, f"t{step}", fee=MONEY_ONE // 7, fee_asset="XRP")
                if step % 5 == 0:
                    world.unknown(second)
                    world.now_ns += 300 * MS
                    world.timer()
                    world.query(second, "EXPIRED", 0)
                elif step % 5 == 1:
                    world.end(second, "EXPIRED", second.qty // 2)
                    world.fill(second, f"t{step}", second.qty // 2)
                elif step % 5 == 2:
                    world.reject(second)
                else:
                    world.settle(second)
        world.tell(Balance, venue="binance", asset="XRP", free=step, locked=0, venue_ns=0)
    world.now_ns += 1_000 * MS
    assert world.signal() or world.reverse_signal()  # still out at the end
    world.control("stop")
    return world


def test_the_same_events_give_the_same_commands_byte_for_byte() -> None:
    world = story()
    assert len([c for c in world.asked if isinstance(c, PlaceLegs)]) > 10
    journal = [msgspec.json.encode(event) for event in world.told]
    settings = msgspec.json.decode(msgspec.json.encode(world.engine.config), type=EngineConfig)
    replay = World(settings, ready=False)
    for line in journal:
        replay.process(EVENTS.decode(line))

    def lines(asked: list[object]) -> list[bytes]:
        return [msgspec.json.encode(c.record() if isinstance(c, PlaceLegs) else c) for c in asked]

    assert lines(replay.asked) == lines(world.asked)
    assert replay.engine.summary() == world.engine.summary()
    assert replay.engine.portfolio.balances() == world.engine.portfolio.balances()
    check_books(world.engine)


@pytest.mark.parametrize(
    "change",
    [
        {"environment": "dd"},
        {"deployment": "x"},
        {"epoch": -1},
    ],
)
def test_a_bad_identity_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        World(msgspec.structs.replace(config(), **change))


def test_a_residual_of_a_base_without_a_book_is_refused_by_name() -> None:
    left = (Residual("BTC/USDT", MONEY_ONE),)
    with pytest.raises(ValueError, match="a residual of BTC/USDT, but no book of that base"):
        msgspec.structs.replace(config(), residuals=left)


def test_configs_that_do_not_fit_together_are_refused() -> None:
    good = config()
    book = good.books[0]
    bad_books = [
        {"price_decimals": 12, "qty_decimals": 8},
        {"tick": 0},
        {"lot": 0},
        {"max_qty": 0},
        {"min_notional": -1},
        {"qty_decimals": -1},
    ]
    changes: list[dict[str, object]] = [
        {"books": (msgspec.structs.replace(book, **change),)} for change in bad_books
    ]
    strategy = good.strategies[0]
    changes += [
        {"books": (book, book)},
        {"strategies": (strategy, strategy)},
        {"strategies": (msgspec.structs.replace(strategy, instrument="BTC/USDT"),)},
        {"strategies": (msgspec.structs.replace(strategy, max_qty=0),)},
        {"balances": (StartBalance("binance", "XRP", 1), StartBalance("binance", "XRP", 2))},
        {"balances": (StartBalance("binance", "XRP", -1),)},
        {"balances": (StartBalance("binance", "XRP", 1, -1),)},
        {"balances": (StartBalance("binance", "XRP", 1, 2),)},
        {"keep_orders": -1},
    ]
    fields = {name: getattr(good, name) for name in good.__struct_fields__}
    for change in changes:
        with pytest.raises(ValueError):
            EngineConfig(**(fields | change))
    for name, value in (("collar_bps", -1), ("max_orders_per_second", 0), ("ack_timeout_ns", 0)):
        with pytest.raises(ValueError, match=name):
            config(limits={name: value})


def test_a_fill_is_booked_even_while_halted() -> None:
    world = World()
    buy, _ = world.place()
    world.control("halt")
    world.tell(
        Fill,
        client_id=buy.client_id,
        venue_order_id="",
        trade_id="1",
        price=21_000,
        qty=10,
        fee=0,
        fee_asset="USDT",
        maker=False,
        venue_ns=0,
    )
    assert world.engine.portfolio.balance("binance", "XRP") == 1_001 * MONEY_ONE


def test_two_strategies_share_a_detector_in_their_order() -> None:
    good = config()
    other = msgspec.structs.replace(good.strategies[0], name="other")
    world = World(msgspec.structs.replace(good, strategies=(other, *good.strategies)))
    out = world.signal()
    assert [c.strategy for c in out if isinstance(c, PlaceLegs)] == ["other"]
    assert world.engine.ignored == {"IN_FLIGHT": 1}


def test_the_decision_layer_reads_no_clock_and_does_no_io() -> None:
    allowed = {"__future__", "collections", "enum", "itertools", "math", "re", "typing", "msgspec"}
    for path in Path(xrpfast.trading.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not isinstance(node, ast.Await | ast.AsyncFunctionDef)
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), path
            for name in names:
                layer = name.startswith(("xrpfast.trading", "xrpfast.model", "xrpfast._core"))
                assert (
                    layer
                    or name == "xrpfast.trading"
                    or name.split(".")[0] in allowed
                    or (name == "xrpfast")
                ), (path, name)


def test_config_survives_the_journal() -> None:
    good = config()
    assert isinstance(good.strategies[0], ArbitrageParams)
    assert msgspec.json.decode(msgspec.json.encode(good), type=EngineConfig) == good
