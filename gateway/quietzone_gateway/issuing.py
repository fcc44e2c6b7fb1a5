"""Making codes within what an account's plan allows. What the same request has made before counts no more."""

from collections.abc import Sequence

from quietzone_gateway.plans import Admission, LimitReached, Plans
from quietzone_gateway.rpc import Code, Codes, Issued, NewCode
from quietzone_kit.errors import QuietzoneError
from quietzone_kit.rpc import Caller


async def issue(codes: Codes, plans: Plans, admission: Admission, caller: Caller, new: NewCode) -> Code:
    """One code.

    Raises:
        LimitReached: the account may make none now.
        QuietzoneError: as `Codes.create`.
    """
    async with plans.creating(admission, 1) as creating:
        issued = await codes.create(caller, new)
        creating.made = 0 if issued.before else 1
    return issued.code


async def issue_many(
    codes: Codes, plans: Plans, admission: Admission, caller: Caller, new: Sequence[NewCode]
) -> list[Code | QuietzoneError]:
    """As many codes as the account may make, the first of `new` first; the others end with LimitReached.

    Raises:
        QuietzoneError: as `Codes.create_many`.
    """
    outcomes: list[Code | QuietzoneError] = []
    while rest := new[len(outcomes) :]:
        try:
            async with plans.creating(admission, len(rest), fewer=True) as creating:
                made = await codes.create_many(caller, rest[: creating.may])
                creating.made = sum(isinstance(outcome, Issued) and not outcome.before for outcome in made)
        except LimitReached as error:
            return outcomes + [error] * len(rest)
        outcomes += [outcome.code if isinstance(outcome, Issued) else outcome for outcome in made]
    return outcomes
