"""What is asked of brokers and what they answer, as values of ours: the only place that knows aiokafka's tuples."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiokafka.protocol.admin import DescribeConfigsRequest
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest

from quietzone_kit.bus._kafka.protocol import Assignment, CreateTopicsRequest, IncrementalAlterConfigsRequest, MetadataRequest, Subscription
from quietzone_kit.bus._kafka.shares import Claim

Request: TypeAlias = Any
"""One of aiokafka's request builders: aiokafka ships no types."""

EARLIEST = -2
LATEST = -1
ALL_IN_SYNC = -1
READ_UNCOMMITTED = 0
GROUP = 0
TOPIC_RESOURCE = 2

PROTOCOL_TYPE = "consumer"
PROTOCOL = "quietzone-cooperative"
"""Names our way of sharing partitions (shares.py): a member that shares them otherwise isn't let into the group."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one part of a request: `code` is one of codes.py."""

    code: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class TopicFound:
    """A topic as a broker knows it; `leaders` has a node for each partition, -1 when it has no leader now."""

    id: str
    leaders: tuple[int, ...]
    replication: int


@dataclass(frozen=True, slots=True)
class Metadata:
    """Brokers by node, and topics; a code stands for a topic that isn't found."""

    brokers: dict[int, tuple[str, int]]
    topics: dict[str, TopicFound | int]


@dataclass(frozen=True, slots=True)
class Appended:
    """Where the batch of a partition came to stand."""

    code: int
    offset: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """What is in a partition from the offset on that was asked for: whole batches."""

    code: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Joined:
    """A member's place in a generation of its group; only the leader is told of all members' claims."""

    code: int
    generation: int
    member: str
    leads: bool
    claims: dict[str, Claim]


def ask_metadata(topics: Sequence[str]) -> Request:
    """Brokers and these topics."""
    return MetadataRequest(list(topics))


def read_metadata(response: Any) -> Metadata:
    """Of `ask_metadata`."""
    topics: dict[str, TopicFound | int] = {}
    for code, name, topic_id, _, partitions, *_ in response.topics:
        places = sorted((number, leader, len(replicas)) for _, number, leader, _, replicas, *_ in partitions)
        topics[name] = code or TopicFound(str(uuid.UUID(bytes=topic_id)), tuple(place[1] for place in places), min(p[2] for p in places))
    return Metadata({node: (host, port) for node, host, port, *_ in response.brokers}, topics)


def ask_offset(topic: str, partition: int, which: int) -> Request:
    """The EARLIEST or LATEST offset of a partition."""
    return OffsetRequest(-1, READ_UNCOMMITTED, [(topic, [(partition, which)])])


def read_offset(response: Any) -> tuple[int, int]:
    """Of `ask_offset`: a code and the offset."""
    _, code, _, offset = response.topics[0][1][0]
    return code, offset


def ask_producer() -> Request:
    """A new producer id."""
    return InitProducerIdRequest(None, 0)


def read_producer(response: Any) -> tuple[int, int]:
    """Of `ask_producer`: a code and the id."""
    return response.error_code, response.producer_id


def ask_append(batches: Mapping[tuple[str, int], bytes], timeout_ms: int) -> Request:
    """Append a batch to each of some partitions of one broker, and have all in-sync replicas take it."""
    return ProduceRequest(None, ALL_IN_SYNC, timeout_ms, _by_topic(batches.items()))


def read_append(response: Any) -> dict[tuple[str, int], Appended]:
    """Of `ask_append`."""
    return {
        (topic, partition): Appended(code, offset) for topic, partitions in response.topics for partition, code, offset, *_ in partitions
    }


def ask_records(topic: str, offsets: Mapping[int, int], *, wait_ms: int, partition_bytes: int, max_bytes: int) -> Request:
    """What is in some partitions of one broker, or comes within `wait_ms`."""
    wanted = [(partition, offset, partition_bytes) for partition, offset in offsets.items()]
    return FetchRequest(wait_ms, 1, max_bytes, READ_UNCOMMITTED, [(topic, wanted)])


def read_records(response: Any) -> dict[int, Fetched]:
    """Of `ask_records`."""
    found = {}
    for _, partitions in response.topics:
        for partition, code, *_, data in partitions:
            found[partition] = Fetched(code, data or b"")
    return found


def ask_coordinator(group: str) -> Request:
    """The broker that keeps a group."""
    return FindCoordinatorRequest(group, GROUP)


def read_coordinator(response: Any) -> tuple[int, int, tuple[str, int]]:
    """Of `ask_coordinator`: a code, the node and its address."""
    return response.error_code, response.coordinator_id, (response.host, response.port)


def ask_join(group: str, member: str, topic: str, claim: Claim, *, session_ms: int, rebalance_ms: int) -> Request:
    """Be a member of the group's next generation; answered when all members are there."""
    subscription = Subscription(2, [topic], b"", [(topic, sorted(claim.partitions))], claim.generation).encode()
    return JoinGroupRequest(group, session_ms, rebalance_ms, member, None, PROTOCOL_TYPE, [(PROTOCOL, subscription)])


def read_join(response: Any, topic: str) -> Joined:
    """Of `ask_join`."""
    claims = {}
    for member, _, data in response.members:
        said = Subscription.decode(data)
        owned = frozenset(partition for name, partitions in said.owned if name == topic for partition in partitions)
        claims[member] = Claim(owned, said.generation)
    leads = bool(response.member_id) and response.leader_id == response.member_id
    return Joined(response.error_code, response.generation_id, response.member_id, leads, claims)


def ask_sync(group: str, generation: int, member: str, topic: str, shares: Mapping[str, frozenset[int]]) -> Request:
    """A member's share; the leader says all of them, others say none."""
    assignments = [(name, Assignment(1, [(topic, sorted(share))], b"").encode()) for name, share in shares.items()]
    return SyncGroupRequest(group, generation, member, None, assignments)


def read_sync(response: Any, topic: str) -> tuple[int, frozenset[int]]:
    """Of `ask_sync`: a code and the share."""
    if response.error_code or not response.member_assignment:
        return response.error_code, frozenset()
    told = Assignment.decode(response.member_assignment)
    return 0, frozenset(partition for name, partitions in told.partitions if name == topic for partition in partitions)


def ask_heartbeat(group: str, generation: int, member: str) -> Request:
    """Say that a member lives."""
    return HeartbeatRequest(group, generation, member)


def ask_leave(group: str, member: str) -> Request:
    """Say that a member goes."""
    return LeaveGroupRequest(group, member)


def read_code(response: Any) -> int:
    """Of `ask_heartbeat` and `ask_leave`."""
    code: int = response.error_code
    return code


def ask_commit(group: str, generation: int, member: str, topic: str, offsets: Mapping[int, int]) -> Request:
    """Keep where the group goes on."""
    partitions = [(partition, offset, "") for partition, offset in offsets.items()]
    return OffsetCommitRequest(group, generation, member, -1, [(topic, partitions)])


def read_commit(response: Any) -> dict[int, int]:
    """Of `ask_commit`: a code for each partition."""
    return {partition: code for _, partitions in response.topics for partition, code in partitions}


def ask_committed(group: str, topic: str, partition: int) -> Request:
    """Where the group goes on in a partition."""
    return OffsetFetchRequest(group, [(topic, [partition])])


def read_committed(response: Any) -> tuple[int, int]:
    """Of `ask_committed`: a code and the offset, -1 when nobody has committed yet."""
    if response.error_code:
        return response.error_code, -1
    _, offset, _, code = response.topics[0][1][0]
    return code, offset


def ask_create(topics: Sequence[tuple[str, int, int, dict[str, str]]], timeout_ms: int) -> Request:
    """Create topics: name, partitions, replication factor (-1: the broker's default), settings."""
    return CreateTopicsRequest(list(topics), timeout_ms)


def read_create(response: Any) -> dict[str, Outcome]:
    """Of `ask_create`."""
    return {name: Outcome(code, message or "") for name, code, message in response.topics}


def ask_settings(topic: str, names: Iterable[str]) -> Request:
    """Some settings of a topic."""
    return DescribeConfigsRequest([(TOPIC_RESOURCE, topic, list(names))])


def read_settings(response: Any) -> tuple[Outcome, dict[str, str]]:
    """Of `ask_settings`."""
    code, message, _, _, entries = response.resources[0]
    return Outcome(code, message or ""), {entry[0]: entry[1] for entry in entries}


def ask_set(topic: str, settings: Mapping[str, str]) -> Request:
    """Set some settings of a topic, leave the others."""
    return IncrementalAlterConfigsRequest(topic, dict(settings))


def read_set(response: Any) -> Outcome:
    """Of `ask_set`."""
    code, message, *_ = response.resources[0]
    return Outcome(code, message or "")


def _by_topic(batches: Iterable[tuple[tuple[str, int], bytes]]) -> list[tuple[str, list[tuple[int, bytes]]]]:
    topics: dict[str, list[tuple[int, bytes]]] = {}
    for (topic, partition), data in batches:
        topics.setdefault(topic, []).append((partition, data))
    return list(topics.items())
