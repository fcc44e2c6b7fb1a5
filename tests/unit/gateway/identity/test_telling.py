"""Other parts know whom they can write to, without asking."""

import pytest
from unit.gateway.identity.desk import OPERATOR, Desk
from unit.gateway.identity.persons import ADA, PASSWORD, known, signed_in

from quietzone.gateway.v1 import account_pb2
from quietzone_gateway.identity.accounts.domain import FIRST_ACCOUNT
from quietzone_gateway.identity.accounts.operators import AccountChange, change_any_account
from quietzone_gateway.identity.accounts.repository import ACCOUNTS
from quietzone_gateway.identity.accounts.use_cases import accept, invite, remove_member, rename_account
from quietzone_gateway.identity.domain import Role
from quietzone_gateway.identity.telling.domain import AGAIN_AFTER_MS
from quietzone_gateway.identity.users.domain import User
from quietzone_gateway.identity.users.repository import USERS
from quietzone_gateway.identity.users.use_cases import rename_user
from quietzone_kit.documents import Collection
from quietzone_kit.errors import Unavailable
from quietzone_kit.outbox import MAX_WAITING, OUTBOX_FIELDS, waiting
from quietzone_topics import GATEWAY_ACCOUNT_V1

CHANGED, AGAIN, NEW = account_pb2.OCCASION_CHANGED, account_pb2.OCCASION_AGAIN, account_pb2.OCCASION_NEW


async def accounts_told(desk: Desk, account_id: str = FIRST_ACCOUNT) -> list[account_pb2.AccountEvent]:
    """What waits to be told of an account."""
    return [account_pb2.AccountEvent.FromString(data) for data in await told(desk, ACCOUNTS, account_id)]


async def people_told(desk: Desk, user_id: str) -> list[account_pb2.PersonEvent]:
    return [account_pb2.PersonEvent.FromString(data) for data in await told(desk, USERS, user_id)]


async def told(desk: Desk, collection: Collection, key: str) -> list[bytes]:
    stored = await desk.documents.get(collection, key)
    assert stored is not None
    return [each.event.data for each in waiting(stored.body) if each.topic == GATEWAY_ACCOUNT_V1.name]


async def relayed(desk: Desk) -> None:
    """As if all events had been published."""
    for collection in (ACCOUNTS, USERS):
        for stored in (await desk.documents.scan(collection, limit=100)).items:
            body = {name: value for name, value in stored.body.items() if name not in OUTBOX_FIELDS}
            await desk.documents.replace(collection, body, if_version=stored.version)


async def as_an_older_release(desk: Desk, collection: Collection, key: str, **fields: object) -> None:
    """Change a document as a release does that tells nobody."""
    stored = await desk.documents.get(collection, key)
    assert stored is not None
    body = {**stored.body, **fields, "revision": stored.body["revision"] + 1}  # type: ignore[dict-item, operator] # it is a number
    await desk.documents.replace(collection, body, if_version=stored.version)


async def member(desk: Desk) -> User:
    """Ada, who was invited into the first account and has joined."""
    principal, _ = await signed_in(desk)
    await invite(desk.identity.people, OPERATOR, ADA, Role.EDITOR)
    await accept(desk.identity.people, principal, await desk.token())
    user = await desk.identity.people.users.by_email(ADA)
    assert user is not None
    return user


async def test_a_new_account_is_told_with_its_owner(desk: Desk) -> None:
    user = await known(desk, verified=False)

    (event,) = await accounts_told(desk, user.account_id)

    assert (event.occasion, event.after.name) == (NEW, "Ada's account")
    assert [(each.user_id, each.role) for each in event.after.members] == [(user.user_id, "owner")]


async def test_an_address_is_told_once_its_reader_has_said_that_it_is_his(desk: Desk) -> None:
    user = await known(desk)

    new, verified = await people_told(desk, user.user_id)

    assert (new.occasion, new.after.email) == (NEW, "")
    assert (verified.occasion, verified.before.email, verified.after.email) == (CHANGED, "", ADA)


async def test_a_member_who_joins_and_leaves_is_told_each_time(desk: Desk) -> None:
    user = await member(desk)
    await remove_member(desk.identity.people, OPERATOR, user.user_id)

    events = await accounts_told(desk)

    assert [len(each.after.members) for each in events] == [0, 1, 0]
    assert [len(each.before.members) for each in events] == [0, 0, 1]


async def test_what_is_told_has_the_revision_that_it_came_with(desk: Desk) -> None:
    user = await member(desk)
    account = await desk.identity.accounts.get(FIRST_ACCOUNT)
    assert account is not None

    assert (await accounts_told(desk))[-1].after.revision == account.revision
    assert (await people_told(desk, user.user_id))[-1].after.revision == user.revision


async def test_what_others_need_not_know_is_told_to_nobody(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    before = len(await accounts_told(desk)), len(await people_told(desk, principal.user_id or ""))

    await invite(desk.identity.people, OPERATOR, "bob@example.com", Role.EDITOR)
    await change_any_account(desk.identity.people, OPERATOR, principal.account_id, AccountChange(plan="pro"))

    assert (len(await accounts_told(desk)), len(await people_told(desk, principal.user_id or ""))) == before


async def test_no_secret_is_told(desk: Desk) -> None:
    user = await member(desk)

    said = b"".join([*await told(desk, USERS, user.user_id), *await told(desk, ACCOUNTS, FIRST_ACCOUNT)])

    assert [word for word in (PASSWORD.encode(), b"argon2", user.password_hash.encode()) if word in said] == []


async def test_a_suspended_account_is_told_as_one(desk: Desk) -> None:
    principal, _ = await signed_in(desk)

    await change_any_account(desk.identity.people, OPERATOR, principal.account_id, AccountChange(suspended=True))

    assert (await accounts_told(desk, principal.account_id))[-1].after.suspended


async def test_names_are_told(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    await rename_account(desk.identity.people, principal, "Menus")
    await rename_user(desk.identity.people, principal, "Ada L.")

    assert (await accounts_told(desk, principal.account_id))[-1].after.name == "Menus"
    assert (await people_told(desk, principal.user_id or ""))[-1].after.name == "Ada L."


async def test_two_events_of_one_write_have_different_ids(desk: Desk) -> None:
    await rename_account(desk.identity.people, OPERATOR, "Ours")
    stored = await desk.documents.get(ACCOUNTS, FIRST_ACCOUNT)
    assert stored is not None

    ids = [each.event.id for each in waiting(stored.body)]

    assert len(ids) == len(set(ids)) == 3


async def test_nobody_is_told_of_again_who_was_told_of_lately(desk: Desk) -> None:
    await member(desk)

    assert await desk.work.telling.all() == 0


async def test_all_are_told_of_again_after_two_weeks_as_what_has_not_changed(desk: Desk) -> None:
    user = await member(desk)
    await relayed(desk)
    desk.clock.seconds += AGAIN_AFTER_MS / 1_000 + 1

    assert await desk.work.telling.all() == 3

    (event,) = await people_told(desk, user.user_id)
    assert (event.occasion, event.after.email, event.after.revision, event.HasField("before")) == (AGAIN, ADA, user.revision, False)


async def test_who_was_told_of_again_is_not_once_more(desk: Desk) -> None:
    await member(desk)
    desk.clock.seconds += AGAIN_AFTER_MS / 1_000 + 1
    await desk.work.telling.all()

    assert await desk.work.telling.all() == 0


@pytest.mark.parametrize("collection", [ACCOUNTS, USERS], ids=lambda each: each.name)
async def test_what_an_older_release_has_changed_is_told_as_soon_as_somebody_looks(desk: Desk, collection: Collection) -> None:
    user = await member(desk)
    await relayed(desk)
    key = FIRST_ACCOUNT if collection is ACCOUNTS else user.user_id
    await as_an_older_release(desk, collection, key, name="Older")

    await desk.work.telling.all()

    (event,) = await accounts_told(desk) if collection is ACCOUNTS else await people_told(desk, key)
    assert (event.occasion, event.after.name) == (AGAIN, "Older")


async def test_what_an_older_release_has_made_is_told(desk: Desk) -> None:
    stored = await desk.documents.get(ACCOUNTS, FIRST_ACCOUNT)
    assert stored is not None
    older = {name: value for name, value in stored.body.items() if name not in (*OUTBOX_FIELDS, "told")}
    await desk.documents.replace(ACCOUNTS, older, if_version=stored.version)

    await desk.work.telling.all()

    assert [each.after.id for each in await accounts_told(desk)] == [FIRST_ACCOUNT]


async def test_a_change_that_is_not_told_hides_none_of_an_older_release(desk: Desk) -> None:
    await relayed(desk)
    await as_an_older_release(desk, ACCOUNTS, FIRST_ACCOUNT, name="Older")
    await invite(desk.identity.people, OPERATOR, "bob@example.com", Role.EDITOR)

    await desk.work.telling.all()

    assert [each.after.name for each in await accounts_told(desk)] == ["Older"]


async def test_as_long_as_the_bus_takes_nothing_nobody_is_told_of_again(desk: Desk) -> None:
    stored = await desk.documents.get(ACCOUNTS, FIRST_ACCOUNT)
    assert stored is not None
    for number in range(MAX_WAITING - len(waiting(stored.body))):
        await invite(desk.identity.people, OPERATOR, f"bob{number}@example.com", Role.EDITOR)
    desk.clock.seconds += AGAIN_AFTER_MS / 1_000 + 1

    with pytest.raises(Unavailable):
        await desk.work.telling.all()
