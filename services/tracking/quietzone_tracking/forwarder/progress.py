"""How far a source has been forwarded, and the file that remembers it.

::

    forwarder/lock                         held by the one forwarder of this spool
    forwarder/<source_id>.checkpoint       JSON; written before what it makes superfluous is deleted

A checkpoint may be old: what is sent again is known by its numbers. It lies outside of the source's folder, and stays a while after
that was deleted, since a crash of the machine may bring parts of a deleted folder back.
"""

import msgspec

from quietzone_kit.files import Files
from quietzone_kit.telemetry import logger
from quietzone_tracking.metrics import CHECKPOINTS_REJECTED
from quietzone_tracking.spool import START, Position
from quietzone_tracking.spool.layout import segments

FOLDER = "forwarder"
LOCK = f"{FOLDER}/lock"

KEEP_CLOSED_MS = 3_600_000
"""How long a closed source's checkpoint stays: file systems write deletions to disk within a minute."""

_SUFFIX = ".checkpoint"

log = logger(__name__)


class Progress(msgspec.Struct, frozen=True):
    """Everything before `position` was acknowledged by the bus or is lost: `forwarded` and `lost` scans.

    `sent` has for each partition the last number that it was sent. When the source `ended`, every partition was told; when it is
    `closed_ms` (not 0), its last report is out too, and nothing of it is needed any more.
    """

    position: Position
    sent: tuple[int, ...]
    forwarded: int = 0
    lost: int = 0
    ended: bool = False
    closed_ms: int = 0


class PartitionsChanged(Exception):
    """The topic has another number of partitions than a source's numbers were chained for; says what to do."""


def load(files: Files, source_id: str, partitions: int) -> Progress:
    """Where to go on with a source; at its start when there is no checkpoint.

    Raises:
        PartitionsChanged: the checkpoint is for another number of partitions.
    """
    path = _path(source_id)
    start = Progress(START, (0,) * partitions)
    try:
        found = msgspec.json.decode(files.read(path, 0, files.size(path)), type=Progress)
    except FileNotFoundError:
        return start
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        CHECKPOINTS_REJECTED.inc()
        log.warning("checkpoint can't be read; what is left of the source is sent again", source_id=source_id, reason=str(error))
        return _from_first_segment(files, source_id, start)
    if len(found.sent) != partitions:
        raise PartitionsChanged(
            f"source {source_id} was sent to {len(found.sent)} partitions and the topic has {partitions} now: "
            "bring the old number back until `quietzone reconcile` shows no open source"
        )
    return found


def save(files: Files, source_id: str, progress: Progress) -> None:
    """Remember; blocks until it is on disk."""
    files.replace(_path(source_id), msgspec.json.encode(progress))


def forget_closed(files: Files, folders: set[str], now_ms: int) -> None:
    """Delete the checkpoints of sources that were closed long ago and whose folders are gone."""
    for name in files.names(FOLDER):
        source_id = name.removesuffix(_SUFFIX)
        if not name.endswith(_SUFFIX) or source_id in folders:
            continue
        try:
            found = msgspec.json.decode(files.read(_path(source_id), 0, files.size(_path(source_id))), type=Progress)
        except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
            continue
        if 0 < found.closed_ms < now_ms - KEEP_CLOSED_MS:
            files.delete(_path(source_id))


def _from_first_segment(files: Files, source_id: str, start: Progress) -> Progress:
    """Segments are deleted only when a checkpoint says that they were acknowledged, so the first one that is left is where to go on."""
    left = segments(files, source_id)
    if not left:
        return start
    return msgspec.structs.replace(start, position=Position(left[0], 0, left[0]), forwarded=left[0] - 1)


def _path(source_id: str) -> str:
    return f"{FOLDER}/{source_id}{_SUFFIX}"
