"""Senders share the shards: evenly, none with two, none without a sender for long."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from contract.notification_delivery.world import World

from quietzone_kit.documents import Collection, Documents, Outcome, Put
from quietzone_kit.ids import derived_id, uuid7
from quietzone_notification.delivery.deliveries.repository import SHARDS
from quietzone_notification.delivery.sender.shares import FORGOTTEN_MS, LEASE_MS, SHARES, SKEW_MS, Shares

ALL = frozenset(range(SHARDS))


class Slow:
    """A store whose answers take time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.takes_s = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.documents, name)

    async def bulk(self, collection: Collection, puts: Sequence[Put]) -> list[Outcome]:
        self._world.clock.seconds += self.takes_s
        return await self._world.documents.bulk(collection, puts)


def sender(world: World, name: str, documents: Documents | None = None) -> Shares:
    return Shares(documents or world.documents, world.clock, owner=name, run=uuid7(world.clock, world.randomness))


async def test_who_is_alone_has_all(world: World) -> None:
    alone = sender(world, "a")

    assert await alone.renew() == alone.mine == ALL


async def test_two_have_half_each_once_both_have_looked(world: World) -> None:
    first, second = sender(world, "a"), sender(world, "b")
    await first.renew()
    await second.renew()
    await first.renew()
    await second.renew()

    assert len(first.mine) == len(second.mine) == SHARDS // 2
    assert first.mine | second.mine == ALL


async def test_a_shard_with_attempts_under_way_is_left_only_when_they_have_ended(world: World) -> None:
    first, second = sender(world, "a"), sender(world, "b")
    await first.renew()
    await second.renew()
    await first.renew(busy=ALL)
    await second.renew()
    held_back = second.mine
    await first.renew()
    await second.renew()

    assert (held_back, len(first.mine)) == (frozenset(), SHARDS // 2)
    assert second.mine == ALL - first.mine


async def test_what_a_killed_sender_had_is_free_after_its_lease(world: World) -> None:
    await sender(world, "a").renew()
    other = sender(world, "b")
    await other.renew()
    early = other.mine
    world.clock.seconds += (LEASE_MS + SKEW_MS) / 1_000
    await other.renew()

    assert (early, other.mine) == (frozenset(), ALL)


async def test_who_comes_back_under_its_own_name_has_its_shards_at_once(world: World) -> None:
    await sender(world, "a").renew()
    again = sender(world, "a")

    assert await again.renew() == ALL


async def test_who_leaves_in_order_leaves_them_at_once(world: World) -> None:
    first, second = sender(world, "a"), sender(world, "b")
    await first.renew()
    await first.release()
    await second.renew()

    assert (first.mine, second.mine) == (frozenset(), ALL)


async def test_who_was_paused_for_longer_than_its_lease_has_none_and_begins_anew(world: World) -> None:
    paused = sender(world, "a")
    await paused.renew()
    world.clock.seconds += LEASE_MS / 1_000
    lapsed = paused.mine

    assert (lapsed, await paused.renew()) == (frozenset(), ALL)


async def test_of_two_of_one_name_the_one_that_was_there_first_has_all(world: World) -> None:
    """Two processes of one host: they would send everything twice."""
    first = sender(world, "a")
    await first.renew()
    world.clock.seconds += 1
    second = sender(world, "a")
    for _ in range(2):
        await second.renew()
        await first.renew()
    await second.renew()
    both = first.mine, second.mine
    await second.release()
    world.clock.seconds += (LEASE_MS + SKEW_MS) / 1_000
    await second.renew()

    assert both == (ALL, frozenset())
    assert second.mine == ALL


async def test_what_lapsed_while_it_was_renewed_is_new(world: World) -> None:
    """Lanes that were passed over in between are looked at again."""
    slow = Slow(world)
    shares = sender(world, "a", cast("Documents", slow))
    await shares.renew()
    world.clock.seconds += 1
    slow.takes_s = LEASE_MS / 1_000 - 0.5

    assert await shares.renew() == ALL


async def test_renewing_names_nothing_new(world: World) -> None:
    shares = sender(world, "a")
    await shares.renew()
    world.clock.seconds += 1

    assert await shares.renew() == frozenset()


@pytest.mark.parametrize("set_back_ms", [LEASE_MS + SKEW_MS + 1, 3_600_000])
async def test_a_lease_of_a_clock_that_was_ahead_keeps_nobody_out(world: World, set_back_ms: int) -> None:
    world.clock.since_ms += set_back_ms
    await sender(world, "a").renew()
    world.clock.since_ms -= set_back_ms
    other = sender(world, "b")

    assert await other.renew() == ALL


async def test_senders_that_are_gone_are_forgotten(world: World) -> None:
    gone = [derived_id(f"{number}") for number in range(3)]
    for name in gone:
        await sender(world, name).renew()
    world.clock.seconds += (FORGOTTEN_MS + LEASE_MS) / 1_000 + 1
    here = sender(world, "here")
    for _ in gone:
        await here.renew()

    for name in gone:
        assert await world.documents.get(SHARES, f"sender/{name}") is None
