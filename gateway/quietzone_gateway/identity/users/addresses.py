"""Another mail address for somebody: who reads mail at the new one confirms it, and the old one is told.

Whether somebody else has the new address is told to its reader alone: whoever asks gets the same answer after the same work.
"""

from quietzone_gateway.identity.attempts import Bound
from quietzone_gateway.identity.audit.events import audited
from quietzone_gateway.identity.domain import Actor, Principal, Visitor, truncated
from quietzone_gateway.identity.mails.tasks import Which
from quietzone_gateway.identity.shelf import Changed
from quietzone_gateway.identity.users.acts import user_act
from quietzone_gateway.identity.users.domain import User, email_of
from quietzone_gateway.identity.users.people import People
from quietzone_gateway.identity.users.use_cases import bad_token, changed_user, check_password, person
from quietzone_kit.documents import DuplicateKey
from quietzone_kit.errors import AlreadyExists, FailedPrecondition, Violations


async def ask_address(people: People, by: Principal, email: str, password: str, visitor: Visitor) -> None:
    """Have a link sent to an address that is to take the place of somebody's; until it is opened, his stays.

    Raises:
        InvalidInput: it is no address, or the password is wrong: who finds an open session must not take the account along.
        FailedPrecondition: it is the one that he has.
        ResourceExhausted: the password was wrong too often, or he, or others, have asked too often.
    """
    user = await person(people, by)
    violations = Violations()
    with violations.field("email"):
        email = email_of(email)
    violations.check()
    if email == user.email:
        raise FailedPrecondition("this is the address that you have")
    await check_password(people, user, password, visitor)
    await people.attempts.take(Bound(f"address of {user.user_id}"), Bound(f"address to {email}"))
    # by the time that the mail goes out, another password may have been chosen, against whoever asks now
    await people.post.order(Which.NEW_ADDRESS, user_id=user.user_id, to=email, password_at_ms=str(user.password_at_ms))


async def change_address(people: People, token: str, visitor: Visitor) -> None:
    """Put the address to which the token went in the place of the one that somebody has; his sessions go on.

    Raises:
        NotFound: the token isn't good, or not any more.
        AlreadyExists: somebody else has the address by now.
    """
    user_id, _, secret = token.partition(".")
    before: list[User] = []

    def decide(user: User) -> Changed[User]:
        now_ms = people.ports.now_ms()
        move = user.move(secret, now_ms)
        if move is None:
            raise bad_token()
        before[:] = [user]
        after = user.moved(move.email, now_ms)
        actor = Actor(f"user:{user_id}", user.account_id, truncated(visitor.address))
        return Changed(after, (audited(actor, user_act("user.email_changed", user, after, user.account_id, now_ms)),))

    try:
        await changed_user(people, await people.users.change(user_id, decide))
    except DuplicateKey as error:
        raise AlreadyExists("somebody has signed up with this address meanwhile: sign in there, or take another") from error
    await people.post.order(Which.ADDRESS_CHANGED, user_id=user_id, to=before[0].email)
