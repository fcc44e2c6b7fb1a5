"""The role `serve` as others see it, beside qr: over gRPC, over HTTP, and on the bus."""

import asyncio
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from PIL import Image
from system.conftest import BACKENDS, EMBEDDED, collect_what_was_cut_off
from system.qr.test_serve import Qr
from system.qr.test_serve import serving as serving_qr
from unit.storage.test_files import chunk, image, png_of

from quietzone.storage.v1 import asset_pb2, operation_pb2, storage_service_pb2, storage_service_pb2_grpc
from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound
from quietzone_kit.rpc import SERVICE_SCOPES, Caller, CallerKeys, Peer
from quietzone_kit.runtime import SystemClock, SystemRandomness
from quietzone_kit.settings import SettingsError, load
from quietzone_qr.rendering.decoders import DECODERS
from quietzone_storage.app import build, build_clean_up, build_files, build_scrub, build_sweep, build_verify, build_work
from quietzone_storage.copies.consumers import SETTLED_S
from quietzone_storage.settings import ChangingSettings, CleanUpSettings, FilesSettings, StorageSettings, SweepSettings, WorkSettings
from servers.clamd import EICAR
from servers.process import free_port

ANNA, BERT = Caller("anna", SERVICE_SCOPES), Caller("bert", SERVICE_SCOPES)
CLOCK, RANDOMNESS = SystemClock(), SystemRandomness()


def variables(folder: Path) -> dict[str, str]:
    """What both roles are told, on files."""
    return {
        "QUIETZONE_CALLER_KEY": "k" * 32,
        "QUIETZONE_BUS_URL": f"sqlite:///{folder}/bus.db",
        "QUIETZONE_QR_HEALTH": "false",
        "QUIETZONE_QR_LISTEN": f"unix:{folder}/qr",
        "QUIETZONE_QR_ADDRESS": f"unix:{folder}/qr",
        "QUIETZONE_QR_DOCUMENTS_URL": f"sqlite:///{folder}/qr.db",
        "QUIETZONE_STORAGE_LISTEN": f"unix:{folder}/s",
        "QUIETZONE_STORAGE_DOCUMENTS_URL": f"sqlite:///{folder}/storage.db",
        "QUIETZONE_STORAGE_BLOBS_URL": f"file://{folder}/files",
        "QUIETZONE_STORAGE_HOST": "127.0.0.1",
        "QUIETZONE_STORAGE_PORT": str(free_port()),
        "QUIETZONE_STORAGE_URL_KEYS": "u" * 32,
        "QUIETZONE_STORAGE_PUBLIC_URL": "http://files.test",
    }


@pytest.fixture(params=BACKENDS)
async def values(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """What they are told, on each kind of backends."""
    if request.param == EMBEDDED:
        yield variables(tmp_path)
        return
    urls = request.getfixturevalue("new_urls")()
    names = ("BUS_URL", "CACHE_URL", "QR_DOCUMENTS_URL", "STORAGE_DOCUMENTS_URL", "STORAGE_BLOBS_URL")
    yield variables(tmp_path) | {f"QUIETZONE_{name}": urls[f"QUIETZONE_{name}"] for name in names}
    collect_what_was_cut_off()


@dataclass(frozen=True, slots=True)
class Storage:
    """A client of a service that runs in this process."""

    peer: Peer
    stub: "storage_service_pb2_grpc.StorageServiceAsyncStub"
    port: int

    async def asset(self, asset_id: str, *, caller: Caller = ANNA) -> asset_pb2.Asset:
        request = storage_service_pb2.GetAssetRequest(asset_id=asset_id)
        return (await self.peer.call(self.stub.GetAsset, request, caller=caller)).asset

    async def ready(self, asset_id: str) -> asset_pb2.Asset:
        """The asset, as soon as it is drawn."""
        async with asyncio.timeout(20):
            while True:
                try:
                    asset = await self.asset(asset_id)
                except NotFound:
                    asset = asset_pb2.Asset()
                if asset.state == asset_pb2.ASSET_STATE_READY:
                    return asset
                await asyncio.sleep(0.05)

    async def gone(self, asset_id: str) -> None:
        """Return when there is no such asset any more."""
        async with asyncio.timeout(20):
            while True:
                try:
                    await self.asset(asset_id)
                except NotFound:
                    return
                await asyncio.sleep(0.05)

    async def sign(self, *, caller: Caller = ANNA, **wanted: object) -> str:
        request = storage_service_pb2.SignUrlRequest(**wanted)  # type: ignore[arg-type] # its own
        return (await self.peer.call(self.stub.SignUrl, request, caller=caller)).url

    async def begin(self, size: int = 10_000, media_type: str = "image/png") -> storage_service_pb2.CreateUploadResponse:
        request = storage_service_pb2.CreateUploadRequest(name="logo.png", media_type=media_type, size=size)
        return await self.peer.call(self.stub.CreateUpload, request, caller=ANNA)

    async def put(self, url: str, data: bytes) -> httpx.Response:
        async with httpx.AsyncClient() as client:
            return await client.put(url.replace("http://files.test", f"http://127.0.0.1:{self.port}"), content=data)

    async def settled(self, asset_id: str) -> asset_pb2.Asset:
        """The asset, when it isn't looked at any more."""
        async with asyncio.timeout(30):
            while (asset := await self.asset(asset_id)).state == asset_pb2.ASSET_STATE_PENDING:
                await asyncio.sleep(0.05)
        return asset

    async def move(self, asset_id: str, tier: "asset_pb2.StorageTier.ValueType") -> operation_pb2.Operation:
        request = storage_service_pb2.MoveAssetRequest(asset_id=asset_id, tier=tier)
        return (await self.peer.call(self.stub.MoveAsset, request, caller=ANNA)).operation

    async def done(self, operation: operation_pb2.Operation) -> operation_pb2.Operation:
        """The operation, when it is done."""
        async with asyncio.timeout(30):
            while operation.state != operation_pb2.OPERATION_STATE_DONE:
                await asyncio.sleep(0.05)
                request = storage_service_pb2.GetOperationRequest(operation_id=operation.id)
                operation = (await self.peer.call(self.stub.GetOperation, request, caller=ANNA)).operation
        return operation

    async def used(self, caller: Caller = ANNA) -> int:
        return (await self.peer.call(self.stub.GetUsage, storage_service_pb2.GetUsageRequest(), caller=caller)).bytes

    async def get(self, url: str, **headers: str) -> httpx.Response:
        async with httpx.AsyncClient() as client:
            return await client.get(url.replace("http://files.test", f"http://127.0.0.1:{self.port}"), headers=headers)


@asynccontextmanager
async def serving(values: dict[str, str], *, beside: Sequence[tuple[type, object]] = ()) -> AsyncIterator[tuple[Qr, Storage]]:
    """The role `serve`, and others `beside` it, each with its settings."""
    settings = load(StorageSettings, values)
    async with serving_qr(values) as qr:
        apps = [await make(load(kind, values)) for kind, make in ((StorageSettings, build), *beside)]  # type: ignore[operator] # builders
        ready = [asyncio.Event() for _ in apps]
        async with asyncio.TaskGroup() as group:
            for app, told in zip(apps, ready, strict=True):
                group.create_task(app.serve(told.set))
                await told.wait()
            peer = Peer("storage", settings.storage_listen, CallerKeys.of(settings, CLOCK), clock=CLOCK, randomness=RANDOMNESS)
            try:
                yield qr, Storage(peer, storage_service_pb2_grpc.StorageServiceStub(peer.channel), settings.storage_port)
            finally:
                await peer.close()
                for app in apps:
                    app.stop()


async def once(values: dict[str, str], kind: type, make: object) -> None:
    """Run a role that ends."""
    app = await make(load(kind, values))  # type: ignore[operator] # a builder
    async with asyncio.timeout(30):
        await app.serve(lambda: None)


async def test_a_new_code_is_served_in_all_files_and_each_is_read_by_both_decoders(values: dict[str, str]) -> None:
    async with serving(values) as (qr, storage):
        code = await qr.create("https://example.com/menu")
        asset = await storage.ready(code.id)
        answers = [await storage.get(await storage.sign(asset_id=code.id, variant=file.variant)) for file in asset.files]

    assert [answer.headers["content-type"] for answer in answers] == ["image/png", "image/jpeg", "image/png", "image/png", "image/webp"]
    for answer in answers:
        with Image.open(io.BytesIO(answer.content)) as image:
            assert {decode(image.convert("L").tobytes(), image.width) for _, decode in DECODERS} == {code.payload.encode()}


async def test_roles_that_run_apart_do_what_serve_does_alone(values: dict[str, str]) -> None:
    apart = values | {"QUIETZONE_STORAGE_FILES": "false", "QUIETZONE_STORAGE_WORK": "false"}
    async with serving(apart, beside=((FilesSettings, build_files), (WorkSettings, build_work))) as (qr, storage):
        code = await qr.create("https://example.com/menu")
        await storage.ready(code.id)
        begun = await storage.begin()
        sent = await storage.put(begun.put_url, image())

        assert (await storage.get(await storage.sign(asset_id=code.id))).status_code == 200
        assert sent.status_code == 202
        assert (await storage.settled(begun.asset.id)).state == asset_pb2.ASSET_STATE_READY


async def test_an_upload_is_archived_and_brought_back_on_request(values: dict[str, str]) -> None:
    async with serving(values) as (_, storage):
        begun = await storage.begin()
        await storage.put(begun.put_url, image())
        asset_id = (await storage.settled(begun.asset.id)).id
        archived = await storage.done(await storage.move(asset_id, asset_pb2.STORAGE_TIER_ARCHIVE))
        asset = await storage.asset(asset_id)
        with pytest.raises(FailedPrecondition, match="archived"):
            await storage.sign(asset_id=asset_id, variant="_thumb")
        await storage.done(await storage.move(asset_id, asset_pb2.STORAGE_TIER_HOT))
        served = await storage.get(await storage.sign(asset_id=asset_id, variant="_thumb"))

    assert (archived.kind, archived.asset_id) == ("move-asset", asset_id)
    assert (asset.tier, next((tag.key, tag.value) for tag in asset.tags)) == (asset_pb2.STORAGE_TIER_ARCHIVE, ("StorageTier", "ARCHIVE"))
    assert served.status_code == 200


async def test_a_clean_up_is_begun_looked_at_and_reported(values: dict[str, str]) -> None:
    async with serving(values) as (qr, storage):
        await storage.ready((await qr.create("https://example.com/menu")).id)
        request = storage_service_pb2.StartCleanUpRequest(dry_run=True, request_id="once")
        begun = [(await storage.peer.call(storage.stub.StartCleanUp, request, caller=ANNA)).operation for _ in range(2)]
        done = await storage.done(begun[0])
        listed = await storage.peer.call(storage.stub.ListOperations, storage_service_pb2.ListOperationsRequest(), caller=ANNA)

    assert begun[0].id == begun[1].id
    assert (done.state, done.report) == (operation_pb2.OPERATION_STATE_DONE, operation_pb2.CleanUpReport())  # all is young
    assert [operation.id for operation in listed.operations] == [done.id]


async def test_the_role_clean_up_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = variables(tmp_path)
    async with serving(values) as (qr, storage):
        await storage.ready((await qr.create("https://example.com/menu")).id)
    await once(values | {"QUIETZONE_STORAGE_CLEAN_UP_DRY_RUN": "true"}, CleanUpSettings, build_clean_up)

    assert "0 processed, 0 warmed, 0 archived, 0 deleted, 0 kept, 0 bytes" in capsys.readouterr().out


async def test_a_prefix_of_nothing_stops_the_role_clean_up_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"QUIETZONE_STORAGE_CLEAN_UP_PREFIX: .*codes/ or uploads/"):
        await once(variables(tmp_path) | {"QUIETZONE_STORAGE_CLEAN_UP_PREFIX": "qr-images/"}, CleanUpSettings, build_clean_up)


async def test_a_deleted_code_leaves_neither_files_nor_use(values: dict[str, str]) -> None:
    async with serving(values) as (qr, storage):
        code = await qr.create("https://example.com/menu")
        asset = await storage.ready(code.id)
        url = await storage.sign(asset_id=code.id)
        before = await storage.used()
        await qr.delete(code.id)
        await storage.gone(code.id)

        assert (before, await storage.used()) == (asset.bytes, 0)
        assert (await storage.get(url)).status_code == 404


@asynccontextmanager
async def purged() -> AsyncIterator[tuple[str, asyncio.Queue[str]]]:
    """A cache's URL, and the paths and the tags that it is told to forget."""
    told: asyncio.Queue[str] = asyncio.Queue()

    async def forget(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        method, path, _ = first.split(" ")
        headers = dict(line.lower().split(": ") for line in lines if line)
        assert method == "PURGE"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        told.put_nowait(path if headers["x-purge"] == "path" else headers["cache-tag"])
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(forget, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", told


async def test_of_a_deleted_code_the_files_that_there_were_are_purged_and_what_was_drawn(values: dict[str, str]) -> None:
    async with purged() as (cache, told), serving(values | {"QUIETZONE_STORAGE_COPIES_URL": cache}) as (qr, storage):
        code, other = await qr.create("https://example.com/menu"), await qr.create("https://example.com/other")
        files = {f"/files/{file.name}" for file in (await storage.ready(code.id)).files}
        await storage.ready(other.id)
        await qr.delete(code.id)
        async with asyncio.timeout(SETTLED_S + 20):
            forgotten = [await told.get() for _ in range(6)]

    assert (set(forgotten), told.empty()) == ({*files, code.id}, True)


async def test_a_size_that_nobody_kept_is_drawn_when_it_is_asked_for(values: dict[str, str]) -> None:
    async with serving(values) as (qr, storage):
        code = await qr.create("https://example.com/menu")
        await storage.ready(code.id)
        answer = await storage.get(await storage.sign(asset_id=code.id, size_px=400, media_type="image/webp"))

    with Image.open(io.BytesIO(answer.content)) as image:
        assert (image.format, image.size) == ("WEBP", (400, 400))


async def test_an_upload_is_served_in_a_size_that_nobody_kept(values: dict[str, str]) -> None:
    async with serving(values) as (_, storage):
        begun = await storage.begin()
        await storage.put(begun.put_url, image(size=(64, 48)))
        asset = await storage.settled(begun.asset.id)
        answer = await storage.get(await storage.sign(asset_id=asset.id, size_px=32, media_type="image/webp"))

    with Image.open(io.BytesIO(answer.content)) as shown:
        assert (shown.format, shown.size) == ("WEBP", (32, 24))


async def test_an_upload_is_sent_looked_at_and_served_in_all_files(values: dict[str, str]) -> None:
    async with serving(values) as (_, storage):
        begun = await storage.begin()
        logo = image(size=(64, 48))
        sent = await storage.put(begun.put_url, logo)
        asset = await storage.settled(begun.asset.id)
        answers = {file.variant: await storage.get(await storage.sign(asset_id=asset.id, variant=file.variant)) for file in asset.files}

    assert sent.status_code == 202
    assert list(answers) == ["_original", "_thumb", "_medium", "_large", "_thumb_webp", "_web_webp", "_web_jpeg", "_web_png"]
    assert {answer.status_code for answer in answers.values()} == {200}
    assert answers["_original"].content == logo
    assert answers["_original"].headers["content-disposition"].startswith("attachment")


async def test_an_upload_that_isnt_what_its_url_says_is_refused_with_the_reason(tmp_path: Path) -> None:
    async with serving(variables(tmp_path)) as (_, storage):
        begun = await storage.begin(size=5_000)
        html = await storage.put(begun.put_url, b"<html></html>")
        large = await storage.put(begun.put_url, bytes(5_001))
        altered = await storage.put(begun.put_url.replace("b=5000", "b=9000"), bytes(6_000))
        bomb = await storage.put(begun.put_url, png_of(10_000, 10_000))

    assert [html.status_code, large.status_code, altered.status_code, bomb.status_code] == [422, 413, 403, 422]
    assert {each.headers["access-control-allow-origin"] for each in (html, large, altered, bomb)} == {"*"}  # a page may read the reason
    assert "megapixels" in bomb.text


@pytest.mark.server("clamd")
async def test_an_infected_upload_is_quarantined_and_never_served(tmp_path: Path, clamd_url: str) -> None:
    infected = image()[:33] + chunk(b"tEXt", b"Comment\0" + EICAR) + image()[33:]
    async with serving(variables(tmp_path) | {"QUIETZONE_STORAGE_SCANNER_URL": clamd_url}) as (_, storage):
        begun = await storage.begin()
        await storage.put(begun.put_url, infected)
        asset = await storage.settled(begun.asset.id)

        assert (asset.state, asset.reason) == (asset_pb2.ASSET_STATE_QUARANTINED, "the scanner found Quietzone.Test.Eicar.UNOFFICIAL")
        with pytest.raises(FailedPrecondition, match="Eicar"):
            await storage.sign(asset_id=asset.id, variant="_original")


async def test_another_account_finds_nothing(values: dict[str, str]) -> None:
    async with serving(values) as (qr, storage):
        code = await qr.create("https://example.com/menu")
        await storage.ready(code.id)

        with pytest.raises(NotFound):
            await storage.asset(code.id, caller=BERT)
        with pytest.raises(NotFound):
            await storage.sign(asset_id=code.id, caller=BERT)
        assert await storage.used(BERT) == 0


async def test_a_code_that_was_created_while_storage_was_away_is_drawn_later(tmp_path: Path) -> None:
    values = variables(tmp_path)
    async with serving_qr(values) as qr:
        code = await qr.create("https://example.com/menu")
        await qr.events(code.id, 1)

    async with serving(values) as (_, storage):
        assert len((await storage.ready(code.id)).files) == 5


async def test_wrong_questions_are_answered_with_what_is_wrong(tmp_path: Path) -> None:
    async with serving(variables(tmp_path)) as (qr, storage):
        code = await qr.create("https://example.com/menu")
        await storage.ready(code.id)

        with pytest.raises(InvalidInput, match="expires_s"):
            await storage.sign(asset_id=code.id, expires_s=1_000_000)
        with pytest.raises(NotFound, match="_thumb_webp"):
            await storage.sign(asset_id=code.id, variant="_huge")
        request = storage_service_pb2.DeleteAssetRequest(asset_id=code.id)
        with pytest.raises(InvalidInput, match="delete the code"):
            await storage.peer.call(storage.stub.DeleteAsset, request, caller=ANNA)


async def test_a_release_verifies_and_sweeps_what_is_there(values: dict[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    async with serving(values) as (qr, storage):
        code = await qr.create("https://example.com/menu")
        await storage.ready(code.id)

    await once(values, WorkSettings, build_verify)
    await once(values, SweepSettings, build_sweep)
    await once(values, ChangingSettings, build_scrub)

    told = capfd.readouterr()
    assert "ok      assets: 1 documents can be read" in told.out + told.err
    assert "0 removed (0 bytes)" in told.out + told.err
    assert "5 contents read" in told.out + told.err


def test_short_keys_and_other_slips_are_said_all_at_once(tmp_path: Path) -> None:
    values = variables(tmp_path) | {"QUIETZONE_STORAGE_URL_KEYS": "short", "QUIETZONE_STORAGE_PUBLIC_URL": "files.example"}

    with pytest.raises(SettingsError) as refused:
        load(StorageSettings, values)

    assert all(name in str(refused.value) for name in ("QUIETZONE_STORAGE_URL_KEYS", "QUIETZONE_STORAGE_PUBLIC_URL"))
