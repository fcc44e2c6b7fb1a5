"""Lists, batches and counters of codes on every adapter of the documents."""

from dataclasses import replace

import pytest
from contract.documents.conftest import documents, executor, url  # noqa: F401 - fixtures
from unit.qr.codes import OURS, Desk
from unit.qr.counters.world import World
from unit.qr.test_listing import BOTH_WAYS, fits, fitting, place

from quietzone_kit.documents import Documents
from quietzone_kit.errors import AlreadyExists
from quietzone_qr.app import ALL_COLLECTIONS
from quietzone_qr.codes.domain import Code
from quietzone_qr.codes.listing import WAYS, Order, Question, Way
from quietzone_qr.codes.requests import NewCode, Target
from quietzone_qr.codes.use_cases import list_codes


@pytest.fixture
async def desk(documents: Documents) -> Desk:  # noqa: F811
    await documents.ensure(*ALL_COLLECTIONS)
    return Desk(documents)


async def furnished(desk: Desk) -> list[Code]:
    made = [
        await desk.create(title=title, slug=f"me-{number}", tags=tags, folder=folder)
        for number, (title, tags, folder) in enumerate(
            [("Menu", ["red"], "Menus"), ("MENU 2", ["red", "blue"], ""), ("é", [], "Menus"), ("me", ["red"], "Menus")]
        )
    ]
    blocked = await desk.block(Target(made[3].code_id))
    return [await desk.update(made[0].code_id, title="menu"), *made[1:3], blocked]


@pytest.mark.parametrize("descending", BOTH_WAYS)
@pytest.mark.parametrize("ranged", [True, False])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.index)
async def test_every_way_finds_what_a_plain_search_finds(desk: Desk, way: Way, ranged: bool, descending: bool) -> None:
    codes = await furnished(desk)
    question = Question(2, chosen=fitting(way, ranged=ranged), order=Order(way.by, descending))

    page = await list_codes(desk.codes, account_id=OURS, question=question)
    found = [*page.codes]
    while page.next_token is not None:
        page = await list_codes(desk.codes, account_id=OURS, question=replace(question, after=page.next_token))
        found += page.codes

    fitting_codes = [code for code in codes if fits(code, question.chosen)]
    assert found == sorted(fitting_codes, key=lambda code: place(code, way), reverse=descending)


async def test_a_batch_that_comes_twice_makes_each_code_once(desk: Desk) -> None:
    items = [NewCode(f"https://example.com/{number}", "", None, request_id=f"once.{number}") for number in range(3)]
    first = await desk.create_many(*items)

    assert await desk.create_many(*items) == first


async def test_a_slug_that_the_same_request_has_taken_is_no_conflict(desk: Desk) -> None:
    first = await desk.create(slug="menu", request_id="once")

    assert await desk.create(slug="menu", request_id="once") == first
    with pytest.raises(AlreadyExists):
        await desk.create(slug="menu", request_id="twice")


async def test_counters_are_what_counting_every_code_gives(documents: Documents) -> None:  # noqa: F811
    await documents.ensure(*ALL_COLLECTIONS)
    world = World(documents)
    await world.create(tags=["red"], folder="Menus")
    await world.count()
    code = await world.create(tags=["red", "blue"])
    await world.desk.update(code.code_id, tags=["blue"])
    await world.publish()

    await world.count(chunk=1)

    assert await world.counted() == await world.model()
