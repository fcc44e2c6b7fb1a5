"""One create and one scan are one trace each, from the request to what its event did."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from system.conftest import BACKENDS, EMBEDDED

from house import House, fetch, first_of_free_ports, house_in, until
from quietzone_standalone.roles import OPS_PORT, ROLES


@dataclass(frozen=True, slots=True)
class Spanned:
    """A span as a collector gets it."""

    part: str
    name: str
    trace: bytes
    id: bytes
    parent: bytes


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Takes spans by OTLP, as a real collector does."""

    def __init__(self) -> None:
        self.spans: dict[bytes, Spanned] = {}

    def Export(  # noqa: N802 - gRPC's name
        self, request: trace_service_pb2.ExportTraceServiceRequest, _context: grpc.ServicerContext
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        for resource in request.resource_spans:
            [part] = [one.value.string_value for one in resource.resource.attributes if one.key == "service.name"]
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.spans[span.span_id] = Spanned(part, span.name, span.trace_id, span.span_id, span.parent_span_id)
        return trace_service_pb2.ExportTraceServiceResponse()

    def edges(self) -> set[tuple[str, str]]:
        """Which span of which part follows which: `part: name` of parent and child, in one and the same trace."""
        found = set()
        for span in list(self.spans.values()):
            parent = self.spans.get(span.parent)
            if parent is not None and parent.trace == span.trace:
                found.add((_title(parent), _title(span)))
        return found


@pytest.fixture(scope="module")
def collector() -> Iterator[tuple[Collector, int]]:
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield collector, port
    server.stop(None)


@pytest.fixture(scope="module", params=BACKENDS)
def traced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, collector: tuple[Collector, int]) -> Iterator[House]:
    """A house that traces everything, on each kind of backends."""
    urls = {} if request.param == EMBEDDED else request.getfixturevalue("new_urls")()
    collector[0].spans.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUIETZONE_TRACES_URL", f"http://127.0.0.1:{collector[1]}")
        patch.setenv("QUIETZONE_TRACES_RATIO", "1")
        patch.setenv(OPS_PORT, str(first_of_free_ports(len(ROLES))))
        with house_in(tmp_path_factory.mktemp("house") / "data", urls) as house:
            yield house


def test_a_create_is_one_trace_from_the_request_to_the_links_that_follow(traced: House, collector: tuple[Collector, int]) -> None:
    wanted = {
        ("gateway: POST /v1/codes", "gateway: quietzone.qr.v1/CreateCode"),
        ("gateway: quietzone.qr.v1/CreateCode", "qr: quietzone.qr.v1.CodeService/CreateCode"),
        ("qr: quietzone.qr.v1.CodeService/CreateCode", "qr: publish event"),
        ("qr: publish event", "tracking: tracking-links takes up qr.code.v1"),
    }

    traced.create("https://example.com/")

    _until_there(wanted, collector[0])


def test_a_scan_is_one_trace_from_the_edge_to_the_count(traced: House, collector: tuple[Collector, int]) -> None:
    wanted = {("tracking: scan", "tracking: forward scans"), ("tracking: forward scans", "analytics: analytics takes up tracking.scan.v1")}
    slug = traced.create("https://example.com/")["slug"]

    until(lambda: traced.scan(slug).status == 302, "the redirect")

    _until_there(wanted, collector[0])


LEADING = {
    ("tracking edge", "quietzone_tracking_redirect_seconds"),
    ("gateway serve", "quietzone_gateway_request_seconds"),
    ("gateway serve", "quietzone_rpc_client_seconds"),
    ("qr serve", "quietzone_rpc_server_seconds"),
    ("analytics serve", "quietzone_consumer_apply_seconds"),
}


def test_durations_lead_to_traces_that_were_collected(traced: House, collector: tuple[Collector, int]) -> None:
    def lead() -> set[tuple[str, str]]:
        collected = {span.trace.hex() for span in list(collector[0].spans.values())}
        return {one for one in LEADING if _exemplars(*one) & collected}

    code = traced.create("https://example.com/")
    until(lambda: traced.scan(code["slug"]).status == 302, "the redirect")
    until(lambda: traced.total(code["id"]) == 1, "the count")

    until(lambda: lead() == LEADING, "a trace of each")


def _exemplars(role: str, histogram: str) -> set[str]:
    """Ids of the traces that a role's histogram leads to."""
    port = int(os.environ[OPS_PORT]) + [one.title for one in ROLES].index(role)
    text = fetch("GET", f"http://localhost:{port}/metrics", None, {"accept": "application/openmetrics-text;version=1.0.0"}).body.decode()
    families = [family for family in text_string_to_metric_families(text) if family.name == histogram]
    return {sample.exemplar.labels["trace_id"] for family in families for sample in family.samples if sample.exemplar}


def _until_there(wanted: set[tuple[str, str]], collector: Collector) -> None:
    try:
        until(lambda: wanted <= collector.edges(), "all edges")
    except AssertionError:
        assert wanted <= collector.edges()
        raise


def _title(span: Spanned) -> str:
    return f"{span.part.removeprefix('quietzone-')}: {span.name}"
