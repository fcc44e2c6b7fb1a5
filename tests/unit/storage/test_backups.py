"""Each code that is made has a backup, which says all that is needed to make it again."""

import json
from pathlib import Path

import pytest
from google.protobuf import json_format
from ports import Inline

from quietzone.qr.v1 import code_pb2
from quietzone_kit.blobs import Blobs, open_blobs
from quietzone_kit.events import Event
from quietzone_kit.reaction import Unreadable
from quietzone_kit.runtime import SystemRandomness
from quietzone_storage.backups.consumers import BackUpCodes, key_of
from quietzone_topics import TYPE_QR_CODE, TYPE_STORAGE_ASSET

MENU = code_pb2.Code(
    id="019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7a01",
    account_id="main",
    slug="m7Kq2Zp",
    payload="https://q.example/m7Kq2Zp",
    destination="https://example.com/menu",
    title="Menü, Tisch 4",
    state=code_pb2.CODE_STATE_ACTIVE,
    revision=1,
    created_at_ms=1_772_445_600_000,
    tags=["tische"],
)
KEY = "backups/codes/main/019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7a01.json"


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return open_blobs(f"file:///{tmp_path}/blobs", executor=Inline(), randomness=SystemRandomness())


def event(kind: "code_pb2.ChangeKind.ValueType", code: code_pb2.Code = MENU) -> Event:
    told = code_pb2.CodeEvent(kind=kind, after=code, subject="user:ada")
    return Event(f"{code.id}.{code.revision}", "/quietzone/qr", TYPE_QR_CODE, code.id, 1, told.SerializeToString())


async def kept(blobs: Blobs) -> list[str]:
    return [entry.key for entry in (await blobs.list()).entries]


async def test_a_backup_gives_the_code_back(blobs: Blobs) -> None:
    await BackUpCodes(blobs).react(event(code_pb2.CHANGE_KIND_CREATED))

    found = json.loads(await blobs.get(KEY))

    assert json_format.ParseDict(found["code"], code_pb2.Code()) == MENU
    assert found["subject"] == "user:ada"


async def test_a_code_that_comes_again_has_the_same_backup(blobs: Blobs) -> None:
    await BackUpCodes(blobs).react(event(code_pb2.CHANGE_KIND_CREATED))
    before = await blobs.head(KEY)

    await BackUpCodes(blobs).react(event(code_pb2.CHANGE_KIND_CREATED))

    assert (await blobs.head(KEY)).etag == before.etag
    assert await kept(blobs) == [KEY]


@pytest.mark.parametrize("kind", [code_pb2.CHANGE_KIND_CHANGED, code_pb2.CHANGE_KIND_DELETED])
async def test_what_becomes_of_a_code_leaves_its_backup_as_it_was(blobs: Blobs, kind: "code_pb2.ChangeKind.ValueType") -> None:
    await BackUpCodes(blobs).react(event(code_pb2.CHANGE_KIND_CREATED))
    before = await blobs.get(KEY)

    await BackUpCodes(blobs).react(event(kind, code_pb2.Code(id=MENU.id, account_id="main", revision=2)))

    assert await blobs.get(KEY) == before


@pytest.mark.parametrize("account_id", ["a/b", "../x", "a b", ".hidden", "ä"])
async def test_whatever_an_account_is_called_its_backups_lie_in_a_folder_of_its_own(blobs: Blobs, account_id: str) -> None:
    code = code_pb2.Code(id=MENU.id, account_id=account_id)

    await BackUpCodes(blobs).react(event(code_pb2.CHANGE_KIND_CREATED, code))

    assert await kept(blobs) == [key_of(code)]
    assert key_of(code).count("/") == 3


@pytest.mark.parametrize("code_id", ["../../contents/x", "a/b", "."])
async def test_whatever_a_code_is_called_its_backup_lies_in_its_accounts_folder(blobs: Blobs, code_id: str) -> None:
    code = code_pb2.Code(id=code_id, account_id="main")

    await BackUpCodes(blobs).react(event(code_pb2.CHANGE_KIND_CREATED, code))

    assert await kept(blobs) == [key_of(code)]
    assert key_of(code).startswith("backups/codes/main/")
    assert key_of(code).count("/") == 3


async def test_an_event_of_no_code_is_dead_at_once(blobs: Blobs) -> None:
    with pytest.raises(Unreadable):
        await BackUpCodes(blobs).react(event(code_pb2.CHANGE_KIND_CREATED, code_pb2.Code()))


def test_other_events_are_none_of_its_business(blobs: Blobs) -> None:
    assert not BackUpCodes(blobs).knows(TYPE_STORAGE_ASSET)
