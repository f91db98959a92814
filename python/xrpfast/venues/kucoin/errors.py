"""KuCoin error codes: what each means for the call that failed.

`CODES` is the meaning for a read; `ORDER_CODES` has the few that mean something else when the call
places or cancels an order; `TEXTS` those texts that say more than their code. Last, what an answer
means for all calls after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from xrpfast.net.fuse import Pause, Reach
from xrpfast.venues.outcome import Outcome
from xrpfast.venues.pauses import short, whole_seconds

SUCCESS: Final = "200000"
MARKET_CLOSED: Final = frozenset({"200001", "200002"})
"""Orders, and cancels, are suspended for the pair: in a maintenance."""

_NEVER = Outcome.NEVER_RETRY
_BACKOFF = Outcome.RETRY_BACKOFF
_UNKNOWN = Outcome.UNKNOWN_RECONCILE


def _table(outcome: Outcome, codes: str) -> dict[str, Outcome]:
    return dict.fromkeys(codes.split(), outcome)


CODES: Final[dict[str, Outcome]] = {
    **_table(
        Outcome.NEVER_RETRY,
        "HTTP_400 HTTP_404 HTTP_405 HTTP_415 400000 400101 400102 4001002 400201 "
        "400400 401000 404000 415000 200003 200004 400100 400330 400350 400370 400760 "
        "400800 600100 600101 900001 210021 230003 260100 300000 102411 102421 102425 "
        "102427 102429 102434 102435 126003 126004 126011 126013 126022 126027 126028 "
        "126029 126030 126042",
    ),
    **_table(
        Outcome.RETRY_BACKOFF,
        "HTTP_403 HTTP_429 HTTP_500 HTTP_502 HTTP_503 HTTP_504 CLIENT_TIMEOUT "
        "CLOUDFLARE_1015 400012 408000 420001 420002 429000 429001 429002 500000 "
        "501000 503000 504000 505000 230005 200002 126010 126038 126039",
    ),
    **_table(
        Outcome.UNKNOWN_RECONCILE,
        "order_not_exist 100001 100004 102426 102428 102436 126033 126043 126044",
    ),
    **_table(
        Outcome.AUTH_HALT,
        "HTTP_401 400001 400003 400004 400005 400006 400007 400008 400009 400010 "
        "400011 400200 400202 400301 400302 400303 400304 400401 411100 411200 200001 "
        "200009 400500 400700 600203 126001 126002 126005 126006 126007 126009 126015 "
        "126021 126037 126045 126046 126047 126048",
    ),
    **_table(
        Outcome.RETRY_AFTER_TIME_SYNC,
        "400002 126041",
    ),
    **_table(
        Outcome.OK,
        "200000",
    ),
}

ORDER_CODES: Final[dict[str, Outcome]] = _table(
    _UNKNOWN,
    "HTTP_500 HTTP_502 HTTP_503 HTTP_504 CLIENT_TIMEOUT 408000 420001 420002 500000 "
    "501000 504000 505000 230005 126038 126039",
)

TEXTS: Final[tuple[tuple[str, str, Outcome], ...]] = (
    ("400100", "account.available.amount", Outcome.NEVER_RETRY),
    ("400100", "order_not_exist_or_not_allow_to_cancel", Outcome.UNKNOWN_RECONCILE),
    ("400100", "order not exist or not allow to be cancelled", Outcome.UNKNOWN_RECONCILE),
    ("400100", "validation.createorder.clientoidisrequired", Outcome.NEVER_RETRY),
    ("400100", "clientoidduplicated", Outcome.UNKNOWN_RECONCILE),
    ("400100", "order size below the minimum requirement.", Outcome.NEVER_RETRY),
    ("400100", "the quantity is below the minimum requirement.", Outcome.NEVER_RETRY),
    ("400100", "unsupported trading pair.", Outcome.NEVER_RETRY),
    ("400100", "not in the given range!", Outcome.NEVER_RETRY),
    ("400100", "pagesize should not greater than 500", Outcome.NEVER_RETRY),
    ("*", "order not exist", Outcome.UNKNOWN_RECONCILE),
    ("*", "the order does not exist.", Outcome.UNKNOWN_RECONCILE),
    ("*", "exceeded the access frequency", Outcome.RETRY_BACKOFF),
    ("*", "require more permission", Outcome.AUTH_HALT),
    ("400600", "validation.createorder.symbolnotavailable", Outcome.AUTH_HALT),
)
"""(code or ``*``, part of the text in lower case, outcome), most specific first."""


def classify(code: str | None, text: str, status: int, *, write: bool) -> Outcome:
    """What a refusal means. ``code`` None: the body was no JSON of the venue; then the HTTP
    ``status`` alone speaks. ``write``: the request places or cancels an order."""
    if code is None:
        code = f"HTTP_{status}"
        if code not in CODES:
            return _UNKNOWN if write else _BACKOFF
    lower = text.lower()
    for wanted, part, outcome in TEXTS:
        if wanted in (code, "*") and part in lower:
            return outcome
    if write and code in ORDER_CODES:
        return ORDER_CODES[code]
    if code in CODES:
        return CODES[code]
    if write:
        return _UNKNOWN
    return _BACKOFF if status >= 500 else _NEVER


# --- limits and blocks ----------------------------------------------------------------------------

TOO_MANY: Final = "429000"
"""The own limit where the quota is told; where it is not, others overload the venue."""
BLOCK_S: Final = 30.0
"""What stands before the venue blocks an address for so long."""
RESET: Final = "gw-ratelimit-reset"


def http_pause(status: int, headers: Mapping[str, str], body: bytes) -> Pause | None:
    """The pause that an HTTP answer asks for, of a handshake too; None when it asks for none.

    A page that is not the venue's JSON comes from the edge before it; JSON speaks by its code.
    """
    page = not body.lstrip().startswith(b"{")
    why = f"{status} {short(body.decode('utf-8', 'replace'))}"
    if status == 403 and page:
        told = whole_seconds(headers.get("Retry-After"))
        return Pause(BLOCK_S if told is None else told, Reach.EVERYTHING, why)
    if status != 429:
        return None
    if page:
        told = whole_seconds(headers.get("Retry-After"))
        return Pause(BLOCK_S if told is None else told, Reach.ALL_BUT_CANCELS, why)
    reset = headers.get(RESET, "")
    return Pause(int(reset) / 1000, Reach.ALL_BUT_CANCELS, why) if reset.isdigit() else None


def reply_pause(code: str, text: str, quota: Any) -> Pause | None:
    """The same of a reply of order entry; ``quota``: its rate block, if it has one."""
    if code != TOO_MANY or not isinstance(quota, dict):
        return None
    reset = quota.get("reset")
    if not isinstance(reset, int):
        return None
    return Pause(reset / 1000, Reach.ALL_BUT_CANCELS, f"{code} {short(text)}")


def overloaded(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether an HTTP answer is the venue's word that others overload it."""
    return status == 429 and RESET not in headers and body.lstrip().startswith(b"{")
