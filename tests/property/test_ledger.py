"""Any events in any order: the ledger that followed equals the one that is rebuilt."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from support.records import WALL, Record, event, pair, start, table, tables, write
from xrpfast._core import JournalReader
from xrpfast.records.ledger import Ledger
from xrpfast.records.rebuild import rebuild
from xrpfast.trading import events

CLIENTS = ["b-1", "k-1", "b-2", "k-2", "stranger"]

_times: dict[str, Any] = {"now_ns": st.just(700), "wall_ns": st.just(WALL + 700)}
_client = st.sampled_from(CLIENTS)
_qty = st.integers(1, 200_000)
_ended = st.sampled_from(["FILLED", "CANCELLED", "EXPIRED", "REJECTED"])
_events = st.one_of(
    st.builds(events.OrderAck, client_id=_client, venue_order_id=st.just("v"), **_times),
    st.builds(events.OrderReject, client_id=_client, code=st.just("-1"), text=st.text(), **_times),
    st.builds(events.OrderUnknown, client_id=_client, reason=st.text(), **_times),
    st.builds(
        events.Fill,
        client_id=_client,
        venue_order_id=st.just("v"),
        trade_id=st.sampled_from(["t1", "t2", "t3"]),
        price=st.integers(1, 2**62),
        qty=_qty,
        fee=st.integers(0, 10**24),
        fee_asset=st.sampled_from(["XRP", "USDT", "BNB"]),
        maker=st.booleans(),
        venue_ns=st.integers(0, 2**62),
        **_times,
    ),
    st.builds(
        events.OrderEnd,
        client_id=_client,
        venue_order_id=st.just("v"),
        state=_ended,
        filled_qty=_qty,
        reason=st.text(),
        **_times,
    ),
    st.builds(
        events.QueryResult,
        client_id=_client,
        venue_order_id=st.sampled_from(["v", None]),
        state=st.one_of(st.none(), _ended, st.sampled_from(["OPEN", "PARTLY_FILLED"])),
        filled_qty=_qty,
        authoritative=st.booleans(),
        **_times,
    ),
)


@settings(max_examples=60, deadline=None)
@given(
    said=st.lists(_events, max_size=25),
    second=st.integers(0, 25),
    commits=st.sets(st.integers(1, 30)),
    stop=st.integers(0, 30),
)
def test_live_equals_rebuilt(said: list[Any], second: int, commits: set[int], stop: int) -> None:
    records: list[Record] = [start(), pair("b-1", "k-1"), *map(event, said)]
    records.insert(min(2 + second, len(records)), pair("b-2", "k-2", signal_id=8))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root / "journal", records, segment_bytes=4096)
        live = Ledger(root / "live.sqlite")
        for sequence, time_ns, kind, payload in JournalReader(root / "journal"):
            live.apply(sequence, time_ns, kind, payload)
            live.apply(sequence, time_ns, kind, payload)
            if sequence in commits:
                live.commit()
            if sequence == stop:  # killed here, caught up from the journal
                live._db.close()
                rebuild(root / "journal", root / "live.sqlite")
                break
        else:
            live.close()
        assert rebuild(root / "journal", root / "again.sqlite") == len(records)
        assert tables(root / "live.sqlite") == tables(root / "again.sqlite")

        fills = table(root / "again.sqlite", "fills")
        for order in table(root / "again.sqlite", "orders"):
            own = [f for f in fills if f["client_id"] == order["client_id"]]
            assert len({f["trade_id"] for f in own}) == len(own)
            assert sum(Decimal(f["qty"]) for f in own) == Decimal(order["filled_qty"])
