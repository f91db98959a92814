"""After a fault: do venues, ledger, journal and decisions agree, and was every order sent once?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from support.service import Trading, journal
from xrpfast._core import JournalReader, RiskGate
from xrpfast.records import kinds
from xrpfast.records.compare import compare
from xrpfast.records.rebuild import rebuild
from xrpfast.records.start import Start
from xrpfast.records.unsettled import residuals
from xrpfast.research.rerun import rerun
from xrpfast.simulation.server import MockVenues
from xrpfast.trading.commands import PlaceLegs, PlaceLegsRecord
from xrpfast.trading.engine import Engine
from xrpfast.trading.events import AnyEvent

_EVENTS: Final = msgspec.json.Decoder(AnyEvent)
_START: Final = msgspec.json.Decoder(Start)


async def truth(mock: MockVenues) -> dict[str, Any]:
    """What the mock's control port says of all that happened."""
    url = mock.line["control_url"] + "/ledger"
    async with aiohttp.ClientSession() as http, http.get(url) as reply:
        found: dict[str, Any] = await reply.json()
        return found


async def ends_well(run: Trading, mock: MockVenues) -> None:
    """No more faults: the run stops cleanly, and everything agrees to the last unit."""
    mock.faults.clear()
    assert await run.stop() == 0
    await agrees(run.state_dir, mock)


async def agrees(
    state_dir: Path,
    mock: MockVenues,
    *,
    moved: Mapping[tuple[str, str], int] = {},
    others: Collection[str] = (),
) -> None:
    """Venues, ledger, a rebuilt ledger and the journal, of a run that has ended.

    ``moved``: what others moved, (venue, asset) -> whole units. ``others``: client ids of theirs.
    """
    path = state_dir / "ledger.sqlite"
    venues = await truth(mock)
    for venue, said in venues["venues"].items():
        said["orders"] = [row for row in said["orders"] if row["client_id"] not in others]
        for asset, balance in said["balances"].items():
            total = Decimal(balance["free"]) + Decimal(balance["locked"])
            if others or moved:  # what others hold is locked there
                total -= moved.get((venue, asset), 0)
                said["balances"][asset] = {"free": f"{total:f}", "locked": "0"}
    found = compare(path, venues)
    assert not found, found
    assert rerun(state_dir / "journal").difference is None
    rebuild(state_dir / "journal", state_dir / "again.sqlite")
    assert residuals(state_dir / "again.sqlite") == residuals(path)
    placed = [leg for record in placements(state_dir) for leg in record.legs]
    ids = [leg.client_id for leg in placed]
    assert len(ids) == len(set(ids)), "an id was journalled twice"
    for venue, said in venues["venues"].items():
        there = [order["client_id"] for order in said["orders"]]
        assert len(there) == len(set(there)), f"{venue} has an order twice"
        assert set(there) <= set(ids), f"{venue} has an order that no journal has"


def placements(state_dir: Path) -> list[PlaceLegsRecord]:
    """Everything that was sent, in order."""
    return [record for _, record in journal(state_dir) if isinstance(record, PlaceLegsRecord)]


def sent_too_soon(state_dir: Path) -> list[str]:
    """Orders that left while earlier ones were not settled: there must be none.

    Whether they were is what an engine knows that is told the journal's events again.
    """
    found: list[str] = []
    engine: Engine | None = None
    for _, _, kind, payload in JournalReader(state_dir / "journal"):
        if kind == kinds.START:
            engine = Engine(_START.decode(payload).config, RiskGate(10**18))
        elif kind == kinds.EVENT and engine is not None:
            before = tuple(engine.orders.unsettled.values())
            for command in engine.process(_EVENTS.decode(payload)):
                if isinstance(command, PlaceLegs):
                    still = [order.client_id for order in before if not order.settled]
                    found += [f"{command.legs} while {still} is not settled"] if still else []
    return found
