"""What is told of counts, and only while they are whole."""

from dataclasses import dataclass

from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.runtime import Clock
from quietzone_qr.codes.listing import Filter
from quietzone_qr.counters.domain import Totals
from quietzone_qr.counters.repository import CounterStore
from quietzone_topics import QR_CODE_V1

REMEMBERED_S = 5.0
"""How long it is remembered that counts are whole, so that a list of codes costs one more read and not two. Counts that begin anew leave
the old ones as they were until they are whole themselves."""


@dataclass(frozen=True, slots=True)
class _Whole:
    """The epoch of each partition, as it was read at a moment of the clock."""

    epochs: dict[int, int]
    at_s: float


class Totalled:
    """An account's counts, for those who list its codes."""

    def __init__(self, store: CounterStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._whole: _Whole | None = None

    async def of_account(self, account_id: str) -> Totals | None:
        """Counts of all partitions; None while some are made anew, or the store doesn't tell."""
        try:
            for _ in range(2):
                epochs = await self._epochs()
                if epochs is None:
                    return None
                counters = await self._store.of_account(account_id)
                if all(counter.epoch <= epochs[counter.partition] for counter in counters):
                    return Totals.of(counter.tally for counter in counters if counter.epoch == epochs[counter.partition])
                self._whole = None  # made anew since we looked
        except DocumentsUnavailable:
            pass  # a list without its total is better than none
        return None

    async def that_fit(self, account_id: str, chosen: Filter) -> int | None:
        """How many codes a filter finds; None where no counter knows."""
        asked = chosen.asked()
        if len(asked) > 1 or asked - {"state", "tag", "folder"}:
            return None
        totals = await self.of_account(account_id)
        if totals is None:
            return None
        if chosen.tag is not None:
            return totals.with_tag(chosen.tag)
        if chosen.folder is not None:
            return totals.in_folder(chosen.folder)
        return totals.codes if chosen.state is None else totals.states.get(chosen.state.value, 0)

    async def _epochs(self) -> dict[int, int] | None:
        now_s = self._clock.monotonic()
        if self._whole is None or now_s - self._whole.at_s >= REMEMBERED_S:
            states = await self._store.states()
            is_whole = len(states) == QR_CODE_V1.partitions and all(state.is_whole for state in states)
            self._whole = _Whole({state.partition: state.epoch for state in states}, now_s) if is_whole else None
        return None if self._whole is None else self._whole.epochs
