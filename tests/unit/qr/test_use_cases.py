import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ports import Inline
from prometheus_client import REGISTRY
from unit.qr.codes import BORN_MS, CHANGES, OTHERS, OURS, Desk, opened_desk

from quietzone.qr.v1.code_pb2 import CODE_STATE_DELETED
from quietzone_kit.documents import Body, Collection, Documents, Stored, VersionConflict
from quietzone_kit.errors import AlreadyExists, FailedPrecondition, InvalidInput, NotFound, RevisionMismatch, Unavailable
from quietzone_kit.ids import birth_ms
from quietzone_qr.codes import use_cases
from quietzone_qr.codes.domain import Change, State
from quietzone_qr.codes.events import to_message
from quietzone_qr.codes.listing import Question
from quietzone_qr.codes.repository import CODES
from quietzone_qr.rendering import Gate, Renderer

NOBODYS = "019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7aff"


class Dice:
    """Randomness whose slugs are known; everything else is zeros."""

    def __init__(self, *slugs: str) -> None:
        self._symbols = list("".join(slugs))

    def token(self, size: int) -> bytes:
        return bytes(size)

    def choice(self, symbols: str) -> str:
        symbol = self._symbols.pop(0)
        assert symbol in symbols
        return symbol

    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


class TestCreate:
    async def test_a_code_gets_a_drawn_slug_and_the_payload_that_is_printed(self, desk: Desk) -> None:
        code = await desk.create("https://example.com/menu")

        assert len(code.slug) == 7
        assert code.payload == f"https://q.example/{code.slug}"
        assert await desk.get(code.code_id) == code

    async def test_its_id_carries_the_time_of_its_birth(self, desk: Desk) -> None:
        code = await desk.create()

        assert BORN_MS < birth_ms(code.code_id) <= code.created_at_ms

    async def test_the_code_and_its_event_are_one_write_and_wake_the_relay(self, desk: Desk) -> None:
        code = await desk.create()

        (event,) = await desk.events(code.code_id)
        assert event.after == to_message(code)
        assert desk.woken == 1

    async def test_every_field_that_is_wrong_is_named_at_once(self, desk: Desk) -> None:
        with pytest.raises(InvalidInput) as refused:
            await desk.create("ftp://example.com/", title="x" * 201, slug="a b")

        assert [violation.field for violation in refused.value.violations] == ["destination", "title", "slug"]

    async def test_a_symbol_that_cannot_be_read_back_is_never_stored(self, desk: Desk) -> None:
        desk.renderer = Renderer(Inline(), Gate([("blind", lambda _pixels, _size_px: None)]))

        with pytest.raises(FailedPrecondition, match="blind reads nothing"):
            await desk.create(slug="menu")

        assert (await desk.documents.scan(CODES, limit=10)).items == []

    async def test_a_chosen_slug_that_is_taken_is_refused(self, desk: Desk) -> None:
        await desk.create(slug="menu")

        with pytest.raises(AlreadyExists, match="'menu' is or was taken; choose another"):
            await desk.create(slug="menu")

    async def test_a_slug_of_another_account_is_taken_too(self, desk: Desk) -> None:
        await desk.create(slug="menu", account_id=OTHERS)

        with pytest.raises(AlreadyExists):
            await desk.create(slug="menu")

    async def test_slugs_that_differ_in_case_are_different(self, desk: Desk) -> None:
        await desk.create(slug="menu")

        assert (await desk.create(slug="Menu")).slug == "Menu"

    async def test_a_deleted_codes_slug_is_never_issued_again(self, desk: Desk) -> None:
        code = await desk.create(slug="menu")
        await desk.delete(code.code_id)

        with pytest.raises(AlreadyExists):
            await desk.create(slug="menu")

    async def test_of_many_who_choose_one_slug_at_once_exactly_one_gets_it(self, desk: Desk) -> None:
        results = await asyncio.gather(*(desk.create(slug="menu") for _ in range(20)), return_exceptions=True)

        assert sum(not isinstance(result, AlreadyExists) for result in results) == 1
        assert len((await desk.documents.scan(CODES, limit=100)).items) == 1

    async def test_a_drawn_slug_that_is_taken_is_drawn_again(self, desk: Desk) -> None:
        await desk.create(slug="aaaaaaa")
        desk.randomness = Dice("aaaaaaa", "aaaaaaa", "bbbbbbb")  # type: ignore[assignment]

        assert (await desk.create()).slug == "bbbbbbb"

    async def test_drawing_ends_after_five_slugs_that_are_all_taken(self, desk: Desk) -> None:
        await desk.create(slug="aaaaaaa")
        desk.randomness = Dice(*["aaaaaaa"] * 5)  # type: ignore[assignment]

        with pytest.raises(Unavailable, match="5 drawn slugs were all taken; try again"):
            await desk.create()


class TestGet:
    @pytest.mark.parametrize("code_id", [NOBODYS, "", "x" * 500, "a\x00b", "ü"])
    async def test_an_id_that_nobody_has_is_not_found(self, desk: Desk, code_id: str) -> None:
        with pytest.raises(NotFound):
            await desk.get(code_id)

    async def test_another_accounts_code_is_not_found(self, desk: Desk) -> None:
        code = await desk.create(account_id=OTHERS)

        with pytest.raises(NotFound, match=f"no code with the id '{code.code_id}'"):
            await desk.get(code.code_id)

    async def test_a_deleted_code_is_not_found(self, desk: Desk) -> None:
        code = await desk.create()
        await desk.delete(code.code_id)

        with pytest.raises(NotFound):
            await desk.get(code.code_id)


class TestList:
    async def slugs(self, desk: Desk, *, page_size: int = 0, after: str = "") -> tuple[list[str], str | None]:
        page = await use_cases.list_codes(desk.codes, account_id=OURS, question=Question(page_size, after or None))
        return [code.slug for code in page.codes], page.next_token

    async def test_codes_come_newest_first(self, desk: Desk) -> None:
        for slug in ("one", "two", "three"):
            await desk.create(slug=slug)

        assert await self.slugs(desk) == (["three", "two", "one"], None)

    async def test_deleted_codes_and_those_of_others_are_left_out(self, desk: Desk) -> None:
        gone = await desk.create(slug="gone")
        await desk.create(slug="theirs", account_id=OTHERS)
        await desk.create(slug="mine")
        await desk.delete(gone.code_id)

        assert (await self.slugs(desk))[0] == ["mine"]

    async def test_a_changed_code_keeps_its_place(self, desk: Desk) -> None:
        first = await desk.create(slug="first")
        await desk.create(slug="second")
        await desk.update(first.code_id, title="changed")

        assert (await self.slugs(desk))[0] == ["second", "first"]

    async def test_pages_together_hold_each_code_once(self, desk: Desk) -> None:
        for number in range(7):
            await desk.create(slug=f"slug-{number}")

        seen: list[str] = []
        slugs, token = await self.slugs(desk, page_size=3)
        while token:
            seen += slugs
            slugs, token = await self.slugs(desk, page_size=3, after=token)

        assert [*seen, *slugs] == [f"slug-{number}" for number in reversed(range(7))]

    @pytest.mark.parametrize("page_size", [-1, 1001])
    async def test_a_page_size_out_of_bounds_is_refused(self, desk: Desk, page_size: int) -> None:
        with pytest.raises(InvalidInput, match="page_size: use 1 to 1000, or 0 for 50"):
            await self.slugs(desk, page_size=page_size)

    async def test_a_token_that_no_page_gave_is_refused(self, desk: Desk) -> None:
        with pytest.raises(InvalidInput, match="page_token: not a token that a page of this list gave"):
            await self.slugs(desk, after="made-up")

    async def test_another_accounts_token_is_refused(self, desk: Desk) -> None:
        for number in range(3):
            await desk.create(slug=f"slug-{number}")
        _, token = await self.slugs(desk, page_size=1)

        with pytest.raises(InvalidInput, match="page_token"):
            await use_cases.list_codes(desk.codes, account_id=OTHERS, question=Question(10, token))


class TestUpdate:
    async def test_what_is_named_changes_and_the_rest_stays(self, desk: Desk) -> None:
        before = await desk.create(title="Menu")

        after = await desk.update(before.code_id, destination="https://example.com/new")

        assert (after.destination, after.title, after.revision) == ("https://example.com/new", "Menu", 2)
        assert await desk.get(before.code_id) == after

    async def test_the_destination_is_normalised_before_it_is_compared(self, desk: Desk) -> None:
        before = await desk.create("https://example.com/menu")

        assert (await desk.update(before.code_id, destination="HTTPS://EXAMPLE.com:443/menu")).revision == 1

    async def test_a_change_to_what_is_so_already_writes_nothing(self, desk: Desk) -> None:
        before = await desk.create(title="Menu")

        after = await desk.update(before.code_id, title="Menu", state=State.ACTIVE)

        assert after == before
        assert len(await desk.events(before.code_id)) == 1

    async def test_a_paused_code_can_be_activated_again(self, desk: Desk) -> None:
        code = await desk.create()
        await desk.update(code.code_id, state=State.PAUSED)

        assert (await desk.update(code.code_id, state=State.ACTIVE)).state is State.ACTIVE

    async def test_every_field_that_is_wrong_is_named_at_once(self, desk: Desk) -> None:
        code = await desk.create()

        with pytest.raises(InvalidInput) as refused:
            await desk.update(code.code_id, destination="https://q.example/loop", title="\n", state=State.DELETED)

        assert [violation.field for violation in refused.value.violations] == ["destination", "title", "state"]

    async def test_an_update_that_changes_nothing_by_its_words_is_refused(self, desk: Desk) -> None:
        code = await desk.create()

        with pytest.raises(InvalidInput, match="set destination, title, state, tags or folder"):
            await desk.update(code.code_id)

    async def test_another_accounts_code_is_not_found(self, desk: Desk) -> None:
        code = await desk.create(account_id=OTHERS)

        with pytest.raises(NotFound):
            await desk.update(code.code_id, title="mine")

    async def test_a_code_that_has_moved_on_is_not_changed(self, desk: Desk) -> None:
        code = await desk.create()
        await desk.update(code.code_id, title="first")

        with pytest.raises(RevisionMismatch, match="the code has revision 2, not 1; read it again"):
            await desk.update(code.code_id, title="second", expected_revision=1)

    async def test_of_many_who_expect_the_same_revision_exactly_one_wins(self, desk: Desk) -> None:
        code = await desk.create()

        results = await asyncio.gather(
            *(desk.update(code.code_id, title=str(number), expected_revision=1) for number in range(10)), return_exceptions=True
        )

        assert sum(not isinstance(result, RevisionMismatch) for result in results) == 1
        assert (await desk.get(code.code_id)).revision == 2

    async def test_changes_of_different_fields_at_once_are_all_kept(self, desk: Desk) -> None:
        code = await desk.create()

        await asyncio.gather(
            desk.update(code.code_id, title="new"),
            desk.update(code.code_id, destination="https://example.com/new"),
            desk.update(code.code_id, state=State.PAUSED),
        )

        after = await desk.get(code.code_id)
        assert (after.title, after.destination, after.state, after.revision) == ("new", "https://example.com/new", State.PAUSED, 4)

    async def test_a_change_is_refused_while_a_hundred_events_wait(self, desk: Desk) -> None:
        code = await desk.create()
        for number in range(99):
            await desk.update(code.code_id, title=str(number))

        with pytest.raises(Unavailable):
            await desk.update(code.code_id, title="one too many")

        assert (await desk.get(code.code_id)).revision == 100


async def test_codes_that_come_change_and_go_are_counted(desk: Desk) -> None:
    def counted() -> list[float]:
        return [REGISTRY.get_sample_value("quietzone_qr_codes_total", {"kind": kind}) or 0.0 for kind in ("created", "changed", "deleted")]

    before = counted()
    code = await desk.create()
    await desk.update(code.code_id, title="New")
    await desk.update(code.code_id, title="New")
    await desk.delete(code.code_id)

    assert counted() == [one + 1 for one in before]


class TestDelete:
    async def test_a_tombstone_tells_its_last_state(self, desk: Desk) -> None:
        code = await desk.create()

        await desk.delete(code.code_id)

        event = (await desk.events(code.code_id))[-1]
        assert (event.before, event.after.state, event.after.revision) == (to_message(code), CODE_STATE_DELETED, 2)

    async def test_a_code_is_deleted_once(self, desk: Desk) -> None:
        code = await desk.create()
        await desk.delete(code.code_id)

        with pytest.raises(NotFound):
            await desk.delete(code.code_id)

    async def test_a_code_that_has_moved_on_is_not_deleted(self, desk: Desk) -> None:
        code = await desk.create()
        await desk.update(code.code_id, title="changed")

        with pytest.raises(RevisionMismatch):
            await desk.delete(code.code_id, expected_revision=1)

    async def test_a_deleted_code_cannot_be_changed(self, desk: Desk) -> None:
        code = await desk.create()
        await desk.delete(code.code_id)

        with pytest.raises(NotFound):
            await desk.update(code.code_id, state=State.ACTIVE)


class TestResolve:
    async def test_any_accounts_slug_is_found(self, desk: Desk) -> None:
        code = await desk.create(slug="menu", account_id=OTHERS)

        assert await use_cases.resolve_slug(desk.codes, "menu") == code

    async def test_a_tombstone_is_found(self, desk: Desk) -> None:
        code = await desk.create(slug="menu")
        await desk.delete(code.code_id)

        assert (await use_cases.resolve_slug(desk.codes, "menu")).state is State.DELETED

    @pytest.mark.parametrize("slug", ["never-issued", "", "a/b", "Menu", "x" * 100, "robots.txt"])
    async def test_what_was_never_issued_is_not_found(self, desk: Desk, slug: str) -> None:
        await desk.create(slug="menu")

        with pytest.raises(NotFound):
            await use_cases.resolve_slug(desk.codes, slug)


@settings(max_examples=30)
@given(st.lists(CHANGES.filter(lambda change: change != Change()), max_size=8), st.booleans())
async def test_events_form_a_chain_of_revisions_from_creation_to_the_last_state(history: list[Change], deleted: bool) -> None:
    async with opened_desk() as desk:
        code = await desk.create()
        for change in history:
            code = await desk.update(code.code_id, **{name: getattr(change, name) for name in Change.__dataclass_fields__})
        if deleted:
            await desk.delete(code.code_id)

        events = await desk.events(code.code_id)

        assert [event.after.revision for event in events] == list(range(1, code.revision + deleted + 1))
        assert all(event.before == previous.after for previous, event in pairwise(events))
        assert events[-1 - deleted].after == to_message(code)


class Contested:
    """A store in which somebody else is always faster."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def get(self, collection: Collection, key: str) -> Stored | None:
        return await self._documents.get(collection, key)

    async def replace(self, collection: Collection, body: Body, *, if_version: int) -> Stored:
        found = await self._documents.get(collection, str(body["code_id"]))
        assert found is not None
        revision = found.body["revision"]
        assert isinstance(revision, int)
        await self._documents.replace(collection, {**found.body, "revision": revision + 1}, if_version=found.version)
        raise VersionConflict(f"not version {if_version}")


async def test_a_change_gives_up_when_others_are_always_faster(desk: Desk) -> None:
    code = await desk.create()
    contested = Desk(Contested(desk.documents))  # type: ignore[arg-type]

    with pytest.raises(Unavailable, match="too many others change this code; try again"):
        await contested.update(code.code_id, title="new")
