"""Values that a newer release has put into documents that this one reads too: they grant nothing, are no error, and stay."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from unit.gateway.identity.desk import OPERATOR, Desk, of_role
from unit.gateway.identity.persons import PASSWORD, by_token, enter, known, signed_in

from quietzone_gateway.identity.accounts.domain import FIRST_ACCOUNT
from quietzone_gateway.identity.accounts.repository import ACCOUNTS
from quietzone_gateway.identity.accounts.use_cases import (
    change_role,
    invite,
    list_invitations,
    list_members,
    places_of,
    rename_account,
    transfer,
)
from quietzone_gateway.identity.authentication import Credentials
from quietzone_gateway.identity.domain import CODES_READ, Principal, Role
from quietzone_gateway.identity.keys.repository import KEYS
from quietzone_gateway.identity.keys.use_cases import KeyChange, NewKey, ShownKey, change_key, create_key, revoke_key, rotate_key
from quietzone_gateway.identity.sessions.repository import SESSIONS
from quietzone_gateway.identity.sessions.use_cases import kill_session, list_sessions
from quietzone_gateway.identity.users.repository import USERS
from quietzone_gateway.identity.users.use_cases import rename_user
from quietzone_kit.documents import Collection
from quietzone_kit.errors import PermissionDenied, Unauthenticated

NEWER = "of-a-newer-release"


async def written(desk: Desk, collection: Collection, key: str, change: Callable[[dict[str, Any]], object]) -> None:
    """A newer release has changed a document so."""
    body = await read(desk, collection, key)
    change(body)
    stored = await desk.documents.get(collection, key)
    assert stored is not None
    await desk.documents.replace(collection, body, if_version=stored.version)
    for kind, name in (("account", key), ("session", key), ("user", key), ("key", str(body.get("lookup")))):
        await desk.identity.ports.news.tell(kind, name)


async def read(desk: Desk, collection: Collection, key: str) -> dict[str, Any]:
    stored = await desk.documents.get(collection, key)
    assert stored is not None
    return dict(stored.body)


async def with_newer_role(desk: Desk) -> tuple[Principal, str]:
    """A member of the first account whose role this release doesn't know, and his access token."""
    principal, signed = await signed_in(desk)
    member = {"user_id": principal.user_id, "role": NEWER, "joined_at_ms": 1}
    await written(desk, ACCOUNTS, FIRST_ACCOUNT, lambda body: body["members"].append(member))
    await desk.identity.people.memberships.add(principal.user_id or "", FIRST_ACCOUNT)
    await written(desk, SESSIONS, principal.session_id, lambda body: body.update(account_id=FIRST_ACCOUNT))
    token = (await _in_first(desk, principal)) or signed.access_token
    return principal, token


async def _in_first(desk: Desk, principal: Principal) -> str:
    await written(desk, USERS, principal.user_id or "", lambda body: body.update(account_id=FIRST_ACCOUNT))
    return (await enter(desk)).access_token


async def with_newer_scope(desk: Desk) -> ShownKey:
    made = await create_key(desk.identity.keys, desk.identity.ports, OPERATOR, NewKey("till", frozenset({CODES_READ})))
    await written(desk, KEYS, made.key.key_id, lambda body: body["scopes"].append(NEWER))
    return made


async def test_a_role_of_a_newer_release_gives_no_scopes(desk: Desk) -> None:
    _, token = await with_newer_role(desk)

    principal = await by_token(desk, token)

    assert (principal.account_id, principal.scopes) == (FIRST_ACCOUNT, frozenset())


async def test_a_role_of_a_newer_release_is_shown_and_stays(desk: Desk) -> None:
    principal, _ = await with_newer_role(desk)

    await rename_account(desk.identity.people, OPERATOR, "Another")

    assert [known.member.role for known in await list_members(desk.identity.people, OPERATOR)] == [NEWER]
    assert NEWER in [place.role for place in await places_of(desk.identity.people, principal.user_id or "")]
    assert (await read(desk, ACCOUNTS, FIRST_ACCOUNT))["members"][0]["role"] == NEWER


async def test_privilege_escalation_over_a_role_of_a_newer_release_is_refused_to_all_but_owners(desk: Desk) -> None:
    principal, _ = await with_newer_role(desk)

    with pytest.raises(PermissionDenied):
        await change_role(desk.identity.people, of_role(Role.ADMIN), principal.user_id or "", Role.VIEWER)
    changed = await change_role(desk.identity.people, of_role(Role.OWNER), principal.user_id or "", Role.VIEWER)
    assert changed.member.role == Role.VIEWER


async def test_who_has_a_role_of_a_newer_release_is_no_owner(desk: Desk) -> None:
    principal, _ = await with_newer_role(desk)

    with pytest.raises(PermissionDenied):
        await transfer(desk.identity.people, replace(principal, account_id=FIRST_ACCOUNT), "somebody")


async def test_an_invitation_to_a_role_of_a_newer_release_waits(desk: Desk) -> None:
    await invite(desk.identity.people, OPERATOR, "bob@example.com", Role.EDITOR)
    await written(desk, ACCOUNTS, FIRST_ACCOUNT, lambda body: body["invitations"][0].update(role=NEWER))

    (mail,) = await desk.mailed()

    assert NEWER in mail.text
    assert [each.role for each in await list_invitations(desk.identity.people, OPERATOR)] == [NEWER]


async def test_a_scope_of_a_newer_release_grants_nothing_and_stays(desk: Desk) -> None:
    made = await with_newer_scope(desk)

    principal = await desk.identity.authentication.principal_of(Credentials("192.0.2.7", bearer=made.secret))
    await desk.identity.uses.write()

    stored = await read(desk, KEYS, made.key.key_id)
    assert principal.scopes == {CODES_READ}
    assert stored["last_used_at_ms"]
    assert NEWER in stored["scopes"]


async def test_privilege_escalation_by_a_key_with_a_scope_of_a_newer_release_is_refused(desk: Desk) -> None:
    made, identity = await with_newer_scope(desk), desk.identity

    with pytest.raises(PermissionDenied, match="newer release"):
        await rotate_key(identity.accounts, identity.keys, identity.ports, OPERATOR, made.key.key_id, grace_s=0)
    with pytest.raises(PermissionDenied, match="newer release"):
        await change_key(identity.keys, identity.ports, OPERATOR, made.key.key_id, KeyChange(networks=()))


async def test_a_key_with_a_scope_of_a_newer_release_can_be_revoked(desk: Desk) -> None:
    made = await with_newer_scope(desk)

    await revoke_key(desk.identity.accounts, desk.identity.keys, desk.identity.ports, OPERATOR, made.key.key_id)

    assert NEWER in (await read(desk, KEYS, made.key.key_id))["scopes"]


async def test_a_session_of_a_kind_of_a_newer_release_is_shown_and_opens_nothing(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    other = await enter(desk)
    await written(desk, SESSIONS, other.session.session_id, lambda body: body.update(kind=NEWER))

    assert {each.kind for each in await list_sessions(desk.identity.people, principal)} == {"token", NEWER}
    with pytest.raises(Unauthenticated):
        await by_token(desk, other.access_token)
    await kill_session(desk.identity.people, principal, other.session.session_id)
    assert (await read(desk, SESSIONS, other.session.session_id))["kind"] == NEWER


async def test_a_link_for_a_purpose_of_a_newer_release_stays(desk: Desk) -> None:
    user = await known(desk)
    link = {"purpose": NEWER, "token_hash": "0" * 64, "expires_at_ms": desk.clock.now_ms() + 1000}
    await written(desk, USERS, user.user_id, lambda body: body["links"].append(link))

    principal = await by_token(desk, (await enter(desk, password=PASSWORD)).access_token)
    await rename_user(desk.identity.people, principal, "Another")

    assert (await read(desk, USERS, user.user_id))["links"] == [link]
