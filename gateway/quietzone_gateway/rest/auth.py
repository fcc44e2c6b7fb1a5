"""Signing up, signing in, carrying on, signing out; forgotten passwords."""

from typing import Annotated, Self

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.responses import JSONResponse

from quietzone_gateway.identity.domain import Means
from quietzone_gateway.identity.sessions.use_cases import SignedIn, SignIn, refresh, sign_in, sign_out, switch_account
from quietzone_gateway.identity.users.addresses import change_address
from quietzone_gateway.identity.users.second_factor import SecondFactorNeeded
from quietzone_gateway.identity.users.use_cases import (
    SignUp,
    ask_verification,
    forgot_password,
    reset_password,
    sign_up,
    verify_email,
)
from quietzone_gateway.rest.description import problems
from quietzone_gateway.rest.problems import SECOND_FACTOR_NEEDED, Refused
from quietzone_gateway.rest.route import (
    COOKIE,
    DESCRIBED_SECURITY,
    OpenRoute,
    PrincipalNow,
    PublicRoute,
    RenewRoute,
    SecretRoute,
    Services,
    VisitorNow,
)
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text

SIGN_UP: dict[str, JsonValue] = {"email": "ada@example.com", "name": "Ada", "password": "correct horse battery"}
SIGN_IN: dict[str, JsonValue] = {"email": "ada@example.com", "password": "correct horse battery"}
SIGNED_IN: dict[str, JsonValue] = {
    "user_id": CODE_ID,
    "session_id": "5b8c6d0e1f534c0a9d3e2a7f4e6b1c90",
    "access_token": "eyJhbGciOiJFZDI1NTE5IiwidHlwIjoiYXQrand0In0.e30.c2ln",
    "refresh_token": f"qzr_{CODE_ID}.1.mac",
    "csrf_token": None,
    "expires_in": 300,
}
"""Examples; tests hold them against the models."""

JWKS_S = 300
"""How long others may keep the list of keys; half of what a key is published ahead."""

RULE = "8 characters or more with an upper-case letter and a digit, or 15 of any kind; at most 1,024 bytes"

Password = Annotated[Text, Field(json_schema_extra={"format": "password"})]
MailedToken = Annotated[Text, Field(description="What the link in the mail holds behind `#token=`", max_length=500)]


class SignUpInput(Input):
    """Somebody who wants to be known."""

    model_config = ConfigDict(json_schema_extra={"examples": [SIGN_UP]})

    email: Text = Field("", description="An address; a mail goes there. With an invitation: leave it out", max_length=254)
    name: Text = Field(description="For people", json_schema_extra={"minLength": 1, "maxLength": 100})
    password: Password = Field(description=RULE)
    invitation: Text | None = Field(None, description="What an invitation's mail holds behind `#token=`", max_length=500)


class TokenInput(Input):
    """What was mailed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": f"{CODE_ID}.secret"}]})

    token: MailedToken


class SignInInput(Input):
    """What shows who somebody is."""

    model_config = ConfigDict(json_schema_extra={"examples": [SIGN_IN]})

    email: Text = Field(max_length=254)
    password: Password
    code: Text = Field("", description="Of the second factor, or a recovery code, for who has one", max_length=32)
    cookie: bool = Field(False, description="For pages in a browser: a cookie in the place of tokens")


class RefreshInput(Input):
    """What carries a session on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"refresh_token": f"qzr_{CODE_ID}.1.mac"}]})

    refresh_token: Text = Field(description="Good once: the answer holds the next", max_length=500)


class ForgotInput(Input):
    """Whose password is forgotten."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "ada@example.com"}]})

    email: Text = Field(max_length=254)


class ResetInput(Input):
    """Another password."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": f"{CODE_ID}.secret", "password": "correct horse battery"}]})

    token: MailedToken
    password: Password


class SwitchInput(Input):
    """Another account."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"account_id": CODE_ID}]})

    account_id: Text = Field(description="One that you are in: `GET /v1/me` lists them", max_length=64)


class SignedInView(BaseModel):
    """A session. A program sends `access_token` as `Authorization: Bearer`; a page sends `csrf_token` as `X-CSRF-Token` with all that
    changes something, and its browser the cookie.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [SIGNED_IN]})

    user_id: str
    session_id: str
    access_token: str | None = Field(description="A JWT that is good for `expires_in` seconds; null with a cookie")
    refresh_token: str | None = Field(
        description="Brings the next access token, once; null with a cookie, and where the one that you have goes on"
    )
    csrf_token: str | None = Field(description="Belongs to the cookie; null without one")
    expires_in: int = Field(description="Seconds that the access token, or the cookie, is good for")

    @classmethod
    def of(cls, signed: SignedIn) -> Self:
        """The session as it is shown."""
        return cls(
            user_id=signed.user.user_id,
            session_id=signed.session.session_id,
            access_token=signed.access_token or None,
            refresh_token=signed.refresh_token or None,
            csrf_token=signed.csrf_token or None,
            expires_in=signed.expires_in_s,
        )


class AcceptedView(BaseModel):
    """What can be said, whoever asked."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"detail": "If the address can be written to, a mail is on its way."}]})

    detail: str = "If the address can be written to, a mail is on its way."


router = APIRouter(prefix="/v1/auth", route_class=OpenRoute, tags=["sign-in"])
signed_in = APIRouter(prefix="/v1/auth", route_class=SecretRoute, dependencies=DESCRIBED_SECURITY, tags=["sign-in"])
renewing = APIRouter(prefix="/v1/auth", route_class=RenewRoute, tags=["sign-in"])
keys = APIRouter(route_class=PublicRoute, tags=["sign-in"])

ROUTERS = (router, renewing, signed_in, keys)


@router.post("/sign-up", status_code=202, responses=problems(400, 403, 404, 409, 413, 415, 422))
async def begin(body: SignUpInput, parts: Services, visitor: VisitorNow) -> AcceptedView:
    """Sign up. A mail follows, whoever has the address; until the link in it is opened, codes can't be made."""
    await sign_up(parts.identity.people, SignUp(body.email, body.name, body.password, body.invitation), visitor)
    return AcceptedView()


@router.post("/verify", status_code=204, responses=problems(400, 404, 413, 415))
async def confirm_email(body: TokenInput, parts: Services, visitor: VisitorNow) -> None:
    """Show that you read mail at your address."""
    await verify_email(parts.identity.people, body.token, visitor)


@router.post("/email", status_code=204, responses=problems(400, 404, 409, 413, 415, 422))
async def confirm_address(body: TokenInput, parts: Services, visitor: VisitorNow) -> None:
    """Show that you read mail at your new address, which takes the place of the one before; your sessions go on."""
    await change_address(parts.identity.people, body.token, visitor)


@router.post("/sign-in", responses=problems(400, 401, 413, 415, 422))
async def enter(body: SignInInput, parts: Services, visitor: VisitorNow, response: Response) -> SignedInView:
    """Sign in. Failures are counted, for an e-mail address from a network first: five in 15 minutes, unless set otherwise."""
    try:
        signed = await sign_in(parts.identity.people, SignIn(body.email, body.password, body.code, body.cookie), visitor)
    except SecondFactorNeeded as error:
        raise Refused(SECOND_FACTOR_NEEDED, str(error), headers={"WWW-Authenticate": 'Bearer realm="quietzone"'}) from error
    return _shown(signed, response)


@renewing.post("/refresh", responses=problems(400, 401, 413, 415, 422))
async def carry_on(body: RefreshInput, parts: Services) -> SignedInView:
    """Get the next access token. A refresh token that comes a second time brings the same again for a moment, since an answer can be lost;
    later, and for two tokens in a row, it ends its session, since somebody else may have it.
    """
    return SignedInView.of(await refresh(parts.identity.people, body.refresh_token))


@router.post("/forgot", status_code=202, responses=problems(400, 413, 415, 422))
async def forget(body: ForgotInput, parts: Services, visitor: VisitorNow) -> AcceptedView:
    """Have a link sent that lets you choose another password."""
    await forgot_password(parts.identity.people, body.email, visitor)
    return AcceptedView()


@router.post("/reset", status_code=204, responses=problems(400, 404, 413, 415))
async def replace_password(body: ResetInput, parts: Services, visitor: VisitorNow) -> None:
    """Choose another password with the token that was mailed; all your sessions end."""
    await reset_password(parts.identity.people, body.token, body.password, visitor)


@signed_in.post("/verification", status_code=202, responses=problems(400, 401, 403))
async def send_again(parts: Services, by: PrincipalNow) -> AcceptedView:
    """Have the mail that verifies your address sent once more."""
    await ask_verification(parts.identity.people, by)
    return AcceptedView()


@signed_in.post("/account", responses=problems(400, 401, 403, 404, 413, 415))
async def change_account(body: SwitchInput, parts: Services, by: PrincipalNow, response: Response) -> SignedInView:
    """Work in another of your accounts, in the same session: with the new access token, or the same cookie."""
    return _shown(await switch_account(parts.identity.people, by, body.account_id), response)


@signed_in.post("/sign-out", status_code=204, responses=problems(400, 401, 403))
async def leave(parts: Services, by: PrincipalNow, response: Response) -> None:
    """End this session."""
    await sign_out(parts.identity.people, by)
    if by.means is Means.COOKIE:
        response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax")


@keys.get("/.well-known/jwks.json", responses=problems(400), response_class=JSONResponse)
async def published_keys(parts: Services) -> JSONResponse:
    """The keys by which access tokens can be checked (RFC 7517)."""
    found = await parts.identity.signing.published()
    return JSONResponse({"keys": found}, headers={"Cache-Control": f"public, max-age={JWKS_S}"})


def _shown(signed: SignedIn, response: Response) -> SignedInView:
    if signed.cookie:
        response.set_cookie(COOKIE, signed.cookie, max_age=signed.expires_in_s, secure=True, httponly=True, samesite="lax")
    return SignedInView.of(signed)
