"""How far a topic's partition was read, by whom, and from which log."""

from collections.abc import Iterable
from dataclasses import dataclass

ADOPT = "`python -m quietzone_analytics adopt`"

CHOICE = f"Point QUIETZONE_BUS_URL at the log that was counted, or restore it; if it is gone, run {ADOPT}."
"""What to do about another log. A projection that stands still for it goes on by itself after that."""


class LogMismatch(ValueError):
    """The log isn't the one that was counted, or has lost records that weren't: says `why`, and what to do."""

    def __init__(self, topic: str, partition: int, why: str) -> None:
        super().__init__(f"{topic}, partition {partition}: {why}. {CHOICE}")
        self.topic = topic
        self.partition = partition
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What every projection keeps of a partition, in one document with what it knows beside.

    `next_offset` is the next to read of the log `log_id`. `epoch` is how often another log was adopted, `adopted_at_ms` when it was
    last (0: never). `owner` is the process that may write; empty when none has claimed it since.
    """

    partition: int
    log_id: str
    epoch: int
    owner: str
    next_offset: int
    adopted_at_ms: int


@dataclass(frozen=True, slots=True)
class Log:
    """What there is to read: `topic` and offsets from `first` to below `next`."""

    topic: str
    log_id: str
    first: int
    next: int


def check(state: State, log: Log) -> None:
    """Whether reading can go on where it ended.

    Raises:
        LogMismatch: it can't.
    """
    if state.log_id != log.log_id:
        raise LogMismatch(log.topic, state.partition, f"this is log {log.log_id}, what was counted came from {state.log_id}")
    if state.next_offset < log.first:
        removed = f"{log.first - state.next_offset} records from offset {state.next_offset}"
        raise LogMismatch(log.topic, state.partition, f"{removed} were removed before they were counted")
    if state.next_offset > log.next:
        ends = f"the log ends at offset {log.next}, and was counted up to {state.next_offset} before"
        raise LogMismatch(log.topic, state.partition, ends)


def in_words(mismatches: Iterable[LogMismatch]) -> list[str]:
    """A sentence for each thing that is wrong, whatever the number of partitions."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in mismatches:
        found.setdefault((one.topic, one.why), []).append(str(one.partition))
    return [
        f"{topic}, partition{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}: {why}. {CHOICE}"
        for (topic, why), numbers in found.items()
    ]
