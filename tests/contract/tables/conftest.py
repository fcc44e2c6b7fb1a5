"""Tables as they are in production: DuckDB, on a disk."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quietzone_analytics.tables import Tables, open_tables
from quietzone_kit.runtime import SystemRandomness, ThreadExecutor


@pytest.fixture
async def tables(tmp_path: Path) -> AsyncIterator[Tables]:
    executor = ThreadExecutor("tables", 2)
    tables = open_tables(tmp_path, executor=executor, randomness=SystemRandomness(), max_bytes=50_000_000)
    yield tables
    await tables.close()
    executor.close()
