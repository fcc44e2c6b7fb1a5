"""Accounts and API keys.

A key is 256 random bits, so that its plain SHA-256 is enough to keep: there is nothing to guess, and a slow hash would cost each request
(https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html is about what people choose). A preset key has
at least MIN_KEY_CHARACTERS characters for the same reason.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace

KEY_BYTES = 32
MIN_KEY_CHARACTERS = 32
KEY_ID_CHARACTERS = 16
"""Of the hash, in hexadecimal: 64 bits find an account; whether the key is right is told by the whole hash."""

FIRST_ACCOUNT = "first"
"""The id of the account that an installation starts with; a fixed one, so that two first starts can't make two."""

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Account:
    """Who owns codes. `key_hash` is the SHA-256 of its one key in hexadecimal, `key_id` that hash's beginning."""

    account_id: str
    key_id: str
    key_hash: str
    scopes: frozenset[str]
    created_at_ms: int

    def has_key(self, key: str) -> bool:
        """Whether this is its key; takes the same time however wrong it is."""
        return hmac.compare_digest(self.key_hash, hash_of(key))

    def with_key(self, key: str) -> "Account":
        """The account with another key in place of its own."""
        return replace(self, key_id=id_of(key), key_hash=hash_of(key))


def first_account(key: str, at_ms: int) -> Account:
    """The account that an installation starts with, which also operates it."""
    return Account(FIRST_ACCOUNT, id_of(key), hash_of(key), frozenset({OPERATOR}), at_ms)


def new_key(chance: bytes) -> str:
    """A key of KEY_BYTES random bytes: `qz_` and 43 characters."""
    return "qz_" + base64.urlsafe_b64encode(chance).rstrip(b"=").decode()


def hash_of(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def id_of(key: str) -> str:
    """What a key is found by."""
    return hash_of(key)[:KEY_ID_CHARACTERS]
