"""Sessions, and what shows that one is somebody's.

Each session has a key of its own, from which all that its owner shows follows by HMAC: the refresh tokens one after the other, the
cookie, and what a page must send beside it. So nothing that opens lies in the store, and a refresh token of any age is known for what it
was: one that comes a second time ends the session, since one of the two who have it is a thief (RFC 9700, 4.14.2). Only while its answer
may still be on its way a second time brings what the first has brought; but not for two tokens in a row, or a thief who comes right behind
the client each time would be with it for ever.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace
from enum import StrEnum

KEY_BYTES = 32

MAX_SESSIONS = 50
"""Of a person at once; the oldest makes room."""

KEPT_MS = 86_400_000

MAX_AGENT = 200

REFRESH_PREFIX = "qzr_"


class Kind(StrEnum):
    """How a session is carried on."""

    TOKEN = "token"  # noqa: S105 - a word for people
    COOKIE = "cookie"


class InvalidToken(ValueError):
    """What was shown is none of ours."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has signed in. `generation` is the number of the refresh token that is good now; `repeated` that of the last one that
    came again while its answer may have been on its way, 0 when none has.

    `kind` is a Kind, or one that only a newer release knows. `account_id` is where he works (cookies); a token says itself for which
    account it is.
    """

    session_id: str
    user_id: str
    kind: str
    account_id: str
    sealed_key: str
    created_at_ms: int
    used_at_ms: int
    expires_at_ms: int
    agent: str = ""
    address: str = ""
    generation: int = 1
    ended_at_ms: int | None = None
    repeated: int = 0

    def is_live(self, at_ms: int) -> bool:
        """Whether it is still somebody's."""
        return self.ended_at_ms is None and at_ms < self.expires_at_ms

    def refreshed(self, at_ms: int, account_id: str) -> "Session":
        """The session with its next token."""
        return replace(self, generation=self.generation + 1, used_at_ms=at_ms, account_id=account_id)

    def is_repeated_by(self, generation: int, at_ms: int, leeway_ms: int) -> bool:
        """Whether this token has brought the one that is good now, a moment ago, and the token before it hadn't come again too."""
        was_a_moment_ago = generation == self.generation - 1 and at_ms - self.used_at_ms < leeway_ms
        return was_a_moment_ago and not 0 < self.repeated == generation - 1

    def with_repeated(self, generation: int) -> "Session":
        """The session whose token came again."""
        return replace(self, repeated=generation)

    def working_in(self, account_id: str) -> "Session":
        """The session in another account."""
        return replace(self, account_id=account_id)

    def ended(self, at_ms: int) -> "Session":
        """The session as nobody goes on with it; it is forgotten a day later."""
        return replace(self, ended_at_ms=at_ms, expires_at_ms=min(self.expires_at_ms, at_ms + KEPT_MS))


@dataclass(frozen=True, slots=True)
class Shown:
    """What a refresh token, or a cookie, says; `generation` 0 is a cookie's."""

    session_id: str
    generation: int
    mac: str


def refresh_token(session: Session, key: bytes) -> str:
    """The token that is good now."""
    return f"{REFRESH_PREFIX}{session.session_id}.{session.generation}.{_mac(key, f'refresh {session.generation}')}"


def cookie(session: Session, key: bytes) -> str:
    """What a browser keeps."""
    return f"{session.session_id}.{_mac(key, 'cookie')}"


def csrf_token(key: bytes) -> str:
    """What a page sends beside the cookie with all that changes something."""
    return _mac(key, "csrf")


def read_refresh(text: str) -> Shown:
    """A refresh token's parts; raises InvalidToken."""
    session_id, _, rest = text.removeprefix(REFRESH_PREFIX).partition(".")
    number, _, mac = rest.partition(".")
    if not (text.startswith(REFRESH_PREFIX) and session_id and mac and number.isascii() and number.isdigit() and len(number) < 10):
        raise InvalidToken("not a refresh token")
    return Shown(session_id, int(number), mac)


def read_cookie(text: str) -> Shown:
    """A cookie's parts; raises InvalidToken."""
    session_id, _, mac = text.partition(".")
    if not (session_id and mac):
        raise InvalidToken("not a session's cookie")
    return Shown(session_id, 0, mac)


def is_genuine(shown: Shown, key: bytes) -> bool:
    """Whether it was made with this key, be it the one that is good now or not."""
    what = f"refresh {shown.generation}" if shown.generation else "cookie"
    return hmac.compare_digest(_mac(key, what).encode(), shown.mac.encode())


def is_csrf_token(given: str, key: bytes) -> bool:
    """Whether a page has sent what belongs to the cookie."""
    return hmac.compare_digest(csrf_token(key).encode(), given.encode())


def _mac(key: bytes, what: str) -> str:
    return base64.urlsafe_b64encode(hmac.digest(key, what.encode(), hashlib.sha256)).rstrip(b"=").decode()
