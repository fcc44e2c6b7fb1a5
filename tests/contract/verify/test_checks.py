"""What `verify` sees, on every adapter."""

import pytest
from contract.bus.conftest import Server
from contract.reaction.world import topic_of_its_own

from quietzone_kit import verify as kit
from quietzone_kit.bus import Bus, BusError, Message, Record, Topic
from quietzone_kit.documents import Collection, Documents, Index, Put, Stored
from quietzone_kit.documents.migrations import Migration, Migrations
from quietzone_kit.lifecycle import NotDone
from quietzone_kit.runtime import SystemClock, SystemRandomness
from quietzone_kit.verify import Undecodable, documents_are_readable, last_events, store_is_ready, topics_are_there

CODES = Collection("codes", key="id", indexes=(Index("by_slug", ("slug",)),))
SAME = Migration("same", CODES, lambda body: body, lambda body: body)


@pytest.fixture
async def bus(server: Server) -> Bus:
    return await server.connect()


@pytest.fixture
async def topic(bus: Bus) -> Topic:
    topic = topic_of_its_own(SystemRandomness())
    await bus.ensure([topic])
    return topic


async def publish(bus: Bus, topic: Topic, *values: bytes, partition: int = 0) -> None:
    await bus.publish([Message(topic.name, "k", value, partition=partition) for value in values])


def number(record: Record) -> int | None:
    """What these tests' records hold; those with `?` are of another type."""
    return None if record.value == b"?" else int(record.value)


def ignore(_line: str) -> None:
    """Nobody listens."""


async def test_the_last_events_of_all_partitions_are_decoded(bus: Bus, topic: Topic) -> None:
    await publish(bus, topic, b"1", b"2", b"?")
    await publish(bus, topic, b"3", partition=1)

    assert await last_events(bus, topic, number) == "the last 4 can be read, 1 of them of types that this release passes over"


async def test_an_empty_topic_is_well(bus: Bus, topic: Topic) -> None:
    assert await last_events(bus, topic, number) == "the last 0 can be read"


async def test_no_more_than_the_last_are_decoded(bus: Bus, topic: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit, "EVENTS", 10)
    await publish(bus, topic, *[b"old"] * 5, *[b"1"] * 8)
    await publish(bus, topic, b"2", b"2", partition=1)

    assert await last_events(bus, topic, number) == "the last 10 can be read"


async def test_a_record_that_can_not_be_read_is_named(bus: Bus, topic: Topic) -> None:
    await publish(bus, topic, b"1", b"2", partition=1)
    await publish(bus, topic, b"3", b"three", b"4", partition=1)

    with pytest.raises(Undecodable, match=rf"{topic.name} partition 1 offset 3: invalid literal for int\(\) with base 10: b'three'"):
        await last_events(bus, topic, number)


async def test_a_topic_that_is_not_there_is_named(bus: Bus) -> None:
    absent = topic_of_its_own(SystemRandomness())

    with pytest.raises(BusError, match=absent.name):
        await topics_are_there(bus, [absent])


async def test_a_topic_with_other_partitions_is_refused(bus: Bus, topic: Topic) -> None:
    with pytest.raises(NotDone, match=rf"{topic.name} has {topic.partitions} partitions, not {topic.partitions + 1}: it can't be used"):
        await topics_are_there(bus, [Topic(topic.name, topic.partitions + 1, topic.retention_ms)])


async def test_looking_at_events_takes_nothing_from_groups(bus: Bus, topic: Topic) -> None:
    await publish(bus, topic, b"1", b"2")
    before = await bus.bounds(topic.name, 0)

    await last_events(bus, topic, number)

    assert await bus.bounds(topic.name, 0) == before


async def test_a_store_that_was_not_migrated_is_not_ready_and_stays_so(documents: Documents) -> None:
    with pytest.raises(NotDone, match="the store lacks collection codes, collection migrations: run the role `migrate` first"):
        await store_is_ready(documents, [CODES], [SAME])

    assert await documents.missing(CODES) == ["collection codes"]


async def test_a_store_that_was_migrated_is_ready(documents: Documents) -> None:
    await Migrations(documents, [CODES], [SAME], release="1", clock=SystemClock()).migrate(ignore)

    assert await store_is_ready(documents, [CODES], [SAME]) == "answers, and has all 1 collections and 1 migrations"


async def test_a_document_that_can_not_be_read_is_named(documents: Documents) -> None:
    await documents.ensure(CODES)
    await documents.bulk(CODES, [Put({"id": "a", "scans": 1}, None), Put({"id": "b"}, None)])

    def scans(stored: Stored) -> object:
        return stored.body["scans"]

    with pytest.raises(Undecodable, match="document 'b' of codes: KeyError: 'scans'"):
        await documents_are_readable(documents, CODES, scans)


async def test_documents_that_can_be_read_are_counted(documents: Documents) -> None:
    await documents.ensure(CODES)
    await documents.bulk(CODES, [Put({"id": "a"}, None), Put({"id": "b"}, None)])

    assert await documents_are_readable(documents, CODES, lambda stored: stored.body["id"]) == "2 documents can be read"
