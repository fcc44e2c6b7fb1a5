import asyncio

import pytest
from unit.gateway.identity.desk import PRESET, RANDOMNESS, Desk

from quietzone_gateway.identity.accounts.domain import FIRST_ACCOUNT
from quietzone_gateway.identity.accounts.migration import contract, expand
from quietzone_gateway.identity.accounts.repository import ACCOUNTS
from quietzone_gateway.identity.authentication import Credentials
from quietzone_gateway.identity.domain import ALL_SCOPES, Principal
from quietzone_gateway.identity.keys.domain import FIRST_KEY, hash_of, lookup_of, new_key
from quietzone_gateway.identity.keys.repository import KEYS
from quietzone_gateway.identity.keys.use_cases import FirstAccount, open_first_account
from quietzone_gateway.identity.remembered import REMEMBERED_S
from quietzone_gateway.migrations import MIGRATIONS
from quietzone_kit.documents import Body
from quietzone_kit.documents.migrations import Migrations
from quietzone_kit.errors import Unauthenticated

OTHER = "o" * 32


async def start(desk: Desk, preset: str | None = None) -> FirstAccount:
    return await open_first_account(desk.identity.accounts, desk.identity.keys, desk.clock, RANDOMNESS, preset=preset)


async def who(desk: Desk, key: str) -> Principal:
    return await desk.identity.authentication.principal_of(Credentials("192.0.2.7", bearer=key))


def older(key: str) -> Body:
    """An account as releases before 0.3 wrote it."""
    return {
        "account_id": FIRST_ACCOUNT,
        "key_id": lookup_of(key),
        "key_hash": hash_of(key),
        "scopes": ["operator"],
        "created_at_ms": 1,
    }


async def change_as_older(desk: Desk, key: str) -> None:
    """What an older release does at its start with another preset key."""
    stored = await desk.documents.get(ACCOUNTS, FIRST_ACCOUNT)
    assert stored is not None
    await desk.documents.replace(ACCOUNTS, {**stored.body, **older(key)}, if_version=stored.version)


async def migrate(desk: Desk, *, contract: bool = False) -> None:
    work = Migrations(desk.documents, [ACCOUNTS, KEYS], MIGRATIONS, release="0.3.0", clock=desk.clock)
    await work.migrate(lambda _: None)
    if contract:
        await work.contract(lambda _: None)


async def test_the_first_start_makes_a_key_and_shows_it(empty: Desk) -> None:
    first = await start(empty)

    assert first.new_key is not None
    assert (await who(empty, first.new_key)).account_id == FIRST_ACCOUNT


async def test_the_first_key_may_do_everything(desk: Desk) -> None:
    assert (await who(desk, PRESET)).scopes == ALL_SCOPES


async def test_later_starts_show_no_key(empty: Desk) -> None:
    await start(empty)

    assert (await start(empty)).new_key is None


async def test_first_starts_at_once_make_one_account_and_show_one_key(empty: Desk) -> None:
    firsts = await asyncio.gather(*(start(empty) for _ in range(8)))

    shown = [first.new_key for first in firsts if first.new_key is not None]
    assert len(shown) == 1
    assert (await who(empty, shown[0])).account_id == FIRST_ACCOUNT


async def test_a_preset_key_is_taken_and_not_shown(empty: Desk) -> None:
    assert (await start(empty, PRESET)).new_key is None
    assert (await who(empty, PRESET)).subject == f"key:{FIRST_KEY}"


async def test_another_preset_key_takes_the_place_of_the_one_before(desk: Desk) -> None:
    await start(desk, OTHER)

    with pytest.raises(Unauthenticated):
        await who(desk, PRESET)
    assert (await who(desk, OTHER)).account_id == FIRST_ACCOUNT


async def test_a_start_without_a_preset_key_keeps_the_one_that_is_there(desk: Desk) -> None:
    await start(desk)

    assert (await who(desk, PRESET)).account_id == FIRST_ACCOUNT


async def test_the_key_itself_is_not_kept(desk: Desk) -> None:
    stored = [await desk.documents.get(ACCOUNTS, FIRST_ACCOUNT), await desk.documents.get(KEYS, FIRST_KEY)]

    assert PRESET not in str(stored)


async def test_a_replaced_key_works_a_few_seconds_at_most_where_nobody_hears_of_it(desk: Desk) -> None:
    elsewhere = desk.replica()
    shown = Credentials("192.0.2.7", bearer=PRESET)
    await elsewhere.authentication.principal_of(shown)
    await start(desk, OTHER)
    desk.clock.seconds += REMEMBERED_S + 0.1

    with pytest.raises(Unauthenticated):
        await elsewhere.authentication.principal_of(shown)


async def test_keys_that_nobody_has_take_no_room(desk: Desk) -> None:
    for number in range(10):
        with pytest.raises(Unauthenticated):
            await who(desk, f"guess {number}")

    assert len(desk.identity.authentication._keys._keys) == 0


async def test_the_key_of_an_account_that_an_older_release_made_works(empty: Desk) -> None:
    await empty.documents.insert(ACCOUNTS, older(PRESET))

    assert (await who(empty, PRESET)).scopes == ALL_SCOPES


async def test_a_key_that_an_older_release_put_in_the_place_of_ours_is_the_one_that_works(desk: Desk) -> None:
    await change_as_older(desk, OTHER)

    with pytest.raises(Unauthenticated):
        await who(desk, PRESET)
    assert (await who(desk, OTHER)).account_id == FIRST_ACCOUNT


async def test_an_older_release_finds_a_preset_key_where_it_looks_for_it(desk: Desk) -> None:
    await start(desk, OTHER)

    stored = await desk.documents.get(ACCOUNTS, FIRST_ACCOUNT)
    assert stored is not None
    assert (stored.body["key_id"], stored.body["key_hash"], stored.body["scopes"]) == (lookup_of(OTHER), hash_of(OTHER), ["operator"])


async def test_the_key_of_an_older_release_works_when_its_form_is_gone(empty: Desk) -> None:
    await empty.documents.insert(ACCOUNTS, older(PRESET))
    await migrate(empty)
    await start(empty)
    await migrate(empty, contract=True)

    stored = await empty.documents.get(ACCOUNTS, FIRST_ACCOUNT)
    assert stored is not None
    assert not {"key_id", "key_hash", "scopes"} & stored.body.keys()
    assert (await who(empty, PRESET)).account_id == FIRST_ACCOUNT


async def test_a_preset_key_takes_the_place_of_another_when_the_older_form_is_gone(desk: Desk) -> None:
    await migrate(desk, contract=True)

    await start(desk, OTHER)

    assert (await who(desk, OTHER)).account_id == FIRST_ACCOUNT
    with pytest.raises(Unauthenticated):
        await who(desk, PRESET)


def test_migrating_twice_is_migrating_once() -> None:
    once = expand(older(PRESET))

    assert expand(once) == once
    assert contract(contract(once)) == contract(once)


def test_a_made_key_has_256_random_bits() -> None:
    key = new_key(bytes(range(32)))

    assert (key[:3], len(key)) == ("qz_", 46)
