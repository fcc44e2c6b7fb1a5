"""What can be asked about an account's authoriser."""

from dataclasses import dataclass, replace

from quietzone_gateway.identity.accounts.domain import Account, Authoriser
from quietzone_gateway.identity.accounts.use_cases import changed_account, get_account
from quietzone_gateway.identity.audit.events import Act, Fields, audited
from quietzone_gateway.identity.authorisers.ask import SECRET_BYTES, shown_secret
from quietzone_gateway.identity.authorisers.domain import GRANTABLE, MAX_TTL_S, place_of
from quietzone_gateway.identity.authorisers.known import place_of_secret, tag_of
from quietzone_gateway.identity.domain import Principal
from quietzone_gateway.identity.shelf import Changed
from quietzone_gateway.identity.users.people import People
from quietzone_kit.cache import Cache
from quietzone_kit.errors import NotFound, PermissionDenied, Violations


@dataclass(frozen=True, slots=True)
class AskedAuthoriser:
    """An authoriser that is asked for: its URL, the most it may grant, for how long at most."""

    url: str
    scopes: frozenset[str]
    ttl_s: int


@dataclass(frozen=True, slots=True)
class ShownAuthoriser:
    """An authoriser with the secret that signs what it is asked, which is known at this moment only."""

    authoriser: Authoriser
    secret: str


async def get_authoriser(people: People, by: Principal) -> Authoriser:
    """The account's authoriser; raises NotFound."""
    authoriser = (await get_account(people, by)).authoriser
    if authoriser is None:
        raise _none()
    return authoriser


async def put_authoriser(people: People, cache: Cache, by: Principal, asked: AskedAuthoriser) -> ShownAuthoriser:
    """Have this authoriser speak for the account, in the place of the one that it has; its secret is a new one.

    Raises:
        InvalidInput: names each field.
        PermissionDenied: it could grant what the principal hasn't.
    """
    _check(asked, by)
    secret = people.ports.randomness.token(SECRET_BYTES)
    sealed = people.seal.seal(secret, place_of_secret(by.account_id))
    authoriser = Authoriser(asked.url, asked.scopes, asked.ttl_s, sealed)
    await _change(people, cache, by, authoriser, "account.authoriser_put")
    return ShownAuthoriser(authoriser, shown_secret(secret))


async def remove_authoriser(people: People, cache: Cache, by: Principal) -> None:
    """Have no authoriser speak for the account any more, at once; raises NotFound."""
    await get_authoriser(people, by)
    await _change(people, cache, by, None, "account.authoriser_removed")


async def _change(people: People, cache: Cache, by: Principal, authoriser: Authoriser | None, action: str) -> None:
    def decide(account: Account) -> Changed[Account]:
        after = account.with_authoriser(authoriser)
        target = f"account:{account.account_id}"
        act = Act(action, target, account.account_id, f"account/{account.account_id}", after.revision, people.ports.now_ms())
        return Changed(after, (audited(by.actor, replace(act, before=_fields(account.authoriser), after=_fields(authoriser))),))

    await changed_account(people, by.account_id, decide)
    await cache.invalidate(tag_of(by.account_id))


def _check(asked: AskedAuthoriser, by: Principal) -> None:
    violations = Violations()
    with violations.field("url"):
        place_of(asked.url)
    if not asked.scopes or asked.scopes - GRANTABLE:
        violations.add("scopes", f"some of {', '.join(sorted(GRANTABLE))}: an authoriser grants no more than an editor has")
    if not 0 <= asked.ttl_s <= MAX_TTL_S:
        violations.add("ttl_s", f"0 to {MAX_TTL_S:,} seconds")
    violations.check()
    if lacking := sorted(by.lacks(asked.scopes)):
        raise PermissionDenied(f"an authoriser can't grant more than whoever sets it has; you lack {', '.join(lacking)}")


def _fields(authoriser: Authoriser | None) -> Fields:
    if authoriser is None:
        return {}
    return {"url": authoriser.url, "scopes": sorted(authoriser.scopes), "ttl_s": authoriser.ttl_s}


def _none() -> NotFound:
    return NotFound("the account has no authoriser; put one to have it speak for your own users")
