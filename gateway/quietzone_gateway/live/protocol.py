"""What clients say: filters, and the messages of a WebSocket."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter, ValidationError

from quietzone_gateway.live.cursors import MAX_CHARACTERS
from quietzone_gateway.live.domain import (
    CODE_KINDS,
    FILTERS,
    MAX_CODE_IDS,
    MAX_TASK_IDS,
    Filter,
    Kind,
    Watcher,
    kinds_allowed,
    missing_scopes,
)
from quietzone_gateway.rest.problems import NO_SUCH_FIELD
from quietzone_gateway.rest.shapes import Input, Text
from quietzone_gateway.rpc import CodeState
from quietzone_kit.errors import FieldViolation, InvalidInput, PermissionDenied

MAX_BRACKETS = 64
"""Arrays and objects of one message that begin: ours have four. JSON that is nested deeper would take the parser's stack."""

MAX_TOKEN_CHARACTERS = 8_192
"""A JWT has one or two thousand."""

Value: TypeAlias = Annotated[Text, StringConstraints(min_length=1, max_length=200)]
SubscriptionId: TypeAlias = Annotated[Text, StringConstraints(min_length=1, max_length=64)]
Id: TypeAlias = Annotated[str, AfterValidator(lambda given: str(uuid.UUID(given)))]


class Where(Input):
    """What codes' fields must be equal to; `tag` is one of a code's tags."""

    state: CodeState | None = None
    tag: Value | None = None
    folder: Value | None = None


class Wanted(Input):
    """What is asked for; without `kinds`, all that the caller may see."""

    kinds: list[Kind] | None = Field(None, min_length=1, max_length=len(Kind))
    code_ids: list[Id] = Field(default_factory=list, max_length=MAX_CODE_IDS)
    task_ids: list[Id] = Field(default_factory=list, max_length=MAX_TASK_IDS)
    where: Where = Where()
    cursor: str | None = Field(None, max_length=MAX_CHARACTERS)


class Subscribe(Wanted):
    """`id` is the client's own name for the subscription; without it it gets a number."""

    id: SubscriptionId | None = None


class Connect(Input):
    """Who is there, for browsers, which can't send a header."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=MAX_TOKEN_CHARACTERS, pattern=r"^[!-~]+$")]
    account: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[!-~]+$")] | None = None
    """Whose own authoriser is to be asked about the token, as X-Quietzone-Account says it."""


class Unsubscribe(Input):
    """Which subscription is to end."""

    id: SubscriptionId


class Nothing(Input):
    """No fields."""


class ConnectMessage(Input):
    """The first message, unless a header said who is there."""

    type: Literal["connect"]
    data: Connect


class SubscribeMessage(Input):
    """Begin a subscription."""

    type: Literal["subscribe"]
    data: Subscribe


class UnsubscribeMessage(Input):
    """End a subscription."""

    type: Literal["unsubscribe"]
    data: Unsubscribe


class PingMessage(Input):
    """Is anybody there?"""

    type: Literal["ping"]
    data: Nothing = Nothing()


Message: TypeAlias = ConnectMessage | SubscribeMessage | UnsubscribeMessage | PingMessage

_MESSAGES: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])
_QUERIES: TypeAdapter[Wanted] = TypeAdapter(Wanted)
_LISTS = {"kinds": "kinds", "code_id": "code_ids", "task_id": "task_ids"}
_NAMES = {field: name for name, field in _LISTS.items()}

T = TypeVar("T")


def message_in(text: str) -> Message:
    """What a client says.

    Raises:
        InvalidInput, RequestValidationError: names what is wrong.
    """
    if text.count("[") + text.count("{") > MAX_BRACKETS:
        raise InvalidInput(FieldViolation("message", "nested too deeply"))
    try:
        said = json.loads(text)
    except ValueError as error:
        raise InvalidInput(FieldViolation("message", "not JSON; send {type, data}")) from error
    return _validated(_MESSAGES, said)


def wanted_in(query: Sequence[tuple[str, str]]) -> Wanted:
    """What the query of an address asks for: lists with commas, and fields of codes by their names.

    Raises:
        InvalidInput, RequestValidationError: names what is wrong.
    """
    names = [name for name, _ in query]
    known = {*_LISTS, *FILTERS, "cursor"}
    wrong = [FieldViolation(name, NO_SUCH_FIELD) for name in dict.fromkeys(names) if name not in known]
    wrong += [FieldViolation(name, "given more than once; separate values by commas") for name in known if names.count(name) > 1]
    if wrong:
        raise InvalidInput(*wrong)
    said: dict[str, object] = {_LISTS[name]: value.split(",") for name, value in query if name in _LISTS}
    said["where"] = {name: value for name, value in query if name in FILTERS}
    try:
        return _validated(_QUERIES, {**said, **{name: value for name, value in query if name == "cursor"}})
    except RequestValidationError as error:
        raise RequestValidationError([_as_asked(found) for found in error.errors()]) from error


def filter_of(wanted: Wanted, watcher: Watcher) -> Filter:
    """The filter that a watcher asks for.

    Raises:
        PermissionDenied: names the scope that is missing.
        InvalidInput: codes' fields are asked of events that have none.
    """
    where = tuple((name, value) for name, value in wanted.where.model_dump(exclude_none=True).items())
    allowed = kinds_allowed(watcher.scopes) & (CODE_KINDS if where else frozenset(Kind))
    kinds = frozenset(wanted.kinds) if wanted.kinds is not None else allowed
    if missing := missing_scopes(kinds, watcher.scopes):
        raise PermissionDenied(f"this needs the scope {missing[0]!r}")
    if not kinds:
        raise PermissionDenied("there is nothing that this caller may watch; it needs the scope 'codes:read' or 'analytics:read'")
    if where and not kinds <= CODE_KINDS:
        raise InvalidInput(FieldViolation("kinds", f"only changes of codes ({', '.join(sorted(CODE_KINDS))}) have {where[0][0]}"))
    return Filter(kinds, frozenset(wanted.code_ids), where, frozenset(wanted.task_ids), watcher.scopes)


def _validated(kind: TypeAdapter[T], said: object) -> T:
    try:
        return kind.validate_python(said)
    except ValidationError as error:
        raise RequestValidationError([_placed(found) for found in error.errors(include_url=False)]) from error


def _placed(found: Mapping[str, object]) -> dict[str, object]:
    place = found["loc"]
    assert isinstance(place, tuple)  # noqa: S101 - pydantic's own
    return {**found, "loc": ("body", *(place or ("message",)))}


def _as_asked(found: dict[str, object]) -> dict[str, object]:
    """With the field's name in an address."""
    place = found["loc"]
    assert isinstance(place, tuple)  # noqa: S101 - as `_placed` makes it
    names = place[2:] if place[1] == "where" else (_NAMES.get(place[1], place[1]), *place[2:])
    return {**found, "loc": ("query", *names)}
