"""One mock KuCoin as a test of a foreign client sees it: addresses, the truth, and a counterparty.

Everything that touches the venue runs on the venue's own thread, between two of its requests.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from support.inbox import PATIENCE
from support.mock_thread import Levels, RunningMock
from xrpfast.model import Side, TimeInForce
from xrpfast.simulation.account import Account
from xrpfast.simulation.kucoin.face import KucoinFace
from xrpfast.simulation.kucoin.limits import SPOT

_numbers = itertools.count(1)


def client_oid() -> str:
    """An id that no test has used."""
    return f"proof-{next(_numbers)}"


class KucoinMock:
    """A KuCoin that stands still unless `moving` says otherwise."""

    def __init__(self, running: RunningMock) -> None:
        self._running = running
        self.line = dict(running["kucoin"])
        face = running.venues.faces["kucoin"]
        assert isinstance(face, KucoinFace)
        self.face = face
        self.exchange = face.exchange
        (self.account,) = face.exchange.accounts.values()
        self.on_venue = running.call
        running.pause()

    # --- the truth ----------------------------------------------------------------------------

    def book(self, depth: int = 1_000) -> tuple[Levels, Levels]:
        """Bids and asks of the matching engine itself, best first."""
        return self._running.book("kucoin", depth)

    def best(self, side: Side) -> tuple[Decimal, Decimal]:
        bids, asks = self.book(1)
        return (bids if side is Side.BUY else asks)[0]

    def sequence(self) -> int:
        """The newest level2 sequence."""
        return self.on_venue(lambda: self.face.venue.market.sequencer.last)

    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Free and held money by asset."""

        def read(account: Account = self.account) -> dict[str, tuple[Decimal, Decimal]]:
            return {
                asset: (_money(balance.free), _money(balance.locked))
                for asset, balance in account.balances.items()
            }

        return self.on_venue(read)

    def topics(self) -> set[str]:
        """What all push sockets together are subscribed to."""

        def read() -> set[str]:
            return {topic for session in self.face.venue.hub.sessions for topic in session.topics}

        return self.on_venue(read)

    def wait_subscribed(self, topic: str) -> None:
        """Blocks until the venue has taken a subscription."""
        self._wait(lambda: topic in self.topics(), f"nobody subscribed to {topic}")

    def wait_left(self) -> None:
        """Blocks until no push socket is left."""
        sessions = self.face.venue.hub.sessions
        self._wait(lambda: not self.on_venue(lambda: len(sessions)), "sockets are left")

    def _wait(self, reached: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not reached():
            assert time.monotonic() < deadline, otherwise
            time.sleep(0.005)

    # --- the market ---------------------------------------------------------------------------

    @contextmanager
    def moving(self) -> Iterator[None]:
        """The market flows inside the block and stands still after it."""

        self._running.resume()
        try:
            yield
        finally:
            self._running.pause()

    def counterparty(self, side: Side, price: Decimal, qty: Decimal) -> None:
        """Somebody else takes at most ``qty`` at ``price`` or better, at once."""
        rules = self.exchange.rules
        units = int(price.scaleb(rules.price_decimals)), int(qty.scaleb(rules.qty_decimals))
        self.on_venue(lambda: self.exchange.place_background(side, *units, TimeInForce.IOC))

    def own_best(self, side: Side) -> Decimal:
        """A price one tick better than the best of ``side`` that takes nothing."""
        (bid, _), (ask, _) = self.best(Side.BUY), self.best(Side.SELL)
        tick = Decimal(self.exchange.rules.tick).scaleb(-self.exchange.rules.price_decimals)
        assert ask - bid > 2 * tick, "no room inside the spread"
        return bid + tick if side is Side.BUY else ask - tick

    # --- the clock ----------------------------------------------------------------------------

    @contextmanager
    def clock_ahead(self, seconds: int) -> Iterator[None]:
        """The venue's clock runs ahead of every client's."""
        before = self.exchange.wall_ns

        def set_clock(wall_ns: Callable[[], int]) -> None:
            self.exchange.wall_ns = wall_ns

        self.on_venue(lambda: set_clock(lambda: time.time_ns() + seconds * 10**9))
        try:
            yield
        finally:
            self.on_venue(lambda: set_clock(before))

    # --- its limits ---------------------------------------------------------------------------

    @contextmanager
    def spot_pool_left(self, left: int) -> Iterator[int]:
        """The customer's spot pool holds ``left`` more; its size meanwhile."""
        pools, before = self.face.pools, self.face.pools.limits[SPOT]

        def shrink() -> int:
            now_ms = self.face.venue.now_ms()
            used = before - pools.charge(SPOT, str(self.account.uid), 0, now_ms).remaining
            pools.limits[SPOT] = used + left
            return used + left

        yield self.on_venue(shrink)
        self.on_venue(lambda: pools.limits.update({SPOT: before}))

    @contextmanager
    def overloaded(self) -> Iterator[None]:
        """The venue answers everybody that it is too busy."""

        def overload(on: bool) -> None:
            self.face.rest.overloaded = on

        self.on_venue(lambda: overload(True))
        yield
        self.on_venue(lambda: overload(False))


def _money(amount: int) -> Decimal:
    return Decimal(amount).scaleb(-18)
