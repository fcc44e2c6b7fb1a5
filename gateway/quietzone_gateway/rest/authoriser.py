"""The account's own authoriser."""

from typing import Annotated, Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.accounts.domain import Authoriser
from quietzone_gateway.identity.authorisers.domain import DEFAULT_TTL_S, MAX_TTL_S, MAX_URL
from quietzone_gateway.identity.authorisers.use_cases import (
    AskedAuthoriser,
    ShownAuthoriser,
    get_authoriser,
    put_authoriser,
    remove_authoriser,
)
from quietzone_gateway.identity.domain import ACCOUNT_READ, ACCOUNT_WRITE, Principal
from quietzone_gateway.rest.description import problems
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, Needs, SecretRoute, Services
from quietzone_gateway.rest.shapes import Input, Text

AUTHORISER: dict[str, JsonValue] = {"url": "https://auth.example.com/quietzone", "scopes": ["codes:read", "codes:write"], "ttl_s": 300}
"""An example; a test holds it against the models."""


class AuthoriserInput(Input):
    """An authoriser."""

    model_config = ConfigDict(json_schema_extra={"examples": [AUTHORISER]})

    url: Text = Field(description="An https URL, on port 443 or 8443 of a public address", json_schema_extra={"maxLength": MAX_URL})
    scopes: list[Text] = Field(description="The most that it may grant; an editor's at most, and yours", max_length=50)
    ttl_s: int = Field(DEFAULT_TTL_S, ge=0, le=MAX_TTL_S, description="How long what it says is remembered at most; it may say less")


class AuthoriserView(BaseModel):
    """The account's authoriser, without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [AUTHORISER]})

    url: str
    scopes: list[str] = Field(description="The most that it may grant")
    ttl_s: int = Field(description="How long what it says is remembered at most")

    @classmethod
    def of(cls, authoriser: Authoriser) -> Self:
        """The authoriser as it is shown."""
        return cls(url=authoriser.url, scopes=sorted(authoriser.scopes), ttl_s=authoriser.ttl_s)


class AuthoriserWithSecretView(AuthoriserView):
    """The account's authoriser, with its secret: this answer is the only one that has it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**AUTHORISER, "secret": "whsec_" + "A" * 43 + "="}]})

    secret: str = Field(description="Signs what the authoriser is asked, as Standard Webhooks has it")

    @classmethod
    def with_secret(cls, shown: ShownAuthoriser) -> Self:
        """The authoriser as it is shown once."""
        return cls(secret=shown.secret, **AuthoriserView.of(shown.authoriser).model_dump())


router = APIRouter(prefix="/v1/account/authoriser", route_class=SecretRoute, dependencies=DESCRIBED_SECURITY, tags=["account"])

Reader = Annotated[Principal, Depends(Needs(ACCOUNT_READ))]
Writer = Annotated[Principal, Depends(Needs(ACCOUNT_WRITE))]


@router.get("", responses=problems(400, 401, 403, 404))
async def show_authoriser(parts: Services, by: Reader) -> AuthoriserView:
    """The account's authoriser."""
    return AuthoriserView.of(await get_authoriser(parts.identity.people, by))


@router.put("", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def set_authoriser(body: AuthoriserInput, parts: Services, by: Writer) -> AuthoriserWithSecretView:
    """Have an address of yours say who may do what: a request with `X-Quietzone-Account` and any bearer token is then asked about there.

    It gets `{type, token, method, path, sourceIp, requestId}` by POST, signed, and answers within 3 s with
    `{principalId, policy: [{effect, scopes}], ttl}`, or 401. A denial wins over every allowance.
    """
    asked = AskedAuthoriser(body.url, frozenset(body.scopes), body.ttl_s)
    return AuthoriserWithSecretView.with_secret(await put_authoriser(parts.identity.people, parts.identity.cache, by, asked))


@router.delete("", status_code=204, responses=problems(400, 401, 403, 404, 409))
async def unset_authoriser(parts: Services, by: Writer) -> None:
    """Have no authoriser speak for the account any more; what it said counts no more at once."""
    await remove_authoriser(parts.identity.people, parts.identity.cache, by)
