"""From environment variables to settings, with all that is wrong said in one message."""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from quietzone_kit.settings._describe import PREFIX, is_secret, variable, wanted

# pydantic-settings would add 5 MB and 50 ms to each process for what `load` does in a few lines.

# Kubernetes tells each container of the Services beside it: a Service `quietzone-qr` becomes QUIETZONE_QR_PORT=tcp://….
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP)(_\w+)?$")

_PASSWORD = re.compile(r"(://[^/@:]*):[^@]*@")


class SettingsError(Exception):
    """Settings are wrong: each problem names its variable, what is wrong, and what would do."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__(
            problems[0]
            if len(problems) == 1
            else f"{len(problems)} settings are wrong:\n" + "\n".join(f"  {problem}" for problem in problems)
        )


class Settings(BaseModel):
    """Base of all settings; classes with shared settings are combined by inheritance."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)


S = TypeVar("S", bound=Settings)


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


CommaList = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""A setting that is a list: `a, b`."""


def load(kind: type[S], environ: Mapping[str, str]) -> S:
    """Settings of one class. An empty variable counts as not set; variables of other classes are left alone (`unknown` finds them).

    Raises:
        SettingsError: names every variable that is wrong.
    """
    try:
        return kind.model_validate(_given(kind, environ))
    except ValidationError as error:
        raise SettingsError(*_problems(kind, error)) from None  # the cause holds what was given, which may be a secret


@contextmanager
def setting(field: str) -> Iterator[None]:
    """A ValueError of the block, such as an adapter raises about its URL, is about this field.

    Raises:
        SettingsError: names the field's variable.
    """
    try:
        yield
    except ValueError as error:
        raise SettingsError(f"{variable(field)}: {error}") from error


def check(kinds: Iterable[type[Settings]], environ: Mapping[str, str]) -> None:
    """Whether these classes can all be loaded and no other QUIETZONE_ variable is set: what starts several processes asks this first.

    Raises:
        SettingsError: all problems of all classes at once.
    """
    found: dict[str, None] = {}
    classes = tuple(kinds)
    for kind in classes:
        try:
            load(kind, environ)
        except SettingsError as error:
            found.update(dict.fromkeys(error.problems))
    found.update(dict.fromkeys(unknown(classes, environ)))
    if found:
        raise SettingsError(*found)


def unknown(kinds: Iterable[type[Settings]], environ: Mapping[str, str], *, elsewhere: Collection[str] = ()) -> list[str]:
    """A sentence for each QUIETZONE_ variable that none of these classes has, nor anybody `elsewhere`, with the nearest name that there is.

    A lone process only warns of them: after a rollback the environment may hold settings of the newer release.
    """
    names = sorted({variable(field) for kind in kinds for field in kind.model_fields} | set(elsewhere))
    sentences = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in names or _is_service_link(name, environ[name]):
            continue
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.8)  # a slip of the keys, not another word
        sentences.append(
            f"{name}: no such setting; " + (f"did you mean {near[0]}?" if near else "`quietzone settings` lists those that there are")
        )
    return sentences


def only_for(kind: type[Settings], environ: Mapping[str, str]) -> dict[str, str]:
    """The environment that a process with these settings gets: no QUIETZONE_ variable, and so no secret, that isn't its own."""
    own = {variable(field) for field in kind.model_fields}
    return {name: value for name, value in environ.items() if not name.startswith(PREFIX) or name in own}


def _given(kind: type[Settings], environ: Mapping[str, str]) -> dict[str, str]:
    values = {field: environ.get(variable(field), "") for field in kind.model_fields}
    return {field: value for field, value in values.items() if value.strip()}


def _is_service_link(name: str, value: str) -> bool:
    return _SERVICE_LINK.search(name) is not None or (name.endswith("_PORT") and "://" in value)


def _problems(kind: type[Settings], error: ValidationError) -> list[str]:
    return [_problem(kind, details) for details in error.errors(include_url=False)]


def _problem(kind: type[Settings], details: ErrorDetails) -> str:
    if not details["loc"]:  # a validator over several fields names them itself
        return _said(details)
    name = str(details["loc"][0])
    field = kind.model_fields[name]
    if details["type"] == "missing":
        return f"{variable(name)}: not set; it takes {wanted(name, field)}. {field.description or ''}".rstrip()
    if details["type"] in ("value_error", "assertion_error"):
        return f"{variable(name)}: {_said(details)}"
    given = "its value" if is_secret(field) else repr(_PASSWORD.sub(r"\1:***@", str(details["input"])))
    return f"{variable(name)}: {given} is not {wanted(name, field)}"


def _said(details: ErrorDetails) -> str:
    return details["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
