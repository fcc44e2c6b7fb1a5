"""The audit log: who has changed what in the account."""

import json
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from quietzone_gateway.identity.audit.domain import Entry
from quietzone_gateway.identity.audit.use_cases import read_log
from quietzone_gateway.identity.domain import AUDIT_READ, Principal
from quietzone_gateway.rest.description import problems
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, Needs, Services
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, Time
from quietzone_gateway.rest.times import rfc3339

ENTRY: dict[str, JsonValue] = {
    "id": CODE_ID,
    "at": "2026-11-21T09:30:00.125Z",
    "subject": f"user:{CODE_ID}",
    "action": "member.changed",
    "target": f"user:{CODE_ID}",
    "before": {"role": "viewer"},
    "after": {"role": "editor"},
    "address": "203.0.113.0",
}
"""An example; a test holds it against the model."""


ASCII = "^[!-~]+$"


class AuditQuery(Input):
    """Which entries."""

    subject: Text | None = Field(None, description="Of one who changed something: `user:<id>`, `key:<id>`", pattern=ASCII, max_length=200)
    action: Text | None = Field(None, description="Of one kind, such as `key.created`", pattern=ASCII, max_length=100)
    limit: int = Field(50, description="How many at most", ge=1, le=1000)
    cursor: str | None = Field(None, description="`next_cursor` of the page before", max_length=1000)


class EntryView(BaseModel):
    """A change."""

    model_config = ConfigDict(json_schema_extra={"examples": [ENTRY]})

    id: str
    at: Time
    subject: str = Field(description="Who made it: `user:<id>`, `key:<id>`, `webhook:<account>/<principal>` or `system`")
    action: str = Field(description="What was done: a kind of thing, a dot, a past participle")
    target: str = Field(description="What it was done to: kind, colon, id")
    before: dict[str, Any] = Field(description="The fields that changed, as they were; never a secret")
    after: dict[str, Any] = Field(description="The same fields, as they are from then on")
    address: str = Field(description="Where the request came from, without its last byte, or the last ten of IPv6; empty when not known")

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """The entry as it is shown."""
        return cls(
            id=entry.entry_id,
            at=rfc3339(entry.at_ms),
            subject=entry.subject,
            action=entry.action,
            target=entry.target,
            before=json.loads(entry.before or "{}"),
            after=json.loads(entry.after or "{}"),
            address=entry.address,
        )


class AuditView(BaseModel):
    """One page of the audit log."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [ENTRY], "next_cursor": None}]})

    items: list[EntryView] = Field(description="Newest first; a change is there within a second or two")
    next_cursor: str | None = Field(description="Give it back as `cursor` for the next page; null when there is none")


router = APIRouter(prefix="/v1/audit", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["account"])

Reader = Annotated[Principal, Depends(Needs(AUDIT_READ))]


@router.get("", responses=problems(400, 401, 403))
async def show_log(query: Annotated[AuditQuery, Query()], parts: Services, by: Reader) -> AuditView:
    """Who has changed what: accounts, members, keys, people and codes."""
    page = await read_log(parts.identity.log, by, subject=query.subject, action=query.action, limit=query.limit, after=query.cursor)
    return AuditView(items=[EntryView.of(entry) for entry in page.items], next_cursor=page.cursor)
