"""People, their passwords and second factors."""

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum

from quietzone_gateway.identity.telling.domain import NOTHING, Told

MAX_NAME = 100
MAX_EMAIL = 254

MIN_PASSWORD, MIN_PLAIN_PASSWORD, MAX_PASSWORD_BYTES = 8, 15, 1024
"""Characters with upper case and a digit; characters of any kind (NIST SP 800-63B-4, 3.1.1.2); bytes, since hashing longer ones is work."""

RECOVERY_CODES = 10
RECOVERY_CHARACTERS = 16  # of 55 symbols: 92 bits, so that a plain hash is enough

STEP_S = 30  # RFC 6238, 5.2
DRIFT = 1  # steps by which a phone's clock may be off, either way

MAX_LINKS = 3
"""Of a kind that work at once: mails overtake each other, and each may be the one that is read."""

_EMAIL = re.compile(r"[0-9a-z.!#$%&'*+/=?^_`{|}~-]{1,64}@[0-9a-z-]+(\.[0-9a-z-]+)+")


class InvalidUser(ValueError):
    """What is said of a person can't be: says what would do."""


class Purpose(StrEnum):
    """What a link in a mail is for."""

    VERIFY = "verify"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Link:
    """What opens once: `token_hash` is the SHA-256 of 256 random bits that only the mail holds. `purpose` is a Purpose, or one that only a
    newer release knows.
    """

    purpose: str
    token_hash: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class Move:
    """An address that is to take the place of somebody's; what opens it went there alone."""

    email: str
    token_hash: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class Totp:
    """A second factor (RFC 6238). It counts when `confirmed`; `last_step` was used last, and neither it nor an older one is again."""

    sealed_secret: str
    confirmed: bool = False
    last_step: int = 0


@dataclass(frozen=True, slots=True)
class User:
    """A person. `email` is in lower case. `account_id` is the account that he worked in last, which may be gone. `recovery` are hashes of
    codes that open once in the place of the second factor. `told` is what other parts have heard of him.
    """

    user_id: str
    email: str
    name: str
    password_hash: str
    account_id: str
    created_at_ms: int
    password_at_ms: int
    verified_at_ms: int | None = None
    totp: Totp | None = None
    recovery: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    revision: int = 1
    moves: tuple[Move, ...] = ()
    told: Told = NOTHING

    @property
    def has_second_factor(self) -> bool:
        """Whether a password alone isn't enough."""
        return self.totp is not None and self.totp.confirmed

    def with_link(self, link: Link, at_ms: int) -> "User":
        """The user with one link more, or the same one for longer; the oldest of its kind makes room."""
        same = [other for other in self.links if other.purpose == link.purpose and other.expires_at_ms > at_ms]
        same = [other for other in same if other.token_hash != link.token_hash]
        others = [other for other in self.links if other.purpose != link.purpose]
        return replace(self, links=(*others, *same[-(MAX_LINKS - 1) :], link), revision=self.revision + 1)

    def link(self, purpose: Purpose, token: str, at_ms: int) -> Link | None:
        """The link that this opens, in time."""
        hashed = hash_of(token)
        fits = [each for each in self.links if each.purpose == purpose and hmac.compare_digest(each.token_hash, hashed)]
        return next((each for each in fits if at_ms < each.expires_at_ms), None)

    def with_move(self, move: Move, at_ms: int) -> "User":
        """The user who may move to one address more, or to the same one for longer; the oldest makes room."""
        others = [other for other in self.moves if other.expires_at_ms > at_ms and other.token_hash != move.token_hash]
        return replace(self, moves=(*others[-(MAX_LINKS - 1) :], move), revision=self.revision + 1)

    def move(self, token: str, at_ms: int) -> Move | None:
        """The move that this opens, in time."""
        hashed = hash_of(token)
        fits = [each for each in self.moves if hmac.compare_digest(each.token_hash, hashed)]
        return next((each for each in fits if at_ms < each.expires_at_ms), None)

    def moved(self, email: str, at_ms: int) -> "User":
        """The user with another address, which is known to be his; what went to the one before opens nothing any more."""
        return replace(self, email=email, verified_at_ms=at_ms, links=(), moves=(), revision=self.revision + 1)

    def verified(self, at_ms: int) -> "User":
        """The user whose address is known to be his."""
        links = tuple(each for each in self.links if each.purpose != Purpose.VERIFY)
        return replace(self, verified_at_ms=self.verified_at_ms or at_ms, links=links, revision=self.revision + 1)

    def with_password(self, password_hash: str, at_ms: int) -> "User":
        """The user with another password; no link opens any more."""
        return replace(self, password_hash=password_hash, password_at_ms=at_ms, links=(), moves=(), revision=self.revision + 1)

    def rehashed(self, password_hash: str) -> "User":
        """The user with the same password, hashed as it is done now."""
        return replace(self, password_hash=password_hash)

    def named(self, name: str) -> "User":
        """The user with another name; raises InvalidUser."""
        return replace(self, name=name_of(name), revision=self.revision + 1)

    def working_in(self, account_id: str) -> "User":
        """The user, who works in another account."""
        return replace(self, account_id=account_id)

    def with_totp(self, sealed_secret: str) -> "User":
        """The user with a second factor to be confirmed."""
        return replace(self, totp=Totp(sealed_secret), revision=self.revision + 1)

    def confirmed(self, step: int, recovery: tuple[str, ...]) -> "User":
        """The user whose second factor counts from now on."""
        if self.totp is None:
            raise InvalidUser("there is no second factor to confirm: begin with one")
        return replace(self, totp=replace(self.totp, confirmed=True, last_step=step), recovery=recovery, revision=self.revision + 1)

    def stepped(self, step: int) -> "User":
        """The user who has used a code of this step."""
        if self.totp is None:
            raise InvalidUser("there is no second factor")
        return replace(self, totp=replace(self.totp, last_step=step))

    def without_code(self, code_hash: str) -> "User":
        """The user who has used a recovery code."""
        return replace(self, recovery=tuple(each for each in self.recovery if each != code_hash), revision=self.revision + 1)

    def with_recovery(self, recovery: tuple[str, ...]) -> "User":
        """The user with other recovery codes."""
        return replace(self, recovery=recovery, revision=self.revision + 1)

    def without_totp(self) -> "User":
        """The user without a second factor."""
        return replace(self, totp=None, recovery=(), revision=self.revision + 1)


def email_of(text: str) -> str:
    """An address as it is compared: in lower case, since no provider in use tells case apart.

    Raises:
        InvalidUser: it is none.
    """
    email = text.strip().lower()
    if len(email) > MAX_EMAIL or not _EMAIL.fullmatch(email):
        raise InvalidUser("not an e-mail address, such as ada@example.com")
    return email


def name_of(text: str) -> str:
    """A person's name; raises InvalidUser."""
    name = text.strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise InvalidUser(f"1 to {MAX_NAME} printable characters")
    return name


def password_of(text: str) -> str:
    """A password that may be chosen, in the form in which it is hashed.

    Raises:
        InvalidUser: it is too short or too long.
    """
    if len(text) < MIN_PLAIN_PASSWORD and not (len(text) >= MIN_PASSWORD and any(map(str.isupper, text)) and any(map(str.isdigit, text))):
        raise InvalidUser(
            f"too easy: {MIN_PASSWORD} characters or more with an upper-case letter and a digit, or {MIN_PLAIN_PASSWORD} of any kind"
        )
    password = normalised(text)
    if len(password.encode()) > MAX_PASSWORD_BYTES:
        raise InvalidUser(f"too long: at most {MAX_PASSWORD_BYTES:,} bytes")
    return password


def normalised(password: str) -> str:
    """A password in one form, whichever keyboard wrote it (NIST SP 800-63B-4, 3.1.1.2); of one that is too long its beginning."""
    return unicodedata.normalize("NFKC", password[: MAX_PASSWORD_BYTES + 1])


def recovery_hash(code: str) -> str:
    """What is kept of a recovery code, however it was typed."""
    return hash_of(code.replace("-", "").replace(" ", ""))


def spaced(code: str) -> str:
    """A recovery code as people read it: `xxxx-xxxx-xxxx-xxxx`."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def hash_of(token: str) -> str:
    """What is kept of a token of 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()
