"""The refusals of KuCoin in its own words: code, text and HTTP status; one table for all faces."""

from __future__ import annotations

from typing import Final

import msgspec


class Refused(Exception):  # noqa: N818 - a refusal is an answer of the venue, not a failure
    """What the venue answers instead of data; REST, order entry and tests share it."""

    def __init__(self, code: str, msg: str, http: int = 200) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code
        self.msg = msg
        self.http = http

    def body(self) -> dict[str, str]:
        return {"code": self.code, "msg": self.msg}


class Reason(msgspec.Struct, frozen=True):
    """One row of the table; ``text`` may hold ``{0}`` for the value it speaks of."""

    code: str
    text: str
    http: int = 200

    def refuse(self, *values: object) -> Refused:
        return Refused(self.code, self.text.format(*values), self.http)


# Gateway: who are you, what do you ask.
HEADER_MISSING: Final = Reason("400001", "Please check the header of your request.", 401)
URL_INCOMPLETE: Final = Reason("400001", "Please check the URL of your request.", 401)
TIMESTAMP: Final = Reason("400002", "Invalid KC-API-TIMESTAMP", 401)
KEY_UNKNOWN: Final = Reason("400003", "KC-API-KEY not exists.", 401)
PASSPHRASE: Final = Reason("400004", "Invalid KC-API-PASSPHRASE", 401)
SIGNATURE: Final = Reason("400005", "Invalid KC-API-SIGN", 401)
ADDRESS: Final = Reason("400006", "The requested ip address is not in the api whitelist", 401)
PERMISSION: Final = Reason("400007", "Access denied --> Require more permission.", 401)
KEY_TOO_OLD: Final = Reason("400008", "V1 and V2 API keys are not supported, create a V3 key.", 401)
KEY_VERSION: Final = Reason("400009", "Invalid KC-API-KEY-VERSION", 401)
SESSION_SIGN: Final = Reason("400011", "Session verification failed.", 401)
SESSION_LATE: Final = Reason("400012", "Session verification timeout.", 401)
BAD_REQUEST: Final = Reason("400000", "Bad Request", 400)
METHOD: Final = Reason("400000", "Request method '{0}' not supported", 405)
URL_UNKNOWN: Final = Reason("404000", "Url Not Found", 404)
MEDIA_TYPE: Final = Reason("415000", "Unsupported Media Type", 415)
TOO_MANY: Final = Reason("429000", "Too many requests.", 429)
OVERLOAD: Final = Reason("429000", "Too many requests. System-level rate limit exceeded.", 429)
UID_PERMISSION: Final = Reason("400010", "The UID has no permission for this operation.", 401)
CONNECTION_ERRORS: Final = Reason("420001", "Too many errors, the connection is being closed.", 400)
RECEIVE_ERROR: Final = Reason(
    "420002", "Data receiving error, the connection is being closed.", 400
)
STOPPING: Final = Reason("501000", "Service is stopping, please reconnect.", 503)
NOT_UNIFIED: Final = Reason("112010", "The account is not a unified account.", 400)
PARAMETER: Final = Reason("400100", "{0}", 400)
REQUEST_PARAMETER: Final = Reason("4001002", "Please check the param of your request: {0}", 400)
REQUEST_DATA: Final = Reason("400101", "Invalid request data.", 400)

# Orders: the fixed texts that clients discriminate on.
SYMBOL_UNKNOWN: Final = Reason("900001", "symbol not exists")
CURRENCY_UNKNOWN: Final = Reason("900003", "currency not exists")
TYPE_UNSUPPORTED: Final = Reason("400100", "Order type {0} is not supported.", 400)
CLIENT_OID_TAKEN: Final = Reason("400100", "validation.createOrder.clientOidDuplicated", 400)
SIZE_TOO_SMALL: Final = Reason("400100", "Order size below the minimum requirement.", 400)
SIZE_TOO_LARGE: Final = Reason("400100", "Order size exceeds the maximum limit: {0}.", 400)
SIZE_INCREMENT: Final = Reason("600100", "Order size increment invalid.")
PRICE_INCREMENT: Final = Reason("600100", "Order price increment invalid.")
FUNDS_INCREMENT: Final = Reason("600100", "Order funds increment invalid.")
FUNDS_TOO_SMALL: Final = Reason("600101", "The order funds should more then {0} {1}.")
BALANCE: Final = Reason("200004", "Balance insufficient!")
TOO_MANY_OPEN: Final = Reason("200003", "The number of open orders has reached the limit of {0}.")
CREATE_SUSPENDED: Final = Reason("200001", "Order creation for this pair suspended")
CANCEL_SUSPENDED: Final = Reason("200002", "Order cancel for this pair suspended")
WINDOW_PASSED: Final = Reason(
    "400100", "The request exceeds the time window: allowMaxTimeWindow {0} ms.", 400
)
CLIENT_TIMESTAMP: Final = Reason("126041", "clientTimestamp must equal KC-API-TIMESTAMP.", 400)
NOT_CANCELLABLE: Final = Reason("400100", "order_not_exist_or_not_allow_to_cancel", 400)
ORDER_UNKNOWN: Final = Reason("order_not_exist", "order_not_exist", 400)

INTERNAL: Final = Reason("500000", "Internal Server Error", 500)


class PushReason(msgspec.Struct, frozen=True):
    """An error frame of the push socket."""

    code: int
    data: str


TOPIC_INVALID: Final = PushReason(400, "topic is invalid")
PING_TIMEOUT: Final = PushReason(400, "ping timeout")
TOKEN_INVALID: Final = PushReason(401, "token is invalid")
LOGIN_REQUIRED: Final = PushReason(403, "login is required")
TOPIC_UNKNOWN: Final = PushReason(404, "topic does not exist")
TOPIC_REQUIRED: Final = PushReason(406, "topic is required")
COMMAND_INVALID: Final = PushReason(415, "command type is invalid")
TOO_MANY_TOPICS: Final = PushReason(509, "exceed max subscription count limitation of 100 per time")
TOO_MANY_SUBSCRIBED: Final = PushReason(
    509, "exceed max subscription count limitation of 300 per session"
)
TOO_MANY_MESSAGES: Final = PushReason(509, "exceed max permits per second")
TOO_MANY_SESSIONS: Final = PushReason(509, "exceed max session count limitation of 50")
