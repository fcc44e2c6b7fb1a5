"""The client: one `Peer` per service that is called."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar, cast

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2  # type: ignore[import-untyped]

from quietzone_kit.breaker import Breaker, BreakerState
from quietzone_kit.errors import Unavailable
from quietzone_kit.rpc import _callers
from quietzone_kit.rpc._callers import METADATA_KEY, Caller, CallerKeys
from quietzone_kit.rpc._channel import ReloadingChannel
from quietzone_kit.rpc._deadlines import DEFAULT_DEADLINE_S, remaining
from quietzone_kit.rpc._metrics import BREAKER_OPEN, CALLED, RETRIED, STREAMS_CALLED
from quietzone_kit.rpc._server import MAX_MESSAGE_BYTES, MAX_STREAM_S
from quietzone_kit.rpc._status import from_transport, told_by_peer
from quietzone_kit.rpc._tls import Tls, is_local
from quietzone_kit.runtime import Clock, Randomness
from quietzone_kit.telemetry import SpanKind, exemplar, span, traceparent

ATTEMPTS = 3
"""Of an idempotent call: a peer that restarts behind a Service is replaced by another within two."""

BACKOFF_S = 0.05
"""Doubled with each attempt and drawn with full jitter
(https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)."""

CHECK_S = 5.0
"""For the connection and the answer to one `Peer.check`: a pod that has just come has a name within a second or two."""

OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.service_config_disable_resolution", 1),  # retries are made here and nowhere else
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),  # which is how long an attempt to connect may take: 100 ms are too few on a busy machine
    ("grpc.max_reconnect_backoff_ms", 1_000),  # gRPC's default of 120 s would outlast every restart
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),  # its 30 s too: a rollout replaces all addresses within that time
)

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)


class PeerFailed(Exception):
    """The peer answered with what only a bug explains; its log says more under the same trace id."""


class Peer:
    """A service that is called: `host:port`, `dns:///name:port` (all addresses in turn), or `unix:/path`.

    Stubs are made once, with `channel`. It reconnects by itself; made inside a running event loop. With `tls` it shows its certificate and
    sees that the other side has one for the name in `address`, unless that is a Unix socket.
    """

    def __init__(self, name: str, address: str, keys: CallerKeys, *, clock: Clock, randomness: Randomness, tls: Tls | None = None) -> None:
        self.name = name
        self.breaker = Breaker(name, clock)
        self._address = address
        self._keys = keys
        self._randomness = randomness
        self._reloading = None
        if tls is None or is_local(address):
            self.channel = grpc.aio.insecure_channel(address, options=OPTIONS)
        else:
            self._reloading = ReloadingChannel(lambda credentials: grpc.aio.secure_channel(address, credentials, OPTIONS), tls, clock)
            self.channel = cast("grpc.aio.Channel", self._reloading)
        self._health = self.channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )

    async def call(
        self,
        method: "grpc.aio.UnaryUnaryMultiCallable[Request, Response]",
        request: Request,
        *,
        caller: Caller | None = None,
        idempotent: bool = False,
        timeout_s: float = DEFAULT_DEADLINE_S,
    ) -> Response:
        """Call `method` for `caller` (by default whoever the current call is made for), within `timeout_s` and the deadline in force.

        An idempotent call is made again, up to 3 times in all, when the peer isn't there.

        Raises:
            QuietzoneError: what the peer raised; Unavailable or DeadlineExceeded when it gave no answer.
            PeerFailed: the peer has a bug.
        """
        if self._reloading is not None:
            await self._reloading.refresh()
        left_s = remaining()
        until = asyncio.get_running_loop().time() + (timeout_s if left_s is None else min(timeout_s, left_s))
        known = caller or _callers.current()
        attempts = ATTEMPTS if idempotent else 1
        for attempt in range(1, attempts + 1):
            try:
                return await self._attempt(method, request, known, until)
            except Unavailable:
                pause_s = self._randomness.uniform(0, BACKOFF_S * 2**attempt)
                if attempt == attempts or asyncio.get_running_loop().time() + pause_s >= until:
                    raise
                RETRIED.labels(self.name).inc()
                await asyncio.sleep(pause_s)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def stream(
        self,
        method: "grpc.aio.UnaryStreamMultiCallable[Request, Response]",
        request: Request,
        *,
        caller: Caller | None = None,
        timeout_s: float = MAX_STREAM_S,
    ) -> AsyncGenerator[Response, None]:
        """What `method` tells `caller`, until it has told all, `timeout_s` is over, or the reader closes the generator (`aclosing`).

        The deadline in force is none for it. It is never begun again: who reads knows what it may have missed. A peer that takes a stream
        says something at once, so that the breaker knows it is there.

        Raises:
            QuietzoneError: what the peer raised; Unavailable when it isn't there or breaks off, DeadlineExceeded after `timeout_s`.
            PeerFailed: the peer has a bug.
        """
        if self._reloading is not None:
            await self._reloading.refresh()
        name = _method_name(request)
        code, has_answered = grpc.StatusCode.CANCELLED, False
        self.breaker.admit()
        call = method(request, timeout=timeout_s, metadata=self._metadata(caller or _callers.current()))
        try:
            async for response in call:
                if not has_answered:
                    has_answered = True
                    self.breaker.succeeded()
                yield response
            code = grpc.StatusCode.OK
        except grpc.aio.AioRpcError as failure:
            code = failure.code()
            if has_answered:  # the breaker has heard of it
                raise self._meaning(name, failure) from failure
            has_answered = True
            raise self._told(name, failure) from failure
        finally:
            call.cancel()
            if not has_answered:
                self.breaker.abandoned()
            STREAMS_CALLED.labels(self.name, name, code.name).inc()
            BREAKER_OPEN.labels(self.name).set(self.breaker.state is not BreakerState.CLOSED)

    async def check(self) -> str:
        """See that the peer is there and ready; waits for it for up to CHECK_S, whatever the breaker says.

        Raises:
            Unavailable: it isn't, with what gRPC says of it.
        """
        if self._reloading is not None:
            await self._reloading.refresh()
        try:
            try:
                answer = await self._health(health_pb2.HealthCheckRequest(), timeout=CHECK_S, wait_for_ready=True)
            except grpc.aio.AioRpcError:  # one that waits doesn't say what it has waited for
                answer = await self._health(health_pb2.HealthCheckRequest(), timeout=CHECK_S)
        except grpc.aio.AioRpcError as failure:
            raise Unavailable(f"{self.name} at {self._address} gives no answer ({failure.details()})") from failure
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise Unavailable(f"{self.name} at {self._address} answers, and isn't ready yet")
        return "answers, and is ready"

    async def close(self) -> None:
        """Let go of the connections."""
        await self.channel.close()

    async def _attempt(
        self, method: "grpc.aio.UnaryUnaryMultiCallable[Request, Response]", request: Request, caller: Caller | None, until: float
    ) -> Response:
        loop = asyncio.get_running_loop()
        name = _method_name(request)
        started = loop.time()
        code = grpc.StatusCode.CANCELLED
        self.breaker.admit()
        try:
            with span(name, kind=SpanKind.CLIENT):
                response = await method(request, timeout=max(0.0, until - started), metadata=self._metadata(caller))
            code = grpc.StatusCode.OK
            self.breaker.succeeded()
        except grpc.aio.AioRpcError as failure:
            code = failure.code()
            raise self._told(name, failure) from failure
        except asyncio.CancelledError:
            self.breaker.abandoned()
            raise
        finally:
            CALLED.labels(self.name, name, code.name).observe(loop.time() - started, exemplar())
            BREAKER_OPEN.labels(self.name).set(self.breaker.state is not BreakerState.CLOSED)
        return response

    def _told(self, method: str, failure: grpc.aio.AioRpcError) -> Exception:
        """What to raise for a failed call; only silence counts against the peer."""
        if told_by_peer(failure) is None and from_transport(failure, self.name) is not None:
            self.breaker.failed()
        else:
            self.breaker.succeeded()
        return self._meaning(method, failure)

    def _meaning(self, method: str, failure: grpc.aio.AioRpcError) -> Exception:
        known = told_by_peer(failure) or from_transport(failure, self.name)
        return known or PeerFailed(f"{method}: {self.name} answered {failure.code().name}: {failure.details()}")

    def _metadata(self, caller: Caller | None) -> tuple[tuple[str, str], ...]:
        context = traceparent()
        metadata = (("traceparent", context),) if context is not None else ()
        return metadata if caller is None else (*metadata, (METADATA_KEY, self._keys.sign(caller)))


def _method_name(request: Message) -> str:
    """`quietzone.qr.v1.CodeService/GetCode` isn't known here, but each method has its own request (buf lint holds it)."""
    descriptor = request.DESCRIPTOR
    return f"{descriptor.file.package}/{descriptor.name.removesuffix('Request')}"
