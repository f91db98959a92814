"""A capture as the market: the mock's book is the recorded one, and orders fill at its prices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from support.binance import Keys, Rest
from support.captures import CAPTURES, SYMBOLS, truth
from support.kucoin import public_push
from support.kucoin_client import World
from support.sockets import PATIENCE, connected
from xrpfast import BookFeed
from xrpfast._core import format_units
from xrpfast.captures import read_capture
from xrpfast.cli import app
from xrpfast.errors import UsageError
from xrpfast.model import Side, TimeInForce
from xrpfast.research.replay import replay
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.flow import Capture, RecordedMarket, Recording
from xrpfast.simulation.orders import NewOrder, Order
from xrpfast.simulation.worlds import RULES, customer, exchange_of

if TYPE_CHECKING:
    from xrpfast.simulation.server import MockVenues

Rows = Sequence[Sequence[str]]


def played(path: Path, venue: str, symbol: str | None = None) -> tuple[Exchange, RecordedMarket]:
    recording = Recording.open(path, RULES[venue], symbol)
    exchange = exchange_of(venue, lambda: 10**18, recording.rules)
    exchange.add_account(customer(venue, 1, recording.rules))
    return exchange, RecordedMarket(exchange, recording, Capture(path=path))


def decimals(exchange: Exchange, side: Side) -> dict[Decimal, Decimal]:
    rules = exchange.rules
    return {
        Decimal(price).scaleb(-rules.price_decimals): Decimal(qty).scaleb(-rules.qty_decimals)
        for price, qty in exchange.matching.levels(side, 10**6)
    }


@pytest.mark.parametrize(("venue", "symbol"), SYMBOLS)
def test_after_each_frame_the_book_is_the_recorded_one(venue: str, symbol: str) -> None:
    exchange, market = played(CAPTURES[venue], venue, symbol)
    shown = 0
    while True:
        bids, asks = truth(venue, symbol)[market.sequence]
        assert decimals(exchange, Side.BUY) == bids
        assert decimals(exchange, Side.SELL) == asks
        shown += 1
        if not market.step():
            break
    assert shown == market.shown == market.recording.frame_count > 1
    assert market.ended
    assert not exchange.trades  # the recording does not trade with itself


# --- a recording made for the test --------------------------------------------------------------


def depth(first: int, last: int, bids: Rows = (), asks: Rows = ()) -> str:
    event = {
        "e": "depthUpdate",
        "E": 1,
        "s": "XRPUSDT",
        "U": first,
        "u": last,
        "b": bids,
        "a": asks,
    }
    return json.dumps({"stream": "xrpusdt@depth@100ms", "data": event})


def snapshot(last: int, bids: Rows, asks: Rows) -> str:
    return json.dumps({"lastUpdateId": last, "bids": bids, "asks": asks})


def written(path: Path, *raws: str, symbol: str = "XRPUSDT") -> Path:
    with path.open("w") as lines:
        for number, raw in enumerate(raws):
            kind = "depth_snapshot" if "lastUpdateId" in raw else "ws"
            row = {"recv_ns": 10**18 + number * 10**8, "kind": kind, "symbol": symbol, "raw": raw}
            lines.write(json.dumps(row) + "\n")
    return path


BOOK = snapshot(10, [["2.0000", "100.0"], ["1.9990", "50.0"]], [["2.0100", "80.0"]])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "capture.jsonl"


def order(exchange: Exchange, side: Side, price: int, qty: int) -> Order:
    (account,) = exchange.accounts.values()
    tif = TimeInForce.GTC
    return exchange.place(
        account,
        NewOrder(client_id=f"c{exchange.sequence}", side=side, price=price, qty=qty, tif=tif),
    )


def test_the_usual_symbol_keeps_the_usual_rules(path: Path) -> None:
    exchange, _ = played(written(path, BOOK), "binance")
    assert exchange.rules == RULES["binance"]


def test_a_recorded_price_that_reaches_a_customer_fills_him(path: Path) -> None:
    written(path, BOOK, depth(11, 11, [], [["2.0050", "30.0"]]), depth(12, 12, [["1.9980", "5"]]))
    exchange, market = played(path, "binance")
    own = order(exchange, Side.BUY, 20_060, 100)
    assert own.state == "NEW"
    market.step()
    assert [(fill.price, fill.qty, fill.maker) for fill in own.fills] == [(20_060, 100, True)]
    assert exchange.matching.levels(Side.SELL, 9) == [(20_050, 200), (20_100, 800)]


def test_what_a_customer_takes_is_gone_until_the_level_changes(path: Path) -> None:
    written(
        path,
        BOOK,
        depth(11, 11, [["1.9980", "5.0"]]),
        depth(12, 12, [], [["2.0100", "70.0"]]),
    )
    exchange, market = played(path, "binance")
    own = order(exchange, Side.BUY, 20_100, 300)
    assert [(fill.price, fill.qty) for fill in own.fills] == [(20_100, 300)]
    assert exchange.matching.levels(Side.SELL, 9) == [(20_100, 500)]
    market.step()
    assert exchange.matching.levels(Side.SELL, 9) == [(20_100, 500)]
    market.step()
    assert exchange.matching.levels(Side.SELL, 9) == [(20_100, 700)]


def test_a_level_that_shrinks_keeps_its_place_before_a_customer(path: Path) -> None:
    written(path, BOOK, depth(11, 11, [["2.0000", "40.0"]]), depth(12, 12, [["2.0000", "60.0"]]))
    exchange, market = played(path, "binance")
    own = order(exchange, Side.BUY, 20_000, 100)
    market.step()  # 100.0 -> 40.0: what is left of the level stands before the customer
    market.step()  # 40.0 -> 60.0: what is new stands behind him
    assert exchange.matching.levels(Side.BUY, 9)[0] == (20_000, 700)
    exchange.place_background(Side.SELL, 20_000, 400, TimeInForce.IOC)
    assert own.filled == 0
    exchange.place_background(Side.SELL, 20_000, 150, TimeInForce.IOC)
    assert own.filled == 100


def test_a_frame_is_told_as_one_change(path: Path) -> None:
    moved = depth(11, 13, [["2.0000", "0"], ["2.0080", "9"]], [["2.0100", "0"], ["2.0090", "1"]])
    exchange, market = played(written(path, BOOK, moved), "binance")
    told: list[list[tuple[int, int, int]]] = []

    class Tape:
        def on_book(self, changes: list[tuple[int, int, int]], first: int, last: int) -> None:
            assert last - first + 1 == len(changes)
            told.append(changes)

        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    exchange.listeners.append(Tape())
    market.step()
    (changes,) = told
    assert sorted(changes) == [
        (0, 20_000, 0), (0, 20_080, 90), (1, 20_090, 10), (1, 20_100, 0),
    ]  # fmt: skip


def test_a_crossed_or_torn_recording_shows_the_last_right_book(path: Path) -> None:
    right = [(20_000, 1_000), (19_990, 500)]
    written(
        path,
        BOOK,
        depth(11, 11, [["2.0200", "7.0"]]),  # reaches the asks
        snapshot(20, [["2.0000", "3.0"]], [["2.0100", "80.0"]]),
        depth(22, 22, [["2.0010", "9.0"]]),  # 21 is missing
        snapshot(30, [["2.0020", "4.0"]], [["2.0110", "8.0"]]),
    )
    exchange, market = played(path, "binance")
    assert exchange.matching.levels(Side.BUY, 9) == right
    market.step()
    assert exchange.matching.levels(Side.BUY, 9) == [(20_000, 30)]
    market.step()
    assert exchange.matching.levels(Side.BUY, 9) == [(20_020, 40)]
    assert exchange.matching.levels(Side.SELL, 9) == [(20_110, 80)]
    assert not market.step()


def test_a_finer_recording_refines_the_scales_and_keeps_the_tick(path: Path) -> None:
    fine = snapshot(10, [["2.000012", "100.05"]], [["2.0100", "80.0"]])
    exchange, _ = played(written(path, fine), "binance")
    rules, usual = exchange.rules, RULES["binance"]
    assert (rules.price_decimals, rules.qty_decimals) == (6, 2)
    assert (rules.tick, rules.lot, rules.min_qty) == (100, 10, 10)
    assert rules.min_notional == usual.min_notional
    assert exchange.matching.levels(Side.BUY, 1) == [(2_000_012, 10_005)]


async def test_it_loops_and_stands_still_when_told(path: Path) -> None:
    exchange, market = played(
        written(path, BOOK, *(depth(n, n, [["1.9980", str(n)]]) for n in range(11, 15))), "binance"
    )
    market._loop, market._speed = True, 1_000.0
    seen: list[int] = []
    running = True

    class Tape:
        def on_book(self, changes: list[tuple[int, int, int]], first: int, last: int) -> None:
            nonlocal running
            seen.append(market.shown)
            if len(seen) == 12:
                running = False
                stopped.set()

    stopped = asyncio.Event()
    exchange.listeners.append(Tape())  # type: ignore[arg-type]
    playing = asyncio.create_task(market.run(lambda: running))
    async with asyncio.timeout(PATIENCE):
        await stopped.wait()
    await asyncio.sleep(0.05)
    playing.cancel()
    # A frame is told before it is counted; the first of each round takes the book back.
    assert seen == [1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2]


# --- on sockets ---------------------------------------------------------------------------------


@asynccontextmanager
async def mocked(
    venue: str, symbol: str, **fields: Any
) -> AsyncIterator[tuple[MockVenues, aiohttp.ClientSession]]:
    """The mock with this capture, played to its end at once."""
    from xrpfast.simulation.server import mock_venues

    capture = Capture(path=CAPTURES[venue], symbol=symbol, speed=1_000, **fields)
    async with (
        mock_venues([venue], seed=5, captures={venue: capture}) as running,
        aiohttp.ClientSession() as http,
        asyncio.timeout(PATIENCE),
    ):
        assert running.line["symbols"] == {venue: symbol}
        while True:
            async with http.get(running.line["control_url"] + "/market") as reply:
                now = (await reply.json())["recorded"][venue]
            assert now["symbol"] == symbol
            if now["ended"]:
                assert now["frame"] == now["frames"]
                break
            await asyncio.sleep(0.02)
        yield running, http


def recorded(venue: str, symbol: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The library's book of the capture."""
    feed = BookFeed(venue, symbol)
    for row in read_capture(CAPTURES[venue]):
        if row.symbol == symbol:
            (feed.on_message if row.kind == "ws" else feed.on_snapshot)(row.raw)
    assert feed.state == "LIVE"
    return feed.book.bid_levels(), feed.book.ask_levels()


def plain(rows: Rows) -> list[tuple[str, str]]:
    return [(f"{Decimal(p).normalize():f}", f"{Decimal(q).normalize():f}") for p, q, *_ in rows]


async def full_book(
    venue: str, running: MockVenues, http: aiohttp.ClientSession, symbol: str
) -> dict[str, Any]:
    """The full book as REST answers it."""
    from xrpfast.simulation.kucoin.face import KucoinFace

    line, face = running.line["venues"][venue], running.faces[venue]
    if isinstance(face, KucoinFace):
        world = World(face, running.flow, line, http, running.faults)
        path = f"/api/v3/market/orderbook/level2?symbol={symbol}"
        body: dict[str, Any] = (await world.call("GET", path)).body
    else:
        rest = Rest(http, line["rest_url"], Keys(line))
        _, body = await rest.get("/depth", f"symbol={symbol}&limit=5000")
    return body


@pytest.mark.parametrize(("venue", "symbol"), SYMBOLS)
async def test_rest_serves_the_recorded_book(venue: str, symbol: str) -> None:
    async with mocked(venue, symbol) as (running, http):
        body = await full_book(venue, running, http, symbol)
    book = body.get("data", body)
    assert (plain(book["bids"]), plain(book["asks"])) == recorded(venue, symbol)


@pytest.mark.parametrize(("venue", "symbol"), [("binance", "NKNUSDT"), ("kucoin", "SNX-BTC")])
async def test_a_subscriber_follows_the_recorded_book(venue: str, symbol: str) -> None:
    """The mock's own snapshot and frames, through the library's book."""
    from xrpfast.simulation.server import mock_venues

    capture = Capture(path=CAPTURES[venue], symbol=symbol, speed=1_000)
    async with (
        mock_venues([venue], seed=5, captures={venue: capture}) as running,
        aiohttp.ClientSession() as http,
        asyncio.timeout(PATIENCE),
    ):
        running.flow.running = False
        line, lower = running.line["venues"][venue], symbol.lower()
        market, feed = running.flow.recorded[venue], BookFeed(venue, symbol)
        wanted = recorded(venue, symbol)
        subscribed = (
            connected(f"{line['stream_url']}/stream?streams={lower}@depth@100ms")
            if venue == "binance"
            else public_push(line, f"/market/level2:{symbol}")
        )
        async with subscribed as client:
            client.on_message = lambda message: feed.on_message(json.dumps(message))
            feed.on_snapshot(json.dumps(await full_book(venue, running, http, symbol)))
            assert market.shown == 1
            running.flow.running = True
            await client.until(
                lambda _: (
                    market.ended and (feed.book.bid_levels(), feed.book.ask_levels()) == wanted
                )
            )
        assert feed.state == "LIVE"


async def test_binance_serves_the_recorded_book_and_fills_at_its_prices() -> None:
    bids, asks = recorded("binance", "NKNUSDT")
    async with mocked("binance", "NKNUSDT") as (running, http):
        line = running.line["venues"]["binance"]
        rest = Rest(http, line["rest_url"], Keys(line))
        status, book = await rest.get("/depth", "symbol=NKNUSDT&limit=5000")
        assert (status, plain(book["bids"]), plain(book["asks"])) == (200, bids, asks)
        (price, qty), (second, _) = asks[:2]
        more = f"{Decimal(qty) + 1:f}"
        status, order = await rest.signed(
            "POST", "/order", symbol="NKNUSDT", side="BUY", type="LIMIT", timeInForce="IOC",
            quantity=more, price=second, newOrderRespType="FULL",
        )  # fmt: skip
        assert status == 200, order
        fills = [(fill["price"], fill["qty"]) for fill in order["fills"]]
        assert plain(fills) == [(price, qty), (second, "1")]
        _, book = await rest.get("/depth", "symbol=NKNUSDT&limit=1")
        assert plain(book["asks"])[0][0] == second
        _, account = await rest.signed("GET", "/account")
        held = {row["asset"]: Decimal(row["free"]) for row in account["balances"]}
        assert held["NKN"] == 20_000 + Decimal(more) * Decimal("0.999")


async def test_kucoin_serves_the_recorded_book_and_fills_at_its_prices() -> None:
    from xrpfast.simulation.kucoin.face import KucoinFace

    bids, asks = recorded("kucoin", "ANKR-BTC")
    async with mocked("kucoin", "ANKR-BTC") as (running, http):
        face = running.faces["kucoin"]
        assert isinstance(face, KucoinFace)
        world = World(face, running.flow, running.line["venues"]["kucoin"], http, running.faults)
        book = await world.get("/api/v3/market/orderbook/level2?symbol=ANKR-BTC")
        assert (plain(book["bids"]), plain(book["asks"])) == (bids, asks)
        sell = world.order("sell", bids[0][0], bids[0][1], symbol="ANKR-BTC", timeInForce="IOC")
        made = (await world.call("POST", "/api/v1/hf/orders", sell)).data
        (fill,) = (await world.get("/api/v1/hf/fills?symbol=ANKR-BTC"))["items"]
        assert fill["orderId"] == made["orderId"]
        assert plain([(fill["price"], fill["size"])]) == [bids[0]]
        book = await world.get("/api/v3/market/orderbook/level2?symbol=ANKR-BTC")
        assert plain(book["bids"]) == bids[1:]


async def test_the_other_venue_keeps_the_seeded_market(path: Path) -> None:
    from xrpfast.simulation.server import mock_venues

    capture = Capture(path=written(path, BOOK))
    async with mock_venues(seed=5, captures={"binance": capture}) as running:
        running.flow.running = False
        binance, kucoin = (running.faces[name].exchange for name in ("binance", "kucoin"))
        before = binance.sequence, kucoin.sequence
        running.flow.step()
        assert binance.sequence == before[0]
        assert kucoin.sequence > before[1]
        async with (
            aiohttp.ClientSession() as http,
            http.post(
                running.line["control_url"] + "/bench", json={"ticks": 1, "mode": "engine"}
            ) as reply,
        ):
            assert (reply.status, await reply.text()) == (
                400, "the bench needs both venues and no capture",
            )  # fmt: skip


# --- what cannot be played ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("binance", "'binance' is not VENUE=FILE"),
        ("kraken=x", "'kraken=x' is not VENUE=FILE"),
        ("binance=/nowhere/x", "cannot read the capture"),
        ("binance={tape}", "an MCAP tape; tapes cannot be read yet"),
        ("binance={other}", "line 1 is not of a capture"),
        ("binance={binance}", "it holds BLZETH, LRCBTC, NKNUSDT, RUNEEUR; name one: VENUE:SYMBOL"),
        ("binance:XRPUSDT={binance}", "no symbol 'XRPUSDT' in this capture"),
        ("binance:SNX-BTC={kucoin}", "no book of SNX-BTC reads as binance"),
        ("binance={odd}", "'NKNXYZ' is no symbol of binance: its quote asset is unknown"),
        ("binance={fine}", "decimals are too fine: 18 in all"),
        ("binance={finer}", "decimals finer than the 8 that binance writes"),
    ],
)
def test_what_cannot_be_played_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, says: str
) -> None:
    (tmp_path / "tape.mcap").write_bytes(b"\x89MCAP0\r\n\x01")
    (tmp_path / "other.txt").write_text("not a capture\n")
    odd = BOOK.replace("XRPUSDT", "NKNXYZ")
    fine = snapshot(1, [["0.0000000001", "1.000000001"]], [["1", "1"]])
    files = {
        "tape": tmp_path / "tape.mcap",
        "other": tmp_path / "other.txt",
        "odd": written(tmp_path / "odd", odd, symbol="NKNXYZ"),
        "finer": written(tmp_path / "finer", snapshot(1, [["0.123456789", "1"]], [["1", "1"]])),
        "fine": written(tmp_path / "fine", fine),
        **CAPTURES,
    }
    assert app.run(["mock", "--capture", option.format(**files)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert says in err


def test_a_capture_needs_its_venue(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["mock", "--venue", "kucoin", "--capture", f"binance:NKNUSDT={CAPTURES['binance']}"]
    assert app.run(words) == 2
    assert "a capture of 'binance', but the venues are kucoin" in capsys.readouterr().err
    twice = ["--capture", f"kucoin={CAPTURES['kucoin']}"] * 2
    assert app.run(["mock", *twice]) == 2
    assert "one for each venue" in capsys.readouterr().err


def test_replay_refuses_a_tape_too(tmp_path: Path) -> None:
    tape = tmp_path / "tape.mcap"
    tape.write_bytes(b"\x89MCAP0\r\n")
    with pytest.raises(UsageError, match="an MCAP tape"):
        replay(tape, "binance", "XRPUSDT")


def test_units_of_the_shown_book_are_those_of_the_rules() -> None:
    exchange, market = played(CAPTURES["kucoin"], "kucoin", "SNX-BTC")
    while market.step():
        pass
    bids, _ = recorded("kucoin", "SNX-BTC")
    price, qty = exchange.matching.levels(Side.BUY, 1)[0]
    rules = exchange.rules
    assert bids[0] == (
        format_units(price, rules.price_decimals),
        format_units(qty, rules.qty_decimals),
    )
