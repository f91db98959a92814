"""The mock venues as a child process, for tests and bots of other projects.

    with mock_exchanges("--seed", "7") as mock:
        print(mock.binance.rest_url, mock.kucoin.api_key)

Needs nothing of the event loop: what it does with the control port is one short blocking request
to a process of its own, so that it serves synchronous and asynchronous tests alike.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from xrpfast.errors import FailedError, UsageError

START_SECONDS = 60.0
STOP_SECONDS = 10.0
REPLY_SECONDS = 30.0

_HTTP = build_opener(ProxyHandler({}))  # a proxy of the environment knows no mock


@dataclass(frozen=True, slots=True)
class MockVenue:
    """Where one venue listens, and the keys of its customer."""

    line: Mapping[str, str]
    """All that the mock printed of the venue."""
    symbol: str
    """As the venue writes it."""
    rest_url: str
    api_key: str
    api_secret: str


@dataclass(frozen=True, slots=True)
class MockBinance(MockVenue):
    """Binance."""

    stream_url: str
    """Market streams, without ``/ws`` or ``/stream``."""
    ws_api_url: str
    ed25519_api_key: str
    """A second key of the same customer, for what HMAC keys may not do: `session.logon`."""
    ed25519_private_key: str
    """PEM (PKCS#8)."""


@dataclass(frozen=True, slots=True)
class MockKucoin(MockVenue):
    """KuCoin."""

    passphrase: str
    order_url: str
    """WebSocket order entry. Push sockets: ask REST for a token, as of the real one."""


class MockExchanges:
    """Running mock venues and their control port.

    Every method raises `UsageError` with the control port's own words when it refuses, and
    `FailedError` when the mock has gone.
    """

    def __init__(self, line: Mapping[str, Any], pid: int) -> None:
        self.line = line
        """The mock's first line: ``venues``, ``symbols``, ``sbe_stream_url`` of Binance,
        ``ed25519`` (keys of that kind),
        ``control_url``."""
        self.pid = pid
        self.control_url: str = line["control_url"]

    @property
    def binance(self) -> MockBinance:
        found = self._venue("binance")
        return MockBinance(
            **_common(found, self.line["symbols"]["binance"]),
            stream_url=found["stream_url"],
            ws_api_url=found["ws_api_url"],
            **self.line["ed25519"]["binance"],
        )

    @property
    def kucoin(self) -> MockKucoin:
        found = self._venue("kucoin")
        return MockKucoin(
            **_common(found, self.line["symbols"]["kucoin"]),
            passphrase=found["passphrase"],
            order_url=found["order_url"],
        )

    def ledger(self) -> dict[str, Any]:
        """The truth by venue: ``orders``, ``fills``, ``balances``, as decimal texts."""
        venues: dict[str, Any] = self.control("GET", "/ledger")["venues"]
        return venues

    def market(self, **settings: Any) -> dict[str, Any]:
        """The market as it now is, after changing these of its `FlowSettings`."""
        method = "POST" if settings else "GET"
        reply: dict[str, Any] = self.control(method, "/market", settings or None)
        return reply

    def pause(self) -> None:
        """The market stands still; orders still match against what rests there."""
        self.market(running=False)

    def resume(self) -> None:
        """The market goes on."""
        self.market(running=True)

    def adjust(self, venue: str, asset: str, delta: str) -> None:
        """Changes a free balance behind everybody's back; ``delta`` as decimal text."""
        self.control("POST", "/adjust", {"venue": venue, "asset": asset, "delta": delta})

    def fault(self, rule: Mapping[str, Any]) -> int:
        """Puts something wrong, now or at a later request or frame; the number of the rule."""
        number: int = self.control("POST", "/rules", rule)["id"]
        return number

    def faults(self) -> list[dict[str, Any]]:
        """The rules in force: ``id``, ``rule``, ``active``, ``matched``, ``hits``."""
        rules: list[dict[str, Any]] = self.control("GET", "/rules")["rules"]
        return rules

    def heal(self, number: int | None = None) -> None:
        """Ends one rule, or all, and undoes what they did."""
        self.control("DELETE", "/rules" if number is None else f"/rules/{number}")

    def control(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One request to the control port; the JSON of its answer."""
        request = Request(
            self.control_url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with _HTTP.open(request, timeout=REPLY_SECONDS) as reply:
                return json.loads(reply.read() or b"null")
        except HTTPError as error:
            with error:
                raise UsageError(f"{method} {path}: {error.read().decode()}") from None
        except OSError as error:
            raise FailedError(f"the mock venues do not answer: {error}") from None

    def _venue(self, name: str) -> dict[str, str]:
        found: dict[str, str] | None = self.line["venues"].get(name)
        if found is None:
            raise UsageError(f"{name} is not mocked here, only {', '.join(self.line['venues'])}")
        return found


@contextmanager
def mock_exchanges(*arguments: str) -> Iterator[MockExchanges]:
    """`mock` with these arguments on free ports, until the block ends.

    The child ends with this process, however that ends. Raises `FailedError` when it does not
    start, or ended by itself meanwhile.
    """
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "xrpfast", "mock",
                "--port", "0", "--parent", str(os.getpid()), *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is this process's to handle
        )  # fmt: skip
        assert process.stdout is not None
        try:
            with process.stdout as out:
                yield MockExchanges(_first_line(process, out, log), process.pid)
                died = process.poll() is not None
        finally:
            _end(process)
        if died or process.returncode:
            raise FailedError(f"the mock venues ended with code {process.returncode}: {_told(log)}")


def _common(found: Mapping[str, str], symbol: str) -> dict[str, Any]:
    keys = ("rest_url", "api_key", "api_secret")
    return {"line": found, "symbol": symbol} | {key: found[key] for key in keys}


def _first_line(process: subprocess.Popen[bytes], out: IO[bytes], log: IO[bytes]) -> dict[str, Any]:
    late = threading.Timer(START_SECONDS, process.kill)
    late.start()
    try:
        line = out.readline()
    finally:
        late.cancel()
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        process.kill()
        raise FailedError(f"the mock venues did not start: {_told(log)}") from None
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _told(log: IO[bytes]) -> str:
    log.seek(0)
    return " ".join(log.read()[-2_000:].decode(errors="replace").split()) or "it said nothing"
