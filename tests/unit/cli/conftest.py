"""A release of which helm and kubectl say what a test wants."""

from pathlib import Path

import pytest
from unit.cli.programs import Installation, Programs


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """First on PATH; they answer nothing yet."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return Programs(tmp_path)


@pytest.fixture
def installation(programs: Programs) -> Installation:
    """A release of chart 1.0.0: blue answers, green is staged, all pods are ready, its spools are empty and its jobs do well."""
    return Installation(programs)
