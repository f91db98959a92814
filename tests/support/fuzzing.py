"""What no sane client sends, and what must hold whatever is sent.

Strategies for requests and frames, a client that writes any HTTP request, and the checks after
each: nothing logged as an error, no exception left to the event loop, and money that adds up.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from picows import WSMsgType

from support.sockets import Client
from xrpfast.model import Side
from xrpfast.simulation.exchange import Exchange

DATA = Path(__file__).parents[1] / "data"
PATIENCE = 10.0
Json = dict[str, Any]


def examples(count: int) -> settings:
    """The same inputs in every run, so that a failure in CI is one everywhere."""
    return settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=count,
        suppress_health_check=list(HealthCheck),
        # A smaller example is not worth minutes of timeouts: the first one is printed.
        phases=(Phase.explicit, Phase.generate),
    )


# --- values -----------------------------------------------------------------------------------

TRICKY = (
    "", " ", "0", "-1", "-0", "1e9", "1E400", "NaN", "Infinity", "null", "true", "9" * 30, "0x10",
    "1_000", "٣", "²", "é", "\u0000", "\ud7ff", "😀", "a" * 300, ".5", "5.", "+1", "1.2.3", "[]",
    '["XRPUSDT"]', "{}", "%s", "%00", "../..", "' OR 1=1", "0.1", "2.4", "25", "5000",
)  # fmt: skip
DEEP = 600
texts = st.one_of(
    st.sampled_from(TRICKY),
    st.text(max_size=12),
    st.integers().map(str),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), texts,
    st.sampled_from([0, 1, -1, 10**18, 2**63, 2**64]),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=5,
)


def mostly(
    good: st.SearchStrategy[Any], other: st.SearchStrategy[Any], one_in: int = 8
) -> st.SearchStrategy[Any]:
    """The good ones but now and then; `|` would choose evenly among all branches of ``other``."""
    return st.integers(1, one_in).flatmap(lambda draw: other if draw == 1 else good)


def spoiled(
    good: Mapping[str, Any], others: Sequence[str], value: st.SearchStrategy[Any]
) -> st.SearchStrategy[Json]:
    """A good object with some fields left out and some set to anything."""
    names = mostly(st.sampled_from([*good, *others]), st.text(max_size=8))
    return st.builds(
        lambda left_out, changes: {k: v for k, v in good.items() if k not in left_out} | changes,
        st.sets(st.sampled_from(sorted(good)), max_size=2),
        st.dictionaries(names, value, max_size=3),
    )


def dump(value: object) -> bytes:
    """JSON with what JSON has no word for (NaN, Infinity), as careless clients write it."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


@st.composite
def mangled(draw: st.DrawFn, messages: st.SearchStrategy[object]) -> bytes:
    """A message as bytes: whole, cut, doubled, nested too deep, or no JSON at all."""
    whole = dump(draw(messages))
    how = draw(st.sampled_from(["whole"] * 6 + ["cut", "doubled", "nested", "bytes", "text"]))
    if how == "cut":
        return whole[: draw(st.integers(0, len(whole)))]
    if how == "doubled":
        return whole + whole
    if how == "nested":
        return b'{"id":' + b"[" * DEEP + b"]" * draw(st.sampled_from([0, DEEP])) + b"}"
    if how == "bytes":
        return draw(st.binary(max_size=60))
    return draw(st.text(max_size=40)).encode() if how == "text" else whole


# --- HTTP -------------------------------------------------------------------------------------

methods = st.sampled_from(
    ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND", "PURGE"]
)
header_values = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40
)
targets = st.text("abcdefghijklmnopqrstuvwxyz/.-_~%?&=+:@[]{}|<>0123456789", max_size=40)


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    method: str
    status: int
    content_type: str
    body: bytes

    def json(self) -> Any:
        assert self.content_type.startswith("application/json"), (self.status, self.body)
        return json.loads(self.body)


class RawHttp:
    """Writes requests as they are given, on one connection as long as the server keeps it."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._address = (host, int(port))
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def close(self) -> None:
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.close()
            await writer.wait_closed()

    async def call(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        """One request. Raises `AssertionError` when the connection ends without an answer."""
        full = {"Host": "mock", "Content-Length": str(len(body)), **headers}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {full[name]}" for name in full), "", ""]
        raw = "\r\n".join(lines).encode("latin-1") + body
        async with asyncio.timeout(PATIENCE):
            if self._streams is None:
                self._streams = await asyncio.open_connection(*self._address)
            reader, writer = self._streams
            writer.write(raw)
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                status, fields = _head(head)
                none = method == "HEAD" or status in (204, 304)
                size = 0 if none else int(fields.get("content-length", "0"))
                answer = Answer(
                    method, status, fields.get("content-type", ""), await reader.readexactly(size)
                )
            except asyncio.IncompleteReadError as error:
                raise AssertionError(f"no answer to {raw!r}") from error
        if fields.get("connection", "").lower() == "close":
            await self.close()
        return answer


def _head(raw: bytes) -> tuple[int, dict[str, str]]:
    first, *rest = raw.decode("latin-1").split("\r\n")
    fields = (line.partition(":") for line in rest if line)
    return int(first.split(" ")[1]), {name.lower(): value.strip() for name, _, value in fields}


# --- frames -----------------------------------------------------------------------------------

FrameWish = tuple[WSMsgType, bytes, int]
"""Kind, payload, and where a text is cut into two fragments (0 = one frame)."""


def requests(messages: st.SearchStrategy[object], most: int) -> st.SearchStrategy[list[FrameWish]]:
    """Whole messages of one connection, some of them in two fragments."""
    text = st.tuples(st.just(WSMsgType.TEXT), messages.map(dump), st.sampled_from([0, 0, 0, 9]))
    return st.lists(text, min_size=1, max_size=most)


def frames(messages: st.SearchStrategy[object], most: int) -> st.SearchStrategy[list[FrameWish]]:
    """Frames of one connection, of all kinds."""
    text = st.tuples(st.just(WSMsgType.TEXT), mangled(messages), st.sampled_from([0, 0, 0, 1, 7]))
    control = st.tuples(
        st.sampled_from([WSMsgType.PING, WSMsgType.PONG]), st.binary(max_size=125), st.just(0)
    )
    binary = st.tuples(st.just(WSMsgType.BINARY), st.binary(max_size=60), st.just(0))
    return st.lists(st.one_of(text, text, text, control, binary), min_size=1, max_size=most)


def write(client: Client, wish: FrameWish) -> None:
    """Sends a frame, if the server has not ended the connection."""
    kind, payload, cut = wish
    if client.transport.is_disconnected:
        return
    if kind == WSMsgType.PING:
        client.transport.send_ping(payload)
    elif kind == WSMsgType.PONG:
        client.transport.send_pong(payload)
    elif cut and len(payload) > cut:
        client.transport.send(kind, payload[:cut], fin=False)
        client.transport.send(WSMsgType.CONTINUATION, payload[cut:], fin=True)
    else:
        client.transport.send(kind, payload)


# --- what must hold ---------------------------------------------------------------------------


class _Errors(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("picows.client"):  # the test's own sockets
            self.seen.append(self.format(record))


@contextmanager
def no_faults() -> Iterator[None]:
    """Fails when anything is logged as an error, or an exception reaches the event loop."""
    loop = asyncio.get_running_loop()
    errors = _Errors()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: errors.seen.append(str(context)))
    logging.getLogger().addHandler(errors)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(errors)
        loop.set_exception_handler(before)
    assert not errors.seen, errors.seen


class Books:
    """The money of an exchange: what there was, and what trades and fees made of it."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._start = self._totals()
        self._fills = exchange.fills.end
        self._fees = Counter(exchange.fees)

    def _totals(self) -> Counter[str]:
        totals: Counter[str] = Counter()
        for account in self._exchange.accounts.values():
            for asset, balance in account.balances.items():
                totals[asset] += balance.total
        return totals

    def check(self) -> None:
        """No balance below zero; holds are those of working orders; customers' money and fees
        changed by nothing but their trades."""
        exchange, rules = self._exchange, self._exchange.rules
        traded: Counter[str] = Counter()
        for number in range(self._fills, exchange.fills.end):
            fill = exchange.fills[number]
            sign = 1 if fill.order.side is Side.BUY else -1
            traded[rules.base] += sign * rules.qty_money(fill.qty)
            traded[rules.quote] -= sign * rules.notional(fill.price, fill.qty)
        fees = Counter(exchange.fees)
        fees.subtract(self._fees)
        now = self._totals()
        for asset in {*now, *self._start, *traded}:
            assert now[asset] + fees[asset] == self._start[asset] + traded[asset], asset
        for account in exchange.accounts.values():
            held: Counter[str] = Counter()
            for order in exchange.open_orders(account):
                assert order.held >= 0
                held[rules.quote if order.side is Side.BUY else rules.base] += order.held
            for asset, balance in account.balances.items():
                assert balance.free >= 0
                assert balance.locked == held[asset], asset
