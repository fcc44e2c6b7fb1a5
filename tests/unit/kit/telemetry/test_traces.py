from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from quietzone_kit.telemetry import configure_traces, describe_process, exposition, span, traceparent

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    configure_traces("qr", processor=SimpleSpanProcessor(exporter))
    yield exporter
    configure_traces("qr")


def test_a_span_carries_on_the_trace_of_its_parent(spans: InMemorySpanExporter) -> None:
    with span("answer", parent=PARENT):
        pass

    (finished,) = spans.get_finished_spans()
    assert finished.parent is not None
    assert f"{finished.parent.span_id:016x}" == "b7ad6b7169203331"


def test_what_is_passed_on_names_the_current_span(spans: InMemorySpanExporter) -> None:
    with span("ask"):
        passed_on = traceparent()

    (finished,) = spans.get_finished_spans()
    assert str(passed_on).startswith(f"00-{finished.context.trace_id:032x}-{finished.context.span_id:016x}-")


def test_outside_any_span_nothing_is_passed_on() -> None:
    assert traceparent() is None


def test_ids_are_passed_on_without_an_exporter_too() -> None:
    configure_traces("qr")

    with span("answer", parent=PARENT):
        assert str(traceparent()).startswith("00-0af7651916cd43dd8448eb211c80319c-")


def test_the_metrics_say_what_the_process_is() -> None:
    describe_process("qr", "serve")

    text, media_type = exposition()

    assert b'quietzone_build_info{part="qr",role="serve",version="' in text
    assert b"process_resident_memory_bytes" in text
    assert media_type.startswith("text/plain")
