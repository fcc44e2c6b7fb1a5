"""API keys.

A key is 256 random bits, so that its plain SHA-256 is enough to keep: there is nothing to guess, and a slow hash would cost each request
(https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html is about what people choose). A preset key has
at least MIN_KEY_CHARACTERS characters for the same reason.
"""

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network

KEY_BYTES = 32
MIN_KEY_CHARACTERS = 32
LOOKUP_CHARACTERS = 16
"""Of the hash, in hexadecimal: 64 bits find a key; whether it is right is told by the whole hash."""

SHOWN_CHARACTERS = 8
"""Of a made key, with `qz_`: 30 of its 256 bits, by which people tell their keys apart."""

MAX_NAME = 100
MAX_NETWORKS = 50
"""An allow-list is looked through with each request."""

MAX_KEYS = 200
"""That an account may have at once: one for each program and place of a large one; a list of them is one page."""

MAX_GRACE_S = 7 * 86_400
"""In which a replaced key works beside the new one: a week lets everybody deploy; longer, and nobody will."""

MAX_DAYS = 3_650
"""Until a key ends, if it is to end."""

USED_EVERY_MS = 60_000
"""How exactly it is known when a key was last used: a write a minute, not one a request."""

EVERYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))

FIRST_KEY = "first"
"""The id of the key that an installation starts with."""


class InvalidKey(ValueError):
    """What is asked of a key can't be: says what would do."""


@dataclass(frozen=True, slots=True)
class Previous:
    """The secret that a key had before; it works until `until_ms`."""

    key_hash: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of an account. `lookup` finds it, `key_hash` is the SHA-256 of its secret in hexadecimal; `lookup_before` and `previous`
    are those of the secret before, while that still works.

    `shown` is its beginning. `networks` are those from which it may be used; none: all. `created_by` is a subject.
    """

    key_id: str
    account_id: str
    name: str
    shown: str
    lookup: str
    key_hash: str
    scopes: frozenset[str]
    networks: tuple[str, ...]
    created_by: str
    created_at_ms: int
    expires_at_ms: int | None = None
    last_used_at_ms: int | None = None
    revoked_at_ms: int | None = None
    lookup_before: str | None = None
    previous: Previous | None = None
    revision: int = 1

    def opens_with(self, hashed: str, at_ms: int) -> bool:
        """Whether this is its secret's hash, or that of the one before while it works; takes the same time however wrong it is."""
        is_current = hmac.compare_digest(self.key_hash, hashed)
        was = self.previous
        is_previous = was is not None and hmac.compare_digest(was.key_hash, hashed) and at_ms < was.until_ms
        return is_current or is_previous

    def good_until_ms(self, hashed: str) -> int | None:
        """When the secret with this hash ends, which may be the one before; None: when it is revoked."""
        if self.previous is None or hashed == self.key_hash:
            return self.expires_at_ms
        return min(self.previous.until_ms, self.expires_at_ms or self.previous.until_ms)

    def is_live(self, at_ms: int) -> bool:
        """Whether it may be used at all."""
        return self.revoked_at_ms is None and (self.expires_at_ms is None or at_ms < self.expires_at_ms)

    def allows(self, address: str) -> bool:
        """Whether it may be used from there."""
        return not self.networks or contains(self.networks, address)

    def with_hash(self, key_hash: str, beginning: str) -> "ApiKey":
        """The key with another secret, of which only this is known, and without the one that it had; it works again if it was revoked."""
        return replace(
            self,
            shown=beginning,
            lookup=key_hash[:LOOKUP_CHARACTERS],
            key_hash=key_hash,
            lookup_before=None,
            previous=None,
            revoked_at_ms=None,
            revision=self.revision + 1,
        )

    def rotated(self, key: str, at_ms: int, grace_s: int) -> "ApiKey":
        """The key with another secret; the one that it had works for `grace_s` more, one from before that not any more."""
        after = self.with_hash(hash_of(key), shown(key))
        if not grace_s:
            return after
        return replace(after, lookup_before=self.lookup, previous=Previous(self.key_hash, at_ms + grace_s * 1000))

    def changed(self, *, name: str | None, scopes: frozenset[str] | None, networks: tuple[str, ...] | None) -> "ApiKey":
        """The key with what isn't None in place of its own."""
        return replace(
            self,
            name=self.name if name is None else name,
            scopes=self.scopes if scopes is None else scopes,
            networks=self.networks if networks is None else networks,
            revision=self.revision + 1,
        )

    def revoked(self, at_ms: int) -> "ApiKey":
        """The key as it never works again."""
        return replace(self, revoked_at_ms=at_ms, lookup_before=None, previous=None, revision=self.revision + 1)


def new_key(chance: bytes) -> str:
    """A key of KEY_BYTES random bytes: `qz_` and 43 characters."""
    return "qz_" + base64.urlsafe_b64encode(chance).rstrip(b"=").decode()


def hash_of(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def lookup_of(key: str) -> str:
    """What a key is found by."""
    return lookup_of_hash(hash_of(key))


def lookup_of_hash(hashed: str) -> str:
    """What a key with this hash is found by."""
    return hashed[:LOOKUP_CHARACTERS]


def shown(key: str) -> str:
    """A made key's beginning; of one that people chose nothing is shown, since they may have chosen it badly."""
    return key[:SHOWN_CHARACTERS] if key.startswith("qz_") and len(key) >= MIN_KEY_CHARACTERS else ""


def name_of(text: str) -> str:
    """A key's name; raises InvalidKey."""
    name = text.strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise InvalidKey(f"1 to {MAX_NAME} printable characters, such as `till in the shop`")
    return name


def networks_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Networks in CIDR notation, an address counting as a network of its own.

    Raises:
        InvalidKey: one is none, or there are too many.
    """
    given = tuple(texts)
    if len(given) > MAX_NETWORKS:
        raise InvalidKey(f"{len(given)} networks; an allow-list has at most {MAX_NETWORKS}")
    try:
        return tuple(dict.fromkeys(str(ipaddress.ip_network(text.strip())) for text in given))
    except ValueError as error:
        raise InvalidKey(f"{error}; use CIDR such as 203.0.113.0/24 or 2001:db8::/48") from error


def within(networks: Iterable[str], others: Iterable[str]) -> bool:
    """Whether from all of `networks` (none: everywhere) one is in `others` (none: everywhere)."""
    outer = [ipaddress.ip_network(text) for text in others]
    inner = [ipaddress.ip_network(text) for text in networks] or list(EVERYWHERE)
    return not outer or all(any(_is_within(one, other) for other in outer) for one in inner)


def contains(networks: Iterable[str], address: str) -> bool:
    """Whether an address lies in one of the networks; what is no address lies in none."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is not None:
        known = known.ipv4_mapped
    return any(known in ipaddress.ip_network(text) for text in networks)


def _is_within(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    if isinstance(one, IPv4Network) and isinstance(other, IPv4Network):
        return one.subnet_of(other)
    return isinstance(one, IPv6Network) and isinstance(other, IPv6Network) and one.subnet_of(other)
