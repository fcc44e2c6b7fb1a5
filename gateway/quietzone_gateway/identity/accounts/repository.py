"""Where accounts are kept: one document each, with members, invitations and all else that must change together."""

from collections.abc import Callable
from dataclasses import dataclass

from quietzone_gateway.identity.accounts.domain import Account
from quietzone_gateway.identity.accounts.migration import expand, for_older
from quietzone_gateway.identity.shelf import Changed, Decide, Sheaf, Shelf, available, value_of
from quietzone_gateway.identity.telling.events import account_told, account_told_again, again, telling, told
from quietzone_kit.documents import Collection, Documents, DuplicateKey, Index, Query, Stored, VersionConflict
from quietzone_kit.outbox import OUTBOX_INDEX, Outgoing
from quietzone_kit.runtime import Clock

ACCOUNTS = Collection(
    "accounts",
    key="account_id",
    indexes=(Index("by_key", ("key_id",), unique=True), OUTBOX_INDEX),  # by_key: until no older release looks for keys here
)


@dataclass(frozen=True, slots=True)
class Standing:
    """An account, and the hash of the key that older releases know as its one; None when none runs any more."""

    account: Account
    old_key_hash: str | None

    @property
    def has_old_key(self) -> bool:
        """Whether an older release would let somebody in."""
        return bool(self.old_key_hash)


class Accounts:
    """Accounts by id. Other parts are told how each is by the write that changes it."""

    def __init__(self, documents: Documents, clock: Clock, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` tells the outbox's relay that an event waits."""
        self._documents = documents
        self._clock = clock
        self._shelf = Shelf(documents, ACCOUNTS, Account, wake=wake, older=expand)

    async def get(self, account_id: str) -> Account | None:
        """The account with this id."""
        return await self._shelf.get(account_id)

    async def many(self, account_ids: list[str]) -> dict[str, Account]:
        """Those accounts that there are, by id."""
        return await self._shelf.many(account_ids)

    async def standing(self, account_id: str) -> Standing | None:
        """An account with what older releases know of it."""
        held = await self._shelf.held(account_id)
        return _standing(held.value, held.stored) if held else None

    async def by_old_key(self, key_id: str) -> Standing | None:
        """The account whose one key an older release finds by this (index `by_key`)."""
        async with available():
            page = await self._documents.query(ACCOUNTS, Query("by_key", (key_id,), limit=1))
        return _standing(self._shelf.read(page.items[0]), page.items[0]) if page.items else None

    async def page(self, *, limit: int, after: str | None) -> Sheaf[Account]:
        """Accounts in the order of their ids, which is the one in which they were made; raises InvalidCursor."""
        return await self._shelf.scan(limit=limit, after=after)

    async def add(self, account: Account, *events: Outgoing, key_id: str | None = None, key_hash: str = "") -> bool:
        """Insert an account; False when there is one with its id. The key is for older releases, which know it for an operator's."""
        old = for_older(account.account_id, key_id, key_hash, operator=key_id is not None)
        new = told(account, account.created_at_ms, account_told)
        try:
            await self._shelf.insert(new.after, *events, *new.events, beside=old)
        except DuplicateKey as error:
            if error.index != ACCOUNTS.key:
                raise
            return False
        return True

    async def change(self, account_id: str, decide: Decide[Account]) -> Account | None:
        """Put what `decide` makes of an account in its place; None when there is none. Raises what `decide` raises."""
        return await self._shelf.change(account_id, telling(decide, account_told, at_ms=self._clock.now_ms))

    async def tell_again(self, *, limit: int, after: str | None) -> tuple[int, str | None]:
        """Tell of those of a page of all accounts for which it is time: how many, and the cursor of the next page, None after the last."""
        page, now_ms = await self.page(limit=limit, after=after), self._clock.now_ms()
        due = [account.account_id for account in page.items if account.told.is_due(account.revision, now_ms)]
        for account_id in due:
            await self._shelf.change(account_id, again(account_told_again, now_ms))
        return len(due), page.cursor

    async def change_old_key(self, account_id: str, key_id: str | None, key_hash: str) -> None:
        """Have older releases know another key, or none, where they may still run; with two writers the later wins."""
        while True:
            held = await self._shelf.held(account_id)
            if held is None or held.stored.body.get("key_id") is None:
                return
            old = for_older(account_id, key_id, key_hash)
            if old["key_hash"] == held.stored.body.get("key_hash"):
                return
            try:
                await self._shelf.replace(held, Changed(held.value), also={name: old[name] for name in ("key_id", "key_hash")})
            except VersionConflict:
                continue
            return


def _standing(account: Account, stored: Stored) -> Standing:
    key_hash = stored.body.get("key_hash")
    return Standing(account, key_hash if isinstance(key_hash, str) else None)


def account_of(stored: Stored) -> Account:
    """The account in a document, for `verify`."""
    return value_of(expand(stored.body), Account)
