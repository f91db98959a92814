"""Before a run begins: what became of the orders of earlier runs, by the venue's own word.

Each order that the ledger has as not settled is asked for by its client id, cancelled when it still
works, and its fills are taken, until the venue's word is final. Then the venue's own list of the
latest trades is read: what it has of an order that the ledger took for over is booked, too. Fees
that were estimates are asked for. All of that is journalled, as `kinds.RECOVERY`, before the new
START. A venue that does not answer in time about an order, or with its trades, refuses the start.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count as count_up
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Final

import msgspec

from xrpfast.errors import FailedError, UsageError, XrpfastError
from xrpfast.records import kinds
from xrpfast.records.unsettled import (
    LeftOrder,
    booked_trades,
    latest_order,
    left,
    open_fees,
    owners,
)
from xrpfast.service.fees import of_earlier_runs
from xrpfast.service.reconciling import UNREADABLE
from xrpfast.trading.client_ids import is_ours, parse
from xrpfast.trading.events import AnyEvent, Fill, OrderUnknown, QueryResult
from xrpfast.trading.lifecycle import APART, PERSON
from xrpfast.trading.transitions import WORKING_STATES
from xrpfast.venues.account_state import Question
from xrpfast.venues.outcome import Outcome, VenueError
from xrpfast.venues.venue import CLOCKS_NS, SECOND_NS

if TYPE_CHECKING:
    from xrpfast._core import Journal
    from xrpfast.model import SymbolRules
    from xrpfast.records.ledger import Ledger
    from xrpfast.venues.venue import Venue

WITHIN_S: Final = 45.0
"""For all orders together. An order that never arrived is proven absent about 17 s after it was
sent, so that this is enough for one that was sent right before a crash."""
WAITS_S: Final = (0.2, 0.3, 0.5, 1.0, 2.0, 3.0)
"""Between questions about one order; the last one repeats."""
OVERLAP_NS: Final = 600 * SECOND_NS
"""Trades are read from so long before the latest order on: many rounds of a run would have told of
what is older."""
ABSENT_S: Final = APART / 1e9 + 0.01
"""At least, after an answer that the venue does not know it: one that comes sooner is no other."""

_LOG = logging.getLogger("xrpfast.service")


class Recovery:
    """Brings ledger and journal up to what the venues know of earlier runs."""

    def __init__(
        self, prefix: str, path: Path, ledger: Ledger, journal: Journal, within_s: float = WITHIN_S
    ) -> None:
        """``path``: of the ledger, which is read beside its one writer."""
        self._prefix = prefix
        self._path = path
        self._ledger = ledger
        self._journal = journal
        self._within_s = within_s
        self._synced: set[str] = set()
        self._encode = msgspec.json.Encoder().encode

    async def catch_up(self, venues: Mapping[str, Venue]) -> None:
        """All that earlier runs left: their orders, then what was filled after their ends, then
        fees. Raises `FailedError` when a venue does not say what has to be known."""
        settled = await self.run(venues)
        if settled:
            _LOG.warning("%d orders of earlier runs are settled", settled)
        late = await self.fills(venues)
        if late:
            _LOG.critical("%d fills of orders of earlier runs that were over are booked", late)
        estimates = await self.fees(venues)
        if estimates:
            _LOG.warning("%d fees of earlier fills were never told: estimates", estimates)

    async def run(self, venues: Mapping[str, Venue]) -> int:
        """Settles every order; returns how many there were.

        Raises `FailedError`, one line that names the order and the venue, when one cannot be, and
        `UsageError` for the records of another mode: its orders are not on these accounts, and the
        base that it left is not there to be hedged.
        """
        found = left(self._path)
        if found.environment not in ("", self._prefix[1]):
            raise UsageError(
                f"state_dir {self._path.parent} is of runs in another mode "
                f"({found.environment!r}, not {self._prefix[1]!r}): choose another state_dir"
            )
        if not found.orders:
            return 0
        for name in {order.venue for order in found.orders}:
            venue = venues.get(name)
            if venue is None:
                ids = [order.client_id for order in found.orders if order.venue == name]
                raise FailedError(f"order {ids[0]} at {name} is not settled: enable {name} again")
            venue.know(self._prefix, (rule for rule in found.rules if rule.venue == name))
            oldest_ns = min(order.created_ns for order in found.orders if order.venue == name)
            venue.remember(owners(self._path, name, oldest_ns - CLOCKS_NS))
        symbols = {(r.venue, r.instrument): r.venue_symbol for r in found.rules}
        deadline = asyncio.get_running_loop().time() + self._within_s
        _LOG.warning("%d orders of earlier runs are not settled: asking", len(found.orders))
        for order in found.orders:
            symbol = symbols.get((order.venue, order.instrument))
            if symbol is None:  # an older version kept those of its latest run alone
                raise FailedError(
                    f"order {order.client_id} at {order.venue} is not settled, and the ledger has "
                    f"no rules of {order.instrument} there: `ledger rebuild` takes them from the "
                    "journal"
                )
            await self._settle(order, venues[order.venue], symbol, deadline)
        return len(found.orders)

    async def fills(self, venues: Mapping[str, Venue]) -> int:
        """Takes the fills that came after the ledger had their order as over, and the true fees
        that the same list tells; returns how many fills there were. `run` comes first.

        Raises `FailedError`, one line, when a venue's trades cannot be read: what they moved would
        be in the balances of the next run and in no ledger.
        """
        rules = left(self._path).rules
        count = 0
        for name, venue in venues.items():
            here = [rule for rule in rules if rule.venue == name]
            latest_ns = latest_order(self._path, name)
            if not here or not latest_ns:
                continue
            count += self._book(await self._latest(venue, here, latest_ns - OVERLAP_NS))
        return count

    async def _latest(
        self, venue: Venue, rules: Sequence[SymbolRules], since_ns: int
    ) -> list[Fill]:
        trouble = "no answer in time"
        try:
            async with asyncio.timeout(self._within_s):
                for step in count_up():
                    try:
                        await self._sync(venue)
                        venue.know(self._prefix, await self._there(venue, rules))
                        return await self._listed(venue, since_ns)
                    except XrpfastError as error:
                        trouble = str(error)
                    except UNREADABLE as error:
                        trouble = f"an answer that cannot be read: {type(error).__name__}: {error}"
                    await asyncio.sleep(WAITS_S[min(step, len(WAITS_S) - 1)])
        except TimeoutError:
            pass
        raise FailedError(
            f"{venue.name}: its latest trades cannot be read: {trouble}; "
            "start again when the venue answers"
        )

    async def _there(self, venue: Venue, rules: Sequence[SymbolRules]) -> list[SymbolRules]:
        """The symbols that the venue still has: trades of others it tells nobody any more."""
        there = []
        for rule in rules:
            try:
                await venue.rules(rule.instrument)
                there.append(rule)
            except (UsageError, VenueError) as error:
                if isinstance(error, VenueError) and error.outcome is not Outcome.NEVER_RETRY:
                    raise
                _LOG.critical("%s has no %s any more", venue.name, rule.venue_symbol)
        return there

    async def _listed(self, venue: Venue, since_ns: int) -> list[Fill]:
        """The fills of our orders, of whatever run, since a wall time, or as far as they reach."""
        if venue.trades_reach_ns is not None:
            since_ns = max(since_ns, time_ns() - venue.trades_reach_ns + CLOCKS_NS)
        known = dict(owners(self._path, venue.name, since_ns - CLOCKS_NS))
        question = Question((), since_ns, known.get, lambda each: is_ours(each, self._prefix))
        state = await venue.account_state(question)
        return [event for event in state.events if isinstance(event, Fill)]

    def _book(self, told: Sequence[Fill]) -> int:
        booked = booked_trades(self._path, {fill.client_id for fill in told})
        owed = {(fee.client_id, fee.trade_id) for fee in open_fees(self._path)}
        late: dict[tuple[str, str], Fill] = {}
        fees: list[Fill] = []
        for fill in told:
            key = fill.client_id, fill.trade_id
            place = f"fill {fill.trade_id} of order {fill.client_id}"
            if key in booked:
                fees += [fill] if key in owed and not fill.fee_estimated else []
                continue
            order = self._ledger.order(fill.client_id)
            if order is None:
                _LOG.critical("%s: no ledger has this order; not booked", place)
            elif order.reason.startswith(PERSON):
                _LOG.critical("%s: a person had settled it (%s); not booked", place, order.reason)
            elif key not in late:
                _LOG.critical("%s: the ledger had it as %s; booked", place, order.state.value)
                late[key] = fill
        self._take([*late.values(), *fees])
        self._ledger.commit()
        return len(late)

    async def _sync(self, venue: Venue) -> None:
        if venue.name not in self._synced:
            await venue.sync_clock()
            self._synced.add(venue.name)

    async def fees(self, venues: Mapping[str, Venue]) -> int:
        """Asks for the true fees of fills that were booked with an estimate; returns how many stay
        estimates. Never raises for what a venue does."""
        owed = open_fees(self._path)
        rules = left(self._path).rules
        for name in dict.fromkeys(fee.venue for fee in owed):
            here = [rule for rule in rules if rule.venue == name]
            venue = venues.get(name)
            if venue is None:
                continue
            venue.know(self._prefix, here)
            symbols = {rule.instrument: rule.venue_symbol for rule in here}
            mine = [fee for fee in owed if fee.venue == name and fee.instrument in symbols]
            self._take(await of_earlier_runs(venue, mine, symbols))
        self._ledger.commit()
        return len(open_fees(self._path))

    async def _settle(self, order: LeftOrder, venue: Venue, symbol: str, deadline: float) -> None:
        created_ns = monotonic_ns() - max(0, time_ns() - order.created_ns)
        why = "a run ended before its fate was known"
        self._take(
            [
                OrderUnknown(
                    now_ns=monotonic_ns(), wall_ns=time_ns(), client_id=order.client_id, reason=why
                )
            ]
        )
        trouble = "its word is not final"
        loop = asyncio.get_running_loop()
        step, least_s = 0, 0.0
        while not self._settled(order):
            if step:
                await asyncio.sleep(max(least_s, WAITS_S[min(step, len(WAITS_S)) - 1]))
            if loop.time() > deadline:
                raise FailedError(
                    f"order {order.client_id} at {venue.name} is not settled: {trouble}; "
                    "start again when the venue answers"
                )
            step += 1
            try:
                await self._sync(venue)
                events = await venue.query(symbol, order.client_id, created_ns)
            except XrpfastError as error:
                trouble = str(error)
                continue
            except UNREADABLE as error:
                trouble = f"an answer that cannot be read: {type(error).__name__}: {error}"
                continue
            self._take(events)
            answer = events[-1]
            assert isinstance(answer, QueryResult)
            trouble = "its word is not final"
            least_s = ABSENT_S if answer.state is None and answer.authoritative else 0.0
            if answer.state is None and venue.forgets(created_ns):
                trouble = (
                    "it is older than the trades that the venue still lists: see there what became "
                    "of it, then say it by `settle`"
                )
            if answer.state in WORKING_STATES:
                _LOG.warning("order %s works at %s: cancelled", order.client_id, venue.name)
                with suppress(XrpfastError):  # the next answer tells what came of it
                    await venue.cancel(symbol, order.client_id)

    def _settled(self, order: LeftOrder) -> bool:
        self._ledger.commit()
        return all(other.client_id != order.client_id for other in left(self._path).orders)

    def _take(self, events: Sequence[AnyEvent]) -> None:
        """On disk first, then into the ledger."""
        records = []
        for event in events:
            wall_ns, payload = time_ns(), self._encode(event)
            sequence = self._journal.stage(kinds.RECOVERY, wall_ns, payload)
            records.append((sequence, wall_ns, payload))
        self._journal.flush()
        self._journal.sync()
        for sequence, wall_ns, payload in records:
            self._ledger.apply(sequence, wall_ns, kinds.RECOVERY, payload)


async def cancel_strays(venue: Venue, symbol: str, prefix: str, epoch: int) -> int:
    """Cancels working orders of earlier runs that no ledger knows; returns how many there were.

    Raises `FailedError` for an own order of this run or a later one: a second engine.
    """
    cancelled = 0
    for _ in range(5):
        working = await venue.open_orders(symbol)
        strays = [order.client_id for order in working if order.client_id.startswith(prefix)]
        if not strays:
            return cancelled
        for client_id in strays:
            parts = parse(client_id)
            if parts is None or parts.epoch >= epoch:
                raise FailedError(
                    f"{venue.name} {symbol}: order {client_id} is not of an earlier run: "
                    "does a second engine of this deployment trade on this account?"
                )
            _LOG.critical("%s: order %s of an earlier run: cancelled", venue.name, client_id)
            with suppress(XrpfastError):  # gone already, or the next look finds it again
                await venue.cancel(symbol, client_id)
            cancelled += 1
        await asyncio.sleep(0.2)
    raise FailedError(
        f"{venue.name} {symbol}: {len(strays)} open orders of earlier runs ({strays[0]}) are not "
        "to be cancelled: cancel them at the venue, then start again"
    )
