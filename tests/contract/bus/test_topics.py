"""Topics as declared and as they are, on every adapter."""

from dataclasses import replace

import pytest
import structlog
from contract.bus.conftest import EMPTY, SCANS, Server, message

from quietzone_kit.bus import Bus
from quietzone_kit.bus.topics import Difference, Refused, TopicAdmin, apply, plan


@pytest.fixture
async def admin(server: Server) -> TopicAdmin:
    """A bus without topics."""
    bus = await server.connect()
    assert isinstance(bus, TopicAdmin)
    return bus


async def test_a_topic_that_is_not_there_is_missing(admin: TopicAdmin) -> None:
    assert await plan(admin, [SCANS]) == [Difference(SCANS.name, "missing", "", "", "4 partitions")]


async def test_apply_creates_what_is_missing(admin: TopicAdmin) -> None:
    await apply(admin, [SCANS, EMPTY])

    assert await plan(admin, [SCANS, EMPTY]) == []


async def test_what_ensure_made_is_as_declared(admin: TopicAdmin) -> None:
    await admin.ensure([SCANS])

    assert await plan(admin, [SCANS]) == []


async def test_the_topics_of_a_new_installation_are_created_without_a_warning(admin: TopicAdmin) -> None:
    with structlog.testing.capture_logs() as said:
        await admin.ensure([SCANS, EMPTY])

    assert [line for line in said if line["log_level"] == "warning"] == []


async def test_another_retention_is_told(admin: TopicAdmin) -> None:
    await admin.ensure([SCANS])

    [difference] = await plan(admin, [replace(SCANS, retention_ms=120_000)])

    assert difference == Difference(SCANS.name, "setting", "retention.ms", "60000", "120000")


async def test_apply_sets_another_retention(admin: TopicAdmin) -> None:
    await admin.ensure([SCANS])
    longer = replace(SCANS, retention_ms=120_000)

    await apply(admin, [longer])

    assert await plan(admin, [longer]) == []


async def test_other_partitions_are_refused(admin: TopicAdmin) -> None:
    await admin.ensure([SCANS])

    with pytest.raises(Refused, match="has 4 partitions and is declared with 8: refused"):
        await apply(admin, [replace(SCANS, partitions=8)])


async def test_when_one_topic_is_refused_none_is_touched(admin: TopicAdmin) -> None:
    await admin.ensure([SCANS])

    with pytest.raises(Refused):
        await apply(admin, [EMPTY, replace(SCANS, partitions=8)])

    assert [difference.kind for difference in await plan(admin, [EMPTY])] == ["missing"]


async def test_apply_keeps_the_records(bus: Bus, other: Bus) -> None:
    await bus.publish([message("a", partition=0)])
    before = await bus.bounds(SCANS.name, 0)
    assert isinstance(other, TopicAdmin)

    await apply(other, [replace(SCANS, retention_ms=120_000)])

    assert await bus.bounds(SCANS.name, 0) == before
