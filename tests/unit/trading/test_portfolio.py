"""Money: fills, fees, reservations, profit and loss, drift; all exact."""

import msgspec

from support.trading import BINANCE, KUCOIN, World, check_books, config
from xrpfast.model import MONEY_ONE, format_money, parse_money
from xrpfast.trading.events import Balance


def money(text: str) -> int:
    return parse_money(text)


def test_what_orders_of_others_hold_is_not_ours_to_use() -> None:
    """Without it the venue would refuse one leg while the other one fills."""
    balances = tuple(
        msgspec.structs.replace(held, held=money("970"))
        if (held.venue, held.asset) == ("kucoin", "XRP")
        else held
        for held in config().balances
    )
    world = World(msgspec.structs.replace(config(), balances=balances))
    assert world.free("kucoin", "XRP") == money("30")
    buy, sell = world.place()
    assert (buy.qty, sell.qty) == (300, 300_000)
    assert world.free("kucoin", "XRP") == 0
    assert world.engine.portfolio.balance("kucoin", "XRP") == money("1000")


def test_a_buy_with_its_fee_in_what_it_receives() -> None:
    world = World()
    buy, _ = world.place()
    world.fill(buy, "1", 999, price=20_999, fee=money("0.0999"), fee_asset="XRP")
    portfolio = world.engine.portfolio
    assert portfolio.balance("binance", "XRP") == money("1099.8001")
    assert portfolio.balance("binance", "USDT") == money("2000") - money("209.78001")
    assert portfolio.position == [money("99.8001")]
    # One lot of 0.1 at 2.1 is still out.
    assert world.free("binance", "USDT") == money("2000") - money("209.78001") - money("0.21")
    check_books(world.engine)


def test_a_sell_with_its_fee_in_quote() -> None:
    world = World()
    _, sell = world.place()
    world.fill(sell, "1", 999_900, fee=money("0.21047895"))
    portfolio = world.engine.portfolio
    assert portfolio.balance("kucoin", "XRP") == money("900.01")
    assert portfolio.balance("kucoin", "USDT") == money("2000") + money("210.47895") - money(
        "0.21047895"
    )
    assert portfolio.position == [money("-99.99")]
    assert world.free("kucoin", "XRP") == money("900")


def test_a_fee_in_a_third_asset() -> None:
    world = World()
    buy, _ = world.place()
    world.fill(buy, "1", 10, fee=money("0.00001"), fee_asset="BNB")
    world.fill(buy, "2", 10, fee=money("0.00002"), fee_asset="BNB")
    portfolio = world.engine.portfolio
    assert portfolio.balance("binance", "BNB") == money("-0.00003")
    assert portfolio.change("BNB") == money("-0.00003")
    assert portfolio.balance("binance", "USDT") == money("1995.8")
    check_books(world.engine)


def test_a_rebate_adds() -> None:
    world = World()
    buy, _ = world.place()
    world.fill(buy, "1", 10, fee=-money("0.01"), maker=True)
    assert world.engine.portfolio.balance("binance", "USDT") == money("1997.91")


def test_a_buy_reserves_its_fee_where_fees_are_in_quote_rounded_up() -> None:
    odd = msgspec.structs.replace(KUCOIN, taker_rate=100_001)
    world = World(config(books=(BINANCE, odd)))
    world.reverse_signal(buy_qty=1_000_000, buy_limit=210_010)
    need = money("210.01")
    fee = -(-need * 100_001 // 10**8)
    assert world.free("kucoin", "USDT") == money("2000") - need - fee
    assert world.free("binance", "XRP") == money("900")


def test_fee_reservation_never_rounds_down() -> None:
    world = World()
    book = world.engine.context.books[1]
    for rate in (1, 3, 99_999_999):
        book.buy_fee_rate = rate
        for price, qty in ((1, 1), (7, 13), (210_000, 999_999)):
            cost = price * qty * book.money_per_value
            need = book.quote_need(price, qty)
            assert (need - cost) * 10**8 >= cost * rate > (need - cost - 1) * 10**8


def test_profit_of_a_round_trip_is_its_cash_flow_plus_base_at_the_mark() -> None:
    world = World()
    buy, sell = world.place()
    world.fill(buy, "1", fee=money("0.1"), fee_asset="XRP")
    world.fill(sell, "1", fee=money("0.2105"))
    cash = money("-210") + money("210.5") - money("0.2105")
    # mids 2.09950 and 2.10550: the mark is 2.10250
    assert world.engine.portfolio.pnl("USDT") == cash + money("-0.1") * 21025 // 10_000
    assert world.engine.summary()["pnl"] == {"USDT": "0.07925"}
    assert world.engine.summary()["positions"] == {"XRP": "-0.1"}


def test_the_mark_moves_with_signals_that_lead_to_nothing() -> None:
    world = World()
    buy, _ = world.place()
    world.settle(buy)
    before = world.engine.portfolio.pnl("USDT")
    world.signal(sell_best_bid=210_900, sell_best_ask=211_000)
    # The sell mid rose by 0.004, the mark by half of it, the position is 100.
    assert world.engine.portfolio.pnl("USDT") - before == money("0.2")


def test_without_a_mark_base_counts_as_nothing() -> None:
    world = World()
    assert world.engine.portfolio.pnl("USDT") == 0


def test_valuation_rounds_against_us() -> None:
    world = World()
    buy, _ = world.place()
    world.fill(buy, "1", 10, fee=1, fee_asset="XRP")
    # 1 XRP less 1e-18 at 2.1025: the change is worth a fraction below, so a whole unit less.
    assert world.engine.portfolio.pnl("USDT") == money("-2.1") + money("2.1025") - 3


def test_reported_balances_stay_beside_and_drift_shows() -> None:
    world = World()
    portfolio = world.engine.portfolio
    fields = {"venue": "binance", "venue_ns": 0}
    world.tell(Balance, asset="XRP", free=990 * MONEY_ONE, locked=10 * MONEY_ONE, **fields)
    assert portfolio.drift() == {}
    world.tell(Balance, asset="XRP", free=990 * MONEY_ONE, locked=10 * MONEY_ONE - 1, **fields)
    world.tell(Balance, asset="DOGE", free=5, locked=0, **fields)
    assert portfolio.drift() == {("binance", "XRP"): -1, ("binance", "DOGE"): 5}
    assert portfolio.balance("binance", "XRP") == 1_000 * MONEY_ONE
    assert portfolio.balance("binance", "DOGE") == 0


def test_balances_lists_every_account() -> None:
    world = World()
    assert {place: format_money(m) for place, m in world.engine.portfolio.balances().items()} == {
        ("binance", "XRP"): "1000",
        ("binance", "USDT"): "2000",
        ("kucoin", "XRP"): "1000",
        ("kucoin", "USDT"): "2000",
    }
