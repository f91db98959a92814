"""The desk: events in any order, fills once, unknown outcomes, contradictions."""

from itertools import permutations
from typing import Any

import pytest

from support.trading import MS, World, check_books, config
from xrpfast.model import OrderState
from xrpfast.trading.commands import Alert, Cancel, Forget, Halt, Leg, Query
from xrpfast.trading.events import OrderAck


def kinds(out: list[Any]) -> list[type]:
    return [type(command) for command in out]


def levels(out: list[Any]) -> list[str]:
    return [command.level for command in out if isinstance(command, Alert)]


def test_from_sent_to_filled() -> None:
    world = World()
    buy, _ = world.place()
    order = world.order(buy)
    assert order.state is OrderState.SENT
    world.ack(buy)
    assert order.state is OrderState.OPEN
    assert order.venue_order_id == "v" + buy.client_id
    world.fill(buy, "1", 400)
    assert order.state is OrderState.PARTLY_FILLED
    world.fill(buy, "2", 600)
    assert order.state is OrderState.FILLED
    world.end(buy, "FILLED", 1_000)
    assert (order.filled, order.missing, order.settled) == (1_000, 0, True)
    assert order.filled_value == 1_000 * buy.price
    assert world.engine.orders.counts["anomalies"] == 0
    check_books(world.engine)


def test_every_order_of_arrival_ends_the_same() -> None:
    steps = {
        "ack": lambda w, leg: w.ack(leg),
        "fill 1": lambda w, leg: w.fill(leg, "1", 300),
        "fill 2": lambda w, leg: w.fill(leg, "2", 200),
        "fill 2 again": lambda w, leg: w.fill(leg, "2", 200),
        "end": lambda w, leg: w.end(leg, "EXPIRED", 500),
    }
    for order in permutations(steps):
        world = World()
        buy, _ = world.place()
        for step in order:
            steps[step](world, buy)
            check_books(world.engine)
        end = world.order(buy)
        assert (end.state, end.filled, end.settled) == (OrderState.EXPIRED, 500, True), order
        counts = world.engine.orders.counts
        assert (counts["fills"], counts["duplicates"], counts["anomalies"]) == (2, 1, 0), order
        assert world.engine.portfolio.balance("binance", "XRP") == 1_050 * 10**18


def test_an_end_before_its_fills_keeps_the_worst_case() -> None:
    world = World()
    buy, _ = world.place()
    world.end(buy, "FILLED", 1_000)
    order = world.order(buy)
    assert (order.state, order.missing, order.settled) == (OrderState.FILLED, 1_000, False)
    assert world.free("binance", "USDT") == (2_000 - 210) * 10**18
    world.fill(buy, "1", 600)
    assert (order.missing, order.settled) == (400, False)
    world.fill(buy, "2", 400)
    assert (order.missing, order.settled) == (0, True)
    assert world.free("binance", "USDT") == (2_000 - 210) * 10**18


def test_an_end_that_covers_everything_is_a_fill() -> None:
    world = World()
    buy, _ = world.place()
    world.end(buy, "CANCELLED", 1_000)
    assert world.order(buy).state is OrderState.FILLED


def test_a_second_end_may_speak_of_more_but_changes_no_state() -> None:
    world = World()
    buy, _ = world.place()
    world.end(buy, "CANCELLED", 0)
    order = world.order(buy)
    assert order.settled
    world.end(buy, "EXPIRED", 300)
    assert (order.state, order.missing, order.settled) == (OrderState.CANCELLED, 300, False)
    check_books(world.engine)
    world.fill(buy, "1", 300)
    assert order.settled
    check_books(world.engine)


def test_rejected_releases_what_was_reserved() -> None:
    world = World()
    buy, _ = world.place()
    assert world.free("binance", "USDT") == 1_790 * 10**18
    world.reject(buy)
    order = world.order(buy)
    assert (order.state, order.reason, order.settled) == (OrderState.REJECTED, "-2010: no", True)
    assert world.free("binance", "USDT") == 2_000 * 10**18
    assert world.free("kucoin", "XRP") == 900 * 10**18


def test_the_ack_after_the_end_changes_nothing() -> None:
    world = World()
    buy, _ = world.place()
    world.end(buy, "EXPIRED", 0)
    assert world.ack(buy) == []
    assert world.order(buy).state is OrderState.EXPIRED


def test_a_refusal_after_acceptance_is_no_refusal() -> None:
    world = World()
    buy, _ = world.place()
    world.ack(buy)
    out = world.reject(buy)
    order = world.order(buy)
    assert order.state is OrderState.UNKNOWN
    assert order.pending == 1_000
    assert Query(buy.client_id, "binance", "XRP/USDT") in out
    assert levels(out) == ["critical"]


def test_lost_reply_reserves_asks_and_closes_the_book() -> None:
    world = World()
    buy, sell = world.place()
    world.settle(sell)
    out = world.unknown(buy)
    order = world.order(buy)
    assert order.state is OrderState.UNKNOWN
    assert order.reason == "timeout"
    assert Query(buy.client_id, "binance", "XRP/USDT") in out
    assert levels(out) == ["warning"]
    assert world.engine.context.books[0].unknown == 1
    assert world.free("binance", "USDT") == 1_790 * 10**18
    assert world.unknown(buy) == []  # said once
    check_books(world.engine)


@pytest.mark.parametrize("said", ["ack", "fill", "end", "open", "ended", "absent"])
def test_only_the_venue_settles_an_unknown_order(said: str) -> None:
    world = World()
    buy, _ = world.place()
    world.unknown(buy)
    order = world.order(buy)
    for _ in range(30):
        world.now_ns += 5_000 * MS
        world.timer()
    world.query(buy, None, authoritative=False)
    world.query(buy, "CANCELLED", authoritative=False)
    assert order.state is OrderState.UNKNOWN
    match said:
        case "ack":
            world.ack(buy)
            assert order.state is OrderState.OPEN
        case "fill":
            world.fill(buy, "1", 10)
            assert order.state is OrderState.PARTLY_FILLED
        case "end":
            world.end(buy, "EXPIRED", 0)
            assert order.state is OrderState.EXPIRED
        case "open":
            world.query(buy, "OPEN")
            assert order.state is OrderState.OPEN
        case "ended":
            world.query(buy, "CANCELLED", 200)
            assert (order.state, order.missing) == (OrderState.CANCELLED, 200)
        case "absent":
            world.query(buy, None)
            assert order.state is OrderState.UNKNOWN  # once is no proof
            world.now_ns += 1_000 * MS
            world.query(buy, None, authoritative=False)
            assert order.state is OrderState.UNKNOWN
            world.query(buy, None)
            assert (order.state, order.reason) == (OrderState.REJECTED, "NOT_FOUND")
    assert world.engine.context.books[0].unknown == 0
    check_books(world.engine)


def test_two_absences_prove_nothing_before_a_second_lies_between_them() -> None:
    """The answers to a query and to a comparison that were under way at once are one answer."""
    world = World()
    buy, sell = world.place()
    world.settle(sell)
    world.unknown(buy)
    order = world.order(buy)
    for wait in (0, 1, 500, 498):
        world.now_ns += wait * MS
        world.query(buy, None)
        assert (order.state, order.absences) == (OrderState.UNKNOWN, 1)
    world.now_ns += MS
    world.query(buy, None)
    assert (order.state, order.reason) == (OrderState.REJECTED, "NOT_FOUND")


def test_an_answer_counts_anew_only_when_it_was_asked_for_after_the_one_before() -> None:
    """A second question that was under way at the time of the first answer is slow, not new."""
    world = World()
    buy, _ = world.place()
    world.unknown(buy)
    order = world.order(buy)
    world.query(buy, None)
    first_ns = world.now_ns
    for asked_ns in (first_ns - 900 * MS, first_ns + 999 * MS):
        world.now_ns += 2_000 * MS
        world.query(buy, None, asked_wall_ns=asked_ns)
        assert (order.state, order.absences, order.absent_ns) == (OrderState.UNKNOWN, 1, first_ns)
    world.query(buy, None, asked_wall_ns=first_ns + 1_000 * MS)
    assert (order.state, order.reason) == (OrderState.REJECTED, "NOT_FOUND")


def test_absences_begin_anew_after_a_clock_that_was_set_back() -> None:
    world = World()
    buy, _ = world.place()
    world.unknown(buy)
    order, wall_ns = world.order(buy), world.now_ns
    world.query(buy, None, wall_ns=wall_ns)
    for at_ns, count in ((-(10**9), 1), (-(10**9) + 1, 1), (-1, 1)):
        world.query(buy, None, wall_ns=wall_ns + at_ns)
        assert (order.state, order.absences) == (OrderState.UNKNOWN, count)
    world.query(buy, None, wall_ns=wall_ns)
    assert order.state is OrderState.REJECTED


def test_absence_is_no_proof_for_an_order_that_was_seen() -> None:
    world = World()
    buy, _ = world.place()
    world.fill(buy, "1", 10)
    out = world.query(buy, None)
    assert world.order(buy).state is OrderState.UNKNOWN
    assert "critical" in levels(out)
    assert world.order(buy).pending == 990


def test_absence_before_anything_is_unknown_is_ignored() -> None:
    world = World()
    buy, _ = world.place()
    world.query(buy, None)
    assert world.order(buy).state is OrderState.SENT


def test_a_lost_reply_of_an_order_shown_working_is_nothing() -> None:
    world = World()
    buy, _ = world.place()
    world.ack(buy)
    assert world.unknown(buy) == []
    assert world.order(buy).state is OrderState.OPEN


def test_silence_makes_unknown_and_asks_ever_more_slowly() -> None:
    world = World()
    buy, sell = world.place()
    world.settle(sell)
    world.now_ns += 2_000 * MS - 1
    assert Query not in kinds(world.timer())
    world.now_ns += 1
    out = world.timer()
    assert world.order(buy).state is OrderState.UNKNOWN
    assert Query(buy.client_id, "binance", "XRP/USDT") in out
    waits = []
    for _ in range(8):
        due_ns = world.engine.orders.next_deadline()
        waits.append((due_ns - world.now_ns) // MS)
        world.now_ns = due_ns
        assert Query in kinds(world.timer())
    assert waits == [200, 300, 500, 1000, 3000, 5000, 5000, 5000]
    # the outcome is unknown, the other leg trades alone, nobody knows for long
    assert levels(world.asked) == ["warning", "critical", "critical"]


def test_an_accepted_ioc_without_end_is_asked_about() -> None:
    world = World()
    buy, sell = world.place()
    world.settle(sell)
    world.ack(buy)
    world.now_ns += 2_000 * MS
    assert Query in kinds(world.timer())
    assert world.order(buy).state is OrderState.OPEN


def test_missing_fills_are_asked_for() -> None:
    world = World()
    buy, sell = world.place()
    world.settle(sell)
    world.end(buy, "EXPIRED", 500)
    world.now_ns += 2_000 * MS
    assert Query in kinds(world.timer())
    assert world.order(buy).missing == 500


def test_more_filled_than_ordered_halts() -> None:
    world = World()
    buy, sell = world.place()
    world.fill(buy, "1", 900)
    out = world.fill(buy, "2", 200)
    assert kinds(out)[0] is Halt
    assert "critical" in levels(out)
    assert Cancel(sell.client_id, "kucoin", "XRP/USDT") in out
    # The money moved, so it is booked.
    assert world.engine.portfolio.balance("binance", "XRP") == 1_110 * 10**18
    assert world.engine.context.trading.value == "HALTED"
    check_books(world.engine)


def test_an_end_of_more_than_ordered_halts() -> None:
    world = World()
    buy, _ = world.place()
    assert Halt in kinds(world.end(buy, "FILLED", 1_001))


def test_a_fill_beyond_the_limit_halts() -> None:
    world = World()
    buy, sell = world.place()
    assert Halt not in kinds(world.fill(buy, "1", 10, price=buy.price - 1))
    assert Halt not in kinds(world.fill(sell, "1", 100, price=sell.price + 10))
    assert Halt in kinds(world.fill(buy, "2", 10, price=buy.price + 1))
    other = World()
    _, sell = other.place()
    assert Halt in kinds(other.fill(sell, "1", 100, price=sell.price - 10))


def test_a_fill_of_a_refused_order_halts_and_is_booked() -> None:
    world = World()
    buy, _ = world.place()
    world.reject(buy)
    assert Halt in kinds(world.fill(buy, "1", 10))
    assert world.order(buy).state is OrderState.REJECTED
    assert world.engine.portfolio.balance("binance", "XRP") == 1_001 * 10**18


@pytest.mark.parametrize(("qty", "price"), [(0, 21_000), (-5, 21_000), (10, 0), (10, -1)])
def test_a_senseless_fill_is_not_booked(qty: int, price: int) -> None:
    world = World()
    buy, _ = world.place()
    assert Halt in kinds(world.fill(buy, "1", qty, price=price))
    assert world.order(buy).filled == 0
    assert world.engine.portfolio.balance("binance", "XRP") == 1_000 * 10**18


def test_one_trade_on_two_orders_is_booked_once() -> None:
    world = World()
    first, other = world.place()
    world.fill(first, "9")
    world.settle(other)
    second, _ = world.place()
    assert Halt in kinds(world.fill(second, "9"))
    assert world.engine.portfolio.balance("binance", "XRP") == 1_100 * 10**18


def test_trade_ids_of_two_venues_are_not_confused() -> None:
    world = World()
    buy, sell = world.place()
    world.fill(buy, "1")
    world.fill(sell, "1")
    assert world.engine.orders.counts["fills"] == 2


def test_another_venue_order_id_halts() -> None:
    world = World()
    buy, _ = world.place()
    world.ack(buy)
    out = world.tell(OrderAck, client_id=buy.client_id, venue_order_id="other")
    assert Halt in kinds(out)


@pytest.mark.parametrize(("state", "filled"), [("DONE", 0), ("EXPIRED", -1)])
def test_an_end_that_makes_no_sense_proves_nothing(state: str, filled: int) -> None:
    world = World()
    buy, _ = world.place()
    out = world.end(buy, state, filled)
    assert world.order(buy).state is OrderState.UNKNOWN
    assert "critical" in levels(out)


def test_fills_beyond_the_end_are_booked_and_reported() -> None:
    world = World()
    buy, _ = world.place()
    world.end(buy, "CANCELLED", 0)
    out = world.fill(buy, "1", 100)
    assert levels(out) == ["warning"]
    assert world.order(buy).state is OrderState.CANCELLED
    assert world.engine.portfolio.balance("binance", "XRP") == 1_010 * 10**18


def test_strays_are_counted_and_alerts_stay_few() -> None:
    world = World()
    stray = Leg("web-1", "binance", "XRP/USDT", 0, 0, 1, 1, 1)
    alerts = 0
    for step in (world.ack, world.reject, world.unknown):
        alerts += len(levels(step(stray)))
    for number in range(97):
        alerts += len(levels(world.fill(stray, str(number))))
    assert world.engine.orders.counts["strays"] == 100
    assert alerts == 7
    assert world.engine.portfolio.balance("binance", "XRP") == 1_000 * 10**18


def test_cancels_that_are_refused_and_queries_do_not_chase_each_other() -> None:
    """A venue that is overloaded refuses the cancel; the query after it says that it works."""
    world = World()
    buy, _ = world.place()
    world.ack(buy)
    world.control("stop")
    for _ in range(10):
        world.now_ns += MS
        assert not [c for c in world.query(buy, "OPEN") if isinstance(c, Cancel)]
    world.now_ns += 200 * MS
    assert [c for c in world.query(buy, "OPEN") if isinstance(c, Cancel)]


def test_stop_cancels_what_may_work_and_asks_again_until_it_ends() -> None:
    world = World()
    buy, sell = world.place()
    world.ack(buy)
    world.unknown(sell)
    out = world.control("stop")
    assert [c.client_id for c in out if isinstance(c, Cancel)] == [buy.client_id, sell.client_id]
    assert world.order(buy).state is OrderState.CANCEL_SENT
    assert world.order(sell).state is OrderState.UNKNOWN
    world.fill(buy, "1", 300)
    assert world.order(buy).state is OrderState.CANCEL_SENT
    world.now_ns += 2_000 * MS
    assert Query(buy.client_id, "binance", "XRP/USDT") in world.timer()
    assert Cancel(buy.client_id, "binance", "XRP/USDT") in world.query(buy, "PARTLY_FILLED", 300)
    assert Cancel(sell.client_id, "kucoin", "XRP/USDT") in world.query(sell, "OPEN")
    world.end(buy, "CANCELLED", 300)
    world.end(sell, "CANCELLED", 0)
    assert not world.engine.orders.unsettled
    assert world.control("stop") == []
    check_books(world.engine)


def test_settled_orders_leave_memory_and_their_oldest_trades_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("xrpfast.trading.orders.PAST_TRADES", 3)
    world = World(config(keep_orders=4, limits={"max_position": 10**30}))
    legs: list[Leg] = []
    for _ in range(8):
        world.now_ns += 1_000 * MS
        legs += world.place()
        world.settle(*legs[-2:])
    desk = world.engine.orders
    assert list(desk.orders) == [leg.client_id for leg in legs[-4:]]
    assert [c.client_id for c in world.asked if isinstance(c, Forget)] == [
        leg.client_id for leg in legs[:-4]
    ]
    assert [desk.booked(leg.client_id, "t" + leg.client_id) for leg in legs] == [False] * 9 + [
        True
    ] * 7
    assert (len(desk._trades), len(desk._past)) == (7, 3)
    assert desk.counts["orders"] == 16
    check_books(world.engine)


def forgotten() -> tuple[World, Leg]:
    """A world, and an order that has left memory with a part of it filled."""
    world = World(config(keep_orders=0, limits={"max_position": 10**30}))
    buy, sell = world.place()
    world.fill(buy, "1", 400)
    world.end(buy, "EXPIRED", 400)
    world.settle(sell)
    assert not world.engine.orders.orders
    return world, buy


def test_what_is_told_again_of_an_order_that_left_memory_is_nothing() -> None:
    world, buy = forgotten()
    booked = list(world.engine.portfolio.booked)
    for out in (
        world.ack(buy),
        world.fill(buy, "1", 400),
        world.end(buy, "EXPIRED", 400),
        world.query(buy, "EXPIRED", 400),
        world.query(buy, None),
        world.reject(buy),
        world.unknown(buy),
    ):
        assert out == []
    assert world.engine.orders.counts["strays"] == 0
    assert world.engine.portfolio.booked == booked
    assert not world.engine.orders.orders
    check_books(world.engine)


def test_another_fill_of_an_order_that_left_memory_halts() -> None:
    """The venue's own end was a lie: nothing it says can be built on."""
    world, buy = forgotten()
    booked = list(world.engine.portfolio.booked)
    out = world.fill(buy, "2", 100)
    (halt,) = [c for c in out if isinstance(c, Halt)]
    assert buy.client_id in halt.reason
    assert "the next start asks" in halt.reason
    assert world.engine.portfolio.booked == booked
    assert not world.engine.orders.booked(buy.client_id, "2")


def test_a_trade_of_an_order_that_left_memory_is_not_booked_on_another() -> None:
    world, _ = forgotten()
    world.now_ns += 1_000 * MS
    buy, _ = world.place()
    out = world.fill(buy, "1", 400)
    assert Halt in kinds(out)
    assert world.order(buy).filled == 0


def test_an_unsettled_order_is_never_evicted() -> None:
    world = World(config(keep_orders=0))
    buy, sell = world.place()
    world.end(buy, "EXPIRED", 10)
    world.end(sell, "EXPIRED", 0)
    assert list(world.engine.orders.orders) == [buy.client_id]
    world.fill(buy, "1", 10)
    assert not world.engine.orders.orders
    assert world.engine.portfolio.balance("binance", "XRP") == 1_001 * 10**18


def test_what_the_venue_spoke_of_is_never_unsaid() -> None:
    world = World()
    buy, _ = world.place()
    world.end(buy, "EXPIRED", 500)
    world.end(buy, "EXPIRED", 0)
    assert world.order(buy).missing == 500


def test_an_ended_order_with_missing_fills_is_not_unknown() -> None:
    world = World()
    buy, sell = world.place()
    world.settle(sell)
    world.now_ns += 1_900 * MS
    world.end(buy, "EXPIRED", 500, "time in force")
    world.now_ns += 1_999 * MS
    assert Query not in kinds(world.timer())  # fills get as long to arrive as a reply
    world.now_ns += 1 * MS
    out = world.timer()
    assert Query in kinds(out)
    assert Alert not in kinds(out)
    assert world.order(buy).reason == "time in force"


def test_an_order_that_comes_back_from_settled_stays_in_memory() -> None:
    world = World(config(keep_orders=2))
    first = world.place()
    for leg in first:
        world.end(leg, "EXPIRED", 0)
    world.end(first[0], "EXPIRED", 500)
    assert world.order(first[0]).missing == 500
    desk = world.engine.orders
    desk.busy[0] = 0
    second = world.place()
    world.settle(*second)
    desk.busy[0] = 1
    assert list(desk.orders) == [first[0].client_id, *(leg.client_id for leg in second)]
    check_books(world.engine)
    world.fill(first[0], "late", 500)
    assert desk.busy == [0]
    assert len(desk.orders) == 2
    check_books(world.engine)


def test_a_resting_order_may_stay_silent() -> None:
    world = World()
    leg = Leg("xttest7-zza", "binance", "XRP/USDT", 0, 0, 0, 21_000, 1_000)
    world.engine.orders.place(leg, world.engine.context.books[0], "arb", 1, world.now_ns)
    world.ack(leg)
    world.now_ns += 10_000 * MS
    assert world.timer() == []
    assert world.order(leg).state is OrderState.OPEN
    assert world.engine.orders.next_deadline() == 0
