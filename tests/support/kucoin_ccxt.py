"""ccxt's KuCoin, pointed at a mock: nothing but its URLs and keys is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from support.mock_thread import PATIENCE
from support.proof import Client

ExchangeT = TypeVar("ExchangeT")
SYMBOL = "XRP/USDT"
REST = Client("KuCoin", "ccxt", "REST", "every REST address in `urls['api']`; `timeout` 30 s")
PRO = Client(
    "KuCoin",
    "ccxt",
    "pro",
    "every REST address in `urls['api']`; the token that it fetches there names the socket; "
    "`timeout` 30 s",
)


def pointed(kind: type[ExchangeT], line: Mapping[str, Any], **changes: Any) -> ExchangeT:
    """A ``kucoin`` of any flavour of ccxt; ``changes`` are entries of its public configuration."""
    keys = {"apiKey": "api_key", "secret": "api_secret", "password": "passphrase"}
    patient = {"timeout": int(PATIENCE * 1_000)}
    exchange: Any = kind({mine: line[its] for mine, its in keys.items()} | patient | changes)
    for name, url in exchange.urls["api"].items():
        if isinstance(url, str):
            exchange.urls["api"][name] = line["rest_url"]
    return exchange  # type: ignore[no-any-return]
