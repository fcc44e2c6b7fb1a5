"""Where API keys are kept: one document each, with the secret that it had before, so that a rotation is one write."""

from collections.abc import Callable

from quietzone_gateway.identity.keys.domain import MAX_KEYS, ApiKey
from quietzone_gateway.identity.shelf import Changed, Decide, Shelf, value_of
from quietzone_kit.documents import Collection, Documents, DuplicateKey, Index, Order, Query, Stored
from quietzone_kit.outbox import OUTBOX_INDEX, Outgoing

KEYS = Collection(
    "keys",
    key="key_id",
    indexes=(
        Index("by_lookup", ("lookup",), unique=True),
        Index("by_lookup_before", ("lookup_before",), sparse=True),
        Index("by_account", ("account_id", "created_at_ms")),
        OUTBOX_INDEX,
    ),
)


class Keys:
    """API keys by id, by secret and by account."""

    def __init__(self, documents: Documents, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` tells the outbox's relay that an event waits."""
        self._shelf = Shelf(documents, KEYS, ApiKey, wake=wake)

    async def get(self, account_id: str, key_id: str) -> ApiKey | None:
        """A key of this account; another's is not found either."""
        key = await self._shelf.get(key_id)
        return key if key is not None and key.account_id == account_id else None

    async def by_lookup(self, lookup: str) -> ApiKey | None:
        """The key whose secret, or the one before, is found by this (indexes `by_lookup`, `by_lookup_before`)."""
        return await self._shelf.first("by_lookup", lookup) or await self._shelf.first("by_lookup_before", lookup)

    async def of_account(self, account_id: str) -> tuple[ApiKey, ...]:
        """An account's newest keys, revoked ones included, at most MAX_KEYS (index `by_account`)."""
        found = await self._shelf.query(Query("by_account", (account_id,), order=Order.DESCENDING, limit=MAX_KEYS))
        return found.items

    async def add(self, key: ApiKey, *events: Outgoing) -> bool:
        """Insert a key; False when there is one with its id."""
        try:
            await self._shelf.insert(key, *events)
        except DuplicateKey as error:
            if error.index != KEYS.key:
                raise
            return False
        return True

    async def change(self, account_id: str, key_id: str, decide: Decide[ApiKey]) -> ApiKey | None:
        """Put what `decide` makes of a key in its place; None when this account has no such key. Raises what `decide` raises."""

        def decide_own(key: ApiKey) -> Changed[ApiKey] | None:
            return decide(key) if key.account_id == account_id else None

        key = await self._shelf.change(key_id, decide_own)
        return key if key is not None and key.account_id == account_id else None

    async def remove(self, key: ApiKey) -> bool:
        """Forget a key that was revoked; False when it stays for now."""
        return await self._shelf.delete(key.key_id, only_if=lambda found: found.revoked_at_ms is not None)


def key_of(stored: Stored) -> ApiKey:
    """The key in a document, for `verify`."""
    return value_of(stored.body, ApiKey)
