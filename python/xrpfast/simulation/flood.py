"""A book that changes as fast as the mock can tell of it: for measuring market frames.

Every frame comes of a real order of the background: one is put on the best level of a side and
taken off again, so each step changes the touch (a bookTicker frame at Binance), a level (level2 at
KuCoin) and what the timed depth streams gather.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.exchange import Exchange

BURST = 32
"""Steps in one turn of the event loop: sockets, timers and orders get theirs in between."""
MOST = 10_000_000


async def flood(exchange: Exchange, frames: int, seed: int = 0) -> dict[str, Any]:
    """Changes the book ``frames`` times, rounded up to pairs; the market goes on meanwhile.

    Result: how many changes there were, the seconds they took, sequences of the book before and
    after. Raises `ValueError` when a side of the book is empty.
    """
    draw = random.Random(seed)
    pairs = -(-frames // 2)
    first, started = exchange.sequence, time.monotonic()
    for done in range(0, pairs, BURST // 2):
        for _ in range(min(BURST // 2, pairs - done)):
            touch(exchange, draw)
        await asyncio.sleep(0)
    return {
        "frames": 2 * pairs,
        "seconds": time.monotonic() - started,
        "first": first,
        "last": exchange.sequence,
    }


def touch(exchange: Exchange, draw: random.Random) -> None:
    """One order onto the best level and off again: two changes of the touch."""
    side = draw.choice((Side.BUY, Side.SELL))
    best = exchange.matching.best(side)
    if best is None:
        raise ValueError(f"there is no {side.name} order to stand beside")
    qty = exchange.rules.lot * draw.randint(1, 9_999)
    order_id = exchange.place_background(side, best[0], qty, TimeInForce.GTC)
    exchange.cancel_background(order_id)
