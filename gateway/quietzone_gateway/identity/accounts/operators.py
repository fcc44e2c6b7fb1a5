"""What operators of the installation can ask of all accounts. Each act is told to the account that it is about."""

import re
from dataclasses import dataclass, replace

from quietzone_gateway.identity.accounts.domain import Account
from quietzone_gateway.identity.accounts.use_cases import changed_account
from quietzone_gateway.identity.audit.events import Act, Fields, audited
from quietzone_gateway.identity.domain import OPERATOR, Principal
from quietzone_gateway.identity.shelf import Changed, Sheaf
from quietzone_gateway.identity.users.people import People
from quietzone_kit.documents import InvalidCursor
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound, PermissionDenied

_PLAN = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What an operator changes; None stays."""

    plan: str | None = None
    suspended: bool | None = None


async def list_accounts(people: People, by: Principal, *, limit: int, after: str | None) -> Sheaf[Account]:
    """Accounts in the order in which they were made.

    Raises:
        PermissionDenied: who calls is no operator.
        InvalidInput: `after` is no cursor of this list.
    """
    _check(by)
    try:
        return await people.accounts.page(limit=limit, after=after)
    except InvalidCursor as error:
        raise InvalidInput(FieldViolation("cursor", "isn't from this list; begin without one")) from error


async def get_any_account(people: People, by: Principal, account_id: str) -> Account:
    """Any account; raises PermissionDenied and NotFound."""
    _check(by)
    account = await people.accounts.get(account_id)
    if account is None:
        raise NotFound("there is no account with this id")
    return account


async def change_any_account(people: People, by: Principal, account_id: str, change: AccountChange) -> Account:
    """Change an account's plan, suspend it, or let it go on; all replicas heed it within a second.

    Raises:
        PermissionDenied: who calls is no operator.
        InvalidInput: it is no plan.
        NotFound: there is no such account.
        FailedPrecondition: it is the operator's own, which he would lock himself out of.
    """
    _check(by)
    if change.plan is not None and not _PLAN.fullmatch(change.plan):
        raise InvalidInput(FieldViolation("plan", "1 to 40 lower-case letters, digits and dashes, such as free, pro or enterprise"))
    if change.suspended and account_id == by.account_id:
        raise FailedPrecondition("this is your own account: you would lock yourself out")
    now_ms = people.ports.now_ms()

    def decide(account: Account) -> Changed[Account] | None:
        after = account if change.plan is None else account.with_plan(change.plan)
        if change.suspended is not None and change.suspended != (account.suspended_at_ms is not None):
            after = after.suspended(now_ms if change.suspended else None)
        if _fields(after) == _fields(account):
            return None
        after = replace(after, revision=account.revision + 1)
        document = f"account/{account_id}"
        act = Act(
            "account.operated", f"account:{account_id}", account_id, document, after.revision, now_ms, _fields(account), _fields(after)
        )
        return Changed(after, (audited(by.actor, act),))

    return await changed_account(people, account_id, decide)


def _fields(account: Account) -> Fields:
    return {"plan": account.plan, "suspended": account.suspended_at_ms is not None}


def _check(by: Principal) -> None:
    if OPERATOR not in by.scopes:
        raise PermissionDenied("only the installation's operator sees all accounts")
