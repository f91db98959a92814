"""The market behind the mock venues: orders that belong to nobody, seeded or recorded.

`settings` says how the seeded market behaves, `seeded` makes it, `recorded` shows a capture
instead, `market` is both on one clock: what the server runs and the control port switches.
"""

from xrpfast.simulation.flow.market import MarketFlow
from xrpfast.simulation.flow.settings import FlowSettings

__all__ = ["FlowSettings", "MarketFlow"]
