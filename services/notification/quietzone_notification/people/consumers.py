"""Events in: what the gateway tells of accounts and people (topic `gateway.account.v1`)."""

from collections.abc import Awaitable, Callable

from quietzone.gateway.v1 import account_pb2
from quietzone_kit.events import Event
from quietzone_kit.reaction import Unreadable
from quietzone_notification.people.domain import Account, Member, Person
from quietzone_notification.people.repository import People
from quietzone_topics import TYPE_GATEWAY_ACCOUNT, TYPE_GATEWAY_PERSON

CONSUMER = "notification-people"
"""The consumer's group."""


async def _nobody(_person: Person) -> None:
    """Welcomes nobody."""


class KeepPeople:
    """Keeps how accounts and people are. `newcomer` is called for whom it is told that he has an address by now, which he hadn't before."""

    def __init__(self, people: People, newcomer: Callable[[Person], Awaitable[None]] = _nobody) -> None:
        self._people = people
        self._newcomer = newcomer

    def knows(self, event_type: str) -> bool:
        """Accounts and people."""
        return event_type in (TYPE_GATEWAY_ACCOUNT, TYPE_GATEWAY_PERSON)

    async def react(self, event: Event) -> None:
        """Take up how one is."""
        if event.type == TYPE_GATEWAY_ACCOUNT:
            await self._people.keep_account(account_in(event.data))
        else:
            told = told_in(event.data)
            person = person_of(told.after)
            await self._people.keep_person(person)
            if told.occasion != account_pb2.OCCASION_AGAIN and person.email and not told.before.verified_at_ms:
                await self._newcomer(person)


def account_in(data: bytes) -> Account:
    """The account that is told of; raises Unreadable, DecodeError."""
    told = account_pb2.AccountEvent.FromString(data).after
    if not (told.id and told.revision):
        raise Unreadable("the event tells of no account: `after` lacks id or revision")
    members = tuple(Member(member.user_id, member.role) for member in told.members)
    return Account(told.id, told.name, members, told.suspended, told.created_at_ms, told.revision)


def told_in(data: bytes) -> account_pb2.PersonEvent:
    """What is told of a person; raises Unreadable, DecodeError."""
    told = account_pb2.PersonEvent.FromString(data)
    if not (told.after.id and told.after.revision):
        raise Unreadable("the event tells of no person: `after` lacks id or revision")
    return told


def person_of(told: account_pb2.Person) -> Person:
    """The person as he is told."""
    return Person(told.id, told.email, told.name, told.verified_at_ms, told.created_at_ms, told.revision)
