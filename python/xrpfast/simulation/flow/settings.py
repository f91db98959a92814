"""How the seeded market behaves: one value of every setting, checked when it is made.

The market's own noise may be float: it decides which orders are placed, never what they cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from xrpfast.errors import UsageError

Chance = Annotated[float, Meta(ge=0, le=1)]
Price = Annotated[float, Meta(ge=0.000001, le=1_000_000)]
Distance = Annotated[float, Meta(ge=0.000001, le=1_000)]
Part = Annotated[float, Meta(gt=0, le=1)]
Count = Annotated[int, Meta(ge=1, le=10_000)]
Decimals = Annotated[str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,12})?$")]
Range = tuple[Annotated[float, Meta(ge=0, le=1)], Annotated[float, Meta(ge=0, le=1)]]
Sizes = tuple[
    Annotated[float, Meta(gt=0, le=1_000_000)], Annotated[float, Meta(gt=0, le=1_000_000)]
]
Counts = tuple[Count, Count]


class FlowSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the seeded market. Prices in quote, sizes in base, chances per step.

    A pair is a range, smallest first. `FlowSettings.of` makes one from plain values.
    """

    step_seconds: Annotated[float, Meta(ge=0.001, le=60)] = 0.02
    """Pace of `run`; a step itself knows no clock."""
    # One fair price with noise.
    fair: Price = 2.40
    """The price that all venues move around."""
    noise: Annotated[float, Meta(ge=0, le=1_000)] = 0.00004
    """Standard deviation of a step."""
    pull: Chance = 0.0005
    """Part of the way back to ``fair`` that each step goes."""
    # The maker of each venue.
    levels: Annotated[int, Meta(ge=1, le=1_000)] = 24
    """Levels a side."""
    gap: Distance = 0.0004
    """Between two levels; a venue whose tick is wider uses its tick."""
    half_spread: Annotated[float, Meta(ge=0, le=1_000)] = 0.0002
    """From the middle to where the first level may stand."""
    size: Sizes = (40, 900)
    """Of a level, drawn in whole units and tenths."""
    refresh: Annotated[int, Meta(ge=0, le=1_000)] = 2
    """Levels a side that get a new size each step."""
    # Takers.
    take: Chance = 0.25
    """That somebody takes from one venue's best level."""
    take_part: Counts = (4, 20)
    """What is taken: one part in so many of the best level."""
    # Dislocations: one venue's middle leaves the fair price.
    dislocate: Chance = 0.035
    """That one starts; needs two venues. At the usual pace about every 0.6 s."""
    offset: Range = (0.0030, 0.0055)
    """How far, as part of the price, up or down; the taker fees of both venues are 0.0020."""
    dislocated_steps: Counts = (3, 14)
    """How long; at the usual pace 60 to 280 ms."""
    # Bursts: many changes of one venue's book at once, within one step.
    burst: Chance = 0.0
    """That one happens."""
    burst_changes: Counts = (50, 200)
    """Levels requoted in it one after another, each told to the subscribers."""
    # Thin books: few small levels on one venue for a while.
    thin: Chance = 0.0
    """That one starts."""
    thin_steps: Counts = (25, 100)
    """How long."""
    thin_levels: Annotated[int, Meta(ge=1, le=1_000)] = 3
    """Levels a side meanwhile."""
    thin_part: Part = 0.05
    """Their sizes, as part of the usual."""
    # What the venues allow, instead of their usual rules.
    tick: dict[str, Decimals] = {}
    """Price step by venue, as decimal text: ``{"binance": "0.001"}``."""
    lot: dict[str, Decimals] = {}
    """Quantity step by venue, as decimal text."""

    def __post_init__(self) -> None:
        for name in ("size", "take_part", "offset", "dislocated_steps", "burst_changes"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: the smaller value comes first")
        if self.thin_steps[0] > self.thin_steps[1]:
            raise ValueError("thin_steps: the smaller value comes first")

    @classmethod
    def of(cls, values: Mapping[str, Any], base: FlowSettings | None = None) -> FlowSettings:
        """``base`` (the defaults) with these values.

        Raises `UsageError` that names the setting and what it may be.
        """
        unknown = sorted(set(values) - set(cls.__struct_fields__))
        if unknown:
            raise UsageError(
                f"unknown setting {unknown[0]!r}; allowed: {', '.join(cls.__struct_fields__)}"
            )
        known = msgspec.structs.asdict(base or cls())
        try:
            return msgspec.convert(known | dict(values), cls)
        except msgspec.ValidationError as error:
            raise UsageError(str(error)) from None
