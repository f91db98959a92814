"""Order lists: this symbol has none, so they are refused in the venue's words and never found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from xrpfast.simulation.binance import errors
from xrpfast.simulation.binance.call import Call, Endpoint
from xrpfast.simulation.binance.errors import BinanceError

REFUSALS: Final = {
    "oco": "OCO orders are not supported for this symbol",
    "oto": "OTO orders are not supported for this symbol",
    "otoco": "OTO orders are not supported for this symbol",
    "opo": "OPO orders are not supported for this symbol.",
    "opoco": "OPO orders are not supported for this symbol.",
}


def _refuse(kind: str) -> Callable[[Call], Any]:
    def refuse(call: Call) -> Any:
        call.check_symbol()
        call.params.take_all()
        raise errors.message(REFUSALS[kind])

    return refuse


def _none(call: Call) -> list[Any]:
    call.params.take_all()
    return []


def _not_found(call: Call) -> Any:
    call.params.take_all()
    raise BinanceError(400, -2013, "Order list does not exist.")


def _nothing_to_cancel(call: Call) -> Any:
    call.check_symbol()
    call.params.take_all()
    raise errors.no_cancel()


def _place(kind: str, rest: str, ws: str) -> Endpoint:
    return Endpoint(rest=rest, ws=ws, handle=_refuse(kind), signed=True, free=True, orders=True)


ENDPOINTS: Final = (
    _place("oco", "POST /order/oco", "orderList.place"),
    *(_place(kind, f"POST /orderList/{kind}", f"orderList.place.{kind}") for kind in REFUSALS),
    Endpoint(
        rest="DELETE /orderList", ws="orderList.cancel", handle=_nothing_to_cancel, signed=True,
        free=True,
    ),
    Endpoint(
        rest="GET /orderList", ws="orderList.status", handle=_not_found, signed=True, weight=4
    ),
    Endpoint(
        rest="GET /openOrderList", ws="openOrderLists.status", handle=_none, signed=True, weight=6
    ),
    Endpoint(
        rest="GET /allOrderList", ws="allOrderLists", handle=_none, signed=True, weight=20
    ),
)  # fmt: skip
