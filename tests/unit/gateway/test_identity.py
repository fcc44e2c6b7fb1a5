import asyncio
from collections.abc import AsyncIterator

import pytest
from ports import Hands

from quietzone_gateway.identity import Accounts, KnownKeys, open_first_account
from quietzone_gateway.identity.domain import FIRST_ACCOUNT, hash_of, new_key
from quietzone_gateway.identity.known import MAX_REMEMBERED, REMEMBERED_S
from quietzone_kit.documents import open_documents
from quietzone_kit.errors import Unauthenticated
from quietzone_kit.runtime import SystemRandomness, ThreadExecutor

PRESET, OTHER = "p" * 32, "o" * 32
RANDOMNESS = SystemRandomness()


@pytest.fixture
async def accounts() -> AsyncIterator[Accounts]:
    executor = ThreadExecutor("documents", 2)
    documents = open_documents("sqlite://:memory:", executor=executor, randomness=RANDOMNESS)
    accounts = Accounts(documents)
    await accounts.ensure()
    yield accounts
    await documents.close()
    executor.close()


async def test_the_first_start_makes_a_key_and_shows_it(accounts: Accounts) -> None:
    first = await open_first_account(accounts, Hands(), RANDOMNESS, preset=None)

    assert first.new_key is not None
    assert (await KnownKeys(accounts, Hands()).account_of(first.new_key)).account_id == FIRST_ACCOUNT


async def test_later_starts_show_no_key(accounts: Accounts) -> None:
    await open_first_account(accounts, Hands(), RANDOMNESS, preset=None)

    assert (await open_first_account(accounts, Hands(), RANDOMNESS, preset=None)).new_key is None


async def test_first_starts_at_once_make_one_account_and_show_one_key(accounts: Accounts) -> None:
    starts = [open_first_account(accounts, Hands(), RANDOMNESS, preset=None) for _ in range(8)]

    firsts = await asyncio.gather(*starts)

    assert len({first.account.key_hash for first in firsts}) == 1
    assert len([first for first in firsts if first.new_key is not None]) == 1


async def test_a_preset_key_is_taken_and_not_shown(accounts: Accounts) -> None:
    first = await open_first_account(accounts, Hands(), RANDOMNESS, preset=PRESET)

    assert (first.new_key, first.account.has_key(PRESET)) == (None, True)


async def test_another_preset_key_takes_the_place_of_the_one_before(accounts: Accounts) -> None:
    await open_first_account(accounts, Hands(), RANDOMNESS, preset=PRESET)
    await open_first_account(accounts, Hands(), RANDOMNESS, preset=OTHER)
    known = KnownKeys(accounts, Hands())

    with pytest.raises(Unauthenticated):
        await known.account_of(PRESET)
    assert (await known.account_of(OTHER)).account_id == FIRST_ACCOUNT


async def test_a_start_without_a_preset_key_keeps_the_one_that_is_there(accounts: Accounts) -> None:
    await open_first_account(accounts, Hands(), RANDOMNESS, preset=PRESET)

    assert (await open_first_account(accounts, Hands(), RANDOMNESS, preset=None)).account.has_key(PRESET)


async def test_the_key_itself_is_not_kept(accounts: Accounts) -> None:
    first = await open_first_account(accounts, Hands(), RANDOMNESS, preset=PRESET)

    assert PRESET not in str(first)


async def test_a_replaced_key_works_a_few_seconds_at_most(accounts: Accounts) -> None:
    clock = Hands()
    await open_first_account(accounts, clock, RANDOMNESS, preset=PRESET)
    known = KnownKeys(accounts, clock)
    await known.account_of(PRESET)
    await accounts.change_key(FIRST_ACCOUNT, OTHER)
    clock.seconds += REMEMBERED_S + 0.1

    with pytest.raises(Unauthenticated):
        await known.account_of(PRESET)


async def test_a_key_with_the_same_beginning_of_its_hash_is_refused(accounts: Accounts) -> None:
    first = await open_first_account(accounts, Hands(), RANDOMNESS, preset=PRESET)

    assert not first.account.has_key(OTHER)
    assert first.account.key_id == hash_of(PRESET)[:16]


async def test_keys_that_nobody_has_take_no_room(accounts: Accounts) -> None:
    known = KnownKeys(accounts, Hands())
    for number in range(MAX_REMEMBERED // 100):
        with pytest.raises(Unauthenticated):
            await known.account_of(f"guess {number}")

    assert len(known._remembered) == 0


def test_a_made_key_has_256_random_bits() -> None:
    key = new_key(bytes(range(32)))

    assert (key[:3], len(key)) == ("qz_", 46)
