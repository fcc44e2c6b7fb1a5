"""A machine whose stores an older release has written."""

from pathlib import Path

from ports import Inline

from house import KEY, House, house_in
from quietzone_gateway.identity.accounts.repository import ACCOUNTS
from quietzone_gateway.identity.keys.domain import hash_of, lookup_of
from quietzone_kit.documents import Body, open_documents
from quietzone_kit.documents.migrations import DONE
from quietzone_kit.runtime import SystemRandomness

OLD_ACCOUNT: Body = {
    "account_id": "first",
    "key_id": lookup_of(KEY),
    "key_hash": hash_of(KEY),
    "scopes": ["operator"],
    "created_at_ms": 1_795_262_400_000,
}


async def stored(data: Path, *, older: bool = False) -> tuple[Body, list[object]]:
    """The first account, and how far each migration of the gateway's store is; with `older` as an older release leaves it."""
    documents = open_documents(f"sqlite:///{data}/gateway.db", executor=Inline(), randomness=SystemRandomness(), owner="gateway")
    await documents.ensure(ACCOUNTS, DONE)
    if older:
        await documents.insert(ACCOUNTS, OLD_ACCOUNT)
    account = await documents.get(ACCOUNTS, "first")
    steps = [item.body["step"] for item in (await documents.scan(DONE, limit=100)).items]
    await documents.close()
    assert account is not None
    return account.body, steps


def works(house: House) -> bool:
    return house.request("GET", "/v1/codes").status == 200


async def test_the_first_start_migrates_and_the_second_takes_away_what_only_older_releases_read(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    await stored(data, older=True)

    with house_in(data) as house:
        assert works(house)
        account, steps = await stored(data)
        assert ("key_hash" in account, set(steps)) == (True, {"migrated"})

        house.restart()

        assert works(house)
        account, steps = await stored(data)
        assert ("key_hash" in account, set(steps)) == (False, {"contracted"})
