"""Where the sums are kept: one document an account."""

from dataclasses import dataclass

import msgspec

from quietzone_kit.documents import Collection, Documents, DuplicateKey, Stored, Value, VersionConflict
from quietzone_kit.documents.unknown import Unknown
from quietzone_storage.deadlines import store_answers
from quietzone_storage.usage.domain import Usage

USAGE = Collection("usage", key="account_id")

COLLECTIONS = (USAGE,)


@dataclass(frozen=True, slots=True)
class Held:
    """A sum as it was read; `stored` is None when the account has none yet."""

    usage: Usage
    stored: Stored | None


class Usages:
    """The sums of all accounts. Every method can raise Unavailable: the store doesn't answer."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def get(self, account_id: str) -> Held:
        """The sum of an account, 0 when nothing was added yet."""
        async with store_answers():
            stored = await self._documents.get(USAGE, account_id)
        return Held(Usage(account_id) if stored is None else usage_of(stored), stored)

    async def put(self, held: Held, after: Usage) -> None:
        """Put `after` in the place of what was held; raises VersionConflict."""
        async with store_answers():
            if held.stored is None:
                try:
                    await self._documents.insert(USAGE, _body(after))
                except DuplicateKey as error:
                    raise VersionConflict(str(error)) from error
            else:
                body = Unknown.of(held.stored.body, _body(held.usage)).beside(_body(after))
                await self._documents.replace(USAGE, body, if_version=held.stored.version)


def usage_of(stored: Stored) -> Usage:
    """The sum in a document; msgspec.ValidationError names the field that was damaged."""
    return msgspec.convert(stored.body, Usage)


def _body(usage: Usage) -> dict[str, Value]:
    body: dict[str, Value] = msgspec.to_builtins(usage)
    body["open"] = [msgspec.to_builtins(change) for change in usage.open]  # a tuple can't be stored
    return body
