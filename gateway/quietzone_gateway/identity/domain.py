"""Who calls, and what he may do.

A *principal* is whoever a request comes from, as far as the API knows him: a person who has signed in, a program with a key, or somebody
for whom the account's own authoriser speaks. What he may do is a set of scopes; a member's follow from his role.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

CODES_READ, CODES_WRITE = "codes:read", "codes:write"
ANALYTICS_READ, EXPORTS_READ, EXPORTS_WRITE = "analytics:read", "exports:read", "exports:write"
"""Services enforce these; a test holds them against `quietzone_kit.rpc`, which a domain doesn't import."""
ACCOUNT_READ, ACCOUNT_WRITE = "account:read", "account:write"
MEMBERS_READ, MEMBERS_WRITE = "members:read", "members:write"
KEYS_READ, KEYS_WRITE = "keys:read", "keys:write"
AUDIT_READ, USAGE_READ = "audit:read", "usage:read"
OPERATOR = "operator"
"""Looks after all accounts; no role has it, and who has it may give it to a key."""

SYSTEM = "system"
"""The subject of what nobody asked for just then."""

MAX_ADDRESSES = 4_096
"""Of clients that call now: to cut one takes 10 µs."""


class Role(StrEnum):
    """What a member may do in an account; each role has all that those below it have."""

    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    ANALYST = "analyst"
    VIEWER = "viewer"


_VIEWER = frozenset({CODES_READ, ACCOUNT_READ})
_ANALYST = _VIEWER | {ANALYTICS_READ, EXPORTS_READ, EXPORTS_WRITE}
_EDITOR = _ANALYST | {CODES_WRITE}
_ADMIN = _EDITOR | {MEMBERS_READ, MEMBERS_WRITE, KEYS_READ, KEYS_WRITE, AUDIT_READ, USAGE_READ}

SCOPES_OF: Mapping[Role, frozenset[str]] = {
    Role.OWNER: _ADMIN | {ACCOUNT_WRITE},
    Role.ADMIN: _ADMIN,
    Role.EDITOR: _EDITOR,
    Role.ANALYST: _ANALYST,
    Role.VIEWER: _VIEWER,
}
ALL_SCOPES = SCOPES_OF[Role.OWNER] | {OPERATOR}
"""All that a key can be given. One that a newer release has given grants nothing here."""

UNVERIFIED_LACK = frozenset({CODES_WRITE, MEMBERS_WRITE, KEYS_WRITE})
"""What a person can't do before his address is known to be his: publish, or have others publish for him."""


def scopes_of(role: str) -> frozenset[str]:
    """What a member with this role may do: nothing by a role that only a newer release knows."""
    return SCOPES_OF[Role(role)] if role in set(Role) else frozenset()


class Means(StrEnum):
    """How a principal showed who he is."""

    KEY = "key"
    TOKEN = "token"  # noqa: S105 - a word for people
    COOKIE = "cookie"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who has changed something, as the audit log names him: a subject, the account that he works in (or none), and his address, cut."""

    subject: str
    account_id: str = ""
    address: str = ""


NO_ACCOUNT = "you are in no account that can be used: /v1/me shows yours, and which are suspended; another needs an invitation"
"""To a person who may use none now; nobody makes himself a second one."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever a request comes from.

    `subject` is `user:<id>`, `key:<id>` or `webhook:<account>/<principal>`. `account_id` is empty for a person who is in no account just
    now, and then he has no scopes. `plan` is the account's. `session_id` is empty unless a person has signed in. `address` is cut
    (`truncated`). What he showed is good until `expires_at_ms`; None: until it is revoked. A key is good from `networks` alone, if it has
    some.
    """

    account_id: str
    subject: str
    scopes: frozenset[str]
    plan: str
    means: Means
    session_id: str = ""
    address: str = ""
    expires_at_ms: int | None = None
    networks: tuple[str, ...] = ()

    @property
    def user_id(self) -> str | None:
        """The person; None for a program."""
        kind, _, user_id = self.subject.partition(":")
        return user_id if kind == "user" else None

    @property
    def actor(self) -> Actor:
        """The principal as the audit log names him."""
        return Actor(self.subject, self.account_id, self.address)

    def lacks(self, scopes: frozenset[str]) -> frozenset[str]:
        """Those of `scopes` that he hasn't, and so can't give to anybody."""
        return scopes - self.scopes


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who isn't known yet: his address, whole (it is compared and counted, never kept), and what his program calls itself."""

    address: str
    agent: str = ""

    @property
    def place(self) -> str:
        """What failures are counted for: an IPv4 address, or the /64 of an IPv6 address, which is one household's."""
        try:
            known = ipaddress.ip_address(self.address.partition("%")[0])
        except ValueError:
            return "unknown"
        return str(known if known.version == 4 else ipaddress.ip_network((known, 64), strict=False))


@lru_cache(MAX_ADDRESSES)
def truncated(address: str) -> str:
    """An IPv4 address without its last byte, an IPv6 address without its last ten; empty when it is no address.

    That is as much as may be kept (docs/adr/0004).
    """
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is not None:
        known = known.ipv4_mapped
    bits = 24 if known.version == 4 else 48
    return str(ipaddress.ip_network((known, bits), strict=False).network_address)
