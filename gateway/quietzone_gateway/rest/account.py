"""The account: its name, leaving it, handing it over."""

from typing import Annotated, Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.accounts.domain import MAX_NAME, Account
from quietzone_gateway.identity.accounts.use_cases import get_account, leave, rename_account, transfer
from quietzone_gateway.identity.domain import ACCOUNT_READ, ACCOUNT_WRITE, Principal
from quietzone_gateway.rest.description import problems
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, Needs, PrincipalNow, Services
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, Time
from quietzone_gateway.rest.times import rfc3339

ACCOUNT: dict[str, JsonValue] = {
    "id": CODE_ID,
    "name": "Cafés of the North",
    "plan": "pro",
    "suspended_at": None,
    "members": 3,
    "revision": 7,
    "created_at": "2026-11-21T09:30:00.125Z",
}
"""An example; a test holds it against the model."""


class AccountChangeInput(Input):
    """Another name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Cafés of the South"}]})

    name: Text = Field(description="For people", json_schema_extra={"minLength": 1, "maxLength": MAX_NAME})


class TransferInput(Input):
    """Whose the account is to be."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": CODE_ID}]})

    user_id: Text = Field(description="A member", max_length=64)


class AccountView(BaseModel):
    """An account."""

    model_config = ConfigDict(json_schema_extra={"examples": [ACCOUNT]})

    id: str
    name: str
    plan: str = Field(description="What it may use; operators change it")
    suspended_at: Time | None = Field(description="From then on nobody can use it; null: everybody who is in it can")
    members: int
    revision: int = Field(description="One more with each change")
    created_at: Time

    @classmethod
    def of(cls, account: Account) -> Self:
        """The account as it is shown."""
        return cls(
            id=account.account_id,
            name=account.name,
            plan=account.plan,
            suspended_at=None if account.suspended_at_ms is None else rfc3339(account.suspended_at_ms),
            members=len(account.members),
            revision=account.revision,
            created_at=rfc3339(account.created_at_ms),
        )


router = APIRouter(prefix="/v1/account", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["account"])

Reader = Annotated[Principal, Depends(Needs(ACCOUNT_READ))]
Writer = Annotated[Principal, Depends(Needs(ACCOUNT_WRITE))]


@router.get("", responses=problems(400, 401, 403, 404))
async def show_account(parts: Services, by: Reader) -> AccountView:
    """The account that you work in."""
    return AccountView.of(await get_account(parts.identity.people, by))


@router.patch("", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def alter_account(body: AccountChangeInput, parts: Services, by: Writer) -> AccountView:
    """Change the account's name."""
    return AccountView.of(await rename_account(parts.identity.people, by, body.name))


@router.post("/transfer", status_code=204, responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def hand_over(body: TransferInput, parts: Services, by: Writer) -> None:
    """Make another member the owner in your place; you stay as an administrator."""
    await transfer(parts.identity.people, by, body.user_id)


@router.post("/leave", status_code=204, responses=problems(400, 401, 403, 404, 409, 422))
async def leave_account(parts: Services, by: PrincipalNow) -> None:
    """Be no member of this account any more. Its last owner can't leave."""
    await leave(parts.identity.people, by)
