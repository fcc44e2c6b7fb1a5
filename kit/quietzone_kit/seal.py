"""Secrets that must be read again, as they lie in a store: AES-256-GCM, with keys that follow from a setting of the part whose they are.

What is sealed for one place opens nowhere else: the place is authenticated with it, so that nobody who writes the store can give one
person another's second factor, or one endpoint another's secret.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from quietzone_kit.errors import FailedPrecondition
from quietzone_kit.runtime import Randomness

NONCE_BYTES = 12
"""NIST SP 800-38D, 8.2: random ones of 96 bits, for at most 2**32 messages a key; ours are a few a sign-in or a change."""


class CantOpen(Exception):
    """What was sealed can't be opened: the key that sealed it is gone, or the store was changed by hand."""


class Seal:
    """Seals with the first of `keys`, opens with all; `setting` is where they come from. Without any, everything raises
    FailedPrecondition, which says what `lacks` then.
    """

    def __init__(self, keys: Sequence[str], randomness: Randomness, *, setting: str, lacks: str) -> None:
        self._randomness = randomness
        self._setting = setting
        self._lacks = lacks
        self._sealing = {_name(key): AESGCM(_derived(key, b"quietzone seal 1")) for key in keys}
        self._macs = [_derived(key, b"quietzone mac 1") for key in keys]

    def seal(self, secret: bytes, place: str) -> str:
        """The secret as it may be stored at `place`: `1.<key's name>.<nonce and ciphertext, base64url>`."""
        self.check()
        name, cipher = next(iter(self._sealing.items()))
        nonce = self._randomness.token(NONCE_BYTES)
        return f"1.{name}.{base64.urlsafe_b64encode(nonce + cipher.encrypt(nonce, secret, place.encode())).decode()}"

    def open(self, sealed: str, place: str) -> bytes:
        """The secret that was sealed for `place`.

        Raises:
            CantOpen: none of the keys has sealed it, or not for this place.
        """
        self.check()
        _, name, text = sealed.split(".")
        cipher = self._sealing.get(name)
        if cipher is None:
            raise CantOpen(f"{place} was sealed with a key that {self._setting} doesn't hold any more: add that one at its end")
        given = base64.urlsafe_b64decode(text)
        try:
            return cipher.decrypt(given[:NONCE_BYTES], given[NONCE_BYTES:], place.encode())
        except InvalidTag as error:
            raise CantOpen(f"{place} was changed by hand, or sealed for another place") from error

    def mac(self, text: str) -> str:
        """A name for `text` that tells nobody what it is; another key gives another."""
        self.check()
        return hmac.digest(self._macs[0], text.encode(), hashlib.sha256).hex()

    def check(self) -> None:
        """See that there is a key; raises FailedPrecondition."""
        if not self._sealing:
            raise FailedPrecondition(f"{self._lacks}: its operator sets {self._setting} (`openssl rand -hex 32` makes one)")


def _derived(key: str, info: bytes) -> bytes:
    """RFC 5869; the keys are random already, so no salt is needed."""
    return HKDF(SHA256(), 32, salt=None, info=info).derive(key.encode())


def _name(key: str) -> str:
    """What a key is called; it tells nothing of it."""
    return _derived(key, b"quietzone name 1")[:4].hex()
