"""What `pytest --servers=…` does, seen from outside: pytest on tests of its own, with our conftest."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from servers.catalogue import KINDS

TESTS = Path(__file__).parent.parent
ONE_OF_EACH = """
import pytest

def test_that_needs_nothing(): pass

def test_that_needs_redis(redis_url): assert redis_url.startswith("redis://")

@pytest.mark.parametrize("url", ["sqlite", pytest.param("redis_url", marks=pytest.mark.server("redis"))])
def test_that_needs_redis_for_one_parameter(url, request):
    if url.endswith("_url"):
        request.getfixturevalue(url)
"""
NOWHERE = {kind.variable: kind.example.split(":")[0] + "://127.0.0.1:1" for kind in KINDS.values()}
"""All of them are named, so that none is started."""


def pytest_on(folder: Path, *options: str, source: str = ONE_OF_EACH, environment: dict[str, str] | None = None) -> tuple[int, str]:
    """The exit code and what was said."""
    (folder / "conftest.py").write_text((TESTS / "conftest.py").read_text())
    (folder / "test_one_of_each.py").write_text(source)
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), *options, str(folder))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("QUIETZONE_TEST_", "PYTEST_"))}
    paths = {"PYTHONPATH": str(TESTS), "COLUMNS": "200"}
    done = subprocess.run(command, env=inherited | paths | (environment or {}), cwd=folder, capture_output=True, check=False, timeout=100)
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("workers", ["0", "2"])
def test_without_servers_the_others_run_and_the_rest_is_counted(tmp_path: Path, workers: str) -> None:
    code, said = pytest_on(tmp_path, "--servers=none", "-n", workers)

    assert (code, "2 passed" in said) == (0, True)
    assert "left out, because they need a server: 2 (redis 2); `make test` runs them" in said


def test_tests_that_need_none_start_none(tmp_path: Path) -> None:
    _, said = pytest_on(tmp_path, "-k", "nothing", environment=NOWHERE)

    assert "1 passed" in said


@pytest.mark.parametrize("options", [("--servers=all", "-n", "2"), ("-n", "2"), ()], ids=["all", "needed, workers", "needed"])
def test_a_server_that_can_not_be_had_fails_the_run(tmp_path: Path, options: tuple[str, ...]) -> None:
    code, said = pytest_on(tmp_path, *options, environment=NOWHERE)

    assert code != 0
    assert "tried QUIETZONE_TEST_REDIS_URL: nobody listens at 127.0.0.1:1" in said


def test_a_marker_that_names_no_server_is_refused(tmp_path: Path) -> None:
    source = "import pytest\n@pytest.mark.server('oracle')\ndef test_it(): pass\n"

    code, said = pytest_on(tmp_path, source=source)

    assert code != 0
    assert "marked with oracle; there are clamd, kafka, mongodb, redis, s3, s3mock, toxiproxy, varnish" in said


def test_a_parameter_that_hides_its_need_fails(tmp_path: Path) -> None:
    source = "def test_it(request): request.getfixturevalue('redis_url')\n"

    _, said = pytest_on(tmp_path, "--servers=none", source=source)

    assert "needs redis without saying so: mark the test or its parameter with pytest.mark.server('redis')" in said


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.server("redis", own=True)
def test_the_closing_lines_say_what_ran_on_which(tmp_path: Path, workers: str) -> None:
    _, said = pytest_on(tmp_path, "-n", workers)

    assert "\nredis: " in said.partition("= servers =")[2]
