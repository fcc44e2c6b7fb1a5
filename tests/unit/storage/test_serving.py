"""Files are served to who has a signed URL, whole or in parts, and to nobody else."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from ports import Inline
from unit.storage.drawings import symbol
from unit.storage.world import BORN_MS, OURS, World

from quietzone_kit.errors import FailedPrecondition, InvalidInput, NotFound
from quietzone_storage.assets.domain import AccountId, AssetId, BlobKey, Kind
from quietzone_storage.codes.domain import Heard
from quietzone_storage.codes.use_cases import Followed
from quietzone_storage.images.process import Images
from quietzone_storage.lifecycle.returns import Returns
from quietzone_storage.serving.files import FileServer
from quietzone_storage.serving.held import HELD_FOR_S, RENEWED_AFTER_S, HeldFiles, Served
from quietzone_storage.serving.links import GET, OFTEN_DAYS, PUT, Allowed, Expired, UrlKeys, WrongUrl
from quietzone_storage.serving.sizes import Sizes
from quietzone_storage.serving.use_cases import Finder, Wanted, sign_url
from quietzone_storage.uploads.use_cases import Uploads
from quietzone_storage.variants.domain import JPEG, PNG

CODE = AssetId("019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7a01")
OLD, NEW = "o" * 32, "n" * 32
SYMBOL = symbol("https://q.example/menu")


class Asked:
    """A request, and what came back."""

    def __init__(self, url: str, method: str = "GET", **headers: str) -> None:
        self.method, self.target = method.encode(), url.encode("latin-1")
        self.headers = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        self.peer, self.memo = "127.0.0.1", None
        self.answered = asyncio.Event()
        self.head, self.body = b"", b""

    def reply(self, head: bytes, body: bytes = b"") -> None:
        self.head, self.body = head, body
        self.answered.set()

    @property
    def status(self) -> int:
        return int(self.head.split(b" ")[1])

    def header(self, name: str) -> str:
        for line in self.head.split(b"\r\n"):
            if line.lower().startswith(name.lower().encode() + b": "):
                return line.partition(b": ")[2].decode()
        return ""


class Desk:
    """A server of files with its ports."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.keys = UrlKeys([NEW, OLD])
        self.held = HeldFiles(world.clock, max_bytes=1_000_000)
        self.uploads = Uploads(world.keeper, world.tasks, Inline(), world.clock, world.randomness)
        returns = Returns(world.tasks, world.clock)
        sizes = Sizes(world.shelf, Images(), Inline())
        finder = Finder(world.assets, world.shelf, self.held, world.clock, sizes=sizes, returns=returns)
        self.server = FileServer(finder, self.uploads, self.keys, world.clock)

    async def url(self, *, account_id: AccountId = OURS, **wanted: object) -> str:
        asked = Wanted(**({"asset_id": CODE} | wanted))  # type: ignore[arg-type] # its own
        return (await sign_url(self.world.assets, self.keys, self.world.clock, base="", account_id=account_id, wanted=asked)).url

    async def until(self, holds: Callable[[Served | None], bool]) -> None:
        """Wait until that is so of what is held of the code's master."""
        async with asyncio.timeout(20):
            while not holds(self.held.get(f"{CODE}.png")):
                await asyncio.sleep(0)

    async def ask(self, url: str, method: str = "GET", **headers: str) -> Asked:
        asked = Asked(url, method, **headers)
        self.server.handle(asked)
        async with asyncio.timeout(5):
            await asked.answered.wait()
        return asked


@pytest.fixture
async def desk(world: World) -> AsyncIterator[Desk]:
    class Qr:
        async def symbol(self, _account_id: AccountId, _code_id: AssetId) -> object:
            return SYMBOL

    await Followed(world.keeper, Qr(), Inline(), world.clock).follow(Heard(CODE, OURS, 1, looks_different=True, is_deleted=False))  # type: ignore[arg-type] # as much of one as is asked
    opened = Desk(world)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(opened.server.run())
        await asyncio.sleep(0)
        yield opened
        running.cancel()


async def test_a_signed_url_brings_the_file(desk: Desk) -> None:
    asked = await desk.ask(await desk.url(variant="_thumb"))

    assert (asked.status, asked.header("content-type"), asked.body[:3]) == (200, "image/jpeg", b"\xff\xd8\xff")


async def test_a_url_holds_for_an_hour_unless_something_else_is_asked_for(desk: Desk) -> None:
    url, short = await desk.url(), await desk.url(expires_s=10)
    desk.world.clock.seconds += 3_599
    assert (await desk.ask(url)).status == 200
    assert (await desk.ask(short)).status == 410
    desk.world.clock.seconds += 1

    assert (await desk.ask(url)).status == 410


async def test_a_file_has_a_strong_etag_and_is_known_by_it(desk: Desk) -> None:
    url = await desk.url()
    etag = (await desk.ask(url)).header("etag")

    asked = await desk.ask(url, if_none_match=f'"other", {etag}')

    assert (asked.status, asked.body, etag.startswith('"')) == (304, b"", True)


async def test_copies_are_never_good_for_longer_than_the_url(desk: Desk) -> None:
    assert (await desk.ask(await desk.url(expires_s=20))).header("cache-control") == "public, max-age=20"
    assert (await desk.ask(await desk.url())).header("cache-control") == "public, max-age=300"


async def test_a_part_of_a_file_is_just_that(desk: Desk) -> None:
    url = await desk.url()
    whole = (await desk.ask(url)).body

    asked = await desk.ask(url, range="bytes=10-19")

    assert (asked.status, asked.body, asked.header("content-range")) == (206, whole[10:20], f"bytes 10-19/{len(whole)}")


async def test_a_part_of_a_version_that_is_gone_is_answered_with_the_whole(desk: Desk) -> None:
    asked = await desk.ask(await desk.url(), range="bytes=10-19", if_range='"another"')

    assert asked.status == 200


async def test_a_part_behind_the_end_is_refused_with_the_size(desk: Desk) -> None:
    asked = await desk.ask(await desk.url(), range="bytes=9999999-")

    assert (asked.status, asked.header("content-range")[:8]) == (416, "bytes */")


async def test_head_goes_by_the_url_for_get(desk: Desk) -> None:
    asked = await desk.ask(await desk.url(), "HEAD")

    assert (asked.status, int(asked.header("content-length")) > 0) == (200, True)


async def test_other_methods_are_refused(desk: Desk) -> None:
    asked = await desk.ask(await desk.url(), "DELETE")

    assert (asked.status, asked.header("allow")) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_pages_of_any_origin_may_read_what_is_answered(desk: Desk, method: str) -> None:
    asked = await desk.ask(await desk.url(), method, origin="https://menus.example")

    assert asked.header("access-control-allow-origin") == "*"
    assert "ETag" in asked.header("access-control-expose-headers")


@pytest.mark.parametrize("path", ["/files/any.png", "/uploads/any"])
async def test_a_browser_that_asks_before_is_told_what_it_may_send(desk: Desk, path: str) -> None:
    asked = await desk.ask(path, "OPTIONS", origin="https://menus.example", access_control_request_method="PUT")

    assert (asked.status, asked.header("access-control-allow-methods"), asked.body) == (200, "GET, HEAD, PUT", b"")
    assert "Content-Type" in asked.header("access-control-allow-headers")


async def test_what_is_served_runs_nothing(desk: Desk) -> None:
    asked = await desk.ask(await desk.url())

    assert (asked.header("x-content-type-options"), "sandbox" in asked.header("content-security-policy")) == ("nosniff", True)


@pytest.mark.parametrize("px", [74, 320, 2048])
async def test_a_code_is_drawn_in_other_sizes(desk: Desk, px: int) -> None:
    asked = await desk.ask(await desk.url(size_px=px, media_type=JPEG))

    assert (asked.status, asked.header("content-type")) == (200, "image/jpeg")


async def test_who_asks_for_a_size_at_the_same_time_waits_for_one_drawing(desk: Desk) -> None:
    url = await desk.url(size_px=320, media_type=PNG)

    asked = await asyncio.gather(*(desk.ask(url) for _ in range(10)))

    assert {each.body for each in asked} == {asked[0].body}


async def test_a_size_in_which_no_decoder_would_read_it_isnt_signed(desk: Desk) -> None:
    with pytest.raises(InvalidInput, match="at least 66 pixels"):
        await desk.url(size_px=20, media_type=PNG)


async def test_a_size_that_became_too_small_for_its_code_is_refused(desk: Desk) -> None:
    url = desk.keys.sign(GET, f"/files/{CODE}_20px.png", Allowed(BORN_MS // 1000 + 100))

    assert (await desk.ask(url)).status == 400


@pytest.mark.parametrize("px", [1, 15, 2049])
async def test_a_size_out_of_bounds_isnt_signed(desk: Desk, px: int) -> None:
    with pytest.raises(InvalidInput, match="16 to 2048"):
        await desk.url(size_px=px, media_type=PNG)


async def test_a_size_that_nobody_signed_isnt_drawn(desk: Desk) -> None:
    url = await desk.url(size_px=320, media_type=PNG)

    assert (await desk.ask(url.replace("320", "321"))).status == 403


@pytest.mark.parametrize(
    "alter",
    [
        lambda url: url.replace("e=", "e=9"),
        lambda url: url[:-1] + ("A" if url[-1] != "A" else "B"),
        lambda url: url.replace(CODE, CODE.replace("7a01", "7a02")),
        lambda url: url.partition("&s=")[0],
        lambda url: url.partition("?")[0],
        lambda url: url.replace("?e=", "?e=1&e="),
        lambda url: url.replace("/files/", "/files/../files/"),
        lambda url: url + "&x=1",
        lambda url: url.replace(".png", ".svg"),
    ],
    ids=["later", "another signature", "another file", "no signature", "no query", "two expiries", "a path", "more", "another ending"],
)
async def test_an_altered_url_is_refused(desk: Desk, alter) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    asked = await desk.ask(alter(await desk.url()))

    assert asked.status == 403


@pytest.mark.parametrize("path", ["/files/../../etc/passwd", "/files/%2e%2e/x", "/files/", "/files/" + "a" * 5000])
async def test_a_signed_path_that_is_no_file_is_not_found(desk: Desk, path: str) -> None:
    url = desk.keys.sign(GET, path, Allowed(BORN_MS // 1000 + 100))

    assert (await desk.ask(url)).status == 404


async def test_a_url_that_an_older_key_signed_holds_until_that_key_goes(desk: Desk) -> None:
    url = UrlKeys([OLD]).sign(GET, f"/files/{CODE}.png", Allowed(BORN_MS // 1000 + 100))
    assert (await desk.ask(url)).status == 200

    with pytest.raises(WrongUrl):
        UrlKeys([NEW]).check(GET, *url.split("?"), BORN_MS // 1000)


async def test_a_url_for_an_upload_brings_no_file(desk: Desk) -> None:
    url = desk.keys.sign(PUT, f"/files/{CODE}.png", Allowed(BORN_MS // 1000 + 100))

    assert (await desk.ask(url)).status == 403


async def test_another_accounts_files_arent_signed(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await desk.url(account_id=AccountId("theirs"))


async def test_what_isnt_ready_isnt_signed(desk: Desk) -> None:
    held = await desk.world.insert(CODE.replace("7a01", "7a09"), kind=Kind.CODE)

    with pytest.raises(FailedPrecondition):
        await desk.url(asset_id=held.asset.asset_id)


async def test_what_was_quarantined_isnt_served_even_by_a_url_from_before(desk: Desk) -> None:
    url = await desk.url()
    held = await desk.world.assets.get(OURS, CODE)
    assert held is not None
    await desk.world.keeper.change(held, held.asset.quarantined("infected", BORN_MS))

    assert (await desk.ask(url)).status == 404


async def test_a_deleted_file_is_gone_from_memory_too_within_seconds(desk: Desk) -> None:
    url = await desk.url()
    await desk.ask(url)
    await desk.world.drop(CODE)
    desk.world.clock.seconds += HELD_FOR_S

    assert (await desk.ask(url)).status == 404


async def test_who_asks_all_the_time_never_waits_for_a_file_to_be_read_again(desk: Desk) -> None:
    url = await desk.url()
    read_at = []
    for _ in range(4):
        await desk.ask(url)
        desk.world.clock.seconds += RENEWED_AFTER_S
        asked = Asked(url)
        desk.server.handle(asked)
        read_at.append(desk.world.clock.monotonic())
        assert asked.answered.is_set()
        await desk.until(lambda held: held is not None and held.read_at == read_at[-1])

    assert desk.world.memory.reads == 1 + len(read_at)


async def test_one_of_those_who_ask_at_once_reads_a_file_anew(desk: Desk) -> None:
    url = await desk.url()
    await desk.ask(url)
    desk.world.clock.seconds += RENEWED_AFTER_S

    await asyncio.gather(*(desk.ask(url) for _ in range(10)))
    await desk.until(lambda held: held is not None and held.read_at == desk.world.clock.monotonic())

    assert desk.world.memory.reads == 2


async def test_a_deleted_file_is_gone_as_soon_as_it_was_to_be_read_anew(desk: Desk) -> None:
    url = await desk.url()
    await desk.ask(url)
    await desk.world.drop(CODE)
    desk.world.clock.seconds += RENEWED_AFTER_S
    assert (await desk.ask(url)).status == 200

    await desk.until(lambda held: held is None)
    assert (await desk.ask(url)).status == 404


async def test_while_the_blobs_are_away_what_is_held_is_served_for_as_long_as_it_is_good(desk: Desk) -> None:
    url = await desk.url()
    await desk.ask(url)
    desk.world.memory.calls_left = 0
    for later, status in ((RENEWED_AFTER_S, 200), (0.5, 200), (HELD_FOR_S, 503)):
        desk.world.clock.seconds += later
        assert (await desk.ask(url)).status == status


async def test_while_the_blobs_are_away_the_answer_is_503_and_nothing_is_remembered(desk: Desk) -> None:
    url = await desk.url()
    desk.world.memory.calls_left = 0
    assert (await desk.ask(url)).status == 503
    desk.world.memory.calls_left = None

    assert (await desk.ask(url)).status == 200


def test_the_terms_of_a_url_are_signed_with_it() -> None:
    keys = UrlKeys([NEW])
    path, _, query = keys.sign(PUT, "/u", Allowed(100, (("b", "10"),))).partition("?")

    assert keys.check(PUT, path, query, 0).term("b") == "10"
    with pytest.raises(WrongUrl):
        keys.check(PUT, path, query.replace("b=10", "b=99"), 0)
    with pytest.raises(Expired):
        keys.check(PUT, path, query, 100)


@pytest.mark.parametrize("left", [None, b"not a picture any more"])
async def test_a_code_whose_file_is_gone_or_damaged_is_drawn_and_put_back(desk: Desk, left: bytes | None) -> None:
    held = await desk.world.assets.get(OURS, CODE)
    assert held is not None
    blob = next(variant.blob for variant in held.asset.variants if not variant.name)
    sound = desk.world.memory.held.pop(blob)
    if left is not None:
        desk.world.memory.held[blob] = left

    asked = await desk.ask(await desk.url())

    assert (asked.status, asked.body == sound, desk.world.memory.held[blob] == sound) == (200, True, True)


async def test_an_upload_whose_bytes_are_damaged_is_not_served(desk: Desk) -> None:
    filled = await desk.world.fill("019a0b2e-7c1e-7f3a-9d55-2f6d1c0b7a02", b"one")
    desk.world.memory.held[filled.asset.blobs[0]] = b"0ne"

    asked = await desk.ask(await desk.url(asset_id=filled.asset.asset_id, variant="_0"))

    assert (asked.status, b"send it again" in asked.body, asked.header("retry-after")) == (500, True, "")


async def test_a_file_that_took_long_to_come_is_not_to_be_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    read = desk.world.shelf.read

    async def slowly(blob: BlobKey) -> bytes:
        desk.world.clock.seconds += HELD_FOR_S
        return await read(blob)

    monkeypatch.setattr(desk.world.shelf, "read", slowly)

    assert (await desk.ask(await desk.url())).header("cache-control") == "no-store"


async def test_a_url_for_what_is_used_day_after_day_holds_for_a_day(desk: Desk) -> None:
    for _ in range(OFTEN_DAYS):
        desk.world.clock.seconds += 90_000  # 25 hours
        await desk.ask(await desk.url())
    url = await desk.url()
    desk.world.clock.seconds += 86_399

    assert (await desk.ask(url)).status == 200


async def test_a_day_without_use_ends_the_row(desk: Desk) -> None:
    for hours in (25, 25, 60):
        desk.world.clock.seconds += hours * 3_600
        await desk.ask(await desk.url())
    url = await desk.url()
    desk.world.clock.seconds += 3_600

    assert (await desk.ask(url)).status == 410
