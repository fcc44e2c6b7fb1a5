"""Dead letters as records: which topic they are in, and the headers that say where they came from and why they died."""

from collections.abc import Mapping
from dataclasses import dataclass

from quietzone_kit.bus import Headers, Message, Record, Topic

KEPT_MS = 30 * 24 * 3_600_000
"""How long a dead letter waits for somebody to look at it: a holiday, and then some."""

MAX_REASON = 500
"""Characters: with all other headers some kB, what `MAX_VALUE_BYTES` leaves of a broker's largest message."""

_PREFIX = "dlq_"
_SETTLES = "dlq_settles"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record stood first, and how often it was redriven since."""

    topic: str
    partition: int
    offset: int
    redrives: int = 0

    @property
    def letter_id(self) -> str:
        """The id of the letter that it becomes if it dies now."""
        return f"{self.partition}-{self.offset}-{self.redrives}"


@dataclass(frozen=True, slots=True)
class Death:
    """Why and when a record was given up: `error` is the class, `reason` its message without secrets, at most MAX_REASON characters."""

    error: str
    reason: str
    attempts: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class Letter:
    """A record that a consumer gave up; key, value and headers are as they were in the origin topic."""

    origin: Origin
    death: Death
    key: str
    value: bytes
    headers: Headers

    @property
    def letter_id(self) -> str:
        """Known by its origin and how often it was redriven: the same letter may stand in the topic twice."""
        return self.origin.letter_id


def dead_topic(topic: str, consumer: str) -> Topic:
    """Where a consumer's dead letters go: one partition, so that they are redriven in the order in which they died, whatever their keys."""
    return Topic(f"{topic}.{consumer}.dlq", partitions=1, retention_ms=KEPT_MS)


def redrive_topic(topic: str, consumer: str) -> Topic:
    """Where they come back from; one partition for the same reason."""
    return Topic(f"{topic}.{consumer}.redrive", partitions=1, retention_ms=KEPT_MS)


def told_origin(record: Record) -> Origin | None:
    """The origin that a dead letter, or a redriven one, tells of; None when it is neither."""
    told = _told(record.headers)
    try:
        return Origin(told["dlq_topic"], int(told["dlq_partition"]), int(told["dlq_offset"]), int(told["dlq_redrives"]))
    except (KeyError, ValueError):
        return None


def own_headers(headers: Headers) -> Headers:
    """The headers that a record had in its origin topic."""
    return tuple((name, value) for name, value in headers if not name.startswith(_PREFIX))


def to_dead(record: Record, origin: Origin, death: Death, topic: Topic) -> Message:
    """The dead letter of a record."""
    told = _headers(origin, record.key) | {
        "dlq_error": death.error,
        "dlq_reason": death.reason,
        "dlq_attempts": str(death.attempts),
        "dlq_time_ms": str(death.time_ms),
    }
    return _message(topic, record.key, record.value, own_headers(record.headers), told)


def to_redriven(letter: Letter, topic: Topic) -> Message:
    """The letter on its way back."""
    told = _headers(letter.origin, letter.key) | {"dlq_redrives": str(letter.origin.redrives + 1)}
    return _message(topic, letter.key, letter.value, letter.headers, told)


def to_settlement(letter: Letter, how: str, topic: Topic) -> Message:
    """What says that a letter waits no more: `how` is 'redriven' or 'dropped'."""
    return _message(topic, letter.key, b"", (), {_SETTLES: letter.letter_id, "dlq_how": how})


def settled_by(record: Record) -> str | None:
    """The letter that a record of the dead letters' topic settles; None when it is a letter itself."""
    return _told(record.headers).get(_SETTLES)


def letter_of(record: Record) -> Letter | None:
    """The letter in a record; None when it is none, but settles one."""
    origin, told = told_origin(record), _told(record.headers)
    if origin is None:
        return None
    attempts, time_ms = int(told.get("dlq_attempts", 0)), int(told.get("dlq_time_ms", record.time_ms))
    death = Death(told.get("dlq_error", ""), told.get("dlq_reason", ""), attempts, time_ms)
    return Letter(origin, death, record.key, record.value, own_headers(record.headers))


def _headers(origin: Origin, key: str) -> dict[str, str]:
    return {
        "dlq_topic": origin.topic,
        "dlq_partition": str(origin.partition),
        "dlq_offset": str(origin.offset),
        "dlq_key": key,
        "dlq_redrives": str(origin.redrives),
    }


def _told(headers: Headers) -> dict[str, str]:
    return {name: value.decode("utf-8", "replace") for name, value in headers if name.startswith(_PREFIX)}


def _message(topic: Topic, key: str, value: bytes, headers: Headers, told: Mapping[str, str]) -> Message:
    return Message(topic.name, key, value, (*headers, *((name, text.encode()) for name, text in told.items())), partition=0)
