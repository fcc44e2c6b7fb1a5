"""Promise 1's book: what owners were told about their codes, and where scans were led, held against what qr holds at the end."""

from collections import Counter
from dataclasses import dataclass, field

from quietzone_qr.codes.domain import Code, State

REDIRECT, PAUSED, DELETED, UNKNOWN, UNAVAILABLE = "redirect", "paused", "deleted", "unknown", "unavailable"
"""What a scan can end in."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a scan ended in; `destination` is empty unless it is a redirect."""

    outcome: str
    destination: str = ""


@dataclass(frozen=True, slots=True)
class Sight:
    """An answer with the moments between which the edge decided it (virtual seconds)."""

    answer: Answer
    sent_at: float
    answered_at: float


@dataclass(slots=True)
class Entry:
    """A code that was issued: as its owner knows it, and how many changes of it had an unknown outcome."""

    code: Code
    unknown: int = 0
    seen: dict[str, list[Sight]] = field(default_factory=dict)
    """By run of an edge, in the order of `answered_at`."""


class Codebook:
    """All codes of a history. `forgetful` edges have room for fewer links than there are codes."""

    def __init__(self, *, forgetful: bool) -> None:
        self.forgetful = forgetful
        self.entries: dict[str, Entry] = {}
        self._violations: list[str] = []

    def issued(self, code: Code) -> None:
        """An owner was told that this is a new code."""
        for entry in self.entries.values():
            if entry.code.slug == code.slug:
                self._violations.append(f"slug {code.slug} was issued to {entry.code.code_id} and to {code.code_id}")
        self.entries[code.code_id] = Entry(code)

    def changed(self, code: Code) -> None:
        """An owner was told that the code is so now."""
        entry = self.entries[code.code_id]
        if code.revision >= entry.code.revision:
            entry.code = code

    def led(self, code_id: str, run: str, sight: Sight) -> None:
        """A scan at one run of an edge ended so."""
        entry = self.entries.get(code_id)
        if entry is not None:
            entry.seen.setdefault(run, []).append(sight)

    def check(self, stored: dict[str, Code]) -> list[str]:
        """What is wrong with the codes that qr holds at the end, and with what edges made of them."""
        slugs = Counter(code.slug for code in stored.values())
        found = self._violations + [f"slug {slug} belongs to {times} codes" for slug, times in slugs.items() if times > 1]
        for code_id, entry in self.entries.items():
            code = stored.get(code_id)
            if code is None:
                found.append(f"{code_id} was issued and is gone")
                continue
            found += _differences(entry, code)
            for run, sights in entry.seen.items():
                found += _steps_back(run, [sight for sight in sights if not self._is_excused(sight)], code)
        return found

    def _is_excused(self, sight: Sight) -> bool:
        """A link that was pushed out can't be looked up while store and qr are down."""
        return self.forgetful and sight.answer.outcome == UNAVAILABLE


def expected(code: Code) -> Answer:
    """What a scan of this code must end in."""
    if code.state is State.ACTIVE:
        return Answer(REDIRECT, code.destination)
    return Answer(PAUSED if code.state is State.PAUSED else DELETED)


def _differences(entry: Entry, code: Code) -> list[str]:
    told, found = entry.code, []
    if (code.slug, code.payload, code.account_id) != (told.slug, told.payload, told.account_id):
        found.append(f"{code.code_id}: what is printed has changed")
    if not told.revision <= code.revision <= told.revision + entry.unknown:
        found.append(
            f"{code.code_id}: its owner knows revision {told.revision} and {entry.unknown} unknown changes, stored is {code.revision}"
        )
    if code.revision == told.revision and code != told:
        found.append(f"{code.code_id}: its owner knows {told}, stored is {code}")
    if told.state is State.DELETED and code.state is not State.DELETED:
        found.append(f"{code.code_id} is back after it was deleted")
    return found


def _steps_back(run: str, sights: list[Sight], code: Code) -> list[str]:
    """An edge's run knows a code in ever later states, and forgets none, whatever else is down.

    Answers that were under way at the same time may cross: only what was sent after another answer had come must be as late.
    """
    order = {str(version.destination): place for place, version in enumerate(code.destinations)}
    latest = _ABSENT
    waiting = sorted(sights, key=lambda sight: sight.answered_at)
    for sight in sorted(sights, key=lambda sight: sight.sent_at):
        while waiting and waiting[0].answered_at < sight.sent_at:
            latest = max(latest, _place(waiting.pop(0).answer, order))
        place = _place(sight.answer, order)
        if place > _DELETED:
            return [f"{run} led {code.slug} where it never led: {sight}"]
        if place < latest and not (sight.answer.outcome == PAUSED and latest < _DELETED):
            return [f"{run} knew {code.slug} at {latest} of {order}, and then answered {sight}"]
    return []


_ABSENT, _KNOWN, _DELETED = -2, -1, 1_000_000


def _place(answer: Answer, order: dict[str, int]) -> int:
    """How late the state of a code is that an answer tells of; a pause can be at any time."""
    if answer.outcome == REDIRECT:
        return order.get(answer.destination, _DELETED + 1)
    return {DELETED: _DELETED, PAUSED: _KNOWN}.get(answer.outcome, _ABSENT)
