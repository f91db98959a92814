"""A bot test with KuCoin's own SDK: REST, order events, and a venue that is overloaded.

Run it: `python examples/with_kucoin_sdk.py`. Nothing of it is changed but its URL and keys.
"""

from __future__ import annotations

import queue
from typing import Any
from uuid import uuid4

import kucoin_universal_sdk.generate.account.account as account_api
import kucoin_universal_sdk.generate.spot.market as market_api
import kucoin_universal_sdk.generate.spot.order as order_api
from kucoin_universal_sdk.api import DefaultClient
from kucoin_universal_sdk.model import (
    ClientOptionBuilder,
    RestError,
    TransportOptionBuilder,
    WebSocketClientOptionBuilder,
)

from xrpfast.simulation.process import MockKucoin, mock_exchanges

SYMBOL = "XRP-USDT"


def client(line: MockKucoin) -> DefaultClient:
    """The SDK at the mock; the token that it asks REST for names the socket."""
    return DefaultClient(
        ClientOptionBuilder()
        .set_key(line.api_key)
        .set_secret(line.api_secret)
        .set_passphrase(line.passphrase)
        .set_spot_endpoint(line.rest_url)
        .set_transport_option(TransportOptionBuilder().set_max_retries(1).build())
        .set_websocket_client_option(WebSocketClientOptionBuilder().build())
        .build()
    )


def main() -> None:
    with mock_exchanges("--seed", "7", "--venue", "kucoin") as mock:
        mock.pause()  # the market stands still: the order meets the ask that was read
        sdk = client(mock.kucoin)
        rest = sdk.rest_service()
        orders = rest.get_spot_service().get_order_api()

        events: queue.Queue[Any] = queue.Queue()
        socket = sdk.ws_service().new_spot_private_ws()
        socket.start()
        socket.order_v2(lambda topic, subject, event: events.put(event))

        book = (
            rest.get_spot_service()
            .get_market_api()
            .get_part_order_book(market_api.GetPartOrderBookReq(symbol=SYMBOL, size="20"))
        )
        wish = {
            "client_oid": str(uuid4()),
            "symbol": SYMBOL,
            "side": "buy",
            "type": "limit",
            "price": book.asks[0][0],
            "size": "20",
        }
        placed = orders.add_order(order_api.AddOrderReq(**wish))
        event = events.get(timeout=30)
        while event.type.value != "filled":
            event = events.get(timeout=30)
        assert event.order_id == placed.order_id
        print(f"order events: {event.type.value} {event.filled_size} XRP")

        request = account_api.GetSpotAccountListReq(currency="XRP", type="trade")
        (owned,) = rest.get_account_service().get_account_api().get_spot_account_list(request).data
        print(f"REST: {owned.balance} XRP owned")
        # A bot that goes on calls socket.stop(); it waits some ten seconds for its own threads.

        mock.fault({"venue": "kucoin", "channel": "venue", "action": "overload"})
        try:
            orders.add_order(order_api.AddOrderReq(**(wish | {"client_oid": str(uuid4())})))
        except RestError as error:
            print(f"overload: {error.msg}")


if __name__ == "__main__":
    main()
