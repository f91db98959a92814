"""The seeded market behind the mock venues: one fair price, two books around it.

Each venue has a maker who quotes a ladder around its own middle, refreshes a few levels at a time,
and takers who trade small sizes. Now and then one venue's middle jumps away from the fair price
for a while: the moment that arbitrage waits for. Everything follows from the seed and the number
of steps; the clock only paces them.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.exchange import Exchange

STEP_SECONDS = 0.02
FAIR = 2.40  # quote per base at the start; the market's own noise may be float
LEVELS = 24
GAP = 0.0004  # between the maker's levels
HALF_SPREAD = 0.0002
NOISE = 0.00004  # standard deviation of a step
DISLOCATE = 0.035  # chance of a step to start one: about every 0.6 s
OFFSET = (0.0030, 0.0055)  # of the price, both taker fees are 0.0020
STEPS = (3, 14)  # 60 to 280 ms
RETURN = 0.0005  # pull of the fair price back to its start


@dataclass(slots=True)
class Ladder:
    """One venue's maker: which cell of the price grid holds which order."""

    exchange: Exchange
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    offset: float = 0.0
    left: int = 0
    """Steps that the dislocation still lasts."""

    @property
    def cell(self) -> float:
        units: int = 10**self.exchange.rules.price_decimals
        return GAP * units

    def price(self, cell: int) -> int:
        return round(cell * self.cell)


class MarketFlow:
    """Steps the market of several venues; `run` paces the steps on the event loop."""

    def __init__(self, exchanges: list[Exchange], seed: int) -> None:
        self._random = random.Random(seed)
        self._ladders = [Ladder(exchange) for exchange in exchanges]
        self._fair = FAIR
        self.running = True
        self.steps = 0
        for ladder in self._ladders:
            self._quote(ladder)

    async def run(self) -> None:
        """Steps until cancelled; the pace holds on average, late steps are not repeated."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + STEP_SECONDS, loop.time())
            await asyncio.sleep(due - loop.time())
            if self.running:
                self.step()

    def pause(self) -> None:
        """Stands still at the fair price: a dislocation would otherwise last for good."""
        self.running = False
        for ladder in self._ladders:
            ladder.left, ladder.offset = 0, 0.0
            self._quote(ladder)

    def stop(self) -> None:
        """Stops for good and takes the market's orders off the books."""
        self.running = False
        for ladder in self._ladders:
            for cells in (ladder.bids, ladder.asks):
                for order_id in cells.values():
                    ladder.exchange.cancel_background(order_id)
                cells.clear()

    def step(self) -> None:
        """One step of every venue."""
        self.steps += 1
        draw = self._random
        self._fair += draw.gauss(0, NOISE) + (FAIR - self._fair) * RETURN
        if len(self._ladders) > 1 and draw.random() < DISLOCATE:
            ladder = draw.choice(self._ladders)
            if not ladder.left:
                ladder.offset = draw.choice((-1, 1)) * draw.uniform(*OFFSET)
                ladder.left = draw.randint(*STEPS)
        for ladder in self._ladders:
            if ladder.left:
                ladder.left -= 1
            else:
                ladder.offset = 0.0
            self._quote(ladder)
            self._refresh(ladder)
            self._take(ladder)

    def _quote(self, ladder: Ladder) -> None:
        """Moves the ladder to its middle: cancels what is out of place, then fills the holes."""
        middle = self._fair * (1 + ladder.offset) * 10**ladder.exchange.rules.price_decimals
        half = HALF_SPREAD * 10**ladder.exchange.rules.price_decimals
        top_bid = int((middle - half) // ladder.cell)
        top_ask = -int(-(middle + half) // ladder.cell)
        wanted = (
            (Side.BUY, ladder.bids, range(top_bid, top_bid - LEVELS, -1)),
            (Side.SELL, ladder.asks, range(top_ask, top_ask + LEVELS)),
        )
        for _, cells, keep in wanted:
            for cell in [cell for cell in cells if cell not in keep]:
                ladder.exchange.cancel_background(cells.pop(cell))
        for side, cells, keep in wanted:
            for cell in keep:
                order_id = cells.get(cell)
                if order_id is None or ladder.exchange.matching.remaining(order_id) is None:
                    self._place(ladder, side, cells, cell)

    def _refresh(self, ladder: Ladder) -> None:
        """Requotes two levels a side with new sizes."""
        for side, cells in ((Side.BUY, ladder.bids), (Side.SELL, ladder.asks)):
            for cell in self._random.sample(sorted(cells), 2):
                ladder.exchange.cancel_background(cells[cell])
                self._place(ladder, side, cells, cell)

    def _place(self, ladder: Ladder, side: Side, cells: dict[int, int], cell: int) -> None:
        rules = ladder.exchange.rules
        base = self._random.randint(40, 900) + self._random.randint(0, 9) / 10
        qty = round(base * 10**rules.qty_decimals) // rules.lot * rules.lot
        price = ladder.price(cell) // rules.tick * rules.tick
        cells[cell] = ladder.exchange.place_background(side, price, qty, TimeInForce.GTC)

    def _take(self, ladder: Ladder) -> None:
        """Now and then somebody takes a little of the best level."""
        if self._random.random() > 0.25:
            return
        side = self._random.choice((Side.BUY, Side.SELL))
        best = ladder.exchange.matching.best(side.opposite)
        if best is not None:
            lot = ladder.exchange.rules.lot
            qty = max(lot, best[1] // self._random.randint(4, 20) // lot * lot)
            ladder.exchange.place_background(side, best[0], qty, TimeInForce.IOC)
