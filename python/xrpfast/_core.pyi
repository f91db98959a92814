"""The native core. Private: users import the names that `xrpfast` re-exports.

Shapes and units: prices and quantities are ``int`` counts of 10^-decimals, money ``int`` of
10^-18, rates ``int`` of 10^-8, times ``int`` nanoseconds. No float enters or leaves but in the
arrays for plots. Nothing here reads a clock or opens a socket; `Journal` alone writes files.
"""

from collections.abc import Iterator
from decimal import Decimal
from os import PathLike
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import Buffer

__version__: str
build_profile: Literal["debug", "quick", "profiling", "release"]
"""The Cargo profile of this build; only "release" may be measured."""

# --- errors -----------------------------------------------------------------------------------

class CoreError(Exception): ...
class DecimalError(CoreError): ...
class MalformedFrame(CoreError): ...  # noqa: N818
class OutOfRange(CoreError): ...  # noqa: N818
class StateError(CoreError): ...
class ApprovalError(CoreError): ...
class JournalError(CoreError): ...

# --- numbers ----------------------------------------------------------------------------------

def parse_units(text: str | bytes, decimals: int) -> int:
    """Exact count of 10^-decimals in a plain decimal text.

    Raises `DecimalError` when the text is not a decimal, is finer than the scale, or overflows
    64 bits. Never rounds.
    """

def format_units(value: int, decimals: int, *, trim: bool = True) -> str:
    """Decimal text of ``value`` units of 10^-decimals; ``trim`` drops trailing zeros."""

# --- books ------------------------------------------------------------------------------------

@final
class OrderBook:
    """Price levels of one market, exact. Finer values rescale the whole book exactly."""

    def __new__(cls, price_decimals: int, qty_decimals: int) -> OrderBook: ...
    @property
    def price_decimals(self) -> int: ...
    @property
    def qty_decimals(self) -> int: ...
    @property
    def best_bid(self) -> tuple[Decimal, Decimal] | None: ...
    @property
    def best_ask(self) -> tuple[Decimal, Decimal] | None: ...
    def apply(self, side: Literal["bid", "ask"], price: str | Decimal, qty: str | Decimal) -> None:
        """Sets the level to ``qty``; zero removes it. Raises `DecimalError`, `OutOfRange`."""
    def bids(self, n: int) -> NDArray[np.float64]:
        """The best ``n`` bids, best first, shape (m, 2) of price and quantity, for plots."""
    def asks(self, n: int) -> NDArray[np.float64]:
        """The best ``n`` asks, best first, shape (m, 2) of price and quantity, for plots."""
    def bid_levels(self, n: int | None = None) -> list[tuple[str, str]]:
        """Exact texts, best first, without trailing zeros; all levels without ``n``."""
    def ask_levels(self, n: int | None = None) -> list[tuple[str, str]]: ...
    def __len__(self) -> int: ...

@final
class BookFeed:
    """One symbol's book kept in step from the venue's own bytes (snapshots and messages)."""

    def __new__(cls, venue: str, symbol: str) -> BookFeed:
        """``symbol`` as the venue writes it. Raises ``ValueError`` for an unknown venue."""
    def on_snapshot(self, raw: str | bytes) -> str:
        """Loads a REST snapshot; returns the new state. Raises `MalformedFrame`."""
    def on_message(self, raw: str | bytes) -> str:
        """Takes one WebSocket message; returns the state. Frames of other symbols or kinds are
        ignored. Raises `MalformedFrame`, with nothing applied."""
    @property
    def state(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def book(self) -> OrderBook:
        """The book as it is now: a copy that later messages leave alone."""

@final
class SpreadDetector:
    """Executable edge of an ordered pair of books: buy on one, sell on the other.

    Walks both books to the largest quantity whose marginal edge after both taker fees is at least
    ``min_edge`` (10^-8), within ``max_qty``, each venue's tick, lot and minimum notional.
    """

    def __new__(cls, min_edge: int, max_qty: str | Decimal | None = None) -> SpreadDetector:
        """Raises `OutOfRange` for an edge of more than 100 % or a quantity of zero."""
    @property
    def min_edge(self) -> int: ...
    @property
    def max_qty(self) -> Decimal | None: ...
    def evaluate(
        self,
        buy: OrderBook,
        sell: OrderBook,
        buy_fee: str | Decimal,
        sell_fee: str | Decimal,
    ) -> Spread | None:
        """The edge between two books now, for notebooks; fees as parts of one (``"0.001"``).

        Any price and quantity that the books' decimals can write may be ordered. Raises
        `DecimalError`, `OutOfRange`.
        """

@final
class Spread:
    """An edge that was there when the books were read."""

    @property
    def quantity(self) -> Decimal: ...
    @property
    def buy_limit(self) -> Decimal:
        """The worst price that buying the quantity reaches."""
    @property
    def sell_limit(self) -> Decimal:
        """The worst price that selling the quantity reaches."""
    @property
    def buy_vwap(self) -> Decimal: ...
    @property
    def sell_vwap(self) -> Decimal: ...
    @property
    def profit(self) -> Decimal:
        """In the quote asset after both fees, each rounded up to 10^-18."""
    @property
    def edge(self) -> Decimal:
        """Profit over gross cost, rounded down to 10^-8."""

@final
class Batch:
    """What one frame led to; reused by its `Market`, valid until the next call to it."""

    def __len__(self) -> int:
        """Number of pending signals."""
    def __getitem__(self, index: int, /) -> tuple[int, ...]:
        """A signal's row: the fields of `events.Signal` up to ``recv_ns``, in order."""
    @property
    def notes(self) -> list[tuple[str, int, str]]:
        """(kind, book or -1, text). Kinds: ``control`` (text = the frame: ack, pong, error,
        welcome), ``state`` (a book's new state), ``malformed`` (what was wrong)."""

@final
class Market:
    """Every book of the process and the detectors over them."""

    def __new__(cls) -> Market: ...
    def add_book(
        self,
        venue: str,
        venue_symbol: str,
        *,
        price_decimals: int,
        qty_decimals: int,
        tick: int,
        lot: int,
        min_qty: int,
        max_qty: int,
        min_notional: int,
        taker_rate: int,
    ) -> int:
        """Registers a book in state EMPTY; returns its id. ``min_notional`` is money (10^-18)."""
    def add_stream(self, venue: str) -> int:
        """Registers one socket; returns its id. Frames find their book by symbol."""
    def add_detector(self, detector: SpreadDetector, buy_book: int, sell_book: int) -> int:
        """Watches one ordered pair; returns the detector's id."""
    def on_frame(self, stream: int, payload: Buffer, recv_ns: int) -> Batch | None:
        """Decodes, applies, detects: the one call per frame.

        Returns None when nothing is pending, else the reused batch: signals that hold now (those
        of earlier frames of the burst included while they still hold) and notes. A malformed frame
        changes no book and is a note, never an exception.
        """
    def on_snapshot(self, book: int, raw: Buffer, recv_ns: int) -> Batch | None:
        """Loads a REST snapshot body. Raises `MalformedFrame`, with nothing applied.

        One too old for the frames seen leaves the book SYNCING, with a ``state`` note that says
        so again: fetch another.
        """
    def pending(self) -> Batch | None:
        """The batch as `on_frame` would return it now."""
    def consume(self) -> None:
        """Forgets pending signals and notes: they were acted on."""
    def stream_down(self, stream: int) -> Batch | None:
        """A socket closed: every book that lives on it becomes STALE at once."""
    def resync(self, book: int) -> None:
        """Starts over: the book is SYNCING, buffering until a snapshot fits."""
    def set_clock(self, venue: str, offset_ns: int) -> None:
        """Maps a venue's event time to the local monotonic clock:
        local_ns = venue_ns + offset_ns. Unset: receive time alone bounds the age."""
    def state(self, book: int) -> str: ...
    def top(self, book: int) -> tuple[int, int, int, int] | None:
        """(bid, bid_qty, ask, ask_qty) in the book's units, None unless LIVE and two-sided.

        Levels finer than the rules (left from before the venue changed them) stay exact in the
        book and the detectors; here they read as an order by the rules would meet them: prices
        rounded to the worse for a taker, quantities down.
        """
    def view(self, book: int) -> tuple[str, int, int, int, int]:
        """(state, sequence, version, data_ns, recv_ns).

        ``data_ns`` is -2^63, infinitely old, while nothing timed vouches for what is seen.
        """
    def depth(self, book: int, n: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """The best ``n`` bids and asks in the book's units, for people."""
    def counters(self) -> dict[str, int]:
        """frames, depth_frames, ticker_frames, malformed, gaps, resyncs, signals."""

# --- orders -----------------------------------------------------------------------------------

@final
class Signer:
    """HMAC-SHA256 with the key schedule computed once; the secret is never readable again."""

    def __new__(cls, secret: bytes | bytearray) -> Signer:
        """Takes the secret; a ``bytearray`` is overwritten with zeros on the way."""
    def hex(self, message: str | bytes) -> str: ...
    def base64(self, message: str | bytes) -> str: ...

@final
class Approved:
    """One order that risk let through: frozen, single use, expiring; only a gate makes one."""

    @property
    def venue(self) -> str: ...
    @property
    def venue_symbol(self) -> str: ...
    @property
    def side(self) -> int: ...
    @property
    def order_type(self) -> int: ...
    @property
    def tif(self) -> int: ...
    @property
    def price(self) -> int: ...
    @property
    def price_decimals(self) -> int: ...
    @property
    def qty(self) -> int: ...
    @property
    def qty_decimals(self) -> int: ...
    @property
    def client_id(self) -> str: ...
    @property
    def expires_ns(self) -> int: ...
    @property
    def used(self) -> bool: ...

@final
class RiskGate:
    """Mints `Approved`. The risk engine alone holds it; encoders accept only their gate's."""

    def __new__(cls, ttl_ns: int) -> RiskGate: ...
    def approve(
        self,
        venue: str,
        venue_symbol: str,
        side: int,
        order_type: int,
        tif: int,
        price: int,
        price_decimals: int,
        qty: int,
        qty_decimals: int,
        client_id: str,
        now_ns: int,
    ) -> Approved:
        """Raises `OutOfRange` for a price or quantity of zero or less, a bad id or enum."""

@final
class BinanceEncoder:
    """Signed WebSocket API requests. Orders only from this gate's `Approved`."""

    def __new__(
        cls,
        gate: RiskGate,
        signer: Signer,
        api_key: str,
        recv_window_ms: int,
        *,
        self_trade_prevention: str | None = None,
    ) -> BinanceEncoder: ...
    def encode(self, approved: Approved, request_id: int, now_ns: int, wall_ns: int) -> bytes:
        """Consumes the approval. Raises `ApprovalError` when it is used, expired, foreign or for
        another venue; then nothing was consumed that could still be sent."""
    def cancel(self, venue_symbol: str, client_id: str, request_id: int, wall_ns: int) -> bytes: ...

@final
class KucoinEncoder:
    """WebSocket order entry requests of KuCoin. Orders only from this gate's `Approved`."""

    def __new__(
        cls, gate: RiskGate, *, self_trade_prevention: str | None = None
    ) -> KucoinEncoder: ...
    def encode(self, approved: Approved, request_id: int, now_ns: int, wall_ns: int) -> bytes: ...
    def cancel(self, venue_symbol: str, client_id: str, request_id: int, wall_ns: int) -> bytes: ...

# --- records ----------------------------------------------------------------------------------

@final
class Journal:
    """Append-only, hash-chained record file; see docs/journal.md for the layout."""

    @staticmethod
    def open(
        directory: str | PathLike[str], *, segment_bytes: int = 268435456, sync_ms: int = 5
    ) -> Journal:
        """Opens or creates the newest segment; a torn tail is cut and kept aside.

        A segment that would grow beyond ``segment_bytes`` is followed by a new one; a sync begins
        at most ``sync_ms`` after a write. Raises `JournalError` when a record before the tail is
        damaged, another process writes this journal, or the disk refuses.
        """
    def stage(self, kind: int, time_ns: int, payload: bytes) -> int:
        """Adds a record to the buffer; returns its sequence. Nothing is on disk yet."""
    def append(self, kind: int, time_ns: int, payload: bytes) -> int:
        """Stages the record and writes all that is staged with one write(2).

        Raises `JournalError`; after that the journal refuses everything: no journal, no trading.
        """
    def flush(self) -> None:
        """Writes what is staged; a no-op when nothing is."""
    def sync(self) -> None:
        """fdatasync now, in the caller's thread."""
    def close(self) -> None:
        """Writes, syncs and lets go of the journal; a second call does nothing."""
    @property
    def next_sequence(self) -> int: ...
    @property
    def synced_sequence(self) -> int:
        """Records below it are known to be on the disk."""
    @property
    def failure(self) -> str | None:
        """Why the journal refuses everything; None while it does not."""
    @property
    def path(self) -> str:
        """The segment that is written."""
    @property
    def cut_bytes(self) -> int:
        """Bytes of torn tail that opening cut off; 0 normally."""

@final
class JournalReader:
    """Iterates (sequence, time_ns, kind, payload), checking every crc and hash on the way."""

    def __new__(cls, path: str | PathLike[str]) -> JournalReader: ...
    def __iter__(self) -> Iterator[tuple[int, int, int, bytes]]: ...
    def __next__(self) -> tuple[int, int, int, bytes]: ...
    @property
    def torn_bytes(self) -> int:
        """After iteration: bytes behind the last valid record."""

@final
class LatencyHistogram:
    """HdrHistogram of nanoseconds, 1 ns to 60 s, three significant digits; always on."""

    def __new__(cls) -> LatencyHistogram: ...
    def record(self, ns: int) -> None: ...
    def percentile(self, p: float) -> int: ...
    @property
    def count(self) -> int: ...
    @property
    def max(self) -> int: ...
    def merge(self, other: LatencyHistogram) -> None: ...
    def reset(self) -> None: ...

# --- simulation -------------------------------------------------------------------------------

@final
class Matching:
    """Price-time priority matching of one instrument, for mock venues, paper and backtests."""

    def __new__(cls) -> Matching: ...
    def place(
        self,
        order_id: int,
        owner: int,
        side: int,
        price: int,
        qty: int,
        tif: int,
        self_trade: int = 0,
    ) -> tuple[
        int,
        int,
        list[tuple[int, int, int, int, int]],
        list[tuple[int, int, int, int, int]],
    ]:
        """(resting_qty, cancelled_qty, trades, prevented); a trade is (trade_id, maker_order_id,
        maker_owner, price, qty), a prevented one (trades before it, maker_order_id, price, quantity
        that the incoming order lost, quantity that the resting one lost). ``self_trade``: 0 trade,
        1 expire taker, 2 expire maker, 3 expire both, 4 decrement. Raises `OutOfRange`,
        `StateError` for a duplicate id."""
    def cancel_part(self, order_id: int, qty: int) -> int | None:
        """What is left after taking ``qty`` off a resting order, which keeps its place; None when
        it does not rest or has not more than that."""
    def cancel(self, order_id: int) -> int | None:
        """Remaining quantity removed, None when the order is not in the book."""
    def trade_with(self, order_id: int, qty: int) -> tuple[int, int] | None:
        """Somebody trades with a resting order out of turn: (trade_id, price); None when it does
        not rest or has less than that."""
    def resting(self, owner: int, side: int) -> list[int]:
        """Orders of one owner that rest on a side, oldest id first."""
    def remaining(self, order_id: int) -> int | None: ...
    def crosses(self, side: int, price: int) -> bool:
        """Whether an order would trade at once."""
    def best(self, side: int) -> tuple[int, int] | None: ...
    def levels(self, side: int, n: int) -> list[tuple[int, int]]: ...
    def take_changes(self) -> list[tuple[int, int, int]]:
        """(side, price, new quantity of the level) since the last call, each level once."""
