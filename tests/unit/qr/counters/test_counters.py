"""Counters are what counting every code gives, whatever happens to those who count."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.qr.codes import OTHERS, OURS
from unit.qr.counters.world import ACCOUNTS, Brittle, Crash, World, opened_world

from quietzone.qr.v1 import code_pb2
from quietzone_kit.bus import Bounds
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.outbox import Outgoing
from quietzone_kit.projection import OwnershipLost
from quietzone_qr.codes.domain import AccountId, Code, State
from quietzone_qr.codes.events import code_event
from quietzone_qr.codes.listing import Filter, Shown, Span
from quietzone_qr.codes.requests import Target
from quietzone_qr.codes.texts import parse_folder, parse_tag
from quietzone_qr.counters import domain, projection, repository
from quietzone_qr.counters.repository import CounterStore
from quietzone_qr.counters.use_cases import REMEMBERED_S, Totalled
from quietzone_topics import QR_CODE_V1


async def test_codes_are_counted_by_state_tag_and_folder(world: World) -> None:
    await world.count()
    paused = await world.create(tags=["red", "blue"], folder="Menus")
    await world.create(tags=["red"])
    await world.desk.update(paused.code_id, state=State.PAUSED)
    await world.publish()

    await world.count()

    assert await world.counted() == ({"active": 1, "paused": 1}, {"red": 2, "blue": 1}, {"Menus": 1})


async def test_another_accounts_codes_are_not_counted(world: World) -> None:
    await world.create(account_id=OTHERS, tags=["red"])

    await world.count()

    assert await world.counted(OURS) == ({}, {}, {})


async def test_a_deleted_code_counts_no_more(world: World) -> None:
    code = await world.create(tags=["red"], folder="Menus")
    await world.count()
    await world.desk.delete(code.code_id)
    await world.publish()

    await world.count()

    assert await world.counted() == ({}, {}, {})


async def test_a_blocked_code_counts_as_blocked(world: World) -> None:
    code = await world.create()
    await world.count()
    await world.desk.block(Target(code.code_id))
    await world.publish()

    await world.count()

    assert await world.counted() == ({"blocked": 1}, {}, {})


async def test_nothing_is_told_before_every_partition_is_whole(world: World) -> None:
    await world.claimed(world.process(), 0)

    assert await world.totals() is None


async def test_a_store_of_before_there_were_counters_is_counted_though_the_log_has_lost_its_beginning(world: World) -> None:
    await world.create(tags=["red"])
    await world.publish()
    world.new_log()

    await world.count()

    assert await world.counted() == ({"active": 1}, {"red": 1}, {})


async def test_what_waits_in_codes_while_they_are_counted_is_counted_once(world: World) -> None:
    await world.create(tags=["red"])
    await world.count()
    await world.publish()

    await world.count()

    assert await world.counted() == ({"active": 1}, {"red": 1}, {})


async def test_a_log_that_is_another_one_has_all_counted_anew(world: World) -> None:
    code = await world.create(tags=["red"])
    await world.publish()
    await world.count()
    await world.desk.update(code.code_id, tags=["blue"])
    world.new_log()

    await world.count()

    assert await world.counted() == ({"active": 1}, {"blue": 1}, {})


async def test_records_that_were_removed_before_they_were_read_have_all_counted_anew(world: World) -> None:
    code = await world.create(tags=["red"])
    await world.publish()
    await world.count()
    await world.desk.update(code.code_id, tags=["blue"])
    await world.publish()
    counting = world.process()
    for partition, records in world.log.items():
        while True:
            try:
                await counting.claim(partition, Bounds(world.log_id, len(records), len(records)))
            except DocumentsUnavailable:
                continue
            break

    assert await world.counted() == ({"active": 1}, {"blue": 1}, {})


async def test_counts_that_are_made_anew_are_not_told_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "PAGE", 1)
    monkeypatch.setattr(projection, "ANEW_S", 0.0)
    for _ in range(3):
        await world.create()
    await world.count()
    world.new_log()

    with pytest.raises(DocumentsUnavailable, match="still being counted"):
        await world.process().claim(0, Bounds(world.log_id, 0, 0))

    assert await world.totals() is None


async def test_counting_anew_goes_on_where_it_let_the_loop_go_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "PAGE", 1)
    monkeypatch.setattr(projection, "ANEW_S", 0.0)
    for number in range(20):
        await world.create(tags=[str(number % 3)])

    await world.count()

    assert await world.counted() == await world.model()


async def test_a_newer_epoch_is_not_taken_for_one_that_is_remembered(world: World) -> None:
    totalled = Totalled(CounterStore(world.documents), world.clock)
    await world.create(tags=["red"])
    await world.count()
    before = await totalled.of_account(OURS)
    world.new_log()
    await world.count()

    after = await totalled.of_account(OURS)

    assert before is not None
    assert after is not None
    assert (before.codes, after.codes) == (1, 1)


async def test_that_counts_are_whole_is_looked_at_again_after_a_while(world: World) -> None:
    totalled = Totalled(CounterStore(world.documents), world.clock)
    await world.count()
    assert await totalled.of_account(OURS) is not None
    store = CounterStore(world.documents)
    held = await store.state(3)
    assert held is not None
    await store.write_state(replace(held, value=replace(held.value, is_whole=False)))

    world.clock.seconds += REMEMBERED_S

    assert await totalled.of_account(OURS) is None


async def test_a_store_that_does_not_answer_tells_no_total(world: World) -> None:
    class Down:
        async def get_many(self, *_: object) -> object:
            raise DocumentsUnavailable("down")

    assert await Totalled(CounterStore(Down()), world.clock).of_account(OURS) is None  # type: ignore[arg-type] # all that is asked of it


TOTALS: dict[str, tuple[Filter, int | None]] = {
    "all": (Filter(), 4),
    "a state": (Filter(state=Shown.PAUSED), 1),
    "a state that none has": (Filter(state=Shown.BLOCKED), 0),
    "a tag": (Filter(tag=parse_tag("red")), 2),
    "a tag that none has": (Filter(tag=parse_tag("green")), 0),
    "a folder": (Filter(folder=parse_folder("Menus")), 1),
    "no folder": (Filter(folder=parse_folder("")), 3),
    "a tag and a span": (Filter(tag=parse_tag("red"), created=Span(1)), None),
    "a span": (Filter(updated=Span(1)), None),
    "a prefix": (Filter(slug_prefix="a"), None),
    "two": (Filter(tag=parse_tag("red"), state=Shown.ACTIVE), None),
}


@pytest.mark.parametrize(("chosen", "total"), TOTALS.values(), ids=TOTALS.keys())
async def test_a_list_has_a_total_where_a_counter_knows_one(world: World, chosen: Filter, total: int | None) -> None:
    paused = await world.create(tags=["red"], folder="Menus")
    await world.desk.update(paused.code_id, state=State.PAUSED)
    for tags in (["red"], ["blue"], []):
        await world.create(tags=tags)
    await world.count()

    assert await Totalled(CounterStore(world.documents), world.clock).that_fit(OURS, chosen) == total


async def test_beyond_a_bound_values_are_not_counted_and_their_total_is_not_known(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "MAX_VALUES", 1)
    await world.count()
    for number in range(30):
        await world.create(tags=[f"tag-{number:02}"])
    await world.publish()
    await world.count()

    totals = await world.totals()

    assert totals is not None
    known = [totals.with_tag(f"tag-{number:02}") for number in range(30)]
    assert set(known) == {None}
    assert totals.codes == 30
    assert not totals.is_complete


async def test_a_value_that_was_counted_stays_exact_when_others_have_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "MAX_VALUES", 1)
    tally = domain.Tally()
    counted = domain.Counted("a", "ours", 1, "active", ("red",), "")
    tally.move(None, counted)
    tally.move(None, replace(counted, code_id="b", tags=("blue",)))
    tally.move(counted, replace(counted, revision=2, tags=()))
    tally.move(None, replace(counted, code_id="c"))

    totals = domain.Totals.of([tally])

    assert (totals.with_tag("red"), totals.with_tag("blue")) == (1, None)


async def test_an_older_release_that_deletes_a_code_it_knows_no_tags_of_is_counted_right(world: World) -> None:
    code = await world.create(tags=["red"], folder="Menus")
    await world.publish()
    await world.count()
    told = code_event(code, code.deleted(code.updated_at_ms))
    message = code_pb2.CodeEvent.FromString(told.data)
    for side in (message.before, message.after):
        del side.tags[:]
        side.folder = ""
    del message.changed[:]
    message.changed.append("state")
    world.append(Outgoing(QR_CODE_V1.name, replace(told, data=message.SerializeToString())))

    await world.count()

    assert await world.counted() == ({}, {}, {})


async def test_an_older_release_that_changes_a_title_takes_no_tags_away(world: World) -> None:
    code = await world.create(tags=["red"], folder="Menus")
    await world.publish()
    await world.count()
    told = code_event(code, replace(code, revision=2, tags=(), folder=parse_folder("")))
    message = code_pb2.CodeEvent.FromString(told.data)
    del message.changed[:]
    message.changed.append("title")
    world.append(Outgoing(QR_CODE_V1.name, replace(told, data=message.SerializeToString())))

    await world.count()

    assert await world.counted() == ({"active": 1}, {"red": 1}, {"Menus": 1})


async def test_a_record_that_makes_no_sense_is_passed_over(world: World) -> None:
    code = await world.create()
    await world.publish()
    (partition,) = [partition for partition, records in world.log.items() if records]
    junk = replace(world.log[partition][0], offset=1, value=b"\xff")
    await world.desk.update(code.code_id, tags=["red"])
    world.log[partition].append(junk)
    await world.publish()

    await world.count()

    assert await world.counted() == ({"active": 1}, {"red": 1}, {})


async def test_an_owner_that_was_put_out_changes_nothing_more(world: World) -> None:
    old, new = world.process(), world.process()
    await world.count(old)
    await world.create(tags=["red"])
    await world.publish()
    await world.count(new)
    (partition,) = [partition for partition, records in world.log.items() if records]

    with pytest.raises(OwnershipLost):
        await old.apply(partition, world.log[partition], next_offset=1)

    assert await world.counted() == ({"active": 1}, {"red": 1}, {})


async def test_offsets_of_another_log_mean_nothing(world: World) -> None:
    code = await world.create(tags=["0"])
    await world.count()
    for number in range(5):
        await world.desk.update(code.code_id, tags=[str(number)])
    await world.publish()
    await world.count()
    world.new_log()
    await world.count()
    await world.desk.update(code.code_id, tags=["blue"])
    await world.publish()

    await world.count()

    assert await world.counted() == ({"active": 1}, {"blue": 1}, {})


@pytest.mark.parametrize("written", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("crash_at", range(1, 7))
async def test_a_crash_at_any_write_makes_nothing_count_twice_or_not_at_all(world: World, crash_at: int, written: bool) -> None:
    await world.count()
    code = await world.create(tags=["red"])
    for tags in (["red", "blue"], ["blue"], ["green", "blue"]):
        await world.desk.update(code.code_id, tags=tags)
    await world.publish()

    with pytest.raises(Crash):
        await world.count(world.process(Brittle(world.documents, crash_at, written=written)), chunk=1)
    await world.count()

    assert await world.counted() == ({"active": 1}, {"blue": 1, "green": 1}, {})


TAGS = st.lists(st.sampled_from(["red", "blue", "green"]), max_size=3)
FOLDERS = st.sampled_from(["", "a", "a/b"])
NUMBERS = st.integers(0, 5)
STEPS = st.lists(
    st.tuples(st.just("create"), st.sampled_from(ACCOUNTS), TAGS, FOLDERS)
    | st.tuples(st.just("update"), NUMBERS, TAGS, FOLDERS, st.sampled_from([State.ACTIVE, State.PAUSED]))
    | st.tuples(st.just("delete"), NUMBERS)
    | st.tuples(st.just("block"), NUMBERS, st.booleans())
    | st.tuples(st.just("publish"))
    | st.tuples(st.just("count"), st.integers(1, 4), st.integers(0, 3))
    | st.tuples(st.just("crash"), st.integers(1, 12), st.booleans(), st.integers(1, 4))
    | st.tuples(st.just("new_log")),
    max_size=25,
)


@given(STEPS)
@settings(max_examples=60, deadline=None)
async def test_whatever_happens_counters_are_what_counting_every_code_gives(steps: list[tuple[Any, ...]]) -> None:
    async with opened_world() as world:
        history = History(world)
        for what, *how in steps:
            await getattr(history, what)(*how)
        await world.publish()
        await world.count()

        for account_id in ACCOUNTS:
            assert await world.counted(account_id) == await world.model(account_id)


class History:
    """What can happen; codes go by their number, and what can't happen to one doesn't."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def create(self, account_id: AccountId, tags: list[str], folder: str) -> None:
        await self._world.create(account_id=account_id, tags=tags, folder=folder)

    async def update(self, number: int, tags: list[str], folder: str, state: State) -> None:
        if code := await self._code(number):
            wanted = None if code.is_blocked else state
            await self._world.desk.update(code.code_id, account_id=code.account_id, tags=tags, folder=folder, state=wanted)

    async def delete(self, number: int) -> None:
        if code := await self._code(number):
            await self._world.desk.delete(code.code_id, account_id=code.account_id)

    async def block(self, number: int, blocked: bool) -> None:
        if code := await self._code(number):
            await self._world.desk.block(Target(code.code_id), blocked=blocked)

    async def publish(self) -> None:
        await self._world.publish()

    async def count(self, chunk: int, again: int) -> None:
        await self._world.count(chunk=chunk, again=again)

    async def crash(self, at: int, written: bool, chunk: int) -> None:
        with suppress(Crash):
            await self._world.count(self._world.process(Brittle(self._world.documents, at, written=written)), chunk=chunk)

    async def new_log(self) -> None:
        self._world.new_log()

    async def _code(self, number: int) -> Code | None:
        if number >= len(self._world.codes):
            return None
        held = await self._world.desk.codes.of_any_account(self._world.codes[number])
        assert held is not None
        return None if held.code.state is State.DELETED else held.code
