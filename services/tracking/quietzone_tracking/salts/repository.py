"""Salts in the tracking store, one document a UTC day. A day is a number here: days since 1970-01-01."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import date

from quietzone_kit.documents import (
    Collection,
    Documents,
    DocumentsError,
    DocumentsUnavailable,
    DuplicateKey,
    Stored,
    Value,
    VersionConflict,
)
from quietzone_kit.documents.migrations import declare
from quietzone_kit.runtime import Randomness
from quietzone_tracking.deadlines import store_answers
from quietzone_tracking.migrations import MIGRATIONS

SALTS = Collection("salts", key="day")

SALT_BYTES = 32
"""256 bits, which nobody guesses; BLAKE2b takes keys of up to 64 bytes."""

MAX_SALTS = 100
"""Looked at in one sweep; there are two or three."""

_EPOCH = date(1970, 1, 1).toordinal()


class SaltStore:
    """Salts in a store of documents. Every call can raise DocumentsUnavailable, or DocumentsError for what is damaged."""

    def __init__(self, documents: Documents, randomness: Randomness) -> None:
        self._documents = documents
        self._randomness = randomness
        self._declared = False

    async def get_or_make(self, utc_day: int) -> bytes:
        """The salt of a day: whoever asks first makes it, and all others get the same."""
        async with self._answers():
            stored = await self._documents.get(SALTS, _key(utc_day))
            if stored is None:
                body: dict[str, Value] = {"day": _key(utc_day), "salt": self._randomness.token(SALT_BYTES)}
                try:
                    stored = await self._documents.insert(SALTS, body)
                except DuplicateKey:
                    stored = await self._documents.get(SALTS, _key(utc_day))
        if stored is None:
            raise DocumentsUnavailable(f"the salt of {_key(utc_day)} was destroyed in this moment: ask again")
        return salt_of(stored)

    async def destroy_before(self, utc_day: int) -> int:
        """Delete the salts of earlier days; returns how many."""
        async with self._answers():
            page = await self._documents.scan(SALTS, limit=MAX_SALTS)
            old = [(str(stored.body["day"]), stored.version) for stored in page.items if str(stored.body["day"]) < _key(utc_day)]
            for key, version in old:
                with suppress(VersionConflict):  # another keeper was quicker
                    await self._documents.delete(SALTS, key, if_version=version)
        return len(old)

    @asynccontextmanager
    async def _answers(self) -> AsyncIterator[None]:
        async with store_answers():
            if not self._declared:
                await declare(self._documents, [SALTS], MIGRATIONS)
                self._declared = True
            yield


def _key(utc_day: int) -> str:
    """ISO 8601, so that keys sort by day."""
    return date.fromordinal(_EPOCH + utc_day).isoformat()


def salt_of(stored: Stored) -> bytes:
    """The salt in a document.

    Raises:
        DocumentsError: it is damaged.
    """
    salt = stored.body.get("salt")
    if not isinstance(salt, bytes) or len(salt) != SALT_BYTES:
        raise DocumentsError(
            f"the salt of {stored.body['day']!r} is damaged; delete its document in collection salts, and a new one is made"
        )
    return salt
