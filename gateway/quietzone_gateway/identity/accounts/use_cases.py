"""What can be asked about accounts and their members."""

from dataclasses import dataclass

from quietzone_gateway.identity.accounts.domain import Account
from quietzone_gateway.identity.domain import Role
from quietzone_gateway.identity.users.people import People


@dataclass(frozen=True, slots=True)
class Place:
    """An account that somebody is in, and what he is there."""

    account: Account
    role: Role


async def places_of(people: People, user_id: str) -> list[Place]:
    """The accounts that a person is in, by id."""
    found = await people.accounts.many(await people.memberships.of_user(user_id))
    members = [(account, account.member(user_id)) for _, account in sorted(found.items())]
    return [Place(account, member.role) for account, member in members if member is not None]
