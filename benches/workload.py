"""Seeded market data in the venues' own bytes, shaped like XRP's books.

Everything is made before a measurement starts; the same seed gives the same bytes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from xrpfast._core import Market, SpreadDetector

BINANCE_RULES = {
    "price_decimals": 4,
    "qty_decimals": 1,
    "tick": 1,
    "lot": 1,
    "min_qty": 1,
    "max_qty": 92_224_490,
    "min_notional": 5 * 10**18,
    "taker_rate": 100_000,
}
KUCOIN_RULES = {
    "price_decimals": 5,
    "qty_decimals": 4,
    "tick": 1,
    "lot": 1,
    "min_qty": 1_000,
    "max_qty": 10**14,
    "min_notional": 10**17,
    "taker_rate": 100_000,
}
MIDDLE = 24_000  # 2.4000 in Binance's price units
DEPTH = 1_000


def _price(units: int, decimals: int) -> str:
    whole, part = divmod(units, 10**decimals)
    return f"{whole}.{part:0{decimals}d}"


def binance_snapshot(sequence: int, bid: int = MIDDLE - 1, ask: int = MIDDLE + 1) -> bytes:
    """A REST snapshot of 1,000 levels a side; prices in units of 10^-4."""
    bids = ",".join(f'["{_price(bid - i, 4)}0000","{50 + i % 7}.00000000"]' for i in range(DEPTH))
    asks = ",".join(f'["{_price(ask + i, 4)}0000","{50 + i % 7}.00000000"]' for i in range(DEPTH))
    return f'{{"lastUpdateId":{sequence},"bids":[{bids}],"asks":[{asks}]}}'.encode()


def kucoin_snapshot(
    sequence: int, bid: int = MIDDLE * 10 - 10, ask: int = MIDDLE * 10 + 10
) -> bytes:
    """A REST snapshot of 1,000 levels a side; prices in units of 10^-5."""
    bids = ",".join(f'["{_price(bid - i, 5)}","{60 + i % 7}.5"]' for i in range(DEPTH))
    asks = ",".join(f'["{_price(ask + i, 5)}","{60 + i % 7}.5"]' for i in range(DEPTH))
    return (
        f'{{"code":"200000","data":{{"time":1790000000000,"sequence":"{sequence}",'
        f'"bids":[{bids}],"asks":[{asks}]}}}}'
    ).encode()


def depth_frames(count: int, levels: int, sequence: int, seed: int) -> list[bytes]:
    """Consecutive Binance depth frames of ``levels`` changes each; the touch never crosses."""
    rng = random.Random(seed)
    frames = []
    for _ in range(count):
        sides: list[list[str]] = [[], []]
        for side, sign in ((0, -1), (1, 1)):
            offsets = rng.sample(range(1, 120), levels // 2)
            for offset in offsets:
                qty = 0 if offset > 3 and rng.random() < 0.3 else rng.randrange(1, 90_000)
                price = _price(MIDDLE + sign * offset, 4)
                sides[side].append(f'["{price}0000","{qty // 10}.{qty % 10}0000000"]')
        first, sequence = sequence + 1, sequence + levels
        frames.append(
            (
                '{"stream":"xrpusdt@depth@100ms","data":{"e":"depthUpdate","E":1790000000123,'
                f'"s":"XRPUSDT","U":{first},"u":{sequence},'
                f'"b":[{",".join(sides[0])}],"a":[{",".join(sides[1])}]}}}}'
            ).encode()
        )
    return frames


def ticker_frame(sequence: int, bid: int, bid_qty: str, ask: int, ask_qty: str) -> bytes:
    """One Binance bookTicker frame; prices in units of 10^-4."""
    return (
        f'{{"stream":"xrpusdt@bookTicker","data":{{"u":{sequence},"s":"XRPUSDT",'
        f'"b":"{_price(bid, 4)}0000","B":"{bid_qty}",'
        f'"a":"{_price(ask, 4)}0000","A":"{ask_qty}"}}}}'
    ).encode()


def ticker_frames(count: int, sequence: int, seed: int) -> list[bytes]:
    """bookTicker frames whose touch moves a little and never opens an edge."""
    rng = random.Random(seed)
    return [
        ticker_frame(
            sequence + 1 + i,
            MIDDLE - 1 - rng.randrange(3),
            f"{rng.randrange(1, 9_000)}.50000000",
            MIDDLE + 1 + rng.randrange(3),
            f"{rng.randrange(1, 9_000)}.20000000",
        )
        for i in range(count)
    ]


@dataclass
class TwoVenues:
    """A `Market` with both venues' books LIVE and one detector each way."""

    market: Market
    binance: int
    kucoin: int
    binance_stream: int
    kucoin_stream: int
    binance_sequence: int = 1_000
    kucoin_sequence: int = 5_000


def kucoin_frame(
    sequence: int, side: str, price: int, qty: str, time_ms: int = 1_790_000_000_321
) -> bytes:
    """One KuCoin level2 frame with one change; price in units of 10^-5."""
    change = f'["{_price(price, 5)}","{qty}","{sequence}"]'
    asks, bids = (change, "") if side == "ask" else ("", change)
    return (
        '{"type":"message","topic":"/market/level2:XRP-USDT","subject":"trade.l2update","data":'
        f'{{"changes":{{"asks":[{asks}],"bids":[{bids}]}},"sequenceStart":{sequence},'
        f'"sequenceEnd":{sequence},"symbol":"XRP-USDT","time":{time_ms}}}}}'
    ).encode()


def two_venues(*, watched: bool = True) -> TwoVenues:
    """Both books LIVE from snapshots and one frame; detectors in both directions if ``watched``."""
    market = Market()
    binance = market.add_book("binance", "XRPUSDT", **BINANCE_RULES)
    kucoin = market.add_book("kucoin", "XRP-USDT", **KUCOIN_RULES)
    binance_stream = market.add_stream("binance")
    kucoin_stream = market.add_stream("kucoin")
    if watched:
        detector = SpreadDetector(10_000, "50")
        market.add_detector(detector, binance, kucoin)
        market.add_detector(detector, kucoin, binance)
    both = TwoVenues(market, binance, kucoin, binance_stream, kucoin_stream)
    market.resync(binance)
    market.resync(kucoin)
    warm = depth_frames(1, 2, both.binance_sequence, seed=1)[0]
    both.binance_sequence += 2
    market.on_frame(binance_stream, warm, 1)
    both.kucoin_sequence += 1
    market.on_frame(kucoin_stream, kucoin_frame(both.kucoin_sequence, "ask", 300_000, "1"), 1)
    market.on_snapshot(binance, binance_snapshot(1_000), 1)
    market.on_snapshot(kucoin, kucoin_snapshot(5_000), 1)
    market.consume()
    states = market.state(binance), market.state(kucoin)
    assert states == ("LIVE", "LIVE"), states
    return both
