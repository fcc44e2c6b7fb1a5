"""What the rollups hold, added up while they are read in the order of their keys, and where they contradict each other."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from quietzone_analytics.rollups import DAYS, MONTHS, TOTALS, CodeKey, Day, Document, Month, Rollups, Total
from quietzone_analytics.rollups.repository import NEVER

MAX_DIFFERENCES = 1_000  # that are looked at again: a person reads the first hundred

AnyDocument = Document[Total] | Document[Day] | Document[Month]


@dataclass(slots=True)
class Group:
    """Rollups of one code or of one account: by partition their scans of every class, and the newest place in the log of any."""

    sort_key: str
    key: CodeKey
    scans: dict[int, int] = field(default_factory=dict)
    newest: dict[int, tuple[int, int]] = field(default_factory=dict)
    rollup_ids: list[str] = field(default_factory=list)

    def add(self, document: AnyDocument) -> None:
        """Add a rollup."""
        partition = document.address.partition
        self.scans[partition] = self.scans.get(partition, 0) + document.rollup.scans
        self.newest[partition] = max(self.newest.get(partition, (0, NEVER)), (document.epoch, document.applied_offset))
        self.rollup_ids.append(document.address.rollup_id)


@dataclass(frozen=True, slots=True)
class Difference:
    """What should be equal and isn't: scans in the totals of a code or account in a partition, and in the days or months of it."""

    key: CodeKey
    partition: int
    in_totals: int
    in_parts: int
    totals: Group
    parts: Group


@dataclass(slots=True)
class Stored:
    """All totals by partition, and what contradicts them; `newest` is the newest place in the log of any of a partition's rollups."""

    scans: dict[int, int] = field(default_factory=dict)
    newest: dict[int, tuple[int, int]] = field(default_factory=dict)
    codes: list[Difference] = field(default_factory=list)
    accounts: list[Difference] = field(default_factory=list)
    unlisted: int = 0
    """Differences that were found after the first MAX_DIFFERENCES."""


async def read_stored(rollups: Rollups) -> Stored:
    """Read every rollup: totals twice, days and months once."""
    stored = Stored()
    totals = _groups(rollups.all(TOTALS), _code)
    async for total, days in _side_by_side(totals, _groups(rollups.all(DAYS), _code)):
        for partition, scans in total.scans.items():
            stored.scans[partition] = stored.scans.get(partition, 0) + scans
        _compare(total, days, stored, stored.codes)
    totals = _groups(rollups.all(TOTALS), _account)
    async for total, months in _side_by_side(totals, _groups(rollups.all(MONTHS), _account)):
        _compare(total, months, stored, stored.accounts)
    return stored


async def still_differs(rollups: Rollups, difference: Difference) -> bool:
    """Whether a code's total and days contradict each other when they are read again, both complete up to the same place."""
    total, days = Group("", difference.key), Group("", difference.key)
    for one in (await rollups.fetch(TOTALS, difference.totals.rollup_ids)).values():
        total.add(one)
    for day in (await rollups.fetch(DAYS, difference.parts.rollup_ids)).values():
        days.add(day)
    return total.newest == days.newest and total.scans != days.scans


def _compare(totals: Group, parts: Group, stored: Stored, to: list[Difference]) -> None:
    for partition, place in (*totals.newest.items(), *parts.newest.items()):
        stored.newest[partition] = max(stored.newest.get(partition, (0, NEVER)), place)
    if totals.scans == parts.scans:
        return
    for partition in sorted(totals.scans.keys() | parts.scans.keys()):
        in_totals, in_parts = totals.scans.get(partition, 0), parts.scans.get(partition, 0)
        if in_totals == in_parts:
            continue
        if len(stored.codes) + len(stored.accounts) < MAX_DIFFERENCES:
            to.append(Difference(totals.key, partition, in_totals, in_parts, totals, parts))
        else:
            stored.unlisted += 1


def _code(document: AnyDocument) -> CodeKey:
    return document.address.key


def _account(document: AnyDocument) -> CodeKey:
    return CodeKey(document.address.key.account_id, "")


async def _groups(documents: AsyncIterator[AnyDocument], key_of: Callable[[AnyDocument], CodeKey]) -> AsyncIterator[Group]:
    """Rollups that follow each other with equal keys, as one."""
    group: Group | None = None
    async for document in documents:
        key = key_of(document)
        if group is None or group.key != key:
            if group is not None:
                yield group
            # As in the keys of rollups: `#` sorts before every symbol of an id.
            group = Group(f"{key.account_id}#{key.code_id}#", key)
        group.add(document)
    if group is not None:
        yield group


async def _side_by_side(left: AsyncIterator[Group], right: AsyncIterator[Group]) -> AsyncIterator[tuple[Group, Group]]:
    """Groups of two ordered streams by key; an empty group stands for one that is in one of them only."""
    one, other = await anext(left, None), await anext(right, None)
    while one is not None or other is not None:
        if one is not None and (other is None or one.sort_key < other.sort_key):
            yield one, Group(one.sort_key, one.key)
            one = await anext(left, None)
        elif other is not None and (one is None or other.sort_key < one.sort_key):
            yield Group(other.sort_key, other.key), other
            other = await anext(right, None)
        elif one is not None and other is not None:
            yield one, other
            one, other = await anext(left, None), await anext(right, None)
