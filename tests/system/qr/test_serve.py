"""The role `serve` as others see it: over gRPC, and on the bus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from system.conftest import BACKENDS, EMBEDDED, collect_what_was_cut_off

from quietzone.qr.v1 import code_pb2, code_service_pb2, code_service_pb2_grpc
from quietzone_kit.bus import open_bus
from quietzone_kit.documents import open_documents
from quietzone_kit.errors import AlreadyExists, InvalidInput, NotFound, PermissionDenied, RevisionMismatch
from quietzone_kit.events import Event, event_of
from quietzone_kit.rpc import SCOPE_EDGE, SERVICE_SCOPES, Caller, CallerKeys, Peer
from quietzone_kit.runtime import SystemClock, SystemRandomness, ThreadExecutor
from quietzone_kit.settings import SettingsError, load
from quietzone_qr.app import build
from quietzone_qr.codes.domain import NOBODY, AccountId, ScanBase
from quietzone_qr.codes.repository import COLLECTIONS, Codes
from quietzone_qr.codes.requests import NewCode
from quietzone_qr.codes.use_cases import create_code
from quietzone_qr.rendering import Gate, Renderer
from quietzone_qr.settings import QrSettings
from quietzone_topics import QR_CODE_V1

ANNA, BERT = Caller("anna", SERVICE_SCOPES), Caller("bert", SERVICE_SCOPES)
EDGE = Caller("", frozenset({SCOPE_EDGE}))
CLOCK, RANDOMNESS = SystemClock(), SystemRandomness()


def variables(folder: Path) -> dict[str, str]:
    """What the role is told, on files."""
    return {
        "QUIETZONE_CALLER_KEY": "k" * 32,
        "QUIETZONE_QR_HEALTH": "false",
        "QUIETZONE_QR_LISTEN": f"unix:{folder}/s",
        "QUIETZONE_QR_DOCUMENTS_URL": f"sqlite:///{folder}/qr.db",
        "QUIETZONE_BUS_URL": f"sqlite:///{folder}/bus.db",
    }


@pytest.fixture(params=BACKENDS)
async def values(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """What it is told, on each kind of backends."""
    if request.param == EMBEDDED:
        yield variables(tmp_path)
        return
    urls = request.getfixturevalue("new_urls")()
    yield variables(tmp_path) | {f"QUIETZONE_{name}_URL": urls[f"QUIETZONE_{name}_URL"] for name in ("QR_DOCUMENTS", "BUS", "CACHE")}
    collect_what_was_cut_off()


@dataclass(frozen=True, slots=True)
class Qr:
    """A client of a service that runs in this process."""

    peer: Peer
    stub: "code_service_pb2_grpc.CodeServiceAsyncStub"
    bus_url: str

    async def create(self, destination: str = "https://example.com/", *, slug: str | None = None, caller: Caller = ANNA) -> code_pb2.Code:
        request = code_service_pb2.CreateCodeRequest(destination=destination, slug=slug)
        return (await self.peer.call(self.stub.CreateCode, request, caller=caller)).code

    async def get(self, code_id: str, *, caller: Caller = ANNA) -> code_pb2.Code:
        request = code_service_pb2.GetCodeRequest(code_id=code_id)
        return (await self.peer.call(self.stub.GetCode, request, caller=caller)).code

    async def update(self, request: code_service_pb2.UpdateCodeRequest) -> code_pb2.Code:
        return (await self.peer.call(self.stub.UpdateCode, request, caller=ANNA)).code

    async def delete(self, code_id: str) -> None:
        await self.peer.call(self.stub.DeleteCode, code_service_pb2.DeleteCodeRequest(code_id=code_id), caller=ANNA)

    async def events(self, code_id: str, count: int) -> list[Event]:
        """The first `count` events of a code on the bus."""
        bus = open_bus(self.bus_url, clock=CLOCK, executor=ThreadExecutor("bus", 2), randomness=RANDOMNESS)
        await bus.ensure([QR_CODE_V1])  # the service may be about to
        consumer = await bus.follow(QR_CODE_V1.name)
        found: list[Event] = []
        async with asyncio.timeout(10):
            while len(found) < count:
                polled = await consumer.poll(max_records=100, wait_s=1)
                for partition in polled.assigned:
                    consumer.seek(partition, 0)
                for records in polled.records.values():
                    found += [event_of(record) for record in records if record.key == code_id]
        await consumer.close()
        await bus.close()
        return found


@asynccontextmanager
async def serving(values: dict[str, str]) -> AsyncIterator[Qr]:
    settings = load(QrSettings, values)
    app = await build(settings)
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(app.serve(ready.set))
        await ready.wait()
        peer = Peer("qr", settings.qr_listen, CallerKeys.of(settings, CLOCK), clock=CLOCK, randomness=RANDOMNESS)
        try:
            yield Qr(peer, code_service_pb2_grpc.CodeServiceStub(peer.channel), settings.bus_url)
        finally:
            await peer.close()
            app.stop()


async def test_a_code_lives_from_creation_to_deletion_and_the_bus_hears_of_each_step(values: dict[str, str]) -> None:
    async with serving(values) as qr:
        code = await qr.create("https://example.com/menu")
        await qr.update(code_service_pb2.UpdateCodeRequest(code_id=code.id, title="Menu", expected_revision=1))
        await qr.delete(code.id)
        events = await qr.events(code.id, 3)

    told = [code_pb2.CodeEvent.FromString(event.data) for event in events]
    assert [event.after.revision for event in told] == [1, 2, 3]
    assert [list(event.changed) for event in told] == [[], ["title"], ["state"]]
    assert {event.type for event in events} == {"quietzone.qr.code"}


async def test_codes_and_their_tombstones_outlive_the_process(values: dict[str, str]) -> None:
    async with serving(values) as qr:
        kept, gone = await qr.create(slug="kept"), await qr.create(slug="gone")
        await qr.delete(gone.id)

    async with serving(values) as qr:
        assert await qr.get(kept.id) == kept
        with pytest.raises(AlreadyExists):
            await qr.create(slug="gone")


async def test_an_event_that_waited_when_its_process_ended_is_published_by_the_next(values: dict[str, str]) -> None:
    threads = ThreadExecutor("documents", 2)
    documents = open_documents(values["QUIETZONE_QR_DOCUMENTS_URL"], executor=threads, randomness=RANDOMNESS)
    await documents.ensure(*COLLECTIONS)
    issued = await create_code(
        Codes(documents, lambda: None),
        Renderer(threads, Gate()),
        CLOCK,
        RANDOMNESS,
        scan=ScanBase.parse("http://localhost:8080"),
        account_id=AccountId("anna"),
        new=NewCode("https://example.com/", "", None),
        act=NOBODY,
    )
    code = issued.code
    await documents.close()

    async with serving(values) as qr:
        (event,) = await qr.events(code.code_id, 1)

    assert event.id == f"{code.code_id}.1"


async def test_only_what_is_set_is_changed(values: dict[str, str]) -> None:
    async with serving(values) as qr:
        code = await qr.create()
        await qr.update(code_service_pb2.UpdateCodeRequest(code_id=code.id, title="Menu"))

        paused = await qr.update(code_service_pb2.UpdateCodeRequest(code_id=code.id, state=code_pb2.CODE_STATE_PAUSED))
        emptied = await qr.update(code_service_pb2.UpdateCodeRequest(code_id=code.id, title=""))

    assert (paused.title, paused.state) == ("Menu", code_pb2.CODE_STATE_PAUSED)
    assert (emptied.title, emptied.state, emptied.revision) == ("", code_pb2.CODE_STATE_PAUSED, 4)


async def test_pages_lead_through_all_codes(values: dict[str, str]) -> None:
    async with serving(values) as qr:
        made = [(await qr.create()).id for _ in range(5)]
        seen: list[str] = []
        page = code_service_pb2.ListCodesResponse(next_page_token="")
        while True:
            request = code_service_pb2.ListCodesRequest(page_size=2, page_token=page.next_page_token)
            page = await qr.peer.call(qr.stub.ListCodes, request, caller=ANNA)
            seen += [code.id for code in page.codes]
            if not page.next_page_token:
                break

    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("image_format", "media_type", "begin"),
    [
        (code_service_pb2.IMAGE_FORMAT_PNG, "image/png", b"\x89PNG"),
        (code_service_pb2.IMAGE_FORMAT_SVG, "image/svg+xml", b"<svg "),
    ],
)
async def test_an_image_comes_with_its_media_type_and_etag(
    values: dict[str, str], image_format: "code_service_pb2.ImageFormat.ValueType", media_type: str, begin: bytes
) -> None:
    async with serving(values) as qr:
        code = await qr.create()
        request = code_service_pb2.RenderCodeRequest(code_id=code.id, format=image_format)
        image = await qr.peer.call(qr.stub.RenderCode, request, caller=ANNA)

    assert image.media_type == media_type
    assert image.image.startswith(begin)
    assert len(image.etag) == 32


async def test_an_edge_resolves_the_slug_of_any_account(values: dict[str, str]) -> None:
    async with serving(values) as qr:
        code = await qr.create(slug="menu")
        request = code_service_pb2.ResolveSlugRequest(slug="menu")

        assert (await qr.peer.call(qr.stub.ResolveSlug, request, caller=EDGE)).code == code


async def test_who_may_not_is_told_so(values: dict[str, str]) -> None:
    async with serving(values) as qr:
        code = await qr.create(slug="menu")

        with pytest.raises(NotFound):
            await qr.get(code.id, caller=BERT)
        with pytest.raises(PermissionDenied, match="edge"):
            await qr.peer.call(qr.stub.ResolveSlug, code_service_pb2.ResolveSlugRequest(slug="menu"), caller=ANNA)
        with pytest.raises(PermissionDenied, match="codes belong to accounts"):
            await qr.create(caller=Caller("", SERVICE_SCOPES))


async def test_what_is_wrong_is_named_field_by_field(values: dict[str, str]) -> None:
    async with serving(values) as qr:
        code = await qr.create()

        with pytest.raises(InvalidInput, match="destination: it leads to http://localhost:8080"):
            await qr.create("http://localhost:8080/menu")
        with pytest.raises(InvalidInput, match="state: use ACTIVE or PAUSED"):
            await qr.update(code_service_pb2.UpdateCodeRequest(code_id=code.id, state=code_pb2.CODE_STATE_UNSPECIFIED))
        with pytest.raises(InvalidInput, match="state: use ACTIVE or PAUSED"):
            await qr.update(code_service_pb2.UpdateCodeRequest(code_id=code.id, state=code_pb2.CODE_STATE_DELETED))
        with pytest.raises(InvalidInput, match="format: use PNG or SVG"):
            await qr.peer.call(qr.stub.RenderCode, code_service_pb2.RenderCodeRequest(code_id=code.id), caller=ANNA)
        with pytest.raises(RevisionMismatch):
            await qr.update(code_service_pb2.UpdateCodeRequest(code_id=code.id, title="new", expected_revision=7))


def test_all_settings_that_are_wrong_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        load(QrSettings, {"QUIETZONE_SCAN_BASE_URL": "https://q.example/path", "QUIETZONE_CALLER_KEY": "short"})

    problems = "\n".join(refused.value.problems)
    for name in ("QUIETZONE_SCAN_BASE_URL", "QUIETZONE_CALLER_KEY", "QUIETZONE_QR_DOCUMENTS_URL", "QUIETZONE_BUS_URL"):
        assert name in problems


@pytest.mark.parametrize("name", ["QUIETZONE_QR_DOCUMENTS_URL", "QUIETZONE_BUS_URL"])
async def test_a_url_that_no_adapter_takes_is_a_wrong_setting(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}: no such scheme 'ftp'"):
        await build(load(QrSettings, variables(tmp_path) | {name: "ftp://example.com"}))
