"""`[risk]`: limits of every order."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from xrpfast.config.section import PositiveDecimal, Section


class RiskSection(Section):
    """Limits; a breach refuses the order, both legs of a pair together."""

    max_order_notional: PositiveDecimal = Decimal(250)
    """Largest value of one order, in the quote asset."""
    max_position: PositiveDecimal = Decimal(500)
    """Largest net position in the base asset against the start, in-flight orders counted."""
    max_book_age_ms: Annotated[int, Field(gt=0)] = 1_000
    """No order is decided on a book whose data are older."""
    max_pair_skew_ms: Annotated[int, Field(gt=0)] = 1_000
    """Largest difference between the ages of a pair's two books."""
    max_signal_age_ms: Annotated[int, Field(gt=0)] = 50
    """No order is decided so long after the frame that showed the edge."""
    collar_bps: Annotated[int, Field(gt=0, le=10_000)] = 200
    """Largest distance of a limit price from both venues' mids, in 0.01 %."""
    max_orders_per_second: Annotated[int, Field(gt=0)] = 20
    """Per venue; keep it below the venue's own limit."""
    hedge_min: PositiveDecimal = Decimal(5)
    """Imbalances of less base asset stay as residuals until they have grown."""
    hedge_time_ms: Annotated[int, Field(gt=0)] = 5_000
    """An imbalance that is not closed by then closes its instrument until a person resumes."""
    hedge_retry_ms: Annotated[int, Field(gt=0)] = 200
    """Between two attempts to close an imbalance."""
    hedge_loss: PositiveDecimal = Decimal(2)
    """What closing one imbalance may lose against the mean of all mids, in the quote asset."""
    approval_ttl_ms: Annotated[int, Field(gt=0)] = 50
    """An approved order that has not left by then cannot leave."""
    max_clock_age_s: Annotated[int, Field(gt=0)] = 120
    """No order goes to a venue whose clock was not measured well for so long."""
    drift_dust: dict[str, PositiveDecimal] = Field(
        default={"XRP": Decimal("0.01"), "USDT": Decimal("0.01")}
    )
    """Per asset, how far a balance may differ from the books and be adopted without a word to a
    person; an asset that is not named has to agree to the last unit."""
