"""ccxt's KuCoin, pointed at a mock: nothing but its URLs and keys is set."""

from __future__ import annotations

from typing import Any, TypeVar

ExchangeT = TypeVar("ExchangeT")
SYMBOL = "XRP/USDT"


def pointed(kind: type[ExchangeT], line: dict[str, Any], **changes: Any) -> ExchangeT:
    """A ``ccxt.kucoin`` of any flavour; ``changes`` are entries of its public configuration."""
    exchange: Any = kind(
        {
            "apiKey": line["api_key"],
            "secret": line["api_secret"],
            "password": line["passphrase"],
        }
        | changes
    )
    for name, url in exchange.urls["api"].items():
        if isinstance(url, str):
            exchange.urls["api"][name] = line["rest_url"]
    return exchange  # type: ignore[no-any-return]
