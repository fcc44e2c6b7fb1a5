"""Topics on Kafka: created, looked at, and their settings set."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from quietzone_kit.bus import BusUnavailable, Topic, TopicMismatch
from quietzone_kit.bus._kafka.cluster import PATIENCE_S, RETRY_S, Cluster, TopicFound
from quietzone_kit.bus.topics import RETENTION, Shape
from quietzone_kit.telemetry import logger

log = logger(__name__)

CHANGE_WITHIN_S = 6.0
MAX_MESSAGE_BYTES = 1_048_588
"""Kafka's own default, said aloud because a cluster may have a smaller one; MAX_VALUE_BYTES fits in with key and headers."""

BROKERS_DEFAULT = -1
ALREADY_EXISTS = 36
SET_ON_TOPIC = 1
"""The source of a setting that somebody gave this topic (`ConfigSource.DYNAMIC_TOPIC_CONFIG`)."""


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
    _check(cluster.shown, topics, found)
    missing = [topic for topic in topics if found[topic.name] is None]
    if not missing:
        return
    created = await _create(cluster, missing)
    give_up_at = cluster.clock.monotonic() + PATIENCE_S
    while not all(there is not None and min(there.leaders) >= 0 for there in found.values()):
        if cluster.clock.monotonic() > give_up_at:
            raise BusUnavailable(
                f"{cluster.shown}: topics were created {PATIENCE_S:g} s ago and have no leaders yet; are enough brokers up?"
            )
        await asyncio.sleep(RETRY_S)
        found = await cluster.look_up([topic.name for topic in topics])
    _check(cluster.shown, topics, found)  # another process may have been first, with another declaration
    _tell(created, among=len(topics))


def _tell(created: Sequence[str], *, among: int) -> None:
    """Where all that were asked for are new, so is the installation; a topic that was missing beside others may have been lost."""
    for name in created:
        if len(created) < among:
            log.warning("a topic was missing, and was created: if it was lost, what it held is gone", topic=name)
        else:
            log.info("topic created", topic=name)


async def shape(cluster: Cluster, topic: Topic) -> Shape | None:
    """What a topic is now; None if it isn't there."""
    there = (await cluster.look_up([topic.name]))[topic.name]
    if there is None:
        return None
    async with _admin(cluster, f"settings of topic {topic.name}") as admin:
        settings, _ = await _settings(cluster, admin, topic)
    names = wanted(topic, 1).settings.keys()
    return Shape(len(there.leaders), there.replication, {name: value for name, value in settings.items() if name in names})


async def reshape(cluster: Cluster, topic: Topic) -> None:
    """Give a topic the settings that are wanted. aiokafka's request resets all others: those that somebody set are set again."""
    async with _admin(cluster, f"settings of topic {topic.name}") as admin:
        _, given = await _settings(cluster, admin, topic)
        settings = given | dict(wanted(topic, cluster.address.replication).settings)
        answers = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, cluster.name(topic.name), settings)])
        code, message, *_ = answers[0].resources[0]
        if code:
            raise cluster.refused(f"settings of topic {topic.name}", for_code(code)(), message or "")


async def _settings(cluster: Cluster, admin: AIOKafkaAdminClient, topic: Topic) -> tuple[dict[str, str], dict[str, str]]:
    """All settings of a topic, and those among them that somebody gave it."""
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, cluster.name(topic.name))])
    code, message, _, _, entries = answers[0].resources[0]
    if code:
        raise cluster.refused(f"settings of topic {topic.name}", for_code(code)(), message or "")
    settings = {entry[0]: entry[1] for entry in entries if entry[1] is not None}
    return settings, {entry[0]: entry[1] for entry in entries if entry[3] == SET_ON_TOPIC}


async def _create(cluster: Cluster, topics: Sequence[Topic]) -> list[str]:
    """Those among the topics that nobody else has created meanwhile."""
    replication = cluster.address.replication
    new = [
        NewTopic(
            name=cluster.name(topic.name),
            num_partitions=topic.partitions,
            replication_factor=replication or BROKERS_DEFAULT,
            replica_assignments=None if replication else {},  # without, aiokafka takes a default for a mistake
            topic_configs=dict(wanted(topic, replication).settings),
        )
        for topic in topics
    ]
    async with _admin(cluster, "topics") as admin:
        answer = await admin.create_topics(new, timeout_ms=int(CHANGE_WITHIN_S * 1000) - 1_000)
    for name, code, message in answer.topic_errors:
        if code not in {0, ALREADY_EXISTS}:
            raise cluster.refused(f"topic {name} with replication {replication or 'as the brokers have it'}", for_code(code)(), message)
    return [name for name, code, _ in answer.topic_errors if not code]


@asynccontextmanager
async def _admin(cluster: Cluster, what: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """Seldom needed, so opened for each call."""
    admin = AIOKafkaAdminClient(**await cluster.arguments(), request_timeout_ms=int(CHANGE_WITHIN_S * 1000))
    cluster.owns(admin._client)  # noqa: SLF001 - there is no public way to its connections
    try:
        async with asyncio.timeout(CHANGE_WITHIN_S):
            await admin.start()
            yield admin
    except (KafkaError, TimeoutError) as error:
        raise cluster.refused(what, error) from error
    finally:
        await cluster.end(admin.close(), within_s=1)


def _check(shown: str, topics: Sequence[Topic], found: dict[str, TopicFound | None]) -> None:
    for topic in topics:
        there = found[topic.name]
        if there is not None and len(there.leaders) != topic.partitions:
            raise TopicMismatch(
                f"{shown}: topic {topic.name} has {len(there.leaders)} partitions and is declared with {topic.partitions}: "
                "declare what is there, or make a topic with a new name; moving keys between partitions would break their order"
            )
