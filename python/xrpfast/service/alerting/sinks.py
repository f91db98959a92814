"""Where alerts are sent: a webhook, a program of this machine.

A webhook's URL is its key: it is read from a private file, and stands in no error, log or page.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from xrpfast.addresses import unencrypted
from xrpfast.config.private import read_secret
from xrpfast.errors import UsageError, XrpfastError
from xrpfast.service.alerting.state import COMMAND, WEBHOOK
from xrpfast.service.disk import Disk

if TYPE_CHECKING:
    from xrpfast.config.root import Config

ANSWER_S: Final = 3.0
COMMAND_S: Final = 5.0
REAP_S: Final = 1.0
TRY_S: Final = 5.0
"""What is sent to try a sink is accepted within that time (RISK 34), or it is not."""
LONGEST_PAUSE_S: Final = 600.0
"""A webhook that wants to be left alone for longer is asked again after that."""
_UNFIT: Final = frozenset({400, 413, 422})
"""The message itself is refused, and would be again."""
_KEPT: Final = 4096


class SinkError(XrpfastError):
    """It was not accepted; the text never shows where it was sent."""

    def __init__(self, problem: str, after_s: float | None = None, *, unfit: bool = False) -> None:
        """``after_s``: the sink wants to be asked again after so long. ``unfit``: it refuses this
        very message."""
        super().__init__(problem)
        self.after_s = after_s
        self.unfit = unfit


class Sink(Protocol):
    """Takes a message, whole, or raises `SinkError` within some seconds."""

    name: str

    async def send(self, text: str) -> None: ...


class Webhook:
    """Takes what Discord and Slack take, each its own field of one JSON object."""

    def __init__(self, file: Path) -> None:
        self.name = WEBHOOK
        self._file = file
        self._url: URL | None = None
        self._fresh = False
        """Not after a failure: what is mended in the file is read anew."""
        self._disk = Disk()

    async def send(self, text: str) -> None:
        url = await self._read()
        try:
            timeout = aiohttp.ClientTimeout(total=ANSWER_S)
            headers = {"User-Agent": "xrpfast"}
            # A connection of its own each time: alerts are rare, and one that idled is closed.
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
                session.post(url, json=_body(text), allow_redirects=False) as response,
            ):
                status, answered = response.status, response.headers
                answer = await response.content.read(_KEPT) if status == 429 else b""
        except Exception as error:  # their texts may hold the URL: none of them is shown
            self._fresh = False
            raise SinkError(_why(error)) from None
        if status == 429:
            raise SinkError("HTTP 429: too many messages", _pause(answer, answered))
        if not 200 <= status < 300:
            self._fresh = False
            raise SinkError(f"HTTP {status}", unfit=status in _UNFIT)

    async def _read(self) -> URL:
        if self._url is not None and self._fresh:
            return self._url
        found: list[URL] = []
        problem: list[str] = []

        def read() -> None:
            try:
                found.append(url_in(self._file))
            except UsageError as error:
                problem.append(str(error))

        why = await self._disk.do(read)
        if found:
            self._url, self._fresh = found[0], True
        if self._url is None:  # a descriptor is read once: what was there goes on to be used
            raise SinkError("; ".join(problem) or f"webhook_url_file {self._file}: {why}")
        return self._url


class Command:
    """A program that reads the message from its standard input and ends with code 0."""

    def __init__(self, argv: tuple[str, ...]) -> None:
        self.name = COMMAND
        self._argv = argv

    async def send(self, text: str) -> None:
        # By a shell that becomes it: starting a program waits for its file, which may be on a disk
        # that hangs, and this loop has orders to cancel.
        try:
            process = await asyncio.create_subprocess_exec(
                "/bin/sh", "-c", 'exec "$@"', "sh", *self._argv,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise SinkError(f"cannot be started: {error.strerror}") from None
        try:
            async with asyncio.timeout(COMMAND_S):
                await process.communicate(text.encode("utf-8", "replace") + b"\n")
        except TimeoutError:
            raise SinkError(f"not done within {COMMAND_S:g} s") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                with suppress(TimeoutError):  # on a disk that hangs not even that ends it
                    async with asyncio.timeout(REAP_S):
                        await process.wait()
        if process.returncode:
            raise SinkError(f"ended with code {process.returncode}")


class Tried(NamedTuple):
    """What one sink made of a test."""

    name: str
    problem: str
    """Empty: accepted."""
    took_ms: float

    @property
    def says(self) -> str:
        """For a person."""
        if self.problem:
            return f"{self.name}: NOT accepted: {self.problem}"
        return f"{self.name}: accepted a test alert after {self.took_ms:.0f} ms"


def sinks(config: Config) -> list[Sink]:
    """Those that are configured."""
    alerts = config.alerts
    found: list[Sink] = []
    if alerts.webhook_url_file is not None:
        found.append(Webhook(alerts.webhook_url_file))
    if alerts.command:
        found.append(Command(alerts.command))
    return found


async def try_sinks(config: Config) -> list[Tried]:
    """A test alert through each of them, at once."""
    text = f"xrpfast {config.prefix}\ntest alert: somebody tries whether alerts arrive"
    return list(await asyncio.gather(*(_try(sink, text) for sink in sinks(config))))


async def _try(sink: Sink, text: str) -> Tried:
    began = monotonic()
    problem = ""
    try:
        async with asyncio.timeout(TRY_S):
            await sink.send(text)
    except TimeoutError:
        problem = f"not accepted within {TRY_S:g} s"
    except SinkError as error:
        problem = str(error)
    return Tried(sink.name, problem, (monotonic() - began) * 1000)


def url_in(file: Path) -> URL:
    """The webhook's address. Raises `UsageError`, which shows nothing of it."""
    text = read_secret(file, "webhook_url_file").strip()
    try:
        parts = urlsplit(text)
        url = URL(text)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        fits = fits and not any(c.isspace() for c in text) and not unencrypted(text)
    except ValueError:
        fits = False
    if not fits:
        raise UsageError(f"webhook_url_file {file}: one https:// address has to stand in it")
    return url


def _body(text: str) -> dict[str, Any]:
    """``text`` as Slack wants it; nobody is mentioned, whatever names an alert has in it."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"content": text, "allowed_mentions": {"parse": []}, "text": escaped}


def _pause(body: bytes, headers: Mapping[str, str]) -> float | None:
    """Seconds: Discord's word in the body, or the header of it, Slack and others."""
    said: Any = headers.get("Retry-After")
    with suppress(ValueError, TypeError, KeyError):
        said = json.loads(body)["retry_after"]
    with suppress(ValueError, TypeError):
        seconds = float(said)
        if seconds >= 0:
            return min(seconds, LONGEST_PAUSE_S)
    return None


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {ANSWER_S:g} s"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "its certificate is not good"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection: {error.os_error.strerror or type(error.os_error).__name__}"
    return f"no answer: {type(error).__name__}"
