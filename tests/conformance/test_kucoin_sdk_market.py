"""Market data and account queries by the venue's own SDK."""

from __future__ import annotations

import time

import kucoin_universal_sdk.generate.account.account as account_api
import kucoin_universal_sdk.generate.account.fee as fee_api
import kucoin_universal_sdk.generate.spot.market as market_api
import pytest

from support.expect import levels, positive
from support.kucoin_mock import KucoinMock
from support.kucoin_sdk import SYMBOL, Prove, Sdk


def test_time_and_status(sdk: Sdk, prove: Prove) -> None:
    before = time.time_ns() // 1_000_000
    reply = sdk.market.get_server_time()
    prove("get_server_time", reply, {"data": lambda ms: before <= ms <= before + 60_000})
    prove("get_service_status", sdk.market.get_service_status(), {"status": "open", "msg": ""})


def test_symbols(sdk: Sdk, prove: Prove) -> None:
    wanted = {
        "symbol": SYMBOL,
        "baseCurrency": "XRP",
        "quoteCurrency": "USDT",
        "feeCurrency": "USDT",
        "baseMinSize": "0.1",
        "baseIncrement": "0.0001",
        "priceIncrement": "0.00001",
        "quoteIncrement": "0.00001",
        "minFunds": "0.1",
        "enableTrading": True,
        "feeCategory": 1,
    }
    everything = sdk.market.get_all_symbols(market_api.GetAllSymbolsReq())
    prove(
        "get_all_symbols", everything, {f"data.0.{name}": value for name, value in wanted.items()}
    )
    one = sdk.market.get_symbol(market_api.GetSymbolReq(symbol=SYMBOL))
    prove("get_symbol", one, wanted)


def test_currencies(sdk: Sdk, prove: Prove) -> None:
    prove(
        "get_all_currencies",
        sdk.market.get_all_currencies(),
        {"data.0.currency": "XRP", "data.1.currency": "USDT", "data.0.chains.0.chainId": "xrp"},
    )
    one = sdk.market.get_currency(market_api.GetCurrencyReq(currency="USDT"))
    prove("get_currency", one, {"currency": "USDT", "fullName": "Tether", "precision": positive})


@pytest.mark.parametrize("size", [20, 100])
def test_part_of_the_book(sdk: Sdk, kucoin: KucoinMock, prove: Prove, size: int) -> None:
    bids, asks = kucoin.book(size)
    reply = sdk.market.get_part_order_book(
        market_api.GetPartOrderBookReq(symbol=SYMBOL, size=str(size))
    )
    prove(
        f"get_part_order_book {size}",
        reply,
        {"bids": levels(bids), "asks": levels(asks), "sequence": str(kucoin.sequence())},
    )


def test_the_full_book(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    bids, asks = kucoin.book()
    reply = sdk.market.get_full_order_book(market_api.GetFullOrderBookReq(symbol=SYMBOL))
    assert len(bids) > 20
    prove(
        "get_full_order_book",
        reply,
        {"bids": levels(bids), "asks": levels(asks), "sequence": str(kucoin.sequence())},
    )


def test_key_and_accounts(sdk: Sdk, kucoin: KucoinMock, prove: Prove) -> None:
    prove(
        "get_apikey_info",
        sdk.account.get_apikey_info(),
        {
            "apiKey": kucoin.line["api_key"],
            "permission": "General,Spot",
            "apiVersion": 3,
            "uid": kucoin.account.uid,
        },
    )
    prove("get_account_info", sdk.account.get_account_info(), {"level": 0})
    prove("get_spot_account_type", sdk.account.get_spot_account_type(), {"data": True})
    listed = sdk.account.get_spot_account_list(account_api.GetSpotAccountListReq(currency="XRP"))
    free, held = kucoin.balances()["XRP"]
    prove(
        "get_spot_account_list",
        listed,
        {
            "data.0.currency": "XRP",
            "data.0.type": "trade",
            "data.0.balance": free + held,
            "data.0.available": free,
            "data.0.holds": held,
        },
    )
    detail = sdk.account.get_spot_account_detail(
        account_api.GetSpotAccountDetailReq(account_id=listed.data[0].id)
    )
    prove("get_spot_account_detail", detail, {"currency": "XRP", "available": free})


def test_fees(sdk: Sdk, prove: Prove) -> None:
    rates = {"takerFeeRate": "0.001", "makerFeeRate": "0.001"}
    actual = sdk.fee.get_spot_actual_fee(fee_api.GetSpotActualFeeReq(symbols=SYMBOL))
    prove(
        "get_spot_actual_fee",
        actual,
        {"data.0.symbol": SYMBOL} | {f"data.0.{name}": rate for name, rate in rates.items()},
    )
    basic = sdk.fee.get_basic_fee(fee_api.GetBasicFeeReq(currency_type=0))
    prove("get_basic_fee", basic, rates)
