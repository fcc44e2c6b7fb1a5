import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from unit.tracking.edge.site import Site
from unit.tracking.spool.machine import Machine


@pytest.fixture
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        yield machine


@pytest.fixture
async def site(machine: Machine) -> AsyncIterator[Site]:
    site = Site(machine)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(site.edge.run())
        await asyncio.sleep(0)
        yield site
        running.cancel()
