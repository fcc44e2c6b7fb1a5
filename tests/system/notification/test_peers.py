"""What reports ask of analytics and qr, by the real calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from contract.gateway.served import Facade, Services
from system.notification.world import CLOCK, RANDOMNESS
from unit.analytics.memory import MemoryBus
from unit.analytics.scans import DAY_MS, NOON_MS, Seen, batch, record
from unit.analytics.world import World

from quietzone.analytics.v1 import analytics_pb2_grpc
from quietzone.qr.v1 import code_pb2, code_service_pb2, code_service_pb2_grpc
from quietzone_analytics.archive import ArchiveStates
from quietzone_analytics.creations import Creations
from quietzone_analytics.projection import ScanStates
from quietzone_analytics.reconcile import ReportStates
from quietzone_analytics.rollups import Rollups
from quietzone_analytics.rpc import AnalyticsService
from quietzone_kit.errors import DeadlineExceeded, Unavailable
from quietzone_kit.rpc import CallerKeys, Peer, RpcSettings, Server
from quietzone_notification.reports.domain import CodeScans, Week
from quietzone_notification.reports.peers import CountedScans, KnownTitles

SETTINGS = RpcSettings(caller_key="k" * 32)
WEEK = Week(NOON_MS // DAY_MS * DAY_MS)


@asynccontextmanager
async def peer_of(folder: Path, name: str, add: Any, servicer: Any) -> AsyncIterator[Peer]:
    keys = CallerKeys.of(SETTINGS, CLOCK)
    server = Server(f"unix:{folder}/{name}", keys, SETTINGS, not_ready=list)
    server.add(add, servicer)
    await server.start()
    peer = Peer(name, f"unix:{folder}/{name}", keys, clock=CLOCK, randomness=RANDOMNESS)
    yield peer
    await peer.close()
    await server.stop(0)


@pytest.fixture
async def counted() -> World:
    return await World.new()


@pytest.fixture
async def analytics(tmp_path: Path, counted: World) -> AsyncIterator[CountedScans]:
    store: Any = counted.store
    bus: Any = MemoryBus()
    stored = Rollups(store), ScanStates(store), ReportStates(store)
    service = AnalyticsService(*stored, bus, CLOCK, archived=ArchiveStates(store), creations=Creations(store))
    async with peer_of(tmp_path, "analytics", analytics_pb2_grpc.add_AnalyticsServiceServicer_to_server, service) as peer:
        yield CountedScans(peer)


@pytest.fixture
async def qr() -> Services:
    return Services()


@pytest.fixture
async def titles(tmp_path: Path, qr: Services) -> AsyncIterator[KnownTitles]:
    async with peer_of(tmp_path, "qr", code_service_pb2_grpc.add_CodeServiceServicer_to_server, Facade(qr)) as peer:
        yield KnownTitles(peer)


async def test_an_accounts_week_is_what_was_counted(counted: World, analytics: CountedScans) -> None:
    scans = [Seen(1), Seen(2), Seen(3, code="door", time_ms=NOON_MS + 6 * DAY_MS), Seen(4, code="door", time_ms=NOON_MS + 7 * DAY_MS)]
    await counted.count(record(batch(scans, prev_seq=0), 0))

    found = [code async for code in analytics.codes("acme", WEEK)]

    assert found == [CodeScans("door", (0, 0, 0, 0, 0, 0, 1)), CodeScans("menu", (2, 0, 0, 0, 0, 0, 0))]


async def test_more_codes_than_a_page_has_are_all_found(counted: World, analytics: CountedScans) -> None:
    await counted.count(record(batch([Seen(number, code=f"c{number:03}") for number in range(1, 251)], prev_seq=0), 0))

    assert len([code async for code in analytics.codes("acme", WEEK)]) == 250


async def test_whether_there_are_scans_is_seen_at_once(counted: World, analytics: CountedScans) -> None:
    await counted.count(record(batch([Seen(1)], prev_seq=0), 0))

    assert (await analytics.has_scans("acme", WEEK), await analytics.has_scans("other", WEEK)) == (True, False)


async def test_titles_are_of_the_codes_that_there_are(qr: Services, titles: KnownTitles) -> None:
    known = code_service_pb2.FoundCode(code_id="menu", code=code_pb2.Code(id="menu", title="Menu"))
    qr.answer("BatchGetCodes", code_service_pb2.BatchGetCodesResponse(codes=[known, code_service_pb2.FoundCode(code_id="gone")]))

    assert await titles.titles("acme", ["menu", "gone"]) == {"menu": "Menu"}
    assert qr.accounts == ["acme"]


async def test_a_service_that_takes_too_long_is_asked_again_later(qr: Services, titles: KnownTitles) -> None:
    qr.fail("BatchGetCodes", DeadlineExceeded("injected"))

    with pytest.raises(Unavailable):
        await titles.titles("acme", ["menu"])


async def test_without_a_service_no_title_is_known() -> None:
    assert await KnownTitles(None).titles("acme", ["menu"]) == {}
