"""Invitations: whom an account wants to have."""

from dataclasses import dataclass

from quietzone_gateway.identity.accounts.domain import Account, AccountFull, Invitation
from quietzone_gateway.identity.accounts.memberships import Memberships
from quietzone_gateway.identity.accounts.repository import Accounts
from quietzone_gateway.identity.audit.events import Act, audited
from quietzone_gateway.identity.domain import Actor
from quietzone_gateway.identity.ports import Ports
from quietzone_gateway.identity.shelf import Changed
from quietzone_kit.errors import FailedPrecondition, NotFound

ACCOUNT = "account"
"""What replicas are told of: an account's id."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An invitation, shown by somebody who has its token."""

    account_id: str
    invitation: Invitation
    secret: str


async def offer_of(accounts: Accounts, now_ms: int, token: str) -> Offer:
    """The invitation that a token opens: `<account>.<invitation>.<secret>`.

    Raises:
        NotFound: none, or not any more.
    """
    account_id, _, rest = token.partition(".")
    invitation_id, _, secret = rest.partition(".")
    account = await accounts.get(account_id)
    invitation = account.invitation(invitation_id) if account else None
    if invitation is None or not invitation.opens_with(secret, now_ms):
        raise _gone()
    return Offer(account_id, invitation, secret)


async def join(accounts: Accounts, memberships: Memberships, ports: Ports, offer: Offer, actor: Actor) -> Account:
    """Make who shows an invitation (`actor`, a person) a member. Whether it was meant for him the caller has seen to.

    Raises:
        NotFound: it was withdrawn, or accepted, meanwhile.
        FailedPrecondition: the account is full.
    """
    user_id = actor.subject.partition(":")[2]
    now_ms = ports.now_ms()

    def decide(account: Account) -> Changed[Account]:
        invitation = account.invitation(offer.invitation.invitation_id)
        if invitation is None or not invitation.opens_with(offer.secret, now_ms):
            raise _gone()
        try:
            after = account.joined(invitation, user_id, now_ms)
        except AccountFull as error:
            raise FailedPrecondition(str(error)) from error
        role = str(invitation.role)
        act = Act("member.joined", actor.subject, account.account_id, _document(account), after.revision, now_ms, after={"role": role})
        return Changed(after, (audited(actor, act),))

    await memberships.add(user_id, offer.account_id)
    account = await accounts.change(offer.account_id, decide)
    if account is None:
        raise _gone()
    await memberships.add(user_id, offer.account_id)  # somebody may just have removed it with an earlier membership
    await ports.news.tell(ACCOUNT, offer.account_id)
    return account


def _document(account: Account) -> str:
    return f"account/{account.account_id}"


def _gone() -> NotFound:
    return NotFound("the invitation isn't good, or not any more: ask for another")
