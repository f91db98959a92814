"""The seeded market: the same for the same seed, two sane books, and moments to trade on."""

from __future__ import annotations

from xrpfast.model import Side
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.market_flow import LEVELS, STEP_SECONDS, MarketFlow
from xrpfast.simulation.worlds import VENUES, exchange_of

FEES = 0.002
STEPS = 1_500


def market(seed: int) -> tuple[list[Exchange], MarketFlow]:
    exchanges = [exchange_of(venue, lambda: 10**18) for venue in VENUES]
    return exchanges, MarketFlow(exchanges, seed)


def books(exchanges: list[Exchange]) -> list[list[tuple[int, int]]]:
    return [one.matching.levels(side, 100) for one in exchanges for side in (0, 1)]


def touch(exchange: Exchange) -> tuple[float, float]:
    bid, ask = exchange.matching.best(Side.BUY), exchange.matching.best(Side.SELL)
    assert bid is not None
    assert ask is not None
    unit = 10**exchange.rules.price_decimals
    return bid[0] / unit, ask[0] / unit


def test_the_seed_decides_everything() -> None:
    (one, first), (two, second), (three, third) = market(7), market(7), market(8)
    for _ in range(300):
        first.step()
        second.step()
        third.step()
    assert books(one) == books(two) != books(three)
    assert [x.sequence for x in one] == [x.sequence for x in two]


def test_books_stay_deep_uncrossed_and_busy() -> None:
    exchanges, flow = market(3)
    before = [exchange.sequence for exchange in exchanges]
    for _ in range(STEPS):
        flow.step()
        for exchange in exchanges:
            bid, ask = touch(exchange)
            assert bid < ask
            for side in (Side.BUY, Side.SELL):
                levels = exchange.matching.levels(side, 100)
                assert len(levels) >= 20
                assert len(levels) <= LEVELS + 1
                assert all(p % exchange.rules.tick == 0 for p, _ in levels)
                assert all(q % exchange.rules.lot == 0 for _, q in levels)
    for exchange, start in zip(exchanges, before, strict=True):
        per_second = (exchange.sequence - start) / (STEPS * STEP_SECONDS)
        assert 30 < per_second < 1_000


def test_now_and_then_one_venue_is_worth_selling_to_the_other() -> None:
    exchanges, flow = market(11)
    starts, lasted, open_now = 0, 0, False
    for _ in range(STEPS):
        flow.step()
        (bid_a, ask_a), (bid_b, ask_b) = (touch(exchange) for exchange in exchanges)
        edge = max(bid_a / ask_b, bid_b / ask_a) - 1 - FEES
        starts += edge > 0 and not open_now
        open_now = edge > 0
        lasted += open_now
    seconds = STEPS * STEP_SECONDS
    assert seconds / 3 < starts < seconds * 4
    assert 0.04 < lasted * STEP_SECONDS / starts < 0.5


def test_a_paused_market_shows_no_edge() -> None:
    exchanges = [exchange_of(venue) for venue in VENUES]
    flow = MarketFlow(exchanges, seed=3)
    dislocated = 0
    for _ in range(400):
        flow.step()
        tops = [(e.matching.best(Side.BUY), e.matching.best(Side.SELL)) for e in exchanges]
        (binance_bid, _), (_, kucoin_ask) = tops
        assert binance_bid is not None
        assert kucoin_ask is not None
        if abs(binance_bid[0] * 10 - kucoin_ask[0]) > 400:
            dislocated += 1
            flow.pause()
            middles = []
            for exchange in exchanges:
                bid, ask = exchange.matching.best(Side.BUY), exchange.matching.best(Side.SELL)
                assert bid is not None
                assert ask is not None
                middles.append((bid[0] + ask[0]) / 2 / 10**exchange.rules.price_decimals)
            assert abs(middles[0] - middles[1]) < 0.002
    assert dislocated > 0
