"""The market behind the mock venues: orders that belong to nobody, seeded, recorded or live.

`settings` says how the seeded market behaves, `seeded` makes it; `recording` reads a capture,
`recorded` plays it instead; `given` is a book level by level, recorded or live; `market` is what
the server runs and the control port switches.
"""

from xrpfast.simulation.flow.given import GivenBook
from xrpfast.simulation.flow.market import MarketFlow
from xrpfast.simulation.flow.recorded import RecordedMarket
from xrpfast.simulation.flow.recording import Capture, Recording
from xrpfast.simulation.flow.settings import FlowSettings

__all__ = ["Capture", "FlowSettings", "GivenBook", "MarketFlow", "RecordedMarket", "Recording"]
