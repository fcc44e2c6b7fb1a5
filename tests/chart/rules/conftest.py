"""promtool for tests of rules and dashboards, from Debian's package of Prometheus."""

import subprocess
from collections.abc import Callable

import pytest

from servers.packages import Packages

Promtool = Callable[..., str]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Install it now, if any test needs it: no test's time limit counts what this takes once."""
    if any("promtool" in getattr(item, "fixturenames", ()) for item in session.items) and not session.config.option.collectonly:
        Packages().program("promtool", "prometheus")


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    """Runs promtool, and gives what it said; a test fails when promtool does."""
    program = Packages().program("promtool", "prometheus")

    def run(*arguments: object) -> str:
        done = subprocess.run([program, *map(str, arguments)], capture_output=True, encoding="utf-8", timeout=60, check=False)
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        return said

    return run
