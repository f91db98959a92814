"""What the engine's order desk believes is what the ledger says, whatever was told in any order.

The engine's events and commands go into a real journal as the driver writes them; the ledger
follows that journal alone.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support.recorded import Recorded
from support.records import table, tables, write
from support.trading import MS, World
from xrpfast._core import JournalReader
from xrpfast.model import MONEY_ONE, parse_money
from xrpfast.records.ledger import Ledger
from xrpfast.records.rebuild import rebuild
from xrpfast.records.unsettled import left
from xrpfast.trading import events as ev
from xrpfast.trading.commands import Alert, AnyCommand, Forget
from xrpfast.trading.orders import Order

QTY = st.sampled_from([0, 1, 400, 500, 999, 1_000, 1_001, 400_000, 500_000, 10**6, 10**6 + 1])
STATES = st.sampled_from(["FILLED", "CANCELLED", "EXPIRED", "REJECTED", "OPEN", "PARTLY_FILLED"])
VENUE_ID = st.sampled_from(["", "v", "v", "v", "other"])
FEE = st.tuples(st.sampled_from([0, MONEY_ONE // 7]), st.sampled_from(["USDT", "XRP", "KCS"]))
STEPS = st.one_of(
    st.tuples(st.just("signal"), st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([1, 100, 500, 3_000])),
    st.tuples(st.just("control"), st.sampled_from(["stop", "start", "start"])),
    st.tuples(st.just("ack"), VENUE_ID),
    st.tuples(st.just("reject"), st.sampled_from(["", "no funds"])),
    st.tuples(st.just("unknown")),
    st.tuples(
        st.just("fill"),
        VENUE_ID,
        st.sampled_from("123"),
        QTY,
        st.sampled_from([0, 0, 1]),
        FEE,
        st.booleans(),
    ),
    st.tuples(st.just("end"), VENUE_ID, STATES, QTY),
    st.tuples(st.just("query"), VENUE_ID, st.one_of(st.none(), STATES), QTY, st.booleans()),
    st.tuples(st.just("again"), st.integers(1, 30)),
)


def step(world: Recorded, which: int, kind: str, values: tuple[Any, ...]) -> None:
    world.now_ns += MS
    if kind == "signal":
        busy = world.engine.orders.busy
        kept, busy[0] = busy[0], 0  # the gate for one pair at a time is not what is tested
        (world.reverse_signal if values[0] else world.signal)()
        busy[0] += kept
        return
    if kind == "wait":
        world.now_ns += values[0] * MS
        world.timer()
        return
    if kind == "control":
        world.control(values[0])
        return
    if kind == "again":
        world.process(world.told[-min(values[0], len(world.told))])
        return
    if not world.legs:
        return
    leg = world.legs[-1 - which % min(4, len(world.legs))]
    if which == 7:
        leg = msgspec.structs.replace(leg, client_id="xweb-1")

    def venue_id(at: int) -> str:
        return values[at] + leg.client_id if values[at] else ""

    if kind == "ack":
        world.tell(ev.OrderAck, client_id=leg.client_id, venue_order_id=venue_id(0))
    elif kind == "reject":
        world.tell(ev.OrderReject, client_id=leg.client_id, code="-2010", text=values[0])
    elif kind == "unknown":
        world.unknown(leg)
    elif kind == "fill":
        worse = values[3] if leg.side == 0 else -values[3]
        world.fill(
            leg,
            values[1],
            values[2],
            venue_order_id=venue_id(0),
            price=leg.price + worse,
            fee=values[4][0],
            fee_asset=values[4][1],
            fee_estimated=values[5],
        )
    elif kind == "end":
        world.tell(
            ev.OrderEnd,
            client_id=leg.client_id,
            venue_order_id=venue_id(0),
            state=values[1],
            filled_qty=values[2],
            reason="done",
        )
    else:
        world.query(leg, values[1], values[2], authoritative=values[3])


class Watched(Recorded):
    """A recorded world that keeps every order as it was when it left the desk's memory."""

    def __init__(self, keep_orders: int) -> None:
        self.left: dict[str, Order] = {}
        super().__init__(keep_orders=keep_orders)

    def process(self, event: ev.AnyEvent) -> list[AnyCommand]:
        held = dict(self.engine.orders.orders)
        out = super().process(event)
        self.left |= {c.client_id: held[c.client_id] for c in out if isinstance(c, Forget)}
        return out


def desk_rows(world: Watched) -> dict[str, dict[str, Any]]:
    """Every order that the desk knows or knew, as the ledger has to say it."""
    rows = {}
    for order in (*world.left.values(), *world.engine.orders.orders.values()):
        rules = world.engine.config.books[order.book]
        rows[order.client_id] = {
            "state": order.state.value,
            "filled_qty": rules.qty_money(order.filled),
            "claimed_qty": rules.qty_money(order.claimed),
            "price": rules.notional(order.price, 10**rules.qty_decimals),
            "qty": rules.qty_money(order.qty),
            "venue_order_id": order.venue_order_id or None,
            "accepted": int(order.accepted),
            "cancel_wanted": int(order.cancel_wanted),
            "absences": order.absences,
            "absent_ns": order.absent_ns,
            "reason": order.reason,
            "strategy": order.strategy,
            "signal_id": order.signal_id,
            "trades": sorted(order.trades or ()),
            "value": rules.notional(1, 1) * order.filled_value,
            "forgotten": int(order.client_id in world.left),
        }
    return rows


def late_fills(world: Watched) -> set[str]:
    """Orders that left memory and of which a fill came that nobody had told."""
    told = [c.text for c in world.asked if isinstance(c, Alert) and "next start asks" in c.text]
    return {client_id for client_id in world.left if any(client_id in text for text in told)}


def ledger_rows(path: Path) -> dict[str, dict[str, Any]]:
    fills = table(path, "fills")
    rows = {}
    for row in table(path, "orders"):
        own = [fill for fill in fills if fill["client_id"] == row["client_id"]]
        said = {
            key: row[key]
            for key in (
                "state", "venue_order_id", "accepted", "cancel_wanted", "absences", "absent_ns",
                "reason", "strategy", "signal_id", "forgotten",
            )
        }  # fmt: skip
        for key in ("filled_qty", "claimed_qty", "price", "qty"):
            said[key] = parse_money(row[key])
        said["trades"] = sorted(fill["trade_id"] for fill in own)
        said["value"] = sum(
            parse_money(fill["price"]) * parse_money(fill["qty"]) // MONEY_ONE for fill in own
        )
        rows[row["client_id"]] = said
    return rows


def desk_moves(world: World) -> dict[tuple[str, str], int]:
    """What the fills changed, per venue and asset, as the portfolio has booked it."""
    portfolio = world.engine.portfolio
    moves = {
        place: portfolio.booked[at] - portfolio.start[at] - portfolio.adopted[at]
        for place, at in world.engine.context.accounts.items()
    }
    return {place: moved for place, moved in moves.items() if moved}


def ledger_moves(path: Path) -> dict[tuple[str, str], int]:
    orders = {row["client_id"]: row for row in table(path, "orders")}
    moves: Counter[tuple[str, str]] = Counter()
    for fill in table(path, "fills"):
        sign = 1 if orders[fill["client_id"]]["side"] == "BUY" else -1
        price, qty, fee = (parse_money(fill[key]) for key in ("price", "qty", "fee"))
        moves[fill["venue"], "XRP"] += sign * qty
        moves[fill["venue"], "USDT"] -= sign * price * qty // MONEY_ONE
        moves[fill["venue"], fill["fee_asset"]] -= fee
    return {place: moved for place, moved in moves.items() if moved}


NO_FEE = (0, "USDT")
SILENCE = [(0, ("wait", 3_000))]
SAME_TRADE_ID = [
    (1, ("fill", "v", "1", 500, 0, NO_FEE, False)),  # bought on binance
    (0, ("fill", "v", "1", 500, 0, NO_FEE, False)),  # sold on kucoin
    (0, ("signal", True)),
    (
        0,
        ("fill", "v", "1", 500, 0, NO_FEE, False),
    ),  # sold on binance: the other side of the same trade
    (3, ("fill", "v", "1", 500, 0, NO_FEE, False)),  # the first one again
    (0, ("signal", False)),
    (
        1,
        ("fill", "v", "1", 500, 0, NO_FEE, False),
    ),  # bought on binance, by another order: cannot be
]

LATE_FEE = [
    (0, ("fill", "v", "1", 500, 0, (1, "USDT"), True)),
    (0, ("fill", "v", "1", 500, 0, (2, "USDT"), True)),  # an estimate corrects nothing
    (0, ("fill", "v", "1", 500, 0, (3, "KCS"), False)),
    (0, ("fill", "v", "1", 500, 0, (4, "USDT"), False)),  # once
]
ALL = (0, ("end", "", "FILLED", 10**6))
TOLD_AFTER_IT_LEFT = [
    (0, ("fill", "v", "1", 400_000, 0, (1, "USDT"), True)),
    (0, ("end", "v", "EXPIRED", 400_000)),
    (0, ("fill", "v", "1", 400_000, 0, (1, "USDT"), True)),
    (0, ("ack", "v")),
    (0, ("fill", "v", "1", 400_000, 0, (3, "KCS"), False)),  # its true fee
    (0, ("end", "v", "FILLED", 10**6)),
    (0, ("query", "v", "EXPIRED", 500_000, True)),
    (0, ("fill", "v", "2", 1, 0, NO_FEE, False)),  # it cannot be
    (0, ("fill", "v", "2", 1, 0, NO_FEE, False)),
]


@settings(max_examples=120, deadline=None)
@example(steps=SILENCE, commits=set(), keep=4096)
@example(steps=SAME_TRADE_ID, commits={3}, keep=4096)
@example(steps=SAME_TRADE_ID, commits={3}, keep=0)
@example(steps=LATE_FEE, commits=set(), keep=4096)
@example(steps=[ALL, *LATE_FEE], commits=set(), keep=0)
@example(steps=TOLD_AFTER_IT_LEFT, commits=set(), keep=0)
@given(
    steps=st.lists(st.tuples(st.integers(0, 7), STEPS), max_size=40),
    commits=st.sets(st.integers(1, 120)),
    keep=st.sampled_from([0, 1, 2, 4096]),
)
def test_ledger_says_what_the_desk_believes(
    steps: list[tuple[int, tuple[Any, ...]]], commits: set[int], keep: int
) -> None:
    world = Watched(keep)
    step(world, 0, "signal", (False,))
    for which, (kind, *values) in steps:
        step(world, which, kind, tuple(values))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root / "journal", world.records, segment_bytes=16_384)
        live = Ledger(root / "live.sqlite")
        for sequence, time_ns, kind_of, payload in JournalReader(root / "journal"):
            live.apply(sequence, time_ns, kind_of, payload)
            live.apply(sequence, time_ns, kind_of, payload)
            if sequence in commits:
                live.commit()
        live.close()
        said, believed = ledger_rows(root / "live.sqlite"), desk_rows(world)
        for client_id in world.left:
            # What a venue claims of an order that nobody follows any more is noted, and asked for.
            claimed = said[client_id].pop("claimed_qty")
            assert claimed >= believed[client_id].pop("claimed_qty")
        assert said == believed
        unsettled = {order.client_id for order in left(root / "live.sqlite").orders}
        assert unsettled >= world.engine.orders.unsettled.keys() | late_fills(world)
        assert ledger_moves(root / "live.sqlite") == desk_moves(world)
        assert rebuild(root / "journal", root / "again.sqlite") == len(world.records)
        assert tables(root / "live.sqlite") == tables(root / "again.sqlite")
