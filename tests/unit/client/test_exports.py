"""Waiting for an export, and its file."""

import base64
import hashlib
from pathlib import Path

import httpx
import pytest
from unit.client.scripted import EXPORT, Parts, Server, ok, problem

from quietzone_client import Export, ExportFailed, FailedPrecondition, NoAnswer, Retries, UnexpectedAnswer

DATA = b"code_id,start\r\n" * 1_000
DIGEST = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
DONE = {**EXPORT, "state": "done", "rows": 1_000, "size": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest()}


def file(*parts: bytes | Exception, digest: str = f"sha-256=:{DIGEST}:", length: int = len(DATA)) -> httpx.Response:
    return httpx.Response(200, stream=Parts(*parts), headers={"repr-digest": digest, "content-length": str(length)})


def test_an_export_is_looked_at_until_it_is_done() -> None:
    server = Server.of(ok(EXPORT), ok({**EXPORT, "state": "running", "codes_done": 3}), ok(DONE))
    looks: list[Export] = []

    done = server.client().exports.wait("e1", progress=looks.append)

    assert (done.rows, [look.codes_done for look in looks], server.slept) == (1_000, [0, 3, 0], [0.2, 0.4])


@pytest.mark.parametrize("state", ["dead", "cancelled"])
def test_an_export_that_ended_otherwise_says_why(state: str) -> None:
    server = Server.of(ok({**EXPORT, "state": state, "error": "disk full"}))

    with pytest.raises(ExportFailed, match=f"{state}: disk full"):
        server.client().exports.wait("e1")


def test_an_export_is_not_waited_for_longer_than_asked() -> None:
    server = Server.of(ok(EXPORT))

    with pytest.raises(TimeoutError, match="waiting after 60 s"):
        server.client().exports.wait("e1", within_s=60)
    assert 50 < sum(server.slept) <= 60


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    server = Server.of(file(DATA[:700], DATA[700:]))
    place = tmp_path / "scans.csv"

    assert server.client().exports.download("e1", place) == len(DATA)
    assert place.read_bytes() == DATA
    assert list(tmp_path.iterdir()) == [place]
    assert server.asked[0].headers["accept-encoding"] == "identity"


async def test_a_file_is_written_on_a_loop_too(tmp_path: Path) -> None:
    server = Server.of(file(DATA[:700], httpx.ReadError("")), file(DATA))

    async with server.on_loop() as client:
        await client.exports.download("e1", tmp_path / "scans.csv")
    assert (tmp_path / "scans.csv").read_bytes() == DATA


@pytest.mark.parametrize("cut", [file(DATA[:700], httpx.ReadError("")), file(DATA[:700])])
def test_a_file_that_breaks_off_is_fetched_again(tmp_path: Path, cut: httpx.Response) -> None:
    server = Server.of(cut, file(DATA))

    server.client().exports.download("e1", tmp_path / "scans.csv")

    assert (tmp_path / "scans.csv").read_bytes() == DATA


@pytest.mark.parametrize(
    "digest", ["", "sha-512=:AAAA:", f"sha-256=:{DIGEST[:-5]}:", f"sha-256=:{base64.b64encode(bytes(32)).decode()}:", "sha-256=:=a:"]
)
def test_tampering_with_a_file_is_refused_and_leaves_what_was_there(tmp_path: Path, digest: str) -> None:
    (tmp_path / "scans.csv").write_bytes(b"last week's")

    with pytest.raises(UnexpectedAnswer, match="Digest"):
        Server.of(file(DATA, digest=digest)).client().exports.download("e1", tmp_path / "scans.csv")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"scans.csv": b"last week's"}


def test_a_digest_may_stand_among_others(tmp_path: Path) -> None:
    server = Server.of(file(DATA, digest=f"sha-512=:AAAA:, sha-256=:{DIGEST}:"))

    assert server.client().exports.download("e1", tmp_path / "scans.csv") == len(DATA)


def test_a_file_that_never_comes_whole_is_given_up_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(NoAnswer):
        Server.of(file(DATA[:700], httpx.ReadError(""))).client(Retries(attempts=2)).exports.download("e1", tmp_path / "scans.csv")
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_is_not_done_has_no_file(tmp_path: Path) -> None:
    with pytest.raises(FailedPrecondition):
        Server.of(problem(422, "failed-precondition")).client().exports.download("e1", tmp_path / "scans.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said_so_before_anything_is_fetched(tmp_path: Path) -> None:
    server = Server.of(file(DATA))

    with pytest.raises(FileNotFoundError):
        server.client().exports.download("e1", tmp_path / "nowhere" / "scans.csv")
    assert server.asked == []
