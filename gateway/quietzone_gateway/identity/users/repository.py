"""Where people are kept: one document each, with all that must change together with a password."""

from collections.abc import Callable

from quietzone_gateway.identity.shelf import Decide, Shelf, value_of
from quietzone_gateway.identity.telling.events import again, person_told, person_told_again, telling, told
from quietzone_gateway.identity.users.domain import User
from quietzone_kit.documents import Collection, Documents, DuplicateKey, Index, Stored
from quietzone_kit.outbox import OUTBOX_INDEX, Outgoing
from quietzone_kit.runtime import Clock

USERS = Collection("users", key="user_id", indexes=(Index("by_email", ("email",), unique=True), OUTBOX_INDEX))


class Users:
    """People by id and by address. Other parts are told how each is by the write that changes him."""

    def __init__(self, documents: Documents, clock: Clock, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` tells the outbox's relay that an event waits."""
        self._clock = clock
        self._shelf = Shelf(documents, USERS, User, wake=wake)

    async def get(self, user_id: str) -> User | None:
        """The person with this id."""
        return await self._shelf.get(user_id)

    async def many(self, user_ids: list[str]) -> dict[str, User]:
        """Those people that there are, by id."""
        return await self._shelf.many(user_ids)

    async def by_email(self, email: str) -> User | None:
        """The person with this address (index `by_email`)."""
        return await self._shelf.first("by_email", email)

    async def add(self, user: User, *events: Outgoing) -> bool:
        """Insert a person; False when somebody has the address, or the id."""
        new = told(user, user.created_at_ms, person_told)
        try:
            await self._shelf.insert(new.after, *events, *new.events)
        except DuplicateKey:
            return False
        return True

    async def change(self, user_id: str, decide: Decide[User]) -> User | None:
        """Put what `decide` makes of a person in his place; None when there is none. Raises what `decide` raises."""
        return await self._shelf.change(user_id, telling(decide, person_told, at_ms=self._clock.now_ms))

    async def tell_again(self, *, limit: int, after: str | None) -> tuple[int, str | None]:
        """Tell of those of a page of all people for whom it is time: how many, and the cursor of the next page, None after the last."""
        page, now_ms = await self._shelf.scan(limit=limit, after=after), self._clock.now_ms()
        due = [user.user_id for user in page.items if user.told.is_due(user.revision, now_ms)]
        for user_id in due:
            await self._shelf.change(user_id, again(person_told_again, now_ms))
        return len(due), page.cursor


def user_of(stored: Stored) -> User:
    """The person in a document, for `verify`."""
    return value_of(stored.body, User)
