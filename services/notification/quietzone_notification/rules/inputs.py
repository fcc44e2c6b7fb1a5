"""What a target gets of an event: all of it, a constant, a part, or a template that is filled in. Pure.

A template is JSON with variables in angle brackets. One that stands for itself becomes a value as JSON (a text in its quotes), one within
quotes becomes part of that text, escaped: what comes out is JSON, whatever the event holds. A path that leads nowhere becomes an empty
text. Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html; docs/events.md says what differs.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

from quietzone_notification.events.domain import Event, rfc3339
from quietzone_notification.rules.paths import ABSENT, InvalidPath, Path, parse_path

MAX_TEMPLATE = 8_192  # EventBridge's, in characters; of a constant too
MAX_PATHS = 100  # EventBridge's
MAX_OUTPUT_BYTES = 262_144
"""What a target gets at most, as much as an entry: a template may name a large value a thousand times."""

RULE_ID, RULE_NAME = "quietzone.events.rule-id", "quietzone.events.rule-name"
INGESTED, HEAD, WHOLE = "quietzone.events.event.ingestion-time", "quietzone.events.event", "quietzone.events.event.json"
RESERVED = (RULE_ID, RULE_NAME, INGESTED, HEAD, WHOLE)
"""Variables that every template has: EventBridge's, with our name for `aws`."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_VARIABLE = re.compile(r"<([A-Za-z0-9_.-]{1,256})>")


class InvalidInput(ValueError):
    """An input that can't be made: says what is wrong, and what would do."""


class TooLarge(ValueError):
    """What an event would become has more than MAX_OUTPUT_BYTES."""


class InputKind(Enum):
    """What a target gets."""

    EVENT = "event"
    CONSTANT = "constant"
    PATH = "path"
    TEMPLATE = "template"


@dataclass(frozen=True, slots=True)
class Input:
    """What somebody wants a target to get, as he wrote it. `text` is the constant, the path or the template; `paths` are its variables."""

    kind: InputKind = InputKind.EVENT
    text: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of its texts."""
        return sum(len(text.encode()) for pair in (("", self.text), *self.paths.items()) for text in pair)


@dataclass(frozen=True, slots=True)
class About:
    """What reserved variables say beside the event."""

    rule_id: str
    rule_name: str
    now_ms: int


@dataclass(frozen=True, slots=True)
class _Variable:
    name: str
    quoted: bool


Make = Callable[[Event, dict[str, object], About], str]
"""The JSON of an event, of the tree of it, and of what is said about it; raises TooLarge."""


def compile_input(wanted: Input) -> Make:
    """Check an input, and make what makes it.

    Raises:
        InvalidInput: says what is wrong.
    """
    if wanted.kind is InputKind.EVENT:
        return lambda event, _tree, _about: event.text()
    if not 1 <= len(wanted.text) <= MAX_TEMPLATE:
        raise InvalidInput(f"it has 1 to {MAX_TEMPLATE:,} characters, this one has {len(wanted.text):,}")
    if wanted.kind is InputKind.CONSTANT:
        _check_json(wanted.text)
        return lambda _event, _tree, _about: wanted.text
    if wanted.kind is InputKind.PATH:
        path = _path(wanted.text)
        return lambda _event, tree, _about: _json_of(path.of(tree), "null")
    return _Template(wanted).make


class _Template:
    def __init__(self, wanted: Input) -> None:
        if len(wanted.paths) > MAX_PATHS:
            raise InvalidInput(f"a template has at most {MAX_PATHS} variables, this one has {len(wanted.paths)}")
        for name in wanted.paths:
            if not _NAME.fullmatch(name):
                raise InvalidInput(f"a variable's name has 1 to 256 letters, digits, _ and -; {name!r:.60} has others")
        self._paths = {name: _path(text) for name, text in wanted.paths.items()}
        self._pieces = _pieces(wanted.text)
        used = {piece.name for piece in self._pieces if isinstance(piece, _Variable)}
        for name in sorted(used - self._paths.keys() - set(RESERVED)):
            hint = "write a bracket that is one as \\u003c" if "." not in name else f"reserved are {', '.join(RESERVED)}"
            raise InvalidInput(f"<{name}> is none of the variables: give it a path; {hint}")
        _check_json("".join(piece if isinstance(piece, str) else "" if piece.quoted else "null" for piece in self._pieces))

    def make(self, event: Event, tree: dict[str, object], about: About) -> str:
        texts: dict[_Variable, str] = {}  # each is made when it comes up first: what is too large ends before the others are
        made, size = [], 0
        for piece in self._pieces:
            if isinstance(piece, str):
                text = piece
            elif piece in texts:
                text = texts[piece]
            else:
                value = self._value(piece.name, event, tree, about)
                text = texts[piece] = _inside(value) if piece.quoted else _json_of(value, '""')
            size += len(text.encode("utf-8", "surrogatepass"))
            if size > MAX_OUTPUT_BYTES:
                raise TooLarge(f"the template makes more than {MAX_OUTPUT_BYTES:,} bytes of this event; name less of it")
            made.append(text)
        return "".join(made)

    def _value(self, name: str, event: Event, tree: dict[str, object], about: About) -> object:
        if name in self._paths:
            return self._paths[name].of(tree)
        if name == HEAD:
            return event.head()
        return {RULE_ID: about.rule_id, RULE_NAME: about.rule_name, INGESTED: rfc3339(about.now_ms), WHOLE: tree}[name]


def _pieces(template: str) -> tuple[str | _Variable, ...]:
    """Literal texts and variables, which know whether they stand within quotes."""
    pieces: list[str | _Variable] = []
    start = at = 0
    quoted = has_variable = False
    while at < len(template):
        character = template[at]
        variable = _VARIABLE.match(template, at) if character == "<" else None
        if variable is not None:
            pieces += [template[start:at], _Variable(variable[1], quoted)]
            start = at = variable.end()
            has_variable = True
            continue
        if character == '"':
            quoted = not quoted
            if quoted:
                has_variable = False
            elif has_variable and template[at + 1 :].lstrip().startswith(":"):
                raise InvalidInput("a variable can't be the name of a field, nor part of it: write names out")
        at += 2 if quoted and character == "\\" else 1
    return (*pieces, template[start:])


def _path(text: str) -> Path:
    try:
        return parse_path(text)
    except InvalidPath as error:
        raise InvalidInput(str(error)) from error


def _check_json(text: str) -> None:
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"it isn't JSON: {error}; a text stands in quotes, a variable that is a value without") from None


def _inside(value: object) -> str:
    """A value as part of a text in quotes."""
    if value is ABSENT:
        return ""
    return json.dumps(value if isinstance(value, str) else _json_of(value, ""))[1:-1]


def _json_of(value: object, absent: str) -> str:
    """A value of an event's tree as JSON, with all digits that it came with."""
    if value is ABSENT:
        return absent
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{_json_of(each, absent)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_json_of(each, absent) for each in value) + "]"
    return json.dumps(value)
