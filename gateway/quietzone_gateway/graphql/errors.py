"""Errors as GraphQL tells them: from the same table as the problems of REST."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from graphql import GraphQLError
from pydantic import BaseModel, ValidationError

from quietzone_gateway.graphql.metrics import ERRORS
from quietzone_gateway.rest.problems import INTERNAL, KINDS, Problem, internal, problem_of
from quietzone_gateway.rest.route import known_as
from quietzone_kit.errors import FieldViolation, InvalidInput
from quietzone_kit.telemetry import logger

log = logger(__name__)

_SUGGESTION = re.compile(r"\s*Did you mean [^?]*\?")

_ENUM_VALUE = re.compile(r"<\w+\.(\w+): '[^']*'>")
"""As Python shows it; GraphQL's callers know the name in it."""

M = TypeVar("M", bound=BaseModel)

_NAMES = {
    "page_size": "first",
    "page_token": "after",
    "from_ms": "from",
    "to_ms": "to",
    "size_px": "size",
    "skip": "after",
    "created_before_ms": "created_before",
    "updated_before_ms": "updated_before",
}
"""Fields of services and of REST that are called otherwise here; all others are the same in camelCase."""


def problem_in(error: GraphQLError) -> Problem:
    """What an error of an answer means. Without a cause it is GraphQL's own: something is wrong with the request."""
    cause = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if cause is None:
        return Problem(KINDS[InvalidInput], error.message, {})
    return (problem_of(cause) if isinstance(cause, Exception) else None) or internal()


def code_of(problem: Problem) -> str:
    """Its name in GraphQL: `NOT_FOUND`."""
    return problem.kind.name.upper().replace("-", "_")


def told(error: GraphQLError, request_id: str, *, suggestions: bool = True) -> GraphQLError:
    """The error as the caller reads it: nothing of a bug's inside, no names that he can't know already unless there are `suggestions`."""
    problem = problem_in(error)
    detail = problem.detail if suggestions else _SUGGESTION.sub("", problem.detail)
    extensions: dict[str, object] = {
        "code": code_of(problem),
        "status": problem.kind.status,
        "title": problem.kind.title,
        "detail": detail,
        "requestId": request_id,
    }
    if problem.errors:
        extensions["errors"] = [{"field": violation.field, "reason": violation.reason} for violation in problem.errors]
    return GraphQLError(detail, nodes=error.nodes, source=error.source, positions=error.positions, path=error.path, extensions=extensions)


def note(errors: Iterable[GraphQLError], request_id: str) -> None:
    """Count errors; those that only a bug explains go to the log, with what is kept from callers."""
    for error in errors:
        problem = problem_in(error)
        ERRORS.labels(code_of(problem)).inc()
        if problem.kind is INTERNAL:
            log.error("request failed", request_id=request_id, path=error.path, exc_info=error.original_error)


@contextmanager
def names_of_graphql(names: Mapping[str, str] = _NAMES) -> Iterator[None]:
    """Name a service's fields that are wrong as callers know them here."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(*(FieldViolation(_name(found.field, names), found.reason) for found in error.violations)) from error


def checked(model: Callable[..., M], fields: Mapping[str, object]) -> M:
    """The fields as REST would take them.

    Raises:
        InvalidInput: names each that is wrong.
    """
    try:
        return model(**fields)
    except ValidationError as error:
        raise InvalidInput(*(_violation(details["loc"], details["msg"]) for details in error.errors(include_url=False))) from error


def _violation(place: tuple[int | str, ...], message: str) -> FieldViolation:
    reason = _ENUM_VALUE.sub(r"\1", message.removeprefix("Value error, "))
    return FieldViolation(_name(".".join(map(str, place)), _NAMES) or "input", reason[:1].lower() + reason[1:])


def _name(field: str, names: Mapping[str, str]) -> str:
    first, *others = known_as(field, names).split("_")
    return first + "".join(word.capitalize() for word in others)
