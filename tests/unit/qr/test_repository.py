import asyncio

import msgspec
import pytest
from unit.qr.codes import OURS, Desk

from quietzone_kit.documents import Body, Collection, Documents, DocumentsUnavailable, Order, Query, Stored
from quietzone_kit.errors import Unavailable
from quietzone_kit.outbox import OUTBOX_FIELDS
from quietzone_qr.codes import repository
from quietzone_qr.codes.domain import NOBODY, CodeId
from quietzone_qr.codes.repository import CODES, Codes


async def test_what_was_stored_is_what_is_read(desk: Desk) -> None:
    code = await desk.create(title="Menü")
    await desk.update(code.code_id, destination="https://example.com/new")

    held = await desk.codes.get(OURS, code.code_id)

    assert held is not None
    assert [version.destination for version in held.code.destinations] == ["https://example.com/", "https://example.com/new"]


async def test_fields_of_other_releases_survive_a_write(desk: Desk) -> None:
    code = await desk.create()
    stored = await desk.documents.get(CODES, code.code_id)
    assert stored is not None
    await desk.documents.replace(CODES, {**stored.body, "of_the_next_release": {"a": [1]}}, if_version=stored.version)

    await desk.update(code.code_id, title="changed")
    await desk.delete(code.code_id)

    after = await desk.documents.get(CODES, code.code_id)
    assert after is not None
    assert after.body["of_the_next_release"] == {"a": [1]}


async def test_a_relay_that_takes_events_between_reading_and_writing_is_no_conflict(desk: Desk) -> None:
    code = await desk.create()
    held = await desk.codes.get(OURS, code.code_id)
    assert held is not None
    emptied = {name: value for name, value in held.stored.body.items() if name not in OUTBOX_FIELDS}
    await desk.documents.replace(CODES, emptied, if_version=held.stored.version)

    await desk.codes.replace(held, held.code.deleted(held.code.updated_at_ms), NOBODY)

    assert [event.after.revision for event in await desk.events(code.code_id)] == [2]


@pytest.mark.parametrize(
    "query", [Query("by_owner_live", (OURS,), order=Order.DESCENDING), Query("by_slug", ("menu",))], ids=lambda query: query.index
)
async def test_each_access_pattern_reads_its_own_index(desk: Desk, query: Query) -> None:
    (plan,) = await desk.documents.explain(CODES, query)  # type: ignore[attr-defined] # SQLite's own

    assert plan.startswith(f"SEARCH codes USING INDEX codes.{query.index}")


async def test_a_damaged_document_names_the_field(desk: Desk) -> None:
    code = await desk.create()
    stored = await desk.documents.get(CODES, code.code_id)
    assert stored is not None
    await desk.documents.replace(CODES, {**stored.body, "revision": "two"}, if_version=stored.version)

    with pytest.raises(msgspec.ValidationError, match=r"\$\.revision"):
        await desk.get(code.code_id)


class Silent:
    """A store that never answers, or that says that it can't."""

    def __init__(self, documents: Documents, *, answers: bool) -> None:
        self._documents = documents
        self._answers = answers

    async def get(self, collection: Collection, key: str) -> Stored | None:
        if self._answers:
            raise DocumentsUnavailable(f"{collection.name}/{key}: the disk is gone")
        await asyncio.Event().wait()
        raise AssertionError

    async def insert(self, collection: Collection, body: Body) -> Stored:
        raise DocumentsUnavailable(f"{collection.name}: no room for {len(body)} fields")


async def test_a_store_that_is_gone_is_unavailable(desk: Desk) -> None:
    codes = Codes(Silent(desk.documents, answers=True), lambda: None)  # type: ignore[arg-type]

    with pytest.raises(Unavailable, match="the store of codes doesn't answer; try again"):
        await codes.get(OURS, CodeId("any"))


async def test_a_store_that_hangs_is_unavailable(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "STORE_S", 0.01)
    codes = Codes(Silent(desk.documents, answers=False), lambda: None)  # type: ignore[arg-type]

    with pytest.raises(Unavailable):
        await codes.get(OURS, CodeId("any"))


async def test_nothing_wakes_the_relay_when_nothing_was_written(desk: Desk) -> None:
    broken = Desk(Silent(desk.documents, answers=True))  # type: ignore[arg-type]

    with pytest.raises(Unavailable):
        await broken.create()

    assert broken.woken == 0
