"""The mock venues on real sockets of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from xrpfast.errors import UsageError
from xrpfast.model import SymbolRules
from xrpfast.simulation.bench_feed import BenchFeed
from xrpfast.simulation.binance.face import SBE_PATH, BinanceFace
from xrpfast.simulation.clock import VenueClock
from xrpfast.simulation.control import Control
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.faults.engine import Faults
from xrpfast.simulation.faults.venue import venue_actions
from xrpfast.simulation.flow import (
    Capture,
    FlowSettings,
    MarketFlow,
    RecordedMarket,
    Recording,
)
from xrpfast.simulation.front import HOST, Face, Front, listen, serve_http
from xrpfast.simulation.jobs import kept_alive
from xrpfast.simulation.kucoin.face import KucoinFace
from xrpfast.simulation.worlds import RULES, VENUES, customer, exchange_of


@dataclass(frozen=True, slots=True)
class MockVenues:
    """What runs: for tests in the same process, and the line that `mock` prints."""

    line: dict[str, Any]
    faces: dict[str, Face]
    flow: MarketFlow
    faults: Faults


class Given(NamedTuple):
    """A venue whose market comes from outside."""

    rules: SymbolRules
    balances: Mapping[str, int]
    """Money by asset that its customer starts with."""


@asynccontextmanager
async def mock_venues(
    venues: Sequence[str] = VENUES,
    *,
    port: int = 0,
    seed: int = 0,
    flow: FlowSettings | None = None,
    captures: Mapping[str, Capture] | None = None,
    given: Mapping[str, Given] | None = None,
    faults: Sequence[Mapping[str, Any]] = (),
    relay: bool = False,
) -> AsyncIterator[MockVenues]:
    """Serves the venues until the block ends; ``port`` 0 takes free ones.

    ``flow`` sets the seeded market; a venue with one of ``captures`` plays that instead, and trades
    the symbol that was captured; one that is ``given`` has no market but what its caller shows.
    ``faults`` are rules from the start; with ``relay`` some may be of channel network. Raises
    `UsageError` when a port is taken, for settings or rules that these venues cannot have, and for
    a capture that cannot be played; `MockFailedError` when a part of the mock dies meanwhile.
    """
    async with AsyncExitStack() as stack:
        engine = Faults(tuple(venues), network=relay)
        exchanges: dict[str, Exchange] = {}
        faces: dict[str, Face] = {}
        actions = {}
        line: dict[str, Any] = {"venues": {}, "symbols": {}, "ed25519": {}}
        captures = captures or {}
        recorded = _recordings(venues, captures)
        given = given or {}
        for venue in venues:
            rules = recorded[venue].rules if venue in recorded else None
            balances = None
            if venue in given:
                rules, balances = given[venue]
            account = customer(venue, seed, rules, balances)
            clock = VenueClock()
            exchange = exchange_of(venue, clock, rules=rules)
            exchange.add_account(account)
            stack.callback(exchange.close)
            exchanges[venue] = exchange
            place = VENUES.index(venue) * 2
            rest, ws = (listen(port and port + place + n) for n in (0, 1))
            ws_port = ws.getsockname()[1]
            face: Face
            if venue == "binance":
                face = BinanceFace(exchange)
                line["ed25519"][venue] = face.credentials()
            else:
                face = KucoinFace(exchange, f"ws://{HOST}:{ws_port}/")
            faces[venue] = face
            line["symbols"][venue] = exchange.rules.venue_symbol
            if venue == "binance":
                line["sbe_stream_url"] = f"ws://{HOST}:{ws_port}{SBE_PATH}"
            rest_port = rest.getsockname()[1]
            front = Front(venue, face, engine)
            await front.serve(stack, rest, ws)
            actions[venue] = venue_actions(front, clock)
            line["venues"][venue] = _addresses(venue, rest_port, ws_port) | {
                "api_key": account.api_key,
                "api_secret": account.secret,
                **({"passphrase": account.passphrase} if account.passphrase else {}),
            }
        engine.venue_actions = actions
        market = MarketFlow(
            [exchanges[venue] for venue in venues if venue not in recorded and venue not in given],
            seed,
            flow,
            {
                venue: RecordedMarket(exchanges[venue], recording, captures[venue])
                for venue, recording in recorded.items()
            },
        )
        control = listen(port and port + 2 * len(VENUES))
        bench = None if given else _bench(faces, market)
        await serve_http(stack, Control(faces, market, engine, bench).app(), control)
        line["control_url"] = f"http://{HOST}:{control.getsockname()[1]}"
        jobs = market.jobs() | {f"{name} face": face.run() for name, face in faces.items()}
        await stack.enter_async_context(kept_alive(jobs))
        for fault in faults:
            if fault.get("venue", "*") not in set(VENUES) - set(venues):  # a scenario is for all
                engine.add(fault)
        yield MockVenues(line, faces, market, engine)


def _recordings(venues: Sequence[str], captures: Mapping[str, Capture]) -> dict[str, Recording]:
    for venue in captures:
        if venue not in venues:
            raise UsageError(f"a capture of {venue!r}, but the venues are {', '.join(venues)}")
    return {
        venue: Recording.open(capture.path, RULES[venue], capture.symbol)
        for venue, capture in captures.items()
    }


def _bench(faces: dict[str, Face], flow: MarketFlow) -> BenchFeed | None:
    """None unless both venues have the seeded market: the bench moves XRP's own prices."""
    binance, kucoin = faces.get("binance"), faces.get("kucoin")
    if flow.recorded:
        return None
    if isinstance(binance, BinanceFace) and isinstance(kucoin, KucoinFace):
        return BenchFeed(binance, kucoin, flow)
    return None


def _addresses(venue: str, rest: int, ws: int) -> dict[str, str]:
    if venue == "binance":
        return {
            "rest_url": f"http://{HOST}:{rest}",
            "stream_url": f"ws://{HOST}:{ws}",
            "ws_api_url": f"ws://{HOST}:{ws}/ws-api/v3",
        }
    return {"rest_url": f"http://{HOST}:{rest}", "order_url": f"ws://{HOST}:{ws}/v1/private"}
