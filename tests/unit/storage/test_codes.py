"""Codes that are created are drawn, those that look different drawn anew, those that are deleted removed; repeats change nothing."""

import asyncio
from contextlib import suppress
from itertools import chain, repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ports import Inline
from unit.storage.drawings import symbol
from unit.storage.world import OURS, Crash, World

from quietzone.qr.v1 import code_pb2
from quietzone_kit.errors import FailedPrecondition, NotFound, Unavailable
from quietzone_kit.events import Event
from quietzone_kit.reaction import Unreadable
from quietzone_storage.assets.domain import AccountId, Asset, AssetId, State, Symbol
from quietzone_storage.codes.consumers import DrawCodes, heard_of
from quietzone_storage.codes.domain import Heard
from quietzone_storage.codes.use_cases import Followed, ForeignAsset
from quietzone_topics import TYPE_QR_CODE

CODE = AssetId("c1")
CREATED = Heard(CODE, OURS, 1, looks_different=True, is_deleted=False)
RENAMED = Heard(CODE, OURS, 2, looks_different=False, is_deleted=False)
RESTYLED = Heard(CODE, OURS, 3, looks_different=True, is_deleted=False)
DELETED = Heard(CODE, OURS, 4, looks_different=False, is_deleted=True)

MENU, SUMMER = symbol("https://q.example/menu"), symbol("https://q.example/summer")


class Qr:
    """What codes look like, or why nobody knows."""

    def __init__(self) -> None:
        self.answer: Symbol | Exception = MENU
        self.asked = 0

    async def symbol(self, account_id: AccountId, code_id: AssetId) -> Symbol:  # noqa: ARG002 - as the port has it
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def qr() -> Qr:
    return Qr()


def followed(world: World, qr: Qr) -> Followed:
    return Followed(world.keeper, qr, Inline(), world.clock)


async def hear(world: World, qr: Qr, *told: Heard) -> Asset:
    for each in told:
        await followed(world, qr).follow(each)
    held = await world.assets.get(OURS, CODE)
    assert held is not None
    return held.asset


async def test_a_new_code_is_there_in_all_files(world: World, qr: Qr) -> None:
    asset = await hear(world, qr, CREATED)

    assert list(asset.files()) == ["c1.png", "c1_thumb.jpeg", "c1_medium.png", "c1_large.png", "c1_thumb_webp.webp"]


async def test_hearing_of_it_again_changes_nothing(world: World, qr: Qr) -> None:
    first = await hear(world, qr, CREATED)

    assert await hear(world, qr, CREATED, CREATED) == first


async def test_a_change_that_doesnt_show_isnt_drawn(world: World, qr: Qr) -> None:
    await hear(world, qr, CREATED)

    await hear(world, qr, RENAMED)

    assert qr.asked == 1


async def test_what_looks_different_is_drawn_anew_and_the_old_files_are_forgotten(world: World, qr: Qr) -> None:
    await hear(world, qr, CREATED)
    qr.answer = SUMMER

    await hear(world, qr, RESTYLED)
    await world.sweep()

    assert list((await world.told("c1"))[-1].gone) == [
        "c1.png",
        "c1_thumb.jpeg",
        "c1_medium.png",
        "c1_large.png",
        "c1_thumb_webp.webp",
    ]
    assert (await world.missing(), await world.spare()) == ([], set())


async def test_what_looks_the_same_after_all_is_left_as_it_is(world: World, qr: Qr) -> None:
    first = await hear(world, qr, CREATED)

    assert await hear(world, qr, RESTYLED) == first


async def test_an_old_event_doesnt_bring_an_old_image_back(world: World, qr: Qr) -> None:
    await hear(world, qr, CREATED)
    qr.answer = SUMMER
    await hear(world, qr, RESTYLED)
    qr.answer = MENU

    assert (await hear(world, qr, CREATED, RENAMED)).symbol == SUMMER


async def test_a_deleted_code_keeps_a_tombstone_and_nothing_else(world: World, qr: Qr) -> None:
    asset = await hear(world, qr, CREATED, DELETED)
    await world.sweep()

    assert (asset.state, asset.variants, asset.symbol, world.memory.held) == (State.DELETED, (), None, {})


async def test_a_code_whose_deletion_is_heard_of_first_never_gets_an_image(world: World, qr: Qr) -> None:
    asset = await hear(world, qr, DELETED, CREATED, RESTYLED)

    assert (asset.state, qr.asked) == (State.DELETED, 0)


async def test_a_change_of_a_code_that_was_never_heard_of_is_drawn(world: World, qr: Qr) -> None:
    assert (await hear(world, qr, RENAMED)).state is State.READY


async def test_a_symbol_that_cant_be_read_back_is_quarantined_with_the_reason(world: World, qr: Qr) -> None:
    qr.answer = FailedPrecondition("quirc reads nothing")

    asset = await hear(world, qr, CREATED)

    assert (asset.state, asset.reason, asset.files()) == (State.QUARANTINED, "quirc reads nothing", {})


async def test_what_is_no_symbol_is_quarantined(world: World, qr: Qr) -> None:
    qr.answer = Symbol(20, b"")

    assert (await hear(world, qr, CREATED)).state is State.QUARANTINED


async def test_what_was_quarantined_and_looks_different_now_is_drawn(world: World, qr: Qr) -> None:
    qr.answer = FailedPrecondition("quirc reads nothing")
    await hear(world, qr, CREATED)
    qr.answer = MENU

    assert (await hear(world, qr, RESTYLED)).state is State.READY


async def test_a_code_that_is_gone_when_it_is_drawn_waits_for_its_deletion(world: World, qr: Qr) -> None:
    qr.answer = NotFound("no code")

    assert (await hear(world, qr, CREATED)).state is State.PENDING
    assert (await hear(world, qr, DELETED)).state is State.DELETED


async def test_while_qr_is_away_the_event_comes_again(world: World, qr: Qr) -> None:
    qr.answer = Unavailable("away")
    with pytest.raises(Unavailable):
        await hear(world, qr, CREATED)
    qr.answer = MENU

    assert (await hear(world, qr, CREATED)).state is State.READY


async def test_an_asset_of_another_account_is_never_overwritten(world: World, qr: Qr) -> None:
    await world.fill("c1", b"theirs", account_id=AccountId("theirs"))

    with pytest.raises(ForeignAsset):
        await followed(world, qr).follow(CREATED)


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("step", range(22))
async def test_a_crash_at_any_step_leaves_no_image_half_there(world: World, qr: Qr, step: int, after: bool) -> None:
    world.fuse.left, world.fuse.after = step, after
    with suppress(Crash):
        await hear(world, qr, CREATED, DELETED)
    world.fuse.left = None
    assert await world.missing() == []

    asset = await hear(world, qr, CREATED, DELETED)
    await world.sweep()

    assert (asset.state, world.memory.held, await world.ledger.bytes_of(OURS)) == (State.DELETED, {}, 0)


@settings(deadline=None, max_examples=12)
@given(
    told=st.lists(st.sampled_from([CREATED, RENAMED, RESTYLED, DELETED]), min_size=1, max_size=5),
    turns=st.lists(st.integers(0, 5), max_size=40),
)
async def test_in_whatever_order_and_at_once_events_come_the_last_word_holds(told: list[Heard], turns: list[int]) -> None:
    world, qr = await World().open(), Qr()
    world.fuse.turns = chain(turns, repeat(1))

    async with asyncio.TaskGroup() as group:
        for each in told:
            group.create_task(followed(world, qr).follow(each))
    world.fuse.turns = iter(())

    asset = await hear(world, qr)
    assert asset.state is (State.DELETED if DELETED in told else State.READY)
    assert await world.missing() == []
    assert await world.ledger.bytes_of(OURS) == asset.bytes
    await world.documents.close()


def event(**fields: object) -> Event:
    told = code_pb2.CodeEvent(**fields)  # type: ignore[arg-type] # its own
    return Event("c1.1", "/quietzone/qr", TYPE_QR_CODE, "c1", 1, told.SerializeToString())


def code(**fields: object) -> code_pb2.Code:
    known: dict[str, object] = {"id": "c1", "account_id": OURS, "revision": 2, "state": code_pb2.CODE_STATE_ACTIVE}
    return code_pb2.Code(**(known | fields))  # type: ignore[arg-type] # its own


def test_a_new_title_doesnt_look_different() -> None:
    assert not heard_of(event(kind=code_pb2.CHANGE_KIND_CHANGED, after=code(), changed=["title", "destination"])).looks_different


def test_another_payload_looks_different() -> None:
    assert heard_of(event(kind=code_pb2.CHANGE_KIND_CHANGED, after=code(), changed=["payload"])).looks_different


def test_a_tombstone_is_heard_as_a_deletion() -> None:
    assert heard_of(event(kind=code_pb2.CHANGE_KIND_DELETED, after=code(state=code_pb2.CODE_STATE_DELETED))).is_deleted


def test_an_event_that_tells_of_no_code_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        heard_of(event(after=code_pb2.Code()))


async def test_other_events_arent_known(world: World, qr: Qr) -> None:
    reaction = DrawCodes(followed(world, qr))

    assert (reaction.knows(TYPE_QR_CODE), reaction.knows("quietzone.qr.destination")) == (True, False)
