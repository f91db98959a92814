"""The latency histograms, always on, and how they are shown."""

from __future__ import annotations

from xrpfast._core import LatencyHistogram

STAGES = ("decode", "decide", "journal", "encode", "send", "tick_to_order", "ack")


class Latencies:
    """One histogram a stage, in nanoseconds.

    ``decode``: frame received to its signal in hand (decode, apply, detect);
    ``decide``: strategy, risk and desk;
    ``journal``: the write before the order; ``encode``, ``send``: all legs of a pair;
    ``tick_to_order``: frame received to the last leg handed to the system; ``ack``: to the reply.
    """

    def __init__(self) -> None:
        self.decode = LatencyHistogram()
        self.decide = LatencyHistogram()
        self.journal = LatencyHistogram()
        self.encode = LatencyHistogram()
        self.send = LatencyHistogram()
        self.tick_to_order = LatencyHistogram()
        self.ack = LatencyHistogram()

    def reset(self) -> None:
        for stage in STAGES:
            getattr(self, stage).reset()

    def microseconds(self) -> dict[str, dict[str, float]]:
        """Stage -> p50, p99, p999, max in microseconds, and count."""
        shown = {}
        for stage in STAGES:
            histogram: LatencyHistogram = getattr(self, stage)
            shown[stage] = {
                "p50": histogram.percentile(50) / 1000,
                "p99": histogram.percentile(99) / 1000,
                "p999": histogram.percentile(99.9) / 1000,
                "max": histogram.max / 1000,
                "count": histogram.count,
            }
        return shown
