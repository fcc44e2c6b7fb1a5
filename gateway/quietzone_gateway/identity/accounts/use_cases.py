"""What can be asked about accounts and their members. Nobody gives, takes or overrules a role that can do more than he can."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from quietzone_gateway.identity.accounts.domain import (
    Account,
    InvalidAccount,
    Invitation,
    Member,
    may_touch,
    name_of,
)
from quietzone_gateway.identity.accounts.invitations import join, offer_of
from quietzone_gateway.identity.audit.events import Act, audited
from quietzone_gateway.identity.domain import Actor, Principal, Role
from quietzone_gateway.identity.mails.tasks import Which
from quietzone_gateway.identity.shelf import Changed
from quietzone_gateway.identity.users.acts import user_act
from quietzone_gateway.identity.users.domain import User, email_of
from quietzone_gateway.identity.users.people import ACCOUNT, USER, People
from quietzone_gateway.identity.users.use_cases import person
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound, PermissionDenied, Violations


@dataclass(frozen=True, slots=True)
class Place:
    """An account that somebody is in, and what he is there."""

    account: Account
    role: str


@dataclass(frozen=True, slots=True)
class Known:
    """A member, and who he is; `user` is None when he is gone."""

    member: Member
    user: User | None


async def places_of(people: People, user_id: str) -> list[Place]:
    """The accounts that a person is in, by id."""
    found = await people.accounts.many(await people.memberships.of_user(user_id))
    members = [(account, account.member(user_id)) for _, account in sorted(found.items())]
    return [Place(account, member.role) for account, member in members if member is not None]


async def get_account(people: People, by: Principal) -> Account:
    """The account that somebody works in; raises NotFound."""
    account = await people.accounts.get(by.account_id) if by.account_id else None
    if account is None:
        raise _no_account()
    return account


async def rename_account(people: People, by: Principal, name: str) -> Account:
    """Give the account another name; raises InvalidInput."""
    violations = Violations()
    with violations.field("name"):
        name_of(name)
    violations.check()

    def decide(account: Account) -> Changed[Account]:
        after = account.named(name)
        act = _act(people, "account.renamed", f"account:{account.account_id}", after)
        return Changed(after, (audited(by.actor, replace(act, before={"name": account.name}, after={"name": after.name})),))

    return await changed_account(people, by.account_id, decide)


async def list_members(people: People, by: Principal) -> list[Known]:
    """The account's members, in the order in which they joined."""
    account = await get_account(people, by)
    users = await people.users.many([member.user_id for member in account.members])
    return [Known(member, users.get(member.user_id)) for member in account.members]


async def verified_addresses(people: People, account_id: str) -> list[str]:
    """Addresses of the account's members who have shown that they read what is sent there."""
    account = await people.accounts.get(account_id)
    users = await people.users.many([member.user_id for member in account.members]) if account else {}
    return [user.email for user in users.values() if user.verified_at_ms is not None]


async def list_invitations(people: People, by: Principal) -> list[Invitation]:
    """Invitations that wait to be accepted."""
    now_ms = people.ports.now_ms()
    return [each for each in (await get_account(people, by)).invitations if each.expires_at_ms > now_ms]


async def invite(people: People, by: Principal, email: str, role: Role) -> Invitation:
    """Invite whoever reads mail at this address; the mail follows. One to the same address takes the place of the one before.

    Raises:
        InvalidInput: it is no address.
        PermissionDenied: the role can do more than the principal.
        FailedPrecondition: as many wait as may.
    """
    violations = Violations()
    with violations.field("email"):
        email = email_of(email)
    violations.check()
    _check_roles(by, role)
    now_ms = people.ports.now_ms()
    invitation = Invitation(people.ports.new_id(), email, role, by.subject, now_ms + people.rules.lifetimes.invitation_ms)

    def decide(account: Account) -> Changed[Account]:
        after = _or_failed(lambda: account.invited(invitation, now_ms))
        act = _act(people, "member.invited", f"invitation:{invitation.invitation_id}", after)
        return Changed(after, (audited(by.actor, replace(act, after={"role": role.value})),))

    await changed_account(people, by.account_id, decide)
    await people.post.order(Which.INVITATION, account_id=by.account_id, invitation_id=invitation.invitation_id)
    return invitation


async def withdraw(people: People, by: Principal, invitation_id: str) -> None:
    """Have an invitation open nothing any more.

    Raises:
        NotFound: there is none with this id that waits.
    """

    def decide(account: Account) -> Changed[Account]:
        if account.invitation(invitation_id) is None:
            raise NotFound("no invitation with this id waits to be accepted")
        after = account.uninvited(invitation_id)
        return Changed(after, (audited(by.actor, _act(people, "member.uninvited", f"invitation:{invitation_id}", after)),))

    await changed_account(people, by.account_id, decide)


async def accept(people: People, by: Principal, token: str) -> Account:
    """Join the account that somebody is invited to; the token went to his address, which therefore is his.

    Raises:
        NotFound: the invitation isn't good, or not any more.
        PermissionDenied: it went to another address.
        FailedPrecondition: the account is full.
    """
    user = await person(people, by)
    offer = await offer_of(people.accounts, people.ports.now_ms(), token)
    if offer.invitation.email != user.email:
        raise PermissionDenied("the invitation went to another address: sign in as who has that one")
    account = await join(people.accounts, people.memberships, people.ports, offer, Actor(by.subject, offer.account_id, by.address))
    if user.verified_at_ms is None:
        await _verify(people, by, user)
    return account


async def change_role(people: People, by: Principal, user_id: str, role: Role) -> Known:
    """Give a member another role.

    Raises:
        NotFound: nobody with this id is a member.
        PermissionDenied: he has, or would have, a role that can do more than the principal.
        FailedPrecondition: the account would have no owner.
    """

    def decide(account: Account) -> Changed[Account] | None:
        member = _member(account, user_id)
        _check_roles(by, member.role, role)
        if member.role == role:
            return None
        after = _or_failed(lambda: account.with_role(user_id, role))
        act = _act(people, "member.changed", f"user:{user_id}", after)
        return Changed(after, (audited(by.actor, replace(act, before={"role": str(member.role)}, after={"role": role.value})),))

    account = await changed_account(people, by.account_id, decide)
    return Known(_member(account, user_id), await people.users.get(user_id))


async def remove_member(people: People, by: Principal, user_id: str) -> None:
    """Have a member be none any more, at once; whoever is one may leave by this too.

    Raises:
        NotFound: nobody with this id is a member.
        PermissionDenied: he has a role that can do more than the principal.
        FailedPrecondition: the account would have no owner.
    """

    def decide(account: Account) -> Changed[Account]:
        member = _member(account, user_id)
        if by.user_id != user_id:
            _check_roles(by, member.role)
        after = _or_failed(lambda: account.without(user_id))
        action = "member.left" if by.user_id == user_id else "member.removed"
        act = _act(people, action, f"user:{user_id}", after)
        return Changed(after, (audited(by.actor, replace(act, before={"role": str(member.role)})),))

    await changed_account(people, by.account_id, decide)
    await people.memberships.remove(user_id, by.account_id)
    account = await people.accounts.get(by.account_id)
    if account is not None and account.member(user_id) is not None:  # he has joined again meanwhile
        await people.memberships.add(user_id, by.account_id)


async def leave(people: People, by: Principal) -> None:
    """Have somebody be no member any more of the account that he works in; raises as `remove_member`."""
    user = await person(people, by)
    await remove_member(people, by, user.user_id)


async def transfer(people: People, by: Principal, user_id: str) -> None:
    """Make another member the owner in the place of the one who calls, who stays as an administrator.

    Raises:
        NotFound: nobody with this id is a member.
        PermissionDenied: who calls is no owner.
        InvalidInput: it is himself.
    """
    owner = await person(people, by)
    if owner.user_id == user_id:
        raise InvalidInput(FieldViolation("user_id", "is you: name another member"))

    def decide(account: Account) -> Changed[Account]:
        if _member(account, owner.user_id).role != Role.OWNER:
            raise PermissionDenied("only an owner can make another in his place")
        was = str(_member(account, user_id).role)
        after = account.transferred(owner.user_id, user_id)
        act = _act(people, "account.transferred", f"user:{user_id}", after)
        return Changed(after, (audited(by.actor, replace(act, before={"role": was}, after={"role": Role.OWNER.value})),))

    await changed_account(people, by.account_id, decide)


async def changed_account(people: People, account_id: str, decide: Callable[[Account], Changed[Account] | None]) -> Account:
    """The account as it was changed, when all replicas have been told of it; raises NotFound when there is none."""
    account = await people.accounts.change(account_id, decide) if account_id else None
    if account is None:
        raise _no_account()
    await people.ports.news.tell(ACCOUNT, account_id)
    return account


async def _verify(people: People, by: Principal, user: User) -> None:
    def decide(found: User) -> Changed[User]:
        after = found.verified(people.ports.now_ms())
        return Changed(after, (audited(by.actor, user_act("user.verified", found, after, by.account_id, people.ports.now_ms())),))

    await people.users.change(user.user_id, decide)
    await people.ports.news.tell(USER, user.user_id)


def _act(people: People, action: str, target: str, after: Account) -> Act:
    return Act(action, target, after.account_id, f"account/{after.account_id}", after.revision, people.ports.now_ms())


def _member(account: Account, user_id: str) -> Member:
    member = account.member(user_id)
    if member is None:
        raise NotFound("nobody with this id is a member of this account")
    return member


def _check_roles(by: Principal, *roles: str) -> None:
    if not may_touch(by.scopes, *roles):
        raise PermissionDenied(f"nobody gives or takes a role that can do more than he can: {', '.join(roles)}")


def _or_failed(change: Callable[[], Account]) -> Account:
    """What `change` makes; FailedPrecondition where the account's rules don't allow it."""
    try:
        return change()
    except InvalidAccount as error:
        raise FailedPrecondition(str(error)) from error


def _no_account() -> NotFound:
    return NotFound("there is no such account")
