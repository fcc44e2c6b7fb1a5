"""Topics as they are declared and as they are: created, compared, and changed where that may be.

`quietzone topics plan|apply|check` stand on it. Missing topics are created, retention and other settings are set; the number of
partitions is never changed, because keys would move and their order with them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from quietzone_kit.bus import Bus, BusError, BusUnavailable, Topic, open_bus
from quietzone_kit.runtime import Clock, Executor, Randomness
from quietzone_kit.telemetry import logger

log = logger(__name__)

RETENTION = "retention.ms"
"""The setting that each bus has."""

RETRY_BASE_S = 0.5
RETRY_CAP_S = 5.0
"""Between looks for a bus that isn't there when a process starts."""

DifferenceKind = Literal["missing", "partitions", "replication", "setting"]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a topic is made of; `settings` by Kafka's names, `replication` None where there is no such thing or none is asked for."""

    partitions: int
    replication: int | None
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which a topic isn't as declared; `name` is the setting's, `has` is empty for a missing topic."""

    topic: str
    kind: DifferenceKind
    name: str
    has: str
    wants: str

    @property
    def can_be_applied(self) -> bool:
        """Whether `apply` mends it."""
        return self.kind in {"missing", "setting"}

    def __str__(self) -> str:
        match self.kind:
            case "missing":
                return f"{self.topic}: isn't there; apply creates it with {self.wants}"
            case "partitions":
                return (
                    f"{self.topic}: has {self.has} partitions and is declared with {self.wants}: refused, keys would move between "
                    "partitions and lose their order; declare what is there, or make a topic with a new name"
                )
            case "replication":
                return f"{self.topic}: is on {self.has} brokers, {self.wants} are asked for: move it with kafka-reassign-partitions.sh"
            case "setting":
                return f"{self.topic}: {self.name} is {self.has or 'not set'}, apply makes it {self.wants}"


@runtime_checkable
class TopicAdmin(Protocol):
    """What the buses can say and change about topics; every adapter of the port has it."""

    async def ensure(self, topics: Sequence[Topic]) -> None:
        """As `Bus.ensure`."""

    def wanted(self, topic: Topic) -> Shape:
        """What `ensure` makes of a topic that isn't there."""

    async def shape(self, topic: Topic) -> Shape | None:
        """What it is now, None if it isn't there; `settings` are those that `wanted` names.

        Raises:
            BusUnavailable: try again.
        """

    async def reshape(self, topic: Topic) -> None:
        """Give it the settings that are `wanted`.

        Raises:
            BusUnavailable: try again.
            BusError: it is refused, with the reason.
        """

    async def close(self) -> None:
        """As `Bus.close`."""


class Refused(BusError):
    """Topics differ in what can't be changed: nothing was applied; `differences` are those."""

    def __init__(self, differences: Sequence[Difference]) -> None:
        super().__init__("; ".join(map(str, differences)))
        self.differences = tuple(differences)


def open_topics(url: str, *, clock: Clock, executor: Executor, randomness: Randomness) -> TopicAdmin:
    """The bus at `url`, for those who look after its topics; raises ValueError as `open_bus`."""
    bus = open_bus(url, clock=clock, executor=executor, randomness=randomness)
    if not isinstance(bus, TopicAdmin):
        raise TypeError(f"{type(bus).__name__} lacks what TopicAdmin says")  # an adapter that forgot it: the contract suite tells first
    return bus


async def ensure_patiently(bus: Bus, topics: Sequence[Topic], *, randomness: Randomness, meanwhile: str) -> None:
    """`Bus.ensure` once the bus is there, tried again with full jitter from 0.5 s to 5 s; `meanwhile` says to the log what waits."""
    failures = 0
    while True:
        try:
            await bus.ensure(topics)
        except BusUnavailable as error:
            log.warning("no bus yet", meanwhile=meanwhile, reason=str(error))
            await asyncio.sleep(randomness.uniform(0, min(RETRY_CAP_S, RETRY_BASE_S * 2 ** min(failures, 10))))
            failures += 1
        else:
            return


async def plan(admin: TopicAdmin, topics: Sequence[Topic]) -> list[Difference]:
    """What differs, topic by topic; empty when all is as declared (`check`)."""
    found = []
    for topic in topics:
        found += _compare(topic, await admin.shape(topic), admin.wanted(topic))
    return found


async def apply(admin: TopicAdmin, topics: Sequence[Topic]) -> list[Difference]:
    """Mend what differs, and say what that was; what can't be mended but does no harm (replication) is left.

    Raises:
        Refused: a topic has other partitions; nothing was changed.
    """
    differences = await plan(admin, topics)
    if refused := [difference for difference in differences if difference.kind == "partitions"]:
        raise Refused(refused)
    mended = {difference.topic: difference.kind for difference in differences if difference.can_be_applied}
    for topic in topics:
        if mended.get(topic.name) == "missing":
            await admin.ensure([topic])
        elif topic.name in mended:
            await admin.reshape(topic)
    return differences


def _compare(topic: Topic, has: Shape | None, wants: Shape) -> list[Difference]:
    if has is None:
        return [Difference(topic.name, "missing", "", "", f"{wants.partitions} partitions")]
    found = []
    if has.partitions != wants.partitions:
        found.append(Difference(topic.name, "partitions", "", str(has.partitions), str(wants.partitions)))
    if wants.replication is not None and has.replication != wants.replication:
        found.append(Difference(topic.name, "replication", "", str(has.replication), str(wants.replication)))
    for name, value in sorted(wants.settings.items()):
        if has.settings.get(name) != value:
            found.append(Difference(topic.name, "setting", name, has.settings.get(name, ""), value))
    return found
