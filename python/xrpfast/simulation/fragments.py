"""Messages that come in several frames: everyone behind this sees whole ones."""

from __future__ import annotations

from typing import Any, Final

from picows import WSCloseCode, WSFrame, WSMsgType

# `WSFrame.msg_type` is a plain int at run time; the stub calls it an enum member.
_DATA: Final[Any] = frozenset({int(WSMsgType.TEXT.value), int(WSMsgType.BINARY.value)})
_CONTINUATION: Final[Any] = int(WSMsgType.CONTINUATION.value)
MAX_MESSAGE: Final = 1 << 20
"""Bytes; no message of a venue's client comes near it."""


class Message:
    """A frame that outlives its callback, or the whole of several."""

    def __init__(self, kind: Any, payload: bytes) -> None:
        self.msg_type = kind
        self.fin = True
        self._payload = payload

    def get_payload_as_bytes(self) -> bytes:
        return self._payload

    def get_payload_as_memoryview(self) -> memoryview:
        return memoryview(self._payload)

    def get_payload_as_utf8_text(self) -> str:
        return self._payload.decode()


class Broken(Exception):  # noqa: N818 - what the peer did, not a failure of ours
    """Frames that make no message; the close code says why."""

    def __init__(self, code: WSCloseCode) -> None:
        super().__init__(code)
        self.code = code


class Fragments:
    """The unfinished message of one socket, if there is one."""

    def __init__(self) -> None:
        self._kind: Any = None
        self._parts = bytearray()

    def whole(self, frame: WSFrame) -> Any:
        """What the frame completes: itself, a `Message`, or None while parts are missing. Frames
        that are no data pass. Raises `Broken`."""
        kind = frame.msg_type
        if kind != _CONTINUATION:
            if kind not in _DATA or (frame.fin and self._kind is None):
                return frame
            if self._kind is not None:
                raise Broken(WSCloseCode.PROTOCOL_ERROR)
            self._kind = kind
        elif self._kind is None:
            raise Broken(WSCloseCode.PROTOCOL_ERROR)
        self._parts += frame.get_payload_as_bytes()
        if len(self._parts) > MAX_MESSAGE:
            raise Broken(WSCloseCode.MESSAGE_TOO_BIG)
        if not frame.fin:
            return None
        message = Message(self._kind, bytes(self._parts))
        self._kind = None
        self._parts.clear()
        return message
