import json

import pytest
from unit.gateway.identity.desk import NOON_MS, OPERATOR, Desk, of_role
from unit.gateway.identity.persons import signed_in

from quietzone.gateway.v1 import audit_pb2
from quietzone.qr.v1 import code_pb2
from quietzone_gateway.identity.accounts.repository import ACCOUNTS
from quietzone_gateway.identity.accounts.use_cases import invite, rename_account
from quietzone_gateway.identity.audit.consumers import KeepAudit
from quietzone_gateway.identity.audit.domain import Entry
from quietzone_gateway.identity.audit.events import MAX_CHARACTERS, Act, audited, differing
from quietzone_gateway.identity.audit.use_cases import read_log
from quietzone_gateway.identity.domain import Actor, Principal, Role, truncated
from quietzone_gateway.identity.keys.repository import KEYS
from quietzone_gateway.identity.keys.use_cases import NewKey, create_key
from quietzone_kit.documents import Collection
from quietzone_kit.errors import InvalidInput
from quietzone_kit.events import Event
from quietzone_kit.outbox import waiting
from quietzone_kit.reaction import Unreadable
from quietzone_topics import TYPE_GATEWAY_AUDIT, TYPE_QR_CODE

MENU = code_pb2.Code(
    id="menu", account_id="first", slug="menu", destination="https://example.com", state=code_pb2.CODE_STATE_ACTIVE, updated_at_ms=NOON_MS
)


async def hear(desk: Desk, collection: Collection, key: str) -> None:
    """Have the log hear what a document tells."""
    stored = await desk.documents.get(collection, key)
    assert stored is not None
    keeper = KeepAudit(desk.identity.log)
    for outgoing in waiting(stored.body):
        if keeper.knows(outgoing.event.type):
            await keeper.react(outgoing.event)


async def log_of(desk: Desk, by: Principal = OPERATOR, subject: str | None = None, action: str | None = None) -> list[Entry]:
    page = await read_log(desk.identity.log, by, subject=subject, action=action, limit=100, after=None)
    return list(page.items)


def code_event(**told: object) -> Event:
    data = code_pb2.CodeEvent(**told).SerializeToString()  # type: ignore[arg-type]
    return Event("menu.2", "/quietzone/qr", TYPE_QR_CODE, "menu", NOON_MS, data)


async def test_what_was_changed_is_in_the_log_with_who_did_it_and_from_where(desk: Desk) -> None:
    await rename_account(desk.identity.people, OPERATOR, "Ours")

    await hear(desk, ACCOUNTS, "first")

    (entry,) = await log_of(desk)
    assert (entry.subject, entry.action, entry.target, entry.address) == ("key:first", "account.renamed", "account:first", "203.0.113.0")
    assert (json.loads(entry.before), json.loads(entry.after)) == ({"name": "Quietzone"}, {"name": "Ours"})


async def test_what_comes_twice_is_kept_once(desk: Desk) -> None:
    await rename_account(desk.identity.people, OPERATOR, "Ours")

    for _ in range(2):
        await hear(desk, ACCOUNTS, "first")

    assert len(await log_of(desk)) == 1


async def test_a_log_is_read_by_its_own_account_alone(desk: Desk) -> None:
    eve, _ = await signed_in(desk)
    await rename_account(desk.identity.people, OPERATOR, "Ours")
    await rename_account(desk.identity.people, eve, "Eve's")
    await hear(desk, ACCOUNTS, "first")
    await hear(desk, ACCOUNTS, eve.account_id)

    assert {entry.account_id for entry in await log_of(desk, eve)} == {eve.account_id}
    assert {entry.account_id for entry in await log_of(desk)} == {"first"}


async def test_a_log_is_read_newest_first_and_by_subject_and_action(desk: Desk) -> None:
    admin = of_role(Role.ADMIN)
    await rename_account(desk.identity.people, OPERATOR, "Ours")
    for by in (OPERATOR, admin):
        desk.clock.seconds += 1
        await invite(desk.identity.people, by, "ada@example.com", Role.VIEWER)
    await hear(desk, ACCOUNTS, "first")

    assert [entry.action for entry in await log_of(desk)] == ["member.invited", "member.invited", "account.renamed"]
    assert [entry.subject for entry in await log_of(desk, subject=admin.subject)] == [admin.subject]
    assert len(await log_of(desk, action="member.invited")) == 2
    assert len(await log_of(desk, subject=OPERATOR.subject, action="member.invited")) == 1
    assert await log_of(desk, subject="nobody") == []


async def test_a_log_is_read_page_by_page(desk: Desk) -> None:
    for number in range(5):
        desk.clock.seconds += 1
        await rename_account(desk.identity.people, OPERATOR, f"Name {number}")
    await hear(desk, ACCOUNTS, "first")

    first = await read_log(desk.identity.log, OPERATOR, limit=3, after=None)
    rest = await read_log(desk.identity.log, OPERATOR, limit=3, after=first.cursor)

    assert [json.loads(entry.after)["name"] for entry in (*first.items, *rest.items)] == [f"Name {number}" for number in (4, 3, 2, 1, 0)]
    assert rest.cursor is None
    with pytest.raises(InvalidInput, match="cursor"):
        await read_log(desk.identity.log, OPERATOR, subject="key:first", limit=3, after=first.cursor)


async def test_a_change_of_a_code_is_in_the_log(desk: Desk) -> None:
    after = code_pb2.Code()
    after.CopyFrom(MENU)
    after.state = code_pb2.CODE_STATE_PAUSED
    event = code_event(
        kind=code_pb2.CHANGE_KIND_CHANGED, before=MENU, after=after, changed=["state", "unknown"], subject="user:ada", reason="why"
    )

    await KeepAudit(desk.identity.log).react(event)

    (entry,) = await log_of(desk)
    assert (entry.subject, entry.action, entry.target) == ("user:ada", "code.changed", "code:menu")
    assert (json.loads(entry.before), json.loads(entry.after)) == ({"state": "active"}, {"state": "paused", "reason": "why"})


async def test_a_code_that_an_older_release_made_was_made_by_the_system(desk: Desk) -> None:
    await KeepAudit(desk.identity.log).react(code_event(kind=code_pb2.CHANGE_KIND_CREATED, after=MENU))

    (entry,) = await log_of(desk)
    assert (entry.subject, entry.before, json.loads(entry.after)["slug"]) == ("system", "{}", "menu")


async def test_every_field_of_a_code_can_be_told(desk: Desk) -> None:
    every = [field.name for field in code_pb2.Code.DESCRIPTOR.fields]

    await KeepAudit(desk.identity.log).react(code_event(kind=code_pb2.CHANGE_KIND_CHANGED, before=MENU, after=MENU, changed=every))

    assert json.loads((await log_of(desk))[0].after).keys() == set(every)


async def test_what_is_of_no_account_is_not_kept(desk: Desk) -> None:
    event = audited(Actor("user:1"), Act("user.renamed", "user:1", "", "user/1", 2, NOON_MS)).event

    await KeepAudit(desk.identity.log).react(event)

    assert event.subject == "1"
    assert await log_of(desk, of_role(Role.OWNER, "")) == []


@pytest.mark.parametrize("kind", [TYPE_GATEWAY_AUDIT, TYPE_QR_CODE])
async def test_an_event_that_tells_of_nothing_is_dead_at_once(desk: Desk, kind: str) -> None:
    empty = audit_pb2.AuditEvent() if kind == TYPE_GATEWAY_AUDIT else code_pb2.CodeEvent()

    with pytest.raises(Unreadable):
        await KeepAudit(desk.identity.log).react(Event("1", "/x", kind, "x", NOON_MS, empty.SerializeToString()))


async def test_events_of_a_document_have_ids_of_their_own_and_the_account_s_key(desk: Desk) -> None:
    made = await create_key(desk.identity.keys, desk.identity.ports, OPERATOR, NewKey("till", frozenset({"codes:read"})))

    stored = await desk.documents.get(KEYS, made.key.key_id)
    assert stored is not None
    (outgoing,) = waiting(stored.body)
    assert (outgoing.event.id, outgoing.event.subject) == (f"key/{made.key.key_id}.1", "first")


def test_only_fields_that_differ_are_told() -> None:
    assert differing({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == ('{"b":2}', '{"b":3,"c":4}')


def test_what_is_too_long_is_left_out() -> None:
    _, after = differing({}, {"name": "x" * MAX_CHARACTERS})

    assert json.loads(after).keys() == {"cut"}


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("nowhere", ""),
    ],
)
def test_no_address_is_kept_whole(address: str, kept: str) -> None:
    assert truncated(address) == kept
