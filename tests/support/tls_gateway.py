"""A way to a mock venue for a client whose address cannot be set: an HTTPS proxy of this machine.

The client asks the proxy for the venue's host and meets the mock there, under a certificate for
that host which is made on the spot and which only this client is told to trust.
"""

from __future__ import annotations

import asyncio
import datetime
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PATIENCE = 10.0


def certificate(folder: Path, host: str, *others: str) -> Path:
    """A key and a self-signed certificate for a host, and others, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([*map(x509.DNSName, (host, *others))])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{host}.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return file


class Gateway:
    """Takes ``CONNECT host:443``, speaks TLS as that host, and hands the bytes to a local port."""

    def __init__(self, host: str, port: int, folder: Path) -> None:
        self.certificate = certificate(folder, host)
        self.url = ""
        self.asked: list[str] = []
        """What clients asked to be connected to."""
        self._host, self._port = host, port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate)
        self._clients: set[asyncio.Task[None]] = set()

    async def serve(self, ready: Future[Callable[[], object]]) -> None:
        """Until the function that ``ready`` got is called."""
        ended = asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        loop = asyncio.get_running_loop()
        ready.set_result(lambda: loop.call_soon_threadsafe(ended.set))
        await ended.wait()
        server.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        writers = [writer]
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode()
            self.asked.append(request)
            if request == f"CONNECT {self._host}:443 HTTP/1.1":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await writer.start_tls(self._context)
                venue, to_venue = await asyncio.open_connection("127.0.0.1", self._port)
                writers.append(to_venue)
                await asyncio.gather(pump(reader, to_venue), pump(venue, writer))
            else:
                writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
                await writer.drain()
        finally:
            for end in writers:
                end.transport.abort()
            for end in writers:
                with suppress(OSError):
                    await end.wait_closed()
            self._clients.discard(task)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()


@contextmanager
def tls_gateway(host: str, port: int, folder: Path) -> Iterator[Gateway]:
    """Serves on a thread until the block ends."""
    gateway, ready = Gateway(host, port, folder), Future[Callable[[], object]]()
    thread = threading.Thread(target=lambda: asyncio.run(gateway.serve(ready)), name="gateway")
    thread.start()
    leave = ready.result(PATIENCE)
    try:
        yield gateway
    finally:
        leave()
        thread.join(PATIENCE)


@contextmanager
def proxied(
    host: str, port: int, folder: Path, environment: pytest.MonkeyPatch
) -> Iterator[Gateway]:
    """`tls_gateway`, of which the environment tells clients of the ``websocket`` library."""
    with tls_gateway(host, port, folder) as gateway:
        for name in ("no_proxy", "NO_PROXY"):
            environment.delenv(name, raising=False)
        environment.setenv("https_proxy", gateway.url)
        environment.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", str(gateway.certificate))
        yield gateway
