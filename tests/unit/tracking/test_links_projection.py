import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ports import Inline
from unit.tracking.links_world import Down, SteppedClock, TestRandomness, changed, code, junk, link, publish, stored

from quietzone.qr.v1 import code_pb2
from quietzone_kit.bus import Bounds, Bus, Record, open_bus
from quietzone_kit.documents import Documents, DocumentsUnavailable, open_documents
from quietzone_kit.projection import OwnershipLost, run_projection
from quietzone_topics import QR_CODE_V1, TYPE_QR_CODE
from quietzone_tracking.decide import Link, LinkState
from quietzone_tracking.links import GROUP, LinkProjection, LinkStore
from quietzone_tracking.links.events import CorruptEvent, link_of_code, link_of_record
from quietzone_tracking.links.repository import LINK_REJECTS, LINKS, REJECTS_KEPT

LOG = "log-1"
BOUNDS = Bounds(LOG, 0, 100)


@pytest.fixture
async def documents() -> AsyncIterator[Documents]:
    store = open_documents("sqlite://:memory:", executor=Inline(), randomness=TestRandomness())
    yield store
    await store.close()


def projection(documents: Documents, owner: str = "one") -> LinkProjection:
    return LinkProjection(LinkStore(documents), SteppedClock(), owner=owner)


def records(*links: Link, first: int = 0) -> list[Record]:
    messages = [changed(each) for each in links]
    return [Record(QR_CODE_V1.name, 0, first + at, 1, each.key, each.value, each.headers) for at, each in enumerate(messages)]


def junk_record(offset: int, value: bytes = b"\xff\xff", *, event_type: str = TYPE_QR_CODE) -> Record:
    message = junk(value, event_type=event_type)
    return Record(QR_CODE_V1.name, 0, offset, 1, message.key, message.value, message.headers)


async def rejects(documents: Documents) -> list[tuple[int, str]]:
    page = await documents.scan(LINK_REJECTS, limit=10_000)
    return [(int(str(each.body["offset"])), str(each.body["reason"])) for each in page.items]


histories = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 6)), max_size=20)


@settings(deadline=None, max_examples=40)
@given(histories, st.lists(st.integers(1, 6), min_size=1, max_size=20))
def test_whatever_the_order_the_newest_revision_stays(history: list[tuple[str, int]], sizes: list[int]) -> None:
    async def play() -> None:
        documents = open_documents("sqlite://:memory:", executor=Inline(), randomness=TestRandomness())
        links = projection(documents)
        await links.claim(0, BOUNDS)
        every = records(*(link(slug, revision) for slug, revision in history))
        at = 0
        for size in sizes * len(every):
            chunk = every[at : at + size]
            if not chunk:
                break
            await links.apply(0, chunk, next_offset=chunk[-1].offset + 1)
            at = max(0, at + size - (size > 2))  # some come twice
        for slug in "abc":
            revisions = [revision for name, revision in history if name == slug]
            held = await stored(documents, slug)
            assert (held.revision if held else None) == (max(revisions) if revisions else None)
        await documents.close()

    asyncio.run(play())


async def test_a_deleted_link_stays_as_a_tombstone_without_its_destination(documents: Documents) -> None:
    links = projection(documents)
    await links.claim(0, BOUNDS)
    deleted = code(link("menu", 2))
    deleted.state = code_pb2.CODE_STATE_DELETED

    await links.apply(0, records(link("menu", 1), link_of_code(deleted)), next_offset=2)
    await links.apply(0, records(link("menu", 1), first=2), next_offset=3)

    assert await stored(documents, "menu") == link("menu", 2, state=LinkState.DELETED)


async def test_a_blocked_link_is_a_paused_one_to_a_release_that_knows_nothing_of_blocking(documents: Documents) -> None:
    links = projection(documents)
    await links.claim(0, BOUNDS)

    await links.apply(0, records(link("menu", 2, state=LinkState.BLOCKED)), next_offset=1)

    body = (await documents.get_many(LINKS, ["menu"]))["menu"].body
    assert body["state"] == "paused"
    assert await stored(documents, "menu") == link("menu", 2, state=LinkState.BLOCKED)


async def test_a_blocked_link_that_such_a_release_writes_again_is_what_it_writes(documents: Documents) -> None:
    links = projection(documents)
    await links.claim(0, BOUNDS)
    await links.apply(0, records(link("menu", 2, state=LinkState.BLOCKED)), next_offset=1)
    there = (await documents.get_many(LINKS, ["menu"]))["menu"]
    changes = {"state": "active", "revision": 3, "destination": "https://example.com/menu/3"}

    await documents.replace(LINKS, {**there.body, **changes}, if_version=there.version)

    assert await stored(documents, "menu") == link("menu", 3)


def test_a_deleted_code_that_was_blocked_is_deleted() -> None:
    of = code(link("menu", 2, state=LinkState.BLOCKED))
    of.state = code_pb2.CODE_STATE_DELETED

    assert link_of_code(of).state is LinkState.DELETED


async def test_an_event_that_makes_no_sense_is_set_aside_with_its_reason_and_the_rest_goes_on(documents: Documents) -> None:
    links = projection(documents)
    await links.claim(0, BOUNDS)

    await links.apply(0, [*records(link("a")), junk_record(1), *records(link("b"), first=2)], next_offset=3)

    [(offset, reason)] = await rejects(documents)
    assert (offset, await stored(documents, "a"), await stored(documents, "b")) == (1, link("a"), link("b"))
    assert "no CodeEvent" in reason


async def test_an_event_of_an_unknown_type_is_passed_over(documents: Documents) -> None:
    links = projection(documents)
    await links.claim(0, BOUNDS)

    await links.apply(0, [junk_record(0, event_type="quietzone.qr.newer")], next_offset=1)

    assert await rejects(documents) == []


@pytest.mark.parametrize("together", [True, False])
async def test_a_slug_is_never_given_to_another_code(documents: Documents, together: bool) -> None:
    links = projection(documents)
    await links.claim(0, BOUNDS)
    first, second = records(link("menu", 1), link("menu", 2, code_id="thief"))
    for chunk in [[first, second]] if together else [[first], [second]]:
        await links.apply(0, chunk, next_offset=chunk[-1].offset + 1)

    [(offset, reason)] = await rejects(documents)
    assert (offset, await stored(documents, "menu")) == (1, link("menu", 1))
    assert "never given to another code" in reason


async def test_rejected_events_are_bounded(documents: Documents) -> None:
    links = projection(documents)
    await links.claim(0, BOUNDS)
    for first in (0, REJECTS_KEPT):
        await links.apply(0, [junk_record(first + at) for at in range(3)], next_offset=first + 3)

    assert sorted(offset for offset, _ in await rejects(documents)) == [1000, 1001, 1002]


async def test_it_goes_on_where_it_was_left(documents: Documents) -> None:
    links = projection(documents)
    await links.claim(0, BOUNDS)
    await links.apply(0, records(link("a")), next_offset=1)

    assert await projection(documents, "two").claim(0, BOUNDS) == 1


@pytest.mark.parametrize("bounds", [Bounds("log-2", 3, 9), Bounds(LOG, 3, 9), Bounds(LOG, 0, 0)])
async def test_a_log_that_hasnt_the_place_is_read_from_its_start(documents: Documents, bounds: Bounds) -> None:
    links = projection(documents)
    await links.claim(0, BOUNDS)
    await links.apply(0, records(link("a")), next_offset=1)

    assert await projection(documents, "two").claim(0, bounds) == bounds.first


async def test_who_lost_a_partition_writes_its_state_no_more(documents: Documents) -> None:
    first, second = projection(documents, "one"), projection(documents, "two")
    await first.claim(0, BOUNDS)
    await second.claim(0, BOUNDS)

    with pytest.raises(OwnershipLost):
        await first.apply(0, records(link("a")), next_offset=1)
    assert await projection(documents, "three").claim(0, BOUNDS) == 0


async def test_links_are_stored_before_the_offset(documents: Documents) -> None:
    down = Down(documents)
    links = LinkProjection(LinkStore(down), SteppedClock(), owner="one")
    await links.claim(0, BOUNDS)

    async def fail_at_state(name: str) -> None:
        if name == "bulk":
            down.is_down = True

    down.gate = fail_at_state
    with pytest.raises(DocumentsUnavailable):
        await links.apply(0, records(link("a")), next_offset=1)

    assert await stored(documents, "a") == link("a")
    assert await projection(documents, "two").claim(0, BOUNDS) == 0


async def test_two_writers_of_one_slug_leave_the_newest(documents: Documents) -> None:
    await asyncio.gather(*(LinkStore(documents).put_newer({"a": link("a", revision)}) for revision in (3, 1, 5, 2, 4)))

    assert await stored(documents, "a") == link("a", 5)


async def test_fields_of_a_newer_release_survive(documents: Documents) -> None:
    store = LinkStore(documents)
    await store.put_newer({"a": link("a", 1)})
    from quietzone_tracking.links.repository import LINKS  # noqa: PLC0415

    before = await documents.get(LINKS, "a")
    assert before is not None
    await documents.replace(LINKS, {**before.body, "newer": "field"}, if_version=before.version)
    await store.put_newer({"a": link("a", 2)})

    after = await documents.get(LINKS, "a")
    assert after is not None
    assert (after.body["newer"], after.body["revision"]) == ("field", 2)


async def test_a_link_that_only_a_newer_release_can_read_is_replaced_by_later_revisions_only(documents: Documents) -> None:
    store = LinkStore(documents)
    await store.put_newer({"a": link("a", 5)})
    from quietzone_tracking.links.repository import LINKS  # noqa: PLC0415

    before = await documents.get(LINKS, "a")
    assert before is not None
    newer = await documents.replace(LINKS, {**before.body, "state": "scheduled"}, if_version=before.version)
    await store.put_newer({"a": link("a", 5)})
    kept = await documents.get(LINKS, "a")
    await store.put_newer({"a": link("a", 6)})

    assert (kept, await stored(documents, "a")) == (newer, link("a", 6))


async def test_a_damaged_document_counts_as_absent_until_the_next_change(documents: Documents) -> None:
    store = LinkStore(documents)
    await store.put_newer({"a": link("a", 1), "b": link("b", 1)})
    from quietzone_tracking.links.repository import LINKS  # noqa: PLC0415

    await documents.replace(LINKS, {"slug": "a", "revision": "many"}, if_version=1)
    before = (await store.get("a", within_s=1), [each.slug for each in (await store.page()).links])
    await store.put_newer({"a": link("a", 2)})

    assert (before, await store.get("a", within_s=1)) == ((None, ["b"]), link("a", 2))


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("slug", "no/slug", "slug"),
        ("slug", "", "slug"),
        ("id", "", "code id"),
        ("account_id", "", "account id"),
        ("revision", 0, "revision"),
        ("state", 0, "state"),
        ("state", 99, "state"),
        ("destination", "https://example.com/\r\nSet-Cookie: a", "destination"),
        ("destination", "", "destination"),
    ],
)
def test_a_code_that_breaks_the_contract_is_refused_with_its_reason(field: str, value: str | int, reason: str) -> None:
    wrong = code(link())
    setattr(wrong, field, value)

    with pytest.raises(CorruptEvent, match=reason):
        link_of_code(wrong)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Record(QR_CODE_V1.name, 0, 0, 1, "k", b"", ()), "ce_type"),
        (junk_record(0, b""), "after"),
    ],
)
def test_a_record_without_what_an_event_needs_is_refused(record: Record, reason: str) -> None:
    with pytest.raises(CorruptEvent, match=reason):
        link_of_record(record)


async def test_it_fills_the_store_from_a_real_bus(documents: Documents, tmp_path: Path) -> None:
    bus: Bus = open_bus(f"sqlite:///{tmp_path}/bus.db", clock=SteppedClock(), executor=Inline(), randomness=TestRandomness())
    await bus.ensure([QR_CODE_V1])
    await publish(bus, *(link(f"slug-{number}", 1) for number in range(20)))
    await bus.publish([junk()])
    running = asyncio.ensure_future(
        run_projection(bus, QR_CODE_V1.name, GROUP, projection(documents), SteppedClock(), randomness=TestRandomness(), wait_s=0.01)
    )
    async with asyncio.timeout(5):
        while not await rejects_there(documents) or len((await LinkStore(documents).page()).links) < 20:
            await asyncio.sleep(0.005)
    running.cancel()
    await asyncio.wait([running])
    await bus.close()

    assert {each.slug for each in (await LinkStore(documents).page()).links} == {f"slug-{number}" for number in range(20)}


async def rejects_there(documents: Documents) -> bool:
    await documents.ensure(LINK_REJECTS)
    return bool(await rejects(documents))
