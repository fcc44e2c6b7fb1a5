import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROTO = Path(__file__).parents[3] / "proto"
sys.path.append(str(PROTO))  # the scripts beside the contracts are tested too


@pytest.fixture
def changed_protos(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the contracts with one text replaced by another in one file."""

    def change(file: str, *, old: str, new: str) -> Path:
        copy = shutil.copytree(PROTO, tmp_path / "proto", ignore=shutil.ignore_patterns("baseline*", "*.py"))
        text = (copy / file).read_text()
        assert old in text, f"{file} has changed: adapt this test"
        (copy / file).write_text(text.replace(old, new))
        return copy

    return change
