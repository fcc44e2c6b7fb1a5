"""Who is told of keys."""

from quietzone_gateway.identity.domain import Principal
from quietzone_gateway.identity.keys.domain import ApiKey
from quietzone_gateway.identity.mails.tasks import Which
from quietzone_gateway.identity.users.people import People


async def tell_of_new_key(people: People, by: Principal, key: ApiKey) -> None:
    """Tell a person of the key that he has made: it may have been somebody at his open session. Of a program's the audit log tells."""
    user = await people.users.get(by.user_id) if by.user_id else None
    if user is not None:
        await people.post.order(Which.KEY_MADE, email=user.email, key=key.name, shown=key.shown)
