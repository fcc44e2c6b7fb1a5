"""Tasks as values, and as documents."""

from dataclasses import dataclass, field
from enum import Enum
from typing import cast

import msgspec

from quietzone_kit.documents import Body, Collection, Index, Stored, Value
from quietzone_kit.outbox import OUTBOX_INDEX

BY_ACCOUNT = Index("by_account", ("account_id", "created_at_ms"))
BY_STATE = Index("by_state", ("account_id", "state", "created_at_ms"))
BY_WAKE = Index("by_wake", ("wake_at_ms",), sparse=True)
"""Tasks that wait, by when they are due."""
BY_TURN = Index("by_turn", ("account_id", "wake_at_ms"), sparse=True)
"""The same by account: who has none among those that are due first is found here."""
BY_SET = Index("by_set", ("set_at_ms",), sparse=True)
"""Tasks that wait for a length of time, by when the wait began; one that begins in the future was begun by a clock that was ahead."""
BY_RUN = Index("by_run", ("run_at_ms",), sparse=True)
"""Tasks that run."""
BY_END = Index("by_end", ("finished_at_ms",), sparse=True)

TASKS = Collection("tasks", key="task_id", indexes=(BY_ACCOUNT, BY_STATE, BY_WAKE, BY_TURN, BY_SET, BY_RUN, BY_END, OUTBOX_INDEX))
"""Every store with tasks declares this collection."""

KEPT_MS = 7 * 24 * 3_600_000
"""How long a finished task can be looked at, and keeps its deduplication key."""

MAX_BYTES = 64_000
"""Of a payload and of a result: a worker reads a hundred tasks at once. What is larger belongs to the blobs."""

MAX_TEXT = 500
"""Characters of an error or a note."""

DEFAULT_ATTEMPTS = 3


class State(Enum):
    """Where a task stands; the last three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    DEAD = "dead"
    """It failed for good, or too often."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come, of how much (0: unknown), and where it is, for people."""

    done: int = 0
    total: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to be added: due `after_ms` from now, or at the moment `due_at_ms` (Unix).

    Adding one of the same account, kind and `dedup_key` again gives the task that is there, until KEPT_MS after its end.
    """

    account_id: str
    kind: str
    payload: Body = field(default_factory=dict)
    after_ms: int = 0
    due_at_ms: int | None = None
    dedup_key: str | None = None
    max_attempts: int = DEFAULT_ATTEMPTS


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it stands. `attempts` have failed so far; `fence` is higher in each run than in all before, for stores that check it."""

    task_id: str
    account_id: str
    kind: str
    payload: Body
    state: State
    attempts: int
    max_attempts: int
    created_at_ms: int
    scheduled_for_ms: int
    due_at_ms: int
    fence: int
    dedup_key: str | None
    progress: Progress
    result: Body | None
    error: str | None
    finished_at_ms: int | None

    @property
    def is_final(self) -> bool:
        """Whether nothing happens to it any more by itself."""
        return self.state in {State.DONE, State.DEAD, State.CANCELLED}


def new_body(new: NewTask, task_id: str, now_ms: int) -> Body:
    """The document of a new task.

    Raises:
        ValueError: the payload is too large, or the attempts are less than one.
    """
    check_size("payload", new.payload)
    if new.max_attempts < 1:
        raise ValueError("a task has at least one attempt")
    due_at_ms = now_ms + new.after_ms if new.due_at_ms is None else new.due_at_ms
    return {
        "task_id": task_id,
        "account_id": new.account_id,
        "kind": new.kind,
        "payload": dict(new.payload),
        "attempts": 0,
        "max_attempts": new.max_attempts,
        "created_at_ms": now_ms,
        "scheduled_for_ms": due_at_ms,
        "fence": 0,
        "dedup_key": new.dedup_key,
        **waiting(due_at_ms, set_at_ms=now_ms if new.due_at_ms is None else None),
        **RESET,
    }


RESET: dict[str, Value] = {"lost": 0, "outages": 0}
"""What is counted from one outcome of a task to the next: runs that were cut off, and outages that it met."""


def waiting(due_at_ms: int, *, set_at_ms: int | None) -> dict[str, Value]:
    """What of a document says that the task waits; `set_at_ms` when it waits for a length of time."""
    due: dict[str, Value] = {"due_at_ms": due_at_ms, "wake_at_ms": due_at_ms, "set_at_ms": set_at_ms}
    return {"state": State.WAITING.value} | due | _NOT_RUN | _NOT_ENDED


def running(owner: str, fence: int, now_ms: int) -> dict[str, Value]:
    """What says that it runs."""
    run: dict[str, Value] = {"owner": owner, "fence": fence, "run_at_ms": now_ms}
    return {"state": State.RUNNING.value} | run | _NOT_DUE | _NOT_ENDED


def finished(state: State, now_ms: int) -> dict[str, Value]:
    """What says that it has ended."""
    end: dict[str, Value] = {"state": state.value, "finished_at_ms": now_ms}
    return end | _NOT_DUE | _NOT_RUN


_NOT_DUE: dict[str, Value] = {"wake_at_ms": None, "set_at_ms": None}
_NOT_RUN: dict[str, Value] = {"owner": None, "run_at_ms": None}
_NOT_ENDED: dict[str, Value] = {"finished_at_ms": None}


def task_of(stored: Stored) -> Task:
    """The task in a document."""
    body = stored.body
    progress = stored_progress(stored)
    return Task(
        task_id=str(body["task_id"]),
        account_id=str(body["account_id"]),
        kind=str(body["kind"]),
        attempts=number_of(stored, "attempts"),
        max_attempts=number_of(stored, "max_attempts"),
        created_at_ms=number_of(stored, "created_at_ms"),
        scheduled_for_ms=number_of(stored, "scheduled_for_ms"),
        due_at_ms=number_of(stored, "due_at_ms"),
        fence=number_of(stored, "fence"),
        payload=cast("Body", body["payload"]),
        state=State(body["state"]),
        dedup_key=cast("str | None", body.get("dedup_key")),
        progress=Progress(cast("int", progress.get("done", 0)), cast("int", progress.get("total", 0)), str(progress.get("note", ""))),
        result=cast("Body | None", body.get("result")),
        error=cast("str | None", body.get("error")),
        finished_at_ms=cast("int | None", body.get("finished_at_ms")),
    )


def number_of(stored: Stored, name: str) -> int:
    """A number of a document; 0 when it hasn't got it."""
    return cast("int", stored.body.get(name) or 0)


def stored_progress(stored: Stored) -> dict[str, Value]:
    """The progress in a document, as it stands there."""
    return cast("dict[str, Value]", stored.body.get("progress") or {})


def progress_body(progress: Progress) -> dict[str, Value]:
    """A progress as it is stored."""
    return {"done": progress.done, "total": progress.total, "note": progress.note[:MAX_TEXT]}


def check_size(what: str, body: Body) -> None:
    """Refuse a payload or a result of more than MAX_BYTES.

    Raises:
        ValueError: says what to do instead.
    """
    size = len(msgspec.msgpack.encode(body))
    if size > MAX_BYTES:
        raise ValueError(f"the {what} has {size:,} bytes, {MAX_BYTES:,} are the most: put it into the blobs, and its name here")
