"""Making files, and removing those that are over."""

import hashlib
from collections.abc import AsyncIterator, Mapping

from quietzone_analytics.exports.domain import Counts, Format, Writer, is_of_utc_days
from quietzone_analytics.exports.repository import KIND, ExportFile, ExportQuestion, key_of, older_than, question_of, result_of
from quietzone_analytics.metrics import EXPORTS
from quietzone_analytics.queries import Span, counted, span_of
from quietzone_analytics.rollups import CodeKey, Rollups
from quietzone_analytics.tables import CutOff, Draft, NoRoom, TableError, Tables
from quietzone_kit.blobs import About, Blobs, BlobsUnavailable
from quietzone_kit.errors import Unavailable
from quietzone_kit.runtime import Clock
from quietzone_kit.tasks import KEPT_MS, Again, Done, Fail, Kind, Progress, Retry, Task, Tell
from quietzone_kit.telemetry import logger

log = logger(__name__)

SWEEP = "sweep-exports"
SWEEP_EVERY_MS = 3_600_000
SWEPT_AFTER_MS = KEPT_MS + SWEEP_EVERY_MS  # a file is older than its task's end

EXPORT_S = 3_600.0  # a million codes for a month take half of it
SWEEP_S = 600.0
NEWER_WAITS_MS = 24 * 3_600_000  # a release takes minutes; one that was taken back is known as such by the next day
PENDING = 256_000  # characters that are held before they go to the disk

_PARQUET = """
SELECT code_id, "start"::TIMESTAMPTZ AS "start", scans, bots, previews, visitor_days
FROM read_csv({source}, auto_detect = false, header = true, delim = ',', quote = '', escape = '', new_line = '\\r\\n', nullstr = '',
    columns = {code_id: 'VARCHAR', "start": 'VARCHAR', scans: 'BIGINT', bots: 'BIGINT', previews: 'BIGINT', visitor_days: 'BIGINT'})"""


def kinds(rollups: Rollups, blobs: Blobs, tables: Tables, clock: Clock) -> Mapping[str, Kind]:
    """The kinds of task of this service, by name."""
    return {
        KIND: Kind(MakeExport(rollups, blobs, tables, clock), within_s=EXPORT_S, of_others=(BlobsUnavailable,)),
        SWEEP: Kind(SweepExports(blobs, clock), within_s=SWEEP_S, of_others=(BlobsUnavailable,)),
    }


class MakeExport:
    """Handler of KIND: counts code by code into a draft, and puts it into the blobs."""

    def __init__(self, rollups: Rollups, blobs: Blobs, tables: Tables, clock: Clock) -> None:
        self._rollups = rollups
        self._blobs = blobs
        self._tables = tables
        self._clock = clock

    async def run(self, task: Task, tell: Tell) -> Done:
        """See `quietzone_kit.tasks.Handler`."""
        question = question_of(task.payload)
        if question.form is Format.NEWER:
            if self._clock.now_ms() > task.created_at_ms + NEWER_WAITS_MS:
                raise Fail("no release at work makes its format: ask for another, or have this run again once no older release works")
            # no attempt is used up: whoever can make it works on the same tasks during a release
            raise Unavailable("its format is a newer release's: that one's workers make it; cancel it if that release was taken back")
        try:
            made = await self._export(task, question, tell)
            EXPORTS.labels(question.form.ending).inc()
            return Done(result_of(made))
        except NoRoom as error:
            log.warning("an export has no room", task_id=task.task_id, reason=str(error))
            raise Fail("the export takes more room than there is: ask for a shorter span, wider intervals or single codes") from error
        except TableError as error:
            raise Fail(str(error)) from error
        except CutOff as error:
            raise Retry(str(error)) from error

    async def _export(self, task: Task, question: ExportQuestion, tell: Tell) -> ExportFile:
        span = span_of(question.of(question.code_id or "any"))
        writer = Writer(span, question.form)
        draft = await self._tables.draft()
        try:
            await self._count(draft, writer, span, task, tell)
            if question.form is Format.PARQUET:
                csv, draft = draft, await self._tables.to_parquet([draft], _PARQUET, writer.about())
                await self._tables.drop(csv)
            elif question.form.is_printed:
                csv, draft = draft, await self._tables.to_printed(draft, question.form.ending, writer.about())
                await self._tables.drop(csv)
            return await self._put(key_of(task, question.form), question.form, draft, writer.rows)
        finally:
            await self._tables.drop(draft)

    async def _count(self, draft: Draft, writer: Writer, span: Span, task: Task, tell: Tell) -> None:
        question = question_of(task.payload)
        code_id, form = question.code_id, question.form
        total = 1 if code_id is not None else sum([1 async for _ in self._rollups.codes(task.account_id)])
        tell(Progress(0, total))
        pending = [writer.head()]
        done = 0
        async for one in self._rollups.codes(task.account_id) if code_id is None else _only(code_id):
            adder = await counted(self._rollups, CodeKey(task.account_id, one), span)
            scans = [scans for _, scans in adder.series().points]
            pending.append(writer.code(Counts(one, scans, adder.day_points() if is_of_utc_days(span) else None)))
            done += 1
            _check_rows(writer, form)
            if sum(map(len, pending)) > PENDING:
                await self._write(draft, pending)
                tell(Progress(done, max(total, done)))  # codes can be scanned for the first time meanwhile
        pending.append(writer.end())
        await self._write(draft, pending)
        tell(Progress(done, done))

    async def _write(self, draft: Draft, pending: list[str]) -> None:
        await self._tables.append(draft, "".join(pending).encode())
        pending.clear()

    async def _put(self, key: str, form: Format, draft: Draft, rows: int) -> ExportFile:
        digest, size = hashlib.sha256(), await self._tables.size(draft)

        async def content() -> AsyncIterator[bytes]:
            async for piece in self._tables.pieces(draft):
                digest.update(piece)
                yield piece

        await self._blobs.put(key, content(), About(form.media_type))
        return ExportFile(key, size, digest.hexdigest(), rows)


class SweepExports:
    """Handler of SWEEP: removes files whose export is over, and those that runs left which don't count."""

    def __init__(self, blobs: Blobs, clock: Clock) -> None:
        self._blobs = blobs
        self._clock = clock

    async def run(self, task: Task, tell: Tell) -> Again:  # noqa: ARG002 - as handlers are
        """See `quietzone_kit.tasks.Handler`."""
        removed = 0
        async for key in older_than(self._blobs, self._clock.now_ms() - SWEPT_AFTER_MS):
            await self._blobs.delete(key)
            removed += 1
            tell(Progress(removed))
        return Again(after_ms=SWEEP_EVERY_MS)


def _check_rows(writer: Writer, form: Format) -> None:
    if form.most_rows is not None and writer.rows > form.most_rows:
        name = form.ending.upper()
        raise Fail(
            f"{name} has at most {form.most_rows:,} rows: ask for a shorter span, wider intervals, a single code, or for CSV or Parquet"
        )


async def _only(code_id: str) -> AsyncIterator[str]:
    yield code_id
