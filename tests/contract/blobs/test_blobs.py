"""What every store of blobs does."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quietzone_kit.blobs import (
    MAX_GET_BYTES,
    About,
    AlreadyThere,
    BlobNotFound,
    Blobs,
    BlobTooLarge,
    Content,
    InvalidAbout,
    InvalidKey,
    Tier,
)

CSV = About("text/csv; charset=utf-8", {"rows": "3", "account": "ours"})
LARGE = bytes(range(256)) * 80_000  # 20 MB: three parts of an upload


async def in_pieces(data: bytes, size: int = 3_000_001) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def whole(blobs: Blobs, key: str, *, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([piece async for piece in blobs.stream(key, start=start, end=end)])


@pytest.mark.parametrize("content", [b"", b"text", bytes(range(256))], ids=["empty", "text", "binary"])
async def test_what_is_put_is_got(blobs: Blobs, content: bytes) -> None:
    await blobs.put("folder/key.csv", content)

    assert (await blobs.get("folder/key.csv"), await whole(blobs, "folder/key.csv")) == (content, content)


async def test_a_large_blob_is_put_and_streamed_in_pieces(blobs: Blobs) -> None:
    await blobs.put("large", in_pieces(LARGE))

    assert await whole(blobs, "large") == LARGE


async def test_a_stream_without_pieces_makes_an_empty_blob(blobs: Blobs) -> None:
    await blobs.put("empty", in_pieces(b""))

    assert await blobs.get("empty") == b""


async def test_put_and_head_say_what_is_known(blobs: Blobs) -> None:
    written = await blobs.put("key", b"a,b,c", CSV)

    assert await blobs.head("key") == written
    assert (written.key, written.size, written.about) == ("key", 5, CSV)


async def test_a_large_blob_keeps_what_is_said_about_it(blobs: Blobs) -> None:
    written = await blobs.put("large", in_pieces(LARGE), CSV)

    assert (written.size, written.about) == (len(LARGE), CSV)


async def test_the_time_is_the_stores(blobs: Blobs) -> None:
    first = await blobs.put("first", b"1")
    second = await blobs.put("second", b"2")

    assert 0 <= second.modified_ms - first.modified_ms < 60_000


async def test_another_content_has_another_etag(blobs: Blobs) -> None:
    first, second = await blobs.put("key", b"first"), await blobs.put("key", b"other")

    assert first.etag != second.etag


async def test_a_second_put_takes_the_place_of_all_of_the_first(blobs: Blobs) -> None:
    await blobs.put("key", b"a longer text", CSV)
    await blobs.put("key", b"short")

    assert (await blobs.get("key"), (await blobs.head("key")).about) == (b"short", About())


@pytest.mark.parametrize(
    ("start", "end", "expected"), [(0, 3, b"012"), (8, 20, b"89"), (4, None, b"456789"), (10, 12, b""), (99, None, b""), (3, 3, b"")]
)
async def test_a_range_is_cut_at_the_end(blobs: Blobs, start: int, end: int | None, expected: bytes) -> None:
    await blobs.put("key", b"0123456789")

    assert await blobs.get("key", start=start, end=end) == expected
    assert await whole(blobs, "key", start=start, end=end) == expected


@pytest.mark.parametrize(("start", "end"), [(-1, None), (3, 2)])
async def test_what_is_no_range_is_refused(blobs: Blobs, start: int, end: int | None) -> None:
    with pytest.raises(ValueError, match="no range"):
        await blobs.get("key", start=start, end=end)


async def test_a_blob_that_is_not_there_is_said_so(blobs: Blobs) -> None:
    for ask in (blobs.get("no/where"), blobs.head("no/where"), whole(blobs, "no/where"), whole(blobs, "no/where", start=1, end=1)):
        with pytest.raises(BlobNotFound, match="no blob no/where"):
            await ask


async def test_the_folder_of_a_blob_is_no_blob(blobs: Blobs) -> None:
    await blobs.put("folder/key", b"1")

    with pytest.raises(BlobNotFound):
        await blobs.get("folder")


async def test_below_a_blob_there_is_none(blobs: Blobs) -> None:
    await blobs.put("key", b"1")

    with pytest.raises(BlobNotFound):
        await blobs.get("key/below")


async def test_a_deleted_blob_is_gone_and_deleting_it_again_does_nothing(blobs: Blobs) -> None:
    await blobs.put("key", b"1")
    await blobs.delete("key")
    await blobs.delete("key")

    with pytest.raises(BlobNotFound):
        await blobs.head("key")


async def test_where_blobs_were_deleted_their_folder_may_become_a_blob(blobs: Blobs) -> None:
    for key in ("a/b/c", "a/d"):
        await blobs.put(key, b"1")
        await blobs.delete(key)

    await blobs.put("a", b"2")

    assert await blobs.get("a") == b"2"


async def test_put_if_absent_puts_what_is_absent(blobs: Blobs) -> None:
    written = await blobs.put_if_absent("key", b"1", CSV)

    assert (written, await blobs.get("key")) == (await blobs.head("key"), b"1")


@pytest.mark.parametrize("content", [b"second", LARGE], ids=["small", "large"])
async def test_put_if_absent_leaves_what_is_there(blobs: Blobs, content: bytes) -> None:
    await blobs.put("key", b"first", CSV)

    with pytest.raises(AlreadyThere, match="key is there"):
        await blobs.put_if_absent("key", content)

    assert (await blobs.get("key"), (await blobs.head("key")).about) == (b"first", CSV)


@pytest.mark.parametrize("size", [10, 9_000_000], ids=["small", "large"])
async def test_of_several_who_put_what_is_absent_one_succeeds(blobs: Blobs, size: int) -> None:
    async def attempt(number: int) -> int | None:
        try:
            await blobs.put_if_absent("key", bytes([number]) * size)
        except AlreadyThere:
            return None
        return number

    async with asyncio.TaskGroup() as group:
        attempts = [group.create_task(attempt(number)) for number in range(6)]
    winners = [number for number in (each.result() for each in attempts) if number is not None]

    assert await blobs.get("key") == bytes(winners) * size


async def test_a_reader_sees_one_version_while_others_write(blobs: Blobs) -> None:
    sizes = range(1, 30)
    await blobs.put("key", bytes([0]))

    async def write() -> None:
        for number in sizes:
            await blobs.put("key", bytes([number]) * (number * 1_000))

    async def read() -> set[tuple[bool, bool]]:
        seen = set()
        for _ in sizes:
            data = await blobs.get("key")
            seen.add((len(set(data)) == 1, len(data) in (1, data[0] * 1_000)))
        return seen

    async with asyncio.TaskGroup() as group:
        group.create_task(write())
        readers = [group.create_task(read()) for _ in range(3)]

    assert [reader.result() for reader in readers] == [{(True, True)}] * 3


async def test_a_put_whose_content_fails_leaves_what_was_there(blobs: Blobs) -> None:
    async def fails() -> AsyncIterator[bytes]:
        yield LARGE
        raise ConnectionError("source gone")

    await blobs.put("key", b"old")
    with pytest.raises(ConnectionError):
        await blobs.put("key", fails())

    assert [entry.key for entry in (await blobs.list()).entries] == ["key"]
    assert await blobs.get("key") == b"old"


async def test_a_put_that_is_given_up_leaves_what_was_there(blobs: Blobs) -> None:
    waiting = asyncio.Event()

    async def hangs() -> AsyncIterator[bytes]:
        yield LARGE
        waiting.set()
        await asyncio.Event().wait()

    await blobs.put("key", b"old")
    async with asyncio.TaskGroup() as group:
        putting = group.create_task(blobs.put("key", hangs()))
        await waiting.wait()
        putting.cancel()

    assert await blobs.get("key") == b"old"


KEYS = ("a", "a-b", "a.b/1", "a/1", "a/2/3", "a/b", "a0", "b/1")


async def keys(blobs: Blobs, prefix: str = "", *, limit: int = 1_000) -> list[str]:
    found, after = [], None
    while True:
        page = await blobs.list(prefix, limit=limit, after=after)
        assert len(page.entries) <= limit
        found += [entry.key for entry in page.entries]
        if page.cursor is None:
            return found
        after = page.cursor


@pytest.mark.parametrize("limit", [1, 2, 3, 1_000])
async def test_a_list_is_in_the_order_of_keys_whatever_the_size_of_its_pages(blobs: Blobs, limit: int) -> None:
    own = [key for key in KEYS if key != "a"]
    for key in reversed(own):
        await blobs.put(key, b"1")

    assert await keys(blobs, limit=limit) == sorted(own)


@pytest.mark.parametrize("prefix", ["a", "a/", "a/2", "a/b", "b", "c", "a.b/1", "a-"])
async def test_a_list_has_what_begins_with_its_prefix(blobs: Blobs, prefix: str) -> None:
    own = [key for key in KEYS if key != "a"]
    for key in own:
        await blobs.put(key, b"1")

    assert await keys(blobs, prefix, limit=2) == [key for key in sorted(own) if key.startswith(prefix)]


async def test_a_list_says_sizes_and_times(blobs: Blobs) -> None:
    written = await blobs.put("key", b"12345")

    (entry,) = (await blobs.list()).entries

    assert (entry.key, entry.size) == ("key", 5)
    assert abs(entry.modified_ms - written.modified_ms) <= 1_000


@pytest.mark.parametrize("limit", [0, 1_001])
async def test_a_page_of_a_wrong_size_is_refused(blobs: Blobs, limit: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000 entries"):
        await blobs.list(limit=limit)


WRONG_KEYS = (
    "",
    "/a",
    "a/",
    "a//b",
    "../a",
    "a/../b",
    ".",
    "a/.hidden",
    ".quietzone/x",
    "ä",
    "a b",
    "a\0",
    "a\n",
    "a\\b",
    "a~",
    "x" * 201,
    "x/" * 500 + "x",
)


@pytest.mark.parametrize("key", WRONG_KEYS)
async def test_a_key_that_not_every_store_takes_is_refused(blobs: Blobs, key: str) -> None:
    for ask in (blobs.get(key), blobs.head(key), blobs.delete(key), blobs.put(key, b""), blobs.put_if_absent(key, b""), whole(blobs, key)):
        with pytest.raises(InvalidKey, match="is no key: use 1 to 1,000"):
            await ask


PART = st.from_regex(r"[A-Za-z0-9_=+@,-][A-Za-z0-9_.=+@,-]{0,20}", fullmatch=True)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.lists(PART, min_size=1, max_size=4).map("/".join))
async def test_every_key_of_the_grammar_works(blobs: Blobs, key: str) -> None:
    await blobs.put(key, key.encode(), CSV)
    try:
        assert (await blobs.get(key), await keys(blobs, key)) == (key.encode(), [key])
    finally:
        await blobs.delete(key)


async def test_the_longest_key_works(blobs: Blobs) -> None:
    key = "/".join(["x" * 199] * 5)
    await blobs.put(key, b"1", CSV)

    assert ((await blobs.head(key)).about, await keys(blobs)) == (CSV, [key])


@pytest.mark.parametrize(
    ("about", "said"),
    [
        (About("text"), "is no content type"),
        (About("text/csv\r\nx: y"), "is no content type"),
        (About(metadata={"Upper": "x"}), "can't name metadata"),
        (About(metadata={"quietzone-own": "x"}), "can't name metadata"),
        (About(metadata={"name": "ä"}), "printable ASCII"),
        (About(metadata={"name": "a\nb"}), "printable ASCII"),
        (About(metadata={"name": "x" * 1_900}), "too long"),
    ],
)
async def test_what_not_every_store_can_keep_about_a_blob_is_refused(blobs: Blobs, about: About, said: str) -> None:
    with pytest.raises(InvalidAbout, match=said):
        await blobs.put("key", b"1", about)


async def test_more_than_fits_into_memory_is_streamed_not_got(blobs: Blobs) -> None:
    async def much() -> AsyncIterator[bytes]:
        for _ in range(MAX_GET_BYTES // 8_000_000 + 1):
            yield bytes(8_000_000)

    content: Content = much()
    await blobs.put("key", content)

    with pytest.raises(BlobTooLarge, match="use stream, or a range"):
        await blobs.get("key")


@pytest.mark.parametrize("tier", Tier)
async def test_a_blob_that_is_moved_keeps_its_bytes_and_what_was_said_about_it(blobs: Blobs, tier: Tier) -> None:
    before = await blobs.put("folder/key", b"content", CSV)

    assert await blobs.move("folder/key", tier, {"StorageTier": tier.value})
    moved = await blobs.head("folder/key")
    assert (moved.size, moved.etag, moved.about) == (before.size, before.etag, before.about)
    assert await blobs.move("folder/key", Tier.HOT, {})
    assert (await blobs.get("folder/key"), (await blobs.head("folder/key")).tier) == (b"content", Tier.HOT)


async def test_a_warm_blob_is_read_at_once(blobs: Blobs) -> None:
    await blobs.put("key", b"content")
    await blobs.move("key", Tier.WARM, {})

    assert (await blobs.get("key", start=1, end=3), await whole(blobs, "key")) == (b"on", b"content")


async def test_moved_blobs_are_listed_among_the_others(blobs: Blobs) -> None:
    for key, tier in (("a", Tier.ARCHIVE), ("b/c", Tier.HOT), ("b/d", Tier.WARM), ("e", Tier.COLD)):
        await blobs.put(key, b"1")
        await blobs.move(key, tier, {})

    first = await blobs.list(limit=3)
    rest = await blobs.list(after=first.cursor)
    assert [entry.key for page in (first, rest) for entry in page.entries] == ["a", "b/c", "b/d", "e"]


async def test_what_is_put_in_the_place_of_an_archived_blob_is_hot(blobs: Blobs) -> None:
    await blobs.put("key", b"old")
    await blobs.move("key", Tier.ARCHIVE, {})
    await blobs.put("key", b"new")

    assert (await blobs.get("key"), (await blobs.head("key")).tier) == (b"new", Tier.HOT)


async def test_an_archived_blob_is_in_the_way_of_put_if_absent(blobs: Blobs) -> None:
    await blobs.put("key", b"old")
    await blobs.move("key", Tier.ARCHIVE, {})

    with pytest.raises(AlreadyThere):
        await blobs.put_if_absent("key", b"new")


async def test_an_archived_blob_can_be_deleted(blobs: Blobs) -> None:
    await blobs.put("key", b"old")
    await blobs.move("key", Tier.ARCHIVE, {})
    await blobs.delete("key")

    assert (await blobs.list()).entries == []


async def test_moving_what_is_not_there_is_said_so(blobs: Blobs) -> None:
    with pytest.raises(BlobNotFound):
        await blobs.move("nothing", Tier.WARM, {})


async def test_tags_that_not_every_store_takes_are_refused(blobs: Blobs) -> None:
    await blobs.put("key", b"1")

    with pytest.raises(InvalidAbout, match="10 tags"):
        await blobs.move("key", Tier.WARM, {"a b": "c"})
