"""What every adapter of the files port does."""

import fcntl
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quietzone_kit.files import Files, posix_files
from simulation.chance import Chance
from simulation.disk import Disk
from simulation.loop import SimulatedLoop
from simulation.process import Process


@pytest.fixture(params=["posix", "simulated"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Files]:
    if request.param == "posix":
        yield posix_files(tmp_path / "disk")
        return
    loop = SimulatedLoop(Chance("files"))
    yield Disk(Chance("files")).files(Process(loop, "only"))
    loop.finish()


def content(files: Files, path: str) -> bytes:
    return files.read(path, 0, files.size(path))


def test_writes_come_one_after_the_other(files: Files) -> None:
    file = files.create("log")
    file.write(b"one ")
    file.write(b"two")

    assert content(files, "log") == b"one two"


def test_what_was_written_is_there_before_sync_and_after_close(files: Files) -> None:
    file = files.create("log")
    file.write(b"text")
    before = content(files, "log")
    file.sync()
    file.close()

    assert (before, content(files, "log")) == (b"text", b"text")


def test_a_file_is_created_with_the_folders_above_it(files: Files) -> None:
    files.create("a/b/log").close()

    assert (files.names(""), files.names("a"), files.names("a/b")) == (["a"], ["b"], ["log"])


def test_a_file_that_is_there_cannot_be_created(files: Files) -> None:
    files.create("log").close()

    with pytest.raises(FileExistsError):
        files.create("log")


def test_names_are_sorted(files: Files) -> None:
    for name in ("b", "c", "a"):
        files.create(f"folder/{name}").close()

    assert files.names("folder") == ["a", "b", "c"]


def test_a_folder_that_is_not_there_has_no_names(files: Files) -> None:
    assert files.names("nowhere") == []


@pytest.mark.parametrize("ask", [lambda files: files.size("gone"), lambda files: files.read("gone", 0, 1)], ids=["size", "read"])
def test_a_file_that_is_not_there_is_said_so(files: Files, ask: Callable[[Files], object]) -> None:
    with pytest.raises(FileNotFoundError):
        ask(files)


@pytest.mark.parametrize(("offset", "size", "expected"), [(0, 3, b"012"), (8, 5, b"89"), (10, 5, b""), (99, 5, b"")])
def test_a_read_is_cut_at_the_end_of_the_file(files: Files, offset: int, size: int, expected: bytes) -> None:
    files.replace("file", b"0123456789")

    assert files.read("file", offset, size) == expected


def test_replacing_changes_all_of_a_file(files: Files) -> None:
    files.replace("folder/state", b"a longer text")
    files.replace("folder/state", b"short")

    assert (content(files, "folder/state"), files.names("folder")) == (b"short", ["state"])


def test_a_file_can_be_cut(files: Files) -> None:
    files.replace("file", b"0123456789")
    files.truncate("file", 4)

    assert content(files, "file") == b"0123"


def test_a_moved_file_has_its_new_name_only(files: Files) -> None:
    files.replace("here/file", b"text")
    files.move("here/file", "there/deep/file2")

    assert (files.names("here"), content(files, "there/deep/file2")) == ([], b"text")


def test_a_deleted_file_is_gone_and_deleting_it_again_does_nothing(files: Files) -> None:
    files.replace("file", b"text")
    files.delete("file")
    files.delete("file")

    assert files.names("") == []


def test_a_deleted_folder_is_gone_with_all_in_it_and_deleting_it_again_does_nothing(files: Files) -> None:
    files.replace("keep", b"text")
    files.replace("folder/deep/file", b"text")
    files.delete_folder("folder")
    files.delete_folder("folder")

    assert files.names("") == ["keep"]


def test_a_lock_is_held_once(files: Files) -> None:
    held = files.lock("folder/lock")

    assert (held is not None, files.lock("folder/lock")) == (True, None)


def test_a_released_lock_can_be_taken(files: Files) -> None:
    held = files.lock("folder/lock")
    assert held is not None
    held.release()

    assert files.lock("folder/lock") is not None


def test_a_lock_whose_folder_was_deleted_excludes_again_when_taken_anew(files: Files) -> None:
    old = files.lock("folder/lock")
    files.delete_folder("folder")
    new = files.lock("folder/lock")

    assert old is not None
    assert new is not None
    assert files.lock("folder/lock") is None


HOLD = """
import pathlib, signal, sys
from quietzone_kit.files import posix_files
assert posix_files(pathlib.Path(sys.argv[1])).lock("lock")
print("held", flush=True)
signal.pause()
"""


def test_a_lock_excludes_other_processes_and_ends_with_its_own(tmp_path: Path) -> None:
    files = posix_files(tmp_path)
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        while_it_lives = files.lock("lock")
        holder.kill()

    assert (while_it_lives, files.lock("lock") is not None) == (None, True)


def test_a_lock_whose_file_is_deleted_while_it_is_taken_excludes_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = posix_files(tmp_path)
    flock = fcntl.flock

    def deleted_first(descriptor: int, operation: int) -> None:
        monkeypatch.undo()
        files.delete("lock")
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", deleted_first)
    held = files.lock("lock")

    assert held is not None
    assert files.lock("lock") is None


def test_what_a_killed_replace_left_is_not_listed(tmp_path: Path) -> None:
    files = posix_files(tmp_path)
    (tmp_path / "state.tmp").write_bytes(b"half")

    assert files.names("") == []


@pytest.mark.parametrize("path", ["../outside", "a/../../outside", "/etc/passwd"])
def test_no_path_leads_out_of_the_root(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="leads out of"):
        posix_files(tmp_path).size(path)


def test_a_write_that_is_cut_short_fails(tmp_path: Path) -> None:
    file = posix_files(tmp_path).create("log")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            file.write(bytes(150))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        file.close()
