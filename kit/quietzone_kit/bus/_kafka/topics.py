"""Topics on Kafka: created, looked at, and their settings set."""

import asyncio
from collections.abc import Sequence

from quietzone_kit.bus import Topic, TopicMismatch
from quietzone_kit.bus._kafka import codes, wire
from quietzone_kit.bus._kafka.cluster import PATIENCE_S, RETRY_S, Cluster, Moved
from quietzone_kit.bus.topics import RETENTION, Shape

CREATE_WITHIN_MS = 5_000
MAX_MESSAGE_BYTES = 1_048_588
"""Kafka's own default, said aloud because a cluster may have a smaller one; MAX_VALUE_BYTES fits in with key and headers."""

BROKERS_DEFAULT = -1


def wanted(topic: Topic, replication: int | None) -> Shape:
    """What we make of a topic."""
    settings = {
        "cleanup.policy": "delete",
        "compression.type": "producer",  # another would cost the broker CPU time, and may be one that consumers lack the library for
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
        "message.timestamp.type": "LogAppendTime",  # a record's time is the log's, whatever the publisher's clock says
        RETENTION: str(topic.retention_ms),
        "unclean.leader.election.enable": "false",  # a replica that lags would lose what was acknowledged
    }
    if replication is not None:
        settings["min.insync.replicas"] = str(max(1, replication - 1))  # one broker may be down, and what is acknowledged is on two
    return Shape(topic.partitions, replication, settings)


async def ensure(cluster: Cluster, topics: Sequence[Topic]) -> None:
    """Create the topics that aren't there, all or none when one has other partitions; return when they can be used.

    Raises:
        TopicMismatch: says what to do.
    """
    found = await cluster.look_up([topic.name for topic in topics])
    _check(topics, found)
    missing = [topic for topic in topics if found[topic.name] is None]
    if not missing:
        return
    await _create(cluster, missing)
    give_up_at = cluster.clock.monotonic() + PATIENCE_S
    while not all(there is not None and min(there.leaders) >= 0 for there in found.values()):
        if cluster.clock.monotonic() > give_up_at:
            raise Moved(f"{cluster.shown}: topics were created {PATIENCE_S:g} s ago and have no leaders yet; are enough brokers up?")
        await asyncio.sleep(RETRY_S)
        found = await cluster.look_up([topic.name for topic in topics])
    _check(topics, found)  # another process may have been first, with another declaration


async def shape(cluster: Cluster, topic: Topic) -> Shape | None:
    """What a topic is now; None if it isn't there."""
    there = (await cluster.look_up([topic.name]))[topic.name]
    if there is None:
        return None
    names = wanted(topic, 1).settings.keys()
    outcome, settings = wire.read_settings(await cluster.ask(wire.ask_settings(topic.name, names)))
    if outcome.code:
        raise cluster.refused(f"settings of topic {topic.name}", outcome.code, outcome.message)
    return Shape(len(there.leaders), there.replication, settings)


async def reshape(cluster: Cluster, topic: Topic) -> None:
    """Give a topic the settings that are wanted."""
    settings = wanted(topic, cluster.address.replication).settings
    outcome = wire.read_set(await cluster.ask(wire.ask_set(topic.name, settings)))
    if outcome.code:
        raise cluster.refused(f"settings of topic {topic.name}", outcome.code, outcome.message)


async def _create(cluster: Cluster, topics: Sequence[Topic]) -> None:
    replication = cluster.address.replication
    new = [(topic.name, topic.partitions, replication or BROKERS_DEFAULT, dict(wanted(topic, replication).settings)) for topic in topics]
    answer = await cluster.ask(wire.ask_create(new, CREATE_WITHIN_MS), within_s=CREATE_WITHIN_MS / 1000 + 1)
    for name, outcome in wire.read_create(answer).items():
        if outcome.code not in {codes.OK, codes.TOPIC_ALREADY_EXISTS}:
            raise cluster.refused(f"topic {name} with replication {replication or 'as the brokers have it'}", outcome.code, outcome.message)


def _check(topics: Sequence[Topic], found: dict[str, wire.TopicFound | None]) -> None:
    for topic in topics:
        there = found[topic.name]
        if there is not None and len(there.leaders) != topic.partitions:
            raise TopicMismatch(
                f"topic {topic.name} has {len(there.leaders)} partitions and is declared with {topic.partitions}: "
                "declare what is there, or make a topic with a new name; moving keys between partitions would break their order"
            )
