"""What is kept of the making of each code: once, for its account alone."""

import pytest
from unit.analytics.memory import BrittleDocuments

from quietzone.qr.v1 import code_pb2
from quietzone_analytics.creations import COLLECTIONS, Creations, KeepCreations, list_creations
from quietzone_analytics.creations.domain import Creation
from quietzone_kit.errors import InvalidInput
from quietzone_kit.events import Event
from quietzone_kit.reaction import Unreadable
from quietzone_topics import TYPE_QR_CODE, TYPE_TRACKING_SCANS

CREATED = code_pb2.CHANGE_KIND_CREATED


@pytest.fixture
async def creations() -> Creations:
    store = BrittleDocuments()
    await store.ensure(*COLLECTIONS)
    return Creations(store)  # type: ignore[arg-type] # it has all that is asked


def event(
    code_id: str = "menu", destination: str = "https://Example.com/menu", *, at_ms: int = 1, account_id: str = "acme", **told: int
) -> Event:
    code = code_pb2.Code(id=code_id, account_id=account_id, destination=destination, revision=1, created_at_ms=at_ms)
    message = code_pb2.CodeEvent(kind=told.get("kind", CREATED), after=code, subject="user:ada")  # type: ignore[arg-type]
    return Event(f"{code_id}.1", "/quietzone/qr", TYPE_QR_CODE, code_id, at_ms, message.SerializeToString())


async def kept(creations: Creations, account_id: str = "acme") -> list[Creation]:
    return list((await list_creations(creations, account_id, page_size=0, page_token="")).creations)


@pytest.mark.parametrize(
    ("destination", "domain"),
    [
        ("https://Example.com/menu", "example.com"),
        ("https://user@example.com:8443/", "example.com"),
        ("", "unknown"),
        ("nonsense", "invalid-url"),
        ("https://[::1", "invalid-url"),
    ],
)
async def test_a_new_code_is_kept_with_who_made_it_and_where_it_leads(creations: Creations, destination: str, domain: str) -> None:
    await KeepCreations(creations).react(event(destination=destination))

    assert await kept(creations) == [Creation("menu", "acme", "user:ada", domain, 1)]


async def test_a_code_that_comes_again_is_kept_once(creations: Creations) -> None:
    for _ in range(3):
        await KeepCreations(creations).react(event())

    assert len(await kept(creations)) == 1


@pytest.mark.parametrize("kind", [code_pb2.CHANGE_KIND_CHANGED, code_pb2.CHANGE_KIND_DELETED])
async def test_what_becomes_of_a_code_is_not_its_making(creations: Creations, kind: int) -> None:
    await KeepCreations(creations).react(event(kind=kind))

    assert await kept(creations) == []


async def test_the_latest_are_listed_first_and_nobody_elses(creations: Creations) -> None:
    keeper = KeepCreations(creations)
    for at_ms, (code_id, account_id) in enumerate([("a", "acme"), ("b", "other"), ("c", "acme")]):
        await keeper.react(event(code_id, at_ms=at_ms, account_id=account_id))

    assert [each.code_id for each in await kept(creations)] == ["c", "a"]


async def test_pages_together_have_each_once(creations: Creations) -> None:
    keeper, found, token = KeepCreations(creations), list[str](), ""
    for number in range(5):
        await keeper.react(event(f"c{number}", at_ms=number))

    while True:
        page = await list_creations(creations, "acme", page_size=2, page_token=token)
        found += [each.code_id for each in page.creations]
        if page.next_token is None:
            break
        token = page.next_token

    assert found == ["c4", "c3", "c2", "c1", "c0"]


@pytest.mark.parametrize(("size", "token"), [(-1, ""), (1_001, ""), (0, "x")])
async def test_a_page_that_can_not_be_is_refused(creations: Creations, size: int, token: str) -> None:
    with pytest.raises(InvalidInput):
        await list_creations(creations, "acme", page_size=size, page_token=token)


async def test_an_event_of_no_code_is_dead_at_once(creations: Creations) -> None:
    with pytest.raises(Unreadable):
        await KeepCreations(creations).react(event(""))


def test_other_events_are_none_of_its_business(creations: Creations) -> None:
    assert not KeepCreations(creations).knows(TYPE_TRACKING_SCANS)
