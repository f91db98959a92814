"""Everything of the mock KuCoin in one place, for the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web
from picows import WSListener, WSUpgradeRequest

from xrpfast.simulation.account import Account, BalanceChange
from xrpfast.simulation.exchange import Exchange
from xrpfast.simulation.faults.engine import VenueAction
from xrpfast.simulation.orders import Fill, Order, OrderHook, Trade

from . import errors
from .auth import ApiKey, KeyRing
from .limits import Pools, quotas
from .order_entry import OrderEntry
from .rest import Rest
from .uta_push import UTA_HOST, UTA_PATH
from .venue import Venue
from .venue_faults import DAY_S, venue_actions

ORDER_ENTRY_PATH = "/v1/private"
HOME = "127.0.0.1"
"""Where keys may be used from: the mock listens nowhere else."""
PUSH_PATHS = frozenset({"/", "/endpoint"})


class KucoinFace:
    """REST application, push socket and order entry over one exchange.

    ``push_url`` is what bullet-public and bullet-private name as endpoint. The keys are those of
    the exchange's accounts; `add_key` adds more.
    """

    def __init__(self, exchange: Exchange, push_url: str, seed: int = 0) -> None:
        self.exchange = exchange
        self.keys: KeyRing[Account] = KeyRing()
        self.pools = Pools()
        self.venue = Venue(exchange, push_url, seed)
        self.rest = Rest(self.venue, self.keys, self.pools)
        self.order_entry = OrderEntry(exchange, self.keys, self.pools, self.venue.orders)
        for account in exchange.accounts.values():
            self.add_key(account)
        exchange.listeners.append(self)

    def add_key(self, account: Account, *, version: int = 3) -> ApiKey[Account]:
        key = ApiKey(account.api_key, account.secret, account.passphrase, account, version)
        key.ip_whitelist = HOME
        self.keys.add(key)
        return key

    @property
    def before_send(self) -> Callable[[int], None] | None:
        """Told the monotonic time right before a level2 frame is written; for measurements."""
        return self.venue.market.before_send

    @before_send.setter
    def before_send(self, hook: Callable[[int], None] | None) -> None:
        self.venue.market.before_send = hook

    @property
    def on_order_frame(self) -> OrderHook | None:
        """Told of each order-entry request first thing, with its monotonic time; True = taken."""
        return self.order_entry.on_order_frame

    @on_order_frame.setter
    def on_order_frame(self, hook: OrderHook | None) -> None:
        self.order_entry.on_order_frame = hook

    def enforce_quotas(self, enforced: bool) -> None:
        """Whether calls above the venue's limits are refused; they are counted either way."""
        self.pools.enforced = enforced

    def fault_actions(self) -> dict[str, VenueAction]:
        """What a fault rule of channel venue can do here."""
        return venue_actions(self)

    # --- switches for faults ------------------------------------------------------------------

    def set_vip(self, level: int) -> None:
        """The pools and the level of every customer; raises IndexError for an unknown level."""
        self.pools.limits.update(quotas(level))
        self.venue.vip = level

    def open_market(self, is_open: bool) -> None:
        """Whether there is market data: without it its sockets are cut and no new one is let in."""
        self.venue.hub.public_open = is_open
        if not is_open:
            self.venue.hub.drop_public()

    def flush_market(self) -> None:
        """Nothing waits here: a change is told when it happens."""

    def disconnect_notice(self, reason: errors.Reason = errors.STOPPING) -> None:
        """Tells every order-entry session that it ends (420001, 420002, 501000), and ends it."""
        for session in tuple(self.order_entry.sessions):
            session.end(reason)

    def shorten_day(self, day_s: float) -> None:
        """What lasts 24 hours at the venue lasts so long from now on: tokens, and every socket
        counted from now; 86,400 is the real day again, and no end of sockets."""
        self.venue.hub.tokens.life_ms = round(day_s * 1000)
        age = day_s if day_s < DAY_S else None
        self.venue.hub.settings.max_age_s = self.order_entry.max_age_s = age
        for push in self.venue.hub.sessions:
            push.grow_old()
        for entry in self.order_entry.sessions:
            entry.grow_old()

    # --- for the server -----------------------------------------------------------------------

    def rest_app(self) -> web.Application:
        return self.rest.app()

    def ws_listener(self, request: WSUpgradeRequest) -> WSListener | None:
        """The listener of a new socket by its path; None refuses it (404)."""
        path, _, query = request.path.decode("ascii", "replace").partition("?")
        if path == ORDER_ENTRY_PATH:
            return self.order_entry.open(query)
        if path == UTA_PATH or request.headers.get("Host", "").startswith(UTA_HOST):
            return self.venue.uta.open()
        if path in PUSH_PATHS:
            return self.venue.hub.open(query)
        return None

    async def run(self) -> None:
        """Waits for the end; the paced streams have their own timers."""
        try:
            await asyncio.Event().wait()
        finally:
            self.venue.close()

    # --- listener of the exchange -------------------------------------------------------------

    def on_order(self, kind: str, order: Order, fill: Fill | None) -> None:
        self.venue.private.on_order(kind, order, fill)

    def on_balances(self, account: Account, changes: list[BalanceChange]) -> None:
        self.venue.private.on_balances(account, changes)

    def on_trade(self, trade: Trade) -> None:
        self.venue.market.on_trade(trade)

    def on_book(self, changes: list[tuple[int, int, int]], first: int, last: int) -> None:
        self.venue.market.on_book(changes)
