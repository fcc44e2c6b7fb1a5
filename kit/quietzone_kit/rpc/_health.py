"""The gRPC health protocol (https://github.com/grpc/grpc/blob/master/doc/health-checking.md), answered from the process's real state."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

WATCH_POLL_S = 0.25
"""Between looks at the state for a watcher; a client that balances load by health sees a drain within that."""


def add_health(server: grpc.aio.Server, not_ready: Callable[[], list[str]]) -> None:
    """Serve health on `server`: serving while `not_ready()` finds nothing."""
    health_pb2_grpc.add_HealthServicer_to_server(_Health(not_ready), server)


class _Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc] # a class without types
    """Every service of the process serves, or none does."""

    def __init__(self, not_ready: Callable[[], list[str]]) -> None:
        self._not_ready = not_ready

    async def Check(self, request: health_pb2.HealthCheckRequest, context: object) -> health_pb2.HealthCheckResponse:  # noqa: N802, ARG002 - the protocol's
        """Whether the process is ready now."""
        return self._response()

    async def Watch(  # noqa: N802 - the protocol's name
        self,
        request: health_pb2.HealthCheckRequest,  # noqa: ARG002 - one answer for all services
        context: "grpc.aio.ServicerContext[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse]",
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """The state now, and each change of it."""
        last: health_pb2.HealthCheckResponse | None = None
        while not context.cancelled():
            now = self._response()
            if now != last:
                yield now
            last = now
            await asyncio.sleep(WATCH_POLL_S)

    def _response(self) -> health_pb2.HealthCheckResponse:
        serving = health_pb2.HealthCheckResponse.NOT_SERVING if self._not_ready() else health_pb2.HealthCheckResponse.SERVING
        return health_pb2.HealthCheckResponse(status=serving)
