"""Members of the account, and who is invited to become one."""

from typing import Annotated, Self

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.accounts.domain import Invitation
from quietzone_gateway.identity.accounts.use_cases import (
    Known,
    accept,
    change_role,
    invite,
    list_invitations,
    list_members,
    remove_member,
    withdraw,
)
from quietzone_gateway.identity.domain import MEMBERS_READ, MEMBERS_WRITE, Principal, Role
from quietzone_gateway.rest.account import AccountView
from quietzone_gateway.rest.description import problems
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, Needs, PrincipalNow, Services
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, Time
from quietzone_gateway.rest.times import rfc3339

MEMBER: dict[str, JsonValue] = {
    "user_id": CODE_ID,
    "name": "Ada",
    "email": "ada@example.com",
    "role": "owner",
    "joined_at": "2026-11-21T09:30:00.125Z",
}
INVITATION: dict[str, JsonValue] = {
    "id": CODE_ID,
    "email": "grace@example.com",
    "role": "editor",
    "invited_by": f"user:{CODE_ID}",
    "expires_at": "2026-11-28T09:30:00.125Z",
}
"""Examples; tests hold them against the models."""


RoleName = Annotated[str, Field(description="`owner`, `admin`, `editor`, `analyst` or `viewer`; a newer release may know others")]


class NewInvitation(Input):
    """Whom to invite."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "grace@example.com", "role": "editor"}]})

    email: Text = Field(description="A mail goes there; who reads it can accept", max_length=254)
    role: Role = Field(description="At most what you can do yourself")


class RoleInput(Input):
    """Another role."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "viewer"}]})

    role: Role


class AcceptInput(Input):
    """What was mailed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": f"{CODE_ID}.{CODE_ID}.secret"}]})

    token: Text = Field(description="What the link in the mail holds behind `#token=`", max_length=500)


class MemberView(BaseModel):
    """A member."""

    model_config = ConfigDict(json_schema_extra={"examples": [MEMBER]})

    user_id: str
    name: str = Field(description="Empty when nobody has this id any more")
    email: str
    role: RoleName
    joined_at: Time

    @classmethod
    def of(cls, known: Known) -> Self:
        """The member as he is shown."""
        return cls(
            user_id=known.member.user_id,
            name=known.user.name if known.user else "",
            email=known.user.email if known.user else "",
            role=known.member.role,
            joined_at=rfc3339(known.member.joined_at_ms),
        )


class MembersView(BaseModel):
    """The account's members."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [MEMBER]}]})

    items: list[MemberView] = Field(description="In the order in which they joined, at most 500")


class InvitationView(BaseModel):
    """An invitation that waits; its token is in the mail alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [INVITATION]})

    id: str
    email: str
    role: RoleName
    invited_by: str
    expires_at: Time

    @classmethod
    def of(cls, invitation: Invitation) -> Self:
        """The invitation as it is shown."""
        return cls(
            id=invitation.invitation_id,
            email=invitation.email,
            role=invitation.role,
            invited_by=invitation.invited_by,
            expires_at=rfc3339(invitation.expires_at_ms),
        )


class InvitationsView(BaseModel):
    """Invitations that wait."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [INVITATION]}]})

    items: list[InvitationView] = Field(description="At most 100")


router = APIRouter(prefix="/v1/members", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["members"])
accepting = APIRouter(prefix="/v1/invitations", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["members"])

ROUTERS = (router, accepting)

UserId = Annotated[str, Path(description="The member's id", max_length=64)]
InvitationId = Annotated[str, Path(description="The invitation's id", max_length=64)]
Reader = Annotated[Principal, Depends(Needs(MEMBERS_READ))]
Writer = Annotated[Principal, Depends(Needs(MEMBERS_WRITE))]


@router.get("", responses=problems(400, 401, 403, 404))
async def show_members(parts: Services, by: Reader) -> MembersView:
    """The account's members."""
    return MembersView(items=[MemberView.of(known) for known in await list_members(parts.identity.people, by)])


@router.get("/invitations", responses=problems(400, 401, 403, 404))
async def show_invitations(parts: Services, by: Reader) -> InvitationsView:
    """Who is invited, and hasn't accepted yet."""
    return InvitationsView(items=[InvitationView.of(each) for each in await list_invitations(parts.identity.people, by)])


@router.post("/invitations", status_code=201, responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def make_invitation(body: NewInvitation, parts: Services, by: Writer) -> InvitationView:
    """Invite somebody by mail; it can be accepted until `expires_at`. Nobody gives a role that can do more than he can."""
    return InvitationView.of(await invite(parts.identity.people, by, body.email, body.role))


@router.delete("/invitations/{invitation_id}", status_code=204, responses=problems(400, 401, 403, 404, 409))
async def withdraw_invitation(invitation_id: InvitationId, parts: Services, by: Writer) -> None:
    """Have an invitation open nothing any more."""
    await withdraw(parts.identity.people, by, invitation_id)


@router.patch("/{user_id}", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def alter_member(user_id: UserId, body: RoleInput, parts: Services, by: Writer) -> MemberView:
    """Give a member another role; all replicas heed it within a second."""
    return MemberView.of(await change_role(parts.identity.people, by, user_id, body.role))


@router.delete("/{user_id}", status_code=204, responses=problems(400, 401, 403, 404, 409, 422))
async def dismiss_member(user_id: UserId, parts: Services, by: Writer) -> None:
    """Have a member be none any more; all replicas heed it within a second."""
    await remove_member(parts.identity.people, by, user_id)


@accepting.post("/accept", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def accept_invitation(body: AcceptInput, parts: Services, by: PrincipalNow) -> AccountView:
    """Join the account that you are invited to; then work in it by `POST /v1/auth/account`."""
    return AccountView.of(await accept(parts.identity.people, by, body.token))
