"""Where addresses are kept: one document for each of an account of which something was said."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from quietzone_kit.documents import Collection, Documents, DuplicateKey, Index, Order, Query, Stored, Value, VersionConflict
from quietzone_kit.documents.damaged import readable
from quietzone_kit.documents.unknown import Unknown
from quietzone_kit.errors import Unavailable
from quietzone_notification.deadlines import store_answers
from quietzone_notification.mail.addresses.domain import Addressee, addressee_id, unknown

ADDRESSES = Collection(
    "mail_addresses",
    key="addressee_id",
    indexes=(
        Index("by_suppression", ("account_id", "suppressed_ms"), sparse=True),
    ),  # those of which only wishes are known cost it nothing
)
COLLECTIONS = (ADDRESSES,)

ATTEMPTS = 10
"""A person clicks, a server refuses, and somebody of the account puts one, at once: three meet."""


@dataclass(frozen=True, slots=True)
class AddressPage:
    """Some addresses; `next_token` brings those after them, None when there are none."""

    addresses: tuple[Addressee, ...]
    next_token: str | None


class Addresses:
    """Addresses of all accounts. Every method can raise Unavailable: the store doesn't answer."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def get(self, account_id: str, address: str) -> Addressee:
        """What is known of an address, by key."""
        stored = await self._stored(account_id, address)
        return unknown(account_id, address) if stored is None else _addressee(stored)

    async def suppressed(self, account_id: str, *, limit: int, after: str | None = None) -> AddressPage:
        """An account's suppressed addresses, the latest first (index `by_suppression`); raises InvalidCursor."""
        query = Query("by_suppression", (account_id,), order=Order.DESCENDING, limit=limit, after=after)
        async with store_answers():
            page = await self._documents.query(ADDRESSES, query)
        return AddressPage(tuple(readable(ADDRESSES, page.items, _addressee)), page.cursor)

    async def change(self, account_id: str, address: str, change: Callable[[Addressee], Addressee]) -> Addressee:
        """Put what `change` makes of an address in its place; nothing is written when that is itself. It may be called again."""
        for _ in range(ATTEMPTS):
            stored = await self._stored(account_id, address)
            before = unknown(account_id, address) if stored is None else _addressee(stored)
            after = change(before)
            if after == before:
                return before
            try:
                async with store_answers():
                    if stored is None:
                        await self._documents.insert(ADDRESSES, _body(after))
                    else:
                        body = Unknown.of(stored.body, _body(before)).beside(_body(after))
                        await self._documents.replace(ADDRESSES, body, if_version=stored.version)
            except (DuplicateKey, VersionConflict):
                continue
            return after
        raise Unavailable("what is known of this address changes all the time: try again")

    async def _stored(self, account_id: str, address: str) -> Stored | None:
        async with store_answers():
            return await self._documents.get(ADDRESSES, addressee_id(account_id, address))


def _addressee(stored: Stored) -> Addressee:
    """The address in a document; msgspec.ValidationError names the field that was damaged."""
    return msgspec.convert(stored.body, Addressee)


def _body(addressee: Addressee) -> dict[str, Value]:
    body: dict[str, Value] = msgspec.to_builtins(addressee)
    body["suppressions"] = [msgspec.to_builtins(each) for each in addressee.suppressions]  # a tuple can't be stored
    body["suppressed_ms"] = max((each.at_ms for each in addressee.suppressions), default=None)
    return body
