"""What only a folder must do: survive its writers, and be readable by others."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from quietzone_kit.blobs import About, BlobArchived, Blobs, BlobsUnavailable, InvalidKey, Tier, open_blobs
from quietzone_kit.files import posix_files
from quietzone_kit.runtime import Executor, SystemRandomness

CSV = About("text/csv", {"rows": "3"})
WRITER = Path(__file__).with_name("writer.py")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def blobs(root: Path, executor: Executor) -> Blobs:
    return opened(root, executor)


def opened(root: Path, executor: Executor) -> Blobs:
    return open_blobs(f"file://{root}", executor=executor, randomness=SystemRandomness())


async def test_a_blob_is_a_plain_file(blobs: Blobs, root: Path) -> None:
    await blobs.put("archive/topic=scans/0-99.parquet", b"PAR1")

    assert (root / "archive/topic=scans/0-99.parquet").read_bytes() == b"PAR1"


async def test_a_file_that_somebody_put_there_is_a_blob(blobs: Blobs, root: Path) -> None:
    root.mkdir()
    (root / "by-hand").write_bytes(b"text")

    head = await blobs.head("by-hand")

    assert (head.size, head.about, [entry.key for entry in (await blobs.list()).entries]) == (4, About(), ["by-hand"])


@pytest.mark.parametrize("tier", [Tier.COLD, Tier.ARCHIVE])
async def test_what_is_archived_stands_in_its_tiers_folder_and_is_not_read(blobs: Blobs, root: Path, tier: Tier) -> None:
    await blobs.put("folder/key", b"content")
    await blobs.move("folder/key", tier, {"StorageTier": tier.value})

    assert (root / ".quietzone" / "tiers" / tier.value / "folder" / "key").read_bytes() == b"content"
    assert (await blobs.head("folder/key")).tier is tier
    with pytest.raises(BlobArchived, match="move it to HOT"):
        await blobs.get("folder/key")


async def test_a_file_whose_name_is_no_key_is_not_listed(blobs: Blobs, root: Path) -> None:
    root.mkdir()
    (root / "by hand.txt").write_bytes(b"text")

    assert (await blobs.list()).entries == []


async def test_a_restored_folder_keeps_what_was_said(blobs: Blobs, root: Path, executor: Executor) -> None:
    written = await blobs.put("key", b"content", CSV)
    copy = root.with_name("copy")
    shutil.copytree(root, copy)  # other inodes, other times

    restored = await opened(copy, executor).head("key")

    assert (restored.about, restored.etag) == (CSV, written.etag)


def killed_after(pause_s: float, root: Path) -> None:
    """A writer that wrote at least once, and is killed somewhere within a put."""
    with subprocess.Popen([sys.executable, str(WRITER), f"file://{root}"], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"1\n"
        time.sleep(pause_s)  # no condition names the moments within a write: each of them must do
        writer.kill()


@pytest.mark.parametrize("pause_s", [0.02, 0.05, 0.08, 0.11, 0.14])
async def test_a_killed_writer_leaves_one_whole_version_with_its_own_metadata(root: Path, executor: Executor, pause_s: float) -> None:
    killed_after(pause_s, root)
    blobs = opened(root, executor)

    content, head = await blobs.get("key"), await blobs.head("key")

    assert content == bytes([int(head.about.metadata["byte"])]) * int(head.about.metadata["size"])
    assert (await blobs.put_if_absent("other", b"1", CSV)).about == CSV


async def test_a_crash_between_the_sheet_and_its_file_keeps_the_old_metadata(blobs: Blobs, root: Path, executor: Executor) -> None:
    await blobs.put("key", b"old", CSV)
    os.link(root / "key", root / "kept")  # the old inode lives on
    await blobs.put("key", b"new", About("text/plain"))
    (root / "kept").replace(root / "key")

    assert (await opened(root, executor).head("key")).about == CSV
    assert await blobs.get("key") == b"old"


async def test_drafts_of_killed_writers_are_removed_and_those_under_way_are_not(blobs: Blobs, root: Path) -> None:
    drafts = root / ".quietzone/drafts"
    drafts.mkdir(parents=True)
    for name in ("left", "held", "young"):
        (drafts / name).write_bytes(b"half")
        if name != "young":
            os.utime(drafts / name, (0, 0))
    held = posix_files(root).lock(".quietzone/drafts/held")

    await blobs.put("key", b"1")

    assert sorted(path.name for path in drafts.iterdir()) == ["held", "young"]
    assert held is not None


@pytest.mark.parametrize(("first", "second"), [("a", "a/b"), ("a/b", "a"), ("a", "a/b/c")])
async def test_a_key_that_is_the_folder_of_another_is_refused(blobs: Blobs, first: str, second: str) -> None:
    await blobs.put(first, b"1")

    with pytest.raises(InvalidKey, match="both a folder and a blob"):
        await blobs.put(second, b"2")

    assert await blobs.get(first) == b"1"


async def test_a_failed_put_leaves_no_draft(blobs: Blobs, root: Path) -> None:
    await blobs.put("a", b"1")
    with pytest.raises(InvalidKey):
        await blobs.put("a/b", b"2")

    assert list((root / ".quietzone/drafts").iterdir()) == []


async def test_a_folder_that_cannot_be_written_says_what_to_look_at(executor: Executor) -> None:
    blobs = open_blobs("file:///proc/quietzone", executor=executor, randomness=SystemRandomness())

    with pytest.raises(BlobsUnavailable, match=r"somebody removed|look at the disk"):
        await blobs.put("key", b"1")


async def test_a_stream_stays_with_its_version(blobs: Blobs) -> None:
    await blobs.put("key", b"1" * 3_000_000)
    read = []
    async for piece in blobs.stream("key"):
        read.append(set(piece))
        await blobs.put("key", b"2" * 3_000_000)

    assert read == [{ord("1")}] * 3


@pytest.mark.parametrize("url", ["file://host/folder", "file:///", "file:relative", "http://x", "nothing"])
def test_a_wrong_url_is_refused_with_one_that_would_do(url: str, executor: Executor) -> None:
    with pytest.raises(ValueError, match=r"use file:///absolute/path"):
        open_blobs(url, executor=executor, randomness=SystemRandomness())


async def test_a_folder_that_was_taken_away_is_not_one_without_blobs(blobs: Blobs, root: Path) -> None:
    await blobs.put("key", b"content")
    root.rename(root.with_name("elsewhere"))

    for call in (blobs.get("key"), blobs.head("key"), blobs.put("another", b""), blobs.delete("key"), blobs.list()):
        with pytest.raises(BlobsUnavailable, match="was its disk taken away"):
            await call
    assert not root.exists()


async def test_a_reader_sees_that_another_folder_stands_where_his_was(blobs: Blobs, root: Path, executor: Executor) -> None:
    reader = opened(root, executor)
    await blobs.put("key", b"content")
    await reader.get("key")
    root.rename(root.with_name("elsewhere"))
    await opened(root, executor).put("another", b"")

    with pytest.raises(BlobsUnavailable, match="another one is in its place"):
        await reader.get("key")


async def test_a_folder_that_is_put_back_is_used_again(blobs: Blobs, root: Path) -> None:
    await blobs.put("key", b"content")
    root.rename(root.with_name("elsewhere"))
    with pytest.raises(BlobsUnavailable):
        await blobs.get("key")
    root.with_name("elsewhere").rename(root)

    assert await blobs.get("key") == b"content"
