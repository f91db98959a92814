"""`[watchdog]`: who looks after the orders when the engine cannot."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xrpfast.config.section import Section


class WatchdogSection(Section):
    """The process that cancels own orders when the engine is lost."""

    after_ms: Annotated[int, Field(ge=500, le=600_000)] = 5_000
    """So long without a heartbeat, and the engine is lost. Above the longest stall of its loop that
    is not one: a start that reads a long journal, a disk that syncs slowly."""
    require: bool = False
    """`run` starts only beside a running watchdog. Live it does in any case."""
