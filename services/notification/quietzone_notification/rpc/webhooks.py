"""WebhookService: messages to use cases and back."""

# ruff: noqa: N802, ARG002 - the contract names the methods, gRPC their parameters

from collections.abc import Iterable, Mapping

from quietzone.notification.v1 import delivery_pb2, webhook_pb2, webhook_pb2_grpc
from quietzone_kit.errors import FailedPrecondition, FieldViolation, InvalidInput
from quietzone_kit.seal import CantOpen
from quietzone_notification.delivery.deliveries.use_cases import DeliveryDesk
from quietzone_notification.delivery.endpoints.domain import Endpoint, Reason, State
from quietzone_notification.delivery.endpoints.use_cases import DEFAULT_OVERLAP_MS, Change, Draft, EndpointDesk
from quietzone_notification.delivery.headers import Headers
from quietzone_notification.rpc.callers import account
from quietzone_notification.rpc.deliveries import with_attempts

_STATES: Mapping[State, "webhook_pb2.EndpointState.ValueType"] = {
    State.ENABLED: webhook_pb2.ENDPOINT_STATE_ENABLED,
    State.DISABLED: webhook_pb2.ENDPOINT_STATE_DISABLED,
}
_STATE_OF: Mapping[int, State] = {number: state for state, number in _STATES.items()}
_REASONS: Mapping[Reason | None, "webhook_pb2.DisabledReason.ValueType"] = {
    None: webhook_pb2.DISABLED_REASON_UNSPECIFIED,
    Reason.OWNER: webhook_pb2.DISABLED_REASON_OWNER,
    Reason.GONE: webhook_pb2.DISABLED_REASON_GONE,
    Reason.FAILED: webhook_pb2.DISABLED_REASON_FAILED,
}


class WebhookService(webhook_pb2_grpc.WebhookServiceServicer):
    """The errors of each method stand in the contract."""

    def __init__(self, desk: EndpointDesk, deliveries: DeliveryDesk) -> None:
        self._desk = desk
        self._deliveries = deliveries

    async def CreateEndpoint(self, request: webhook_pb2.CreateEndpointRequest, context: object) -> webhook_pb2.CreateEndpointResponse:
        """See the contract."""
        own = request.secret if request.HasField("secret") else None
        draft = Draft(request.url, request.description, _headers(request.headers), own)
        endpoint, secret = await self._desk.create(account(), draft)
        return webhook_pb2.CreateEndpointResponse(endpoint=_message(endpoint), secret=secret)

    async def ListEndpoints(self, request: webhook_pb2.ListEndpointsRequest, context: object) -> webhook_pb2.ListEndpointsResponse:
        """See the contract."""
        return webhook_pb2.ListEndpointsResponse(endpoints=map(_message, await self._desk.listed(account())))

    async def GetEndpoint(self, request: webhook_pb2.GetEndpointRequest, context: object) -> webhook_pb2.GetEndpointResponse:
        """See the contract."""
        return webhook_pb2.GetEndpointResponse(endpoint=_message(await self._desk.get(account(), request.endpoint_id)))

    async def ChangeEndpoint(self, request: webhook_pb2.ChangeEndpointRequest, context: object) -> webhook_pb2.ChangeEndpointResponse:
        """See the contract."""
        account_id = account()
        if request.HasField("state") and request.state not in _STATE_OF:
            raise InvalidInput(FieldViolation("state", "use ENABLED or DISABLED"))
        change = Change(
            url=request.url if request.HasField("url") else None,
            description=request.description if request.HasField("description") else None,
            headers=_headers(request.headers.headers) if request.HasField("headers") else None,
            state=_STATE_OF[request.state] if request.HasField("state") else None,
        )
        expected = request.expected_revision if request.HasField("expected_revision") else None
        after = await self._desk.change(account_id, request.endpoint_id, change, expected=expected)
        return webhook_pb2.ChangeEndpointResponse(endpoint=_message(after))

    async def RotateSecret(self, request: webhook_pb2.RotateSecretRequest, context: object) -> webhook_pb2.RotateSecretResponse:
        """See the contract."""
        own = request.secret if request.HasField("secret") else None
        overlap_ms = request.overlap_ms if request.HasField("overlap_ms") else DEFAULT_OVERLAP_MS
        try:
            endpoint, secret = await self._desk.rotate(account(), request.endpoint_id, secret=own, overlap_ms=overlap_ms)
        except CantOpen as error:
            raise FailedPrecondition(str(error)) from error
        return webhook_pb2.RotateSecretResponse(endpoint=_message(endpoint), secret=secret)

    async def DeleteEndpoint(self, request: webhook_pb2.DeleteEndpointRequest, context: object) -> webhook_pb2.DeleteEndpointResponse:
        """See the contract."""
        await self._desk.delete(account(), request.endpoint_id)
        return webhook_pb2.DeleteEndpointResponse()

    async def TestEndpoint(self, request: webhook_pb2.TestEndpointRequest, context: object) -> webhook_pb2.TestEndpointResponse:
        """See the contract."""
        delivery = await self._deliveries.test(account(), request.endpoint_id)
        return webhook_pb2.TestEndpointResponse(delivery=with_attempts(delivery))


def _headers(messages: Iterable[delivery_pb2.Header]) -> Headers:
    return tuple((header.name, header.value) for header in messages)


def _message(endpoint: Endpoint) -> webhook_pb2.Endpoint:
    """An endpoint without what is secret."""
    return webhook_pb2.Endpoint(
        id=endpoint.endpoint_id,
        url=endpoint.url,
        description=endpoint.description,
        header_names=endpoint.header_names,
        state=_STATES[endpoint.state],
        reason=_REASONS[endpoint.reason],
        disabled_at_ms=endpoint.disabled_ms,
        failing_since_ms=endpoint.failing_since_ms,
        revision=endpoint.revision,
        created_at_ms=endpoint.created_ms,
        updated_at_ms=endpoint.changed_ms,
    )
