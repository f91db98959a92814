"""The mock venues of one case: what is put there, what is spoiled, and what they have."""

from __future__ import annotations

from typing import Any, Final

import aiohttp

from xrpfast.records.compare import TERMINAL
from xrpfast.service.demo import post

VENUES: Final = ("binance", "kucoin")
PRICE: Final = "2.25"
"""Of a bid that nobody trades with, below what the mock's market is at. Not far below: for a moment
without another bid it is the best one, and what the engine holds is valued at it."""
OTHERS: Final = "by-hand-1"
STRAYS: Final = 3
"""Orders of ours at each venue that the engine does not know."""
CREATES: Final = {"binance": "order.place", "kucoin": "spot.*order"}
CANCELS: Final = {
    "binance": ("order.cancel", "DELETE /api/v3/order"),
    "kucoin": ("spot.*cancel", "DELETE /api/v1/hf/orders/client-order/*"),
}
_LIMITED: Final[dict[str, dict[str, Any]]] = {
    "binance": {
        "code": -1003, "msg": "Too many requests", "headers": {"Retry-After": "1"},
        "data": {"serverTime": 1_000, "retryAfter": 2_000},
    },
    "kucoin": {
        "code": "429000", "msg": "Too many requests",
        "headers": {"gw-ratelimit-remaining": "0", "gw-ratelimit-reset": "1000"},
    },
}  # fmt: skip

Rule = dict[str, Any]
Order = dict[str, Any]


class MockAccount:
    """The account at both venues, by their control port."""

    def __init__(self, http: aiohttp.ClientSession, line: dict[str, Any], prefix: str) -> None:
        """``line``: the mock's first. ``prefix``: of the engine's client order ids."""
        self._http = http
        self._line = line
        self._url = line["control_url"]
        self._prefix = prefix

    # --- done to them -----------------------------------------------------------------------------

    async def rule(self, rule: Rule) -> None:
        await post(self._http, self._line, "/rules", rule)

    async def market(self, *, running: bool) -> None:
        await post(self._http, self._line, "/market", {"running": running})

    async def heal(self) -> None:
        """Ends every rule."""
        async with self._http.delete(f"{self._url}/rules") as reply:
            reply.raise_for_status()

    async def others(self) -> None:
        """An order of somebody else at each venue. Before the engine starts: KuCoin's
        dead-connection protection would take it with ours, and the engine leaves that off then."""
        for venue in VENUES:
            await self._rests(venue, OTHERS)

    async def strays(self) -> None:
        """Orders of ours that the engine does not know of."""
        for venue in VENUES:
            for number in range(STRAYS):
                await self._rests(venue, self._stray(number))

    async def hold(self) -> None:
        """The next order of the engine at each venue stays there, accepted and never answered."""
        for venue in VENUES:
            await self.rule(
                {"venue": venue, "channel": "ws", "point": "after_accept_before_reply",
                 "action": "drop", "params": {"match_after_ms": 600_000},
                 "match": {"route": CREATES[venue], "times": 1}}
            )  # fmt: skip

    async def refuse_orders(self, venue: str) -> None:
        await self.rule(
            {"venue": venue, "channel": "ws", "action": "reply",
             "match": {"route": CREATES[venue]},
             "params": {"code": "300000", "msg": "order refused"}}
        )  # fmt: skip

    async def refuse_cancels(self, answer: Rule, *, limited: bool = False) -> None:
        """The next cancels there get this answer, however often they are sent."""
        for venue in VENUES:
            more = _LIMITED[venue] if limited else {}
            for route in CANCELS[venue]:
                await self.rule(_refusal(venue, route, answer | more))

    async def _rests(self, venue: str, client_id: str) -> None:
        params = {"side": "buy", "price": PRICE, "qty": "20", "client_id": client_id}
        await self.rule(
            {"venue": venue, "channel": "venue", "action": "foreign_order", "params": params}
        )

    def _stray(self, number: int) -> str:
        return f"{self._prefix}1-zz{number}a"

    # --- what they have -------------------------------------------------------------------------

    async def truth(self) -> dict[str, list[Order]]:
        """Every order of the account that each venue ever had."""
        async with self._http.get(f"{self._url}/ledger") as reply:
            reply.raise_for_status()
            said = (await reply.json())["venues"]
        return {venue: found["orders"] for venue, found in said.items()}

    async def of_engine(self) -> list[Order]:
        """Those that an engine sent."""
        strays = {self._stray(number) for number in range(STRAYS)}
        return [
            order
            for orders in (await self.truth()).values()
            for order in orders
            if order["client_id"].startswith(self._prefix) and order["client_id"] not in strays
        ]

    async def held(self) -> bool:
        """Whether an order of the engine works at each venue."""
        strays = {self._stray(number) for number in range(STRAYS)}
        return all(
            any(client_id not in strays for client_id in working(orders, self._prefix))
            for orders in (await self.truth()).values()
        )

    async def left(self) -> list[str]:
        """What must not be: a line for each venue where one of ours works, or the order of others
        does not."""
        found = []
        for venue, orders in (await self.truth()).items():
            ours = working(orders, self._prefix)
            if ours:
                found.append(f"{venue}: still works: {', '.join(ours[:3])}")
            if OTHERS not in working(orders, OTHERS):
                found.append(f"{venue}: the order of others was touched")
        return found


def working(orders: list[Order], prefix: str) -> list[str]:
    """Client ids with this prefix that work there."""
    return [
        order["client_id"]
        for order in orders
        if order["client_id"].startswith(prefix) and order["state"] not in TERMINAL
    ]


def _refusal(venue: str, route: str, answer: Rule) -> Rule:
    rest = route.startswith("DELETE")
    if not rest:
        answer = {key: value for key, value in answer.items() if key not in ("headers", "body")}
    return {
        "venue": venue, "channel": "rest" if rest else "ws", "action": "reply", "params": answer,
        "match": {"route": route, "times": 3},
    }  # fmt: skip
