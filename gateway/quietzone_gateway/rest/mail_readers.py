"""Who reads an account's mails: addresses that get none, and what the person who has signed in wants."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.domain import CODES_READ, CODES_WRITE
from quietzone_gateway.identity.users.use_cases import person
from quietzone_gateway.rest.description import problems, scoped
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, CallerNow, PrincipalNow, Services, names_of_the_api
from quietzone_gateway.rest.shapes import Input, Text, Time
from quietzone_gateway.rest.times import rfc3339
from quietzone_gateway.rpc.notification import Suppression, SuppressionPage, SuppressionReason

KINDS = "`created`, `milestone`, `weekly-summary`, `notices`, `messages` (of topics) or `events` (of rules)"
MAX_KINDS = 20

NEW_SUPPRESSION: dict[str, JsonValue] = {"address": "bob@example.com", "kind": "milestone", "detail": "asked for it by phone"}
SUPPRESSION: dict[str, JsonValue] = {**NEW_SUPPRESSION, "reason": "by_hand", "at": "2026-11-21T09:30:00.125Z"}
WANTED: dict[str, JsonValue] = {"wanted": {"created": False, "weekly-summary": True}}
"""Examples; tests hold them against the models."""


class SuppressionInput(Input):
    """Who is to get no mail."""

    model_config = ConfigDict(json_schema_extra={"examples": [NEW_SUPPRESSION]})

    address: Text = Field(description="A mail address", max_length=254)
    kind: Text = Field("", description=f"{KINDS}; empty: no mail at all", max_length=40)
    detail: Text = Field("", description="Why, for people", max_length=200)


class SuppressionView(BaseModel):
    """An address that isn't written to."""

    model_config = ConfigDict(json_schema_extra={"examples": [SUPPRESSION]})

    address: str
    kind: str = Field(description="What it gets none of; empty: it gets none at all")
    reason: SuppressionReason = Field(
        description="`unsubscribed` and `complained`: whoever is there said so; `bounced`: a server said that there is no such address; "
        "`by_hand`: somebody of the account has"
    )
    at: Time
    detail: str = Field(description="What the server said, or whoever has put it")

    @classmethod
    def of(cls, suppression: Suppression) -> Self:
        """As it is shown."""
        return cls(
            address=suppression.address,
            kind=suppression.kind,
            reason=suppression.reason,
            at=rfc3339(suppression.at_ms),
            detail=suppression.detail,
        )


class SuppressionPageView(BaseModel):
    """One page of suppressions."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [SUPPRESSION], "next_cursor": None}]})

    items: list[SuppressionView] = Field(description="The latest first; an address may have several, by kind")
    next_cursor: str | None = Field(description="Give it back as `cursor` for the next page; null when there is none")

    @classmethod
    def of(cls, page: SuppressionPage) -> Self:
        """As it is shown."""
        return cls(items=list(map(SuppressionView.of, page.items)), next_cursor=page.next_cursor)


class SuppressionListQuery(Input):
    """Which page."""

    limit: int = Field(50, description="How many addresses at most", ge=1, le=1000)
    cursor: str | None = Field(None, description="`next_cursor` of the page before", max_length=2000)


class WantedInput(Input):
    """Which mails you want."""

    model_config = ConfigDict(json_schema_extra={"examples": [WANTED]})

    wanted: dict[Text, bool] = Field(
        description=f"{KINDS}, each with true or false; what is left out is as for everybody", max_length=MAX_KINDS
    )


class WantedView(BaseModel):
    """Which mails of the account you get."""

    model_config = ConfigDict(json_schema_extra={"examples": [WANTED]})

    wanted: dict[str, bool] = Field(description="Each kind that can be unsubscribed from")


router = APIRouter(prefix="/v1/mail/suppressions", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["mail"])
mine = APIRouter(prefix="/v1/me/mails", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["me"])

ROUTERS = (router, mine)

Address = Annotated[str, Query(description="The address", examples=["bob@example.com"], max_length=254)]
OfKind = Annotated[str, Query(description=f"{KINDS}; left out: the suppression of all mails", max_length=40)]

# The service's fields by the names that callers of the API know.
_NAMES = {"page_size": "limit", "page_token": "cursor"}


@router.get("", responses=problems(400, 401, 403), openapi_extra=scoped(CODES_READ))
async def list_suppressions(query: Annotated[SuppressionListQuery, Query()], parts: Services, caller: CallerNow) -> SuppressionPageView:
    """Addresses that get no mail of the account, or none of a kind."""
    with names_of_the_api(_NAMES):
        return SuppressionPageView.of(await parts.notification.readers.suppressions(caller, limit=query.limit, cursor=query.cursor))


@router.post("", status_code=201, responses=problems(400, 401, 403, 413, 415), openapi_extra=scoped(CODES_WRITE))
async def suppress(body: SuppressionInput, parts: Services, caller: CallerNow) -> SuppressionView:
    """Have an address get no mail of the account, or none of a kind; one that is there stays as it was."""
    return SuppressionView.of(await parts.notification.readers.suppress(caller, body.address, body.kind, body.detail))


@router.delete("", status_code=204, responses=problems(400, 401, 403, 404), openapi_extra=scoped(CODES_WRITE))
async def lift_suppression(address: Address, parts: Services, caller: CallerNow, kind: OfKind = "") -> None:
    """Write to an address again, whatever the reason was: whoever has unsubscribed should have asked for it."""
    await parts.notification.readers.lift(caller, address, kind)


@mine.get("", responses=problems(400, 401, 403))
async def show_my_mails(parts: Services, by: PrincipalNow, caller: CallerNow) -> WantedView:
    """Which mails of the account you get."""
    user = await person(parts.identity.people, by)
    return WantedView(wanted=_all(await parts.notification.readers.wanted(replace(caller, scopes=_OWN), user.email)))


@mine.put("", responses=problems(400, 401, 403, 413, 415))
async def want_mails(body: WantedInput, parts: Services, by: PrincipalNow, caller: CallerNow) -> WantedView:
    """Say which mails of the account you want, in the place of what you said before; what you want you are no longer unsubscribed from."""
    user = await person(parts.identity.people, by)
    with names_of_the_api({"preferences.wanted": "wanted"}):
        return WantedView(wanted=_all(await parts.notification.readers.want(replace(caller, scopes=_OWN), user.email, body.wanted)))


_OWN = frozenset({CODES_READ, CODES_WRITE})
"""Whoever reads the mails says which he wants, also when he may change nothing else of the account."""


def _all(wanted: Mapping[str, bool]) -> dict[str, bool]:
    return dict(sorted(wanted.items()))
