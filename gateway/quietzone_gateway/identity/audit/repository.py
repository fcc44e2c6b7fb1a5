"""Where the audit log is kept: one document a change, never changed and never removed."""

from quietzone_gateway.identity.audit.domain import Entry
from quietzone_gateway.identity.shelf import Sheaf, Shelf, value_of
from quietzone_kit.documents import Collection, Documents, DuplicateKey, Index, Order, Query, Stored

AUDIT = Collection(
    "audit",
    key="entry_id",
    indexes=(
        Index("by_account", ("account_id", "at_ms")),
        Index("by_subject", ("account_id", "subject", "at_ms")),
        Index("by_action", ("account_id", "action", "at_ms")),
        Index("by_subject_and_action", ("account_id", "subject", "action", "at_ms")),
    ),
)


class Log:
    """Entries by account, subject and action."""

    def __init__(self, documents: Documents) -> None:
        self._shelf = Shelf(documents, AUDIT, Entry)

    async def keep(self, entry: Entry) -> None:
        """Add an entry, unless it is there."""
        try:
            await self._shelf.insert(entry)
        except DuplicateKey:
            return

    async def newest_of(self, account_id: str, *, subject: str | None, action: str | None, limit: int, after: str | None) -> Sheaf[Entry]:
        """An account's entries, newest first; of one subject, one action, or both. Raises InvalidCursor."""
        index = {
            (False, False): "by_account",
            (True, False): "by_subject",
            (False, True): "by_action",
            (True, True): "by_subject_and_action",
        }[subject is not None, action is not None]
        equals = (account_id, *(each for each in (subject, action) if each is not None))
        return await self._shelf.query(Query(index, equals, order=Order.DESCENDING, limit=limit, after=after))


def entry_of(stored: Stored) -> Entry:
    """The entry in a document, for `verify`."""
    return value_of(stored.body, Entry)
