import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ports import Hands

from quietzone_gateway.idempotency import REPEATS, Answer, Asked, InvalidKey, KeyReused, Repeats, StillUnderWay, once, parse_key, sweep
from quietzone_gateway.idempotency.domain import KEPT_MS, LEASE_MS, MAX_ANSWER_BYTES, fingerprint
from quietzone_kit.documents import open_documents
from quietzone_kit.runtime import SystemRandomness, ThreadExecutor

ASKED = Asked("acme", "key:1", "k1", "f1")
CREATED = Answer(201, {"location": "/v1/codes/1"}, b"{}")


class Runs:
    """Runs of a request, counted, under their names."""

    def __init__(self, answer: Answer = CREATED) -> None:
        self.names: list[str] = []
        self.answer = answer
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self, name: str) -> Answer:
        self.names.append(name)
        await self.may_end.wait()
        return self.answer


@pytest.fixture
async def repeats() -> AsyncIterator[Repeats]:
    executor = ThreadExecutor("documents", 2)
    documents = open_documents("sqlite://:memory:", executor=executor, randomness=SystemRandomness())
    await documents.ensure(REPEATS)
    yield Repeats(documents)
    await documents.close()
    executor.close()


async def test_a_repeated_request_gets_the_first_answer_and_runs_no_more(repeats: Repeats) -> None:
    runs = Runs()

    first, again = await once(repeats, Hands(), ASKED, runs), await once(repeats, Hands(), ASKED, runs)

    assert (first, again, len(runs.names)) == ((CREATED, False), (CREATED, True), 1)


async def test_of_requests_that_come_at_once_one_runs_and_the_others_wait(repeats: Repeats) -> None:
    runs = Runs()
    runs.may_end.clear()
    all_asked = asyncio.gather(*(once(repeats, Hands(), ASKED, runs) for _ in range(8)))
    while not runs.names:
        await asyncio.sleep(0)
    runs.may_end.set()

    answers = await all_asked

    assert ([answer for answer, _ in answers], len(runs.names)) == ([CREATED] * 8, 1)


async def test_a_first_request_that_hangs_is_told_to_those_who_wait(repeats: Repeats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quietzone_gateway.idempotency.use_cases.WAIT_S", 0.1)
    runs = Runs()
    runs.may_end.clear()

    async with asyncio.TaskGroup() as group:
        first = group.create_task(once(repeats, Hands(), ASKED, runs))
        while not runs.names:
            await asyncio.sleep(0)
        with pytest.raises(StillUnderWay):
            await once(repeats, Hands(), ASKED, runs)
        runs.may_end.set()

    assert first.result() == (CREATED, False)


async def test_a_key_that_came_with_another_request_is_refused(repeats: Repeats) -> None:
    await once(repeats, Hands(), ASKED, Runs())

    with pytest.raises(KeyReused):
        await once(repeats, Hands(), Asked("acme", "key:1", "k1", "f2"), Runs())


async def test_accounts_do_not_share_keys(repeats: Repeats) -> None:
    runs = Runs()
    await once(repeats, Hands(), ASKED, runs)

    await once(repeats, Hands(), Asked("bolt", "key:1", "k1", "f1"), runs)

    assert len(set(runs.names)) == 2


async def test_members_of_an_account_do_not_share_keys(repeats: Repeats) -> None:
    runs = Runs()
    await once(repeats, Hands(), ASKED, runs)

    await once(repeats, Hands(), Asked("acme", "user:2", "k1", "f1"), runs)

    assert len(set(runs.names)) == 2


async def test_an_answer_is_kept_for_a_day(repeats: Repeats) -> None:
    clock, runs = Hands(), Runs()
    await once(repeats, clock, ASKED, runs)
    clock.seconds += KEPT_MS / 1000

    _, repeated = await once(repeats, clock, ASKED, runs)

    assert not repeated


async def test_a_run_that_hangs_is_taken_up_under_the_same_name(repeats: Repeats) -> None:
    clock, stuck, runs = Hands(), Runs(), Runs()
    stuck.may_end.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(once(repeats, clock, ASKED, stuck))
        while not stuck.names:
            await asyncio.sleep(0)
        clock.seconds += LEASE_MS / 1000

        _, repeated = await once(repeats, clock, ASKED, runs)

        first.cancel()
    assert (repeated, stuck.names) == (False, runs.names)


async def test_a_request_that_failed_runs_again(repeats: Repeats) -> None:
    async def fail(_name: str) -> Answer:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await once(repeats, Hands(), ASKED, fail)

    assert await once(repeats, Hands(), ASKED, Runs()) == (CREATED, False)


@pytest.mark.parametrize(
    "answer", [Answer(429, {}, b""), Answer(503, {}, b""), Answer(409, {}, b""), Answer(201, {}, b"x" * (MAX_ANSWER_BYTES + 1))]
)
async def test_an_answer_that_may_change_or_is_too_large_is_not_kept(repeats: Repeats, answer: Answer) -> None:
    runs = Runs(answer)

    await once(repeats, Hands(), ASKED, runs)
    await once(repeats, Hands(), ASKED, runs)

    assert len(runs.names) == 2


async def test_what_is_over_is_swept_and_nothing_else(repeats: Repeats) -> None:
    clock, runs = Hands(), Runs()
    await once(repeats, clock, ASKED, runs)
    clock.seconds += KEPT_MS / 1000
    await once(repeats, clock, Asked("acme", "key:1", "k2", "f1"), runs)

    swept = await sweep(repeats, clock)

    assert (swept, (await once(repeats, clock, Asked("acme", "key:1", "k2", "f1"), runs))[1]) == (1, True)


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"'), min_size=1, max_size=255))
def test_a_key_is_the_same_with_quotes_and_without(key: str) -> None:
    assert parse_key(f'"{key}"') == parse_key(key) == key


@pytest.mark.parametrize("header", ["", '""', " ", "a b", "é", "x" * 256])
def test_what_is_no_key_is_refused(header: str) -> None:
    with pytest.raises(InvalidKey, match="UUID"):
        parse_key(header)


@given(
    st.tuples(st.sampled_from(["POST", "PATCH"]), st.sampled_from(["/a", "/b"]), st.sampled_from(["", "x=1"]), st.binary(max_size=4)),
    st.data(),
)
def test_requests_have_equal_fingerprints_exactly_when_they_are_equal(request: tuple[str, str, str, bytes], data: st.DataObject) -> None:
    other = data.draw(
        st.tuples(st.sampled_from(["POST", "PATCH"]), st.sampled_from(["/a", "/b"]), st.sampled_from(["", "x=1"]), st.binary(max_size=4))
    )

    assert (fingerprint(*request) == fingerprint(*other)) == (request == other)
