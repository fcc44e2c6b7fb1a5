"""How far a topic's partition was read, by whom, and from which log."""

from dataclasses import dataclass

ADOPT = "`python -m quietzone_analytics adopt`"


class LogMismatch(ValueError):
    """The log isn't the one that was counted, or has lost records that weren't: says what to do."""


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
    where = f"{log.topic}, partition {state.partition}"
    choice = f"Point QUIETZONE_BUS_URL at the log that was counted, or restore it; if it is gone, stop analytics and run {ADOPT}"
    if state.log_id != log.log_id:
        raise LogMismatch(f"{where}: this is log {log.log_id}, what was counted came from {state.log_id}. {choice}.")
    if state.next_offset < log.first:
        missing = log.first - state.next_offset
        raise LogMismatch(f"{where}: {missing} records from offset {state.next_offset} were removed before they were counted. {choice}.")
    if state.next_offset > log.next:
        raise LogMismatch(f"{where}: the log ends at offset {log.next}, and was counted up to {state.next_offset} before. {choice}.")
