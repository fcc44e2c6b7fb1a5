"""Who of a group gets which partition, and a member's part in it.

aiokafka takes everything from everybody at each rebalance. So its members say what they hold, and the one that leads the group leaves it
with them. Partitions move in two steps (the idea of KIP-429): one that must move stays with its holder, marked as leaving, until the
holder's owner was told and has polled again; then the member joins again without it, and it is free. Members that lose nothing go on.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from aiokafka import ConsumerRebalanceListener
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from aiokafka.structs import TopicPartition
from prometheus_client import Counter

REBALANCES = Counter(
    "quietzone_bus_rebalances_total",
    "Generations of a group that this process joined. More than a few a minute without releases: members come and go, look for restarts.",
    ["group"],
)
VERSION = 0


@dataclass(frozen=True, slots=True)
class Share:
    """What a member keeps or gets, and what it holds still and must let go of."""

    mine: frozenset[int]
    leaving: frozenset[int]


def assign(claims: Mapping[str, frozenset[int]], partitions: int) -> dict[str, Share]:
    """What each member has from now on: as even as can be, and as much as can be of what it claims. Pure."""
    holders = {p: member for member, claim in sorted(claims.items(), reverse=True) for p in claim if p < partitions}
    held = {member: sorted(p for p, holder in holders.items() if holder == member) for member in claims}
    order = sorted(claims, key=lambda member: (-len(held[member]), member))  # who has most keeps the odd ones
    least, odd = divmod(partitions, len(claims))
    quotas = {member: least + (place < odd) for place, member in enumerate(order)}
    kept = {member: held[member][: quotas[member]] for member in order}
    free = sorted(set(range(partitions)) - {p for mine in kept.values() for p in mine})
    shares = {}
    for member in order:
        missing = quotas[member] - len(kept[member])
        due, free = free[:missing], free[missing:]
        mine = frozenset(kept[member]) | {p for p in due if p not in holders}
        shares[member] = Share(mine, frozenset(held[member]) - mine)
    return shares


class Membership(AbstractPartitionAssignor, ConsumerRebalanceListener):
    """What aiokafka asks about sharing, and tells of it: in its own task, so nothing here waits or takes a lock.

    `held` says since which of our joins each partition is held without a break, `leaving` what is to go when the owner has let go of it,
    `settled` that the group agrees. `changed` is called when that may be otherwise.
    """

    name = "quietzone-sticky"
    """A member that shares otherwise isn't let into the group."""

    def __init__(self, group: str, topic: str, partitions: int, changed: Callable[[], None]) -> None:
        self._group = group
        self._topic = topic
        self._partitions = partitions
        self._changed = changed
        self._joins = itertools.count()
        self._member = ""
        self._given: ConsumerProtocolMemberAssignment | None = None
        self.held: dict[int, int] = {}
        self.leaving: frozenset[int] = frozenset()
        self.settled = False

    def let_go(self, told: Iterable[int]) -> bool:
        """The owner works on no other partitions than those it was told of; whether some are free now, and the group is to be told."""
        free = self.leaving.difference(told)
        self.leaving -= free
        self.settled = self.settled and not free
        return bool(free)

    def lose(self) -> None:
        """The group goes on without us."""
        self.held, self.leaving, self.settled, self._member = {}, frozenset(), False, ""
        self._changed()

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """Our claim, for the one who leads the group."""
        claim = {"member": self._member, "partitions": sorted(self.held.keys() | self.leaving)}
        return ConsumerProtocolMemberMetadata(VERSION, list(topics), json.dumps(claim).encode())

    def assign(
        self,
        cluster: ClusterMetadata,  # noqa: ARG002 - we know the topic
        members: Mapping[str, ConsumerProtocolMemberMetadata],
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Everybody's share, when we lead the group. A member that was away joins with another name: what it claims by the old is void."""
        claims = {}
        for member, metadata in members.items():
            claim = json.loads(metadata.user_data)
            claims[member] = frozenset(claim["partitions"] if claim["member"] == member else ())
        assignments = {}
        for member, share in assign(claims, self._partitions).items():
            note = {"member": member, "leaving": sorted(share.leaving)}
            partitions = [(self._topic, sorted(share.mine | share.leaving))]
            assignments[member] = ConsumerProtocolMemberAssignment(VERSION, partitions, json.dumps(note).encode())
        return assignments

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Our share; `on_partitions_assigned` follows."""
        self._given = assignment

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - always everything
        """The group is joined again. What is held stays so until the group says otherwise."""
        self.settled = False
        self._changed()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - empty when `let_go` came in between
        """The group was joined again."""
        assert self._given is not None  # noqa: S101 - aiokafka's order
        REBALANCES.labels(self._group).inc()
        note = json.loads(self._given.user_data)
        kept = self.held if note["member"] == self._member else {}
        join = next(self._joins)
        self._member = note["member"]
        self.leaving = frozenset(note["leaving"])
        self.held = {tp.partition: kept.get(tp.partition, join) for tp in self._given.partitions() if tp.partition not in self.leaving}
        self.settled = True
        self._changed()
