"""Accounts, their members and invitations.

All of an account is one value, so that its rules hold whoever changes it at once: it has an owner, and nobody is a member twice.
"""

import hashlib
import hmac
from dataclasses import dataclass, replace

from quietzone_gateway.identity.domain import SCOPES_OF, Role, scopes_of
from quietzone_gateway.identity.telling.domain import NOTHING, Told

FIRST_ACCOUNT = "first"
"""The id of the account that an installation starts with; a fixed one, so that two first starts can't make two."""

FIRST_NAME, FIRST_PLAN = "Quietzone", "unlimited"
"""What the first account is called, and its plan: it is whose installation it is."""

DEFAULT_PLAN = "free"

MAX_MEMBERS = 500
"""They are in one document: 50 KB of it."""

MAX_INVITATIONS = 100
"""That wait at once: each is a mail to somebody who didn't ask for it."""

MAX_ACCOUNTS = 100
"""That a person may be in: what one answer lists."""

MAX_NAME = 100


class InvalidAccount(ValueError):
    """What is asked of an account can't be: says what would do."""


class AccountFull(InvalidAccount):
    """It has as many as it may have: says of what."""


class LastOwner(InvalidAccount):
    """An account that has an owner keeps one."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an account. `role` is a Role, or one that only a newer release knows."""

    user_id: str
    role: str
    joined_at_ms: int


@dataclass(frozen=True, slots=True)
class Invitation:
    """An offer to whoever reads mail at `email`. `token_hash` is set when the mail goes out: nobody but its reader has the token."""

    invitation_id: str
    email: str
    role: str
    invited_by: str
    expires_at_ms: int
    token_hash: str | None = None

    def opens_with(self, token: str, at_ms: int) -> bool:
        """Whether this is its token, in time; takes the same time however wrong it is."""
        return self.token_hash is not None and hmac.compare_digest(self.token_hash, hash_of(token)) and at_ms < self.expires_at_ms


@dataclass(frozen=True, slots=True)
class Authoriser:
    """An address of the account's own that says who may do what: `scopes` are the most that it may grant, for `ttl_s` at most.

    `sealed_secret` signs what it is asked.
    """

    url: str
    scopes: frozenset[str]
    ttl_s: int
    sealed_secret: str


@dataclass(frozen=True, slots=True)
class Account:
    """Who owns codes. `told` is what other parts have heard of it."""

    account_id: str
    name: str
    plan: str
    created_at_ms: int
    members: tuple[Member, ...] = ()
    invitations: tuple[Invitation, ...] = ()
    authoriser: Authoriser | None = None
    suspended_at_ms: int | None = None
    revision: int = 1
    told: Told = NOTHING

    def member(self, user_id: str) -> Member | None:
        """The member who is this person."""
        return next((member for member in self.members if member.user_id == user_id), None)

    def invitation(self, invitation_id: str) -> Invitation | None:
        """The invitation with this id."""
        return next((invitation for invitation in self.invitations if invitation.invitation_id == invitation_id), None)

    def named(self, name: str) -> "Account":
        """The account with another name; raises InvalidAccount."""
        return replace(self, name=name_of(name), revision=self.revision + 1)

    def with_plan(self, plan: str) -> "Account":
        """The account with another plan."""
        return replace(self, plan=plan, revision=self.revision + 1)

    def suspended(self, at_ms: int | None) -> "Account":
        """The account as nobody may use it; with None as everybody may again."""
        return replace(self, suspended_at_ms=at_ms, revision=self.revision + 1)

    def with_authoriser(self, authoriser: Authoriser | None) -> "Account":
        """The account with another authoriser, or none."""
        return replace(self, authoriser=authoriser, revision=self.revision + 1)

    def invited(self, invitation: Invitation, at_ms: int) -> "Account":
        """The account with one invitation more; one to the same address is replaced, those that are over go.

        Raises:
            AccountFull: as many wait as may.
        """
        others = [other for other in self.invitations if other.expires_at_ms > at_ms and other.email != invitation.email]
        if len(others) >= MAX_INVITATIONS:
            raise AccountFull(f"{MAX_INVITATIONS} invitations wait to be accepted: withdraw some, or wait a week")
        return replace(self, invitations=(*others, invitation), revision=self.revision + 1)

    def uninvited(self, invitation_id: str) -> "Account":
        """The account without this invitation."""
        left = tuple(other for other in self.invitations if other.invitation_id != invitation_id)
        return replace(self, invitations=left, revision=self.revision + 1)

    def mailed(self, invitation_id: str, token_hash: str) -> "Account":
        """The account with what opens this invitation."""
        found = tuple(replace(each, token_hash=token_hash) if each.invitation_id == invitation_id else each for each in self.invitations)
        return replace(self, invitations=found, revision=self.revision + 1)

    def joined(self, invitation: Invitation, user_id: str, at_ms: int) -> "Account":
        """The account with who accepted the invitation; somebody who is a member keeps his role.

        Raises:
            AccountFull: it has as many members as it may have.
        """
        after = self.uninvited(invitation.invitation_id)
        if self.member(user_id) is not None:
            return after
        if len(self.members) >= MAX_MEMBERS:
            raise AccountFull(f"the account has {MAX_MEMBERS} members, which is the most")
        return replace(after, members=(*self.members, Member(user_id, invitation.role, at_ms)))

    def with_role(self, user_id: str, role: Role) -> "Account":
        """The account with another role of a member.

        Raises:
            LastOwner: it would have no owner.
        """
        members = tuple(replace(member, role=role) if member.user_id == user_id else member for member in self.members)
        return self._of(members)

    def without(self, user_id: str) -> "Account":
        """The account without a member.

        Raises:
            LastOwner: it would have no owner.
        """
        return self._of(tuple(member for member in self.members if member.user_id != user_id))

    def transferred(self, from_user: str, to_user: str) -> "Account":
        """The account with another owner in the place of one, who stays as an administrator."""
        roles = {from_user: Role.ADMIN, to_user: Role.OWNER}
        return self._of(tuple(replace(member, role=roles.get(member.user_id, member.role)) for member in self.members))

    def _of(self, members: tuple[Member, ...]) -> "Account":
        if _is_owned(self.members) and not _is_owned(members):  # the first account may have none: its key is its master
            raise LastOwner("an account has at least one owner: make somebody else an owner first")
        return replace(self, members=members, revision=self.revision + 1)


def _is_owned(members: tuple[Member, ...]) -> bool:
    return any(member.role == Role.OWNER for member in members)


def owned_account(account_id: str, name: str, user_id: str, at_ms: int) -> Account:
    """A new account of a person."""
    return Account(account_id, name_of(name), DEFAULT_PLAN, at_ms, (Member(user_id, Role.OWNER, at_ms),))


def first_account(at_ms: int) -> Account:
    """The account that an installation starts with; who holds its key is its master, so it needs no members."""
    return Account(FIRST_ACCOUNT, FIRST_NAME, FIRST_PLAN, at_ms)


def may_touch(scopes: frozenset[str], *roles: str) -> bool:
    """Whether who has `scopes` may give or take these roles: nobody grants, nor overrules, more than he has. A role that only a newer
    release knows may be an owner's.
    """
    return all((scopes_of(role) or SCOPES_OF[Role.OWNER]) <= scopes for role in roles)


def name_of(text: str) -> str:
    """An account's name; raises InvalidAccount."""
    name = text.strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise InvalidAccount(f"1 to {MAX_NAME} printable characters")
    return name


def hash_of(token: str) -> str:
    """What is kept of a token of 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()
