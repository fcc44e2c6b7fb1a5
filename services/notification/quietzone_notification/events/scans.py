"""Scans as events, and what of a batch is left for later. Pure."""

import json
from collections.abc import Callable, Collection, Iterator

from quietzone.tracking.v1 import scan_pb2
from quietzone_kit.reaction import Unreadable
from quietzone_kit.words import Words
from quietzone_notification.events.domain import DEFAULT_BUS, Event, rfc3339
from quietzone_notification.rules.book import SCANNED, TRACKING

MayMatch = Callable[[str, str], bool]
"""Whether some rule of an account can match scans of a code."""

MAX_SLICE = 300
"""Scans of a slice: with the longest ids 45 kB, below what a task may hold."""

_CLASSES = Words(scan_pb2.ScanClass.items())


def scans_in(batch: scan_pb2.ScanBatch, may_match: MayMatch) -> Iterator[Event]:
    """`QR Code Scanned` for each scan of a batch whose code some rule can match; its id is the scan's identity, `source:seq`.

    Raises:
        Unreadable: a scan names traits that aren't there.
    """
    wanted = {number: code for number, code in enumerate(batch.codes) if may_match(code.account_id, code.code_id)}
    if not wanted:
        return
    for scan in batch.scans:
        code = wanted.get(scan.code)
        if code is None:
            continue
        if scan.traits >= len(batch.traits):
            raise Unreadable(f"scan {scan.seq} names traits {scan.traits} of {len(batch.traits)}")
        traits = batch.traits[scan.traits]
        time_ms = batch.base_time_ms + scan.time_offset_ms
        detail = {
            "qrId": code.code_id,
            "scanAt": rfc3339(time_ms),
            "country": traits.country,
            "device": traits.device,
            "class": _CLASSES[traits.scan_class],
        }
        yield Event(
            id=f"{batch.source_id}:{scan.seq}",
            account_id=code.account_id,
            bus=DEFAULT_BUS,
            source=TRACKING,
            detail_type=SCANNED,
            time_ms=time_ms,
            resources=(f"code:{code.code_id}",),
            detail=json.dumps(detail),
        )


def seq_of(event: Event) -> int:
    """The number of a scan in its source, of its event."""
    return int(event.id.rpartition(":")[2])


def slices(batch: scan_pb2.ScanBatch, seqs: Collection[int]) -> Iterator[scan_pb2.ScanBatch]:
    """These scans of a batch as batches of at most MAX_SLICE, with what events tell of them and nothing else."""
    wanted = set(seqs)
    scans = [scan for scan in batch.scans if scan.seq in wanted]
    for start in range(0, len(scans), MAX_SLICE):
        yield _slice(batch, scans[start : start + MAX_SLICE])


def _slice(batch: scan_pb2.ScanBatch, scans: list[scan_pb2.Scan]) -> scan_pb2.ScanBatch:
    made = scan_pb2.ScanBatch(source_id=batch.source_id, base_time_ms=batch.base_time_ms, first_seq=scans[0].seq, last_seq=scans[-1].seq)
    codes: dict[int, int] = {}
    told: dict[tuple[int, str, str], int] = {}
    for scan in scans:
        traits = batch.traits[scan.traits]
        key = traits.scan_class, traits.country, traits.device
        if scan.code not in codes:
            codes[scan.code] = len(codes)
            made.codes.add().CopyFrom(batch.codes[scan.code])
        if key not in told:
            told[key] = len(told)
            made.traits.add(scan_class=key[0], country=key[1], device=key[2])
        made.scans.add(seq=scan.seq, code=codes[scan.code], traits=told[key], time_offset_ms=scan.time_offset_ms)
    return made
