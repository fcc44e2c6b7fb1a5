"""The projection that counts codes, and begins anew from the codes themselves wherever the log can't tell all.

What an event changes follows from what its code counted as before, which is kept for each code with its revision. Records become writes
in this order: counters, what codes count as, the partition's state. A counter knows the record up to which it is complete, and what a code
counts as has its revision: so what comes again, after a crash anywhere or from two owners at once, is added once.

Anew, a partition is given another epoch; every code of it is read from the store and kept as it counts now; then the counters are
written, and the log is read from where it ended before all that. Events of what codes had been by then are of no higher revision: they
change nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from quietzone_kit.bus import Bounds, Record, partition_of
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.projection import OwnershipLost
from quietzone_kit.runtime import Clock
from quietzone_kit.telemetry import logger
from quietzone_qr.counters.consumers import Corrupt, heard_of
from quietzone_qr.counters.domain import Counted, Heard, Tally
from quietzone_qr.counters.metrics import EVENTS_REJECTED, MADE_ANEW
from quietzone_qr.counters.repository import Counter, CounterStore, Held, Known, PartitionState
from quietzone_topics import QR_CODE_V1

GROUP = "qr-counters"
"""The consumer's group."""

ATTEMPTS = 10
"""Of a write that another owner overtakes; it happens around a rebalance only."""

ANEW_S = 20.0
"""How long one call of `claim` counts codes, some 5,000 a second: a fifth of what the loop allows a call. It is called again then."""

COUNTERS_AT_ONCE = 200
"""Written in one bulk: 10 MB where each account has as many tags and folders as are counted."""

log = logger(__name__)


@dataclass(slots=True)
class _Anew:
    """A partition that is counted from the store: `start` is where the log ended before, `after` where the next page of codes begins."""

    state: Held[PartitionState]
    start: int
    after: str | None = None
    is_counted: bool = False
    tallies: dict[str, Tally] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Move:
    """What a record changes: a code counts as `after` from now on."""

    offset: int
    before: Counted | None
    after: Counted


class CounterProjection:
    """A `quietzone_kit.projection.Projection`; `owner` is unique to this process."""

    def __init__(self, store: CounterStore, clock: Clock, *, owner: str) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self._held: dict[int, Held[PartitionState]] = {}
        self._anew: dict[int, _Anew] = {}

    async def claim(self, partition: int, bounds: Bounds) -> int:
        """Become the partition's owner and go on where it was left; begin anew from the store where the log doesn't reach back to that.

        Raises:
            DocumentsUnavailable: or it isn't counted to its end yet: call again.
        """
        anew = self._anew.get(partition)
        if anew is None:
            held = await self._own(partition, bounds)
            if held.value.is_whole:
                self._held[partition] = held
                return held.value.next_offset
            anew = self._anew[partition] = _Anew(held, bounds.next)
            MADE_ANEW.inc()
            log.info("codes are counted anew from the store", partition=partition, epoch=held.value.epoch)
        await self._count(anew)
        held = await self._finish(anew)
        del self._anew[partition]
        self._held[partition] = held
        return held.value.next_offset

    async def apply(self, partition: int, records: Sequence[Record], *, next_offset: int) -> None:
        """Count changes, and go on to `next_offset`."""
        held = self._held.get(partition)
        if held is None:
            raise OwnershipLost(f"partition {partition} of the counters isn't claimed")
        heard = [(record.offset, told) for record in records if (told := _heard(record)) is not None]
        known = await self._store.known(list({told.counted.code_id for _, told in heard}))
        moves = _moves(heard, known, held.value.epoch)
        await self._add(held, moves)
        await self._keep(held, {move.after.code_id: move.after for move in moves}, known)
        self._held[partition] = await self._write(partition, replace(held, value=replace(held.value, next_offset=next_offset)))

    async def release(self, partition: int) -> None:
        """Drop what is held of a partition."""
        self._held.pop(partition, None)
        self._anew.pop(partition, None)

    async def _own(self, partition: int, bounds: Bounds) -> Held[PartitionState]:
        """Write ourselves into the state; with another epoch, and not whole, where counting has to begin anew."""
        for _ in range(ATTEMPTS):
            before = await self._store.state(partition) or Held(PartitionState(partition, bounds.log_id, 0, "", 0, is_whole=False))
            was = before.value
            if was.is_whole and was.log_id == bounds.log_id and bounds.first <= was.next_offset <= bounds.next:
                after = replace(was, owner=self._owner)
            else:
                after = PartitionState(partition, bounds.log_id, bounds.next, self._owner, was.epoch + 1, is_whole=False)
            written = await self._store.write_state(replace(before, value=after))
            if written is not None:
                return written
        raise DocumentsUnavailable(f"partition {partition} of the counters changed its owner {ATTEMPTS} times in a row")

    async def _count(self, anew: _Anew) -> None:
        """Read codes, and keep what they count as, until all are counted or it is time to let the loop go on."""
        partition = anew.state.value.partition
        until_s = self._clock.monotonic() + ANEW_S
        while not anew.is_counted:
            codes, cursor = await self._store.codes(anew.after)
            ours = {code.code_id: code for code in codes if partition_of(code.code_id, QR_CODE_V1.partitions) == partition}
            await self._keep(anew.state, ours, await self._store.known(list(ours)))
            for code in ours.values():
                anew.tallies.setdefault(code.account_id, Tally()).move(None, code)
            anew.after, anew.is_counted = cursor, cursor is None
            if not anew.is_counted and self._clock.monotonic() >= until_s:
                raise DocumentsUnavailable(f"partition {partition} of the counters is still being counted from the store")

    async def _finish(self, anew: _Anew) -> Held[PartitionState]:
        """Write the counters that were made anew, and say that they are whole."""
        state = anew.state.value
        accounts = list(anew.tallies)
        for at in range(0, len(accounts), COUNTERS_AT_ONCE):
            left = accounts[at : at + COUNTERS_AT_ONCE]
            for _ in range(ATTEMPTS):
                held = await self._store.counters(state.partition, left, state.epoch)
                made = [replace(one, value=replace(one.value, tally=anew.tallies[one.value.account_id])) for one in held]
                left = await self._store.write_counters(made)
                if not left:
                    break
                await self._still_owner(anew.state)
        return await self._write(state.partition, replace(anew.state, value=replace(state, next_offset=anew.start, is_whole=True)))

    async def _add(self, held: Held[PartitionState], moves: Sequence[_Move]) -> None:
        """Add to each account's counter what it doesn't have yet."""
        by_account: dict[str, list[_Move]] = {}
        for move in moves:
            by_account.setdefault(move.after.account_id, []).append(move)
        for _ in range(ATTEMPTS):
            if not by_account:
                return
            counters = await self._store.counters(held.value.partition, list(by_account), held.value.epoch)
            changed = [after for one in counters if (after := _added(one, by_account[one.value.account_id])) is not None]
            missed = await self._store.write_counters(changed)
            by_account = {account_id: by_account[account_id] for account_id in missed}
            if missed:
                await self._still_owner(held)
        raise DocumentsUnavailable(f"{len(by_account)} counters are written by somebody else again and again")

    async def _keep(self, held: Held[PartitionState], counted: dict[str, Counted], known: dict[str, Held[Known]]) -> None:
        """Keep what codes count as, unless somebody has kept what is newer."""
        epoch = held.value.epoch
        left = counted
        for _ in range(ATTEMPTS):
            puts = []
            for code_id, one in left.items():
                before = known.get(code_id)
                if before is None:
                    puts.append(Held(Known(epoch, one)))
                elif (before.value.epoch, before.value.counted.revision) < (epoch, one.revision):
                    puts.append(replace(before, value=Known(epoch, one)))
            missed = await self._store.write_known(puts)
            left = {one.counted.code_id: one.counted for one in missed}
            if not left:
                return
            await self._still_owner(held)
            known = await self._store.known(list(left))
        raise DocumentsUnavailable(f"what {len(left)} codes count as is written by somebody else again and again")

    async def _still_owner(self, held: Held[PartitionState]) -> None:
        stored = await self._store.state(held.value.partition)
        if stored is None or stored.version != held.version:
            await self.release(held.value.partition)
            raise OwnershipLost(f"partition {held.value.partition} of the counters has another owner")

    async def _write(self, partition: int, held: Held[PartitionState]) -> Held[PartitionState]:
        written = await self._store.write_state(held)
        if written is None:
            await self.release(partition)
            raise OwnershipLost(f"partition {partition} of the counters has another owner")
        return written


def _heard(record: Record) -> Heard | None:
    try:
        return heard_of(record)
    except Corrupt as error:
        EVENTS_REJECTED.inc()
        at = {"partition": record.partition, "offset": record.offset, "code_id": record.key}
        log.error("change of a code not counted", **at, reason=str(error))  # noqa: TRY400 - it says it all
        return None


def _moves(heard: Sequence[tuple[int, Heard]], known: dict[str, Held[Known]], epoch: int) -> list[_Move]:
    """What records change, in their order; what is known of an older epoch isn't."""
    now = {code_id: held.value.counted for code_id, held in known.items() if held.value.epoch == epoch}
    moves = []
    for offset, told in heard:
        before = now.get(told.counted.code_id)
        after = told.after(before)
        if after is not None:
            moves.append(_Move(offset, before, after))
            now[after.code_id] = after
    return moves


def _added(held: Held[Counter], moves: Sequence[_Move]) -> Held[Counter] | None:
    """The counter with what it hasn't yet; None when it has all of it."""
    news = [move for move in moves if move.offset > held.value.applied_offset]
    if not news:
        return None
    for move in news:
        held.value.tally.move(move.before, move.after)
    return replace(held, value=replace(held.value, applied_offset=news[-1].offset))
