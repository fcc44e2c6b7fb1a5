"""Which codes can be asked for, by which index they are found, and that a plain search finds the same."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.qr.codes import OTHERS, OURS, Desk, opened_desk

from quietzone_kit.documents import Order as Direction
from quietzone_kit.documents import Query
from quietzone_kit.errors import InvalidInput
from quietzone_qr.codes.domain import Code, State
from quietzone_qr.codes.listing import WAYS, Filter, NotServed, Order, Question, Shown, Sort, Span, Way, after_prefix, plan
from quietzone_qr.codes.repository import CODES
from quietzone_qr.codes.requests import Target
from quietzone_qr.codes.texts import parse_folder, parse_tag, title_key
from quietzone_qr.codes.use_cases import list_codes

ASKED: dict[str, Any] = {
    "state": Shown.ACTIVE,
    "folder": parse_folder("Menus"),
    "tag": parse_tag("red"),
    "created": Span(1, 2**60),
    "updated": Span(1, None),
    "slug_prefix": "me",
    "title_prefix": title_key("ME"),
}
BOTH_WAYS = (True, False)


def fitting(way: Way, *, ranged: bool) -> Filter:
    return Filter(**{name: ASKED[name] for name in (*way.equal, *([way.ranged] if ranged else []))})


def test_every_way_is_an_index_of_its_own() -> None:
    declared = {index.name: index for index in CODES.indexes}

    assert [declared[way.index].fields for way in WAYS] == [("account_id", *way.fields) for way in WAYS]


@pytest.mark.parametrize("descending", BOTH_WAYS)
@pytest.mark.parametrize("ranged", [True, False])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.index)
async def test_each_way_reads_its_own_index_without_sorting(desk: Desk, way: Way, ranged: bool, descending: bool) -> None:
    found = plan(fitting(way, ranged=ranged), Order(way.by, descending))
    low, high = found.bounds
    order = Direction.DESCENDING if descending else Direction.ASCENDING

    lines = await desk.documents.explain(CODES, Query(found.way.index, (OURS, *found.equals), low, high, order, 20))  # type: ignore[attr-defined] # SQLite's

    table = "codes.by_owner_tag.entries USING COVERING" if way.index == "by_owner_tag" else "codes USING"
    assert lines[0].startswith(f"SEARCH {table} INDEX codes.{way.index} (account_id=?")
    assert [line for line in lines[1:] if not line.startswith("SEARCH codes USING INDEX sqlite_autoindex_codes_1")] == []


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.index)
def test_a_filter_with_a_span_of_its_order_is_found_without_naming_the_order(way: Way) -> None:
    assert plan(fitting(way, ranged=True), None).way == way


def test_nothing_asked_for_means_the_newest_first() -> None:
    found = plan(Filter(), None)

    assert (found.way.by, found.descending) == (Sort.CREATED, True)


@pytest.mark.parametrize(
    ("chosen", "order"),
    [
        (Filter(state=Shown.ACTIVE, tag=parse_tag("red")), None),
        (Filter(tag=parse_tag("red")), Order(Sort.TITLE, descending=False)),
        (Filter(slug_prefix="me", title_prefix="me"), None),
        (Filter(slug_prefix="me"), Order(Sort.CREATED, descending=True)),
        (Filter(created=Span(1), updated=Span(1)), None),
        (Filter(folder=parse_folder("a"), updated=Span(1)), None),
    ],
    ids=str,
)
def test_what_no_index_serves_is_refused_with_what_is_served(chosen: Filter, order: Order | None) -> None:
    with pytest.raises(
        NotServed, match=r"isn't served; these are, .*tag and \(created\) sorted by created; .*\(title_prefix\) sorted by title$"
    ):
        plan(chosen, order)


async def test_what_is_not_served_is_the_filters_fault(desk: Desk) -> None:
    with pytest.raises(InvalidInput) as refused:
        await desk.listed(state=Shown.ACTIVE, tag=parse_tag("red"))
    assert [violation.field for violation in refused.value.violations] == ["filter"]


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=5), st.text(st.characters(codec="utf-8"), max_size=5))
def test_a_prefix_ends_before_what_does_not_begin_so(prefix: str, other: str) -> None:
    end = after_prefix(prefix)

    assert (prefix <= other and (end is None or other < end)) == other.startswith(prefix)
    assert end is None or prefix <= prefix + other < end


async def test_a_prefix_of_the_last_character_of_all_has_no_end(desk: Desk) -> None:
    await desk.create(title="\U0010fffd")

    assert len(await desk.listed(title_prefix="\U0010fffd")) == 1


async def test_titles_are_found_and_sorted_whatever_their_case(desk: Desk) -> None:
    for title in ("menu b", "Menu A", "MENÜ", "other"):
        await desk.create(title=title)

    assert [code.title for code in await desk.listed(title_prefix=title_key("mEnu"))] == ["Menu A", "menu b"]


async def test_case_counts_in_the_prefix_of_a_slug(desk: Desk) -> None:
    for slug in ("menu", "Menu", "menace"):
        await desk.create(slug=slug)

    assert [code.slug for code in await desk.listed(slug_prefix="men")] == ["menace", "menu"]


async def test_codes_that_changed_last_come_first_when_that_is_asked_for(desk: Desk) -> None:
    first, second = await desk.create(), await desk.create()
    await desk.update(first.code_id, title="x")

    found = await desk.listed(order=Order(Sort.UPDATED, descending=True))

    assert [code.code_id for code in found] == [first.code_id, second.code_id]


async def test_a_code_leaves_a_list_with_its_tag(desk: Desk) -> None:
    code = await desk.create(tags=["red", "blue"])
    await desk.update(code.code_id, tags=["blue"])

    assert await desk.listed(tag=parse_tag("red")) == []
    assert len(await desk.listed(tag=parse_tag("blue"))) == 1


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.index)
async def test_a_deleted_code_is_in_no_list(desk: Desk, way: Way) -> None:
    code = await desk.create(title="Menu", slug="menu", tags=["red"], folder="Menus")
    await desk.delete(code.code_id)

    question = Question(10, chosen=fitting(way, ranged=False), order=Order(way.by, descending=False))

    assert (await list_codes(desk.codes, account_id=OURS, question=question)).codes == ()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.index)
async def test_another_accounts_codes_are_in_no_list(desk: Desk, way: Way) -> None:
    await desk.create(title="Menu", slug="menu", tags=["red"], folder="Menus", account_id=OTHERS)

    question = Question(10, chosen=fitting(way, ranged=True), order=Order(way.by, descending=False))

    assert (await list_codes(desk.codes, account_id=OURS, question=question)).codes == ()


async def test_codes_may_be_passed_over(desk: Desk) -> None:
    for number in range(7):
        await desk.create(slug=f"slug-{number}")
    question = Question(2, order=Order(Sort.SLUG, descending=False), skip=3)

    page = await list_codes(desk.codes, account_id=OURS, question=question)
    following = await list_codes(desk.codes, account_id=OURS, question=replace(question, after=page.next_token, skip=1))

    assert [code.slug for code in page.codes] == ["slug-3", "slug-4"]
    assert [code.slug for code in following.codes] == ["slug-6"]


async def test_past_the_last_code_a_page_is_empty(desk: Desk) -> None:
    await desk.create()

    page = await list_codes(desk.codes, account_id=OURS, question=Question(2, skip=9_000))

    assert (page.codes, page.next_token) == ((), None)


@pytest.mark.parametrize("skip", [-1, 9_001])
async def test_no_more_may_be_passed_over_than_is_read_at_once(desk: Desk, skip: int) -> None:
    with pytest.raises(InvalidInput, match="skip: use 0 to 9000"):
        await list_codes(desk.codes, account_id=OURS, question=Question(2, skip=skip))


@pytest.mark.parametrize(
    "other", [Question(1, chosen=Filter(tag=parse_tag("blue"))), Question(1, order=Order(Sort.CREATED, descending=False))]
)
async def test_a_token_of_another_list_is_refused(desk: Desk, other: Question) -> None:
    for _ in range(2):
        await desk.create(tags=["red", "blue"])
    page = await list_codes(desk.codes, account_id=OURS, question=Question(1, chosen=Filter(tag=parse_tag("red"))))

    with pytest.raises(InvalidInput, match="page_token"):
        await list_codes(desk.codes, account_id=OURS, question=replace(other, after=page.next_token))


WANTED = st.fixed_dictionaries(
    {
        "title": st.sampled_from(["", "Menu", "menu 2", "MENÜ", "zz"]),
        "tags": st.lists(st.sampled_from(["red", "blue"]), max_size=2),
        "folder": st.sampled_from(["", "Menus", "Menus/2026"]),
    }
)


@given(
    wanted=st.lists(st.tuples(WANTED, st.sampled_from(["", "pause", "delete", "block"])), max_size=6),
    way=st.sampled_from(WAYS),
    ranged=st.booleans(),
    descending=st.booleans(),
    limit=st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
async def test_a_list_is_what_a_plain_search_finds(
    wanted: list[tuple[dict[str, Any], str]], way: Way, ranged: bool, descending: bool, limit: int
) -> None:
    async with opened_desk() as desk:
        codes = [await happened(desk, await desk.create(**fields), what) for fields, what in wanted]
        chosen = fitting(way, ranged=ranged)

        found: list[Code] = []
        question = Question(limit, chosen=chosen, order=Order(way.by, descending))
        while True:
            page = await list_codes(desk.codes, account_id=OURS, question=question)
            found += page.codes
            if page.next_token is None:
                break
            question = replace(question, after=page.next_token)

        assert found == sorted((code for code in codes if fits(code, chosen)), key=lambda code: place(code, way), reverse=descending)


async def happened(desk: Desk, code: Code, what: str) -> Code:
    if what == "pause":
        return await desk.update(code.code_id, state=State.PAUSED)
    if what == "block":
        return await desk.block(Target(code.code_id))
    if what == "delete":
        await desk.delete(code.code_id)
        return replace(code, state=State.DELETED)
    return code


def fits(code: Code, chosen: Filter) -> bool:
    return code.shown is not None and all(
        (
            chosen.state in (None, code.shown),
            chosen.folder in (None, code.folder),
            chosen.tag is None or chosen.tag in code.tags,
            chosen.slug_prefix is None or code.slug.startswith(chosen.slug_prefix),
            chosen.title_prefix is None or title_key(code.title).startswith(chosen.title_prefix),
        )
    )


def place(code: Code, way: Way) -> tuple[Any, ...]:
    first: dict[Sort, Any] = {
        Sort.CREATED: code.created_at_ms,
        Sort.UPDATED: code.updated_at_ms,
        Sort.SLUG: code.slug,
        Sort.TITLE: title_key(code.title),
    }
    return first[way.by], code.created_at_ms, code.code_id
