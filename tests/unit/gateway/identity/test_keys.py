import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest
from unit.gateway.identity.desk import NOON_MS, OPERATOR, PRESET, Desk, of_role
from unit.gateway.identity.persons import ADA, signed_in

from quietzone_gateway.identity.accounts.domain import FIRST_ACCOUNT
from quietzone_gateway.identity.authentication import Credentials
from quietzone_gateway.identity.domain import ALL_SCOPES, CODES_READ, CODES_WRITE, KEYS_READ, KEYS_WRITE, SCOPES_OF, Means, Principal, Role
from quietzone_gateway.identity.keys import use_cases
from quietzone_gateway.identity.keys.domain import FIRST_KEY, MAX_GRACE_S, hash_of
from quietzone_gateway.identity.keys.repository import KEYS
from quietzone_gateway.identity.keys.telling import tell_of_new_key
from quietzone_gateway.identity.keys.use_cases import KeyChange, NewKey, ShownKey
from quietzone_gateway.identity.shelf import Changed
from quietzone_kit import rpc
from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound, PermissionDenied, Unauthenticated

ELSEWHERE = replace(OPERATOR, account_id="other")
READ = frozenset({CODES_READ})
MANAGES = READ | {KEYS_READ, KEYS_WRITE}


async def make(desk: Desk, by: Principal = OPERATOR, **asked: object) -> ShownKey:
    wanted: dict[str, object] = {"name": "till", "scopes": READ} | asked
    return await use_cases.create_key(desk.identity.keys, desk.identity.ports, by, NewKey(**wanted))  # type: ignore[arg-type]


async def who(desk: Desk, secret: str, address: str = "192.0.2.7") -> Principal:
    return await desk.identity.authentication.principal_of(Credentials(address, bearer=secret))


async def rotate(desk: Desk, key_id: str, grace_s: int = 60, by: Principal = OPERATOR) -> ShownKey:
    identity = desk.identity
    return await use_cases.rotate_key(identity.accounts, identity.keys, identity.ports, by, key_id, grace_s=grace_s)


async def revoke(desk: Desk, key_id: str, by: Principal = OPERATOR) -> None:
    await use_cases.revoke_key(desk.identity.accounts, desk.identity.keys, desk.identity.ports, by, key_id)


async def change(desk: Desk, key_id: str, change: KeyChange, by: Principal = OPERATOR) -> None:
    await use_cases.change_key(desk.identity.keys, desk.identity.ports, by, key_id, change)


async def test_who_shows_a_key_is_its_account_with_its_scopes(desk: Desk) -> None:
    made = await make(desk)

    found = await who(desk, made.secret)

    assert found == Principal(FIRST_ACCOUNT, f"key:{made.key.key_id}", READ, "unlimited", Means.KEY, address="192.0.2.0")


async def test_a_key_is_kept_as_its_hash_and_shown_by_its_beginning(desk: Desk) -> None:
    made = await make(desk)

    stored = await desk.documents.get(KEYS, made.key.key_id)

    assert stored is not None
    assert made.secret not in str(stored.body)
    assert (stored.body["key_hash"], made.secret.startswith(str(stored.body["shown"]))) == (hash_of(made.secret), True)


async def test_a_key_that_has_ended_is_refused(desk: Desk) -> None:
    made = await make(desk, expires_at_ms=NOON_MS + 1000)
    await who(desk, made.secret)
    desk.clock.seconds += 1

    with pytest.raises(Unauthenticated):
        await who(desk, made.secret)


async def test_a_key_that_was_revoked_is_refused_at_once(desk: Desk) -> None:
    made = await make(desk)
    await who(desk, made.secret)

    await revoke(desk, made.key.key_id)

    with pytest.raises(Unauthenticated):
        await who(desk, made.secret)


async def test_a_revoked_first_key_is_refused_and_by_older_releases_too(desk: Desk) -> None:
    await revoke(desk, FIRST_KEY)

    with pytest.raises(Unauthenticated):
        await who(desk, PRESET)
    standing = await desk.identity.accounts.standing(FIRST_ACCOUNT)
    assert standing is not None
    assert standing.old_key_hash == ""


@pytest.mark.parametrize("address", ["203.0.113.9", "::ffff:203.0.113.9", "2001:db8::1"])
async def test_a_key_may_be_used_from_its_networks(desk: Desk, address: str) -> None:
    made = await make(desk, networks=["203.0.113.0/24", "2001:db8::/32"])

    assert (await who(desk, made.secret, address)).account_id == FIRST_ACCOUNT


@pytest.mark.parametrize("address", ["203.0.114.9", "2001:db9::1", "", "unknown"])
async def test_a_stolen_key_is_of_no_use_from_other_networks(desk: Desk, address: str) -> None:
    made = await make(desk, networks=["203.0.113.0/24", "2001:db8::/32"])

    with pytest.raises(PermissionDenied, match="networks"):
        await who(desk, made.secret, address)


async def test_both_secrets_work_while_a_key_is_changed_over(desk: Desk) -> None:
    made = await make(desk)
    rotated = await rotate(desk, made.key.key_id)

    assert [(await who(desk, secret)).subject for secret in (made.secret, rotated.secret)] == [f"key:{made.key.key_id}"] * 2


async def test_what_the_old_secret_opens_ends_with_it_and_what_the_new_one_does_goes_on(desk: Desk) -> None:
    made = await make(desk)
    rotated = await rotate(desk, made.key.key_id, grace_s=60)
    ends = [(await who(desk, secret)).expires_at_ms for secret in (made.secret, rotated.secret)]

    assert ends == [desk.clock.now_ms() + 60_000, None]


async def test_the_old_secret_ends_with_its_grace(desk: Desk) -> None:
    made = await make(desk)
    rotated = await rotate(desk, made.key.key_id, grace_s=60)
    await who(desk, made.secret)
    desk.clock.seconds += 60

    with pytest.raises(Unauthenticated):
        await who(desk, made.secret)
    assert (await who(desk, rotated.secret)).account_id == FIRST_ACCOUNT


async def test_a_rotation_without_grace_ends_the_old_secret_at_once(desk: Desk) -> None:
    made = await make(desk)
    await who(desk, made.secret)

    await rotate(desk, made.key.key_id, grace_s=0)

    with pytest.raises(Unauthenticated):
        await who(desk, made.secret)


async def test_the_secret_before_the_last_never_works(desk: Desk) -> None:
    made = await make(desk)
    await rotate(desk, made.key.key_id)
    await who(desk, made.secret)

    await rotate(desk, made.key.key_id)

    with pytest.raises(Unauthenticated):
        await who(desk, made.secret)


async def test_the_first_key_can_be_changed_over_too(desk: Desk) -> None:
    rotated = await rotate(desk, FIRST_KEY)

    assert [(await who(desk, secret)).subject for secret in (PRESET, rotated.secret)] == ["key:first"] * 2


@pytest.mark.parametrize("grace_s", [-1, MAX_GRACE_S + 1])
async def test_a_grace_out_of_bounds_is_refused(desk: Desk, grace_s: int) -> None:
    with pytest.raises(InvalidInput, match="grace_s"):
        await rotate(desk, FIRST_KEY, grace_s)


@pytest.mark.parametrize("role", list(Role))
async def test_privilege_escalation_by_making_a_key_with_more_is_refused(desk: Desk, role: Role) -> None:
    by = of_role(role)

    with pytest.raises(PermissionDenied, match="operator"):
        await make(desk, by, scopes=ALL_SCOPES)


async def test_privilege_escalation_by_rotating_a_stronger_key_is_refused(desk: Desk) -> None:
    with pytest.raises(PermissionDenied):
        await rotate(desk, FIRST_KEY, by=of_role(Role.ADMIN))
    assert (await who(desk, PRESET)).scopes == ALL_SCOPES


async def test_privilege_escalation_by_widening_a_key_is_refused(desk: Desk) -> None:
    made = await make(desk, of_role(Role.ADMIN))

    with pytest.raises(PermissionDenied, match="account:write"):
        await change(desk, made.key.key_id, KeyChange(scopes=SCOPES_OF[Role.OWNER]), of_role(Role.ADMIN))


async def test_privilege_escalation_by_freeing_a_stronger_key_of_its_networks_is_refused(desk: Desk) -> None:
    made = await make(desk, scopes=ALL_SCOPES, networks=["203.0.113.0/24"])

    with pytest.raises(PermissionDenied):
        await change(desk, made.key.key_id, KeyChange(networks=()), of_role(Role.ADMIN))


async def bound(desk: Desk, **asked: object) -> tuple[ShownKey, Principal]:
    """A key that may be used from one network, and looks after keys; and who shows it there."""
    made = await make(desk, **({"scopes": MANAGES, "networks": ["203.0.113.0/24"]} | asked))
    return made, await who(desk, made.secret, "203.0.113.9")


@pytest.mark.parametrize("networks", [(), ("0.0.0.0/0",), ("203.0.112.0/23",), ("203.0.113.9/32",), ("203.0.113.0/24",)])
async def test_a_stolen_key_can_not_change_its_own_networks(desk: Desk, networks: tuple[str, ...]) -> None:
    made, thief = await bound(desk)

    with pytest.raises(PermissionDenied, match="its own `networks`"):
        await change(desk, made.key.key_id, KeyChange(networks=networks), thief)
    assert (await use_cases.get_key(desk.identity.keys, OPERATOR, made.key.key_id)).networks == ("203.0.113.0/24",)


async def test_a_stolen_key_can_not_widen_its_own_scopes(desk: Desk) -> None:
    made, thief = await bound(desk)

    with pytest.raises(PermissionDenied, match="codes:write"):
        await change(desk, made.key.key_id, KeyChange(scopes=MANAGES | {CODES_WRITE}), thief)


@pytest.mark.parametrize("networks", [(), ("0.0.0.0/0",), ("203.0.113.0/24", "198.51.100.0/24"), ("::/0",)])
async def test_a_stolen_key_can_not_make_one_that_works_from_elsewhere(desk: Desk, networks: tuple[str, ...]) -> None:
    _, thief = await bound(desk)

    with pytest.raises(PermissionDenied, match="networks"):
        await make(desk, thief, networks=networks)


async def test_a_stolen_key_can_not_take_over_one_that_works_from_elsewhere(desk: Desk) -> None:
    _, thief = await bound(desk)
    other = await make(desk)

    with pytest.raises(PermissionDenied, match="networks"):
        await rotate(desk, other.key.key_id, by=thief)
    with pytest.raises(PermissionDenied, match="networks"):
        await change(desk, other.key.key_id, KeyChange(scopes=MANAGES), thief)


async def test_a_stolen_key_can_not_free_another_of_its_networks(desk: Desk) -> None:
    _, thief = await bound(desk)
    other = await make(desk, networks=["203.0.113.128/25"])

    with pytest.raises(PermissionDenied, match="networks"):
        await change(desk, other.key.key_id, KeyChange(networks=()), thief)


async def test_a_key_that_is_changed_over_can_be_renamed_by_its_old_secret(desk: Desk) -> None:
    made, _ = await bound(desk, networks=[])
    await rotate(desk, made.key.key_id)

    await change(desk, made.key.key_id, KeyChange(name="another"), await who(desk, made.secret))


async def test_a_key_with_networks_looks_after_keys_within_them(desk: Desk) -> None:
    made, by = await bound(desk)

    other = await make(desk, by, networks=["203.0.113.128/25"])
    await change(desk, other.key.key_id, KeyChange(networks=["203.0.113.0/25"]), by)
    await rotate(desk, other.key.key_id, by=by)
    await change(desk, made.key.key_id, KeyChange(name="another", scopes=READ), by)
    await revoke(desk, FIRST_KEY, by)


@pytest.mark.parametrize("after_ms", [None, 60_001])
async def test_a_stolen_key_can_not_outlive_itself_by_another(desk: Desk, after_ms: int | None) -> None:
    _, thief = await bound(desk, networks=[], expires_at_ms=NOON_MS + 60_000)

    with pytest.raises(PermissionDenied, match="ends"):
        await make(desk, thief, expires_at_ms=None if after_ms is None else NOON_MS + after_ms)
    assert (await make(desk, thief, expires_at_ms=NOON_MS + 60_000)).secret


@pytest.mark.parametrize("expires_at_ms", [None, NOON_MS + 60_001])
async def test_a_stolen_key_can_not_take_over_one_that_outlives_it(desk: Desk, expires_at_ms: int | None) -> None:
    _, thief = await bound(desk, networks=[], expires_at_ms=NOON_MS + 60_000)
    other = await make(desk, expires_at_ms=expires_at_ms)

    with pytest.raises(PermissionDenied, match="ends"):
        await rotate(desk, other.key.key_id, by=thief)


async def test_a_changed_key_is_as_it_was_changed_at_once(desk: Desk) -> None:
    made = await make(desk)
    await who(desk, made.secret)

    await change(desk, made.key.key_id, KeyChange(name="bar", scopes=frozenset({CODES_WRITE}), networks=["198.51.100.0/24"]))

    assert (await who(desk, made.secret, "198.51.100.1")).scopes == {CODES_WRITE}


async def test_another_account_s_key_is_not_found(desk: Desk) -> None:
    made = await make(desk)

    for attempt in (
        use_cases.get_key(desk.identity.keys, ELSEWHERE, made.key.key_id),
        change(desk, made.key.key_id, KeyChange(name="mine"), ELSEWHERE),
        rotate(desk, made.key.key_id, by=ELSEWHERE),
        revoke(desk, made.key.key_id, ELSEWHERE),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert (await who(desk, made.secret)).account_id == FIRST_ACCOUNT


async def test_a_list_has_the_account_s_own_keys_newest_first(desk: Desk) -> None:
    made = await make(desk)
    desk.clock.seconds += 1
    other = await make(desk, ELSEWHERE)

    ids = [key.key_id for key in await use_cases.list_keys(desk.identity.keys, OPERATOR)]

    assert set(ids) == {FIRST_KEY, made.key.key_id}
    assert other.key.key_id not in ids


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "x" * 101),
        ("name", "a\nb"),
        ("scopes", frozenset()),
        ("scopes", frozenset({"edge"})),
        ("scopes", frozenset({"codes:*"})),
        ("networks", ["203.0.113.9/24"]),
        ("networks", ["here"]),
        ("networks", ["10.0.0.0/8"] * 51),
        ("expires_at_ms", NOON_MS),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(desk: Desk, field: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=field.removesuffix("_ms")):
        await make(desk, **{field: value})


async def test_when_a_key_was_used_is_written_once_a_minute(desk: Desk) -> None:
    made = await make(desk)

    async def used_at() -> tuple[int | None, int]:
        await who(desk, made.secret)
        await desk.identity.uses.write()
        stored = await desk.documents.get(KEYS, made.key.key_id)
        assert stored is not None
        return stored.body["last_used_at_ms"], stored.version  # type: ignore[return-value]

    first = await used_at()
    desk.clock.seconds += 30
    second = await used_at()
    desk.clock.seconds += 30
    third = await used_at()

    assert first == second == (NOON_MS, 2)
    assert third == (NOON_MS + 60_000, 3)


async def test_a_key_of_a_suspended_account_is_refused(desk: Desk) -> None:
    await desk.identity.accounts.change(FIRST_ACCOUNT, lambda account: Changed(account.suspended(NOON_MS)))

    with pytest.raises(PermissionDenied, match="suspended"):
        await who(desk, PRESET)


async def test_an_account_has_a_bounded_number_of_keys(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_cases, "MAX_KEYS", 5)
    for _ in range(4):
        await make(desk)

    with pytest.raises(FailedPrecondition, match="revoke"):
        await make(desk)


async def test_a_key_that_was_revoked_long_ago_makes_room(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use_cases, "MAX_KEYS", 2)
    await revoke(desk, (await make(desk)).key.key_id)
    await desk.told_all()
    desk.clock.seconds += 31 * 86_400

    assert (await make(desk)).secret
    assert len(await use_cases.list_keys(desk.identity.keys, OPERATOR)) == 2


async def test_the_audit_log_is_told_what_has_changed_and_no_secret(desk: Desk) -> None:
    made = await make(desk)
    rotated = await rotate(desk, made.key.key_id)
    await change(desk, made.key.key_id, KeyChange(name="bar"), replace(OPERATOR, address="198.51.100.0"))
    await revoke(desk, made.key.key_id)

    told = await desk.told(KEYS, made.key.key_id)

    assert [event.action for event in told] == ["key.created", "key.rotated", "key.changed", "key.revoked"]
    assert (told[2].before, told[2].after, told[2].address) == ('{"name":"till"}', '{"name":"bar"}', "198.51.100.0")
    assert len({event.id for event in told}) == 4
    for secret in (made.secret, rotated.secret, hash_of(made.secret), hash_of(rotated.secret)):
        assert secret not in str(told)


async def test_who_makes_a_key_is_told_by_mail_since_it_may_have_been_somebody_else(desk: Desk) -> None:
    principal, _ = await signed_in(desk)
    made = await make(desk, principal, name="till <b>")

    await tell_of_new_key(desk.identity.people, principal, made.key)

    (mail,) = await desk.mailed()
    assert (mail.to, made.key.shown in mail.text, made.secret in mail.text, "<b>" in mail.html) == (ADA, True, False, False)


async def test_a_program_that_makes_a_key_is_written_to_by_nobody(desk: Desk) -> None:
    made = await make(desk)

    await tell_of_new_key(desk.identity.people, OPERATOR, made.key)

    assert await desk.mailed() == []


async def test_changes_at_once_are_all_made(desk: Desk) -> None:
    made = await make(desk)

    await asyncio.gather(*(change(desk, made.key.key_id, KeyChange(name=f"name {number}")) for number in range(4)))

    assert (await use_cases.get_key(desk.identity.keys, OPERATOR, made.key.key_id)).revision == 5


def test_the_scopes_are_those_that_services_enforce() -> None:
    assert SCOPES_OF[Role.EDITOR] >= rpc.SERVICE_SCOPES
    assert rpc.SCOPE_OPERATOR in ALL_SCOPES


def test_each_role_has_what_those_below_it_have() -> None:
    scopes = [SCOPES_OF[role] for role in Role]

    assert all(more > less for more, less in pairwise(scopes))
