"""An API key on its way from where it is kept into the native signer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xrpfast._core import Signer
from xrpfast.config.keys import KeyFile, PassphraseKeyFile, read_key
from xrpfast.errors import UsageError

if TYPE_CHECKING:
    from xrpfast.config.venues import BinanceSection, KucoinSection

_MISSING: Final = (
    "is empty: set it to that of your key, or name a key_file "
    "(`xrpfast mock` prints the keys of the mock venues)"
)


class Keys:
    """One key: what is public of it, and a signer that keeps the secret to itself."""

    __slots__ = ("api_key", "passphrase", "signer")

    def __init__(self, api_key: str, secret: str, passphrase: str = "") -> None:
        self.api_key = api_key
        self.signer = Signer(bytearray(secret.encode()))
        self.passphrase = self.signer.base64(passphrase) if passphrase else ""
        """As the venue wants it: hashed with the secret."""

    @classmethod
    def of_binance(cls, section: BinanceSection) -> Keys:
        """Raises `UsageError` when there is none, or its file cannot be used."""
        if section.key_file is not None:
            file = read_key(KeyFile, section.key_file)
            return cls(file.api_key, file.api_secret.get_secret_value())
        _check("binance", section, "api_key", "api_secret")
        return cls(section.api_key, section.api_secret.get_secret_value())

    @classmethod
    def of_kucoin(cls, section: KucoinSection) -> Keys:
        """Raises `UsageError` when there is none, or its file cannot be used."""
        if section.key_file is not None:
            file = read_key(PassphraseKeyFile, section.key_file)
            passphrase = file.passphrase.get_secret_value()
            return cls(file.api_key, file.api_secret.get_secret_value(), passphrase)
        _check("kucoin", section, "api_key", "api_secret", "passphrase")
        return cls(
            section.api_key,
            section.api_secret.get_secret_value(),
            section.passphrase.get_secret_value(),
        )


def _check(venue: str, section: object, *names: str) -> None:
    """An empty text and an empty `SecretStr` are both false."""
    for name in names:
        if not getattr(section, name):
            raise UsageError(f"venues.{venue}.{name} {_MISSING}")
