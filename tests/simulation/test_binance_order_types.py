"""Orders of every type at the mock Binance: what is asked, what comes back, what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from support.binance import Keys, Rest
from support.sockets import Client
from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.binance.face import BinanceFace
from xrpfast.simulation.binance.price_range import PriceRange
from xrpfast.simulation.exchange import Exchange

LIMIT: dict[str, Any] = {
    "symbol": "XRPUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
    "quantity": "25.0", "price": "2.1000",
}  # fmt: skip
MARKET: dict[str, Any] = {"symbol": "XRPUSDT", "side": "BUY", "type": "MARKET"}
ACK = {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
RESULT = ACK | {
    "price", "origQty", "executedQty", "origQuoteOrderQty", "cummulativeQuoteQty", "status",
    "timeInForce", "type", "side", "workingTime", "selfTradePreventionMode",
}  # fmt: skip


@pytest.fixture
def exchange(face: BinanceFace) -> Exchange:
    return face.exchange


def best(exchange: Exchange, side: Side) -> int:
    top = exchange.matching.best(side)
    assert top is not None
    return top[0]


def text(price: int) -> str:
    return f"{price // 10**4}.{price % 10**4:04d}"


def events(api: Client) -> list[dict[str, Any]]:
    found = [message["event"] for message in api.messages if "event" in message]
    return [event for event in found if event["e"] == "executionReport"]


async def test_the_default_reply_follows_the_type(rest: Rest, exchange: Exchange) -> None:
    maker = {key: value for key, value in LIMIT.items() if key != "timeInForce"}
    for order, keys in (
        (LIMIT, RESULT | {"fills"}),
        (MARKET | {"quantity": "10"}, RESULT | {"fills"}),
        (maker | {"type": "LIMIT_MAKER"}, ACK),
        (LIMIT | {"newOrderRespType": "ACK"}, ACK),
        (LIMIT | {"newOrderRespType": "RESULT"}, RESULT),
        (maker | {"type": "LIMIT_MAKER", "newOrderRespType": "FULL"}, RESULT | {"fills"}),
    ):
        _, body = await rest.signed("POST", "/order", **order)
        assert set(body) == keys


async def test_a_market_order_by_quantity(
    rest: Rest, api: Client, keys: Keys, exchange: Exchange
) -> None:
    await api.request("userDataStream.subscribe.signature", keys.params())
    price = text(best(exchange, Side.SELL))
    _, body = await rest.signed("POST", "/order", **MARKET, quantity="10")
    assert {
        name: body[name] for name in ("price", "origQty", "executedQty", "status", "timeInForce")
    } == {
        "price": "0.00000000", "origQty": "10.00000000", "executedQty": "10.00000000",
        "status": "FILLED", "timeInForce": "GTC",
    }  # fmt: skip
    assert [fill["price"][:6] for fill in body["fills"]] == [price]
    await api.until(lambda m: m.get("event", {}).get("X") == "FILLED")
    new, trade = events(api)
    assert (new["x"], new["w"], new["p"], new["f"]) == ("NEW", True, "0.00000000", "GTC")
    assert (trade["x"], trade["w"], trade["o"], trade["W"]) == (
        "TRADE", False, "MARKET", body["workingTime"],
    )  # fmt: skip


@pytest.mark.parametrize("side", ["BUY", "SELL"])
async def test_a_market_order_by_money(rest: Rest, exchange: Exchange, side: str) -> None:
    _, body = await rest.signed("POST", "/order", **MARKET | {"side": side}, quoteOrderQty="50")
    assert (body["status"], body["origQuoteOrderQty"]) == ("FILLED", "50.00000000")
    assert 49.5 < float(body["cummulativeQuoteQty"]) <= 50
    assert body["origQty"] == body["executedQty"]
    assert round(float(body["executedQty"]) * 10, 6).is_integer()


async def test_a_market_order_beyond_the_book_expires(
    rest: Rest, api: Client, keys: Keys, exchange: Exchange
) -> None:
    await api.request("userDataStream.subscribe.signature", keys.params())
    there = sum(qty for _, qty in exchange.matching.levels(Side.BUY, 5_000))
    (account,) = exchange.accounts.values()
    account.balance("XRP").free = 10**9 * 10**18
    _, body = await rest.signed(
        "POST", "/order", **MARKET | {"side": "SELL"}, quantity=str(there // 10 + 100)
    )
    assert (body["status"], body["expiryReason"]) == ("EXPIRED", "INSUFFICIENT_LIQUIDITY")
    assert float(body["executedQty"]) == there / 10
    await api.until(lambda m: m.get("event", {}).get("x") == "EXPIRED")
    assert events(api)[-1]["eR"] == "INSUFFICIENT_LIQUIDITY"


async def test_time_in_force(rest: Rest, exchange: Exchange) -> None:
    ask = best(exchange, Side.SELL)
    exchange.place_background(Side.SELL, ask - 1, 100, TimeInForce.GTC)
    taker = LIMIT | {"price": text(ask - 1), "quantity": "30"}
    _, fok = await rest.signed("POST", "/order", **taker | {"timeInForce": "FOK"})
    assert (fok["status"], fok["executedQty"], fok["fills"]) == ("EXPIRED", "0.00000000", [])
    assert fok["expiryReason"] == "UNFILLED_FOK_ORDER_EXPIRED"
    _, ioc = await rest.signed("POST", "/order", **taker | {"timeInForce": "IOC"})
    assert (ioc["status"], ioc["executedQty"]) == ("EXPIRED", "10.00000000")
    assert ioc["expiryReason"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
    exchange.place_background(Side.SELL, ask - 1, 100, TimeInForce.GTC)
    _, gtc = await rest.signed("POST", "/order", **taker)
    assert (gtc["status"], gtc["executedQty"]) == ("PARTIALLY_FILLED", "10.00000000")
    assert "expiryReason" not in gtc


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    (LIMIT | {"icebergQty": "5"}, -1013, "Iceberg orders are not supported for this symbol."),
    (LIMIT | {"pegPriceType": "PRIMARY_PEG"}, -1013,
     "Pegged orders are not supported for this symbol."),
    (MARKET | {"quantity": "25", "type": "STOP_LOSS", "stopPrice": "2.9"}, -1013,
     "Stop loss orders are not supported for this symbol."),
    (LIMIT | {"type": "STOP_LOSS_LIMIT", "stopPrice": "2.9"}, -1013,
     "Stop loss limit orders are not supported for this symbol."),
    (MARKET | {"quantity": "25", "type": "TAKE_PROFIT", "stopPrice": "2"}, -1013,
     "Take profit orders are not supported for this symbol."),
    (LIMIT | {"type": "TAKE_PROFIT_LIMIT", "stopPrice": "2"}, -1013,
     "Take profit limit orders are not supported for this symbol."),
    (MARKET | {"quantity": "25", "type": "STOP_LOSS", "trailingDelta": "50"}, -1013,
     "Trailing stop orders are not supported for this symbol."),
    (MARKET | {"quantity": "25", "type": "STOP_LOSS"}, -1102,
     "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!"),
    (MARKET, -1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"),
    (MARKET | {"quantity": "1", "quoteOrderQty": "5"}, -1128,
     "Combination of optional parameters invalid."),
    (MARKET | {"quantity": "25", "timeInForce": "IOC"}, -1106,
     "Parameter 'timeInForce' sent when not required."),
    (MARKET | {"quantity": "25", "price": "2"}, -1106, "Parameter 'price' sent when not required."),
    (MARKET | {"quantity": "25", "icebergQty": "2"}, -1106,
     "Parameter 'icebergQty' sent when not required."),
    (LIMIT | {"stopPrice": "2"}, -1106, "Parameter 'stopPrice' sent when not required."),
    (LIMIT | {"quoteOrderQty": "50"}, -1106, "Parameter 'quoteOrderQty' sent when not required."),
    (LIMIT | {"type": "LIMIT_MAKER"}, -1106, "Parameter 'timeInForce' sent when not required."),
    (LIMIT | {"quantity": "25.000000001"}, -1111, "Parameter 'quantity' has too much precision."),
    (LIMIT | {"quantity": "-25"}, -1100,
     "Illegal characters found in parameter 'quantity'; legal range is "
     r"'^([0-9]{1,20})(\.[0-9]{1,20})?$'."),
    (LIMIT | {"price": ""}, -1102,
     "Mandatory parameter 'price' was not sent, was empty/null, or malformed."),
    (LIMIT | {"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
    (LIMIT | {"type": "OCO"}, -1116, "Invalid orderType."),
    (LIMIT | {"side": "buy"}, -1117, "Invalid side."),
    (LIMIT | {"symbol": "ADAUSDT"}, -1121, "Invalid symbol."),
    (LIMIT | {"newOrderRespType": "LONG"}, -1130,
     "Data sent for parameter 'newOrderRespType' is not valid."),
    (LIMIT | {"selfTradePreventionMode": "MAYBE"}, -1130,
     "Data sent for parameter 'selfTradePreventionMode' is not valid."),
    (LIMIT | {"newClientOrderId": ""}, -1118, "New client order ID was empty."),
    (LIMIT | {"strategyId": "9" * 20}, -1108, "Parameter 'strategyId' overflowed."),
    (LIMIT | {"strategyType": "999999"}, -1134, "`strategyType` was less than 1000000."),
    (LIMIT | {"icebergQty": ""}, -1105, "Parameter 'icebergQty' was empty."),
    (LIMIT | {"pegPriceType": "MY_PEG"}, -1210, "Invalid pegPriceType."),
    (LIMIT | {"pegPriceType": "PRIMARY_PEG", "pegOffsetType": "TICK", "pegOffsetValue": 1}, -1211,
     "Invalid pegOffsetType."),
]  # fmt: skip


@pytest.mark.parametrize(("order", "code", "words"), REFUSED)
async def test_a_refusal_has_its_own_words(
    rest: Rest, api: Client, keys: Keys, order: dict[str, Any], code: int, words: str
) -> None:
    refusal = {"code": code, "msg": words}
    assert await rest.signed("POST", "/order", **order) == (400, refusal)
    reply = await api.request("order.place", keys.params(**order))
    assert (reply["status"], reply["error"]) == (400, refusal)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("oco", "OCO orders are not supported for this symbol"),
        ("otoco", "OTO orders are not supported for this symbol"),
        ("opo", "OPO orders are not supported for this symbol."),
    ],
)
async def test_there_are_no_order_lists(
    rest: Rest, api: Client, keys: Keys, kind: str, words: str
) -> None:
    params = {"symbol": "XRPUSDT", "side": "SELL", "quantity": "5", "aboveType": "LIMIT_MAKER"}
    refusal = {"code": -1013, "msg": words}
    assert await rest.signed("POST", f"/orderList/{kind}", **params) == (400, refusal)
    reply = await api.request(f"orderList.place.{kind}", keys.params(**params))
    assert (reply["error"], len(reply["rateLimits"])) == (refusal, 3)
    for path in ("/openOrderList", "/allOrderList"):
        assert await rest.signed("GET", path) == (200, [])
    _, body = await rest.signed("GET", "/orderList", orderListId=1)
    assert body["code"] == -2013
    _, body = await rest.signed("DELETE", "/orderList", symbol="XRPUSDT", orderListId=1)
    assert body["code"] == -2011


async def test_what_the_customer_calls_his_strategy_comes_back(
    rest: Rest, api: Client, keys: Keys
) -> None:
    await api.request("userDataStream.subscribe.signature", keys.params())
    order = LIMIT | {"strategyId": 7, "strategyType": 1_000_002}
    _, placed = await rest.signed("POST", "/order", **order)
    _, found = await rest.signed("GET", "/order", symbol="XRPUSDT", orderId=placed["orderId"])
    assert (placed["strategyId"], placed["strategyType"]) == (7, 1_000_002)
    assert (found["strategyId"], found["strategyType"]) == (7, 1_000_002)
    told = (await api.until(lambda m: m.get("event", {}).get("x") == "NEW"))["event"]
    assert (told["j"], told["J"]) == (7, 1_000_002)


async def test_a_test_order_tells_commissions_and_asks_no_engine(
    rest: Rest, exchange: Exchange
) -> None:
    _, body = await rest.signed("POST", "/order/test", **LIMIT, computeCommissionRates="true")
    assert body["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    assert set(body) == {
        "standardCommissionForOrder", "specialCommissionForOrder", "taxCommissionForOrder",
        "discount",
    }  # fmt: skip
    rich = LIMIT | {"quantity": "100000"}  # more than there is money for
    assert await rest.signed("POST", "/order/test", **rich) == (200, {})
    assert exchange.orders == {}


@pytest.mark.parametrize("status", ["HALT", "BREAK", "CANCEL_ONLY", "END_OF_DAY"])
async def test_a_closed_market_takes_cancels_only(
    rest: Rest, face: BinanceFace, status: str
) -> None:
    _, placed = await rest.signed("POST", "/order", **LIMIT)
    face.venue.status = status
    for path in ("/order", "/order/test"):
        assert await rest.signed("POST", path, **LIMIT) == (
            400, {"code": -1013, "msg": "Market is closed."},
        )  # fmt: skip
    assert (await rest.get("/exchangeInfo"))[1]["symbols"][0]["status"] == status
    gone = await rest.signed("DELETE", "/order", symbol="XRPUSDT", orderId=placed["orderId"])
    assert (gone[0], gone[1]["status"]) == (200, "CANCELED")
    face.venue.status = "TRADING"
    assert (await rest.signed("POST", "/order", **LIMIT))[0] == 200
    with pytest.raises(ValueError, match="status: one of"):
        face.venue.status = "CLOSED"


# --- self-trade prevention ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "taker", "maker"),
    [
        # executed, prevented, status of both
        ("NONE", ("10.0", None, "FILLED"), ("10.0", None, "PARTIALLY_FILLED")),
        ("EXPIRE_TAKER", ("0.0", "10.0", "EXPIRED_IN_MATCH"), ("0.0", None, "NEW")),
        ("EXPIRE_MAKER", ("0.0", None, "NEW"), ("0.0", "30.0", "EXPIRED_IN_MATCH")),
        ("EXPIRE_BOTH", ("0.0", "10.0", "EXPIRED_IN_MATCH"), ("0.0", "30.0", "EXPIRED_IN_MATCH")),
        ("DECREMENT", ("0.0", "10.0", "EXPIRED_IN_MATCH"), ("0.0", "10.0", "NEW")),
        ("TRANSFER", ("0.0", "10.0", "EXPIRED_IN_MATCH"), ("0.0", "10.0", "NEW")),
    ],
)
async def test_an_order_does_not_trade_with_its_owners(
    rest: Rest,
    api: Client,
    keys: Keys,
    exchange: Exchange,
    mode: str,
    taker: tuple[str, str | None, str],
    maker: tuple[str, str | None, str],
) -> None:
    await api.request("userDataStream.subscribe.signature", keys.params())
    price = text(best(exchange, Side.BUY) + 1)
    resting = LIMIT | {"price": price, "quantity": "30"}
    _, first = await rest.signed("POST", "/order", **resting)
    incoming = LIMIT | {"price": price, "quantity": "10", "side": "SELL"}
    _, second = await rest.signed("POST", "/order", **incoming, selfTradePreventionMode=mode)
    assert second["selfTradePreventionMode"] == mode
    for number, (executed, prevented, status) in (
        (second["orderId"], taker), (first["orderId"], maker),
    ):  # fmt: skip
        _, found = await rest.signed("GET", "/order", symbol="XRPUSDT", orderId=number)
        assert (float(found["executedQty"]), found["status"]) == (float(executed), status)
        shown = found.get("preventedQuantity")
        assert (None if shown is None else float(shown)) == (prevented and float(prevented))
    _, rows = await rest.signed(
        "GET", "/myPreventedMatches", symbol="XRPUSDT", orderId=second["orderId"]
    )
    reports = [event for event in events(api) if event["x"] == "TRADE_PREVENTION"]
    lost = [order for order in (taker, maker) if order[1] is not None]
    assert len(reports) == len(lost)
    if mode == "NONE":
        assert rows == []
        return
    (row,) = rows
    assert (row["takerOrderId"], row["makerOrderId"]) == (second["orderId"], first["orderId"])
    assert (row["price"], row["selfTradePreventionMode"]) == (f"{price}0000", mode)
    number = row["preventedMatchId"]
    by_id = await rest.signed(
        "GET", "/myPreventedMatches", symbol="XRPUSDT", preventedMatchId=number
    )
    assert by_id == (200, rows)
    for report in reports:
        assert (report["v"], report["l"], report["L"], report["t"]) == (
            number, "0.00000000", "0.00000000", -1,
        )  # fmt: skip
        mine, other = (first, second) if report["i"] == first["orderId"] else (second, first)
        assert (report["i"], report["U"]) == (mine["orderId"], other["orderId"])
        assert (report["pL"], report["Cs"]) == (f"{price}0000", "XRPUSDT")
        assert report["A"] == report["B"]
    (match,) = second["preventedMatches"]
    assert (match["preventedMatchId"], match["makerOrderId"]) == (number, first["orderId"])
    for name, (_, prevented, _) in (("taker", taker), ("maker", maker)):
        shown = match.get(f"{name}PreventedQuantity")
        assert (shown is None) == (prevented is None)


async def test_the_default_of_the_symbol_prevents(
    rest: Rest, face: BinanceFace, exchange: Exchange
) -> None:
    face.venue.stp_modes = ("EXPIRE_MAKER",)
    _, placed = await rest.signed("POST", "/order", **LIMIT)
    assert placed["selfTradePreventionMode"] == "EXPIRE_MAKER"
    refused = await rest.signed("POST", "/order", **LIMIT, selfTradePreventionMode="DECREMENT")
    assert refused == (400, {
        "code": -1013,
        "msg": "This symbol does not allow the specified self-trade prevention mode.",
    })  # fmt: skip
    _, info = await rest.get("/exchangeInfo")
    assert info["symbols"][0]["allowedSelfTradePreventionModes"] == ["EXPIRE_MAKER"]


# --- the price-range rule -------------------------------------------------------------------------


async def test_a_taker_stays_in_the_price_range(
    rest: Rest, api: Client, keys: Keys, face: BinanceFace, exchange: Exchange
) -> None:
    await api.request("userDataStream.subscribe.signature", keys.params())
    (first, size), (second, _) = exchange.matching.levels(Side.SELL, 2)
    face.market.reference = (first, 0)
    up = 10**8 * second // first - 1  # the second level is just out of it
    face.venue.price_range = PriceRange(bid_up=up, bid_down=95 * 10**6)
    _, rules = await rest.get("/executionRules", "symbol=XRPUSDT")
    (rule,) = rules["symbolRules"][0]["rules"]
    assert (rule["ruleType"], rule["bidLimitMultDown"]) == ("PRICE_RANGE", "0.95")
    assert "askLimitMultUp" not in rule
    wanted = f"{size // 10 + 5}"
    _, body = await rest.signed(
        "POST", "/order", **LIMIT | {"price": text(second), "quantity": wanted}
    )
    assert (body["status"], body["executedQty"]) == ("EXPIRED", f"{size / 10:.8f}")
    assert body["expiryReason"] == "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"
    assert (body["timeInForce"], body["price"][:6]) == ("GTC", text(second))
    await api.until(lambda m: m.get("event", {}).get("x") == "EXPIRED")
    assert events(api)[-1]["eR"] == "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"
    _, market = await rest.signed("POST", "/order", **MARKET, quantity="20")
    assert (market["status"], market["expiryReason"]) == (
        "EXPIRED", "EXECUTION_RULE_PRICE_RANGE_EXCEEDED",
    )  # fmt: skip
    _, resting = await rest.signed("POST", "/order", **LIMIT)
    assert resting["status"] == "NEW"
    face.market.reference = (None, 0)
    _, free = await rest.signed("POST", "/order", **MARKET, quantity="20")
    assert free["status"] == "FILLED"


async def test_a_rule_bounds_both_directions(
    rest: Rest, face: BinanceFace, exchange: Exchange
) -> None:
    """A best ask below the range is out of bounds as well; sells have bounds of their own."""
    ask, bid = best(exchange, Side.SELL), best(exchange, Side.BUY)
    face.market.reference = (ask * 2, 0)
    face.venue.price_range = PriceRange(bid_down=95 * 10**6, ask_down=95 * 10**6)
    for side, price in (("BUY", ask), ("SELL", bid)):
        order = LIMIT | {"side": side, "price": text(price), "timeInForce": "IOC"}
        _, body = await rest.signed("POST", "/order", **order)
        assert (body["status"], body["executedQty"]) == ("EXPIRED", "0.00000000")
        assert body["expiryReason"] == "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"
    face.venue.price_range = replace(face.venue.price_range, bid_down=None)
    _, body = await rest.signed("POST", "/order", **LIMIT | {"price": text(ask)})
    assert body["status"] == "FILLED"
