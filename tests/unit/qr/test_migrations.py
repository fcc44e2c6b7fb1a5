"""Codes of the release before tags, folders and lists by title."""

from collections.abc import Callable

from unit.qr.codes import OURS, Desk

from quietzone_kit.documents import Body
from quietzone_kit.documents.migrations import Migrations
from quietzone_kit.runtime import SystemClock
from quietzone_qr.app import ALL_COLLECTIONS
from quietzone_qr.codes.domain import CodeId, State
from quietzone_qr.codes.listing import Shown
from quietzone_qr.codes.repository import CODES
from quietzone_qr.codes.texts import parse_folder, title_key
from quietzone_qr.migrations import MIGRATIONS

NEWER = ("tags", "folder", "live_state", "title_key")


def steps(desk: Desk) -> Migrations:
    return Migrations(desk.documents, ALL_COLLECTIONS, MIGRATIONS, release="2", clock=SystemClock())


async def as_before(desk: Desk, code_id: CodeId) -> None:
    """Take away what the release before doesn't write."""
    await write(desk, code_id, lambda body: {name: value for name, value in body.items() if name not in NEWER})


async def write(desk: Desk, code_id: CodeId, change: Callable[[Body], Body]) -> None:
    stored = await desk.documents.get(CODES, code_id)
    assert stored is not None
    await desk.documents.replace(CODES, change(stored.body), if_version=stored.version)


async def test_a_code_of_before_can_be_read_before_it_is_migrated(desk: Desk) -> None:
    code = await desk.create(title="Menu")
    await as_before(desk, code.code_id)

    assert await desk.get(code.code_id) == code


async def test_a_code_of_before_can_be_changed_before_it_is_migrated(desk: Desk) -> None:
    code = await desk.create(title="Menu")
    await as_before(desk, code.code_id)

    await desk.update(code.code_id, tags=["red"])

    assert len(await desk.listed(title_prefix="menu")) == 1


async def test_a_code_of_before_is_in_the_lists_that_its_own_fields_make(desk: Desk) -> None:
    code = await desk.create(slug="menu")
    await as_before(desk, code.code_id)

    assert len(await desk.listed(slug_prefix="men")) == 1


async def test_codes_of_before_are_in_every_list_when_they_are_migrated(desk: Desk) -> None:
    code = await desk.create(title="Menu")
    await as_before(desk, code.code_id)

    await steps(desk).migrate(lambda _line: None)

    assert await desk.listed(title_prefix=title_key("MENU")) == [code]
    assert await desk.listed(state=Shown.ACTIVE) == [code]
    assert await desk.listed(folder=parse_folder("")) == [code]


async def test_tombstones_of_before_stay_in_none(desk: Desk) -> None:
    code = await desk.create()
    await desk.delete(code.code_id)

    await steps(desk).migrate(lambda _line: None)

    assert await desk.listed(state=Shown.ACTIVE) == []


async def test_what_the_release_before_wrote_meanwhile_is_listed_right_when_it_is_gone(desk: Desk) -> None:
    code = await desk.create(title="Menu", tags=["red"])
    await steps(desk).migrate(lambda _line: None)
    await write(desk, code.code_id, lambda body: {**body, "title": "Card", "state": "paused", "revision": 2})
    before = await desk.listed(title_prefix=title_key("card"))

    await steps(desk).contract(lambda _line: None)

    assert before == []
    assert [found.title for found in await desk.listed(title_prefix=title_key("card"))] == ["Card"]
    assert [found.state for found in await desk.listed(state=Shown.PAUSED)] == [State.PAUSED]


async def test_a_code_that_the_release_before_deletes_is_in_no_list_at_once(desk: Desk) -> None:
    code = await desk.create(title="Menu", tags=["red"], folder="Menus")
    gone = ("live_since_ms",)
    await write(desk, code.code_id, lambda body: {name: value for name, value in body.items() if name not in gone} | {"state": "deleted"})

    assert [await desk.listed(title_prefix="menu"), await desk.listed(folder=parse_folder("Menus"))] == [[], []]
    held = await desk.codes.get(OURS, code.code_id)
    assert held is not None
    assert held.code.tags == ("red",)
