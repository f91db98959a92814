"""Controls of an entry: each lets pass at its bound and refuses one beyond it.

`test_risk` has those that look at nothing but legs, signal and venues' rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import force_setattr, replace

from support.risk import SECOND, USD, XRP, Guarded
from support.trading import BINANCE, KUCOIN, MS, World, config
from xrpfast.trading import events as ev
from xrpfast.trading.commands import PlaceLegs
from xrpfast.trading.intents import LegIntent
from xrpfast.trading.risk.checks import data
from xrpfast.trading.risk.reasons import Refusal


def test_with_every_control_on_a_good_pair_leaves() -> None:
    world = Guarded()
    assert isinstance(world.signal()[0], PlaceLegs)
    assert world.refused == {}


# --- 3: lists -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "refusal"),
    [
        ({"allowed_venues": ("binance",)}, Refusal.VENUE_NOT_ALLOWED),
        ({"allowed_venues": ()}, Refusal.VENUE_NOT_ALLOWED),
        ({"allowed_symbols": ("BTC/USDT",)}, Refusal.SYMBOL_NOT_ALLOWED),
        ({"allowed_symbols": ()}, Refusal.SYMBOL_NOT_ALLOWED),
        ({"allowed_sides": (0,)}, Refusal.SIDE_NOT_ALLOWED),
        ({"allowed_sides": (1,)}, Refusal.SIDE_NOT_ALLOWED),
        ({"allowed_order_types": ()}, Refusal.ORDER_TYPE_NOT_ALLOWED),
        ({"allowed_tifs": (2,)}, Refusal.TIF_NOT_ALLOWED),
        ({"allowed_strategies": ("other",)}, Refusal.STRATEGY_NOT_ALLOWED),
        ({"allowed_strategies": ()}, Refusal.STRATEGY_NOT_ALLOWED),
    ],
)
def test_what_is_not_on_a_list_is_refused(limits: dict[str, Any], refusal: Refusal) -> None:
    assert Guarded(limits=limits).verdict() is refusal


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"order_type": 1}, Refusal.ORDER_TYPE_NOT_ALLOWED),
        ({"tif": 0}, Refusal.TIF_NOT_ALLOWED),
        ({"tif": 3}, Refusal.TIF_NOT_ALLOWED),
        ({"tif": 2}, None),
    ],
)
@pytest.mark.parametrize("leg", [0, 1])
def test_the_shape_of_each_leg(leg: int, change: dict[str, int], refusal: Refusal | None) -> None:
    assert Guarded().verdict((leg, change)) is refusal


def test_a_list_cannot_let_an_order_rest() -> None:
    world = Guarded(limits={"allowed_tifs": (0, 1, 2)})
    assert world.verdict((0, {"tif": 0})) is Refusal.TIF_NOT_ALLOWED


def test_a_strategy_that_nobody_configured() -> None:
    assert Guarded().verdict(name="stray") is Refusal.STRATEGY_NOT_ALLOWED


# --- 8: own largest quantity, and numbers that are none -----------------------------------------


@pytest.mark.parametrize(("qty", "refusal"), [(1_000, None), (1_001, Refusal.QTY_EXCEEDS_MAX)])
def test_own_largest_quantity(qty: int, refusal: Refusal | None) -> None:
    world = Guarded(limits={"max_order_qty": 100 * XRP})
    assert world.verdict(buy_qty=qty, sell_qty=qty * 1_000) is refusal


@pytest.mark.parametrize("leg", [0, 1])
@pytest.mark.parametrize("field", ["price", "qty"])
@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), -float("inf"), 2**63, 2**200, -1, 0, None, "5", 21_000.0],
    ids=repr,
)
def test_numbers_that_are_none_approve_nothing(leg: int, field: str, value: Any) -> None:
    world = Guarded(limits={"max_order_notional": 10**90, "max_order_qty": 10**90})
    assert world.verdict((leg, {field: value})) is not None
    assert all(budget.orders == 0 for budget in world.engine.risk.state.venues.values())


def test_the_strategy_cuts_to_the_largest_quantity_instead() -> None:
    world = Guarded(limits={"max_order_qty": 40 * XRP})
    assert world.place()[0].qty == 400


# --- 10: near what its own book showed in the last seconds --------------------------------------


# The sampled mid of book 0 is 2.0995; 300 bps: 2.036515 to 2.162485.
@pytest.mark.parametrize(
    ("price", "refusal"),
    [(20_366, None), (20_365, Refusal.PRICE_DRIFT), (21_624, None), (21_625, Refusal.PRICE_DRIFT)],
)
def test_a_limit_far_from_the_mids_of_its_own_book(price: int, refusal: Refusal | None) -> None:
    world = Guarded(limits={"collar_bps": 10_000})
    assert world.verdict((0, {"price": price})) is refusal


def test_every_mid_of_the_window_counts_and_none_before_it() -> None:
    world = Guarded(limits={"collar_bps": 10_000})
    world.tops[0] = (20_360, 20_370)  # 3 % below: every limit within the other band is out now
    world.wait(SECOND)
    reference = world.engine.risk.state.references[0]
    assert (reference.low, reference.high) == (40_730, 41_990)
    assert world.verdict((0, {"price": 20_366})) is None
    assert world.verdict() is Refusal.PRICE_DRIFT
    world.tops[0] = (20_990, 21_000)
    world.wait(4 * SECOND)
    assert world.verdict() is Refusal.PRICE_DRIFT
    world.wait(SECOND)
    assert world.verdict() is None


def test_without_a_recent_mid_nothing_is_entered() -> None:
    world = Guarded()
    assert world.verdict() is None
    world.live[1] = False
    world.wait(10 * SECOND)
    assert world.verdict() is None
    world.now_ns += 1
    assert world.verdict() is Refusal.REFERENCE_MISSING


@pytest.mark.parametrize(
    "fields",
    [
        {"live": False},
        {"bid": 0},
        {"ask": 20_990},
        {"ask": 0},
        {"data_ns": 0},
        {"data_ns": 10**18},
        {"ask": 21_202},  # 101 bps: a side was taken out
        {"bid": 11_000},
    ],
)
def test_a_book_that_shows_no_market_is_no_reference(fields: dict[str, Any]) -> None:
    world = Guarded(ready=False)
    world.read(0, **fields)
    assert world.engine.risk.state.references[0].low == 0
    world.read(0)
    assert world.engine.risk.state.references[0].low == 41_990


def test_a_reference_that_is_missing_is_asked_for_again_soon() -> None:
    world = Guarded(ready=False)
    world.live[0] = False
    world.control("start")
    world.wait(99 * MS)
    world.live[0] = True
    world.wait(1 * MS)
    assert world.engine.risk.state.references[0].low == 41_990


def test_limits_outside_their_collars_again_and_again_halt_the_strategy() -> None:
    world = Guarded()
    far = {"sell_best_bid": 206_000, "sell_best_ask": 206_100}  # 2 % below the limits
    for _ in range(2):
        world.signal(**far)
    world.wait(60 * SECOND)  # the first two are too old to count
    for _ in range(2):
        world.signal(**far)
    assert world.halts == []
    world.signal(**far)
    assert world.refused == {"PRICE_COLLAR": 5}
    (halt,) = world.halts
    assert halt.scope == "strategy:arb"
    assert "PRICE_COLLAR" in halt.reason


# --- 11: markets --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        # 100 bps of a mid of 2.0995: 0.020995.
        ({"buy_best_bid": 20_890, "buy_best_ask": 21_099}, None),
        ({"buy_best_bid": 20_889, "buy_best_ask": 21_100}, Refusal.SPREAD_TOO_WIDE),
        ({"sell_best_bid": 209_000, "sell_best_ask": 211_100}, None),
        ({"sell_best_bid": 209_000, "sell_best_ask": 211_101}, Refusal.SPREAD_TOO_WIDE),
    ],
)
def test_spread(fields: dict[str, int], refusal: Refusal | None) -> None:
    assert Guarded().verdict(**fields) is refusal


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({}, None),
        ({"buy_qty": 999}, Refusal.TOP_EMPTY),
        ({"buy_qty": 0}, Refusal.TOP_EMPTY),
        ({"sell_qty": 999_999}, Refusal.TOP_EMPTY),
    ],
)
def test_a_leg_takes_no_more_than_its_book_showed(
    fields: dict[str, int], refusal: Refusal | None
) -> None:
    world = Guarded()
    books = world.engine.context.books
    pair = (
        LegIntent(books[0], 0, 0, 1, 21_000, 1_000),
        LegIntent(books[1], 1, 0, 1, 210_500, 1_000_000),
    )
    assert data(world.engine.risk.state, pair, world.pair_signal(**fields)) is refusal


# --- 12: edges ----------------------------------------------------------------------------------


def test_an_edge_that_no_market_has_is_told_and_refused() -> None:
    # 3 % above an ask of 2.1: 2.163.
    wide = {"max_spread_bps": 10_000, "collar_bps": 10_000, "drift_bps": 10_000}
    world = Guarded(limits=wide)
    fine = {"sell_best_bid": 216_300, "sell_best_ask": 216_400}
    far = {"sell_best_bid": 216_310, "sell_best_ask": 216_400}
    assert world.verdict(**fine) is None
    assert world.verdict(**far) is Refusal.EDGE_IMPLAUSIBLE
    assert world.verdict(edge=3_000_000) is None
    assert world.verdict(edge=3_000_001) is Refusal.EDGE_IMPLAUSIBLE
    world.signal(**far)
    assert world.refused == {"EDGE_IMPLAUSIBLE": 1}
    assert "a book must be wrong" in world.alerts()[-1]


def test_one_venue_ten_times_off() -> None:
    world = Guarded()
    world.signal(sell_best_bid=2_105_000, sell_best_ask=2_106_000)
    assert world.refused == {"EDGE_IMPLAUSIBLE": 1}


# --- 14, 15: money ------------------------------------------------------------------------------


def test_gross_value_counts_positions_working_orders_and_the_pair() -> None:
    pair = 210 * USD + 2105 * USD // 10
    world = Guarded(limits={"max_gross": pair})
    assert world.verdict() is None
    world = Guarded(limits={"max_gross": pair - 1})
    assert world.verdict() is Refusal.GROSS_EXCEEDS_MAX
    world = Guarded(limits={"max_gross": 2 * pair})
    world.place()
    world.now_ns += SECOND
    assert world.verdict() is None
    world.engine.portfolio.position[0] = -1
    assert world.verdict() is Refusal.GROSS_EXCEEDS_MAX


def test_the_cash_reserve_is_not_for_entries() -> None:
    world = Guarded()
    account = world.engine.context.accounts["binance", "USDT"]
    portfolio = world.engine.portfolio
    portfolio.reserved[account] = portfolio.booked[account] - 225 * USD
    assert world.verdict() is None
    portfolio.reserved[account] += 1
    assert world.verdict() is Refusal.CASH_BELOW_MIN
    portfolio.reserved[account] = portfolio.booked[account] - 210 * USD + 1
    assert world.verdict() is Refusal.BALANCE_INSUFFICIENT


REVERSE = {
    "buy_book": 1, "sell_book": 0, "buy_qty": 1_000_000, "sell_qty": 1_000,
    "buy_best_bid": 209_900, "buy_best_ask": 210_000, "buy_limit": 210_000,
    "sell_best_bid": 21_050, "sell_best_ask": 21_060, "sell_limit": 21_050,
}  # fmt: skip
"""100 XRP bought on kucoin, which takes its fee in quote."""


def test_the_fee_of_a_buy_is_covered_where_it_is_taken_in_quote() -> None:
    world = Guarded(limits={"min_cash": 0})
    account = world.engine.context.accounts["kucoin", "USDT"]
    portfolio = world.engine.portfolio
    portfolio.reserved[account] = portfolio.booked[account] - 21_021 * USD // 100
    assert world.verdict(**REVERSE) is None
    portfolio.reserved[account] += 1
    assert world.verdict(**REVERSE) is Refusal.BALANCE_INSUFFICIENT


def test_two_strategies_and_one_balance() -> None:
    """The second pair finds what the first has reserved."""
    world = Guarded(usdt=400)
    world.place()
    world.engine.orders.busy[0] = 0  # as if nothing kept them apart
    world.now_ns += SECOND
    world.signal(detector=2, buy_limit=20_999)
    assert world.pairs == 2
    bought = [leg for pair in world.of(PlaceLegs) for leg in pair.legs if leg.side == 0]
    assert sum(leg.price * leg.qty for leg in bought) * 10**13 <= 385 * USD
    assert world.verdict(name="other") is Refusal.BALANCE_INSUFFICIENT


# --- 16, 20: working orders ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "pairs"),
    [
        ({"max_working_per_venue": 2, "max_working_per_side": 9, "max_working_per_strategy": 9}, 2),
        ({"max_working_per_venue": 9, "max_working_per_side": 3, "max_working_per_strategy": 9}, 3),
        ({"max_working_per_venue": 9, "max_working_per_side": 9, "max_working_per_strategy": 7}, 3),
    ],
)
def test_working_orders_are_few(limits: dict[str, int], pairs: int) -> None:
    quick = {"max_orders_per_second": 1_000, "duplicate_window_ns": 0, "max_gross": 10**30}
    world = Guarded(limits=limits | quick, xrp=10_000, usdt=20_000)
    for _ in range(pairs):
        world.engine.orders.busy[0] = 0
        world.place()
    assert world.verdict() is Refusal.WORKING_ORDERS_MAX
    other = limits["max_working_per_strategy"] == 7
    assert world.verdict(name="other") is (None if other else Refusal.WORKING_ORDERS_MAX)
    buy, _ = world.of(PlaceLegs)[0].legs
    world.settle(*world.of(PlaceLegs)[0].legs)
    assert world.order(buy).settled
    assert world.verdict() is None


def test_what_the_other_side_of_ours_would_meet_is_refused() -> None:
    world = Guarded()
    buy, sell = world.place()
    # The reverse pair sells on binance at 2.1000 what works there for 2.1000.
    reverse = {
        "buy_book": 1, "sell_book": 0, "buy_qty": 1_000_000, "sell_qty": 1_000,
        "buy_best_bid": 208_900, "buy_best_ask": 209_000, "buy_limit": 209_000,
        "sell_best_bid": 21_000, "sell_best_ask": 21_010, "sell_limit": 21_000,
    }  # fmt: skip
    assert world.verdict(**reverse) is Refusal.SELF_TRADE
    assert world.verdict(**(reverse | {"sell_limit": 21_001})) is None
    # And buys on kucoin at 2.1050 what is offered there for it.
    assert (
        world.verdict(**(reverse | {"sell_limit": 21_001, "buy_limit": 210_500}))
        is Refusal.SELF_TRADE
    )
    assert world.verdict(**(reverse | {"sell_limit": 21_001, "buy_limit": 210_490})) is None
    world.end(buy, "EXPIRED", 0)
    world.end(sell, "EXPIRED", 0)
    assert world.verdict(**reverse) is None


# --- 18: the same again -------------------------------------------------------------------------


def test_the_same_legs_within_the_window_are_a_duplicate() -> None:
    world = Guarded()
    world.settle(*world.place())
    world.now_ns += 100 * MS - 1
    assert world.verdict() is Refusal.DUPLICATE_INTENT
    assert world.verdict(buy_limit=20_999) is Refusal.DUPLICATE_INTENT  # the sell is the same
    assert world.verdict(buy_limit=20_999, sell_limit=210_510) is None
    assert world.verdict(name="other") is None
    world.now_ns += 1
    assert world.verdict() is None


def test_what_is_older_than_the_window_is_not_remembered_for_ever() -> None:
    world = Guarded()
    strategy, book = world.engine.risk.state.strategies["arb"], world.engine.context.books[0]
    for number in range(1_000):
        strategy.remember((LegIntent(book, 0, 0, 1, number, 1),), number, 100)
        assert [at for at, _ in strategy.recent] == list(range(max(0, number - 99), number + 1))


def test_ids_are_never_used_again_after_a_restart() -> None:
    first, again = World(config()), World(replace(config(), epoch=8))
    ids = {leg.client_id for leg in first.place()}
    assert len(ids) == 2
    assert not ids & {leg.client_id for leg in again.place()}


# --- hedges -------------------------------------------------------------------------------------


def test_a_hedge_is_held_to_its_books_mids_and_to_working_orders() -> None:
    world = Guarded(limits={"collar_bps": 10_000, "max_working_per_side": 1})
    book, now = world.engine.context.books[0], world.now_ns
    top = ev.BookTop(
        now_ns=now, wall_ns=now, book=0, live=True, bid=20_990, bid_qty=10, ask=21_000, ask_qty=10,
        data_ns=now,
    )  # fmt: skip

    def hedge(price: int, side: int = 1) -> object:
        leg = LegIntent(book, side, 0, 1, price, 1_000)
        excess = (100 if side else -100) * XRP
        return world.engine.risk.check_hedge(leg, top, excess, "xttest7-00h", now)

    assert not isinstance(hedge(20_900), Refusal)
    assert hedge(20_300) is Refusal.PRICE_DRIFT
    world.place()  # a buy works on binance at 2.1000
    assert hedge(20_900) is Refusal.SELF_TRADE
    assert hedge(21_000, side=0) is Refusal.WORKING_ORDERS_MAX
    assert not isinstance(hedge(21_001), Refusal)


# --- 21: clocks ---------------------------------------------------------------------------------


def clock(world: World, venue: str, offset_ns: int, uncertainty_ns: int = MS) -> None:
    world.tell(ev.Clock, venue=venue, offset_ns=offset_ns, uncertainty_ns=uncertainty_ns)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_clock_far_from_ours_closes_its_venue(sign: int) -> None:
    world = Guarded()
    clock(world, "kucoin", sign * SECOND)
    assert world.verdict() is None
    clock(world, "kucoin", sign * (SECOND + 1))
    assert world.verdict() is Refusal.CLOCK_SKEW
    assert not world.engine.context.venues["kucoin"].open_to_hedges
    assert "set this machine's clock" in world.alerts()[-1]
    clock(world, "kucoin", sign * SECOND)
    assert world.verdict() is None


def test_an_uncertain_measurement_is_none() -> None:
    world = Guarded()
    clock(world, "kucoin", 0, 250 * MS)
    assert world.verdict() is None
    world.now_ns += 60 * SECOND
    clock(world, "kucoin", 0, 250 * MS + 1)
    world.wait(60 * SECOND)
    assert world.verdict() is Refusal.CLOCK_STALE
    never = Guarded()
    clock(never, "binance", 0, 251 * MS)
    assert never.verdict() is Refusal.CLOCK_STALE


# --- 22: an order of unknown outcome ------------------------------------------------------------


def test_an_unknown_order_closes_its_instrument_on_every_venue() -> None:
    third = replace(KUCOIN, venue="kraken")
    venues = ("binance", "kucoin", "kraken")
    world = Guarded(limits={"allowed_venues": venues}, books=(BINANCE, KUCOIN, third))
    assert world.verdict() is None
    book = world.engine.context.books[2]
    book.unknown = 1
    assert world.verdict() is Refusal.ORDER_STATE_UNKNOWN
    book.unknown = 0
    assert world.verdict() is None


# --- 23: a pair is whole or is not --------------------------------------------------------------


SECOND_LEG_FAILS: list[tuple[str, Callable[[Guarded], Any], tuple[int, dict[str, Any]] | None]] = [
    ("7 tick", lambda w: None, (1, {"price": 210_505})),
    ("7 minimum", lambda w: setattr(w.engine.context.books[1], "min_qty", 10**9), None),
    ("8 quantity", lambda w: setattr(w.engine.context.books[1], "qty_money", 10**18), None),
    ("9 notional", lambda w: setattr(w.engine.context.books[1], "money_per_value", 10**18), None),
    ("10 collar", lambda w: None, (1, {"price": 206_000})),
    ("11 book", lambda w: w.tell(ev.BookState, book=1, state="GAP"), None),
    ("15 balance", lambda w: _spend(w, "kucoin", "XRP"), None),
    ("17 throttle", lambda w: [w.engine.risk.state.venues["kucoin"].note_order(w.now_ns)
                               for _ in range(8)], None),
    ("20 own order", lambda w: _resting_buy(w), None),
    ("21 clock", lambda w: clock(w, "kucoin", 2 * SECOND), None),
    ("22 unknown", lambda w: setattr(w.engine.context.books[1], "unknown", 1), None),
    ("23 capacity", lambda w: _spend(w, "kucoin", "USDT"), None),
]  # fmt: skip


def _spend(world: Guarded, venue: str, asset: str) -> None:
    account = world.engine.context.accounts[venue, asset]
    world.engine.portfolio.reserved[account] = world.engine.portfolio.booked[account]


def _resting_buy(world: Guarded) -> None:
    _, sell = world.place()
    order = world.order(sell)
    order.side = 0  # a buy at the price of the sell


@pytest.mark.parametrize(
    ("change", "leg"), [row[1:] for row in SECOND_LEG_FAILS], ids=[r[0] for r in SECOND_LEG_FAILS]
)
def test_if_the_second_leg_fails_the_first_is_never_sent(
    change: Callable[[Guarded], Any], leg: tuple[int, dict[str, Any]] | None
) -> None:
    world = Guarded()
    assert world.verdict() is None
    change(world)
    before = world.engine.risk.state.venues["binance"].orders
    world.forget()
    assert world.verdict(leg) is not None
    assert world.engine.risk.state.venues["binance"].orders == before


def test_the_quote_that_buys_a_sell_back_is_there_first() -> None:
    world = Guarded()
    account = world.engine.context.accounts["kucoin", "USDT"]
    portfolio = world.engine.portfolio
    # 450 bps of a sale of 210.50.
    portfolio.reserved[account] = portfolio.booked[account] - 94725 * USD // 10**4
    assert world.verdict() is None
    portfolio.reserved[account] += 1
    assert world.verdict() is Refusal.HEDGE_CAPACITY


def test_it_is_reserved_for_every_sell_that_is_not_settled() -> None:
    world = Guarded()
    world.place()
    world.now_ns += SECOND
    account = world.engine.context.accounts["kucoin", "USDT"]
    portfolio = world.engine.portfolio
    portfolio.reserved[account] = portfolio.booked[account] - 2 * 94725 * USD // 10**4
    assert world.verdict() is None
    portfolio.reserved[account] += 1
    assert world.verdict() is Refusal.HEDGE_CAPACITY
    # A buy there must leave it, too; the reserve of cash is the larger one here.
    need = world.engine.context.books[1].quote_need(210_000, 1_000_000)
    for cash, kept in ((15 * USD, 15 * USD), (0, 94725 * USD // 10**4)):
        force_setattr(world.engine.risk.state.limits, "min_cash", cash)
        portfolio.reserved[account] = portfolio.booked[account] - need - kept
        assert world.verdict(**REVERSE) is None
        portfolio.reserved[account] += 1
        assert world.verdict(**REVERSE) is Refusal.CASH_BELOW_MIN


# --- limits that make no sense ------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"max_working_per_strategy": 1},
        {"hedge_lane": 10},
        {"cancel_reserve": 50, "max_weight_per_minute": 100},
        {"max_gross": -1},
        {"max_round_trips": 0},
    ],
)
def test_limits_under_which_nothing_could_be_sent(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="risk limit"):
        config(limits=change)
