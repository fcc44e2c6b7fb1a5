"""Publishing and reading, on every adapter."""

import asyncio
from dataclasses import replace

import pytest
from contract.bus.conftest import EMPTY, SCANS, Server, from_start, message, read_all, texts

from quietzone_kit.bus import MAX_VALUE_BYTES, Bus, BusError, Message, OffsetGone, Position, TopicMismatch, UnknownTopic, partition_of


async def test_a_record_is_read_as_it_was_published(bus: Bus) -> None:
    sent = Message(SCANS.name, "käse", b"\x00\xff", (("ce_type", b"a"), ("ce_type", b"\xff")), partition=2)

    [position] = await bus.publish([sent])
    [record] = (await read_all(await from_start(await bus.follow(SCANS.name)), 1))[2]

    assert (record.key, record.value, record.headers) == (sent.key, sent.value, sent.headers)
    assert (record.topic, record.partition, record.offset) == (position.topic, position.partition, position.offset)


async def test_offsets_count_from_0_in_each_partition(bus: Bus) -> None:
    positions = await bus.publish([message("a", partition=0), message("b", partition=3), message("c", partition=0)])

    assert positions == [Position(SCANS.name, 0, 0), Position(SCANS.name, 3, 0), Position(SCANS.name, 0, 1)]


async def test_a_key_chooses_its_partition(bus: Bus) -> None:
    keys = ["menu", "poster", "käse", ""]

    positions = await bus.publish([message(key) for key in keys])

    assert [position.partition for position in positions] == [partition_of(key, SCANS.partitions) for key in keys]


async def test_a_partition_keeps_its_order(bus: Bus) -> None:
    for start in range(0, 30, 10):
        await bus.publish([message(str(number), partition=1) for number in range(start, start + 10)])

    found = await read_all(await from_start(await bus.follow(SCANS.name)), 30, max_records=7)

    assert texts(found, 1) == [str(number) for number in range(30)]


async def test_publishers_side_by_side_each_learn_their_own_positions(bus: Bus) -> None:
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(bus.publish([message(f"{name} {index}") for index in range(3)])) for name in range(50)]

    found = await read_all(await from_start(await bus.follow(SCANS.name)), 150)
    told = {
        (position.partition, position.offset): f"{name} {index}"
        for name, call in enumerate(calls)
        for index, position in enumerate(call.result())
    }
    assert told == {(record.partition, record.offset): record.value.decode() for records in found.values() for record in records}


async def test_what_is_published_while_another_publisher_gives_up_is_there(bus: Bus) -> None:
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(bus.publish([message(str(number), partition=0)])) for number in range(10)]
        await asyncio.sleep(0)
        calls[4].cancel()

    kept = [str(number) for number in range(10) if number != 4]
    found = await read_all(await from_start(await bus.follow(SCANS.name)), 9)
    assert [text for text in texts(found, 0) if text != "4"] == kept


async def test_nothing_to_publish_is_no_error(bus: Bus) -> None:
    assert await bus.publish([]) == []


async def test_an_unknown_topic_is_refused_with_all_of_the_call(bus: Bus) -> None:
    with pytest.raises(UnknownTopic, match="quietzone topics apply"):
        await bus.publish([message("a", partition=0), Message("qr.cod.v1", "b", b"b")])

    assert (await bus.bounds(SCANS.name, 0)).next == 0


async def test_a_value_that_is_too_large_is_refused_with_all_of_the_call(bus: Bus) -> None:
    with pytest.raises(ValueError, match="1,000,000"):
        await bus.publish([message("a", partition=0), Message(SCANS.name, "b", bytes(MAX_VALUE_BYTES + 1))])

    assert (await bus.bounds(SCANS.name, 0)).next == 0


async def test_the_largest_value_is_taken(bus: Bus) -> None:
    await bus.publish([Message(SCANS.name, "b", bytes(MAX_VALUE_BYTES), partition=0)])

    assert (await bus.bounds(SCANS.name, 0)).next == 1


async def test_three_of_the_largest_values_are_taken_in_one_publish_in_their_order(bus: Bus) -> None:
    values = [bytes([number]) * MAX_VALUE_BYTES for number in range(3)]

    positions = await bus.publish([Message(SCANS.name, "b", value, partition=0) for value in values])

    [records] = (await read_all(await from_start(await bus.follow(SCANS.name)), 3)).values()
    assert [record.offset for record in records] == [position.offset for position in positions]
    assert [record.value for record in records] == values


async def test_a_partition_that_is_not_there_is_refused(bus: Bus) -> None:
    with pytest.raises(UnknownTopic, match="0 to 3"):
        await bus.publish([message("a", partition=4)])


async def test_a_topic_that_is_there_stays_as_it_is(bus: Bus, other: Bus) -> None:
    before = await bus.bounds(SCANS.name, 0)

    await other.ensure([SCANS])

    assert await bus.bounds(SCANS.name, 0) == before


async def test_processes_that_start_together_make_each_topic_once(server: Server) -> None:
    buses = [await server.connect() for _ in range(4)]

    async with asyncio.TaskGroup() as group:
        for bus in buses:
            group.create_task(bus.ensure([SCANS]))

    assert len({(await bus.bounds(SCANS.name, 0)).log_id for bus in buses}) == 1


async def test_a_topic_with_other_partitions_is_refused(bus: Bus) -> None:
    with pytest.raises(TopicMismatch, match="4 partitions and is declared with 8"):
        await bus.ensure([replace(SCANS, partitions=8)])


async def test_a_topics_partitions_are_known(bus: Bus) -> None:
    assert await bus.partitions(SCANS.name) == 4


async def test_an_unknown_topic_cannot_be_followed(bus: Bus) -> None:
    with pytest.raises(UnknownTopic, match="quietzone topics apply"):
        await bus.follow("qr.cod.v1")


async def test_a_follower_is_assigned_everything_at_its_first_poll(bus: Bus) -> None:
    polled = await (await bus.follow(SCANS.name)).poll(max_records=10, wait_s=5)

    assert polled.assigned == {0, 1, 2, 3}


async def test_nothing_is_read_of_a_partition_before_it_was_sought(bus: Bus) -> None:
    await bus.publish([message("a", partition=0), message("b", partition=1)])
    follower = await bus.follow(SCANS.name)
    await follower.poll(max_records=10, wait_s=5)

    follower.seek(1, 0)

    assert list((await follower.poll(max_records=10, wait_s=0)).records) == [1]


async def test_seek_reads_again(bus: Bus) -> None:
    await bus.publish([message(text, partition=0) for text in "abc"])
    follower = await from_start(await bus.follow(SCANS.name))
    await read_all(follower, 3)

    follower.seek(0, 1)

    assert texts(await read_all(follower, 2), 0) == ["b", "c"]


async def test_a_paused_partition_is_silent_until_it_is_sought(bus: Bus) -> None:
    await bus.publish([message("a", partition=0), message("b", partition=1)])
    follower = await from_start(await bus.follow(SCANS.name))

    follower.pause(0)
    quiet = await follower.poll(max_records=10, wait_s=0)
    follower.seek(0, 0)

    assert (list(quiet.records), texts(await read_all(follower, 1), 0)) == ([1], ["a"])


async def test_a_partition_that_is_not_assigned_cannot_be_sought(bus: Bus) -> None:
    follower = await bus.follow(SCANS.name)

    with pytest.raises(ValueError, match="isn't assigned"):
        follower.seek(0, 0)


async def test_no_more_records_come_than_were_asked_for(bus: Bus) -> None:
    await bus.publish([message(str(number), partition=number % 4) for number in range(40)])
    follower = await from_start(await bus.follow(SCANS.name))

    polled = await follower.poll(max_records=6, wait_s=0)

    assert sum(map(len, polled.records.values())) == 6


async def test_partitions_share_a_poll(bus: Bus) -> None:
    await bus.publish([message(str(number), partition=number % 2) for number in range(50)] + [message("a", partition=2)])
    follower = await from_start(await bus.follow(SCANS.name))

    polled = await follower.poll(max_records=11, wait_s=5)

    assert {partition: len(records) for partition, records in polled.records.items()} == {0: 5, 1: 5, 2: 1}


async def test_a_full_partition_does_not_keep_the_others_waiting(bus: Bus) -> None:
    await bus.publish([message(str(number), partition=0) for number in range(50)] + [message("a", partition=3)])
    follower = await from_start(await bus.follow(SCANS.name))

    polls = [await follower.poll(max_records=1, wait_s=0) for _ in range(4)]

    assert any(3 in polled.records for polled in polls)


async def test_an_empty_poll_ends_when_its_wait_does(bus: Bus) -> None:
    follower = await from_start(await bus.follow(EMPTY.name))

    async with asyncio.timeout(5):
        polled = await follower.poll(max_records=10, wait_s=0.05)

    assert polled.records == {}


async def test_a_waiting_poll_gets_what_is_published_meanwhile(bus: Bus) -> None:
    follower = await from_start(await bus.follow(SCANS.name))

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        poll = group.create_task(follower.poll(max_records=10, wait_s=30))
        await asyncio.sleep(0)
        await bus.publish([message("a", partition=2)])

    assert list(poll.result().records) == [2]


async def test_a_cancelled_poll_loses_nothing(bus: Bus) -> None:
    follower = await from_start(await bus.follow(SCANS.name))
    async with asyncio.TaskGroup() as group:
        poll = group.create_task(follower.poll(max_records=10, wait_s=30))
        await bus.publish([message("a", partition=2)])
        poll.cancel()

    assert poll.cancelled() or poll.result().records
    if poll.cancelled():
        assert texts(await read_all(follower, 1), 2) == ["a"]


async def test_bounds_tell_what_is_there(bus: Bus) -> None:
    await bus.publish([message("a", partition=2), message("b", partition=2)])

    bounds = await bus.bounds(SCANS.name, 2)

    assert (bounds.first, bounds.next) == (0, 2)


async def test_an_offset_beyond_the_end_is_gone(bus: Bus) -> None:
    await bus.publish([message("a", partition=0)])
    follower = await from_start(await bus.follow(SCANS.name))

    follower.seek(0, 2)

    with pytest.raises(OffsetGone) as gone:
        await follower.poll(max_records=10, wait_s=0)
    assert (gone.value.bounds.first, gone.value.bounds.next) == (0, 1)


async def test_the_end_itself_can_be_sought(bus: Bus) -> None:
    await bus.publish([message("a", partition=0)])
    follower = await from_start(await bus.follow(SCANS.name))

    follower.seek(0, 1)

    assert (await follower.poll(max_records=10, wait_s=0)).records == {}


async def test_after_an_offset_was_gone_reading_goes_on_elsewhere(bus: Bus) -> None:
    await bus.publish([message("a", partition=0), message("b", partition=1)])
    follower = await from_start(await bus.follow(SCANS.name))
    follower.seek(0, 7)
    with pytest.raises(OffsetGone):
        await follower.poll(max_records=10, wait_s=0)

    follower.seek(0, 0)

    assert sorted(await read_all(follower, 2)) == [0, 1]


async def test_an_offset_that_is_gone_takes_nothing_of_other_partitions_along(bus: Bus) -> None:
    await bus.publish([message("a", partition=0), message("c", partition=2), message("d", partition=3)])
    follower = await from_start(await bus.follow(SCANS.name))
    follower.seek(1, 7)
    found: list[int] = []
    gone = 0

    async with asyncio.timeout(10):
        while len(found) < 3 or not gone:
            try:
                found += (await follower.poll(max_records=10, wait_s=0.1)).records
            except OffsetGone:
                gone += 1
                follower.pause(1)

    assert (sorted(found), gone) == ([0, 2, 3], 1)


async def test_retention_removes_what_is_too_old(server: Server, bus: Bus) -> None:
    await bus.publish([message(text, partition=0) for text in "abc"])
    await server.pass_time(61)
    await bus.publish([message("d", partition=0)])

    await server.trim(bus)

    bounds = await bus.bounds(SCANS.name, 0)
    assert (bounds.first, bounds.next) == (3, 4)


async def test_what_retention_removed_is_gone(server: Server, bus: Bus) -> None:
    await bus.publish([message("a", partition=0)])
    follower = await from_start(await bus.follow(SCANS.name))
    await server.pass_time(61)

    await server.trim(bus)

    with pytest.raises(OffsetGone, match="retention"):
        await follower.poll(max_records=10, wait_s=0)


async def test_offsets_are_never_given_again(server: Server, bus: Bus) -> None:
    await bus.publish([message("a", partition=0)])
    await server.pass_time(61)
    await server.trim(bus)

    [position] = await bus.publish([message("b", partition=0)])

    assert position.offset == 1


async def test_what_is_young_enough_stays(server: Server, bus: Bus) -> None:
    await bus.publish([message("a", partition=0)])
    await server.pass_time(50)

    await server.trim(bus)

    assert (await bus.bounds(SCANS.name, 0)).first == 0


async def test_a_closed_consumer_says_so(bus: Bus) -> None:
    follower = await bus.follow(SCANS.name)

    await follower.close()

    with pytest.raises(BusError, match="closed"):
        await follower.poll(max_records=1, wait_s=0)


async def test_a_closed_bus_says_so(bus: Bus) -> None:
    await bus.close()

    with pytest.raises(BusError, match="closed"):
        await bus.publish([message("a")])
