"""The person who has signed in: his name, accounts, password, second factor and sessions."""

from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.accounts.use_cases import Place, places_of
from quietzone_gateway.identity.domain import Principal
from quietzone_gateway.identity.sessions.domain import Session
from quietzone_gateway.identity.sessions.use_cases import kill_session, list_sessions
from quietzone_gateway.identity.users.addresses import ask_address
from quietzone_gateway.identity.users.domain import User
from quietzone_gateway.identity.users.second_factor import (
    Proof,
    begin_second_factor,
    confirm_second_factor,
    remove_second_factor,
    renew_recovery_codes,
)
from quietzone_gateway.identity.users.use_cases import change_password, person, rename_user
from quietzone_gateway.rest.auth import RULE, AcceptedView, Password
from quietzone_gateway.rest.description import problems
from quietzone_gateway.rest.members import RoleName
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, PrincipalNow, SecretRoute, Services, VisitorNow
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, Time
from quietzone_gateway.rest.times import rfc3339

ME: dict[str, JsonValue] = {
    "id": CODE_ID,
    "email": "ada@example.com",
    "name": "Ada",
    "verified": True,
    "second_factor": False,
    "recovery_codes": 0,
    "account_id": CODE_ID,
    "scopes": ["account:read", "codes:read"],
    "accounts": [{"id": CODE_ID, "name": "Ada's account", "role": "viewer", "suspended": False}],
    "created_at": "2026-11-21T09:30:00.125Z",
}
SESSION: dict[str, JsonValue] = {
    "id": "5b8c6d0e1f534c0a9d3e2a7f4e6b1c90",
    "kind": "token",
    "current": True,
    "agent": "quietzone-client/1.0",
    "address": "203.0.113.0",
    "created_at": "2026-11-21T09:30:00.125Z",
    "used_at": "2026-11-21T09:30:00.125Z",
    "expires_at": "2026-12-21T09:30:00.125Z",
}
"""Examples; tests hold them against the models."""


class NameInput(Input):
    """Another name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ada Lovelace"}]})

    name: Text = Field(description="For people", json_schema_extra={"minLength": 1, "maxLength": 100})


class PasswordInput(Input):
    """Another password."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"current": "correct horse battery", "password": "battery horse correct"}]})

    current: Password = Field(description="The one that you have")
    password: Password = Field(description=RULE)


class AddressInput(Input):
    """Another mail address."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "lovelace@example.com", "password": "correct horse battery"}]})

    email: Text = Field(description="A mail goes there; the link in it makes it yours", max_length=254)
    password: Password = Field(description="The one that you have")


class ProofInput(Input):
    """That it is you."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "correct horse battery"}]})

    password: Password


class DoubleProofInput(Input):
    """That it is you, by both that you have."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"password": "correct horse battery", "code": "123456"}]})

    password: Password
    code: Text = Field(description="Of your app, or one of your recovery codes", max_length=32)


class CodeInput(Input):
    """What your app shows."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "123456"}]})

    code: Text = Field(max_length=32)


class PlaceView(BaseModel):
    """An account that you are in."""

    id: str
    name: str
    role: RoleName
    suspended: bool = Field(description="Nobody can use it; whoever operates this installation knows why")

    @classmethod
    def of(cls, place: Place) -> Self:
        """The account as it is shown."""
        account = place.account
        return cls(id=account.account_id, name=account.name, role=place.role, suspended=account.suspended_at_ms is not None)


class MeView(BaseModel):
    """You."""

    model_config = ConfigDict(json_schema_extra={"examples": [ME]})

    id: str
    email: str
    name: str
    verified: bool = Field(description="Whether you have shown that the address is yours; until then you can't make codes")
    second_factor: bool = Field(description="Whether signing in needs a code too")
    recovery_codes: int = Field(description="How many are left")
    account_id: str | None = Field(description="The account that you work in; null: none")
    scopes: list[str] = Field(description="What you may do there")
    accounts: list[PlaceView]
    created_at: Time

    @classmethod
    def of(cls, user: User, by: Principal, places: list[Place]) -> Self:
        """The person as he is shown to himself."""
        return cls(
            id=user.user_id,
            email=user.email,
            name=user.name,
            verified=user.verified_at_ms is not None,
            second_factor=user.has_second_factor,
            recovery_codes=len(user.recovery),
            account_id=by.account_id or None,
            scopes=sorted(by.scopes),
            accounts=[PlaceView.of(place) for place in places],
            created_at=rfc3339(user.created_at_ms),
        )


class SecretView(BaseModel):
    """What your authenticator app is to know; shown once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"secret": "JBSWY3DPEHPK3PXP", "uri": "otpauth://totp/Quietzone:ada%40example.com?secret=JBSWY3DPEHPK3PXP"}]
        }
    )

    secret: str = Field(description="Base32, to be typed")
    uri: str = Field(description="For a QR code that the app reads")


class RecoveryCodesView(BaseModel):
    """Codes that open once each in the place of your app; shown once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"codes": ["23ab-cd45-efgh-jk67"]}]})

    codes: list[str]


class SessionView(BaseModel):
    """A session of yours."""

    model_config = ConfigDict(json_schema_extra={"examples": [SESSION]})

    id: str
    kind: str = Field(description="`token` or `cookie`; a newer release may know others")
    current: bool = Field(description="Whether it is this one")
    agent: str = Field(description="What the program called itself")
    address: str = Field(description="Where it signed in from: without the last byte, or the last ten of IPv6")
    created_at: Time
    used_at: Time = Field(description="When it was carried on last")
    expires_at: Time

    @classmethod
    def of(cls, session: Session, by: Principal) -> Self:
        """The session as it is shown."""
        return cls(
            id=session.session_id,
            kind=session.kind,
            current=session.session_id == by.session_id,
            agent=session.agent,
            address=session.address,
            created_at=rfc3339(session.created_at_ms),
            used_at=rfc3339(session.used_at_ms),
            expires_at=rfc3339(session.expires_at_ms),
        )


class SessionsView(BaseModel):
    """Your sessions."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [SESSION]}]})

    items: list[SessionView] = Field(description="Newest first, at most 50")


router = APIRouter(prefix="/v1/me", route_class=SecretRoute, dependencies=DESCRIBED_SECURITY, tags=["me"])

SessionId = Annotated[str, Path(description="The session's id", max_length=64)]


@router.get("", responses=problems(400, 401, 403))
async def show_me(parts: Services, by: PrincipalNow) -> MeView:
    """Who has signed in, and the accounts that he is in."""
    user = await person(parts.identity.people, by)
    return MeView.of(user, by, await places_of(parts.identity.people, user.user_id))


@router.patch("", responses=problems(400, 401, 403, 413, 415))
async def rename_me(body: NameInput, parts: Services, by: PrincipalNow) -> MeView:
    """Change your name."""
    user = await rename_user(parts.identity.people, by, body.name)
    return MeView.of(user, by, await places_of(parts.identity.people, user.user_id))


@router.post("/password", status_code=204, responses=problems(400, 401, 403, 413, 415, 422))
async def replace_password(body: PasswordInput, parts: Services, by: PrincipalNow, visitor: VisitorNow) -> None:
    """Change your password; your other sessions end."""
    await change_password(parts.identity.people, by, body.current, body.password, visitor)


@router.post("/email", status_code=202, responses=problems(400, 401, 403, 413, 415, 422))
async def move_me(body: AddressInput, parts: Services, by: PrincipalNow, visitor: VisitorNow) -> AcceptedView:
    """Ask for another mail address. A mail goes there, whoever has it; until the link in it is opened, yours stays."""
    await ask_address(parts.identity.people, by, body.email, body.password, visitor)
    return AcceptedView()


@router.post("/second-factor", responses=problems(400, 401, 403, 413, 415, 422))
async def begin_factor(body: ProofInput, parts: Services, by: PrincipalNow, visitor: VisitorNow) -> SecretView:
    """Get the secret of a second factor (time-based codes). It counts from when you have confirmed it."""
    made = await begin_second_factor(parts.identity.people, by, body.password, visitor)
    return SecretView(secret=made.secret, uri=made.uri)


@router.post("/second-factor/confirm", responses=problems(400, 401, 403, 413, 415, 422))
async def confirm_factor(body: CodeInput, parts: Services, by: PrincipalNow) -> RecoveryCodesView:
    """Show that your app knows the secret; from now on signing in needs a code too."""
    return RecoveryCodesView(codes=await confirm_second_factor(parts.identity.people, by, body.code))


@router.post("/second-factor/recovery-codes", responses=problems(400, 401, 403, 413, 415, 422))
async def renew_codes(body: DoubleProofInput, parts: Services, by: PrincipalNow, visitor: VisitorNow) -> RecoveryCodesView:
    """Get new recovery codes; those before don't work any more. A mail tells of it."""
    proof = Proof(body.password, body.code)
    return RecoveryCodesView(codes=await renew_recovery_codes(parts.identity.people, by, proof, visitor))


@router.post("/second-factor/remove", status_code=204, responses=problems(400, 401, 403, 413, 415, 422))
async def remove_factor(body: ProofInput, parts: Services, by: PrincipalNow, visitor: VisitorNow) -> None:
    """Have your password be enough again."""
    await remove_second_factor(parts.identity.people, by, body.password, visitor)


@router.get("/sessions", responses=problems(400, 401, 403))
async def show_sessions(parts: Services, by: PrincipalNow) -> SessionsView:
    """Where you are signed in."""
    return SessionsView(items=[SessionView.of(session, by) for session in await list_sessions(parts.identity.people, by)])


@router.delete("/sessions/{session_id}", status_code=204, responses=problems(400, 401, 403, 404))
async def end_one(session_id: SessionId, parts: Services, by: PrincipalNow) -> None:
    """End one of your sessions; all replicas refuse it within a second."""
    await kill_session(parts.identity.people, by, session_id)
