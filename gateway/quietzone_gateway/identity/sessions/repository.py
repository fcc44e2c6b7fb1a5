"""Where sessions are kept: one document each."""

from quietzone_gateway.identity.sessions.domain import Session
from quietzone_gateway.identity.shelf import Changed, Decide, Shelf, value_of
from quietzone_kit.documents import Collection, Documents, DuplicateKey, Index, Order, Query, Stored

SIGNING_KEYS = Collection("signing_keys", key="number")
"""Keys that sign access tokens, sealed."""

SESSIONS = Collection(
    "sessions", key="session_id", indexes=(Index("by_user", ("user_id", "created_at_ms")), Index("by_end", ("expires_at_ms",)))
)

PAGE = 200

SWEPT = 500


class Sessions:
    """Sessions by id and by user."""

    def __init__(self, documents: Documents) -> None:
        self._shelf = Shelf(documents, SESSIONS, Session)

    async def get(self, session_id: str) -> Session | None:
        """The session with this id."""
        return await self._shelf.get(session_id)

    async def add(self, session: Session) -> None:
        """Insert a session."""
        try:
            await self._shelf.insert(session)
        except DuplicateKey as error:
            raise LookupError(f"a random id was drawn twice: {session.session_id}") from error

    async def change(self, session_id: str, decide: Decide[Session]) -> Session | None:
        """Put what `decide` makes of a session in its place; None when there is none. Raises what `decide` raises."""
        return await self._shelf.change(session_id, decide)

    async def live_of(self, user_id: str, now_ms: int) -> list[Session]:
        """A person's sessions that go on, newest first (index `by_user`): all of them, however many have ended since."""
        live, after = [], None
        while True:
            query = Query("by_user", (user_id,), order=Order.DESCENDING, limit=PAGE, after=after)
            found = await self._shelf.query(query)
            live += [session for session in found.items if session.is_live(now_ms)]
            if found.cursor is None:
                return live
            after = found.cursor

    async def end(self, session_id: str, at_ms: int) -> Session | None:
        """End a session; None when there is none."""
        return await self._shelf.change(session_id, lambda session: Changed(session.ended(at_ms)) if session.ended_at_ms is None else None)

    async def sweep(self, now_ms: int) -> int:
        """Forget sessions that are over; returns how many."""
        found = await self._shelf.query(Query("by_end", at_least=0, below=now_ms, limit=SWEPT))
        for each in found.items:
            await self._shelf.delete(each.session_id)
        return len(found.items)


def session_of(stored: Stored) -> Session:
    """The session in a document, for `verify`."""
    return value_of(stored.body, Session)
