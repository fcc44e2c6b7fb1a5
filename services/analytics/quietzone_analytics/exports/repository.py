"""Exports as tasks, and as files.

A file's name has the run that made it: a run that was given up may still write, and must not put its file in the place of another's.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from quietzone_analytics.bodies import field
from quietzone_analytics.exports.domain import Format
from quietzone_analytics.queries import Interval, Question
from quietzone_kit.blobs import Blobs
from quietzone_kit.documents import Body
from quietzone_kit.tasks import KEPT_MS, Progress, State, Task

KIND = "export-data"

FOLDER = "exports"

_KEY = re.compile(rf"{FOLDER}/[0-9a-f-]{{36}}-\d+\.[a-z]+")
_INTERVALS = {interval.value[0]: interval for interval in Interval}
_FORMATS = {form.ending: form for form in Format}


@dataclass(frozen=True, slots=True)
class ExportQuestion:
    """What an export is of; `code_id` None: every code of the account. Times as in Question."""

    code_id: str | None
    from_ms: int
    to_ms: int
    interval: Interval
    zone: str
    form: Format

    def of(self, code_id: str) -> Question:
        """The same of one code."""
        return Question(code_id, self.from_ms, self.to_ms, self.interval, self.zone)


@dataclass(frozen=True, slots=True)
class ExportFile:
    """The file of an export that is done."""

    key: str
    size: int
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class Export:
    """An export as it stands; `expires_at_ms` None until it has ended, `file` None unless it is done."""

    export_id: str
    question: ExportQuestion
    state: State
    progress: Progress
    error: str | None
    created_at_ms: int
    expires_at_ms: int | None
    file: ExportFile | None


def payload_of(question: ExportQuestion) -> Body:
    """The question in a task."""
    return {
        "code_id": question.code_id,
        "from_ms": question.from_ms,
        "to_ms": question.to_ms,
        "interval": question.interval.value[0],
        "zone": question.zone,
        "format": question.form.ending,
    }


def question_of(payload: Body) -> ExportQuestion:
    """The question that a task holds."""
    code_id = payload.get("code_id")
    return ExportQuestion(
        code_id=None if code_id is None else str(code_id),
        from_ms=field(payload, "from_ms", int),
        to_ms=field(payload, "to_ms", int),
        interval=_INTERVALS[field(payload, "interval", str)],
        zone=field(payload, "zone", str),
        form=_FORMATS.get(field(payload, "format", str), Format.NEWER),
    )


def result_of(file: ExportFile) -> Body:
    """A file in its task."""
    return {"blob": file.key, "size": file.size, "sha256": file.sha256, "rows": file.rows}


def export_of(task: Task) -> Export:
    """The export that a task is."""
    file = None
    if task.state is State.DONE and task.result is not None:
        result = task.result
        file = ExportFile(field(result, "blob", str), field(result, "size", int), field(result, "sha256", str), field(result, "rows", int))
    return Export(
        export_id=task.task_id,
        question=question_of(task.payload),
        state=task.state,
        progress=task.progress,
        error=task.error,
        created_at_ms=task.created_at_ms,
        expires_at_ms=None if task.finished_at_ms is None else task.finished_at_ms + KEPT_MS,
        file=file,
    )


def key_of(task: Task, form: Format) -> str:
    """Where this run of a task puts its file."""
    return f"{FOLDER}/{task.task_id}-{task.fence}.{form.ending}"


async def older_than(blobs: Blobs, time_ms: int) -> AsyncIterator[str]:
    """The names of files that were written before a moment; can raise BlobsUnavailable."""
    cursor: str | None = None
    while True:
        page = await blobs.list(f"{FOLDER}/", after=cursor)
        for entry in page.entries:
            if entry.modified_ms < time_ms and _KEY.fullmatch(entry.key):
                yield entry.key
        if page.cursor is None:
            return
        cursor = page.cursor
