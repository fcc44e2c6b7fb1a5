"""API keys: make, list, get, change, rotate, revoke."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from quietzone_gateway.identity.domain import KEYS_READ, KEYS_WRITE, Principal
from quietzone_gateway.identity.keys.domain import MAX_GRACE_S, MAX_NAME, MAX_NETWORKS, ApiKey
from quietzone_gateway.identity.keys.telling import tell_of_new_key
from quietzone_gateway.identity.keys.use_cases import (
    KeyChange,
    NewKey,
    ShownKey,
    change_key,
    create_key,
    get_key,
    list_keys,
    revoke_key,
    rotate_key,
)
from quietzone_gateway.rest.description import problems
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, Needs, SecretRoute, Services
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, Time, moment_ms
from quietzone_gateway.rest.times import rfc3339, rfc3339_or_none

NEW_KEY: dict[str, JsonValue] = {
    "name": "till in the shop",
    "scopes": ["codes:read", "codes:write"],
    "networks": ["203.0.113.0/24"],
    "expires_at": "2030-01-01T00:00:00Z",
}
KEY: dict[str, JsonValue] = {
    "id": CODE_ID,
    "name": "till in the shop",
    "shown": "qz_kYp3w",
    "scopes": ["codes:read", "codes:write"],
    "networks": ["203.0.113.0/24"],
    "created_by": f"user:{CODE_ID}",
    "created_at": "2026-11-21T09:30:00.125Z",
    "expires_at": "2030-01-01T00:00:00.000Z",
    "last_used_at": None,
    "revoked_at": None,
    "old_secret_until": None,
}
"""Examples; tests hold them against the models."""

Scopes = Annotated[list[Text], Field(description="What it may do; at most what you may", max_length=50)]
Networks = Annotated[
    list[Text],
    Field(description="From where it may be used, in CIDR notation; empty: from everywhere", json_schema_extra={"maxItems": MAX_NETWORKS}),
]


class NewKeyInput(Input):
    """A key to make."""

    model_config = ConfigDict(json_schema_extra={"examples": [NEW_KEY]})

    name: Text = Field(description="For people", json_schema_extra={"minLength": 1, "maxLength": MAX_NAME})
    scopes: Scopes
    networks: Networks = Field(default_factory=list)
    expires_at: Text | None = Field(None, description="When it ends: RFC 3339, or a day in UTC; null: never", max_length=64)


class KeyChangeInput(Input):
    """What to change; what is absent stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"networks": []}], "minProperties": 1})

    name: Text | None = Field(None, description="For people", json_schema_extra={"minLength": 1, "maxLength": MAX_NAME})
    scopes: Scopes | None = None
    networks: Networks | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not any(getattr(self, name) is not None for name in self.model_fields_set):
            raise ValueError("nothing to change: give name, scopes or networks")
        return self


class RotationInput(Input):
    """How to change over."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"grace_s": 3600}]})

    grace_s: int = Field(86_400, ge=0, le=MAX_GRACE_S, description="For how long the secret that it has works beside the new one")


class KeyView(BaseModel):
    """A key, without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [KEY]})

    id: str
    name: str
    shown: str = Field(description="The secret's beginning, to tell keys apart; empty when it isn't known")
    scopes: list[str]
    networks: list[str]
    created_by: str = Field(description="Who made it: `user:<id>`, `key:<id>` or `system`")
    created_at: Time
    expires_at: Time | None = Field(description="From then on it doesn't work; null: it doesn't end")
    last_used_at: Time | None = Field(description="To the minute; null: not yet")
    revoked_at: Time | None = Field(description="From then on it hasn't worked; it is shown for 30 days more")
    old_secret_until: Time | None = Field(description="Until then the secret before works too")

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """The key as it is shown."""
        return cls(**_shown(key))


class KeyWithSecretView(KeyView):
    """A key, with its secret: this answer is the only one that has it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**KEY, "secret": "qz_" + "x" * 43}]})

    secret: str = Field(description="Send it as `Authorization: Bearer`; we keep only its hash")

    @classmethod
    def with_secret(cls, shown: ShownKey) -> Self:
        """The key as it is shown once."""
        return cls(secret=shown.secret, **_shown(shown.key))


class KeysView(BaseModel):
    """The account's keys."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [KEY]}]})

    items: list[KeyView] = Field(description="Newest first, at most 200")


router = APIRouter(prefix="/v1/keys", route_class=SecretRoute, dependencies=DESCRIBED_SECURITY, tags=["keys"])

KeyId = Annotated[str, Path(description="The key's id", examples=[CODE_ID], max_length=64)]
Reader = Annotated[Principal, Depends(Needs(KEYS_READ))]
Writer = Annotated[Principal, Depends(Needs(KEYS_WRITE))]


@router.post("", status_code=201, responses=problems(400, 401, 403, 413, 415, 422))
async def make_key(body: NewKeyInput, parts: Services, by: Writer, response: Response) -> KeyWithSecretView:
    """Make a key. Nobody gives a key more than he has himself; a key makes none that works from elsewhere, or longer, than itself."""
    asked = NewKey(body.name, frozenset(body.scopes), tuple(body.networks), moment_ms("expires_at", body.expires_at))
    made = await create_key(parts.identity.keys, parts.identity.ports, by, asked)
    await tell_of_new_key(parts.identity.people, by, made.key)
    response.headers["Location"] = f"{router.prefix}/{made.key.key_id}"
    return KeyWithSecretView.with_secret(made)


@router.get("", responses=problems(400, 401, 403))
async def show_keys(parts: Services, by: Reader) -> KeysView:
    """The account's keys; those that were revoked for 30 days more."""
    return KeysView(items=[KeyView.of(key) for key in await list_keys(parts.identity.keys, by)])


@router.get("/{key_id}", responses=problems(400, 401, 403, 404))
async def show_key(key_id: KeyId, parts: Services, by: Reader) -> KeyView:
    """One key."""
    return KeyView.of(await get_key(parts.identity.keys, by, key_id))


@router.patch("/{key_id}", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def alter_key(key_id: KeyId, body: KeyChangeInput, parts: Services, by: Writer) -> KeyView:
    """Change a key's name, scopes or networks; all replicas heed it within a second. A key can't change its own networks."""
    change = KeyChange(body.name, None if body.scopes is None else frozenset(body.scopes), body.networks)
    return KeyView.of(await change_key(parts.identity.keys, parts.identity.ports, by, key_id, change))


@router.post("/{key_id}/rotate", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def renew_key(key_id: KeyId, body: RotationInput, parts: Services, by: Writer) -> KeyWithSecretView:
    """Give a key another secret, while the one that it has works for a while longer."""
    identity = parts.identity
    return KeyWithSecretView.with_secret(
        await rotate_key(identity.accounts, identity.keys, identity.ports, by, key_id, grace_s=body.grace_s)
    )


@router.delete("/{key_id}", status_code=204, responses=problems(400, 401, 403, 404))
async def stop_key(key_id: KeyId, parts: Services, by: Writer) -> None:
    """Revoke a key for good; all replicas heed it within a second."""
    await revoke_key(parts.identity.accounts, parts.identity.keys, parts.identity.ports, by, key_id)


def _shown(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.key_id,
        "name": key.name,
        "shown": key.shown,
        "scopes": sorted(key.scopes),
        "networks": list(key.networks),
        "created_by": key.created_by,
        "created_at": rfc3339(key.created_at_ms),
        "expires_at": rfc3339_or_none(key.expires_at_ms),
        "last_used_at": rfc3339_or_none(key.last_used_at_ms),
        "revoked_at": rfc3339_or_none(key.revoked_at_ms),
        "old_secret_until": rfc3339_or_none(key.previous.until_ms if key.previous else None),
    }
