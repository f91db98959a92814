"""Exposure against a naive model: what is approved breaks no limit, what is refused would have.

The model keeps every order and fill as fractions and adds them up from scratch; the engine keeps
sums that it changes by each word. In flight, UNKNOWN, ended with fills still missing: the worst
case of each counts in all four of position, gross value, balance and working orders.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from support.risk import XRP, Guarded
from support.trading import BINANCE, KUCOIN, MS, check_books
from xrpfast.model import MONEY_ONE, SymbolRules
from xrpfast.trading.commands import Leg
from xrpfast.trading.intents import LegIntent
from xrpfast.trading.risk.reasons import Refusal

RULES = {"binance": BINANCE, "kucoin": KUCOIN}
START = {"XRP": Fraction(1_000), "USDT": Fraction(2_000)}
MAX_POSITION, MAX_GROSS, MIN_CASH, CUSHION = 350, 1_600, 15, Fraction(450, 10_000)
PER_VENUE, PER_SIDE, PER_STRATEGY = 5, 3, 6
FEE = Fraction(1, 1_000)


class Known:
    """One order as the model knows it."""

    def __init__(self, leg: Leg, strategy: str) -> None:
        rules = RULES[leg.venue]
        self.leg, self.strategy = leg, strategy
        self.price = Fraction(leg.price, 10**rules.price_decimals)
        self.qty = Fraction(leg.qty, 10**rules.qty_decimals)
        self.filled = 0
        self.claimed = 0
        self.ended = False
        self.accepted = False
        self.lost = False

    @property
    def units(self) -> int:
        """What may be filled beyond ``filled``."""
        return (self.claimed if self.ended else self.leg.qty) - self.filled

    @property
    def pending(self) -> Fraction:
        return Fraction(self.units, 10 ** RULES[self.leg.venue].qty_decimals)

    @property
    def settled(self) -> bool:
        return self.ended and not self.units


class Exposure(RuleBasedStateMachine):
    pairs = refused = unknown = 0
    """Of all runs."""

    def __init__(self) -> None:
        super().__init__()
        self.world = Guarded(
            limits={
                "max_position": MAX_POSITION * XRP,
                "max_gross": MAX_GROSS * MONEY_ONE,
                "min_cash": MIN_CASH * MONEY_ONE,
                "max_working_per_venue": PER_VENUE,
                "max_working_per_side": PER_SIDE,
                "max_working_per_strategy": PER_STRATEGY,
                "max_orders_per_second": 10_000,
                "max_round_trips": 10**6,
                "duplicate_window_ns": 0,
                "max_strategy_rejects": 10**6,
                "max_venue_errors": 10**6,
                "max_session_loss": 10**30,
                "max_strategy_loss": 10**30,
                "max_drawdown": 10**30,
                "max_losing_trades": 10**6,
                "max_losses_in_window": 10**6,
            }
        )
        self.orders: list[Known] = []
        self.fills: list[tuple[Known, int]] = []
        self.numbers = 0

    # --- the model, from scratch ------------------------------------------------------------------

    @property
    def live(self) -> list[Known]:
        return [order for order in self.orders if not order.settled]

    def position(self) -> Fraction:
        total = Fraction(0)
        for order, units in self.fills:
            qty = Fraction(units, 10 ** RULES[order.leg.venue].qty_decimals)
            if order.leg.side == 0:
                total += qty * (1 - FEE) if order.leg.venue == "binance" else qty
            else:
                total -= qty
        return total

    def booked(self, venue: str, asset: str) -> Fraction:
        total = START[asset]
        for order, units in self.fills:
            if order.leg.venue != venue:
                continue
            qty = Fraction(units, 10 ** RULES[venue].qty_decimals)
            sign = 1 if order.leg.side == 0 else -1
            if asset == "XRP":
                total += sign * qty
                if sign > 0 and venue == "binance":
                    total -= qty * FEE
            else:
                total -= sign * qty * order.price
                if venue == "kucoin" or sign < 0:
                    total -= qty * order.price * FEE
        return total

    def free(self, venue: str, asset: str) -> Fraction:
        held = Fraction(0)
        for order in self.live:
            if order.leg.venue == venue and (order.leg.side == 0) is (asset == "USDT"):
                held += self.need(venue, asset, order.price, order.pending)
        return self.booked(venue, asset) - held

    @staticmethod
    def need(venue: str, asset: str, price: Fraction, qty: Fraction) -> Fraction:
        if asset == "XRP":
            return qty
        return price * qty * (1 + FEE if venue == "kucoin" else 1)

    def for_sale(self, venue: str) -> Fraction:
        mine = (o for o in self.live if o.leg.venue == venue and o.leg.side == 1)
        return sum((o.price * o.pending for o in mine), Fraction(0))

    def breaks(self, strategy: str, legs: list[tuple[str, int, Fraction, Fraction]]) -> set[str]:
        """The controls that a pair would break; a leg: venue, side, price, quantity."""
        found = set()
        (buy_venue, _, buy, qty), (sell_venue, _, sell, _) = legs
        position = self.position()
        side = [sum((o.pending for o in self.live if o.leg.side == s), Fraction(0)) for s in (0, 1)]
        if position + side[0] + qty > MAX_POSITION or side[1] + qty - position > MAX_POSITION:
            found.add("POSITION_EXCEEDS_MAX")
        at_stake = sum((o.price * o.pending for o in self.live), Fraction(0))
        if at_stake + qty * (buy + sell) + abs(position) * sell > MAX_GROSS:
            found.add("GROSS_EXCEEDS_MAX")
        left = self.free(buy_venue, "USDT") - self.need(buy_venue, "USDT", buy, qty)
        if left < 0 or self.free(sell_venue, "XRP") < qty:
            found.add("BALANCE_INSUFFICIENT")
        elif left < MIN_CASH or left < self.for_sale(buy_venue) * CUSHION:
            found.add("CASH_BELOW_MIN")
        if self.free(sell_venue, "USDT") < (self.for_sale(sell_venue) + sell * qty) * CUSHION:
            found.add("HEDGE_CAPACITY")
        for venue, at, price, _ in legs:
            here = [order for order in self.live if order.leg.venue == venue]
            same = [order for order in here if order.leg.side == at]
            if len(here) + 1 > PER_VENUE or len(same) + 1 > PER_SIDE:
                found.add("WORKING_ORDERS_MAX")
            for order in here:
                meets = order.price <= price if at == 0 else order.price >= price
                if order.leg.side != at and not order.ended and meets:
                    found.add("SELF_TRADE")
        if len([o for o in self.live if o.strategy == strategy]) + 2 > PER_STRATEGY:
            found.add("WORKING_ORDERS_MAX")
        if any(order.lost for order in self.live):
            found.add("ORDER_STATE_UNKNOWN")
        return found

    # --- pairs ------------------------------------------------------------------------------------

    @rule(
        name=st.sampled_from(("arb", "other")),
        reverse=st.booleans(),
        lots=st.integers(50, 1_700),
        bump=st.integers(-40, 40),
    )
    def ask_for_a_pair(self, name: str, reverse: bool, lots: int, bump: int) -> None:
        world = self.world
        world.now_ns += MS
        world.engine.context.closed[0] = False  # hedges are not what is tested here
        books = world.engine.context.books
        cheap, dear = (21_000 + bump, 21_050 + bump)
        fields: dict[str, Any] = {"buy_qty": lots, "sell_qty": lots * 1_000}
        prices = (cheap, dear * 10)
        if reverse:
            fields = {
                "buy_qty": lots * 1_000, "sell_qty": lots, "buy_book": 1, "sell_book": 0,
                "buy_best_bid": 209_900, "buy_best_ask": 210_000,
                "sell_best_bid": 21_050, "sell_best_ask": 21_060,
            }  # fmt: skip
            prices = (cheap * 10, dear)
        signal = world.pair_signal(buy_limit=prices[0], sell_limit=prices[1], **fields)
        buy, sell = books[signal.buy_book], books[signal.sell_book]
        legs = (
            LegIntent(buy, 0, 0, 1, prices[0], signal.buy_qty),
            LegIntent(sell, 1, 0, 1, prices[1], signal.sell_qty),
        )
        shapes = [
            (book.venue_name, side, Fraction(price, 10**book.price_decimals), Fraction(lots, 10))
            for book, side, price in ((buy, 0, prices[0]), (sell, 1, prices[1]))
        ]
        would_break = self.breaks(name, shapes)
        self.numbers += 1
        ids = (f"xttest7-{self.numbers}a", f"xttest7-{self.numbers}b")
        answer = world.engine.risk.check(name, legs, signal, ids)
        if isinstance(answer, Refusal):
            assert answer.value in would_break, (answer, would_break)
            Exposure.refused += 1
            return
        assert not would_break
        Exposure.pairs += 1
        for client_id, leg in zip(ids, legs, strict=True):
            book = leg.book
            placed = Leg(
                client_id, book.venue_name, book.instrument, leg.side, 0, 1, leg.price, leg.qty
            )
            world.engine.orders.place(placed, book, name, signal.signal_id, world.now_ns)
            self.orders.append(Known(placed, name))

    # --- what becomes of them ---------------------------------------------------------------------

    def pick(self, data: st.DataObject) -> Known:
        live = self.live
        return live[data.draw(st.integers(0, len(live) - 1), label="order")]

    def trade(self, order: Known, units: int) -> None:
        rules: SymbolRules = RULES[order.leg.venue]
        qty = Fraction(units, 10**rules.qty_decimals)
        in_base = order.leg.venue == "binance" and order.leg.side == 0
        fee = qty * FEE if in_base else qty * order.price * FEE
        order.filled += units
        order.claimed = max(order.claimed, order.filled)
        order.accepted, order.lost = True, False
        self.fills.append((order, units))
        if order.filled == order.leg.qty:
            order.ended = True
        self.numbers += 1
        self.world.fill(
            order.leg, f"t{self.numbers}", units, fee=int(fee * MONEY_ONE),
            fee_asset="XRP" if in_base else "USDT",
        )  # fmt: skip

    @precondition(lambda self: self.live)
    @rule(data=st.data(), tenths=st.integers(1, 10))
    def fill(self, data: st.DataObject, tenths: int) -> None:
        order = self.pick(data)
        step = 1 if order.leg.venue == "binance" else 1_000  # fees of whole money
        units = max(step, order.units * tenths // 10 // step * step)
        self.trade(order, min(units, order.units))

    @precondition(lambda self: any(not order.ended for order in self.orders))
    @rule(data=st.data(), missing=st.integers(0, 3))
    def end(self, data: st.DataObject, missing: int) -> None:
        """It expires; of what the venue says is filled some may still be on its way."""
        order = data.draw(st.sampled_from([o for o in self.live if not o.ended]), label="order")
        step = 1 if order.leg.venue == "binance" else 1_000
        claimed = min(order.filled + missing * 10 * step, order.leg.qty)
        order.claimed, order.ended, order.lost = claimed, True, False
        state = "FILLED" if claimed == order.leg.qty else "EXPIRED"
        self.world.end(order.leg, state, claimed)

    @property
    def new(self) -> list[Known]:
        """Nothing was heard of them but that they may be lost."""
        return [order for order in self.orders if not order.accepted and not order.ended]

    @precondition(lambda self: self.new)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """Its outcome is not known."""
        new = self.new
        order = data.draw(st.sampled_from(new), label="order")
        order.lost = True
        Exposure.unknown += 1
        self.world.unknown(order.leg)

    @precondition(lambda self: any(order.lost for order in self.orders))
    @rule(data=st.data())
    def find(self, data: st.DataObject) -> None:
        lost = [order for order in self.live if order.lost]
        order = data.draw(st.sampled_from(lost), label="order")
        order.accepted, order.lost = True, False
        self.world.query(order.leg, "OPEN")

    @precondition(lambda self: self.new)
    @rule(data=st.data())
    def reject(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.new), label="order")
        order.ended, order.lost = True, False
        self.world.reject(order.leg)

    # --- what holds -------------------------------------------------------------------------------

    @invariant()
    def the_sums_are_the_models(self) -> None:
        engine = self.world.engine
        portfolio = engine.portfolio
        assert engine.context.trading.value == "ACTIVE", self.world.asked[-5:]
        assert portfolio.position[0] == self.position() * MONEY_ONE
        for venue in RULES:
            for asset in START:
                account = engine.context.accounts[venue, asset]
                assert portfolio.booked[account] == self.booked(venue, asset) * MONEY_ONE
                assert portfolio.available(account) == self.free(venue, asset) * MONEY_ONE
                assert portfolio.available(account) >= 0
            quote = engine.context.accounts[venue, "USDT"]
            assert portfolio.for_sale[quote] == self.for_sale(venue) * MONEY_ONE
        check_books(engine)

    @invariant()
    def no_limit_is_exceeded(self) -> None:
        """Fees taken in base aside, which nobody can refuse."""
        pending = [
            sum((o.pending for o in self.live if o.leg.side == side), Fraction(0))
            for side in (0, 1)
        ]
        position = self.position()
        fees = sum(
            Fraction(units, 10) * FEE
            for order, units in self.fills
            if order.leg.venue == "binance" and order.leg.side == 0
        )
        assert position + pending[0] <= MAX_POSITION
        assert pending[1] - position <= MAX_POSITION + fees
        for venue in RULES:
            here = [order for order in self.live if order.leg.venue == venue]
            assert len(here) <= PER_VENUE
            for side in (0, 1):
                assert len([o for o in here if o.leg.side == side]) <= PER_SIDE
        for name in ("arb", "other"):
            assert len([o for o in self.live if o.strategy == name]) <= PER_STRATEGY


def test_exposure_follows_the_model() -> None:
    Exposure.pairs = Exposure.refused = Exposure.unknown = 0
    run_state_machine_as_test(
        Exposure,
        settings=settings(
            max_examples=150, stateful_step_count=60, deadline=None, derandomize=True, database=None
        ),
    )
    assert Exposure.pairs >= 500
    assert Exposure.refused >= 200
    assert Exposure.unknown >= 100
