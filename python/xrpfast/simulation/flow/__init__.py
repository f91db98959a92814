"""The market behind the mock venues: orders that belong to nobody, seeded or recorded.

`settings` says how the seeded market behaves, `seeded` makes it; `recording` reads a capture,
`recorded` plays it instead; `market` is both: what the server runs and the control port switches.
"""

from xrpfast.simulation.flow.market import MarketFlow
from xrpfast.simulation.flow.recorded import RecordedMarket
from xrpfast.simulation.flow.recording import Capture, Recording
from xrpfast.simulation.flow.settings import FlowSettings

__all__ = ["Capture", "FlowSettings", "MarketFlow", "RecordedMarket", "Recording"]
