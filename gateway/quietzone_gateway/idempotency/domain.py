"""What a repeated request is known by, and how long its answer is kept; pure."""

import hashlib
import re
from dataclasses import dataclass, replace

KEPT_MS = 24 * 3_600_000
"""How long an answer is repeated; whoever retries for longer has another trouble."""

LEASE_MS = 10_000
"""Twice what a request may take: whoever hasn't answered by then never will, and another may run it again."""

MAX_KEY = 255
MAX_ANSWER_BYTES = 256 * 1024
"""Of an answer that is kept: a code with all that can be in it is 10 KB. A larger answer isn't kept, and its request runs again."""

_KEY = re.compile(rf"[\x21-\x7e]{{1,{MAX_KEY}}}")


class InvalidKey(ValueError):
    """The header isn't a key; says what would do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the first request was answered; `headers` are those that belong to it, not to the request that fetched it."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Repeat:
    """A request under a key: under way while `answer` is None, and then until `until_ms`; forgotten at `until_ms` once it was answered."""

    repeat_id: str
    account_id: str
    fingerprint: str
    until_ms: int
    answer: Answer | None = None

    def is_over(self, now_ms: int) -> bool:
        """Whether a request with its key may run as if there had been none."""
        return now_ms >= self.until_ms

    def answered(self, answer: Answer, at_ms: int) -> "Repeat":
        """With its answer, to be repeated for KEPT_MS."""
        return replace(self, answer=answer, until_ms=at_ms + KEPT_MS)


def parse_key(header: str) -> str:
    """The key in an `Idempotency-Key`; quotes, which the draft asks for and few send, are taken off.

    Raises:
        InvalidKey: empty, too long, or not printable ASCII without blanks.
    """
    text = header.strip()
    key = text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text
    if not _KEY.fullmatch(key):
        raise InvalidKey(f"use 1 to {MAX_KEY} printable characters of ASCII without blanks, such as a UUID")
    return key


def repeat_id(account_id: str, subject: str, key: str) -> str:
    """What a request under a key is found by; the key itself may hold what its sender wouldn't want kept.

    `subject` is who has sent it: a member who learns another's key isn't given what that one was answered.
    """
    return hashlib.sha256(f"{account_id}\n{subject}\n{key}".encode()).hexdigest()


def fingerprint(method: str, path: str, query: str, body: bytes) -> str:
    """Equal for equal requests."""
    digest = hashlib.sha256(f"{method} {path}?{query}\n".encode())
    digest.update(body)
    return digest.hexdigest()


def begun(account_id: str, subject: str, key: str, request: str, *, at_ms: int) -> Repeat:
    """A request, its fingerprint `request`, that begins now."""
    return Repeat(repeat_id(account_id, subject, key), account_id, request, at_ms + LEASE_MS)


def noting(account_id: str, subject: str, key: str, request: str, *, at_ms: int) -> Repeat:
    """A request, its fingerprint `request`, of which nothing but that is kept."""
    return Repeat(repeat_id(account_id, subject, key), account_id, request, at_ms + KEPT_MS)
