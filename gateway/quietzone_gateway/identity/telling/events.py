"""What is told of accounts and people. It goes into the outbox of the document that has changed, by the write that changes it."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias, TypeVar

from quietzone.gateway.v1 import account_pb2
from quietzone_gateway.identity.accounts.domain import Account
from quietzone_gateway.identity.shelf import Changed, Decide
from quietzone_gateway.identity.telling.domain import Told
from quietzone_gateway.identity.users.domain import User
from quietzone_kit.events import Event
from quietzone_kit.outbox import Outgoing
from quietzone_kit.telemetry import traceparent
from quietzone_topics import GATEWAY_ACCOUNT_V1, TYPE_GATEWAY_ACCOUNT, TYPE_GATEWAY_PERSON

SOURCE = "/quietzone/gateway"

T = TypeVar("T", Account, User)

NEW, CHANGED, AGAIN = account_pb2.OCCASION_NEW, account_pb2.OCCASION_CHANGED, account_pb2.OCCASION_AGAIN

Tell: TypeAlias = Callable[[T | None, T, int], Outgoing | None]
"""What is told of something that was the one (None: it wasn't there) and is the other since a moment; None: nothing that is told is new."""


def told(value: T, at_ms: int, tell: Tell[T]) -> Changed[T]:
    """Something as it is, and what is told of it."""
    event = tell(None, value, at_ms)
    return Changed(replace(value, told=Told(value.revision, at_ms)), () if event is None else (event,))


def telling(decide: Decide[T], tell: Tell[T], *, at_ms: Callable[[], int]) -> Decide[T]:
    """What is decided, and what is told of it."""

    def decide_and_tell(before: T) -> Changed[T] | None:
        changed = decide(before)
        return None if changed is None else _with_news(before, changed, tell, at_ms())

    return decide_and_tell


def _with_news(before: T, changed: Changed[T], tell: Tell[T], now_ms: int) -> Changed[T]:
    after = changed.after
    event = tell(before, after, now_ms)
    if event is not None:
        return Changed(replace(after, told=Told(after.revision, now_ms)), (*changed.events, event))
    # what isn't told is as good as told; what an older release has changed still isn't
    known = replace(before.told, revision=after.revision) if before.told.revision == before.revision else before.told
    return Changed(replace(after, told=known), changed.events)


def again(tell: Tell[T], now_ms: int) -> Decide[T]:
    """Tell how something is, if that is due."""

    def decide(value: T) -> Changed[T] | None:
        return told(value, now_ms, tell) if value.told.is_due(value.revision, now_ms) else None

    return decide


def account_told(before: Account | None, after: Account, at_ms: int) -> Outgoing | None:
    """What is told of an account: as new, or as changed."""
    was, is_now = None if before is None else _account(before), _account(after)
    if was is not None and _same(was, is_now):
        return None
    message = account_pb2.AccountEvent(occasion=NEW if was is None else CHANGED, before=was, after=is_now)
    return _outgoing(TYPE_GATEWAY_ACCOUNT, f"account/{after.account_id}.{after.revision}.told", after.account_id, at_ms, message)


def account_told_again(_before: Account | None, after: Account, at_ms: int) -> Outgoing:
    """What is told of an account that hasn't changed."""
    message = account_pb2.AccountEvent(occasion=AGAIN, after=_account(after))
    return _outgoing(TYPE_GATEWAY_ACCOUNT, f"account/{after.account_id}.{after.revision}.told.{at_ms}", after.account_id, at_ms, message)


def person_told(before: User | None, after: User, at_ms: int) -> Outgoing | None:
    """What is told of a person: as new, or as changed."""
    was, is_now = None if before is None else _person(before), _person(after)
    if was is not None and _same(was, is_now):
        return None
    message = account_pb2.PersonEvent(occasion=NEW if was is None else CHANGED, before=was, after=is_now)
    return _outgoing(TYPE_GATEWAY_PERSON, f"user/{after.user_id}.{after.revision}.told", after.user_id, at_ms, message)


def person_told_again(_before: User | None, after: User, at_ms: int) -> Outgoing:
    """What is told of a person who hasn't changed."""
    message = account_pb2.PersonEvent(occasion=AGAIN, after=_person(after))
    return _outgoing(TYPE_GATEWAY_PERSON, f"user/{after.user_id}.{after.revision}.told.{at_ms}", after.user_id, at_ms, message)


def _account(account: Account) -> account_pb2.Account:
    return account_pb2.Account(
        id=account.account_id,
        name=account.name,
        members=[account_pb2.AccountMember(user_id=member.user_id, role=member.role) for member in account.members],
        suspended=account.suspended_at_ms is not None,
        created_at_ms=account.created_at_ms,
        revision=account.revision,
    )


def _person(user: User) -> account_pb2.Person:
    is_verified = user.verified_at_ms is not None
    return account_pb2.Person(
        id=user.user_id,
        email=user.email if is_verified else "",  # an address may be anybody's until its reader has said that it is his
        name=user.name,
        verified_at_ms=user.verified_at_ms or 0,
        created_at_ms=user.created_at_ms,
        revision=user.revision,
    )


M = TypeVar("M", account_pb2.Account, account_pb2.Person)


def _same(was: M, is_now: M) -> bool:
    """Whether both tell the same, whatever their revisions."""
    compared = type(was)()
    compared.CopyFrom(was)
    compared.revision = is_now.revision
    return compared == is_now


def _outgoing(
    event_type: str, event_id: str, subject: str, at_ms: int, message: account_pb2.AccountEvent | account_pb2.PersonEvent
) -> Outgoing:
    event = Event(event_id, SOURCE, event_type, subject, at_ms, message.SerializeToString(), traceparent())
    return Outgoing(GATEWAY_ACCOUNT_V1.name, event)
