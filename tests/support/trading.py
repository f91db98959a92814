"""An engine over two venues, told its events by hand."""

from __future__ import annotations

from typing import Any

from xrpfast._core import RiskGate
from xrpfast.model import MONEY_ONE, SymbolRules
from xrpfast.trading import events as ev
from xrpfast.trading.commands import AnyCommand, Leg, PlaceLegs, Reconcile
from xrpfast.trading.config import ArbitrageParams, EngineConfig, StartBalance
from xrpfast.trading.engine import Engine
from xrpfast.trading.risk.limits import RiskLimits

MS = 1_000_000
START_NS = 10**15

BINANCE = SymbolRules(
    venue="binance",
    instrument="XRP/USDT",
    venue_symbol="XRPUSDT",
    base="XRP",
    quote="USDT",
    price_decimals=4,
    qty_decimals=1,
    tick=1,
    lot=1,
    min_qty=10,
    max_qty=1_000_000,
    min_notional=5 * MONEY_ONE,
    taker_rate=100_000,
    maker_rate=100_000,
    fee_in_received=True,
)
KUCOIN = SymbolRules(
    venue="kucoin",
    instrument="XRP/USDT",
    venue_symbol="XRP-USDT",
    base="XRP",
    quote="USDT",
    price_decimals=5,
    qty_decimals=4,
    tick=10,
    lot=100,
    min_qty=1_000,
    max_qty=10_000_000_000,
    min_notional=MONEY_ONE // 10,
    taker_rate=100_000,
    maker_rate=100_000,
    fee_in_received=False,
)
LIMITS: dict[str, Any] = {
    "max_order_notional": 1_000 * MONEY_ONE,
    "max_position": 500 * MONEY_ONE,
    "max_book_age_ns": 500 * MS,
    "max_pair_skew_ns": 300 * MS,
    "collar_bps": 200,
    "max_orders_per_second": 10,
    "hedge_min": 10**6 * MONEY_ONE,  # imbalances stay, unless a test is about them
}
ARBITRAGE: dict[str, Any] = {
    "name": "arb",
    "instrument": "XRP/USDT",
    "detectors": (0, 1),
    "max_qty": 400 * MONEY_ONE,
}


def config(
    *,
    limits: dict[str, Any] | None = None,
    arbitrage: dict[str, Any] | None = None,
    xrp: int = 1_000,
    usdt: int = 2_000,
    books: tuple[SymbolRules, ...] = (BINANCE, KUCOIN),
    **rest: Any,
) -> EngineConfig:
    """Balances in whole XRP and USDT, the same at both venues."""
    return EngineConfig(
        environment="t",
        deployment="test",
        epoch=7,
        books=books,
        risk=RiskLimits(**(LIMITS | (limits or {}))),
        strategies=(ArbitrageParams(**(ARBITRAGE | (arbitrage or {}))),),
        balances=tuple(
            StartBalance(rules.venue, asset, amount * MONEY_ONE)
            for rules in books
            for asset, amount in (("XRP", xrp), ("USDT", usdt))
        ),
        **rest,
    )


class World:
    """An engine with everything up and LIVE, and a clock that moves by hand."""

    def __init__(self, settings: EngineConfig | None = None, *, ready: bool = True) -> None:
        self.engine = Engine(settings or config(), RiskGate(10**9))
        self.now_ns = START_NS
        self.signal_id = 0
        self.told: list[ev.AnyEvent] = []
        self.asked: list[AnyCommand] = []
        if ready:
            for venue in self.engine.context.venues:
                for link in ("market", "orders", "account"):
                    self.link(venue, link, True)
            self.reconcile()
            for book in range(len(self.engine.context.books)):
                self.tell(ev.BookState, book=book, state="LIVE")
            self.control("start")

    def process(self, event: ev.AnyEvent) -> list[AnyCommand]:
        self.told.append(event)
        out = self.engine.process(event)
        self.asked += out
        return out

    def tell(self, kind: Any, **fields: Any) -> list[AnyCommand]:
        return self.process(kind(**({"now_ns": self.now_ns, "wall_ns": self.now_ns} | fields)))

    def signal(self, **fields: Any) -> list[AnyCommand]:
        """100 XRP: buy at 2.1000 on binance, sell at 2.1050 on kucoin."""
        self.signal_id += 1
        values: dict[str, Any] = {
            "signal_id": self.signal_id,
            "detector": 0,
            "buy_book": 0,
            "sell_book": 1,
            "buy_qty": 1_000,
            "sell_qty": 1_000_000,
            "buy_limit": 21_000,
            "sell_limit": 210_500,
            "buy_cost": 210 * MONEY_ONE,
            "sell_proceeds": 2105 * MONEY_ONE // 10,
            "profit": MONEY_ONE // 10,
            "edge": 47_619,
            "buy_best_bid": 20_990,
            "buy_best_ask": 21_000,
            "sell_best_bid": 210_500,
            "sell_best_ask": 210_600,
            "buy_version": self.signal_id,
            "sell_version": self.signal_id,
            "buy_data_ns": self.now_ns - 2_000,
            "sell_data_ns": self.now_ns - 1_000,
            "recv_ns": self.now_ns - 1_000,
            "now_ns": self.now_ns,
            "wall_ns": self.now_ns,
        }
        return self.process(ev.Signal(**(values | fields)))

    def reverse_signal(self, **fields: Any) -> list[AnyCommand]:
        """100 XRP: buy at 2.1000 on kucoin, sell at 2.1050 on binance."""
        return self.signal(
            **{
                "detector": 1,
                "buy_book": 1,
                "sell_book": 0,
                "buy_qty": 1_000_000,
                "sell_qty": 1_000,
                "buy_limit": 210_000,
                "sell_limit": 21_050,
                "buy_best_bid": 209_900,
                "buy_best_ask": 210_000,
                "sell_best_bid": 21_050,
                "sell_best_ask": 21_060,
            }
            | fields
        )

    def place(self) -> tuple[Leg, Leg]:
        """The legs of a signal that must lead to orders."""
        first = self.signal()[0]
        assert isinstance(first, PlaceLegs)
        buy, sell = first.legs
        return buy, sell

    def ack(self, leg: Leg) -> list[AnyCommand]:
        return self.tell(ev.OrderAck, client_id=leg.client_id, venue_order_id="v" + leg.client_id)

    def fill(self, leg: Leg, trade_id: str, qty: int | None = None, **fields: Any) -> list[Any]:
        values: dict[str, Any] = {
            "client_id": leg.client_id,
            "venue_order_id": "v" + leg.client_id,
            "trade_id": trade_id,
            "price": leg.price,
            "qty": leg.qty if qty is None else qty,
            "fee": 0,
            "fee_asset": "USDT",
            "maker": False,
            "venue_ns": self.now_ns,
        }
        return self.tell(ev.Fill, **(values | fields))

    def end(self, leg: Leg, state: str, filled: int, reason: str = "") -> list[AnyCommand]:
        return self.tell(
            ev.OrderEnd,
            client_id=leg.client_id,
            venue_order_id="v" + leg.client_id,
            state=state,
            filled_qty=filled,
            reason=reason,
        )

    def reject(self, leg: Leg, code: str = "-2010") -> list[AnyCommand]:
        return self.tell(ev.OrderReject, client_id=leg.client_id, code=code, text="no")

    def unknown(self, leg: Leg, reason: str = "timeout") -> list[AnyCommand]:
        return self.tell(ev.OrderUnknown, client_id=leg.client_id, reason=reason)

    def query(self, leg: Leg, state: str | None, filled: int = 0, **fields: Any) -> list[Any]:
        values: dict[str, Any] = {
            "client_id": leg.client_id,
            "venue_order_id": None if state is None else "v" + leg.client_id,
            "state": state,
            "filled_qty": filled,
            "authoritative": True,
        }
        return self.tell(ev.QueryResult, **(values | fields))

    def control(self, action: str) -> list[AnyCommand]:
        return self.tell(ev.Control, action=action, reason="test")

    def link(self, venue: str, link: str, up: bool) -> list[AnyCommand]:
        return self.tell(ev.LinkState, venue=venue, link=link, up=up)

    def reconcile(self, *venues: str, **fields: Any) -> list[AnyCommand]:
        """Answers the latest question of each venue: nothing is found there."""
        out: list[AnyCommand] = []
        for venue in venues or tuple(self.engine.context.venues):
            asked = [c for c in self.asked if isinstance(c, Reconcile) and c.venue == venue]
            values: dict[str, Any] = {
                "venue": venue,
                "number": asked[-1].number,
                "asked_ns": self.now_ns,
                "open_orders": (),
                "complete": True,
                "reason": "",
            }
            out += self.tell(ev.Reconciled, **(values | fields))
        return out

    def reconciled(self, venue: str) -> None:
        """Answers rounds, and lets the time between them pass, until the venue is through."""
        state = self.engine.reconciler.rounds[venue]
        for _ in range(5):
            if state.step == "NEEDED" and state.venue.linked:
                self.now_ns = max(self.now_ns, state.due_ns)
                self.tell(ev.Timer, timer_id="reconcile:" + venue)
            if state.step == "RUNNING":
                self.reconcile(venue)

    def timer(self) -> list[AnyCommand]:
        return self.tell(ev.Timer, timer_id="orders")

    def settle(self, *legs: Leg) -> None:
        """Fills the legs whole, each with a trade of its own."""
        for leg in legs:
            self.fill(leg, "t" + leg.client_id)

    def order(self, leg: Leg) -> Any:
        return self.engine.orders.orders[leg.client_id]

    def free(self, venue: str, asset: str) -> int:
        """Booked less reserved."""
        portfolio = self.engine.portfolio
        return portfolio.available(self.engine.context.accounts[venue, asset])


def check_books(engine: Engine) -> None:
    """What must hold of the engine's sums after every event."""
    desk, context, portfolio = engine.orders, engine.context, engine.portfolio
    reserved = [0] * len(portfolio.reserved)
    buying = [0] * len(context.positions)
    selling = [0] * len(context.positions)
    busy = [0] * len(context.instruments)
    unknown = [0] * len(context.books)
    committed, for_sale = 0, [0] * len(portfolio.reserved)
    for order in desk.orders.values():
        book = context.books[order.book]
        assert order.pending >= 0
        assert order.settled == (order.state.terminal and order.missing == 0)
        assert (order.client_id in desk.unsettled) == (not order.settled)
        if order.settled:
            assert order.pending == 0
        amount = order.pending * book.qty_money
        worth = book.rules.notional(order.price, order.pending)
        committed += worth
        for_sale[book.quote_account] += worth * order.side
        if order.side == 0:
            reserved[book.quote_account] += book.quote_need(order.price, order.pending)
            buying[book.position_index] += amount
        else:
            reserved[book.base_account] += amount
            selling[book.position_index] += amount
        busy[book.instrument_index] += not order.settled
        unknown[order.book] += order.state.value == "UNKNOWN"
    assert portfolio.committed == committed
    assert portfolio.for_sale == for_sale
    assert portfolio.reserved == reserved
    assert (portfolio.buying, portfolio.selling) == (buying, selling)
    assert desk.busy == busy
    assert [book.unknown for book in context.books] == unknown
