"""API keys of the account. Their changes have no Idempotency-Key: the server would have to keep answers that hold secrets."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from quietzone_client._inputs import When, given, written
from quietzone_client._models import Json, moment, unless_absent
from quietzone_client._requests import Call, Request, as_json, dumped, nothing, segment

JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Key:
    """A key, without its secret. `shown` is the secret's beginning; it is never used again once it is revoked or has expired."""

    id: str
    name: str
    shown: str
    scopes: frozenset[str]
    networks: tuple[str, ...]
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    old_secret_until: datetime | None

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(**_fields(item))


@dataclass(frozen=True, slots=True)
class NewKey(Key):
    """A key with its secret, which is told this once."""

    secret: str = field(repr=False)

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(secret=item["secret"], **_fields(item))


def make_key(name: str, scopes: Sequence[str], *, networks: Sequence[str], expires_at: When | None) -> Call[NewKey]:
    """Make a key."""
    body: dict[str, Any] = {"name": name, "scopes": list(scopes), "networks": list(networks)}
    if expires_at is not None:
        body["expires_at"] = written(expires_at)
    return Call(Request("POST", "/v1/keys", headers=JSON, content=dumped(body), takes_name=False), as_json(NewKey.of))


def list_keys() -> Call[tuple[Key, ...]]:
    """All keys."""
    return Call(Request("GET", "/v1/keys"), lambda answer: tuple(map(Key.of, answer.json()["items"])))


def get_key(key_id: str) -> Call[Key]:
    """One key."""
    return Call(Request("GET", _path(key_id)), as_json(Key.of))


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What to change of a key; what is None stays."""

    name: str | None
    scopes: Sequence[str] | None
    networks: Sequence[str] | None


def change_key(key_id: str, change: KeyChange) -> Call[Key]:
    """Change a key; twice is once."""
    request = Request("PATCH", _path(key_id), headers=JSON, content=dumped(given(change)), takes_name=False, is_idempotent=True)
    return Call(request, as_json(Key.of))


def rotate_key(key_id: str, *, grace_s: int) -> Call[NewKey]:
    """Give a key another secret."""
    body = dumped({"grace_s": grace_s})
    return Call(Request("POST", f"{_path(key_id)}/rotate", headers=JSON, content=body, takes_name=False), as_json(NewKey.of))


def revoke_key(key_id: str) -> Call[None]:
    """Revoke a key; twice is once."""
    return Call(Request("DELETE", _path(key_id), takes_name=False, is_idempotent=True), nothing)


def _path(key_id: str) -> str:
    return f"/v1/keys/{segment(key_id)}"


def _fields(item: Json) -> dict[str, Any]:
    return {
        "id": item["id"],
        "name": item["name"],
        "shown": item["shown"],
        "scopes": frozenset(item["scopes"]),
        "networks": tuple(item["networks"]),
        "created_by": item["created_by"],
        "created_at": moment(item["created_at"]),
        **{name: unless_absent(moment, item.get(name)) for name in ("expires_at", "last_used_at", "revoked_at", "old_secret_until")},
    }
