"""The market-data queries as endpoints of REST and the WebSocket API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from xrpfast.simulation.binance import market_data
from xrpfast.simulation.binance.call import Call, Endpoint
from xrpfast.simulation.binance.params import Params


def _endpoint(query: market_data.Call) -> Endpoint:
    return Endpoint(
        rest=f"GET {query.path}", ws=query.method, handle=_handle(query), weight=_weight(query)
    )


def _handle(query: market_data.Call) -> Callable[[Call], Any]:
    return lambda call: query.answer(call.venue.market, call.params.everything(), call.wire.unit_ns)


def _weight(query: market_data.Call) -> Callable[[Params], int]:
    return lambda params: query.weight(params.values)


ENDPOINTS: Final = tuple(_endpoint(query) for query in market_data.CALLS)
