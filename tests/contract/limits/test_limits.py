"""What every adapter of limits does."""

import asyncio
import time

from quietzone_kit.limits import Limits, Rate

HOUR = 3_600_000


async def granted(limits: Limits, times: int, rates: dict[str, Rate], key: str = "key") -> int:
    return sum([(await limits.take(key, rates)).granted for _ in range(times)])


async def test_a_bucket_gives_its_burst_and_no_more(limits: Limits) -> None:
    assert await granted(limits, 15, {"all": Rate(1, HOUR, 10)}) == 10


async def test_callers_at_once_get_the_burst_and_no_more(limits: Limits) -> None:
    answers = await asyncio.gather(*(limits.take("key", {"all": Rate(1, HOUR, 10)}) for _ in range(30)))

    assert sum(answer.granted for answer in answers) == 10


async def test_tokens_come_back_by_time(limits: Limits) -> None:
    rates = {"all": Rate(20, 1_000, 1)}
    first = await limits.take("key", rates)
    async with asyncio.timeout(5):
        while not (answer := await limits.take("key", rates)).granted:
            await asyncio.sleep(answer.retry_s)

    assert first.granted


async def test_a_refusal_says_when_there_will_be_a_token(limits: Limits) -> None:
    rates = {"all": Rate(1, 10_000, 1)}
    began = time.monotonic()
    await limits.take("key", rates)
    refused = await limits.take("key", rates)

    assert 10 - (time.monotonic() - began) - 0.1 <= refused.retry_s <= 10


async def test_keys_have_buckets_of_their_own(limits: Limits) -> None:
    rates = {"all": Rate(1, HOUR, 1)}
    await limits.take("key", rates)

    assert (await limits.take("other", rates)).granted


async def test_of_several_buckets_all_give_or_none(limits: Limits) -> None:
    narrow, wide = Rate(1, HOUR, 2), Rate(1, HOUR, 10)
    await granted(limits, 5, {"all": wide, "writes": narrow})

    assert (await limits.take("key", {"all": wide})).levels["all"].left == 7


async def test_a_decision_tells_what_is_left_and_when_the_bucket_is_full(limits: Limits) -> None:
    rates = {"all": Rate(10, 100_000, 10)}
    for _ in range(3):
        level = (await limits.take("key", rates)).levels["all"]

    assert level.left == 7
    assert 29 <= level.full_s <= 30


async def test_a_rate_that_was_raised_holds_at_once(limits: Limits) -> None:
    await granted(limits, 5, {"all": Rate(1, HOUR, 5)})
    raised = {"all": Rate(1_000, 1_000, 5)}
    async with asyncio.timeout(5):
        while not (answer := await limits.take("key", raised)).granted:
            await asyncio.sleep(answer.retry_s)


async def test_the_fastest_and_the_slowest_rate_can_be_kept(limits: Limits) -> None:
    fast, slow = Rate(10_000, 1_000, 1_000_000), Rate(1, 24 * HOUR, 11_574)

    assert [(await limits.take(str(rate.burst), {"all": rate})).levels["all"].left for rate in (fast, slow)] == [999_999, 11_573]


async def test_an_adapter_that_answers_says_so(limits: Limits) -> None:
    await limits.check()
