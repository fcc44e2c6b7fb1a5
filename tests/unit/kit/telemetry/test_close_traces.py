import time
from collections.abc import Iterator
from threading import Event

import pytest
from opentelemetry.sdk.trace import SpanProcessor

from quietzone_kit.telemetry import _traces, close_traces, configure_traces


class Exporting(SpanProcessor):
    """Ends when it may, which is what a collector decides."""

    def __init__(self) -> None:
        self.may_end = Event()
        self.ended = Event()

    def shutdown(self) -> None:
        self.may_end.wait(60)
        self.ended.set()


@pytest.fixture
def exporting() -> Iterator[Exporting]:
    processor = Exporting()
    configure_traces("test", processor=processor)
    yield processor
    processor.may_end.set()
    configure_traces("test")


def test_the_last_spans_are_waited_for(exporting: Exporting) -> None:
    exporting.may_end.set()

    close_traces()

    assert exporting.ended.is_set()


def test_a_collector_that_never_answers_keeps_no_process(exporting: Exporting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_traces, "EXPORT_WITHIN_MS", 50)
    began = time.monotonic()

    close_traces()

    assert time.monotonic() - began < 30
    assert not exporting.ended.is_set()
