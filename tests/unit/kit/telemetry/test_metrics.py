"""What the operators' port shows: formats, exemplars, and the cheap histogram."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from quietzone_kit.telemetry import Timings, configure_traces, exemplar, exposition, span

SCRAPER = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
"""As Prometheus asks."""

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def recorded() -> Iterator[None]:
    configure_traces("qr", processor=SimpleSpanProcessor(InMemorySpanExporter()))
    yield
    configure_traces("qr")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def timings(registry: CollectorRegistry) -> Timings:
    return Timings("answer_seconds", "Answers.", bounds=(0.1, 1), registry=registry)


def read(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    return {(one.name, one.labels.get("le", "")): one.value for family in registry.collect() for one in family.samples}


def test_who_asks_for_open_metrics_gets_them() -> None:
    text, media_type = exposition(SCRAPER)

    assert media_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")


def test_all_metrics_of_a_process_are_valid_open_metrics() -> None:
    families = list(text_string_to_metric_families(exposition(SCRAPER)[0].decode()))

    assert "quietzone_build" in {family.name.removesuffix("_info") for family in families}


def test_who_asks_for_nothing_gets_plain_text() -> None:
    assert exposition()[1].startswith("text/plain")


@pytest.mark.usefixtures("recorded")
def test_a_value_leads_to_the_trace_that_it_was_measured_in(registry: CollectorRegistry) -> None:
    seconds = Histogram("call_seconds", "Calls.", registry=registry, buckets=(1,))

    with span("call", parent=f"00-{TRACE}-b7ad6b7169203331-01"):
        seconds.observe(0.5, exemplar())

    assert f'call_seconds_bucket{{le="1.0"}} 1.0 # {{trace_id="{TRACE}"}} 0.5'.encode() in exposition(SCRAPER, registry)[0]


@pytest.mark.usefixtures("recorded")
def test_a_span_that_is_not_recorded_gives_no_exemplar() -> None:
    with span("call", parent=f"00-{TRACE}-b7ad6b7169203331-00"):
        assert exemplar() is None


def test_outside_any_span_there_is_no_exemplar() -> None:
    assert exemplar() is None


def test_many_equal_times_are_told_at_once(registry: CollectorRegistry) -> None:
    timings(registry).observe(0.25, 4)

    assert read(registry) == {
        ("answer_seconds_bucket", "0.1"): 0,
        ("answer_seconds_bucket", "1.0"): 4,
        ("answer_seconds_bucket", "+Inf"): 4,
        ("answer_seconds_count", ""): 4,
        ("answer_seconds_sum", ""): 1.0,
    }


@given(st.lists(st.floats(0, 3)))
def test_timings_say_the_same_as_a_histogram(seconds: list[float]) -> None:
    registry, other = CollectorRegistry(), CollectorRegistry()
    ours, theirs = timings(registry), Histogram("answer_seconds", "Answers.", buckets=(0.1, 1), registry=other)

    for one in seconds:
        ours.observe(one)
        theirs.observe(one)

    assert read(registry) == read(other)


def test_timings_lead_to_a_trace(registry: CollectorRegistry) -> None:
    timings(registry).observe(0.25, 4, TRACE)

    assert f'# {{trace_id="{TRACE}"}} 0.25'.encode() in exposition(SCRAPER, registry)[0]


def test_two_metrics_cannot_have_one_name(registry: CollectorRegistry) -> None:
    timings(registry)

    with pytest.raises(ValueError, match="answer_seconds"):
        timings(registry)
