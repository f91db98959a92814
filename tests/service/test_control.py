"""The control socket: what it answers, and that nothing sent to it breaks it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from xrpfast.errors import UsageError
from xrpfast.service.control import ControlServer, Said


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, line: bytes) -> Any:
        self.writer.write(line + b"\n")
        return await self.read()

    async def read(self) -> Any:
        return json.loads(await asyncio.wait_for(self.reader.readline(), 5))


@pytest.fixture
async def stops() -> list[str]:
    return []


def resume(heard: list[str]) -> Said:
    def take(request: Mapping[str, Any]) -> dict[str, Any]:
        if "reason" not in request:
            raise UsageError("reason: say why")
        heard.append(f"resume: {request['reason']}")
        return {"ok": True, "resumed": []}

    return take


@pytest.fixture
async def client(tmp_path: Path, stops: list[str]) -> AsyncIterator[Client]:
    path = tmp_path / "control.sock"
    path.touch()  # as a dead engine leaves it
    count = iter(range(1000))
    server = ControlServer(
        path, lambda: {"n": next(count)}, stops.append, {"resume": resume(stops)}
    )
    await server.start()
    reader, writer = await asyncio.open_unix_connection(str(path))
    yield Client(reader, writer)
    writer.close()
    await server.close()
    assert not path.exists()


async def test_state_and_stop(client: Client, stops: list[str]) -> None:
    assert await client.ask(b'{"cmd":"state"}') == {"n": 0}
    assert await client.ask(b'{"cmd":"state"}') == {"n": 1}
    assert stops == []
    assert await client.ask(b'{"cmd":"stop"}') == {"ok": True}
    assert stops == ["control socket"]


async def test_its_owner_alone_may_use_it(client: Client, tmp_path: Path) -> None:
    assert (tmp_path / "control.sock").stat().st_mode & 0o777 == 0o600


async def test_words_for_the_engine(client: Client, stops: list[str]) -> None:
    answer = await client.ask(b'{"cmd":"resume","reason":"I moved it"}')
    assert answer == {"ok": True, "resumed": []}
    assert stops == ["resume: I moved it"]
    assert await client.ask(b'{"cmd":"resume"}') == {"error": "reason: say why"}
    assert len(stops) == 1


async def test_a_subscription_keeps_answering(client: Client) -> None:
    first = await client.ask(b'{"cmd":"subscribe","ms":50}')
    assert [first, await client.read(), await client.read()] == [{"n": 0}, {"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    "line", [b"no json", b"[]", b"{}", b'{"cmd":"no"}', b'{"cmd":[]}',
             b'{"cmd":"subscribe","ms":0}',
             b'{"cmd":"subscribe","ms":true}'],
)  # fmt: skip
async def test_nonsense_is_answered_with_an_error(client: Client, line: bytes) -> None:
    assert "error" in await client.ask(line)
    assert await client.ask(b'{"cmd":"state"}') == {"n": 0}


async def test_a_line_without_end_is_refused(client: Client) -> None:
    assert await client.ask(b"x" * 200_000) == {"error": "line too long"}
