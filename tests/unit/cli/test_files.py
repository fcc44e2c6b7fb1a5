"""`quietzone files`: what is said before anything is asked, and tables whose ids can be copied."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from quietzone_cli import files
from quietzone_client import Asset, AssetKind, AssetState, Operation, OperationState, StorageTier

NOBODY = ["--api", "http://127.0.0.1:9", "--key", "qz_" + "x" * 43]
ID, OTHER_ID = "7999eff9-bfe1-58d4-8970-f3b1c0ffee00", "01a2035e-e080-7249-a3c5-5b5a969d824b"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def said(*arguments: str) -> tuple[int, str]:
    """Exit code, and what a person reads, in one line."""
    ended = CliRunner().invoke(files.app, [*arguments, *NOBODY])
    return ended.exit_code, " ".join(ended.stderr.split())


def shown(table: Table, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    return out.getvalue()


@pytest.mark.parametrize("command", [["show", ""], ["delete", ".."], ["purge", ID, " "], ["cancel", "."]])
def test_what_can_be_no_id_is_refused_before_anybody_is_asked(command: list[str]) -> None:
    code, why = said(*command)

    assert (code, "is no id" in why) == (2, True)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("notes.txt", b"hello", "notes.txt is text/plain by its name: PNG, JPEG, WebP, GIF and SVG are taken"),
        ("empty.png", b"", "empty.png is empty"),
        ("page", b"<html>", "page: what it is can't be told from its name"),
        ("missing.png", None, "missing.png can't be read: No such file or directory"),
    ],
)
def test_what_is_no_image_is_refused_before_anything_is_sent(tmp_path: Path, name: str, content: bytes | None, reason: str) -> None:
    (tmp_path / "logo.png").write_bytes(b"\x89PNG")
    if content is not None:
        (tmp_path / name).write_bytes(content)

    code, reads = said("upload", str(tmp_path / "logo.png"), str(tmp_path / name))

    assert (code, reason in reads) == (1, True), reads


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()

    assert said("upload", str(tmp_path / "folder.png"))[1].endswith("can't be read: Is a directory")


@pytest.mark.parametrize(("out", "reason"), [("", "Is a directory"), ("none/labels.pdf", "No such file or directory")])
def test_a_print_that_cannot_be_written_is_not_made(tmp_path: Path, out: str, reason: str) -> None:
    code, reads = said("print", str(tmp_path / out), "--code", ID)

    assert (code, reads.endswith(f"can't be written: {reason}")) == (1, True), reads


@pytest.mark.parametrize("width", [80, 200])
def test_operations_have_ids_that_can_be_copied(width: int) -> None:
    operation = Operation(ID, "process-image", OperationState.DONE, OTHER_ID, 3, None, None, NOW, NOW)

    lines = shown(files.operations_in([operation]), width)

    assert (ID in lines, OTHER_ID in lines) == (True, True), lines


def test_files_have_ids_that_can_be_copied() -> None:
    asset = Asset(
        ID, AssetKind.UPLOAD, AssetState.QUARANTINED, None, "a long name " * 5, StorageTier.ARCHIVE, (), 1, 1, NOW, NOW, NOW, {}, None
    )

    lines = shown(files.assets_in([asset]), 80)

    assert (ID in lines, "quarantined" in lines, "…" in lines) == (True, True, False), lines
