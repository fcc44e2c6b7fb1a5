"""An upload is awaited, taken, looked at and there; or quarantined with its reason, and never served."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain, repeat
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ports import Inline
from unit.storage.test_files import image, png_of
from unit.storage.world import BORN_MS, OURS, Crash, World

from quietzone_kit import tasks
from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound, ResourceExhausted
from quietzone_kit.tasks import TASKS, Done, Task
from quietzone_storage.assets import repository
from quietzone_storage.assets.domain import Asset, AssetId, State
from quietzone_storage.assets.repository import ASSETS
from quietzone_storage.images.messages import Made
from quietzone_storage.images.process import ImageFailed, Images
from quietzone_storage.scanning import NoScanner, Scanner, ScannerUnavailable, open_scanner
from quietzone_storage.serving.links import DEFAULT_EXPIRY_S, MAX_EXPIRY_S, PUT, UrlKeys
from quietzone_storage.uploads.files import PNG, SVG, Refused
from quietzone_storage.uploads.tasks import ProcessImage
from quietzone_storage.uploads.use_cases import (
    CANCELLED,
    FORGOTTEN_MS,
    GRACE_MS,
    STALLED_MS,
    Begun,
    NewUpload,
    Pipeline,
    Uploads,
    look_after,
)

KEYS = UrlKeys(["u" * 32])
LOGO = image()


class Painter:
    """What a process makes of an image."""

    def __init__(self) -> None:
        self.failure: str = ""
        self.made = 0

    async def look(self, data: bytes, media_type: str) -> tuple[int, int]:  # noqa: ARG002 - as the port has it
        if self.failure:
            raise ImageFailed(self.failure)
        return 30, 20

    async def make(self, data: bytes, media_type: str) -> Sequence[Made]:  # noqa: ARG002 - as the port has it
        self.made += 1
        return (Made("_thumb", b"small " + data[:9], "image/jpeg", 256, 256), Made("_web_webp", b"web " + data[:9], "image/webp", 30, 20))


class Guard:
    """A scanner that says what it is told to."""

    def __init__(self) -> None:
        self.found: str | None = None
        self.is_away = False

    async def scan(self, data: bytes) -> str | None:  # noqa: ARG002 - as the port has it
        if self.is_away:
            raise ScannerUnavailable("away")
        return self.found


class Studio:
    """Uploads with their ports."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.painter, self.guard = Painter(), Guard()
        self.uploads = Uploads(world.keeper, world.tasks, Inline(), world.clock, world.randomness)
        self.pipeline = Pipeline(world.keeper, cast("Images", self.painter), cast("Scanner", self.guard), world.clock)

    async def begin(self, **wanted: object) -> Begun:
        new = NewUpload(**({"name": "logo.png", "media_type": PNG, "size": 1_000} | wanted))  # type: ignore[arg-type] # its own
        return await self.uploads.begin(KEYS, OURS, new, base="http://files.test", max_bytes=10_000)

    async def send(self, begun: Begun, data: bytes = LOGO, media_type: str = PNG) -> Asset:
        return await self.uploads.receive(begun.asset.asset_id, data, media_type)

    async def work(self) -> None:
        """Run what is due, as a worker would."""
        page = await self.world.tasks.list(OURS)
        for task in page.tasks:
            await self.pipeline.process(AssetId(str(task.payload["asset_id"])))

    async def asset(self, begun: Begun) -> Asset:
        held = await self.world.assets.get(OURS, begun.asset.asset_id)
        assert held is not None
        return held.asset

    async def look_after(self, *, later_ms: int) -> int:
        self.world.clock.seconds += later_ms / 1000
        return await look_after(self.world.keeper, self.uploads, self.pipeline, self.world.clock)


@pytest.fixture
def studio(world: World) -> Studio:
    return Studio(world)


async def test_an_upload_is_there_with_its_variants_and_the_original(studio: Studio) -> None:
    begun = await studio.begin()
    await studio.send(begun)
    await studio.work()

    asset = await studio.asset(begun)
    assert (asset.state, [variant.name for variant in asset.variants]) == (State.READY, ["_original", "_thumb", "_web_webp"])


async def test_the_url_for_an_upload_is_signed_with_its_size_and_type(studio: Studio) -> None:
    url = (await studio.begin(size=777)).put.url
    path, _, query = url.removeprefix("http://files.test").partition("?")

    allowed = KEYS.check(PUT, path, query, BORN_MS // 1000)

    assert (allowed.term("b"), allowed.term("t"), allowed.until_s) == ("777", PNG, BORN_MS // 1000 + 3_600)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [({"media_type": "text/html"}, "media_type"), ({"size": 0}, "size"), ({"size": 10_001}, "size"), ({"expires_s": -1}, "expires_s")],
)
async def test_a_wrong_upload_isnt_begun(studio: Studio, wanted: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        await studio.begin(**wanted)


async def test_what_may_come_counts_until_it_has_come_or_is_given_up(studio: Studio) -> None:
    ledger = studio.world.ledger
    begun = await studio.begin(size=1_000)
    reserved = await ledger.bytes_of(OURS)
    await studio.send(begun)
    sent = await ledger.bytes_of(OURS)
    await studio.begin(size=700)
    both = await ledger.bytes_of(OURS)
    await studio.look_after(later_ms=FORGOTTEN_MS + 1_000)

    assert (reserved, sent, both, await ledger.bytes_of(OURS)) == (1_000, len(LOGO), len(LOGO) + 700, len(LOGO))


async def test_no_upload_is_begun_that_could_go_beyond_what_the_account_may_store(studio: Studio) -> None:
    await studio.begin(size=600, most_stored=1_000)

    with pytest.raises(ResourceExhausted, match="room for 1,000 bytes, of which 400 are left"):
        await studio.begin(size=401, most_stored=1_000)

    assert (await studio.begin(size=400, most_stored=1_000)).asset.state is State.PENDING
    assert await studio.world.ledger.bytes_of(OURS) == 1_000


@settings(max_examples=25, deadline=None)  # several at once take longer than an example usually may
@given(sizes=st.lists(st.integers(1, 600), min_size=2, max_size=6), turns=st.lists(st.integers(0, 4), max_size=60))
async def test_of_uploads_that_are_begun_at_once_never_too_much_is_let_in(sizes: list[int], turns: list[int]) -> None:
    studio = Studio(await World().open())
    studio.world.fuse.turns = chain(turns, repeat(1))

    async def begin(size: int) -> int:
        try:
            return (await studio.begin(size=size, most_stored=1_000)).asset.bytes
        except ResourceExhausted:
            return 0

    let_in = await asyncio.gather(*map(begin, sizes))

    assert sum(let_in) <= 1_000
    assert await studio.world.ledger.bytes_of(OURS) == sum(let_in)
    await studio.world.documents.close()


async def test_names_are_cleaned(studio: Studio) -> None:
    assert (await studio.begin(name="../../etc/pass\x00wd")).asset.name == "passwd"


@pytest.mark.parametrize("data", [png_of(10_000, 10_000), LOGO + b"x", b"<html>", b""])
async def test_what_isnt_taken_is_refused_at_once_and_may_be_sent_again(studio: Studio, data: bytes) -> None:
    begun = await studio.begin()
    with pytest.raises(Refused):
        await studio.send(begun, data)

    assert (await studio.send(begun)).source is not None


async def test_an_svg_is_kept_as_it_was_cleaned(studio: Studio) -> None:
    begun = await studio.begin(media_type=SVG)

    await studio.send(begun, b'<svg xmlns="http://www.w3.org/2000/svg"><!-- secret --></svg>', SVG)

    assert b"secret" not in next(iter(studio.world.memory.held.values()))


async def test_the_same_bytes_again_change_nothing(studio: Studio) -> None:
    begun = await studio.begin()
    first = await studio.send(begun)

    assert await studio.send(begun) == first


async def test_the_same_bytes_again_change_nothing_once_their_files_are_there(studio: Studio) -> None:
    begun = await studio.begin()
    await studio.send(begun)
    await studio.work()

    assert (await studio.send(begun)).state is State.READY


async def test_other_bytes_for_what_is_there_are_refused_and_kept_nowhere(studio: Studio) -> None:
    begun = await studio.begin()
    await studio.send(begun)
    await studio.work()
    before = set(studio.world.memory.held)

    with pytest.raises(FailedPrecondition):
        await studio.send(begun, image(size=(31, 20)))

    assert set(studio.world.memory.held) == before


async def test_other_bytes_under_the_same_url_are_refused(studio: Studio) -> None:
    begun = await studio.begin()
    await studio.send(begun)

    with pytest.raises(FailedPrecondition):
        await studio.send(begun, image(size=(31, 20)))


async def test_bytes_for_an_upload_that_was_deleted_are_refused(studio: Studio) -> None:
    begun = await studio.begin()
    await studio.world.drop(begun.asset.asset_id)

    with pytest.raises(NotFound):
        await studio.send(begun)


async def test_an_infected_file_is_quarantined_with_its_reason(studio: Studio) -> None:
    studio.guard.found = "Eicar-Test"
    begun = await studio.begin()
    await studio.send(begun)
    await studio.work()

    asset = await studio.asset(begun)
    assert (asset.state, asset.reason, asset.files()) == (State.QUARANTINED, "the scanner found Eicar-Test", {})


async def test_nothing_is_made_of_an_infected_file(studio: Studio) -> None:
    studio.guard.found = "Eicar-Test"
    begun = await studio.begin()
    await studio.send(begun)
    await studio.work()

    assert studio.painter.made == 0


async def test_a_file_that_cant_be_decoded_is_quarantined(studio: Studio) -> None:
    studio.painter.failure = "it can't be decoded: broken"
    begun = await studio.begin()
    await studio.send(begun)
    await studio.work()

    assert (await studio.asset(begun)).reason == "it can't be decoded: broken"


async def test_while_the_scanner_is_away_an_upload_waits_and_isnt_there(studio: Studio) -> None:
    studio.guard.is_away = True
    begun = await studio.begin()
    await studio.send(begun)
    with pytest.raises(ScannerUnavailable):
        await studio.work()
    assert (await studio.asset(begun)).state is State.PENDING
    studio.guard.is_away = False

    await studio.work()

    assert (await studio.asset(begun)).state is State.READY


async def test_a_task_says_what_its_upload_became(studio: Studio) -> None:
    begun = await studio.begin()
    await studio.send(begun)
    task: Task = (await studio.world.tasks.list(OURS)).tasks[0]

    assert await ProcessImage(studio.pipeline).run(task, lambda _: None) == Done({"state": "ready"})


async def test_an_upload_that_was_taken_before_a_crash_is_processed_later(studio: Studio) -> None:
    begun = await studio.begin()
    await studio.send(begun)
    for task in (await studio.world.documents.scan(TASKS, limit=10)).items:  # the crash came before it was added
        await studio.world.documents.delete(TASKS, str(task.body["task_id"]), if_version=task.version)

    assert await studio.look_after(later_ms=2 * STALLED_MS) == 1
    await studio.work()

    assert (await studio.asset(begun)).state is State.READY


@pytest.mark.parametrize("expires_s", [1_200, 0, MAX_EXPIRY_S])
async def test_an_upload_that_never_came_gives_its_room_back_soon_after_its_url_has_expired(studio: Studio, expires_s: int) -> None:
    begun = await studio.begin(size=700, expires_s=expires_s)
    await studio.look_after(later_ms=(expires_s or DEFAULT_EXPIRY_S) * 1_000 + GRACE_MS - 1_000)
    held = await studio.world.ledger.bytes_of(OURS)

    await studio.look_after(later_ms=2_000)

    assert (held, await studio.world.ledger.bytes_of(OURS)) == (700, 0)
    assert (await studio.asset(begun)).state is State.DELETED


async def test_an_upload_of_a_release_that_kept_no_end_is_deleted_when_nobodys_url_holds_any_more(studio: Studio) -> None:
    begun = await studio.begin()
    stored = await studio.world.documents.get(ASSETS, begun.asset.asset_id)
    assert stored is not None
    older = {field: value for field, value in stored.body.items() if field != "expires_at_ms"}
    await studio.world.documents.replace(ASSETS, older, if_version=stored.version)
    await studio.look_after(later_ms=FORGOTTEN_MS - 1_000)
    assert (await studio.asset(begun)).state is State.PENDING

    await studio.look_after(later_ms=2_000)

    assert (await studio.asset(begun)).state is State.DELETED


async def test_an_upload_that_began_before_its_url_expired_is_taken_within_the_grace(studio: Studio) -> None:
    begun = await studio.begin(expires_s=1_200)
    await studio.look_after(later_ms=1_200_000 + GRACE_MS - 1_000)

    assert (await studio.send(begun)).source is not None


async def test_an_upload_whose_task_is_cancelled_says_so_and_waits_no_more(studio: Studio) -> None:
    begun = await studio.begin()
    await studio.send(begun)
    (task,) = (await studio.world.tasks.list(OURS)).tasks

    await studio.uploads.let_go(await studio.world.tasks.cancel(OURS, task.task_id))

    asset = await studio.asset(begun)
    assert (asset.state, asset.reason) == (State.QUARANTINED, CANCELLED)
    assert await studio.send(begun) == asset
    assert [each.state for each in (await studio.world.tasks.list(OURS)).tasks] == [tasks.State.CANCELLED]


async def test_an_upload_whose_cancelling_was_cut_off_waits_no_more_either(studio: Studio) -> None:
    begun = await studio.begin()
    await studio.send(begun)
    (task,) = (await studio.world.tasks.list(OURS)).tasks
    await studio.world.tasks.cancel(OURS, task.task_id)

    await studio.look_after(later_ms=2 * STALLED_MS)

    assert (await studio.asset(begun)).reason == CANCELLED


async def test_starving_others_by_uploads_that_are_never_sent_is_not_possible(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "PENDING_PAGE", 3)
    for _ in range(7):
        await studio.begin()
    begun = await studio.begin()
    await studio.send(begun)
    for task in (await studio.world.documents.scan(TASKS, limit=10)).items:  # the crash came before it was added
        await studio.world.documents.delete(TASKS, str(task.body["task_id"]), if_version=task.version)

    await studio.look_after(later_ms=2 * STALLED_MS)
    await studio.work()

    assert (await studio.asset(begun)).state is State.READY


async def test_an_upload_whose_task_has_failed_for_good_is_quarantined(studio: Studio) -> None:
    begun = await studio.begin()
    await studio.send(begun)
    [stored] = (await studio.world.documents.scan(TASKS, limit=10)).items
    await studio.world.documents.replace(TASKS, {**stored.body, "state": "dead"}, if_version=stored.version)

    await studio.look_after(later_ms=2 * STALLED_MS)

    assert (await studio.asset(begun)).state is State.QUARANTINED


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("step", range(22))
async def test_a_crash_at_any_step_leaves_no_upload_half_there_and_loses_none(studio: Studio, step: int, after: bool) -> None:
    begun = await studio.begin()
    world = studio.world
    world.fuse.left, world.fuse.after = step, after
    with suppress(Crash):
        await studio.send(begun)
        await studio.work()
    world.fuse.left = None
    assert await world.missing() == []

    if (await studio.asset(begun)).source is None:
        await studio.send(begun)  # who got no answer sends it again
    await studio.look_after(later_ms=2 * STALLED_MS)
    await studio.work()
    await world.sweep()

    asset = await studio.asset(begun)
    assert (asset.state, await world.missing(), await world.spare()) == (State.READY, [], set())
    assert await world.ledger.bytes_of(OURS) == asset.bytes


@pytest.mark.parametrize("url", ["clamd:", "http://x", "clamd://", "virus"])
def test_a_scanner_that_isnt_one_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="clamd://"):
        open_scanner(url)


async def test_no_scanner_finds_nothing() -> None:
    assert isinstance(open_scanner("none:"), NoScanner)
    assert await open_scanner("none:").scan(b"x") is None
