"""API keys: who signed a request, and whether it came in time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from xrpfast.simulation.account import Account
from xrpfast.simulation.binance import errors
from xrpfast.simulation.binance.params import NUMBER, Params, matched, moment_ns
from xrpfast.simulation.exchange import Exchange

KEY = re.compile(r"[A-Za-z0-9]{64}")
RECV_WINDOW = r"^[0-9]{1,20}(\.[0-9]{1,3})?$"
MAX_WINDOW_NS = 60_000 * 1_000_000
AHEAD_NS = 1_000 * 1_000_000
CREATED_MS = 1_750_000_000_000
RIGHTS = {
    "ipRestrict": True,
    "enableReading": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "enableMargin": False,
    "enableFutures": False,
    "permitsUniversalTransfer": False,
    "enableVanillaOptions": False,
    "enableFixApiTrade": False,
    "enableFixReadOnly": False,
    "enableSpotAndMarginTrading": True,
    "enablePortfolioMarginTrading": False,
}
"""What a key may do as it comes: trade, from its own address, and move nothing away."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key of a customer."""

    text: str
    kind: Literal["HMAC", "ED25519"]
    account: Account
    verifies: Callable[[bytes, str], bool]
    """Whether a signature (as text) is this key's for a payload."""


class KeyRing:
    """The keys of every customer of an exchange: each has one of either kind."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._known: dict[str, ApiKey] = {}
        self._seen: set[str] = set()
        self._revoked: set[str] = set()
        self.rights = dict(RIGHTS)
        """What every key may do, by the names of `apiRestrictions`."""

    def allow(self, *, trade: bool) -> None:
        """Raises -2015 when the keys may not read, or not trade."""
        if not self.rights["enableReading"] or (
            trade and not self.rights["enableSpotAndMarginTrading"]
        ):
            raise errors.key_rejected()

    def find(self, text: str | None) -> ApiKey:
        """The key; raises -2014 for a text that can be none, -2015 for none of ours."""
        if text is None or not KEY.fullmatch(text):
            raise errors.key_format()
        if text not in self._known:
            self._learn()
        key = self._known.get(text)
        if key is None or text in self._revoked:
            raise errors.key_rejected()
        return key

    def revoke(self, text: str) -> None:
        """From now on the key is refused, on sessions that it opened too."""
        self._revoked.add(text)

    def restore(self, text: str) -> None:
        """Takes a `revoke` back."""
        self._revoked.discard(text)

    def revoke_all(self) -> None:
        """Revokes every key that there is."""
        self._learn()
        self._revoked.update(self._known)

    def restore_all(self) -> None:
        self._revoked.clear()

    def _learn(self) -> None:
        for account in self._exchange.accounts.values():
            if account.api_key not in self._seen:
                self._seen.add(account.api_key)
                for key in (hmac_key(account), _ed25519_key(account)):
                    self._known[key.text] = key


def credentials(account: Account) -> dict[str, str]:
    """The Ed25519 key of a customer, for those who are to sign with it; the private one in PEM."""
    pem = _private(account).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {"ed25519_api_key": _ed25519_name(account), "ed25519_private_key": pem.decode()}


def authenticate(keys: KeyRing, text: str | None, payload: bytes, params: Params) -> ApiKey:
    """The key that signed ``payload``; raises -2014, -2015, -1102, -1022."""
    key = keys.find(text)
    params.need("timestamp")
    if not key.verifies(payload, params.need("signature")):
        raise errors.signature()
    return key


def deadline_ns(now_ns: int, params: Params) -> int:
    """Checks a request's time on receipt; until when it may reach the engine.

    Raises -1021 for more than a second ahead or more than ``recvWindow`` behind, -1131.
    """
    stamp_ns = moment_ns(int(matched("timestamp", params.need("timestamp"), NUMBER)))
    whole, _, part = (params.pattern("recvWindow", RECV_WINDOW) or "5000").partition(".")
    window_ns = (int(whole) * 1_000 + int(f"{part:0<3}")) * 1_000
    if not 0 < window_ns <= MAX_WINDOW_NS:
        raise errors.recv_window()
    if stamp_ns >= now_ns + AHEAD_NS:
        raise errors.early()
    if now_ns - stamp_ns > window_ns:
        raise errors.late()
    return stamp_ns + window_ns


def hmac_key(account: Account) -> ApiKey:
    """The customer's HMAC key; its signatures are hexadecimal in either case."""
    secret = account.secret.encode()

    def verifies(payload: bytes, signature: str) -> bool:
        expected = hmac.new(secret, payload, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected.encode(), signature.lower().encode())

    return ApiKey(account.api_key, "HMAC", account, verifies)


def ed25519_verifies(public: Ed25519PublicKey, payload: bytes, signature: str) -> bool:
    """Whether ``signature`` is the base64 of that key's signature."""
    try:
        public.verify(base64.b64decode(signature, validate=True), payload)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _ed25519_key(account: Account) -> ApiKey:
    verifies = partial(ed25519_verifies, _private(account).public_key())
    return ApiKey(_ed25519_name(account), "ED25519", account, verifies)


def _ed25519_name(account: Account) -> str:
    return hashlib.sha256(f"ed25519 key {account.secret}".encode()).hexdigest()


def _private(account: Account) -> Ed25519PrivateKey:
    """Follows from the customer's secret, hence from the seed."""
    seed = hashlib.sha256(f"ed25519 {account.secret}".encode()).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)
