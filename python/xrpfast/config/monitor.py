"""`[monitor]`: what people watch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xrpfast.config.section import Section


class MonitorSection(Section):
    """The state that the control socket serves."""

    last_orders: Annotated[int, Field(ge=1, le=200)] = 20
    """How many of the newest orders a state shows."""
