"""A running engine's control socket, from a command: one question, one answer."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import IO, Any

from xrpfast.errors import FailedError, UsageError

ANSWER_S = 10.0


class Link:
    """A connection that is open."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def ask(self, command: str, **more: Any) -> dict[str, Any]:
        """The answer. Raises `UsageError` for an ``error``, `FailedError` when the engine ends.

        The engine is told when it was asked: a word that waits for it too long is not obeyed."""
        asked = {"cmd": command, "asked_ns": monotonic_ns(), "asked_wall_ns": time_ns()}
        try:
            self._stream.write(json.dumps(asked | more) + "\n")
            self._stream.flush()
            line = self._stream.readline()
        except OSError as error:
            raise FailedError(f"the engine does not answer: {error}") from None
        if not line:
            raise FailedError("the engine ended meanwhile")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise UsageError(str(answer["error"]))
        return answer


@contextmanager
def engine(path: Path, answer_s: float = ANSWER_S) -> Iterator[Link | None]:
    """The engine behind a socket; None when none listens there. It has ``answer_s`` for each
    answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(answer_s)
        try:
            sock.connect(str(path))
        except OSError:
            yield None
            return
        with sock.makefile("rw", encoding="utf-8") as stream:
            yield Link(stream)
