"""What a mock venue remembers does not grow with what happens there."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import pytest

from xrpfast.model import MONEY_ONE, Side, TimeInForce
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.history import Numbered
from xrpfast.simulation.orders import NewOrder
from xrpfast.simulation.worlds import BINANCE, KUCOIN, customer

KEEP = 50
ROUND = 400


def trade(exchange: Exchange, first: int, count: int) -> None:
    """Orders that fill, rest and are cancelled, and such that would have lived for years."""
    (account,) = exchange.accounts.values()
    rules = exchange.rules
    price = 24 * 10**rules.price_decimals // 10
    qty = 5 * 10**rules.qty_decimals
    for number in range(first, first + count):
        exchange.place_background(Side.SELL, price, qty, TimeInForce.GTC)
        exchange.place(
            account, NewOrder(client_id=f"f{number}", side=Side.BUY, price=price, qty=qty)
        )
        exchange.place_background(Side.BUY, price, qty, TimeInForce.GTC)
        exchange.place(
            account, NewOrder(client_id=f"s{number}", side=Side.SELL, price=price, qty=qty)
        )
        far = exchange.wall_ns() + 10**18
        new = NewOrder(
            client_id=f"g{number}", side=Side.BUY, price=price - 1, qty=qty, expires_ns=far
        )
        exchange.cancel(account, exchange.place(account, new))


def sizes(root: object) -> dict[str, int]:
    """How much every container below an object holds, by the way that leads to it."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    waiting: deque[tuple[str, Any]] = deque([("", root)])
    while waiting:
        path, value = waiting.popleft()
        if id(value) in seen or isinstance(value, (type, ModuleType, FunctionType, str, bytes)):
            continue
        seen.add(id(value))
        if isinstance(value, (dict, list, set, deque)):
            found[path] = len(value)
        if isinstance(value, dict):
            waiting += [(f"{path}[]", item) for item in value.values()]
        elif isinstance(value, (list, set, deque, tuple)):
            waiting += [(f"{path}[]", item) for item in value]
        elif type(value).__module__.startswith("xrpfast.simulation"):
            names = [*getattr(value, "__dict__", ())]
            for kind in type(value).__mro__:
                names += getattr(kind, "__slots__", ())
            waiting += [
                (f"{path}.{name}", getattr(value, name)) for name in names if hasattr(value, name)
            ]
    return found


@pytest.mark.parametrize("name", ["binance", "kucoin"])
async def test_nothing_below_a_face_grows_with_orders(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every container that a face can reach has its size after 1,200 orders, and after twice as
    many it has the same."""
    from xrpfast.simulation.binance.face import BinanceFace
    from xrpfast.simulation.kucoin.face import KucoinFace

    numbered = Numbered.__init__
    monkeypatch.setattr(Numbered, "__init__", lambda self, keep: numbered(self, min(keep, KEEP)))
    rules = BINANCE if name == "binance" else KUCOIN
    now = 1_790_000_000 * 10**9
    exchange = Exchange(rules, lambda: now, client_ids_for_ever=name == "kucoin", keep=KEEP)
    account = customer(name, 1)
    for asset in ("XRP", "USDT"):
        account.balance(asset).free = 10**6 * MONEY_ONE
    exchange.add_account(account)
    faces: dict[str, Callable[[], object]] = {
        "binance": lambda: BinanceFace(exchange),
        "kucoin": lambda: KucoinFace(exchange, "ws://127.0.0.1:1/"),
    }
    face = faces[name]()
    trade(exchange, 0, ROUND)
    await asyncio.sleep(0)
    before = sizes(face)
    trade(exchange, ROUND, ROUND)
    await asyncio.sleep(0)
    after = sizes(face)
    assert len(before) > 10
    grown = {
        path: (before.get(path, 0), size)
        for path, size in after.items()
        if size > before.get(path, 0) + KEEP
    }
    assert not grown
