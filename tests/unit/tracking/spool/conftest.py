from collections.abc import Iterator

import pytest
from unit.tracking.spool.machine import Machine


@pytest.fixture
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        yield machine
