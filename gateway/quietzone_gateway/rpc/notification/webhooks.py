"""Endpoints of webhooks, and their secrets."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from quietzone.notification.v1 import delivery_pb2, webhook_pb2, webhook_pb2_grpc
from quietzone_gateway.rpc.notification.deliveries import Delivery, Header, delivery_of
from quietzone_gateway.rpc.notification.service import Service
from quietzone_kit.rpc import Caller


class WebhookState(StrEnum):
    """Whether an endpoint is sent to."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    """Why an endpoint is disabled."""

    OWNER = "owner"
    GONE = "gone"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Webhook:
    """An endpoint; fields as in `quietzone.notification.v1.Endpoint`, None where that has nothing."""

    id: str
    url: str
    description: str
    header_names: tuple[str, ...]
    state: WebhookState
    reason: DisabledReason | None
    disabled_at_ms: int | None
    failing_since_ms: int | None
    revision: int
    created_at_ms: int
    updated_at_ms: int


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """An endpoint that is to be made. Nobody prints what is secret: its headers, and a `secret` of the caller's own."""

    url: str
    description: str
    headers: tuple[Header, ...] = field(repr=False)
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebhookEdit:
    """What is to be another; None stays. `headers` come in the place of all that are there."""

    url: str | None
    description: str | None
    headers: tuple[Header, ...] | None = field(repr=False)
    state: WebhookState | None
    expected_revision: int | None


@dataclass(frozen=True, slots=True)
class OpenedWebhook:
    """An endpoint, and the secret that isn't told again."""

    webhook: Webhook
    secret: str = field(repr=False)


_STATES = {state: webhook_pb2.EndpointState.Value(f"ENDPOINT_STATE_{state.name}") for state in WebhookState}
_STATES_BY_NUMBER = {number: state for state, number in _STATES.items()}
_REASONS: dict[int, DisabledReason | None] = {
    webhook_pb2.DISABLED_REASON_UNSPECIFIED: None,
    **{webhook_pb2.DisabledReason.Value(f"DISABLED_REASON_{reason.name}"): reason for reason in DisabledReason},
}


class Webhooks:
    """A client of the service's endpoints; what each call raises stands in `webhook.proto`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @cached_property
    def _stub(self) -> "webhook_pb2_grpc.WebhookServiceAsyncStub":
        return webhook_pb2_grpc.WebhookServiceStub(self._service.channel)

    async def create(self, caller: Caller, new: NewWebhook) -> OpenedWebhook:
        """An endpoint, with its secret."""
        request = webhook_pb2.CreateEndpointRequest(
            url=new.url, description=new.description, headers=_headers(new.headers), secret=new.secret
        )
        response = await self._service.peer.call(self._stub.CreateEndpoint, request, caller=caller)
        return OpenedWebhook(_webhook(response.endpoint), response.secret)

    async def all(self, caller: Caller) -> tuple[Webhook, ...]:
        """All of the account, oldest first."""
        request = webhook_pb2.ListEndpointsRequest()
        response = await self._service.peer.call(self._stub.ListEndpoints, request, caller=caller, idempotent=True)
        return tuple(map(_webhook, response.endpoints))

    async def get(self, caller: Caller, webhook_id: str) -> Webhook:
        """One endpoint."""
        request = webhook_pb2.GetEndpointRequest(endpoint_id=webhook_id)
        return _webhook((await self._service.peer.call(self._stub.GetEndpoint, request, caller=caller, idempotent=True)).endpoint)

    async def change(self, caller: Caller, webhook_id: str, edit: WebhookEdit) -> Webhook:
        """An endpoint with what is to be another."""
        request = webhook_pb2.ChangeEndpointRequest(
            endpoint_id=webhook_id,
            url=edit.url,
            description=edit.description,
            headers=None if edit.headers is None else webhook_pb2.HeadersChange(headers=_headers(edit.headers)),
            state=None if edit.state is None else _STATES[edit.state],
            expected_revision=edit.expected_revision,
        )
        return _webhook((await self._service.peer.call(self._stub.ChangeEndpoint, request, caller=caller)).endpoint)

    async def rotate(self, caller: Caller, webhook_id: str, *, secret: str | None, overlap_ms: int | None) -> OpenedWebhook:
        """An endpoint with another secret; those before it sign too for the overlap, None: for a day."""
        request = webhook_pb2.RotateSecretRequest(endpoint_id=webhook_id, secret=secret, overlap_ms=overlap_ms)
        response = await self._service.peer.call(self._stub.RotateSecret, request, caller=caller)
        return OpenedWebhook(_webhook(response.endpoint), response.secret)

    async def delete(self, caller: Caller, webhook_id: str) -> None:
        """Take an endpoint away."""
        await self._service.peer.call(self._stub.DeleteEndpoint, webhook_pb2.DeleteEndpointRequest(endpoint_id=webhook_id), caller=caller)

    async def test(self, caller: Caller, webhook_id: str) -> Delivery:
        """Send a signed test event, once."""
        request = webhook_pb2.TestEndpointRequest(endpoint_id=webhook_id)
        return delivery_of((await self._service.peer.call(self._stub.TestEndpoint, request, caller=caller)).delivery)


def _headers(headers: Iterable[Header]) -> list[delivery_pb2.Header]:
    return [delivery_pb2.Header(name=each.name, value=each.value) for each in headers]


def _webhook(message: webhook_pb2.Endpoint) -> Webhook:
    return Webhook(
        id=message.id,
        url=message.url,
        description=message.description,
        header_names=tuple(message.header_names),
        state=_STATES_BY_NUMBER[message.state],
        reason=_REASONS[message.reason],
        disabled_at_ms=message.disabled_at_ms if message.HasField("disabled_at_ms") else None,
        failing_since_ms=message.failing_since_ms if message.HasField("failing_since_ms") else None,
        revision=message.revision,
        created_at_ms=message.created_at_ms,
        updated_at_ms=message.updated_at_ms,
    )
