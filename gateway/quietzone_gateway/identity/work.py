"""What identity does in the background: tells of changes. In role `work`, or beside the API."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from quietzone_gateway.identity.accounts.repository import ACCOUNTS
from quietzone_gateway.identity.keys.repository import KEYS
from quietzone_kit.bus import Bus
from quietzone_kit.bus.topics import ensure_patiently
from quietzone_kit.documents import Collection, Documents
from quietzone_kit.ids import uuid7
from quietzone_kit.lifecycle import App
from quietzone_kit.outbox import Relay
from quietzone_kit.runtime import Clock, Randomness
from quietzone_topics import GATEWAY_AUDIT_V1

TELLING: tuple[Collection, ...] = (ACCOUNTS, KEYS)
"""Collections whose documents tell of their changes."""

TOPICS = (GATEWAY_AUDIT_V1,)
"""All that identity writes."""

Wakers: TypeAlias = Mapping[str, Callable[[], None]]
"""By collection: what tells its relay that an event waits. Where none runs in this process, polling finds it within a second."""


@dataclass(frozen=True, slots=True)
class Work:
    """The tasks; `wakers` are for those who write in the same process."""

    bus: Bus
    randomness: Randomness
    relays: Mapping[str, Relay]

    @property
    def wakers(self) -> Wakers:
        """What tells each relay that an event waits."""
        return {name: relay.wake for name, relay in self.relays.items()}

    def run(self, app: App) -> None:
        """Add the tasks to a process."""
        for name, relay in self.relays.items():
            app.task(f"{name} relay", partial(self._on_topics, relay.run))

    async def _on_topics(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """A task once our topics are there. The API answers without the bus, so its absence at the start ends nothing."""
        await ensure_patiently(self.bus, TOPICS, randomness=self.randomness, meanwhile="what is told of changes waits")
        await main()


def build_work(documents: Documents, bus: Bus, clock: Clock, randomness: Randomness) -> Work:
    """The tasks on a store whose collections are there."""
    relays = {
        each.name: Relay(documents, each, bus, clock=clock, randomness=randomness, owner=uuid7(clock, randomness)) for each in TELLING
    }
    return Work(bus, randomness, relays)
