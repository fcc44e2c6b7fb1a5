"""Accounts and people, as far as somebody is written to. Pure."""

from dataclasses import dataclass

OWNER = "owner"

MAX_OWNERS = 5
"""Of an account that are written to, those who joined first: most have one, and a mail to each of hundreds would be a circular."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an account. `role` may be one that only a newer release knows."""

    user_id: str
    role: str


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it was told last; of two states the one with the higher revision is newer."""

    account_id: str
    name: str
    members: tuple[Member, ...]
    is_suspended: bool
    created_at_ms: int
    revision: int

    def owners(self) -> list[str]:
        """Whom its mails go to, at most MAX_OWNERS people."""
        return [member.user_id for member in self.members if member.role == OWNER][:MAX_OWNERS]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as he was told last. `email` is empty until its reader has shown that he is there."""

    user_id: str
    email: str
    name: str
    verified_at_ms: int
    created_at_ms: int
    revision: int


@dataclass(frozen=True, slots=True)
class Addressee:
    """Somebody who can be written to."""

    user_id: str
    email: str
    name: str
