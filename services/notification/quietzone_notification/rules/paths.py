"""Paths into an event: the part of JSONPath that EventBridge has. Pure.

`$` is the event, `.name` a field (letters, digits, `_`, `-`, `/`), `[0]` an element, `[*]` or `.*` all elements or fields. A path with a
star gives a list, of what there is.
Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

MAX_PATH = 256  # EventBridge's, in characters

_STEP = re.compile(r"\.(?P<name>[A-Za-z0-9_/-]+)|\[(?P<index>[0-9]{1,6})\]|(?P<star>\.\*|\[\*\])")


class _Absent(Enum):
    ABSENT = "absent"


ABSENT: Final = _Absent.ABSENT
"""What a path gives that leads nowhere."""

Step: TypeAlias = str | int | None
"""A field, an element, or (None) all of them."""


class InvalidPath(ValueError):
    """Not a path: says where it goes wrong, and what would do."""


@dataclass(frozen=True, slots=True)
class Path:
    """A path that was read."""

    text: str
    steps: tuple[Step, ...]

    def of(self, tree: object) -> object:
        """What it leads to in an event's tree; ABSENT if nowhere. With a star: a list."""
        found = [tree]
        for step in self.steps:
            found = [value for each in found for value in _below(each, step)]
        if None in self.steps:
            return found
        return found[0] if found else ABSENT


def parse_path(text: str) -> Path:
    """Read a path.

    Raises:
        InvalidPath: see there.
    """
    if not text.startswith("$") or len(text) > MAX_PATH:
        raise InvalidPath(f"a path begins with $ and has at most {MAX_PATH} characters, such as $.detail.state")
    steps: list[Step] = []
    at = 1
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise InvalidPath(f"{text!r} can't be read at character {at + 1}; write .name, [0] or [*], such as $.detail.items[0].size")
        if step["index"] is not None:
            steps.append(int(step["index"]))
        else:
            steps.append(step["name"])
        at = step.end()
    return Path(text, tuple(steps))


def _below(value: object, step: Step) -> list[object]:
    if isinstance(value, dict):
        if step is None:
            return list(value.values())
        return [value[step]] if step in value else []
    if isinstance(value, list):
        if step is None:
            return value
        return [value[step]] if isinstance(step, int) and step < len(value) else []
    return []
