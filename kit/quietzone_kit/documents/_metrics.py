"""What stores count, and what to do when it moves."""

from collections.abc import Callable, Coroutine, Sequence
from functools import wraps
from typing import Any, TypeVar, cast

from prometheus_client import Counter, Histogram

from quietzone_kit.documents import (
    Collection,
    DocumentsError,
    DocumentsUnavailable,
    DuplicateKey,
    InvalidCursor,
    InvalidDocument,
    Outcome,
    VersionConflict,
)

F = TypeVar("F", bound=Callable[..., Coroutine[Any, Any, object]])

SECONDS = Histogram(
    "quietzone_documents_seconds",
    "Calls to the store, by collection and operation, failed ones included. Slower than before: look at the store's disk and load; if "
    "only 'query' or 'scan' is, at the sizes of its pages.",
    ["collection", "operation"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),  # a read of SQLite's, up to our deadline
)
ERRORS = Counter(
    "quietzone_documents_errors_total",
    "Calls that the store didn't do. 'unavailable' for more than seconds: it is down, full or overloaded, the log says which. 'refused': "
    "permissions or a bug; it won't get better by itself.",
    ["collection", "operation", "error"],
)
CONFLICTS = Counter(
    "quietzone_documents_conflicts_total",
    "Documents not written because another writer was first: 'version', it is read and tried again; 'duplicate', its key or unique fields "
    "are taken. Some are normal. Many versions of one collection: too many write the same documents, spread them or batch.",
    ["collection", "operation", "kind"],
)


def measured(method: F) -> F:
    """A method of the port that is counted under its own name."""
    operation = method.__name__

    @wraps(method)
    async def counted(self: object, collection: Collection, *arguments: Any, **named: Any) -> object:
        with SECONDS.labels(collection.name, operation).time():
            try:
                result: object = await method(self, collection, *arguments, **named)
            except (InvalidCursor, InvalidDocument):
                raise  # the caller's mistake, not the store's
            except VersionConflict:
                CONFLICTS.labels(collection.name, operation, "version").inc()
                raise
            except DuplicateKey:
                CONFLICTS.labels(collection.name, operation, "duplicate").inc()
                raise
            except DocumentsError as error:
                kind = "unavailable" if isinstance(error, DocumentsUnavailable) else "refused"
                ERRORS.labels(collection.name, operation, kind).inc()
                raise
        if isinstance(result, list):
            _count(collection, operation, result)
        return result

    return cast("F", counted)


def _count(collection: Collection, operation: str, outcomes: Sequence[Outcome]) -> None:
    for outcome, kind in ((Outcome.CONFLICT, "version"), (Outcome.DUPLICATE, "duplicate")):
        if count := outcomes.count(outcome):
            CONFLICTS.labels(collection.name, operation, kind).inc(count)
