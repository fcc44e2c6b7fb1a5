"""Documents that can't be read: they were damaged, or something else has written them. Others mustn't wait for them."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from quietzone_kit.documents import Collection, Stored
from quietzone_kit.telemetry import logger

T = TypeVar("T")

log = logger(__name__)


def readable(collection: Collection, items: Iterable[Stored], read: Callable[[Stored], T]) -> list[T]:
    """What can be read of these documents, in their order; each of the others is logged, by its key and the field that is wrong."""
    found = []
    for stored in items:
        try:
            found.append(read(stored))
        except msgspec.ValidationError as error:
            key = str(stored.body[collection.key])
            log.error("a document can't be read, and is left out", collection=collection.name, key=key, error=str(error))  # noqa: TRY400
    return found
