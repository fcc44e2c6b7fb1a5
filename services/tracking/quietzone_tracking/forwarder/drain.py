"""Draining a spool that nobody will write to again: what a forwarder left behind is forwarded, and nothing stays."""

from collections.abc import Callable

from quietzone_kit.files import Files
from quietzone_kit.lifecycle import NotDone
from quietzone_tracking.forwarder import progress as checkpoints
from quietzone_tracking.forwarder.forwarder import Forwarder
from quietzone_tracking.spool import sources
from quietzone_tracking.spool.layout import QUARANTINE, has_begun, lock_path


async def drain(files: Files, forwarder: Forwarder, say: Callable[[str], object]) -> None:
    """Forward all that is in the spool, to the end of each source.

    Raises:
        NotDone: an edge, or a forwarder, has the spool; or something is left that the disk doesn't give.
        PartitionsChanged, BusError: as `Forwarder.drain`.
    """
    _see_that_it_is_free(files, checkpoints.LOCK, "a forwarder has this spool, and drains it")
    found = [source for source in sources(files) if has_begun(files, source)]
    for source in found:
        _see_that_it_is_free(files, lock_path(source), f"an edge writes to this spool (source {source})")
    if found:
        await forwarder.drain(found)
    left = set(found).intersection(sources(files))
    if left:
        raise NotDone(f"{len(left)} of {len(found)} sources aren't drained ({min(left)} is the oldest): the log says why; run this again")
    aside = len(files.names(QUARANTINE))
    say(f"{len(found)} sources drained" + (f"; {QUARANTINE} keeps {aside} files of bytes that were no scans" if aside else ""))


def _see_that_it_is_free(files: Files, path: str, who: str) -> None:
    lock = files.lock(path)
    if lock is None:
        raise NotDone(f"{who}: stop it first, or let it do its work")
    lock.release()
