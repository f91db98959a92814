"""Order entry over one warm WebSocket: what left, what came back, what is not known.

A create is never sent twice. Replies are matched by request id; when the connection goes, the
outcome of everything in flight is unknown.
"""

from __future__ import annotations

import logging
from time import monotonic_ns, time_ns
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from xrpfast.net.fuse import Fuse, Pause, Reach
from xrpfast.net.reconnect import GivenUpError, keep_open
from xrpfast.net.websocket import Connection, SendResult
from xrpfast.trading.events import (
    AnyEvent,
    Control,
    OrderAck,
    OrderReject,
    OrderUnknown,
    Terms,
    VenueError,
)
from xrpfast.venues import outcome
from xrpfast.venues.outcome import Outcome
from xrpfast.venues.ports import Sink, link_state
from xrpfast.venues.requests import InFlight, Requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from xrpfast._core import Approved, LatencyHistogram

_LOG = logging.getLogger("xrpfast.venues")

_OK: Final = Outcome.OK
_UNKNOWN: Final = Outcome.UNKNOWN_RECONCILE


class Encoder(Protocol):
    """The native encoder of a venue."""

    def encode(self, approved: Approved, request_id: int, now_ns: int, wall_ns: int) -> bytes: ...
    def cancel(self, venue_symbol: str, client_id: str, request_id: int, wall_ns: int) -> bytes: ...


class Reply(NamedTuple):
    """One answer of the venue, in our words."""

    request_id: int | None
    outcome: Outcome
    venue_order_id: str
    code: str
    text: str
    client_id: str = ""
    """As the venue says it back; empty when it does not."""
    market_closed: bool = False
    """The venue takes no orders, or no cancels, for a while: nothing is wrong with us."""
    terms: Terms | None = None
    """The order as the venue says it back, as far as it does."""
    pause: Pause | None = None
    """For how long the venue wants to be left alone, if it says so: a limit, a ban."""


class GatewayConnection(Connection):
    """The socket of a gateway; its frames go to the gateway."""

    def __init__(self, name: str, owner: OrderGateway) -> None:
        super().__init__(name)
        self._owner = owner

    def on_text(self, payload: bytes) -> None:
        self._owner.on_text(payload)

    def on_close(self) -> None:
        self._owner.closed(self)


class OrderGateway:
    """One venue's order entry."""

    venue = ""

    def __init__(self, encoder: Encoder, sink: Sink, fuse: Fuse, acks: LatencyHistogram) -> None:
        self.sink = sink
        self.wall_offset_ns = 0
        """Venue time minus local time, added to the time that a request carries."""
        self.on_cancel_refused: Callable[[str], None] | None = None
        """Told the client id of a cancel that was refused: the order may have been filled."""
        self.on_clock_refused: Callable[[], None] | None = None
        self.connection: GatewayConnection | None = None
        self.halted = ""
        """Why the venue takes no more orders from us until a restart; empty while it does."""
        self._encoder = encoder
        self._acks = acks
        self._fuse = fuse
        self._session = False
        self._open = False
        """The session is up, and nothing keeps orders from it."""
        self._next_id = 0
        self._requests = Requests()
        self._in_flight = self._requests.open
        fuse.on_change = self._fused

    # --- per venue ------------------------------------------------------------------------------

    async def dial(self) -> Connection:
        """Connects and brings the session up (`session_up`)."""
        raise NotImplementedError

    def parse(self, payload: bytes) -> Reply | None:
        """One reply; None for anything else. Raises ``ValueError`` for what cannot be read."""
        raise NotImplementedError

    # --- sending --------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """The session is up and the next frame would leave at once."""
        connection = self.connection
        return self._open and connection is not None and connection.writable

    def encode(self, approved: Approved, now_ns: int, wall_ns: int) -> tuple[int, bytes]:
        """(request id, frame). Consumes the approval; raises `ApprovalError`."""
        request_id = self._next_id = self._next_id + 1
        return request_id, self._encoder.encode(
            approved, request_id, now_ns, wall_ns + self.wall_offset_ns
        )

    def send(self, request_id: int, frame: bytes, client_id: str) -> SendResult:
        """Hands the frame over, or nothing."""
        connection = self.connection
        if connection is None:
            return SendResult.NOT_SENT
        # Known before it leaves: the answer cannot come earlier, a failure can come at once.
        self._in_flight[request_id] = InFlight(client_id, monotonic_ns(), False)
        result = connection.send(frame)
        if result is not SendResult.SENT:
            self._in_flight.pop(request_id, None)
        return result

    def cancel(self, venue_symbol: str, client_id: str) -> SendResult:
        """Asks for the end of an order; allowed while halted, not while we are banned."""
        connection = self.connection
        if connection is None or not self._session or self._fuse.forbids(Reach.EVERYTHING):
            return SendResult.NOT_SENT
        request_id = self._next_id = self._next_id + 1
        frame = self._encoder.cancel(
            venue_symbol, client_id, request_id, time_ns() + self.wall_offset_ns
        )
        result = connection.send(frame)
        if result is SendResult.SENT:
            self._in_flight[request_id] = InFlight(client_id, monotonic_ns(), True)
        return result

    # --- receiving ------------------------------------------------------------------------------

    def on_text(self, payload: bytes) -> None:
        """A message of the session; overridden where the session has a prologue."""
        self.on_reply(payload)

    def on_reply(self, payload: bytes) -> None:
        now_ns, wall_ns = monotonic_ns(), time_ns()
        try:
            reply = self.parse(payload)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            _LOG.warning("%s orders: unreadable reply: %s", self.venue, error)
            return
        if reply is None:
            return
        if reply.request_id is None:
            self._unaddressed(reply)
            return
        request = self._requests.take(reply.request_id)
        self._requests.age(now_ns)
        if request is None:
            _LOG.warning("%s orders: reply to an unknown request %s", self.venue, reply.request_id)
            return
        if request.cancel:
            self._cancel_reply(request, reply)
            return
        self._acks.record(now_ns - request.sent_ns)
        if reply.client_id and reply.client_id != request.client_id:
            self._wrong_echo(request, reply, now_ns, wall_ns)
            return
        self.sink.on_events(place_events(request.client_id, reply, now_ns, wall_ns))
        self._consequences(reply)

    def _wrong_echo(self, request: InFlight, reply: Reply, now_ns: int, wall_ns: int) -> None:
        """The answer speaks of another order: nothing that this venue says can be built on."""
        text = f"{self.venue}: the reply to order {request.client_id} is of {reply.client_id}"
        self.sink.on_events(
            [
                OrderUnknown(
                    now_ns=now_ns, wall_ns=wall_ns, client_id=request.client_id, reason=text
                ),
                Control(now_ns=now_ns, wall_ns=wall_ns, action="halt", reason=text),
            ]
        )

    def _cancel_reply(self, request: InFlight, reply: Reply) -> None:
        if reply.outcome is _OK:
            return  # the end itself comes by the private stream
        _LOG.warning(
            "%s: cancel of %s refused: %s %s",
            self.venue, request.client_id, reply.code, reply.text,
        )  # fmt: skip
        refusal = venue_error(self.venue, "cancel", reply.code, reply.text, request.client_id)
        self.sink.on_events((refusal,))
        if self.on_cancel_refused is not None:
            self.on_cancel_refused(request.client_id)
        self._consequences(reply)

    def _unaddressed(self, reply: Reply) -> None:
        """An error that names no request: the session is not what we think it is."""
        _LOG.error("%s orders: %s %s", self.venue, reply.code, reply.text)
        if reply.pause is not None:
            self._fuse.blow(reply.pause)
        elif reply.outcome is Outcome.AUTH_HALT:
            self.key_refused(reply.code, reply.text)
        elif self.connection is not None:
            self.connection.abort()

    def _consequences(self, reply: Reply) -> None:
        if reply.pause is not None:
            self._fuse.blow(reply.pause)
        elif reply.market_closed:
            self._market_closed(reply)
        elif reply.outcome is Outcome.AUTH_HALT:
            self.key_refused(reply.code, reply.text)
        elif reply.outcome is Outcome.RETRY_AFTER_TIME_SYNC and self.on_clock_refused is not None:
            self.on_clock_refused()

    def _market_closed(self, reply: Reply) -> None:
        """Entries wait until the venue says that it trades, and has been compared."""
        now_ns, wall_ns = monotonic_ns(), time_ns()
        control = Control(
            now_ns=now_ns, wall_ns=wall_ns, action="reconcile", reason=reply.text, venue=self.venue
        )
        self.sink.on_events([control])

    def key_refused(self, code: str, text: str) -> None:
        """By whatever way: no order leaves until a restart; cancels are still tried."""
        if not self.halted:
            self.halted = f"{code} {text}"
            self._weigh()
            why = f"{self.venue}: no more orders until a restart: {self.halted}"
            down = link_state(self.venue, "orders", False, why)
            self.sink.on_events((down, venue_error(self.venue, "auth", code, text)))

    def _fused(self, why: str) -> None:
        """The venue wants to be left alone, or does no longer: entries close and open with it."""
        was_open = self._open
        self._weigh()
        if why:
            down = link_state(self.venue, "orders", False, why, self._fuse.until_ns)
            self.sink.on_events((down,))
        elif self._open and not was_open:
            self.sink.on_events((link_state(self.venue, "orders", True),))

    def _weigh(self) -> None:
        """Brings ``_open`` up to date: to be called after any change of what it is made of."""
        self._open = self._session and not self.halted and not self._fuse.blown

    # --- life -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keeps the session up until cancelled."""
        await keep_open(f"{self.venue} orders", self._dial, self._fuse)

    async def _dial(self) -> Connection:
        try:
            return await self.dial()
        except outcome.VenueError as error:
            if not error.of_key(left_alone=self._fuse.blown):
                raise
            self.key_refused(error.code, error.text)
            raise GivenUpError(str(error)) from error

    def session_up(self, connection: GatewayConnection) -> None:
        if not connection.is_open:
            return
        self.connection = connection
        self._session = True
        self._weigh()
        if self._open:
            self.sink.on_events((link_state(self.venue, "orders", True),))

    def closed(self, connection: GatewayConnection) -> None:
        if connection is not self.connection:
            return
        self.connection = None
        self._session = False
        self._weigh()
        lost = self._requests.lost()
        now_ns, wall_ns = monotonic_ns(), time_ns()
        events: list[AnyEvent] = [link_state(self.venue, "orders", False)]
        events += [
            OrderUnknown(
                now_ns=now_ns,
                wall_ns=wall_ns,
                client_id=request.client_id,
                reason="connection lost before the reply",
            )
            for request in lost
            if not request.cancel
        ]
        self.sink.on_events(events)

    async def close(self) -> None:
        if self.connection is not None:
            await self.connection.close()

    def counters(self) -> dict[str, Any]:
        self._requests.age(monotonic_ns())
        return {"ready": self.ready, "in_flight": len(self._in_flight), "halted": self.halted}


def venue_error(venue: str, kind: str, code: str, text: str, client_id: str = "") -> VenueError:
    """A refusal of something that is no order, stamped now."""
    return VenueError(
        now_ns=monotonic_ns(),
        wall_ns=time_ns(),
        venue=venue,
        kind=kind,
        code=code,
        text=text,
        client_id=client_id,
    )


def place_events(client_id: str, reply: Reply, now_ns: int, wall_ns: int) -> list[AnyEvent]:
    """What the answer to a create says about the order."""
    if reply.outcome is _OK:
        return [
            OrderAck(
                now_ns=now_ns,
                wall_ns=wall_ns,
                client_id=client_id,
                venue_order_id=reply.venue_order_id,
                terms=reply.terms,
            )
        ]
    if reply.outcome is _UNKNOWN:
        reason = f"{reply.code}: {reply.text}"
        return [OrderUnknown(now_ns=now_ns, wall_ns=wall_ns, client_id=client_id, reason=reason)]
    return [
        OrderReject(
            now_ns=now_ns, wall_ns=wall_ns, client_id=client_id, code=reply.code, text=reply.text
        )
    ]
