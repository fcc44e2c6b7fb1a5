"""All accounts, for the operator of the installation."""

from typing import Annotated, Self

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from quietzone_gateway.identity.accounts.operators import AccountChange, change_any_account, get_any_account, list_accounts
from quietzone_gateway.live.notices import MAX_CHARACTERS
from quietzone_gateway.rest.account import ACCOUNT, AccountView
from quietzone_gateway.rest.code_shapes import CodeView
from quietzone_gateway.rest.description import problems
from quietzone_gateway.rest.operating import Operator
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, CallerNow, Services, known_id
from quietzone_gateway.rest.shapes import Input, Text
from quietzone_kit.errors import FieldViolation, InvalidInput


class AccountsQuery(Input):
    """Which page."""

    limit: int = Field(50, description="How many at most", ge=1, le=1000)
    cursor: str | None = Field(None, description="`next_cursor` of the page before", max_length=1000)


class OperatedInput(Input):
    """What to change; what is absent stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"plan": "pro"}, {"suspended": True}], "minProperties": 1})

    plan: Text | None = Field(None, description="What the account may use", json_schema_extra={"pattern": "^[a-z][a-z0-9-]{0,39}$"})
    suspended: bool | None = Field(None, description="Whether nobody can use the account; its printed codes go on")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.plan is None and self.suspended is None:
            raise ValueError("nothing to change: give plan or suspended")
        return self


class NoticeInput(Input):
    """What to say."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Down for maintenance at 12:00 UTC, for five minutes."}]})

    text: str = Field(description="For people", min_length=1, max_length=MAX_CHARACTERS)
    account_id: str | None = Field(None, description="To the live connections of this account alone; null: to those of everybody")


class BlockInput(Input):
    """Which code of whichever account, and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"slug": "menu", "reason": "phishing, reported by mail"}], "minProperties": 2}
    )

    id: Text | None = Field(None, description="The code's id; or give `slug`", max_length=36)
    slug: Text | None = Field(None, description="The end of its scan URL; or give `id`", max_length=64)
    reason: Text = Field(description="For the account's audit log", min_length=1, max_length=500)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.id is None) == (self.slug is None):
            raise ValueError("give either id or slug")
        return self


class AccountsView(BaseModel):
    """One page of accounts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [ACCOUNT], "next_cursor": None}]})

    items: list[AccountView] = Field(description="In the order in which they were made")
    next_cursor: str | None = Field(description="Give it back as `cursor` for the next page; null when there is none")


router = APIRouter(prefix="/v1/operator/accounts", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["operation"])

noticing = APIRouter(prefix="/v1/operator/notices", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["operation"])

blocking = APIRouter(prefix="/v1/operator/codes", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["operation"])

ROUTERS = (router, noticing, blocking)

AccountId = Annotated[str, Path(description="The account's id", max_length=64)]


@router.get("", responses=problems(400, 401, 403))
async def show_accounts(query: Annotated[AccountsQuery, Query()], parts: Services, by: Operator) -> AccountsView:
    """All accounts."""
    page = await list_accounts(parts.identity.people, by, limit=query.limit, after=query.cursor)
    return AccountsView(items=[AccountView.of(account) for account in page.items], next_cursor=page.cursor)


@router.get("/{account_id}", responses=problems(400, 401, 403, 404))
async def show_any_account(account_id: AccountId, parts: Services, by: Operator) -> AccountView:
    """Any account."""
    return AccountView.of(await get_any_account(parts.identity.people, by, account_id))


@router.patch("/{account_id}", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def alter_any_account(account_id: AccountId, body: OperatedInput, parts: Services, by: Operator) -> AccountView:
    """Change an account's plan, suspend it, or let it go on; the account's audit log names who did it."""
    if body.plan is not None and body.plan not in [plan.name for plan in parts.plans.known.all]:
        raise InvalidInput(FieldViolation("plan", "there is none with this name; /v1/plans lists those that there are"))
    change = AccountChange(body.plan, body.suspended)
    return AccountView.of(await change_any_account(parts.identity.people, by, account_id, change))


@noticing.post("", status_code=202, responses=problems(400, 401, 403, 404, 413, 415, 422))
async def say_notice(body: NoticeInput, parts: Services, by: Operator) -> None:
    """Say something to those who watch by `/v1/stream`, `/v1/ws` or a subscription just now; nobody else hears of it."""
    if body.account_id is not None:
        await get_any_account(parts.identity.people, by, body.account_id)
    await parts.notices.say(body.text, body.account_id or "")


@blocking.post("/block", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def block_code(body: BlockInput, parts: Services, caller: CallerNow, _by: Operator) -> CodeView:
    """Have scans of a code answered with 451, whosever it is. It is told on the bus, and stands in its account's audit log."""
    return CodeView.of(await parts.codes.block(caller, code_id=_code_id(body), slug=body.slug, reason=body.reason))


@blocking.post("/unblock", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def unblock_code(body: BlockInput, parts: Services, caller: CallerNow, _by: Operator) -> CodeView:
    """Give a blocked code back the state that it had."""
    return CodeView.of(await parts.codes.unblock(caller, code_id=_code_id(body), slug=body.slug, reason=body.reason))


def _code_id(body: BlockInput) -> str | None:
    return None if body.id is None else known_id(body.id)
