"""The venue's errors: one value each, with the status, code and text that clients tell them by."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


class BinanceError(Exception):
    """A refusal: HTTP-like status, code, text.

    ``data`` goes into the body (cancel-replace); ``retry_ns`` is the wall time until which the
    caller is to wait: a header in REST, ``data`` in the WebSocket API.
    """

    def __init__(
        self,
        status: int,
        code: int,
        text: str,
        *,
        data: Json | None = None,
        retry_ns: int | None = None,
    ) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text
        self.data, self.retry_ns = data, retry_ns

    @property
    def body(self) -> Json:
        body: Json = {"code": self.code, "msg": self.text}
        return body if self.data is None else body | {"data": self.data}


# --- who asks, and when -------------------------------------------------------------------------


def key_format() -> BinanceError:
    return BinanceError(401, -2014, "API-key format invalid.")


def key_rejected() -> BinanceError:
    return BinanceError(401, -2015, "Invalid API-key, IP, or permissions for action.")


def signature() -> BinanceError:
    return BinanceError(400, -1022, "Signature for this request is not valid.")


def late() -> BinanceError:
    return BinanceError(400, -1021, "Timestamp for this request is outside of the recvWindow.")


def early() -> BinanceError:
    text = "Timestamp for this request was 1000ms ahead of the server's time."
    return BinanceError(400, -1021, text)


def recv_window() -> BinanceError:
    return BinanceError(400, -1131, "'recvWindow' must be less than 60000.")


def hmac_logon() -> BinanceError:
    return BinanceError(400, -4056, "HMAC_SHA256 API key is not supported.")


def unauthorized() -> BinanceError:
    return BinanceError(401, -1002, "You are not authorized to execute this request.")


# --- parameters ---------------------------------------------------------------------------------


def illegal(name: str, pattern: str) -> BinanceError:
    text = f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'."
    return BinanceError(400, -1100, text)


def illegal_parameter() -> BinanceError:
    return BinanceError(400, -1100, "Illegal characters found in a parameter.")


def duplicate_values() -> BinanceError:
    return BinanceError(400, -1101, "Duplicate values for a parameter detected.")


def missing(name: str) -> BinanceError:
    text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return BinanceError(400, -1102, text)


def missing_both(one: str, other: str) -> BinanceError:
    text = f"Param '{one}' or '{other}' must be sent, but both were empty/null!"
    return BinanceError(400, -1102, text)


def unread(read: int, sent: int) -> BinanceError:
    text = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
    return BinanceError(400, -1104, text)


def empty(name: str) -> BinanceError:
    return BinanceError(400, -1105, f"Parameter '{name}' was empty.")


def not_required(name: str) -> BinanceError:
    return BinanceError(400, -1106, f"Parameter '{name}' sent when not required.")


def overflowed(name: str) -> BinanceError:
    return BinanceError(400, -1108, f"Parameter '{name}' overflowed.")


def too_precise(name: str) -> BinanceError:
    return BinanceError(400, -1111, f"Parameter '{name}' has too much precision.")


def empty_client_id() -> BinanceError:
    return BinanceError(400, -1118, "New client order ID was empty.")


def interval() -> BinanceError:
    return BinanceError(400, -1120, "Invalid interval.")


def symbol() -> BinanceError:
    return BinanceError(400, -1121, "Invalid symbol.")


def symbol_status() -> BinanceError:
    return BinanceError(400, -1122, "Invalid symbolStatus.")


def more_than_a_day() -> BinanceError:
    return BinanceError(400, -1127, "More than 24 hours between startTime and endTime.")


def side() -> BinanceError:
    return BinanceError(400, -1117, "Invalid side.")


def order_type() -> BinanceError:
    return BinanceError(400, -1116, "Invalid orderType.")


def time_in_force() -> BinanceError:
    return BinanceError(400, -1115, "Invalid timeInForce.")


def bad_combination() -> BinanceError:
    return BinanceError(400, -1128, "Combination of optional parameters invalid.")


def invalid(name: str) -> BinanceError:
    return BinanceError(400, -1130, f"Data sent for parameter '{name}' is not valid.")


def strategy_type() -> BinanceError:
    return BinanceError(400, -1134, "`strategyType` was less than 1000000.")


def json(name: str) -> BinanceError:
    return BinanceError(400, -1135, f"JSON sent for parameter '{name}' is not valid")


def ticker_type() -> BinanceError:
    return BinanceError(400, -1139, "Invalid ticker type.")


def cancel_restrictions() -> BinanceError:
    return BinanceError(400, -1145, "Invalid cancelRestrictions")


def duplicate_symbols() -> BinanceError:
    return BinanceError(400, -1151, "Symbol is present multiple times in the list.")


def sbe_off(status: int) -> BinanceError:
    return BinanceError(status, -1155, "SBE is not enabled.")


def time_unit() -> BinanceError:
    text = "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
    return BinanceError(400, -1194, text)


def status_mismatch() -> BinanceError:
    text = "The symbol's status does not match the requested symbolStatus."
    return BinanceError(400, -1220, text)


def no_reference_price() -> BinanceError:
    return BinanceError(400, -2043, "This symbol doesn't have a reference price.")


# --- orders -------------------------------------------------------------------------------------


def message(text: str) -> BinanceError:
    """Refused by the API, before the engine."""
    return BinanceError(400, -1013, text)


def filter_failure(name: str) -> BinanceError:
    return message(f"Filter failure: {name}")


def rejected(text: str) -> BinanceError:
    """Refused by the engine."""
    return BinanceError(400, -2010, text)


def no_cancel(text: str = "Unknown order sent.") -> BinanceError:
    return BinanceError(400, -2011, text)


def no_order() -> BinanceError:
    return BinanceError(400, -2013, "Order does not exist.")


def amend_rejected(text: str) -> BinanceError:
    return BinanceError(400, -2038, text)


def foreign_client_id() -> BinanceError:
    return BinanceError(400, -2039, "Client order ID is not correct for this order ID.")


MARKET_CLOSED = "Market is closed."

REFUSALS = {
    "TICK": filter_failure("PRICE_FILTER"),
    "PRICE_RANGE": filter_failure("PRICE_FILTER"),
    "LOT": filter_failure("LOT_SIZE"),
    "MIN_QTY": filter_failure("LOT_SIZE"),
    "MAX_QTY": filter_failure("LOT_SIZE"),
    "MIN_NOTIONAL": filter_failure("NOTIONAL"),
    "BALANCE": rejected("Account has insufficient balance for requested action."),
    "DUPLICATE_CLIENT_ID": rejected("Duplicate order sent."),
    "WOULD_TAKE": rejected("Order would immediately match and take."),
    "UNKNOWN_ORDER": no_cancel(),
}
"""What each refusal of the exchange is called here."""


# --- limits -------------------------------------------------------------------------------------


def too_much_weight(limit: int, retry_ns: int) -> BinanceError:
    text = (
        f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API."
    )
    return BinanceError(429, -1003, text, retry_ns=retry_ns)


def too_many_requests(limit: int, retry_ns: int) -> BinanceError:
    text = f"Too many requests; current limit is {limit} requests per 5 MINUTE."
    return BinanceError(429, -1003, text, retry_ns=retry_ns)


def banned(until_ns: int) -> BinanceError:
    text = (
        f"Way too much request weight used; IP banned until {until_ns // 1_000_000}. "
        "Please use WebSocket Streams for live updates to avoid bans."
    )
    return BinanceError(418, -1003, text, retry_ns=until_ns)


def too_many_orders(limit: int, per: str, retry_ns: int) -> BinanceError:
    text = f"Too many new orders; current limit is {limit} orders per {per}."
    return BinanceError(429, -1015, text, retry_ns=retry_ns)


def too_many_connections(limit: int, retry_ns: int) -> BinanceError:
    text = f"Too many connection attempts from IP; current limit is {limit} per '5 MINUTE'."
    return BinanceError(429, -1034, text, retry_ns=retry_ns)
