"""The truth behind the mock venues: holds, fees, refusals, ids, and that money is conserved."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pytest

from xrpfast.model import MONEY_ONE, Side, SymbolRules, TimeInForce
from xrpfast.simulation import truth
from xrpfast.simulation.account import Account, BalanceChange
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.orders import Fill, NewOrder, Order, Stp, Trade, VenueRefusal

GTC, IOC, FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK
BUY, SELL = Side.BUY, Side.SELL


def rules(*, fee_in_received: bool) -> SymbolRules:
    return SymbolRules(
        venue="v", instrument="XRP/USDT", venue_symbol="XRPUSDT", base="XRP", quote="USDT",
        price_decimals=4, qty_decimals=1, tick=1, lot=1, min_qty=1, max_qty=10**9,
        min_notional=5 * MONEY_ONE, taker_rate=100_000, maker_rate=50_000,
        fee_in_received=fee_in_received,
    )  # fmt: skip


class Recorder:
    """Every call of an exchange's listener, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.sequences: list[tuple[int, int, int]] = []

    def on_order(self, kind: str, order: Order, fill: Fill | None) -> None:
        self.calls.append((kind, order.client_id, order.filled))

    def on_balances(self, account: Account, changes: list[BalanceChange]) -> None:
        self.calls.append(("balances", [(c.asset, c.reason) for c in changes]))

    def on_trade(self, trade: Trade) -> None:
        self.calls.append(("trade", trade.price, trade.qty))

    def on_book(self, changes: list[tuple[int, int, int]], first: int, last: int) -> None:
        self.calls.append(("book", changes))
        self.sequences.append((first, last, len(changes)))


class World:
    """One exchange with one customer who owns 1,000 XRP and 1,000 USDT."""

    def __init__(
        self, *, fee_in_received: bool = True, for_ever: bool = False, keep: int = 20_000
    ) -> None:
        self.now_ns = 10**18
        self.exchange = Exchange(
            rules(fee_in_received=fee_in_received),
            lambda: self.now_ns,
            client_ids_for_ever=for_ever,
            keep=keep,
        )
        self.account = Account(1, "key", "secret")
        for asset in ("XRP", "USDT"):
            self.account.balance(asset).free = 1_000 * MONEY_ONE
        self.exchange.add_account(self.account)
        self.ids = 0

    def place(self, side: Side, price: int, qty: int, tif: TimeInForce = GTC, **more: Any) -> Order:
        self.ids += 1
        name = more.pop("client_id", f"c{self.ids}")
        new = NewOrder(client_id=name, side=side, price=price, qty=qty, tif=tif, **more)
        return self.exchange.place(self.account, new)

    def market(self, side: Side, *, qty: int | None = None, funds: int | None = None) -> Order:
        self.ids += 1
        new = NewOrder(client_id=f"c{self.ids}", side=side, qty=qty, funds=funds)
        return self.exchange.place(self.account, new)

    def balance(self, asset: str) -> tuple[int, int]:
        found = self.account.balance(asset)
        return found.free, found.locked


def refused(world: World, *args: Any, **more: Any) -> str:
    with pytest.raises(VenueRefusal) as caught:
        world.place(*args, **more)
    return caught.value.key


def test_a_buy_holds_quote_and_pays_the_fee_in_what_it_receives() -> None:
    world = World()
    world.exchange.place_background(SELL, 23_000, 50, GTC)
    order = world.place(BUY, 24_000, 100)
    # 5.0 at 2.3 traded, 5.0 at 2.4 rests; the better price comes back from the hold
    assert world.balance("USDT") == (1_000 * MONEY_ONE - 235 * MONEY_ONE // 10, 12 * MONEY_ONE)
    assert world.balance("XRP") == (1_005 * MONEY_ONE - MONEY_ONE * 5 // 1_000, 0)
    assert (order.state, order.filled, order.held) == ("PARTLY_FILLED", 50, 12 * MONEY_ONE)
    world.exchange.place_background(SELL, 24_000, 50, IOC)
    assert order.state == "FILLED"
    assert world.balance("USDT") == (1_000 * MONEY_ONE - 235 * MONEY_ONE // 10, 0)
    taker, maker = world.exchange.fills
    assert (taker.maker, taker.fee, taker.fee_asset) == (False, 5 * MONEY_ONE // 1_000, "XRP")
    assert (maker.maker, maker.fee, maker.fee_asset) == (True, 5 * MONEY_ONE // 2_000, "XRP")


def test_with_fees_in_quote_the_hold_includes_the_fee() -> None:
    world = World(fee_in_received=False)
    order = world.place(BUY, 24_000, 100)
    assert world.balance("USDT")[1] == 24 * MONEY_ONE * 1_001 // 1_000
    world.exchange.place_background(SELL, 24_000, 100, IOC)
    assert order.state == "FILLED"
    assert order.held == 0
    # the maker's fee is half the taker's that was held: the rest of the hold comes back
    paid = 24 * MONEY_ONE + 24 * MONEY_ONE // 2_000
    assert world.balance("USDT") == (1_000 * MONEY_ONE - paid, 0)
    assert world.balance("XRP") == (1_010 * MONEY_ONE, 0)
    assert world.exchange.fills[0].fee_asset == "USDT"


def test_a_sell_receives_quote_less_the_fee() -> None:
    world = World()
    world.exchange.place_background(BUY, 24_000, 100, GTC)
    order = world.place(SELL, 23_000, 100, IOC)
    assert (order.state, order.quote_filled) == ("FILLED", 24 * MONEY_ONE)
    assert world.balance("XRP") == (990 * MONEY_ONE, 0)
    assert world.balance("USDT") == (1_024 * MONEY_ONE - 24 * MONEY_ONE // 1_000, 0)


def test_ioc_and_fok_remainders_expire_and_free_their_hold() -> None:
    world = World()
    world.exchange.place_background(SELL, 24_000, 50, GTC)
    fok = world.place(BUY, 24_000, 100, FOK)
    assert (fok.state, fok.filled) == ("EXPIRED", 0)
    assert world.balance("USDT") == (1_000 * MONEY_ONE, 0)
    ioc = world.place(BUY, 24_000, 100, IOC)
    assert (ioc.state, ioc.filled) == ("EXPIRED", 50)
    assert world.balance("USDT") == (988 * MONEY_ONE, 0)


def test_cancel_gives_the_rest_back_once() -> None:
    world = World()
    order = world.place(SELL, 25_000, 100)
    world.exchange.place_background(BUY, 25_000, 40, IOC)
    world.exchange.cancel(world.account, order)
    assert (order.state, order.filled) == ("CANCELLED", 40)
    assert world.balance("XRP") == (996 * MONEY_ONE, 0)
    with pytest.raises(VenueRefusal, match="UNKNOWN_ORDER"):
        world.exchange.cancel(world.account, order)
    assert world.exchange.matching.levels(SELL, 5) == []


@pytest.mark.parametrize(
    ("price", "qty", "key"),
    [
        (0, 100, "PRICE_RANGE"),
        (24_000, 0, "MIN_QTY"),
        (24_000, 10**9 + 1, "MAX_QTY"),
        (24_000, 20, "MIN_NOTIONAL"),
        (24_000, 5_000, "BALANCE"),
    ],
)
def test_bad_orders_are_refused_by_key_and_leave_no_trace(price: int, qty: int, key: str) -> None:
    world = World()
    assert refused(world, BUY, price, qty) == key
    assert world.exchange.orders == {}
    assert world.balance("USDT") == (1_000 * MONEY_ONE, 0)


def test_post_only_never_takes() -> None:
    world = World()
    world.exchange.place_background(SELL, 24_000, 50, GTC)
    assert refused(world, BUY, 24_000, 100, post_only=True) == "WOULD_TAKE"
    assert world.place(BUY, 23_999, 100, post_only=True).state == "NEW"


def test_client_ids_are_unique_among_open_orders_or_for_ever() -> None:
    for for_ever in (False, True):
        world = World(for_ever=for_ever)
        order = world.place(BUY, 24_000, 100, client_id="same")
        assert refused(world, BUY, 24_000, 100, client_id="same") == "DUPLICATE_CLIENT_ID"
        world.exchange.cancel(world.account, order)
        if for_ever:
            assert refused(world, BUY, 24_000, 100, client_id="same") == "DUPLICATE_CLIENT_ID"
        else:
            again = world.place(BUY, 24_000, 100, client_id="same")
            assert again.order_id != order.order_id
            assert world.exchange.find(world.account, client_id="same") is again
            assert world.exchange.find(world.account, order_id=order.order_id) is order


def test_an_order_is_found_only_by_its_owner_and_by_ids_that_agree() -> None:
    world = World()
    order = world.place(BUY, 24_000, 100, client_id="mine")
    find, stranger = world.exchange.find, Account(2, "other", "secret")
    assert find(world.account, order_id=order.order_id, client_id="mine") is order
    assert find(world.account, order_id=order.order_id, client_id="other") is None
    assert find(stranger, order_id=order.order_id) is None
    assert world.exchange.open_orders(world.account) == [order]


def test_listeners_hear_each_step_in_order() -> None:
    world, heard = World(), Recorder()
    world.exchange.place_background(SELL, 24_000, 30, GTC)
    world.exchange.place_background(SELL, 24_001, 30, GTC)
    world.exchange.listeners.append(heard)
    world.place(BUY, 24_001, 100, IOC, client_id="me")
    kinds = [call[0] for call in heard.calls]
    assert kinds == [
        "received", "fill", "fill", "expired", "balances", "trade", "trade", "book",
    ]  # fmt: skip
    assert [call[2] for call in heard.calls[:4]] == [0, 30, 60, 60]
    assert sorted(heard.calls[-1][1]) == [(1, 24_000, 0), (1, 24_001, 0)]


def test_a_silent_change_shows_in_the_ledger_alone() -> None:
    world, heard = World(), Recorder()
    world.exchange.listeners.append(heard)
    world.exchange.adjust(world.account, "XRP", -MONEY_ONE)
    assert heard.calls == []
    ledger = truth.ledger(world.exchange, world.account)
    assert ledger["balances"]["XRP"] == {"free": "999", "locked": "0"}


def test_the_ledger_tells_orders_and_fills_in_plain_decimals() -> None:
    world = World()
    world.exchange.place_background(SELL, 24_000, 50, GTC)
    order = world.place(BUY, 24_000, 100, client_id="me")
    ledger = truth.ledger(world.exchange, world.account)
    assert ledger["orders"] == [
        {
            "client_id": "me", "order_id": str(order.order_id), "side": "BUY", "price": "2.4",
            "qty": "10", "filled": "5", "state": "PARTLY_FILLED",
            "accepted_ns": order.created_ns,
        }
    ]  # fmt: skip
    (fill,) = ledger["fills"]
    assert fill == {
        "trade_id": str(world.exchange.fills[0].trade_id), "order_id": str(order.order_id),
        "client_id": "me", "side": "BUY", "price": "2.4", "qty": "5", "fee": "0.005",
        "fee_asset": "XRP", "maker": False,
    }  # fmt: skip


def test_a_market_order_takes_what_its_quantity_or_funds_pay_for() -> None:
    for fee_in_received in (True, False):
        world = World(fee_in_received=fee_in_received)
        world.exchange.place_background(SELL, 23_000, 50, GTC)
        world.exchange.place_background(SELL, 24_000, 50, GTC)
        bought = world.market(BUY, qty=70)
        assert (bought.state, bought.filled, bought.price) == ("FILLED", 70, 0)
        assert bought.quote_filled == 163 * MONEY_ONE // 10
        assert world.balance("USDT")[1] == 0
        by_funds = world.market(BUY, funds=7 * MONEY_ONE)  # 2.9 of 2.4 each, 0.04 is left over
        assert (by_funds.state, by_funds.qty, by_funds.filled) == ("FILLED", 29, 29)
        rest = world.market(BUY, qty=30)
        assert (rest.state, rest.reason, rest.filled) == ("EXPIRED", "liquidity", 1)
        nothing = world.market(BUY, funds=7 * MONEY_ONE)
        assert (nothing.state, nothing.filled) == ("EXPIRED", 0)
        world.exchange.place_background(BUY, 22_000, 100, GTC)
        sold = world.market(SELL, funds=10 * MONEY_ONE)
        assert (sold.state, sold.filled) == ("FILLED", 45)  # 9.9: the next lot would be too much
        assert [world.balance(asset)[1] for asset in ("USDT", "XRP")] == [0, 0]


def test_nothing_trades_beyond_the_worst_price() -> None:
    world = World()
    world.exchange.place_background(SELL, 23_000, 50, GTC)
    world.exchange.place_background(SELL, 24_000, 50, GTC)
    beyond = world.place(BUY, 24_000, 100, worst=23_999)
    assert (beyond.state, beyond.reason, beyond.filled) == ("CANCELLED", "protection", 0)
    rests = world.place(SELL, 26_000, 50, worst=20_000)
    assert rests.working, "only what would trade at once is protected"
    new = NewOrder(client_id="m", side=BUY, qty=100, worst=23_500)
    bought = world.exchange.place(world.account, new)
    assert (bought.state, bought.reason, bought.filled) == ("EXPIRED", "liquidity", 50)
    within = world.place(BUY, 24_000, 50, worst=24_000)
    assert within.state == "FILLED"
    low = world.place(SELL, 19_999, 50, worst=20_000)
    assert low.reason == "protection"
    assert world.balance("USDT")[1] == 0


def test_a_replacement_takes_over_the_client_id() -> None:
    world = World(for_ever=True, keep=1)
    old = world.place(BUY, 24_000, 100, client_id="same")
    world.exchange.cancel(world.account, old)
    new = world.place(BUY, 23_000, 100, client_id="same", replaces=old.order_id)
    assert world.exchange.find(world.account, client_id="same") is new
    world.exchange.cancel(world.account, world.place(BUY, 22_000, 100))
    assert old.order_id not in world.exchange.orders, "forgotten"
    assert world.exchange.find(world.account, client_id="same") is new
    assert refused(world, BUY, 22_000, 100, client_id="same") == "DUPLICATE_CLIENT_ID"


def test_a_market_order_must_be_paid_for() -> None:
    world = World()
    world.exchange.place_background(SELL, 24_000, 10_000, GTC)
    for size in ({"qty": 5_000}, {"funds": 1_001 * MONEY_ONE}):
        with pytest.raises(VenueRefusal, match="BALANCE"):
            world.market(BUY, **size)
    with pytest.raises(VenueRefusal, match="MIN_NOTIONAL"):
        world.market(BUY, funds=4 * MONEY_ONE)


def test_own_orders_do_not_trade_with_each_other_when_told_so() -> None:
    for stp, resting, taking, prevented in (
        (Stp.EXPIRE_TAKER, "NEW", "PREVENTED", (0, 80)),
        (Stp.EXPIRE_MAKER, "PREVENTED", "NEW", (50, 0)),
        (Stp.EXPIRE_BOTH, "PREVENTED", "PREVENTED", (50, 80)),
        (Stp.DECREMENT, "PREVENTED", "NEW", (50, 50)),
        (Stp.NONE, "FILLED", "PARTLY_FILLED", (0, 0)),
    ):
        world, heard = World(), Recorder()
        world.exchange.listeners.append(heard)
        maker = world.place(SELL, 24_000, 50, client_id="maker")
        taker = world.place(BUY, 24_000, 80, stp=stp, client_id="taker")
        assert (maker.state, taker.state) == (resting, taking), stp
        assert (maker.prevented, taker.prevented) == prevented
        said = [call[1] for call in heard.calls if call[0] == "prevented"]
        assert said == [n for n, q in zip(("maker", "taker"), prevented, strict=True) if q]
        for order in (maker, taker):
            assert order.reason == ("stp" if order.state == "PREVENTED" else "")
        for asset, side in (("USDT", BUY), ("XRP", SELL)):
            held = sum(o.held for o in world.exchange.open_orders(world.account) if o.side is side)
            assert world.balance(asset)[1] == held


def test_a_part_can_be_taken_off_an_order() -> None:
    world, heard = World(fee_in_received=False), Recorder()
    order = world.place(BUY, 24_000, 100)
    world.exchange.listeners.append(heard)
    world.exchange.reduce(world.account, order, 40)
    assert (order.remaining, order.reduced, order.state) == (60, 40, "NEW")
    assert world.balance("USDT")[1] == order.held == 144 * MONEY_ONE // 10 * 1_001 // 1_000
    assert [call[0] for call in heard.calls] == ["reduced", "balances", "book"]
    for qty, key in ((0, "MIN_QTY"), (61, "MAX_QTY")):
        with pytest.raises(VenueRefusal, match=key):
            world.exchange.reduce(world.account, order, qty)
    world.exchange.place_background(SELL, 24_000, 60, IOC)
    assert (order.state, order.filled) == ("FILLED", 60)
    other = world.place(BUY, 24_000, 100)
    assert world.exchange.reduce(world.account, other, 100).state == "CANCELLED"


def test_orders_end_when_their_time_has_come_or_the_venue_says_so() -> None:
    world = World()
    late = world.place(BUY, 24_000, 30, expires_ns=world.now_ns + 20)
    early = world.place(BUY, 24_000, 30, expires_ns=world.now_ns + 10)
    assert world.exchange.expire_due() == world.now_ns + 10
    world.now_ns += 10
    assert world.exchange.expire_due() == late.expires_ns
    assert (early.state, early.reason, late.state) == ("EXPIRED", "gtt", "NEW")
    world.exchange.expire(late, "venue")
    assert (late.state, late.reason) == ("EXPIRED", "venue")
    assert world.exchange.expire_due() is None
    assert world.balance("USDT") == (1_000 * MONEY_ONE, 0)
    with pytest.raises(VenueRefusal, match="UNKNOWN_ORDER"):
        world.exchange.expire(late, "venue")


def test_what_is_accepted_while_deferring_is_matched_later() -> None:
    world = World()
    exchange = world.exchange
    exchange.place_background(SELL, 24_000, 100, GTC)
    exchange.deferring = True
    limit, market, gone = (
        world.place(BUY, 24_000, 50), world.market(BUY, qty=40), world.place(BUY, 24_000, 30),
    )  # fmt: skip
    exchange.deferring = False
    assert [order.filled for order in (limit, market, gone)] == [0, 0, 0]
    exchange.cancel(world.account, gone)
    exchange.place_background(BUY, 24_000, 30, IOC)  # meanwhile the book moves
    exchange.match_deferred()
    assert (limit.state, market.state, gone.state) == ("FILLED", "EXPIRED", "CANCELLED")
    assert (market.filled, market.held) == (20, 0)
    exchange.match_deferred()
    assert limit.filled == 50


def test_what_ended_long_ago_is_forgotten() -> None:
    world = World(keep=10)
    first = world.place(BUY, 24_000, 30, client_id="first")
    open_order = world.place(BUY, 23_000, 30, client_id="open")
    world.exchange.cancel(world.account, first)
    for _ in range(10):
        world.exchange.cancel(world.account, world.place(BUY, 24_000, 30))
    assert world.exchange.find(world.account, client_id="first") is None
    assert world.exchange.find(world.account, client_id="open") is open_order
    assert len(world.exchange.orders) == 11
    assert truth.ledger(world.exchange, world.account)["forgotten"]["orders"] == 1


def test_a_transfer_is_told_and_a_lock_moves_free_money() -> None:
    world, heard = World(), Recorder()
    world.exchange.listeners.append(heard)
    world.exchange.transfer(world.account, "XRP", 5 * MONEY_ONE, 0, "transfer")
    world.exchange.transfer(world.account, "XRP", -MONEY_ONE, MONEY_ONE, "lock")
    assert world.balance("XRP") == (1_004 * MONEY_ONE, MONEY_ONE)
    assert [call[1] for call in heard.calls] == [[("XRP", "transfer")], [("XRP", "lock")]]


@pytest.mark.parametrize("fee_in_received", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_money_is_conserved_and_never_negative(seed: int, fee_in_received: bool) -> None:
    """Customer + fees + what the market's own orders paid or got stays what it was."""
    world, heard, draw = World(fee_in_received=fee_in_received), Recorder(), random.Random(seed)
    exchange = world.exchange
    exchange.listeners.append(heard)
    background: list[int] = []
    for _ in range(1_500):
        side, price = draw.choice((BUY, SELL)), draw.randint(23_900, 24_100)
        qty, tif = draw.randint(21, 400), draw.choice((GTC, IOC, FOK))
        step = draw.random()
        if step < 0.35:
            background.append(exchange.place_background(side, price, qty, tif))
        elif step < 0.45 and background:
            exchange.cancel_background(background.pop(draw.randrange(len(background))))
        elif step < 0.55 and exchange.open_orders(world.account):
            exchange.cancel(world.account, draw.choice(exchange.open_orders(world.account)))
        else:
            with suppress(VenueRefusal):  # now and then the money does not suffice
                if step < 0.65:
                    by_funds = draw.random() < 0.5
                    size = {"funds": 60 * MONEY_ONE // 7} if by_funds else {"qty": qty}
                    world.market(side, **size)
                else:
                    world.place(side, price, qty, tif, stp=draw.choice(list(Stp)))
        held = {"XRP": 0, "USDT": 0}
        for order in exchange.open_orders(world.account):
            held["USDT" if order.side is BUY else "XRP"] += order.held
        for asset in ("XRP", "USDT"):
            free, locked = world.balance(asset)
            assert free >= 0
            assert locked == held[asset]
    flow = {"XRP": 0, "USDT": 0}
    for fill in exchange.fills:
        sign = 1 if fill.order.side is BUY else -1
        flow["XRP"] += sign * exchange.rules.qty_money(fill.qty)
        flow["USDT"] -= sign * exchange.rules.notional(fill.price, fill.qty)
    for asset in ("XRP", "USDT"):
        owned = world.account.balance(asset).total
        assert owned + exchange.fees.get(asset, 0) == 1_000 * MONEY_ONE + flow[asset]
    assert len(exchange.fills) > 200
    expected = heard.sequences[0][0]
    for first, last, count in heard.sequences:
        assert (first, last) == (expected, expected + count - 1)
        expected = last + 1
    assert exchange.sequence == expected - 1
