"""The one message of Kafka's protocol that aiokafka lacks: metadata with the ids of topics, which tell a topic from one made anew.

The layout is that of https://kafka.apache.org/protocol; brokers know it since Kafka 3.1.
"""

from io import BytesIO

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

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
