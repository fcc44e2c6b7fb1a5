"""Feature flags."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ports import Hands, Inline

from quietzone.gateway.v1 import audit_pb2
from quietzone_gateway.identity.domain import Actor
from quietzone_gateway.plans.changes import FLAGS, PLANS, ByName
from quietzone_gateway.plans.domain import Plan
from quietzone_gateway.plans.flags import Flag, FlagState, InvalidFlag
from quietzone_gateway.plans.known import KnownPlans
from quietzone_gateway.plans.known_flags import Flags
from quietzone_gateway.plans.metrics import FLAG_READS
from quietzone_kit.cache import open_cache
from quietzone_kit.documents import Documents, open_documents
from quietzone_kit.outbox import OUTBOX_LEASES, waiting
from quietzone_kit.runtime import SystemRandomness

ANNA = Actor("key:1")
SOME = FlagState.SOME


@given(st.text(max_size=16), st.text(max_size=40), st.integers(0, 100), st.integers(0, 100))
def test_raising_the_share_never_takes_an_account_out(salt: str, account: str, one: int, other: int) -> None:
    less, more = sorted((one, other))

    assert Flag("new", SOME, salt, more).is_on(account) or not Flag("new", SOME, salt, less).is_on(account)


@given(st.text(max_size=16), st.integers(1, 99))
def test_a_share_is_about_that_part_of_all_accounts(salt: str, percent: int) -> None:
    flag = Flag("new", SOME, salt, percent)

    assert abs(sum(flag.is_on(f"account-{number}") for number in range(2_000)) - 20 * percent) < 150


def test_flags_choose_different_accounts() -> None:
    one, other = (Flag("new", SOME, salt, 50) for salt in ("a", "b"))

    assert {number for number in range(100) if one.is_on(str(number))} != {number for number in range(100) if other.is_on(str(number))}


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        (Flag("new", FlagState.OFF, "", 100, ("main",)), False),
        (Flag("new", FlagState.ON, ""), True),
        (Flag("new", SOME, ""), False),
        (Flag("new", SOME, "", 0, ("main",)), True),
        (Flag("new", SOME, "", 100), True),
    ],
)
def test_a_flag_is_on_for_whom_it_says(flag: Flag, *, told: bool) -> None:
    assert flag.is_on("main") is told


@pytest.mark.parametrize("state", FlagState)
def test_a_plan_has_a_flag_while_it_is_for_some_or_all(state: FlagState) -> None:
    assert Flag("new", state, "").is_on("main", in_plan=True) is (state is not FlagState.OFF)


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"name": "No"}, "name"),
        ({"percent": 101}, "percent"),
        ({"accounts": ("a", "a")}, "accounts"),
        ({"accounts": tuple(map(str, range(1_001)))}, "accounts"),
    ],
)
def test_a_flag_that_cannot_be_kept_says_what_is_wrong(given: dict[str, object], wrong: str) -> None:
    with pytest.raises(InvalidFlag) as told:
        Flag(**({"name": "new", "state": SOME, "salt": ""} | given))  # type: ignore[arg-type]

    assert told.value.field == wrong


@dataclass
class Board:
    """Replicas that know flags, and what was told of their changes."""

    replicas: list[Flags]
    plans: KnownPlans
    documents: Documents

    async def told(self) -> list[audit_pb2.AuditEvent]:
        """What waits to be told of the flag `new`."""
        stored = await self.documents.get(FLAGS, "new")
        assert stored is not None
        return [audit_pb2.AuditEvent.FromString(outgoing.event.data) for outgoing in waiting(stored.body)]


@pytest.fixture
async def board() -> AsyncIterator[Board]:
    documents = open_documents("sqlite://:memory:", executor=Inline(), randomness=SystemRandomness())
    await documents.ensure(FLAGS, PLANS, OUTBOX_LEASES)
    cache = open_cache("memory://", clock=Hands(), randomness=SystemRandomness())
    plans = KnownPlans(ByName(documents, PLANS, Plan, Hands()), cache)
    store = ByName(documents, FLAGS, Flag, Hands())
    yield Board([Flags(store, plans, cache, SystemRandomness()) for _ in range(2)], plans, documents)
    await documents.close()


async def test_a_flag_that_is_not_there_is_off(board: Board) -> None:
    assert not board.replicas[0].is_on("new", "main")


async def test_a_change_is_heard_by_other_replicas(board: Board) -> None:
    one, other = board.replicas
    async with asyncio.TaskGroup() as group, asyncio.timeout(30):
        running = group.create_task(other.run())
        await asyncio.sleep(0)
        await one.put("new", FlagState.ON, percent=0, accounts=(), actor=ANNA)
        while not other.is_on("new", "main"):
            await asyncio.sleep(0)
        running.cancel()


async def test_whoever_has_it_by_its_share_keeps_it_when_it_is_changed_elsewhere(board: Board) -> None:
    one, other = board.replicas
    await one.put("new", SOME, percent=30, accounts=(), actor=ANNA)
    had = {number for number in range(100) if one.is_on("new", str(number))}
    await other.put("new", SOME, percent=60, accounts=(), actor=ANNA)

    assert had < {number for number in range(100) if other.is_on("new", str(number))}


async def test_a_plan_brings_its_flags(board: Board) -> None:
    flags = board.replicas[0]
    await flags.put("new", SOME, percent=0, accounts=(), actor=ANNA)
    await board.plans.put(Plan("gold", flags=("new",)), ANNA)

    assert [flags.is_on("new", "main", plan) for plan in ("gold", "free", "")] == [True, False, False]


async def test_each_change_is_recorded(board: Board) -> None:
    flags = board.replicas[0]
    await flags.put("new", FlagState.OFF, percent=0, accounts=(), actor=ANNA)
    await flags.put("new", FlagState.ON, percent=0, accounts=(), actor=ANNA)

    assert [(act.subject, act.action, act.target, act.before) for act in await board.told()] == [
        ("key:1", "flag.created", "flag:new", "{}"),
        ("key:1", "flag.changed", "flag:new", '{"state":"off"}'),
    ]


async def test_reads_are_counted_by_what_was_told(board: Board) -> None:
    flags = board.replicas[0]
    await flags.put("counted", FlagState.ON, percent=0, accounts=(), actor=ANNA)
    before = FLAG_READS.labels("counted", "on")._value.get()
    flags.is_on("counted", "main")

    assert FLAG_READS.labels("counted", "on")._value.get() == before + 1


async def test_asking_for_names_that_nobody_made_makes_no_metrics(board: Board) -> None:
    board.replicas[0].is_on("nobody-made-this", "main")

    assert ("nobody-made-this", "off") not in FLAG_READS._metrics
