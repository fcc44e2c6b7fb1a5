"""Streams between a real client and a real server of gRPC, over a Unix socket."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import pytest
from contract.rpc.authority import Authority
from prometheus_client import REGISTRY

from quietzone.notification.v1 import event_service_pb2, event_service_pb2_grpc
from quietzone_kit.breaker import BreakerState
from quietzone_kit.bus import BusUnavailable
from quietzone_kit.errors import (
    DeadlineExceeded,
    FieldViolation,
    InvalidInput,
    PermissionDenied,
    QuietzoneError,
    Unauthenticated,
    Unavailable,
)
from quietzone_kit.rpc import Caller, CallerKeys, Peer, PeerFailed, RpcSettings, Server, Tls, caller, remaining
from quietzone_kit.runtime import SystemClock, SystemRandomness

Request: TypeAlias = event_service_pb2.TailEventsRequest
Response: TypeAlias = event_service_pb2.TailEventsResponse
ANNA = Caller("anna", frozenset({"codes:write"}), "user:1")
SETTINGS = RpcSettings(caller_key="k" * 32)
METHOD = "quietzone.notification.v1.EventService/TailEvents"


async def greet(_request: Request) -> AsyncGenerator[Response, None]:
    yield Response(event=f"hello {caller().account_id}")
    yield Response(event="bye")


@dataclass
class Service:
    """A service with one method, whose stream a test chooses."""

    tell: Callable[[Request], AsyncGenerator[Response, None]] = greet
    calls: int = 0
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def TailEvents(self, request: Request, _context: object) -> AsyncGenerator[Response, None]:  # noqa: N802 - the contract's
        self.calls += 1
        try:
            async with aclosing(self.tell(request)) as told:
                async for response in told:
                    yield response
        finally:
            self.ended.set()

    def __getattr__(self, name: str) -> object:
        if name[0].isupper():
            return None  # methods that nobody calls
        raise AttributeError(name)


@dataclass
class Wire:
    """A server and a client of it."""

    service: Service
    server: Server
    peer: Peer

    def stream(
        self, request: Request | None = None, *, known: Caller | None = ANNA, timeout_s: float = 5
    ) -> AsyncGenerator[Response, None]:
        stub = event_service_pb2_grpc.EventServiceStub(self.peer.channel)
        return self.peer.stream(stub.TailEvents, request or Request(), caller=known, timeout_s=timeout_s)

    async def events(self, **options: object) -> list[str]:
        return [response.event async for response in self.stream(**options)]  # type: ignore[arg-type]


def keys() -> CallerKeys:
    return CallerKeys(["k" * 32], SystemClock())


def counted(metric: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(metric, labels) or 0.0


@asynccontextmanager
async def wired(folder: Path, settings: RpcSettings = SETTINGS) -> AsyncIterator[Wire]:
    address, service = f"unix:{folder}/s", Service()
    server = Server(address, keys(), settings, not_ready=list)
    server.add(event_service_pb2_grpc.add_EventServiceServicer_to_server, service)  # type: ignore[arg-type]
    await server.start()
    peer = Peer("notification", address, keys(), clock=SystemClock(), randomness=SystemRandomness())
    try:
        yield Wire(service, server, peer)
    finally:
        await peer.close()
        await server.stop(0)


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    async with wired(tmp_path) as wire:
        yield wire


async def fail(error: Exception) -> AsyncGenerator[Response, None]:
    yield Response(event="first")
    raise error


async def hang(_request: Request) -> AsyncGenerator[Response, None]:
    yield Response(event="first")
    await asyncio.Event().wait()


async def test_what_the_service_yields_is_read_in_order_for_its_caller(wire: Wire) -> None:
    assert await wire.events() == ["hello anna", "bye"]


async def test_an_error_is_raised_as_itself_behind_what_came_before(wire: Wire) -> None:
    wire.service.tell = lambda _: fail(InvalidInput(FieldViolation("pattern", "no JSON")))
    told = wire.stream()

    first = await anext(told)

    with pytest.raises(InvalidInput) as caught:
        await anext(told)
    assert (first.event, caught.value.violations) == ("first", (FieldViolation("pattern", "no JSON"),))


async def test_a_bug_on_the_other_side_tells_nothing_of_its_inside(wire: Wire) -> None:
    wire.service.tell = lambda _: fail(LookupError("password: hunter2"))

    with pytest.raises(PeerFailed, match="INTERNAL") as caught:
        await wire.events()
    assert "hunter2" not in str(caught.value)


async def test_a_bus_that_refuses_is_unavailable_and_not_named(wire: Wire) -> None:
    wire.service.tell = lambda _: fail(BusUnavailable("/data/bus.db is locked"))

    with pytest.raises(Unavailable) as caught:
        await wire.events()
    assert "/data" not in str(caught.value)


@pytest.mark.parametrize(
    ("known", "refusal"),
    [(None, Unauthenticated), (Caller("anna", frozenset({"codes:read"})), PermissionDenied)],
    ids=["nobody", "no scope"],
)
async def test_who_may_not_is_refused_before_the_service_hears_of_it(
    wire: Wire, known: Caller | None, refusal: type[QuietzoneError]
) -> None:
    with pytest.raises(refusal):
        await wire.events(known=known)

    assert wire.service.calls == 0


async def test_a_request_with_unknown_fields_is_refused(wire: Wire) -> None:
    newer = event_service_pb2.EventEntry(id="x").SerializeToString()  # a field whose number the request hasn't

    with pytest.raises(InvalidInput, match="no such field"):
        await wire.events(request=Request.FromString(newer))
    assert wire.service.calls == 0


async def test_a_reader_who_has_enough_ends_the_stream_on_the_other_side(wire: Wire) -> None:
    wire.service.tell = hang

    async with aclosing(wire.stream()) as told:
        await anext(told)

    async with asyncio.timeout(5):
        await wire.service.ended.wait()


async def test_a_reader_who_is_cancelled_ends_the_stream_on_the_other_side(wire: Wire) -> None:
    wire.service.tell = hang
    reading = asyncio.Event()

    async def read() -> None:
        async with aclosing(wire.stream()) as told:
            async for _ in told:
                reading.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(read())
        await reading.wait()
        task.cancel()

    async with asyncio.timeout(5):
        await wire.service.ended.wait()


async def test_a_stream_lasts_as_long_as_its_reader_wants_and_no_longer(wire: Wire) -> None:
    wire.service.tell = hang

    with pytest.raises(DeadlineExceeded):
        await wire.events(timeout_s=0.1)


async def test_a_stream_outlives_the_age_of_its_connection(tmp_path: Path) -> None:
    """Its client calls on a new one meanwhile."""
    go_on = asyncio.Event()

    async def tell(_request: Request) -> AsyncGenerator[Response, None]:
        yield Response(event="first")
        await go_on.wait()
        yield Response(event="last")

    async with wired(tmp_path, SETTINGS.model_copy(update={"rpc_max_connection_age_s": 1})) as wire:
        wire.service.tell = tell
        async with aclosing(wire.stream(timeout_s=30)) as told:
            await anext(told)
            await asyncio.sleep(2.5)  # twice the age, whatever gRPC's own jitter makes of it
            go_on.set()

            assert (await anext(told)).event == "last"


async def test_what_a_stream_calls_has_no_deadline_of_the_streams(wire: Wire) -> None:
    async def tell(_request: Request) -> AsyncGenerator[Response, None]:
        yield Response(event=str(remaining()))

    wire.service.tell = tell

    assert await wire.events() == ["None"]


async def test_a_stream_that_is_taken_closes_the_breaker_and_one_that_breaks_off_does_not_open_it(wire: Wire) -> None:
    wire.service.tell = lambda _: fail(Unavailable("just now not"))
    for _ in range(10):
        with pytest.raises(Unavailable):
            await wire.events()

    assert wire.peer.breaker.state is BreakerState.CLOSED


async def test_a_peer_that_is_not_there_opens_the_breaker(tmp_path: Path) -> None:
    peer = Peer("notification", f"unix:{tmp_path}/nobody", keys(), clock=SystemClock(), randomness=SystemRandomness())
    stub = event_service_pb2_grpc.EventServiceStub(peer.channel)
    for _ in range(5):
        with pytest.raises(Unavailable, match="can't be reached"):
            await anext(peer.stream(stub.TailEvents, Request(), caller=ANNA))

    with pytest.raises(Unavailable, match="hasn't answered lately"):
        await anext(peer.stream(stub.TailEvents, Request(), caller=ANNA))
    await peer.close()


async def test_each_stream_is_counted_at_its_end_under_its_code(wire: Wire) -> None:
    labels = {"method": METHOD, "code": "OK"}
    before = counted("quietzone_rpc_server_streams_total", **labels)

    await wire.events()

    async with asyncio.timeout(10):  # the server counts once its last word is away
        while counted("quietzone_rpc_server_streams_total", **labels) == before:
            await asyncio.sleep(0.01)
    assert counted("quietzone_rpc_server_streams_total", **labels) == before + 1


async def test_a_stream_goes_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ours")

    def tls(name: str) -> Tls:
        files = authority.certificate(name)
        return Tls(files.cert, files.key, files.ca, SystemClock())

    server = Server("127.0.0.1:0", keys(), SETTINGS, not_ready=list, tls=tls("notification"))
    server.add(event_service_pb2_grpc.add_EventServiceServicer_to_server, Service())  # type: ignore[arg-type]
    await server.start()
    address = f"127.0.0.1:{server.port}"
    peer = Peer("notification", address, keys(), clock=SystemClock(), randomness=SystemRandomness(), tls=tls("gateway"))

    stub = event_service_pb2_grpc.EventServiceStub(peer.channel)
    told = [response.event async for response in peer.stream(stub.TailEvents, Request(), caller=ANNA)]

    await peer.close()
    await server.stop(0)
    assert told == ["hello anna", "bye"]


async def test_stopping_ends_streams_when_the_grace_is_over(wire: Wire) -> None:
    wire.service.tell = hang
    async with aclosing(wire.stream()) as told:
        await anext(told)

        await wire.server.stop(0.1)

        with pytest.raises(Unavailable):
            await anext(told)
