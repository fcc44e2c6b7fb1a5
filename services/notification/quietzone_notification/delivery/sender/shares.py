"""Which sender has which shards: leases in the service's own store, taken and renewed by compare-and-swap, shared evenly.

A lease keeps senders from doing the same work. It can't stop one that was paused for longer than the lease in the middle of an attempt:
then a delivery goes out twice, with the same id, and one of the two outcomes is refused by the store.

Who comes back under its own name (a container that is started again) has its shards again at once. Two that have one name at the same time
would send everything twice: the one that was started later steps back.
"""

from dataclasses import dataclass

import msgspec

from quietzone_kit.documents import Body, Collection, Documents, Outcome, Put, Stored, Value, VersionConflict
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger
from quietzone_notification.deadlines import store_answers
from quietzone_notification.delivery.deliveries.repository import SHARDS

log = logger(__name__)

SHARES = Collection("delivery_shares", key="share_id")

COLLECTIONS = (SHARES,)

LEASE_MS = 5_000  # for so long the shards of a killed sender rest, unless it comes back itself
RENEW_S = 1.0
SKEW_MS = 1_000  # by how much the clocks of two machines may differ
FORGOTTEN_MS = 3_600_000  # after which a sender that is gone isn't looked at any more
MOST = 1_000  # shards and senders that are looked at: sixteen, and as many as were started within an hour


@dataclass(frozen=True, slots=True)
class Lease:
    """Of a shard, or of a sender's own presence."""

    share_id: str
    owner: str
    expires_ms: int
    run: str = ""
    """Of a sender's presence: which run of it, since a name is had by one after the other."""


class Shares:
    """The shards of one `owner`, whose name no other sender has at the same time. `run` is a UUIDv7: it tells who was started first."""

    def __init__(self, documents: Documents, clock: Clock, *, owner: str, run: str) -> None:
        self._documents = documents
        self._clock = clock
        self._owner = owner
        self._run = run
        self._is_known = False
        self._has_said = False
        self._mine: frozenset[int] = frozenset()
        self._until_s = 0.0

    @property
    def mine(self) -> frozenset[int]:
        """Shards that are ours just now."""
        return self._mine if self._clock.monotonic() < self._until_s else frozenset()

    async def renew(self, *, busy: frozenset[int] = frozenset()) -> frozenset[int]:
        """Renew what is ours, take what is free, up to an even share; the answer names those that weren't ours all the time. What is above
        the share isn't ours any more; others have it as soon as it isn't `busy`. Raises Unavailable.
        """
        before = self.mine
        began_s, now_ms = self._clock.monotonic(), self._clock.now_ms()
        async with store_answers():
            page = await self._documents.scan(SHARES, limit=MOST)
        found = {str(stored.body["share_id"]): stored for stored in page.items}
        leases = {share_id: lease_of(stored) for share_id, stored in found.items()}
        if self._steps_back(leases.get(f"sender/{self._owner}"), now_ms):
            self._mine = frozenset()
            return self._mine
        share = self._share(leases, now_ms)
        wanted = share | {shard for shard in busy if self._is_mine(leases.get(_key(shard)))}
        puts = [self._put(found, f"sender/{self._owner}", {"expires_ms": now_ms + LEASE_MS, "run": self._run})]
        shards = sorted(wanted)
        puts += [self._put(found, _key(shard), {"expires_ms": now_ms + LEASE_MS}) for shard in shards]
        left = [shard for shard in range(SHARDS) if shard not in wanted and self._is_mine(leases.get(_key(shard)))]
        puts += [Put({**found[_key(shard)].body, "expires_ms": 0}, found[_key(shard)].version) for shard in left]
        async with store_answers():
            outcomes = await self._documents.bulk(SHARES, puts)
        self._is_known = True
        before &= self.mine  # what has lapsed meanwhile wasn't ours all the time
        taken = zip(shards, outcomes[1:], strict=False)
        self._mine = share & frozenset(shard for shard, outcome in taken if outcome is Outcome.WRITTEN)
        self._until_s = began_s + LEASE_MS / 1_000
        await self._forget(leases, found, now_ms)
        return self._mine - before

    async def release(self) -> None:
        """Let others have what is ours. Raises Unavailable."""
        if not self._mine:  # what bears our name may be another's
            return
        self._mine, self._until_s = frozenset(), 0.0
        async with store_answers():
            page = await self._documents.scan(SHARES, limit=MOST)
            mine = [stored for stored in page.items if stored.body["owner"] == self._owner]
            await self._documents.bulk(SHARES, [Put({**stored.body, "expires_ms": 0}, stored.version) for stored in mine])

    def _steps_back(self, present: Lease | None, now_ms: int) -> bool:
        """Whether another has our name, and had it first. At our beginning it is who had it before us."""
        if not self._is_known or present is None or not _lasts(present, now_ms) or present.run in ("", self._run):
            self._has_said = False
            return False
        if not self._has_said:
            log.error("another sender has the same name: give each its own (QUIETZONE_NOTIFICATION_SENDER)", sender=self._owner)
        self._has_said = True
        return present.run < self._run

    def _share(self, leases: dict[str, Lease], now_ms: int) -> frozenset[int]:
        senders = {lease.owner for share_id, lease in leases.items() if share_id.startswith("sender/") and _lasts(lease, now_ms)}
        most = -(-SHARDS // len(senders | {self._owner}))
        mine = [shard for shard in range(SHARDS) if self._is_mine(leases.get(_key(shard)))]
        free = [shard for shard in range(SHARDS) if _is_free(leases.get(_key(shard)), now_ms)]
        return frozenset([*mine, *(shard for shard in free if shard not in mine)][:most])

    def _is_mine(self, lease: Lease | None) -> bool:
        return lease is not None and lease.owner == self._owner and lease.expires_ms > 0

    def _put(self, found: dict[str, Stored], share_id: str, lease: Body) -> Put:
        """A lease of ours in the place of what was found; what another release has added to it stays."""
        stored = found.get(share_id)
        known: dict[str, Value] = {"share_id": share_id, "owner": self._owner, **lease}
        return Put(known, None) if stored is None else Put({**stored.body, **known}, stored.version)

    async def _forget(self, leases: dict[str, Lease], found: dict[str, Stored], now_ms: int) -> None:
        """Remove one sender that is gone."""
        for share_id, lease in leases.items():
            if share_id.startswith("sender/") and lease.expires_ms < now_ms - FORGOTTEN_MS:
                try:
                    async with store_answers():
                        await self._documents.delete(SHARES, share_id, if_version=found[share_id].version)
                except VersionConflict:  # it is back, or another sender was faster
                    pass
                return


def lease_of(stored: Stored) -> Lease:
    """The lease in a document; msgspec.ValidationError names the field that was damaged."""
    return msgspec.convert(stored.body, Lease)


def _key(shard: int) -> str:
    return f"shard/{shard}"


def _lasts(lease: Lease, now_ms: int) -> bool:
    # One that ends later than any clock of now would have set it was taken before a clock was set back, and keeps nobody out.
    return now_ms - SKEW_MS < lease.expires_ms <= now_ms + LEASE_MS + SKEW_MS


def _is_free(lease: Lease | None, now_ms: int) -> bool:
    return lease is None or not _lasts(lease, now_ms)
