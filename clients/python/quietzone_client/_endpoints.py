"""Where webhooks go: endpoints and their secrets. What makes a secret has no Idempotency-Key: the server would have to keep the secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from quietzone_client._deliveries import Delivery
from quietzone_client._events import JSON
from quietzone_client._models import Json, OpenEnum, moment, unless_absent
from quietzone_client._requests import Call, Request, as_json, dumped, if_match, nothing, segment


class EndpointState(OpenEnum):
    """Whether an endpoint is sent to; what is for one that is disabled is dropped."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DisabledReason(OpenEnum):
    """Why an endpoint is disabled: by somebody of the account, by its answer 410, or because it failed for 5 days."""

    OWNER = "owner"
    GONE = "gone"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an account's webhooks go.

    Attributes:
        id: Rules and subscriptions name it as their destination.
        url: Where it is.
        description: For people.
        header_names: Of headers of its own; their values are never shown.
        state: Whether it is sent to.
        reason: Why it is disabled.
        disabled_at: Since when it is.
        failing_since: When the first of its latest failures was; None after a success.
        revision: One more with each change by people, or when it is disabled.
        created_at: When it was made.
        updated_at: When it was changed last.
    """

    id: str
    url: str
    description: str
    header_names: tuple[str, ...]
    state: EndpointState
    reason: DisabledReason | None
    disabled_at: datetime | None
    failing_since: datetime | None
    revision: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(**_fields(item))


@dataclass(frozen=True, slots=True)
class NewEndpoint(Endpoint):
    """An endpoint with its secret, which is told this once; `quietzone_client.webhooks.verify` takes it."""

    secret: str = field(repr=False)

    @classmethod
    def of(cls, item: Json) -> Self:
        """As the API shows it."""
        return cls(secret=item["secret"], **_fields(item))


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """What to change of an endpoint; what is None stays."""

    url: str | None
    description: str | None
    headers: Mapping[str, str] | None
    state: str | None

    def body(self) -> dict[str, Any]:
        """As the API takes it."""
        headers = None if self.headers is None else dict(self.headers)
        wanted = {"url": self.url, "description": self.description, "headers": headers, "state": self.state}
        return {name: value for name, value in wanted.items() if value is not None}


def create_endpoint(url: str, *, description: str, headers: Mapping[str, str], secret: str | None) -> Call[NewEndpoint]:
    """Make an endpoint."""
    body = {"url": url, "description": description, "headers": dict(headers)} | _own(secret)
    return Call(Request("POST", "/v1/webhooks", headers=JSON, content=dumped(body), takes_name=False), as_json(NewEndpoint.of))


def list_endpoints() -> Call[tuple[Endpoint, ...]]:
    """All endpoints."""
    return Call(Request("GET", "/v1/webhooks"), as_json(lambda item: tuple(map(Endpoint.of, item["items"]))))


def get_endpoint(endpoint_id: str) -> Call[Endpoint]:
    """One endpoint."""
    return Call(Request("GET", _path(endpoint_id)), as_json(Endpoint.of))


def change_endpoint(endpoint_id: str, change: EndpointChange, *, revision: int | None) -> Call[Endpoint]:
    """Change an endpoint."""
    return Call(if_match(Request("PATCH", _path(endpoint_id), headers=JSON, content=dumped(change.body())), revision), as_json(Endpoint.of))


def delete_endpoint(endpoint_id: str) -> Call[None]:
    """Take an endpoint away."""
    return Call(Request("DELETE", _path(endpoint_id)), nothing, gone_is_done=True)


def rotate_secret(endpoint_id: str, *, secret: str | None, overlap_s: int) -> Call[NewEndpoint]:
    """Give an endpoint another secret."""
    body = dumped({"overlap_s": overlap_s} | _own(secret))
    return Call(Request("POST", f"{_path(endpoint_id)}/secret", headers=JSON, content=body, takes_name=False), as_json(NewEndpoint.of))


def send_test(endpoint_id: str) -> Call[Delivery]:
    """Send a test event."""
    return Call(Request("POST", f"{_path(endpoint_id)}/test"), as_json(Delivery.of))


def _path(endpoint_id: str) -> str:
    return f"/v1/webhooks/{segment(endpoint_id)}"


def _own(secret: str | None) -> dict[str, Any]:
    return {} if secret is None else {"secret": secret}


def _fields(item: Json) -> dict[str, Any]:
    return {
        "id": item["id"],
        "url": item["url"],
        "description": item["description"],
        "header_names": tuple(item["header_names"]),
        "state": EndpointState(item["state"]),
        "reason": unless_absent(DisabledReason, item["reason"]),
        "disabled_at": unless_absent(moment, item["disabled_at"]),
        "failing_since": unless_absent(moment, item["failing_since"]),
        "revision": item["revision"],
        "created_at": moment(item["created_at"]),
        "updated_at": moment(item["updated_at"]),
    }
