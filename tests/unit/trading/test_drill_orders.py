"""The orders of a live drill: what they are, and everything that keeps one back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from support.risk import ALL_ON, SECOND, USD, Guarded
from support.trading import ARBITRAGE, LIMITS, World, config
from xrpfast.model import MONEY_ONE, OrderType, Side, TimeInForce
from xrpfast.trading import events as ev
from xrpfast.trading.client_ids import parse
from xrpfast.trading.commands import Leg, PlaceLegs
from xrpfast.trading.config import ArbitrageParams
from xrpfast.trading.context import SELL
from xrpfast.trading.drilling import intent
from xrpfast.trading.intents import LegIntent
from xrpfast.trading.risk.reasons import Refusal
from xrpfast.trading.states import Latched, TradingState

TINY = {"drill_notional": 10 * USD, "drill_distance_bps": 2_000}
ENGINE, SYMBOL = "engine", "symbol:XRP/USDT"
HALTED, REDUCING = TradingState.HALTED, TradingState.REDUCING


class Drilling(Guarded):
    """A run that is ready and is not started."""

    def __init__(self, *, limits: dict[str, Any] | None = None, **more: Any) -> None:
        super().__init__(limits=TINY | (limits or {}), ready=False, **more)
        for venue in self.engine.context.venues:
            for link in ("market", "orders", "account"):
                self.link(venue, link, True)
        self.reconcile()
        for book in range(len(self.engine.context.books)):
            self.tell(ev.BookState, book=book, state="LIVE")

    def drill(self) -> list[Leg]:
        """Orders them; those that leave."""
        before = len(self.of(PlaceLegs))
        self.tell(ev.DrillOrders, instrument="XRP/USDT", reason="rehearsal", who="ann")
        return [leg for command in self.of(PlaceLegs)[before:] for leg in command.legs]

    @property
    def tops_now(self) -> dict[int, ev.BookTop]:
        return {book: self.top(book) for book in range(len(self.engine.context.books))}

    def top(self, book: int, **fields: Any) -> ev.BookTop:
        bid, ask = self.tops[book]
        values: dict[str, Any] = {
            "now_ns": self.now_ns, "wall_ns": self.now_ns, "book": book, "live": True, "bid": bid,
            "bid_qty": 10**9, "ask": ask, "ask_qty": 10**9, "data_ns": self.now_ns,
        }  # fmt: skip
        return ev.BookTop(**(values | fields))

    def leg(self, book: int = 0, **changed: Any) -> LegIntent:
        """The order that would leave, with something else about it."""
        books = self.engine.context.books
        found = intent(books[book], books, self.tops_now, self.engine.limits)
        return replace(found, **changed)

    def judged(
        self, leg: LegIntent | None = None, tops: dict[int, ev.BookTop] | None = None
    ) -> Refusal | None:
        answer = self.engine.risk.check_drill(
            leg or self.leg(), self.tops_now if tops is None else tops, "xttest7-00t", self.now_ns
        )
        return answer if isinstance(answer, Refusal) else None


def test_each_venue_gets_one_that_is_tiny_and_rests_far_below_every_market() -> None:
    world = Drilling()
    binance, kucoin = world.drill()
    for leg in (binance, kucoin):
        assert (leg.side, leg.order_type, leg.tif) == (Side.BUY, OrderType.LIMIT, TimeInForce.GTC)
        parts = parse(leg.client_id)
        assert parts is not None
        assert parts.leg == "t"
    # A fifth below 2.0990, the lowest bid of both; 5 USDT and a margin there, 0.1 XRP at KuCoin.
    assert (binance.venue, binance.price, binance.qty) == ("binance", 16_792, 32)
    assert (kucoin.venue, kucoin.price, kucoin.qty) == ("kucoin", 167_920, 1_000)
    assert [command.strategy for command in world.of(PlaceLegs)] == ["drill", "drill"]
    assert world.engine.drills.outcomes == {
        "binance": binance.client_id, "kucoin": kucoin.client_id
    }  # fmt: skip
    assert world.drill() == [], "said again: each has had its own"


def test_what_a_book_kept_back_may_be_said_again() -> None:
    world = Drilling()
    world.live[1] = False
    assert world.drill() == []
    assert set(world.engine.drills.outcomes.values()) == {"BOOK_STALE"}
    world.live[1] = True
    assert len(world.drill()) == 2


def test_the_price_is_below_the_lowest_of_all_bids_whatever_a_book_shows() -> None:
    world = Drilling()
    world.tops[0] = (419_900, 420_000)  # twenty times too dear
    assert [leg.price for leg in world.drill()] == [16_840, 168_400]


def test_no_instrument_no_order() -> None:
    world = Drilling()
    world.tell(ev.DrillOrders, instrument="ETH/USDT", reason="r", who="ann")
    assert world.of(PlaceLegs) == []


def test_a_journal_of_before_allows_none() -> None:
    settings = config(limits={k: v for k, v in ALL_ON.items() if k not in TINY})
    assert (settings.risk.drill_notional, settings.risk.drill_distance_bps) == (0, 10_000)


def test_one_that_fills_is_a_position_like_any_and_nothing_hedges_it_here() -> None:
    world = Drilling(limits={"hedge_min": MONEY_ONE})
    (leg, _) = world.drill()
    world.ack(leg)
    world.fill(leg, "t1")
    world.wait(60 * SECOND)
    assert world.engine.legs.imbalance(0) == 32 * MONEY_ONE // 10
    assert world.engine.portfolio.position[0] == 32 * MONEY_ONE // 10
    assert len(world.of(PlaceLegs)) == 2
    assert world.halts == []


Change = Callable[[Drilling], object]


def started(world: Drilling) -> None:
    world.control("start")


def started_and_stopped(world: Drilling) -> None:
    for word in ("start", "stop", "stopped"):
        world.control(word)


def down(world: Drilling) -> None:
    world.link("kucoin", "orders", False)
    world.link("binance", "orders", False)


def not_live(world: Drilling) -> None:
    world.tell(ev.BookState, book=0, state="STALE")


def had(world: Drilling) -> None:
    assert world.judged() is None


def exposed(world: Drilling) -> None:
    world.engine.context.closed[0] = True


def unknown_elsewhere(world: Drilling) -> None:
    world.engine.context.books[1].unknown = 1


def working(world: Drilling) -> None:
    assert world.drill()
    world.engine.risk.state.drilled.clear()


def many(world: Drilling) -> None:
    budget = world.engine.risk.state.budgets[0]
    for _ in range(20):
        budget.note_order(world.now_ns)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (started, Refusal.NOT_A_DRILL),
        (started_and_stopped, Refusal.NOT_A_DRILL),
        (had, Refusal.NOT_A_DRILL),
        (down, Refusal.VENUE_DOWN),
        (not_live, Refusal.BOOK_NOT_LIVE),
        (exposed, Refusal.INSTRUMENT_EXPOSED),
        (unknown_elsewhere, Refusal.ORDER_STATE_UNKNOWN),
        (many, Refusal.RATE_LIMITED),
    ],
)
def test_the_state_of_the_run_keeps_it_back(change: Change, code: Refusal) -> None:
    world = Drilling()
    change(world)
    assert world.judged() is code


@pytest.mark.parametrize(
    ("latched", "code"),
    [
        (Latched(ENGINE, HALTED), Refusal.TRADING_HALTED),
        (Latched(ENGINE, REDUCING), Refusal.TRADING_REDUCING),
        (Latched(SYMBOL, HALTED), Refusal.SYMBOL_CLOSED),
        (Latched(SYMBOL, REDUCING), Refusal.SYMBOL_CLOSED),
        (Latched("venue:binance", HALTED), Refusal.VENUE_HALTED),
        (Latched("venue:binance", REDUCING), Refusal.VENUE_REDUCING),
    ],
)
def test_what_is_closed_stays_closed(latched: Latched, code: Refusal) -> None:
    assert Drilling(latched=(latched,)).judged() is code


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"side": SELL}, Refusal.SIDE_NOT_ALLOWED),
        ({"order_type": 1}, Refusal.ORDER_TYPE_NOT_ALLOWED),
        ({"tif": int(TimeInForce.IOC)}, Refusal.TIF_NOT_ALLOWED),
        ({"price": 16_793}, Refusal.DRILL_TOO_NEAR),
        ({"price": 0}, Refusal.PRICE_OFF_TICK),
        ({"qty": 0}, Refusal.QTY_OFF_LOT),
        ({"qty": 29}, Refusal.NOTIONAL_BELOW_MIN),
        ({"qty": 60}, Refusal.DRILL_TOO_LARGE),
    ],
)
def test_no_other_order_is_one(changed: dict[str, int], code: Refusal) -> None:
    world = Drilling()
    assert world.judged(world.leg(**changed)) is code


def test_every_bid_counts_on_the_scale_of_its_own_venue() -> None:
    world = Drilling()
    # 2.0990 of Binance bounds the order at KuCoin, whose own bid is higher.
    assert world.judged(world.leg(1)) is None
    world = Drilling()
    assert world.judged(world.leg(1, price=167_930)) is Refusal.DRILL_TOO_NEAR


@pytest.mark.parametrize(
    "fields",
    [{"live": False}, {"bid": 0}, {"ask": 209_000}, {"data_ns": 0}],
    ids=["not live", "no bid", "crossed", "old"],
)
def test_a_book_that_is_no_market_of_this_moment_makes_none(fields: dict[str, Any]) -> None:
    world = Drilling()
    for book in (0, 1):
        changed = {book: world.top(book, **fields)}
        if "ask" in fields:
            changed = {book: world.top(book, ask=world.tops[book][0])}
        assert world.judged(tops=world.tops_now | changed) is Refusal.BOOK_STALE
    assert world.judged(tops={0: world.top(0)}) is Refusal.BOOK_STALE, "a venue that was not read"


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"allowed_venues": ("kucoin",)}, Refusal.VENUE_NOT_ALLOWED),
        ({"allowed_symbols": ("ETH/USDT",)}, Refusal.SYMBOL_NOT_ALLOWED),
        ({"allowed_sides": (1,)}, Refusal.SIDE_NOT_ALLOWED),
        ({"allowed_order_types": ()}, Refusal.ORDER_TYPE_NOT_ALLOWED),
        ({"max_order_notional": 5 * USD}, Refusal.NOTIONAL_EXCEEDS_MAX),
        ({"max_order_qty": 3 * MONEY_ONE}, Refusal.QTY_EXCEEDS_MAX),
        ({"drill_notional": 5 * USD}, Refusal.DRILL_TOO_LARGE),
        ({"max_position": 3 * MONEY_ONE}, Refusal.POSITION_EXCEEDS_MAX),
        ({"max_gross": 5 * USD}, Refusal.GROSS_EXCEEDS_MAX),
        ({"min_cash": 1_999 * USD}, Refusal.CASH_BELOW_MIN),
    ],
)
def test_every_limit_of_an_entry_holds(limits: dict[str, Any], code: Refusal) -> None:
    assert Drilling(limits=limits).judged() is code


def test_what_the_account_does_not_have_is_not_ordered() -> None:
    assert Drilling(usdt=5, limits={"min_cash": 0}).judged() is Refusal.BALANCE_INSUFFICIENT


def test_what_works_already_counts() -> None:
    world = Drilling(limits={"max_working_per_side": 1})
    working(world)
    assert world.judged() is Refusal.WORKING_ORDERS_MAX


def test_live_it_needs_the_arming() -> None:
    world = Drilling()
    assert not world.engine.context.unarmed
    settings = msgspec.structs.replace(config(limits=ALL_ON | TINY), environment="l", armed=False)
    unarmed = World(settings, ready=False)
    assert unarmed.engine.risk.check_drill(
        replace(world.leg(), book=unarmed.engine.context.books[0]),
        world.tops_now, "xltest7-00t", world.now_ns,
    ) is Refusal.NOT_ARMED  # fmt: skip


def test_a_check_that_raises_refuses() -> None:
    world = Drilling()
    world.engine.risk.state.places.clear()
    assert world.judged() is Refusal.CHECK_FAILED


def test_its_name_is_no_strategy_s() -> None:
    strategy = ArbitrageParams(**(ARBITRAGE | {"name": "drill"}))
    with pytest.raises(ValueError, match="named drill"):
        replace(config(limits=LIMITS), strategies=(strategy,))
