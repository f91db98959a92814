"""What comes before a run, as the service does it: the ledger from the journal, then what earlier
runs left. Orders that are not settled are asked for, and cancelled where they work; so are fees
that were estimates. A process may die here, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from xrpfast.records import kinds
from xrpfast.records.ledger import Ledger
from xrpfast.records.schema import read_database
from xrpfast.records.unsettled import LeftOrder, left, open_fees
from xrpfast.simulation.virtual.driver import ENCODE, Records
from xrpfast.simulation.virtual.facts import Fact, stamped
from xrpfast.simulation.virtual.loop import MS, SECOND
from xrpfast.simulation.virtual.people import ASKED
from xrpfast.trading import events as ev
from xrpfast.trading import lifecycle
from xrpfast.trading.transitions import WORKING_STATES

if TYPE_CHECKING:
    from xrpfast.simulation.virtual.faults import Faults
    from xrpfast.simulation.virtual.loop import Loop
    from xrpfast.simulation.virtual.people import People
    from xrpfast.simulation.virtual.report import Report
    from xrpfast.simulation.virtual.venue import VirtualVenue


class Recovery:
    """Journal and ledger of one seed, and what is settled in them between two runs."""

    def __init__(
        self,
        loop: Loop,
        faults: Faults,
        venues: Mapping[str, VirtualVenue],
        people: People,
        records: Records,
        path: Path,
        report: Report,
        begin: Callable[[], None],
        trace: Callable[[str], None] | None,
    ) -> None:
        """``begin`` is called once nothing is left to be settled."""
        self.ledger = Ledger(path)
        self._loop = loop
        self._faults = faults
        self._venues = venues
        self._people = people
        self._records = records
        self._path = path
        self._report = report
        self._begin = begin
        self._trace = trace

    def start(self) -> None:
        """As the service does: the ledger from the journal, then what earlier runs left."""
        self.catch_up()
        found = left(self._path).orders
        for order in found:
            self._told([(ev.OrderUnknown, {"client_id": order.client_id, "reason": "a run ended"})])
        self._report.recovered += len(found)
        self._recover(0)

    def catch_up(self) -> None:
        for record in self._records.written[max(0, self.ledger.sequence) :]:
            self.ledger.apply(*record)
        self.ledger.commit()

    def _recover(self, asked: int) -> None:
        """Asks for the first order that is not settled, until none is; ``asked``: so often yet."""
        found = left(self._path).orders
        if not found:
            self._ask_fees()
            return
        order = found[0]
        created_ns = self._loop.now_ns - (self._loop.wall_ns - order.created_ns)
        heard: list[Fact] = []
        self._venues[order.venue].answers.query(order.client_id, created_ns, heard.extend)
        self._loop.call(500 * MS, self._recovered, order, heard, asked + 1)

    def _recovered(self, order: LeftOrder, heard: list[Fact], asked: int) -> None:
        if heard:
            self._told(heard)
            if heard[-1][1]["state"] in WORKING_STATES:
                self._venues[order.venue].cancel(order.client_id)
        if self._faults.hit("halt_in_recovery"):
            self._people.halt_without_engine()
        if self._faults.hit("kill"):
            self._report.kills += 1
            self.start()
            return
        venue = self._venues[order.venue]
        if order.client_id in venue.answers.deleted and asked >= ASKED:
            life = self.ledger.order(order.client_id)
            assert life is not None
            if life.accepted and (not life.state.terminal or lifecycle.missing(life)):
                booked = trades_of(self._path, order.client_id)
                owner = partial(self.ledger.owner, life)
                self._told(self._people.settle(life, booked, owner))
            asked = 0
        self._recover(asked)

    def _ask_fees(self) -> None:
        """Asks for the fees that the dead runs did not hear, until all are told."""
        owed = open_fees(self._path)
        if not owed:
            self._begin()
            return
        heard: list[Fact] = []
        keys = {(fee.client_id, fee.trade_id) for fee in owed}
        for name in {fee.venue for fee in owed}:
            self._venues[name].answers.fills(owed[0].wall_ns - SECOND, heard.extend)
        self._loop.call(500 * MS, self._fees_told, keys, heard)

    def _fees_told(self, keys: set[tuple[str, str]], heard: list[Fact]) -> None:
        self._told([f for f in heard if (f[1]["client_id"], f[1]["trade_id"]) in keys])
        if self._faults.hit("kill"):
            self._report.kills += 1
            self.start()
            return
        self._ask_fees()

    def _told(self, facts: list[Fact]) -> None:
        for fact in facts:
            event = stamped(fact, self._loop.now_ns, self._loop.wall_ns)
            if self._trace is not None:
                self._trace(f"{self._loop.now_ns} = {event}")
            self._records.stage(kinds.RECOVERY, event.wall_ns, ENCODE(event))
        self._records.flush()
        self.catch_up()


def trades_of(path: Path, client_id: str) -> list[str]:
    """The trades of an order that the ledger has."""
    with closing(read_database(path)) as db:
        rows = db.execute("select trade_id from fills where client_id = ?", (client_id,))
        return [row[0] for row in rows]
