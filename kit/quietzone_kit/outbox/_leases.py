"""Who works on which shard: leases in the service's own store, taken and renewed by compare-and-swap.

A lease keeps relays from doing each other's work, and from publishing one document's events in turns. It can't stop a relay that was
paused for longer than the lease in the middle of a publish: what that one still sends are events again, with ids that were seen.
"""

from collections.abc import Collection as Some

from quietzone_kit.documents import Body, Collection, Documents, Outcome, Put
from quietzone_kit.runtime import Clock

OUTBOX_LEASES = Collection("outbox_leases", key="lease_id")
"""Every store with an outbox declares this collection."""

LEASE_S = 5.0  # how long the events of a shard wait after its relay was killed; a publish is given up when it takes longer
SKEW_S = 1.0  # by how much the clocks of two machines may differ; NTP keeps them within milliseconds


class ShardLeases:
    """Leases of one collection's shards for one `owner`, whose name no other relay has, nor has had."""

    def __init__(self, documents: Documents, collection: str, *, clock: Clock, owner: str) -> None:
        self._documents = documents
        self._collection = collection
        self._clock = clock
        self._owner = owner
        self._until: dict[int, float] = {}

    def holds(self, shard: int) -> bool:
        """Whether the shard is ours just now."""
        return self._until.get(shard, 0.0) > self._clock.monotonic()

    def remaining_s(self, shards: Some[int]) -> float:
        """For how long all of these shards are ours."""
        return min(self._until.get(shard, 0.0) for shard in shards) - self._clock.monotonic()

    async def hold(self, shards: Some[int]) -> frozenset[int]:
        """Take those shards that are free, renew those that are ours and half over; the answer names those that weren't ours before.

        Whatever was read of a new shard before this call may be out of date.
        """
        started = self._clock.monotonic()
        due = [shard for shard in sorted(shards) if self._until.get(shard, 0.0) < started + LEASE_S / 2]
        if not due:
            return frozenset()
        before = frozenset(filter(self.holds, due))
        stored = await self._documents.get_many(OUTBOX_LEASES, [self._key(shard) for shard in due])
        expires_at_ms = self._clock.now_ms() + int(LEASE_S * 1000)
        puts = {}
        for shard in due:
            found = stored.get(self._key(shard))
            if found is None:
                puts[shard] = Put(self._body(shard, expires_at_ms), None)
            elif self._is_free(found.body):
                puts[shard] = Put({**found.body, **self._body(shard, expires_at_ms)}, found.version)
        outcomes = await self._documents.bulk(OUTBOX_LEASES, list(puts.values())) if puts else []
        taken = frozenset(shard for shard, outcome in zip(puts, outcomes, strict=True) if outcome is Outcome.WRITTEN)
        for shard in due:
            self._until.pop(shard, None)
        self._until.update(dict.fromkeys(taken, started + LEASE_S))
        return taken - before

    async def release(self) -> None:
        """Let others have what is ours."""
        shards, self._until = sorted(self._until), {}
        if not shards:
            return
        stored = await self._documents.get_many(OUTBOX_LEASES, [self._key(shard) for shard in shards])
        mine = [(shard, found) for shard in shards if (found := stored.get(self._key(shard))) and found.body["owner"] == self._owner]
        await self._documents.bulk(OUTBOX_LEASES, [Put({**found.body, **self._body(shard, 0)}, found.version) for shard, found in mine])

    def _is_free(self, lease: Body) -> bool:
        expires_at_ms = lease["expires_at_ms"]
        if not isinstance(expires_at_ms, int):
            raise TypeError(f"collection outbox_leases: expires_at_ms of {lease['lease_id']!r} is no number: delete that document")
        left_s = (expires_at_ms - self._clock.now_ms()) / 1000
        # One that ends later than any clock of now would have set it was taken before a clock was set back, and keeps nobody out.
        return lease["owner"] == self._owner or not -SKEW_S < left_s <= LEASE_S + SKEW_S

    def _key(self, shard: int) -> str:
        return f"{self._collection}/{shard}"

    def _body(self, shard: int, expires_at_ms: int) -> Body:
        return {"lease_id": self._key(shard), "owner": self._owner, "expires_at_ms": expires_at_ms}
