"""The seeded market behind the mock venues: one fair price, a book of each venue around it.

Each venue has a maker who quotes a ladder around its own middle, refreshes a few levels at a time,
and takers who trade small sizes. Now and then one venue's middle jumps away from the fair price
for a while: the moment that arbitrage waits for. Everything follows from the seed, the settings
and the number of steps; the clock only paces them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.flow.settings import FlowSettings


@dataclass(slots=True)
class Ladder:
    """One venue's maker: which cell of the price grid holds which order."""

    exchange: Exchange
    gap: float
    """Width of a cell, in the venue's price units."""
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    offset: float = 0.0
    left: int = 0
    """Steps that the dislocation still lasts."""
    thin_left: int = 0
    """Steps that the thin book still lasts."""

    def price(self, side: Side, cell: int) -> int:
        """Of the cell, on the venue's tick; away from the middle, so that no cells cross."""
        tick = self.exchange.rules.tick
        price = round(cell * self.gap)
        return price // tick * tick if side is Side.BUY else -(-price // tick) * tick


class SeededMarket:
    """Steps the books of several venues. ``steps`` counts them."""

    def __init__(
        self, exchanges: Sequence[Exchange], seed: int, settings: FlowSettings | None = None
    ) -> None:
        self.settings = settings or FlowSettings()
        self._random = random.Random(seed)
        # Draws of their own: while these are off, the market is the one without them.
        self._bursts = random.Random(f"bursts {seed}")
        self._thins = random.Random(f"thin books {seed}")
        self._ladders = [Ladder(exchange, self._gap(exchange)) for exchange in exchanges]
        self._fair = self.settings.fair
        self.steps = 0
        self.calm()

    def set(self, settings: FlowSettings) -> None:
        """Goes on with other settings: the fair price starts anew when they move it, and every
        venue is quoted afresh."""
        if settings.fair != self.settings.fair:
            self._fair = settings.fair
        self.settings = settings
        self.clear()
        for ladder in self._ladders:
            ladder.gap = self._gap(ladder.exchange)
        self.calm()

    def calm(self) -> None:
        """Ends what is out of the ordinary and quotes around the fair price."""
        for ladder in self._ladders:
            ladder.left, ladder.offset, ladder.thin_left = 0, 0.0, 0
            self._quote(ladder)

    def clear(self) -> None:
        """Takes the market's orders off the books."""
        for ladder in self._ladders:
            for cells in (ladder.bids, ladder.asks):
                for order_id in cells.values():
                    ladder.exchange.cancel_background(order_id)
                cells.clear()

    def step(self) -> None:
        """One step of every venue."""
        self.steps += 1
        if not self._ladders:
            return
        draw, now = self._random, self.settings
        self._fair += draw.gauss(0, now.noise) + (now.fair - self._fair) * now.pull
        if len(self._ladders) > 1 and draw.random() < now.dislocate:
            ladder = draw.choice(self._ladders)
            if not ladder.left:
                ladder.offset = draw.choice((-1, 1)) * draw.uniform(*now.offset)
                ladder.left = draw.randint(*now.dislocated_steps)
        self._start_thin()
        for ladder in self._ladders:
            if ladder.left:
                ladder.left -= 1
            else:
                ladder.offset = 0.0
            self._end_thin(ladder)
            self._quote(ladder)
            self._refresh(ladder)
            self._take(ladder)
        self._burst()

    def shake(self) -> None:
        """One change of every venue's book: many of them are a burst on all venues at once."""
        for ladder in self._ladders:
            self._change(ladder)

    def _gap(self, exchange: Exchange) -> float:
        units: int = 10**exchange.rules.price_decimals
        return max(self.settings.gap * units, float(exchange.rules.tick))

    def _quote(self, ladder: Ladder) -> None:
        """Moves the ladder to its middle: cancels what is out of place, then fills the holes."""
        units: int = 10**ladder.exchange.rules.price_decimals
        middle = self._fair * (1 + ladder.offset) * units
        half = self.settings.half_spread * units
        levels = self.settings.thin_levels if ladder.thin_left else self.settings.levels
        top_bid = int((middle - half) // ladder.gap)
        top_ask = max(-int(-(middle + half) // ladder.gap), top_bid + 1)
        wanted = (
            # A price of zero is none: a fair price near it leaves fewer bids.
            (Side.BUY, ladder.bids, range(top_bid, max(top_bid - levels, 0), -1)),
            (Side.SELL, ladder.asks, range(top_ask, top_ask + levels)),
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
        """Requotes a few levels a side with new sizes."""
        for side, cells in ((Side.BUY, ladder.bids), (Side.SELL, ladder.asks)):
            count = min(self.settings.refresh, len(cells))
            for cell in self._random.sample(sorted(cells), count):
                self._requote(ladder, side, cells, cell)

    def _requote(self, ladder: Ladder, side: Side, cells: dict[int, int], cell: int) -> None:
        ladder.exchange.cancel_background(cells[cell])
        self._place(ladder, side, cells, cell)

    def _place(self, ladder: Ladder, side: Side, cells: dict[int, int], cell: int) -> None:
        rules = ladder.exchange.rules
        low, high = self.settings.size
        base = self._random.randint(math.ceil(low), max(math.ceil(low), int(high)))
        size = base + self._random.randint(0, 9) / 10
        if ladder.thin_left:
            size *= self.settings.thin_part
        qty = max(rules.lot, round(size * 10**rules.qty_decimals) // rules.lot * rules.lot)
        price = ladder.price(side, cell)
        if price > 0:
            cells[cell] = ladder.exchange.place_background(side, price, qty, TimeInForce.GTC)

    def _take(self, ladder: Ladder) -> None:
        """Now and then somebody takes a little of the best level."""
        if self._random.random() > self.settings.take:
            return
        side = self._random.choice((Side.BUY, Side.SELL))
        best = ladder.exchange.matching.best(side.opposite)
        if best is not None:
            lot = ladder.exchange.rules.lot
            qty = max(lot, best[1] // self._random.randint(*self.settings.take_part) // lot * lot)
            ladder.exchange.place_background(side, best[0], qty, TimeInForce.IOC)

    def _burst(self) -> None:
        """Now and then one venue's book changes many times within the step."""
        draw = self._bursts
        if draw.random() >= self.settings.burst:
            return
        ladder = draw.choice(self._ladders)
        for _ in range(draw.randint(*self.settings.burst_changes)):
            self._change(ladder)

    def _change(self, ladder: Ladder) -> None:
        """Requotes one level, whichever."""
        draw = self._bursts
        side, cells = draw.choice(((Side.BUY, ladder.bids), (Side.SELL, ladder.asks)))
        if cells:
            self._requote(ladder, side, cells, draw.choice(sorted(cells)))

    def _start_thin(self) -> None:
        draw = self._thins
        if draw.random() >= self.settings.thin:
            return
        ladder = draw.choice(self._ladders)
        if not ladder.thin_left:
            ladder.thin_left = draw.randint(*self.settings.thin_steps)
            self._requote_all(ladder)

    def _end_thin(self, ladder: Ladder) -> None:
        if ladder.thin_left:
            ladder.thin_left -= 1
            if not ladder.thin_left:
                self._requote_all(ladder)

    def _requote_all(self, ladder: Ladder) -> None:
        """Every level that stays gets a new size, usual or thin; `_quote` does the rest."""
        for side, cells in ((Side.BUY, ladder.bids), (Side.SELL, ladder.asks)):
            for cell in sorted(cells):
                self._requote(ladder, side, cells, cell)
