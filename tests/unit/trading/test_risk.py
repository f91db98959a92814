"""Every control: at its bound it lets pass, one beyond it refuses; the pair goes or stays whole.

The strategy would shrink or ignore most of what is refused here, so the risk engine is asked
directly; what the engine does with a refusal is the last part.
"""

from collections.abc import Callable
from typing import Any

import pytest

from support.trading import MS, World, config
from xrpfast.model import MONEY_ONE
from xrpfast.trading.commands import Alert, PlaceLegs
from xrpfast.trading.events import BookState, BookTop, Control, Signal
from xrpfast.trading.intents import LegIntent
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.states import TradingState

Change = Callable[[World], Any]


def verdict(
    world: World, changed: tuple[int, dict[str, Any]] | None = None, **fields: Any
) -> Refusal | None:
    """What risk says to the pair of `World.signal`, one leg of it changed."""
    template = World()
    template.now_ns = world.now_ns
    template.signal(**fields)
    signal = template.told[-1]
    assert isinstance(signal, Signal)
    books = world.engine.context.books
    legs = [
        LegIntent(books[0], 0, 0, 1, signal.buy_limit, signal.buy_qty),
        LegIntent(books[1], 1, 0, 1, signal.sell_limit, signal.sell_qty),
    ]
    if changed is not None:
        for name, value in changed[1].items():
            setattr(legs[changed[0]], name, value)
    answer = world.engine.risk.check("arb", tuple(legs), signal, ("xttest7-00a", "xttest7-00b"))
    if isinstance(answer, Refusal):
        return answer
    assert [a.client_id for a in answer] == ["xttest7-00a", "xttest7-00b"]
    assert [(a.venue, a.venue_symbol) for a in answer] == [
        ("binance", "XRPUSDT"),
        ("kucoin", "XRP-USDT"),
    ]
    assert [(a.side, a.order_type, a.tif) for a in answer] == [
        (leg.side, leg.order_type, leg.tif) for leg in legs
    ]
    assert [(a.price, a.price_decimals) for a in answer] == [(legs[0].price, 4), (legs[1].price, 5)]
    assert [(a.qty, a.qty_decimals) for a in answer] == [(legs[0].qty, 1), (legs[1].qty, 4)]
    return None


def test_a_good_pair_is_approved_as_asked() -> None:
    assert verdict(World()) is None


def close(world: World, action: str, scope: str) -> None:
    now = world.now_ns
    world.process(Control(now_ns=now, wall_ns=now, action=action, reason="test", scope=scope))


CLOSED: list[tuple[str, Change, Refusal]] = [
    ("stopped", lambda w: w.control("stop"), Refusal.TRADING_STOPPED),
    ("halted", lambda w: w.control("halt"), Refusal.TRADING_HALTED),
    ("orders down", lambda w: w.link("kucoin", "orders", False), Refusal.VENUE_DOWN),
    ("account down", lambda w: w.link("binance", "account", False), Refusal.VENUE_DOWN),
    ("market down", lambda w: w.link("binance", "market", False), Refusal.BOOK_NOT_LIVE),
    *(
        (state, lambda w, s=state: w.tell(BookState, book=1, state=s), Refusal.BOOK_NOT_LIVE)
        for state in ("EMPTY", "SYNCING", "GAP", "STALE", "CROSSED", "nonsense")
    ),
    ("unknown buy", lambda w: w.unknown(w.place()[0]), Refusal.ORDER_STATE_UNKNOWN),
    ("unknown sell", lambda w: w.unknown(w.place()[1]), Refusal.ORDER_STATE_UNKNOWN),
    ("reduced", lambda w: close(w, "reduce", "engine"), Refusal.TRADING_REDUCING),
    ("strategy", lambda w: close(w, "reduce", "strategy:arb"), Refusal.STRATEGY_CLOSED),
    ("symbol", lambda w: close(w, "halt", "symbol:XRP/USDT"), Refusal.SYMBOL_CLOSED),
    ("venue", lambda w: close(w, "halt", "venue:kucoin"), Refusal.VENUE_HALTED),
    ("venue reduced", lambda w: close(w, "reduce", "venue:kucoin"), Refusal.VENUE_REDUCING),
    ("exposed", lambda w: w.engine.context.closed.__setitem__(0, True), Refusal.INSTRUMENT_EXPOSED),
]


@pytest.mark.parametrize(("change", "refusal"), [c[1:] for c in CLOSED], ids=[c[0] for c in CLOSED])
def test_closed(change: Change, refusal: Refusal) -> None:
    world = World()
    change(world)
    world.engine.risk.state.signals.clear()
    assert verdict(world) is refusal


def test_nothing_is_open_before_it_is_said_to_be() -> None:
    world = World(ready=False)
    assert verdict(world) is Refusal.TRADING_STOPPED
    world.control("start")
    assert verdict(world) is Refusal.VENUE_DOWN
    for venue in ("binance", "kucoin"):
        world.link(venue, "orders", True)
        assert verdict(world) in (Refusal.VENUE_DOWN, Refusal.VENUE_NOT_RECONCILED)
        world.link(venue, "account", True)
    assert verdict(world) is Refusal.VENUE_NOT_RECONCILED
    world.reconcile("binance")
    assert verdict(world) is Refusal.VENUE_NOT_RECONCILED
    world.reconcile("kucoin")
    assert verdict(world) is Refusal.BOOK_NOT_LIVE
    world.tell(BookState, book=0, state="LIVE")
    assert verdict(world) is Refusal.BOOK_NOT_LIVE
    world.tell(BookState, book=1, state="LIVE")
    assert verdict(world) is None


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"recv_ns": -50 * MS}, None),
        ({"recv_ns": -50 * MS - 1}, Refusal.SIGNAL_STALE),
        ({"recv_ns": 1}, Refusal.SIGNAL_STALE),
        ({"buy_data_ns": -500 * MS, "sell_data_ns": -500 * MS}, None),
        ({"buy_data_ns": -500 * MS - 1, "sell_data_ns": -500 * MS}, Refusal.BOOK_STALE),
        ({"buy_data_ns": -500 * MS, "sell_data_ns": -500 * MS - 1}, Refusal.BOOK_STALE),
        ({"buy_data_ns": 1}, Refusal.BOOK_STALE),
        ({"sell_data_ns": 1}, Refusal.BOOK_STALE),
        ({"buy_data_ns": -301 * MS, "sell_data_ns": -1 * MS}, None),
        ({"buy_data_ns": -301 * MS - 1, "sell_data_ns": -1 * MS}, Refusal.PAIR_SKEW),
        ({"buy_data_ns": -1 * MS, "sell_data_ns": -301 * MS - 1}, Refusal.PAIR_SKEW),
    ],
)
def test_times(fields: dict[str, int], refusal: Refusal | None) -> None:
    world = World()
    assert verdict(world, **{n: world.now_ns + value for n, value in fields.items()}) is refusal


@pytest.mark.parametrize(
    "fields",
    [
        {"buy_best_bid": 0},
        {"sell_best_bid": -1},
        {"buy_best_bid": 21_000},
        {"sell_best_bid": 210_601},
    ],
)
def test_no_market_is_no_reference(fields: dict[str, int]) -> None:
    assert verdict(World(), **fields) is Refusal.BOOK_CROSSED


@pytest.mark.parametrize(
    ("leg", "change", "refusal"),
    [
        (0, {"tif": 0}, Refusal.TIF_NOT_ALLOWED),
        (1, {"order_type": 1}, Refusal.ORDER_TYPE_NOT_ALLOWED),
        (0, {"tif": 2}, None),
        (0, {"price": 0}, Refusal.PRICE_OFF_TICK),
        (0, {"price": -21_000}, Refusal.PRICE_OFF_TICK),
        (1, {"price": 210_505}, Refusal.PRICE_OFF_TICK),
        (0, {"side": 1}, Refusal.PAIR_INVALID),
        (1, {"qty": 1_000_100}, Refusal.PAIR_INVALID),
    ],
)
def test_one_bad_leg_refuses_both(
    leg: int, change: dict[str, int], refusal: Refusal | None
) -> None:
    world = World()
    assert verdict(world, (leg, change)) is refusal
    assert (world.engine.risk.state.venues["binance"].orders == 0) is (refusal is not None)


@pytest.mark.parametrize(
    ("buy_qty", "sell_qty", "refusal"),
    [
        (24, 24_000, None),
        (23, 23_000, Refusal.NOTIONAL_BELOW_MIN),
        (9, 9_000, Refusal.QTY_BELOW_MIN),
        (0, 0, Refusal.QTY_OFF_LOT),
        (-10, -10_000, Refusal.QTY_OFF_LOT),
        (4_750, 4_750_000, None),
        (4_751, 4_751_000, Refusal.NOTIONAL_EXCEEDS_MAX),
        (1_000_001, 1_000_001_000, Refusal.QTY_ABOVE_VENUE_MAX),
    ],
)
def test_sizes(buy_qty: int, sell_qty: int, refusal: Refusal | None) -> None:
    world = World(config(xrp=10**7, usdt=10**7, limits={"max_position": 10**30}))
    assert verdict(world, buy_qty=buy_qty, sell_qty=sell_qty) is refusal


def test_a_quantity_that_is_not_whole_lots() -> None:
    world = World()
    world.engine.context.books[1].lot = 300
    assert verdict(world) is Refusal.QTY_OFF_LOT


@pytest.mark.parametrize("fields", [{"buy_book": 1}, {"sell_book": 0}])
def test_legs_on_other_books_than_the_signal(fields: dict[str, int]) -> None:
    assert verdict(World(), **fields) is Refusal.PAIR_INVALID


def test_both_legs_on_one_venue() -> None:
    world = World()
    books = world.engine.context.books
    books[1].venue = books[0].venue
    assert verdict(world) is Refusal.PAIR_INVALID


# Mids 2.09950 and 2.10550; 200 bps: at least 2.10550 x 0.98 = 2.06339, at most 2.09950 x 1.02
# = 2.14149.
@pytest.mark.parametrize(
    ("leg", "price", "refusal"),
    [
        (0, 20_634, None),
        (0, 20_633, Refusal.PRICE_COLLAR),
        (0, 21_414, None),
        (0, 21_415, Refusal.PRICE_COLLAR),
        (1, 206_340, None),
        (1, 206_330, Refusal.PRICE_COLLAR),
        (1, 214_140, None),
        (1, 214_150, Refusal.PRICE_COLLAR),
    ],
)
def test_collar_of_both_mids(leg: int, price: int, refusal: Refusal | None) -> None:
    assert verdict(World(), (leg, {"price": price})) is refusal


def test_a_venue_ten_times_off_is_bad_data_not_profit() -> None:
    fields = {"sell_best_bid": 2_105_000, "sell_best_ask": 2_106_000, "sell_limit": 2_105_000}
    world = World(config(limits={"max_order_notional": 10**30}))
    assert verdict(world, **fields) is Refusal.PRICE_COLLAR


def test_position_at_worst_counts_orders_in_flight() -> None:
    world = World(config(limits={"max_position": 300 * MONEY_ONE}))
    portfolio = world.engine.portfolio
    state = world.engine.risk.state
    portfolio.position[0] = 200 * MONEY_ONE
    assert verdict(world) is None
    state.signals.clear()
    portfolio.position[0] += 1
    assert verdict(world) is Refusal.POSITION_EXCEEDS_MAX
    portfolio.position[0] = -200 * MONEY_ONE
    assert verdict(world) is None
    state.signals.clear()
    portfolio.position[0] -= 1
    assert verdict(world) is Refusal.POSITION_EXCEEDS_MAX
    portfolio.position[0] = 0
    portfolio.buying[0] = 200 * MONEY_ONE + 1
    assert verdict(world) is Refusal.POSITION_EXCEEDS_MAX
    portfolio.buying[0] = 0
    portfolio.selling[0] = 200 * MONEY_ONE + 1
    assert verdict(world) is Refusal.POSITION_EXCEEDS_MAX


@pytest.mark.parametrize(
    ("venue", "asset", "need"), [("binance", "USDT", 210), ("kucoin", "XRP", 100)]
)
def test_balance_less_reservations(venue: str, asset: str, need: int) -> None:
    world = World()
    account = world.engine.context.accounts[venue, asset]
    portfolio = world.engine.portfolio
    portfolio.reserved[account] = portfolio.booked[account] - need * MONEY_ONE
    assert verdict(world) is None
    world.engine.risk.state.signals.clear()
    portfolio.reserved[account] += 1
    assert verdict(world) is Refusal.BALANCE_INSUFFICIENT


def test_throttle_is_a_sliding_second_per_venue() -> None:
    world = World(config(limits={"max_orders_per_second": 2}))
    state = world.engine.risk.state
    start = world.now_ns
    for at, refusal in [
        (0, None),
        (600 * MS, None),
        (700 * MS, Refusal.RATE_LIMITED),
        (1_000 * MS - 1, Refusal.RATE_LIMITED),
        (1_000 * MS, None),
        (1_599 * MS, Refusal.RATE_LIMITED),
        (1_600 * MS, None),
    ]:
        state.signals.clear()
        world.now_ns = start + at
        assert verdict(world) is refusal, at


def test_one_full_venue_refuses_the_pair() -> None:
    world = World(config(limits={"max_orders_per_second": 1}))
    world.engine.risk.state.venues["kucoin"].note_order(world.now_ns)
    assert verdict(world) is Refusal.RATE_LIMITED


def test_a_signal_is_good_for_one_pair() -> None:
    world = World()
    assert verdict(world, signal_id=5) is None
    assert verdict(world, signal_id=5) is Refusal.DUPLICATE_SIGNAL
    assert verdict(world, signal_id=4) is Refusal.DUPLICATE_SIGNAL
    assert verdict(world, signal_id=5, detector=1) is None
    assert verdict(world, signal_id=6) is None


def test_what_cannot_be_computed_is_refused() -> None:
    world = World()
    world.engine.portfolio.booked = []
    assert verdict(world) is Refusal.CHECK_FAILED
    assert "IndexError" in world.engine.risk.error


def test_a_gate_that_refuses_is_a_refusal_of_both() -> None:
    world = World()

    class Gate:
        calls = 0

        def approve(self, *order: object) -> object:
            self.calls += 1
            if self.calls == 2:
                raise ValueError("no")
            return object()

    world.engine.risk._gate = Gate()  # type: ignore[assignment]
    assert world.signal() == [
        Alert("critical", "risk check failed (1): ValueError: no"),
    ]
    assert world.engine.refused == {"CHECK_FAILED": 1}
    assert not world.engine.orders.orders
    assert world.engine.risk.state.venues["binance"].orders == 0


def test_refusals_are_counted_and_leave_nothing_behind() -> None:
    world = World()
    world.control("stop")
    assert world.signal() == []
    assert world.signal() == []
    assert world.engine.refused == {"TRADING_STOPPED": 2}
    assert world.engine.last_refusal == (2, "TRADING_STOPPED")
    assert world.free("binance", "USDT") == 2_000 * MONEY_ONE
    world.control("start")
    out = world.signal()
    assert isinstance(out[0], PlaceLegs)
    assert world.engine.last_refusal is None
    assert world.engine.context.trading is TradingState.ACTIVE


def test_every_reason_has_its_line() -> None:
    for reason in Refusal:
        assert reason.value == reason.name
        assert reason.doc.endswith(".")
        assert "\n" not in reason.doc


HEDGES: list[tuple[str, dict[str, Any], dict[str, Any], Change, Refusal | None]] = [
    ("good", {}, {}, lambda w: None, None),
    ("reducing", {}, {}, lambda w: w.control("reduce"), None),
    ("halted", {}, {}, lambda w: w.control("halt"), Refusal.TRADING_HALTED),
    ("stopped", {}, {}, lambda w: w.control("stopped"), Refusal.TRADING_STOPPED),
    ("symbol", {}, {}, lambda w: close(w, "halt", "symbol:XRP/USDT"), Refusal.SYMBOL_CLOSED),
    ("venue", {}, {}, lambda w: close(w, "halt", "venue:binance"), Refusal.VENUE_HALTED),
    ("too much", {"qty": 1_001}, {}, lambda w: None, Refusal.NOT_REDUCING),
    ("wrong side", {"side": 0}, {}, lambda w: None, Refusal.NOT_REDUCING),
    ("rests", {"tif": 0}, {}, lambda w: None, Refusal.TIF_NOT_ALLOWED),
    ("type", {"order_type": 1}, {}, lambda w: None, Refusal.ORDER_TYPE_NOT_ALLOWED),
    ("off tick", {"price": 0}, {}, lambda w: None, Refusal.PRICE_COLLAR),
    ("lot", {}, {}, lambda w: setattr(w.engine.context.books[0], "lot", 3), Refusal.QTY_OFF_LOT),
    ("minimum", {"qty": 9}, {}, lambda w: None, Refusal.QTY_BELOW_MIN),
    ("collar", {"price": 20_575}, {}, lambda w: None, Refusal.PRICE_COLLAR),
    ("collar's bound", {"price": 20_576}, {}, lambda w: None, None),
    ("other book", {}, {"book": 1}, lambda w: None, Refusal.BOOK_STALE),
    ("not live", {}, {"live": False}, lambda w: None, Refusal.BOOK_STALE),
    ("crossed", {}, {"ask": 20_990}, lambda w: None, Refusal.BOOK_STALE),
    ("old", {}, {"data_ns": -500 * MS - 1}, lambda w: None, Refusal.BOOK_STALE),
    ("no bid", {}, {"bid_qty": 0}, lambda w: None, Refusal.TOP_EMPTY),
    ("no ask", {}, {"ask_qty": 0}, lambda w: None, Refusal.TOP_EMPTY),
    ("venue down", {}, {}, lambda w: w.link("binance", "orders", False), Refusal.VENUE_DOWN),
    ("book", {}, {}, lambda w: w.tell(BookState, book=0, state="GAP"), Refusal.BOOK_NOT_LIVE),
    ("unknown", {}, {}, lambda w: setattr(w.engine.context.books[0], "unknown", 1),
     Refusal.ORDER_STATE_UNKNOWN),
    ("unknown elsewhere", {}, {}, lambda w: setattr(w.engine.context.books[1], "unknown", 1), None),
    ("balance", {}, {}, lambda w: w.engine.portfolio.reserved.__setitem__(
        w.engine.context.accounts["binance", "XRP"], 900 * MONEY_ONE + 1),
     Refusal.BALANCE_INSUFFICIENT),
    ("throttle", {}, {}, lambda w: [w.engine.risk.state.venues["binance"].note_order(w.now_ns)
                                    for _ in range(10)], Refusal.RATE_LIMITED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("leg", "top", "change", "refusal"), [row[1:] for row in HEDGES], ids=[r[0] for r in HEDGES]
)
def test_what_a_hedge_must_be(
    leg: dict[str, Any], top: dict[str, Any], change: Change, refusal: Refusal | None
) -> None:
    """100 XRP too much, to be sold on binance."""
    world = World()
    change(world)
    book, now = world.engine.context.books[0], world.now_ns
    values: dict[str, Any] = {
        "side": 1, "order_type": 0, "tif": 1, "price": 20_900, "qty": 1_000,
    } | leg  # fmt: skip
    shown: dict[str, Any] = {
        "book": 0, "live": True, "bid": 20_990, "bid_qty": 10, "ask": 21_000, "ask_qty": 10,
        "data_ns": 0,
    } | top  # fmt: skip
    shown["data_ns"] += now
    answer = world.engine.risk.check_hedge(
        LegIntent(book, **values), BookTop(now_ns=now, wall_ns=now, **shown), 100 * MONEY_ONE,
        "xttest7-00h", now,
    )  # fmt: skip
    if refusal is None:
        assert not isinstance(answer, Refusal)
        assert (answer.side, answer.price, answer.qty) == (1, values["price"], values["qty"])
    else:
        assert answer is refusal


def test_the_sell_is_counted_too() -> None:
    world = World(config(limits={"max_orders_per_second": 1}))
    assert verdict(world) is None
    assert [budget.orders for budget in world.engine.risk.state.venues.values()] == [1, 1]


def test_hedges_are_counted() -> None:
    world = World()
    book, now = world.engine.context.books[0], world.now_ns
    top = BookTop(
        now_ns=now, wall_ns=now, book=0, live=True, bid=20_990, bid_qty=10, ask=21_000, ask_qty=10,
        data_ns=now,
    )  # fmt: skip
    leg = LegIntent(book, 1, 0, 1, 20_900, 1_000)
    world.engine.risk.check_hedge(leg, top, 100 * MONEY_ONE, "xttest7-00h", now)
    assert world.engine.risk.state.venues["binance"].orders == 1


def test_a_hedge_that_cannot_be_computed_is_refused() -> None:
    world = World()
    leg: Any = LegIntent(world.engine.context.books[0], 1, 0, 1, 20_900, 1_000)
    top: Any = None
    answer = world.engine.risk.check_hedge(leg, top, 100 * MONEY_ONE, "xttest7-00h", world.now_ns)
    assert answer is Refusal.CHECK_FAILED
    assert "NoneType" in world.engine.risk.error
