"""The control socket: what it answers, and that nothing sent to it breaks it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Any

import pytest

from xrpfast.cli.person import person
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


def word(ago_s: int = 0, *, wall_ago_s: int | None = None, **more: object) -> bytes:
    """A resume that was asked for so long ago."""
    wall_s = ago_s if wall_ago_s is None else wall_ago_s
    asked = {
        "asked_ns": monotonic_ns() - ago_s * 10**9,
        "asked_wall_ns": time_ns() - wall_s * 10**9,
    }
    return json.dumps({"cmd": "resume", "reason": "x"} | asked | more).encode()


@pytest.fixture
async def stops() -> list[str]:
    return []


def resume(heard: list[str]) -> Said:
    def take(request: Mapping[str, Any]) -> dict[str, Any]:
        if "reason" not in request:
            raise UsageError("reason: say why")
        heard.append(f"resume: {request['reason']}, {request['who']}")
        return {"ok": True, "resumed": []}

    return take


@pytest.fixture
async def client(tmp_path: Path, stops: list[str]) -> AsyncIterator[Client]:
    path = tmp_path / "control.sock"
    path.touch()  # as a dead engine leaves it
    count = iter(range(1000))
    server = ControlServer(
        path,
        lambda: {"n": next(count)},
        stops.append,
        {"resume": resume(stops), "halt": resume(stops)},
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
    assert stops == [f"control socket: {person()}"]


async def test_its_owner_alone_may_use_it(client: Client, tmp_path: Path) -> None:
    assert (tmp_path / "control.sock").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("claim", ["ann", " ann ", person(), "", 5, None, "x" * 2_000])
async def test_who_says_it_is_whom_the_kernel_names(
    client: Client, stops: list[str], claim: object
) -> None:
    """The worst: a resume on record in the name of somebody who never said it."""
    assert await client.ask(word(who=claim)) == {"ok": True, "resumed": []}
    said = {"ann": ", calls itself ann", "x": f", calls itself {'x' * 100}"}
    more = said.get(str(claim).strip()[:3], said["x"] if str(claim)[:2] == "xx" else "")
    assert stops == [f"resume: x, {person()}{more}"]
    assert f"(uid {os.geteuid()}, pid {os.getpid()})" in stops[0]


def stranger(path: Path) -> bytes:
    """What a process of another user is answered, that has found a way to the socket."""
    path.chmod(0o666)
    path.parent.chmod(0o711)
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            os.chdir(path.parent)
            os.setgroups([])
            os.setuid(65_534)
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(path.name)
                sock.sendall(b'{"cmd":"stop"}\n')
                os.write(writing, sock.recv(10_000))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        said = stream.read()
    os.wait()
    return said


async def test_another_users_process_is_heard_by_nobody(
    tmp_path: Path, stops: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = os.geteuid() == 0
    path = tmp_path / "control.sock"
    if not root:  # then we are the stranger
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    server = ControlServer(path, dict, stops.append, {})
    monkeypatch.undo()
    await server.start()
    if root:
        said = json.loads(await asyncio.to_thread(stranger, path))
    else:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b'{"cmd":"stop"}\n')
        said = json.loads(await reader.readline())
        writer.close()
    uid = 65_534 if root else os.getuid()
    assert said["error"].startswith(f"uid {uid} may not speak to this engine, only root (uid 0)")
    assert stops == []
    await server.close()


async def test_words_for_the_engine(client: Client, stops: list[str]) -> None:
    answer = await client.ask(word(reason="I moved it"))
    assert answer == {"ok": True, "resumed": []}
    assert stops == [f"resume: I moved it, {person()}"]
    no_reason = word().replace(b"reason", b"raison")
    assert await client.ask(no_reason) == {"error": "reason: say why"}
    assert len(stops) == 1


@pytest.mark.parametrize(
    "said", [
        {"ago_s": 11}, {"ago_s": 600}, {"wall_ago_s": 600}, {"ago_s": -60}, {"wall_ago_s": -60},
        {"asked_ns": None}, {"asked_ns": True}, {"asked_wall_ns": "1"},
    ],
)  # fmt: skip
async def test_a_word_that_waited_too_long_is_not_obeyed(
    client: Client, stops: list[str], said: dict[str, Any]
) -> None:
    """The worst: an engine that hung wakes, and trades on a word from before."""
    line = word(**said)
    assert "asked" in (await client.ask(line))["error"]
    assert stops == []
    assert (await client.ask(word(5)))["ok"]
    assert (await client.ask(line.replace(b"resume", b"halt")))["ok"], "a halt always is"


async def test_a_word_whose_sender_has_gone_is_not_obeyed(
    client: Client, tmp_path: Path, stops: list[str]
) -> None:
    def leave(line: bytes) -> None:
        """Before the server, in this loop, can read it."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(tmp_path / "control.sock"))
            sock.sendall(line + b"\n")

    leave(word())
    leave(word(reason="stop", cmd="halt"))
    while not stops:  # in the order of the connections
        assert await client.ask(b'{"cmd":"state"}')
    assert stops == [f"resume: stop, {person()}"]


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
