"""Promise 2, checked from outside: what the stores and topics hold, against the ledger and against each other."""

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

import msgspec

from quietzone.analytics.v1 import analytics_pb2
from quietzone_analytics.partitions import States
from quietzone_analytics.partitions.repository import S
from quietzone_analytics.projection import ScanState, ScanStates
from quietzone_analytics.reconcile import Reconciliation, ReportStates, reconcile
from quietzone_analytics.rollups import DAYS, DIMENSIONS, MONTHS, TOTALS, Day, Rollups, Total
from quietzone_kit.bus import Topic
from quietzone_kit.events import event_of
from quietzone_qr.codes.domain import Code
from quietzone_qr.codes.repository import CODES
from quietzone_qr.codes.repository import COLLECTIONS as QR_COLLECTIONS
from quietzone_topics import ANALYTICS_MILESTONE_V1, TRACKING_SCAN_V1, TRACKING_SOURCE_V1
from simulation.ledger import Ledger
from simulation.places import Place
from simulation.roles import ANALYTICS_COLLECTIONS
from simulation.tuning import PARTITIONS

REFERRER = DIMENSIONS.index("referrer")

LOST = re.compile(r"^source \S+ lost \d+ scans?:")

Key = tuple[str, str]
"""Account and code."""


@dataclass(slots=True)
class Counted:
    """All that was counted."""

    totals: dict[Key, Total] = field(default_factory=dict)
    days: dict[Key, list[Day]] = field(default_factory=dict)
    months: Counter[str] = field(default_factory=Counter)
    milestones: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    states: list[ScanState] = field(default_factory=list)

    def referrers(self) -> dict[Key, Counter[str]]:
        """Scans by code and referrer."""
        found: dict[Key, Counter[str]] = {}
        for code, days in self.days.items():
            found[code] = sum((Counter(day.dimensions[REFERRER].counts) for day in days), Counter())
        return found


class Auditor:
    """Reads with plain ports: no faults."""

    def __init__(self, place: Place) -> None:
        self._codes = place.plain_documents("qr")
        self._counts = place.plain_documents("analytics")
        self._bus = place.plain_bus()
        self._clock = place.clock
        self._rollups = Rollups(self._counts)
        self._states = ScanStates(self._counts)
        self._reports = ReportStates(self._counts)

    async def open(self) -> None:
        """Declare what is read."""
        await self._codes.ensure(*QR_COLLECTIONS)
        await self._counts.ensure(*ANALYTICS_COLLECTIONS)

    async def codes(self) -> dict[str, Code]:
        """Every code that qr has, tombstones too."""
        page = await self._codes.scan(CODES, limit=1000)
        codes = [msgspec.convert(stored.body, Code) for stored in page.items]
        return {str(code.code_id): code for code in codes}

    async def counted_too_often(self) -> list[str]:
        """Scans that are counted more than once just now, whatever is under way."""
        counted = Counted()
        await self._read_days(counted)
        return [
            f"scan {referrer} of {code[1]} is counted {times} times already"
            for code, referrers in counted.referrers().items()
            for referrer, times in referrers.items()
            if times > 1
        ]

    async def behind(self) -> int:
        """Records that wait to be counted."""
        return await self._waiting(TRACKING_SCAN_V1, self._states) + await self._waiting(TRACKING_SOURCE_V1, self._reports)

    async def reconcile(self) -> Reconciliation:
        """What `quietzone reconcile` says."""
        return await reconcile(self._rollups, self._states, self._reports, self._bus, self._clock)

    async def _waiting(self, topic: Topic, states: States[S]) -> int:
        waiting = 0
        known = {one.state.partition: one.state for one in await states.all()}
        for partition in range(await self._bus.partitions(topic.name)):
            bounds = await self._bus.bounds(topic.name, partition)
            waiting += bounds.next - (known[partition].next_offset if partition in known else 0)
        return waiting

    async def read(self) -> Counted:
        """All that was counted."""
        counted = Counted(states=[one.state for one in await self._states.all()])
        async for total in self._rollups.all(TOTALS):
            counted.totals[tuple(total.address.key)] = total.rollup  # type: ignore[index]
        await self._read_days(counted)
        async for month in self._rollups.all(MONTHS):
            counted.months[month.address.key.account_id] += month.rollup.scans
        counted.milestones = await self._milestones()
        return counted

    async def _read_days(self, counted: Counted) -> None:
        async for day in self._rollups.all(DAYS):
            counted.days.setdefault(tuple(day.address.key), []).append(day.rollup)  # type: ignore[arg-type]

    async def _milestones(self) -> Counter[tuple[str, str, int]]:
        """Event id, code and threshold of each milestone, with how often it was sent."""
        found: Counter[tuple[str, str, int]] = Counter()
        consumer = await self._bus.follow(ANALYTICS_MILESTONE_V1.name)
        await consumer.poll(max_records=1, wait_s=0)
        for partition in range(PARTITIONS):
            consumer.seek(partition, 0)
        while records := [record for run in (await consumer.poll(max_records=1000, wait_s=0)).records.values() for record in run]:
            for record in records:
                reached = analytics_pb2.MilestoneReached.FromString(record.value)
                found[event_of(record).id, reached.code_id, reached.threshold] += 1
        await consumer.close()
        return found


def problems(counted: Counted, ledger: Ledger) -> list[str]:
    """What doesn't add up."""
    found = ledger.check(counted.referrers())
    accounts: Counter[str] = Counter()
    for code, total in counted.totals.items():
        accounts[code[0]] += total.scans
        days = counted.days.get(code, [])
        if sum(day.scans for day in days) != total.scans:
            found.append(f"{code[1]}: its days have {sum(day.scans for day in days)} scans, its total {total.scans}")
        if (in_days := sum(sum(day.slots) for day in days)) != total.persons:
            found.append(f"{code[1]}: its days have {in_days} scans by people, its total {total.persons}")
        found += _bounds(code, total, ledger)
    found += [f"days of {code[1]} without a total" for code in counted.days if code not in counted.totals]
    if +counted.months != +accounts:
        found.append(f"accounts' months have {dict(counted.months)}, their codes {dict(accounts)}")
    applied = sum(state.applied for state in counted.states)
    if applied != accounts.total():
        found.append(f"the partitions applied {applied} scans, the totals have {accounts.total()}")
    found += [
        f"partition {state.partition} waits for scans of {source_id}"
        for state in counted.states
        for source_id, source in state.sources.items()
        if source.gap
    ]
    return found + _milestones(counted)


def unreconciled(said: Reconciliation, ledger: Ledger) -> list[str]:
    """What `quietzone reconcile` must not say once all is at rest and every source has ended.

    It may tell of scans that were lost with a machine, as their acknowledgement allows, and of nothing else.
    """
    found = [problem for problem in said.problems if not LOST.search(problem)]
    numbers = f"accepted {said.accepted}, forwarded {said.forwarded}, applied {said.applied}, stored {said.stored}, lost {said.lost}"
    if not said.accepted - said.lost == said.forwarded == said.applied == said.stored:
        found.append(f"reconcile doesn't add up: {numbers}")
    if said.lost > ledger.may_be_lost():
        found.append(f"reconcile: {numbers}; at most {ledger.may_be_lost()} scans can be lost")
    return found


def _bounds(code: Key, total: Total, ledger: Ledger) -> list[str]:
    found = []
    for scans, by_people in ((total.persons, True), (total.bots + total.previews, False)):
        low, high = ledger.bounds(code[1], by_people=by_people)
        if not low <= scans <= high:
            found.append(f"{code[1]} has {scans} scans by {'people' if by_people else 'others'}, between {low} and {high} were made")
    return found


def _milestones(counted: Counted) -> list[str]:
    due = {(code[1], threshold) for code, total in counted.totals.items() for threshold in _thresholds(total.persons)}
    sent = {(code_id, threshold) for _, code_id, threshold in counted.milestones}
    found = [f"milestone {threshold} of {code_id} was reached and not sent" for code_id, threshold in sorted(due - sent)]
    found += [f"milestone {threshold} of {code_id} was sent and not reached" for code_id, threshold in sorted(sent - due)]
    ids = Counter((code_id, threshold) for _, code_id, threshold in counted.milestones)
    return found + [f"milestone {key[1]} of {key[0]} has {times} ids" for key, times in ids.items() if times > 1]


def _thresholds(persons: int) -> list[int]:
    """10 and each multiple of 100, as the contract says; written here anew, so that an error there shows."""
    reached = [10] if persons >= 10 else []
    for hundreds in count(1):
        if hundreds * 100 > persons:
            return reached
        reached.append(hundreds * 100)
    return reached
