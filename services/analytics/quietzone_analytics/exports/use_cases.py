"""What can be asked about exports."""

import asyncio
import re
from dataclasses import dataclass

from quietzone_analytics.deadlines import store_answers
from quietzone_analytics.exports.repository import KIND, Export, ExportFile, ExportQuestion, export_of, payload_of
from quietzone_analytics.queries import span_of
from quietzone_kit.blobs import BlobNotFound, Blobs, BlobsUnavailable
from quietzone_kit.documents import InvalidCursor
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound, ResourceExhausted, Unavailable
from quietzone_kit.tasks import NewTask, State, Task, Tasks

MAX_UNDER_WAY = 20
"""Of an account: each takes a worker's time and disk, and the others of the account wait for it anyway."""

LOOKED_AT = 100  # of an account's newest exports, when these are counted

MAX_PAGE = 100  # exports of 1 KB
DEFAULT_PAGE = 50

PART_BYTES = 1_000_000
"""Of one answer: a quarter of what gRPC takes by default elsewhere."""

BLOBS_S = 4.0  # below a call's deadline of 5 s

_REQUEST_ID = re.compile(r"[0-9A-Za-z._-]{1,64}")
_ANY_CODE = "any"  # an id, so that only the rest of the question can be wrong


@dataclass(frozen=True, slots=True)
class ExportPage:
    """Exports, newest first; `next_token` None when no page follows."""

    exports: tuple[Export, ...]
    next_token: str | None


async def create_export(tasks: Tasks, account_id: str, question: ExportQuestion, *, request_id: str | None) -> Export:
    """Begin an export, or find the one that this request began before.

    Raises:
        InvalidInput: names each field that is wrong.
        ResourceExhausted: too many of the account's are under way.
    """
    span_of(question.of(_ANY_CODE if question.code_id is None else question.code_id))
    if request_id is not None and not _REQUEST_ID.fullmatch(request_id):
        raise InvalidInput(FieldViolation("request_id", "use 1 to 64 characters of 0-9 A-Z a-z . _ -"))
    async with store_answers():
        newest = (await tasks.list(account_id, limit=LOOKED_AT)).tasks
    is_known = request_id is not None and any(task.dedup_key == request_id for task in newest)
    if not is_known and sum(not task.is_final for task in newest) >= MAX_UNDER_WAY:
        raise ResourceExhausted(f"{MAX_UNDER_WAY} exports of this account are under way: wait for one to end, or cancel one")
    async with store_answers():
        task = await tasks.add(NewTask(account_id, KIND, payload_of(question), dedup_key=request_id))
    export = export_of(task)
    if export.question != question:
        raise InvalidInput(FieldViolation("request_id", "it began another export before; use a new one"))
    return export


async def get_export(tasks: Tasks, account_id: str, export_id: str) -> Export:
    """An export as it stands; raises NotFound."""
    return export_of(await _task(tasks, account_id, export_id))


async def list_exports(tasks: Tasks, account_id: str, *, page_size: int, page_token: str) -> ExportPage:
    """The account's exports, newest first; a page size of 0 means 50, an empty token the first page.

    Raises:
        InvalidInput: a page size above 100 or below 0, or a token that no page gave.
    """
    if not 0 <= page_size <= MAX_PAGE:
        raise InvalidInput(FieldViolation("page_size", f"use 1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}"))
    try:
        async with store_answers():
            page = await tasks.list(account_id, limit=page_size or DEFAULT_PAGE, after=page_token or None)
    except InvalidCursor as error:
        raise InvalidInput(FieldViolation("page_token", "not a token that a page of exports gave; leave it out to begin anew")) from error
    return ExportPage(tuple(export_of(task) for task in page.tasks if task.kind == KIND), page.cursor)


async def cancel_export(tasks: Tasks, account_id: str, export_id: str) -> Export:
    """End an export before it is done.

    Raises:
        NotFound: this account has no such export.
        FailedPrecondition: it has ended.
    """
    await _task(tasks, account_id, export_id)
    async with store_answers():
        return export_of(await tasks.cancel(account_id, export_id))


async def read_export(tasks: Tasks, blobs: Blobs, account_id: str, export_id: str, offset: int) -> bytes:
    """At most PART_BYTES of an export's file; none at its end.

    Raises:
        InvalidInput: the file has no such byte.
        NotFound: this account has no such export, or it has expired.
        FailedPrecondition: it isn't done.
    """
    file = _file(await get_export(tasks, account_id, export_id))
    if not 0 <= offset <= file.size:
        raise InvalidInput(FieldViolation("offset", f"use 0 to {file.size}, the file's size"))
    try:
        async with asyncio.timeout(BLOBS_S):
            return await blobs.get(file.key, start=offset, end=min(offset + PART_BYTES, file.size))
    except BlobNotFound as error:
        raise NotFound("the export has expired: ask for a new one") from error
    except (BlobsUnavailable, TimeoutError) as error:
        raise Unavailable("the place of files doesn't answer; try again in a moment") from error


def _file(export: Export) -> ExportFile:
    if export.file is not None:
        return export.file
    match export.state:
        case State.DEAD:
            raise FailedPrecondition(f"the export failed: {export.error}")
        case State.CANCELLED:
            raise FailedPrecondition("the export was cancelled: ask for a new one")
        case _:
            raise FailedPrecondition("the export isn't done yet: look at its state until it is")


async def _task(tasks: Tasks, account_id: str, export_id: str) -> Task:
    async with store_answers():
        task = await tasks.get(account_id, export_id)
    if task.kind != KIND:
        raise NotFound(f"no export {export_id}")
    return task
