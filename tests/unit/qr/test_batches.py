"""Many codes in one call, and requests that come twice."""

import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from unit.qr.codes import OTHERS, OURS, SCAN, Desk

from quietzone_kit.documents import Collection, Documents, Outcome, Put
from quietzone_kit.errors import (
    FailedPrecondition,
    InvalidInput,
    NotFound,
    QuietzoneError,
    RevisionMismatch,
    Unavailable,
)
from quietzone_kit.outbox import MAX_WAITING
from quietzone_qr.codes import batches
from quietzone_qr.codes.batches import CodeDeletion, CodeEdit
from quietzone_qr.codes.domain import NOBODY, Act, Code
from quietzone_qr.codes.repository import CODES, Codes
from quietzone_qr.codes.requests import Edit, NewCode, Target
from quietzone_qr.codes.use_cases import Issued
from quietzone_qr.rendering import Image, ImageFormat, Unreadable

MENU = "https://example.com/menu"


def new(**fields: Any) -> NewCode:
    return NewCode(**({"destination": MENU, "title": "", "slug": None} | fields))


def kinds(ended: Sequence[Code | QuietzoneError]) -> list[str]:
    return [type(one).__name__ for one in ended]


async def updated(desk: Desk, *edits: CodeEdit, act: Act = NOBODY) -> list[batches.Ended]:
    return await batches.update_codes(desk.codes, desk.clock, scan=SCAN, account_id=OURS, edits=edits, act=act)


async def deleted(desk: Desk, *deletions: CodeDeletion) -> list[batches.Ended]:
    return await batches.delete_codes(desk.codes, desk.clock, account_id=OURS, deletions=deletions, act=NOBODY)


class TestRequests:
    async def test_a_request_that_comes_twice_makes_one_code(self, desk: Desk) -> None:
        first = await desk.create(request_id="once")

        assert await desk.create(request_id="once") == first
        assert len(await desk.listed()) == 1

    async def test_it_answers_with_the_code_as_it_is_now(self, desk: Desk) -> None:
        first = await desk.create(request_id="once")
        changed = await desk.update(first.code_id, title="changed")

        assert await desk.create(request_id="once") == changed

    async def test_a_slug_that_the_same_request_has_taken_is_no_conflict(self, desk: Desk) -> None:
        first = await desk.create(slug="menu", request_id="once")

        assert await desk.create(slug="menu", request_id="once") == first

    async def test_another_accounts_request_of_the_same_name_makes_another_code(self, desk: Desk) -> None:
        first = await desk.create(request_id="once")

        second = await desk.create(request_id="once", account_id=OTHERS)

        assert second.account_id == OTHERS
        assert second.code_id != first.code_id

    async def test_a_code_that_was_deleted_since_is_not_made_again(self, desk: Desk) -> None:
        first = await desk.create(request_id="once")
        await desk.delete(first.code_id)

        with pytest.raises(FailedPrecondition, match="was deleted since"):
            await desk.create(request_id="once")

    async def test_its_id_follows_from_the_request(self, desk: Desk) -> None:
        code = await desk.create(request_id="once")

        assert uuid.UUID(code.code_id).version == 5

    @pytest.mark.parametrize("request_id", ["", "x" * 65, "a b", "ü"])
    async def test_what_can_not_name_a_request_is_refused(self, desk: Desk, request_id: str) -> None:
        with pytest.raises(InvalidInput, match="request_id: use 1 to 64"):
            await desk.create(request_id=request_id)

    @pytest.mark.parametrize("slug", [None, "menu"])
    async def test_of_two_that_come_at_once_one_makes_the_code_and_both_get_it(self, desk: Desk, slug: str | None) -> None:
        beside = Desk(desk.documents)
        first: list[Code] = []

        class Late(Codes):
            async def get(self, *asked: Any) -> Any:
                held = await super().get(*asked)
                if not first:
                    first.append(await beside.create(slug=slug, request_id="once"))
                return held

        desk.codes = Late(desk.documents, lambda: None)

        assert await desk.create(slug=slug, request_id="once") == first[0]


class TestCreate:
    async def test_each_item_has_an_outcome_of_its_own(self, desk: Desk) -> None:
        await desk.create(slug="taken")

        ended = await desk.create_many(new(), new(slug="taken"), new(destination="ftp://x", tags=[""]), new(slug="free"))

        assert kinds(ended) == ["Code", "AlreadyExists", "InvalidInput", "Code"]
        assert isinstance(ended[2], InvalidInput)
        assert [violation.field for violation in ended[2].violations] == ["destination", "tags"]

    async def test_what_was_created_is_there_with_its_event(self, desk: Desk) -> None:
        (code,) = await desk.create_many(new(tags=["b", "A"], folder="/Menus/"), act=Act("key:1"))

        assert isinstance(code, Code)
        assert await desk.get(code.code_id) == code
        assert (code.tags, code.folder) == (("a", "b"), "Menus")
        assert [event.subject for event in await desk.events(code.code_id)] == ["key:1"]

    async def test_a_slug_that_two_items_want_is_the_first_ones(self, desk: Desk) -> None:
        assert kinds(await desk.create_many(new(slug="menu"), new(slug="menu"))) == ["Code", "AlreadyExists"]

    async def test_a_symbol_that_can_not_be_read_back_is_not_issued(self, desk: Desk) -> None:
        class Blind:
            async def render(self, payload: str, image_format: ImageFormat, size_px: int = 0) -> Image:  # noqa: ARG002 - the renderer's
                if payload.endswith("/unreadable"):
                    raise Unreadable("zxing-cpp read nothing")
                return Image(b"", "", "")

        desk.renderer = Blind()  # type: ignore[assignment] # all that is asked of it

        ended = await desk.create_many(new(slug="unreadable"), new(slug="readable"))

        assert kinds(ended) == ["FailedPrecondition", "Code"]
        assert [code.slug for code in await desk.listed()] == ["readable"]

    async def test_a_batch_that_comes_twice_makes_each_code_once(self, desk: Desk) -> None:
        items = [new(request_id=f"once.{number}", slug=f"slug-{number}") for number in range(3)]
        first = await desk.create_many(*items)

        assert await desk.create_many(*items) == first
        assert len(await desk.listed()) == 3

    async def test_of_a_batch_that_was_written_in_part_the_rest_is_made(self, desk: Desk) -> None:
        items = [new(request_id=f"once.{number}") for number in range(3)]
        first = await desk.create_many(items[1])

        ended = await desk.create_many(*items)

        assert kinds(ended) == ["Code", "Code", "Code"]
        assert ended[1] == first[0]

    async def test_it_is_told_which_codes_were_there_before(self, desk: Desk) -> None:
        items = [new(request_id=f"once.{number}") for number in range(3)]
        await desk.create_many(items[1])

        issued = [one for one in await desk.issue_many(*items) if isinstance(one, Issued)]

        assert [one.before for one in issued] == [False, True, False]

    async def test_a_code_that_was_deleted_since_is_not_made_again(self, desk: Desk) -> None:
        code = await desk.create(request_id="once")
        await desk.delete(code.code_id)

        assert kinds(await desk.create_many(new(request_id="once"))) == ["FailedPrecondition"]

    async def test_two_items_have_no_request_in_common(self, desk: Desk) -> None:
        ended = await desk.create_many(new(request_id="once"), new(request_id="once"))

        assert kinds(ended) == ["Code", "InvalidInput"]

    async def test_the_same_request_that_comes_beside_it_is_found(self, desk: Desk) -> None:
        class Beside:
            """A store in which another process is quicker with the first item."""

            def __init__(self, documents: Documents) -> None:
                self._documents, self._done = documents, False

            def __getattr__(self, name: str) -> Any:
                return getattr(self._documents, name)

            async def bulk(self, collection: Collection, puts: Sequence[Put]) -> list[Outcome]:
                if not self._done:
                    self._done = True
                    await Desk(self._documents).create(slug="menu", request_id="once")
                return await self._documents.bulk(collection, puts)

        desk.codes = Codes(Beside(desk.documents), lambda: None)  # type: ignore[arg-type] # it is one

        (ended,) = await desk.create_many(new(slug="menu", request_id="once"))

        assert ended == (await desk.listed())[0]

    @pytest.mark.parametrize("count", [0, 101])
    async def test_a_batch_has_1_to_100_items(self, desk: Desk, count: int) -> None:
        with pytest.raises(InvalidInput, match=f"items: use 1 to 100, these are {count}"):
            await desk.create_many(*[new()] * count)


class TestGet:
    async def test_codes_come_in_the_order_of_their_ids_and_what_is_absent_is_marked(self, desk: Desk) -> None:
        first, second, gone = await desk.create(), await desk.create(), await desk.create()
        theirs = await desk.create(account_id=OTHERS)
        await desk.delete(gone.code_id)
        asked = [second.code_id, theirs.code_id, gone.code_id, "a\x00b", first.code_id, second.code_id]

        assert await batches.get_codes(desk.codes, account_id=OURS, code_ids=asked) == [second, None, None, None, first, second]

    @pytest.mark.parametrize("count", [0, 101])
    async def test_1_to_100_ids_may_be_asked_for(self, desk: Desk, count: int) -> None:
        with pytest.raises(InvalidInput, match="code_ids: use 1 to 100"):
            await batches.get_codes(desk.codes, account_id=OURS, code_ids=["x"] * count)


class TestUpdate:
    async def test_each_item_has_an_outcome_of_its_own(self, desk: Desk) -> None:
        codes = [await desk.create() for _ in range(3)]
        theirs = await desk.create(account_id=OTHERS)

        ended = await updated(
            desk,
            CodeEdit(codes[0].code_id, Edit(title="new")),
            CodeEdit(codes[1].code_id, Edit(title="new"), expected_revision=7),
            CodeEdit(codes[2].code_id, Edit(destination="nowhere")),
            CodeEdit(theirs.code_id, Edit(title="new")),
        )

        assert [type(one) for one in ended] == [Code, RevisionMismatch, InvalidInput, NotFound]
        assert [code.title for code in await desk.listed()] == ["", "", "new"]

    async def test_a_change_tells_who_made_it(self, desk: Desk) -> None:
        code = await desk.create()

        await updated(desk, CodeEdit(code.code_id, Edit(title="new")), act=Act("user:1"))

        assert [event.subject for event in await desk.events(code.code_id)] == ["", "user:1"]

    async def test_what_is_so_already_is_written_by_nobody(self, desk: Desk) -> None:
        code = await desk.create(title="Menu")

        assert await updated(desk, CodeEdit(code.code_id, Edit(title="Menu"))) == [code]
        assert len(await desk.events(code.code_id)) == 1

    async def test_a_code_in_whose_place_another_was_written_meanwhile_is_read_again(self, desk: Desk) -> None:
        code = await desk.create()
        beside = Desk(desk.documents)

        class Late(Codes):
            late = True

            async def replace_many(self, rewrites: Any) -> Any:
                if self.late:
                    self.late = False
                    await beside.update(code.code_id, folder="a")
                return await super().replace_many(rewrites)

        desk.codes = Late(desk.documents, lambda: None)

        (ended,) = await updated(desk, CodeEdit(code.code_id, Edit(title="new")))

        assert isinstance(ended, Code)
        assert (ended.title, ended.folder, ended.revision) == ("new", "a", 3)

    async def test_a_code_with_too_many_events_waiting_is_not_changed_and_others_are(self, desk: Desk) -> None:
        full, other = await desk.create(), await desk.create()
        for number in range(MAX_WAITING - 1):
            await desk.update(full.code_id, title=str(number))

        ended = await updated(desk, CodeEdit(full.code_id, Edit(title="x")), CodeEdit(other.code_id, Edit(title="x")))

        assert [type(one) for one in ended] == [Unavailable, Code]

    async def test_a_code_is_in_a_batch_once(self, desk: Desk) -> None:
        code = await desk.create()

        with pytest.raises(InvalidInput, match="items: a code is there twice"):
            await updated(desk, CodeEdit(code.code_id, Edit(title="a")), CodeEdit(code.code_id, Edit(title="b")))


class TestDelete:
    async def test_each_item_has_an_outcome_of_its_own(self, desk: Desk) -> None:
        first, second = await desk.create(), await desk.create()
        await desk.delete(second.code_id)

        ended = await deleted(desk, CodeDeletion(first.code_id, 1), CodeDeletion(second.code_id))

        assert [type(one) for one in ended] == [Code, NotFound]
        assert await desk.listed() == []

    async def test_a_revision_that_is_expected_holds(self, desk: Desk) -> None:
        code = await desk.create()

        assert kinds(await deleted(desk, CodeDeletion(code.code_id, 2))) == ["RevisionMismatch"]
        assert await desk.get(code.code_id) == code


class TestBlock:
    async def test_the_operator_blocks_a_code_of_any_account_by_its_id_or_its_slug(self, desk: Desk) -> None:
        code = await desk.create(slug="phish", account_id=OTHERS)

        assert (await desk.block(Target(slug="phish"))).is_blocked
        assert (await desk.block(Target(code.code_id))).revision == 2

    async def test_blocking_and_its_end_are_told_with_who_and_why(self, desk: Desk) -> None:
        code = await desk.create()
        await desk.block(Target(code.code_id), "phishing")

        await desk.block(Target(code.code_id), "appeal", blocked=False)

        told = [(event.after.blocked, event.after.state, event.subject, event.reason) for event in await desk.events(code.code_id)]
        assert told == [(False, 1, "", ""), (True, 2, "user:op", "phishing"), (False, 1, "user:op", "appeal")]

    @pytest.mark.parametrize("state", ["ACTIVE", "PAUSED"])
    async def test_a_code_gets_back_the_state_that_it_had(self, desk: Desk, state: str) -> None:
        code = await desk.create()
        before = await desk.update(code.code_id, state=type(code.state)[state])
        await desk.block(Target(code.code_id))

        assert (await desk.block(Target(code.code_id), blocked=False)).state is before.state

    @pytest.mark.parametrize("state", ["ACTIVE", "PAUSED"])
    async def test_its_owner_can_not_undo_it(self, desk: Desk, state: str) -> None:
        code = await desk.create()
        await desk.block(Target(code.code_id))

        with pytest.raises(FailedPrecondition, match="only the operator"):
            await desk.update(code.code_id, state=type(code.state)[state])

    async def test_its_owner_can_change_what_does_not_unblock_it(self, desk: Desk) -> None:
        code = await desk.create()
        await desk.block(Target(code.code_id))

        assert (await desk.update(code.code_id, destination=MENU, title="x")).is_blocked

    async def test_its_owner_can_delete_it(self, desk: Desk) -> None:
        code = await desk.create()
        await desk.block(Target(code.code_id))

        await desk.delete(code.code_id)

        with pytest.raises(NotFound):
            await desk.block(Target(code.code_id), blocked=False)

    async def test_a_blocked_code_that_an_older_release_activates_stays_blocked(self, desk: Desk) -> None:
        code = await desk.create()
        await desk.block(Target(code.code_id))
        stored = await desk.documents.get(CODES, code.code_id)
        assert stored is not None
        assert stored.body["state"] == "paused"
        await desk.documents.replace(CODES, {**stored.body, "state": "active", "revision": 3}, if_version=stored.version)

        after = await desk.update(code.code_id, title="x")

        assert after.is_blocked
        assert (await desk.events(code.code_id))[-1].after.blocked

    @pytest.mark.parametrize("reason", ["", "x" * 501])
    async def test_the_operator_says_why(self, desk: Desk, reason: str) -> None:
        code = await desk.create()

        with pytest.raises(InvalidInput, match="reason: say why"):
            await desk.block(Target(code.code_id), reason)

    @pytest.mark.parametrize("target", [Target("nobodys"), Target(slug="nobodys"), Target(slug="a/b"), Target()])
    async def test_what_is_not_there_can_not_be_blocked(self, desk: Desk, target: Target) -> None:
        with pytest.raises(NotFound):
            await desk.block(target)
