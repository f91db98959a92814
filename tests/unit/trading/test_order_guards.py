"""Guards of the order desk that only show when something else goes wrong at the same time."""

from __future__ import annotations

from support.trading import MS, World, check_books
from xrpfast.model import OrderState
from xrpfast.trading.client_ids import ClientIds, parse
from xrpfast.trading.commands import Alert, Cancel, Halt, Leg, Query


def test_an_ended_order_is_not_cancelled_while_its_fills_are_on_their_way() -> None:
    world = World()
    buy, sell = world.place()
    world.settle(sell)
    world.end(buy, "EXPIRED", 500)
    assert not any(isinstance(command, Cancel) for command in world.control("stop"))


def test_a_word_about_an_order_not_known_touches_no_other() -> None:
    world = World()
    buy, _ = world.place()
    stray = Leg("web-1", "binance", "XRP/USDT", 0, 0, 1, buy.price, buy.qty)
    world.fill(stray, "1", 10)
    world.end(stray, "CANCELLED", 0)
    assert world.order(buy).filled == 0
    assert world.order(buy).state is OrderState.SENT
    check_books(world.engine)


def test_a_late_ack_gives_the_end_its_own_time() -> None:
    world = World()
    buy, sell = world.place()
    world.settle(sell)
    world.now_ns += 1_900 * MS
    world.ack(buy)
    world.now_ns += 200 * MS
    assert not any(isinstance(command, Query) for command in world.timer())
    world.now_ns += 1_800 * MS
    assert any(isinstance(command, Query) for command in world.timer())


def test_no_number_of_absences_ends_an_order_that_was_just_sent() -> None:
    world = World()
    buy, _ = world.place()
    for _ in range(4):
        world.now_ns += 1_000 * MS
        world.query(buy, None)
    assert world.order(buy).state is OrderState.SENT
    assert world.order(buy).pending == buy.qty


def test_what_the_venue_says_is_filled_shows_before_its_fills_arrive() -> None:
    world = World()
    buy, _ = world.place()
    world.query(buy, "OPEN", 400)
    assert world.order(buy).state is OrderState.PARTLY_FILLED


def test_an_order_that_only_a_second_engine_can_have_sent_halts() -> None:
    for number, halts in (("later run", True), ("not given out", True), ("earlier run", False)):
        world = World()
        buy, _ = world.place()
        own = parse(buy.client_id)
        assert own is not None
        epoch, sequence = {
            "later run": (own.epoch + 1, 0),
            "not given out": (own.epoch, own.sequence + 1),
            "earlier run": (own.epoch - 1, own.sequence + 7),
        }[number]
        ids = ClientIds(buy.client_id[1], buy.client_id[2:6], epoch, sequence)
        out = world.ack(Leg(ids.next_hedge(), "kucoin", "XRP/USDT", 0, 0, 1, 1, 1))
        assert any(isinstance(command, Halt) for command in out) is halts
        assert any(isinstance(command, Alert) for command in out)
        assert (world.engine.context.trading.value == "HALTED") is halts


def test_the_own_next_id_is_not_of_another_before_it_is_used_nor_after() -> None:
    ids = ClientIds("d", "test", 7)
    mine = ids.next_hedge()
    assert not ids.of_another(mine)
    assert ids.of_another(ClientIds("d", "test", 7, 1).next_hedge())
    assert not ids.of_another(ClientIds("d", "else", 9).next_hedge()), "another deployment"
    assert not ids.of_another("web-1")
