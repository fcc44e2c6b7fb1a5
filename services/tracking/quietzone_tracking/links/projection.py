"""The projection that fills the link store from `qr.code.v1`.

Links only ever rise in their revision, so that any part of the log can be read again, in any state of the store.
"""

from collections.abc import Sequence
from dataclasses import replace

from quietzone_kit.bus import Bounds, Record
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.projection import OwnershipLost
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger
from quietzone_tracking.decide import Link
from quietzone_tracking.links.events import CorruptEvent, link_of_record
from quietzone_tracking.links.repository import ATTEMPTS, LinkStore, PartitionState, Reject
from quietzone_tracking.metrics import CODE_EVENTS_MISSED, CODE_EVENTS_REJECTED, CODE_EVENTS_UNKNOWN

GROUP = "tracking-links"

log = logger(__name__)


class LinkProjection:
    """A `quietzone_kit.projection.Projection`; `owner` is unique to this process."""

    def __init__(self, store: LinkStore, clock: Clock, *, owner: str) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self._held: dict[int, PartitionState] = {}

    async def claim(self, partition: int, bounds: Bounds) -> int:
        """Become the partition's owner and go on where it was left; another log is read from its start."""
        for _ in range(ATTEMPTS):
            before = await self._store.state(partition)
            next_offset = _next_offset(before, partition, bounds)
            state = before or PartitionState(partition, bounds.log_id, next_offset, self._owner)
            written = await self._store.write_state(replace(state, log_id=bounds.log_id, next_offset=next_offset, owner=self._owner))
            if written is not None:
                self._held[partition] = written
                return written.next_offset
        raise DocumentsUnavailable(f"partition {partition} of the links changed its owner {ATTEMPTS} times in a row")

    async def apply(self, partition: int, records: Sequence[Record], *, next_offset: int) -> None:
        """Take up changes; what can't be is set aside."""
        state = self._held.get(partition)
        if state is None:
            raise OwnershipLost(f"partition {partition} isn't claimed")
        newest, wrong = _sorted(records)
        for link in await self._store.put_newer({slug: link for slug, (link, _) in newest.items()}):
            wrong.append((newest[link.slug][1], _taken(link)))
        for record, reason in wrong:
            await self._reject(state, record, reason)
        await self._advance(replace(state, next_offset=next_offset))

    async def release(self, partition: int) -> None:
        """Drop what is held of a partition."""
        self._held.pop(partition, None)

    async def _advance(self, state: PartitionState) -> None:
        written = await self._store.write_state(state)
        if written is None:
            self._held.pop(state.partition, None)
            raise OwnershipLost(f"partition {state.partition} of the links has another owner")
        self._held[state.partition] = written

    async def _reject(self, state: PartitionState, record: Record, reason: str) -> None:
        CODE_EVENTS_REJECTED.inc()
        log.error("change of a code set aside", partition=record.partition, offset=record.offset, code_id=record.key, reason=reason)
        await self._store.set_aside(
            Reject(record.partition, record.offset, state.log_id, record.key, record.value, reason, self._clock.now_ms())
        )


def _sorted(records: Sequence[Record]) -> tuple[dict[str, tuple[Link, Record]], list[tuple[Record, str]]]:
    """The newest link of each slug with its record, and the records that make no sense with the reason."""
    newest: dict[str, tuple[Link, Record]] = {}
    wrong: list[tuple[Record, str]] = []
    for record in records:
        try:
            link = link_of_record(record)
        except CorruptEvent as error:
            wrong.append((record, str(error)))
            continue
        if link is None:
            CODE_EVENTS_UNKNOWN.inc()
            continue
        held = newest.get(link.slug)
        if held is None or (held[0].code_id == link.code_id and held[0].revision < link.revision):
            newest[link.slug] = (link, record)
        elif held[0].code_id != link.code_id:
            wrong.append((record, _taken(link)))
    return newest, wrong


def _next_offset(before: PartitionState | None, partition: int, bounds: Bounds) -> int:
    """Where to go on: where it was left, or at the log's start when that isn't in this log."""
    if before is None:
        return bounds.first
    if before.log_id != bounds.log_id:
        log.warning("the log of qr.code.v1 is another one; reading it from its start", partition=partition, was=before.log_id)
        return bounds.first
    if bounds.first <= before.next_offset <= bounds.next:
        return before.next_offset
    CODE_EVENTS_MISSED.inc(max(0, bounds.first - before.next_offset))
    log.error(
        "changes of codes were removed before they were read, or the log was cut; links may be old until their codes change again",
        partition=partition,
        wanted=before.next_offset,
        first=bounds.first,
        next=bounds.next,
    )
    return bounds.first


def _taken(link: Link) -> str:
    return f"slug {link.slug} belongs to another code than {link.code_id}; a slug is never given to another code"
