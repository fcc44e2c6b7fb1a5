"""Tiers as storage classes, on a server that keeps them (S3Mock; versitygw answers STANDARD whatever is asked). It can restore nothing:
that is shown by botocore's Stubber in test_s3.py.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from quietzone_kit.blobs import About, Blobs, Tier, open_blobs
from quietzone_kit.runtime import SystemRandomness, ThreadExecutor
from servers.process import Server
from servers.s3mock import ACCESS

pytestmark = [pytest.mark.server("s3mock", own=True), pytest.mark.timeout(120)]


@pytest.fixture
async def blobs(own_server: Callable[[str], Server], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Blobs]:
    for name, value in ACCESS.items():
        monkeypatch.setenv(name, value)
    server = await asyncio.to_thread(own_server, "s3mock")
    executor = ThreadExecutor("blobs", 2)
    blobs = open_blobs(server.url, executor=executor, randomness=SystemRandomness())
    yield blobs
    await blobs.close()
    executor.close()


async def test_what_is_moved_is_kept_in_its_class_with_all_that_is_said_of_it(blobs: Blobs) -> None:
    about = About("image/png", {"uploadedat": "1"}, {"StorageTier": "HOT"})
    kept: dict[Tier, Tier] = {}
    for tier in Tier:
        await blobs.put(tier.value, b"bytes", about)
        assert await blobs.move(tier.value, tier, {"StorageTier": tier.value})
        found = await blobs.head(tier.value)
        kept[tier] = found.tier
        assert (found.size, found.about.content_type, found.about.metadata) == (5, "image/png", {"uploadedat": "1"})

    assert kept == {tier: tier for tier in Tier}


async def test_what_was_put_anew_is_at_hand_again(blobs: Blobs) -> None:
    await blobs.put("key", b"old")
    await blobs.move("key", Tier.ARCHIVE, {})

    await blobs.put("key", b"new")

    assert ((await blobs.head("key")).tier, await blobs.get("key")) == (Tier.HOT, b"new")
