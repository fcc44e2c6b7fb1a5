"""The simulation's own book: what clients sent and what they were answered, to be held against what was counted.

Each scan has a referrer of its own, so that a count per code and referrer tells the fate of every single scan.
"""

from collections import Counter
from dataclasses import dataclass
from enum import Enum


class Fate(Enum):
    """What is known of a scan: whether it must be counted."""

    MUST = "must"
    """Answered, and within what the acknowledgement promises: counted once."""
    MAY = "may"
    """Never answered, or lost with its machine as its acknowledgement allows: counted once or not at all."""
    MUST_NOT = "must not"
    """Answered with a status that isn't counted."""


FLUSHED_WITHIN_S = 0.3
"""An edge that runs undisturbed has flushed a scan by then: its interval is 50 ms, the rest is for queues."""


@dataclass(slots=True)
class Scan:
    """One scan: which code, at which edge, when it was sent and answered (virtual seconds)."""

    number: int
    code_id: str
    account_id: str
    edge: str
    sent_at: float
    is_person: bool
    fate: Fate = Fate.MAY
    answered_at: float = 0.0
    is_excused: bool = False
    """Something took it before its client got the answer that was on its way."""

    @property
    def referrer(self) -> str:
        """The host that it came from, its own."""
        return f"s{self.number}.test"


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A time in which an edge couldn't flush as it should: it was dead or paused, or its disk failed (`disk`)."""

    edge: str
    start: float
    end: float
    disk: bool


class Ledger:
    """All scans of a history. `on_disk` when edges answer only once a scan is on disk."""

    def __init__(self, *, on_disk: bool) -> None:
        self.scans: list[Scan] = []
        self._on_disk = on_disk
        self._disturbances: list[Disturbance] = []
        self._by_referrer: dict[str, Scan] = {}
        self._unrecorded = 0

    def sent(self, key: tuple[str, str], edge: str, at: float, *, is_person: bool) -> Scan:
        """A new scan of an account's code on its way."""
        scan = Scan(len(self.scans) + 1, key[1], key[0], edge, at, is_person)
        self.scans.append(scan)
        self._by_referrer[scan.referrer] = scan
        return scan

    def redirected(self, scan: Scan, at: float) -> None:
        """The client got its redirect, and with it the promise that the scan counts."""
        scan.answered_at = at
        if scan.fate is Fate.MAY and not scan.is_excused:
            scan.fate = Fate.MUST

    def not_to_be_counted(self, scan: Scan) -> None:
        """The client got another answer, or asked by HEAD."""
        scan.fate = Fate.MUST_NOT

    def unrecorded(self, referrer: str) -> None:
        """The edge said that it couldn't write this scan."""
        scan = self._by_referrer.get(referrer)
        if scan is not None:
            scan.fate = Fate.MUST_NOT
            self._unrecorded += 1

    def may_be_gone(self, number: int) -> None:
        """The disk may have lost this scan by itself."""
        _excuse(self.scans[number - 1])

    def disturbed(self, disturbance: Disturbance) -> None:
        """Take down why scans may not be on disk."""
        self._disturbances.append(disturbance)

    def machine_crashed(self, edges: set[str], at: float) -> int:
        """Scans whose acknowledgement didn't promise to outlive this may be lost now; returns how many."""
        at_risk = [scan for scan in self.scans if scan.edge in edges and scan.fate is not Fate.MUST_NOT and not scan.is_excused]
        lost = [scan for scan in at_risk if self._may_be_unflushed(scan, at)]
        for scan in lost:
            _excuse(scan)
        return len(lost)

    def _may_be_unflushed(self, scan: Scan, at: float) -> bool:
        if not scan.answered_at:
            return True
        if self._on_disk:
            return self._was_disturbed(scan, scan.answered_at, disk_only=True)
        until = scan.answered_at + FLUSHED_WITHIN_S
        return until >= at or self._was_disturbed(scan, until, disk_only=False)

    def _was_disturbed(self, scan: Scan, until: float, *, disk_only: bool) -> bool:
        return any(
            one.edge == scan.edge and one.start <= until and one.end >= scan.sent_at and (one.disk or not disk_only)
            for one in self._disturbances
        )

    def check(self, counted: dict[tuple[str, str], Counter[str]]) -> list[str]:
        """What is wrong with these counts, by (account, code) and referrer."""
        problems = []
        for scan in self.scans:
            if not scan.is_person:
                continue  # has no referrer in the counts: `bounds` is all that can be checked
            times = counted.get((scan.account_id, scan.code_id), Counter())[scan.referrer]
            if scan.fate is Fate.MUST and times == 0:
                problems.append(
                    f"scan {scan.number} of {scan.code_id} was answered at {scan.answered_at:.4f} s by {scan.edge} and isn't counted"
                )
            elif times > 1:
                problems.append(f"scan {scan.number} of {scan.code_id} is counted {times} times")
            elif times and scan.fate is Fate.MUST_NOT:
                problems.append(f"scan {scan.number} of {scan.code_id} is counted and wasn't accepted")
        known = {(scan.account_id, scan.code_id, scan.referrer) for scan in self.scans}
        for key, referrers in counted.items():
            problems += [f"{key[1]} has a scan that nobody made: {referrer}" for referrer in referrers if (*key, referrer) not in known]
        return problems

    def may_be_lost(self) -> int:
        """How many numbers may have been given and lost; with its frames a source can lose which of its numbers it never used."""
        return sum(scan.fate is Fate.MAY for scan in self.scans) + self._unrecorded

    def bounds(self, code_id: str, *, by_people: bool) -> tuple[int, int]:
        """How many scans of a code by people, or by others, must and can at most be counted."""
        fates = Counter(scan.fate for scan in self.scans if scan.code_id == code_id and scan.is_person is by_people)
        return fates[Fate.MUST], fates[Fate.MUST] + fates[Fate.MAY]


def _excuse(scan: Scan) -> None:
    scan.is_excused = True
    if scan.fate is Fate.MUST:
        scan.fate = Fate.MAY
