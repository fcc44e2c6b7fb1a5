"""What there is to set, in words for people."""

from dataclasses import dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

PREFIX = "QUIETZONE_"

_UNITS = {"ms": "ms", "s": "s", "bytes": "bytes", "px": "pixels"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: `type` and `why` are sentences for people; `default` is None when it must be set or has none; `unit` may be empty."""

    name: str
    type: str
    default: str | None
    unit: str
    why: str
    required: bool
    secret: bool


def describe(*kinds: type[BaseModel]) -> list[Setting]:
    """All settings of these classes, each once, in the order of their declaration."""
    found: dict[str, Setting] = {}
    for kind in kinds:
        for name, field in kind.model_fields.items():
            found.setdefault(name, _setting(name, field))
    return list(found.values())


def variable(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def is_secret(field: FieldInfo) -> bool:
    """Whether the value may never be shown."""
    annotation = field.annotation
    return annotation is SecretStr or SecretStr in get_args(annotation)


def wanted(name: str, field: FieldInfo) -> str:
    """What would do for a field, such as `a whole number from 1 to 1000 (ms)`."""
    unit = unit_of(name)
    return _kind(field.annotation) + _bounds(field) + (f" ({unit})" if unit else "")


def unit_of(name: str) -> str:
    """The unit that the end of a field's name says."""
    return _UNITS.get(name.rpartition("_")[2], "")


def _setting(name: str, field: FieldInfo) -> Setting:
    return Setting(
        name=variable(name),
        type=_kind(field.annotation) + _bounds(field),
        default=_default(field),
        unit=unit_of(name),
        why=field.description or "",
        required=field.is_required(),
        secret=is_secret(field),
    )


def _default(field: FieldInfo) -> str | None:
    if field.is_required() or field.default is None or is_secret(field):
        return None
    default = field.get_default(call_default_factory=True)
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, Enum):
        return str(default.value)
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return str(default)


def _kind(annotation: object) -> str:
    if get_origin(annotation) in (Union, UnionType):
        return " or ".join(_kind(choice) for choice in get_args(annotation) if choice is not NoneType)
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(map(str, get_args(annotation)))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "one of " + ", ".join(str(member.value) for member in annotation)
    if get_origin(annotation) is tuple:
        return "a list separated by commas"
    names: dict[object, str] = {int: "a whole number", float: "a number", bool: "true or false", SecretStr: "a secret text"}
    return names.get(annotation, "a text")


def _bounds(field: FieldInfo) -> str:
    bounds = ""
    for bound in field.metadata:
        match bound:
            case annotated_types.Ge(ge=low):
                bounds += f" from {low}"
            case annotated_types.Gt(gt=low):
                bounds += f" above {low}"
            case annotated_types.Le(le=high):
                bounds += f" to {high}" if "from" in bounds else f" up to {high}"
            case annotated_types.Lt(lt=high):
                bounds += f" below {high}"
            case annotated_types.MinLen(min_length=low):
                bounds += f" of at least {low} characters"
            case annotated_types.MaxLen(max_length=high):
                bounds += f" of at most {high} characters"
            case _:
                continue
    return bounds
