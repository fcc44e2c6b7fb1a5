"""Dead letters: listed, shown, redriven, dropped; on every adapter of the bus."""

from collections.abc import Sequence
from typing import cast

import pytest
from contract.reaction.world import KNOWN, NAME, Doings, World

from quietzone.qr.v1.code_pb2 import Code, CodeEvent
from quietzone_kit.bus import Bounds, Bus, BusUnavailable, Message, OffsetGone, Polled, Position
from quietzone_kit.events import Event
from quietzone_kit.reaction import DeadLetters, Patience, Which, redrive_topic


async def kill(world: World, *ids: str, error: Exception | None = None, keys: Sequence[str] = ("menu",)) -> Doings:
    """Events that died; the reaction that they died of."""
    doings = Doings()
    for number, event_id in enumerate(ids):
        doings.fails(event_id, error=error)
        await world.publish(event_id, key=keys[number % len(keys)])
    last = f"after {ids[-1]}"
    await world.publish(last)
    async with world.running(doings, patience=Patience(attempts=1)):
        await doings.until(lambda: last in doings.done)
    return doings


async def ids(world: World, which: Which | None = None) -> list[str]:
    return [letter.value.decode() for letter in (await world.dead.page(which or Which(), limit=100)).letters]


async def test_where_nothing_has_died_nothing_waits(world: World) -> None:
    assert ((await world.dead.summary()).total, (await world.dead.page()).letters) == (0, ())


async def test_what_waits_is_counted_by_error(world: World) -> None:
    await kill(world, "a", "b")
    await kill(world, "c", error=OSError("gone"))

    summary = await world.dead.summary()

    assert summary.by_error == {"ZeroDivisionError": 2, "OSError": 1}
    assert summary.oldest_ms == (await world.dead.page()).letters[0].death.time_ms


async def test_pages_hold_every_letter_once(world: World) -> None:
    await kill(world, *"abcde")
    found: list[str] = []
    cursor: int | None = None
    while True:
        page = await world.dead.page(limit=2, after=cursor)
        found += [letter.value.decode() for letter in page.letters]
        cursor = page.cursor
        if cursor is None:
            break

    assert found == list("abcde")


async def test_letters_come_back_to_their_reaction_in_the_order_in_which_they_died(world: World) -> None:
    doings = await kill(world, *"abcdef", keys=("menu", "poster"))
    doings.troubles.clear()
    doings.done.clear()

    async with world.running(doings):
        assert await world.dead.redrive() == 6
        await doings.until(lambda: len(doings.done) == 6)

    assert doings.done == list("abcdef")


async def test_a_letter_comes_back_with_all_that_a_newer_release_said(world: World) -> None:
    doings = Doings()
    doings.fails("a")
    message = Event("a", "/qr", KNOWN, "menu", 1_700_000_000_000, CodeEvent(before=Code(id="menu")).SerializeToString()).to_message("")
    headers = (*message.headers, ("ce_ofanewerrelease", b"\xff\x00"), ("ce_ofanewerrelease", b"again"))
    await world.publish_bytes(message.value + b"\xa0\x3f\x07", headers)
    await world.publish("b")
    async with world.running(doings, patience=Patience(attempts=1)):
        await doings.until(lambda: doings.done == ["b"])

    await world.dead.redrive()

    [record] = await world.records(redrive_topic(world.topic.name, NAME).name)
    assert record.value == message.value + b"\xa0\x3f\x07"
    assert tuple(header for header in record.headers if not header[0].startswith("dlq_")) == headers


async def test_letters_come_back_to_no_other_consumer(world: World) -> None:
    await kill(world, "a")
    before = len(await world.records(world.topic.name))

    await world.dead.redrive()

    assert len(await world.records(world.topic.name)) == before


async def test_what_was_redriven_waits_no_more(world: World) -> None:
    await kill(world, "a", "b")

    await world.dead.redrive()

    assert (await ids(world), await world.dead.redrive()) == ([], 0)


async def test_what_dies_again_waits_again(world: World) -> None:
    doings = await kill(world, "a")
    await world.dead.redrive()
    async with world.running(doings, patience=Patience(attempts=1)):
        await doings.until(lambda: doings.attempts.count("a") == 2)

    [letter] = (await world.dead.page()).letters
    assert (letter.value, letter.origin.topic, letter.origin.offset, letter.origin.redrives) == (b"a", world.topic.name, 0, 1)


async def test_redriven_letters_that_die_stop_nobody(world: World) -> None:
    doings = await kill(world, *"abcde")
    await world.dead.redrive()
    patience = Patience(attempts=1, dead_in_a_row=2)

    async with world.running(doings, patience=patience):
        await doings.until(lambda: doings.attempts.count("e") == 2)
        await world.publish("z")
        await doings.until(lambda: "z" in doings.done)


@pytest.mark.parametrize(
    ("which", "left"),
    [
        (Which(error="OSError"), ["a", "b", "c"]),
        (Which(key="menu"), ["b"]),
        (Which(ids=frozenset({"0-1-0"})), ["a", "c", "d"]),
        (Which(key="menu", error="ZeroDivisionError"), ["b", "d"]),
    ],
)
@pytest.mark.parametrize("how", ["redrive", "drop"])
async def test_some_can_be_chosen(world: World, which: Which, left: list[str], how: str) -> None:
    await kill(world, *"abc", keys=("menu", "poster"))
    await kill(world, "d", error=OSError("gone"))

    await getattr(world.dead, how)(which)

    assert await ids(world) == left


async def test_what_was_dropped_neither_waits_nor_comes_back(world: World) -> None:
    await kill(world, "a", "b")

    assert await world.dead.drop() == 2

    assert (await ids(world), await world.dead.redrive()) == ([], 0)
    assert await world.records(redrive_topic(world.topic.name, NAME).name) == []


class Failing:
    """A bus that fails at its publication number `at`, before it or after a part of it."""

    def __init__(self, bus: Bus, at: int, *, part: bool) -> None:
        self._bus = bus
        self._left = at
        self._part = part

    async def publish(self, messages: Sequence[Message]) -> list[Position]:
        self._left -= 1
        if self._left == 0:
            if self._part:
                await self._bus.publish(messages[len(messages) // 2 :])
            raise BusUnavailable("injected")
        return await self._bus.publish(messages)

    def __getattr__(self, name: str) -> object:
        return getattr(self._bus, name)


@pytest.mark.parametrize("part", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3, 4])
async def test_a_redrive_that_was_cut_off_can_be_done_again(world: World, at: int, part: bool) -> None:
    doings = await kill(world, *"abcd", keys=("menu", "poster"))
    doings.troubles.clear()
    doings.done.clear()
    failing = DeadLetters(cast("Bus", Failing(world.bus, at, part=part)), world.topic.name, NAME)

    with pytest.raises(BusUnavailable):
        await failing.redrive()
    await world.dead.redrive()
    await world.publish("z")

    async with world.running(doings):
        await doings.until(lambda: set(doings.done) >= set("abcdz"))
    firsts = list(dict.fromkeys(doings.done))
    assert [one for one in firsts if one in "ac"] == ["a", "c"]
    assert [one for one in firsts if one in "bd"] == ["b", "d"]
    assert await ids(world) == []


async def test_a_record_that_died_twice_by_a_crash_is_one_letter(world: World) -> None:
    doings = await kill(world, "a")
    consumer = await world.bus.join(world.topic.name, NAME)
    while not (await consumer.poll(max_records=1, wait_s=1)).assigned:
        pass
    await consumer.commit({0: 0})
    await consumer.close()
    async with world.running(doings, patience=Patience(attempts=1)):
        await doings.until(lambda: doings.done.count("after a") == 2)

    assert (await world.dead.summary()).total == 1


@pytest.mark.parametrize("fails", [None, OffsetGone("0 is below 7", Bounds("log", 7, 7))])
async def test_a_topic_that_gives_nothing_of_what_it_held_is_asked_again_and_not_for_ever(fails: Exception | None) -> None:
    class Emptied:
        """Retention has taken everything since its bounds were asked for."""

        async def bounds(self, topic: str, partition: int) -> Bounds:  # noqa: ARG002 - the port's
            return Bounds("log", 0, 7)

        async def follow(self, topic: str) -> "Emptied":  # noqa: ARG002 - the port's
            self.sought = False
            return self

        async def poll(self, *, max_records: int, wait_s: float) -> Polled:  # noqa: ARG002 - the port's
            if self.sought and fails is not None:
                raise fails
            return Polled(frozenset({0}), frozenset(), {})

        def seek(self, partition: int, offset: int) -> None:  # noqa: ARG002 - the port's
            self.sought = True

        async def close(self) -> None:
            """Nothing is open."""

    with pytest.raises(BusUnavailable):
        await DeadLetters(cast("Bus", Emptied()), "orders", "till").summary()
