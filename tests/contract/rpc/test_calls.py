"""Calls between a real client and a real server of gRPC, over a Unix socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from quietzone.qr.v1 import code_pb2, code_service_pb2, code_service_pb2_grpc
from quietzone_kit.breaker import BreakerState
from quietzone_kit.bus import BusUnavailable
from quietzone_kit.documents import DocumentsUnavailable
from quietzone_kit.errors import DeadlineExceeded, FieldViolation, InvalidInput, NotFound, PermissionDenied, Unauthenticated, Unavailable
from quietzone_kit.rpc import Caller, CallerKeys, Peer, PeerFailed, RpcSettings, Server, caller, deadline, remaining
from quietzone_kit.runtime import SystemClock, SystemRandomness
from quietzone_kit.telemetry import configure_traces

ANNA = Caller("anna", frozenset({"codes:read"}), "user:1")
SETTINGS = RpcSettings(caller_key="k" * 32)
Answer = Callable[[code_service_pb2.GetCodeRequest], Awaitable[code_service_pb2.GetCodeResponse]]


async def greet(_request: code_service_pb2.GetCodeRequest) -> code_service_pb2.GetCodeResponse:
    return code_service_pb2.GetCodeResponse(code=code_pb2.Code(title=f"hello {caller().account_id}"))


@dataclass
class Service:
    """A service with one method, whose answers a test chooses."""

    answer: Answer = greet
    calls: int = 0

    async def GetCode(self, request: code_service_pb2.GetCodeRequest, _context: object) -> code_service_pb2.GetCodeResponse:  # noqa: N802
        self.calls += 1
        return await self.answer(request)

    def __getattr__(self, name: str) -> object:
        if name[0].isupper():
            return None  # methods that nobody calls
        raise AttributeError(name)


@dataclass
class Wire:
    """A server and a client of it."""

    address: str
    service: Service
    peer: Peer
    missing: list[str] = field(default_factory=list)
    server: Server | None = None

    async def get(self, **options: object) -> str:
        stub = code_service_pb2_grpc.CodeServiceStub(self.peer.channel)
        request = code_service_pb2.GetCodeRequest(code_id="c1")
        options = {"caller": ANNA, **options}
        return (await self.peer.call(stub.GetCode, request, **options)).code.title  # type: ignore[arg-type]

    async def start(self, settings: RpcSettings = SETTINGS) -> None:
        self.server = Server(self.address, keys(), settings, not_ready=lambda: self.missing)
        self.server.add(code_service_pb2_grpc.add_CodeServiceServicer_to_server, self.service)  # type: ignore[arg-type]
        await self.server.start()

    async def stop(self) -> None:
        if self.server is not None:
            await self.server.stop(0)


def count(metric: str, labels: dict[str, str]) -> float:
    """How many values a histogram has seen."""
    return REGISTRY.get_sample_value(f"{metric}_count", labels) or 0.0


def keys(key: str = "k" * 32) -> CallerKeys:
    return CallerKeys([key], SystemClock())


@asynccontextmanager
async def wired(folder: Path) -> AsyncIterator[Wire]:
    address = f"unix:{folder}/s"
    wire = Wire(address, Service(), Peer("qr", address, keys(), clock=SystemClock(), randomness=SystemRandomness()))
    try:
        yield wire
    finally:
        await wire.peer.close()
        await wire.stop()


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    async with wired(tmp_path) as wire:
        await wire.start()
        yield wire


async def test_the_caller_is_known_on_the_other_side(wire: Wire) -> None:
    assert await wire.get() == "hello anna"


async def test_an_error_is_raised_as_itself_on_this_side(wire: Wire) -> None:
    async def fail(_request: object) -> code_service_pb2.GetCodeResponse:
        raise InvalidInput(FieldViolation("titel", "zu groß"), FieldViolation("slug", "taken"))

    wire.service.answer = fail

    with pytest.raises(InvalidInput) as caught:
        await wire.get()
    assert caught.value.violations == (FieldViolation("titel", "zu groß"), FieldViolation("slug", "taken"))


async def test_a_bug_on_the_other_side_tells_nothing_of_its_inside(wire: Wire) -> None:
    async def fail(_request: object) -> code_service_pb2.GetCodeResponse:
        raise LookupError("password: hunter2")

    wire.service.answer = fail

    with pytest.raises(PeerFailed, match="INTERNAL") as caught:
        await wire.get()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("refusal", [DocumentsUnavailable("/data/qr.db: the disk is full"), BusUnavailable("/data/bus.db is locked")])
async def test_a_store_or_bus_that_refuses_is_unavailable_and_not_named(wire: Wire, refusal: Exception) -> None:
    async def fail(_request: object) -> code_service_pb2.GetCodeResponse:
        raise refusal

    wire.service.answer = fail

    with pytest.raises(Unavailable) as caught:
        await wire.get()
    assert "/data" not in str(caught.value)


async def test_without_a_caller_the_call_is_refused_where_one_is_needed(wire: Wire) -> None:
    with pytest.raises(Unauthenticated):
        await wire.get(caller=None)


async def test_a_caller_without_the_scope_of_the_contract_is_refused_before_the_service_hears_of_it(wire: Wire) -> None:
    with pytest.raises(PermissionDenied, match="codes:read"):
        await wire.get(caller=Caller("anna", frozenset({"codes:write"})))

    assert wire.service.calls == 0


async def test_a_forged_caller_is_refused(wire: Wire) -> None:
    stranger = Peer("qr", wire.address, keys("x" * 32), clock=SystemClock(), randomness=SystemRandomness())
    stub = code_service_pb2_grpc.CodeServiceStub(stranger.channel)

    with pytest.raises(Unauthenticated):
        await stranger.call(stub.GetCode, code_service_pb2.GetCodeRequest(), caller=ANNA)
    await stranger.close()


async def test_a_request_with_unknown_fields_is_refused(wire: Wire) -> None:
    newer = code_service_pb2.UpdateCodeRequest(code_id="c1", title="x").SerializeToString()
    stub = code_service_pb2_grpc.CodeServiceStub(wire.peer.channel)

    with pytest.raises(InvalidInput, match="no such field"):
        await wire.peer.call(stub.GetCode, code_service_pb2.GetCodeRequest.FromString(newer), caller=ANNA)
    assert wire.service.calls == 0


async def test_a_call_that_takes_too_long_ends_with_its_deadline(wire: Wire) -> None:
    async def hang(_request: object) -> code_service_pb2.GetCodeResponse:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    wire.service.answer = hang

    with pytest.raises(DeadlineExceeded):
        await wire.get(timeout_s=0.05)


async def test_what_is_left_of_the_callers_deadline_is_passed_on(wire: Wire) -> None:
    async def tell(_request: object) -> code_service_pb2.GetCodeResponse:
        return code_service_pb2.GetCodeResponse(code=code_pb2.Code(title=str(remaining())))

    wire.service.answer = tell

    with deadline(0.5):
        left_s = float(await wire.get(timeout_s=5))

    assert 0 < left_s < 1  # gRPC rounds up a little; without a deadline it would be 5


async def test_a_call_without_a_deadline_gets_5_seconds(wire: Wire) -> None:
    async def tell(_request: object) -> code_service_pb2.GetCodeResponse:
        return code_service_pb2.GetCodeResponse(code=code_pb2.Code(title=str(remaining())))

    wire.service.answer = tell
    stub = code_service_pb2_grpc.CodeServiceStub(wire.peer.channel)

    response = await stub.GetCode(code_service_pb2.GetCodeRequest(), metadata=[("quietzone-caller", keys().sign(ANNA))])

    assert 4 < float(response.code.title) <= 5


async def test_an_idempotent_call_is_made_again_when_the_peer_is_not_there(wire: Wire) -> None:
    async def fail_once(request: code_service_pb2.GetCodeRequest) -> code_service_pb2.GetCodeResponse:
        if wire.service.calls == 1:
            raise Unavailable("just now not")
        return await greet(request)

    wire.service.answer = fail_once

    assert await wire.get(idempotent=True) == "hello anna"


async def test_a_call_that_changes_something_is_never_made_again(wire: Wire) -> None:
    async def fail(_request: object) -> code_service_pb2.GetCodeResponse:
        raise Unavailable("just now not")

    wire.service.answer = fail

    with pytest.raises(Unavailable):
        await wire.get()
    assert wire.service.calls == 1


async def test_an_idempotent_call_is_not_made_again_for_another_error(wire: Wire) -> None:
    async def fail(_request: object) -> code_service_pb2.GetCodeResponse:
        raise NotFound("no such code")

    wire.service.answer = fail

    with pytest.raises(NotFound):
        await wire.get(idempotent=True)
    assert wire.service.calls == 1


async def test_a_peer_that_says_unavailable_itself_does_not_open_the_breaker(wire: Wire) -> None:
    async def fail(_request: object) -> code_service_pb2.GetCodeResponse:
        raise Unavailable("too many events wait")

    wire.service.answer = fail
    for _ in range(10):
        with pytest.raises(Unavailable):
            await wire.get()

    assert wire.peer.breaker.state is BreakerState.CLOSED


async def test_a_peer_that_is_gone_opens_the_breaker(tmp_path: Path) -> None:
    async with wired(tmp_path) as wire:
        for _ in range(5):
            with pytest.raises(Unavailable, match="can't be reached"):
                await wire.get()

        with pytest.raises(Unavailable, match="hasn't answered lately"):
            await wire.get()


async def test_a_peer_that_comes_back_is_called_again(tmp_path: Path) -> None:
    async with wired(tmp_path) as wire:
        with pytest.raises(Unavailable):
            await wire.get()
        await wire.start()

        async with asyncio.timeout(5):
            while True:
                try:
                    said = await wire.get()
                except Unavailable:
                    continue
                break

        assert said == "hello anna"


async def test_a_second_server_on_the_same_port_is_refused() -> None:
    first = Server("127.0.0.1:0", keys(), SETTINGS, not_ready=list)
    await first.start()

    with pytest.raises(OSError, match="can't listen on"):
        await Server(f"127.0.0.1:{first.port}", keys(), SETTINGS, not_ready=list).start()
    await first.stop(0)


async def test_more_calls_at_once_than_the_bound_are_to_be_made_again(tmp_path: Path) -> None:
    called, go_on = asyncio.Event(), asyncio.Event()

    async def wait(request: code_service_pb2.GetCodeRequest) -> code_service_pb2.GetCodeResponse:
        called.set()
        await go_on.wait()
        return await greet(request)

    async with wired(tmp_path) as wire:
        wire.service.answer = wait
        await wire.start(SETTINGS.model_copy(update={"rpc_max_concurrent": 1}))
        async with asyncio.TaskGroup() as group:
            first = group.create_task(wire.get())
            await called.wait()
            with pytest.raises(Unavailable, match="too much to do"):
                await wire.get()
            go_on.set()

    assert first.result() == "hello anna"


async def test_each_answer_is_measured_under_its_code(wire: Wire) -> None:
    async def fail(_request: object) -> code_service_pb2.GetCodeResponse:
        raise NotFound("no such code")

    wire.service.answer = fail
    served = {"method": "quietzone.qr.v1.CodeService/GetCode", "code": "NOT_FOUND"}
    called = {"peer": "qr", "method": "quietzone.qr.v1/GetCode", "code": "NOT_FOUND"}
    before = (count("quietzone_rpc_server_seconds", served), count("quietzone_rpc_client_seconds", called))

    with pytest.raises(NotFound):
        await wire.get()

    async with asyncio.timeout(10):  # the server measures once its answer is away
        while count("quietzone_rpc_server_seconds", served) == before[0]:
            await asyncio.sleep(0.01)
    after = (count("quietzone_rpc_server_seconds", served), count("quietzone_rpc_client_seconds", called))
    assert after == (before[0] + 1, before[1] + 1)


async def test_stopping_lets_calls_under_way_end(wire: Wire) -> None:
    called, go_on = asyncio.Event(), asyncio.Event()

    async def wait(request: code_service_pb2.GetCodeRequest) -> code_service_pb2.GetCodeResponse:
        called.set()
        await go_on.wait()
        return await greet(request)

    wire.service.answer = wait
    assert wire.server is not None

    async with asyncio.TaskGroup() as group:
        calling = group.create_task(wire.get())
        await called.wait()
        stopping = group.create_task(wire.server.stop(5))
        await asyncio.sleep(0)
        go_on.set()
        await stopping

    assert calling.result() == "hello anna"


@pytest.mark.parametrize("service", ["", "quietzone.qr.v1.CodeService"])
async def test_health_is_the_state_of_the_process(wire: Wire, service: str) -> None:
    stub = health_pb2_grpc.HealthStub(wire.peer.channel)

    before = await stub.Check(health_pb2.HealthCheckRequest(service=service))
    wire.missing.append("process: draining")
    after = await stub.Check(health_pb2.HealthCheckRequest(service=service))

    assert (before.status, after.status) == (health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING)


async def test_a_watcher_of_health_hears_of_each_change(wire: Wire) -> None:
    stub = health_pb2_grpc.HealthStub(wire.peer.channel)
    watching = stub.Watch(health_pb2.HealthCheckRequest())

    first = await watching.read()
    wire.missing.append("process: draining")
    second = await watching.read()
    watching.cancel()

    assert (first.status, second.status) == (health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING)


async def test_nobody_can_ask_which_services_there_are(wire: Wire) -> None:
    listing = wire.peer.channel.unary_unary("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await listing(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_both_sides_of_a_call_are_in_one_trace(wire: Wire) -> None:
    exporter = InMemorySpanExporter()
    configure_traces("qr", processor=SimpleSpanProcessor(exporter))
    await wire.get()
    configure_traces("qr")

    spans = {span.kind.name: span for span in exporter.get_finished_spans()}
    server, client = spans["SERVER"], spans["CLIENT"]
    assert server.parent is not None
    assert (server.context.trace_id, server.parent.span_id) == (client.context.trace_id, client.context.span_id)
