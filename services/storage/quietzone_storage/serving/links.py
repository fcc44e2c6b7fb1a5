"""Signed URLs: who has one may do with one file what it says, until it expires. Pure.

`/<path>?e=<expiry, Unix seconds>[&…]&s=<signature>`: HMAC-SHA256 (RFC 2104) over version, method, path and all of the query that comes
before the signature, 43 characters of base64url. HEAD goes by the URL for GET.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

DEFAULT_EXPIRY_S = 3_600
OFTEN_EXPIRY_S = 86_400
OFTEN_DAYS = 3
"""Days in a row on which somebody has asked for a file of an asset: then URLs hold for OFTEN_EXPIRY_S unless asked otherwise."""
MAX_EXPIRY_S = 7 * 86_400
"""As S3 has it: longer ones outlive the keys that should be changed now and then."""

MAX_KEYS = 4
"""The newest, and those that were replaced within MAX_EXPIRY_S; each is tried."""

GET, PUT = "GET", "PUT"


class WrongUrl(ValueError):
    """The URL isn't ours, was altered, or is for something else: says which."""


class Expired(WrongUrl):
    """It was ours, and is over."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a URL allows: `until_s` is Unix time, `terms` what else was signed."""

    until_s: int
    terms: tuple[tuple[str, str], ...] = ()

    def term(self, name: str) -> str:
        """One of the terms; raises WrongUrl when it wasn't signed."""
        for each, value in self.terms:
            if each == name:
                return value
        raise WrongUrl(f"the URL says nothing about {name!r}: ask for a new one")


class UrlKeys:
    """Signs and checks URLs. `keys[0]` signs; all are accepted, so that a key can be replaced without a stop."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not 1 <= len(keys) <= MAX_KEYS:
            raise ValueError(f"use 1 to {MAX_KEYS} keys")
        self._keys = tuple(key.encode() for key in keys)

    def sign(self, method: str, path: str, allowed: Allowed) -> str:
        """`path` with its signed query."""
        query = urlencode([("e", str(allowed.until_s)), *allowed.terms])
        return f"{path}?{query}&s={_signature(self._keys[0], method, path, query)}"

    def check(self, method: str, path: str, query: str, now_s: int) -> Allowed:
        """What a URL allows.

        Raises:
            WrongUrl, Expired: say what is wrong with it.
        """
        signed, separator, given = query.rpartition("&s=")
        if not separator:
            raise WrongUrl("the URL isn't signed: ask for one")
        if not any(hmac.compare_digest(given.encode(), _signature(key, method, path, signed).encode()) for key in self._keys):
            raise WrongUrl("the URL's signature doesn't fit: it was altered, is for something else, or its key is gone; ask for a new one")
        (_, until), *terms = parse_qsl(signed, keep_blank_values=True, strict_parsing=True)  # ours, since the signature fits
        if int(until) <= now_s:
            raise Expired("the URL has expired: ask for a new one")
        return Allowed(int(until), tuple(terms))


def _signature(key: bytes, method: str, path: str, query: str) -> str:
    signed = f"v1\n{method}\n{path}\n{query}".encode()
    return base64.urlsafe_b64encode(hmac.digest(key, signed, hashlib.sha256)).rstrip(b"=").decode()
