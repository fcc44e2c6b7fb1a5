"""The roles of analytics as others see them: over gRPC, and on the bus."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import pytest
from system.analytics.place import CLOCK, RANDOMNESS, Place
from system.conftest import REAL

from quietzone.analytics.v1 import analytics_pb2, analytics_pb2_grpc
from quietzone.tracking.v1 import scan_pb2
from quietzone_analytics import standstill
from quietzone_analytics.app import build, build_adopt, build_project
from quietzone_kit.bus import Bus, partition_of
from quietzone_kit.bus._kafka import cluster
from quietzone_kit.errors import InvalidInput, PermissionDenied
from quietzone_kit.events import Event
from quietzone_kit.ids import uuid7
from quietzone_kit.rpc import SCOPE_OPERATOR, SERVICE_SCOPES, Caller, CallerKeys, Peer
from quietzone_topics import (
    ANALYTICS_MILESTONE_V1,
    TRACKING_SCAN_V1,
    TRACKING_SOURCE_V1,
    TYPE_TRACKING_SCANS,
    TYPE_TRACKING_SOURCE_REPORT,
)

T = TypeVar("T")

ACME, BOLT = Caller("acme", SERVICE_SCOPES), Caller("bolt", SERVICE_SCOPES)
OPERATOR = Caller("", frozenset({SCOPE_OPERATOR}))
HOUR_MS = 3_600_000


class Edge:
    """A source that scans one code."""

    def __init__(self, bus: Bus, code_id: str = "menu") -> None:
        self._bus = bus
        self._code_id = code_id
        self._partition = partition_of(code_id, TRACKING_SCAN_V1.partitions)
        self._seq = 0
        self.source_id = uuid7(CLOCK, RANDOMNESS)

    async def scan(self, amount: int) -> None:
        """Send a batch, and report it."""
        now_ms = CLOCK.now_ms()
        batch = scan_pb2.ScanBatch(
            source_id=self.source_id,
            prev_seq=self._seq,
            first_seq=self._seq + 1,
            last_seq=self._seq + amount,
            base_time_ms=now_ms,
            codes=[scan_pb2.CodeRef(code_id=self._code_id, account_id="acme")],
            traits=[scan_pb2.Traits(scan_class=scan_pb2.SCAN_CLASS_PERSON, country="DE")],
            scans=[scan_pb2.Scan(seq=self._seq + number, visitor=number) for number in range(1, amount + 1)],
        )
        self._seq += amount
        report = scan_pb2.SourceReport(source_id=self.source_id, accepted=self._seq, forwarded=self._seq, at_ms=now_ms)
        scans = Event(f"scans {self._seq}", "/tracking", TYPE_TRACKING_SCANS, self.source_id, now_ms, batch.SerializeToString())
        said = Event(f"report {self._seq}", "/tracking", TYPE_TRACKING_SOURCE_REPORT, self.source_id, now_ms, report.SerializeToString())
        await self._bus.publish([scans.to_message(TRACKING_SCAN_V1.name, partition=self._partition)])
        await self._bus.publish([said.to_message(TRACKING_SOURCE_V1.name)])


async def until(ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool]) -> T:
    """The first answer for which `holds`."""
    async with asyncio.timeout(30):
        while True:
            answer = await ask()
            if holds(answer):
                return answer
            await asyncio.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Analytics:
    """A client of a service that runs in this process."""

    peer: Peer
    stub: "analytics_pb2_grpc.AnalyticsServiceAsyncStub"

    async def of_code(self, *, caller: Caller = ACME, zone: str = "") -> analytics_pb2.GetCodeAnalyticsResponse:
        now_ms = CLOCK.now_ms()
        request = analytics_pb2.GetCodeAnalyticsRequest(code_id="menu", from_ms=now_ms - HOUR_MS, to_ms=now_ms + HOUR_MS, zone=zone)
        return await self.peer.call(self.stub.GetCodeAnalytics, request, caller=caller)

    async def counted(self, amount: int) -> analytics_pb2.GetCodeAnalyticsResponse:
        """The code's analytics once so many scans are counted."""
        return await until(self.of_code, lambda told: told.all_time_scans >= amount)

    async def reconcile(self, *, caller: Caller = OPERATOR) -> analytics_pb2.ReconcileResponse:
        return await self.peer.call(self.stub.Reconcile, analytics_pb2.ReconcileRequest(), caller=caller)


@asynccontextmanager
async def serving(place: Place, **more: str) -> AsyncIterator[Analytics]:
    settings = place.settings(**more)
    app = await build(settings)
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(app.serve(ready.set))
        await ready.wait()
        peer = Peer("analytics", settings.analytics_listen, CallerKeys.of(settings, CLOCK), clock=CLOCK, randomness=RANDOMNESS)
        try:
            yield Analytics(peer, analytics_pb2_grpc.AnalyticsServiceStub(peer.channel))
        finally:
            await peer.close()
            app.stop()


async def test_scans_on_the_bus_are_counted_and_told(place: Place) -> None:
    async with place.bus() as bus, serving(place) as analytics:
        await Edge(bus).scan(12)
        told = await until(analytics.of_code, lambda told: told.all_time_scans == 12 and told.counted_until_ms > 0)

    assert (told.total_scans, told.unique_visitors, told.bot_scans) == (12, 12, 0)
    assert sum(point.scans for point in told.series) == 12
    assert told.breakdowns[0] == analytics_pb2.Breakdown(dimension="country", values=[analytics_pb2.Share(value="DE", scans=12)])
    assert told.days_from_ms < told.counted_until_ms < told.days_to_ms


async def test_counting_goes_on_where_the_last_process_ended(place: Place) -> None:
    async with place.bus() as bus:
        edge = Edge(bus)
        async with serving(place) as analytics:
            await edge.scan(3)
            await analytics.counted(3)
        await edge.scan(4)
        async with serving(place) as analytics:
            assert (await analytics.counted(7)).all_time_scans == 7


@asynccontextmanager
async def projecting(place: Place) -> AsyncIterator[None]:
    """The role `project`."""
    app = await build_project(place.settings())
    async with asyncio.TaskGroup() as group:
        group.create_task(app.serve())
        try:
            yield
        finally:
            app.stop()


async def test_one_that_is_told_not_to_count_answers_what_another_process_counts(place: Place) -> None:
    async with place.bus() as bus, serving(place, project="false") as analytics:
        await Edge(bus).scan(5)
        before = (await analytics.of_code()).all_time_scans
        async with projecting(place):
            counted = await analytics.counted(5)

    assert (before, counted.all_time_scans) == (0, 5)


async def test_one_that_is_told_not_to_count_runs_nothing_beside_its_answers(place: Place) -> None:
    app = await build(place.settings(project="false"))

    assert [part.name for part in app._parts] == ["documents", "bus", "rpc"]
    app.stop()
    await app.serve()


async def test_both_may_count_at_once_and_each_scan_counts_once(place: Place) -> None:
    async with place.bus() as bus, serving(place) as analytics, projecting(place):
        edge = Edge(bus)
        for _ in range(5):
            await edge.scan(2)
        await analytics.counted(10)
        told = await until(analytics.reconcile, lambda found: min(found.accepted, found.applied) >= 10)

    assert (told.applied, told.stored, told.problems) == (10, 10, [])


async def test_a_milestone_is_on_the_bus_once_it_is_reached(place: Place) -> None:
    async with place.bus() as bus, serving(place) as analytics:
        await Edge(bus).scan(10)
        await analytics.counted(10)
        partition = partition_of("menu", ANALYTICS_MILESTONE_V1.partitions)
        bounds = await until(lambda: bus.bounds(ANALYTICS_MILESTONE_V1.name, partition), lambda found: found.next > 0)

    assert bounds.next == 1


async def test_reconcile_compares_what_sources_said_with_what_is_stored(place: Place) -> None:
    async with place.bus() as bus, serving(place) as analytics:
        edge = Edge(bus)
        await edge.scan(5)
        await analytics.counted(5)
        told = await until(analytics.reconcile, lambda told: told.accepted >= 5)

    assert (told.forwarded, told.applied, told.stored, list(told.problems)) == (5, 5, 5, [])
    assert [(source.source_id, source.applied) for source in told.sources] == [(edge.source_id, 5)]


async def test_only_operators_reconcile(place: Place) -> None:
    async with serving(place) as analytics:
        with pytest.raises(PermissionDenied):
            await analytics.reconcile(caller=ACME)


async def test_another_account_sees_nothing_of_a_code(place: Place) -> None:
    async with place.bus() as bus, serving(place) as analytics:
        await Edge(bus).scan(3)
        await analytics.counted(3)

        assert (await analytics.of_code(caller=BOLT)).all_time_scans == 0


async def test_only_accounts_have_codes(place: Place) -> None:
    async with serving(place) as analytics:
        with pytest.raises(PermissionDenied):
            await analytics.of_code(caller=OPERATOR)


async def test_a_wrong_field_is_named(place: Place) -> None:
    async with serving(place) as analytics:
        with pytest.raises(InvalidInput) as refused:
            await analytics.of_code(zone="Mars/Olympus")

    assert [violation.field for violation in refused.value.violations] == ["zone"]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands still looks again soon, and a topic that is gone is missed soon."""
    monkeypatch.setattr(standstill, "AGAIN_S", 0.05)
    monkeypatch.setattr(standstill, "LOOK_AGAIN_S", 0.2)
    monkeypatch.setattr(cluster, "METADATA_AGE_S", 0.2)


async def adopt(place: Place) -> None:
    await (await build_adopt(place.settings())).serve()


@pytest.mark.usefixtures("soon")
async def test_another_log_stops_counting_alone_until_it_is_adopted(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    async with place.bus() as bus, serving(place) as analytics:
        await Edge(bus).scan(3)
        await analytics.counted(3)
    place.lose_log()

    async with place.bus() as bus, serving(place) as analytics:
        answered = await analytics.counted(3)
        told = await until(analytics.reconcile, lambda told: bool(told.problems))
        await adopt(place)
        await Edge(bus).scan(4)
        counted = await analytics.counted(7)

    assert (answered.all_time_scans, counted.all_time_scans) == (3, 7)
    assert "run `python -m quietzone_analytics adopt`" in told.problems[0]
    assert "counting goes on" in capsys.readouterr().out


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("place", [REAL], indirect=True)  # a file has no topics that one could delete
async def test_a_topic_that_is_deleted_under_it_stops_counting_alone(place: Place) -> None:
    async with place.bus() as bus, serving(place) as analytics:
        edge = Edge(bus)
        await edge.scan(3)
        await analytics.counted(3)

        await place.delete_topic(TRACKING_SCAN_V1.name)
        told = await until(analytics.reconcile, lambda told: any("this is log" in problem for problem in told.problems))
        await adopt(place)
        await edge.scan(4)

        assert (await analytics.counted(7)).all_time_scans == 7
    assert told.stored == 3
