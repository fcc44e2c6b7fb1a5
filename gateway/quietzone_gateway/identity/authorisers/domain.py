"""What an account's own authoriser may say, and what follows from it.

It answers who calls, and with statements that allow or deny scopes. A denial wins over every allowance, and nothing is granted beyond
what the account has allowed its authoriser, which is an editor's at most.
"""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from quietzone_gateway.identity.domain import SCOPES_OF, Role

GRANTABLE = SCOPES_OF[Role.EDITOR]
"""The most that an authoriser may grant: who manages members and keys is known to us."""

MAX_URL = 2_048
MAX_TTL_S, DEFAULT_TTL_S = 3_600, 300
MAX_STATEMENTS = 100
PORTS = frozenset({443, 8443})
"""Of web servers with TLS. Others would make us a port scanner in a stranger's hands."""

_HOST = re.compile(r"(?=.{1,253}$)[0-9a-z](?:[0-9a-z-]*[0-9a-z])?(?:\.[0-9a-z](?:[0-9a-z-]*[0-9a-z])?)*|\[[0-9a-f:.]+\]")
_PRINCIPAL = re.compile(r"[!-~]{1,128}")


class InvalidAuthoriser(ValueError):
    """No authoriser can be asked there: says what would do."""


class InvalidPolicy(ValueError):
    """What an authoriser answered is no policy: says what is wrong."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an authoriser is asked: `target` is path and query."""

    host: str
    port: int
    target: str

    @property
    def named(self) -> str:
        """What the request says its host is."""
        return self.host if self.port == 443 else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What an authoriser answered: who calls, what he may do (denials taken off), and how long that holds, if it said so."""

    principal_id: str
    scopes: frozenset[str]
    ttl_s: int | None


def place_of(url: str) -> Place:
    """The parts of an authoriser's URL.

    Raises:
        InvalidAuthoriser: it isn't one of https with a host and nothing that could be taken for something else.
    """
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise InvalidAuthoriser(f"at most {MAX_URL:,} characters of ASCII, without spaces and backslashes")
    try:
        parts = urlsplit(url)
        port = 443 if parts.port is None else parts.port
    except ValueError as error:
        raise InvalidAuthoriser("not a URL; use https://auth.example.com/quietzone") from error
    host = (parts.hostname or "").lower()
    shown = f"[{host}]" if ":" in host else host
    if parts.scheme != "https" or parts.username is not None or parts.password is not None or parts.fragment or not _HOST.fullmatch(shown):
        raise InvalidAuthoriser("an https URL without user and fragment, such as https://auth.example.com/quietzone")
    if port not in PORTS:
        raise InvalidAuthoriser(f"port {port}; authorisers are asked at {', '.join(map(str, sorted(PORTS)))}")
    return Place(host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def policy_of(answer: object) -> Policy:
    """The policy in an answer: `{principalId, policy: [{effect, scopes}], context, ttl}`; `context` is the account's own matter.

    Raises:
        InvalidPolicy: it is none.
    """
    match answer:
        case {"principalId": str(principal_id), "policy": list(statements), **rest} if _PRINCIPAL.fullmatch(principal_id):
            ttl_s = _ttl_of(rest.get("ttl"))
        case _:
            raise InvalidPolicy("it needs `principalId` (1 to 128 characters of ASCII, no space) and `policy`, a list")
    if len(statements) > MAX_STATEMENTS:
        raise InvalidPolicy(f"{len(statements)} statements; a policy has at most {MAX_STATEMENTS}")
    allowed: set[str] = set()
    denied: set[str] = set()
    for statement in statements:
        match statement:
            case {"effect": "Allow", "scopes": list(scopes)} if _are_texts(scopes):
                allowed.update(scopes)
            case {"effect": "Deny", "scopes": list(scopes)} if _are_texts(scopes):
                denied.update(scopes)
            case _:
                raise InvalidPolicy('each statement of `policy` is {"effect": "Allow" or "Deny", "scopes": [texts]}')
    return Policy(principal_id, frozenset(allowed - denied), ttl_s)


def granted(policy: Policy, most: frozenset[str]) -> frozenset[str]:
    """What of a policy counts; `most` is what the account lets its authoriser grant."""
    return policy.scopes & most & GRANTABLE


def holds_s(policy: Policy, most_s: int) -> int:
    """How long a policy is remembered."""
    return min(most_s, MAX_TTL_S) if policy.ttl_s is None else min(policy.ttl_s, most_s, MAX_TTL_S)


def _ttl_of(ttl: object) -> int | None:
    if ttl is None:
        return None
    if isinstance(ttl, bool) or not isinstance(ttl, int) or ttl < 0:
        raise InvalidPolicy("`ttl` is a whole number of seconds, 0 or more")
    return ttl


def _are_texts(values: list[object]) -> bool:
    return all(isinstance(value, str) for value in values)
