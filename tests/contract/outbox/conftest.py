"""The outbox stands on the real embedded store and bus; MongoDB and Kafka come in here."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from contract.outbox.world import CODES, TOPIC, World
from ports import MovableClock

from quietzone_kit.bus import open_bus
from quietzone_kit.documents import open_documents
from quietzone_kit.outbox import OUTBOX_LEASES
from quietzone_kit.runtime import SystemRandomness, ThreadExecutor


@pytest.fixture
def executor() -> Iterator[ThreadExecutor]:
    threads = ThreadExecutor("outbox", threads=4)
    yield threads
    threads.close()


@pytest.fixture
async def world(tmp_path: Path, executor: ThreadExecutor) -> AsyncIterator[World]:
    clock = MovableClock()
    randomness = SystemRandomness()
    documents = open_documents(f"sqlite:///{tmp_path}/qr.db", executor=executor, randomness=randomness)
    bus = open_bus(f"sqlite:///{tmp_path}/bus.db", clock=clock, executor=executor, randomness=randomness)
    await documents.ensure(CODES, OUTBOX_LEASES)
    await bus.ensure([TOPIC])
    yield World(documents, bus, clock)
    await bus.close()
    await documents.close()
