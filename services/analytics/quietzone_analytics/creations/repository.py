"""Where creations are kept: one document a code, never changed and never removed."""

from dataclasses import dataclass

from quietzone_analytics.bodies import field
from quietzone_analytics.creations.domain import Creation
from quietzone_analytics.deadlines import store_answers
from quietzone_kit.documents import Body, Collection, Documents, DuplicateKey, Index, Order, Query, Stored

CREATIONS = Collection("creations", key="code_id", indexes=(Index("by_account", ("account_id", "created_at_ms")),))
COLLECTIONS = (CREATIONS,)


@dataclass(frozen=True, slots=True)
class CreationPage:
    """Creations, the latest first; `next_token` None when no page follows."""

    creations: tuple[Creation, ...]
    next_token: str | None


class Creations:
    """Creations of all accounts. Every method can raise DocumentsUnavailable."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def keep(self, creation: Creation) -> None:
        """Add one, unless it is there."""
        body: Body = {
            "code_id": creation.code_id,
            "account_id": creation.account_id,
            "subject": creation.subject,
            "target_domain": creation.target_domain,
            "created_at_ms": creation.created_at_ms,
        }
        try:
            async with store_answers():
                await self._documents.insert(CREATIONS, body)
        except DuplicateKey:
            return

    async def newest_of(self, account_id: str, *, limit: int, after: str | None) -> CreationPage:
        """An account's, the latest first (index `by_account`); raises InvalidCursor."""
        async with store_answers():
            query = Query("by_account", (account_id,), order=Order.DESCENDING, limit=limit, after=after)
            page = await self._documents.query(CREATIONS, query)
        return CreationPage(tuple(map(creation_of, page.items)), page.cursor)


def creation_of(stored: Stored) -> Creation:
    """The creation in a document; raises MalformedDocument."""
    body = stored.body
    return Creation(
        field(body, "code_id", str),
        field(body, "account_id", str),
        field(body, "subject", str),
        field(body, "target_domain", str),
        field(body, "created_at_ms", int),
    )
