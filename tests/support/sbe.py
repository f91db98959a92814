"""A decoder of SBE frames that knows nothing but a schema's XML."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

SCHEMA = Path(__file__).parents[1] / "data" / "binance_stream_1_0.xml"
SBE = "{http://fixprotocol.io/2016/sbe}"
FORMATS = {
    "int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I",
    "int64": "q", "uint64": "Q",
}  # fmt: skip
Json = dict[str, Any]


class Schema:
    """Messages by template id; `decode` reads a frame by the offsets that follow from them."""

    def __init__(self, path: Path = SCHEMA) -> None:
        root = ElementTree.parse(path).getroot()
        types = root.find("types")
        assert types is not None
        self.id, self.version = int(root.attrib["id"]), int(root.attrib["version"])
        self._primitives = {
            each.attrib["name"]: each.attrib["primitiveType"] for each in types.findall("type")
        } | {each.attrib["name"]: each.attrib["encodingType"] for each in types.findall("enum")}
        self._composites = {
            each.attrib["name"]: [
                (part.attrib["name"], part.attrib["primitiveType"]) for part in each.findall("type")
            ]
            for each in types.findall("composite")
        }
        self.messages = {int(each.attrib["id"]): each for each in root.findall(f"{SBE}message")}

    def block_length(self, holder: ElementTree.Element) -> int:
        return sum(struct.calcsize(f"<{code}") for _, code in self._fields(holder))

    def decode(self, frame: bytes) -> tuple[str, Json]:
        """The message's name and fields; groups are lists; everything must be consumed."""
        header, at = self._composite("messageHeader", frame, 0)
        assert header["schemaId"] == self.id
        message = self.messages[header["templateId"]]
        assert header["blockLength"] >= self.block_length(message)
        values = self._block(message, frame, at)
        at += header["blockLength"]
        for group in message.findall("group"):
            size, at = self._composite(
                group.attrib.get("dimensionType", "groupSizeEncoding"), frame, at
            )
            assert size["blockLength"] == self.block_length(group)
            rows = []
            for _ in range(size["numInGroup"]):
                rows.append(self._block(group, frame, at))
                at += size["blockLength"]
            values[group.attrib["name"]] = rows
        for data in message.findall("data"):
            (_, length), _ = self._composites[data.attrib["type"]]
            size = struct.calcsize(FORMATS[length])
            (count,) = struct.unpack_from(f"<{FORMATS[length]}", frame, at)
            text = frame[at + size : at + size + count]
            assert len(text) == count
            values[data.attrib["name"]] = text.decode()
            at += size + count
        assert at == len(frame), "bytes left over"
        return message.attrib["name"], values

    def _fields(self, holder: ElementTree.Element) -> list[tuple[str, str]]:
        return [
            (field.attrib["name"], FORMATS[self._primitives[field.attrib["type"]]])
            for field in holder.findall("field")
            if field.attrib.get("presence") != "constant"
        ]

    def _block(self, holder: ElementTree.Element, frame: bytes, at: int) -> Json:
        values: Json = {}
        for name, code in self._fields(holder):
            (values[name],) = struct.unpack_from(f"<{code}", frame, at)
            at += struct.calcsize(f"<{code}")
        return values

    def _composite(self, name: str, frame: bytes, at: int) -> tuple[Json, int]:
        values: Json = {}
        for part, primitive in self._composites[name]:
            code = FORMATS[primitive]
            (values[part],) = struct.unpack_from(f"<{code}", frame, at)
            at += struct.calcsize(f"<{code}")
        return values, at
