"""Who calls: API keys, signatures of REST, order entry and its session, and push tokens.

Pure of sockets and clocks; the faces hand in bytes, headers and the time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar
from urllib.parse import parse_qs, unquote, unquote_plus

import msgspec

from . import errors

AccountT = TypeVar("AccountT")

CLOCK_TOLERANCE_MS: Final = 5_000
TOKEN_LIFE_MS: Final = 24 * 3_600_000
KEY_VERSIONS: Final = frozenset({"2", "3"})


def sign(secret: str, message: str | bytes) -> str:
    """base64(HMAC-SHA256) as every KuCoin signature is made; the secret is UTF-8 text."""
    raw = message.encode() if isinstance(message, str) else message
    return base64.b64encode(hmac.digest(secret.encode(), raw, hashlib.sha256)).decode()


def same(left: str, right: str) -> bool:
    """Constant-time comparison that takes any text."""
    return hmac.compare_digest(left.encode("utf-8", "replace"), right.encode("utf-8", "replace"))


class ApiKey(msgspec.Struct, Generic[AccountT]):
    """One key of one account as the venue stores it."""

    key: str
    secret: str
    passphrase: str
    account: AccountT
    version: int = 3
    permissions: tuple[str, ...] = ("General", "Spot")
    ip_whitelist: str = ""
    remark: str = "engine"
    created_ms: int = 1_750_000_000_000
    passphrase_sign: str = ""

    def __post_init__(self) -> None:
        self.passphrase_sign = sign(self.secret, self.passphrase)

    def __repr__(self) -> str:
        return f"ApiKey({self.key!r})"

    def require(self, permission: str) -> None:
        if permission not in self.permissions:
            raise errors.PERMISSION.refuse()


class KeyRing(Generic[AccountT]):
    """All keys of the venue and the checks of every way to use one."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey[AccountT]] = {}

    def add(self, key: ApiKey[AccountT]) -> None:
        self._keys[key.key] = key

    def revoke_all(self) -> Callable[[], None]:
        """No key is known any more, until what this returns is called."""
        gone, self._keys = self._keys, {}

        def back() -> None:
            self._keys = gone | self._keys

        return back

    def change_all(self, permission: str | None, ip_whitelist: str | None) -> Callable[[], None]:
        """Every key may do and may be used from where these say, until what this returns is
        called."""
        before = [(key, key.permissions, key.ip_whitelist) for key in self._keys.values()]
        for key, words, _ in before:
            key.permissions = words if permission is None else tuple(permission.split(","))
            if ip_whitelist is not None:
                key.ip_whitelist = ip_whitelist

        def back() -> None:
            for key, words, addresses in before:
                key.permissions, key.ip_whitelist = words, addresses

        return back

    def get(self, key: str) -> ApiKey[AccountT] | None:
        return self._keys.get(key)

    def check_rest(
        self,
        headers: Mapping[str, str],
        method: str,
        path: str,
        raw_query: str,
        body: bytes,
        now_ms: int,
        remote: str = "",
    ) -> ApiKey[AccountT]:
        """The key that signed this request.

        Raises `errors.Refused` with the first of 400001..400009 that holds, in that order.
        """
        name = headers.get("KC-API-KEY", "")
        given = headers.get("KC-API-SIGN", "")
        stamp = headers.get("KC-API-TIMESTAMP", "")
        passphrase = headers.get("KC-API-PASSPHRASE", "")
        if not (name and given and stamp and passphrase):
            raise errors.HEADER_MISSING.refuse()
        _check_stamp(stamp, now_ms)
        key = self._known(name)
        version = headers.get("KC-API-KEY-VERSION", "1")
        if version not in KEY_VERSIONS and version != "1":
            raise errors.KEY_VERSION.refuse()
        # A version 1 key sent its passphrase in clear; none of those lives any more.
        if version == "1" or not same(passphrase, key.passphrase_sign):
            raise errors.PASSPHRASE.refuse()
        # The query is signed as it was before percent-encoding.
        queries = {unquote(raw_query), unquote_plus(raw_query)} if raw_query else {""}
        for query in queries:
            target = f"{path}?{query}" if query else path
            if same(given, sign(key.secret, f"{stamp}{method}{target}".encode() + body)):
                break
        else:
            raise errors.SIGNATURE.refuse()
        _check_address(key, remote)
        return key

    def check_order_entry(self, raw_query: str, now_ms: int, remote: str = "") -> ApiKey[AccountT]:
        """The key in the URL of an order-entry socket. Raises `errors.Refused`."""
        fields = parse_qs(raw_query, keep_blank_values=False)
        name, given, passphrase, stamp = (
            fields.get(field, [""])[0] for field in ("apikey", "sign", "passphrase", "timestamp")
        )
        if not (name and given and stamp and passphrase):
            raise errors.URL_INCOMPLETE.refuse()
        _check_stamp(stamp, now_ms)
        key = self._known(name)
        if key.version != 3:
            raise errors.KEY_TOO_OLD.refuse()
        # A plus that the client did not encode arrives as a blank and fails, as it should.
        if not same(passphrase, key.passphrase_sign):
            raise errors.PASSPHRASE.refuse()
        if not same(given, sign(key.secret, name + stamp)):
            raise errors.SIGNATURE.refuse()
        _check_address(key, remote)
        return key

    def _known(self, name: str) -> ApiKey[AccountT]:
        key = self._keys.get(name)
        if key is None:
            raise errors.KEY_UNKNOWN.refuse()
        return key


def _check_stamp(stamp: str, now_ms: int) -> None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 16):
        raise errors.TIMESTAMP.refuse()
    if abs(int(stamp) - now_ms) >= CLOCK_TOLERANCE_MS:
        raise errors.TIMESTAMP.refuse()


def _check_address(key: ApiKey[AccountT], remote: str) -> None:
    if key.ip_whitelist and remote and remote not in key.ip_whitelist.split(","):
        raise errors.ADDRESS.refuse()


class Token(msgspec.Struct, Generic[AccountT], frozen=True):
    """A right to connect to the push socket; of nobody when it came from bullet-public."""

    text: str
    account: AccountT | None
    issued_ms: int


class TokenStore(Generic[AccountT]):
    """Tokens of bullet-public and bullet-private: valid 24 h for connecting."""

    def __init__(self) -> None:
        self.life_ms = TOKEN_LIFE_MS
        self._tokens: dict[str, Token[AccountT]] = {}

    def issue(self, account: AccountT | None, now_ms: int) -> Token[AccountT]:
        if len(self._tokens) >= 4096:
            live = {t: v for t, v in self._tokens.items() if self._valid(v, now_ms)}
            # Oldest first when all are still valid: memory stays flat whatever clients do.
            self._tokens = dict(list(live.items())[-2048:])
        text = f"2neAiuYvAU61{secrets.token_urlsafe(96)}.{secrets.token_urlsafe(16)}=="
        token = Token(text, account, now_ms)
        self._tokens[text] = token
        return token

    def check(self, text: str, now_ms: int) -> Token[AccountT] | None:
        """The token when it may connect now, else None."""
        token = self._tokens.get(text)
        return token if token is not None and self._valid(token, now_ms) else None

    def expire_all(self) -> None:
        """Makes every token that was issued so far invalid for new connections."""
        self._tokens.clear()

    def _valid(self, token: Token[AccountT], now_ms: int) -> bool:
        return now_ms - token.issued_ms < self.life_ms
