"""The arbitrage: which signals it takes, and at what size."""

from typing import Any

import msgspec
import pytest

from support.trading import BINANCE, KUCOIN, MS, World, config
from xrpfast.model import MONEY_ONE
from xrpfast.trading.commands import Leg, PlaceLegs
from xrpfast.trading.strategies.reasons import Ignored


def placed(world: World, **fields: Any) -> tuple[Leg, Leg]:
    command = world.signal(**fields)[0]
    assert isinstance(command, PlaceLegs)
    buy, sell = command.legs
    return buy, sell


def ignored(world: World, **fields: Any) -> str:
    before = dict(world.engine.ignored)
    assert world.signal(**fields) == []
    assert not world.engine.refused
    (code,) = [c for c, n in world.engine.ignored.items() if n != before.get(c, 0)]
    return code


def test_two_ioc_limits_at_the_walked_prices() -> None:
    world = World()
    out = world.signal()
    command = out[0]
    assert isinstance(command, PlaceLegs)
    assert (command.strategy, command.signal_id) == ("arb", 1)
    assert command.legs == (
        Leg("xttest7-00a", "binance", "XRP/USDT", 0, 0, 1, 21_000, 1_000),
        Leg("xttest7-00b", "kucoin", "XRP/USDT", 1, 0, 1, 210_500, 1_000_000),
    )
    assert [a.client_id for a in command.approved] == ["xttest7-00a", "xttest7-00b"]


def test_the_other_direction() -> None:
    world = World()
    command = world.reverse_signal()[0]
    assert isinstance(command, PlaceLegs)
    assert [(leg.venue, leg.side) for leg in command.legs] == [("kucoin", 0), ("binance", 1)]


def test_one_pair_in_flight() -> None:
    world = World()
    buy, sell = world.place()
    assert ignored(world) == Ignored.IN_FLIGHT
    world.settle(buy)
    assert ignored(world) == Ignored.IN_FLIGHT
    world.end(sell, "EXPIRED", 500_000)
    assert ignored(world) == Ignored.IN_FLIGHT  # ended, but the fills are still on their way
    world.fill(sell, "1", 500_000)
    world.place()


def test_an_unknown_leg_keeps_the_next_pair_back() -> None:
    world = World()
    buy, sell = world.place()
    world.settle(sell)
    world.unknown(buy)
    world.now_ns += 10_000 * MS
    assert ignored(world) == Ignored.IN_FLIGHT
    world.query(buy, None)
    assert ignored(world) == Ignored.IN_FLIGHT
    world.now_ns += 1_000 * MS
    world.query(buy, None)
    world.place()


def test_cooldown_is_per_direction_and_starts_with_an_entry() -> None:
    world = World(config(arbitrage={"cooldown_ns": 100 * MS}))
    world.control("stop")
    assert world.signal() == []  # refused: no entry, no cooldown
    assert world.engine.refused.pop("TRADING_STOPPED") == 1
    world.control("start")
    world.settle(*world.place())
    world.now_ns += 100 * MS - 1
    assert ignored(world) == Ignored.COOLDOWN
    command = world.reverse_signal()[0]
    assert isinstance(command, PlaceLegs)
    world.settle(*command.legs)
    world.now_ns += 1
    world.place()


def test_profit_at_least() -> None:
    world = World(config(arbitrage={"min_profit": MONEY_ONE // 10}))
    assert ignored(world, profit=MONEY_ONE // 10 - 1) == Ignored.PROFIT_TOO_SMALL
    placed(world)


def test_signals_nobody_asked_for() -> None:
    world = World()
    assert ignored(world, detector=9) == Ignored.NOT_WANTED
    assert ignored(world, sell_book=7) == Ignored.NOT_WANTED
    assert world.engine.opportunities == 0
    placed(world)
    assert world.engine.opportunities == 1


def test_another_instrument_is_not_wanted() -> None:
    books = tuple(
        msgspec.structs.replace(rules, instrument=name, venue_symbol=name)
        for name in ("XRP/USDT", "XRP/USDC")
        for rules in (BINANCE, KUCOIN)
    )
    settings = msgspec.structs.replace(config(), books=books)
    world = World(settings)
    assert ignored(world, buy_book=2, sell_book=3) == Ignored.NOT_WANTED
    assert ignored(world, buy_book=0, sell_book=3) == Ignored.NOT_WANTED
    placed(world)


@pytest.mark.parametrize(
    ("settings", "qty"),
    [
        ({"arbitrage": {"max_qty": 55_55 * MONEY_ONE // 100}}, 555),
        ({"limits": {"max_order_notional": 100 * MONEY_ONE}}, 475),
        ({"limits": {"max_position": 60 * MONEY_ONE}}, 600),
        ({"usdt": 100}, 476),
        ({"xrp": 30}, 300),
        ({"xrp": 100}, 1_000),
        ({"usdt": 210}, 1_000),
    ],
)
def test_size_is_cut_to_what_is_allowed(settings: dict[str, Any], qty: int) -> None:
    world = World(config(**settings))
    buy, sell = placed(world)
    assert (buy.qty, sell.qty) == (qty, qty * 1_000)
    assert not world.engine.refused


def test_a_buy_leaves_room_for_its_fee_to_the_last_lot() -> None:
    # 0.1 % of fee: 210.21 buys 100 at 2.1 with nothing over; a unit less buys a lot less.
    for missing, qty in ((0, 1_000_000), (1, 999_000)):
        world = World(config(usdt=1_000))
        account = world.engine.context.accounts["kucoin", "USDT"]
        world.engine.portfolio.booked[account] = 210_210 * MONEY_ONE // 1_000 - missing
        command = world.reverse_signal()[0]
        assert isinstance(command, PlaceLegs)
        assert command.legs[0].qty == qty
        assert command.legs[1].qty * 1_000 == qty


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"arbitrage": {"max_qty": MONEY_ONE}}, Ignored.MAX_QTY),
        ({"limits": {"max_order_notional": 4 * MONEY_ONE}}, Ignored.NOTIONAL_CAP),
        ({"limits": {"max_position": 2 * MONEY_ONE}}, Ignored.NO_POSITION),
        ({"usdt": 0}, Ignored.NO_BALANCE),
        ({"xrp": 0}, Ignored.NO_BALANCE),
    ],
)
def test_what_is_left_below_a_minimum_is_ignored(settings: dict[str, Any], reason: Ignored) -> None:
    assert ignored(World(config(**settings))) == reason


def test_position_cuts_the_side_it_would_grow() -> None:
    world = World()
    world.engine.portfolio.position[0] = 460 * MONEY_ONE
    buy, _ = placed(world)
    assert buy.qty == 400
    world = World()
    world.engine.portfolio.position[0] = -460 * MONEY_ONE
    buy, _ = placed(world)
    assert buy.qty == 400


def test_a_cut_size_must_still_be_worth_it() -> None:
    settings = {"xrp": 50, "arbitrage": {"min_profit": MONEY_ONE // 20}}
    assert placed(World(config(**settings)))[0].qty == 500
    assert ignored(World(config(**settings)), profit=MONEY_ONE // 10 - 1) == (
        Ignored.PROFIT_TOO_SMALL
    )


def test_lots_that_differ_are_both_respected() -> None:
    books = (msgspec.structs.replace(BINANCE, lot=3), msgspec.structs.replace(KUCOIN, lot=2_000))
    world = World(config(books=books, xrp=100))
    buy, sell = placed(world, buy_qty=1_200, sell_qty=1_200_000)
    assert (buy.qty, sell.qty) == (996, 996_000)  # whole 0.6: lots are 0.3 and 0.2


def test_every_reason_has_its_line() -> None:
    for reason in Ignored:
        assert reason.value == reason.name
        assert reason.doc.endswith(".")
