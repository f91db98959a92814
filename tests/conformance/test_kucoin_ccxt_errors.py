"""Which exception ccxt makes of each refusal of the mock KuCoin.

ccxt writes amounts and prices with the market's decimals, so what breaks an increment is sent with
its direct calls, which take the venue's own fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import ccxt
import pytest

from support.kucoin_ccxt import REST, SYMBOL, pointed
from support.kucoin_mock import KucoinMock, client_oid
from support.mock_thread import RunningMock
from support.proof import Proof
from xrpfast.model import Side

Refuses = Callable[..., AbstractContextManager[None]]


@pytest.fixture(scope="module")
def exchange(venues: RunningMock) -> Iterator[ccxt.kucoin]:
    client = pointed(ccxt.kucoin, venues["kucoin"])
    client.load_markets()
    yield client
    client.close()


@pytest.fixture
def refuses(proof: Proof) -> Refuses:
    """The block raises this exception of ccxt, which carries these texts."""
    return lambda call, kind, *carried: proof.raises(REST, call, kind, *carried)


# --- who is calling -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "changes", "carried"),
    [
        # A wrong secret spoils the passphrase's own signature too, and that is looked at first.
        ("wrong secret", {"secret": "x" * 36}, ("400004", "Invalid KC-API-PASSPHRASE")),
        ("wrong passphrase", {"password": "wrong"}, ("400004", "Invalid KC-API-PASSPHRASE")),
        ("unknown key", {"apiKey": "0" * 24}, ("400003", "KC-API-KEY not exists.")),
        (
            "bad signature, set in `headers`",
            {"headers": {"KC-API-SIGN": "c2lnbmF0dXJl"}},
            ("400005", "Invalid KC-API-SIGN"),
        ),
    ],
)
def test_credentials(
    kucoin: KucoinMock, refuses: Refuses, what: str, changes: dict[str, Any], carried: Any
) -> None:
    client = pointed(ccxt.kucoin, kucoin.line, **changes)
    with refuses(f"fetch_accounts, {what}", ccxt.AuthenticationError, *carried):
        client.fetch_accounts()
    client.close()


def test_a_stale_timestamp(exchange: ccxt.kucoin, kucoin: KucoinMock, refuses: Refuses) -> None:
    with (
        kucoin.clock_ahead(60),
        refuses(
            "fetch_accounts, stale timestamp",
            ccxt.InvalidNonce,
            "400002",
            "Invalid KC-API-TIMESTAMP",
        ),
    ):
        exchange.fetch_accounts()
    assert exchange.fetch_accounts()


# --- orders that break a rule ---------------------------------------------------------------------


def fields(kucoin: KucoinMock, **changes: str) -> dict[str, str]:
    """An order in the venue's own words; an empty change takes a field out."""
    wish = {
        "clientOid": client_oid(),
        "symbol": "XRP-USDT",
        "side": "buy",
        "type": "limit",
        "price": str(kucoin.best(Side.BUY)[0]),
        "size": "10",
    } | changes
    return {name: value for name, value in wish.items() if value}


@pytest.mark.parametrize(
    ("rule", "changes", "kind", "carried"),
    [
        (
            "priceIncrement",
            {"price": "2.3000001"},
            # The code alone is known to ccxt, under another meaning.
            ccxt.InsufficientFunds,
            ("600100", "price increment invalid"),
        ),
        (
            "baseIncrement",
            {"size": "10.00001"},
            ccxt.InvalidOrder,
            ("600100", "Order size increment invalid."),
        ),
        (
            "baseMinSize",
            {"size": "0.01"},
            ccxt.InvalidOrder,
            ("400100", "Order size below the minimum requirement."),
        ),
        (
            "baseMaxSize",
            {"size": "10000000001"},
            ccxt.BadRequest,
            ("400100", "exceeds the maximum limit"),
        ),
        (
            "minFunds",
            {"price": "0.5", "size": "0.1"},
            ccxt.InvalidOrder,
            ("600101", "The order funds should more then 0.1 USDT."),
        ),
        (
            "quoteIncrement",
            {"type": "market", "price": "", "size": "", "funds": "10.000001"},
            ccxt.InsufficientFunds,
            ("600100", "funds increment invalid"),
        ),
        (
            "quoteMinSize",
            {"type": "market", "price": "", "size": "", "funds": "0.01"},
            ccxt.InvalidOrder,
            ("600101", "should more then 0.1 USDT"),
        ),
        (
            "quoteMaxSize",
            {"type": "market", "price": "", "size": "", "funds": "100000000"},
            ccxt.BadRequest,
            ("400100", "not in the given range"),
        ),
        (
            "balance",
            {"size": "900000"},
            ccxt.InsufficientFunds,
            ("200004", "Balance insufficient!"),
        ),
        (
            "unknown symbol",
            {"symbol": "NO-SUCH"},
            ccxt.ExchangeError,
            ("900001", "symbol not exists"),
        ),
    ],
)
def test_order_rules(
    exchange: ccxt.kucoin,
    kucoin: KucoinMock,
    refuses: Refuses,
    rule: str,
    changes: dict[str, str],
    kind: type[Exception],
    carried: tuple[str, ...],
) -> None:
    before = kucoin.balances()
    with refuses(f"privatePostHfOrders, {rule}", kind, *carried):
        exchange.privatePostHfOrders(fields(kucoin, **changes))
    assert kucoin.balances() == before


def test_the_unified_call_refuses_as_well(
    exchange: ccxt.kucoin, kucoin: KucoinMock, refuses: Refuses
) -> None:
    price = float(kucoin.best(Side.BUY)[0])
    with refuses("create_order, balance", ccxt.InsufficientFunds, "200004", "insufficient!"):
        exchange.create_order(SYMBOL, "limit", "buy", 900_000, price)
    with refuses("create_order, unsupported type", ccxt.BadRequest, "400100", "not supported"):
        exchange.create_order(SYMBOL, "trailing", "buy", 10, price)
    with refuses("create_order, trigger order", ccxt.BadRequest, "400100", "not supported"):
        exchange.create_order(SYMBOL, "limit", "buy", 10, price, {"triggerPrice": 2.0})


def test_a_client_oid_twice(exchange: ccxt.kucoin, kucoin: KucoinMock, refuses: Refuses) -> None:
    price, name = float(kucoin.best(Side.BUY)[0]), client_oid()
    exchange.create_order(SYMBOL, "limit", "buy", 10, price, {"clientOrderId": name})
    with refuses(
        "create_order, duplicate clientOid", ccxt.BadRequest, "400100", "clientOidDuplicated"
    ):
        exchange.create_order(SYMBOL, "limit", "buy", 10, price, {"clientOrderId": name})
    exchange.cancel_all_orders(SYMBOL)


def test_an_unknown_order(exchange: ccxt.kucoin, refuses: Refuses) -> None:
    unknown = "0123456789abcdef01234567"
    with refuses("cancel_order, unknown", ccxt.OrderNotFound, "order_not_exist_or_not_allow"):
        exchange.cancel_order(unknown, SYMBOL)
    with refuses("fetch_order, unknown", ccxt.OrderNotFound, "order_not_exist"):
        exchange.fetch_order(unknown, SYMBOL)


# --- rate limits ----------------------------------------------------------------------------------


def test_the_quota_is_told_and_kept(
    exchange: ccxt.kucoin, kucoin: KucoinMock, proof: Proof, refuses: Refuses
) -> None:
    with kucoin.spot_pool_left(3) as limit:
        exchange.fetch_open_orders(SYMBOL)
        proof.check(
            REST,
            "last_response_headers",
            lower(exchange.last_response_headers),
            {
                "gw-ratelimit-limit": str(limit),
                "gw-ratelimit-remaining": "1",
                "gw-ratelimit-reset": lambda ms: 0 < int(ms) <= 30_000,
            },
        )
        with refuses(
            "fetch_open_orders, pool exhausted",
            ccxt.RateLimitExceeded,
            "429000",
            "Too many requests",
        ):
            exchange.fetch_open_orders(SYMBOL)


def test_an_overloaded_venue(exchange: ccxt.kucoin, kucoin: KucoinMock, refuses: Refuses) -> None:
    with kucoin.overloaded():
        with refuses(
            "fetch_time, overload, without quota headers",
            ccxt.RateLimitExceeded,
            "429000",
            "System-level rate limit exceeded",
        ):
            exchange.fetch_time()
        assert "gw-ratelimit-limit" not in lower(exchange.last_response_headers)
    assert exchange.fetch_time()


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
