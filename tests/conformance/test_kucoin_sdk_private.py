"""The private push socket, read by the venue's own SDK: orders and money from place to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import kucoin_universal_sdk.generate.spot.order as api
import pytest
from kucoin_universal_sdk.generate.spot.spot_private.ws_spot_private import SpotPrivateWS

from support.expect import positive, some
from support.inbox import Inbox
from support.kucoin_mock import KucoinMock, client_oid
from support.kucoin_sdk import PRIVATE, SYMBOL, Sdk, by_id, settle, wire
from support.mock_thread import RunningMock
from support.proof import Proof
from xrpfast.model import Side

TEN = Decimal(10)
NONE = Decimal(0)
Frame = dict[str, Any]


class Streams:
    """The three private topics of one socket, and what came from each."""

    def __init__(self, service: SpotPrivateWS) -> None:
        self.orders, self.old_orders, self.balances = Inbox(), Inbox(), Inbox()
        service.order_v2(_into(self.orders))
        service.order_v1(_into(self.old_orders))
        service.account(_into(self.balances))

    def life_of(self, name: str, end: str, inbox: Inbox | None = None) -> list[Frame]:
        """The events of one order up to the one of type ``end``."""
        inbox = inbox or self.orders
        inbox.until(lambda e: e["clientOid"] == name and e["type"] == end, f"{end} of {name}")
        return [event for event in inbox.seen() if event["clientOid"] == name]


def _into(inbox: Inbox) -> Callable[[str, str, Any], None]:
    return lambda topic, subject, event: inbox.put(
        wire(event) | {"topic": topic, "subject": subject}
    )


@pytest.fixture(scope="module")
def streams(venues: RunningMock) -> Iterator[Streams]:
    """One socket for the file: the SDK takes two seconds to end one."""
    service = Sdk(venues["kucoin"]).sockets.new_spot_private_ws()
    service.start()
    yield Streams(service)
    settle()
    service.stop()


def place(sdk: Sdk, side: str, **fields: Any) -> Any:
    wish = {"client_oid": client_oid(), "symbol": SYMBOL, "side": side, "type": "limit"} | fields
    return sdk.order.add_order(api.AddOrderReq(**wish))


def test_a_resting_order_that_is_filled_in_two(
    streams: Streams, sdk: Sdk, kucoin: KucoinMock, proof: Proof
) -> None:
    price = kucoin.own_best(Side.BUY)
    placed = place(sdk, "buy", price=str(price), size="10")
    kucoin.counterparty(Side.SELL, price, Decimal(4))
    kucoin.counterparty(Side.SELL, price, Decimal(6))
    life = streams.life_of(placed.client_oid, "filled")
    assert [(event["type"], event["status"]) for event in life] == [
        ("received", "new"),
        ("open", "open"),
        ("match", "open"),
        ("match", "open"),
        ("filled", "done"),
    ]
    everywhere = {
        "topic": "/spotMarket/tradeOrdersV2",
        "subject": "orderChange",
        "orderId": placed.order_id,
        "symbol": SYMBOL,
        "orderType": "limit",
        "side": "buy",
        "price": price,
        "originSize": TEN,
        "orderTime": lambda ms: 10**12 < ms < 10**13,
        "ts": lambda ns: ns > 10**18,
    }
    received, opened, first, second, filled = life
    proof.check(PRIVATE, "order_v2 received", received, everywhere)
    proof.check(
        PRIVATE,
        "order_v2 open",
        opened,
        everywhere | {"size": TEN, "filledSize": NONE, "remainSize": TEN, "canceledSize": NONE},
    )
    match = everywhere | {
        "matchPrice": price,
        "liquidity": "maker",
        "feeType": "makerFee",
        "tradeId": lambda number: int(number) > 2**53,
    }
    proof.check(
        PRIVATE,
        "order_v2 match, maker",
        first,
        match | {"matchSize": Decimal(4), "filledSize": Decimal(4), "remainSize": Decimal(6)},
    )
    proof.check(
        PRIVATE,
        "order_v2 match, maker",
        second,
        match | {"matchSize": Decimal(6), "filledSize": TEN, "remainSize": NONE},
    )
    proof.check(
        PRIVATE,
        "order_v2 filled",
        filled,
        everywhere | {"filledSize": TEN, "remainSize": NONE, "canceledSize": NONE},
    )
    assert [e["ts"] for e in life] == sorted(e["ts"] for e in life)
    assert first["tradeId"] != second["tradeId"]


def test_the_older_topic_leaves_received_out(
    streams: Streams, sdk: Sdk, kucoin: KucoinMock, proof: Proof
) -> None:
    placed = place(sdk, "sell", price=str(kucoin.best(Side.BUY)[0]), size="10")
    life = streams.life_of(placed.client_oid, "filled", streams.old_orders)
    proof.check(
        PRIVATE,
        "order_v1",
        life,
        {
            "": lambda events: [event["type"] for event in events] == ["match", "filled"],
            "0.topic": "/spotMarket/tradeOrders",
            "0.orderId": placed.order_id,
            "0.matchSize": TEN,
            "0.liquidity": "taker",
            "1.filledSize": TEN,
        },
    )


def test_a_taker(streams: Streams, sdk: Sdk, kucoin: KucoinMock, proof: Proof) -> None:
    bid, _ = kucoin.best(Side.BUY)
    placed = place(sdk, "sell", price=str(bid), size="10")
    life = streams.life_of(placed.client_oid, "filled")
    assert [(event["type"], event["status"]) for event in life] == [
        ("received", "new"),
        ("match", "match"),
        ("filled", "done"),
    ]
    proof.check(
        PRIVATE,
        "order_v2 match, taker",
        life[1],
        {
            "matchPrice": bid,
            "matchSize": TEN,
            "filledSize": TEN,
            "remainSize": NONE,
            "liquidity": "taker",
            "feeType": "takerFee",
            "tradeId": some,
        },
    )


def test_a_cancel(streams: Streams, sdk: Sdk, kucoin: KucoinMock, proof: Proof) -> None:
    placed = place(sdk, "buy", price=str(kucoin.best(Side.BUY)[0] - 1), size="10")
    sdk.order.cancel_order_by_order_id(api.CancelOrderByOrderIdReq(**by_id(placed)))
    life = streams.life_of(placed.client_oid, "canceled")
    assert [event["type"] for event in life] == ["received", "open", "canceled"]
    proof.check(
        PRIVATE,
        "order_v2 canceled",
        life[-1],
        {
            "status": "done",
            "originSize": TEN,
            "filledSize": NONE,
            "remainSize": NONE,
            "canceledSize": TEN,
        },
    )


def test_a_partial_cancel(streams: Streams, sdk: Sdk, kucoin: KucoinMock, proof: Proof) -> None:
    placed = place(sdk, "buy", price=str(kucoin.best(Side.BUY)[0] - 1), size="10")
    sdk.order.cancel_partial_order(api.CancelPartialOrderReq(**by_id(placed), cancel_size="4"))
    life = streams.life_of(placed.client_oid, "update")
    proof.check(
        PRIVATE,
        "order_v2 update",
        life[-1],
        {
            "status": "open",
            "oldSize": TEN,
            "size": Decimal(6),
            "originSize": TEN,
            "remainSize": Decimal(6),
            "canceledSize": Decimal(4),
        },
    )
    sdk.order.cancel_all_orders()


def test_an_order_whose_time_is_up(
    streams: Streams, sdk: Sdk, kucoin: KucoinMock, proof: Proof
) -> None:
    price = str(kucoin.best(Side.BUY)[0] - 1)
    placed = place(sdk, "buy", price=price, size="10", time_in_force="GTT", cancel_after=1)
    life = streams.life_of(placed.client_oid, "canceled")
    proof.check(
        PRIVATE,
        "order_v2 canceled, GTT after its second",
        life[-1] | {"lived": (life[-1]["ts"] - life[0]["ts"]) / 10**9},
        {"status": "done", "canceledSize": TEN, "lived": lambda seconds: 0.9 <= seconds < 10},
    )


def test_market_orders(streams: Streams, sdk: Sdk, kucoin: KucoinMock, proof: Proof) -> None:
    by_size = place(sdk, "sell", type="market", size="10")
    life = streams.life_of(by_size.client_oid, "filled")
    assert [event["type"] for event in life] == ["received", "match", "filled"]
    proof.check(
        PRIVATE,
        "order_v2, market by size",
        life[-1],
        {
            "orderType": "market",
            "status": "done",
            "originSize": TEN,
            "filledSize": TEN,
            "canceledSize": NONE,
            "": lambda event: "price" not in event,
        },
    )
    by_funds = place(sdk, "buy", type="market", funds="25")
    life = streams.life_of(by_funds.client_oid, "canceled")
    assert [event["type"] for event in life] == ["received", "match", "canceled"]
    proof.check(
        PRIVATE,
        "order_v2, market by funds",
        life[-1],
        {"status": "done", "filledSize": positive, "remainSize": NONE, "remainFunds": NONE},
    )


def test_money_follows_the_order(
    streams: Streams, sdk: Sdk, kucoin: KucoinMock, proof: Proof
) -> None:
    sdk.order.cancel_all_orders()
    free = kucoin.balances()["USDT"][0]
    price = kucoin.own_best(Side.BUY)
    placed = place(sdk, "buy", price=str(price), size="10")
    held = price * TEN * Decimal("1.001")

    def of_order(event: Frame) -> bool:
        return event.get("relationContext", {}).get("orderId") == placed.order_id

    hold = streams.balances.until(of_order, "hold")
    proof.check(
        PRIVATE,
        "account, hold",
        hold,
        {
            "topic": "/account/balance",
            "subject": "account.balance",
            "currency": "USDT",
            "accountId": some,
            "total": free,
            "available": free - held,
            "hold": held,
            "availableChange": -held,
            "holdChange": held,
            "relationEvent": lambda name: name.endswith(".hold"),
            "relationContext.symbol": SYMBOL,
            "time": lambda ms: int(ms) > 10**12,
        },
    )
    kucoin.counterparty(Side.SELL, price, TEN)

    def settled(currency: str) -> Frame:
        frame: Frame = streams.balances.until(
            lambda event: (
                of_order(event)
                and event["currency"] == currency
                and event["relationEvent"].endswith(".setted")
            ),
            f"settlement in {currency}",
        )
        return frame

    proof.check(
        PRIVATE,
        "account, settlement",
        settled("XRP"),
        {
            "availableChange": TEN,
            "available": kucoin.balances()["XRP"][0],
            "relationContext.symbol": SYMBOL,
        },
    )
    proof.check(
        PRIVATE,
        "account, settlement",
        settled("USDT"),
        {"available": kucoin.balances()["USDT"][0], "hold": NONE, "holdChange": -held},
    )
    assert kucoin.balances()["USDT"] == (free - held, NONE)
