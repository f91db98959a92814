"""The venue's own SDK over REST: what it reads and what it trades."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from binance_sdk_spot.rest_api import SpotRestAPI

from support.binance_clients import SYMBOL, VENUE, cancel_what_is_open, fee_of, fills_of
from support.binance_sdk import REST, rest_api
from support.expect import levels, positive
from support.mock_thread import RunningMock
from support.proof import Proof


@pytest.fixture(scope="module")
def api(venues: RunningMock) -> SpotRestAPI:
    return rest_api(venues[VENUE])


@pytest.fixture(autouse=True)
def standing_still(venues: RunningMock) -> Iterator[None]:
    venues.pause()
    yield
    cancel_what_is_open(venues)


@pytest.fixture(autouse=True)
def every_reply_fits(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The SDK warns of a reply that is not of the types that the venue declares."""
    yield
    warned = [r.getMessage() for r in caplog.get_records("call") if r.levelname == "WARNING"]
    assert not warned


# --- market data ----------------------------------------------------------------------------------


def test_time(api: SpotRestAPI, proof: Proof) -> None:
    before = time.time_ns() // 1_000_000
    reply = api.time()
    proof.check(REST, "time", reply.data(), {"server_time": lambda ms: 0 <= ms - before < 9_000})
    proof.check(
        REST,
        "rate_limits of any reply",
        reply.rate_limits[0],
        {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "count": positive,
        },
    )


def test_microseconds(venues: RunningMock, proof: Proof) -> None:
    before = time.time_ns() // 1_000
    told = rest_api(venues[VENUE], time_unit="MICROSECOND").time().data()
    proof.check(
        REST,
        "time, with `time_unit` MICROSECOND",
        told,
        {"server_time": lambda us: 0 <= us - before < 9_000_000},
    )


def test_exchange_info(api: SpotRestAPI, proof: Proof) -> None:
    info = api.exchange_info(symbol=SYMBOL).data()
    (found,) = info.symbols
    filters = {row.actual_instance.filter_type: row.actual_instance for row in found.filters}
    proof.check(
        REST,
        "exchange_info",
        {"timezone": info.timezone, "symbol": found, "filters": filters},
        {
            "timezone": "UTC",
            "symbol.symbol": SYMBOL,
            "symbol.status": "TRADING",
            "symbol.base_asset": "XRP",
            "symbol.quote_asset": "USDT",
            "symbol.order_types": lambda kinds: {"LIMIT", "LIMIT_MAKER", "MARKET"} <= set(kinds),
            "symbol.default_self_trade_prevention_mode": "EXPIRE_MAKER",
            "filters.PRICE_FILTER.tick_size": Decimal("0.0001"),
            "filters.LOT_SIZE.step_size": Decimal("0.1"),
            "filters.NOTIONAL.min_notional": Decimal(5),
            "filters.MAX_NUM_ORDERS.max_num_orders": 200,
        },
    )


def test_depth(api: SpotRestAPI, venues: RunningMock, proof: Proof) -> None:
    bids, asks = venues.book(VENUE, 20)
    sequence = venues.call(lambda: venues.exchange(VENUE).sequence)
    proof.check(
        REST,
        "depth",
        api.depth(SYMBOL, limit=20).data(),
        {"last_update_id": sequence, "bids": levels(bids), "asks": levels(asks)},
    )


def test_tickers(api: SpotRestAPI, venues: RunningMock, proof: Proof) -> None:
    venues.steps(50)
    ((bid, bid_qty),), ((ask, ask_qty),) = venues.book(VENUE, 1)
    last = venues.last_price(VENUE)
    top = {
        "symbol": SYMBOL,
        "bid_price": bid,
        "bid_qty": bid_qty,
        "ask_price": ask,
        "ask_qty": ask_qty,
    }
    proof.check(REST, "ticker_book_ticker", _one(api.ticker_book_ticker(symbol=SYMBOL)), top)
    proof.check(
        REST,
        "ticker24hr",
        _one(api.ticker24hr(symbol=SYMBOL)),
        top
        | {
            "last_price": last,
            "high_price": lambda high: Decimal(high) >= last,
            "low_price": lambda low: Decimal(low) <= last,
            "weighted_avg_price": positive,
            "volume": positive,
            "quote_volume": positive,
            "count": positive,
        },
    )
    told = {"symbol": SYMBOL, "price": last}
    proof.check(REST, "ticker_price", _one(api.ticker_price(symbol=SYMBOL)), told)
    proof.check(REST, "avg_price", api.avg_price(SYMBOL).data(), {"mins": 5, "price": positive})


def test_trades(api: SpotRestAPI, venues: RunningMock, proof: Proof) -> None:
    venues.steps(50)
    newest = venues.call(lambda: venues.exchange(VENUE).last_trade)
    assert newest is not None
    price, qty = Decimal(newest.price).scaleb(-4), Decimal(newest.qty).scaleb(-1)
    sold, when = newest.taker_side.name == "SELL", newest.wall_ns // 1_000_000
    told = {
        "id": newest.trade_id,
        "price": price,
        "qty": qty,
        "quote_qty": price * qty,
        "time": when,
        "is_buyer_maker": sold,
    }
    recent = api.get_trades(SYMBOL).data()
    proof.check(REST, "get_trades", recent[-1], told)
    older = api.historical_trades(SYMBOL, from_id=newest.trade_id).data()
    proof.check(REST, "historical_trades", older[0], told)
    together = api.agg_trades(SYMBOL).data()[-1]
    proof.check(
        REST,
        "agg_trades",
        together.model_dump(by_alias=True),
        {"p": price, "l": newest.trade_id, "T": when, "m": sold},
    )


def test_klines(api: SpotRestAPI, venues: RunningMock, proof: Proof) -> None:
    venues.steps(50)
    last = venues.last_price(VENUE)
    names = (
        "open_time open high low close volume close_time quote_volume trades buy_base buy_quote _"
    )
    candle = dict(zip(names.split(), api.klines(SYMBOL, "1d").data()[-1], strict=True))
    proof.check(
        REST,
        "klines",
        candle,
        {
            "open_time": lambda ms: ms % 86_400_000 == 0,
            "close_time": candle["open_time"] + 86_399_999,
            "high": lambda high: Decimal(high) >= last,
            "low": lambda low: Decimal(low) <= last,
            "close": last,
            "volume": positive,
            "trades": positive,
        },
    )


# --- the account and its orders -------------------------------------------------------------------


def test_account(api: SpotRestAPI, venues: RunningMock, proof: Proof) -> None:
    api.new_order(SYMBOL, "BUY", "LIMIT", time_in_force="GTC", quantity="10", price="2.0")
    account = api.get_account().data()
    expected = {}
    for asset, (free, locked) in venues.balances(VENUE).items():
        expected |= {f"balances.{asset}.free": free, f"balances.{asset}.locked": locked}
    assert expected["balances.USDT.locked"] == 20
    proof.check(
        REST,
        "get_account",
        {"account": account, "balances": {row.asset: row for row in account.balances}},
        expected
        | {
            "account.can_trade": True,
            "account.account_type": "SPOT",
            "account.commission_rates.maker": Decimal("0.001"),
            "account.commission_rates.taker": Decimal("0.001"),
        },
    )
    proof.check(
        REST,
        "account_commission",
        api.account_commission(SYMBOL).data(),
        {"symbol": SYMBOL, "standard_commission.taker": Decimal("0.001")},
    )
    proof.check(
        REST,
        "rate_limit_order",
        api.rate_limit_order().data()[0],
        {"rate_limit_type": "ORDERS", "interval": "SECOND", "limit": 100, "count": positive},
    )


def test_limit_order_from_place_to_cancel(api: SpotRestAPI, proof: Proof) -> None:
    order = api.new_order(
        SYMBOL,
        "SELL",
        "LIMIT",
        time_in_force="GTC",
        quantity="12.5",
        price="3.1",
        new_client_order_id="mine-1",
    ).data()
    told = {
        "symbol": SYMBOL,
        "order_id": order.order_id,
        "client_order_id": "mine-1",
        "type": "LIMIT",
        "side": "SELL",
        "time_in_force": "GTC",
        "price": Decimal("3.1"),
        "orig_qty": Decimal("12.5"),
        "executed_qty": Decimal(0),
        "cummulative_quote_qty": Decimal(0),
        "status": "NEW",
    }
    placed = told | {"order_id": int, "transact_time": int, "fills": []}
    proof.check(REST, "new_order LIMIT GTC", order, placed)
    queried = told | {"is_working": True, "time": order.transact_time}
    by_id = api.get_order(SYMBOL, order_id=order.order_id).data()
    proof.check(REST, "get_order by order_id", by_id, queried)
    by_client_id = api.get_order(SYMBOL, orig_client_order_id="mine-1").data()
    proof.check(REST, "get_order by orig_client_order_id", by_client_id, queried)
    (opened,) = api.get_open_orders(SYMBOL).data()
    proof.check(REST, "get_open_orders", opened, queried)
    gone = api.delete_order(SYMBOL, order_id=order.order_id).data()
    proof.check(
        REST,
        "delete_order",
        gone,
        {"order_id": order.order_id, "orig_client_order_id": "mine-1", "status": "CANCELED"},
    )
    newest = api.all_orders(SYMBOL).data()[-1]
    proof.check(REST, "all_orders", newest, {"order_id": order.order_id, "status": "CANCELED"})


def test_ioc_and_fok(api: SpotRestAPI, venues: RunningMock, proof: Proof) -> None:
    _, ((ask, there),) = venues.book(VENUE, 1)
    wish = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "price": str(ask)}
    more = str(there + 5)
    none = api.new_order(**wish, time_in_force="FOK", quantity=more).data()
    proof.check(
        REST,
        "new_order LIMIT FOK, too large",
        none,
        {"status": "EXPIRED", "executed_qty": Decimal(0), "fills": []},
    )
    part = api.new_order(**wish, time_in_force="IOC", quantity=more).data()
    proof.check(
        REST,
        "new_order LIMIT IOC",
        part,
        {
            "status": "EXPIRED",
            "executed_qty": there,
            "cummulative_quote_qty": ask * there,
            "fills.0.price": ask,
            "fills.0.qty": there,
            "fills.0.commission": fee_of(venues, part.order_id),
            "fills.0.commission_asset": "XRP",
            "fills.0.trade_id": fills_of(venues, part.order_id)[0].trade_id,
        },
    )
    venues.pause()  # quotes anew what was taken
    _, ((ask, there),) = venues.book(VENUE, 1)
    wish["price"] = str(ask)
    whole = api.new_order(**wish, time_in_force="FOK", quantity=str(there)).data()
    proof.check(REST, "new_order LIMIT FOK", whole, {"status": "FILLED", "executed_qty": there})


def test_limit_maker(api: SpotRestAPI, proof: Proof) -> None:
    wish = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT_MAKER", "quantity": 10, "price": 2}
    acked = api.new_order(**wish).data()
    proof.check(
        REST,
        "new_order LIMIT_MAKER",
        acked,
        {"symbol": SYMBOL, "order_id": int, "client_order_id": str, "status": type(None)},
    )
    told = api.new_order(**wish, new_order_resp_type="RESULT").data()
    proof.check(
        REST,
        "new_order LIMIT_MAKER RESULT",
        told,
        {"type": "LIMIT_MAKER", "status": "NEW", "time_in_force": "GTC", "working_time": int},
    )


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_market_orders(api: SpotRestAPI, venues: RunningMock, proof: Proof, side: str) -> None:
    bid, ask = venues.touch(VENUE)
    price = ask if side == "BUY" else bid
    by_qty = api.new_order(SYMBOL, side, "MARKET", quantity=7).data()
    proof.check(
        REST,
        f"new_order MARKET {side} by quantity",
        by_qty,
        {
            "type": "MARKET",
            "side": side,
            "status": "FILLED",
            "price": Decimal(0),
            "executed_qty": Decimal(7),
            "cummulative_quote_qty": 7 * price,
            "fills.0.price": price,
            "fills.0.commission": fee_of(venues, by_qty.order_id),
        },
    )
    by_funds = api.new_order(SYMBOL, side, "MARKET", quote_order_qty=30).data()
    proof.check(
        REST,
        f"new_order MARKET {side} by quote_order_qty",
        by_funds,
        {
            "status": "FILLED",
            "orig_quote_order_qty": Decimal(30),
            "cummulative_quote_qty": lambda cost: abs(Decimal(cost) - 30) <= price / 10,
        },
    )


def test_test_order(api: SpotRestAPI, venues: RunningMock, proof: Proof) -> None:
    before = venues.balances(VENUE)
    wish = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": 10}
    tested = api.order_test(**wish).data()
    proof.check(REST, "order_test", tested.model_dump(exclude_defaults=True), {"": {}})
    rates = api.order_test(**wish, compute_commission_rates=True).data()
    proof.check(
        REST,
        "order_test with commission rates",
        rates,
        {"standard_commission_for_order.taker": Decimal("0.001")},
    )
    assert api.get_open_orders(SYMBOL).data() == []
    assert venues.balances(VENUE) == before


def test_my_trades(api: SpotRestAPI, venues: RunningMock, proof: Proof) -> None:
    order = api.new_order(SYMBOL, "BUY", "MARKET", quantity=7).data()
    (fill,) = fills_of(venues, order.order_id)
    told = {
        "symbol": SYMBOL,
        "id": fill.trade_id,
        "order_id": order.order_id,
        "price": Decimal(fill.price).scaleb(-4),
        "qty": Decimal(7),
        "commission": fee_of(venues, order.order_id),
        "commission_asset": "XRP",
        "time": fill.wall_ns // 1_000_000,
        "is_buyer": True,
        "is_maker": False,
    }
    proof.check(REST, "my_trades", api.my_trades(SYMBOL).data()[-1], told)
    (own,) = api.my_trades(SYMBOL, order_id=order.order_id).data()
    proof.check(REST, "my_trades of one order", own, told)


def test_cancel_all(api: SpotRestAPI, proof: Proof) -> None:
    placed = [
        api.new_order(SYMBOL, "BUY", "LIMIT", time_in_force="GTC", quantity=10, price=f"2.0{n}")
        .data()
        .order_id
        for n in range(3)
    ]
    gone = {row.order_id: row.status for row in _rows(api.delete_open_orders(SYMBOL))}
    proof.check(REST, "delete_open_orders", gone, {"": dict.fromkeys(placed, "CANCELED")})
    assert api.get_open_orders(SYMBOL).data() == []


def _one(reply: Any) -> Any:
    """The one shape of several that a reply has."""
    return reply.data().actual_instance


def _rows(reply: Any) -> list[Any]:
    return [getattr(row, "actual_instance", row) for row in reply.data()]
