"""Helm for the tests of the chart, from packages as the servers are."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chart.combinations import COMBINATIONS
from chart.rendering import Helm, Rendered
from servers.packages import Packages

HERE = Path(__file__).parent
PACKAGE, VERSION = "helm.sh/helm/v3/cmd/helm", "v3.18.6"
AT_ONCE = 2


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build Helm now, if any test needs it: no test's time limit counts the minutes that this takes once."""
    if any("helm" in getattr(item, "fixturenames", ()) for item in session.items) and not session.config.option.collectonly:
        Packages().go_program(PACKAGE, VERSION, "helm")


@pytest.fixture(scope="session")
def helm() -> Helm:
    return Helm(Packages().go_program(PACKAGE, VERSION, "helm"))


@pytest.fixture(scope="session")
def renders(helm: Helm) -> Mapping[str, Rendered]:
    """All combinations, each rendered once."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return dict(zip(COMBINATIONS, threads.map(helm.render, COMBINATIONS.values()), strict=True))
