"""Every order that a mock venue saw has exactly one earlier record in a journal: the same id, side,
price and quantity. Asserted after each end-to-end test, whatever it was about.

Mocks are known by where all of them pass: those of this process by the object that `mock_venues`
makes, those of a child by the line that it prints. Their truth is taken after the test, or, if they
have ended by then, when they did. Journals are all that lie in the session's temporary folder.
Orders that a test plants by the fault `foreign_order` are not the engine's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from xrpfast._core import JournalError, JournalReader
from xrpfast.errors import FailedError
from xrpfast.model import Side
from xrpfast.records import kinds
from xrpfast.records.start import Start
from xrpfast.simulation import exchange, process, server
from xrpfast.simulation.faults.engine import Faults
from xrpfast.simulation.truth import ledger
from xrpfast.simulation.worlds import RULES
from xrpfast.trading.client_ids import parse
from xrpfast.trading.commands import PlaceLegsRecord

_PLACE = b'{"command":"place_legs"'
_PLACED = msgspec.json.Decoder(PlaceLegsRecord)
_START = msgspec.json.Decoder(Start)


class Placed(NamedTuple):
    """One leg of a journal record."""

    time_ns: int
    venue: str
    side: str
    price: Decimal
    qty: Decimal


class Mock:
    """One mock's life, and its truth."""

    def __init__(self) -> None:
        self.born_ns = time.time_ns()
        self.ended_ns = 0
        self.orders: list[dict[str, Any]] = []
        """Of the customer, with their venue."""

    def take(self, venue: str, truth: dict[str, Any]) -> None:
        self.orders = [row for row in self.orders if row["venue"] != venue]
        self.orders += [{"venue": venue, **row} for row in truth["orders"]]

    def look(self) -> None:
        """Takes its truth, while it lives."""


class InProcess(Mock):
    def __init__(self, venues: server.MockVenues) -> None:
        super().__init__()
        self.venues = venues

    def look(self) -> None:
        for name, face in self.venues.faces.items():
            key = self.venues.line["venues"][name]["api_key"]
            self.take(name, ledger(face.exchange, face.exchange.accounts[key]))


class Child(Mock):
    def __init__(self, line: dict[str, Any]) -> None:
        super().__init__()
        self.mock = process.MockExchanges(line, 0)

    def look(self) -> None:
        for name, truth in self.mock.ledger().items():
            self.take(name, truth)


class Journals:
    """What stands in every journal below a folder; one that did not change is read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[object, dict[str, set[Placed]]]] = {}

    def placed(self) -> dict[str, set[Placed]]:
        """Per client id; the same record in a copy of its journal is one."""
        found: dict[str, set[Placed]] = {}
        for path in self._folder.rglob("journal"):
            if path.is_dir():
                for client_id, legs in self._of(path).items():
                    found.setdefault(client_id, set()).update(legs)
        return found

    def _of(self, path: Path) -> dict[str, set[Placed]]:
        stats = [file.stat() for file in sorted(path.iterdir())]
        stamp = [(stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats]
        known = self._read.get(path)
        if known is None or known[0] != stamp:
            known = self._read[path] = stamp, _records(path)
        return known[1]


def _records(path: Path) -> dict[str, set[Placed]]:
    found: dict[str, set[Placed]] = {}
    rules: dict[tuple[str, str], Any] = {}
    try:
        for _, time_ns, kind, payload in JournalReader(path):
            if kind == kinds.START:
                books = _START.decode(payload).config.books
                rules = {(book.venue, book.instrument): book for book in books}
            elif kind == kinds.COMMAND and payload.startswith(_PLACE):
                for leg in _PLACED.decode(payload).legs:
                    book = rules.get((leg.venue, leg.instrument), RULES[leg.venue])
                    placed = Placed(
                        time_ns, leg.venue, Side(leg.side).name,
                        Decimal(leg.price).scaleb(-book.price_decimals),
                        Decimal(leg.qty).scaleb(-book.qty_decimals),
                    )  # fmt: skip
                    found.setdefault(leg.client_id, set()).add(placed)
    except (JournalError, OSError, msgspec.DecodeError):
        return found  # a test damaged it: what comes before counts
    return found


class Authorised:
    """All mocks of the session, and what they must agree with."""

    def __init__(self, folder: Path) -> None:
        self.mocks: list[Mock] = []
        self.planted: set[str] = set()
        """Client ids of orders that a test put there itself."""
        self._journals = Journals(folder)

    def plant(self, rule: Mapping[str, Any]) -> None:
        """Takes note of a rule of the fault engine."""
        if rule.get("action") == "foreign_order":
            self.planted.add(str(rule.get("params", {}).get("client_id")))

    def check(self) -> None:
        """Raises ``AssertionError`` for the orders that nobody wrote down first. Mocks that have
        ended are forgotten, and what was planted with them."""
        wrong: list[str] = []
        seen = 0
        placed = self._journals.placed() if self.mocks else {}
        for mock in self.mocks:
            if not mock.ended_ns:
                mock.look()
            for order in mock.orders:
                client_id = order["client_id"]
                if parse(client_id) is not None and client_id not in self.planted:
                    seen += 1
                    wrong += _objections(order, placed.get(client_id, set()), mock)
        self.mocks = [mock for mock in self.mocks if not mock.ended_ns]
        if not self.mocks:
            self.planted.clear()
        assert not wrong, f"{len(wrong)} of {seen} orders: {wrong[:5]}"


def _objections(order: dict[str, Any], placed: set[Placed], mock: Mock) -> list[str]:
    name = f"{order['venue']} {order['client_id']}"
    mine = [one for one in placed if mock.born_ns <= one.time_ns <= (mock.ended_ns or 2**63)]
    if len(mine) != 1:
        return [f"{name} stands in {len(mine)} records"]
    (one,) = mine
    what = one.venue, one.side, one.price, one.qty
    theirs = order["venue"], order["side"], Decimal(order["price"]), Decimal(order["qty"])
    if what != theirs:
        return [f"{name} is {theirs} there, {what} was recorded"]
    if one.time_ns > order["accepted_ns"]:
        return [f"{name} was there {one.time_ns - order['accepted_ns']} ns before its record"]
    return []


@pytest.fixture(scope="session")
def authorised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authorised]:
    """Knows every mock from its first moment to its last."""
    found = Authorised(tmp_path_factory.getbasetemp())
    with pytest.MonkeyPatch.context() as patch:
        _watch_this_process(found, patch)
        _watch_children(found, patch)
        _watch_what_tests_plant(found, patch)
        yield found


def _watch_this_process(found: Authorised, patch: pytest.MonkeyPatch) -> None:
    made = server.MockVenues
    close = exchange.Exchange.close

    def make(*parts: Any) -> server.MockVenues:
        venues = made(*parts)
        found.mocks.append(InProcess(venues))
        return venues

    def closing(self: exchange.Exchange) -> None:
        for mock in found.mocks:
            if isinstance(mock, InProcess) and not mock.ended_ns:
                faces = mock.venues.faces.values()
                if any(face.exchange is self for face in faces):
                    mock.look()
                    mock.ended_ns = time.time_ns()
        close(self)

    patch.setattr(server, "MockVenues", make)
    patch.setattr(exchange.Exchange, "close", closing)


def _watch_children(found: Authorised, patch: pytest.MonkeyPatch) -> None:
    first_line, end = process._first_line, process._end
    children: dict[int, Child] = {}

    def began(child: Any, *parts: Any) -> dict[str, Any]:
        line = first_line(child, *parts)
        children[child.pid] = Child(line)
        found.mocks.append(children[child.pid])
        return line

    def ending(child: Any) -> None:
        mock = children.get(child.pid)
        if mock is not None:
            if child.poll() is None:
                try:
                    mock.look()
                except FailedError:
                    child.wait(process.STOP_SECONDS)  # killed a moment ago, or at fault
            mock.ended_ns = time.time_ns()
        end(child)

    patch.setattr(process, "_first_line", began)
    patch.setattr(process, "_end", ending)


def _watch_what_tests_plant(found: Authorised, patch: pytest.MonkeyPatch) -> None:
    add, fault = Faults.add, process.MockExchanges.fault

    def adding(self: Faults, rule: Mapping[str, Any], *more: Any) -> Any:
        found.plant(rule)
        return add(self, rule, *more)

    def telling(self: process.MockExchanges, rule: Mapping[str, Any]) -> int:
        found.plant(rule)
        return fault(self, rule)

    patch.setattr(Faults, "add", adding)
    patch.setattr(process.MockExchanges, "fault", telling)


@pytest.fixture(autouse=True)
def every_order_was_journalled(authorised: Authorised) -> Iterator[None]:
    """A test that puts an order there in a way of its own names it in `Authorised.planted`."""
    yield
    authorised.check()
