"""Messages of Kafka's protocol that aiokafka doesn't have, or only in versions that lack what we need.

Layouts are those of https://kafka.apache.org/protocol; brokers know them all since Kafka 3.1.
"""

from io import BytesIO

from aiokafka.protocol.admin import CreateTopicsRequest_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.struct import Struct
from aiokafka.protocol.types import (
    Array,
    Boolean,
    Bytes,
    CompactArray,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    String,
    TaggedFields,
)

TEXT = String("utf-8")
COMPACT_TEXT = CompactString("utf-8")
NO_ID = bytes(16)


class Uuid:
    """16 bytes."""

    @staticmethod
    def encode(value: bytes) -> bytes:
        """As it is."""
        return value

    @staticmethod
    def decode(data: BytesIO) -> bytes:
        """The next 16 bytes."""
        return data.read(16)

    @staticmethod
    def repr(value: bytes) -> str:
        """For aiokafka's debug log."""
        return value.hex()


class MetadataResponseV12(Response):
    """Brokers, and topics with their ids."""

    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(("node", Int32), ("host", COMPACT_TEXT), ("port", Int32), ("rack", COMPACT_TEXT), ("tags", TaggedFields))),
        ("cluster_id", COMPACT_TEXT),
        ("controller", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", COMPACT_TEXT),
                ("topic_id", Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("in_sync", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class MetadataRequestV12(RequestStruct):
    """Version 10 brought topic ids; without `allow_auto_topic_creation` 0, asking for a topic would create it."""

    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = MetadataResponseV12
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", Uuid), ("name", COMPACT_TEXT), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class MetadataRequest(Request[MetadataRequestV12]):
    """Brokers and the named topics; creates none."""

    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[MetadataRequestV12]) -> MetadataRequestV12:
        """The message."""
        return request_struct_class([(NO_ID, name, {}) for name in self._topics], False, False, {})


class CreateTopicsResponseV4(Response):
    """An outcome for each topic."""

    API_KEY = 19
    API_VERSION = 4
    SCHEMA = Schema(("throttle_time_ms", Int32), ("topics", Array(("name", TEXT), ("error_code", Int16), ("error_message", TEXT))))


class CreateTopicsRequestV4(RequestStruct):
    """As version 3, but a replication factor of -1 means the broker's default."""

    API_KEY = 19
    API_VERSION = 4
    RESPONSE_TYPE = CreateTopicsResponseV4
    SCHEMA = CreateTopicsRequest_v3.SCHEMA


class CreateTopicsRequest(Request[CreateTopicsRequestV4]):
    """Create `topics`, each with a name, partitions, a replication factor and settings."""

    API_KEY = 19

    def __init__(self, topics: list[tuple[str, int, int, dict[str, str]]], timeout_ms: int) -> None:
        self._topics = topics
        self._timeout_ms = timeout_ms

    def build(self, request_struct_class: type[CreateTopicsRequestV4]) -> CreateTopicsRequestV4:
        """The message."""
        topics: list[tuple[str, int, int, list[object], list[tuple[str, str]]]] = [
            (name, partitions, replication, [], list(config.items())) for name, partitions, replication, config in self._topics
        ]
        return request_struct_class(topics, self._timeout_ms, False)


class IncrementalAlterConfigsResponseV0(Response):
    """An outcome for each topic."""

    API_KEY = 44
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("resources", Array(("error_code", Int16), ("error_message", TEXT), ("type", Int8), ("name", TEXT))),
    )


class IncrementalAlterConfigsRequestV0(RequestStruct):
    """Sets some settings; AlterConfigs would reset all others."""

    API_KEY = 44
    API_VERSION = 0
    RESPONSE_TYPE = IncrementalAlterConfigsResponseV0
    SCHEMA = Schema(
        (
            "resources",
            Array(("type", Int8), ("name", TEXT), ("configs", Array(("name", TEXT), ("operation", Int8), ("value", TEXT)))),
        ),
        ("validate_only", Boolean),
    )


class IncrementalAlterConfigsRequest(Request[IncrementalAlterConfigsRequestV0]):
    """Set settings of one topic."""

    API_KEY = 44
    TOPIC = 2
    SET = 0

    def __init__(self, topic: str, settings: dict[str, str]) -> None:
        self._topic = topic
        self._settings = settings

    def build(self, request_struct_class: type[IncrementalAlterConfigsRequestV0]) -> IncrementalAlterConfigsRequestV0:
        """The message."""
        settings = [(name, self.SET, value) for name, value in self._settings.items()]
        return request_struct_class([(self.TOPIC, self._topic, settings)], False)


class Subscription(Struct):
    """What a member says of itself when it joins (ConsumerProtocolSubscription, version 2): tools that list groups read it."""

    SCHEMA = Schema(
        ("version", Int16),
        ("topics", Array(TEXT)),
        ("user_data", Bytes),
        ("owned", Array(("topic", TEXT), ("partitions", Array(Int32)))),
        ("generation", Int32),
    )


class Assignment(Struct):
    """What a member is told that it has (ConsumerProtocolAssignment, version 1)."""

    SCHEMA = Schema(("version", Int16), ("partitions", Array(("topic", TEXT), ("partitions", Array(Int32)))), ("user_data", Bytes))
