"""Answers that are kept until a code of the account changes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from contract.gateway.served import CODE_ID, Api, problem

from quietzone.qr.v1 import code_pb2, code_service_pb2
from quietzone_gateway.rest.reads import ForgetChanged, Kept, Reads, _key, follow_changes
from quietzone_kit.bus import Bus, Message, open_bus
from quietzone_kit.cache import Cache, open_cache
from quietzone_kit.errors import PermissionDenied, Unavailable
from quietzone_kit.rpc import CODES_READ, Caller
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_topics import QR_CODE_V1

ANNA, BERT = Caller("anna", frozenset({CODES_READ})), Caller("bert", frozenset({CODES_READ}))


class Answers:
    """Makes numbered answers."""

    def __init__(self) -> None:
        self.made = 0

    async def __call__(self) -> Kept:
        self.made += 1
        return Kept(str(self.made).encode(), str(self.made))


@pytest.fixture
async def cache() -> AsyncIterator[Cache]:
    cache = open_cache("memory://", clock=SystemClock(), randomness=SystemRandomness())
    yield cache
    await cache.close()


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    executor = ThreadExecutor("bus", 2)
    bus = open_bus(f"sqlite:///{tmp_path}/bus.db", clock=SystemClock(), executor=executor, randomness=SystemRandomness())
    await bus.ensure([QR_CODE_V1])
    yield bus
    await bus.close()
    executor.close()


async def test_a_question_is_answered_once_until_something_changes(cache: Cache) -> None:
    reads, answers = Reads(cache), Answers()
    first, again = [await reads.answer(ANNA, "list", answers) for _ in range(2)]
    await reads.forget("anna")

    assert (first, again) == (Kept(b"1", "1"), Kept(b"1", "1"))
    assert (await reads.answer(ANNA, "list", answers)).body == b"2"


@pytest.mark.parametrize("other", [b"", b"junk", msgspec.msgpack.encode({"body": b"{}", "form": 2})])
async def test_what_another_release_has_kept_is_made_anew(cache: Cache, other: bytes) -> None:
    reads, answers = Reads(cache), Answers()
    await cache.set(_key("anna", "list"), other)

    assert await reads.kept("anna", "list") is None
    assert (await reads.answer(ANNA, "list", answers)).body == b"1"


async def test_accounts_do_not_share_answers(cache: Cache) -> None:
    reads, answers = Reads(cache), Answers()

    assert (await reads.answer(ANNA, "list", answers)).body != (await reads.answer(BERT, "list", answers)).body


async def test_who_may_not_read_codes_gets_no_kept_answer(cache: Cache) -> None:
    reads, answers = Reads(cache), Answers()
    await reads.answer(ANNA, "list", answers)

    with pytest.raises(PermissionDenied, match="codes:read"):
        await reads.answer(Caller("anna", frozenset()), "list", answers)


async def test_a_change_by_anybody_is_heard_from_the_bus(cache: Cache, bus: Bus) -> None:
    reads, answers = Reads(cache), Answers()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        following = group.create_task(follow_changes(reads, bus, SystemClock(), SystemRandomness()))
        await reads.answer(ANNA, "list", answers)
        event = code_pb2.CodeEvent(kind=code_pb2.CHANGE_KIND_CHANGED, after=code_pb2.Code(account_id="anna")).SerializeToString()
        while answers.made == 1:
            await bus.publish([Message(QR_CODE_V1.name, "c1", event, ())])
            await reads.answer(ANNA, "list", answers)
        following.cancel()


async def test_what_is_no_event_of_a_code_is_passed_over(cache: Cache, bus: Bus) -> None:
    [offset] = await bus.publish([Message(QR_CODE_V1.name, "c1", b"\xff", ())])
    follower = await bus.follow(QR_CODE_V1.name)
    polled = await follower.poll(max_records=1, wait_s=1)
    await follower.close()

    for partition, records in polled.records.items():
        await ForgetChanged(Reads(cache)).receive(partition, records)
    assert offset is not None


def titled(title: str) -> code_service_pb2.GetCodeResponse:
    return code_service_pb2.GetCodeResponse(code=code_pb2.Code(id=CODE_ID, title=title, state=code_pb2.CODE_STATE_ACTIVE, revision=4))


async def test_who_changes_a_code_reads_the_change(api: Api) -> None:
    assert (await api.send("GET", f"/v1/codes/{CODE_ID}")).json()["title"] == "Menu"
    await api.send("PATCH", f"/v1/codes/{CODE_ID}", {"title": "New"})

    api.services.answer("GetCode", titled("New"))
    assert (await api.send("GET", f"/v1/codes/{CODE_ID}")).json()["title"] == "New"


async def test_a_change_whose_outcome_nobody_knows_is_read_anew(api: Api) -> None:
    await api.send("GET", f"/v1/codes/{CODE_ID}")
    api.services.fail("UpdateCode", Unavailable("gone"))
    await api.send("PATCH", f"/v1/codes/{CODE_ID}", {"title": "New"})

    api.services.answer("GetCode", titled("New"))
    assert (await api.send("GET", f"/v1/codes/{CODE_ID}")).json()["title"] == "New"


async def test_a_failure_is_not_kept(api: Api) -> None:
    api.services.fail("ListCodes", Unavailable("gone"))
    assert problem(await api.send("GET", "/v1/codes"))[0] == 503
    api.services.answer("ListCodes", code_service_pb2.ListCodesResponse())

    assert (await api.send("GET", "/v1/codes")).status_code == 200
