"""What was given up is told where its target wants it, once for each end, whatever breaks off in between."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.notification.streams.world import AWAY, BORN_MS, OURS, World, new
from unit.notification.world import webhook

from quietzone_kit.bus import Message, Position
from quietzone_kit.documents import Body, Collection, DocumentsUnavailable, Outcome, Put
from quietzone_kit.errors import Unavailable
from quietzone_notification.delivery.deliveries.repository import DELIVERIES, Deliveries, shard_of
from quietzone_notification.delivery.domain import Attempt, Delivery, NewDelivery, State
from quietzone_notification.rules.domain import Kind, Rule, Target
from quietzone_notification.rules.repository import RULES, Rules
from quietzone_notification.streams.domain import MAX_STREAMS
from quietzone_notification.streams.letters import Letters, letter_of

DEAD = "out.ours.dead"
ALL_SHARDS = frozenset(range(16))
HOOK = "019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7a10"


class Given:
    """A world with a rule whose target names a topic for what was given up."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.deliveries = Deliveries(world.documents, world.clock)
        self.letters = self.process()
        self.ends: list[Delivery] = []

    def process(self, mine: frozenset[int] = ALL_SHARDS, *, given_up: asyncio.Event | None = None) -> Letters:
        """Whoever writes letters in a process of its own."""
        writer = type(self.world.writer)(self.world.bus, self.world.streams)
        return Letters(self.deliveries, Rules(self.world.documents), writer, mine=lambda: mine, given_up=given_up or asyncio.Event())

    async def rule(self, rule_id: str = "r1", *targets: Target) -> None:
        made = Rule(
            rule_id=rule_id,
            account_id=OURS,
            bus="default",
            name=rule_id,
            description="",
            enabled=True,
            pattern="{}",
            targets=targets or (webhook("t1", dead_letters="dead"), webhook("t2")),
            created_at_ms=BORN_MS,
            updated_at_ms=BORN_MS,
            slot=int(rule_id.removeprefix("r")),
        )
        await Rules(self.world.documents).insert(made)

    async def take(self, name: str = "d1", **more: Any) -> None:
        await self.deliveries.enqueue([hook(name, **more)])

    async def give_up(self, name: str = "d1", *, tries: int = 2) -> Delivery:
        """Have its attempts fail, the last for good."""
        held = await self.deliveries.get(OURS, name)
        after = held.delivery
        for number in range(tries):
            self.world.clock.since_ms += 10
            attempt = Attempt(self.world.clock.now_ms(), 5, "https://a.example/", 500)
            after = after.attempted(attempt, retry_after_ms=None, jitter=0.0, is_last=number == tries - 1)
        assert await self.deliveries.put([(held, after)]) == [True]
        self.ends.append(after)
        return after

    async def write(self, letters: Letters | None = None) -> None:
        for shard in sorted(ALL_SHARDS):
            await (letters or self.letters).write(shard)

    def written(self, topic: str = DEAD) -> list[Message]:
        return self.world.bus.topics.get(topic, [])

    async def marked(self) -> list[str]:
        found = (await self.world.documents.scan(DELIVERIES, limit=1_000)).items
        return [str(stored.body["delivery_id"]) for stored in found if stored.body["letter_ms"] is not None]


def hook(name: str, **more: Any) -> NewDelivery:
    return new(name, **({"kind": "webhook", "destination": HOOK} | more))


@pytest.fixture
async def ready(world: World) -> Given:
    made = Given(world)
    await made.rule()
    return made


async def test_what_was_given_up_is_copied_with_its_body(ready: Given) -> None:
    await ready.take()
    await ready.give_up()

    await ready.write()

    (letter,) = ready.written()
    assert (letter.value, letter.key) == (b'{"n": 1}', "code:7")


async def test_a_letter_says_why_and_of_what(ready: Given) -> None:
    await ready.take()
    end = await ready.give_up()

    await ready.write()

    said = {name: value.decode() for name, value in ready.written()[0].headers if name.startswith("dlq_")}
    assert said == {
        "dlq_reason": "dead",
        "dlq_error": "answered 500",
        "dlq_attempts": "2",
        "dlq_rule": "r1",
        "dlq_target": "t1",
        "dlq_kind": "webhook",
        "dlq_destination": HOOK,
        "dlq_delivery": "d1",
        "dlq_time_ms": str(end.ended_ms),
        "dlq_first_attempt_ms": str(end.attempts[0].at_ms),
        "dlq_last_attempt_ms": str(end.attempts[1].at_ms),
    }


async def test_attempts_of_the_time_before_it_was_sent_again_do_not_count(ready: Given) -> None:
    await ready.take()
    await ready.give_up()
    await ready.deliveries.begin_again([await ready.deliveries.get(OURS, "d1")])
    end = await ready.give_up(tries=1)

    await ready.write()

    said = dict(ready.written()[-1].headers)
    assert said["dlq_first_attempt_ms"] == str(end.attempts[-1].at_ms).encode()


async def test_what_was_dropped_without_an_attempt_is_told_too(ready: Given) -> None:
    await ready.take()
    held = await ready.deliveries.get(OURS, "d1")
    await ready.deliveries.put([(held, held.delivery.dropped("its endpoint is gone", BORN_MS + 5))])

    await ready.write()

    said = dict(ready.written()[0].headers)
    assert (said["dlq_reason"], said["dlq_error"], said["dlq_attempts"]) == (b"dropped", b"its endpoint is gone", b"0")
    assert "dlq_first_attempt_ms" not in said


async def test_what_is_written_is_written_once(ready: Given) -> None:
    await ready.take()
    await ready.give_up()

    await ready.write()
    await ready.write()

    assert (len(ready.written()), await ready.marked()) == (1, [])


async def test_a_target_that_names_no_topic_gets_none(ready: Given) -> None:
    await ready.take(cause="rule:r1:t2")
    await ready.give_up()

    await ready.write()

    assert (ready.world.bus.topics, await ready.marked()) == ({}, [])


async def test_what_no_rule_has_asked_for_leaves_no_mark(ready: Given) -> None:
    await ready.take(cause="subscription:s1")
    await ready.give_up()

    assert await ready.marked() == []


async def test_what_was_delivered_leaves_no_mark(ready: Given) -> None:
    await ready.take()
    held = await ready.deliveries.get(OURS, "d1")
    attempt = Attempt(BORN_MS, 5, "https://a.example/", 200)
    await ready.deliveries.put([(held, held.delivery.attempted(attempt, retry_after_ms=None, jitter=0.0))])

    assert await ready.marked() == []


async def test_a_rule_that_was_deleted_lately_is_still_heard(ready: Given) -> None:
    await ready.take()
    await ready.give_up()
    rules = Rules(ready.world.documents)
    held = await rules.by_name(OURS, "default", "r1")
    assert held is not None
    await rules.replace(held, held.rule.gone(BORN_MS))

    await ready.write()

    assert len(ready.written()) == 1


async def test_letters_wait_while_the_bus_is_away(ready: Given) -> None:
    await ready.take()
    await ready.give_up()
    ready.world.bus.fails = AWAY
    await ready.write()
    waiting = await ready.marked()
    ready.world.bus.fails = None

    await ready.write()

    assert (waiting, len(ready.written())) == (["d1"], 1)


async def test_a_rule_of_a_newer_release_keeps_its_letters_waiting(ready: Given) -> None:
    await ready.take()
    await ready.give_up()
    stored = await ready.world.documents.get(RULES, "r1")
    assert stored is not None
    await ready.world.documents.replace(RULES, {**stored.body, "targets": [{"kind": "pigeon"}]}, if_version=stored.version)

    await ready.write()

    assert await ready.marked() == ["d1"]


async def test_an_account_without_room_for_the_topic_holds_up_nobody(ready: Given) -> None:
    for number in range(MAX_STREAMS):
        await ready.world.streams.reserve(OURS, f"out.ours.t{number}")
    await ready.rule("r2", Target("t1", Kind.WEBHOOK, HOOK, dead_letters="t7"))
    await ready.take("d1")
    await ready.take("d2", cause="rule:r2:t1")
    await ready.give_up("d1")
    await ready.give_up("d2")

    await ready.write()

    assert (len(ready.written("out.ours.t7")), ready.written(), await ready.marked()) == (1, [], [])


async def test_another_sender_s_shards_are_left_to_it(ready: Given) -> None:
    await ready.take()
    await ready.give_up()
    others = ALL_SHARDS - {shard_of(f"webhook:{HOOK}")}

    await ready.write(ready.process(others))

    assert await ready.marked() == ["d1"]


async def test_a_mark_that_an_older_release_has_left_on_what_is_sent_again_goes(ready: Given) -> None:
    await ready.take()
    await ready.give_up()
    held = await ready.deliveries.get(OURS, "d1")
    begun: Body = {**held.stored.body, "state": "pending", "due_ms": BORN_MS}
    await ready.world.documents.replace(DELIVERIES, begun, if_version=held.stored.version)

    await ready.write()

    assert (ready.written(), await ready.marked()) == ([], [])


async def test_whoever_writes_letters_hears_of_what_was_given_up(ready: Given) -> None:
    given_up = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(ready.process(given_up=given_up).run())
        await asyncio.sleep(0)
        await ready.take()
        await ready.give_up()
        given_up.set()
        async with asyncio.timeout(4):  # less than it would take to look by itself
            while not ready.written():
                await asyncio.sleep(0.005)
        running.cancel()

    assert len(ready.written()) == 1


async def test_many_large_letters_are_written_in_parts(ready: Given) -> None:
    asked: list[int] = []
    publish = ready.world.bus.publish

    async def counted(messages: Sequence[Message]) -> list[Position]:
        asked.append(sum(len(message.value) for message in messages))
        return await publish(messages)

    ready.world.bus.publish = counted  # type: ignore[method-assign]
    for number in range(20):
        await ready.take(f"d{number}", body=b"x" * 300_000)
        await ready.give_up(f"d{number}")

    await ready.write()

    assert (sum(asked), max(asked) <= 2_000_000) == (6_000_000, True)


class Crash(Exception):
    """The process is gone."""


class Breaking:
    """A process that ends at a moment of its work: before or after it has written on the bus, or in the store."""

    def __init__(self, ready: Given, moment: str) -> None:
        self.bus, self.documents = ready.world.bus, ready.world.documents
        self.moment = moment
        self.publish, self.bulk = self.bus.publish, self.documents.bulk

    async def publishing(self, messages: Sequence[Message]) -> list[Position]:
        if self.moment == "before publish":
            raise Crash
        positions = await self.publish(messages)
        if self.moment == "after publish":
            raise Crash
        return positions

    async def writing(self, collection: Collection, puts: Sequence[Put]) -> list[Outcome]:
        if self.moment == "store away":
            raise DocumentsUnavailable("injected")
        outcomes = await self.bulk(collection, puts)
        if self.moment == "answer lost":
            raise DocumentsUnavailable("injected")
        return outcomes


async def broken(ready: Given, moment: str) -> None:
    """Have a process write letters that ends in the middle of it."""
    breaking = Breaking(ready, moment)
    ready.world.bus.publish = breaking.publishing  # type: ignore[method-assign]
    ready.world.documents.bulk = breaking.writing  # type: ignore[method-assign]
    try:
        await ready.write(ready.process())
    except (Crash, Unavailable):
        pass
    finally:
        ready.world.bus.publish, ready.world.documents.bulk = breaking.publish, breaking.bulk  # type: ignore[method-assign]


MOMENTS = ("before publish", "after publish", "store away", "answer lost")
STEPS = st.lists(st.sampled_from(("give up", "again", "write", *MOMENTS)), max_size=12)


@settings(max_examples=50, deadline=None)
@given(STEPS)
async def test_each_end_that_stands_is_told_by_one_id_whatever_breaks_off(steps: list[str]) -> None:
    world = await World().open()
    ready = Given(world)
    await ready.rule()
    await ready.take()
    standing: list[Delivery] = []
    for step in (*steps, "write"):
        world.clock.since_ms += 1
        held = await ready.deliveries.get(OURS, "d1")
        match step:
            case "give up" if held.delivery.state is State.PENDING:
                standing.append(await ready.give_up())
            case "again" if held.delivery.state is State.DEAD:
                if held.delivery.letter_ms is not None:
                    standing.pop()  # it doesn't stand any more
                await ready.deliveries.begin_again([held])
            case "write":
                await ready.write()
            case moment if moment in MOMENTS:
                await broken(ready, moment)
            case _:
                continue
    ids = {dict(letter.headers)["ce_id"] for letter in ready.written()}
    needed = {dict(letter_of(end, DEAD).headers)["ce_id"] for end in standing}
    possible = {dict(letter_of(end, DEAD).headers)["ce_id"] for end in ready.ends}
    await world.documents.close()

    assert needed <= ids <= possible
    assert len(possible) == len(ready.ends)
