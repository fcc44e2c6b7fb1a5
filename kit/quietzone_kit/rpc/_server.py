"""The server: what every call goes through before and after a part's own code."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, NoReturn, TypeAlias, TypeVar, cast

import grpc
from google.protobuf.message import Message

from quietzone_kit.bus import BusUnavailable
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.errors import DeadlineExceeded, QuietzoneError, Unavailable
from quietzone_kit.rpc import _access, _callers
from quietzone_kit.rpc._deadlines import DEFAULT_DEADLINE_S, deadline
from quietzone_kit.rpc._health import add_health
from quietzone_kit.rpc._metrics import SERVED, STREAMS_SERVED, UNDER_WAY
from quietzone_kit.rpc._status import DETAILS_KEY, status_code, to_details
from quietzone_kit.rpc._tls import Tls, is_local, server_credentials
from quietzone_kit.rpc._unknown_fields import refuse_unknown_fields
from quietzone_kit.rpc.settings import RpcSettings
from quietzone_kit.telemetry import SpanKind, exemplar, logger, span

log = logger(__name__)

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""A page of 1,000 codes with the longest URLs is 4 MB; that twice."""

MAX_STREAM_S = 3_700.0
"""For a stream whose caller gives no deadline: above the hour that the gateway keeps a client, and an end to forgotten ones."""

OPEN = frozenset({"grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch"})
"""Methods that anybody may call: probes have no caller."""

MAX_ERROR_CHARACTERS = 1_000
"""Of the plain message, which travels as an HTTP/2 header (8 KB in all); the details hold it whole."""

OUR_FAULT = "an error in this service: look for the trace id in its log"

# Quoted: only the stubs make these generic.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Behaviour: TypeAlias = "Callable[[Any, Context], Awaitable[Any]]"
Streaming: TypeAlias = "Callable[[Any, Context], AsyncGenerator[Any, None]]"
S = TypeVar("S")


class Server:
    """Serves services on one address: `host:port`, or `unix:/path/to/socket` (at most 107 bytes).

    Add services with `server.add(add_CodeServiceServicer_to_server, servicer)`; `not_ready` is `App.not_ready` and answers the health
    service. With `tls`, only who shows a certificate of its authority is let in, unless he comes by a Unix socket.
    """

    def __init__(
        self,
        address: str,
        keys: _callers.CallerKeys,
        settings: RpcSettings,
        *,
        not_ready: Callable[[], list[str]],
        tls: Tls | None = None,
    ) -> None:
        self._address = address
        self._tls = None if is_local(address) else tls
        self.port = 0
        """The port that was bound, for an address that ends in `:0`."""
        self._server = grpc.aio.server(
            interceptors=[_Interceptor(keys)],
            maximum_concurrent_rpcs=settings.rpc_max_concurrent,
            options=[
                ("grpc.so_reuseport", 0),  # a second server on the same port must fail, not share its calls
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_connection_age_ms", settings.rpc_max_connection_age_s * 1000),
                # Calls have deadlines of their own, and this cuts off streams: those end where they are, on the connection that was left.
                ("grpc.max_connection_age_grace_ms", int(MAX_STREAM_S * 1000)),
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),  # Peer pings each 10 s
            ],
        )
        add_health(self._server, not_ready)

    def add(self, add: Callable[[S, grpc.aio.Server], None], servicer: S) -> None:
        """Serve `servicer` too; `add` is the generated function `add_…Servicer_to_server`."""
        add(servicer, self._server)

    async def start(self) -> None:
        """Accept calls from now on.

        Raises:
            OSError: the address can't be listened on.
        """
        try:
            if self._tls is None:
                self.port = self._server.add_insecure_port(self._address)
            else:
                self.port = self._server.add_secure_port(self._address, server_credentials(self._tls))
        except RuntimeError as error:
            raise OSError(f"can't listen on {self._address}: taken by another process, or not an address of this machine") from error
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Accept nothing new, and return when calls under way have ended or `grace_s` is over."""
        await self._server.stop(grace_s)


class _Interceptor(grpc.aio.ServerInterceptor):
    """Wraps each method once, when it is called for the first time."""

    def __init__(self, keys: _callers.CallerKeys) -> None:
        self._keys = keys
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: "Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]]",
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """The handler that gRPC runs."""
        method = handler_call_details.method
        if method in self._wrapped:
            return self._wrapped[method]
        handler = await continuation(handler_call_details)
        wrapped = None if handler is None else self._around(method.removeprefix("/"), handler)
        if wrapped is None:
            return handler  # streams from clients (nobody has one) find no caller and so are refused where one is needed
        self._wrapped[method] = wrapped
        return wrapped

    def _around(self, method: str, handler: Handler) -> "Handler | None":
        coding = handler.request_deserializer, handler.response_serializer
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(self._around_call(method, cast("Behaviour", handler.unary_unary)), *coding)
        if handler.unary_stream is not None and method not in OPEN:
            return grpc.unary_stream_rpc_method_handler(self._around_stream(method, cast("Streaming", handler.unary_stream)), *coding)
        return None

    def _around_call(self, method: str, behaviour: Behaviour) -> Behaviour:
        scope = None if method in OPEN else _access.scope_of(method)

        async def answer(request: Message, context: Context) -> object:
            loop = asyncio.get_running_loop()
            started = loop.time()
            code = grpc.StatusCode.CANCELLED
            with UNDER_WAY.track_inprogress(), span(method, kind=SpanKind.SERVER, parent=_metadata(context, "traceparent")):
                try:
                    self._let_in(context, scope)
                    response = await self._call(behaviour, request, context)
                    code = grpc.StatusCode.OK
                    return response
                except QuietzoneError as error:
                    code = status_code(error)
                    return await _refuse(context, error)
                except Exception:
                    code = grpc.StatusCode.INTERNAL
                    log.exception("call failed", method=method)
                    return await context.abort(code, OUR_FAULT)
                finally:
                    SERVED.labels(method, code.name).observe(loop.time() - started, exemplar())

        return answer

    def _around_stream(self, method: str, behaviour: Streaming) -> Behaviour:
        """Written to the wire by itself and not handed on to gRPC: a stream that is cancelled has ended its generator when this returns."""
        scope = _access.scope_of(method)

        async def answer(request: Message, context: Context) -> None:
            code = grpc.StatusCode.CANCELLED
            with UNDER_WAY.track_inprogress(), span(method, kind=SpanKind.SERVER, parent=_metadata(context, "traceparent")):
                try:
                    self._let_in(context, scope)
                    await self._stream(behaviour, request, context)
                    code = grpc.StatusCode.OK
                except QuietzoneError as error:
                    code = status_code(error)
                    await _refuse(context, error)
                except Exception:
                    if context.cancelled():
                        return  # what was written came too late: nobody reads it
                    code = grpc.StatusCode.INTERNAL
                    log.exception("stream failed", method=method)
                    await context.abort(code, OUR_FAULT)
                finally:
                    STREAMS_SERVED.labels(method, code.name).inc()

        return answer

    def _let_in(self, context: Context, scope: str | None) -> None:
        signed = _metadata(context, _callers.METADATA_KEY)
        known = self._keys.verify(signed) if signed is not None else None
        if scope is not None:
            _access.check(known, scope)
        _callers.enter(known)

    async def _call(self, behaviour: Behaviour, request: Message, context: Context) -> object:
        refuse_unknown_fields(request)
        given_s = context.time_remaining()
        seconds = DEFAULT_DEADLINE_S if given_s is None else given_s
        try:
            with deadline(seconds), _standing():
                async with asyncio.timeout(seconds) as bound:
                    return await behaviour(request, context)
        except TimeoutError as error:
            if not bound.expired():
                raise
            raise DeadlineExceeded("no answer in the time that the caller gave") from error

    async def _stream(self, behaviour: Streaming, request: Message, context: Context) -> None:
        """Calls that a stream makes have deadlines of their own, not the stream's."""
        refuse_unknown_fields(request)
        given_s = context.time_remaining()
        try:
            with _standing():
                async with asyncio.timeout(MAX_STREAM_S if given_s is None else given_s) as bound:
                    async with aclosing(behaviour(request, context)) as told:
                        async for response in told:
                            await context.write(response)
        except TimeoutError as error:
            if not bound.expired():
                raise
            raise DeadlineExceeded("the stream has lasted as long as it may; begin another") from error


@contextmanager
def _standing() -> Iterator[None]:
    """What a service stands on may be away; raises Unavailable then."""
    try:
        yield
    except (DocumentsUnavailable, BusUnavailable) as error:
        log.warning("call refused: the store or the bus doesn't answer", reason=str(error))  # callers needn't know which, nor where
        raise Unavailable("what this service stands on doesn't answer; try again in a moment") from error


async def _refuse(context: Context, error: QuietzoneError) -> NoReturn:
    await context.abort(status_code(error), str(error)[:MAX_ERROR_CHARACTERS], ((DETAILS_KEY, to_details(error)),))


def _metadata(context: Context, name: str) -> str | None:
    for key, value in context.invocation_metadata() or ():
        if key == name:
            return value if isinstance(value, str) else None
    return None
