"""Whatever happens to recorded frames on the way, a LIVE book is the right book."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from support.captures import SYMBOLS, Row, depth, rows, truth
from xrpfast import _core

MARKETS = st.sampled_from(SYMBOLS)


class Feeding:
    """A feed that is compared with the recorded truth whenever it claims to be LIVE."""

    def __init__(self, venue: str, symbol: str) -> None:
        self.feed = _core.BookFeed(venue, symbol)
        self.truth = truth(venue, symbol)
        self.refused = 0

    def take(self, row: Row) -> None:
        before = (self.feed.state, self.feed.sequence)
        try:
            if row.kind == "ws":
                state = self.feed.on_message(row.raw)
            else:
                state = self.feed.on_snapshot(row.raw)
            assert state == self.feed.state
        except _core.MalformedFrame:
            self.refused += 1
            assert (self.feed.state, self.feed.sequence) == before

    def check(self) -> None:
        if self.feed.state != "LIVE":
            return
        bids, asks = self.truth[self.feed.sequence]
        book = self.feed.book
        assert {Decimal(p): Decimal(q) for p, q in book.bid_levels()} == bids
        assert {Decimal(p): Decimal(q) for p, q in book.ask_levels()} == asks

    def run(self, changed: list[Row], around: int) -> str:
        for at, row in enumerate(changed):
            self.take(row)
            if around - 1 <= at <= around + 3:
                self.check()
        self.check()
        return self.feed.state


def applied(venue: str, symbol: str) -> list[int]:
    """Positions of the depth frames that follow the snapshot."""
    start = min(truth(venue, symbol))
    frames = enumerate(rows(venue, symbol))
    spans = [(at, depth(venue, row.raw)) for at, row in frames if row.kind == "ws"]
    return [at for at, span in spans if span is not None and span[1] > start]


@settings(max_examples=60, deadline=None)
@given(market=MARKETS, data=st.data())
def test_drop(market: tuple[str, str], data: st.DataObject) -> None:
    frames = list(rows(*market))
    at = data.draw(st.integers(0, len(frames) - 1))
    state = Feeding(*market).run(frames[:at] + frames[at + 1 :], at)
    own = applied(*market)
    if at in own and at != own[-1]:
        assert state == "GAP"
    elif frames[at].kind == "depth_snapshot":
        assert state == "SYNCING"
    else:
        assert state == "LIVE"


@settings(max_examples=60, deadline=None)
@given(market=MARKETS, data=st.data())
def test_duplicate(market: tuple[str, str], data: st.DataObject) -> None:
    frames = list(rows(*market))
    at = data.draw(st.integers(0, len(frames) - 1))
    later = data.draw(st.integers(at, min(at + 20, len(frames) - 1)))
    frames.insert(later + 1, frames[at])
    assert Feeding(*market).run(frames, later) == "LIVE"


@settings(max_examples=60, deadline=None)
@given(market=MARKETS, data=st.data())
def test_adjacent_swap(market: tuple[str, str], data: st.DataObject) -> None:
    frames = list(rows(*market))
    at = data.draw(st.integers(0, len(frames) - 2))
    frames[at], frames[at + 1] = frames[at + 1], frames[at]
    state = Feeding(*market).run(frames, at)
    own = applied(*market)
    if at in own and at + 1 in own:
        assert state == "GAP"


@settings(max_examples=80, deadline=None)
@given(market=MARKETS, data=st.data())
def test_truncation(market: tuple[str, str], data: st.DataObject) -> None:
    frames = list(rows(*market))
    at = data.draw(st.integers(0, len(frames) - 1))
    raw = frames[at].raw
    cut = data.draw(st.integers(0, len(raw) - 1))
    frames[at] = Row(frames[at].kind, raw[:cut])
    feeding = Feeding(*market)
    state = feeding.run(frames, at)
    assert feeding.refused == 1
    own = applied(*market)
    if at in own and at != own[-1]:
        assert state == "GAP"


@settings(max_examples=80, deadline=None)
@given(market=MARKETS, data=st.data())
def test_several_faults_at_once(market: tuple[str, str], data: st.DataObject) -> None:
    frames = list(rows(*market))
    for _ in range(data.draw(st.integers(2, 5))):
        at = data.draw(st.integers(0, len(frames) - 2))
        match data.draw(st.sampled_from(["drop", "duplicate", "swap", "cut"])):
            case "drop":
                del frames[at]
            case "duplicate":
                frames.insert(at, frames[at])
            case "swap":
                frames[at], frames[at + 1] = frames[at + 1], frames[at]
            case _:
                frames[at] = Row(frames[at].kind, frames[at].raw[:-1])
        assume(len(frames) > 2)
    Feeding(*market).run(frames, data.draw(st.integers(0, len(frames))))


@pytest.mark.parametrize(("venue", "symbol"), [m for m in SYMBOLS if m[1] != "RUNEEUR"])
def test_gap_heals_with_a_later_snapshot(venue: str, symbol: str) -> None:
    """The frame that showed the gap and those behind it wait for the snapshot that fits."""
    own = applied(venue, symbol)
    frames = rows(venue, symbol)
    feeding = Feeding(venue, symbol)
    snapshot = next(row for row in frames if row.kind == "depth_snapshot")
    for row in frames[: own[0]]:
        feeding.take(row)
    for at in own[1:]:
        feeding.take(frames[at])
    assert feeding.feed.state == "GAP"
    feeding.take(snapshot)
    assert feeding.feed.state == "SYNCING", "too old for what was kept"
    feeding.take(Row("depth_snapshot", _snapshot_at(venue, symbol, own[1])))
    assert feeding.feed.state == "LIVE"
    assert feeding.feed.sequence == max(feeding.truth)
    feeding.check()


def _snapshot_at(venue: str, symbol: str, position: int) -> str:
    """A body as the venue would have sent it after the frame at this position."""
    span = depth(venue, rows(venue, symbol)[position].raw)
    assert span is not None
    bids, asks = (
        ",".join(f'["{price:f}","{qty:f}"]' for price, qty in levels.items())
        for levels in truth(venue, symbol)[span[1]]
    )
    if venue == "binance":
        return f'{{"lastUpdateId":{span[1]},"bids":[{bids}],"asks":[{asks}]}}'
    return f'{{"code":"200000","data":{{"sequence":"{span[1]}","bids":[{bids}],"asks":[{asks}]}}}}'
