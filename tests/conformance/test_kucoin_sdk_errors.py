"""How KuCoin's own SDK tells of the mock venue's refusals.

It raises one type, `RestError`. It parses a refusal that came with HTTP 200, and hands on the text
of one with any other status.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import kucoin_universal_sdk.generate.account.account as account_api
import kucoin_universal_sdk.generate.spot.market as market_api
import kucoin_universal_sdk.generate.spot.order as api
import pytest
from kucoin_universal_sdk.model import Interceptor, RestError

from support.kucoin_mock import KucoinMock, client_oid
from support.kucoin_sdk import REST, SYMBOL, Sdk
from support.proof import Proof
from xrpfast.model import Side

Refuses = Callable[..., AbstractContextManager[None]]


@pytest.fixture
def refuses(proof: Proof) -> Refuses:
    """The block raises the SDK's exception, which carries these texts."""
    return lambda call, *carried: proof.raises(REST, call, RestError, *carried)


def accounts(sdk: Sdk) -> Any:
    return sdk.account.get_spot_account_list(account_api.GetSpotAccountListReq())


# --- who is calling -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "changes", "code", "text"),
    [
        # A wrong secret spoils the passphrase's own signature too, and that is looked at first.
        ("wrong secret", {"api_secret": "x" * 36}, "400004", "Invalid KC-API-PASSPHRASE"),
        ("wrong passphrase", {"passphrase": "wrong"}, "400004", "Invalid KC-API-PASSPHRASE"),
        ("unknown key", {"api_key": "0" * 24}, "400003", "KC-API-KEY not exists."),
    ],
)
def test_credentials(
    kucoin: KucoinMock, refuses: Refuses, what: str, changes: dict[str, str], code: str, text: str
) -> None:
    with refuses(f"get_spot_account_list, {what}", code, text):
        accounts(Sdk(kucoin.line, **changes))


class Meddler(Interceptor):
    """Changes a request on its way, after it was signed."""

    def before(self, req: Any) -> Any:
        req.prepare_url(req.url, {"currency": "XRP"})
        return req

    def after(self, req: Any, resp: Any, err: Exception | None) -> Any:
        return resp


def test_a_bad_signature(kucoin: KucoinMock, refuses: Refuses) -> None:
    sdk = Sdk(kucoin.line, interceptors=[Meddler()])
    with refuses(
        "get_spot_account_list, changed by an interceptor after it was signed",
        "400005",
        "Invalid KC-API-SIGN",
    ):
        accounts(sdk)


def test_a_stale_timestamp(sdk: Sdk, kucoin: KucoinMock, refuses: Refuses) -> None:
    with (
        kucoin.clock_ahead(60),
        refuses("get_spot_account_list, stale timestamp", "400002", "Invalid KC-API-TIMESTAMP"),
    ):
        accounts(sdk)
    assert accounts(sdk).data


# --- orders that break a rule ---------------------------------------------------------------------


def wish(kucoin: KucoinMock, **changes: Any) -> dict[str, Any]:
    price = kucoin.best(Side.BUY)[0] - kucoin.best(Side.BUY)[0] % 1
    return {
        "client_oid": client_oid(),
        "symbol": SYMBOL,
        "side": "buy",
        "type": "limit",
        "price": str(price),
        "size": "10",
    } | changes


@pytest.mark.parametrize(
    ("rule", "changes", "carried"),
    [
        ("priceIncrement", {"price": "2.3000001"}, ("600100", "price increment invalid")),
        ("baseIncrement", {"size": "10.00001"}, ("600100", "Order size increment invalid.")),
        ("baseMinSize", {"size": "0.01"}, ("400100", "below the minimum requirement")),
        ("baseMaxSize", {"size": "10000000001"}, ("400100", "exceeds the maximum limit")),
        ("minFunds", {"price": "0.5", "size": "0.1"}, ("600101", "should more then 0.1 USDT")),
        ("balance", {"price": "2.3", "size": "900000"}, ("200004", "Balance insufficient!")),
        ("unknown symbol", {"symbol": "NO-SUCH"}, ("900001", "symbol not exists")),
    ],
)
def test_limit_order_rules(
    sdk: Sdk,
    kucoin: KucoinMock,
    refuses: Refuses,
    rule: str,
    changes: dict[str, str],
    carried: tuple[str, str],
) -> None:
    before = kucoin.balances()
    with refuses(f"add_order, {rule}", *carried):
        sdk.order.add_order(api.AddOrderReq(**wish(kucoin, **changes)))
    assert kucoin.balances() == before


@pytest.mark.parametrize(
    ("rule", "size", "carried"),
    [
        ("quoteIncrement", {"funds": "10.000001"}, ("600100", "funds increment invalid")),
        ("quoteMinSize", {"funds": "0.01"}, ("600101", "should more then 0.1 USDT")),
        ("quoteMaxSize", {"funds": "100000000"}, ("400100", "funds not in the given range!")),
        ("size and funds", {"funds": "10", "size": "10"}, ("400100",)),
        ("baseMinSize", {"size": "0.01"}, ("400100", "below the minimum requirement")),
    ],
)
def test_market_order_rules(
    sdk: Sdk, refuses: Refuses, rule: str, size: dict[str, str], carried: tuple[str, ...]
) -> None:
    order = {"client_oid": client_oid(), "symbol": SYMBOL, "side": "buy", "type": "market"} | size
    with refuses(f"add_order market, {rule}", *carried):
        sdk.order.add_order(api.AddOrderReq(**order))


def test_a_client_oid_twice(sdk: Sdk, kucoin: KucoinMock, refuses: Refuses) -> None:
    order = api.AddOrderReq(**wish(kucoin))
    sdk.order.add_order(order)
    with refuses("add_order, duplicate clientOid", "400100", "clientOidDuplicated"):
        sdk.order.add_order(order)
    sdk.order.cancel_all_orders()
    with refuses("add_order, duplicate clientOid of an order that ended", "clientOidDuplicated"):
        sdk.order.add_order(order)


def test_order_types_that_are_not_served(
    sdk: Sdk, kucoin: KucoinMock, refuses: Refuses, proof: Proof
) -> None:
    proof.cannot(
        REST,
        "add_order, unsupported type",
        "it sends `limit` and `market` only; stop orders have calls of their own",
        because={kind.value for kind in api.AddOrderReq.TypeEnum} == {"limit", "market"},
    )
    with refuses("add_stop_order", "400100", "Order type stop is not supported."):
        sdk.order.add_stop_order(
            api.AddStopOrderReq(**wish(kucoin, stop_price="2", client_oid=client_oid()))
        )
    with refuses("add_order, iceberg", "400100"):
        sdk.order.add_order(api.AddOrderReq(**wish(kucoin, iceberg=True, visible_size="1")))


def test_an_unknown_order(sdk: Sdk, refuses: Refuses) -> None:
    name = {"symbol": SYMBOL, "order_id": "0123456789abcdef01234567"}
    with refuses("cancel_order_by_order_id, unknown", "400100", "order_not_exist_or_not_allow"):
        sdk.order.cancel_order_by_order_id(api.CancelOrderByOrderIdReq(**name))
    with refuses("cancel_order_by_client_oid_sync, unknown", "order_not_exist_or_not_allow"):
        sdk.order.cancel_order_by_client_oid_sync(
            api.CancelOrderByClientOidSyncReq(symbol=SYMBOL, client_oid="never")
        )
    with refuses("get_order_by_order_id, unknown", "order_not_exist"):
        sdk.order.get_order_by_order_id(api.GetOrderByOrderIdReq(**name))


def test_a_done_order_cannot_be_cancelled(sdk: Sdk, kucoin: KucoinMock, refuses: Refuses) -> None:
    done = sdk.order.add_order(
        api.AddOrderReq(**wish(kucoin, price=str(kucoin.best(Side.SELL)[0])))
    )
    with refuses("cancel_order_by_order_id, done", "400100", "order_not_exist_or_not_allow"):
        sdk.order.cancel_order_by_order_id(
            api.CancelOrderByOrderIdReq(symbol=SYMBOL, order_id=done.order_id)
        )


# --- rate limits ----------------------------------------------------------------------------------


def test_the_quota_is_told_and_kept(
    sdk: Sdk, kucoin: KucoinMock, proof: Proof, refuses: Refuses
) -> None:
    request = api.GetOpenOrdersReq(symbol=SYMBOL)
    with kucoin.spot_pool_left(3) as limit:
        reply = sdk.order.get_open_orders(request)
        proof.check(
            REST,
            "common_response.rate_limit",
            reply.common_response.rate_limit,
            {"limit": limit, "remaining": 1, "reset": lambda ms: 0 < ms <= 30_000},
        )
        with refuses("get_open_orders, pool exhausted", "429000", "Too many requests"):
            sdk.order.get_open_orders(request)


def test_an_overloaded_venue(sdk: Sdk, kucoin: KucoinMock, refuses: Refuses) -> None:
    request = market_api.GetTickerReq(symbol=SYMBOL)
    with (
        kucoin.overloaded(),
        refuses("get_ticker, overload", "429000", "System-level rate limit exceeded"),
    ):
        sdk.market.get_ticker(request)
    assert sdk.market.get_ticker(request).sequence
