"""One source on its way to the bus: what to send next, and how far it is once the bus has acknowledged that."""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from quietzone_kit.bus import Message
from quietzone_kit.files import Files
from quietzone_kit.telemetry import logger
from quietzone_tracking.forwarder.batches import batches
from quietzone_tracking.forwarder.enrich import Client, Traits
from quietzone_tracking.forwarder.events import closed_messages, lost_messages, report_message, scans_message
from quietzone_tracking.forwarder.progress import Progress
from quietzone_tracking.forwarder.reports import Report, last_report, report
from quietzone_tracking.metrics import FORWARDING_DELAY_S, SCANS_FORWARDED, SCANS_LOST
from quietzone_tracking.spool import Ended, Frames, Gap, NothingYet, Numbers, Position, SpoolReader, read_numbers

LARGE = 1000
"""Scans in a load that say that more may be waiting, so that the next is made at once; smaller ones wait for company."""

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Making:
    """How scans become batches: the partition of a code, and the traits of a client."""

    partition_of: Callable[[str], int]
    traits_of: Callable[[Client], Traits]


@dataclass(frozen=True, slots=True)
class Load:
    """Messages to publish, in this order; `after` is how far the source is when all of them were acknowledged."""

    messages: tuple[Message, ...]
    after: Progress
    scans: int = 0
    newest_ms: int = 0

    @property
    def is_urgent(self) -> bool:
        """Whether the source's next load should be made at once."""
        return self.scans == 0 or self.scans >= LARGE


class Source:
    """Makes loads, and takes note of what was acknowledged.

    `progress` is how far it is, `saved` what its checkpoint says; `reported` is the last report that was sent. `save_at` (seconds of the
    monotonic clock) and `save_failed` are the forwarder's notes about its checkpoint. `dry_ms` is when its edge, which runs, was last seen
    to have nothing more.
    """

    def __init__(self, files: Files, source_id: str, progress: Progress) -> None:
        self.source_id = source_id
        self.progress = progress
        self.saved = progress
        self.save_at = 0.0
        self.save_failed = False
        self.reported: Report | None = None
        self.dry_ms: int | None = None
        self._files = files
        self._reader = SpoolReader(files, source_id)
        self._numbers = Numbers()

    def next(self, making: Making, now_ms: int) -> Load | None:
        """What to publish now; None when there is nothing, or nothing any more (`progress.closed_ms` is set).

        Raises:
            OSError: the disk doesn't answer; the same call may succeed later.
            ForeignFrame: another release wrote what comes.
        """
        progress = self.progress
        if progress.closed_ms:
            return None
        if progress.ended:
            return self._last_report(now_ms)
        self.dry_ms = None
        found = self._reader.read(progress.position)
        if isinstance(found, Frames) and not found.frames:  # the way to the next segment
            progress = replace(progress, position=found.end)
            found = self._reader.read(found.end)
        match found:
            case Frames():
                return self._scans(found, making)
            case Gap():
                return self._lost(found, now_ms)
            case NothingYet():
                self.dry_ms = now_ms
                return None if progress is self.progress else Load((), progress)
            case Ended(last_seq=last_seq, end=end):
                messages = closed_messages(self.source_id, progress.sent, last_seq, time_ms=now_ms)
                return Load(tuple(messages), replace(progress, position=end, ended=True))

    def acknowledge(self, load: Load, now_ms: int) -> None:
        """The bus has all of the load."""
        SCANS_FORWARDED.inc(load.after.forwarded - self.progress.forwarded)
        SCANS_LOST.inc(max(0, load.after.lost - self.progress.lost))  # the last report may count less than gaps span
        if load.scans:
            FORWARDING_DELAY_S.set((now_ms - load.newest_ms) / 1000)
        self.progress = load.after

    def report_now(self, now_ms: int) -> Report | None:
        """The report to send now, if one is due."""
        if self.progress.ended:
            return None  # the last report is a load of its own, and nothing may follow it
        due = report(self.progress, self._read_numbers(), now_ms)
        return due if due.is_due(self.reported) else None

    def discard(self, before: Position) -> None:
        """Delete segments that nobody needs any more; blocks."""
        self._reader.discard(before)

    def _scans(self, found: Frames, making: Making) -> Load:
        progress = self.progress
        sent = list(progress.sent)
        scans = sum(len(frame.scans) for frame in found.frames)
        newest_ms = found.frames[-1].scans[-1].time_ms if found.frames else 0
        messages = []
        made = batches(self.source_id, found.frames, progress.sent, partition_of=making.partition_of, traits_of=making.traits_of)
        for batch in made:
            messages.append(scans_message(batch))
            sent[batch.partition] = batch.last_seq
        after = replace(progress, position=found.end, sent=tuple(sent), forwarded=progress.forwarded + scans)
        return Load(tuple(messages), after, scans, newest_ms)

    def _lost(self, gap: Gap, now_ms: int) -> Load:
        progress = self.progress
        scans = gap.to_seq - gap.from_seq + 1
        log.error("scans are lost", source_id=self.source_id, from_seq=gap.from_seq, to_seq=gap.to_seq, reason=gap.reason)
        messages = lost_messages(self.source_id, progress.sent, gap.from_seq, gap.to_seq, reason=gap.reason, time_ms=now_ms)
        sent = (gap.to_seq,) * len(progress.sent)
        return Load(tuple(messages), replace(progress, position=gap.end, sent=sent, lost=progress.lost + scans))

    def _last_report(self, now_ms: int) -> Load:
        progress = self.progress
        last = last_report(progress, self._read_numbers(), now_ms)
        return Load((report_message(self.source_id, last),), replace(progress, lost=last.lost, closed_ms=now_ms))

    def _read_numbers(self) -> Numbers:
        self._numbers = read_numbers(self._files, self.source_id) or self._numbers
        return self._numbers
