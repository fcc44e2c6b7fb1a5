"""One pattern: whether an event matches it, and why."""

from collections.abc import Collection
from dataclasses import dataclass

from quietzone_notification.patterns._arrays import Trial
from quietzone_notification.patterns._events import Found, Steps
from quietzone_notification.patterns._json import MAX_PATTERN_CHARACTERS
from quietzone_notification.patterns._reading import Field, read_fields
from quietzone_notification.patterns._values import shown

MAX_SHOWN_CHARACTERS = 200  # of a value: enough to recognise it
MAX_SHOWN = 10  # values of a path, and alternatives, that an explanation shows: more nobody reads, and an event may have thousands


@dataclass(frozen=True, slots=True)
class PathExplained:
    """A path of an alternative: what it looks for and what the event has there, both as JSON, and whether some of it fits."""

    path: str
    wanted: tuple[str, ...]
    found: tuple[str, ...]
    more: int
    """How many values there are besides those in `found`."""
    matched: bool


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to match: `$or` makes several.

    `apart`: each path fits, but only in different elements of an array.
    """

    matched: bool
    apart: bool
    paths: tuple[PathExplained, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an event matched or not; `str` of it says it to people."""

    matched: bool
    alternatives: tuple[Alternative, ...]
    """The first ones: up to the one that matched, or `MAX_SHOWN`."""
    more: int
    """How many alternatives were tried besides these."""

    def __str__(self) -> str:
        lines = ["matches" if self.matched else "doesn't match"]
        for number, alternative in enumerate(self.alternatives, 1):
            if len(self.alternatives) > 1:
                lines.append(f"alternative {number}: {'matches' if alternative.matched else 'no'}")
            if alternative.apart:
                lines.append("each path fits, but in different elements of an array")
            lines += map(_line, alternative.paths)
        if self.more:
            lines.append(f"and {self.more} alternatives more")
        return "\n".join(lines)


class Pattern:
    """A compiled pattern. It doesn't change: keep one for many events, in any thread."""

    __slots__ = ("_steps", "alternatives")

    def __init__(self, alternatives: tuple[tuple[Field, ...], ...]) -> None:
        self.alternatives = alternatives
        self._steps = Steps()
        for path in {field.path for fields in alternatives for field in fields}:
            self._steps.add(path)

    @property
    def weight(self) -> int:
        """How many fields all its alternatives have: what is compared for an event, if none fits."""
        return sum(map(len, self.alternatives))

    def matches(self, event: dict[str, object]) -> bool:
        """Whether an event matches.

        Raises:
            InvalidEvent: a value at one of the pattern's paths is nothing that JSON has.
        """
        return any(map(Trial(self._steps.values_of(event)).matches, self.alternatives))

    def only(self, paths: Collection[str]) -> "Pattern":
        """What of it is about these paths. Who knows an event's values there, and no others, holds them against that: what doesn't match
        can't match by any others. An alternative that is about other paths only is matched by everything.
        """
        return Pattern(tuple(tuple(field for field in fields if field.path in paths) for fields in self.alternatives))

    def explain(self, event: dict[str, object]) -> Explanation:
        """Why an event matches or doesn't: for each path what was looked for and what was found.

        Raises:
            InvalidEvent: as `matches`.
        """
        trial = Trial(self._steps.values_of(event))
        explained: list[Alternative] = []
        tried = 0
        for fields in self.alternatives:
            tried += 1
            matched = trial.matches(fields)
            if matched or len(explained) < MAX_SHOWN:
                explained.append(_explain(fields, trial.found, matched=matched))
            if matched:
                break
        return Explanation(explained[-1].matched, tuple(explained), tried - len(explained))


def compile_pattern(json_text: str, *, max_characters: int = MAX_PATTERN_CHARACTERS) -> Pattern:
    """A pattern of its JSON.

    Raises:
        InvalidPattern: with path and reason.
    """
    return Pattern(tuple(read_fields(json_text, max_characters=max_characters)))


def _explain(fields: tuple[Field, ...], found: Found, *, matched: bool) -> Alternative:
    paths = tuple(_explain_path(field, found) for field in fields)
    return Alternative(matched, not matched and all(path.matched for path in paths), paths)


def _explain_path(field: Field, found: Found) -> PathExplained:
    values = found.values.get(field.path, [])
    fits = any(field.fitting(values)) or (field.absent and (not values or found.in_arrays))
    return PathExplained(
        field.path, field.wanted(), tuple(_cut(shown(value)) for value in values[:MAX_SHOWN]), max(0, len(values) - MAX_SHOWN), fits
    )


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…"


def _line(path: PathExplained) -> str:
    found = ", ".join(path.found) + (f" and {path.more} more" if path.more else "")
    return f"  {'yes' if path.matched else 'no '} {path.path}: looked for {' or '.join(path.wanted)}; found {found or 'nothing'}"
