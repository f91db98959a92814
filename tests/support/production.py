"""The mock venues under the names of production: TLS before them, and a resolver that knows no
other host, so that nothing of a test can reach a real venue.

The engine runs as a child with nothing changed but where names lead (`sitecustomize` on its path)
and which certificates it trusts (SSL_CERT_FILE).
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from support.tls_gateway import certificate, pump
from xrpfast.simulation.kucoin.face import KucoinFace
from xrpfast.simulation.server import MockVenues, mock_venues

PUSH = "ws-api-spot.kucoin.com"
NAMES = (
    ("api.binance.com", 443, "binance", "rest_url"),
    ("stream.binance.com", 9443, "binance", "stream_url"),
    ("ws-api.binance.com", 443, "binance", "ws_api_url"),
    ("api.kucoin.com", 443, "kucoin", "rest_url"),
    ("wsapi.kucoin.com", 443, "kucoin", "order_url"),
    (PUSH, 443, "kucoin", "order_url"),
)
"""Host and port that the defaults of the configuration name, and where the mock serves it."""
ORDER_ROUTES = ("order.*place*", "spot.*order*", "POST *order*")
CANCELS_ALL = "POST *dead-cancel-all"
"""Is a POST below KuCoin's orders, and places none."""
RESOLVER = """
import json, os, socket

PLACES = {tuple(place): port for *place, port in json.loads(os.environ["XRPFAST_TEST_PLACES"])}


def found(host, port):
    if host in ("127.0.0.1", "::1", None):
        return None
    if (host, int(port)) not in PLACES:
        raise socket.gaierror(f"{host}:{port}: no test knows it")
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", PLACES[host, int(port)]))]


def patch():
    import uvloop

    class Loop(uvloop.Loop):
        async def getaddrinfo(self, host, port, **rest):
            return found(host, port) or await super().getaddrinfo(host, port, **rest)

    uvloop.Loop = Loop
    of_system = socket.getaddrinfo
    socket.getaddrinfo = lambda host, port, *rest, **more: (
        found(host, port) or of_system(host, port, *rest, **more)
    )


patch()
"""


class Production:
    """What runs, and what was asked of it."""

    def __init__(self, mock: MockVenues, env: dict[str, str]) -> None:
        self.mock = mock
        self.env = env
        """For the engine's process."""
        self.connections: list[str] = []
        """Hosts that somebody connected to."""
        for route in (*ORDER_ROUTES, CANCELS_ALL):
            mock.faults.add(
                {
                    "channel": "request",
                    "action": "delay",
                    "params": {"ms": 0},
                    "match": {"route": route},
                }
            )

    @property
    def order_requests(self) -> int:
        """Requests that place an order, by socket or REST, whatever became of them."""
        matched = [row["matched"] for row in self.mock.faults.rows()[: len(ORDER_ROUTES) + 1]]
        return sum(matched[:-1]) - matched[-1]

    @property
    def full_env(self) -> dict[str, str]:
        """For a process that is started without one of the test's."""
        return dict(os.environ) | self.env

    @property
    def orders(self) -> int:
        """All that the venues know of, however they were sent."""
        return sum(len(face.exchange.orders) for face in self.mock.faces.values())

    def key_file(self, folder: Path, venue: str) -> Path:
        """A file of the mock's key, for its owner only."""
        line = self.mock.line["venues"][venue]
        path = folder / f"{venue}.key"
        path.touch(mode=0o600)
        names = ("api_key", "api_secret", "passphrase")
        path.write_text("".join(f'{name} = "{line[name]}"\n' for name in names if name in line))
        return path


@asynccontextmanager
async def production(folder: Path, *, seed: int = 0) -> AsyncIterator[Production]:
    """Serves both venues under production's names until the block ends."""
    hosts = [host for host, *_ in NAMES]
    pem = certificate(folder, *hosts)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(RESOLVER)
    async with mock_venues(seed=seed) as mock:
        face = mock.faces["kucoin"]
        assert isinstance(face, KucoinFace)
        face.venue.push_url = f"wss://{PUSH}/"
        running = Production(mock, {})
        clients: set[asyncio.Task[None]] = set()
        places, servers = [], []
        for host, port, venue, key in NAMES:
            behind = urlsplit(mock.line["venues"][venue][key]).port
            assert behind is not None
            server = await asyncio.start_server(
                _accept(running, clients, host, behind), "127.0.0.1", 0, ssl=context
            )
            servers.append(server)
            places.append((host, port, server.sockets[0].getsockname()[1]))
        path = os.pathsep.join([str(folder / "site"), os.environ.get("PYTHONPATH", "")])
        running.env |= {
            "PYTHONPATH": path,
            "SSL_CERT_FILE": str(pem),
            "XRPFAST_TEST_PLACES": json.dumps(places),
        }
        try:
            yield running
        finally:
            for server in servers:
                server.close()
            for task in clients:
                task.cancel()
            await asyncio.gather(*clients, return_exceptions=True)


def _accept(
    running: Production, clients: set[asyncio.Task[None]], host: str, behind: int
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.connections.append(host)
        task = asyncio.current_task()
        assert task is not None
        clients.add(task)
        writers = [writer]
        try:
            venue, to_venue = await asyncio.open_connection("127.0.0.1", behind)
            writers.append(to_venue)
            await asyncio.gather(pump(reader, to_venue), pump(venue, writer))
        except asyncio.CancelledError:
            pass
        finally:
            clients.discard(task)
            for end in writers:
                end.transport.abort()

    return accept
