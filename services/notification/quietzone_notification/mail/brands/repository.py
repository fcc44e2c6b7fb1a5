"""Where brands are kept: one document an account that has chosen one."""

from dataclasses import dataclass

import msgspec

from quietzone_kit.documents import Collection, Documents, Stored, Value
from quietzone_kit.documents.unknown import Unknown
from quietzone_notification.deadlines import store_answers
from quietzone_notification.mail.brands.domain import Brand

BRANDS = Collection("mail_brands", key="account_id")
COLLECTIONS = (BRANDS,)


@dataclass(frozen=True, slots=True)
class Held:
    """A brand as it was read, with what the store needs to replace it; None: there was nothing."""

    brand: Brand
    stored: Stored | None


class Brands:
    """Brands of all accounts. Every method can raise Unavailable: the store doesn't answer."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def get(self, account_id: str) -> Held:
        """An account's brand, by key; the house's looks when it has chosen none."""
        async with store_answers():
            stored = await self._documents.get(BRANDS, account_id)
        return Held(Brand(account_id), None) if stored is None else Held(msgspec.convert(stored.body, Brand), stored)

    async def put(self, held: Held, after: Brand) -> None:
        """Put `after` in its place; raises VersionConflict, or DuplicateKey when there was nothing."""
        body: dict[str, Value] = msgspec.to_builtins(after)
        async with store_answers():
            if held.stored is None:
                await self._documents.insert(BRANDS, body)
                return
            known: dict[str, Value] = msgspec.to_builtins(held.brand)
            kept = Unknown.of(held.stored.body, known).beside(body)
            await self._documents.replace(BRANDS, kept, if_version=held.stored.version)
