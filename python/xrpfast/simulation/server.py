"""The mock venues on real sockets of this machine."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from picows import WSAutoPingStrategy, WSListener, WSTransport, WSUpgradeRequest, ws_create_server

from xrpfast.errors import UsageError
from xrpfast.simulation.bench_feed import BenchFeed
from xrpfast.simulation.binance.face import BinanceFace
from xrpfast.simulation.control import Control
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.flow import (
    Capture,
    FlowSettings,
    MarketFlow,
    RecordedMarket,
    Recording,
)
from xrpfast.simulation.jobs import kept_alive
from xrpfast.simulation.kucoin.face import KucoinFace
from xrpfast.simulation.worlds import RULES, VENUES, customer, exchange_of

HOST = "127.0.0.1"
PING_SECONDS = 20.0
Face = BinanceFace | KucoinFace


@dataclass(frozen=True, slots=True)
class MockVenues:
    """What runs: for tests in the same process, and the line that `mock` prints."""

    line: dict[str, Any]
    faces: dict[str, Face]
    flow: MarketFlow


@asynccontextmanager
async def mock_venues(
    venues: Sequence[str] = VENUES,
    *,
    port: int = 0,
    seed: int = 0,
    flow: FlowSettings | None = None,
    captures: Mapping[str, Capture] | None = None,
) -> AsyncIterator[MockVenues]:
    """Serves the venues until the block ends; ``port`` 0 takes free ones.

    ``flow`` sets the seeded market; a venue with one of ``captures`` plays that instead, and trades
    the symbol that was captured. Raises `UsageError` when a port is taken, for settings that these
    venues cannot have, and for a capture that cannot be played; `MockFailedError` when a part of
    the mock dies meanwhile.
    """
    async with AsyncExitStack() as stack:
        exchanges: dict[str, Exchange] = {}
        faces: dict[str, Face] = {}
        line: dict[str, Any] = {"venues": {}, "symbols": {}}
        captures = captures or {}
        recorded = _recordings(venues, captures)
        for venue in venues:
            rules = recorded[venue].rules if venue in recorded else None
            account = customer(venue, seed, rules)
            exchange = exchange_of(venue, rules=rules)
            exchange.add_account(account)
            exchanges[venue] = exchange
            place = VENUES.index(venue) * 2
            rest, ws = (_listen(port and port + place + n) for n in (0, 1))
            ws_port = ws.getsockname()[1]
            face: Face
            if venue == "binance":
                face = BinanceFace(exchange)
            else:
                face = KucoinFace(exchange, f"ws://{HOST}:{ws_port}/")
            faces[venue] = face
            line["symbols"][venue] = exchange.rules.venue_symbol
            await _serve_http(stack, face.rest_app(), rest)
            await _serve_ws(stack, face, ws)
            line["venues"][venue] = _addresses(venue, rest.getsockname()[1], ws_port) | {
                "api_key": account.api_key,
                "api_secret": account.secret,
                **({"passphrase": account.passphrase} if account.passphrase else {}),
            }
        market = MarketFlow(
            [exchanges[venue] for venue in venues if venue not in recorded],
            seed,
            flow,
            {
                venue: RecordedMarket(exchanges[venue], recording, captures[venue])
                for venue, recording in recorded.items()
            },
        )
        control = _listen(port and port + 2 * len(VENUES))
        await _serve_http(stack, Control(faces, market, _bench(faces, market)).app(), control)
        line["control_url"] = f"http://{HOST}:{control.getsockname()[1]}"
        jobs = market.jobs() | {f"{name} face": face.run() for name, face in faces.items()}
        await stack.enter_async_context(kept_alive(jobs))
        yield MockVenues(line, faces, market)


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


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"port {port} of {HOST} cannot be used ({error.strerror}): choose another with --port"
        ) from None
    listener.setblocking(False)
    return listener


def _addresses(venue: str, rest: int, ws: int) -> dict[str, str]:
    if venue == "binance":
        return {
            "rest_url": f"http://{HOST}:{rest}",
            "stream_url": f"ws://{HOST}:{ws}",
            "ws_api_url": f"ws://{HOST}:{ws}/ws-api/v3",
        }
    return {"rest_url": f"http://{HOST}:{rest}", "order_url": f"ws://{HOST}:{ws}/v1/private"}


async def _serve_http(stack: AsyncExitStack, app: web.Application, listener: socket.socket) -> None:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listener).start()


async def _serve_ws(stack: AsyncExitStack, face: Face, listener: socket.socket) -> None:
    sockets: set[WSTransport] = set()

    def accept(request: WSUpgradeRequest) -> WSListener | None:
        found = face.ws_listener(request)
        return None if found is None else _tracked(found, sockets)

    server = await ws_create_server(
        accept,
        sock=listener,
        enable_auto_ping=isinstance(face, BinanceFace),  # KuCoin leaves pings to the client
        auto_ping_idle_timeout=PING_SECONDS,
        # The venue waits 60 s for a pong; picows allows no more than the period.
        auto_ping_reply_timeout=PING_SECONDS,
        auto_ping_strategy=WSAutoPingStrategy.PING_PERIODICALLY,
    )

    async def close() -> None:
        server.close()
        for transport in list(sockets):
            transport.disconnect(graceful=False)
        await server.wait_closed()

    stack.push_async_callback(close)


def _tracked(listener: WSListener, sockets: set[WSTransport]) -> WSListener:
    """The listener, with its socket known to the server that must close it, and undelayed."""
    connected, disconnected = listener.on_ws_connected, listener.on_ws_disconnected

    def on_connected(transport: WSTransport) -> None:
        raw = transport.underlying_transport.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets.add(transport)
        connected(transport)

    def on_disconnected(transport: WSTransport) -> None:
        sockets.discard(transport)
        disconnected(transport)

    listener.on_ws_connected = on_connected  # type: ignore[method-assign]
    listener.on_ws_disconnected = on_disconnected  # type: ignore[method-assign]
    return listener
