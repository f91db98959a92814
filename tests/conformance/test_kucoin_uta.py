"""KuCoin's newer public socket, by ccxt pro and by the venue's own SDK: books only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt.pro
import pytest
from kucoin_universal_sdk.generate.uta.publicws import UtaPublicWS

from support.expect import levels
from support.inbox import PATIENCE, Inbox
from support.kucoin_ccxt import SYMBOL as UNIFIED
from support.kucoin_ccxt import pointed
from support.kucoin_mock import KucoinMock
from support.kucoin_sdk import SYMBOL, Sdk, collect_lost_sockets
from support.proof import Client, Proof
from support.tls_gateway import proxied
from xrpfast.model import Side
from xrpfast.simulation.kucoin.uta_push import UTA_PATH

HOST = "x-push-spot.kucoin.com"
SIZE = Decimal("1.5")
PRO = Client(
    "KuCoin",
    "ccxt",
    "pro, newer public socket",
    "every REST address in `urls['api']`, and `urls['api']['ws']['spot']`; each call with `uta`; "
    "`timeout` 30 s",
)
PUSH = Client(
    "KuCoin",
    "kucoin-universal-sdk",
    "newer public WebSocket",
    "nothing of its own, as its address is fixed: a proxy of this machine, of which `https_proxy` "
    "and `WEBSOCKET_CLIENT_CA_BUNDLE` in the environment tell it",
)
Level = tuple[Decimal, Decimal]


def trade(kucoin: KucoinMock) -> None:
    """Makes a frame to wait for."""
    kucoin.counterparty(Side.BUY, kucoin.best(Side.SELL)[0], SIZE)


def ws_port(kucoin: KucoinMock) -> int:
    return int(kucoin.line["order_url"].split(":")[2].split("/")[0])


# --- ccxt pro -------------------------------------------------------------------------------------


@pytest.fixture
async def client(kucoin: KucoinMock) -> AsyncIterator[ccxt.pro.kucoin]:
    client = pointed(ccxt.pro.kucoin, kucoin.line)
    client.urls["api"]["ws"]["spot"] = f"ws://127.0.0.1:{ws_port(kucoin)}{UTA_PATH}"
    await client.load_markets()
    yield client
    await client.close()


@pytest.mark.parametrize("depth", ["5", "50"])
async def test_ccxts_book_is_the_venues_own(
    client: ccxt.pro.kucoin, kucoin: KucoinMock, proof: Proof, depth: str
) -> None:
    async def watch() -> Any:
        return await client.watch_order_book(UNIFIED, None, {"uta": True, "utaDepth": depth})

    async with asyncio.timeout(PATIENCE):
        with kucoin.moving():
            for _ in range(5):
                await watch()
        trade(kucoin)
        bids, asks = kucoin.book(int(depth))
        same = levels(asks)
        book = await watch()
        while not same(book["asks"]):
            book = await watch()
    proof.check(
        PRO,
        f"watch_order_book, depth {depth}",
        book,
        {"bids": levels(bids), "asks": same, "symbol": UNIFIED},
    )


def test_ccxt_applies_no_increments(proof: Proof) -> None:
    client = ccxt.pro.kucoin()
    book = client.order_book()
    client.handle_book_delta(book, {"O": 1, "C": 2, "b": [["2.4", "10"]], "a": []})
    proof.cannot(
        PRO,
        "watch_order_book, depth increment",
        "this ccxt reads `bids` and `asks` of a delta, where the venue sends `b` and `a`",
        because=book["nonce"] == 2 and list(book["bids"]) == [],
    )


# --- the venue's own SDK --------------------------------------------------------------------------


@pytest.fixture
def service(
    kucoin: KucoinMock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[UtaPublicWS]:
    with proxied(HOST, ws_port(kucoin), tmp_path, monkeypatch):
        service = Sdk(kucoin.line).sockets.new_uta_public_ws("SPOT")
        service.start()
        yield service
        service.stop()
        del service
        collect_lost_sockets()


def test_the_sdks_book_is_the_venues_own(
    service: UtaPublicWS, kucoin: KucoinMock, proof: Proof
) -> None:
    """The venue's rule: a snapshot, then each frame that follows the last."""
    inbox = Inbox()
    name = service.orderbook(SYMBOL, "increment@10ms", inbox.put)
    with kucoin.moving():
        inbox.until(lambda frame: len(inbox.seen()) > 10, "frames of a moving market")
    end = kucoin.sequence()
    inbox.until(lambda frame: frame["d"]["C"] == end, "last frame")
    service.unsubscribe(name)
    first, *rest = inbox.seen()
    book: dict[str, dict[Decimal, Decimal]] = {"a": {}, "b": {}}
    last = first["d"]["O"] - 1
    for frame in (first, *rest):
        data = frame["d"]
        assert data["O"] == last + 1, "a gap"
        for side, rows in book.items():
            rows.update((Decimal(price), Decimal(size)) for price, size in data[side])
        last = data["C"]
    bids, asks = kucoin.book()
    proof.check(
        PUSH,
        "orderbook increment@10ms",
        {
            "b": sorted(((p, q) for p, q in book["b"].items() if q), reverse=True),
            "a": sorted((p, q) for p, q in book["a"].items() if q),
            "C": last,
            "t": (first["t"], {frame["t"] for frame in rest}),
            "T": first["T"],
            "s": first["d"]["s"],
        },
        {
            "b": levels(bids),
            "a": levels(asks),
            "C": end,
            "t": ("snapshot", {"delta"}),
            "T": "obu.SPOT",
            "s": SYMBOL,
        },
    )


def test_a_channel_that_is_not_served(service: UtaPublicWS, proof: Proof) -> None:
    with proof.raises(PUSH, "ticker", RuntimeError, "subscribe failed"):
        service.ticker([SYMBOL], lambda event: None)
