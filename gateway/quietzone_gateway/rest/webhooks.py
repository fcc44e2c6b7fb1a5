"""Webhooks: the account's endpoints, and their secrets."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from quietzone_gateway.identity.domain import CODES_READ, CODES_WRITE
from quietzone_gateway.rest.codes import revision_of
from quietzone_gateway.rest.deliveries import DeliveryWithAttemptsView
from quietzone_gateway.rest.description import problems, scoped
from quietzone_gateway.rest.etags import tag
from quietzone_gateway.rest.route import DESCRIBED_SECURITY, ApiRoute, CallerNow, SecretRoute, Services, known_id, names_of_the_api
from quietzone_gateway.rest.shapes import CODE_ID, Input, Text, Time
from quietzone_gateway.rest.times import rfc3339, rfc3339_or_none
from quietzone_gateway.rpc.notification import DisabledReason, NewWebhook, OpenedWebhook, Webhook, WebhookEdit, WebhookState
from quietzone_gateway.rpc.notification import Header as KnownHeader

MAX_HEADERS = 10
MAX_OVERLAP_S = 604_800
"""What the service lets secrets overlap at most: a week."""

NEW_WEBHOOK: dict[str, JsonValue] = {"url": "https://example.com/hook", "description": "The shop", "headers": {"X-Shop": "17"}}
WEBHOOK: dict[str, JsonValue] = {
    "id": CODE_ID,
    "url": "https://example.com/hook",
    "description": "The shop",
    "header_names": ["X-Shop"],
    "state": "enabled",
    "reason": None,
    "disabled_at": None,
    "failing_since": None,
    "revision": 1,
    "created_at": "2026-11-21T09:30:00.125Z",
    "updated_at": "2026-11-21T09:30:00.125Z",
}
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105 - Standard Webhooks' own example
OPENED: dict[str, JsonValue] = {**WEBHOOK, "secret": SECRET}
"""Examples; tests hold them against the models."""

_HEADERS = "By name: `Authorization`, `Api-Key`, or names that begin with `X-`; values are never shown"

OwnSecret = Annotated[Text | None, Field(description="Yours: `whsec_` and 24 to 64 bytes in base64; null: one is drawn", max_length=100)]


class NewWebhookInput(Input):
    """An endpoint to make."""

    model_config = ConfigDict(json_schema_extra={"examples": [NEW_WEBHOOK]})

    url: Text = Field(description="An http or https URL of the public internet", max_length=2048)
    description: Text = Field("", description="For people", max_length=200)
    headers: dict[Text, Text] = Field({}, description=_HEADERS, max_length=MAX_HEADERS)
    secret: OwnSecret = None

    def asked(self) -> NewWebhook:
        """What the service is asked for."""
        return NewWebhook(self.url, self.description, _headers(self.headers), self.secret)


class WebhookChangeInput(Input):
    """What to change; what is absent stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "enabled"}], "minProperties": 1})

    url: Text | None = Field(None, description="Where webhooks go from now on", max_length=2048)
    description: Text | None = Field(None, description="For people", max_length=200)
    headers: dict[Text, Text] | None = Field(
        None, description=f"In the place of those that it has; none takes them away. {_HEADERS}", max_length=MAX_HEADERS
    )
    state: WebhookState | None = Field(None, description="`disabled`: what is for it is dropped; `enabled` begins with a clean slate")

    @field_validator("url", "description", "headers", "state", mode="before")
    @classmethod
    def _no_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("null isn't a value for it; leave the field out to keep what it is")
        return value

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("nothing to change: give url, description, headers or state")
        return self

    def asked(self, *, expected_revision: int | None) -> WebhookEdit:
        """What the service is asked for."""
        headers = None if self.headers is None else _headers(self.headers)
        return WebhookEdit(self.url, self.description, headers, self.state, expected_revision)


class SecretRotationInput(Input):
    """How to change over to another secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"overlap_s": 3600}]})

    secret: OwnSecret = None
    overlap_s: int = Field(86_400, ge=0, le=MAX_OVERLAP_S, description="For how long the secrets before it sign too, in seconds")


class WebhookView(BaseModel):
    """Where an account's webhooks go."""

    model_config = ConfigDict(json_schema_extra={"examples": [WEBHOOK]})

    id: str
    url: str
    description: str
    header_names: list[str] = Field(description="Of headers of its own")
    state: WebhookState = Field(description="`disabled`: what is for it is dropped")
    reason: DisabledReason | None = Field(
        description="Why it is disabled: `owner`, somebody of the account; `gone`, it answered 410; `failed`, for 5 days"
    )
    disabled_at: Time | None
    failing_since: Time | None = Field(description="When the first of its latest failures was; null after a success")
    revision: int = Field(description="One more with each change by people, or when it is disabled; the ETag")
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        """As it is shown."""
        return cls(**_shown(webhook))


class WebhookWithSecretView(WebhookView):
    """An endpoint with its secret: this answer is the only one that has it."""

    model_config = ConfigDict(json_schema_extra={"examples": [OPENED]})

    secret: str = Field(description="What verifies its webhooks, by Standard Webhooks")

    @classmethod
    def with_secret(cls, opened: OpenedWebhook) -> Self:
        """As it is shown once."""
        return cls(secret=opened.secret, **_shown(opened.webhook))


class WebhooksView(BaseModel):
    """The account's endpoints."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [WEBHOOK]}]})

    items: list[WebhookView] = Field(description="Oldest first; at most 100")


router = APIRouter(prefix="/v1/webhooks", route_class=ApiRoute, dependencies=DESCRIBED_SECURITY, tags=["webhooks"])
secrets = APIRouter(prefix="/v1/webhooks", route_class=SecretRoute, dependencies=DESCRIBED_SECURITY, tags=["webhooks"])

ROUTERS = (secrets, router)

WebhookId = Annotated[str, Path(description="The endpoint's id", examples=[CODE_ID])]
IfMatch = Annotated[str | None, Header(description="Refuse the change unless this is the endpoint's ETag", examples=['"1"'])]

# The service's fields by the names that callers of the API know.
_NAMES = {"expected_revision": "If-Match", "overlap_ms": "overlap_s"}


@secrets.post("", status_code=201, responses=problems(400, 401, 403, 413, 415, 422), openapi_extra=scoped(CODES_WRITE))
async def create_webhook(body: NewWebhookInput, parts: Services, caller: CallerNow, response: Response) -> WebhookWithSecretView:
    """Make an endpoint. This answer is the only one that has its secret. An account has at most 100."""
    with names_of_the_api(_NAMES):
        opened = await parts.notification.webhooks.create(caller, body.asked())
    response.headers["Location"] = f"{router.prefix}/{opened.webhook.id}"
    response.headers["ETag"] = tag(opened.webhook.revision)
    return WebhookWithSecretView.with_secret(opened)


@router.get("", responses=problems(401, 403), openapi_extra=scoped(CODES_READ))
async def list_webhooks(parts: Services, caller: CallerNow) -> WebhooksView:
    """The account's endpoints."""
    return WebhooksView(items=list(map(WebhookView.of, await parts.notification.webhooks.all(caller))))


@router.get("/{webhook_id}", responses=problems(401, 403, 404), openapi_extra=scoped(CODES_READ))
async def get_webhook(webhook_id: WebhookId, parts: Services, caller: CallerNow, response: Response) -> WebhookView:
    """One endpoint."""
    webhook = await parts.notification.webhooks.get(caller, _known(webhook_id))
    response.headers["ETag"] = tag(webhook.revision)
    return WebhookView.of(webhook)


@router.patch("/{webhook_id}", responses=problems(400, 401, 403, 404, 412, 413, 415, 422), openapi_extra=scoped(CODES_WRITE))
async def change_webhook(
    webhook_id: WebhookId, body: WebhookChangeInput, parts: Services, caller: CallerNow, *, response: Response, if_match: IfMatch = None
) -> WebhookView:
    """Change an endpoint; it holds everywhere within 5 seconds."""
    with names_of_the_api(_NAMES):
        edit = body.asked(expected_revision=revision_of(if_match))
        webhook = await parts.notification.webhooks.change(caller, _known(webhook_id), edit)
    response.headers["ETag"] = tag(webhook.revision)
    return WebhookView.of(webhook)


@router.delete("/{webhook_id}", status_code=204, responses=problems(401, 403, 404), openapi_extra=scoped(CODES_WRITE))
async def delete_webhook(webhook_id: WebhookId, parts: Services, caller: CallerNow) -> None:
    """Take an endpoint away; what waits for it is dropped."""
    await parts.notification.webhooks.delete(caller, _known(webhook_id))


@secrets.post("/{webhook_id}/secret", responses=problems(400, 401, 403, 404, 413, 415, 422), openapi_extra=scoped(CODES_WRITE))
async def rotate_secret(
    webhook_id: WebhookId, body: SecretRotationInput, parts: Services, caller: CallerNow, response: Response
) -> WebhookWithSecretView:
    """Give an endpoint another secret, which only this answer has; those before it sign too for a while."""
    with names_of_the_api(_NAMES):
        opened = await parts.notification.webhooks.rotate(caller, _known(webhook_id), secret=body.secret, overlap_ms=body.overlap_s * 1000)
    response.headers["ETag"] = tag(opened.webhook.revision)
    return WebhookWithSecretView.with_secret(opened)


@router.post("/{webhook_id}/test", status_code=202, responses=problems(401, 403, 404, 422), openapi_extra=scoped(CODES_WRITE))
async def test_webhook(webhook_id: WebhookId, parts: Services, caller: CallerNow, response: Response) -> DeliveryWithAttemptsView:
    """Send a signed test event, once. Look at the address in `Location` for what became of it."""
    delivery = await parts.notification.webhooks.test(caller, _known(webhook_id))
    response.headers["Location"] = f"/v1/deliveries/{delivery.id}"
    return DeliveryWithAttemptsView.of(delivery)


def _known(webhook_id: str) -> str:
    return known_id(webhook_id, "webhook endpoint")


def _headers(given: dict[str, str]) -> tuple[KnownHeader, ...]:
    return tuple(KnownHeader(name, value) for name, value in given.items())


def _shown(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "description": webhook.description,
        "header_names": list(webhook.header_names),
        "state": webhook.state,
        "reason": webhook.reason,
        "disabled_at": rfc3339_or_none(webhook.disabled_at_ms),
        "failing_since": rfc3339_or_none(webhook.failing_since_ms),
        "revision": webhook.revision,
        "created_at": rfc3339(webhook.created_at_ms),
        "updated_at": rfc3339(webhook.updated_at_ms),
    }
