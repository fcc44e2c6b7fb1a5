"""Reactions stand on every adapter of the bus."""

import pytest
from contract.bus.conftest import Server, server  # noqa: F401 - a fixture
from contract.reaction.world import World, topic_of_its_own

from quietzone_kit.runtime import SystemRandomness


@pytest.fixture
async def world(server: Server) -> World:  # noqa: F811
    topic = topic_of_its_own(SystemRandomness())
    bus = await server.connect()
    await bus.ensure([topic])
    return World(server, bus, topic)
