"""The error codes of Kafka's protocol that we tell apart (https://kafka.apache.org/protocol#protocol_error_codes)."""

from aiokafka.errors import for_code

OK = 0
OFFSET_OUT_OF_RANGE = 1
UNKNOWN_TOPIC_OR_PARTITION = 3
MESSAGE_TOO_LARGE = 10
COORDINATOR_LOADING = 14
COORDINATOR_NOT_AVAILABLE = 15
NOT_COORDINATOR = 16
ILLEGAL_GENERATION = 22
UNKNOWN_MEMBER_ID = 25
REBALANCE_IN_PROGRESS = 27
TOPIC_ALREADY_EXISTS = 36
MEMBER_ID_REQUIRED = 79

COORDINATOR_MOVES = frozenset({COORDINATOR_LOADING, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR})
NOT_A_MEMBER = frozenset({ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID})
REJOINING = NOT_A_MEMBER | {REBALANCE_IN_PROGRESS}
"""To a commit: our next generation, soon known, says whether the partitions are still ours."""

TRANSIENT = frozenset({3, 5, 6, 7, 8, 9, 13, 19, 20, 56, 72, 74, 75, 76, 100})
"""Of a partition whose leader moves or whose replicas are too few for now: the same request succeeds later, elsewhere or here.

Among them 3 (unknown topic), which a broker says until it has heard of a new one, and 19 and 20 (too few in-sync replicas).
"""

PRODUCER_LOST = frozenset({45, 46, 47, 49, 59, 90})
"""The broker and we don't agree any more on what we sent: numbers out of order, twice or fenced, or an id that it doesn't know."""

DENIED = frozenset({29, 30, 31, 53, 58, 65})


def name(code: int) -> str:
    """For messages: `NotEnoughReplicasError (19)`."""
    return f"{for_code(code).__name__} ({code})"
